"""Checks of the fields of a model file: each has its type and its range, or ValueError is raised.

JSON has one type of number and no tuples; Python counts True as 1 and reads "12" as a sequence. A
field that is nearly right would be noticed late, as a different exception in `predict`.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = [
    "array_field",
    "ascending",
    "curve",
    "flag",
    "listed",
    "number",
    "text",
    "texts",
    "whole",
    "whole_numbers",
]

_MOST = 2**53  # counts beyond this are no longer exact as floats


def whole(name: str, value: Any, least: int = 0, most: int = _MOST) -> int:
    """Return a whole number from `least` to `most`."""
    if type(value) is not int or not least <= value <= most:
        raise ValueError(f"{name} must be a whole number from {least} to {most}: {_short(value)}")
    return value


def number(name: str, value: Any, *, finite: bool = True) -> float:
    """Return a number as a float; NaN and infinity only where `finite` is False."""
    if type(value) not in (int, float) or (type(value) is int and abs(value) > 2**1000):
        raise ValueError(f"{name} must be a number: {_short(value)}")
    if finite and not math.isfinite(value):
        raise ValueError(f"{name} must be finite: {value}")
    return float(value)


def flag(name: str, value: Any) -> bool:
    """Return a boolean."""
    if type(value) is not bool:
        raise ValueError(f"{name} must be true or false: {_short(value)}")
    return value


def text(name: str, value: Any) -> str:
    """Return a string."""
    if type(value) is not str:
        raise ValueError(f"{name} must be a string: {_short(value)}")
    return value


def listed(name: str, value: Any, length: int | None = None) -> Sequence[Any]:
    """Return a list, of a certain length if that is given."""
    if not isinstance(value, list | tuple):
        raise ValueError(f"{name} must be a list: {_short(value)}")
    if length is not None and len(value) != length:
        raise ValueError(f"{name} must have {length} elements, but has {len(value)}")
    return value


def texts(name: str, value: Any, length: int | None = None) -> list[str]:
    """Return a list of strings."""
    return [text(f"an element of {name}", element) for element in listed(name, value, length)]


def whole_numbers(
    name: str, value: Any, least: int = 0, most: int = _MOST, *, length: int | None = None
) -> list[int]:
    """Return a list of whole numbers."""
    elements = listed(name, value, length)
    return [whole(f"an element of {name}", element, least, most) for element in elements]


def curve(name: str, value: Any) -> list[float]:
    """Return a list of numbers, which may include NaN and infinity if training diverged."""
    return [number(f"an element of {name}", x, finite=False) for x in listed(name, value)]


def array_field(
    arrays: Mapping[str, NDArray[Any]],
    name: str,
    shape: tuple[int | None, ...],
    dtype: Any,
    *,
    finite: bool = False,
) -> NDArray[Any]:
    """Return an array of this dtype and shape; None in the shape means any length."""
    array = arrays[name]
    fits = len(shape) == array.ndim and all(
        n in (None, met) for n, met in zip(shape, array.shape, strict=True)
    )
    if not fits or array.dtype != np.dtype(dtype):
        raise ValueError(
            f"array {name} must be {np.dtype(dtype)} of shape {shape}, but is {array.dtype} of "
            f"shape {array.shape}"
        )
    if finite and not np.isfinite(array).all():
        raise ValueError(f"array {name} must be finite")
    return array


def ascending(name: str, values: Iterable[Any]) -> None:
    """Check that each value is larger than the one before."""
    if not all(low < high for low, high in pairwise(values)):
        raise ValueError(f"{name} must be ascending, each once")


def _short(value: Any) -> str:
    shown = repr(value)
    return shown if len(shown) <= 80 else f"{shown[:79]}…"
