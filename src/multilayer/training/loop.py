"""Training: epochs, stopping, history. Python conducts, the engine makes the steps.

The work is cut into calls that each last until the next thing Python must see: a validation score,
a callback, a lower learning rate, the end.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import scipy.optimize
from numpy.typing import NDArray

from multilayer.engine import array_api as array_engine
from multilayer.engine import native as engine
from multilayer.network import Floats
from multilayer.optimizers import Optimizer
from multilayer.schedules import (
    Adaptive,
    Constant,
    Plateau,
    Schedule,
    SchedulePosition,
    StepSchedule,
)
from multilayer.training.state import Examples, State, restore

Validate = Callable[[], tuple[float, float]]  # score (larger is better) and cost of the network
Watch = Callable[["State"], bool]  # sees the state after each epoch; True stops training


@dataclass(frozen=True)
class Plan:
    """How to train: the numbers of the loop, in the words of the estimators' parameters."""

    lambda_: float = 0.0
    l1: float = 0.0
    penalty_scale: str = "batch"  # what the penalties are divided by: the batch's rows, or all
    cost_share: float = 1.0  # by what the data's part of a reported cost is multiplied
    batch_size: int | None = None  # None: all rows at once
    max_iter: int = 200
    shuffle: bool = True
    tol: float = 1e-4
    n_iter_no_change: float = 10  # epochs, or infinity
    max_fun: int = 15_000  # L-BFGS: evaluations of cost and gradient
    schedule: Schedule = field(default_factory=Constant)
    label_smoothing: float = 0.0
    dropout: tuple[float, ...] | None = None  # the input's share first, then each hidden layer's
    clip_norm: float = np.inf
    max_norm: float = np.inf
    early_stopping: bool = False  # by the score of the validation instead of the cost
    restore_best: bool = False  # end with the best Θ instead of the last
    incremental: bool = False  # one of many calls: the best Θ is put back when patience has ended
    course: int | None = None  # epochs that schedules reckon with; None: max_iter


@dataclass
class _Referee:
    """Looks at each finished epoch: scores it, tells the watcher, says whether to stop."""

    state: State
    plan: Plan
    validate: Validate | None
    watch: Watch | None
    learning_rate: float = 0.0

    @property
    def looks(self) -> bool:
        """Whether there is anything to see after each epoch."""
        plan = self.plan
        by_epoch = plan.restore_best or isinstance(plan.schedule, Plateau)
        return bool(self.validate or self.watch or by_epoch)

    def after_epoch(self, seen_before: bool = False) -> None:
        """Look at an epoch; one that was seen before is a resumed one, and not shown again."""
        history = self.state.history
        if self.validate is not None:
            score, cost = self.validate()
            history.validation_costs.append(cost)
            self._note(score)
        elif self.plan.restore_best and history.costs[-1] <= min(history.costs):
            self._keep()
        self._slow_down()
        if self.watch is None or seen_before:
            return
        if self.watch(self.state) and history.status == "running":
            history.status = "stopped"

    def after_training(self) -> None:
        plan, ended = self.plan, self.state.history.status == "converged"
        if plan.restore_best and self.state.best is not None and (ended or not plan.incremental):
            restore(self.state.network.thetas, self.state.best)

    def _note(self, score: float) -> None:
        """Keep the best Θ; count the epochs without a better score, by scikit-learn's rule."""
        history = self.state.history
        history.scores.append(score)
        stale = score < history.best_score + self.plan.tol
        history.stale_scores = history.stale_scores + 1 if stale else 0
        if score > history.best_score:
            history.best_score = score
            self._keep()
        patience = self.plan.n_iter_no_change if self.plan.early_stopping else np.inf
        if history.stale_scores > patience and history.status == "running":
            history.status = "converged"

    def _slow_down(self) -> None:
        """Lower the learning rate where the schedule does so by what it sees."""
        state, schedule = self.state, self.plan.schedule
        rate = self.learning_rate * state.slowed
        if isinstance(schedule, Adaptive):
            if state.history.status == "converged" and rate > schedule.least:
                state.slowed /= schedule.divisor
                state.history.stale_scores = state.history.progress.stale = 0
                state.history.status = "running"
        elif isinstance(schedule, Plateau):
            history = state.history
            curve = [-score for score in history.scores] or history.costs
            better = curve[-1] < state.plateau.best - self.plan.tol
            state.plateau.stale = 0 if better else state.plateau.stale + 1
            state.plateau.best = min(state.plateau.best, curve[-1])
            if state.plateau.stale >= schedule.patience and rate > schedule.least:
                state.slowed *= max(schedule.factor, schedule.least / rate)
                state.plateau.stale = 0

    def _keep(self) -> None:
        if self.plan.restore_best:
            self.state.best = [theta.copy() for theta in self.state.network.thetas]


def train(
    state: State,
    examples: Examples,
    optimizer: Optimizer,
    plan: Plan,
    *,
    validate: Validate | None = None,
    watch: Watch | None = None,
) -> None:
    """Change Θ of a network step by step until a rule of `plan` stops it.

    Parameters
    ----------
    state : State
        Changed in place, its network too.
    examples : Examples
    optimizer : Optimizer
    plan : Plan
    validate : callable, optional
        Gives score and cost of the network as it stands on other rows.
    watch : callable, optional
        Called after each epoch with the state; training stops when it returns True.
    """
    network, history = state.network, state.history
    referee = _Referee(state, plan, validate, watch, optimizer.learning_rate)
    runner = array_engine.choose(network.hidden, network.loss, examples.X)
    if len(state.slots) != optimizer.n_slots:  # a new optimizer remembers nothing
        state.slots, state.steps = optimizer.start(network.thetas), 0
    m = examples.X.shape[0]
    shuffled: dict[str, Any] = {}
    if plan.shuffle and plan.batch_size is not None:
        state.rng = twister(state.rng)
        shuffled = {"rng": state.rng}
        if runner in (engine, array_engine):  # another one orders rows where they lie
            if state.rows is None or len(state.rows) != m:
                state.rows = np.arange(m)
            shuffled["rows"] = state.rows

    steps_per_epoch = -(-m // (plan.batch_size or m))
    by_step = isinstance(plan.schedule, StepSchedule)

    def epochs(n: int, max_steps: int | None = None) -> engine.Report:
        rates = None
        if isinstance(plan.schedule, StepSchedule):
            steps = state.steps + np.arange(n * steps_per_epoch, dtype=np.float64)
            whole = (plan.course or plan.max_iter) * steps_per_epoch
            position = SchedulePosition(state.steps, state.samples, m, steps_per_epoch, whole)
            rates = optimizer.learning_rate * plan.schedule.factors(steps, position)
        elif state.slowed != 1:
            rates = np.full(n * steps_per_epoch, optimizer.learning_rate * state.slowed)
        report: engine.Report = runner.train(
            network.thetas,
            examples.X,
            examples.Y,
            network.hidden,
            network.output,
            optimizer,
            state.slots,
            loss=network.loss,
            label_smoothing=plan.label_smoothing,
            dropout=plan.dropout,
            dropout_seed=state.dropout_seed,
            weights=examples.weights,
            lambda_=plan.lambda_,
            l1=plan.l1,
            penalty_rows=None if plan.penalty_scale == "batch" else m,
            cost_share=plan.cost_share,
            clip_norm=plan.clip_norm,
            max_norm=plan.max_norm,
            rates=rates,
            batch_size=plan.batch_size,
            **shuffled,
            epochs=n,
            steps_before=state.steps,
            max_steps=max_steps,
            tol=plan.tol,
            patience=None if plan.early_stopping or max_steps else plan.n_iter_no_change,
            progress=history.progress,
        )
        return report

    if history.epochs >= plan.max_iter and history.status == "running":
        history.status = "max_iter"
    before: list[Floats] | None = None  # the state at the start of a call that has not ended
    try:
        while history.status == "running":
            before = [array.copy() for array in state.arrays()]
            generator = state.rng.get_state()
            left = plan.max_iter - history.epochs
            if by_step or state.slowed != 1:  # a rate for each step, but not for all at once
                left = min(left, max(1, 10_000 // steps_per_epoch))
            report = epochs(1 if referee.looks else left)
            if not _finite(network.thetas):
                # One step too far: go the same way again and halt before it.
                restore(state.arrays(), before)
                state.rng.set_state(generator)
                if report.steps > 1:
                    epochs(len(report.costs) + 1, max_steps=report.steps - 1)
                if not _finite(network.thetas):
                    restore(state.arrays(), before)
                report = report._replace(status="diverged")
            history.costs.extend(report.costs.tolist())
            before = None
            state.steps += report.steps
            state.samples += m * len(report.costs)
            if report.status != "finished":
                history.status = report.status
            if report.status == "diverged" or not len(report.costs):
                break
            referee.after_epoch()
            if history.epochs >= plan.max_iter and history.status == "running":
                history.status = "max_iter"
    except KeyboardInterrupt:
        history.status = "interrupted"
        if before is not None:
            restore(state.arrays(), before)
    if history.status == "diverged" and validate is not None:
        history.scores.append(np.nan)
        history.validation_costs.append(np.nan)
    referee.after_training()


def minimize(
    state: State,
    examples: Examples,
    plan: Plan,
    *,
    validate: Validate | None = None,
    watch: Watch | None = None,
) -> None:
    """Train by L-BFGS (SciPy's), which sees all rows at each evaluation.

    Parameters
    ----------
    state, examples, plan, validate, watch
        As for `train`; an iteration takes the place of an epoch.
    """
    network, history = state.network, state.history
    referee = _Referee(state, plan, validate, watch)
    runner = array_engine.choose(network.hidden, network.loss, examples.X)
    sizes = np.cumsum([theta.size for theta in network.thetas])[:-1]

    def unpack(x: NDArray[np.float64]) -> list[Floats]:
        parts = np.split(x.astype(network.dtype, copy=False), sizes)
        return [part.reshape(t.shape) for part, t in zip(parts, network.thetas, strict=True)]

    evaluations, replayed = 0, len(state.tape or ())

    def evaluate(x: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        nonlocal evaluations
        evaluations += 1
        if state.tape and evaluations <= len(state.tape):
            return state.tape[evaluations - 1]
        result = compute(x)
        if state.tape is not None:
            state.tape.append(result)
        return result

    def compute(x: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        thetas = unpack(x)
        cost, D = runner.cost_and_gradient(
            thetas,
            examples.X,
            examples.Y,
            network.hidden,
            network.output,
            plan.lambda_,
            loss=network.loss,
            label_smoothing=plan.label_smoothing,
            weights=examples.weights,
        )
        if plan.cost_share != 1:  # of the cost alone: the line search then goes scikit-learn's way
            rows = examples.X.shape[0] if examples.weights is None else examples.weights.sum()
            squares = sum(float((theta[:, 1:] ** 2).sum()) for theta in thetas)
            penalty = plan.lambda_ / 2 * squares / rows
            cost = plan.cost_share * (cost - penalty) + penalty
        return cost, np.concatenate([d.ravel() for d in D]).astype(np.float64, copy=False)

    def after_iteration(intermediate_result: scipy.optimize.OptimizeResult) -> None:
        cost = float(intermediate_result.fun)
        if not np.isfinite(cost):
            history.status = "diverged"
            raise StopIteration
        history.costs.append(cost)
        state.samples += examples.X.shape[0]
        restore(network.thetas, unpack(intermediate_result.x))
        referee.after_epoch(seen_before=evaluations < replayed)
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
        if not history.epochs:  # the start was the minimum already
            history.costs.append(float(result.fun))
        if history.status == "running":
            history.status = {0: "converged", 1: "max_iter"}.get(result.status, "abnormal")
    except KeyboardInterrupt:
        history.status = "interrupted"
    referee.after_training()


def twister(rng: np.random.RandomState) -> np.random.RandomState:
    """Give `rng` itself where the engine can draw from it, else one that it seeds."""
    if rng.get_state(legacy=False)["bit_generator"] == "MT19937":
        return rng
    return np.random.RandomState(rng.randint(2**32, dtype=np.uint32))


def _finite(arrays: list[Floats]) -> bool:
    return all(np.isfinite(array).all() for array in arrays)
