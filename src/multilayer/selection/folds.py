"""Training on one fold: scores, curves, and predictions for the test rows."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, ClassifierMixin, clone, is_classifier
from sklearn.dummy import DummyClassifier
from sklearn.pipeline import Pipeline
from sklearn.utils import _safe_indexing
from sklearn.utils.validation import has_fit_parameter

from multilayer.estimators.base import BaseMLP
from multilayer.estimators.held_out import cost_on
from multilayer.estimators.inputs import Rows, check_rows
from multilayer.selection.splits import Split
from multilayer.tables.dependence import Dependence
from multilayer.tabular.scoring import SMALLEST_IN_SCORES

__all__ = ["AllRows", "FittedFold", "fit_arguments", "fit_fold", "last_step", "seeded"]

Array = NDArray[Any]
AllRows = tuple[Any, Any, Any, Dependence]  # X, y, weights or None, dependence


@dataclass(frozen=True)
class FittedFold:
    """The results of a fold.

    Attributes
    ----------
    estimator : estimator
        Fitted on the training rows; if these are of one class, which most estimators refuse, a
        `DummyClassifier` of scikit-learn.
    score, train_score : float
        On the test rows, and on the training rows.
    seconds : float
        The time that training took.
    loss_curve, validation_curve : ndarray, shape (n_epochs,)
        The cost of the training rows and of the test rows by epoch; empty if it is not known. Test
        rows of a class that the training rows lack do not count.
    predicted : ndarray
        Predictions for the test rows.
    probability : ndarray or None
        Probabilities for the test rows.
    """

    estimator: Any
    score: float
    train_score: float
    seconds: float
    loss_curve: Array
    validation_curve: Array
    predicted: Array
    probability: Array | None


class _HeldOutCost:
    """Callback that computes the cost of test rows after each epoch, and changes nothing else.

    Parameters
    ----------
    model : estimator
        The network, or the pipeline that ends in it and whose other steps are fitted first.
    rows : Rows
        The test rows, as the model takes them.
    stop : threading.Event
        Ends training when it is set.
    """

    def __init__(self, model: Any, rows: Rows, stop: threading.Event) -> None:
        self._model, self._rows, self._stop = model, rows, stop
        self._cost: Callable[[], float] | None = None
        self.costs: list[float] = []

    def setup(self, estimator: Any, context: Any) -> None:
        """Do nothing: the network is not known yet."""

    def on_fit_task_begin(self, estimator: Any, context: Any) -> None:
        """Do nothing: the cost is computed at the end."""

    def on_fit_task_end(self, estimator: Any, context: Any) -> bool:
        """Record the cost after an epoch."""
        if context.parent is None:
            return False
        if self._cost is None:
            rows = self._rows
            if isinstance(self._model, Pipeline) and len(self._model) > 1:
                rows = rows._replace(X=self._model[:-1].transform(rows.X))
            self._cost = _cost_of(estimator, rows)
        self.costs.append(self._cost())
        return self._stop.is_set()

    def teardown(self, estimator: Any, context: Any) -> None:
        """Do nothing: the costs are read later."""


def last_step(model: Any) -> Any:
    """Return the last step of a pipeline, or the model itself."""
    return model[-1] if isinstance(model, Pipeline) else model


def seeded(estimator: Any, rng: np.random.RandomState) -> Any:
    """Return a copy in which each `random_state` that is None is a number drawn from rng."""
    copy = clone(estimator)
    names = [
        name
        for name, value in sorted(copy.get_params().items())
        if value is None and name.split("__")[-1] == "random_state"
    ]
    return copy.set_params(**{name: int(rng.randint(2**31)) for name in names})


def fit_fold(
    model: Any,
    X: Any,
    y: Any,
    weights: Any,
    dependence: Dependence,
    split: Split,
    scorer: Any,
    stop: threading.Event,
    curves: bool = True,
) -> FittedFold:
    """Fit a model on the training rows of a fold, and score it on the test rows.

    A class that the training rows lack has probability 0.

    Parameters
    ----------
    model : estimator
        The model, which is fitted in place.
    X, y, weights
        All rows; weights may be None.
    dependence : Dependence
        Of the rows, which is passed on where `fit` takes it.
    split : tuple of ndarray
        The indices of the training rows and of the test rows.
    scorer : callable
    stop : threading.Event
        Ends the training of a network when it is set, if there are curves.
    curves : bool, default=True
        Whether to compute the cost of the test rows after each epoch.
    """
    train, test = (_take(Rows(X, y, weights), rows) for rows in split)
    classes = np.unique(y) if is_classifier(model) and np.ndim(y) == 1 else None
    if (
        classes is not None
        and len(np.unique(train.y)) == 1
        and not isinstance(last_step(model), BaseMLP)
    ):
        model = DummyClassifier()  # most estimators refuse to learn a single class
    network = last_step(model)
    test_cost, own = _HeldOutCost(model, test, stop), getattr(network, "_skl_callbacks", [])
    has_curves = curves and isinstance(network, BaseMLP)
    if has_curves:
        network.set_callbacks(*own, test_cost)
    began = time.perf_counter()
    within = dependence.take(split[0])
    model.fit(train.X, train.y, **fit_arguments(model, train.sample_weight, within))
    seconds = time.perf_counter() - began
    if has_curves:
        network.set_callbacks(*own)
    predicted = np.asarray(model.predict(test.X))
    probability = None
    if is_classifier(model) and hasattr(model, "predict_proba"):
        H = _with_all(classes, model).predict_proba(test.X)
        probability = None if isinstance(H, list) else np.asarray(H)  # a list: several targets
    scored = _with_all(classes, model, SMALLEST_IN_SCORES)
    return FittedFold(
        model,
        _score(scorer, scored, test),
        _score(scorer, scored, train),
        seconds,
        _training_curve(network),
        np.array(test_cost.costs),
        predicted,
        probability,
    )


def _take(rows: Rows, indices: Array) -> Rows:
    return Rows(*(part if part is None else _safe_indexing(part, indices) for part in rows))


def _cost_of(network: Any, rows: Rows) -> Callable[[], float]:
    """Return what computes the cost of rows, without those of classes that the network lacks."""
    if is_classifier(network) and np.ndim(rows.y) == 1:
        known = np.flatnonzero(np.isin(rows.y, network.classes_))
        if not len(known):
            return lambda: np.nan
        rows = rows if len(known) == len(rows.y) else _take(rows, known)
    return cost_on(network, check_rows(network, rows, reset=False))


class _WithAllClasses(ClassifierMixin, BaseEstimator):
    """A classifier fitted on rows of some classes, as one that knows the others, too."""

    def __init__(self, model: Any, classes: Array, probability: float = 0.0) -> None:
        self.model, self.classes, self.probability = model, classes, probability
        self.classes_ = classes

    def __sklearn_is_fitted__(self) -> bool:
        return True

    def fit(self, X: Any, y: Any) -> _WithAllClasses:
        return self

    def predict(self, X: Any) -> Array:
        return np.asarray(self.model.predict(X))

    def predict_proba(self, X: Any) -> Array:
        H = np.asarray(self.model.predict_proba(X))
        every = np.full((len(H), len(self.classes)), self.probability, H.dtype)
        every[:, np.searchsorted(self.classes, self.model.classes_)] = H
        return every


def _with_all(classes: Array | None, model: Any, probability: float = 0.0) -> Any:
    """Return a fitted model that knows all classes, with a probability for those it lacks."""
    if classes is None or len(model.classes_) == len(classes):
        return model
    return _WithAllClasses(model, classes, probability)


def fit_arguments(model: Any, weights: Any, dependence: Dependence) -> dict[str, Any]:
    """Return weights and dependence as `fit` of a model, or of a pipeline, takes them."""
    given = {} if weights is None else {"sample_weight": weights}
    given |= {
        name: values
        for name, values in dependence.arguments.items()
        if has_fit_parameter(last_step(model), name)
    }
    prefix = f"{model.steps[-1][0]}__" if isinstance(model, Pipeline) else ""
    return {f"{prefix}{name}": value for name, value in given.items()}


def _score(scorer: Any, model: Any, rows: Rows) -> float:
    weights = {} if rows.sample_weight is None else {"sample_weight": rows.sample_weight}
    return float(scorer(model, rows.X, rows.y, **weights))


def _training_curve(network: Any) -> Array:
    """Return the cost by epoch; of a tabular estimator the mean over the members still training."""
    if hasattr(network, "loss_curves_"):
        curves = network.loss_curves_
        longest = max(map(len, curves))
        padded = [[*curve, *[np.nan] * (longest - len(curve))] for curve in curves]
        return np.asarray(np.nanmean(padded, axis=0))
    return np.array(getattr(network, "loss_curve_", []), dtype=np.float64)
