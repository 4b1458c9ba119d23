"""A plain word on what goes wrong, with the setting that would mend it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from multilayer.equations import forward_propagation
from multilayer.playground.training_run import Moment, Run

__all__ = ["advice"]

_ROWS = 500  # to look for dead units
_PATIENCE = 100  # epochs


def advice(run: Run, now: Moment) -> list[dict[str, Any]]:
    """Say what is wrong with a run.

    Parameters
    ----------
    run : Run
    now : Moment

    Returns
    -------
    list of dict
        "what" it is in a word, what to "say", and settings that would "mend" it, or None.
    """
    return [
        {"what": what, "say": said, "mend": mend}
        for look in (_diverged, _equal_units, _dead_units, _overfits, _underfits, _slow)
        for what, said, mend in look(run, now)
    ][:3]


Found = Iterator[tuple[str, str, dict[str, Any] | None]]


def _diverged(run: Run, now: Moment) -> Found:
    settings, start = run.settings, run.moments[0].cost
    exploded = not np.isfinite(now.cost) or now.cost > 10 * max(start, 0.1)
    if not (run.trouble or exploded):
        return
    rate = settings.learning_rate_init / 10
    yield (
        "diverged",
        f"The cost explodes: with a learning rate of {settings.learning_rate_init:g} each step "
        "leaps over the valley and lands higher than it began. Take a tenth of it, and begin anew.",
        {"learning_rate_init": rate, "seed": settings.seed + 1},
    )


def _equal_units(run: Run, now: Moment) -> Found:
    first = now.thetas[0]
    if run.settings.layers and len(first) > 1 and np.ptp(first, axis=0).max() == 0:
        yield (
            "symmetry",
            "All units of the first hidden layer are the same, and will stay so: each gets the "
            "same gradient. Random weights to begin with make them differ.",
            {"initializer": "glorot"},
        )


def _dead_units(run: Run, now: Moment) -> Found:
    kinds = run.settings.activation
    if "relu" not in kinds:
        return
    X = np.asarray(run.examples.X[:_ROWS])
    with np.errstate(all="ignore"):
        A = forward_propagation(
            X, now.thetas, hidden=run.network.hidden, output=run.network.output
        )[1]
    dead = [
        int((a.max(axis=0) <= 0).sum())
        for a, kind in zip(A[1:-1], kinds, strict=True)
        if kind == "relu"
    ]
    if 4 * sum(dead) > sum(run.settings.layers):
        yield (
            "dead",
            f"{sum(dead)} relu units give 0 for every row: they have no gradient and cannot come "
            "back. leaky_relu keeps a small slope there.",
            {"activation": ["leaky_relu" if kind == "relu" else kind for kind in kinds]},
        )


def _overfits(run: Run, now: Moment) -> Found:
    least = min(moment.test_cost for moment in run.moments)
    if now.epoch >= 20 and now.test_cost > 1.25 * least and now.test_cost > 2 * now.cost:
        weak = run.settings.alpha < 0.01
        yield (
            "overfits",
            f"It learns the training rows by heart: the test cost was {least:.3g} and is "
            f"{now.test_cost:.3g}, while the training cost still falls. A penalty λ on large "
            "weights, fewer units or more rows would help.",
            {"alpha": 0.1 if weak else min(1e6, 3 * run.settings.alpha)},
        )


def _underfits(run: Run, now: Moment) -> Found:
    if now.epoch < _PATIENCE or now.score > 0.9 or not _flat(run, now):
        return
    if not run.settings.layers:
        yield (
            "underfits",
            "Without a hidden layer the boundary is a straight line, and no longer training will "
            "bend it.",
            {"layers": [5]},
        )
    elif run.settings.alpha > 1:
        yield (
            "underfits",
            f"λ = {run.settings.alpha:g} keeps the weights so small that the network can hardly "
            "bend.",
            {"alpha": 0.01},
        )


def _slow(run: Run, now: Moment) -> Found:
    settings = run.settings
    if now.epoch < 30 or settings.learning_rate_init >= 1e-3 or now.score > 0.9:
        return
    if now.cost > 0.9 * run.moments[0].cost:
        yield (
            "slow",
            f"The cost hardly falls: a learning rate of {settings.learning_rate_init:g} makes "
            "very small steps.",
            {"learning_rate_init": settings.learning_rate_init * 10},
        )


def _flat(run: Run, now: Moment) -> bool:
    """Whether the cost has not fallen by a hundredth over the last half of the run."""
    before = [moment for moment in run.moments if moment.epoch <= now.epoch / 2]
    return bool(before) and now.cost > 0.99 * before[-1].cost
