"""The second engine: `equations` and the optimizers themselves, on arrays of any library.

It is used where the native engine cannot be: for user-defined activations and losses, and for X in
an array of PyTorch, CuPy, JAX …, which stays on its device, such as a GPU. Θ and slots are passed
and returned as NumPy arrays, and are moved to the library and device of X for the duration of a
call.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, ClassVar

import array_api_compat
import numpy as np
from numpy.typing import NDArray

from multilayer import equations
from multilayer.dropout import dropout_mask
from multilayer.engine.arrays import Place, take_rows, to_numpy
from multilayer.engine.interface import Descent, Epochs, Examples, Objective, Report, Slots
from multilayer.losses import smooth
from multilayer.optimizers import Optimizer

__all__ = ["ArrayAPIEngine", "advance", "forward"]

Array = Any  # an array of any Array-API library


def forward(thetas: Sequence[Any], X: Array, hidden: Sequence[Any], output: Any) -> Array:
    """Propagate X through the network; return an array of the same library and device."""
    here = Place(X)
    moved = [here.take_in(theta) for theta in thetas]
    return equations.forward_propagation(X, moved, hidden=hidden, output=output)[1][-1]


class ArrayAPIEngine:
    """`Engine` by the equations.

    Parameters
    ----------
    thetas : sequence of ndarrays, shapes (s_{l+1}, s_l + 1)
    examples : Examples
    objective : Objective
    """

    shuffles_indices: ClassVar[bool] = True

    def __init__(
        self, thetas: Sequence[NDArray[Any]], examples: Examples, objective: Objective
    ) -> None:
        self.thetas, self.examples, self.objective = thetas, examples, objective
        self.here = Place(examples.X)

    def cost(self) -> float:
        """Compute the cost J."""
        given, options = self._in_place()
        return float(equations.cost(*given, **options))

    def cost_and_gradient(self) -> tuple[float, list[NDArray[Any]]]:
        """Compute J and, as NumPy arrays, D."""
        given, options = self._in_place()
        D = equations.backpropagation(*given, **options)
        return float(equations.cost(*given, **options)), [to_numpy(d) for d in D]

    def train(self, descent: Descent, slots: Slots, epochs: Epochs) -> Report:
        """Train for many epochs; Θ and slots, NumPy arrays, are changed in place at the end."""
        steps = _Steps(self, descent, slots, epochs)
        costs: list[float] = []
        finished, status = steps.state, "finished"  # as they were at the end of the last epoch
        try:
            for epoch in range(epochs.count):
                if steps.made >= epochs.most_steps:
                    break
                cost = steps.epoch(self._order(epochs, epoch))
                if cost is None:
                    break
                if not np.isfinite(cost):
                    status = "diverged"
                    break
                costs.append(cost)
                finished = steps.state
                if epochs.ends_after(cost):
                    status = "converged"
                    break
        except KeyboardInterrupt:
            status = "interrupted"
            steps.state = finished
        steps.write_back()
        return Report(np.array(costs, np.float64), steps.made, status)

    def _order(self, epochs: Epochs, epoch: int) -> NDArray[Any]:
        """Return the rows of an epoch in order."""
        if epochs.order is not None:
            order: NDArray[Any] = epochs.order[epoch]
            return order
        m = self.examples.X.shape[0]
        if epochs.shuffle is None:
            return np.arange(m)
        rng, indices = epochs.shuffle
        order = np.arange(m) if indices is None else indices
        rng.shuffle(order)
        return order

    def _in_place(self) -> tuple[tuple[Any, ...], dict[str, Any]]:
        """Return arguments of `equations`, moved to the device of X."""
        here, (X, Y, weights), objective = self.here, self.examples, self.objective
        Y = smooth(
            here.targets(Y, self.thetas[-1].shape[0]), objective.label_smoothing, objective.output
        )
        names: dict[str, Any] = {
            "hidden": objective.hidden,
            "output": objective.output,
            "loss": objective.loss,
        }
        names |= {"l1": objective.l1, "weights": None if weights is None else here.take_in(weights)}
        moved = [here.take_in(theta) for theta in self.thetas]
        return (X, Y, moved, objective.lambda_), names


class _Steps:
    """The steps of one call of `train`, with Θ and slots on the device of X."""

    def __init__(
        self, engine: ArrayAPIEngine, descent: Descent, slots: Slots, epochs: Epochs
    ) -> None:
        self._own = engine.thetas, slots
        self._here, self._objective = engine.here, engine.objective
        self._X, self._Y, weights = engine.examples
        self._weights = None if weights is None else np.asarray(weights)
        self._descent, self._epochs = descent, epochs
        self.thetas = [self._here.take_in(theta) for theta in engine.thetas]
        self.slots = [[self._here.take_in(array) for array in slot] for slot in slots]
        self.made = 0

    @property
    def state(self) -> tuple[Any, Any, int]:
        """Θ, slots and the number of steps; a step makes new arrays, so that these stay."""
        return self.thetas, self.slots, self.made

    @state.setter
    def state(self, state: tuple[Any, Any, int]) -> None:
        self.thetas, self.slots, self.made = state

    def epoch(self, order: NDArray[Any]) -> float | None:
        """Make the steps of an epoch; return its cost, or None if the limit of steps ended it.

        A cost that is not finite ends it too: its step is not made.
        """
        size = self._descent.batch_size or len(order)
        total, rows, start = 0.0, 0, 0
        while start < len(order):
            if self.made >= self._epochs.most_steps:
                return None
            batch = order[start : start + size]
            cost = self._step(batch)
            if cost is not None:
                if not np.isfinite(cost):
                    return cost
                total, rows = total + cost * len(batch), rows + len(batch)
            start += size
        return total / rows

    def _step(self, batch: NDArray[Any]) -> float | None:
        """Make one step; return its cost, or None if the batch has no weight."""
        here, objective, descent = self._here, self._objective, self._descent
        w = None if self._weights is None else self._weights[batch]
        total = float(len(batch) if w is None else w.sum())
        if total == 0:
            return None
        x = take_rows(self._X, batch)
        y = here.targets(take_rows(self._Y, batch), self.thetas[-1].shape[0])
        y = smooth(y, objective.label_smoothing, objective.output)
        names: dict[str, Any] = {"hidden": objective.hidden, "output": objective.output}
        names |= {"loss": objective.loss, "weights": None if w is None else here.take_in(w)}
        number = self._epochs.steps_before + self.made + 1
        if descent.dropout is not None and any(descent.dropout):
            sizes = [theta.shape[1] - 1 for theta in self.thetas]
            names["masks"] = [
                here.take_in(dropout_mask(descent.dropout_seed, number, l, len(batch), size, rate))
                for l, (size, rate) in enumerate(zip(sizes, descent.dropout, strict=True))
            ]
        scale = 1 if objective.penalty_rows is None else total / objective.penalty_rows
        strengths: dict[str, Any] = {
            "lambda_": objective.lambda_ * scale,
            "l1": objective.l1 * scale,
        }
        data = float(equations.cost(x, y, self.thetas, **names))
        J = float(equations.cost(x, y, self.thetas, **strengths, **names))
        J = J if objective.cost_share == 1 else objective.cost_share * data + (J - data)
        if not np.isfinite(J):
            return J
        D = equations.backpropagation(x, y, self.thetas, **strengths, **names)
        rule = descent.optimizer
        if self._epochs.rates is not None:
            rule = replace(rule, learning_rate=float(self._epochs.rates[self.made]))
        self.thetas, self.slots = advance(
            rule, self.thetas, D, self.slots, number, descent.clip_norm, descent.max_norm
        )
        self.made += 1
        return J

    def write_back(self) -> None:
        """Write Θ and slots into the arrays of the caller."""
        thetas, slots = self._own
        for theta, value in zip(thetas, self.thetas, strict=True):
            theta[...] = to_numpy(value)
        for slot, values in zip(slots, self.slots, strict=True):
            for array, value in zip(slot, values, strict=True):
                array[...] = to_numpy(value)


def advance(
    rule: Optimizer,
    thetas: Sequence[Array],
    D: Sequence[Array],
    slots: Sequence[Sequence[Array]],
    number: int,
    clip_norm: float = np.inf,
    max_norm: float = np.inf,
) -> tuple[list[Array], list[list[Array]]]:
    """Make step `number` by the gradient D; return the new Θ and slots."""
    xp = array_api_compat.array_namespace(*thetas)
    norm = float(sum(xp.sum(d * d) for d in D)) ** 0.5 if np.isfinite(clip_norm) else 0.0
    if norm > clip_norm:
        D = [d * (clip_norm / norm) for d in D]
    new, kept = [], []
    for layer, (theta, d) in enumerate(zip(thetas, D, strict=True)):
        theta, own = rule.update(theta, d, [slot[layer] for slot in slots], number)
        new.append(_bounded(xp, theta, max_norm))
        kept.append(own)
    return new, [list(slot) for slot in zip(*kept, strict=True)]


def _bounded(xp: Any, theta: Array, max_norm: float) -> Array:
    """Scale the incoming weights of each unit, without its bias, down to `max_norm`."""
    if not np.isfinite(max_norm):
        return theta
    norms = xp.sqrt(xp.sum(theta[:, 1:] ** 2, axis=1, keepdims=True))
    scales = xp.where(norms > max_norm, max_norm / norms, xp.ones_like(norms))
    return xp.concat([theta[:, :1], theta[:, 1:] * scales], axis=1)
