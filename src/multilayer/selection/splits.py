"""Splits of the rows into training and test rows, one for each fold."""

from __future__ import annotations

import copy
from numbers import Integral
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.model_selection import (
    GroupKFold,
    KFold,
    StratifiedGroupKFold,
    StratifiedKFold,
    check_cv,
)
from sklearn.utils.multiclass import check_classification_targets, type_of_target

from multilayer.tables.dependence import Dependence
from multilayer.tabular.folds import forward_folds

__all__ = ["Split", "fresh_splits", "make_splits", "search_splits", "shuffles"]

Array = NDArray[Any]
Split = tuple[NDArray[np.intp], NDArray[np.intp]]  # training rows, test rows

_SPLITTERS: dict[tuple[bool, bool], Any] = {  # stratified, in groups
    (False, False): KFold,
    (True, False): StratifiedKFold,
    (False, True): GroupKFold,
    (True, True): StratifiedGroupKFold,
}


def make_splits(
    cv: Any,
    X: Any,
    y: Any,
    dependence: Dependence,
    *,
    classes: bool,
    n_repeats: int,
    rng: np.random.RandomState,
) -> list[Split]:
    """Split the rows into folds, once or repeatedly.

    Parameters
    ----------
    cv : int, splitter or iterable
        An integer is the number of folds of shuffled rows; they are stratified for classes, and
        keep groups together. With times, it is the number of windows in the later half of the
        rows, each of which is predicted from all earlier rows.
    X, y
        All rows.
    dependence : Dependence
        Of the rows.
    classes : bool
        Whether y is classes.
    n_repeats : int
    rng : RandomState
        Shuffles the rows.

    Raises
    ------
    ValueError
        If there are fewer rows than folds, or the splitter cannot be repeated or yields no split.

    Warns
    -----
    UserWarning
        By scikit-learn, if a class has fewer rows than there are stratified folds.
    """
    labels = np.asarray(y)
    if not (isinstance(n_repeats, Integral) and n_repeats >= 1):
        raise ValueError(f"n_repeats must be a whole number of at least 1, got {n_repeats!r}")
    if dependence.time is not None and _is_number(cv):
        if n_repeats > 1:
            raise ValueError(f"windows of time cannot be repeated, but n_repeats is {n_repeats}")
        windows = forward_folds(dependence, _n_folds(cv))
        return [(fold.training, fold.validation) for fold in windows]
    groups = dependence.groups
    seeds = rng.randint(2**31, size=n_repeats).tolist()
    splits: list[Split] = []
    for splitter in _splitters(cv, labels, classes, groups, seeds):
        for train, test in splitter.split(X, y, groups):
            splits.append((np.asarray(train), np.asarray(test)))
    if not splits:
        raise ValueError("cv must give at least one split, but gives none")
    return splits


def search_splits(cv: Any, X: Any, y: Any, dependence: Dependence, *, classes: bool) -> list[Split]:
    """Split the rows as a search does, which for a number of folds does not shuffle them.

    Parameters
    ----------
    cv, X, y, dependence, classes
        As for `make_splits`.
    """
    if classes:
        check_classification_targets(y)
    if dependence.time is not None and _is_number(cv):
        return make_splits(
            cv, X, y, dependence, classes=classes, n_repeats=1, rng=np.random.RandomState(0)
        )
    if dependence.groups is not None and _is_number(cv):
        cv = _SPLITTERS[_is_stratified(y, classes), True](_n_folds(cv))
    split = check_cv(cv, y, classifier=classes).split(X, y, dependence.groups)
    splits = [(np.asarray(train), np.asarray(test)) for train, test in split]
    if not splits:
        raise ValueError("cv must give at least one split, but gives none")
    return splits


def fresh_splits(
    cv: Any, X: Any, y: Any, dependence: Dependence, *, classes: bool, number: int
) -> list[Split]:
    """Split the rows into other folds of the same kind.

    Parameters
    ----------
    cv, X, y, dependence, classes
        As for `make_splits`. The splitter must be one that `shuffles`.
    number : int
        Seeds the folds: the same number yields the same folds.
    """
    rng = np.random.RandomState(number)
    splits = make_splits(cv, X, y, dependence, classes=classes, n_repeats=2, rng=rng)
    return splits[len(splits) // 2 :]


def _splitters(cv: Any, y: Array, classes: bool, groups: Any, seeds: list[int]) -> list[Any]:
    """Return a splitter for each repeat."""
    if _is_number(cv):
        n = _n_folds(cv)
        what, most = "rows", len(y)
        if groups is not None:
            what, most = "groups", len(np.unique(groups))
        if n > most:
            raise ValueError(f"cv must be at most as many folds as {what}, {most}, got {n}")
        make = _SPLITTERS[_is_stratified(y, classes), groups is not None]
        return [make(n, shuffle=True, random_state=seed) for seed in seeds]
    splitter = check_cv(cv, y, classifier=classes)
    if len(seeds) == 1:
        return [splitter]
    if not shuffles(splitter):
        raise ValueError(
            f"n_repeats={len(seeds)} needs a number of folds or a splitter that shuffles for cv, "
            f"got {cv!r}"
        )
    repeats = [copy.copy(splitter) for _ in seeds]
    for repeat, seed in zip(repeats, seeds, strict=True):
        repeat.random_state = seed
    return repeats


def _is_number(cv: Any) -> bool:
    return cv is None or isinstance(cv, Integral)


def _n_folds(cv: Any) -> int:
    n = 5 if cv is None else int(cv)
    if n < 2:
        raise ValueError(f"cv must be at least 2 folds, got {n}")
    return n


def _is_stratified(y: Any, classes: bool) -> bool:
    return classes and type_of_target(y) in ("binary", "multiclass")


def shuffles(cv: Any) -> bool:
    """Whether other folds can be drawn; folds that are not shuffled may depend on the order."""
    if _is_number(cv):
        return True
    return hasattr(cv, "random_state") and bool(getattr(cv, "shuffle", True))
