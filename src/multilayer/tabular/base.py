"""TabularEstimator: from a raw table to members, and from their outputs to predictions."""

from __future__ import annotations

from abc import abstractmethod
from numbers import Integral, Real
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator, _fit_context, is_classifier
from sklearn.metrics import get_scorer_names
from sklearn.utils import check_random_state
from sklearn.utils._param_validation import Interval, StrOptions
from sklearn.utils.validation import _check_sample_weight, check_is_fitted

from multilayer.activations import ACTIVATIONS
from multilayer.embedding import Floats
from multilayer.estimators.reporting import Reportable
from multilayer.tables.alerts import warn_of_alerts
from multilayer.tables.dependence import INDEPENDENT, Dependence, read_dependence
from multilayer.tables.encoder import TableEncoder
from multilayer.tabular.assignment import folds_of_members, n_members
from multilayer.tabular.ensemble import Member, TrainedOn, TrainingData
from multilayer.tabular.fit_targets import Learner, fit_each, forget
from multilayer.tabular.folds import Fold
from multilayer.tabular.importance import ImportancesMixin
from multilayer.tabular.monotone import column_signs
from multilayer.tabular.network import Layout, TabularNetwork
from multilayer.tabular.persistence import SavableTabular
from multilayer.tabular.recipe import encoding_for
from multilayer.tabular.several_targets import for_targets, refused
from multilayer.tabular.stages import StagesMixin
from multilayer.tabular.target_columns import n_targets

__all__ = [
    "CONSTRAINTS",
    "SHARE",
    "TabularEstimator",
    "dependence_of",
    "learner",
    "out_of_fold_outputs",
    "prepare_training",
    "validation_loss",
]

Array = NDArray[Any]
_AUTO = StrOptions({"auto"})
_POSITIVE = Interval(Real, 0, None, closed="neither")
_NOT_NEGATIVE = Interval(Real, 0, None, closed="left")
_COUNT = Interval(Integral, 1, None, closed="left")
SHARE = Interval(Real, 0, 1, closed="left")
CONSTRAINTS: dict[str, list[Any]] = {
    "n_members": [_AUTO, _COUNT],
    "fast": ["boolean"],
    "hidden_layer_sizes": [_AUTO, "array-like", _COUNT],
    "activation": [StrOptions({"auto", *ACTIVATIONS})],
    "learning_rate_init": [_AUTO, _POSITIVE],
    "batch_size": [_AUTO, _COUNT],
    "max_iter": [_AUTO, _COUNT],
    "dropout": [_AUTO, SHARE],
    "alpha": [_AUTO, _NOT_NEGATIVE],
    "validation_fraction": [SHARE],
    "cv": ["cv_object"],
    "n_iter_no_change": [_COUNT, None],
    "scoring": [StrOptions(set(get_scorer_names())), callable, None],
    "time_limit": [_POSITIVE, None],
    "monotonic_cst": ["array-like", dict, None],
    "random_state": ["random_state"],
    "verbose": ["verbose"],
}


class TabularEstimator(StagesMixin, ImportancesMixin, Reportable, SavableTabular, BaseEstimator):
    """Base class of `TabularClassifier` and `TabularRegressor`."""

    # See `folds_of_members`.
    _MOST_SPARE: ClassVar[int] = 0

    _parameter_constraints: ClassVar[dict[str, list[Any]]] = CONSTRAINTS

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = True
        tags.input_tags.string = True
        tags.input_tags.categorical = True
        tags.target_tags.multi_output = True
        tags.non_deterministic = self.time_limit is not None
        return tags

    @_fit_context(prefer_skip_nested_validation=True)  # type: ignore[untyped-decorator]
    def fit(
        self,
        X: Any,
        y: ArrayLike,
        sample_weight: ArrayLike | None = None,
        *,
        groups: str | ArrayLike | None = None,
        time: str | ArrayLike | None = None,
        X_val: Any = None,
        y_val: ArrayLike | None = None,
    ) -> Self:
        """Train on a table.

        Parameters
        ----------
        X : dataframe (pandas, polars, pyarrow …) or array-like, shape (m, n)
            Numbers, categories, texts, booleans, dates and gaps, unprocessed.
        y : array-like, shape (m,) or (m, n_targets)
            Classes or numbers, without gaps. If there are several targets, an ensemble is trained
            for each, with the same parameters and random seed, on the rows that have a value of it.
        sample_weight : array-like, shape (m,), optional
            The weight of each row, in training and in choosing the epochs.
        groups : str or array-like, shape (m,), optional
            The group of each row, for example a patient with several visits: a column of X, which
            then is no feature, or an array. A row without a value is a group of its own. Members
            leave out whole groups, so that epochs, calibration, residuals and `validation_score_`
            are right for rows of new groups.
        time : str or array-like, shape (m,), optional
            When each row was observed, if later rows are to be predicted: a column of X or an
            array, of numbers or dates. Networks that are trained on earlier rows only and
            predict up to four later windows determine the number of epochs, calibration,
            residuals and `validation_score_`; the members are then trained on all rows.
        X_val, y_val : as X and y, optional
            Rows that choose the epochs. All members are then trained on all rows of X. Not
            together with groups, time or `cv`.

        Returns
        -------
        self

        Raises
        ------
        ValueError
            If a table, target or weight is not valid; the message states the rule. If training
            diverges.

        Warns
        -----
        DataWarning
            If the table holds what makes scores misleading, such as a column that determines the
            target, or if there are several targets and rows lack a value of one; see
            `multilayer.find_alerts`.
        """
        before = dict(vars(self))
        try:
            if n_targets(y) > 1:
                fit_each(self, learner, X, y, sample_weight, groups, time, X_val, y_val)
            else:
                if hasattr(self, "estimators_"):
                    forget(self)
                self._fit(X, y, sample_weight, groups, time, X_val, y_val)
        except BaseException:
            self.__dict__ = before
            raise
        return self

    def _fit(
        self,
        X: Any,
        y: Any,
        sample_weight: Any,
        groups: Any,
        time: Any,
        X_val: Any,
        y_val: Any,
        *,
        alerts: bool = True,
    ) -> bool:
        """Fit to one target, with or without alerts; return whether Ctrl-C ended the training."""
        rng = check_random_state(self.random_state)
        X, dependence = read_dependence(X, groups, time)
        data, folds = prepare_training(
            self, X, y, sample_weight, X_val, y_val, rng, dependence=dependence
        )
        m = len(data.Y) - (0 if X_val is None else len(np.asarray(y_val)))
        y, classes = data.Y[:m].ravel(), is_classifier(self)
        if alerts:
            warn_of_alerts(
                X,
                self.classes_[y] if classes else y,
                classes=classes,
                dependence=dependence,
                stacklevel=4,
            )
        n_final = 0 if time is None else n_members(self, m)
        members, left_out, seconds = self._train_in_stages(data, folds, rng, m, n_final)
        self._keep_members(data, members, left_out, seconds)
        return seconds == 0

    def _weights(self, sample_weight: Any, encoded: Floats, y: Array) -> Array | None:
        if sample_weight is None:
            return None
        weights = _check_sample_weight(
            sample_weight, encoded, dtype=np.float64, ensure_non_negative=True
        )
        if not weights.any():
            raise ValueError("sample_weight must not be all zero")
        return np.asarray(weights / weights.mean(), encoded.dtype)

    def _keep_members(
        self,
        data: TrainingData,
        members: list[Member],
        left_out: list[Member],
        seconds: float | None,
    ) -> None:
        """Set the fitted attributes: members predict, others may know rows that they left out."""
        self.members_: list[TabularNetwork] = [member.network for member in members]
        self.best_iterations_ = [member.best_epoch + 1 for member in members]
        self.n_iter_ = max(len(member.costs) for member in members)
        self.loss_curves_ = [member.costs for member in members]
        self.validation_curves_ = [member.validation_losses for member in members]
        self._trained_on = TrainedOn(data, left_out)
        if hasattr(self, "_importances"):
            del self._importances
        self._learn_out_of_fold(data, left_out, seconds)

    @for_targets(refused)
    def summary(self: Any) -> Any:
        """Describe the encoding of each column; see `TableEncoder.summary`."""
        check_is_fitted(self, "members_")
        return self.encoder_.summary()

    @abstractmethod
    def _read_target(self, y: Any, again: bool = False) -> Array:
        """Check y; `again`: it is that of the validation rows, after that of the training rows."""

    @abstractmethod
    def _learn_target(self, y: Array, weights: Array | None) -> None:
        """Learn from the target of the training rows what predictions need."""

    @abstractmethod
    def _targets(self, y: Array) -> tuple[Array, int, str]:
        """Return the targets of the network for y (m,), and the number and kind of its outputs."""

    @abstractmethod
    def _validation_loss(self, data: TrainingData, scoring: Any, H: Floats, rows: Array) -> float:
        """Compute the loss of outputs H for rows, by a scorer, or by the default loss if None."""

    @abstractmethod
    def _row_losses(self, data: TrainingData, H: Floats, rows: Array) -> Array:
        """Compute the loss of each row, whose mean orders epochs as the default loss does."""

    @abstractmethod
    def _learn_out_of_fold(
        self, data: TrainingData, members: list[Member], seconds: float | None
    ) -> None:
        """Learn from outputs for rows that members left out; seconds are 0 after Ctrl-C."""

    def _outputs(self, X: Any) -> list[Floats]:
        """Compute the outputs (m, K) of each member."""
        check_is_fitted(self, "members_")
        encoded = self.encoder_.transform(X)
        return [network.forward(encoded) for network in self.members_]


def learner(estimator: TabularEstimator) -> Learner:
    """Return an estimator as what learns one of several targets."""
    return Learner(estimator, estimator._read_target, estimator._fit)


def prepare_training(
    estimator: TabularEstimator,
    X: Any,
    y: Any,
    sample_weight: Any,
    X_val: Any,
    y_val: Any,
    rng: np.random.RandomState,
    *,
    dependence: Dependence = INDEPENDENT,
    every_target: Any = None,
) -> tuple[TrainingData, list[Fold]]:
    """Read and encode a table and its target, and assign the rows to members.

    Parameters
    ----------
    estimator : TabularEstimator
        Its encoder is fitted, and what it needs of the target is learned.
    X, y, sample_weight, X_val, y_val
        As for `TabularEstimator.fit`.
    rng : RandomState
    dependence : Dependence
        Of the rows of X.
    every_target : array-like, optional
        Of rows beyond these, whose classes there are besides those of y.

    Returns
    -------
    data : TrainingData
    folds : list of Fold
        One for each member; with times, one for each member that looks ahead.
    """
    if (X_val is None) != (y_val is None):
        raise ValueError("X_val and y_val go together")
    if X_val is not None and (not dependence.is_none or estimator.cv is not None):
        raise ValueError("X_val replaces groups, time and cv: it is what chooses the epochs")
    if every_target is not None and is_classifier(estimator):
        estimator._read_target(every_target)
        y = estimator._read_target(y, again=True)
    else:
        y = estimator._read_target(y)
    encoder = TableEncoder(**encoding_for(is_classifier(estimator))).fit(X)
    estimator.n_features_in_ = encoder.n_features_in_
    if hasattr(estimator, "feature_names_in_"):
        del estimator.feature_names_in_
    if hasattr(encoder, "feature_names_in_"):
        estimator.feature_names_in_ = encoder.feature_names_in_
    signs = column_signs(estimator, encoder)
    encoded = encoder.transform(X)
    if len(encoded) != len(y):
        raise ValueError(f"X has {len(encoded)} rows, but y has {len(y)}")
    weights = estimator._weights(sample_weight, encoded, y)
    estimator._learn_target(y, weights)
    m = len(y)
    if X_val is not None:
        encoded_val, y_val = encoder.transform(X_val), estimator._read_target(y_val, again=True)
        if len(encoded_val) != len(y_val):
            raise ValueError(f"X_val has {len(encoded_val)} rows, but y_val has {len(y_val)}")
        encoded, y = np.concatenate([encoded, encoded_val]), np.concatenate([y, y_val])
        if weights is not None:
            weights = np.concatenate([weights, np.ones(len(y_val), weights.dtype)])
    estimator.encoder_ = encoder
    n_plain = encoded.shape[1] - len(encoder.n_codes_)
    layout = Layout(encoder.n_numbers_, n_plain, encoder.n_codes_)
    if X_val is None:
        folds = folds_of_members(estimator, X, y, dependence, rng, estimator._MOST_SPARE)
    else:
        folds = [Fold(np.arange(m), np.arange(m, len(y)))] * n_members(estimator, m)
    Y, n_outputs, output = estimator._targets(y)
    data = TrainingData(encoded, Y, weights, layout, n_outputs, output, dependence, signs)
    return data, folds


def validation_loss(
    estimator: TabularEstimator, data: TrainingData, scoring: Any, H: Floats, rows: Array
) -> float:
    """Compute the loss of outputs H for some rows of the data: the smaller, the better.

    Parameters
    ----------
    estimator : TabularEstimator
        That has prepared the data.
    data : TrainingData
    scoring : str, callable or None
        A scorer of scikit-learn, whose score is negated; None: the default loss.
    H : ndarray, shape (n, n_outputs)
    rows : ndarray of int, shape (n,)
    """
    return estimator._validation_loss(data, scoring, H, rows)


def dependence_of(estimator: Any) -> Dependence:
    """Return how the rows that a tabular estimator was trained on depend on each other.

    Parameters
    ----------
    estimator : fitted TabularClassifier or TabularRegressor
        One from a file does not know it.
    """
    return (
        estimator._trained_on.data.dependence if hasattr(estimator, "_trained_on") else INDEPENDENT
    )


def out_of_fold_outputs(estimator: Any, X: Any) -> tuple[Array, list[tuple[Array, Array]]] | None:
    """Return what members predict for rows that they were not trained on, and these rows.

    Parameters
    ----------
    estimator : fitted TabularClassifier or TabularRegressor
    X : dataframe or array-like, shape (m, n_features_in_)

    Returns
    -------
    (ndarray, shape (m, n_classes) or (m,), list of (ndarray, ndarray)), or None
        NaN for rows that all members were trained on; training and held-out rows of each. None if
        none were held out, X is not the table of fit, or the model comes from a file without it.
    """
    if not hasattr(estimator, "_trained_on"):
        return None
    data, left_out = estimator._trained_on
    folds = [member.fold for member in left_out]
    H = estimator.oof_decision_ if is_classifier(estimator) else estimator.oof_prediction_
    if not np.array_equal(estimator.encoder_.transform(X), data.X, equal_nan=True):
        return None
    return None if np.isnan(H).all() else (H, [(fold.training, fold.validation) for fold in folds])
