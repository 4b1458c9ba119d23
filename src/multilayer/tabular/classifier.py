"""TabularClassifier: classes from a raw table."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import ClassifierMixin
from sklearn.utils import compute_class_weight
from sklearn.utils._param_validation import StrOptions
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_is_fitted

from multilayer import fields
from multilayer.embedding import Floats
from multilayer.tables.labels import as_classes
from multilayer.tables.target import read_column
from multilayer.tabular.base import CONSTRAINTS, SHARE, TabularEstimator
from multilayer.tabular.calibration import biased, find_biases, find_temperature, tempered
from multilayer.tabular.ensemble import Member, TrainingData
from multilayer.tabular.persistence import FITTED_VALUES
from multilayer.tabular.scoring import (
    error_and_log_loss,
    errors_and_log_losses,
    mean,
    negated_score,
)
from multilayer.tabular.sets import SetsMixin
from multilayer.tabular.several_targets import (
    for_targets,
    probabilities,
    stacked,
    subset_accuracy,
)

__all__ = ["TabularClassifier"]

Array = NDArray[Any]


class TabularClassifier(SetsMixin, ClassifierMixin, TabularEstimator):
    """Classify the rows of a raw table of numbers, categories, dates and missing values.

    The columns are encoded by a `TableEncoder`. Then several networks are trained in parallel, each
    on its own part of the rows. The held-out rows determine the epoch that each network is taken
    from, and together they calibrate the probabilities. A prediction is the mean over the networks,
    which embed categories and have a trained scale for each input and trained activations; see
    docs/tabular.md.

    Parameters
    ----------
    n_members : "auto" or int, default="auto"
        The number of networks; "auto" is 8, or 4 for more than 131 072 rows. Beyond 8, the rows are
        assigned to eight folds again.
    fast : bool, default=False
        Whether to train a single network, whose best epoch is determined on `validation_fraction`
        of the rows.
    hidden_layer_sizes : "auto", int or array-like of int, default="auto"
        The number of units of each hidden layer; "auto" is three layers of 128.
    activation : str, default="auto"
        Activation of the hidden layers, a key of `multilayer.activations.ACTIVATIONS`. "auto":
        selu.
    learning_rate_init : "auto" or float, default="auto"
        The peak of each of the four cycles of the learning rate of AdamW.
    batch_size, max_iter : "auto" or int, default="auto"
        The number of rows of a step, and of epochs; "auto" depends on the number of rows.
    dropout : "auto" or float in [0, 1), default="auto"
        The fraction of hidden units that a step drops in the first half of training; it then
        decreases to 0.
    alpha : "auto" or float, default="auto"
        The weight decay of AdamW, which decreases in the same way as `dropout`.
    label_smoothing : float in [0, 1), default=0.1
        The fraction of each target that is distributed over all classes in training.
    class_weight : dict, "balanced", list or None, default=None
        Weights of the classes, in addition to `sample_weight`; of several targets, "balanced" or
        None for all, or a list with an element for each.
    calibrate : bool, default=True
        Whether to calibrate the probabilities by a temperature and, for more than two classes, by
        biases of the classes. They are fitted on out-of-fold rows; the biases are part of
        `members_`.
    validation_fraction : float in [0, 1), default=0.2
        The fraction of validation rows if there is a single network, or fewer than two rows per
        network.
    cv : int, splitter or iterable, default=None
        What the members leave out, as in scikit-learn: a number of folds, a splitter or pairs of
        training and validation indices; "auto" members are one for each fold. None is folds that
        represent all classes or numbers, or follow `groups` or `time` of `fit`.
    n_iter_no_change : int or None, default=None
        The number of epochs without improvement after which the training of a network stops; None
        for no such limit.
    scoring : str, callable or None, default=None
        The scorer of scikit-learn that determines the epochs on the validation rows; None for the
        error rate plus the log-loss after calibration.
    time_limit : float or None, default=None
        The maximum training time in seconds, checked between epochs; the schedules are adapted to
        it. With a limit, results depend on the machine.
    monotonic_cst : array-like of int, shape (n_features,), dict or None, default=None
        As for `HistGradientBoostingClassifier`: for each column, 1 if the probability of the second
        class must not decrease when the value increases, −1 if it must not increase, 0 for no
        constraint; or a dict from names of columns to such numbers. For two classes, and columns of
        numbers, booleans and dates. Missing values are not constrained.
    random_state : int, RandomState instance or None, default=None
        The same seed gives the same results for any number of threads.
    verbose : bool, default=False
        Whether to show a progress bar.

    Attributes
    ----------
    classes_ : ndarray, shape (n_classes,)
    encoder_ : TableEncoder
    members_ : list of TabularNetwork
    temperature_ : float
        Above 1 if the networks are overconfident. Close to 1 if there are few out-of-fold rows and
        nearly all of them are classified correctly; see
        `multilayer.tabular.calibration.find_temperature`.
    oof_decision_ : ndarray, shape (n_rows, n_classes)
        Out-of-fold predictions: for each row, the mean of the calibrated probabilities from the
        members that were not trained on it (usually one), at the four epochs that other rows
        choose; NaN if there is none.
    set_scores_ : ndarray, shape (n,)
        Conformity scores of out-of-fold rows: the sum of the probabilities of the classes that are
        more probable than the true one, ascending. The probabilities are those of
        `oof_decision_`, calibrated once more for single members. A model from a file of format
        version 1 has none.
    validation_score_ : float
        Accuracy of `oof_decision_`.
    best_iterations_ : list of int
        The epoch, from 1, that each member was taken from.
    n_iter_ : int
        The largest number of epochs of a member.
    loss_curves_, validation_curves_ : list of lists
        For each member and epoch: the training cost, and the loss of its validation rows. A member
        is taken from the epoch where this plus the mean of the other members is the smallest, of
        the eight epochs that are best on its own rows.
    n_features_in_ : int
    feature_names_in_ : ndarray of str
        Only if the columns have names.
    estimators_ : list of TabularClassifier
        Only of several targets: the fitted estimator of each, in place of `encoder_`, `members_`,
        `temperature_`, `set_scores_` and the curves. `classes_` and `oof_decision_` are then lists,
        and `validation_score_` is the fraction of rows whose targets are all right. For a label of
        a label indicator that is the same in all rows, a `ConstantLabel`.
    target_names_ : list of str
        Only of several targets: the names of the columns of y; "y0", "y1" … if they have none.
    n_outputs_ : int
        Only of several targets: their number.

    See Also
    --------
    TabularRegressor : Predict numbers from a raw table.
    TabularMultiOutput : Predict numbers and classes together.
    MLPClassifier : One network on numbers, compatible with scikit-learn's.

    References
    ----------
    D. Holzmüller, L. Grinsztajn, I. Steinwart, "Better by default: strong pre-tuned MLPs and
    boosted trees on tabular data", NeurIPS 2024, arXiv 2407.04491.

    Examples
    --------
    >>> import polars as pl
    >>> from multilayer import TabularClassifier
    >>> table = pl.DataFrame({"age": [20, 30, None, 50] * 9, "town": ["Bern", "Rome"] * 18})
    >>> model = TabularClassifier(random_state=0).fit(table, [0, 1, 0, 1] * 9)
    >>> model.predict(pl.DataFrame({"age": [25, 45], "town": ["Rome", "Bern"]})).tolist()
    [1, 0]
    """

    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {
        **CONSTRAINTS,
        "label_smoothing": [SHARE],
        "class_weight": [dict, list, tuple, StrOptions({"balanced"}), None],
        "calibrate": ["boolean"],
    }
    _ARRAYS = ("set_scores_",)
    _VALUES = (*FITTED_VALUES, "temperature_")

    def __init__(
        self,
        *,
        n_members: str | int = "auto",
        fast: bool = False,
        hidden_layer_sizes: str | int | ArrayLike = "auto",
        activation: str = "auto",
        learning_rate_init: str | float = "auto",
        batch_size: str | int = "auto",
        max_iter: str | int = "auto",
        dropout: str | float = "auto",
        alpha: str | float = "auto",
        label_smoothing: float = 0.1,
        class_weight: Mapping[Any, float] | str | None = None,
        calibrate: bool = True,
        validation_fraction: float = 0.2,
        cv: Any = None,
        n_iter_no_change: int | None = None,
        scoring: Any = None,
        time_limit: float | None = None,
        monotonic_cst: ArrayLike | Mapping[Any, int] | None = None,
        random_state: int | np.random.RandomState | None = None,
        verbose: bool | int = False,
    ) -> None:
        self.n_members = n_members
        self.fast = fast
        self.hidden_layer_sizes = hidden_layer_sizes
        self.activation = activation
        self.learning_rate_init = learning_rate_init
        self.batch_size = batch_size
        self.max_iter = max_iter
        self.dropout = dropout
        self.alpha = alpha
        self.label_smoothing = label_smoothing
        self.class_weight = class_weight
        self.calibrate = calibrate
        self.validation_fraction = validation_fraction
        self.cv = cv
        self.n_iter_no_change = n_iter_no_change
        self.scoring = scoring
        self.time_limit = time_limit
        self.monotonic_cst = monotonic_cst
        self.random_state = random_state
        self.verbose = verbose

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.classifier_tags.multi_label = True
        return tags

    @for_targets(probabilities)
    def predict_proba(self, X: Any) -> Array:
        """Predict the probability of each class.

        Parameters
        ----------
        X : dataframe or array-like, shape (m, n_features_in_)
            Columns are found by name if they have names in fit.

        Returns
        -------
        ndarray of float32, shape (m, n_classes)
            Rows sum to 1. Of several targets: a list of one such array for each; or, if all are
            labels that are 0 or 1, the probabilities of 1, (m, n_targets).

        Raises
        ------
        NotFittedError
            Before fit.
        ValueError
            If columns are missing, or a numeric column contains other values.
        """
        outputs = self._outputs(X)
        H = np.mean([tempered(H, self.temperature_) for H in outputs], axis=0)
        return np.asarray(H, self.encoder_.dtype)

    @for_targets(stacked)
    def predict(self, X: Any) -> Array:
        """Predict the most probable class of each row.

        Parameters
        ----------
        X : dataframe or array-like, shape (m, n_features_in_)
            As for `predict_proba`.

        Returns
        -------
        ndarray, shape (m,) or (m, n_targets)
        """
        H = self.predict_proba(X)
        return np.asarray(self.classes_[H.argmax(axis=1)])

    @for_targets(subset_accuracy)
    def score(self, X: Any, y: ArrayLike, sample_weight: ArrayLike | None = None) -> float:
        """Compute the accuracy: the fraction of the rows whose class is predicted correctly.

        Of several targets, it is the fraction of the rows whose classes all are.

        Parameters
        ----------
        X : dataframe or array-like, shape (m, n_features_in_)
        y : array-like, shape (m,) or (m, n_targets)
            Classes, of any type: 1, 1.0, True and "1" are the same.
        sample_weight : array-like, shape (m,), optional

        Returns
        -------
        float
        """
        check_is_fitted(self, "members_")
        labels = as_classes(read_column(y), self.classes_)
        return float(super().score(X, labels, sample_weight))

    def _read_target(self, y: Any, again: bool = False) -> Array:
        y = read_column(y, "y_val" if again else "y")
        check_classification_targets(y)
        y = as_classes(y, self.classes_) if again else y
        classes, labels = np.unique(y, return_inverse=True)
        if not again:
            if len(classes) < 2:
                raise ValueError(f"y must have at least two classes, but has one class: {classes}")
            self.classes_ = classes
            return np.asarray(labels, np.int32)
        if not np.isin(classes, self.classes_).all():
            new = classes[~np.isin(classes, self.classes_)].tolist()
            raise ValueError(f"y_val must hold classes that y has, but holds {new[0]!r}")
        return np.asarray(np.searchsorted(self.classes_, y).astype(np.int32))

    def _weights(self, sample_weight: Any, encoded: Floats, y: Array) -> Array | None:
        weights = super()._weights(sample_weight, encoded, y)
        if self.class_weight is None:
            return weights
        if isinstance(self.class_weight, list | tuple):
            raise ValueError(
                "class_weight must be a dict, 'balanced' or None for one target, but is a list, "
                "which has an element for each of several targets"
            )
        balanced = isinstance(self.class_weight, str)
        met = np.unique(y)  # in a search, a part of the rows may lack a class
        of_class = np.ones(len(self.classes_))
        with np.errstate(divide="ignore"):
            of_class[met] = compute_class_weight(
                self.class_weight,
                classes=self.classes_[met],
                y=self.classes_[y],
                sample_weight=sample_weight if balanced else None,
            )
        if balanced:
            of_class[np.isinf(of_class)] = 0  # no row of that class has a weight
        if not (np.isfinite(of_class) & (of_class >= 0)).all():
            raise ValueError(f"class_weight must be finite and at least 0, but is {of_class.min()}")
        combined = of_class[y] if weights is None else of_class[y] * weights
        if not combined.any():
            raise ValueError("class_weight must leave some row a weight above 0, but leaves none")
        return np.asarray(combined / combined.mean(), encoded.dtype)

    def _learn_target(self, y: Array, weights: Array | None) -> None:
        """Learn nothing more: `_read_target` has found the classes."""

    def _check_saved(self) -> tuple[str, int]:
        if not fields.number("temperature_", self.temperature_) > 0:
            raise ValueError(f"temperature_ must be positive, but is {self.temperature_}")
        if len(self.classes_) < 2:
            raise ValueError("there must be at least two classes")
        if hasattr(self, "set_scores_"):
            scores = fields.array_field(vars(self), "set_scores_", (None,), float, finite=True)
            if (np.diff(scores, prepend=0.0) < 0).any():
                raise ValueError("set_scores_ must be at least 0 and ascending")
        return "softmax", len(self.classes_)

    def _targets(self, y: Array) -> tuple[Array, int, str]:
        return y, len(self.classes_), "softmax"

    def _validation_loss(self, data: TrainingData, scoring: Any, H: Floats, rows: Array) -> float:
        labels = data.Y[rows]
        weights = None if data.weights is None else data.weights[rows]
        if scoring is None:
            return error_and_log_loss(H, labels, weights)
        truth = self.classes_[labels]
        return negated_score(scoring, H, self.classes_, truth, weights)

    def _row_losses(self, data: TrainingData, H: Floats, rows: Array) -> Array:
        weights = None if data.weights is None else data.weights[rows]
        return errors_and_log_losses(H, data.Y[rows], weights)

    def _learn_out_of_fold(
        self, data: TrainingData, members: list[Member], seconds: float | None
    ) -> None:
        rows = np.concatenate([member.fold.validation for member in members])
        labels = data.Y[rows]
        weights = None if data.weights is None else data.weights[rows]
        out_of_fold = np.concatenate([member.out_of_fold for member in members])
        self.temperature_ = 1.0
        if self.calibrate and len(rows):
            best = [member.network.forward(data.X[member.fold.validation]) for member in members]
            H, repeats = np.concatenate(best), len(rows) / len(np.unique(rows))
            n = len(members)
            self.temperature_ = find_temperature(H, labels, weights, n, repeats)
            if data.n_outputs > 2:
                b = find_biases(tempered(H, self.temperature_), labels, weights, repeats)
                b *= self.temperature_  # so that log(h)/T has b in it
                networks = [*self.members_, *(member.network for member in members)]
                for network in {id(network): network for network in networks}.values():
                    network.add_biases(b)
                out_of_fold = biased(out_of_fold, b)
        H = tempered(out_of_fold, self.temperature_)
        times = np.bincount(rows, minlength=len(data.X))[:, None]
        self.oof_decision_ = np.full((len(data.X), data.n_outputs), np.nan, H.dtype)
        self.oof_decision_[rows] = 0
        np.add.at(self.oof_decision_, rows, H / times[rows])
        rows = np.flatnonzero(times)
        weights = None if data.weights is None else data.weights[rows]
        self._learn_sets(data, rows if weights is None else rows[weights > 0])
        right = self.oof_decision_[rows].argmax(axis=1) == data.Y[rows]
        self.validation_score_ = mean(right, weights) if len(rows) else np.nan
