"""What the native code may be given: every rule is checked here, before it is entered.

Whatever is wrong with an argument is said in one sentence that states the rule and the value met.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from multilayer import _native
from multilayer.dropout import check_rate
from multilayer.embedding import MOST_DIMENSIONS, MOST_FREQUENCIES, Embedding, ExtraParameters
from multilayer.engine.interface import Descent, Epochs, Objective, Shuffle, Slots
from multilayer.losses import check_smoothing, resolve
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


def check_objective(
    objective: Objective, units: dict[str, Any], Y: NDArray[Any], K: int
) -> _native.Objective:
    """Return the native record of an objective.

    Parameters
    ----------
    objective : Objective
    units : dict
        What `check_network` returned.
    Y : ndarray
        The targets: some losses do not take all of them.
    K : int
        The number of output units.
    """
    loss, output = resolve(objective.loss, objective.output), objective.output
    kind = type(loss).__name__
    if kind not in _native.LOSSES:
        raise ValueError(
            f"the native engine runs the losses {', '.join(_native.LOSSES)}, and equations any: "
            f"{kind}"
        )
    check_smoothing(objective.label_smoothing, output)
    labelled = Y.ndim == 1
    if labelled and len(parts(output, K)) > 1:
        raise ValueError(f"Y must be one-hot, (m, {K}), for groups of softmax: {Y.shape}")
    if kind == "Gamma" and (low := 0 if labelled and K > 1 else Y.min()) <= 0:
        raise ValueError(f"Y must be positive for the gamma loss: {low}")
    code, number = _native.LOSSES[kind]
    rows = objective.penalty_rows
    return _native.Objective(
        **units,
        loss=code,
        loss_number=0.0 if number is None else float(getattr(loss, number)),
        label_smoothing=float(objective.label_smoothing),
        lambda_=check_strength("lambda_", objective.lambda_),
        l1=check_strength("l1", objective.l1),
        penalty_rows=0.0 if rows is None else check_bound("penalty_rows", rows),
        cost_share=check_bound("cost_share", objective.cost_share),
    )


def check_descent(
    descent: Descent, thetas: Sequence[Floats], rows: int, embedded: bool
) -> _native.Descent:
    """Return the native record of a descent.

    Parameters
    ----------
    descent : Descent
    thetas : sequence of arrays
    rows : int
        Of an epoch.
    embedded : bool
        Whether the inputs are embedded; then none of them can be left out.
    """
    batch_size = rows if descent.batch_size is None else descent.batch_size
    if not 1 <= batch_size <= rows:
        raise ValueError(f"batch_size must be from 1 to the number of rows, {rows}: {batch_size}")
    rates, seed = check_dropout(descent.dropout, descent.dropout_seed, thetas)
    if embedded and any(rates[:1]):
        raise ValueError(f"inputs that are embedded have no dropout: {rates[0]}")
    rule, _, names = _native.RULES[type(descent.optimizer).__name__]
    return _native.Descent(
        rule=rule,
        numbers=[float(getattr(descent.optimizer, name)) for name in names],
        batch_size=int(batch_size),
        clip_norm=check_bound("clip_norm", descent.clip_norm),
        max_norm=check_bound("max_norm", descent.max_norm),
        dropout=rates,
        dropout_seed=seed,
    )


def check_epochs(epochs: Epochs) -> _native.Epochs:
    """Return the native record of the epochs of a call, still without an order of the rows."""
    for name, value in [
        ("epochs", epochs.count),
        ("steps_before", epochs.steps_before),
        ("max_steps", epochs.max_steps or 0),
    ]:
        if not 0 <= value <= _HUGE:
            raise ValueError(f"{name} must be from 0 to {_HUGE}: {value}")
    native = _native.Epochs()
    native.count, native.steps_before = int(epochs.count), int(epochs.steps_before)
    native.rates = check_rates(epochs.rates)
    native.max_steps = _HUGE if epochs.max_steps is None else int(epochs.max_steps)
    if epochs.rates is not None:  # there is a rate for each step
        native.max_steps = min(native.max_steps, len(epochs.rates))
    native.tol = float(epochs.tol)
    native.patience = np.inf if epochs.patience is None else float(epochs.patience)
    native.best, native.stale = float(epochs.plateau.best), epochs.plateau.stale
    return native


def check_dropout(
    dropout: Sequence[float] | None, seed: int, thetas: Sequence[Floats]
) -> tuple[list[float], int]:
    """Return the rate of each layer but the last, none where all are zero; and the seed."""
    rates = [] if dropout is None else [float(rate) for rate in dropout]
    if dropout is not None and len(rates) != len(thetas):
        raise ValueError(
            f"dropout must hold {len(thetas)} rates, of the inputs and of each hidden layer: "
            f"{len(rates)}"
        )
    for rate in rates:
        check_rate(rate)
    if not 0 <= seed < 2**64:
        raise ValueError(f"dropout_seed must be from 0 to {2**64 - 1}: {seed}")
    return rates, int(seed)


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
        labels = np.ascontiguousarray(Y, np.int32)
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
        weights = np.ascontiguousarray(weights)
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
    """Return where each row of a CSR matrix starts, the columns and the values, as they lie."""
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
        np.ascontiguousarray(starts, np.int64),
        np.ascontiguousarray(indices, np.int32),
        np.ascontiguousarray(X.data),
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
    """Whether a glance is enough: NumPy keeps one object of each of its own dtypes."""
    return (
        type(array) is np.ndarray
        and array.dtype is like.dtype
        and (like.dtype is _FLOAT64 or like.dtype is _FLOAT32)
    )


def check_float(name: str, array: Floats, like: Floats) -> None:
    """See that it is an array of the dtype of `like`, float32 or float64."""
    if not isinstance(array, np.ndarray):
        raise TypeError(f"{name} must be a NumPy array: {type(array).__name__}")
    if array.dtype.char not in "fd" or not array.dtype.isnative:
        raise TypeError(f"{name} must be float32 or float64 in native byte order: {array.dtype!r}")
    if array.dtype != like.dtype:
        raise TypeError(f"{name} must be {like.dtype} as Θ1 is: {array.dtype}")


def check_writeable(name: str, array: Floats) -> None:
    """See that it may be changed in place."""
    if not array.flags.writeable:
        raise ValueError(f"{name} is changed in place, and it is read-only")


def check_slots(optimizer: Optimizer, slots: Slots, arrays: Sequence[Floats]) -> None:
    """Check that the native engine knows the optimizer, and that its slots are like the arrays."""
    kind = type(optimizer).__name__
    if kind not in _native.RULES:
        raise ValueError(f"the optimizer must be one of {', '.join(_native.RULES)}: {kind}")
    _, n_slots, _ = _native.RULES[kind]
    if len(slots) != n_slots:
        raise ValueError(f"{kind} keeps {n_slots} slots: {len(slots)}")
    for slot in slots:
        if len(slot) != len(arrays):
            raise ValueError(f"a slot must hold {len(arrays)} arrays, one a layer: {len(slot)}")
        for array, like in zip(slot, arrays, strict=True):
            check_float("a slot", array, like)
            if array.shape != like.shape or not array.flags.c_contiguous:
                raise ValueError(
                    f"a slot must be C-contiguous of shape {like.shape}, as its Θ is: "
                    f"shape {array.shape}, strides {array.strides}"
                )
            check_writeable("a slot", array)


def check_strength(name: str, value: float) -> float:
    """Return the strength of a penalty, finite and not negative."""
    if not 0 <= value < np.inf:
        raise ValueError(f"{name} must be finite and not negative: {value}")
    return float(value)


def check_bound(name: str, value: float) -> float:
    """Return a positive number, infinity included."""
    if not value > 0:
        raise ValueError(f"{name} must be positive: {value}")
    return float(value)


def check_rates(rates: NDArray[np.float64] | None) -> NDArray[np.float64] | None:
    """Return the learning rates of the steps to come, or None."""
    if rates is None:
        return None
    if not isinstance(rates, np.ndarray) or rates.dtype != np.float64 or rates.ndim != 1:
        raise TypeError("rates must be an array (steps,) of float64")
    bad = rates[~((rates >= 0) & (rates < np.inf))]
    if len(bad):
        raise ValueError(f"rates must be finite and not negative: {bad[0]}")
    return np.ascontiguousarray(rates)


def check_order(order: NDArray[np.integer] | None, epochs: int, m: int) -> NDArray[np.int64] | None:
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
    if order.size and (order.min() < 0 or order.max() >= m):
        raise ValueError(
            f"order must hold row numbers from 0 to {m - 1}: {order.min()} to {order.max()}"
        )
    return np.ascontiguousarray(order, np.int64)


def check_shuffle(
    shuffle: Shuffle | None, order: NDArray[np.integer] | None, m: int
) -> dict[str, Any] | None:
    """Return a copy of the generator's state, or None where nothing is to be shuffled."""
    if shuffle is None:
        return None
    rng, indices = shuffle
    if indices is None or rng is None or order is not None:
        raise ValueError("indices and rng go together, and without an order")
    if (
        not isinstance(indices, np.ndarray)
        or indices.dtype != np.int64
        or not indices.flags.c_contiguous
    ):
        raise TypeError("indices must be a contiguous array of int64")
    if indices.shape != (m,) or indices.min() < 0 or indices.max() >= m:
        raise ValueError(f"indices must hold {m} row numbers from 0 to {m - 1}")
    check_writeable("indices", indices)
    state = rng.get_state(legacy=False)
    if not isinstance(state, dict) or state["bit_generator"] != "MT19937":
        raise TypeError("rng must draw from an MT19937, as RandomState does by default")
    return state


def check_dense(X: Any, extra: ExtraParameters | None) -> None:
    """See that rows to be embedded are no sparse ones; other arrays are checked elsewhere."""
    if extra is not None and extra.embedding is not None and not isinstance(X, np.ndarray):
        raise TypeError(
            f"rows to be embedded must be a NumPy array, and not sparse: {type(X).__name__}"
        )


def check_alone(extra: ExtraParameters | None, *penalties: float) -> None:
    """See that nothing but the data and a decay pulls at what is trained extra Θ."""
    if extra is not None and extra.arrays and any(penalties):
        raise ValueError("lambda_, l1, clip_norm and max_norm do not go with what is extra Θ")


def check_extra(extra: ExtraParameters | None, thetas: Sequence[Floats]) -> _native.ExtraParameters:
    """Return the native record of what is trained beside Θ, without its arrays."""
    native = _native.ExtraParameters()
    if extra is None:
        return native
    names, arrays = extra.names, extra.arrays
    for name, array in zip(names, arrays, strict=True):
        if array.ndim != (wanted := 2 if name in ("periodic", "tables") else 1):
            raise ValueError(f"{name} must have {wanted} dimensions: {array.shape}")
    if extra.embedding is not None:
        _check_embedding(extra.embedding, thetas[0].shape[1] - 1)
        native.plain, native.numbers = extra.embedding.n_plain, extra.embedding.n_numbers
        native.frequencies = extra.embedding.n_frequencies
        native.dimensions = extra.embedding.n_dimensions
        native.width = int(extra.embedding.tables.shape[1])
        native.first_rows = extra.embedding.first_rows
    if extra.mixes:
        widths = [(len(theta),) for theta in thetas[:-1]]
        if (met := [mix.shape for mix in extra.mixes]) != widths:
            raise ValueError(f"mixes must have the shapes {widths} of the hidden layers: {met}")
    for name, array in zip(names, arrays, strict=True):
        if array.dtype != thetas[0].dtype or not array.flags.c_contiguous:
            raise TypeError(
                f"{name} must be C-contiguous and {thetas[0].dtype} as Θ1 is: {array.dtype}, "
                f"strides {array.strides}"
            )
    for name, factors, n in (
        ("rates", extra.rates, 2 * len(thetas) + len(arrays)),
        ("decays", extra.decays, len(arrays)),
    ):
        if len(factors) not in (0, n) or not all(0 <= factor < np.inf for factor in factors):
            raise ValueError(f"{name} must be {n} finite factors, not negative: {list(factors)}")
    native.rates, native.decays = list(map(float, extra.rates)), list(map(float, extra.decays))
    return native


def _check_embedding(embedding: Embedding, inputs: int) -> None:
    K, D = embedding.n_frequencies, embedding.n_dimensions
    if not (1 <= K <= MOST_FREQUENCIES and 1 <= D <= MOST_DIMENSIONS):
        raise ValueError(
            f"a number may have from 1 to {MOST_FREQUENCIES} frequencies and from 1 to "
            f"{MOST_DIMENSIONS} features: {K} and {D}"
        )
    if embedding.periodic.shape[1] != (2 + D) * K + D:
        raise ValueError(
            f"periodic must have {(2 + D) * K + D} columns: {embedding.periodic.shape}"
        )
    if not embedding.n_numbers <= embedding.n_plain or embedding.n_columns < 1:
        raise ValueError(
            f"there must be as many plain columns as numbers: {embedding.n_plain}, "
            f"{embedding.n_numbers}"
        )
    if min(embedding.n_codes, default=1) < 1 or sum(embedding.n_codes) != len(embedding.tables):
        raise ValueError(
            f"tables must have {sum(embedding.n_codes)} rows, at least one for each category: "
            f"{len(embedding.tables)}"
        )
    if not embedding.n_outputs == len(embedding.scale) == inputs:
        raise ValueError(
            f"the embedding's {embedding.n_outputs} outputs, its scales and the inputs of Θ1 must "
            f"be as many: {len(embedding.scale)} and {inputs}"
        )
