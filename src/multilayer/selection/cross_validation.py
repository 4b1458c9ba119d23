"""Cross-validation of a network: scores, curves and out-of-fold predictions of all folds."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import is_classifier
from sklearn.utils import check_random_state, indexable

from multilayer.selection.folds import FittedFold, seeded
from multilayer.selection.html import cross_validation_table
from multilayer.selection.parallel_folds import fit_folds
from multilayer.selection.splits import Split, make_splits
from multilayer.tables.dependence import read_dependence
from multilayer.tables.labels import plain_target
from multilayer.tabular.multi_output import TabularMultiOutput
from multilayer.training.progress import tasks_bar

__all__ = ["CrossValidation", "cross_validate_network", "score_name"]

Array = NDArray[Any]
_MOST_FOLDS_SHOWN = 10


@dataclass(frozen=True, eq=False, repr=False)
class CrossValidation:
    """The results of a cross-validation; the first axis of everything is the folds.

    Attributes
    ----------
    scores, train_scores : ndarray, shape (n_splits,)
        On the test rows, and on the training rows.
    fit_times : ndarray, shape (n_splits,)
        Seconds, while other folds are trained as well.
    estimators : list of estimator
        Each fitted on its fold.
    indices : list of tuple of ndarray
        The indices of the training rows and of the test rows.
    loss_curves : list of ndarray
        The training cost by epoch, with the penalty; empty for an estimator that does not record
        it. For a tabular estimator, the mean over its members.
    validation_curves : list of ndarray
        The cost of the test rows by epoch, without the penalty. It has no influence on training.
        Empty for all estimators but MLPClassifier and MLPRegressor.
    oof_prediction : ndarray, shape (m,) or (m, n_outputs)
        Out-of-fold predictions: for each row, by the estimators that were not trained on it. The
        mean over repeats; of a classifier, the class with the largest mean probability, or without
        probabilities with most votes. NaN or None for a row that was never a test row.
    oof_probability : ndarray, shape (m, n_classes), or None
        The mean over repeats; NaN for a row that was never a test row.
    classes : ndarray, shape (n_classes,), or None
    n_repeats : int
    name : str
        The name of the estimator.
    score_name : str
    """

    scores: Array
    train_scores: Array
    fit_times: Array
    estimators: list[Any]
    indices: list[Split]
    loss_curves: list[Array]
    validation_curves: list[Array]
    oof_prediction: Array
    oof_probability: Array | None
    classes: Array | None
    n_repeats: int
    name: str
    score_name: str

    @property
    def mean(self) -> float:
        """The mean of the scores."""
        return float(self.scores.mean())

    @property
    def train_mean(self) -> float:
        """The mean of the scores on the training rows."""
        return float(self.train_scores.mean())

    @property
    def standard_error(self) -> float:
        """The standard error of the mean score.

        It is the standard deviation of the scores divided by the square root of the number of folds
        of one repeat: more repeats do not make it smaller, since they score the same rows again.
        NaN for one fold.
        """
        n = len(self.scores) / self.n_repeats
        if n < 2:
            return math.nan
        return float(self.scores.std(ddof=1) / np.sqrt(n))

    def to_frame(self) -> Any:
        """Return a pandas.DataFrame with a row for each fold."""
        import pandas as pd

        folds = len(self.scores) // self.n_repeats
        k = np.arange(len(self.scores))
        return pd.DataFrame(
            {
                "repeat": k // folds,
                "fold": k % folds,
                "score": self.scores,
                "train_score": self.train_scores,
                "fit_time": self.fit_times,
                "n_epochs": [len(curve) for curve in self.loss_curves],
                "n_train": [len(train) for train, _ in self.indices],
                "n_test": [len(test) for _, test in self.indices],
            }
        )

    def __repr__(self) -> str:
        n = len(self.scores)
        return (
            f"<CrossValidation of {self.name}: {self.score_name} {self.mean:.4g} "
            f"± {self.standard_error:.2g}, {n} fold{'s' * (n != 1)}>"
        )

    def _repr_html_(self) -> str:
        return cross_validation_table(self, _MOST_FOLDS_SHOWN)

    def __str__(self) -> str:
        n = len(self.scores)
        folds = n // self.n_repeats
        what = f"{folds} fold{'s' * (folds != 1)}"
        what += f", {self.n_repeats} times" if self.n_repeats > 1 else ""
        lines = [f"{self.name}: {self.score_name}, {what}"]
        row = "{:<6}{:>16}{:>10}{:>9}{:>10}".format
        lines.append(row("fold", "out of fold", "training", "epochs", "seconds"))
        for k in range(n if n <= _MOST_FOLDS_SHOWN else 0):
            epochs = str(len(self.loss_curves[k]) or "-")
            figures = f"{self.scores[k]:.4f}", f"{self.train_scores[k]:.4f}"
            lines.append(row(k + 1, *figures, epochs, f"{self.fit_times[k]:.2f}"))
        error = "" if math.isnan(self.standard_error) else f" ± {self.standard_error:.4f}"
        mean = f"{self.mean:.4f}{error}", f"{self.train_mean:.4f}"
        lines.append(row("mean", *mean, "", f"{self.fit_times.mean():.2f}"))
        return "\n".join(lines)


def cross_validate_network(
    estimator: Any,
    X: Any,
    y: ArrayLike,
    *,
    cv: Any = 5,
    groups: str | ArrayLike | None = None,
    time: str | ArrayLike | None = None,
    sample_weight: ArrayLike | None = None,
    scoring: Any = None,
    n_repeats: int = 1,
    n_jobs: int | None = None,
    random_state: int | np.random.RandomState | None = None,
    verbose: bool | int = False,
) -> CrossValidation:
    """Train an estimator on each fold, in threads, and score it on the test rows.

    The result is the same for any number of threads.

    Parameters
    ----------
    estimator : estimator
        MLPClassifier, MLPRegressor, TabularClassifier, TabularRegressor, a Pipeline that ends in
        one, a search over one (nested cross-validation), or any other estimator of scikit-learn's.
        It is cloned; a `random_state` of None is replaced by another number for each fold.
    X : array-like or dataframe, shape (m, n_features)
    y : array-like, shape (m,) or (m, n_outputs)
    cv : int, splitter or iterable, default=5
        An integer is the number of folds of shuffled rows; they are stratified for classes, and
        keep `groups` together. Or any splitter of scikit-learn's, or pairs of training and test
        indices.
    groups, time : str or array-like, shape (m,), default=None
        The group of each row, whose rows stay together, and when it was observed: columns of X or
        arrays. With `time`, an integer `cv` is the number of windows in the later half of the rows,
        each of which is predicted from earlier rows only. A tabular estimator or a search follows
        both within the training rows, too.
    sample_weight : array-like, shape (m,), default=None
        The weight of each row, in training and in scores.
    scoring : str or callable, default=None
        A scorer of scikit-learn's; by default the estimator's `score`.
    n_repeats : int, default=1
        The number of repeats, each with another shuffle.
    n_jobs : int, default=None
        The number of folds at a time; by default the number of threads. The remaining threads work
        within the folds.
    random_state : int, RandomState or None, default=None
        Shuffles the rows, and draws each `random_state` that `estimator` leaves at None.
    verbose : bool or int, default=False
        A progress bar on standard error, with the package rich.

    Returns
    -------
    CrossValidation

    Raises
    ------
    ValueError
        If there are fewer rows than folds, or a fold cannot be fitted.

    Warns
    -----
    UserWarning
        If a class has fewer rows than there are folds. If the training rows of a fold lack it, it
        has probability 0, which the log-loss clips to its smallest value.

    See Also
    --------
    multilayer.plots.CrossValidationDisplay : Plot of the curves of all folds.

    Examples
    --------
    >>> from sklearn.datasets import make_moons
    >>> from multilayer import MLPClassifier
    >>> from multilayer.selection import cross_validate_network
    >>> X, y = make_moons(200, noise=0.2, random_state=0)
    >>> network = MLPClassifier((16,), learning_rate_init=0.05, tol=1e-3)
    >>> result = cross_validate_network(network, X, y, random_state=0)
    >>> result.mean > 0.93, len(result.validation_curves), result.oof_probability.shape
    (True, 5, (200, 2))
    """
    if not (hasattr(estimator, "fit") and hasattr(estimator, "get_params")):
        raise ValueError(
            "estimator must have fit and predict, as scikit-learn's have, got "
            f"{type(estimator).__name__}"
        )
    if isinstance(estimator, TabularMultiOutput):
        raise ValueError(
            "estimator must be a classifier or a regressor, but a TabularMultiOutput is both: "
            "scikit-learn's cross_val_score scores it, and each target can be validated by itself"
        )
    rng = check_random_state(random_state)
    X, y, sample_weight = indexable(X, plain_target(y), sample_weight)
    X, dependence = read_dependence(X, groups, time)
    classes = is_classifier(estimator)
    splits = make_splits(cv, X, y, dependence, classes=classes, n_repeats=n_repeats, rng=rng)
    models = [seeded(estimator, rng) for _ in splits]
    with tasks_bar(verbose, len(splits), "Cross-validating") as progress:
        folds = fit_folds(
            models,
            X,
            y,
            sample_weight,
            splits,
            scoring,
            n_jobs,
            dependence=dependence,
            progress=progress,
        )
    prediction, probability, labels = _out_of_fold(folds, splits, np.asarray(y), classes)
    return CrossValidation(
        np.array([fold.score for fold in folds]),
        np.array([fold.train_score for fold in folds]),
        np.array([fold.seconds for fold in folds]),
        [fold.estimator for fold in folds],
        splits,
        [fold.loss_curve for fold in folds],
        [fold.validation_curve for fold in folds],
        prediction,
        probability,
        labels,
        int(n_repeats),
        _name(estimator),
        score_name(scoring, classes),
    )


def _out_of_fold(
    folds: Sequence[FittedFold], splits: Sequence[Split], y: Array, classes: bool
) -> tuple[Array, Array | None, Array | None]:
    """Return the out-of-fold predictions and probabilities, and the classes."""
    rows = [test for _, test in splits]
    predicted = [fold.predicted for fold in folds]
    if not classes:
        return _mean(predicted, rows, len(y)), None, None
    probabilities = [fold.probability for fold in folds if fold.probability is not None]
    H = _mean(probabilities, rows, len(y)) if len(probabilities) == len(folds) else None
    labels = np.unique(y)
    votes: Any = H
    if H is None or y.ndim > 1:
        votes = _mean([p[..., np.newaxis] == labels for p in predicted], rows, len(y))
    known = ~np.isnan(votes).reshape(len(y), -1).any(axis=1)
    prediction = labels[np.nan_to_num(votes).argmax(axis=-1)]
    if not known.all():
        prediction = prediction.astype(object)
        prediction[~known] = None
    return prediction, H, labels


def _mean(parts: Sequence[Array], rows: Sequence[Array], m: int) -> Array:
    """Return the mean of the predictions for each row; NaN for a row without any."""
    total = np.zeros((m, *parts[0].shape[1:]))
    times = np.zeros((m,) + (1,) * (total.ndim - 1))
    for part, of_part in zip(parts, rows, strict=True):
        total[of_part] += part
        times[of_part] += 1
    with np.errstate(invalid="ignore"):
        return np.asarray(total / times)


def _name(estimator: Any) -> str:
    step = estimator.steps[-1][1] if hasattr(estimator, "steps") else estimator
    return type(step).__name__


def score_name(scoring: Any, classes: bool) -> str:
    """Return the name of a score, for tables and plots."""
    if scoring is None:
        return "accuracy" if classes else "R²"
    if isinstance(scoring, str):
        return "R²" if scoring == "r2" else scoring
    return str(getattr(scoring, "__name__", "score"))
