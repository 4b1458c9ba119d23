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

Validate = Callable[[], float]  # scores the network as it stands, larger being better
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


@dataclass
class _Referee:
    """Looks at each finished epoch: scores it, tells the watcher, says whether to stop."""

    network: Network
    plan: Plan
    history: History
    validate: Validate | None
    watch: Watch | None
    best_thetas: list[Floats] | None = None

    def after_epoch(self) -> None:
        history = self.history
        if self.validate is not None:
            self._note(self.validate())
        if self.watch is not None and self.watch(history) and history.status == "running":
            history.status = "stopped"

    def after_training(self) -> None:
        if self.best_thetas is not None:
            _restore(self.network.thetas, self.best_thetas)

    def _note(self, score: float) -> None:
        """Keep the best Θ; count the epochs without a better score, by scikit-learn's rule."""
        history = self.history
        history.scores.append(score)
        stale = score < history.best_score + self.plan.tol
        history.stale_scores = history.stale_scores + 1 if stale else 0
        if score > history.best_score:
            history.best_score = score
            self.best_thetas = [theta.copy() for theta in self.network.thetas]
        if history.stale_scores > self.plan.n_iter_no_change and history.status == "running":
            history.status = "converged"


def train(
    network: Network,
    X: Floats,
    Y: NDArray[Any],
    optimizer: Optimizer,
    plan: Plan,
    rng: np.random.RandomState,
    history: History,
    *,
    validate: Validate | None = None,
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
    referee = _Referee(network, plan, history, validate, watch)
    steps = 0
    shuffled: dict[str, Any] = {}
    if plan.shuffle and plan.batch_size is not None:
        shuffled = {"rows": np.arange(len(X)), "rng": _twister(rng)}
        state.append(shuffled["rows"])

    def epochs(n: int, max_steps: int | None = None) -> engine.Report:
        return engine.train(
            network.thetas,
            X,
            Y,
            network.hidden,
            network.output,
            optimizer,
            slots,
            lambda_=plan.lambda_,
            batch_size=plan.batch_size,
            **shuffled,
            epochs=n,
            steps_before=steps,
            max_steps=max_steps,
            tol=plan.tol,
            patience=None if validate or max_steps else plan.n_iter_no_change,
            progress=history.progress,
        )

    before: list[Floats] | None = None  # the state at the start of a call that has not ended
    try:
        while history.status == "running":
            before = [array.copy() for array in state]
            generator = rng.get_state()
            report = epochs(1 if validate or watch else plan.max_iter - len(history.costs))
            if not _finite(network.thetas):
                # One step too far: go the same way again and halt before it.
                _restore(state, before)
                rng.set_state(generator)
                if report.steps > 1:
                    epochs(len(report.costs) + 1, max_steps=report.steps - 1)
                if not _finite(network.thetas):
                    _restore(state, before)
                report = report._replace(status="diverged")
            history.costs.extend(report.costs.tolist())
            before = None
            steps += report.steps
            if report.status != "finished":
                history.status = report.status
            if report.status == "diverged" or not len(report.costs):
                break
            referee.after_epoch()
            if len(history.costs) >= plan.max_iter and history.status == "running":
                history.status = "max_iter"
    except KeyboardInterrupt:
        history.status = "interrupted"
        if before is not None:
            _restore(state, before)
    referee.after_training()


def minimize(
    network: Network,
    X: Floats,
    Y: NDArray[Any],
    plan: Plan,
    history: History,
    *,
    validate: Validate | None = None,
    watch: Watch | None = None,
) -> None:
    """Train by L-BFGS (SciPy's), which sees all rows at each evaluation.

    Parameters
    ----------
    network, X, Y, plan, history, validate, watch
        As for `train`; an iteration takes the place of an epoch.
    """
    referee = _Referee(network, plan, history, validate, watch)
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
        referee.after_epoch()
        if history.status != "running":
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
        if not history.costs:  # the start was the minimum already
            history.costs.append(float(result.fun))
        if history.status == "running":
            history.status = "max_iter" if result.status == 1 else "converged"
    except KeyboardInterrupt:
        history.status = "interrupted"
    referee.after_training()


def _twister(rng: np.random.RandomState) -> np.random.RandomState:
    """Give `rng` itself where the engine can draw from it, else one that it seeds."""
    if rng.get_state(legacy=False)["bit_generator"] == "MT19937":
        return rng
    return np.random.RandomState(rng.randint(2**32, dtype=np.uint32))


def _finite(arrays: list[Floats]) -> bool:
    return all(np.isfinite(array).all() for array in arrays)


def _restore(arrays: list[Floats], values: list[Floats]) -> None:
    for array, value in zip(arrays, values, strict=True):
        array[...] = value
