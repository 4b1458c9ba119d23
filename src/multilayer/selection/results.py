"""What came out of a search, as scikit-learn's tables have it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.stats import rankdata

from multilayer.selection.halving import Candidate

__all__ = ["best_rung", "cv_results", "simplest_within_one_standard_error"]

Array = NDArray[Any]


def best_rung(candidate: Candidate, whole: bool) -> int | None:
    """Give the rung whose score counts: the last where `whole`, else the best, first of equals."""
    if candidate.failure or not candidate.scores:
        return None
    return len(candidate.scores) - 1 if whole else int(np.argmax(candidate.means))


def cv_results(
    candidates: Sequence[Candidate], n_splits: int, rungs: Sequence[int], whole: bool
) -> dict[str, Array]:
    """Give the table of a search.

    Parameters
    ----------
    candidates : sequence of Candidate
    n_splits : int
    rungs : sequence of int
    whole : bool
        Whether scores before the last rung say nothing of shorter trainings.
    """
    places = [best_rung(candidate, whole) for candidate in candidates]
    furthest = max((place for place in places if place is not None), default=0)
    eligible = np.array(
        [place is not None and (place == furthest or not whole) for place in places]
    )
    none = [np.nan] * n_splits
    scores = np.array(
        [
            none if place is None else candidate.scores[place]
            for candidate, place in zip(candidates, places, strict=True)
        ]
    ).reshape(len(candidates), n_splits)
    means = scores.mean(axis=1)
    order = np.where(eligible, means, np.nan_to_num(means, nan=-np.inf) - 1e9)
    ranked = rankdata(-order, method="min").astype(np.int32)
    epochs = [
        0.0 if place is None else candidate.epochs[place]
        for candidate, place in zip(candidates, places, strict=True)
    ]
    results: dict[str, Array] = {
        f"param_{name}": _column([candidate.params.get(name) for candidate in candidates])
        for name in sorted({name for candidate in candidates for name in candidate.params})
    }
    results["params"] = _column([candidate.params for candidate in candidates])
    results |= {f"split{k}_test_score": scores[:, k] for k in range(n_splits)}
    results |= {
        "mean_test_score": means,
        "std_test_score": scores.std(axis=1),
        "standard_error": scores.std(axis=1, ddof=1) / np.sqrt(n_splits)
        if n_splits > 1
        else np.full(len(candidates), np.nan),
        "rank_test_score": ranked,
        "mean_fit_time": np.array([candidate.seconds / n_splits for candidate in candidates]),
        "n_parameters": np.array([candidate.n_parameters for candidate in candidates]),
        "n_iter": np.array(epochs),
        "max_iter": np.array([0 if place is None else rungs[place] for place in places]),
        "n_epochs": np.array(
            [candidate.epochs[-1] if candidate.epochs else 0 for candidate in candidates]
        ),
        "eligible": eligible,
        "failure": np.array([candidate.failure for candidate in candidates], dtype=object),
    }
    return results


def _column(values: Sequence[Any]) -> Array:
    """Give an array of one value each, whatever they are."""
    column = np.empty(len(values), dtype=object)
    for row, value in enumerate(values):
        column[row] = value
    return column


def simplest_within_one_standard_error(cv_results: Mapping[str, Array]) -> int:
    """Give the candidate of fewest parameters that is as good as the best, or nearly.

    That is, whose mean score is not below the best one's by more than the standard error of that.
    Of equally simple ones, the better. For `refit`.

    Source: Breiman, Friedman, Olshen and Stone, *Classification and Regression Trees* (1984),
    section 3.4.3.

    Parameters
    ----------
    cv_results : dict
        As `HiddenLayerSearchCV.cv_results_`.

    Returns
    -------
    int
        Its index.
    """
    means = np.where(cv_results["eligible"], cv_results["mean_test_score"], np.nan)
    best = int(np.nanargmax(means))
    least = means[best] - np.nan_to_num(cv_results["standard_error"][best])
    near = np.flatnonzero(means >= least)
    order = np.lexsort((-means[near], np.asarray(cv_results["n_parameters"])[near]))
    return int(near[order[0]])
