"""Training: epochs, stopping, history. Python conducts, the engine makes the steps.

The work is cut into calls that each last until the next thing Python must see: a validation score,
a callback, a new order of the rows, the end.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import scipy.optimize
from numpy.typing import NDArray

from multilayer import engine
from multilayer.network import Floats, Network
from multilayer.optimizers import Optimizer

Watch = Callable[["History"], bool]  # sees the history after each epoch; True stops training


@dataclass(frozen=True)
class Plan:
    """How to train: the numbers of the loop, in the words of the estimators' parameters."""

    lambda_: float = 0.0
    batch_size: int | None = None  # None: all rows at once
    max_iter: int = 200
    shuffle: bool = True
    tol: float = 1e-4
    n_iter_no_change: float = 10  # epochs, or infinity
    max_fun: int = 15_000  # L-BFGS: evaluations of cost and gradient


@dataclass
class History:
    """What happened so far, and why it ended.

    `status` is "running", "converged", "max_iter", "stopped" (by a watcher), "diverged" (the cost
    was no longer finite) or "interrupted" (Ctrl-C).
    """

    costs: list[float] = field(default_factory=list)
    scores: list[float] = field(default_factory=list)
    progress: engine.Progress = field(default_factory=engine.Progress)  # of the costs
    best_score: float = -np.inf
    stale_scores: int = 0  # epochs in a row without a better score
    status: str = "running"


def train(
    network: Network,
    X: Floats,
    Y: NDArray[Any],
    optimizer: Optimizer,
    plan: Plan,
    rng: np.random.RandomState,
    history: History,
    *,
    validate: Callable[[], float] | None = None,
    watch: Watch | None = None,
) -> None:
    """Change Θ of `network` step by step until a rule of `plan` stops it.

    Parameters
    ----------
    network : Network
        Its Θ is changed in place.
    X, Y : ndarray, shapes (m, s₁) and (m, s_L) or (m,)
    optimizer : Optimizer
    plan : Plan
    rng : RandomState
        Draws the order of the rows of each epoch.
    history : History
        Filled as training goes on.
    validate : callable, optional
        Gives a score of the network as it stands, larger being better. When given, training stops
        on it rather than on the cost, and ends with the Θ that scored best.
    watch : callable, optional
        Called after each epoch with the history; training stops when it returns True.
    """
    slots = optimizer.start(network.thetas)
    state = [*network.thetas, *(array for slot in slots for array in slot)]
    best_thetas = None
    m, steps = len(X), 0
    batch_size = m if plan.batch_size is None else plan.batch_size
    full_batch = plan.batch_size is None
    in_order = full_batch or not plan.shuffle
    # An epoch of mini-batches is a call of its own, so that Ctrl-C can take back a part of one.
    one_epoch = validate is not None or watch is not None or not full_batch
    rows = np.arange(m)

    def epochs(n: int, order: NDArray[np.intp] | None, max_steps: int | None) -> engine.Report:
        return engine.train(
            network.thetas,
            X,
            Y,
            network.hidden,
            network.output,
            optimizer,
            slots,
            lambda_=plan.lambda_,
            batch_size=batch_size,
            order=order,
            epochs=n,
            steps_before=steps,
            max_steps=max_steps,
            tol=plan.tol,
            patience=None if validate or max_steps else plan.n_iter_no_change,
            progress=history.progress,
        )

    try:
        while history.status == "running":
            if not in_order:
                rng.shuffle(rows)
            order = None if in_order else rows[None, :]
            before = [array.copy() for array in state]
            report = epochs(1 if one_epoch else plan.max_iter - len(history.costs), order, None)
            history.costs.extend(report.costs.tolist())
            if report.status == "interrupted" and not full_batch and not len(report.costs):
                _restore(state, before)  # the epoch that Ctrl-C cut short is taken back whole
            if not _finite(network.thetas):
                # One step too far: go again from the last good Θ, deterministic as all steps are,
                # and halt before it.
                _restore(state, before)
                if report.steps > 1:
                    epochs(plan.max_iter if full_batch else 1, order, report.steps - 1)
                if not _finite(network.thetas):
                    _restore(state, before)
                history.status = "diverged"
            elif report.status != "finished":
                history.status = report.status
            steps += report.steps
            if history.status == "diverged" or not len(report.costs):
                break
            if validate is not None:
                history.scores.append(validate())
                if history.scores[-1] > history.best_score:
                    best_thetas = [theta.copy() for theta in network.thetas]
                _note_score(history, plan)
            if watch is not None and watch(history) and history.status == "running":
                history.status = "stopped"
            if len(history.costs) >= plan.max_iter and history.status == "running":
                history.status = "max_iter"
    except KeyboardInterrupt:
        history.status = "interrupted"
    if best_thetas is not None:
        _restore(network.thetas, best_thetas)


def minimize(
    network: Network,
    X: Floats,
    Y: NDArray[Any],
    plan: Plan,
    history: History,
    *,
    watch: Watch | None = None,
) -> None:
    """Train by L-BFGS (SciPy's), which sees all rows at each evaluation.

    Parameters
    ----------
    network, X, Y, plan, history, watch
        As for `train`.
    """
    sizes = np.cumsum([theta.size for theta in network.thetas])[:-1]

    def unpack(x: NDArray[np.float64]) -> list[Floats]:
        parts = np.split(x.astype(network.dtype, copy=False), sizes)
        return [part.reshape(t.shape) for part, t in zip(parts, network.thetas, strict=True)]

    def evaluate(x: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        cost, D = engine.cost_and_gradient(
            unpack(x), X, Y, network.hidden, network.output, plan.lambda_
        )
        return cost, np.concatenate([d.ravel() for d in D]).astype(np.float64, copy=False)

    def after_iteration(intermediate_result: scipy.optimize.OptimizeResult) -> None:
        cost = float(intermediate_result.fun)
        if not np.isfinite(cost):
            history.status = "diverged"
            raise StopIteration
        history.costs.append(cost)
        _restore(network.thetas, unpack(intermediate_result.x))
        if watch is not None and watch(history):
            history.status = "stopped"
            raise StopIteration

    start = np.concatenate([theta.ravel() for theta in network.thetas]).astype(np.float64)
    if not np.isfinite(evaluate(start)[0]):
        history.status = "diverged"
        return
    options = {"maxiter": plan.max_iter, "maxfun": plan.max_fun, "gtol": plan.tol}
    try:
        result = scipy.optimize.minimize(
            evaluate, start, method="L-BFGS-B", jac=True, options=options, callback=after_iteration
        )
    except KeyboardInterrupt:
        history.status = "interrupted"
        return
    if history.status == "running":
        history.status = "max_iter" if result.status == 1 else "converged"
    if not history.costs:  # the start was the minimum already
        history.costs.append(float(result.fun))


def _note_score(history: History, plan: Plan) -> None:
    """Count the epochs without a better validation score, by scikit-learn's rule."""
    score = history.scores[-1]
    stale = score < history.best_score + plan.tol
    history.stale_scores = history.stale_scores + 1 if stale else 0
    history.best_score = max(history.best_score, score)
    if history.stale_scores > plan.n_iter_no_change and history.status == "running":
        history.status = "converged"


def _finite(arrays: list[Floats]) -> bool:
    return all(np.isfinite(array).all() for array in arrays)


def _restore(arrays: list[Floats], values: list[Floats]) -> None:
    for array, value in zip(arrays, values, strict=True):
        array[...] = value
