"""The training loop: Python controls it, and the engine makes the steps.

The work is divided into calls, each of which lasts until Python is needed again: for a validation
score, a callback, a lower learning rate, or the end.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from multilayer.engine.arrays import is_finite
from multilayer.engine.choice import engine_for
from multilayer.engine.interface import (
    Descent,
    Engine,
    Epochs,
    Examples,
    MakeEngine,
    Report,
    Shuffle,
    Validation,
)
from multilayer.engine.twister import twister_state
from multilayer.network import Floats
from multilayer.schedules import SchedulePosition, StepSchedule
from multilayer.training.config import Config
from multilayer.training.monitor import Monitor, Validate, Watch
from multilayer.training.state import State, restore

__all__ = ["train", "twister"]

_MOST_RATES = 10_000  # learning rates that are computed for one call of the engine


def train(
    state: State,
    examples: Examples,
    config: Config,
    *,
    engine: MakeEngine = engine_for,
    validate: Validate | None = None,
    watch: Watch | None = None,
) -> None:
    """Train a network until a criterion of `config` stops it.

    Parameters
    ----------
    state : State
        Changed in place, together with its network.
    examples : Examples
    config : Config
        With a descent.
    engine : callable
        Creates the engine; by default the one that suits the network and its rows.
    validate : callable, optional
        Returns score and cost of the network in its present state on other rows.
    watch : callable, optional
        Called after each epoch with the state; training stops when it returns True.
    """
    assert config.descent is not None
    thetas, history = state.network.thetas, state.history
    monitor = Monitor(state, config, validate, watch, config.descent.optimizer.learning_rate)
    calls = _Calls(state, examples, config, config.descent, engine)
    if state.last is not None and history.status == "running":
        restore(thetas, state.last)
        state.last = None
    if history.epochs >= config.max_iter and history.status == "running":
        history.status = "max_iter"
    arrays, unfinished = state.arrays(), False
    before = [np.empty_like(array) for array in arrays]  # at the start of an unfinished call
    try:
        while history.status == "running":
            restore(before, arrays)
            unfinished = True
            left = config.max_iter - history.epochs
            validation = monitor.in_engine()
            by_epoch = monitor.watches_epochs and validation is None
            report = calls.epochs(1 if by_epoch else calls.at_most(left), validation)
            if not _finite(thetas):
                # The last step was one too many: repeat the steps and stop before it.
                restore(arrays, before)
                if report.steps > 1:
                    calls.epochs(len(report.costs) + 1, max_steps=report.steps - 1)
                if not _finite(thetas):
                    restore(arrays, before)
                report = report._replace(status="diverged")
            history.costs.extend(report.costs.tolist())
            unfinished = False
            state.steps += report.steps
            state.samples += examples.X.shape[0] * len(report.costs)
            if report.status != "finished":
                history.status = report.status
            if validation is not None:
                monitor.after_call(validation)
            if report.status == "diverged" or not len(report.costs):
                break
            if validation is None:
                monitor.after_epoch()
            if history.epochs >= config.max_iter and history.status == "running":
                history.status = "max_iter"
    except KeyboardInterrupt:
        history.status = "interrupted"
        if unfinished:
            restore(arrays, before)
    if history.status == "diverged" and validate is not None:
        history.scores.append(np.nan)
        history.validation_costs.append(np.nan)
    monitor.after_training()


class _Calls:
    """Calls of the engine, each with the learning rates of its steps and the order of its rows."""

    def __init__(
        self,
        state: State,
        examples: Examples,
        config: Config,
        descent: Descent,
        make: MakeEngine,
    ) -> None:
        self._state, self._config = state, config
        self._descent = replace(descent, dropout_seed=state.dropout_seed)
        thetas, m = state.network.thetas, examples.X.shape[0]
        self._m, self._steps_per_epoch = m, -(-m // (descent.batch_size or m))
        self._engine: Engine = make(thetas, examples, config.objective)
        if len(state.slots) != descent.optimizer.n_slots:  # a new optimizer remembers nothing
            state.slots, state.steps = descent.optimizer.start(thetas), 0
        self._shuffle: Shuffle | None = None
        if config.shuffle and descent.batch_size is not None:
            state.rng = twister(state.rng)
            if self._engine.shuffles_indices and (state.order is None or len(state.order) != m):
                state.order = np.arange(m)
            indices = state.order if self._engine.shuffles_indices else None
            self._shuffle = Shuffle(state.rng, indices)

    def at_most(self, epochs: int) -> int:
        """Return the number of epochs of one call, limited by the known learning rates."""
        by_step = isinstance(self._config.schedule, StepSchedule)
        if by_step or self._state.slowed != 1:
            return int(min(epochs, max(1, _MOST_RATES // self._steps_per_epoch)))
        return epochs

    def epochs(
        self, n: int, validation: Validation | None = None, *, max_steps: int | None = None
    ) -> Report:
        """Train for n epochs, or for some steps of them."""
        state, config = self._state, self._config
        by_cost = not (config.early_stopping or max_steps)
        return self._engine.train(
            self._descent,
            state.slots,
            Epochs(
                n,
                state.steps,
                max_steps,
                self._rates(n),
                shuffle=self._shuffle,
                tol=config.tol,
                patience=config.n_iter_no_change if by_cost else None,
                plateau=state.history.plateau,
                validation=validation,
            ),
        )

    def _rates(self, n: int) -> NDArray[np.float64] | None:
        """Return the learning rate of each step of n epochs; None for the optimizer's own rate."""
        state, config = self._state, self._config
        rate, per_epoch = self._descent.optimizer.learning_rate, self._steps_per_epoch
        if isinstance(config.schedule, StepSchedule):
            steps = state.steps + np.arange(n * per_epoch, dtype=np.float64)
            whole = (config.schedule_epochs or config.max_iter) * per_epoch
            position = SchedulePosition(state.steps, state.samples, self._m, per_epoch, whole)
            return rate * config.schedule.factors(steps, position)
        if state.slowed != 1:
            return np.full(n * per_epoch, rate * state.slowed)
        return None


def twister(rng: np.random.RandomState) -> np.random.RandomState:
    """Return `rng` itself if the engine can draw from it, else a generator seeded by it."""
    if twister_state(rng) is not None:
        return rng
    return np.random.RandomState(rng.randint(2**32, dtype=np.uint32))


def _finite(arrays: list[Floats]) -> bool:
    return all(map(is_finite, arrays))
