"""An estimator as a model file keeps it."""

from __future__ import annotations

import dataclasses
from numbers import Integral
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from sklearn.utils import check_random_state
from sklearn.utils.validation import check_is_fitted

from multilayer import losses, optimizers, outputs, schedules
from multilayer.estimators.attributes import FittedAttributes, publish
from multilayer.network import Network
from multilayer.persistence import Savable
from multilayer.training.state import History, State

__all__ = ["SavableEstimator"]

# Parameters may be records of these modules: their numbers are saved with the name of their class.
_RECORDS: dict[str, type[Any]] = {
    name: kind
    for module in (losses, optimizers, outputs, schedules)
    for name, kind in vars(module).items()
    if isinstance(kind, type) and dataclasses.is_dataclass(kind)
}


class SavableEstimator(FittedAttributes, Savable):
    """Parameters, network and curves of an estimator; not what its optimizer remembers."""

    n_features_in_: int
    feature_names_in_: NDArray[Any]

    def to_state(self: Any) -> tuple[dict[str, Any], dict[str, NDArray[Any]]]:
        """Return the state: what JSON can hold, and arrays by name."""
        check_is_fitted(self, "network_")
        params = self.get_params(deep=False)
        if isinstance(params["random_state"], np.random.RandomState):
            params["random_state"] = None  # a generator's state is of no use to a fitted model
        network, arrays = self.network_.to_state()
        state = {
            "params": {name: _to_json(name, value) for name, value in params.items()},
            "network": network,
            "n_features_in_": self.n_features_in_,
            "n_iter_": self.n_iter_,
            "t_": self.t_,
            "loss_curve_": self.loss_curve_,
            "validation_scores_": self.validation_scores_,
            "validation_loss_curve_": self.validation_loss_curve_,
        }
        if hasattr(self, "feature_names_in_"):
            state["feature_names_in_"] = self.feature_names_in_.tolist()
        return state, arrays

    @classmethod
    def from_state(cls, state: dict[str, Any], arrays: dict[str, NDArray[Any]]) -> Self:
        """Build the object from its state; raise where the parts do not fit."""
        params = {name: _from_json(value) for name, value in state["params"].items()}
        self = cls(**params)
        self.network_ = Network.from_state(state["network"], arrays)
        self.n_features_in_ = state["n_features_in_"]
        if self.n_features_in_ != self.network_.sizes[0]:
            raise ValueError("n_features_in_ and the network's inputs differ")
        if "feature_names_in_" in state:
            self.feature_names_in_ = np.array(state["feature_names_in_"], dtype=object)
        costs, scores = state["loss_curve_"], state["validation_scores_"] or []
        history = History(
            costs=costs,
            scores=scores,
            validation_costs=state["validation_loss_curve_"] or [],
            best_score=max(scores, default=-np.inf),
            earlier=len(costs) - state["n_iter_"],
        )
        history.plateau.best = min(costs, default=np.inf)
        rng = check_random_state(params["random_state"])
        publish(self, State(self.network_, rng, history, samples=state["t_"]))
        return self


def _to_json(name: str, value: Any) -> Any:
    if isinstance(value, (tuple, list, np.ndarray)):
        return [_to_json(name, element) for element in value]
    if dataclasses.is_dataclass(value) and type(value).__name__ in _RECORDS:
        numbers = {f.name: getattr(value, f.name) for f in dataclasses.fields(value)}
        return {"record": type(value).__name__, "numbers": _to_json(name, numbers)}
    if isinstance(value, dict):
        return {"pairs": [[_to_json(name, k), _to_json(name, v)] for k, v in value.items()]}
    if value is None or isinstance(value, (str, bool, Integral, float, np.generic)):
        return value.item() if isinstance(value, np.generic) else value
    raise TypeError(
        f"{name} must be data to be saved, not code: {value!r}. Set it to another value before "
        "saving, if the fitted model can do without"
    )


def _from_json(value: Any) -> Any:
    if isinstance(value, list):  # JSON has no tuples
        return tuple(_from_json(element) for element in value)
    if isinstance(value, dict):
        if "record" in value:
            return _RECORDS[value["record"]](**_from_json(value["numbers"]))
        return {_from_json(k): _from_json(v) for k, v in value["pairs"]}
    return value
