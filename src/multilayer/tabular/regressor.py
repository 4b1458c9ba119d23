"""TabularRegressor: numbers from a raw table, with intervals."""

from __future__ import annotations

from numbers import Real
from typing import Any, ClassVar

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import RegressorMixin

from multilayer.embedding import Floats
from multilayer.tables.target import read_column
from multilayer.tabular.base import TabularEstimator
from multilayer.tabular.ensemble import Lesson, Member
from multilayer.tabular.intervals import errors_of_mean, half_width, means_of_rows, quantile_offsets
from multilayer.tabular.scoring import judge_by_rmse, judge_by_scorer

__all__ = ["TabularRegressor"]

Array = NDArray[Any]
_LARGEST = 1e150  # the squares of larger ones would overflow


class TabularRegressor(RegressorMixin, TabularEstimator):
    """Predict a number from the rows of a raw table, and how far off it may be.

    As `TabularClassifier`, with periodic features of each number, and a target that is
    standardised inside. Predictions stay within the range of the training targets.

    Parameters
    ----------
    n_members, fast, hidden_layer_sizes, learning_rate_init, batch_size, max_iter, dropout, alpha, \
validation_fraction, n_iter_no_change, time_limit, random_state, verbose
        As for `TabularClassifier`.
    activation : str, default="auto"
        Of the hidden layers. "auto": mish.
    scoring : str, callable or None, default=None
        A scorer of scikit-learn that chooses the best epoch, of validation rows. None: the root of
        the mean squared error.

    Attributes
    ----------
    encoder_ : TableEncoder
    members_ : list of TabularNetwork
    oof_prediction_ : ndarray, shape (n_rows,)
        For each row the mean prediction of the members that did not learn from it, mostly one;
        NaN where there is none.
    residuals_ : ndarray, shape (n,)
        Truth minus `oof_prediction_`, scaled to the errors that the mean of all members makes,
        ascending.
    validation_score_ : float
        R² of `oof_prediction_`.
    n_iter_, best_iterations_, loss_curves_, validation_curves_, n_features_in_, feature_names_in_
        As for `TabularClassifier`.

    See Also
    --------
    TabularClassifier : Classes from a raw table.
    MLPRegressor : One network on numbers, as scikit-learn's.

    Examples
    --------
    >>> import polars as pl
    >>> from multilayer import TabularRegressor
    >>> table = pl.DataFrame({"x": range(40), "town": ["Bern", "Rome"] * 20})
    >>> model = TabularRegressor(random_state=0).fit(table, [2.0 * x for x in range(40)])
    >>> low, high = model.predict_interval(table[:1], coverage=0.5)[0]
    >>> bool(low < high)
    True
    """

    _MOST_SPARE = 512
    _parameter_constraints: ClassVar[dict[str, list[Any]]] = TabularEstimator._parameter_constraints
    _ARRAYS = ("residuals_",)
    _VALUES = (*TabularEstimator._VALUES, "target_")

    def __init__(
        self,
        *,
        n_members: str | int = "auto",
        fast: bool = False,
        hidden_layer_sizes: str | int | ArrayLike = "auto",
        activation: str = "auto",
        learning_rate_init: str | float = "auto",
        batch_size: str | int = "auto",
        max_iter: str | int = "auto",
        dropout: str | float = "auto",
        alpha: str | float = "auto",
        validation_fraction: float = 0.2,
        n_iter_no_change: int | None = None,
        scoring: Any = None,
        time_limit: float | None = None,
        random_state: int | np.random.RandomState | None = None,
        verbose: bool | int = False,
    ) -> None:
        self.n_members = n_members
        self.fast = fast
        self.hidden_layer_sizes = hidden_layer_sizes
        self.activation = activation
        self.learning_rate_init = learning_rate_init
        self.batch_size = batch_size
        self.max_iter = max_iter
        self.dropout = dropout
        self.alpha = alpha
        self.validation_fraction = validation_fraction
        self.n_iter_no_change = n_iter_no_change
        self.scoring = scoring
        self.time_limit = time_limit
        self.random_state = random_state
        self.verbose = verbose

    def predict(self, X: Any, quantiles: ArrayLike | None = None) -> Array:
        """Predict the target, or quantiles of it.

        Parameters
        ----------
        X : dataframe or array-like, shape (m, n_features_in_)
            Columns are found by name where fit met names.
        quantiles : array-like of float in (0, 1), shape (q,), optional
            Below each of them, that share of targets lies. They are the prediction plus the
            quantiles of `residuals_`.

        Returns
        -------
        ndarray of float64, shape (m,), or (m, q) for quantiles

        Raises
        ------
        NotFittedError
            Before fit.
        ValueError
            If columns are missing, a column of numbers holds something else, or a quantile is none.
        """
        y = self._in_units(np.stack(self._outputs(X)).mean(axis=0, dtype=np.float64))
        if quantiles is None:
            return y
        q = np.atleast_1d(np.asarray(quantiles, float))
        if q.ndim != 1 or not ((q > 0) & (q < 1)).all():
            raise ValueError(f"quantiles must be between 0 and 1, both left out: {quantiles}")
        return y[:, None] + quantile_offsets(self._known_residuals(), q)

    def predict_interval(self, X: Any, coverage: float = 0.9) -> Array:
        """Give an interval for each row that holds the target as often as is asked.

        Its half width is a quantile of the absolute `residuals_` (conformal prediction).

        Parameters
        ----------
        X : dataframe or array-like, shape (m, n_features_in_)
        coverage : float in (0, 1), default=0.9

        Returns
        -------
        ndarray, shape (m, 2)
            Lower and upper ends.
        """
        if not (isinstance(coverage, Real) and 0 < coverage < 1):
            raise ValueError(f"coverage must be between 0 and 1, both left out: {coverage!r}")
        y = self.predict(X)
        d = half_width(self._known_residuals(), coverage)
        return np.stack([y - d, y + d], axis=1)

    def _known_residuals(self) -> Array:
        if not len(self.residuals_):
            raise ValueError(
                "intervals need rows that were left out of training, but there were none: "
                f"validation_fraction is {self.validation_fraction}"
            )
        return self.residuals_

    def _standardised(self, y: Any) -> Any:
        return (y - self.target_["mean"]) / self.target_["scale"]

    def _truth(self, Y: Array) -> Array:
        """Give targets (m, 1) as the user gave them, (m,)."""
        return Y[:, 0].astype(np.float64) * self.target_["scale"] + self.target_["mean"]

    def _in_units(self, H: Array) -> Array:
        """Give outputs (m, 1) in units of y, (m,), within the range of the training targets."""
        return np.clip(self._truth(H), self.target_["low"], self.target_["high"])

    def _read_target(self, y: Any, again: bool = False) -> Array:
        name = "y_val" if again else "y"
        y = read_column(y, name)
        try:
            if y.dtype.kind not in "biufO":
                raise TypeError
            numbers = np.asarray(y.astype(np.float64))
        except (TypeError, ValueError):
            raise ValueError(f"{name} must be numbers, but its dtype is {y.dtype}") from None
        if np.abs(numbers).max() > _LARGEST:
            raise ValueError(
                f"{name} must be within ±{_LARGEST}, but holds {np.abs(numbers).max()}"
            )
        return numbers

    def _learn_target(self, y: Array, weights: Array | None) -> None:
        mean = np.average(y, weights=weights)
        counted = y if weights is None else y[weights > 0]
        self.target_ = {
            "mean": float(mean),
            "scale": float(np.sqrt(np.average((y - mean) ** 2, weights=weights))) or 1.0,
            "low": float(counted.min()),
            "high": float(counted.max()),
        }

    def _check_saved(self) -> tuple[str, int]:
        values = [float(self.target_[name]) for name in ("mean", "scale", "low", "high")]
        if not (np.isfinite(values).all() and values[1] > 0 and values[2] <= values[3]):
            raise ValueError(f"a target has no such statistics: {self.target_}")
        self.target_ = dict(zip(("mean", "scale", "low", "high"), values, strict=True))
        if self.residuals_.ndim != 1 or not np.isfinite(self.residuals_).all():
            raise ValueError("residuals must be one row of finite numbers")
        return "identity", 1

    def _targets(self, y: Array) -> tuple[Array, int, str]:
        return self._standardised(y)[:, None].astype(np.float32), 1, "identity"

    def _judge(self, H: Floats, lesson: Lesson, rows: Array, scoring: Any) -> float:
        Y = lesson.Y[rows]
        weights = None if lesson.weights is None else lesson.weights[rows]
        if scoring is None:
            inside = np.clip(H, *(self._standardised(self.target_[e]) for e in ("low", "high")))
            return judge_by_rmse(inside, Y, weights)
        return judge_by_scorer(scoring, self._in_units(H), None, self._truth(Y), weights)

    def _learn_from_left_out(self, lesson: Lesson, members: list[Member]) -> None:
        rows = np.concatenate([np.append(m.fold.validation, m.fold.spare) for m in members])
        spared = [member.network.forward(lesson.X[member.fold.spare]) for member in members]
        H = [h for m, of_spare in zip(members, spared, strict=True) for h in (m.blind, of_spare)]
        h = self._in_units(np.concatenate(H))
        self.oof_prediction_, times, variance = means_of_rows(h, rows, len(lesson.X))
        rows = np.flatnonzero(times)
        weights = np.ones(len(rows)) if lesson.weights is None else lesson.weights[rows]
        rows, weights = rows[weights > 0], weights[weights > 0]
        truth = self._truth(lesson.Y[rows])
        errors = truth - self.oof_prediction_[rows]
        self.residuals_ = np.sort(errors_of_mean(errors, times[rows], variance, len(members)))
        spread = weights @ (truth - np.average(truth, weights=weights)) ** 2 if len(truth) else 0.0
        self.validation_score_ = float(1 - weights @ errors**2 / spread) if spread else np.nan
