"""The only door to the native code: arrays are checked here once, then handed over as they lie.

Whatever is wrong with an argument is said here, before native code is entered, in one sentence that
states the rule and the value met.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from multilayer import _native

if TYPE_CHECKING:
    from multilayer.optimizers import Optimizer

__all__ = ["Progress", "Report", "cost", "cost_and_gradient", "forward", "train"]

Floats = NDArray[Any]  # float32 or float64

_HUGE = np.iinfo(np.int64).max
_MAX_THREADS = 1024
_FLOAT32, _FLOAT64 = np.dtype(np.float32), np.dtype(np.float64)


@dataclass
class Progress:
    """State of the stopping rule, carried from one call of `train` to the next.

    Attributes
    ----------
    best : float
        The lowest cost of an epoch so far.
    stale : int
        How many epochs in a row have not come below `best` by more than `tol`.
    """

    best: float = np.inf
    stale: int = 0


class Report(NamedTuple):
    """What a call of `train` did.

    Attributes
    ----------
    costs : ndarray of float64, shape (finished epochs,)
        The mean over the rows of each epoch of their batch's cost before its update.
    steps : int
        Updates made.
    status : {"finished", "converged", "diverged", "interrupted"}
    """

    costs: NDArray[np.float64]
    steps: int
    status: str


def forward(
    thetas: Sequence[Floats],
    X: Floats,
    hidden: Sequence[str],
    output: str,
    n_threads: int | None = None,
) -> Floats:
    """Carry X through the network.

    Parameters
    ----------
    thetas : sequence of C-contiguous arrays, shapes (s_{l+1}, s_l + 1)
        Θ, biases in column 0; all float32 or all float64.
    X : ndarray, shape (m, s_1)
        Of the dtype of Θ, in any layout.
    hidden : sequence of str
        The activation of each hidden layer.
    output : str
        The output unit.
    n_threads : int, optional
        How many threads at most; by default as many as the process may use.

    Returns
    -------
    H : ndarray, shape (m, K)

    Raises
    ------
    ValueError, TypeError
        When an argument breaks one of these rules.
    """
    codes = _check_network(thetas, hidden, output)
    X = _check_matrix("X", X, thetas[0], columns=thetas[0].shape[1] - 1)
    H = np.empty((len(X), len(thetas[-1])), X.dtype)
    if len(X):
        _native.forward(list(thetas), X, H, *codes, _threads(n_threads))
    return H


def cost_and_gradient(
    thetas: Sequence[Floats],
    X: Floats,
    Y: NDArray[Any],
    hidden: Sequence[str],
    output: str,
    lambda_: float = 0.0,
    weights: Floats | None = None,
    n_threads: int | None = None,
) -> tuple[float, list[Floats]]:
    """Compute cost J and gradient D, as `equations.cost` and `equations.backpropagation` do.

    Parameters
    ----------
    thetas, X, hidden, output, n_threads
        As for `forward`.
    Y : ndarray, shape (m, K) or (m,)
        Targets of the dtype of Θ, or integers: the class of each row (for one unit, its 0 or 1).
    lambda_ : float
        λ, the strength of the penalty.
    weights : ndarray, shape (m,), optional
        The weight of each row; the divisor of J is then their sum instead of m.

    Returns
    -------
    J : float
    D : list of ndarrays, shaped like `thetas`

    Raises
    ------
    ValueError, TypeError
        When an argument breaks one of these rules.
    """
    gradients = [np.empty_like(theta) for theta in thetas]
    return _cost(thetas, X, Y, hidden, output, lambda_, weights, gradients, n_threads), gradients


def cost(
    thetas: Sequence[Floats],
    X: Floats,
    Y: NDArray[Any],
    hidden: Sequence[str],
    output: str,
    lambda_: float = 0.0,
    weights: Floats | None = None,
    n_threads: int | None = None,
) -> float:
    """Compute the cost J alone; parameters and errors are those of `cost_and_gradient`."""
    return _cost(thetas, X, Y, hidden, output, lambda_, weights, [], n_threads)


def train(
    thetas: Sequence[Floats],
    X: Floats,
    Y: NDArray[Any],
    hidden: Sequence[str],
    output: str,
    optimizer: Optimizer,
    slots: Sequence[Sequence[Floats]],
    *,
    lambda_: float = 0.0,
    weights: Floats | None = None,
    batch_size: int | None = None,
    order: NDArray[np.integer] | None = None,
    rows: NDArray[np.int64] | None = None,
    rng: np.random.RandomState | None = None,
    epochs: int = 1,
    steps_before: int = 0,
    max_steps: int | None = None,
    tol: float = -np.inf,
    patience: float | None = None,
    progress: Progress | None = None,
    n_threads: int | None = None,
) -> Report:
    """Train for many epochs in one call; Θ and the slots are changed in place.

    Parameters
    ----------
    thetas, X, Y, hidden, output, lambda_, weights, n_threads
        As for `cost_and_gradient`; Θ must be writeable.
    optimizer : Optimizer
        A record of `multilayer.optimizers`.
    slots : sequence of sequences of arrays shaped like Θ
        What the optimizer remembers, see `Optimizer.start`.
    batch_size : int, optional
        Rows of a batch, the last of an epoch may be smaller; by default all rows.
    order : ndarray of int, shape (epochs, m), optional
        The order of the rows in each epoch; by default as they lie.
    rows : ndarray of int64, shape (m,), optional
        Row numbers that are shuffled in place before each epoch, as `rng.shuffle(rows)` would do
        it, and then are the order of that epoch.
    rng : RandomState on an MT19937, optional
        Draws that order; its state goes on as if it had shuffled itself. Goes with `rows`.
    epochs : int
        How many epochs at most.
    steps_before : int
        Updates made before this call.
    max_steps : int, optional
        How many updates at most.
    tol, patience : float
        Stop when, more than `patience` epochs in a row, the cost has not come below the best by
        more than `tol`. No `patience`, no such stop.
    progress : Progress, optional
        State of that rule, updated in place.

    Returns
    -------
    report : Report
        `status` is "diverged" when the cost of a batch was infinite or NaN: its step is not made.
        It is "interrupted" after Ctrl-C: Θ and slots are those of the last finished epoch.

    Raises
    ------
    ValueError, TypeError
        When an argument breaks one of these rules.
    """
    codes = _check_network(thetas, hidden, output)
    examples = _check_examples(thetas, X, Y, weights)
    m = len(X)
    for number, theta in enumerate(thetas, 1):
        _check_writeable(f"Θ{number}", theta)
    rule, numbers = _check_optimizer(optimizer, slots, thetas)
    batch_size = m if batch_size is None else batch_size
    if not 1 <= batch_size <= m:
        raise ValueError(f"batch_size must be from 1 to the number of rows, {m}: {batch_size}")
    for name, value in [
        ("epochs", epochs),
        ("steps_before", steps_before),
        ("max_steps", max_steps or 0),
    ]:
        if not 0 <= value <= _HUGE:
            raise ValueError(f"{name} must be from 0 to {_HUGE}: {value}")
    progress = Progress() if progress is None else progress
    state = _check_shuffle(rows, rng, order, m)
    costs, steps, status, progress.best, progress.stale, position = _native.train(
        list(thetas),
        *examples,
        *codes,
        rule,
        numbers,
        [list(slot) for slot in slots],
        _check_lambda(lambda_),
        int(batch_size),
        _check_order(order, epochs, m),
        rows,
        state["state"]["key"] if state else None,
        state["state"]["pos"] if state else 0,
        int(epochs),
        int(steps_before),
        _HUGE if max_steps is None else int(max_steps),
        float(tol),
        np.inf if patience is None else float(patience),
        float(progress.best),
        progress.stale,
        _threads(n_threads),
    )
    if rng is not None and state is not None:
        state["state"]["pos"] = position
        rng.set_state(state)
    return Report(np.array(costs, np.float64), steps, status)


def _cost(
    thetas: Sequence[Floats],
    X: Floats,
    Y: NDArray[Any],
    hidden: Sequence[str],
    output: str,
    lambda_: float,
    weights: Floats | None,
    gradients: list[Floats],
    n_threads: int | None,
) -> float:
    codes = _check_network(thetas, hidden, output)
    examples = _check_examples(thetas, X, Y, weights)
    lambda_ = _check_lambda(lambda_)
    return _native.cost(list(thetas), *examples, *codes, lambda_, gradients, _threads(n_threads))


def _check_network(
    thetas: Sequence[Floats], hidden: Sequence[str], output: str
) -> tuple[list[int], int]:
    """Return the codes of the activations and of the output unit."""
    if len(thetas) == 0:
        raise ValueError("thetas must hold at least one array, and it is empty")
    units = None
    for number, theta in enumerate(thetas, 1):
        if not _is_float(theta, thetas[0]):
            _check_float(f"Θ{number}", theta, thetas[0])
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
    return codes, _code(_native.OUTPUTS, "an output unit", output)


def _code(table: dict[str, int], what: str, name: str) -> int:
    try:
        return table[name]
    except (KeyError, TypeError):
        raise ValueError(f"{what} must be one of {', '.join(table)}: {name!r}") from None


def _check_examples(
    thetas: Sequence[Floats], X: Floats, Y: NDArray[Any], weights: Floats | None
) -> tuple[Floats, Floats | None, NDArray[np.int32] | None, Floats | None]:
    """Return X, targets or None, labels or None, weights."""
    X = _check_matrix("X", X, thetas[0], columns=thetas[0].shape[1] - 1)
    if len(X) == 0:
        raise ValueError("X must have at least one row, and it has none")
    K = len(thetas[-1])
    labels = targets = None
    if isinstance(Y, np.ndarray) and Y.dtype.kind in "iu":
        if Y.shape != (len(X),):
            raise ValueError(
                f"Y must have shape {(len(X),)} when it holds class indices: {Y.shape}"
            )
        low, high = Y.min(), Y.max()
        if low < 0 or high >= max(K, 2):
            met = low if low < 0 else high
            raise ValueError(f"class indices must be from 0 to {max(K, 2) - 1}: {met}")
        labels = np.ascontiguousarray(Y, np.int32)
    else:
        targets = _check_matrix("Y", Y, thetas[0], columns=K)
        if len(targets) != len(X):
            raise ValueError(f"X has {len(X)} rows, but Y has {len(targets)}")
    if weights is not None:
        _check_float("weights", weights, thetas[0])
        if weights.shape != (len(X),):
            raise ValueError(f"weights must have shape {(len(X),)}: {weights.shape}")
        if not (weights.min() >= 0 and 0 < weights.sum() < np.inf):
            raise ValueError("weights must be finite, not negative, and not all zero")
        weights = np.ascontiguousarray(weights)
    return X, targets, labels, weights


def _check_matrix(name: str, array: Floats, like: Floats, columns: int) -> Floats:
    if not _is_float(array, like):
        _check_float(name, array, like)
    if array.ndim != 2 or array.shape[1] != columns:
        raise ValueError(f"{name} must have shape (m, {columns}): {array.shape}")
    flags = array.flags
    if flags.c_contiguous and flags.aligned:
        return array
    if any(stride % array.itemsize for stride in array.strides) or not array.flags.aligned:
        return array.copy()  # a field of a record array: its elements lie between others
    return array


def _is_float(array: Floats, like: Floats) -> bool:
    """Whether a glance is enough: NumPy keeps one object of each of its own dtypes."""
    return (
        type(array) is np.ndarray
        and array.dtype is like.dtype
        and (like.dtype is _FLOAT64 or like.dtype is _FLOAT32)
    )


def _check_float(name: str, array: Floats, like: Floats) -> None:
    if not isinstance(array, np.ndarray):
        raise TypeError(f"{name} must be a NumPy array: {type(array).__name__}")
    if array.dtype.char not in "fd" or not array.dtype.isnative:
        raise TypeError(f"{name} must be float32 or float64 in native byte order: {array.dtype!r}")
    if array.dtype != like.dtype:
        raise TypeError(f"{name} must be {like.dtype} as Θ1 is: {array.dtype}")


def _check_writeable(name: str, array: Floats) -> None:
    if not array.flags.writeable:
        raise ValueError(f"{name} is changed in place, and it is read-only")


def _check_optimizer(
    optimizer: Optimizer, slots: Sequence[Sequence[Floats]], thetas: Sequence[Floats]
) -> tuple[int, list[float]]:
    kind = type(optimizer).__name__
    if kind not in _native.RULES:
        raise ValueError(f"the optimizer must be one of {', '.join(_native.RULES)}: {kind}")
    rule, n_slots, names = _native.RULES[kind]
    if len(slots) != n_slots:
        raise ValueError(f"{kind} keeps {n_slots} slots: {len(slots)}")
    for slot in slots:
        if len(slot) != len(thetas):
            raise ValueError(f"a slot must hold {len(thetas)} arrays, one a layer: {len(slot)}")
        for array, theta in zip(slot, thetas, strict=True):
            _check_float("a slot", array, theta)
            if array.shape != theta.shape or not array.flags.c_contiguous:
                raise ValueError(
                    f"a slot must be C-contiguous of shape {theta.shape}, as its Θ is: "
                    f"shape {array.shape}, strides {array.strides}"
                )
            _check_writeable("a slot", array)
    return rule, [float(getattr(optimizer, name)) for name in names]


def _check_lambda(lambda_: float) -> float:
    if not 0 <= lambda_ < np.inf:
        raise ValueError(f"lambda_ must be finite and not negative: {lambda_}")
    return float(lambda_)


def _check_order(
    order: NDArray[np.integer] | None, epochs: int, m: int
) -> NDArray[np.int64] | None:
    if order is None:
        return None
    if not isinstance(order, np.ndarray) or order.dtype.kind not in "iu":
        raise TypeError(f"order must be an array of integers: {type(order).__name__}")
    if order.shape != (epochs, m):
        raise ValueError(f"order must have shape (epochs, m) = {(epochs, m)}: {order.shape}")
    if order.size and (order.min() < 0 or order.max() >= m):
        raise ValueError(
            f"order must hold row numbers from 0 to {m - 1}: {order.min()} to {order.max()}"
        )
    return np.ascontiguousarray(order, np.int64)


def _check_shuffle(
    rows: NDArray[np.int64] | None,
    rng: np.random.RandomState | None,
    order: NDArray[np.integer] | None,
    m: int,
) -> dict[str, Any] | None:
    """Return a copy of the generator's state, or None where nothing is to be shuffled."""
    if rows is None and rng is None:
        return None
    if rows is None or rng is None or order is not None:
        raise ValueError("rows and rng go together, and without an order")
    if not isinstance(rows, np.ndarray) or rows.dtype != np.int64 or not rows.flags.c_contiguous:
        raise TypeError("rows must be a contiguous array of int64")
    if rows.shape != (m,) or rows.min() < 0 or rows.max() >= m:
        raise ValueError(f"rows must hold {m} row numbers from 0 to {m - 1}")
    _check_writeable("rows", rows)
    state = rng.get_state(legacy=False)
    if not isinstance(state, dict) or state["bit_generator"] != "MT19937":
        raise TypeError("rng must draw from an MT19937, as RandomState does by default")
    return state


def _threads(n_threads: int | None) -> int:
    """Return 0 for "as many as the process may use"."""
    if n_threads is None:
        return 0
    if not 1 <= n_threads <= _MAX_THREADS:
        raise ValueError(f"n_threads must be from 1 to {_MAX_THREADS}: {n_threads}")
    return int(n_threads)
