"""Sums over one part, computed where it is stored: vectors in float64, to be added."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from multilayer.engine.arrays import take_rows
from multilayer.engine.choice import engine_for
from multilayer.engine.interface import Descent, Epochs, Examples, Objective
from multilayer.shards.data import Shard, Sums

__all__ = ["LocalSteps", "batch_sums", "cost_sums", "gradient_sums", "local_steps"]

Array = NDArray[Any]


def cost_sums(shard: Shard, thetas: Sequence[Array], objective: Objective) -> Sums:
    """Compute Σ of the weights, and of the costs by their weights."""
    if not shard.weight:
        return np.zeros(2)
    cost = engine_for(thetas, shard.examples, objective).cost()
    return np.array([shard.weight, cost * shard.weight])


def gradient_sums(shard: Shard, thetas: Sequence[Array], objective: Objective) -> Sums:
    """Compute Σ of the weights, of the costs, and ΔΘ = Σ of the gradients."""
    return _gradient(thetas, shard.examples, objective)


def batch_sums(
    shard: Shard,
    thetas: Sequence[Array],
    objective: Objective,
    seed: int | None,
    step: int,
    steps: int,
) -> Sums:
    """Compute the same of the part's share of one batch.

    Parameters
    ----------
    seed : int, optional
        Of the order of the rows in this epoch.
    step, steps : int
        Which step of the epoch it is, the first being 0, and how many there are.
    """
    rows = _share(shard, seed, step, step + 1, steps)
    X, Y, weights = shard.examples
    weights = None if weights is None else weights[rows]
    return _gradient(thetas, Examples(take_rows(X, rows), take_rows(Y, rows), weights), objective)


@dataclass(frozen=True)
class LocalSteps:
    """The settings of steps that a part makes by itself.

    Attributes
    ----------
    objective : Objective
    descent : Descent
    rates : ndarray or None
        The learning rates of these steps.
    steps_before : int
    rows : int
        Of all parts.
    """

    objective: Objective
    descent: Descent
    rates: Array | None
    steps_before: int
    rows: int

    def lengthened(self, rows: int) -> tuple[Any, Array | None]:
        """Return the optimizer, and its rates, for a part with this number of rows.

        Of a share of the batch, D is noisier by √(all rows / rows). Where steps are shorter for
        that, averaging gives back less noise, but not their length: they are made longer.
        """
        optimizer = self.descent.optimizer
        if not optimizer.normalises:
            return optimizer, self.rates
        longer = (self.rows / rows) ** 0.5
        changes = {"learning_rate": optimizer.learning_rate * longer}
        if hasattr(optimizer, "weight_decay"):  # which goes with the rate, but is no gradient
            changes["weight_decay"] = optimizer.weight_decay / longer
        rates = None if self.rates is None else self.rates * longer
        return replace(optimizer, **changes), rates


def local_steps(
    shard: Shard,
    thetas: Sequence[Array],
    slots: Sequence[Sequence[Array]],
    local: LocalSteps,
    seed: int | None,
    first: int,
    last: int,
    steps: int,
) -> Sums:
    """Make the steps first … last − 1 of an epoch.

    Returns
    -------
    ndarray
        Rows learned from; and by that multiplied: the mean cost, Θ and slots.
    """
    arrays = [*thetas, *(array for slot in slots for array in slot)]
    rows = _share(shard, seed, first, last, steps)
    weights, n = shard.examples.weights, len(rows)
    if not n or (weights is not None and not weights[rows].any()):
        return np.zeros(2 + sum(array.size for array in arrays))
    own = [theta.copy() for theta in thetas]
    memory = [[array.copy() for array in slot] for slot in slots]
    optimizer, rates = local.lengthened(len(shard))
    descent = replace(
        local.descent,
        optimizer=optimizer,
        batch_size=-(-n // (last - first)),
        dropout_seed=(local.descent.dropout_seed + shard.index * 0x9E3779B97F4A7C15) % 2**64,
    )
    report = engine_for(own, shard.examples, local.objective).train(
        descent,
        memory,
        Epochs(steps_before=local.steps_before, rates=rates, order=rows[None, :]),
    )
    cost = report.costs[0] if len(report.costs) else np.inf
    arrays = [*own, *(array for slot in memory for array in slot)]
    flat = np.concatenate([array.ravel() for array in arrays]).astype(np.float64)
    return np.concatenate([[n, n * cost], n * flat])


def _share(shard: Shard, seed: int | None, first: int, last: int, steps: int) -> Array:
    """Return the part's rows of the steps first … last − 1 of an epoch."""
    n = len(shard)
    # Short parts, which have no row at many steps, should not all have theirs at the same ones.
    phase = shard.index * 0.6180339887498949 % 1
    begin, end = (int(n * step / steps + phase) for step in (first, last))
    return shard.order(seed)[begin : n if last == steps else end]


def _gradient(thetas: Sequence[Array], examples: Examples, objective: Objective) -> Sums:
    weights = examples.weights
    weight = float(examples.X.shape[0] if weights is None else weights.sum(dtype=np.float64))
    if not weight:
        return np.zeros(2 + sum(theta.size for theta in thetas))
    cost, D = engine_for(thetas, examples, objective).cost_and_gradient()
    flat = np.concatenate([d.ravel() for d in D]).astype(np.float64)
    return np.concatenate([[weight, weight * cost], weight * flat])
