"""Conversion of targets: any kind of values to a plain array, and labels to known classes."""

from __future__ import annotations

from decimal import Decimal
from numbers import Integral
from typing import Any

import narwhals as nw
import numpy as np
from numpy.typing import NDArray

from multilayer.tables.foreign_errors import as_value_errors
from multilayer.tables.values import by_form, is_gap, kind_of_type, text_of

__all__ = ["as_classes", "class_indices", "distinct_labels", "plain_target"]


def plain_target(y: Any, name: str = "y") -> Any:
    """Return a target without the kinds that only dataframes have: decimals become numbers.

    Parameters
    ----------
    y : array-like, shape (m,) or (m, n_outputs)
        Also a series or dataframe with nullable kinds, decimals or categories.
    name : str

    Returns
    -------
    array-like
        Of booleans, integers, floats or texts; y itself if it is plain already.

    Raises
    ------
    ValueError
        If it holds a gap.
    """
    listed = native = False
    if isinstance(y, np.ndarray):
        plain = y.dtype.kind not in "Of" or y.ndim == 0
    else:
        listed = isinstance(y, list | tuple)
        native = nw.dependencies.is_into_series(y) or nw.dependencies.is_into_dataframe(y)
        plain = not (listed or native)
    if plain or not len(y):
        return y
    with as_value_errors(name):
        try:
            column = np.asarray(y)
        except ValueError:  # rows of different lengths, which the checks that follow refuse
            return y
    if column.dtype.kind == "f":
        _refuse_gaps(np.isnan(column), name)
    texts = listed and column.dtype.kind == "U"  # NumPy has made a text of each gap
    if not texts and column.dtype.kind != "O":
        return column if native else y
    values = list(y) if texts and column.ndim == 1 else column.ravel().tolist()
    _refuse_gaps(np.array([is_gap(value) for value in values], bool).reshape(column.shape), name)
    kinds = {kind_of_type(type(value)) for value in values}
    if texts or not kinds <= {"number", "boolean"}:
        return column
    with as_value_errors(name):
        return _numbers(values).reshape(column.shape)


def _refuse_gaps(gaps: NDArray[Any], name: str) -> None:
    if gaps.any():
        rows: NDArray[Any] = gaps.reshape(len(gaps), -1).max(axis=1)
        raise ValueError(
            f"Input {name} contains NaN: {name} must be without gaps, but {rows.sum()} of "
            f"{rows.size} are missing, the first at index {rows.argmax()}"
        )


def _numbers(values: list[Any]) -> NDArray[Any]:
    """Return booleans, integers or floats as an array of the narrowest of these kinds."""
    if all(isinstance(value, bool | np.bool_) for value in values):
        return np.array(values, bool)
    if all(_is_whole(value) for value in values):
        try:
            return np.array([int(value) for value in values], np.int64)
        except OverflowError:
            pass
    return np.array([float(value) for value in values])


def _is_whole(value: Any) -> bool:
    """Whether a number is of a type, or a decimal of a scale, without a fraction."""
    if isinstance(value, Decimal):
        exponent = value.as_tuple().exponent
        return isinstance(exponent, int) and exponent >= 0
    return isinstance(value, Integral | np.bool_)


def as_classes(y: Any, classes: NDArray[Any]) -> NDArray[Any]:
    """Return labels as the classes that they equal, such as "1" as 1, or True as "True".

    Parameters
    ----------
    y : ndarray, shape (m,)
        Without gaps.
    classes : ndarray, shape (n_classes,)

    Returns
    -------
    ndarray, shape (m,)
        y itself if its labels are of the type of the classes, or if some cannot be.
    """
    given: NDArray[Any] = np.asarray(y)
    both = given.dtype.kind + classes.dtype.kind
    if given.ndim != 1 or set(both) <= set("biuf") or not set(both) <= set("biufUO"):
        return given
    try:
        labels, where = np.unique(given, return_inverse=True)
    except TypeError:  # labels of several types
        return given
    if np.isin(labels.astype(object), classes.astype(object)).all():
        return given
    known = {text_of(label): label for label in classes.tolist()}
    form, forms = by_form(list(known))
    found = []
    for label in labels.tolist():
        text = text_of(label)
        written = text if text in known else forms.get(form(text))
        found.append(text if written is None else known[written])
    try:
        return np.array(found, classes.dtype if classes.dtype.kind != "U" else None)[where]
    except ValueError:  # a text that is no number
        return given


def class_indices(y: NDArray[Any], classes: NDArray[Any]) -> NDArray[np.intp]:
    """Return the index of each label's class; labels are taken as the classes that they equal.

    Parameters
    ----------
    y : ndarray, shape (m,)
        Without gaps.
    classes : ndarray, shape (n_classes,)
        In ascending order.

    Raises
    ------
    ValueError
        If y holds classes that are not among them.
    """
    y = as_classes(y, classes)
    try:
        indices = np.searchsorted(classes, y)
        known = indices.max(initial=0) < len(classes) and (classes[indices] == y).all()
    except TypeError:  # labels of several types, which have no order
        known = False
    if not known:
        raise ValueError(
            f"`y` has classes not in `self.classes_`. `self.classes_` has {classes}. 'y' has "
            f"{np.unique(y)}."
        )
    return indices


def distinct_labels(y: NDArray[Any]) -> NDArray[Any]:
    """Return the sorted distinct values of y.

    Asked for more than the values, NumPy sorts. Otherwise it counts in a table, without the GIL:
    a daemon thread that wants it back while Python ends would then abort the process.
    """
    return np.unique(y, return_counts=True)[0]
