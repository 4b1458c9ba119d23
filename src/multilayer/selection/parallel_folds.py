"""Folds in parallel: a model is fitted and scored on each, in threads or on a cluster."""

from __future__ import annotations

import math
import time
import warnings
from collections.abc import Callable, Sequence
from typing import Any

from threadpoolctl import ThreadpoolController

from multilayer.engine.threads import available_threads, one_blas_thread
from multilayer.estimators.scoring import find_scorer
from multilayer.selection.folds import AllRows, FittedFold
from multilayer.selection.splits import Split
from multilayer.selection.workers import find_workers
from multilayer.tables.dependence import INDEPENDENT, Dependence
from multilayer.training.tasks import TaskPool

__all__ = ["OutOfTime", "fit_folds"]


class OutOfTime(Exception):
    """The deadline passed before the last fold was begun."""


def fit_folds(
    models: Sequence[Any],
    X: Any,
    y: Any,
    weights: Any,
    splits: Sequence[Split],
    scoring: Any,
    n_jobs: int | None,
    *,
    dependence: Dependence = INDEPENDENT,
    curves: bool = True,
    deadline: float = math.inf,
    progress: Callable[[], None] = lambda: None,
) -> list[FittedFold]:
    """Fit and score a model on each fold, several at a time.

    Parameters
    ----------
    models : sequence of estimator
        One for each fold, fitted in place.
    X, y, weights
        All rows; weights may be None.
    splits : sequence of tuple of ndarray
    scoring : str, callable or None
    n_jobs : int or None
    dependence : Dependence
        Of the rows.
    curves : bool
        Whether to compute the cost of the test rows after each epoch, which takes time.
    deadline : float
        The moment of `time.perf_counter` after which no fold is begun.
    progress : callable
        Called after each fold.

    Raises
    ------
    ValueError
        If a fold cannot be fitted; of several, the first one is named, for any number of threads.
    OutOfTime
        If a fold was not begun.
    """
    if n_jobs is not None and (n_jobs == 0 or n_jobs < -1):
        raise ValueError(f"n_jobs must be at least 1, or -1 for all threads, got {n_jobs}")
    scorer = find_scorer(models[0], scoring, y)
    rows = (X, y, weights, dependence)
    with find_workers(n_jobs) as workers:
        outcomes = _in_threads(workers, models, rows, splits, scorer, curves, deadline, progress)
    for k, outcome in enumerate(outcomes):
        if isinstance(outcome, OutOfTime):
            raise outcome
        if isinstance(outcome, Exception):
            raise ValueError(
                f"fold {k} could not be fitted and scored: {type(outcome).__name__}: {outcome}"
            ) from outcome
    return [outcome for outcome in outcomes if isinstance(outcome, FittedFold)]


def _in_threads(
    workers: Any,
    models: Sequence[Any],
    rows: AllRows,
    splits: Sequence[Split],
    scorer: Any,
    curves: bool,
    deadline: float,
    progress: Callable[[], None],
) -> list[FittedFold | Exception | None]:
    """Fit the folds; those after one that failed need not begin, and then are None."""
    pool: TaskPool[FittedFold | Exception | None]
    pool = TaskPool(min(workers.n_threads, len(splits)), available_threads())
    libraries = ThreadpoolController()
    failed: list[int] = []

    def fit(k: int) -> FittedFold | Exception | None:
        # The folds before one that failed go on, so that the first to fail is the same for any
        # number of threads.
        if failed and k > min(failed):
            return None
        outcome: FittedFold | Exception
        try:
            if time.perf_counter() > deadline:
                raise OutOfTime
            with libraries.limit(limits=1, user_api="openmp"):
                outcome = workers.fit_fold(models[k], rows, splits[k], scorer, pool.stop, curves)
        except Exception as error:
            failed.append(k)
            outcome = error
        progress()
        return outcome

    # One thread each for what other libraries bring: all cores are at work on the folds.
    with one_blas_thread(), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of all folds alike; the curves show it
        return pool.run(fit, [(k,) for k in range(len(splits))])
