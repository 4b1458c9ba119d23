"""The rules for arguments of the native code, all of which are checked here before it is called.

An error states the rule and the value that violates it, in one sentence.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from multilayer import _native
from multilayer.engine.aligned import in_a_row
from multilayer.engine.interface import Shuffle, Slots
from multilayer.engine.twister import WORDS, twister_state
from multilayer.outputs import Output, Softmax, parts

if TYPE_CHECKING:
    from multilayer.activations import Activation
    from multilayer.optimizers import Optimizer

Floats = NDArray[Any]  # float32 or float64
# Sparse rows: where each starts, columns, values.
Rows = tuple[NDArray[np.int64], NDArray[np.int32], Floats]
Inputs = Floats | Rows

_HUGE = np.iinfo(np.int64).max
_MOST_COLUMNS = np.iinfo(np.int32).max
_FLOAT32, _FLOAT64 = np.dtype(np.float32), np.dtype(np.float64)


def check_network(
    thetas: Sequence[Floats], hidden: Sequence[str | Activation], output: Output
) -> dict[str, Any]:
    """Return the codes of the activations and of the output unit, and the groups of softmax.

    They are the arguments of `_native.Objective` that every use of a network needs.
    """
    if len(thetas) == 0:
        raise ValueError("thetas must hold at least one array, and it is empty")
    units = None
    for number, theta in enumerate(thetas, 1):
        if not _is_float(theta, thetas[0]):
            check_float(f"Θ{number}", theta, thetas[0])
        shape = theta.shape
        if len(shape) != 2 or shape[0] < 1 or shape[1] < 2:
            raise ValueError(
                f"Θ{number} must have shape (units, inputs + 1), at least (1, 2): {shape}"
            )
        if not theta.flags.c_contiguous:
            raise ValueError(f"Θ{number} must be C-contiguous, and its strides are {theta.strides}")
        if units is not None and shape[1] != units + 1:
            raise ValueError(
                f"Θ{number} must have {units + 1} columns, one more than the rows of "
                f"Θ{number - 1}: {shape[1]}"
            )
        units = shape[0]
    if isinstance(hidden, str) or len(hidden) != len(thetas) - 1:
        raise ValueError(
            f"hidden must name one activation for each of the {len(thetas) - 1} hidden layers: "
            f"{hidden!r}"
        )
    codes = [_code(_native.ACTIVATIONS, "an activation", name) for name in hidden]
    if not isinstance(output, Softmax):
        code = _code(_native.OUTPUTS, "an output unit", output)
        return {"hidden": codes, "output": code, "groups": []}
    parts(output, len(thetas[-1]))
    return {"hidden": codes, "output": _native.OUTPUTS["softmax"], "groups": list(output.groups)}


def _code(table: dict[str, int], what: str, name: object) -> int:
    try:
        return table[name]  # type: ignore[index]
    except (KeyError, TypeError):
        raise ValueError(f"{what} must be one of {', '.join(table)}: {name!r}") from None


def check_examples(
    thetas: Sequence[Floats], X: Any, Y: NDArray[Any], weights: Floats | None, columns: int
) -> tuple[Inputs, Floats | None, NDArray[np.int32] | None, Floats | None]:
    """Return X, targets or None, labels or None, weights."""
    inputs, m = check_inputs(X, thetas[0], columns)
    if m == 0:
        raise ValueError("X must have at least one row, and it has none")
    K = len(thetas[-1])
    labels = targets = None
    if isinstance(Y, np.ndarray) and Y.dtype.kind in "iu":
        if Y.shape != (m,):
            raise ValueError(f"Y must have shape {(m,)} when it holds class indices: {Y.shape}")
        low, high = Y.min(), Y.max()
        if low < 0 or high >= max(K, 2):
            met = low if low < 0 else high
            raise ValueError(f"class indices must be from 0 to {max(K, 2) - 1}: {met}")
        labels = np.array(Y, np.int32)  # of its own: no other thread can change them
    else:
        targets = check_matrix("Y", Y, thetas[0], columns=K)
        if len(targets) != m:
            raise ValueError(f"X has {m} rows, but Y has {len(targets)}")
    if weights is not None:
        check_float("weights", weights, thetas[0])
        if weights.shape != (m,):
            raise ValueError(f"weights must have shape {(m,)}: {weights.shape}")
        if not (weights.min() >= 0 and 0 < weights.sum() < np.inf):
            raise ValueError("weights must be finite, not negative, and not all zero")
        weights = in_a_row(weights)
    return inputs, targets, labels, weights


def check_inputs(X: Any, like: Floats, columns: int) -> tuple[Inputs, int]:
    """Return X (m, columns), an array or a SciPy sparse matrix, and m."""
    if isinstance(X, np.ndarray) or not sparse.issparse(X):
        X = check_matrix("X", X, like, columns)
        return X, len(X)
    if X.ndim != 2 or X.shape[1] != columns:
        raise ValueError(f"X must have shape (m, {columns}): {X.shape}")
    return check_rows(X.tocsr(), like), X.shape[0]


def check_rows(X: Any, like: Floats) -> Rows:
    """Return where each row of a CSR matrix starts, the columns and the values.

    The first two are copies: they say where the native code reads and writes, and another thread
    may change those of the matrix.
    """
    m, columns = X.shape
    check_float("X", X.data, like)
    for name, array in ("indptr", X.indptr), ("indices", X.indices):
        if not isinstance(array, np.ndarray) or array.ndim != 1 or array.dtype.kind not in "iu":
            raise TypeError(f"{name} of X must be a vector of integers")
    starts, indices = X.indptr, X.indices
    if len(starts) != m + 1 or starts[0] != 0 or (starts[1:] < starts[:-1]).any():
        raise ValueError(f"indptr of X must have {m + 1} numbers that begin at 0 and never fall")
    stored = int(starts[-1])
    if stored > min(len(indices), X.data.size) or X.data.ndim != 1:
        raise ValueError(
            f"indptr of X ends at {stored}, but it stores {len(indices)} indices and values of "
            f"shape {X.data.shape}"
        )
    if stored and not 0 <= (low := indices[:stored].min()) <= indices[:stored].max() < columns:
        met = low if low < 0 else indices[:stored].max()
        raise ValueError(f"indices of X must be from 0 to {columns - 1}: {met}")
    if columns > _MOST_COLUMNS:
        raise ValueError(f"a sparse X must have at most {_MOST_COLUMNS} columns: {columns}")
    return (
        np.array(starts, np.int64),
        np.array(indices[:stored], np.int32),
        in_a_row(X.data[:stored]),
    )


def check_matrix(name: str, array: Floats, like: Floats, columns: int) -> Floats:
    """Return an array (m, columns) of the dtype of `like`, copied only if its strides are odd."""
    if not _is_float(array, like):
        check_float(name, array, like)
    if array.ndim != 2 or array.shape[1] != columns:
        raise ValueError(f"{name} must have shape (m, {columns}): {array.shape}")
    if (flags := array.flags).c_contiguous and flags.aligned:
        return array
    if any(stride % array.itemsize for stride in array.strides) or not array.flags.aligned:
        return array.copy()  # a field of a record array: its elements lie between others
    return array


def _is_float(array: Floats, like: Floats) -> bool:
    """Whether the dtype is identical, which is fast to see: NumPy has one object for each dtype."""
    return (
        type(array) is np.ndarray
        and array.dtype is like.dtype
        and (like.dtype is _FLOAT64 or like.dtype is _FLOAT32)
    )


def check_float(name: str, array: Floats, like: Floats) -> None:
    """Check that it is an array of the dtype of `like`, float32 or float64."""
    if not isinstance(array, np.ndarray):
        raise TypeError(f"{name} must be a NumPy array: {type(array).__name__}")
    if array.dtype.char not in "fd" or not array.dtype.isnative:
        raise TypeError(f"{name} must be float32 or float64 in native byte order: {array.dtype!r}")
    if array.dtype != like.dtype:
        raise TypeError(f"{name} must be {like.dtype} as Θ1 is: {array.dtype}")


def check_writeable(name: str, array: Floats) -> None:
    """Check that it may be changed in place."""
    if not array.flags.writeable:
        raise ValueError(f"{name} is changed in place, and it is read-only")


def check_slots(optimizer: Optimizer, slots: Slots, arrays: Sequence[Floats]) -> None:
    """Check that the native engine supports the optimizer, and that its slots match the arrays."""
    kind = type(optimizer).__name__
    if kind not in _native.RULES:
        raise ValueError(f"the optimizer must be one of {', '.join(_native.RULES)}: {kind}")
    _, n_slots, _ = _native.RULES[kind]
    if len(slots) != n_slots:
        raise ValueError(f"{kind} keeps {n_slots} slots: {len(slots)}")
    for slot in slots:
        if len(slot) != len(arrays):
            raise ValueError(f"a slot must hold {len(arrays)} arrays, one per layer: {len(slot)}")
        for array, like in zip(slot, arrays, strict=True):
            check_float("a slot", array, like)
            if array.shape != like.shape or not array.flags.c_contiguous:
                raise ValueError(
                    f"a slot must be C-contiguous of shape {like.shape}, as its Θ is: "
                    f"shape {array.shape}, strides {array.strides}"
                )
            check_writeable("a slot", array)


def check_order(order: NDArray[np.integer] | None, epochs: int) -> NDArray[np.int64] | None:
    """Return the rows (epochs, n) that each epoch takes in their order, or None."""
    if order is None:
        return None
    if not isinstance(order, np.ndarray) or order.dtype.kind not in "iu":
        raise TypeError(f"order must be an array of integers: {type(order).__name__}")
    if order.ndim != 2 or len(order) != epochs or order.shape[1] < 1:
        raise ValueError(
            f"order must have a row for each of {epochs} epochs, of at least one row number: "
            f"{order.shape}"
        )
    return np.require(order, np.int64, ("C", "A"))  # the native code checks the numbers


def check_shuffle(
    shuffle: Shuffle | None, order: NDArray[np.integer] | None, m: int
) -> NDArray[np.uint32] | None:
    """Return the generator's state, see `twister_state`; None where nothing is to be shuffled."""
    if shuffle is None:
        return None
    rng, indices = shuffle
    if indices is None or rng is None or order is not None:
        raise ValueError("indices and rng go together, and without an order")
    if (
        not isinstance(indices, np.ndarray)
        or indices.dtype != np.int64
        or not (indices.flags.c_contiguous and indices.flags.aligned)
    ):
        raise TypeError("indices must be a contiguous and aligned array of int64")
    if indices.shape != (m,):
        raise ValueError(f"indices must hold {m} row numbers: {indices.shape}")
    check_writeable("indices", indices)
    state = twister_state(rng)
    if state is None:
        raise TypeError("rng must draw from an MT19937, as RandomState does by default")
    if state[-1] > WORDS:
        raise ValueError(f"the position of rng must be from 0 to {WORDS}: {state[-1]}")
    return state
