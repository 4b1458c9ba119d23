"""Training in instalments: a few epochs at a time, to the bit what one long call would do."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from sklearn.utils import check_random_state

from multilayer.estimators.base import BaseMLP
from multilayer.estimators.parameters import make_optimizer
from multilayer.training import loop as training
from multilayer.training.state import Examples

__all__ = ["Instalments"]


class Instalments:
    """An estimator that learns a while, is looked at, and goes on.

    Parameters
    ----------
    estimator : MLPClassifier or MLPRegressor
        That knows its targets. It becomes a fitted one, of which each instalment changes the
        network; of its parameters, those of training may be changed in between.
    examples : Examples
        As `estimator` encodes them.

    Attributes
    ----------
    state : State
    """

    def __init__(self, estimator: BaseMLP, examples: Examples) -> None:
        rng = check_random_state(estimator.random_state)
        self.state = estimator._start(examples, rng, True, False)
        self.state.begin(False)
        estimator.network_, estimator._state = self.state.network, self.state
        self.examples = estimator._weighted(examples, False)
        if estimator._dropout():
            self.state.dropout_seed = int(self.state.rng.randint(2**31))
        estimator._read_off(self.state)
        self.estimator = estimator

    def go_on(self, until: int) -> int:
        """Train up to so many epochs in all; give how many there were (fewer once converged).

        Raises
        ------
        FloatingPointError
            If training diverges; Θ is what it was before the step that was too far.
        KeyboardInterrupt
        """
        estimator, history = self.estimator, self.state.history
        if history.status == "max_iter":
            history.status = "running"
        plan = estimator._plan(self.examples.X.shape[0], until)
        if estimator.solver == "lbfgs":
            training.minimize(self.state, self.examples, plan)
        else:
            plan = replace(plan, course=estimator.max_iter)
            training.train(self.state, self.examples, make_optimizer(estimator), plan)
        if history.status == "interrupted":
            raise KeyboardInterrupt
        if history.status == "diverged":
            raise FloatingPointError(
                f"training diverged in epoch {history.epochs + 1}: learning_rate_init is "
                f"{estimator.learning_rate_init:g}"
            )
        return int(history.epochs)

    def read_off(self) -> Any:
        """Give the estimator with its attributes as they stand now."""
        self.estimator._read_off(self.state)
        return self.estimator
