"""Aligned copies of arrays whose elements the processor may not be able to read."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["Aligned", "in_a_row"]


def in_a_row(array: NDArray[Any]) -> NDArray[Any]:
    """Return the array itself, or a copy if it is not contiguous or not aligned."""
    return np.require(array, requirements=("C", "A"))


class Aligned:
    """Arrays for the native code: the arrays passed, or copies of those that are not aligned.

    Arrays that come over a network, as from Dask, may begin at any byte.

    Parameters
    ----------
    arrays : iterable of C-contiguous arrays

    Attributes
    ----------
    used : list of ndarray
    """

    def __init__(self, arrays: Iterable[NDArray[Any]]) -> None:
        given = list(arrays)
        self.used = [in_a_row(array) for array in given]
        pairs = zip(self.used, given, strict=True)
        self._copies = [(used, array) for used, array in pairs if used is not array]

    def read(self) -> None:
        """Bring the copies up to date."""
        for copy, array in self._copies:
            copy[...] = array

    def write(self) -> None:
        """Write the copies back to the original arrays."""
        for copy, array in self._copies:
            array[...] = copy
