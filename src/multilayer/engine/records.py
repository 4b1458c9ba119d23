"""The records of the interface as the native code takes them, checked on the way.

An error states the rule and the value that violates it, in one sentence.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from multilayer import _native
from multilayer.dropout import check_rate
from multilayer.embedding import MOST_DIMENSIONS, MOST_FREQUENCIES, Embedding, ExtraParameters
from multilayer.engine.interface import Descent, Epochs, Objective, Validation
from multilayer.losses import check_smoothing, resolve
from multilayer.outputs import parts

__all__ = [
    "check_alone",
    "check_dense",
    "native_descent",
    "native_epochs",
    "native_extra",
    "native_objective",
    "native_scores",
]

Floats = NDArray[Any]  # float32 or float64

_HUGE = np.iinfo(np.int64).max


def native_objective(
    objective: Objective, units: dict[str, Any], Y: NDArray[Any], K: int
) -> _native.Objective:
    """Return the native record of an objective.

    Parameters
    ----------
    objective : Objective
    units : dict
        What `check_network` returned.
    Y : ndarray
        The targets; some losses do not accept all values.
    K : int
        The number of output units.
    """
    loss, output = resolve(objective.loss, objective.output), objective.output
    kind = type(loss).__name__
    if kind not in _native.LOSSES:
        raise ValueError(
            f"the native engine supports only the losses {', '.join(_native.LOSSES)}: {kind}"
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


def native_descent(
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
        Whether the inputs are embedded; then there is no dropout of inputs.
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


def native_epochs(epochs: Epochs) -> _native.Epochs:
    """Return the native record of the epochs of a call, without an order of the rows."""
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


def native_scores(validation: Validation) -> _native.Scores:
    """Return the native record of how epochs are scored."""
    native = _native.Scores()
    native.accuracy, native.cost_share = validation.accuracy, float(validation.cost_share)
    native.tol, native.patience = float(validation.tol), float(validation.patience)
    native.best, native.stale = float(validation.best), int(validation.stale)
    return native


def check_dropout(
    dropout: Sequence[float] | None, seed: int, thetas: Sequence[Floats]
) -> tuple[list[float], int]:
    """Return the rates of all layers but the last (empty if all are zero), and the seed."""
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
    return np.require(rates, requirements=("C", "A"))


def check_dense(X: Any, extra: ExtraParameters | None) -> None:
    """Check that rows to be embedded are not sparse; other arrays are checked elsewhere."""
    if extra is not None and extra.embedding is not None and not isinstance(X, np.ndarray):
        raise TypeError(
            f"rows to be embedded must be a NumPy array, and not sparse: {type(X).__name__}"
        )


def check_alone(extra: ExtraParameters | None, *penalties: float) -> None:
    """Check that extra parameters, which have only a decay, come without penalties and limits."""
    if extra is not None and extra.arrays and any(penalties):
        raise ValueError("lambda_, l1, clip_norm and max_norm do not go with extra parameters")


def native_extra(
    extra: ExtraParameters | None, thetas: Sequence[Floats]
) -> _native.ExtraParameters:
    """Return the native record of the extra parameters, without their arrays."""
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
