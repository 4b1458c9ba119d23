"""Successive halving: all candidates train for a few epochs, and the better ones continue.

Source: Jamieson and Talwalkar, "Non-stochastic best arm identification and hyperparameter
optimization", arXiv 1502.07943.
"""

from __future__ import annotations

import math
import time
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np

from multilayer.selection.trials import FoldData, Trial
from multilayer.training.tasks import TaskPool

__all__ = ["Candidate", "SuccessiveHalving"]

# Multiplications after which a trial first looks at the clock; then after twice as many, and so on.
_FIRST_LOOK = 1e9


@dataclass
class Candidate:
    """A choice of parameters, and what is known of it.

    Attributes
    ----------
    params : dict
    scores : list of list of float
        For each rung that it has reached in all folds, a score for each fold.
    epochs : list of float
        At those rungs, the mean over the folds of the epochs trained.
    trials : list of Trial
        One for each fold; empty before the start and once the candidate is eliminated.
    final_scores : list of list of float
        For each final round, a score for each of its fresh folds.
    seconds : float
        Time spent on training and scoring over all folds, without those of the final rounds.
    n_parameters : int
    failure : str
        Why it has no score, or empty.
    goes_on : bool
        Whether it goes on to every rung, however it scores.
    """

    params: dict[str, Any]
    scores: list[list[float]] = field(default_factory=list)
    epochs: list[float] = field(default_factory=list)
    trials: list[Trial | None] = field(default_factory=list)
    final_scores: list[list[float]] = field(default_factory=list)
    seconds: float = 0.0
    n_parameters: int = 0
    failure: str = ""
    goes_on: bool = False

    @property
    def is_evaluated(self) -> bool:
        """Whether it has a score, or cannot have one."""
        return bool(self.scores or self.failure)

    @property
    def means(self) -> list[float]:
        """The mean score at each rung."""
        return [float(np.mean(of_folds)) for of_folds in self.scores]


class _Outcome(NamedTuple):
    score: float
    epochs: int
    seconds: float
    n_parameters: int


class SuccessiveHalving:
    """Candidates trained on folds, in threads; the result does not depend on their number.

    Parameters
    ----------
    folds : sequence of FoldData
    rungs : sequence of int
        Epochs after which candidates are compared.
    scorer : callable or None
    n_threads : int
    keep : bool
        Whether to keep the networks of eliminated candidates, so that a later call of `run` can
        go on with them.
    """

    def __init__(
        self,
        folds: Sequence[FoldData],
        rungs: Sequence[int],
        scorer: Any,
        n_threads: int,
        keep: bool,
    ) -> None:
        self.folds, self.rungs, self.scorer = folds, rungs, scorer
        self.n_threads, self.keep = n_threads, keep

    def n_tasks(self, n_candidates: int) -> int:
        """Return the most tasks: each trains a candidate on a fold up to the next rung."""
        numbers = [n_candidates]
        for rung in range(1, len(self.rungs)):
            numbers.append(self._n_promoted(numbers[-1], rung))
        n_kept = len(self.rungs) - 1  # of the one that goes on however it scores
        return (sum(numbers) + n_kept) * len(self.folds)

    def _n_promoted(self, n: int, rung: int) -> int:
        """Return how many of n go on to a rung: fewer by as much as they will train longer."""
        return max(1, math.ceil(n * self.rungs[rung - 1] / self.rungs[rung]))

    def run(
        self,
        candidates: Sequence[Candidate],
        deadline: float = math.inf,
        *,
        divide_time: bool = True,
        progress: Callable[[], None] = lambda: None,
    ) -> None:
        """Train candidates; one that has reached a rung before is not trained up to it again.

        Parameters
        ----------
        candidates : sequence of Candidate
            Changed in place.
        deadline : float
            The moment of `time.perf_counter` at which all must be over. A candidate whose turn
            does not come has no score.
        divide_time : bool
            Whether each rung has an equal share of the time that is left.
        progress : callable
            Called each time that a candidate has been trained on a fold up to a rung.
        """
        for rung in range(len(self.rungs)):
            if rung:
                candidates = self._promoted(candidates, rung)
            now = time.perf_counter()
            until = deadline
            if divide_time:
                until = now + (deadline - now) / (len(self.rungs) - rung)
            left = [(c, rung) for c in candidates if len(c.scores) <= rung and not c.failure]
            self.train_to(left, until, progress, one_at_least=rung == 0)

    def _promoted(self, candidates: Sequence[Candidate], rung: int) -> list[Candidate]:
        """Return those that go on to a rung; of equally good ones the simplest."""
        scored = [c for c in candidates if len(c.scores) >= rung and not c.failure]
        scored.sort(key=lambda c: (-np.mean(c.scores[rung - 1]), c.n_parameters))
        n = self._n_promoted(len(scored), rung)
        promoted = [c for place, c in enumerate(scored) if place < n or c.goes_on]
        if not self.keep:
            for candidate in scored[n:]:
                candidate.trials = candidate.trials if candidate.goes_on else []
        return promoted

    def train_to(
        self,
        targets: Sequence[tuple[Candidate, int]],
        deadline: float,
        progress: Callable[[], None],
        one_at_least: bool = False,
    ) -> None:
        """Train candidates, each up to a rung.

        Parameters
        ----------
        targets : sequence of (Candidate, int)
            The candidates, which are changed in place, and their rungs.
        deadline : float
            The moment of `time.perf_counter` after which nothing begins.
        progress : callable
            Called each time that a candidate has been trained on a fold.
        one_at_least : bool, default=False
            Whether to train the first candidate even after the deadline.
        """
        n_folds = len(self.folds)
        tasks = [(candidate, rung, k) for candidate, rung in targets for k in range(n_folds)]
        if not tasks:
            return
        pool: TaskPool[_Outcome | Exception | None] = TaskPool(self.n_threads, self.n_threads)

        def train(candidate: Candidate, rung: int, k: int) -> _Outcome | Exception | None:
            in_any_case = one_at_least and candidate is targets[0][0]

            def late() -> bool:
                return pool.stop.is_set() or (time.perf_counter() > deadline and not in_any_case)

            outcome: _Outcome | Exception | None
            try:
                outcome = self._train(candidate, k, rung, late)
            except Exception as error:
                outcome = error
            progress()
            return outcome

        for candidate, _ in targets:
            candidate.trials = candidate.trials or [None] * n_folds
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # in all threads: the refit repeats those that matter
            try:
                pool.run(train, tasks)
            finally:
                for i, (candidate, _) in enumerate(targets):
                    self._record(candidate, pool.results[i * n_folds : (i + 1) * n_folds])

    def _train(
        self, candidate: Candidate, k: int, rung: int, late: Callable[[], bool]
    ) -> _Outcome | None:
        """Train a candidate on a fold up to a rung, unless it gets late."""
        began = time.perf_counter()
        if late():
            return None
        trial = candidate.trials[k]
        if trial is None:
            trial = candidate.trials[k] = self.folds[k].start(candidate.params)
        epochs, last = 0, self.rungs[rung]
        next_look = max(1, int(_FIRST_LOOK / trial.work))
        while True:
            epochs = trial.go_on(min(last, next_look))
            if next_look >= last or epochs < next_look:
                break
            if late():
                return None
            next_look *= 2
        score = trial.score(self.scorer)
        if not math.isfinite(score):
            raise ValueError(f"the score of fold {k} is {score}")
        return _Outcome(score, epochs, time.perf_counter() - began, trial.n_parameters)

    def _record(
        self, candidate: Candidate, outcomes: Sequence[_Outcome | Exception | None]
    ) -> None:
        """Record the outcomes of the folds; a candidate with a fold left to do has no score yet."""
        errors = [outcome for outcome in outcomes if isinstance(outcome, Exception)]
        if errors:  # the first fold's, whichever thread met it first
            candidate.failure = f"{type(errors[0]).__name__}: {errors[0]}"
            candidate.trials = []
        done = [outcome for outcome in outcomes if isinstance(outcome, _Outcome)]
        candidate.seconds += sum(outcome.seconds for outcome in done)
        if len(done) == len(self.folds):
            candidate.scores.append([outcome.score for outcome in done])
            candidate.epochs.append(float(np.mean([outcome.epochs for outcome in done])))
            candidate.n_parameters = done[0].n_parameters
