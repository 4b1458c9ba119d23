"""Sets of classes that contain the true one with a given probability."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from multilayer.tabular.intervals import half_width, warn_of_few

__all__ = ["classes_within", "more_probable"]

Array = NDArray[Any]


def more_probable(H: Array) -> Array:
    """Compute for each class the sum of the probabilities of the more probable ones.

    This is the conformity score of adaptive prediction sets, without randomisation: the set of a
    row are the most probable classes up to the one by which the sum exceeds a threshold, so that it
    is large where the probabilities are spread over many classes. The own probability of a class is
    not part of its score: then the most probable class has a score of 0, is in each set, and the
    sets are as small as those of the randomised score or smaller; see docs/tabular.md.
    Source: Romano, Sesia and Candès, *Classification with valid and adaptive coverage*, NeurIPS
    2020, arXiv 2006.02544, with u = 0.

    Parameters
    ----------
    H : ndarray, shape (m, n_classes)
        Probabilities.

    Returns
    -------
    ndarray of float64, shape (m, n_classes)
        Of equally probable classes, the first one counts as more probable.
    """
    order = np.argsort(-H, axis=1, kind="stable")
    sums = np.zeros(H.shape)
    np.cumsum(np.take_along_axis(H, order, axis=1)[:, :-1], axis=1, out=sums[:, 1:])
    found = np.empty(H.shape)
    np.put_along_axis(found, order, sums, axis=1)
    return found


def classes_within(H: Array, scores: Array, coverage: float) -> Array:
    """Return which classes are in the set of each row, (m, n_classes).

    They are those whose sum of more probable ones is at most the (n + 1) coverage-th smallest of n
    scores of rows whose class is known; all of them, with a warning, if that is more than n.

    Parameters
    ----------
    H : ndarray, shape (m, n_classes)
        Probabilities.
    scores : ndarray, shape (n,)
    coverage : float in (0, 1)
    """
    n, threshold = len(scores), half_width(scores, coverage)
    if np.isinf(threshold):
        what = f"a set of coverage {coverage:g} holds all classes"
        warn_of_few(what, coverage / (1 - coverage), n, f"up to {n / (n + 1):.3g}", 4)
    return np.asarray(more_probable(H) <= threshold)
