"""TabularMultiOutput: several targets, numbers and classes, from a raw table."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator, _fit_context, is_classifier
from sklearn.utils._param_validation import StrOptions
from sklearn.utils.validation import check_is_fitted

from multilayer import fields
from multilayer.estimators.reporting import Reportable
from multilayer.persistence import Savable
from multilayer.tables.labels import plain_target
from multilayer.tables.target import detect_task
from multilayer.tabular.base import CONSTRAINTS, learner
from multilayer.tabular.classifier import TabularClassifier
from multilayer.tabular.fit_targets import Learner, fit_targets, forget, shared_parameters
from multilayer.tabular.regressor import TabularRegressor
from multilayer.tabular.saved_targets import (
    estimators_from_state,
    estimators_to_state,
    params_from_json,
    params_to_json,
)
from multilayer.tabular.several_targets import averaged
from multilayer.tabular.target_columns import TargetColumn, read_targets

__all__ = ["TabularMultiOutput"]

Array = NDArray[Any]
_KINDS: dict[str, Any] = {"classification": TabularClassifier, "regression": TabularRegressor}
_OF_TARGETS = ("task", "scoring", "class_weight")  # that may differ between targets


class TabularMultiOutput(Reportable, Savable, BaseEstimator):
    """Predict several targets, numbers and classes, from the rows of a raw table.

    A `TabularClassifier` or `TabularRegressor` is trained for each target, one after the other,
    with the same parameters and random seed, on the rows that have a value of it. If all targets
    are numbers, or all are classes, these two take several targets themselves, and return arrays.

    Parameters
    ----------
    task : {"auto", "classification", "regression"} or dict, default="auto"
        Whether targets are classes or numbers, for all of them, or a dict from the names of some.
        "auto": texts, booleans and a few different whole numbers are classes.
    n_members, fast, hidden_layer_sizes, activation, learning_rate_init, batch_size, max_iter, \
dropout, alpha, validation_fraction, cv, n_iter_no_change, random_state, verbose
        As for `TabularClassifier`.
    scoring : str, callable, dict or None, default=None
        As for `TabularClassifier`, for all targets, or a dict from the names of some.
    class_weight : "balanced", dict or None, default=None
        As for `TabularClassifier`, for all targets that are classes, or a dict from the names of
        some to "balanced" or to the weights of their classes.
    time_limit : float or None, default=None
        The maximum training time of all targets together, in seconds.
    monotonic_cst : array-like of int, shape (n_features,), dict or None, default=None
        As for `TabularClassifier`, for every target.

    Attributes
    ----------
    estimators_ : dict
        The fitted estimator of each target, by its name.
    target_names_ : list of str
        The names of the columns of y; "y0", "y1" … if they have none.
    n_outputs_ : int
    validation_score_ : float
        The mean over the targets of R² or the accuracy of out-of-fold predictions.
    n_features_in_ : int
    feature_names_in_ : ndarray of str
        Only if the columns have names.

    See Also
    --------
    TabularClassifier : Predict classes from a raw table, of one target or several.
    TabularRegressor : Predict numbers from a raw table, of one target or several.

    Examples
    --------
    >>> import polars as pl
    >>> from multilayer import TabularMultiOutput
    >>> X = pl.DataFrame({"x": range(40), "town": ["Bern", "Rome"] * 20})
    >>> Y = pl.DataFrame({"price": [2.0 * x for x in range(40)], "colour": ["red", "blue"] * 20})
    >>> model = TabularMultiOutput(random_state=0).fit(X, Y)
    >>> sorted(model.predict(X))
    ['colour', 'price']
    >>> model.predict_proba(X)["colour"].shape
    (40, 2)
    """

    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {
        **CONSTRAINTS,
        "task": [StrOptions({"auto", *_KINDS}), dict],
        "scoring": [*CONSTRAINTS["scoring"], dict],
        "class_weight": [StrOptions({"balanced"}), dict, None],
    }

    def __init__(
        self,
        *,
        task: str | Mapping[str, str] = "auto",
        n_members: str | int = "auto",
        fast: bool = False,
        hidden_layer_sizes: str | int | ArrayLike = "auto",
        activation: str = "auto",
        learning_rate_init: str | float = "auto",
        batch_size: str | int = "auto",
        max_iter: str | int = "auto",
        dropout: str | float = "auto",
        alpha: str | float = "auto",
        class_weight: Mapping[str, Any] | str | None = None,
        validation_fraction: float = 0.2,
        cv: Any = None,
        n_iter_no_change: int | None = None,
        scoring: Any = None,
        time_limit: float | None = None,
        monotonic_cst: ArrayLike | Mapping[Any, int] | None = None,
        random_state: int | np.random.RandomState | None = None,
        verbose: bool | int = False,
    ) -> None:
        self.task = task
        self.n_members = n_members
        self.fast = fast
        self.hidden_layer_sizes = hidden_layer_sizes
        self.activation = activation
        self.learning_rate_init = learning_rate_init
        self.batch_size = batch_size
        self.max_iter = max_iter
        self.dropout = dropout
        self.alpha = alpha
        self.class_weight = class_weight
        self.validation_fraction = validation_fraction
        self.cv = cv
        self.n_iter_no_change = n_iter_no_change
        self.scoring = scoring
        self.time_limit = time_limit
        self.monotonic_cst = monotonic_cst
        self.random_state = random_state
        self.verbose = verbose

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = True
        tags.input_tags.string = True
        tags.input_tags.categorical = True
        tags.target_tags.required = True
        tags.target_tags.multi_output = True
        tags.non_deterministic = self.time_limit is not None
        return tags

    @_fit_context(prefer_skip_nested_validation=True)  # type: ignore[untyped-decorator]
    def fit(
        self,
        X: Any,
        y: Any,
        sample_weight: ArrayLike | None = None,
        *,
        groups: str | ArrayLike | None = None,
        time: str | ArrayLike | None = None,
        X_val: Any = None,
        y_val: Any = None,
    ) -> Self:
        """Train on a table.

        Parameters
        ----------
        X, sample_weight, groups, time, X_val
            As for `TabularClassifier.fit`.
        y, y_val : dataframe or array-like, shape (m, n_targets)
            A column for each target. Rows without a value of a target are left out of its training.

        Returns
        -------
        self

        Raises
        ------
        ValueError
            If a table, target or weight is not valid; the message states the rule. If training
            diverges.

        Warns
        -----
        DataWarning
            As for `TabularClassifier.fit`, and if rows lack a value of a target.
        """
        before = dict(vars(self))
        try:
            self._fit(read_targets(y), X, sample_weight, groups, time, X_val, y_val)
        except BaseException:
            self.__dict__ = before
            raise
        return self

    def _fit(self, columns: list[TargetColumn], *given: Any) -> None:
        names = [column.name for column in columns]
        of_target = {name: self._of_targets(name, names) for name in _OF_TARGETS}
        shared = {k: v for k, v in shared_parameters(self).items() if k not in _OF_TARGETS}

        def make(k: int) -> Learner:
            name, task = names[k], of_target["task"].get(names[k], "auto")
            if task == "auto":
                task = detect_task(np.asarray(plain_target(columns[k].values)))
            own = {"scoring": of_target["scoring"].get(name)}
            if task == "classification":
                own["class_weight"] = of_target["class_weight"].get(name)
            return learner(_KINDS[task](**shared, **own))

        fitted = fit_targets(self, make, columns, *given)
        forget(self)
        self._keep(names, fitted)
        self.validation_score_ = float(np.mean([one.validation_score_ for one in fitted]))

    def _of_targets(self, parameter: str, names: list[str]) -> dict[str, Any]:
        """Return the value of a parameter for each target that has one."""
        value = getattr(self, parameter)
        if not isinstance(value, dict):
            return dict.fromkeys(names, value)
        for name, own in value.items():
            if name not in names:
                raise ValueError(
                    f"{parameter} must be a dict from names of targets, {', '.join(names)}, but "
                    f"has {name!r}"
                )
            if parameter == "task" and own not in ("auto", *_KINDS):
                raise ValueError(
                    f"task must be auto, classification or regression, got {own!r} for {name!r}"
                )
        return dict(value)

    def _keep(self, names: list[str], estimators: list[Any]) -> None:
        """Set the fitted attributes."""
        self.estimators_: dict[str, Any] = dict(zip(names, estimators, strict=True))
        self.target_names_, self.n_outputs_ = names, len(names)
        self.n_features_in_ = estimators[0].n_features_in_
        if hasattr(estimators[0], "feature_names_in_"):
            self.feature_names_in_ = estimators[0].feature_names_in_

    def _of_kind(self, classes: bool) -> dict[str, Any]:
        check_is_fitted(self, "estimators_")
        found = self.estimators_.items()
        return {name: one for name, one in found if is_classifier(one) == classes}

    def predict(self, X: Any) -> dict[str, Array]:
        """Predict each target.

        Parameters
        ----------
        X : dataframe or array-like, shape (m, n_features_in_)
            Columns are found by name if they have names in fit.

        Returns
        -------
        dict
            For each target by name, the most probable classes or the numbers, (m,).
        """
        check_is_fitted(self, "estimators_")
        return {name: one.predict(X) for name, one in self.estimators_.items()}

    def predict_proba(self, X: Any) -> dict[str, Array]:
        """Predict the probability of each class.

        Parameters
        ----------
        X : dataframe or array-like, shape (m, n_features_in_)

        Returns
        -------
        dict
            For each target that is classes, as `TabularClassifier.predict_proba`.
        """
        return {name: one.predict_proba(X) for name, one in self._of_kind(True).items()}

    def predict_set(self, X: Any, coverage: float = 0.9) -> dict[str, Array]:
        """Predict sets of classes that contain the true one with a given probability.

        Parameters
        ----------
        X : dataframe or array-like, shape (m, n_features_in_)
        coverage : float in (0, 1), default=0.9

        Returns
        -------
        dict
            For each target that is classes, as `TabularClassifier.predict_set`.
        """
        return {name: one.predict_set(X, coverage) for name, one in self._of_kind(True).items()}

    def predict_interval(self, X: Any, coverage: float = 0.9) -> dict[str, Array]:
        """Predict intervals that contain the number with a given probability.

        Parameters
        ----------
        X : dataframe or array-like, shape (m, n_features_in_)
        coverage : float in (0, 1), default=0.9

        Returns
        -------
        dict
            For each target that is numbers, as `TabularRegressor.predict_interval`.
        """
        found = self._of_kind(False).items()
        return {name: one.predict_interval(X, coverage) for name, one in found}

    def score(self, X: Any, y: Any, sample_weight: ArrayLike | None = None) -> float:
        """Compute the mean over the targets of R², of numbers, and of the accuracy, of classes.

        Parameters
        ----------
        X : dataframe or array-like, shape (m, n_features_in_)
        y : dataframe or array-like, shape (m, n_targets)
            Rows without a value of a target do not count for it.
        sample_weight : array-like, shape (m,), optional

        Returns
        -------
        float
        """
        check_is_fitted(self, "estimators_")
        return averaged(self, "score", X, y, sample_weight)

    def to_state(self) -> tuple[dict[str, Any], dict[str, Array]]:
        """Return the state: what JSON can hold, and arrays by name."""
        check_is_fitted(self, "estimators_")
        states, arrays = estimators_to_state(list(self.estimators_.values()))
        state = {
            "params": params_to_json(self),
            "targets": self.target_names_,
            "estimators": states,
            "values": {"validation_score_": self.validation_score_},
        }
        return state, arrays

    @classmethod
    def from_state(cls, state: dict[str, Any], arrays: dict[str, Array]) -> Self:
        """Build the object from its state; raise where the parts do not fit."""
        self = cls(**params_from_json(state["params"]))
        self._validate_params()
        names = fields.texts("targets", state["targets"])
        kinds = {kind.__name__: kind for kind in _KINDS.values()}
        self._keep(names, estimators_from_state(names, state["estimators"], arrays, kinds))
        if {type(one) for one in self.estimators_.values()} - set(kinds.values()):
            raise ValueError("a target must not be a constant label")
        score = state["values"]["validation_score_"]
        self.validation_score_ = fields.number("validation_score_", score, finite=False)
        return self
