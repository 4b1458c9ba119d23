"""Monitor: validation, callbacks, stopping and the learning rate after each epoch."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from multilayer.engine.interface import Examples, Validation
from multilayer.schedules import Adaptive, Plateau
from multilayer.training.config import Config
from multilayer.training.state import State, restore

__all__ = ["Monitor", "Validate", "Watch"]


class Validate(Protocol):
    """Scores the network in its present state on validation rows.

    Attributes
    ----------
    examples : Examples
        These rows, encoded.
    """

    examples: Examples

    def __call__(self) -> tuple[float, float]:
        """Compute the score (larger is better), and the cost without the penalty."""

    def in_engine(self) -> Validation | None:
        """Return the record by which the engine does the same within a call; None if it cannot."""


Watch = Callable[[State], bool]  # sees the state after each epoch; True stops training


@dataclass
class Monitor:
    """Scores each finished epoch, calls the watcher, and decides whether to stop."""

    state: State
    config: Config
    validate: Validate | None
    watch: Watch | None
    learning_rate: float = 0.0

    @property
    def watches_epochs(self) -> bool:
        """Whether there is anything to do after each epoch."""
        config = self.config
        by_epoch = config.restore_best or isinstance(config.schedule, Plateau)
        return bool(self.validate or self.watch or by_epoch)

    def in_engine(self) -> Validation | None:
        """Return how a call of the engine scores its epochs; None: `after_epoch` does."""
        slows_down = isinstance(self.config.schedule, Adaptive | Plateau)
        if self.validate is None or self.watch is not None or slows_down:
            return None
        validation = self.validate.in_engine()
        if validation is None:
            return None
        config, history = self.config, self.state.history
        if config.restore_best:
            validation.best_thetas = [np.empty_like(theta) for theta in self.state.network.thetas]
        validation.tol = config.tol
        validation.patience = config.n_iter_no_change if config.early_stopping else np.inf
        validation.best, validation.stale = history.best_score, history.stale_scores
        return validation

    def after_call(self, validation: Validation) -> None:
        """Take over the scores of the engine's epochs."""
        history = self.state.history
        history.scores.extend(validation.scores)
        history.validation_costs.extend(validation.costs)
        if validation.best > history.best_score and validation.best_thetas:
            self.state.best = validation.best_thetas
        history.best_score, history.stale_scores = validation.best, validation.stale

    def after_epoch(self, seen_before: bool = False) -> None:
        """Process an epoch; the watcher does not see an epoch again after resuming."""
        history = self.state.history
        if self.validate is not None:
            score, cost = self.validate()
            history.validation_costs.append(cost)
            self._note(score)
        elif self.config.restore_best and history.costs[-1] <= min(history.costs):
            self._keep()
        self._slow_down()
        if self.watch is None or seen_before:
            return
        if self.watch(self.state) and history.status == "running":
            history.status = "stopped"

    def after_training(self) -> None:
        """Restore the best Θ, if requested."""
        config, ended = self.config, self.state.history.status == "converged"
        if (
            config.restore_best
            and self.state.best is not None
            and (ended or not config.incremental)
        ):
            self.state.last = [theta.copy() for theta in self.state.network.thetas]
            restore(self.state.network.thetas, self.state.best)

    def _note(self, score: float) -> None:
        """Keep the best Θ; count the epochs without a better score, by scikit-learn's rule."""
        history = self.state.history
        history.scores.append(score)
        stale = score < history.best_score + self.config.tol
        history.stale_scores = history.stale_scores + 1 if stale else 0
        if score > history.best_score:
            history.best_score = score
            self._keep()
        patience = self.config.n_iter_no_change if self.config.early_stopping else np.inf
        if history.stale_scores > patience and history.status == "running":
            history.status = "converged"

    def _slow_down(self) -> None:
        """Reduce the learning rate if the schedule depends on the curves."""
        state, schedule = self.state, self.config.schedule
        rate = self.learning_rate * state.slowed
        if isinstance(schedule, Adaptive):
            if state.history.status == "converged" and rate > schedule.least:
                state.slowed /= schedule.divisor
                state.history.stale_scores = state.history.plateau.stale = 0
                state.history.status = "running"
        elif isinstance(schedule, Plateau):
            history = state.history
            curve = [-score for score in history.scores] or history.costs
            better = curve[-1] < state.slow_plateau.best - self.config.tol
            state.slow_plateau.stale = 0 if better else state.slow_plateau.stale + 1
            state.slow_plateau.best = min(state.slow_plateau.best, curve[-1])
            if state.slow_plateau.stale >= schedule.patience and rate > schedule.least:
                state.slowed *= max(schedule.factor, schedule.least / rate)
                state.slow_plateau.stale = 0

    def _keep(self) -> None:
        if self.config.restore_best:
            self.state.best = [theta.copy() for theta in self.state.network.thetas]
