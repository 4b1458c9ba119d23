"""The engine of rows on disk: mini-batches from one block after the other, sums over all blocks."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from multilayer.engine.choice import engine_for
from multilayer.engine.interface import Descent, Epochs, Examples, Objective, Report, Slots
from multilayer.shards import Shard
from multilayer.shards.engine import ShardsEngine
from multilayer.streaming.blocks import Blocks
from multilayer.training.state import restore

__all__ = ["BlocksEngine"]

Array = NDArray[Any]


class BlocksEngine:
    """`Engine` on rows on disk, which makes the steps that rows in memory would have.

    An epoch visits the blocks in random order, and the rows of each in random order. A batch that a
    block cannot fill continues in the next one, so that an epoch has as many steps as in memory.

    Parameters
    ----------
    thetas : sequence of ndarrays
    examples : Examples
        Whose X are `Blocks`; Y and weights are not looked at, since the blocks have their own.
    objective : Objective
    """

    shuffles_indices: ClassVar[bool] = False

    def __init__(self, thetas: Sequence[Array], examples: Examples, objective: Objective) -> None:
        self.thetas, self.objective = thetas, objective
        self._blocks: Blocks = examples.X
        self._sums = ShardsEngine(thetas, examples, objective)

    def cost(self) -> float:
        """Compute the cost J."""
        return self._sums.cost()

    def cost_and_gradient(self) -> tuple[float, list[Array]]:
        """Compute J and D."""
        return self._sums.cost_and_gradient()

    def train(self, descent: Descent, slots: Slots, epochs: Epochs) -> Report:
        """Train for many epochs; Θ and the slots are changed in place."""
        if descent.batch_size is None:
            return self._sums.train(descent, slots, epochs)
        steps = _Steps(self, descent, slots, epochs)
        rng = None if epochs.shuffle is None else epochs.shuffle.rng
        costs: list[float] = []
        finished, status, made = steps.arrays(), "finished", 0
        try:
            for _ in range(epochs.count):
                if steps.made >= epochs.most_steps:
                    break
                status = self._epoch(steps, rng, descent.batch_size)
                if status != "finished":
                    break
                if steps.made >= epochs.most_steps and steps.rows < self._blocks.shape[0]:
                    break
                costs.append(steps.cost / steps.rows)
                finished, made = steps.arrays(), steps.made
                if epochs.ends_after(costs[-1]):
                    status = "converged"
                    break
        except KeyboardInterrupt:
            status = "interrupted"
        if status == "interrupted":
            steps.restore(finished)
            steps.made = made
        return Report(np.array(costs, np.float64), steps.made, status)

    def _epoch(self, steps: _Steps, rng: np.random.RandomState | None, batch_size: int) -> str:
        """Train on every row once; return how it ended."""
        steps.cost, steps.rows = 0.0, 0
        blocks, seed = self._blocks, None
        order = np.arange(len(blocks.lengths))
        if rng is not None:
            seed = int(rng.randint(2**31))
            rng.shuffle(order)
        for examples, rows in _runs(blocks.read(order.tolist()), seed, batch_size):
            if steps.left <= 0:
                break
            status = steps.learn(examples, rows)
            if status != "finished":
                return status
        return "finished"


def _runs(
    shards: Iterator[Shard], seed: int | None, batch_size: int
) -> Iterator[tuple[Examples, Array]]:
    """Split rows into runs of whole batches; a batch that two blocks share is a separate run."""
    rest: Examples | None = None
    for shard in shards:
        rows = shard.order(seed)
        if rest is not None:
            taken = batch_size - len(rest.X)
            rest = _joined(rest, _taken(shard.examples, rows[:taken]))
            rows = rows[taken:]
            if len(rest.X) < batch_size:
                continue
            yield rest, np.arange(batch_size)
            rest = None
        whole = len(rows) // batch_size * batch_size
        if whole:
            yield shard.examples, rows[:whole]
        if whole < len(rows):
            rest = _taken(shard.examples, rows[whole:])
    if rest is not None:
        yield rest, np.arange(len(rest.X))


def _taken(examples: Examples, rows: Array) -> Examples:
    X, Y, weights = examples
    return Examples(X[rows], Y[rows], None if weights is None else weights[rows])


def _joined(one: Examples, other: Examples) -> Examples:
    weights = None
    if one.weights is not None and other.weights is not None:
        weights = np.concatenate([one.weights, other.weights])
    return Examples(np.concatenate([one.X, other.X]), np.concatenate([one.Y, other.Y]), weights)


class _Steps:
    """The steps of one call of `train`: Θ and slots, which engines in memory change in place."""

    def __init__(
        self, engine: BlocksEngine, descent: Descent, slots: Slots, epochs: Epochs
    ) -> None:
        self._thetas, self._objective, self._slots = engine.thetas, engine.objective, slots
        self._descent, self._epochs = descent, epochs
        self.made, self.cost, self.rows = 0, 0.0, 0

    @property
    def left(self) -> float:
        """The number of steps that may still be made."""
        return self._epochs.most_steps - self.made

    def learn(self, examples: Examples, rows: Array) -> str:
        """Make the steps of some rows; return how it ended."""
        descent, rates = self._descent, self._epochs.rates
        size = min(descent.batch_size or len(rows), len(rows))
        report = engine_for(self._thetas, examples, self._objective).train(
            replace(descent, batch_size=size),
            self._slots,
            Epochs(
                steps_before=self._epochs.steps_before + self.made,
                max_steps=None if np.isinf(self.left) else int(self.left),
                rates=None if rates is None else rates[self.made :],
                order=rows[None, :],
            ),
        )
        self.made += report.steps
        if len(report.costs):
            self.cost += float(report.costs[0]) * len(rows)
            self.rows += len(rows)
        return report.status

    def arrays(self) -> list[Array]:
        """Copy what a call changes."""
        return [array.copy() for array in self._all()]

    def restore(self, values: list[Array]) -> None:
        """Restore the arrays from a copy."""
        restore(self._all(), values)

    def _all(self) -> list[Array]:
        return [*self._thetas, *(array for slot in self._slots for array in slot)]
