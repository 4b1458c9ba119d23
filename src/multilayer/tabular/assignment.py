"""The assignment of rows to the members of an ensemble, as its parameters and the rows ask."""

from __future__ import annotations

from collections.abc import Callable
from numbers import Integral
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.base import is_classifier

from multilayer.tables.dependence import Dependence
from multilayer.tabular.folds import (
    WINDOWS,
    Fold,
    assign_folds,
    assign_groups,
    forward_folds,
    hold_out,
    split_folds,
)
from multilayer.tabular.recipe import MOST_FOLDS, is_auto, members_for

__all__ = ["folds_of_members", "n_members"]

Array = NDArray[Any]


def n_members(estimator: Any, m: int) -> int:
    """Return the number of members of an estimator for m rows."""
    if estimator.fast:
        return 1
    return members_for(m) if is_auto(estimator.n_members) else int(estimator.n_members)


def folds_of_members(
    estimator: Any,
    X: Any,
    y: Array,
    dependence: Dependence,
    rng: np.random.RandomState,
    most_spare: int,
) -> list[Fold]:
    """Return the rows of each member, or with times, of each member that looks ahead.

    Parameters
    ----------
    estimator : TabularEstimator
    X : dataframe or array-like, shape (m, n)
        For a splitter.
    y : ndarray, shape (m,)
        Indices of classes, or numbers.
    dependence : Dependence
    rng : RandomState
    most_spare : int
        Rows that two members leave out: an eighth of all, but no more than this; see
        `assign_folds`.
    """
    m, share, groups = len(y), estimator.validation_fraction, dependence.groups
    n, classes, cv = n_members(estimator, m), is_classifier(estimator), estimator.cv
    one_each = is_auto(estimator.n_members) and not estimator.fast
    if cv is not None and not isinstance(cv, Integral):
        folds = split_folds(cv, X, y, groups, classes=classes)
        return _repeated(lambda: folds, len(folds) if one_each else n)
    n = int(cv) if cv is not None and one_each else n
    if n == 1:
        return [hold_out(y, share, dependence, rng, classes=classes)]
    if dependence.time is not None:
        return forward_folds(dependence, WINDOWS if cv is None else int(cv))
    k = min(n, MOST_FOLDS) if cv is None else int(cv)
    if groups is not None:
        return _repeated(lambda: assign_groups(y, groups, k, rng, classes=classes), n)
    if m >= 2 * k:
        n_spare = min(m // 8, most_spare)
        return _repeated(lambda: assign_folds(y, k, rng, n_spare), n)
    # Too few rows for so many folds: each member draws its own.
    return [hold_out(y, share, dependence, rng, classes=classes) for _ in range(n)]


def _repeated(draw: Callable[[], list[Fold]], n: int) -> list[Fold]:
    """Return n folds: those that are drawn, and drawn again as often as necessary."""
    folds: list[Fold] = []
    while len(folds) < n:
        folds += draw()
    return folds[:n]
