"""What a search does as its best estimator: predict, score, and say what it is."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator, MetaEstimatorMixin
from sklearn.utils import get_tags
from sklearn.utils.metaestimators import available_if
from sklearn.utils.validation import check_is_fitted

from multilayer.estimators.reporting import Reportable

__all__ = ["AsItsBest"]

Array = NDArray[Any]


def _has(name: str) -> Callable[[Any], bool]:
    """Whether the estimator has a method; scikit-learn asks by `hasattr`."""

    def check(self: Any) -> bool:
        getattr(self.best_estimator_ if hasattr(self, "best_estimator_") else self.estimator, name)
        return True

    return check


class AsItsBest(Reportable, MetaEstimatorMixin, BaseEstimator):
    """A search whose `best_estimator_` answers."""

    estimator: Any
    best_estimator_: Any
    scorer_: Any

    def best(self) -> Any:
        """Give the best estimator; NotFittedError or AttributeError if there is none."""
        check_is_fitted(self, "cv_results_")
        if not hasattr(self, "best_estimator_"):
            raise AttributeError("there is no best_estimator_ to ask: refit is False")
        return self.best_estimator_

    def predict(self, X: Any) -> Array:
        """Predict with the best estimator."""
        y: Array = self.best().predict(X)
        return y

    @available_if(_has("predict_proba"))  # type: ignore[untyped-decorator]
    def predict_proba(self, X: Any) -> Array:
        """Give the probabilities of the best estimator."""
        H: Array = self.best().predict_proba(X)
        return H

    @available_if(_has("predict_log_proba"))  # type: ignore[untyped-decorator]
    def predict_log_proba(self, X: Any) -> Array:
        """Give the logarithms of those probabilities."""
        log_h: Array = self.best().predict_log_proba(X)
        return log_h

    @available_if(_has("decision_function"))  # type: ignore[untyped-decorator]
    def decision_function(self, X: Any) -> Array:
        """Give the decision function of the best estimator."""
        z: Array = self.best().decision_function(X)
        return z

    def score(self, X: Any, y: ArrayLike) -> float:
        """Score the best estimator by `scoring`."""
        return float(self.scorer_(self.best(), X, y))

    @property
    def classes_(self) -> Array:
        """The classes, of a classifier."""
        classes: Array = self.best().classes_
        return classes

    @property
    def n_features_in_(self) -> int:
        """How many columns X had."""
        if not hasattr(self, "best_estimator_"):
            raise AttributeError("n_features_in_ is known once the best estimator is fitted")
        return int(self.best_estimator_.n_features_in_)

    @property
    def feature_names_in_(self) -> Array:
        """The names of the columns, where X had any."""
        if not hasattr(self, "best_estimator_"):
            raise AttributeError("feature_names_in_ is known once the best estimator is fitted")
        names: Array = self.best_estimator_.feature_names_in_
        return names

    def __sklearn_tags__(self) -> Any:
        tags, inner = super().__sklearn_tags__(), get_tags(self.estimator)
        for name in ("estimator_type", "classifier_tags", "regressor_tags", "target_tags"):
            setattr(tags, name, getattr(inner, name))
        for name in ("pairwise", "sparse", "allow_nan", "string", "categorical"):
            setattr(tags.input_tags, name, getattr(inner.input_tags, name))
        return tags
