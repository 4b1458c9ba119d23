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
    """Feed-forward network that predicts numbers.

    It takes the place of `sklearn.neural_network.MLPRegressor`: same parameters, same defaults,
    and with the same `random_state` the same network. The parameters after `max_fun` are its own.

    Parameters
    ----------
    loss : str or Loss, default="squared_error"
        "squared_error", "absolute_error", "huber", and with h = eᶻ, for numbers that are never
        negative, "poisson" and "gamma", or another key of `multilayer.losses.LOSSES` for numbers; a
        loss of `multilayer.losses` with a number of its own, as `Quantile(0.9)`; or a pair (value,
        gradient) of functions of (Y, z): the cost of each row, (m,), and its derivative by the
        outputs, (m, K).
    hidden_layer_sizes : int or sequence of int, default=(100,)
        Units of each hidden layer; () for none, i.e. linear regression.
    activation : str, or one for each hidden layer, default="relu"
        "relu", "tanh", "logistic", "gelu", "silu" or another key of
        `multilayer.activations.ACTIVATIONS`; or a pair (g, g′) of functions of an array.
    solver : str or Optimizer, default="adam"
        "adam", "sgd", "adamw" and most other keys of `multilayer.estimators.parameters.SOLVERS`
        take mini-batches; "gd" (plain gradient descent, as the textbook writes it), "rprop" and
        "lbfgs" (SciPy's) take all rows at every step. Or an optimizer of `multilayer.optimizers`
        with numbers of its own. The last bits of "lbfgs" depend on the processor, by the kernel of
        BLAS that SciPy uses there, though not on the number of threads.
    alpha : float, default=0.0001
        λ, the strength of the penalty λ/(2m) Σ θ², m being the rows of a batch. Of "adamw" the
        decay: θ ← (1 − learning rate · alpha) θ at each step.
    batch_size : int or "auto", default="auto"
        Rows of a mini-batch; "auto" is min(200, m).
    learning_rate : str, schedule or callable, default="constant"
        "invscaling": `learning_rate_init` / t^`power_t`, t being the rows seen; "adaptive": divided
        by 5 whenever training would stop, down to 10⁻⁶ — these two, as in scikit-learn, not with
        "adam". For every solver but "lbfgs": "cosine", "one_cycle", "warm_restarts", "plateau", a
        schedule of `multilayer.schedules`, or a function of the number of the step (0, 1, …) that
        gives the factor of `learning_rate_init`.
    learning_rate_init : float, default=0.001
        The learning rate to begin with.
    power_t : float, default=0.5
        Of "invscaling".
    max_iter : int, default=200
        At most so many epochs (iterations of "lbfgs").
    shuffle : bool, default=True
        Draw a new order of the rows for each epoch of mini-batches.
    random_state : int, RandomState or None, default=None
        Draws Θ, the validation rows, the order of the rows and what `dropout` leaves out.
    tol : float, default=1e-4
        Training stops when cost (or validation score) has not improved by more than this for
        `n_iter_no_change` epochs; for "lbfgs" the largest slope at which it stops.
    verbose : bool or int, default=False
        True: a progress bar on a terminal or in a notebook (with the package rich), else a line
        with cost and validation score for each epoch; 2 or more: always lines.
    warm_start : bool, default=False
        Go on from the weights of the last fit instead of new ones.
    momentum : float in [0, 1], default=0.9
        Of "sgd".
    nesterovs_momentum : bool, default=True
        Whether that momentum is Nesterov's.
    early_stopping : bool, default=False
        Set rows aside, score the network on them after each epoch, stop when the score no longer
        improves, and keep the Θ that scored best. With `X_val` in `fit`, on those rows.
    validation_fraction : float in [0, 1), default=0.1
        The share of the rows that `early_stopping` sets aside.
    beta_1, beta_2, epsilon : float, default=0.9, 0.999, 1e-8
        Of "adam" and its variants, such as "adamw"; `epsilon` of "rmsprop", β₁ and β₂ of "lion",
        too.
    n_iter_no_change : int or inf, default=10
        See `tol`.
    max_fun : int, default=15000
        At most so many evaluations of the cost by "lbfgs".
    initializer : str or sequence of arrays, default="auto"
        How Θ is drawn: "glorot", "glorot_logistic", "he", "lecun", "orthogonal" or "notebook", see
        `multilayer.initialization`; "auto" as scikit-learn does. Or Θ itself, arrays of shapes
        (s_{l+1}, s_l + 1), biases in column 0.
    penalty_scale : {"batch", "sample"}, default="batch"
        What the penalty is divided by: the rows of the batch, so that the same `alpha` is stronger
        for smaller batches, as in scikit-learn; or all rows, so that it is not.
    l1 : float, default=0.0
        Strength of the penalty l1/m Σ |θ|.
    dropout : float in [0, 1), or one for the input and each hidden layer, default=0.0
        The share of units left out at random in training. One number is for the hidden layers.
    clip_norm : float or None, default=None
        Scales gradients down to this length where they are longer.
    max_norm : float or None, default=None
        The largest length of a unit's incoming weights.
    scoring : None, "loss", str or callable, default=None
        What the validation is scored by: R², the negative of the cost, or a scorer of
        scikit-learn's.
    restore_best_weights : bool or "auto", default="auto"
        End with the Θ of the epoch that scored best (without validation, that cost least) instead
        of the last; "auto": with `early_stopping`.

    Attributes
    ----------
    network_ : Network
        The trained network: layer sizes, activations, Θ.
    coefs_, intercepts_ : list of ndarray, shapes (s_l, s_{l+1}) and (s_{l+1},)
        Views of Θ in scikit-learn's layout; they may be set.
    loss_curve_ : list of float
        Cost of each epoch; errors of several outputs are averaged over them.
    loss_, best_loss_ : float
        Its last and its smallest value (None with `early_stopping`).
    validation_loss_curve_ : list of float or None
        Cost of the validation rows after each epoch, without the penalty.
    validation_scores_ : list of float or None
        Their R², or what `scoring` says.
    best_validation_score_ : float or None
    n_iter_, t_, n_layers_, n_outputs_, n_features_in_ : int
        Epochs of the last fit, rows seen in all fits, and sizes.
    out_activation_ : str
    feature_names_in_ : ndarray of str
        Where X was a frame.

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
        """Train for one epoch more, on these rows.

        Parameters
        ----------
        X, y, sample_weight, X_val, y_val, sample_weight_val
            As for `fit`. With `early_stopping`, for which they must be given, the validation rows
            are scored at each call; once `n_iter_no_change` calls have brought no better score,
            the Θ of the best is put back.

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
        """Compute R², the mean over the columns of y.

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
        """Build the object from its state; raise where the parts do not fit."""
        self = super().from_state(state, arrays)
        network = self.network_  # its loss, as the parameter may have been set to another one since
        self.targets_ = NumberTargets(self.n_outputs_, resolve(network.loss, network.output))
        if self.targets_.units()[1] != network.output:
            raise ValueError(f"a regressor cannot have output units {network.output}")
        return self
