"""from_sklearn: a fitted network of scikit-learn as an estimator of multilayer."""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn import neural_network
from sklearn.pipeline import Pipeline
from sklearn.utils import check_random_state
from sklearn.utils.validation import check_is_fitted

from multilayer.estimators.attributes import publish, to_thetas
from multilayer.estimators.classifier import MLPClassifier
from multilayer.estimators.parameters import make_loss
from multilayer.estimators.regressor import MLPRegressor
from multilayer.estimators.targets import ClassTargets, NumberTargets
from multilayer.network import Network
from multilayer.training.state import History, State

__all__ = ["from_sklearn"]


def from_sklearn(model: Any) -> Any:
    """Convert a fitted network of scikit-learn to an estimator of multilayer.

    Parameters
    ----------
    model : sklearn.neural_network.MLPClassifier or MLPRegressor
        Fitted; or a pipeline that ends with one, whose other steps are kept unchanged.

    Returns
    -------
    MLPClassifier, MLPRegressor or Pipeline
        An estimator with the same parameters, Θ (a copy), classes and curves, and therefore the
        same predictions. The state of the optimizer is not converted: `partial_fit` continues with
        a new one.

    Raises
    ------
    TypeError
        If the model is of another class.
    NotFittedError

    Examples
    --------
    >>> from sklearn import neural_network
    >>> from sklearn.datasets import load_iris
    >>> from multilayer.export import from_sklearn
    >>> X, y = load_iris(return_X_y=True)
    >>> theirs = neural_network.MLPClassifier(solver="lbfgs", max_iter=1000, random_state=0)
    >>> ours = from_sklearn(theirs.fit(X, y))
    >>> bool((ours.predict(X) == theirs.predict(X)).all())
    True
    """
    if isinstance(model, Pipeline):
        *steps, (name, last) = model.steps
        memory = {"memory": model.memory, "verbose": model.verbose}
        return Pipeline([*steps, (name, from_sklearn(last))], **memory)
    kinds = {
        neural_network.MLPClassifier: MLPClassifier,
        neural_network.MLPRegressor: MLPRegressor,
    }
    if type(model) not in kinds:
        raise TypeError(
            "from_sklearn takes a fitted MLPClassifier or MLPRegressor of sklearn.neural_network, "
            f"or a Pipeline that ends with one, but this is a {type(model).__module__}."
            f"{type(model).__name__}"
        )
    check_is_fitted(model, "coefs_")
    ours = kinds[type(model)](**model.get_params())
    if isinstance(ours, MLPClassifier):
        kind = model._label_binarizer.y_type_  # scikit-learn has no public name for it
        ours.targets_ = ClassTargets(kind, np.array(model.classes_))
    thetas = to_thetas(model.coefs_, model.intercepts_)
    ours.network_ = Network(
        [thetas[0].shape[1] - 1, *(len(theta) for theta in thetas)],
        model.activation,
        model.out_activation_,
        loss="poisson" if model.loss == "poisson" else "auto",
        thetas=thetas,
        dtype=model.coefs_[0].dtype,
    )
    costs = list(getattr(model, "loss_curve_", [model.loss_]))
    scores = list(getattr(model, "validation_scores_", None) or [])
    history = History(
        costs=costs,
        scores=scores,
        best_score=max(scores, default=-np.inf),
        earlier=len(costs) - model.n_iter_,
    )
    rng = check_random_state(ours.random_state)
    publish(ours, State(ours.network_, rng, history, samples=int(model.t_)))
    if isinstance(ours, MLPRegressor):
        ours.targets_ = NumberTargets(ours.n_outputs_, make_loss(ours.loss))
    ours.n_features_in_ = model.n_features_in_
    if hasattr(model, "feature_names_in_"):
        ours.feature_names_in_ = model.feature_names_in_
    return ours
