"""The attributes of a fitted estimator: scikit-learn's view of Θ, which may be set, and curves."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from multilayer.network import Floats, Network
from multilayer.outputs import output_name
from multilayer.training.state import State

__all__ = ["FittedAttributes", "publish", "thetas_given", "to_thetas"]


class _Parts(list[Any]):
    """A view of one part of each Θ; assigned values are written into Θ itself."""

    def __init__(self, parts: Sequence[Floats]) -> None:
        super().__init__(parts)

    def __setitem__(self, layer: Any, value: Any) -> None:
        if not isinstance(layer, int):
            raise TypeError(f"weights are set one layer at a time, by its number: {layer!r}")
        part, value = self[layer], np.asarray(value)
        if value.shape != part.shape:
            raise ValueError(
                f"weights of layer {layer} must have shape {part.shape}, got {value.shape}"
            )
        part[...] = value


class FittedAttributes:
    """The attributes of an estimator whose Θ is in `network_`.

    `coefs_` and `intercepts_` can be set before there is a network; `partial_fit` or, with
    `warm_start=True`, `fit` then starts from them.
    """

    network_: Network
    training_state_: State  # the state of the last training, from which the next may continue

    @property
    def coefs_(self) -> list[Floats]:
        """Weights without biases: for each layer a view of Θ, shape (s_l, s_{l+1})."""
        return self._parts("coefs_", lambda theta: theta[:, 1:].T)

    @coefs_.setter
    def coefs_(self, values: Sequence[Any]) -> None:
        self._set_parts("coefs_", values)

    @property
    def intercepts_(self) -> list[Floats]:
        """Biases: for each layer a view of Θ, shape (s_{l+1},)."""
        return self._parts("intercepts_", lambda theta: theta[:, 0])

    @intercepts_.setter
    def intercepts_(self, values: Sequence[Any]) -> None:
        self._set_parts("intercepts_", values)

    def _parts(self, name: str, view: Callable[[Floats], Floats]) -> list[Floats]:
        if "network_" in vars(self):
            return _Parts([view(theta) for theta in self.network_.thetas])
        given: list[Floats] | None = vars(self).get("_given_weights", {}).get(name)
        if given is None:
            raise AttributeError(f"{type(self).__name__} has no {name} before it is fitted")
        return given

    def _set_parts(self, name: str, values: Sequence[Any]) -> None:
        if "network_" not in vars(self):
            self._given_weights = {**vars(self).get("_given_weights", {}), name: list(values)}
            return
        parts = getattr(self, name)
        if len(values) != len(parts):
            raise ValueError(f"{name} must hold {len(parts)} arrays, got {len(values)}")
        for layer, value in enumerate(values):
            parts[layer] = value


def publish(estimator: Any, state: State) -> None:
    """Set the attributes of an estimator from the state of its training."""
    history, network = state.history, state.network
    estimator.network_, estimator.training_state_ = network, state
    estimator.n_iter_ = history.epochs
    estimator.t_ = state.samples
    estimator.loss_curve_ = history.costs
    estimator.loss_ = history.costs[-1] if history.costs else np.nan
    least = min(history.costs, default=np.inf)
    estimator.best_loss_ = None if estimator.early_stopping else least
    estimator.n_layers_ = len(network.sizes)
    estimator.n_outputs_ = network.sizes[-1]
    estimator.out_activation_ = output_name(network.output)
    scored = bool(history.scores)
    estimator.validation_scores_ = history.scores if scored else None
    estimator.validation_loss_curve_ = history.validation_costs if scored else None
    estimator.best_validation_score_ = history.best_score if scored else None


def thetas_given(estimator: Any) -> list[Floats] | None:
    """Return Θ of the weights set before there was a network, if all of them were."""
    given = vars(estimator).get("_given_weights", {})
    if len(given) < 2:
        return None
    return to_thetas(given["coefs_"], given["intercepts_"])


def to_thetas(coefs: Sequence[Any], intercepts: Sequence[Any]) -> list[NDArray[Any]]:
    """Join scikit-learn's weights, (s_l, s_{l+1}) and (s_{l+1},), to Θ, (s_{l+1}, s_l + 1)."""
    if len(coefs) != len(intercepts):
        raise ValueError(
            f"coefs_ and intercepts_ must have as many arrays: {len(coefs)} and {len(intercepts)}"
        )
    thetas = []
    for layer, (coef, intercept) in enumerate(zip(coefs, intercepts, strict=True)):
        coef, intercept = np.asarray(coef, dtype=float), np.asarray(intercept, dtype=float)
        if coef.ndim != 2 or intercept.shape != coef.shape[1:]:
            raise ValueError(
                f"layer {layer} must have coefs_ of shape (n, k) and intercepts_ of shape (k,), "
                f"got {coef.shape} and {intercept.shape}"
            )
        thetas.append(np.column_stack([intercept, coef.T]))
    return thetas
