"""Delegation of a search to its best estimator: predictions, scores, attributes and tags."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator, MetaEstimatorMixin
from sklearn.utils import get_tags
from sklearn.utils.metaestimators import available_if
from sklearn.utils.validation import check_is_fitted

from multilayer.estimators.reporting import Reportable
from multilayer.selection.html import search_table
from multilayer.selection.splits import Split
from multilayer.tables.dependence import Dependence

__all__ = ["BaseSearch", "Searched"]

Array = NDArray[Any]


def _has(name: str) -> Callable[[Any], bool]:
    """Return a check whether the estimator has a method, for `available_if`."""

    def check(self: Any) -> bool:
        getattr(self.best_estimator_ if hasattr(self, "best_estimator_") else self.estimator, name)
        return True

    return check


@dataclass(frozen=True)
class Searched:
    """The folds that the candidates of a search were compared on, and what goes with the rows."""

    splits: Sequence[Split]
    y: Any
    weights: Any
    dependence: Dependence


class BaseSearch(Reportable, MetaEstimatorMixin, BaseEstimator):
    """A search that predicts and scores by its `best_estimator_`.

    Attributes
    ----------
    training_ : Searched
        What the candidates were compared on, which a report trains the best one on once more.
    """

    estimator: Any
    best_estimator_: Any
    scorer_: Any
    training_: Searched

    def best(self) -> Any:
        """Return the best estimator; NotFittedError or AttributeError if there is none."""
        check_is_fitted(self, "cv_results_")
        if not hasattr(self, "best_estimator_"):
            raise AttributeError("there is no best_estimator_: refit is False")
        return self.best_estimator_

    def predict(self, X: Any) -> Array:
        """Predict with the best estimator."""
        y: Array = self.best().predict(X)
        return y

    @available_if(_has("predict_proba"))  # type: ignore[untyped-decorator]
    def predict_proba(self, X: Any) -> Array:
        """Predict probabilities with the best estimator."""
        H: Array = self.best().predict_proba(X)
        return H

    @available_if(_has("predict_log_proba"))  # type: ignore[untyped-decorator]
    def predict_log_proba(self, X: Any) -> Array:
        """Predict the logarithms of probabilities with the best estimator."""
        log_h: Array = self.best().predict_log_proba(X)
        return log_h

    @available_if(_has("decision_function"))  # type: ignore[untyped-decorator]
    def decision_function(self, X: Any) -> Array:
        """Compute the decision function of the best estimator."""
        z: Array = self.best().decision_function(X)
        return z

    def score(self, X: Any, y: ArrayLike) -> float:
        """Score the best estimator by `scoring`."""
        return float(self.scorer_(self.best(), X, y))

    @property
    def classes_(self) -> Array:
        """The classes of a classifier."""
        classes: Array = self.best().classes_
        return classes

    @property
    def n_features_in_(self) -> int:
        """The number of columns of X."""
        if not hasattr(self, "best_estimator_"):
            raise AttributeError("n_features_in_ is known once the best estimator is fitted")
        return int(self.best_estimator_.n_features_in_)

    @property
    def feature_names_in_(self) -> Array:
        """The names of the columns of X, if it had names."""
        if not hasattr(self, "best_estimator_"):
            raise AttributeError("feature_names_in_ is known once the best estimator is fitted")
        names: Array = self.best_estimator_.feature_names_in_
        return names

    def _html_repr(self) -> str:
        """Return scikit-learn's diagram, of a fitted search with its table."""
        diagram: str = super()._html_repr()
        return f"{diagram}\n{search_table(self)}" if hasattr(self, "cv_results_") else diagram

    def __sklearn_tags__(self) -> Any:
        tags, inner = super().__sklearn_tags__(), get_tags(self.estimator)
        for name in ("estimator_type", "classifier_tags", "regressor_tags", "target_tags"):
            setattr(tags, name, getattr(inner, name))
        for name in ("pairwise", "sparse", "allow_nan", "string", "categorical"):
            setattr(tags.input_tags, name, getattr(inner.input_tags, name))
        return tags
