"""Successive halving: all candidates learn a little, the better ones go on.

Source: Jamieson and Talwalkar, "Non-stochastic best arm identification and hyperparameter
optimization", arXiv 1502.07943.
"""

from __future__ import annotations

import contextlib
import math
import threading
import time
import warnings
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np

from multilayer.engine.threads import sharing
from multilayer.selection.trials import FoldData, Run

__all__ = ["Candidate", "Race"]

_PAUSE = 0.1  # seconds
_LOOK = (
    1e9  # multiplications, after which a run first sees whether it is late; then twice as many …
)


@dataclass
class Candidate:
    """A choice of parameters, and what is known of it.

    Attributes
    ----------
    params : dict
    scores : list of list of float
        After each rung that it has reached in all folds: a score for each fold.
    epochs : list of float
        At those rungs: the mean over the folds of the epochs trained.
    runs : list of Run
        Of the folds; empty before the start and once it is out.
    finals : list of list of float
        After each round on fresh folds: a score for each fold.
    seconds : float
        Spent on training and scoring, of all folds but those of the finals.
    n_parameters : int
    failure : str
        Why it has no score, or empty.
    """

    params: dict[str, Any]
    scores: list[list[float]] = field(default_factory=list)
    epochs: list[float] = field(default_factory=list)
    runs: list[Run | None] = field(default_factory=list)
    finals: list[list[float]] = field(default_factory=list)
    seconds: float = 0.0
    n_parameters: int = 0
    failure: str = ""

    @property
    def is_judged(self) -> bool:
        """Whether it has a score, or none can be given."""
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


class Race:
    """Candidates on folds, in threads; the result does not depend on their number.

    Parameters
    ----------
    folds : sequence of FoldData
    rungs : sequence of int
        Epochs after which candidates are compared.
    scorer : callable or None
    n_threads : int
    keep : bool
        Keep the networks of candidates that are out, to go on with at a later race.
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
        """Give how many instalments there will be."""
        places = [n_candidates]
        for rung in range(1, len(self.rungs)):
            places.append(self._places(places[-1], rung))
        return sum(places) * len(self.folds)

    def _places(self, n: int, rung: int) -> int:
        """Give how many of n go on to a rung: fewer by as much as they will train longer."""
        return max(1, math.ceil(n * self.rungs[rung - 1] / self.rungs[rung]))

    def run(
        self,
        candidates: Sequence[Candidate],
        ends: float = math.inf,
        *,
        shares: bool = True,
        watch: Callable[[], None] = lambda: None,
    ) -> None:
        """Let candidates learn; one that has come far before is not sent the same way again.

        Parameters
        ----------
        candidates : sequence of Candidate
            Changed in place.
        ends : float
            The moment of `time.perf_counter` at which all is to be over. A candidate whose turn
            does not come is not judged.
        shares : bool
            Give each rung an equal share of the time that is left to it.
        watch : callable
            Called after each instalment of each candidate and fold.
        """
        for rung in range(len(self.rungs)):
            if rung:
                candidates = self._better_ones(candidates, rung)
            now = time.perf_counter()
            until = now + (ends - now) / (len(self.rungs) - rung) if shares else ends
            left = [(c, rung) for c in candidates if len(c.scores) <= rung and not c.failure]
            self.reach(left, until, watch, one_at_least=rung == 0)

    def _better_ones(self, candidates: Sequence[Candidate], rung: int) -> list[Candidate]:
        """Give those that go on to a rung; of equally good ones the simplest."""
        judged = [c for c in candidates if len(c.scores) >= rung and not c.failure]
        judged.sort(key=lambda c: (-c.means[rung - 1], c.n_parameters))
        going = judged[: self._places(len(judged), rung)]
        if not self.keep:
            for candidate in judged[len(going) :]:
                candidate.runs = []
        return going

    def reach(
        self,
        places: Sequence[tuple[Candidate, int]],
        until: float,
        watch: Callable[[], None],
        one_at_least: bool = False,
    ) -> None:
        """Bring candidates each to a rung.

        Parameters
        ----------
        places : sequence of (Candidate, int)
            Changed in place.
        until : float
            The moment of `time.perf_counter` after which nothing is begun.
        watch : callable
            Called after each instalment.
        one_at_least : bool, default=False
            Let the first one be trained even if it gets later.
        """
        n_folds = len(self.folds)
        tasks = [(candidate, rung, k) for candidate, rung in places for k in range(n_folds)]
        if not tasks:
            return
        workers = min(self.n_threads, len(tasks))
        stop, left = threading.Event(), len(tasks)
        found: dict[tuple[int, int], _Outcome | Exception] = {}

        def instalment(candidate: Candidate, rung: int, k: int) -> None:
            nonlocal left
            in_any_case = one_at_least and candidate is places[0][0]

            def late() -> bool:
                return stop.is_set() or (time.perf_counter() > until and not in_any_case)

            try:
                # The last ones have the threads that the others no longer need.
                n_threads = max(1, self.n_threads // min(workers, left))
                with sharing(n_threads):
                    outcome = self._train(candidate, k, rung, late)
                if outcome is not None:
                    found[id(candidate), k] = outcome
            except Exception as error:
                found[id(candidate), k] = error
            left -= 1
            watch()

        for candidate, _ in places:
            candidate.runs = candidate.runs or [None] * n_folds
        with _silence(), ThreadPoolExecutor(workers) as pool:
            futures = [pool.submit(instalment, *task) for task in tasks]
            try:
                # Looking up now and then: a thread that waits without end can miss Ctrl-C.
                while wait(futures, _PAUSE, FIRST_EXCEPTION).not_done:
                    if any(future.done() and future.exception() for future in futures):
                        break
                for future in futures:
                    future.result()
            except BaseException:
                stop.set()
                raise
            finally:
                pool.shutdown(wait=True, cancel_futures=True)
                for candidate, _ in places:
                    self._record(candidate, [found.get((id(candidate), k)) for k in range(n_folds)])

    def _train(
        self, candidate: Candidate, k: int, rung: int, late: Callable[[], bool]
    ) -> _Outcome | None:
        """Bring a fold to a rung, unless it gets late."""
        began = time.perf_counter()
        if late():
            return None
        run = candidate.runs[k]
        if run is None:
            run = candidate.runs[k] = self.folds[k].start(candidate.params)
        epochs, until = 0, self.rungs[rung]
        until_now = max(1, int(_LOOK / run.work))
        while True:
            epochs = run.go_on(min(until, until_now))
            if until_now >= until or epochs < until_now:
                break
            if late():
                return None
            until_now *= 2
        score = run.score(self.scorer)
        if not math.isfinite(score):
            raise ValueError(f"the score of fold {k} is {score}")
        return _Outcome(score, epochs, time.perf_counter() - began, run.n_parameters)

    @staticmethod
    def _record(candidate: Candidate, found: list[_Outcome | Exception | None]) -> None:
        """Note what came out; of a candidate with a fold left to do, nothing yet."""
        errors = [of_fold for of_fold in found if isinstance(of_fold, Exception)]
        if errors:  # the first fold's, whichever thread met it first
            candidate.failure = f"{type(errors[0]).__name__}: {errors[0]}"
            candidate.runs = []
        done = [of_fold for of_fold in found if isinstance(of_fold, _Outcome)]
        candidate.seconds += sum(outcome.seconds for outcome in done)
        if len(done) == len(found):
            candidate.scores.append([outcome.score for outcome in done])
            candidate.epochs.append(float(np.mean([outcome.epochs for outcome in done])))
            candidate.n_parameters = done[0].n_parameters


@contextlib.contextmanager
def _silence() -> Iterator[None]:
    """Drop the warnings of all threads: the refit says once what there is to say."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield
