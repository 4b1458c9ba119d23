"""The methods of an estimator of several targets: those of the estimators of each, put together.

`@for_targets(stacked)` before a method of an estimator says what it is where there are several
targets, that is, where the attribute `estimators_` is set.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import wraps
from typing import Any, NoReturn, ParamSpec, TypeVar

import numpy as np
from numpy.typing import NDArray
from sklearn.utils.validation import _num_samples, check_consistent_length

from multilayer.tables.labels import as_classes
from multilayer.tables.target import read_column
from multilayer.tabular.scoring import mean
from multilayer.tabular.target_columns import TargetColumn, read_targets

__all__ = [
    "averaged",
    "check_one_target",
    "fitted_targets",
    "for_targets",
    "is_indicator",
    "known_columns",
    "listed",
    "probabilities",
    "refused",
    "side_by_side",
    "stacked",
    "subset_accuracy",
]

Array = NDArray[Any]
P = ParamSpec("P")
R = TypeVar("R")


def for_targets(combine: Callable[..., Any]) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """Decorate a method with the function that takes its place if there are several targets.

    Parameters
    ----------
    combine : callable
        Takes the estimator, the name of the method, and the arguments of the call.
    """

    def decorate(method: Callable[P, R]) -> Callable[P, R]:
        @wraps(method)
        def choose(*args: P.args, **kwargs: P.kwargs) -> R:
            model, *others = args
            if "estimators_" in vars(model):
                found: R = combine(model, method.__name__, *others, **kwargs)
                return found
            return method(*args, **kwargs)

        return choose

    return decorate


def fitted_targets(model: Any) -> dict[str, Any]:
    """Return the estimator of each target of a model of several by its name; {} of any other."""
    found = getattr(model, "estimators_", None) if hasattr(model, "target_names_") else None
    if found is None or isinstance(found, dict):
        return found or {}
    return dict(zip(model.target_names_, found, strict=True))


def check_one_target(model: Any, what: str) -> None:
    """Raise a ValueError if a model has several targets, which `what` cannot do."""
    if names := list(fitted_targets(model)):
        at = repr(names[0]) if isinstance(model.estimators_, dict) else "k"
        raise ValueError(
            f"{what} takes a model of one target, but this one has {len(names)}: pass "
            f"model.estimators_[{at}], the estimator of one of {_listed(names)}"
        )


def is_indicator(classes: Sequence[Array]) -> bool:
    """Whether the classes of each target are 0 and 1, so that they are labels (multilabel)."""
    return all(c.dtype.kind in "biuf" and np.isin(c, [0, 1]).all() for c in classes)


def known_columns(model: Any, y: Any) -> list[TargetColumn]:
    """Return the columns of y in the order of the targets of a model; by name if they have names.

    Raises
    ------
    ValueError
        If y lacks a target, or has another number of columns without names.
    """
    found, names = read_targets(y), list(fitted_targets(model))
    by_name = {column.name: column for column in found}
    if all(name in by_name for name in names):
        return [by_name[name] for name in names]
    nameless = any([f"y{k}" for k in range(len(n))] == list(n) for n in (by_name, names))
    if nameless and len(found) == len(names):
        return found
    raise ValueError(
        f"y must have a column for each target, {_listed(names)}, but has {_listed(list(by_name))}"
    )


def side_by_side(parts: Sequence[Array]) -> Array:
    """Stack an array of each target along a second axis; of different kinds, as objects."""
    kinds = {part.dtype.kind for part in parts}
    if len(kinds) > 1 and not kinds <= set("biuf"):
        parts = [part.astype(object) for part in parts]
    return np.stack(parts, axis=1)


def stacked(model: Any, name: str, *args: Any, **kwargs: Any) -> Array:
    """Return what the estimators return, (m, n_targets, …)."""
    return side_by_side(listed(model, name, *args, **kwargs))


def listed(model: Any, name: str, *args: Any, **kwargs: Any) -> list[Array]:
    """Return what the estimators return as a list."""
    return [getattr(estimator, name)(*args, **kwargs) for estimator in model.estimators_]


def probabilities(model: Any, name: str, X: Any) -> Array | list[Array]:
    """Return a list of probabilities; of labels that are 0 or 1, those of 1, (m, n_targets)."""
    found = listed(model, name, X)
    if not is_indicator(model.classes_):
        return found
    # Of a label that is 0 in all rows, there is no probability of 1.
    return np.stack([H @ (c == 1) for H, c in zip(found, model.classes_, strict=True)], axis=1)


def averaged(model: Any, name: str, X: Any, y: Any, sample_weight: Any = None) -> float:
    """Return the mean over the targets of a score; rows without a value of one are left out."""
    columns = known_columns(model, y)
    _check_lengths(X, columns, sample_weight)
    return float(
        np.mean(
            [
                getattr(estimator, name)(c.take(X), c.values, c.take(sample_weight))
                for estimator, c in zip(fitted_targets(model).values(), columns, strict=True)
            ]
        )
    )


def subset_accuracy(model: Any, _: str, X: Any, y: Any, sample_weight: Any = None) -> float:
    """Return the fraction of rows whose targets are all right; rows with gaps are left out."""
    columns = known_columns(model, y)
    _check_lengths(X, columns, sample_weight)
    right = np.ones(_num_samples(X), bool)
    known = right.copy()
    for estimator, column in zip(model.estimators_, columns, strict=True):
        labels = as_classes(read_column(column.values), estimator.classes_)
        right[column.rows] &= estimator.predict(column.take(X)) == labels
        known &= np.isin(np.arange(column.m), column.rows)
    if not known.any():
        raise ValueError("y must have a row with a value of every target, but has none")
    weights = None if sample_weight is None else np.asarray(sample_weight, float)[known]
    return mean(right[known], weights)


def refused(model: Any, name: str, *_: Any, **__: Any) -> NoReturn:
    """Raise an AttributeError: the method has a meaning for one target only."""
    raise AttributeError(
        f"{name} is of one target, but this model has {len(model.estimators_)}: use "
        f"model.estimators_[k].{name}, where k is the index of one of "
        f"{_listed(model.target_names_)}"
    )


def _check_lengths(X: Any, columns: Sequence[TargetColumn], sample_weight: Any) -> None:
    m = _num_samples(X)
    if m != columns[0].m:
        raise ValueError(f"X has {m} rows, but y has {columns[0].m}")
    check_consistent_length(X, sample_weight)


def _listed(names: Sequence[str]) -> str:
    return ", ".join(map(repr, names[:8])) + " …" * (len(names) > 8)
