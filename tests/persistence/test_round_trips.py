"""Exact round trips of state, arrays and labels; models that cannot be saved."""

from __future__ import annotations

import json
import math
import os
import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst
from model_file_cases import Layer, Parts, dtypes, layer, on_a_path, same
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline

from multilayer.persistence import (
    labels_from_json,
    labels_to_json,
    load,
    load_with_notes,
    read_notes,
    save,
)

tensors = npst.arrays(dtypes, npst.array_shapes(min_dims=0, max_dims=3, min_side=0, max_side=5))

values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=8,
)

states = st.dictionaries(st.text(), values)


@on_a_path
@given(states, st.dictionaries(st.text(), tensors, max_size=4), states, st.sampled_from("CFT-"))
def test_round_trip(tmp_path, state, arrays, notes, layout):
    change = {"C": np.asarray, "F": np.asfortranarray, "T": np.transpose, "-": np.flip}[layout]
    arrays = {name: change(array) for name, array in arrays.items()}
    path = tmp_path / "model.mlp"
    save(Parts(state, arrays), path, notes)
    model = load(path)

    assert type(model) is Parts
    assert model.state == state
    assert read_notes(path) == notes
    assert model.arrays.keys() == arrays.keys()
    for name, array in arrays.items():
        read = model.arrays[name]
        assert same(read, array.astype(array.dtype.newbyteorder("=")))
        assert read.dtype.isnative
        assert read.flags.owndata
        assert read.flags.carray


@pytest.mark.parametrize("layout", [np.ascontiguousarray, np.asfortranarray, np.flip])
@pytest.mark.parametrize("dtype", ["?", "i1", "u8", ">i4", "f2", ">f8"])
def test_arrays_of_every_kind(tmp_path, dtype, layout):
    arrays = {"full": layout(np.arange(6).reshape(2, 3).astype(dtype)), "none": np.empty(0, dtype)}
    arrays |= {"one": np.ones((), dtype), "no rows": np.empty((0, 4), dtype)}
    Parts({}, arrays).save(tmp_path / "model.mlp")
    read = load(tmp_path / "model.mlp").arrays
    assert read.keys() == arrays.keys()
    for name, array in arrays.items():
        assert same(read[name], array.astype(array.dtype.newbyteorder("=")))
        assert read[name].flags.owndata
        assert read[name].flags.carray


def test_pipeline_keeps_the_arrays_of_its_steps_apart(tmp_path):
    first, second = layer(), layer()
    second.theta = -second.theta
    inner = Pipeline([("layer", second)])
    save(Pipeline([("layer", first), ("inner", inner)]), tmp_path / "model.mlp")
    model = load(tmp_path / "model.mlp")

    assert type(model) is Pipeline
    assert list(model.named_steps) == ["layer", "inner"]
    assert same(model["layer"].theta, first.theta)
    assert same(model["inner"]["layer"].theta, second.theta)
    assert same(model["layer"].classes, first.classes)


def test_same_model_gives_the_same_bytes(tmp_path):
    paths = [tmp_path / f"{i}.mlp" for i in range(10)]
    for path in paths:
        layer().save(path, {"a": 1, "b": 2})
    assert len({path.read_bytes() for path in paths}) == 1


def test_notes(tmp_path):
    path = tmp_path / "model.mlp"
    layer().save(path, {"rows": 150})
    assert read_notes(path) == {"rows": 150}
    model, notes = load_with_notes(path)
    assert same(model.theta, layer().theta)
    assert notes == {"rows": 150}


def test_paths_of_every_kind(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    layer().save("model.mlp")
    layer().save(str(tmp_path / "model.mlp"))
    layer().save(tmp_path / ("ü" * 100))
    assert same(load("model.mlp").theta, layer().theta)
    assert same(load(tmp_path / ("ü" * 100)).theta, layer().theta)
    assert read_notes("model.mlp") == {}


def test_numpy_scalars_become_plain_numbers(tmp_path):
    notes = {"rows": np.int64(3), "cost": np.float32(0.5), "done": np.bool_(True)}
    save(Parts({"sizes": [np.int32(2)]}, {}), tmp_path / "model.mlp", notes)
    assert load(tmp_path / "model.mlp").state == {"sizes": [2]}
    assert read_notes(tmp_path / "model.mlp") == {"rows": 3, "cost": 0.5, "done": True}


label_arrays = st.one_of(
    npst.arrays(dtypes, st.integers(0, 5)),
    npst.arrays(npst.unicode_string_dtypes(endianness="?"), st.integers(0, 5)),
    st.lists(st.text() | st.booleans() | st.integers() | st.floats()).map(
        lambda values: np.array([*values, None], dtype=object)[:-1]
    ),
)


@given(label_arrays)
def test_labels_are_kept_exactly(labels):
    read = labels_from_json(json.loads(json.dumps(labels_to_json(labels))))
    assert read.dtype == labels.dtype.newbyteorder("=")
    assert [type(label) for label in read.tolist()] == [type(label) for label in labels.tolist()]
    for label, expected in zip(read.tolist(), labels.tolist(), strict=True):
        assert label == expected or (math.isnan(label) and math.isnan(expected))


@pytest.mark.parametrize(
    "labels",
    [
        np.array([b"a"]),
        np.array(["2026-01-01"], dtype="datetime64[D]"),
        np.array([1j]),
        np.array([[1, 2]]),
        np.array(1),
        np.array(["a", None], dtype=object),
        np.array([np.int64(1)], dtype=object),
    ],
)
def test_labels_that_json_cannot_hold(labels):
    kind = re.escape(f"but these are of dtype {labels.dtype} and shape {labels.shape}")
    rule = "^class labels must be one row of strings, booleans, integers or floats to be saved"
    with pytest.raises(TypeError, match=f"{rule}, {kind}$"):
        labels_to_json(labels)


@pytest.mark.parametrize(
    ("dtype", "values"),
    [
        ("<i8", ["1"]),
        ("<i8", [1.5]),
        ("<i8", [True]),
        ("<i8", [2**70]),
        ("|u1", [-1]),
        ("<f4", [0.1]),
        ("<f8", [None]),
        ("|b1", [1]),
        ("<U2", ["abc"]),
        ("<U2", [1]),
        ("<U2", "abc"),
        ("|O", [[1], [2, 3]]),
        ("|O", [None]),
        ("<M8[s]", [1]),
        ("i4,i4", [1]),
        ("nonsense", [1]),
        ("<i8", 3),
    ],
)
def test_damaged_labels(dtype, values):
    with pytest.raises((ValueError, TypeError, OverflowError)):
        labels_from_json({"dtype": dtype, "values": values})


def test_only_registered_classes_are_saved(tmp_path):
    path = tmp_path / "model.mlp"
    for model in (LogisticRegression(), Pipeline([("a", layer()), ("b", LogisticRegression())])):
        with pytest.raises(TypeError, match=r"holds a .*Layer.*but this is a sklearn.*Logistic"):
            save(model, path)
    for name in ("a/b", "a\ud800"):
        with pytest.raises(ValueError, match=r"a step must not contain / or .* but is 'a[/\\]"):
            save(Pipeline([(name, layer())]), path)
    with pytest.raises(TypeError, match="step 'a' of a Pipeline must have fit: Parts"):
        save(Pipeline([("a", Parts({}, {}))]), path)
    with pytest.raises(TypeError, match="what JSON can hold, but this is <object"):
        save(layer(), path, {"when": object()})
    assert os.listdir(tmp_path) == []


def test_a_class_does_not_take_over_the_name_of_another(tmp_path):
    impostor = type("Layer", (Parts,), {"__module__": "elsewhere"})
    with pytest.raises(TypeError, match=r"this is a elsewhere\.Layer"):
        save(impostor({}, {}), tmp_path / "model.mlp")
    save(layer(), tmp_path / "model.mlp")
    assert type(load(tmp_path / "model.mlp")) is Layer
