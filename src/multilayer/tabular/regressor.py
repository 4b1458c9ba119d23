"""TabularRegressor: numbers from a raw table, with prediction intervals."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import RegressorMixin

from multilayer import fields
from multilayer.embedding import Floats
from multilayer.tables.target import StandardisedTarget, read_column
from multilayer.tabular.base import TabularEstimator
from multilayer.tabular.distribution import DistributionMixin
from multilayer.tabular.ensemble import Member, TrainingData
from multilayer.tabular.error_scale import ErrorScale, OutOfFoldErrors, learn_scale
from multilayer.tabular.intervals import (
    errors_of_mean,
    means_of_rows,
    quantile_offsets,
    warn_of_few,
)
from multilayer.tabular.persistence import FITTED_VALUES
from multilayer.tabular.recipe import recipe_of
from multilayer.tabular.saved_targets import state_of_targets
from multilayer.tabular.scoring import negated_score, root_mean_squared_error, squared_errors
from multilayer.tabular.several_targets import averaged, for_targets, stacked

__all__ = ["TabularRegressor"]

Array = NDArray[Any]
_LARGEST = 1e150  # the squares of larger numbers would overflow


class TabularRegressor(RegressorMixin, DistributionMixin, TabularEstimator):
    """Predict numbers from the rows of a raw table, with prediction intervals.

    As `TabularClassifier`, except that the networks have other hyperparameters and that the target
    is standardised internally. Predictions are within the range of the training targets. Intervals
    and quantiles are as wide as the errors of similar rows are large, where this is known.

    Parameters
    ----------
    n_members, fast, hidden_layer_sizes, learning_rate_init, batch_size, max_iter, dropout, alpha, \
validation_fraction, cv, n_iter_no_change, time_limit, random_state, verbose
        As for `TabularClassifier`.
    monotonic_cst : array-like of int, shape (n_features,), dict or None, default=None
        As for `TabularClassifier`, for the prediction.
    activation : str, default="auto"
        Activation of the hidden layers. "auto": mish.
    scoring : str, callable or None, default=None
        The scorer of scikit-learn that determines the epochs on the validation rows; None for the
        mean squared error.

    Attributes
    ----------
    encoder_ : TableEncoder
    members_ : list of TabularNetwork
    oof_prediction_ : ndarray, shape (n_rows,)
        Out-of-fold predictions: for each row, the mean prediction of the members that were not
        trained on it (usually one); NaN if there is none.
    error_scale_ : ErrorScale or None
        The learned scale of the errors, relative to a mean row; see `predict_scale`. None if all
        rows have the same: the scale would not clearly improve the CRPS of out-of-fold rows, or
        there are fewer than 100.
    oof_scale_ : ndarray, shape (n_rows,)
        The scale of the errors of each row by a network that was not trained on its error; NaN
        where `oof_prediction_` is.
    residuals_ : ndarray, shape (n,)
        Targets minus `oof_prediction_`, scaled to the size of errors of the mean of all members,
        divided by the scale of the row, ascending.
    validation_score_ : float
        R² of `oof_prediction_`.
    n_iter_, best_iterations_, loss_curves_, validation_curves_, n_features_in_, feature_names_in_
        As for `TabularClassifier`.
    estimators_, target_names_, n_outputs_
        As for `TabularClassifier`, only of several targets. `oof_prediction_` and `oof_scale_` are
        then of shape (n_rows, n_targets), and `validation_score_` is the mean over the targets.

    See Also
    --------
    TabularClassifier : Predict classes from a raw table.
    TabularMultiOutput : Predict numbers and classes together.
    MLPRegressor : One network on numbers, compatible with scikit-learn's.

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
    _TIME_AFTER = 0.1
    _ARRAYS = ("residuals_",)
    _VALUES = (*FITTED_VALUES, "target_")

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
        cv: Any = None,
        n_iter_no_change: int | None = None,
        scoring: Any = None,
        time_limit: float | None = None,
        monotonic_cst: ArrayLike | Mapping[Any, int] | None = None,
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
        self.cv = cv
        self.n_iter_no_change = n_iter_no_change
        self.scoring = scoring
        self.time_limit = time_limit
        self.monotonic_cst = monotonic_cst
        self.random_state = random_state
        self.verbose = verbose

    @for_targets(stacked)
    def predict(self, X: Any, quantiles: ArrayLike | None = None) -> Array:
        """Predict the target, or quantiles of it.

        Parameters
        ----------
        X : dataframe or array-like, shape (m, n_features_in_)
            Columns are found by name if they have names in fit.
        quantiles : array-like of float in (0, 1), shape (q,), optional
            The quantile levels. Predicted quantiles are the prediction plus the quantiles of
            `residuals_` times the scale of the row, so that they never cross. With n residuals,
            quantiles below 1/(n + 1) are −∞ and those above n/(n + 1) are ∞, with a warning that
            there are too few out-of-fold rows.

        Returns
        -------
        ndarray of float64, shape (m,), or (m, q) for quantiles
            Of several targets (m, n_targets) or (m, n_targets, q).

        Raises
        ------
        NotFittedError
            Before fit.
        ValueError
            If columns are missing, a column of numbers holds something else, or a quantile is not
            between 0 and 1.
        """
        if quantiles is None:
            return self._predicted(np.stack(self._outputs(X)).mean(axis=0, dtype=np.float64))
        q = np.atleast_1d(np.asarray(quantiles, float))
        if q.ndim != 1 or not ((q > 0) & (q < 1)).all():
            raise ValueError(f"quantiles must be between 0 and 1, both exclusive, got {quantiles}")
        y, scales = self._located(X)
        offsets = quantile_offsets(self._known_residuals(), q)
        if np.isinf(offsets).any():
            beyond = q[np.isinf(offsets)][0]
            n = len(self.residuals_)
            supported = f"quantiles from {1 / (n + 1):.3g} to {n / (n + 1):.3g}"
            needed = 1 / min(beyond, 1 - beyond) - 1
            warn_of_few(f"the quantile {beyond:g} is infinite", needed, n, supported)
        return np.asarray(y[:, None] + scales[:, None] * offsets)

    @property
    def _scaling(self) -> StandardisedTarget:
        return StandardisedTarget(self.target_["mean"], self.target_["scale"])

    def _in_units(self, Y: Array) -> Array:
        """Return standardised targets (m, 1) in units of y, (m,)."""
        return np.asarray(self._scaling.back(Y[:, 0].astype(np.float64)))

    def _predicted(self, H: Array) -> Array:
        """Return outputs (m, 1) in units of y, (m,), within the range of the training targets."""
        return np.clip(self._in_units(H), self.target_["low"], self.target_["high"])

    @for_targets(averaged)
    def score(self, X: Any, y: ArrayLike, sample_weight: ArrayLike | None = None) -> float:
        """Compute R², the share of the variance that is explained.

        Parameters
        ----------
        X : dataframe or array-like, shape (m, n_features_in_)
        y : array-like, shape (m,) or (m, n_targets)
        sample_weight : array-like, shape (m,), optional

        Returns
        -------
        float
            Of several targets, the mean over them, as scikit-learn's `r2_score`.
        """
        return float(super().score(X, y, sample_weight))

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
        scaling = StandardisedTarget.of(y, weights)
        counted = y if weights is None else y[weights > 0]
        self.target_ = {
            "mean": scaling.mean,
            "scale": scaling.scale,
            "low": float(counted.min()),
            "high": float(counted.max()),
        }

    def _check_saved(self) -> tuple[str, int]:
        names = ("mean", "scale", "low", "high")
        self.target_ = {name: fields.number(name, self.target_[name]) for name in names}
        if not (self.target_["scale"] > 0 and self.target_["low"] <= self.target_["high"]):
            raise ValueError(f"the statistics of the target contradict each other: {self.target_}")
        residuals = fields.array_field(vars(self), "residuals_", (None,), float, finite=True)
        if (np.diff(residuals) < 0).any():
            raise ValueError("residuals_ must be ascending")
        return "identity", 1

    @for_targets(state_of_targets)
    def to_state(self) -> tuple[dict[str, Any], dict[str, Array]]:
        """Return the state: what JSON can hold, and arrays by name."""
        state, arrays = super().to_state()
        state["error_scale"] = None
        if self.error_scale_ is not None:
            state["error_scale"], own = self.error_scale_.to_state()
            arrays |= {f"error_scale/{name}": array for name, array in own.items()}
        return state, arrays

    def _restore(self, state: dict[str, Any], arrays: dict[str, Array]) -> None:
        super()._restore(state, arrays)
        start, saved = "error_scale/", state["error_scale"]
        own = {n.removeprefix(start): a for n, a in arrays.items() if n.startswith(start)}
        self.error_scale_ = None
        if saved is not None:
            like = self.members_[0]
            self.error_scale_ = ErrorScale.from_state(saved, own, like.layout, like.thetas[0].dtype)

    def _targets(self, y: Array) -> tuple[Array, int, str]:
        return self._scaling.forward(y)[:, None].astype(np.float32), 1, "identity"

    def _validation_loss(self, data: TrainingData, scoring: Any, H: Floats, rows: Array) -> float:
        Y = data.Y[rows]
        weights = None if data.weights is None else data.weights[rows]
        if scoring is None:
            return root_mean_squared_error(self._clipped(H), Y, weights)
        return negated_score(scoring, self._predicted(H), None, self._in_units(Y), weights)

    def _row_losses(self, data: TrainingData, H: Floats, rows: Array) -> Array:
        return squared_errors(self._clipped(H), data.Y[rows])

    def _clipped(self, H: Floats) -> Floats:
        """Return outputs (m, 1) within the range of the standardised training targets."""
        low, high = (self._scaling.forward(self.target_[end]) for end in ("low", "high"))
        return np.clip(H, low, high)

    def _learn_out_of_fold(
        self, data: TrainingData, members: list[Member], seconds: float | None
    ) -> None:
        rows = np.concatenate([np.append(m.fold.validation, m.fold.spare) for m in members])
        spared = [member.network.forward(data.X[member.fold.spare]) for member in members]
        pairs = zip(members, spared, strict=True)
        h = self._predicted(np.concatenate([H for m, s in pairs for H in (m.out_of_fold, s)]))
        self.oof_prediction_, times, variance = means_of_rows(h, rows, len(data.X))
        squares = np.bincount(rows, (h - self.oof_prediction_[rows]) ** 2, len(data.X))
        rows = np.flatnonzero(times)
        weights = np.ones(len(rows)) if data.weights is None else data.weights[rows]
        rows, weights = rows[weights > 0], weights[weights > 0]
        truth = self._in_units(data.Y[rows])
        errors = truth - self.oof_prediction_[rows]
        residuals = errors_of_mean(errors, times[rows], variance, len(members))
        self.error_scale_, self.oof_scale_ = None, np.where(times > 0, 1.0, np.nan)
        known = OutOfFoldErrors(rows, errors, times[rows], squares[rows], weights)
        folds, recipe = [member.fold for member in members], recipe_of(self, len(rows))
        n = len(members)
        found = learn_scale(data, known, folds, recipe, n, seconds) if seconds != 0 else None
        if found is not None:
            self.error_scale_, scales = found
            residuals = errors / scales
            self.oof_scale_ = np.full(len(data.X), np.nan)
            self.oof_scale_[rows] = scales
        self.residuals_ = np.sort(residuals)
        spread = (
            (weights * (truth - np.average(truth, weights=weights)) ** 2).sum()
            if len(truth)
            else 0.0
        )
        self.validation_score_ = (
            float(1 - (weights * errors**2).sum() / spread) if spread else np.nan
        )
