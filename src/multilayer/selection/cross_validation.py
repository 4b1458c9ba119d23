"""Cross-validation of a network: folds trained side by side, and everything that they tell."""

from __future__ import annotations

import math
import threading
import time
import warnings
from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import is_classifier
from sklearn.metrics import check_scoring
from sklearn.utils import check_random_state, indexable
from threadpoolctl import threadpool_limits

from multilayer.engine.threads import available_threads, sharing
from multilayer.selection.folds import FittedFold, seeded
from multilayer.selection.splits import Split, make_splits
from multilayer.selection.workers import crew
from multilayer.training.progress import tasks_bar

__all__ = ["CrossValidation", "OutOfTime", "cross_validate_network"]

Array = NDArray[Any]
_PAUSE = 0.1  # seconds
_MOST_FOLDS_SHOWN = 10


class OutOfTime(Exception):
    """The time was over before the last fold was begun."""


@dataclass(frozen=True, eq=False, repr=False)
class CrossValidation:
    """What a cross-validation found; the first axis of everything is the folds.

    Attributes
    ----------
    scores, train_scores : ndarray, shape (n_splits,)
        On the rows left out, and on those learned from.
    fit_times : ndarray, shape (n_splits,)
        Seconds, beside the others at work.
    estimators : list of estimator
        Each trained on its fold.
    indices : list of tuple of ndarray
        Rows learned from, and rows left out.
    loss_curves : list of ndarray
        Training cost by epoch, with the penalty; empty of an estimator that keeps none. Of a
        tabular estimator the mean over its members.
    validation_curves : list of ndarray
        Cost of the rows left out by epoch, without the penalty. They choose nothing: training is
        bit for bit what it is without them. Empty of all but MLPClassifier and MLPRegressor.
    oof_prediction : ndarray, shape (m,) or (m, n_outputs)
        For each row, by the estimators that did not learn from it: the mean over repeats, of a
        classifier the class of the largest mean probability, or else of most votes. NaN or None
        for a row that was never left out.
    oof_probability : ndarray, shape (m, n_classes), or None
        Mean over repeats; NaN for a row that was never left out.
    classes : ndarray, shape (n_classes,), or None
    n_repeats : int
    name : str
        Of the estimator.
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
        """The mean of the scores on the rows learned from."""
        return float(self.train_scores.mean())

    @property
    def standard_error(self) -> float:
        """Standard deviation of the scores over the root of the number of folds of one repeat.

        More repeats do not make it smaller: they look at the same rows again. NaN of one fold.
        """
        n = len(self.scores) / self.n_repeats
        if n < 2:
            return math.nan
        return float(self.scores.std(ddof=1) / np.sqrt(n))

    def to_frame(self) -> Any:
        """Give a pandas.DataFrame, a row for each fold."""
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
                "n_train": [len(learned) for learned, _ in self.indices],
                "n_test": [len(judged) for _, judged in self.indices],
            }
        )

    def __repr__(self) -> str:
        n = len(self.scores)
        return (
            f"<CrossValidation of {self.name}: {self.score_name} {self.mean:.4g} "
            f"± {self.standard_error:.2g}, {n} fold{'s' * (n != 1)}>"
        )

    def __str__(self) -> str:
        n = len(self.scores)
        folds = n // self.n_repeats
        what = f"{folds} fold{'s' * (folds != 1)}"
        what += f", {self.n_repeats} times" if self.n_repeats > 1 else ""
        lines = [f"{self.name}: {self.score_name}, {what}"]
        row = "{:<6}{:>16}{:>10}{:>9}{:>10}".format
        lines.append(row("fold", "left out", "training", "epochs", "seconds"))
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
    groups: ArrayLike | None = None,
    sample_weight: ArrayLike | None = None,
    scoring: Any = None,
    n_repeats: int = 1,
    n_jobs: int | None = None,
    random_state: int | np.random.RandomState | None = None,
    verbose: bool | int = False,
) -> CrossValidation:
    """Train an estimator on each fold, in threads, and judge it by the rows left out.

    The result is the same for any number of threads.

    Parameters
    ----------
    estimator : estimator
        MLPClassifier, MLPRegressor, TabularClassifier, TabularRegressor, a Pipeline that ends in
        one, a search over one (nested cross-validation), or any other of scikit-learn's. It stays
        as it is; a `random_state` of None is replaced, for each fold by another number.
    X : array-like or dataframe, shape (m, n_features)
    y : array-like, shape (m,) or (m, n_outputs)
    cv : int, splitter or iterable, default=5
        An integer: so many folds of shuffled rows, with the classes in proportion, and with
        `groups` whole. Or any splitter of scikit-learn's, or pairs of training and test rows.
    groups : array-like, shape (m,), default=None
        Rows that must stay together.
    sample_weight : array-like, shape (m,), default=None
        What each row counts, in training and in scores.
    scoring : str or callable, default=None
        A scorer of scikit-learn's; by default the estimator's `score`.
    n_repeats : int, default=1
        How often, each time shuffled otherwise.
    n_jobs : int, default=None
        Folds at a time; by default as many as there are threads. Threads that this leaves over
        work within the folds.
    random_state : int, RandomState or None, default=None
        Shuffles the rows, and draws what `estimator` leaves to chance.
    verbose : bool or int, default=False
        A progress bar on standard error, with the package rich.

    Returns
    -------
    CrossValidation

    Raises
    ------
    ValueError
        If there are fewer rows than folds, a training part lacks a class, or a fold cannot be
        fitted.

    See Also
    --------
    multilayer.plots.CrossValidationDisplay : Draws the curves of all folds.

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
    rng = check_random_state(random_state)
    X, y, groups, sample_weight = indexable(X, y, groups, sample_weight)
    classes = is_classifier(estimator)
    splits = make_splits(cv, X, y, groups, classes=classes, n_repeats=n_repeats, rng=rng)
    models = [seeded(estimator, rng) for _ in splits]
    with tasks_bar(verbose, len(splits), "Cross-validating") as watch:
        folds = fit_folds(models, X, y, sample_weight, splits, scoring, n_jobs, watch=watch)
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


def fit_folds(
    models: Sequence[Any],
    X: Any,
    y: Any,
    weights: Any,
    splits: Sequence[Split],
    scoring: Any,
    n_jobs: int | None,
    *,
    curves: bool = True,
    ends: float = math.inf,
    watch: Callable[[], None] = lambda: None,
) -> list[FittedFold]:
    """Train a model for each fold, so many at a time.

    Parameters
    ----------
    models : sequence of estimator
        Are fitted.
    X, y, weights
        All rows; weights may be None.
    splits : sequence of tuple of ndarray
    scoring : str, callable or None
    n_jobs : int or None
    curves : bool
        Note the cost of the rows left out after each epoch, which takes time.
    ends : float
        The moment of `time.perf_counter` after which no fold is begun.
    watch : callable
        Called after each fold.

    Raises
    ------
    ValueError
        If a fold cannot be fitted; of several the first one is named, whatever the threads.
    OutOfTime
        If a fold was not begun.
    """
    if n_jobs is not None and (n_jobs == 0 or n_jobs < -1):
        raise ValueError(f"n_jobs must be at least 1, or -1 for all threads, got {n_jobs}")
    scorer = check_scoring(models[0], scoring=scoring)
    with crew(n_jobs) as team:
        done = _in_threads(team, models, (X, y, weights), splits, scorer, curves, ends, watch)
    for k in sorted(done):
        outcome = done[k]
        if isinstance(outcome, OutOfTime):
            raise outcome
        if isinstance(outcome, Exception):
            raise ValueError(
                f"fold {k} could not be fitted and scored: {type(outcome).__name__}: {outcome}"
            ) from outcome
    return [outcome for _, outcome in sorted(done.items()) if isinstance(outcome, FittedFold)]


def _in_threads(
    team: Any,
    models: Sequence[Any],
    rows: tuple[Any, Any, Any],
    splits: Sequence[Split],
    scorer: Any,
    curves: bool,
    ends: float,
    watch: Callable[[], None],
) -> dict[int, FittedFold | Exception]:
    """Fit the folds, so many at a time; after one that failed, none need begin."""
    threads, workers = available_threads(), min(team.n_threads, len(splits))
    stop, left, lock = threading.Event(), len(splits), threading.Lock()
    done: dict[int, FittedFold | Exception] = {}
    failed = len(splits)  # the first fold that did, after which none need begin

    def run(k: int) -> None:
        nonlocal left, failed
        if stop.is_set() or k > failed:
            return
        try:
            if time.perf_counter() > ends:
                raise OutOfTime
            # The last folds have the threads that the others no longer need.
            with sharing(max(1, threads // min(workers, left))):
                done[k] = team.fit_fold(models[k], rows, splits[k], scorer, stop, curves)
        except Exception as error:
            done[k] = error
        with lock:
            left -= 1
            failed = min(failed, k) if isinstance(done[k], Exception) else failed
        watch()

    # One thread each for what other libraries bring: all cores are at work on the folds.
    limits: dict[str, Any] = {"limits": 1}
    with (
        threadpool_limits(user_api="blas", **limits),
        warnings.catch_warnings(),
        ThreadPoolExecutor(
            workers, initializer=lambda: threadpool_limits(user_api="openmp", **limits)
        ) as pool,
    ):
        warnings.simplefilter("ignore")  # of all folds alike; the curves show it
        futures = [pool.submit(run, k) for k in range(len(splits))]
        try:
            # Looking up now and then: a thread that waits without end can miss Ctrl-C.
            while wait(futures, _PAUSE, FIRST_EXCEPTION).not_done:
                pass
        except BaseException:
            stop.set()
            pool.shutdown(wait=True, cancel_futures=True)
            raise
    return done


def _out_of_fold(
    folds: Sequence[FittedFold], splits: Sequence[Split], y: Array, classes: bool
) -> tuple[Array, Array | None, Array | None]:
    """Bring together what is said of rows left out: prediction, probability, classes."""
    rows = [judged for _, judged in splits]
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
    """Give for each row the mean of what is said of it; NaN where nothing is."""
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
    if scoring is None:
        return "accuracy" if classes else "R²"
    if isinstance(scoring, str):
        return "R²" if scoring == "r2" else scoring
    return str(getattr(scoring, "__name__", "score"))
