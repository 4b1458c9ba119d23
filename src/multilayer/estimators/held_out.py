"""Validation rows: the score of the network on them during training."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any, TypeGuard

from scipy.sparse import issparse
from sklearn.base import is_classifier

from multilayer.engine.arrays import take_rows, to_numpy
from multilayer.engine.choice import engine_for
from multilayer.engine.interface import Examples, Validation
from multilayer.engine.native import NativeEngine
from multilayer.estimators.fitting import Fit, encode
from multilayer.estimators.inputs import Rows, check_rows, split_rows
from multilayer.estimators.scoring import find_scorer
from multilayer.estimators.targets import ClassTargets, Targets
from multilayer.training.monitor import Validate

__all__ = ["HeldOut", "cost_on", "hold_out"]


class HeldOut:
    """Score and cost of a network, in its present state, on validation rows.

    Parameters
    ----------
    fit : Fit
        Its estimator's `scoring` defines the score: None for the estimator's own score, "loss" for
        the cost, a scorer's name or a scorer.
    examples : Examples
        The rows held out, encoded.
    learned : array or sparse matrix
        X of the rows to learn from.
    """

    def __init__(self, fit: Fit, examples: Examples, learned: Any) -> None:
        self._fit, self.examples = fit, examples
        self._like_learned = issparse(learned) == issparse(examples.X)
        network = fit.state.network
        self._engine = fit.engine(network.thetas, examples, network.objective())
        self._scorer: Any = None
        scoring = fit.estimator.scoring
        if scoring not in (None, "loss"):
            classes = fit.targets.classes if _one_label(fit.targets) else None
            self._scorer = find_scorer(fit.estimator, scoring, classes)
            self._y = fit.targets.decode(examples.Y)

    def in_engine(self) -> Validation | None:
        """Return how the engine scores each epoch itself; None where it cannot."""
        targets, network = self._fit.targets, self._fit.state.network
        accuracy = (
            self._fit.estimator.scoring is None
            and _one_label(targets)
            and len(targets.classes) > 1
            and self.examples.weights is None
            and network.has_own_loss
        )
        able = isinstance(self._engine, NativeEngine) and self._like_learned
        if not able or not (accuracy or self._fit.estimator.scoring == "loss"):
            return None
        return Validation(self._engine, accuracy, targets.cost_share)

    def __call__(self) -> tuple[float, float]:
        """Compute the score (larger is better), and the cost without the penalty."""
        estimator, examples, targets = self._fit.estimator, self.examples, self._fit.targets
        cost = targets.cost_share * self._engine.cost()
        if estimator.scoring is None:
            H = to_numpy(self._fit.state.network.forward(examples.X))
            return targets.score(H, examples), cost
        if estimator.scoring == "loss":
            return -cost, cost
        # Rows have been checked, and have lost the names of their columns by that.
        nameless = copy.copy(estimator)
        vars(nameless).pop("feature_names_in_", None)
        weights = {} if examples.weights is None else {"sample_weight": examples.weights}
        return float(self._scorer(nameless, examples.X, self._y, **weights)), cost


def _one_label(targets: Targets) -> TypeGuard[ClassTargets]:
    return isinstance(targets, ClassTargets) and targets.one_label


def cost_on(estimator: Any, rows: Rows) -> Callable[[], float]:
    """Return a function that computes the cost of a fitted estimator on validated rows.

    It is the cost without the penalty.
    """
    network, targets = estimator.network_, estimator.targets_
    engine = engine_for(network.thetas, encode(targets, rows), network.objective())
    return lambda: targets.cost_share * engine.cost()


def hold_out(fit: Fit, given: Rows) -> tuple[Examples, Validate | None]:
    """Return the weighted training rows, and the scorer of the validation rows.

    Parameters
    ----------
    fit : Fit
    given : Rows
        The rows to validate on; without X, a share of the fit's own, where there is early stopping.
    """
    estimator, examples = fit.estimator, fit.examples
    if given.X is not None:
        validation = encode(fit.targets, check_rows(estimator, given, reset=False))
    elif estimator.early_stopping:
        # scikit-learn keeps the shares of the classes only where one unit tells two apart.
        two = is_classifier(estimator) and fit.state.network.sizes[-1] == 1
        X, Y, weights = examples
        parts = split_rows(Y, estimator.validation_fraction, fit.state.rng, two)
        examples, validation = (
            Examples(take_rows(X, rows), Y[rows], None if weights is None else weights[rows])
            for rows in parts
        )
    else:
        return fit.targets.weigh(examples), None
    return fit.targets.weigh(examples), HeldOut(fit, validation, examples.X)
