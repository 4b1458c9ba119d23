"""Trials: the training of one candidate on one fold, which continues where it stopped.

The rows of a fold are checked and encoded once, and shared by all candidates.
"""

from __future__ import annotations

import copy
import math
from abc import ABC, abstractmethod
from dataclasses import replace
from typing import Any

import numpy as np
from sklearn.base import clone
from sklearn.utils import check_random_state

from multilayer.engine.arrays import to_numpy
from multilayer.engine.threads import available_threads
from multilayer.estimators.base import BaseMLP
from multilayer.estimators.fitting import Fit, encode
from multilayer.estimators.inputs import Rows, check_rows
from multilayer.estimators.parameters import check_parameters, hidden_sizes, make_schedule
from multilayer.estimators.targets import learn_targets
from multilayer.schedules import Cosine, OneCycle, WarmRestarts
from multilayer.tabular.base import TabularEstimator, prepare_training, validation_loss
from multilayer.tabular.ensemble import draw_network, train_epochs
from multilayer.tabular.monotone import column_signs
from multilayer.tabular.recipe import recipe_of

__all__ = ["FoldData", "Trial", "depends_on_length", "fold_data", "refusal", "rungs_for"]


class Trial(ABC):
    """The training of a candidate on one fold."""

    @abstractmethod
    def go_on(self, until: int) -> int:
        """Train up to a total number of epochs; return how many there were (fewer if converged)."""

    @property
    @abstractmethod
    def work(self) -> float:
        """The approximate number of multiplications of an epoch."""

    @abstractmethod
    def score(self, scorer: Any) -> float:
        """Score the network on the test rows; larger is better."""

    @property
    @abstractmethod
    def n_parameters(self) -> int:
        """The number of parameters."""


class FoldData(ABC):
    """The rows of one fold, prepared for training."""

    @abstractmethod
    def start(self, params: dict[str, Any]) -> Trial:
        """Begin the trial of a candidate."""


def fold_data(estimator: Any, y: Any, train: Rows, test: Rows) -> FoldData:
    """Prepare a fold for training.

    Parameters
    ----------
    estimator : MLPClassifier, MLPRegressor, TabularClassifier or TabularRegressor
        With an integer for `random_state`.
    y : array-like
        The targets of all rows, which tell the classes.
    train, test : Rows
        The training rows and the test rows of the fold.
    """
    if isinstance(estimator, TabularEstimator):
        return _TabularFold(estimator, y, train, test)
    return _PlainFold(estimator, y, train, test)


def refusal(estimator: Any, params: dict[str, Any]) -> str:
    """Return why an estimator cannot have some parameters, or an empty text if it can."""
    candidate = _with_params(estimator, params)
    try:
        check_parameters(candidate)
        if not isinstance(candidate.hidden_layer_sizes, str):  # "auto"
            hidden_sizes(candidate.hidden_layer_sizes)
    except (ValueError, TypeError) as error:
        return f"{type(error).__name__}: {error}"
    return ""


def depends_on_length(estimator: Any) -> bool:
    """Whether the first epochs of a long training differ from a short training."""
    if isinstance(estimator, TabularEstimator):
        return True
    return isinstance(make_schedule(estimator), Cosine | OneCycle)


def rungs_for(
    estimator: Any, space: dict[str, Any], min_epochs: int | None, factor: float
) -> list[int]:
    """Return the numbers of epochs after which candidates are compared, in ascending order.

    Where the learning rate falls in cycles, they are the ends of the cycles. For a tabular network
    they are counted in 15ths of all its epochs.

    Parameters
    ----------
    estimator : estimator
    space : dict
        The space that is searched.
    min_epochs : int, optional
        The first number; by default, all epochs divided by the cube of `factor`.
    factor : float
        The ratio of each number to the one before.
    """
    if isinstance(estimator, TabularEstimator):
        return [1, 3, 7, 15]
    if estimator.solver == "lbfgs":
        return [estimator.max_iter]
    last = int(estimator.max_iter)
    rates = space.get("learning_rate", [estimator.learning_rate])
    if min_epochs is None and not hasattr(rates, "rvs") and len(rates) == 1:
        schedule = make_schedule(_with_params(estimator, {"learning_rate": rates[0]}))
        if isinstance(schedule, WarmRestarts) and (ends := _cycle_ends(schedule, last)):
            return ends
    first = max(1, last // round(factor**3)) if min_epochs is None else min(min_epochs, last)
    steps = math.floor(math.log(last / first) / math.log(factor) + 1e-9)
    return [max(1, round(last / factor**k)) for k in range(steps, -1, -1)]


def _cycle_ends(schedule: WarmRestarts, last: int) -> list[int]:
    """Return the epochs, up to the last, at which cycles of whole epochs end."""
    ends: list[int] = []
    length, end = schedule.first_cycle, schedule.first_cycle
    while end <= last and end == int(end):
        ends.append(int(end))
        length *= schedule.growth
        end += length
    return ends


class _PlainFold(FoldData):
    def __init__(self, estimator: BaseMLP, y: Any, learned: Rows, judged: Rows) -> None:
        self.estimator = clone(estimator)
        self.estimator.early_stopping = False  # the search finds how many epochs are best
        learned = check_rows(self.estimator, learned, reset=True)
        self.rows_judged = check_rows(self.estimator, judged, reset=False)
        if hasattr(self.estimator, "feature_names_in_"):  # the rows checked have none
            del self.estimator.feature_names_in_
        self.targets = learn_targets(self.estimator, np.asarray(y))
        self.learned = encode(self.targets, learned)
        self.judged = encode(self.targets, self.rows_judged)

    def start(self, params: dict[str, Any]) -> Trial:
        return _PlainTrial(self, params)


class _PlainTrial(Trial):
    def __init__(self, fold: _PlainFold, params: dict[str, Any]) -> None:
        self.fold = fold
        estimator = _with_params(fold.estimator, params)
        self.fitting = Fit(estimator, fold.targets, fold.learned)

    def go_on(self, until: int) -> int:
        return self.fitting.train_until(until)

    def score(self, scorer: Any) -> float:
        if scorer is None:
            H = to_numpy(self.fitting.state.network.forward(self.fold.judged.X))
            return self.fitting.targets.score(H, self.fold.judged)
        X, y, weights = self.fold.rows_judged
        return float(scorer(self.fitting.estimator, X, y, **_given(weights)))

    @property
    def n_parameters(self) -> int:
        return sum(theta.size for theta in self.fitting.state.network.thetas)

    @property
    def work(self) -> float:
        return 3.0 * self.n_parameters * len(self.fitting.examples.Y)


class _TabularFold(FoldData):
    def __init__(self, estimator: TabularEstimator, y: Any, learned: Rows, judged: Rows) -> None:
        self.estimator = clone(estimator).set_params(n_members=1, fast=False)
        rng = check_random_state(estimator.random_state)
        self.data, (self.fold,) = prepare_training(
            self.estimator, *learned, judged.X, judged.y, rng, every_target=y
        )
        self.weights = judged.sample_weight

    def start(self, params: dict[str, Any]) -> Trial:
        return _TabularTrial(self, params)


class _TabularTrial(Trial):
    def __init__(self, fold: _TabularFold, params: dict[str, Any]) -> None:
        estimator = _with_params(fold.estimator, params)
        self.recipe = recipe_of(estimator, len(fold.fold.training))
        rng = np.random.RandomState(estimator.random_state)
        data = replace(fold.data, signs=column_signs(estimator, estimator.encoder_))
        self.network = draw_network(data, fold.fold, self.recipe, rng)
        self.course = train_epochs(
            self.network, data, fold.fold, self.recipe, rng, n_threads=available_threads
        )
        self.fold, self.estimator, self.epochs = fold, estimator, 0

    def go_on(self, until: int) -> int:
        last = max(1, math.ceil(self.recipe.max_iter * until / 15))
        while self.epochs < last:
            if next(self.course, None) is None:
                raise FloatingPointError(
                    f"training diverged in epoch {self.epochs + 1}: learning_rate_init is "
                    f"{self.recipe.learning_rate:g}"
                )
            self.epochs += 1
        return self.epochs

    def score(self, scorer: Any) -> float:
        estimator, data, rows = self.estimator, self.fold.data, self.fold.fold.validation
        H = self.network.forward(data.X[rows])
        by_default = "r2" if data.output == "identity" else "accuracy"
        scoring = by_default if scorer is None else scorer
        return -validation_loss(estimator, data, scoring, H, rows)

    @property
    def n_parameters(self) -> int:
        return sum(array.size for array in self.network.arrays)

    @property
    def work(self) -> float:
        return 3.0 * self.n_parameters * len(self.fold.fold.training)


def _with_params(estimator: Any, params: dict[str, Any]) -> Any:
    """Return a copy that has read the same rows, with other parameters, which are not checked."""
    other = copy.copy(estimator)
    for name, value in params.items():
        setattr(other, name, value)
    return other


def _given(weights: Any) -> dict[str, Any]:
    return {} if weights is None else {"sample_weight": weights}
