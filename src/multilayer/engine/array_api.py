"""The other engine: `equations` and the optimizers themselves, on arrays of any library.

It takes the native engine's place where that cannot go: activations and losses of one's own, and X
in an array of PyTorch, CuPy, JAX … that stays where it lives, on a GPU too. Its functions are those
of `engine`, with the same meaning; Θ and slots come and go as NumPy arrays, and are moved to X's
library and device for the length of a call.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import array_api_compat
import numpy as np
import scipy.sparse
from numpy.typing import NDArray

from multilayer import equations
from multilayer.dropout import dropout_mask
from multilayer.engine import native as engine
from multilayer.engine.arrays import Place, is_foreign, take_rows, to_numpy
from multilayer.engine.native import Progress, Report
from multilayer.losses import CustomLoss, smooth
from multilayer.optimizers import Optimizer

__all__ = ["advance", "choose", "cost", "cost_and_gradient", "forward", "train"]

Array = Any  # an array of any Array-API library


def choose(hidden: Sequence[Any], loss: Any, X: Any) -> Any:
    """Give the engine for a network and its data: the native one wherever it can.

    Rows that lie elsewhere bring an engine of their own.
    """
    if (brought := getattr(X, "engine", None)) is not None:
        return brought
    # By type, since asking an abstract class takes longer than a small network.
    own = type(loss) is CustomLoss or not all(isinstance(g, str) for g in hidden)
    if not own and not is_foreign(X):
        return engine
    if own and scipy.sparse.issparse(X):
        raise ValueError("activations and losses of one's own need X dense, but it is sparse")
    return sys.modules[__name__]


def forward(thetas: Sequence[Any], X: Array, hidden: Sequence[Any], output: Any) -> Array:
    """Carry X through the network: an array of X's library, where X lives."""
    here = Place(X)
    moved = [here.take_in(theta) for theta in thetas]
    return equations.forward_propagation(X, moved, hidden=hidden, output=output)[1][-1]


def cost(*arguments: Any, **names: Any) -> float:
    """Compute the cost J; the arguments are those of `engine.cost`."""
    given, options = _moved(*arguments, **names)
    return float(equations.cost(*given, **options))


def cost_and_gradient(*arguments: Any, **names: Any) -> tuple[float, list[NDArray[Any]]]:
    """Compute J and, as NumPy arrays, D; the arguments are those of `engine.cost_and_gradient`."""
    given, options = _moved(*arguments, **names)
    D = equations.backpropagation(*given, **options)
    return float(equations.cost(*given, **options)), [to_numpy(d) for d in D]


def train(
    thetas: Sequence[NDArray[Any]],
    X: Array,
    Y: Any,
    hidden: Sequence[Any],
    output: Any,
    optimizer: Optimizer,
    slots: Sequence[Sequence[NDArray[Any]]],
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
    rows: NDArray[np.int64] | None = None,
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
    """Train for many epochs; Θ and slots, NumPy arrays, are changed in place at the end."""
    here, m = Place(X), X.shape[0]
    batch_size = batch_size or m
    progress = Progress() if progress is None else progress
    moved = [here.take_in(theta) for theta in thetas]
    memory = [[here.take_in(array) for array in slot] for slot in slots]
    finished = moved, memory, 0  # as they were at the end of the last epoch
    order = np.arange(m) if rows is None else rows
    weights = None if weights is None else np.asarray(weights)
    costs: list[float] = []
    steps, status = 0, "finished"
    limit = np.inf if max_steps is None else max_steps
    limit = limit if rates is None else min(limit, len(rates))

    def step(batch: NDArray[np.int64]) -> float | None:
        """Make one step; give its cost, or None where the batch has no weight."""
        nonlocal moved, memory, steps
        w = None if weights is None else weights[batch]
        total = float(len(batch) if w is None else w.sum())
        if total == 0:
            return None
        x, y = take_rows(X, batch), here.targets(take_rows(Y, batch), len(thetas[-1]))
        names: dict[str, Any] = {"hidden": hidden, "output": output, "loss": loss}
        names["weights"] = None if w is None else here.take_in(w)
        if dropout is not None and any(dropout):
            number, sizes = steps_before + steps + 1, [theta.shape[1] - 1 for theta in moved]
            names["masks"] = [
                here.take_in(dropout_mask(dropout_seed, number, l, len(batch), size, rate))
                for l, (size, rate) in enumerate(zip(sizes, dropout, strict=True))
            ]
        y = smooth(y, label_smoothing, output)
        scale = 1 if penalty_rows is None else total / penalty_rows
        strengths: dict[str, Any] = {"lambda_": lambda_ * scale, "l1": l1 * scale}
        data = float(equations.cost(x, y, moved, **names))
        J = float(equations.cost(x, y, moved, **strengths, **names))
        J = J if cost_share == 1 else cost_share * data + (J - data)
        if not np.isfinite(J):
            return J
        D = equations.backpropagation(x, y, moved, **strengths, **names)
        rule = optimizer if rates is None else replace(optimizer, learning_rate=float(rates[steps]))
        steps += 1
        number = steps_before + steps
        moved, memory = advance(rule, moved, D, memory, number, clip_norm, max_norm)
        return J

    try:
        for _ in range(epochs):
            if steps >= limit:
                break
            if rng is not None:
                rng.shuffle(order)
            total, taught, start = 0.0, 0, 0
            while start < m and steps < limit:
                batch = order[start : start + batch_size]
                J = step(batch)
                if J is not None:
                    if not np.isfinite(J):
                        status = "diverged"
                        break
                    total, taught = total + J * len(batch), taught + len(batch)
                start += batch_size
            if status == "diverged" or start < m:
                break
            costs.append(total / taught)
            finished = moved, memory, steps
            if progress.count(costs[-1], tol) > (np.inf if patience is None else patience):
                status = "converged"
                break
    except KeyboardInterrupt:
        status = "interrupted"
        moved, memory, steps = finished
    for theta, value in zip(thetas, moved, strict=True):
        theta[...] = to_numpy(value)
    for slot, values in zip(slots, memory, strict=True):
        for array, value in zip(slot, values, strict=True):
            array[...] = to_numpy(value)
    return Report(np.array(costs, np.float64), steps, status)


def _moved(
    thetas: Sequence[Any],
    X: Array,
    Y: Any,
    hidden: Sequence[Any],
    output: Any,
    lambda_: float = 0.0,
    weights: Any = None,
    *,
    loss: Any = "auto",
    label_smoothing: float = 0.0,
    l1: float = 0.0,
) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """Give arguments of the engine as `equations` takes them, moved to where X lives."""
    here = Place(X)
    Y = smooth(here.targets(Y, len(thetas[-1])), label_smoothing, output)
    names = {"hidden": hidden, "output": output, "loss": loss, "l1": l1}
    names["weights"] = None if weights is None else here.take_in(weights)
    return (X, Y, [here.take_in(theta) for theta in thetas], lambda_), names


def advance(
    rule: Optimizer,
    thetas: Sequence[Array],
    D: Sequence[Array],
    slots: Sequence[Sequence[Array]],
    number: int,
    clip_norm: float = np.inf,
    max_norm: float = np.inf,
) -> tuple[list[Array], list[list[Array]]]:
    """Make step `number` by the gradient D; give the new Θ and slots, as `engine.train` would."""
    xp = array_api_compat.array_namespace(*thetas)
    norm = float(sum(xp.sum(d * d) for d in D)) ** 0.5 if np.isfinite(clip_norm) else 0.0
    if norm > clip_norm:
        D = [d * (clip_norm / norm) for d in D]
    new, kept = [], []
    for layer, (theta, d) in enumerate(zip(thetas, D, strict=True)):
        theta, own = rule.update(theta, d, [slot[layer] for slot in slots], number)
        new.append(_held(xp, theta, max_norm))
        kept.append(own)
    return new, [list(slot) for slot in zip(*kept, strict=True)]


def _held(xp: Any, theta: Array, max_norm: float) -> Array:
    """Scale the incoming weights of each unit down to `max_norm`, its bias left out."""
    if not np.isfinite(max_norm):
        return theta
    norms = xp.sqrt(xp.sum(theta[:, 1:] ** 2, axis=1, keepdims=True))
    scales = xp.where(norms > max_norm, max_norm / norms, xp.ones_like(norms))
    return xp.concat([theta[:, :1], theta[:, 1:] * scales], axis=1)
