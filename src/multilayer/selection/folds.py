"""Training one fold: scores, curves, and what is said of the rows left out."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.base import clone, is_classifier
from sklearn.pipeline import Pipeline
from sklearn.utils import _safe_indexing

from multilayer.estimators.base import BaseMLP
from multilayer.estimators.held_out import cost_on
from multilayer.estimators.inputs import Rows, check_rows
from multilayer.selection.splits import Split

__all__ = ["FittedFold", "fit_fold", "last_step", "seeded"]

Array = NDArray[Any]


@dataclass(frozen=True)
class FittedFold:
    """What came of a fold.

    Attributes
    ----------
    estimator : estimator
        Trained on the fold's rows.
    score, train_score : float
    seconds : float
        That training took.
    loss_curve, validation_curve : ndarray, shape (n_epochs,)
        Cost of the rows learned from, and of those left out; empty where nobody knows.
    predicted : ndarray
        For the rows left out.
    probability : ndarray or None
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
    """Callback: cost of rows left out, after each epoch. Training knows nothing of it.

    Parameters
    ----------
    model : estimator
        The network, or the pipeline that ends in it and whose other steps are fitted first.
    rows : Rows
        As they come to the model.
    stop : threading.Event
        Ends training when it is set.
    """

    def __init__(self, model: Any, rows: Rows, stop: threading.Event) -> None:
        self._model, self._rows, self._stop = model, rows, stop
        self._cost: Callable[[], float] | None = None
        self.costs: list[float] = []

    def setup(self, estimator: Any, context: Any) -> None:
        """Nothing is known yet."""

    def on_fit_task_begin(self, estimator: Any, context: Any) -> None:
        """Nothing to see yet."""

    def on_fit_task_end(self, estimator: Any, context: Any) -> bool:
        """Note the cost after an epoch."""
        if context.parent is None:
            return False
        if self._cost is None:
            rows = self._rows
            if isinstance(self._model, Pipeline) and len(self._model) > 1:
                rows = rows._replace(X=self._model[:-1].transform(rows.X))
            rows = check_rows(estimator, rows, reset=False)
            self._cost = cost_on(estimator, rows)
        self.costs.append(self._cost())
        return self._stop.is_set()

    def teardown(self, estimator: Any, context: Any) -> None:
        """The costs stay."""


def last_step(model: Any) -> Any:
    """Give the network: of a pipeline the last step."""
    return model[-1] if isinstance(model, Pipeline) else model


def seeded(estimator: Any, rng: np.random.RandomState) -> Any:
    """Give a copy in which each `random_state` that is None has a number drawn from rng."""
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
    split: Split,
    scorer: Any,
    stop: threading.Event,
    curves: bool = True,
) -> FittedFold:
    """Train a model on the fold's rows and judge it.

    Parameters
    ----------
    model : estimator
        Is fitted.
    X, y, weights
        All rows; weights may be None.
    split : tuple of ndarray
        Rows to learn from, rows left out.
    scorer : callable
    stop : threading.Event
        Ends training when it is set; a network's, where there are curves.
    curves : bool, default=True
        Note the cost of the rows left out.
    """
    learned, judged = (
        Rows(*(part if part is None else _safe_indexing(part, rows) for part in (X, y, weights)))
        for rows in split
    )
    network = last_step(model)
    watcher, own = _HeldOutCost(model, judged, stop), getattr(network, "_skl_callbacks", [])
    watched = curves and isinstance(network, BaseMLP)
    if watched:
        network.set_callbacks(*own, watcher)
    began = time.perf_counter()
    model.fit(learned.X, learned.y, **_fit_weights(model, learned.sample_weight))
    seconds = time.perf_counter() - began
    if watched:
        network.set_callbacks(*own)
    predicted = np.asarray(model.predict(judged.X))
    probability = None
    if is_classifier(model) and hasattr(model, "predict_proba"):
        H = model.predict_proba(judged.X)
        probability = None if isinstance(H, list) else np.asarray(H)  # a list: several targets
    return FittedFold(
        model,
        _score(scorer, model, judged),
        _score(scorer, model, learned),
        seconds,
        _training_curve(network),
        np.array(watcher.costs),
        predicted,
        probability,
    )


def _fit_weights(model: Any, weights: Any) -> dict[str, Any]:
    if weights is None:
        return {}
    prefix = f"{model.steps[-1][0]}__" if isinstance(model, Pipeline) else ""
    return {f"{prefix}sample_weight": weights}


def _score(scorer: Any, model: Any, rows: Rows) -> float:
    weights = {} if rows.sample_weight is None else {"sample_weight": rows.sample_weight}
    return float(scorer(model, rows.X, rows.y, **weights))


def _training_curve(network: Any) -> Array:
    """Give the cost by epoch; of a tabular estimator the mean of the members still at work."""
    if hasattr(network, "loss_curves_"):
        curves = network.loss_curves_
        longest = max(map(len, curves))
        padded = [[*curve, *[np.nan] * (longest - len(curve))] for curve in curves]
        return np.asarray(np.nanmean(padded, axis=0))
    return np.array(getattr(network, "loss_curve_", []), dtype=np.float64)
