"""Training in instalments: one candidate on one fold, which goes on where it stopped.

A fold's rows are checked and encoded once, and shared by all candidates.
"""

from __future__ import annotations

import copy
import math
from abc import ABC, abstractmethod
from typing import Any

import numpy as np
from sklearn.base import clone
from sklearn.utils import check_random_state

from multilayer.engine.threads import available_threads
from multilayer.estimators.base import BaseMLP
from multilayer.estimators.incremental import Instalments
from multilayer.estimators.inputs import Rows, check_rows
from multilayer.estimators.parameters import hidden_sizes, make_schedule
from multilayer.schedules import Cosine, OneCycle, WarmRestarts
from multilayer.tabular.base import (
    TabularEstimator,
    prepare_training,
    recipe_of,
    validation_loss,
)
from multilayer.tabular.ensemble import draw_network, train_epochs

__all__ = ["FoldData", "Run", "depends_on_length", "fold_data", "refusal", "rungs_for"]


class Run(ABC):
    """A candidate's training on one fold."""

    @abstractmethod
    def go_on(self, until: int) -> int:
        """Train up to so many epochs in all; give how many there were (fewer once converged)."""

    @property
    @abstractmethod
    def work(self) -> float:
        """Multiplications of an epoch, about."""

    @abstractmethod
    def score(self, scorer: Any) -> float:
        """Score what is trained so far on the rows left out; larger is better."""

    @property
    @abstractmethod
    def n_parameters(self) -> int:
        """Numbers that are trained."""


class FoldData(ABC):
    """The rows of one fold, ready to train on."""

    @abstractmethod
    def start(self, params: dict[str, Any]) -> Run:
        """Begin a candidate's training."""


def fold_data(estimator: Any, y: Any, learned: Rows, judged: Rows) -> FoldData:
    """Make a fold ready to train on.

    Parameters
    ----------
    estimator : MLPClassifier, MLPRegressor, TabularClassifier or TabularRegressor
        With an integer for `random_state`.
    y : array-like
        Of all rows: what classes there are.
    learned, judged : Rows
        The fold's rows to learn from, and those to be judged by.
    """
    if isinstance(estimator, TabularEstimator):
        return _TabularFold(estimator, learned, judged)
    return _PlainFold(estimator, y, learned, judged)


def refusal(estimator: Any, params: dict[str, Any]) -> str:
    """Say why an estimator cannot have some parameters; nothing, if it can."""
    candidate = _with_params(estimator, params)
    try:
        candidate._validate_params()
        if not isinstance(candidate.hidden_layer_sizes, str):  # "auto"
            hidden_sizes(candidate.hidden_layer_sizes)
    except (ValueError, TypeError) as error:
        return f"{type(error).__name__}: {error}"
    return ""


def depends_on_length(estimator: Any) -> bool:
    """Whether the first epochs of a long training are other than a short one."""
    if isinstance(estimator, TabularEstimator):
        return True
    return isinstance(make_schedule(estimator), Cosine | OneCycle)


def rungs_for(
    estimator: Any, space: dict[str, Any], min_epochs: int | None, factor: float
) -> list[int]:
    """Give the numbers of epochs after which candidates are compared, ascending.

    Where the learning rate falls in cycles, they are the ends of these; of a tabular network, in
    15ths of all its epochs.

    Parameters
    ----------
    estimator : estimator
    space : dict
        What is searched.
    min_epochs : int, optional
        The first of them; by default, a third of a third of a third of all.
    factor : float
        By how much each is larger than the one before.
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
    """Give the epochs, up to the last, at which cycles end that are as many epochs long."""
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
        self.estimator._meet_targets(np.asarray(y), True, False, None)
        self.learned = self.estimator._encoded(learned)
        self.judged = self.estimator._encoded(self.rows_judged)

    def start(self, params: dict[str, Any]) -> Run:
        return _PlainRun(self, params)


class _PlainRun(Run):
    def __init__(self, fold: _PlainFold, params: dict[str, Any]) -> None:
        self.fold = fold
        self.training = Instalments(_with_params(fold.estimator, params), fold.learned)

    def go_on(self, until: int) -> int:
        return self.training.go_on(until)

    def score(self, scorer: Any) -> float:
        if scorer is None:
            return float(self.training.estimator._score(self.fold.judged))
        X, y, weights = self.fold.rows_judged
        return float(scorer(self.training.read_off(), X, y, **_given(weights)))

    @property
    def n_parameters(self) -> int:
        return sum(theta.size for theta in self.training.state.network.thetas)

    @property
    def work(self) -> float:
        return 3.0 * self.n_parameters * len(self.training.examples.Y)


class _TabularFold(FoldData):
    def __init__(self, estimator: TabularEstimator, learned: Rows, judged: Rows) -> None:
        self.estimator = clone(estimator).set_params(n_members=1, fast=False)
        rng = check_random_state(estimator.random_state)
        self.data, (self.fold,) = prepare_training(
            self.estimator, *learned, judged.X, judged.y, rng
        )
        self.weights = judged.sample_weight

    def start(self, params: dict[str, Any]) -> Run:
        return _TabularRun(self, params)


class _TabularRun(Run):
    def __init__(self, fold: _TabularFold, params: dict[str, Any]) -> None:
        estimator = _with_params(fold.estimator, params)
        self.recipe = recipe_of(estimator, len(fold.fold.training))
        rng = np.random.RandomState(estimator.random_state)
        self.network = draw_network(fold.data, fold.fold, self.recipe, rng)
        self.course = train_epochs(
            self.network, fold.data, fold.fold, self.recipe, rng, n_threads=available_threads
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
    """Give one that has read the same rows, with other parameters (checked before)."""
    other = copy.copy(estimator)
    for name, value in params.items():
        setattr(other, name, value)
    return other


def _given(weights: Any) -> dict[str, Any]:
    return {} if weights is None else {"sample_weight": weights}
