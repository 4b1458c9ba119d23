"""Reading weights, activations and names from an estimator."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.pipeline import Pipeline
from sklearn.utils.validation import check_is_fitted

from multilayer.outputs import unit_name

Floats = NDArray[np.floating[Any]]


def fitted_network(model: Any) -> Any:
    """Return the network itself: `model`, or the last step of a fitted pipeline."""
    if isinstance(model, Pipeline):
        model = model[-1]
    if hasattr(type(model), "fit"):
        check_is_fitted(model)
    return model


def read_thetas(network: Any) -> list[Floats]:
    """Return Θ of each layer, bias in column 0."""
    if hasattr(network, "thetas"):
        return [np.asarray(theta) for theta in network.thetas]
    if not hasattr(network, "coefs_") or not hasattr(network, "intercepts_"):
        raise TypeError(
            "NetworkDisplay draws thetas, or coefs_ and intercepts_, and "
            f"{type(network).__name__} has neither"
        )
    layers = zip(network.coefs_, network.intercepts_, strict=True)
    return [np.column_stack([intercept, coef.T]) for coef, intercept in layers]


def read_activations(network: Any, n_layers: int) -> list[str] | None:
    """Return the names of the activations, or None if they are not known."""
    if hasattr(network, "hidden"):
        return [unit_name(unit) for unit in (*network.hidden, network.output)]
    if hasattr(network, "activation") and hasattr(network, "out_activation_"):
        return [network.activation] * (n_layers - 1) + [network.out_activation_]
    return None


def read_input_names(estimator: Any, n_inputs: int) -> list[str] | None:
    """Return the names of the inputs of the network, or None if they are not known."""
    names = getattr(estimator, "feature_names_in_", None)
    if names is not None and isinstance(estimator, Pipeline) and len(estimator) > 1:
        encoder = estimator[:-1]
        names = None
        if all(hasattr(step, "get_feature_names_out") for _, step in encoder.steps):
            names = encoder.get_feature_names_out()
    return None if names is None or len(names) != n_inputs else [str(name) for name in names]


def read_output_names(network: Any, n_outputs: int) -> list[str] | None:
    """Return the class of each output; a single sigmoid unit is that of the second of two."""
    names = getattr(network, "classes_", [])
    names = names[1:] if n_outputs == 1 else names
    return [str(name) for name in names] if len(names) == n_outputs else None
