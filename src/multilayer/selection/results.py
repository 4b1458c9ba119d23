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


def best_rung(candidate: Candidate, at_end: int | None) -> int | None:
    """Give the rung at which a candidate counts; None where it has no score.

    Parameters
    ----------
    candidate : Candidate
    at_end : int, optional
        Count only candidates that reached this rung, there. By default each counts where its mean
        score is largest, first where there are several.
    """
    if candidate.failure or not candidate.scores:
        return None
    if at_end is not None:
        return at_end if len(candidate.scores) > at_end else None
    return int(np.argmax(candidate.means))


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
    furthest = max((len(c.scores) for c in candidates), default=0) - 1
    places = [best_rung(candidate, furthest if whole else None) for candidate in candidates]
    none = [np.nan] * n_splits
    scores = np.array(
        [
            none if place is None else candidate.scores[place]
            for candidate, place in zip(candidates, places, strict=True)
        ]
    ).reshape(len(candidates), n_splits)
    means = scores.mean(axis=1)
    ranked = rankdata(-np.nan_to_num(means, nan=-np.inf), method="min").astype(np.int32)
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
    means = np.asarray(cv_results["mean_test_score"], float)
    best = int(np.nanargmax(means))
    least = means[best] - np.nan_to_num(cv_results["standard_error"][best])
    near = np.flatnonzero(means >= least)
    order = np.lexsort((-means[near], np.asarray(cv_results["n_parameters"])[near]))
    return int(near[order[0]])
