"""The final round: the best candidates of a search are scored again, on new folds.

Of very many candidates, the one that looks best was also lucky with its folds. Its scores on folds
that did not select it are free of this selection bias.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

import numpy as np

from multilayer.selection.halving import Candidate, SuccessiveHalving
from multilayer.selection.results import best_rung, cv_results, simplest_within_one_standard_error

__all__ = ["run_final_round", "select_for_final_round"]

_N_SELECTED = 12


def select_for_final_round(
    candidates: Sequence[Candidate], n_splits: int, rungs: Sequence[int], last_only: bool
) -> list[Candidate]:
    """Return the best candidates by the first folds, the simplest as good, and the default one."""
    on_first_folds = [
        Candidate(**(vars(candidate) | {"final_scores": []})) for candidate in candidates
    ]
    results = cv_results(on_first_folds, n_splits, rungs, last_only)
    order = np.argsort(results["rank_test_score"], kind="stable")
    selected = [i for i in order[:_N_SELECTED] if results["eligible"][i]]
    if selected and (simplest := simplest_within_one_standard_error(results)) not in selected:
        selected[-1] = simplest
    selected += [
        i for i, one in enumerate(candidates) if one.goes_on and one.scores and i not in selected
    ]
    return [candidates[i] for i in selected]


def run_final_round(
    halving: SuccessiveHalving,
    number: int,
    selected: Sequence[Candidate],
    last_only: bool,
    deadline: float,
    progress: Callable[[], None],
) -> bool:
    """Score candidates on another set of folds, and return whether there was time for all.

    Each candidate is trained from the beginning, for the number of epochs that was best. A round
    that is not completed does not count for any of them.

    Parameters
    ----------
    halving : SuccessiveHalving
        On the fresh folds.
    number : int
        The number of the round, from 0.
    selected : sequence of Candidate
        Changed in place: the scores of the round are appended to their `final_scores`.
    last_only : bool
        As for `best_rung`.
    deadline : float
        The moment of `time.perf_counter` at which all must be over.
    progress : callable
        Called each time that a candidate has been trained on a fold.
    """
    waiting = [one for one in selected if not one.failure and len(one.final_scores) == number]
    seconds_needed = sum(one.seconds for one in waiting) / halving.n_threads
    if time.perf_counter() + seconds_needed > deadline:
        return False
    again = [Candidate(one.params) for one in waiting]
    rungs = [best_rung(one, last_only) or 0 for one in waiting]
    halving.train_to(list(zip(again, rungs, strict=True)), deadline, progress)
    if not all(one.is_evaluated for one in again):
        return False
    for one, evaluated in zip(waiting, again, strict=True):
        one.failure = evaluated.failure
        one.final_scores += evaluated.scores
    return True
