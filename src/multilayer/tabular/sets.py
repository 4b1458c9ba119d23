"""Sets of classes that contain the true one with a given probability."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from multilayer.tabular.calibration import find_temperature, tempered
from multilayer.tabular.ensemble import TrainingData
from multilayer.tabular.intervals import check_coverage, check_left_out, half_width, warn_of_few
from multilayer.tabular.several_targets import for_targets, listed

__all__ = ["SetsMixin", "classes_within", "more_probable"]

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
        warn_of_few(what, coverage / (1 - coverage), n, f"up to {n / (n + 1):.3g}", 5)
    return np.asarray(more_probable(H) <= threshold)


class SetsMixin:
    """Sets of classes of a tabular classifier."""

    @for_targets(listed)
    def predict_set(self: Any, X: Any, coverage: float = 0.9) -> Array:
        """Predict a set of classes for each row that contains the true one with a probability.

        The set holds the most probable classes, up to the one by which the sum of their
        probabilities exceeds a quantile of `set_scores_` (adaptive prediction sets, a conformal
        method): one class where the model is sure, several where it is not. If more rows than the
        coverage are classified correctly, each set is the most probable class. With n out-of-fold
        rows, the largest coverage that they support is n/(n + 1), as for
        `TabularRegressor.predict_interval`.

        Parameters
        ----------
        X : dataframe or array-like, shape (m, n_features_in_)
        coverage : float in (0, 1), default=0.9
            The probability.

        Returns
        -------
        ndarray of bool, shape (m, n_classes)
            Whether a class is in the set of a row; the most probable one is in every set. Of
            several targets, a list of such arrays.

        Warns
        -----
        UserWarning
            If the rows do not support the coverage: all sets then hold all classes.

        Raises
        ------
        NotFittedError
            Before fit.
        ValueError
            If coverage is not between 0 and 1, no rows were left out of training, or the model is
            from a file that lacks `set_scores_`.
        """
        check_coverage(coverage)
        H = self.predict_proba(X)
        if not hasattr(self, "set_scores_"):
            raise ValueError(
                "predict_set needs set_scores_, but the model is from a file of format version 1, "
                "which does not hold them: fit it again"
            )
        check_left_out("sets", self.set_scores_, self.validation_fraction)
        return classes_within(H, self.set_scores_, coverage)

    def _learn_sets(self: Any, data: TrainingData, rows: Array) -> None:
        H, labels = self.oof_decision_[rows], data.Y[rows]
        if self.calibrate:  # as single members are sharper than the mean that sets are made of
            weights = None if data.weights is None else data.weights[rows]
            H = tempered(H, find_temperature(H, labels, weights))
        self.set_scores_ = np.sort(more_probable(H)[np.arange(len(rows)), labels])
