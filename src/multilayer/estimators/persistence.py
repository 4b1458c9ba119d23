"""The state of an estimator in a model file."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from numbers import Integral
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from sklearn.utils import check_random_state
from sklearn.utils.validation import check_is_fitted

from multilayer import fields, losses, optimizers, schedules
from multilayer.activations import ACTIVATIONS
from multilayer.estimators.attributes import FittedAttributes, publish
from multilayer.estimators.parameters import hidden_sizes
from multilayer.losses import CustomLoss
from multilayer.network import Network
from multilayer.persistence import Savable
from multilayer.schedules import FunctionOfStep
from multilayer.training.state import History, State

__all__ = ["SavableEstimator", "check_class_weight", "parameter_from_json", "parameter_to_json"]

# Parameters may be records of these modules: their numbers are saved with the name of their class.
# Records that contain functions are not among them.
_RECORDS: dict[str, type[Any]] = {
    name: kind
    for module in (losses, optimizers, schedules)
    for name, kind in vars(module).items()
    if isinstance(kind, type) and dataclasses.is_dataclass(kind)
    if kind not in (CustomLoss, FunctionOfStep)
}

_MOST = 2**1000  # larger whole numbers cannot be computed with as floats


class SavableEstimator(FittedAttributes, Savable):
    """Parameters, network and curves of an estimator, without the state of its optimizer."""

    n_features_in_: int
    feature_names_in_: NDArray[Any]

    def to_state(self: Any) -> tuple[dict[str, Any], dict[str, NDArray[Any]]]:
        """Return the state: values that JSON can represent, and arrays by name."""
        check_is_fitted(self, "network_")
        self._validate_params()  # they may have been set since
        params = self.get_params(deep=False)
        if isinstance(params["random_state"], np.random.RandomState):
            params["random_state"] = None  # a generator's state is of no use to a fitted model
        network, arrays = self.network_.to_state()
        state = {
            "params": {name: parameter_to_json(name, value) for name, value in params.items()},
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
        """Build the object from its state; raise an exception if the parts are inconsistent."""
        params = {name: parameter_from_json(value) for name, value in state["params"].items()}
        if isinstance(params.get("class_weight"), tuple):  # one dict for each target
            params["class_weight"] = list(params["class_weight"])
        self = cls(**params)
        self._validate_params()
        _check_layers(self)
        check_class_weight(params.get("class_weight"))
        self.network_ = network = Network.from_state(state["network"], arrays)
        n = fields.whole("n_features_in_", state["n_features_in_"])
        if n != network.sizes[0]:
            raise ValueError("n_features_in_ and the network's inputs differ")
        self.n_features_in_ = n
        if "feature_names_in_" in state:
            names = fields.texts("feature_names_in_", state["feature_names_in_"], n)
            self.feature_names_in_ = np.array(names, dtype=object)
        costs = fields.curve("loss_curve_", state["loss_curve_"])
        scores, validation = (
            [] if state[name] is None else fields.curve(name, state[name])
            for name in ("validation_scores_", "validation_loss_curve_")
        )
        if len(validation) > len(scores):
            raise ValueError("validation_loss_curve_ must not be longer than validation_scores_")
        n_iter = fields.whole("n_iter_", state["n_iter_"])
        if n_iter > len(costs) > 1:  # scikit-learn knows one cost of "lbfgs"
            raise ValueError(f"{n_iter} iterations cannot have {len(costs)} costs")
        history = History(
            costs=costs,
            scores=scores,
            validation_costs=validation,
            best_score=max(scores, default=-np.inf),
            earlier=len(costs) - n_iter,
        )
        history.plateau.best = min(costs, default=np.inf)
        rng = check_random_state(params["random_state"])
        samples = fields.whole("t_", state["t_"])
        publish(self, State(network, rng, history, samples=samples))
        return self

    _validate_params: Callable[[], None]


def check_class_weight(weights: Any) -> None:
    """Check the numbers in the parameter `class_weight`, a dict or a list of them."""
    for of_target in weights if isinstance(weights, list | tuple) else [weights]:
        if isinstance(of_target, dict):
            for weight in of_target.values():
                fields.number("class_weight", weight)
        elif isinstance(weights, list | tuple):
            raise ValueError("class_weight must hold a dict for each target")


def _check_layers(estimator: Any) -> None:
    """Check the parameters that have a value for each layer, which may be of any type in a file."""
    hidden_sizes(estimator.hidden_layer_sizes)
    given = estimator.activation
    for name in (given,) if isinstance(given, str) else fields.texts("activation", given):
        if name not in ACTIVATIONS:
            raise ValueError(f"activation must be one of {', '.join(ACTIVATIONS)}: {name!r}")
    for share in () if np.ndim(estimator.dropout) == 0 else estimator.dropout:
        fields.number("dropout", share)


def parameter_to_json(name: str, value: Any) -> Any:
    """Return the value of a parameter as JSON can represent it; raise TypeError if it is code.

    Parameters
    ----------
    name : str
        Of the parameter, for the error.
    value : object
    """
    if isinstance(value, (tuple, list, np.ndarray)):
        return [parameter_to_json(name, element) for element in value]
    if dataclasses.is_dataclass(value) and type(value).__name__ in _RECORDS:
        numbers = {f.name: getattr(value, f.name) for f in dataclasses.fields(value)}
        return {"record": type(value).__name__, "numbers": parameter_to_json(name, numbers)}
    if isinstance(value, dict):
        return {
            "pairs": [
                [parameter_to_json(name, k), parameter_to_json(name, v)] for k, v in value.items()
            ]
        }
    if value is None or isinstance(value, (str, bool, Integral, float, np.generic)):
        return value.item() if isinstance(value, np.generic) else value
    raise TypeError(
        f"{name} must be data to be saved, not code: {value!r}. Set it to another value before "
        "saving, if the fitted model can do without"
    )


def parameter_from_json(value: Any) -> Any:
    """Restore what `parameter_to_json` returned, lists as tuples; raise where it is something else.

    The numbers of records are checked here, because most records do not.
    """
    if isinstance(value, list):  # JSON has no tuples
        return tuple(parameter_from_json(element) for element in value)
    if isinstance(value, dict):
        if "record" in value:
            numbers = parameter_from_json(value["numbers"])
            for name, x in numbers.items():
                if type(x) is not bool:
                    fields.number(name, x)
            return _RECORDS[value["record"]](**numbers)
        pairs = fields.listed("pairs", value["pairs"])
        return {parameter_from_json(k): parameter_from_json(v) for k, v in pairs}
    return value if type(value) is not int else fields.whole("a parameter", value, -_MOST, _MOST)
