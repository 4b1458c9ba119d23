"""The number of parameters of a fitted estimator."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from sklearn.pipeline import Pipeline

__all__ = ["count_parameters"]

_COUNTS: dict[str, Callable[[Any], int]] = {  # fitted attribute -> parameters
    "network_": lambda e: sum(theta.size for theta in e.network_.thetas),
    "members_": lambda e: sum(array.size for member in e.members_ for array in member.arrays),
    "best_estimator_": lambda e: count_parameters(e.best_estimator_),
    "regressor_": lambda e: count_parameters(e.regressor_),
    "class_prior_": lambda e: len(e.class_prior_) - 1,  # of a DummyClassifier
    "coef_": lambda e: np.size(e.coef_) + np.size(e.intercept_),
    # scikit-learn has no public name for the trees of its histogram gradient boosting.
    "_predictors": lambda e: sum(len(tree.nodes) for trees in e._predictors for tree in trees),
}


def count_parameters(estimator: Any) -> int:
    """Count weights and intercepts; of boosted trees, thresholds and leaves.

    Parameters
    ----------
    estimator : fitted estimator
        Of a pipeline the last step is counted, of a search its best estimator.

    Raises
    ------
    TypeError
        If there is no rule for the estimator.
    """
    if isinstance(estimator, Pipeline):
        estimator = estimator[-1]
    for name, count in _COUNTS.items():
        if hasattr(estimator, name):
            return int(count(estimator))
    raise TypeError(f"the parameters of {type(estimator).__name__} cannot be counted")
