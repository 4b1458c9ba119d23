"""A playground that starts with a fitted estimator."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from sklearn.utils.validation import check_is_fitted

from multilayer.estimators.classifier import MLPClassifier
from multilayer.estimators.parameters import SOLVERS
from multilayer.estimators.regressor import MLPRegressor
from multilayer.playground.session import Session
from multilayer.playground.settings import CHOICES, Settings, changed

__all__ = ["session_factory"]

_SHARED = ("learning_rate_init", "alpha", "momentum", "dropout")


def session_factory(estimator: Any, X: Any, y: Any) -> Callable[[], Session]:
    """Return the function that creates the session of a page.

    Parameters
    ----------
    estimator : MLPClassifier, MLPRegressor or None
    X, y : array-like or None

    Raises
    ------
    TypeError
        If the estimator is of another class.
    ValueError
        If there are rows without an estimator, or they do not fit it.
    """
    if estimator is None:
        if X is not None or y is not None:
            raise ValueError("rows go with an estimator: open(estimator, X, y)")
        return Session
    if not isinstance(estimator, MLPClassifier | MLPRegressor):
        raise TypeError(
            f"the playground opens an MLPClassifier or MLPRegressor, got {type(estimator).__name__}"
        )
    check_is_fitted(estimator)
    if X is None or y is None:
        raise ValueError("X and y go with an estimator: open(estimator, X, y)")
    network = estimator.network_
    changes: dict[str, Any] = {
        "data": "given",
        "training_share": 0.8,
        "layers": list(network.sizes[1:-1]),
        "activation": list(network.hidden),
        "solver": estimator.solver if estimator.solver in SOLVERS else "adam",
    }
    for name in _SHARED:
        value = getattr(estimator, name)
        if isinstance(value, int | float):
            changes[name] = float(value)
    if estimator.learning_rate in CHOICES["learning_rate"]:
        changes["learning_rate"] = estimator.learning_rate
    if isinstance(estimator.batch_size, int):
        changes["batch_size"] = int(estimator.batch_size)
    settings = changed(Settings(), changes)

    def create() -> Session:
        return Session(settings, (X, y), network.thetas)

    session = create()  # raise errors now, and not on the page
    if session.run.network.sizes != network.sizes:
        raise ValueError(
            f"the rows need a network of sizes {session.run.network.sizes}, but this one has "
            f"{network.sizes}"
        )
    return create
