"""MLPRegressor: numbers in, numbers out."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import RegressorMixin, _fit_context
from sklearn.utils._param_validation import StrOptions

from multilayer.estimators.base import BaseMLP, in_steps
from multilayer.estimators.inputs import Rows
from multilayer.estimators.inspection import LookInside
from multilayer.estimators.parameters import CONSTRAINTS, loss_names
from multilayer.estimators.targets import NumberTargets
from multilayer.losses import Loss, resolve
from multilayer.tables.labels import plain_target


class MLPRegressor(RegressorMixin, LookInside, BaseMLP):
    """Feed-forward network for regression.

    It is a drop-in replacement for `sklearn.neural_network.MLPRegressor`: it has the same
    parameters with the same defaults, and the same `random_state` gives the same network. The
    parameters after `max_fun` are additional.

    Parameters
    ----------
    loss : str or Loss, default="squared_error"
        "squared_error", "absolute_error", "huber", or, with h = eᶻ and for targets that are never
        negative, "poisson" and "gamma", or another key of `multilayer.losses.LOSSES` for numbers; a
        loss of `multilayer.losses` with a parameter, such as `Quantile(0.9)`; or a pair (value,
        gradient) of functions of (Y, z): the cost of each row, (m,), and its derivative with
        respect to the outputs, (m, K).
    hidden_layer_sizes : int or sequence of int, default=(100,)
        The number of units of each hidden layer; () for none, i.e. linear regression.
    activation : str, or one for each hidden layer, default="relu"
        "relu", "tanh", "logistic", "gelu", "silu" or another key of
        `multilayer.activations.ACTIVATIONS`; or a pair (g, g′) of functions of an array.
    solver : str or Optimizer, default="adam"
        "adam", "sgd", "adamw" and most other keys of `multilayer.estimators.parameters.SOLVERS`
        use mini-batches; "gd" (plain gradient descent), "rprop" and "lbfgs" (SciPy's) use all rows
        at every step. An optimizer of `multilayer.optimizers` with other hyperparameters is
        possible, too. The last bits of the result of "lbfgs" depend on the kernel of BLAS, and
        therefore on the processor, but not on the number of threads.
    alpha : float, default=0.0001
        λ, the strength of the penalty λ/(2m) Σ θ², where m is the number of rows of a batch. For
        "adamw", the weight decay: θ ← (1 − learning rate · alpha) θ at each step.
    batch_size : int or "auto", default="auto"
        The number of rows of a mini-batch; "auto" is min(200, m).
    learning_rate : str, schedule or callable, default="constant"
        "invscaling" divides `learning_rate_init` by t to the power of `power_t`, where t is the
        number of rows seen so far; "adaptive" divides the rate by 5 whenever training would stop,
        down to 10⁻⁶. As in scikit-learn, these two have no effect with "adam". For every solver
        except "lbfgs": "cosine", "one_cycle", "warm_restarts", "plateau", a schedule of
        `multilayer.schedules`, or a function from the number of the step (0, 1, …) to the factor of
        `learning_rate_init`.
    learning_rate_init : float, default=0.001
        The initial learning rate.
    power_t : float, default=0.5
        The exponent of the "invscaling" schedule.
    max_iter : int, default=200
        The maximum number of epochs (iterations of "lbfgs").
    shuffle : bool, default=True
        Whether to shuffle the rows before each epoch of mini-batches.
    random_state : int, RandomState or None, default=None
        Determines the initial Θ, the validation rows, the order of the rows and the units that
        `dropout` drops.
    tol : float, default=1e-4
        Training stops when the cost (or the validation score) has not improved by more than `tol`
        for `n_iter_no_change` epochs. For "lbfgs", it stops when no slope is larger than `tol`.
    verbose : bool or int, default=False
        True shows a progress bar on a terminal or in a notebook (if the package rich is installed),
        and otherwise prints the cost and the validation score of each epoch; 2 or more always
        prints them.
    warm_start : bool, default=False
        Whether `fit` continues from the weights of the previous fit.
    momentum : float in [0, 1], default=0.9
        The momentum of "sgd".
    nesterovs_momentum : bool, default=True
        Whether to use Nesterov's momentum.
    early_stopping : bool, default=False
        Whether to hold out validation rows, score the network on them after each epoch, stop when
        the score no longer improves, and keep the Θ with the best score. If `X_val` is passed to
        `fit`, the validation rows are those.
    validation_fraction : float in [0, 1), default=0.1
        The fraction of the rows that `early_stopping` holds out.
    beta_1, beta_2, epsilon : float, default=0.9, 0.999, 1e-8
        Hyperparameters of "adam" and its variants, such as "adamw"; "rmsprop" uses `epsilon`, and
        "lion" uses β₁ and β₂.
    n_iter_no_change : int or inf, default=10
        See `tol`.
    max_fun : int, default=15000
        The maximum number of evaluations of the cost by "lbfgs".
    initializer : str or sequence of arrays, default="auto"
        The initial distribution of Θ: "glorot", "glorot_logistic", "he", "lecun", "orthogonal" or
        "notebook", see `multilayer.initialization`; "auto" is the choice of scikit-learn. Or Θ
        itself, as arrays of shapes (s_{l+1}, s_l + 1) with the biases in column 0.
    penalty_scale : {"batch", "sample"}, default="batch"
        The divisor of the penalty: with "batch", as in scikit-learn, the number of rows of the
        batch, so that the same `alpha` has a stronger effect for smaller batches; with "sample",
        the number of all rows, so that the effect does not depend on the batch size.
    l1 : float, default=0.0
        The strength of the penalty l1/m Σ |θ|.
    dropout : float in [0, 1), or one for the input and each hidden layer, default=0.0
        The fraction of units that are dropped at random in each training step. A single number
        applies to the hidden layers.
    clip_norm : float or None, default=None
        The maximum norm of the gradient; longer gradients are scaled down to it.
    max_norm : float or None, default=None
        The maximum norm of the incoming weights of a unit.
    scoring : None, "loss", str or callable, default=None
        The validation score: R² (None), the negative cost ("loss"), or a scorer of scikit-learn.
    restore_best_weights : bool or "auto", default="auto"
        Whether to keep the Θ of the epoch with the best validation score (without validation, with
        the lowest cost) instead of the last one; "auto": only with `early_stopping`.

    Attributes
    ----------
    network_ : Network
        The trained network: layer sizes, activations, Θ.
    coefs_, intercepts_ : list of ndarray, shapes (s_l, s_{l+1}) and (s_{l+1},)
        Views of Θ in scikit-learn's layout; they can be assigned to.
    loss_curve_ : list of float
        The cost of each epoch; errors are averaged over the outputs.
    loss_, best_loss_ : float
        The last and the smallest value of `loss_curve_` (None with `early_stopping`).
    validation_loss_curve_ : list of float or None
        Cost of the validation rows after each epoch, without the penalty.
    validation_scores_ : list of float or None
        R² on the validation rows, or the score defined by `scoring`.
    best_validation_score_ : float or None
    n_iter_, t_, n_layers_, n_outputs_, n_features_in_ : int
        The number of epochs of the last fit, the number of rows seen in all fits, and the sizes of
        the network.
    out_activation_ : str
    feature_names_in_ : ndarray of str
        Only if X was a dataframe.

    Examples
    --------
    >>> import numpy as np
    >>> from multilayer import MLPRegressor
    >>> X = np.linspace(-3, 3, 200)[:, None]
    >>> reg = MLPRegressor(
    ...     hidden_layer_sizes=20, activation="tanh", solver="lbfgs", random_state=0
    ... ).fit(X, np.sin(X[:, 0]))
    >>> reg.score(X, np.sin(X[:, 0])) > 0.999
    True
    """

    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {
        **CONSTRAINTS,
        "loss": [StrOptions(loss_names("identity", "exp")), Loss, tuple],
    }
    targets_: NumberTargets

    def __init__(
        self,
        loss: Any = "squared_error",
        hidden_layer_sizes: int | Sequence[int] = (100,),
        activation: Any = "relu",
        *,
        solver: Any = "adam",
        alpha: float = 0.0001,
        batch_size: int | str = "auto",
        learning_rate: Any = "constant",
        learning_rate_init: float = 0.001,
        power_t: float = 0.5,
        max_iter: int = 200,
        shuffle: bool = True,
        random_state: int | np.random.RandomState | None = None,
        tol: float = 1e-4,
        verbose: bool | int = False,
        warm_start: bool = False,
        momentum: float = 0.9,
        nesterovs_momentum: bool = True,
        early_stopping: bool = False,
        validation_fraction: float = 0.1,
        beta_1: float = 0.9,
        beta_2: float = 0.999,
        epsilon: float = 1e-8,
        n_iter_no_change: float = 10,
        max_fun: int = 15000,
        initializer: Any = "auto",
        penalty_scale: str = "batch",
        l1: float = 0.0,
        dropout: float | Sequence[float] = 0.0,
        clip_norm: float | None = None,
        max_norm: float | None = None,
        scoring: Any = None,
        restore_best_weights: bool | str = "auto",
    ) -> None:
        self._keep(locals())

    @in_steps  # type: ignore[untyped-decorator]
    @_fit_context(prefer_skip_nested_validation=True)  # type: ignore[untyped-decorator]
    def partial_fit(
        self,
        X: ArrayLike,
        y: ArrayLike,
        sample_weight: ArrayLike | None = None,
        *,
        X_val: ArrayLike | None = None,
        y_val: ArrayLike | None = None,
        sample_weight_val: ArrayLike | None = None,
    ) -> Self:
        """Train for one more epoch, on these rows.

        Parameters
        ----------
        X, y, sample_weight, X_val, y_val, sample_weight_val
            As for `fit`. With `early_stopping`, which requires them, the validation rows are scored
            at each call; after `n_iter_no_change` calls without a better score, the best Θ is
            restored.

        Returns
        -------
        self
        """
        held_out = Rows(X_val, y_val, sample_weight_val)
        return self._fit_rows(Rows(X, y, sample_weight), held_out, incremental=True)

    def predict(self, X: ArrayLike) -> Any:
        """Predict numbers.

        Parameters
        ----------
        X : array-like or sparse matrix, shape (m, n_features)

        Returns
        -------
        ndarray, shape (m,) or (m, n_outputs)
        """
        H = self._forward(X)  # which says that the estimator must be fitted first
        return self._at_home(X, self.targets_.decode(H))

    def score(self, X: ArrayLike, y: ArrayLike, sample_weight: ArrayLike | None = None) -> float:
        """Compute R², averaged over the columns of y.

        Parameters
        ----------
        X : array-like or sparse matrix, shape (m, n_features)
        y : array-like, shape (m,) or (m, n_outputs)
        sample_weight : array-like, shape (m,), optional

        Returns
        -------
        float
        """
        return float(super().score(X, plain_target(y), sample_weight))

    @classmethod
    def from_state(cls, state: dict[str, Any], arrays: dict[str, NDArray[Any]]) -> Self:
        """Build the object from its state; raise an exception if the parts are inconsistent."""
        self = super().from_state(state, arrays)
        network = self.network_  # its loss, as the parameter may have been set to another one since
        self.targets_ = NumberTargets(self.n_outputs_, resolve(network.loss, network.output))
        if self.targets_.units()[1] != network.output:
            raise ValueError(f"a regressor cannot have output units {network.output}")
        return self
