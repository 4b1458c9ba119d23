"""The engine of rows on disk: mini-batches from one block after the other, sums over all blocks."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from multilayer.engine import array_api as array_engine
from multilayer.engine.native import Progress, Report
from multilayer.optimizers import Optimizer
from multilayer.shards.engine import ShardsEngine
from multilayer.training.state import Examples, restore

if TYPE_CHECKING:
    from multilayer.shards import Shard
    from multilayer.streaming.blocks import Blocks

__all__ = ["BlocksEngine"]

Array = NDArray[Any]


class BlocksEngine:
    """Makes the steps on rows on disk, as `multilayer.engine.native` does on those in memory.

    An epoch visits the blocks in random order, and the rows of each in random order. A batch that a
    block cannot fill goes on in the next, so that an epoch has as many steps as in memory.

    Parameters
    ----------
    blocks : Blocks
    """

    def __init__(self, blocks: Blocks) -> None:
        self._blocks, self._sums = blocks, ShardsEngine(blocks)
        self.cost, self.cost_and_gradient = self._sums.cost, self._sums.cost_and_gradient

    def train(
        self,
        thetas: Sequence[Array],
        X: Any,
        Y: Any,
        hidden: Any,
        output: Any,
        optimizer: Optimizer,
        slots: Sequence[Sequence[Array]],
        *,
        batch_size: int | None = None,
        rng: np.random.RandomState | None = None,
        rates: NDArray[np.float64] | None = None,
        weights: Any = None,
        epochs: int = 1,
        steps_before: int = 0,
        max_steps: int | None = None,
        tol: float = -np.inf,
        patience: float | None = None,
        progress: Progress | None = None,
        **names: Any,
    ) -> Report:
        """Train for many epochs; the arguments are those of `multilayer.engine.native.train`."""
        progress = Progress() if progress is None else progress
        if batch_size is None:
            return self._sums.train(
                thetas,
                X,
                Y,
                hidden,
                output,
                optimizer,
                slots,
                rates=rates,
                epochs=epochs,
                steps_before=steps_before,
                max_steps=max_steps,
                tol=tol,
                patience=patience,
                progress=progress,
                **names,
            )
        limit = min(
            np.inf if max_steps is None else max_steps, np.inf if rates is None else len(rates)
        )
        course = _Course(thetas, (hidden, output, optimizer), slots, names, rates, steps_before)
        costs: list[float] = []
        finished, status = course.arrays(), "finished"
        made = 0
        try:
            for _ in range(epochs):
                if course.made >= limit:
                    break
                status = self._epoch(course, rng, batch_size, limit)
                if status != "finished":
                    break
                if course.made >= limit and course.taught < self._blocks.shape[0]:
                    break
                costs.append(course.cost / course.taught)
                finished, made = course.arrays(), course.made
                if progress.count(costs[-1], tol) > (np.inf if patience is None else patience):
                    status = "converged"
                    break
        except KeyboardInterrupt:
            status = "interrupted"
        if status == "interrupted":
            course.restore(finished)
            course.made = made
        return Report(np.array(costs, np.float64), course.made, status)

    def _epoch(
        self, course: _Course, rng: np.random.RandomState | None, batch_size: int, limit: float
    ) -> str:
        """Train on every row once; give how it ended."""
        course.cost, course.taught = 0.0, 0
        blocks, seed = self._blocks, None
        order = np.arange(len(blocks.lengths))
        if rng is not None:
            seed = int(rng.randint(2**31))
            rng.shuffle(order)
        for examples, rows in _runs(blocks.read(order.tolist()), seed, batch_size):
            left = limit - course.made
            if left <= 0:
                break
            status = course.learn(examples, rows, batch_size, left)
            if status != "finished":
                return status
        return "finished"


def _runs(
    shards: Iterator[Shard], seed: int | None, batch_size: int
) -> Iterator[tuple[Examples, Array]]:
    """Cut rows into runs of whole batches; one that two blocks share is a run of its own."""
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


@dataclass
class _Course:
    """Θ and slots, which calls of the engine change in place, and how far they have come."""

    thetas: Sequence[Array]
    units: tuple[Any, Any, Optimizer]
    slots: Sequence[Sequence[Array]]
    names: dict[str, Any]
    rates: Array | None
    before: int
    made: int = field(default=0, init=False)
    cost: float = field(default=0.0, init=False)
    taught: int = field(default=0, init=False)

    def learn(self, examples: Examples, rows: Array, batch_size: int, left: float) -> str:
        """Make the steps of some rows; give how it ended."""
        hidden, output, optimizer = self.units
        X, Y, weights = examples
        runner = array_engine.choose(hidden, self.names.get("loss", "auto"), X)
        own: dict[str, Any] = {"order": rows[None, :]}
        if runner is array_engine:  # it takes the rows as they lie
            X, Y, weights = _taken(examples, rows)
            own = {}
        rates = None if self.rates is None else self.rates[self.made :]
        report = runner.train(
            self.thetas,
            X,
            Y,
            hidden,
            output,
            optimizer,
            self.slots,
            weights=weights,
            batch_size=min(batch_size, len(rows)),
            rates=rates,
            steps_before=self.before + self.made,
            max_steps=None if np.isinf(left) else int(left),
            **own,
            **self.names,
        )
        self.made += report.steps
        if len(report.costs):
            self.cost += float(report.costs[0]) * len(rows)
            self.taught += len(rows)
        return str(report.status)

    def arrays(self) -> list[Array]:
        """Copy what a call changes."""
        return [array.copy() for array in self._all()]

    def restore(self, values: list[Array]) -> None:
        """Put back what was copied."""
        restore(self._all(), values)

    def _all(self) -> list[Array]:
        return [*self.thetas, *(array for slot in self.slots for array in slot)]
