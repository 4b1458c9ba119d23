"""The engine of rows in parts: its functions are those of `multilayer.engine.native`, as sums over parts.

Full batch: each part gives its Σcost and ΣD. Mini-batches are shared out: in an epoch of T steps
every part takes a T-th of its rows at each, shuffled by itself. With `sync_every` = 1 the parts
make every step together, and the step is the one that the whole batch asks for. With a larger H
each part makes H steps by itself, on its share of the batches, with the native engine; then Θ, and
what the optimizer remembers, become their mean, weighted by the rows (local SGD: Stich, arXiv
1805.09767; McMahan et al., arXiv 1602.05629). Adam and its kin then make steps that are longer by
the root of the number of parts, see `LocalPlan.on`.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from multilayer.engine.array_api import advance
from multilayer.engine.native import Progress, Report
from multilayer.optimizers import Optimizer
from multilayer.shards.sums import (
    Judged,
    LocalPlan,
    batch_sums,
    cost_sums,
    gradient_sums,
    local_steps,
)
from multilayer.training.state import restore

if TYPE_CHECKING:
    from multilayer.shards.data import Shards

__all__ = ["ShardsEngine"]

Array = NDArray[Any]


class ShardsEngine:
    """Makes the steps on rows in parts; X, Y and weights, which it is given, are not looked at.

    Parameters
    ----------
    shards : Shards
    """

    def __init__(self, shards: Shards) -> None:
        self._shards = shards

    def cost(self, thetas: Any, X: Any, Y: Any, hidden: Any, output: Any, **names: Any) -> float:
        """Compute the cost J; the arguments are those of `multilayer.engine.native.cost`."""
        judged = Judged(hidden, output, names.get("loss", "auto"))
        weight, cost = self._shards.total(cost_sums, thetas, judged)
        return float(cost / weight)

    def cost_and_gradient(
        self,
        thetas: Sequence[Array],
        X: Any,
        Y: Any,
        hidden: Any,
        output: Any,
        lambda_: float = 0.0,
        *,
        weights: Any = None,
        loss: Any = "auto",
        label_smoothing: float = 0.0,
    ) -> tuple[float, list[Array]]:
        """Compute J and D; the arguments are those of `multilayer.engine.native.cost_and_gradient`."""
        judged = Judged(hidden, output, loss, label_smoothing)
        sums = self._shards.total(gradient_sums, thetas, judged)
        return penalised(thetas, float(sums[0]), sums, lambda_, 0.0, float(sums[0]))

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
        loss: Any = "auto",
        label_smoothing: float = 0.0,
        lambda_: float = 0.0,
        l1: float = 0.0,
        penalty_rows: float | None = None,
        cost_share: float = 1.0,
        clip_norm: float = np.inf,
        max_norm: float = np.inf,
        rates: NDArray[np.float64] | None = None,
        weights: Any = None,
        batch_size: int | None = None,
        rng: np.random.RandomState | None = None,
        epochs: int = 1,
        steps_before: int = 0,
        max_steps: int | None = None,
        tol: float = -np.inf,
        patience: float | None = None,
        progress: Progress | None = None,
        dropout: Sequence[float] | None = None,
        dropout_seed: int = 0,
    ) -> Report:
        """Train for many epochs; Θ and the slots are changed in place at the end.

        The arguments are those of `multilayer.engine.native.train`, but rows are shuffled within their
        parts. After Ctrl-C, Θ is that of the last finished epoch.
        """
        m = self._shards.shape[0]
        stepping = _Stepping(
            self._shards,
            Judged(tuple(hidden), output, loss, label_smoothing),
            optimizer,
            [theta.copy() for theta in thetas],
            [[array.copy() for array in slot] for slot in slots],
            penalty=(lambda_, l1, penalty_rows),
            cost_share=cost_share,
            bounds=(clip_norm, max_norm),
            rates=rates,
            steps_before=steps_before,
            dropout=(dropout, dropout_seed),
            steps_per_epoch=-(-m // (batch_size or m)),
        )
        progress = Progress() if progress is None else progress
        limit = min(
            np.inf if max_steps is None else max_steps, np.inf if rates is None else len(rates)
        )
        finished = stepping.thetas, stepping.slots, 0  # at the end of the last epoch
        costs: list[float] = []
        status = "finished"
        try:
            for _ in range(epochs):
                if stepping.made >= limit:
                    break
                seed = None if rng is None else int(rng.randint(2**31))
                cost = stepping.epoch(seed, limit)
                if cost is None:
                    break
                if not np.isfinite(cost):
                    status = "diverged"
                    break
                costs.append(cost)
                finished = stepping.thetas, stepping.slots, stepping.made
                if progress.count(cost, tol) > (np.inf if patience is None else patience):
                    status = "converged"
                    break
        except KeyboardInterrupt:
            status = "interrupted"
            stepping.thetas, stepping.slots, stepping.made = finished
        restore(list(thetas), stepping.thetas)
        for slot, values in zip(slots, stepping.slots, strict=True):
            restore(list(slot), values)
        return Report(np.array(costs, np.float64), stepping.made, status)


class _Stepping:
    """Θ and what the optimizer remembers, on their way."""

    def __init__(
        self,
        shards: Shards,
        judged: Judged,
        optimizer: Optimizer,
        thetas: list[Array],
        slots: list[list[Array]],
        *,
        penalty: tuple[float, float, float | None],
        cost_share: float,
        bounds: tuple[float, float],
        rates: Array | None,
        steps_before: int,
        dropout: tuple[Sequence[float] | None, int],
        steps_per_epoch: int,
    ) -> None:
        self.shards, self.judged, self.optimizer = shards, judged, optimizer
        self.thetas, self.slots, self.made = thetas, slots, 0
        self.penalty, self.cost_share, self.bounds = penalty, cost_share, bounds
        self.rates, self.before, self.dropout = rates, steps_before, dropout
        self.steps_per_epoch = steps_per_epoch
        if dropout[0] and any(dropout[0]) and (shards.sync_every == 1 or steps_per_epoch == 1):
            raise ValueError(
                "dropout goes with steps that each part makes by itself: it needs sync_every of 2 "
                f"or more, and more than one batch an epoch, got sync_every={shards.sync_every} "
                f"and {steps_per_epoch} batch(es)"
            )

    def epoch(self, seed: int | None, limit: float) -> float | None:
        """Make the steps of an epoch; give its mean cost, None if the limit of steps ended it."""
        last = self.steps_per_epoch
        step, total, taught = 0, 0.0, 0.0
        while step < last:
            if self.made >= limit:
                return None
            most = int(min(last - step, limit - self.made))
            n = min(most, self._at_a_time())
            with np.errstate(over="ignore", invalid="ignore"):  # it is seen in the cost
                rows, cost = self._together(seed, step) if n == 1 else self._apart(seed, step, n)
            if not np.isfinite(cost):
                return cost
            step, total, taught = step + n, total + rows * cost, taught + rows
        return total / taught

    def _at_a_time(self) -> int:
        """Give how many steps the parts make before they meet."""
        every = self.shards.sync_every
        if not isinstance(every, str):
            return every
        chosen = self.shards.pace.choose(self.steps_per_epoch)
        if self.shards.pace.decided:
            self.shards.sync_every = chosen
        return chosen

    def _together(self, seed: int | None, step: int) -> tuple[float, float]:
        """Make one step by the gradient of the whole batch; give its weight and cost."""
        began = time.perf_counter()
        if self.steps_per_epoch == 1:
            sums = self.shards.total(gradient_sums, self.thetas, self.judged)
        else:
            place = (seed, step, self.steps_per_epoch)
            sums = self.shards.total(batch_sums, self.thetas, self.judged, *place)
        weight = float(sums[0])
        if not weight:
            return 0.0, 0.0
        lambda_, l1, rows = self.penalty
        rows = weight if rows is None else rows
        plain = sums[1] / weight
        J, D = penalised(self.thetas, weight, sums, lambda_, l1, rows)
        J = J if self.cost_share == 1 else self.cost_share * plain + (J - plain)
        if not np.isfinite(J):
            return weight, J
        rule = self.optimizer
        if self.rates is not None:
            rule = replace(rule, learning_rate=float(self.rates[self.made]))
        self.made += 1
        number = self.before + self.made
        self.thetas, self.slots = advance(rule, self.thetas, D, self.slots, number, *self.bounds)
        self.shards.pace.took(1, time.perf_counter() - began)
        return weight, J

    def _apart(self, seed: int | None, step: int, n: int) -> tuple[float, float]:
        """Let each part make n steps by itself, and take the mean; give rows and mean cost."""
        began = time.perf_counter()
        lambda_, l1, rows = self.penalty
        batch = self.shards.weight / self.steps_per_epoch
        plan = LocalPlan(
            self.judged,
            self.optimizer,
            {
                "lambda_": lambda_,
                "l1": l1,
                # Divided by its own share of the batch, each part's penalty would be too strong.
                "penalty_rows": batch if rows is None else rows,
                "cost_share": self.cost_share,
                "clip_norm": self.bounds[0],
                "max_norm": self.bounds[1],
            },
            None if self.rates is None else self.rates[self.made : self.made + n],
            self.dropout[0],
            self.dropout[1],
            self.before + self.made,
            self.shards.shape[0],
        )
        place = (seed, step, step + n, self.steps_per_epoch)
        sums = self.shards.total(local_steps, self.thetas, self.slots, plan, *place)
        rows_taught, cost = float(sums[0]), float(sums[1])
        self.made += n
        if not rows_taught:
            return 0.0, 0.0
        if not np.isfinite(cost):
            return rows_taught, np.inf
        arrays = [*self.thetas, *(array for slot in self.slots for array in slot)]
        means = shaped(sums[2:] / rows_taught, arrays)
        k = len(self.thetas)
        self.thetas, kept = means[:k], means[k:]
        self.slots = [kept[start : start + k] for start in range(0, len(kept), k)]
        self.shards.pace.took(n, time.perf_counter() - began)
        return rows_taught, cost / rows_taught


def penalised(
    thetas: Sequence[Array],
    weight: float,
    sums: Array,
    lambda_: float,
    l1: float,
    rows: float,
) -> tuple[float, list[Array]]:
    """Give J and D of the sums of all parts, with the penalties λ/(2m) Σθ² + l1/m Σ|θ|."""
    J, flat = float(sums[1]) / weight, sums[2:] / weight
    start = 0
    for theta in thetas if lambda_ or l1 else ():
        w = theta.astype(np.float64)
        w[:, 0] = 0  # biases are left out
        J += (lambda_ / 2 * float((w * w).sum()) + l1 * float(np.abs(w).sum())) / rows
        flat[start : start + w.size] += ((lambda_ * w + l1 * np.sign(w)) / rows).ravel()
        start += w.size
    return J, shaped(flat, thetas)


def shaped(flat: Array, like: Sequence[Array]) -> list[Array]:
    """Cut a vector into arrays of the shapes and dtypes of others."""
    parts = np.split(flat, np.cumsum([array.size for array in like])[:-1])
    return [
        part.reshape(array.shape).astype(array.dtype)
        for part, array in zip(parts, like, strict=True)
    ]
