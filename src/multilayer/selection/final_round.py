"""The final: the best of a search once more, on folds that did not choose them.

Of very many candidates, the one that looks best had luck with its folds as well. Fresh folds have
nothing of that luck.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

import numpy as np

from multilayer.selection.halving import Candidate, Race
from multilayer.selection.results import best_rung, cv_results, simplest_within_one_standard_error

__all__ = ["finalists", "hold_final"]

_FINALISTS = 12


def finalists(
    candidates: Sequence[Candidate], n_splits: int, rungs: Sequence[int], whole: bool
) -> list[Candidate]:
    """Give the best by the folds that all have met, with the simplest within a standard error."""
    met = [Candidate(**(vars(candidate) | {"finals": []})) for candidate in candidates]
    results = cv_results(met, n_splits, rungs, whole)
    order = np.argsort(results["rank_test_score"], kind="stable")
    chosen = [i for i in order[:_FINALISTS] if results["eligible"][i]]
    if chosen and (simplest := simplest_within_one_standard_error(results)) not in chosen:
        chosen[-1] = simplest
    return [candidates[i] for i in chosen]


def hold_final(
    race: Race,
    number: int,
    chosen: Sequence[Candidate],
    whole: bool,
    ends: float,
    watch: Callable[[], None],
) -> bool:
    """Judge candidates by another round of folds; say whether there was time for all.

    Each learns from the beginning, for as many epochs as were best. A round that is not completed
    counts for nobody.

    Parameters
    ----------
    race : Race
        On the fresh folds.
    number : int
        Of the round, from 0.
    chosen : sequence of Candidate
        Changed in place: what this round says is put in their `finals`.
    whole : bool
        As for `best_rung`.
    ends : float
        The moment of `time.perf_counter` at which all is to be over.
    watch : callable
        Called after each instalment.
    """
    waiting = [one for one in chosen if not one.failure and len(one.finals) == number]
    if time.perf_counter() + sum(one.seconds for one in waiting) / race.n_threads > ends:
        return False
    again = [Candidate(one.params) for one in waiting]
    places = [best_rung(one, whole) or 0 for one in waiting]
    race.reach(list(zip(again, places, strict=True)), ends, watch)
    if not all(one.is_judged for one in again):
        return False
    for one, judged in zip(waiting, again, strict=True):
        one.failure = judged.failure
        one.finals += judged.scores
    return True
