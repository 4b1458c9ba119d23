"""What is computed of one part, where it lies: vectors in float64, to be added up."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from multilayer.engine import array_api as array_engine
from multilayer.engine import native as engine
from multilayer.engine.arrays import take_rows
from multilayer.optimizers import Optimizer

if TYPE_CHECKING:
    from multilayer.shards.data import Shard, Sums

__all__ = ["Judged", "LocalPlan", "batch_sums", "cost_sums", "gradient_sums", "local_steps"]

Array = NDArray[Any]


@dataclass(frozen=True)
class Judged:
    """What a network computes, and by what it is judged."""

    hidden: tuple[Any, ...]
    output: Any
    loss: Any = "auto"
    label_smoothing: float = 0.0


def cost_sums(shard: Shard, thetas: Sequence[Array], judged: Judged) -> Sums:
    """Give Σ of the weights, and of the costs by their weights."""
    if not shard.weight:
        return np.zeros(2)
    X, Y, weights = shard.examples
    runner = array_engine.choose(judged.hidden, judged.loss, X)
    cost = runner.cost(
        thetas, X, Y, judged.hidden, judged.output, weights=weights, loss=judged.loss
    )
    return np.array([shard.weight, cost * shard.weight])


def gradient_sums(shard: Shard, thetas: Sequence[Array], judged: Judged) -> Sums:
    """Give Σ of the weights, of the costs, and ΔΘ = Σ of the gradients, without a penalty."""
    X, Y, weights = shard.examples
    return _gradient(thetas, X, Y, weights, judged)


def batch_sums(
    shard: Shard,
    thetas: Sequence[Array],
    judged: Judged,
    seed: int | None,
    step: int,
    steps: int,
) -> Sums:
    """Give the same of the part's share of one batch.

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
    return _gradient(thetas, take_rows(X, rows), take_rows(Y, rows), weights, judged)


@dataclass(frozen=True)
class LocalPlan:
    """How a part makes steps by itself: arguments of `multilayer.engine.native.train`."""

    judged: Judged
    optimizer: Optimizer
    penalties: dict[str, float]
    rates: Array | None
    dropout: Sequence[float] | None
    dropout_seed: int
    steps_before: int
    rows: int  # of all parts

    def on(self, rows: int) -> tuple[Optimizer, Array | None]:
        """Give the optimizer, and its rates, for a part of so many rows.

        Of a share of the batch, D is noisier by √(all rows / rows). Where steps are shorter for
        that, averaging gives back less noise, but not their length: they are made longer.
        """
        if not self.optimizer.normalises:
            return self.optimizer, self.rates
        longer = (self.rows / rows) ** 0.5
        changes = {"learning_rate": self.optimizer.learning_rate * longer}
        if hasattr(self.optimizer, "weight_decay"):  # which goes with the rate, but is no gradient
            changes["weight_decay"] = self.optimizer.weight_decay / longer
        rates = None if self.rates is None else self.rates * longer
        return replace(self.optimizer, **changes), rates


def local_steps(
    shard: Shard,
    thetas: Sequence[Array],
    slots: Sequence[Sequence[Array]],
    plan: LocalPlan,
    seed: int | None,
    first: int,
    last: int,
    steps: int,
) -> Sums:
    """Make the steps first … last − 1 of an epoch of so many.

    Returns
    -------
    ndarray
        Rows learned from; and by that multiplied: the mean cost, Θ and slots.
    """
    arrays = [*thetas, *(array for slot in slots for array in slot)]
    rows = _share(shard, seed, first, last, steps)
    (X, Y, weights), n = shard.examples, len(rows)
    if not n or (weights is not None and not weights[rows].any()):
        return np.zeros(2 + sum(array.size for array in arrays))
    own = [theta.copy() for theta in thetas]
    memory = [[array.copy() for array in slot] for slot in slots]
    judge = plan.judged
    runner = array_engine.choose(judge.hidden, judge.loss, X)
    if runner is not engine:  # it takes the rows as they lie
        X, Y = take_rows(X, rows), take_rows(Y, rows)
        weights = None if weights is None else weights[rows]
    optimizer, rates = plan.on(len(shard))
    report = runner.train(
        own,
        X,
        Y,
        judge.hidden,
        judge.output,
        optimizer,
        memory,
        loss=judge.loss,
        label_smoothing=judge.label_smoothing,
        weights=weights,
        batch_size=-(-n // (last - first)),
        rates=rates,
        dropout=plan.dropout,
        dropout_seed=(plan.dropout_seed + shard.index * 0x9E3779B97F4A7C15) % 2**64,
        steps_before=plan.steps_before,
        **plan.penalties,
        **({"order": rows[None, :]} if runner is engine else {}),
    )
    cost = report.costs[0] if len(report.costs) else np.inf
    arrays = [*own, *(array for slot in memory for array in slot)]
    flat = np.concatenate([array.ravel() for array in arrays]).astype(np.float64)
    return np.concatenate([[n, n * cost], n * flat])


def _share(shard: Shard, seed: int | None, first: int, last: int, steps: int) -> Array:
    """Give the part's rows of the steps first … last − 1 of an epoch."""
    n = len(shard)
    # Short parts, which have no row at many steps, should not all have theirs at the same ones.
    phase = shard.index * 0.6180339887498949 % 1
    begin, end = (int(n * step / steps + phase) for step in (first, last))
    return shard.order(seed)[begin : n if last == steps else end]


def _gradient(
    thetas: Sequence[Array], X: Any, Y: Array, weights: Array | None, judged: Judged
) -> Sums:
    m = X.shape[0]
    weight = float(m if weights is None else weights.sum(dtype=np.float64))
    if not weight:
        return np.zeros(2 + sum(theta.size for theta in thetas))
    runner = array_engine.choose(judged.hidden, judged.loss, X)
    cost, D = runner.cost_and_gradient(
        thetas,
        X,
        Y,
        judged.hidden,
        judged.output,
        weights=weights,
        loss=judged.loss,
        label_smoothing=judged.label_smoothing,
    )
    flat = np.concatenate([d.ravel() for d in D]).astype(np.float64)
    return np.concatenate([[weight, weight * cost], weight * flat])
