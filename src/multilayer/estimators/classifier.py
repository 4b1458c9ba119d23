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
    """Feed-forward network that tells classes apart.

    It takes the place of `sklearn.neural_network.MLPClassifier`: same parameters, same defaults,
    and with the same `random_state` the same network. The parameters after `max_fun` are its own.

    Parameters
    ----------
    hidden_layer_sizes : int or sequence of int, default=(100,)
        Units of each hidden layer; () for none, i.e. logistic regression.
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
    loss : str or Loss, default="log_loss"
        "log_loss", "focal" or another key of `multilayer.losses.LOSSES` for classes; a loss of
        `multilayer.losses` with a number of its own, as `Focal(1.0)`; or a pair (value, gradient)
        of functions of (Y, z): the cost of each row, (m,), and its derivative by the outputs before
        the output unit, (m, K).
    class_weight : dict, "balanced" or None, default=None
        Weight of each class, multiplied with `sample_weight`; "balanced": m / (K · rows of the
        class).
    label_smoothing : float in [0, 1), default=0.0
        ε: a target y counts as y(1 − ε) + ε/K (for sigmoid units + ε/2).
    output_activation : {"auto", "logistic", "softmax"}, default="auto"
        "logistic": one sigmoid unit a class; "softmax": one unit a class, their outputs adding up
        to 1; "auto", as in scikit-learn: one sigmoid unit for two classes, sigmoid units for
        several labels a row, softmax else.
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
        What the validation is scored by: accuracy, the negative of the cost, or a scorer of
        scikit-learn's.
    restore_best_weights : bool or "auto", default="auto"
        End with the Θ of the epoch that scored best (without validation, that cost least) instead
        of the last; "auto": with `early_stopping`.

    Attributes
    ----------
    classes_ : ndarray, shape (n_classes,), or a list of them where y has several columns of labels
    network_ : Network
        The trained network: layer sizes, activations, Θ.
    coefs_, intercepts_ : list of ndarray, shapes (s_l, s_{l+1}) and (s_{l+1},)
        Views of Θ in scikit-learn's layout; they may be set.
    loss_curve_ : list of float
        Cost of each epoch.
    loss_, best_loss_ : float
        Its last and its smallest value (None with `early_stopping`).
    validation_loss_curve_ : list of float or None
        Cost of the validation rows after each epoch, without the penalty.
    validation_scores_ : list of float or None
        Their accuracy, or what `scoring` says.
    best_validation_score_ : float or None
    n_iter_, t_, n_layers_, n_outputs_, n_features_in_ : int
        Epochs of the last fit, rows seen in all fits, and sizes.
    out_activation_ : str
    feature_names_in_ : ndarray of str
        Where X was a frame.

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
        """Train for one epoch more, on these rows.

        Parameters
        ----------
        X, y, sample_weight, X_val, y_val, sample_weight_val
            As for `fit`. With `early_stopping`, for which they must be given, the validation rows
            are scored at each call; once `n_iter_no_change` calls have brought no better score,
            the Θ of the best is put back.
        classes : array-like, shape (n_classes,)
            All classes there will ever be: at the first call, unless y has several labels a row.
            Where y has several columns of labels, a list of arrays.

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
            For each row the class of the largest probability; of several labels, those more
            probable than not.
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
            In the order of `classes_`; rows add up to 1 (not for several labels a row). Sigmoid
            units, one a class, are scaled to do so.
        """
        shares = self._shares(X)
        if isinstance(shares, list):
            return [self._at_home(X, share) for share in shares]
        return self._at_home(X, shares)

    def _shares(self, X: ArrayLike) -> Any:
        H = self._forward(X)
        return self.targets_.probabilities(H, self.network_.output)

    def predict_log_proba(self, X: ArrayLike) -> Any:
        """Predict logarithms of probabilities, −inf where one is 0.

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
        """Compute the share of the rows whose labels are all predicted.

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
        """Return the state: what JSON can hold, and arrays by name."""
        state, arrays = super().to_state()
        return {**state, **class_targets_to_state(self.targets_)}, arrays

    @classmethod
    def from_state(cls, state: dict[str, Any], arrays: dict[str, NDArray[Any]]) -> Self:
        """Build the object from its state; raise where the parts do not fit."""
        self = super().from_state(state, arrays)
        self.targets_ = class_targets_from_state(state, self.network_, self.class_weight)
        return self
