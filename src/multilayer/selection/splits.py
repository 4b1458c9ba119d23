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
from sklearn.utils.multiclass import type_of_target

__all__ = ["Split", "fresh_splits", "make_splits", "shuffles"]

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
    groups: Any,
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
        keep groups together.
    X, y, groups
        All rows; groups may be None.
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
    seeds = rng.randint(2**31, size=n_repeats).tolist()
    splits: list[Split] = []
    for splitter in _splitters(cv, labels, classes, groups, seeds):
        for train, test in splitter.split(X, y, groups):
            splits.append((np.asarray(train), np.asarray(test)))
    if not splits:
        raise ValueError("cv must give at least one split, but gives none")
    return splits


def fresh_splits(
    cv: Any, X: Any, y: Any, groups: Any, *, classes: bool, number: int
) -> list[Split]:
    """Split the rows into other folds of the same kind.

    Parameters
    ----------
    cv, X, y, groups, classes
        As for `make_splits`; groups are kept together only by a splitter that does so.
        The splitter must be one that `shuffles`.
    number : int
        Seeds the folds: the same number yields the same folds.
    """
    groups = None if cv is None or isinstance(cv, Integral) else groups
    rng = np.random.RandomState(number)
    splits = make_splits(cv, X, y, groups, classes=classes, n_repeats=2, rng=rng)
    return splits[len(splits) // 2 :]


def _splitters(cv: Any, y: Array, classes: bool, groups: Any, seeds: list[int]) -> list[Any]:
    """Return a splitter for each repeat."""
    if cv is None or isinstance(cv, Integral):
        n = 5 if cv is None else int(cv)
        if n < 2:
            raise ValueError(f"cv must be at least 2 folds, got {n}")
        what, most = "rows", len(y)
        if groups is not None:
            what, most = "groups", len(np.unique(np.asarray(groups)))
        if n > most:
            raise ValueError(f"cv must be at most as many folds as {what}, {most}, got {n}")
        stratified = classes and type_of_target(y) in ("binary", "multiclass")
        make = _SPLITTERS[stratified, groups is not None]
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


def shuffles(cv: Any) -> bool:
    """Whether other folds can be drawn; folds that are not shuffled may depend on the order."""
    if cv is None or isinstance(cv, Integral):
        return True
    return hasattr(cv, "random_state") and bool(getattr(cv, "shuffle", True))
