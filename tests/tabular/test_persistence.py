"""Saved tabular models predict the same bits; damaged files are refused."""

import json

import numpy as np
import pandas as pd
import polars as pl
import pytest
import safetensors
import safetensors.numpy

from multilayer import TabularClassifier, TabularRegressor, load
from multilayer.persistence import ModelFileError

SMALL = {"n_members": 2, "hidden_layer_sizes": [8, 8], "max_iter": 3, "random_state": 0}
MODELS = [TabularClassifier, TabularRegressor]
X = pd.DataFrame(
    {
        "a": [*np.arange(59.0), np.nan],
        "b": ["u", "v"] * 30,
        "k": [f"c{k % 12}" for k in range(60)],
        "t": ["x", "y", "z"] * 20,
    }
)
Y = np.arange(60) % 2


def said(model, table):
    name = "predict_proba" if isinstance(model, TabularClassifier) else "predict_interval"
    return getattr(model, name)(table)


@pytest.mark.parametrize("frame", [pd.DataFrame, pl.from_pandas], ids=["pandas", "polars"])
@pytest.mark.parametrize("model", MODELS)
def test_same_bits(model, frame, tmp_path):
    table = frame(X)
    fitted = model(**SMALL).fit(table, Y)
    fitted.save(tmp_path / "model")
    loaded = load(tmp_path / "model")
    np.testing.assert_array_equal(said(loaded, table), said(fitted, table))
    np.testing.assert_array_equal(loaded.feature_names_in_, fitted.feature_names_in_)
    assert loaded.get_params() == fitted.get_params()
    assert loaded.summary() == fitted.summary()
    one = said(loaded, table[7:8])
    np.testing.assert_allclose(one, said(fitted, table)[7:8], rtol=1e-5, atol=1e-6)
    loaded.save(tmp_path / "again")
    assert (tmp_path / "again").read_bytes() == (tmp_path / "model").read_bytes()


@pytest.mark.parametrize(
    "labels", [np.array(["no", "yes"]), np.array([-3, 5]), np.array([False, True])], ids=str
)
def test_classes(labels, tmp_path):
    model = TabularClassifier(**SMALL).fit(X, labels[Y])
    model.save(tmp_path / "model")
    loaded = load(tmp_path / "model").predict(X)
    np.testing.assert_array_equal(loaded, model.predict(X))
    assert loaded.dtype == labels.dtype


def test_functions_cannot_be_saved(tmp_path):
    model = TabularRegressor(**SMALL, scoring=lambda estimator, X, y: 0.0).fit(X, Y)
    with pytest.raises(TypeError, match="cannot hold scoring="):
        model.save(tmp_path / "model")


@pytest.fixture(scope="module", params=MODELS)
def parts(request, tmp_path_factory):
    path = tmp_path_factory.mktemp("model") / "model"
    request.param(**SMALL).fit(X, Y).save(path)
    with safetensors.safe_open(path, "numpy") as file:
        arrays = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
        return file.metadata()["multilayer"], arrays


def refused(path, content, arrays):
    """Whether a file of these parts is no model; False if it is one that predicts."""
    whole = {name: np.ascontiguousarray(array) for name, array in arrays.items()}
    path.write_bytes(safetensors.numpy.save(whole, {"multilayer": json.dumps(content)}))
    try:
        model = load(path)
    except ModelFileError:
        return True
    assert np.isfinite(said(model, X)).all()
    return False


DAMAGE = {
    "shape": lambda a: a.T if a.ndim > 1 else a[None],
    "short": lambda a: a[:-1],
    "long": lambda a: np.concatenate([a, a]),
    "nan": lambda a: np.full_like(a, np.nan) if a.dtype.kind == "f" else a.astype(float) * np.nan,
}
# Any number of errors will do, and of scores.
HARMLESS = {("residuals_", "short"), ("residuals_", "long"), ("set_scores_", "short")}


@pytest.mark.parametrize("damage", DAMAGE)
def test_damaged_arrays(parts, damage, tmp_path):
    content, arrays = json.loads(parts[0]), parts[1]
    for name, array in arrays.items():
        if (name, damage) not in HARMLESS and not (damage == "shape" and min(array.shape) == 0):
            broken = arrays | {name: DAMAGE[damage](array)}
            assert refused(tmp_path / "model", content, broken), (name, array.shape)


def test_missing_arrays(parts, tmp_path):
    content, arrays = json.loads(parts[0]), parts[1]
    optional = {"encoder/continuous", "encoder/flat", "encoder/knots", "encoder/scores"}
    optional.add("set_scores_")  # which files of version 1 do not have
    for name in arrays:
        rest = {other: array for other, array in arrays.items() if other != name}
        # Files of older encoders have none of the optional ones.
        assert refused(tmp_path / "model", content, rest) or name in optional, name


def change(content, place, value):
    content = json.loads(json.dumps(content))
    *way, last = place
    inside = content["model"]
    for step in way:
        inside = inside[step]
    inside[last] = value
    return content


def places(inside, way=()):
    for key in inside if isinstance(inside, dict) else range(len(inside)):
        yield (*way, key)
        if isinstance(inside[key], dict | list):
            yield from places(inside[key], (*way, key))


@pytest.mark.parametrize("value", [None, -1, 10**9, "x", [], {}, float("nan")], ids=str)
def test_hostile_text(parts, value, tmp_path):
    """Whatever stands there instead, it is refused, or the model that it makes predicts."""
    content, arrays = json.loads(parts[0]), parts[1]
    refusals = 0
    for place in places(content["model"]):
        if "feature_names_in_" not in place:  # another name makes a model of other columns
            refusals += refused(tmp_path / "model", change(content, place, value), arrays)
    assert refusals > 20


@pytest.mark.parametrize(
    ("place", "value"),
    [
        (("class",), "MLPClassifier"),
        (("class",), "object"),
        (("state", "members", 0, "n_codes"), [10**6]),
        (("state", "members", 0, "n_codes"), [2]),
        (("state", "members", 0, "output"), "logistic"),
        (("state", "members"), []),
        (("state", "values", "n_features_in_"), 3),
        (("state", "params", "n_members"), 0),
    ],
    ids=lambda value: str(value),
)
def test_hostile_values(parts, place, value, tmp_path):
    content, arrays = json.loads(parts[0]), parts[1]
    assert refused(tmp_path / "model", change(content, place, value), arrays)
