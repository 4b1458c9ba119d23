"""DistributionMixin: intervals, and the score of the distribution that they are quantiles of."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.utils.validation import (
    _check_sample_weight,
    check_consistent_length,
    check_is_fitted,
)

from multilayer.embedding import Floats
from multilayer.tabular.crps import crps
from multilayer.tabular.error_scale import ErrorScale
from multilayer.tabular.intervals import check_coverage, check_left_out, half_width, warn_of_few
from multilayer.tabular.scoring import mean
from multilayer.tabular.several_targets import averaged, for_targets, stacked

__all__ = ["DistributionMixin"]

Array = NDArray[Any]


class DistributionMixin:
    """The predictive distributions of a regressor: its predictions plus scaled residuals."""

    error_scale_: ErrorScale | None
    residuals_: Array

    @for_targets(stacked)
    def predict_interval(self: Any, X: Any, coverage: float = 0.9) -> Array:
        """Predict an interval for each row that contains the target with a given probability.

        Its half width is a quantile of the absolute `residuals_` times the scale of the row
        (conformal prediction with normalised residuals). With n residuals, the largest coverage
        that they support is n/(n + 1): 0.9 needs 9 of them, 0.95 needs 19, 0.99 needs 99. Beyond it
        the ends are −∞ and ∞, with a warning. All rows have a residual if there are several
        members, and `validation_fraction` of them if one.

        Parameters
        ----------
        X : dataframe or array-like, shape (m, n_features_in_)
        coverage : float in (0, 1), default=0.9
            The probability.

        Returns
        -------
        ndarray, shape (m, 2) or (m, n_targets, 2)
            Lower and upper ends.

        Warns
        -----
        UserWarning
            If the ends are infinite; the message states how many rows would support the coverage.

        Raises
        ------
        NotFittedError
            Before fit.
        ValueError
            If coverage is not between 0 and 1, or no rows were left out of training.
        """
        check_coverage(coverage)
        y, scales = self._located(X)
        d = half_width(self._known_residuals(), coverage)
        if np.isinf(d):
            n = len(self.residuals_)
            asked, supported = f"an interval of coverage {coverage:g}", f"up to {n / (n + 1):.3g}"
            warn_of_few(f"{asked} is infinite", coverage / (1 - coverage), n, supported)
        return np.stack([y - scales * d, y + scales * d], axis=1)

    @for_targets(stacked)
    def predict_scale(self: Any, X: Any) -> Array:
        """Predict how large the error of each row is, relative to a mean row.

        Parameters
        ----------
        X : dataframe or array-like, shape (m, n_features_in_)

        Returns
        -------
        ndarray, shape (m,) or (m, n_targets)
            Positive. The widths of intervals are proportional to it; 1 for all rows if
            `error_scale_` is None.
        """
        check_is_fitted(self, "members_")
        return np.asarray(self._scales(self.encoder_.transform(X)))

    @for_targets(averaged)
    def crps(self: Any, X: Any, y: ArrayLike, sample_weight: ArrayLike | None = None) -> float:
        """Compute the mean continuous ranked probability score (CRPS): the smaller, the better.

        It compares the predictive distribution of each row, of which `predict` returns quantiles,
        with the truth, and is the mean absolute error if the distribution is a point. For
        scikit-learn, a scorer is `lambda model, X, y: -model.crps(X, y)`.

        Parameters
        ----------
        X : dataframe or array-like, shape (m, n_features_in_)
        y : array-like, shape (m,) or (m, n_targets)
        sample_weight : array-like, shape (m,), optional

        Returns
        -------
        float
            In the units of y; of several targets, the mean over them.

        Raises
        ------
        ValueError
            If X and y differ in length, or no rows were left out of training.
        """
        predicted, scales = self._located(X)
        truth = self._read_target(y)
        check_consistent_length(predicted, truth)
        weights = None
        if sample_weight is not None:
            weights = _check_sample_weight(sample_weight, truth, ensure_non_negative=True)
        return mean(crps(truth - predicted, scales, self._known_residuals()), weights)

    def _located(self: Any, X: Any) -> tuple[Array, Array]:
        """Return the prediction of each row, and the scale of its errors."""
        check_is_fitted(self, "members_")
        encoded = self.encoder_.transform(X)
        H = np.stack([network.forward(encoded) for network in self.members_])
        return self._predicted(H.mean(axis=0, dtype=np.float64)), self._scales(encoded)

    def _scales(self, encoded: Floats) -> Array:
        scale = self.error_scale_
        return np.ones(len(encoded)) if scale is None else scale(encoded)

    def _known_residuals(self: Any) -> Array:
        check_left_out("intervals", self.residuals_, self.validation_fraction)
        return np.asarray(self.residuals_)
