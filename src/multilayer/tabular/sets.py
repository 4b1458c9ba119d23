"""Sets of classes that contain the true one with a given probability."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["more_probable"]

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
