"""The plain network of `fit` and `cv`: an encoder and one network, stopped by rows held out."""

from __future__ import annotations

import math
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin, is_classifier
from sklearn.pipeline import Pipeline

from multilayer.cli.data import Split, hold_out, standardise
from multilayer.cli.estimators import table_encoder
from multilayer.tables.dependence import Dependence
from multilayer.tables.target import fold_in_units

__all__ = ["PlainModel", "plain_parameters", "train_plain"]

# Small tables have few steps in an epoch. Counted in epochs, as scikit-learn does, training would
# end long before it has converged.
_STEPS = 10_000
_PATIENCE = 1_000  # steps
_MAX_ITER, _N_ITER_NO_CHANGE = 200, 10  # the least number of epochs of each


def plain_parameters(rows: int, training: int) -> dict[str, Any]:
    """Return the parameters of a plain network that depend on the size of the table.

    Parameters
    ----------
    rows : int
        The rows of the table.
    training : int
        Those to learn from.
    """
    batch_size = min(max(rows // 100, 32), 256, training)
    steps = math.ceil(training / batch_size)
    return {
        "batch_size": batch_size,
        "max_iter": max(_MAX_ITER, math.ceil(_STEPS / steps)),
        "n_iter_no_change": max(_N_ITER_NO_CHANGE, math.ceil(_PATIENCE / steps)),
        # Of 30 rows held out, the number that are right says little; their cost says more.
        "scoring": "loss",
    }


def train_plain(network: Any, X: Any, y: NDArray[Any], split: Split) -> Pipeline:
    """Fit an encoder and a network, whose predictions are in units of the target.

    Parameters
    ----------
    network : MLPClassifier or MLPRegressor
        Fitted in place.
    X : polars.DataFrame, shape (m, n)
    y : ndarray, shape (m,)
    split : Split
        The rows held out, if any, choose the epoch.

    Returns
    -------
    Pipeline
        Of the encoder and the network.
    """
    training, validation = split
    target = standardise(y, is_classifier(network), training)
    encoder = table_encoder(target)
    encoded = encoder.fit_transform(X[training])
    if len(validation):
        held_out = {"X_val": encoder.transform(X[validation]), "y_val": target.values[validation]}
        network.set_params(early_stopping=True)
        network.fit(encoded, target.values[training], **held_out)
    else:
        network.fit(encoded, target.values[training])
    if not is_classifier(network):
        fold_in_units(network.network_, target.mean, target.scale)
    return Pipeline([("encoder", encoder), ("network", network)])


class PlainModel(BaseEstimator):
    """The plain network of `fit`, as an estimator that can be cross-validated.

    Parameters
    ----------
    kind : type
        MLPClassifier or MLPRegressor.
    parameters : dict
        Its parameters; those that depend on the size of the table, where they are not given, are
        added in fit.
    validation : float
        The share of the rows to hold out.
    random_state : int or None
        Of the network, and of the choice of the rows held out.
    """

    def __init__(
        self,
        kind: Any,
        parameters: dict[str, Any],
        validation: float,
        random_state: int | None = None,
    ) -> None:
        self.kind = kind
        self.parameters = parameters
        self.validation = validation
        self.random_state = random_state

    def __sklearn_tags__(self) -> Any:
        return self.kind().__sklearn_tags__()

    def fit(self, X: Any, y: NDArray[Any], *, groups: Any = None, time: Any = None) -> Self:
        """Hold rows out, and train on the others."""
        split = hold_out(
            y,
            self.validation,
            self.random_state or 0,
            Dependence(groups, time),
            classes=is_classifier(self.kind()),
            advice="a plain network needs more rows in each fold",
        )
        by_size = plain_parameters(len(y), len(split.training))
        network = self.kind(**by_size | self.parameters, random_state=self.random_state)
        self.pipeline_ = train_plain(network, X, y, split)
        self.loss_curve_ = network.loss_curve_
        if is_classifier(network):
            self.classes_ = network.classes_
        return self

    def predict(self, X: Any) -> NDArray[Any]:
        """Predict classes or numbers (m,)."""
        return np.asarray(self.pipeline_.predict(X))

    def predict_proba(self, X: Any) -> NDArray[Any]:
        """Predict the probabilities (m, n_classes) of classes."""
        return np.asarray(self.pipeline_.predict_proba(X))

    def score(self, X: Any, y: NDArray[Any]) -> float:
        """Compute the accuracy or R²."""
        mixin = ClassifierMixin if is_classifier(self) else RegressorMixin
        return float(mixin.score(self, X, y))
