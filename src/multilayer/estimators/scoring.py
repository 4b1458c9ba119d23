"""Scorers that know all classes, even if the scored rows contain only some of them."""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.base import is_classifier
from sklearn.metrics import brier_score_loss, check_scoring, log_loss, make_scorer

__all__ = ["find_scorer"]

# Losses that take every column of the probabilities, and the classes that these stand for.
_OF_ALL_CLASSES = {"neg_log_loss": log_loss, "neg_brier_score": brier_score_loss}


def find_scorer(estimator: Any, scoring: Any, labels: Any = None) -> Any:
    """Return the scorer of an estimator.

    Parameters
    ----------
    estimator : estimator
    scoring : str, callable or None
    labels : array-like, optional
        Of a classifier of one target, labels among which are all classes. Without them,
        scikit-learn takes the classes of the rows that are scored for all that there are.
    """
    loss = _OF_ALL_CLASSES.get(scoring) if isinstance(scoring, str) else None
    if loss is None or np.ndim(labels) != 1 or not is_classifier(estimator):
        return check_scoring(estimator, scoring=scoring)
    classes = np.unique(labels)
    if len(classes) == 1:  # which is certain
        return lambda estimator, X, y, sample_weight=None: 0.0
    known: dict[str, Any] = {"labels": classes}
    if scoring == "neg_brier_score" and len(classes) == 2:
        known["pos_label"] = classes[1]
    return make_scorer(loss, greater_is_better=False, response_method="predict_proba", **known)
