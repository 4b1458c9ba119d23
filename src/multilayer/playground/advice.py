"""Advice on what goes wrong in training, with the setting that would fix it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from multilayer.equations import forward_propagation
from multilayer.playground.training_run import Snapshot, TrainingRun

__all__ = ["advice"]

_ROWS = 500  # examined for dead units
_PATIENCE = 100  # epochs before a network can underfit


def advice(run: TrainingRun, now: Snapshot) -> list[dict[str, Any]]:
    """Return advice on what is wrong with a run.

    Parameters
    ----------
    run : TrainingRun
    now : Snapshot
        The network shown.

    Returns
    -------
    list of dict
        At most three, each with "what" the problem is in a word, "say", a message for the user, and
        "mend", settings that would fix it, or None.
    """
    return [
        {"what": problem, "say": message, "mend": fix}
        for check in (_diverged, _equal_units, _dead_units, _overfits, _underfits, _slow)
        for problem, message, fix in check(run, now)
    ][:3]


Advice = Iterator[tuple[str, str, dict[str, Any] | None]]


def _diverged(run: TrainingRun, now: Snapshot) -> Advice:
    settings, start = run.settings, run.snapshots[0].cost
    exploded = not np.isfinite(now.cost) or now.cost > 10 * max(start, 0.1)
    if not (run.trouble or exploded):
        return
    rate = settings.learning_rate_init / 10
    yield (
        "diverged",
        f"The cost explodes: with a learning rate of {settings.learning_rate_init:g}, each step "
        "jumps over the valley and lands higher than it started. Start again with a tenth of it.",
        {"learning_rate_init": rate, "seed": settings.seed + 1},
    )


def _equal_units(run: TrainingRun, now: Snapshot) -> Advice:
    first = now.thetas[0]
    if run.settings.layers and len(first) > 1 and np.ptp(first, axis=0).max() == 0:
        yield (
            "symmetry",
            "All units of the first hidden layer are equal and will stay equal: each gets the "
            "same gradient. Random initial weights make them differ.",
            {"initializer": "glorot"},
        )


def _dead_units(run: TrainingRun, now: Snapshot) -> Advice:
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
            f"{sum(dead)} relu units output 0 for every row: they have no gradient and cannot "
            "recover. leaky_relu keeps a small slope there.",
            {"activation": ["leaky_relu" if kind == "relu" else kind for kind in kinds]},
        )


def _overfits(run: TrainingRun, now: Snapshot) -> Advice:
    least = min(snapshot.test_cost for snapshot in run.snapshots)
    if now.epoch >= 20 and now.test_cost > 1.25 * least and now.test_cost > 2 * now.cost:
        weak = run.settings.alpha < 0.01
        yield (
            "overfits",
            f"The network memorizes the training rows: the test cost was {least:.3g} and is now "
            f"{now.test_cost:.3g}, while the training cost still falls. A penalty λ on large "
            "weights, fewer units or more rows would help.",
            {"alpha": 0.1 if weak else min(1e6, 3 * run.settings.alpha)},
        )


def _underfits(run: TrainingRun, now: Snapshot) -> Advice:
    if now.epoch < _PATIENCE or now.score > 0.9 or not _flat(run, now):
        return
    if not run.settings.layers:
        yield (
            "underfits",
            "Without a hidden layer the boundary is a straight line, and further training will not "
            "bend it.",
            {"layers": [5]},
        )
    elif run.settings.alpha > 1:
        yield (
            "underfits",
            f"λ = {run.settings.alpha:g} keeps the weights so small that the boundary can "
            "hardly bend.",
            {"alpha": 0.01},
        )


def _slow(run: TrainingRun, now: Snapshot) -> Advice:
    settings = run.settings
    if now.epoch < 30 or settings.learning_rate_init >= 1e-3 or now.score > 0.9:
        return
    if now.cost > 0.9 * run.snapshots[0].cost:
        yield (
            "slow",
            f"The cost hardly falls: a learning rate of {settings.learning_rate_init:g} makes "
            "very small steps.",
            {"learning_rate_init": settings.learning_rate_init * 10},
        )


def _flat(run: TrainingRun, now: Snapshot) -> bool:
    """Whether the cost fell by less than a hundredth over the last half of the run."""
    before = [snapshot for snapshot in run.snapshots if snapshot.epoch <= now.epoch / 2]
    return bool(before) and now.cost > 0.99 * before[-1].cost
