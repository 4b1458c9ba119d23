"""Models of several targets in files: they predict the same bits; contradictions are refused."""

import json
import warnings

import numpy as np
import pytest
from model_file_cases import load_parts, saved_parts
from tabular_cases import SMALL
from target_cases import CLASSES, LABEL, MIXED, NEW, NUMBERS, X, same

from multilayer import TabularClassifier, TabularMultiOutput, TabularRegressor, load
from multilayer.persistence import ModelFileError

MODELS = {
    "numbers": (TabularRegressor, NUMBERS, {}),
    "classes": (TabularClassifier, CLASSES, {"class_weight": ["balanced", {0: 1, 1: 2, 2: 1}]}),
    "labels": (TabularClassifier, np.c_[LABEL, 0 * LABEL, 1 - LABEL], {}),
    "mixed": (
        TabularMultiOutput,
        MIXED,
        {"task": {"grade": "regression"}, "class_weight": {"colour": {"red": 2.0, "blue": 1.0}}},
    ),
}


@pytest.fixture(scope="module")
def fitted():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return {k: kind(**SMALL, **given).fit(X, Y) for k, (kind, Y, given) in MODELS.items()}


def everything(model):
    said = [model.predict(NEW)]
    said += [
        getattr(model, name)(NEW)
        for name in ("predict_proba", "predict_set")
        if hasattr(model, name)
    ]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        said += [model.predict_interval(NEW)] if hasattr(model, "predict_interval") else []
    return said


@pytest.mark.parametrize("name", MODELS)
def test_saved_and_loaded(fitted, name, tmp_path):
    model = fitted[name]
    model.save(tmp_path / "m.mlp")
    loaded = load(tmp_path / "m.mlp")
    for a, b in zip(everything(model), everything(loaded), strict=True):
        assert type(a) is type(b)
        for one, other in zip(
            *(x.values() if isinstance(x, dict) else x for x in (a, b)), strict=True
        ):
            same(one, other)
    assert loaded.get_params() == model.get_params()
    for attribute in ("target_names_", "n_outputs_", "n_features_in_", "validation_score_"):
        assert getattr(loaded, attribute) == getattr(model, attribute)
    same(loaded.feature_names_in_, model.feature_names_in_)
    Y = MODELS[name][1]
    assert loaded.score(X, Y) == model.score(X, Y)
    loaded.save(tmp_path / "again.mlp")
    assert (tmp_path / "again.mlp").read_bytes() == (tmp_path / "m.mlp").read_bytes()


def parts_of(fitted, name):
    state, arrays = saved_parts(fitted[name])
    return type(fitted[name]).__name__, state, arrays


def changed(state, way, value):
    state = json.loads(json.dumps(state))
    *way, last = way
    inside = state
    for key in way:
        inside = inside[key]
    inside[last] = value
    return state


CONTRADICTIONS = {
    "fewer names": (["targets"], ["price"]),
    "more names": (["targets"], ["price", "weight", "length", "x"]),
    "the same name": (["targets"], ["price", "price"]),
    "a number as name": (["targets"], ["price", 3]),
    "no list": (["estimators"], {}),
    "no score": (["values"], {}),
    "a text as score": (["values", "validation_score_"], "high"),
    "another class": (["estimators", 0, "class"], "TabularClassifier"),
    "a pipeline": (["estimators", 0, "class"], "Pipeline"),
    "several targets of a target": (["estimators", 0, "class"], "TabularMultiOutput"),
    "a constant with arrays": (["estimators", 0, "class"], "ConstantLabel"),
    "no number of columns": (["estimators", 0, "state", "values", "n_features_in_"], 5),
    "a wrong parameter": (["params", "n_members"], 0),
    "an unknown parameter": (["params", "x"], 0),
}


@pytest.mark.parametrize("name", ["numbers", "mixed"])
@pytest.mark.parametrize("case", CONTRADICTIONS)
def test_contradictory_files_are_refused(fitted, name, case):
    kind, state, arrays = parts_of(fitted, name)
    way, value = CONTRADICTIONS[case]
    if case == "another class" and name == "mixed":
        value = "TabularClassifier"  # of numbers
    with pytest.raises(ModelFileError):
        load_parts(kind, changed(state, way, value), arrays)


def test_targets_in_targets_are_refused(fitted):
    kind, state, arrays = parts_of(fitted, "numbers")
    nested = {"class": kind, "state": state}
    inside = {f"target_{k}/{name}": a for k in range(2) for name, a in arrays.items()}
    with pytest.raises(ModelFileError, match="must be a TabularRegressor of one target"):
        load_parts(kind, state | {"estimators": [nested, nested]}, inside)


def test_targets_of_other_columns_are_refused(fitted):
    kind, state, arrays = parts_of(fitted, "numbers")
    other = TabularRegressor(**SMALL).fit(X.rename(columns={"size": "Size"}), NUMBERS)
    others, of_others = saved_parts(other)
    mixed = state | {"estimators": [state["estimators"][0], others["estimators"][1]]}
    second = {k: a for k, a in of_others.items() if k.startswith("target_1")}
    with pytest.raises(ModelFileError, match="all of the same columns"):
        load_parts(kind, mixed, arrays | second)


def test_arrays_of_no_target_are_refused(fitted):
    kind, state, arrays = parts_of(fitted, "numbers")
    for name in ("target_2/residuals_", "residuals_", "target_00/residuals_"):
        with pytest.raises(ModelFileError, match="belongs to no target"):
            load_parts(kind, state, arrays | {name: np.zeros(3)})
    for name in arrays:
        if "member" in name:
            with pytest.raises(ModelFileError):
                load_parts(kind, state, {n: a for n, a in arrays.items() if n != name})


def test_constant_labels_in_files(fitted):
    kind, state, arrays = parts_of(fitted, "labels")
    for labels in ({"dtype": "<i8", "values": [0, 1]}, {"dtype": "<i8", "values": [7]}):
        with pytest.raises(ModelFileError, match="constant"):
            load_parts(kind, changed(state, ["estimators", 1, "state"], labels), arrays)
    alone = state["estimators"][1]
    with pytest.raises(ModelFileError, match="there must be estimators"):
        load_parts(kind, state | {"estimators": [alone] * 3}, {})
    kind, state, arrays = parts_of(fitted, "numbers")
    rest = {n: a for n, a in arrays.items() if n.startswith("target_0")}
    with pytest.raises(ModelFileError, match="only a label that is 0 or 1 beside others"):
        load_parts(kind, state | {"estimators": [state["estimators"][0], alone]}, rest)
    kind, state, arrays = parts_of(fitted, "mixed")
    rest = {n: a for n, a in arrays.items() if not n.startswith("target_1")}
    estimators = [state["estimators"][0], alone, state["estimators"][2]]
    with pytest.raises(ModelFileError, match="must not be a constant label"):
        load_parts(kind, state | {"estimators": estimators}, rest)
