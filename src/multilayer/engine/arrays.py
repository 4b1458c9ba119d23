"""Arrays of other libraries (PyTorch, CuPy, JAX …): conversion to them, and back to NumPy."""

from __future__ import annotations

import math
from typing import Any

import array_api_compat
import numpy as np
from numpy.typing import NDArray

__all__ = [
    "Place",
    "check_foreign",
    "dtype_of",
    "is_finite",
    "is_foreign",
    "take_rows",
    "to_numpy",
]

Array = Any  # an array of any Array-API library

_FEW = 10_000  # numbers that BLAS multiplies without threads


def is_foreign(X: Any) -> bool:
    """Whether X is an array of another library than NumPy."""
    return not isinstance(X, np.ndarray) and bool(array_api_compat.is_array_api_obj(X))


def to_numpy(array: Array) -> NDArray[Any]:
    """Convert an array of any library to NumPy, also from a GPU."""
    if not is_foreign(array):
        return np.asarray(array)
    if array_api_compat.is_cupy_array(array):
        copied: NDArray[Any] = array.get()  # CuPy's name for it
        return copied
    if array_api_compat.is_torch_array(array):
        array = array.detach().cpu()
    return np.asarray(array)


def dtype_of(X: Array) -> np.dtype[Any]:
    """Return the dtype of X as NumPy's."""
    if isinstance(X.dtype, np.dtype):
        return X.dtype
    return np.dtype(str(X.dtype).rpartition(".")[2])


def take_rows(array: Array, rows: NDArray[np.int64]) -> Array:
    """Pick rows of an array, or of a sparse matrix, by their numbers."""
    if not is_foreign(array):
        return array[rows]
    xp = array_api_compat.array_namespace(array)
    return xp.take(array, xp.asarray(rows, device=array_api_compat.device(array)), axis=0)


def is_finite(array: NDArray[Any]) -> bool:
    """Whether no number of a NumPy array is NaN or infinite."""
    # A sum shows whether there may be one, and usually there is none.
    if array.size <= _FEW:
        total = np.vdot(array, array)
    else:
        with np.errstate(over="ignore", invalid="ignore"):
            total = array.sum()
    return math.isfinite(total) or bool(np.isfinite(array).all())


def check_foreign(X: Array) -> None:
    """Check that X is a matrix of finite float32 or float64."""
    if X.ndim != 2 or X.shape[0] == 0:
        raise ValueError(f"X must be (rows, features) with a row or more, got {tuple(X.shape)}")
    if str(X.dtype).rpartition(".")[2] not in ("float32", "float64"):
        raise ValueError(f"X must be float32 or float64 to stay where it is, got {X.dtype}")
    xp = array_api_compat.array_namespace(X)
    if not bool(xp.all(xp.isfinite(X))):
        raise ValueError("Input X contains NaN or infinity")


class Place:
    """The library, device and dtype of an array.

    Parameters
    ----------
    X : array
    """

    def __init__(self, X: Array) -> None:
        self.xp = array_api_compat.array_namespace(X)
        self.device, self.dtype = array_api_compat.device(X), X.dtype

    def take_in(self, array: Any) -> Array:
        """Move an array to this library and device."""
        if is_foreign(array):
            return self.xp.astype(array_api_compat.to_device(array, self.device), self.dtype)
        return self.xp.asarray(np.array(array), dtype=self.dtype, device=self.device)

    def targets(self, Y: Any, K: int) -> Array:
        """Return Y as (m, K), with class labels as 0 and 1."""
        if isinstance(Y, np.ndarray) and Y.ndim == 1 and Y.dtype.kind in "iu":
            Y = Y[:, None] if K == 1 else np.eye(K)[Y]
        return self.take_in(Y)
