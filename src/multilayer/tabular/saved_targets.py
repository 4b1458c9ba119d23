"""Parameters, and the estimators of several targets, in the state of a model file."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.base import is_classifier

from multilayer import fields
from multilayer.estimators.persistence import parameter_from_json, parameter_to_json
from multilayer.persistence import labels_from_json, labels_to_json
from multilayer.tabular.constant import ConstantLabel
from multilayer.tabular.several_targets import is_indicator

__all__ = [
    "estimators_from_state",
    "estimators_to_state",
    "params_from_json",
    "params_to_json",
    "restore_targets",
    "state_of_targets",
]

Arrays = dict[str, NDArray[Any]]


def params_to_json(model: Any) -> dict[str, Any]:
    """Return the parameters of a fitted tabular estimator as JSON can represent them.

    Raises
    ------
    TypeError
        If one is a function.
    """
    model._validate_params()  # they may have been set since
    params: dict[str, Any] = model.get_params(deep=False)
    del params["cv"]  # a fitted model does not need the splitter
    if params["monotonic_cst"] is None:  # as in files of older versions
        del params["monotonic_cst"]
    if isinstance(params["random_state"], np.random.RandomState):
        params["random_state"] = None  # a fitted model does not need the state of a generator
    for name, value in params.items():
        if callable(value):
            raise TypeError(f"a model file cannot hold {name}={value!r}, which is a function")
        if name == "class_weight" or isinstance(value, dict):  # JSON would make texts of classes
            params[name] = parameter_to_json(name, value)
        elif isinstance(value, list | tuple) or hasattr(value, "__array__"):
            params[name] = [int(size) for size in value]
    return params


def params_from_json(params: Mapping[str, Any]) -> dict[str, Any]:
    """Restore what `params_to_json` returned."""
    restored = {
        name: parameter_from_json(value) if isinstance(value, dict) else value
        for name, value in params.items()
    }
    if isinstance(weights := restored.get("class_weight"), list):
        restored["class_weight"] = [parameter_from_json(one) for one in weights]
    return restored


def state_of_targets(model: Any, _: str) -> tuple[dict[str, Any], Arrays]:
    """Return the state of an estimator of several targets, as `to_state` does of one."""
    estimators, arrays = estimators_to_state(model.estimators_)
    state = {
        "params": params_to_json(model),
        "targets": list(model.target_names_),
        "estimators": estimators,
        "values": {"validation_score_": model.validation_score_},
    }
    return state, arrays


def restore_targets(model: Any, state: Mapping[str, Any], arrays: Arrays) -> None:
    """Set the fitted attributes of an estimator of several targets; raise where parts do not fit.

    Parameters
    ----------
    model : TabularClassifier or TabularRegressor
        With its parameters.
    state, arrays
        From `state_of_targets`.
    """
    kinds = {type(model).__name__: type(model)}
    names = fields.texts("targets", state["targets"])
    estimators = estimators_from_state(names, state["estimators"], arrays, kinds)
    if len(names) < 2:
        raise ValueError(f"there must be at least two targets, but there are {len(names)}")
    model.estimators_, model.target_names_ = estimators, names
    model.n_outputs_ = len(names)
    score = state["values"]["validation_score_"]
    model.validation_score_ = fields.number("validation_score_", score, finite=False)
    if is_classifier(model):
        model.classes_ = [one.classes_ for one in estimators]
    constant = [isinstance(one, ConstantLabel) for one in estimators]
    if any(constant) and not (is_classifier(model) and is_indicator(model.classes_)):
        raise ValueError("only a label that is 0 or 1 beside others may be constant")
    fitted = estimators[constant.index(False)]
    model.n_features_in_ = fitted.n_features_in_
    if hasattr(fitted, "feature_names_in_"):
        model.feature_names_in_ = fitted.feature_names_in_


def estimators_to_state(estimators: Sequence[Any]) -> tuple[list[dict[str, Any]], Arrays]:
    """Return the states of estimators, and their arrays: those of the first are target_0/…."""
    states: list[dict[str, Any]] = []
    arrays: Arrays = {}
    for k, estimator in enumerate(estimators):
        if isinstance(estimator, ConstantLabel):
            states.append({"class": "ConstantLabel", "state": labels_to_json(estimator.classes_)})
            continue
        state, own = estimator.to_state()
        states.append({"class": type(estimator).__name__, "state": state})
        arrays |= {f"target_{k}/{name}": array for name, array in own.items()}
    return states, arrays


def estimators_from_state(
    names: Sequence[str], states: Any, arrays: Arrays, kinds: Mapping[str, Any]
) -> list[Any]:
    """Build the estimators of targets, of classes by name; raise where they do not fit together."""
    if len(set(names)) < len(names):
        raise ValueError(f"targets must have different names, but are {names}")
    of_target: list[Arrays] = [{} for _ in names]
    places = {f"target_{k}": k for k in range(len(names))}
    for key, array in arrays.items():
        target, _, own = key.partition("/")
        if target not in places:
            raise ValueError(f"array {key} belongs to no target")
        of_target[places[target]][own] = array
    estimators: list[Any] = []
    for packed, own_arrays in zip(
        fields.listed("estimators", states, len(names)), of_target, strict=True
    ):
        kind, state = fields.text("the class of an estimator", packed["class"]), packed["state"]
        if kind == "ConstantLabel" and not own_arrays:
            estimators.append(ConstantLabel(labels_from_json(state)))
            if len(estimators[-1].classes_) != 1:
                raise ValueError("a constant label must have one class")
        elif kind not in kinds or "targets" in state:
            raise ValueError(
                f"the estimator of a target must be a {' or '.join(kinds)} of one target"
            )
        else:
            estimators.append(kinds[kind].from_state(state, own_arrays))
    fitted = [one for one in estimators if not isinstance(one, ConstantLabel)]
    columns = [
        (one.n_features_in_, *map(str, getattr(one, "feature_names_in_", []))) for one in fitted
    ]
    if len(set(columns)) != 1:
        raise ValueError("there must be estimators, and all of the same columns")
    return estimators
