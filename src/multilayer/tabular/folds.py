"""Folds: the rows that a member is trained on, and those that choose its epoch."""

from __future__ import annotations

import warnings
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.model_selection import GroupKFold, StratifiedGroupKFold, check_cv

from multilayer.tables.dependence import Dependence
from multilayer.tables.target import split_rows

__all__ = [
    "WINDOWS",
    "Fold",
    "Rows",
    "assign_folds",
    "assign_groups",
    "forward_folds",
    "hold_out",
    "split_folds",
]

Rows = NDArray[np.int64]
WINDOWS = 4  # of time, which together are the later half of the rows
# Beyond so many groups, random ones represent all classes well enough; see `assign_groups`.
_MOST_STRATIFIED = 2_000


@dataclass(frozen=True)
class Fold:
    """Rows that one member is trained on, rows that choose its epoch, and rows in neither."""

    training: Rows
    validation: Rows
    spare: Rows = field(default_factory=lambda: np.empty(0, np.int64))


def assign_folds(
    y: NDArray[Any], n: int, rng: np.random.RandomState, n_spare: int = 0
) -> list[Fold]:
    """Assign the rows to n folds that all represent y, classes or numbers.

    The rows are sorted by y, in random order where it is equal, and each n of them in a row are
    assigned to different folds: each row is in one fold, and the rows of a class are spread over
    as many folds as possible. In addition, n_spare random rows are left out of the training of a
    second member: on these the two members can be compared.
    """
    m = len(y)
    order = rng.permutation(m)
    order = order[np.argsort(y[order], kind="stable")]
    fold = np.empty(m, np.int64)
    fold[order] = np.concatenate([rng.permutation(n) for _ in range(-(-m // n))])[:m]
    second = np.full(m, -1)
    if n_spare:
        drawn = rng.permutation(m)[:n_spare]
        second[drawn] = (fold[drawn] + rng.randint(1, n, size=len(drawn))) % n
    return [
        Fold(
            np.flatnonzero((fold != k) & (second != k)),
            np.flatnonzero(fold == k),
            np.flatnonzero(second == k),
        )
        for k in range(n)
    ]


def assign_groups(
    y: NDArray[Any], groups: NDArray[np.int64], n: int, rng: np.random.RandomState, *, classes: bool
) -> list[Fold]:
    """Assign whole groups to n folds, or to as many as there are groups; of classes, stratified."""
    n_groups = int(groups.max()) + 1
    n, seed = min(n, n_groups), rng.randint(2**31)
    splitter: Any = GroupKFold(n, shuffle=True, random_state=seed)
    if classes and n_groups <= _MOST_STRATIFIED and np.bincount(y).max() >= n:
        splitter = StratifiedGroupKFold(n, shuffle=True, random_state=seed)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # a class that is not in every fold
        return [Fold(*fold) for fold in splitter.split(y, y, groups)]


def forward_folds(dependence: Dependence, n_windows: int = WINDOWS) -> list[Fold]:
    """Return folds of later rows, each with all earlier rows to train on.

    The later half of the rows is divided into windows of time. Rows of the same time are not
    separated, and the groups of a window are left out of its training rows.

    Raises
    ------
    ValueError
        If there is no window with earlier rows of other groups.
    """
    time = dependence.time
    assert time is not None
    moments = np.sort(time)
    m = len(time)
    starts = np.unique(moments[m // 2 + np.arange(n_windows) * m // (2 * n_windows)])
    starts = starts[starts > moments[0]]
    folds = []
    for start, end in zip(starts, np.append(starts[1:], np.inf), strict=True):
        fold = _forward_fold(dependence, start, end)
        if len(fold.training):
            folds.append(fold)
    if not folds:
        raise ValueError(
            "time must leave earlier rows of other groups to train on, but "
            f"{np.mean(time == moments[0]):.0%} of the rows are of the first time"
        )
    return folds


def _forward_fold(dependence: Dependence, start: float, end: float) -> Fold:
    time, groups = dependence.time, dependence.groups
    assert time is not None
    training, validation = np.flatnonzero(time < start), (time >= start) & (time < end)
    if groups is not None:
        training = training[~np.isin(groups[training], groups[validation])]
    return Fold(training, np.flatnonzero(validation))


def hold_out(
    y: NDArray[Any],
    share: float,
    dependence: Dependence,
    rng: np.random.RandomState,
    *,
    classes: bool,
) -> Fold:
    """Hold out a share of the rows: the last ones, or whole groups, or rows that represent y."""
    time, groups, m = dependence.time, dependence.groups, len(y)
    if not share or dependence.is_none:
        return Fold(*split_rows(y, share, rng))
    if time is None:
        assert groups is not None
        return assign_groups(y, groups, max(2, round(1 / share)), rng, classes=classes)[0]
    moments = np.sort(time)
    start = moments[min(m - round(share * m), m - 1)]
    start = start if start > moments[0] else moments[moments > start][0]
    return _forward_fold(dependence, start, np.inf)


def split_folds(cv: Any, X: Any, y: NDArray[Any], groups: Any, *, classes: bool) -> list[Fold]:
    """Return the folds of a splitter of scikit-learn's, or pairs of indices.

    Raises
    ------
    ValueError
        If it yields no fold, or one without rows to train on.
    """
    folds = [
        Fold(np.asarray(training), np.asarray(validation))
        for training, validation in check_cv(cv, y, classifier=classes).split(X, y, groups)
    ]
    if not folds:
        raise ValueError("cv must give at least one fold, but gives none")
    if not all(len(fold.training) for fold in folds):
        raise ValueError("cv must leave rows to train on in each fold, but leaves none in one")
    return folds
