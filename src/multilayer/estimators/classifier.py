"""MLPClassifier: labels in, labels and probabilities out."""

from __future__ import annotations

from collections.abc import Sequence
from numbers import Real
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import ClassifierMixin, _fit_context
from sklearn.utils._param_validation import Interval, StrOptions
from sklearn.utils.validation import check_is_fitted

from multilayer.engine.functions import log
from multilayer.estimators.base import BaseMLP, in_steps
from multilayer.estimators.inputs import Rows
from multilayer.estimators.inspection import DecisionFunction, LookInside
from multilayer.estimators.parameters import CONSTRAINTS, loss_names
from multilayer.estimators.saved_targets import class_targets_from_state, class_targets_to_state
from multilayer.estimators.targets import ClassTargets
from multilayer.losses import Loss
from multilayer.tables.labels import as_classes, plain_target


class MLPClassifier(ClassifierMixin, DecisionFunction, LookInside, BaseMLP):
    """Feed-forward network for classification.

    It is a drop-in replacement for `sklearn.neural_network.MLPClassifier`: it has the same
    parameters with the same defaults, and the same `random_state` gives the same network. The
    parameters after `max_fun` are additional.

    Parameters
    ----------
    hidden_layer_sizes : int or sequence of int, default=(100,)
        The number of units of each hidden layer; () for none, i.e. logistic regression.
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
    loss : str or Loss, default="log_loss"
        "log_loss", "focal" or another key of `multilayer.losses.LOSSES` for classes; a loss of
        `multilayer.losses` with a parameter, such as `Focal(1.0)`; or a pair (value, gradient) of
        functions of (Y, z): the cost of each row, (m,), and its derivative with respect to z of the
        output units, (m, K).
    class_weight : dict, "balanced" or None, default=None
        The weight of each class, which is multiplied with `sample_weight`; "balanced" is m / (K ·
        rows of the class).
    label_smoothing : float in [0, 1), default=0.0
        ε: a target y is replaced by y(1 − ε) + ε/K (for sigmoid units, y(1 − ε) + ε/2).
    output_activation : {"auto", "logistic", "softmax"}, default="auto"
        "logistic": one sigmoid unit per class; "softmax": one unit per class, with outputs that add
        up to 1; "auto", as in scikit-learn: one sigmoid unit for two classes, sigmoid units for
        several labels per row, and softmax otherwise.
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
        The validation score: accuracy (None), the negative cost ("loss"), or a scorer of
        scikit-learn.
    restore_best_weights : bool or "auto", default="auto"
        Whether to keep the Θ of the epoch with the best validation score (without validation, with
        the lowest cost) instead of the last one; "auto": only with `early_stopping`.

    Attributes
    ----------
    classes_ : ndarray, shape (n_classes,), or a list of them where y has several columns of labels
    network_ : Network
        The trained network: layer sizes, activations, Θ.
    coefs_, intercepts_ : list of ndarray, shapes (s_l, s_{l+1}) and (s_{l+1},)
        Views of Θ in scikit-learn's layout; they can be assigned to.
    loss_curve_ : list of float
        Cost of each epoch.
    loss_, best_loss_ : float
        The last and the smallest value of `loss_curve_` (None with `early_stopping`).
    validation_loss_curve_ : list of float or None
        Cost of the validation rows after each epoch, without the penalty.
    validation_scores_ : list of float or None
        The accuracy on the validation rows, or the score defined by `scoring`.
    best_validation_score_ : float or None
    n_iter_, t_, n_layers_, n_outputs_, n_features_in_ : int
        The number of epochs of the last fit, the number of rows seen in all fits, and the sizes of
        the network.
    out_activation_ : str
    feature_names_in_ : ndarray of str
        Only if X was a dataframe.

    Examples
    --------
    >>> from sklearn.datasets import make_moons
    >>> from multilayer import MLPClassifier
    >>> X, y = make_moons(n_samples=500, noise=0.1, random_state=0)
    >>> clf = MLPClassifier((16, 16), learning_rate_init=0.01, random_state=0).fit(X, y)
    >>> clf.score(X, y)
    1.0
    """

    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {
        **CONSTRAINTS,
        "loss": [StrOptions(loss_names("logistic", "softmax")), Loss, tuple],
        "class_weight": [dict, list, StrOptions({"balanced"}), None],
        "label_smoothing": [Interval(Real, 0, 1, closed="left")],
        "output_activation": [StrOptions({"auto", "logistic", "softmax"})],
    }
    targets_: ClassTargets

    def __init__(
        self,
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
        loss: Any = "log_loss",
        class_weight: Any = None,
        label_smoothing: float = 0.0,
        output_activation: str = "auto",
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
        classes: ArrayLike | None = None,
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
        classes : array-like, shape (n_classes,)
            All classes that may occur in later calls. Required at the first call, unless y has
            several labels per row. If y has several columns of labels, a list of arrays.

        Returns
        -------
        self
        """
        held_out = Rows(X_val, y_val, sample_weight_val)
        rows = Rows(X, y, sample_weight)
        return self._fit_rows(rows, held_out, classes=classes, incremental=True)

    def predict(self, X: ArrayLike) -> NDArray[Any]:
        """Predict classes.

        Parameters
        ----------
        X : array-like or sparse matrix, shape (m, n_features)

        Returns
        -------
        ndarray, shape (m,) or (m, n_outputs)
            For each row, the most probable class; with several labels per row, the labels with a
            probability above ½.
        """
        H = self._forward(X)
        return self.targets_.decide(H)

    def predict_proba(self, X: ArrayLike) -> Any:
        """Predict probabilities.

        Parameters
        ----------
        X : array-like or sparse matrix, shape (m, n_features)

        Returns
        -------
        ndarray, shape (m, n_classes), or a list of them where y had several columns of labels
            In the order of `classes_`. Rows add up to 1 (except with several labels per row); the
            outputs of sigmoid units, one per class, are normalized accordingly.
        """
        shares = self._shares(X)
        if isinstance(shares, list):
            return [self._at_home(X, share) for share in shares]
        return self._at_home(X, shares)

    def _shares(self, X: ArrayLike) -> Any:
        H = self._forward(X)
        return self.targets_.probabilities(H, self.network_.output)

    def predict_log_proba(self, X: ArrayLike) -> Any:
        """Predict the logarithms of the probabilities, −inf if a probability is 0.

        Parameters
        ----------
        X : array-like or sparse matrix, shape (m, n_features)

        Returns
        -------
        ndarray, shape (m, n_classes), or a list of them
        """
        shares = self._shares(X)
        if isinstance(shares, list):
            return [self._at_home(X, log(share)) for share in shares]
        return self._at_home(X, log(shares))

    def score(self, X: ArrayLike, y: ArrayLike, sample_weight: ArrayLike | None = None) -> float:
        """Compute the accuracy: the fraction of the rows whose labels are all predicted correctly.

        Parameters
        ----------
        X : array-like or sparse matrix, shape (m, n_features)
        y : array-like, shape (m,) or (m, n_outputs)
        sample_weight : array-like, shape (m,), optional

        Returns
        -------
        float
        """
        check_is_fitted(self, "network_")
        y = plain_target(y)
        if self.targets_.one_label:
            y = as_classes(y, self.classes_)
        if self.targets_.kind != "multiclass-multioutput":
            return float(super().score(X, y, sample_weight))
        hits = (self.predict(X) == np.asarray(y)).all(axis=1)
        weights = None if sample_weight is None else np.asarray(sample_weight)
        return float(np.average(hits, weights=weights))

    @property
    def classes_(self) -> Any:
        """The classes, in the order of the probabilities."""
        if "targets_" not in vars(self):
            raise AttributeError(f"{type(self).__name__} has no classes_ before it is fitted")
        return self.targets_.attribute

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.classifier_tags.multi_label = tags.target_tags.multi_output
        return tags

    def to_state(self) -> tuple[dict[str, Any], dict[str, NDArray[Any]]]:
        """Return the state: values that JSON can represent, and arrays by name."""
        state, arrays = super().to_state()
        return {**state, **class_targets_to_state(self.targets_)}, arrays

    @classmethod
    def from_state(cls, state: dict[str, Any], arrays: dict[str, NDArray[Any]]) -> Self:
        """Build the object from its state; raise an exception if the parts are inconsistent."""
        self = super().from_state(state, arrays)
        self.targets_ = class_targets_from_state(state, self.network_, self.class_weight)
        return self
