"""The engine of rows in parts: costs, gradients and steps as sums over the parts.

Full batch: each part gives its Σcost and ΣD. Mini-batches are shared out: in an epoch of T steps
every part takes a T-th of its rows at each, shuffled by itself. With `sync_every` = 1 the parts
make every step together, and the step is the one that the whole batch asks for. With a larger H
each part makes H steps by itself, on its share of the batches, with the native engine; then Θ, and
what the optimizer remembers, become their mean, weighted by the rows (local SGD: Stich, arXiv
1805.09767; McMahan et al., arXiv 1602.05629). Adam and similar optimizers then make steps that are
longer by the square root of the number of parts, see `LocalSteps.lengthened`.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import replace
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from multilayer.engine.array_api import advance
from multilayer.engine.interface import Descent, Epochs, Examples, Objective, Report, Slots
from multilayer.shards.data import Shards
from multilayer.shards.sums import LocalSteps, batch_sums, cost_sums, gradient_sums, local_steps
from multilayer.training.state import restore

__all__ = ["ShardsEngine"]

Array = NDArray[Any]


class ShardsEngine:
    """`Engine` on rows in parts, which shuffles rows within their parts.

    Parameters
    ----------
    thetas : sequence of ndarrays
    examples : Examples
        Whose X are `Shards`; Y and weights are not looked at, since the parts have their own.
    objective : Objective
    """

    shuffles_indices: ClassVar[bool] = False

    def __init__(self, thetas: Sequence[Array], examples: Examples, objective: Objective) -> None:
        self.thetas, self.objective = thetas, objective
        self.shards: Shards = examples.X

    def cost(self) -> float:
        """Compute the cost J."""
        weight, cost = self.shards.total(cost_sums, self.thetas, self.objective.without_penalties())
        return float(cost / weight) + _penalty(self.thetas, self.objective, float(weight))

    def cost_and_gradient(self) -> tuple[float, list[Array]]:
        """Compute J and D."""
        plain = self.objective.without_penalties()
        sums = self.shards.total(gradient_sums, self.thetas, plain)
        return penalised(self.thetas, sums, self.objective)

    def train(self, descent: Descent, slots: Slots, epochs: Epochs) -> Report:
        """Train for many epochs; Θ and the slots are changed in place at the end.

        After Ctrl-C, Θ is that of the last finished epoch.
        """
        steps = _Steps(self, descent, slots, epochs)
        rng = None if epochs.shuffle is None else epochs.shuffle.rng
        finished = steps.thetas, steps.slots, 0  # at the end of the last epoch
        costs: list[float] = []
        status = "finished"
        try:
            for _ in range(epochs.count):
                if steps.made >= epochs.most_steps:
                    break
                cost = steps.epoch(None if rng is None else int(rng.randint(2**31)))
                if cost is None:
                    break
                if not np.isfinite(cost):
                    status = "diverged"
                    break
                costs.append(cost)
                finished = steps.thetas, steps.slots, steps.made
                if epochs.ends_after(cost):
                    status = "converged"
                    break
        except KeyboardInterrupt:
            status = "interrupted"
            steps.thetas, steps.slots, steps.made = finished
        restore(list(self.thetas), steps.thetas)
        for slot, values in zip(slots, steps.slots, strict=True):
            restore(list(slot), values)
        return Report(np.array(costs, np.float64), steps.made, status)


class _Steps:
    """The steps of one call of `train`: Θ and what the optimizer remembers, on their way."""

    def __init__(
        self, engine: ShardsEngine, descent: Descent, slots: Slots, epochs: Epochs
    ) -> None:
        self._shards, self._objective = engine.shards, engine.objective
        self._descent, self._epochs = descent, epochs
        self.thetas = [theta.copy() for theta in engine.thetas]
        self.slots = [[array.copy() for array in slot] for slot in slots]
        self.made = 0
        m = self._shards.shape[0]
        self._per_epoch = -(-m // (descent.batch_size or m))
        every, dropout = self._shards.sync_every, descent.dropout
        if dropout and any(dropout) and (every == 1 or self._per_epoch == 1):
            raise ValueError(
                "dropout goes with steps that each part makes by itself: it needs sync_every of 2 "
                f"or more, and more than one batch an epoch, got sync_every={every} "
                f"and {self._per_epoch} batch(es)"
            )

    def epoch(self, seed: int | None) -> float | None:
        """Make the steps of an epoch; return its mean cost, None if the limit of steps ended it."""
        last, limit = self._per_epoch, self._epochs.most_steps
        step, total, weights = 0, 0.0, 0.0
        while step < last:
            if self.made >= limit:
                return None
            most = int(min(last - step, limit - self.made))
            n = min(most, self._at_a_time())
            with np.errstate(over="ignore", invalid="ignore"):  # it is seen in the cost
                weight, cost = self._together(seed, step) if n == 1 else self._apart(seed, step, n)
            if not np.isfinite(cost):
                return cost
            step, total, weights = step + n, total + weight * cost, weights + weight
        return total / weights

    def _at_a_time(self) -> int:
        """Return how many steps the parts make before they meet."""
        every = self._shards.sync_every
        if not isinstance(every, str):
            return every
        chosen = self._shards.sync_interval.choose(self._per_epoch)
        if self._shards.sync_interval.decided:
            self._shards.sync_every = chosen
        return chosen

    def _together(self, seed: int | None, step: int) -> tuple[float, float]:
        """Make one step by the gradient of the whole batch; return its weight and cost."""
        began = time.perf_counter()
        plain = self._objective.without_penalties()
        if self._per_epoch == 1:
            sums = self._shards.total(gradient_sums, self.thetas, plain)
        else:
            place = (seed, step, self._per_epoch)
            sums = self._shards.total(batch_sums, self.thetas, plain, *place)
        weight = float(sums[0])
        if not weight:
            return 0.0, 0.0
        share, data = self._objective.cost_share, sums[1] / weight
        J, D = penalised(self.thetas, sums, self._objective)
        J = J if share == 1 else share * data + (J - data)
        if not np.isfinite(J):
            return weight, J
        descent, rates, rule = self._descent, self._epochs.rates, self._descent.optimizer
        if rates is not None:
            rule = replace(rule, learning_rate=float(rates[self.made]))
        self.made += 1
        number = self._epochs.steps_before + self.made
        self.thetas, self.slots = advance(
            rule, self.thetas, D, self.slots, number, descent.clip_norm, descent.max_norm
        )
        self._shards.sync_interval.took(1, time.perf_counter() - began)
        return weight, J

    def _apart(self, seed: int | None, step: int, n: int) -> tuple[float, float]:
        """Make n steps on each part by itself and average; return rows and mean cost."""
        began = time.perf_counter()
        objective, rates = self._objective, self._epochs.rates
        if objective.penalty_rows is None:
            # Divided by its own share of the batch, each part's penalty would be too strong.
            objective = replace(objective, penalty_rows=self._shards.weight / self._per_epoch)
        local = LocalSteps(
            objective,
            self._descent,
            None if rates is None else rates[self.made : self.made + n],
            self._epochs.steps_before + self.made,
            self._shards.shape[0],
        )
        place = (seed, step, step + n, self._per_epoch)
        sums = self._shards.total(local_steps, self.thetas, self.slots, local, *place)
        rows, cost = float(sums[0]), float(sums[1])
        self.made += n
        if not rows:
            return 0.0, 0.0
        if not np.isfinite(cost):
            return rows, np.inf
        arrays = [*self.thetas, *(array for slot in self.slots for array in slot)]
        means = shaped(sums[2:] / rows, arrays)
        k = len(self.thetas)
        self.thetas, kept = means[:k], means[k:]
        self.slots = [kept[start : start + k] for start in range(0, len(kept), k)]
        self._shards.sync_interval.took(n, time.perf_counter() - began)
        return rows, cost / rows


def penalised(
    thetas: Sequence[Array], sums: Array, objective: Objective
) -> tuple[float, list[Array]]:
    """Return J and D from the sums of all parts, with the penalties λ/(2m) Σθ² + l1/m Σ|θ|.

    Parameters
    ----------
    thetas : sequence of ndarrays
    sums : ndarray
        Σ of the weights, Σ of the costs, and Σ of the gradients of all layers.
    objective : Objective
    """
    weight = float(sums[0])
    J, flat = float(sums[1]) / weight, sums[2:] / weight
    rows = weight if objective.penalty_rows is None else objective.penalty_rows
    start, lambda_, l1 = 0, objective.lambda_, objective.l1
    for theta in thetas if lambda_ or l1 else ():
        w = theta.astype(np.float64)
        w[:, 0] = 0  # biases are left out
        J += (lambda_ / 2 * float((w * w).sum()) + l1 * float(np.abs(w).sum())) / rows
        flat[start : start + w.size] += ((lambda_ * w + l1 * np.sign(w)) / rows).ravel()
        start += w.size
    return J, shaped(flat, thetas)


def _penalty(thetas: Sequence[Array], objective: Objective, weight: float) -> float:
    """Return the penalties alone."""
    nothing = np.zeros(2 + sum(theta.size for theta in thetas))
    nothing[0] = weight
    return penalised(thetas, nothing, objective)[0]


def shaped(flat: Array, like: Sequence[Array]) -> list[Array]:
    """Cut a vector into arrays of the shapes and dtypes of others."""
    parts = np.split(flat, np.cumsum([array.size for array in like])[:-1])
    return [
        part.reshape(array.shape).astype(array.dtype)
        for part, array in zip(parts, like, strict=True)
    ]
