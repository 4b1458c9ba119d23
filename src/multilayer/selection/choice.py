"""The choice of a search: its best candidate, or the default settings if they do as well."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

__all__ = ["Gain", "choose", "gain_over"]

Results = Mapping[str, NDArray[Any]]


class Gain(NamedTuple):
    """The mean difference of two candidates' scores on the same folds, with its standard error."""

    mean: float
    standard_error: float

    @property
    def is_clear(self) -> bool:
        """Whether it is more than one standard error above 0."""
        return self.mean > self.standard_error


def gain_over(cv_results: Results, candidate: int, other: int) -> Gain:
    """Compare two candidates of a search, fold by fold.

    Parameters
    ----------
    cv_results : dict
        As `HiddenLayerSearchCV.cv_results_`.
    candidate, other : int
        Indices of candidates.

    Returns
    -------
    Gain
        Its standard error is NaN for one fold.
    """
    splits = [
        values for name, values in cv_results.items()
        if name.startswith("split") and name.endswith("_test_score")
    ]  # fmt: skip
    difference = np.array([of_fold[candidate] - of_fold[other] for of_fold in splits])
    difference = difference[np.isfinite(difference)]
    n = len(difference)
    error = float(difference.std(ddof=1) / np.sqrt(n)) if n > 1 else float("nan")
    return Gain(float(difference.mean()) if n else float("nan"), error)


def choose(
    cv_results: dict[str, NDArray[Any]],
    refit: bool | Callable[[dict[str, NDArray[Any]]], int],
    default: int | None,
) -> int:
    """Return the index of the candidate to take.

    Parameters
    ----------
    cv_results : dict
    refit : bool or callable
        A function chooses itself.
    default : int or None
        The candidate that is kept unless the best one is clearly better. Of many candidates that
        are equally good, the best one has been lucky.

    Raises
    ------
    ValueError
        If the candidate that a function chose has no score.
    """
    if callable(refit):
        best = int(refit(cv_results))
    else:
        best = int(np.argmin(cv_results["rank_test_score"]))
        if default is not None and not gain_over(cv_results, best, default).is_clear:
            best = default
    scores = cv_results["mean_test_score"]
    if not (0 <= best < len(scores) and np.isfinite(scores[best])):
        raise ValueError(f"refit must choose a candidate that has a score, but chose {best}")
    return best
