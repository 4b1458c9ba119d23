"""What a model file may hold: steps of a pipeline, versions, arrays and labels at their limits."""

import numpy as np
import pytest
from model_file_cases import Layer, Parts, content, layer, same, write
from sklearn.pipeline import Pipeline

from multilayer import persistence
from multilayer.persistence import ModelFileError, labels_from_json, labels_to_json, load, save


@pytest.fixture
def registry(monkeypatch):
    """Return the classes that can be saved; those that a test adds are forgotten after it."""
    known = {"Layer": Layer, "Parts": Parts}
    monkeypatch.setattr(persistence, "_SAVABLE", known)
    return known


def test_a_new_class_of_models(tmp_path, registry):
    """It can be saved at once, and what has subclasses is no longer named as a model."""
    registry.clear()
    path = tmp_path / "model.mlp"

    class Base(Parts):
        pass

    save(Base({}, {}), path)
    assert type(load(path)) is Base

    class Second(Base):
        pass

    class First(Base):
        pass

    for kind in (First, Second):
        save(kind({"a": 1}, {}), path)
        assert type(load(path)) is kind
    write(path, content("Third"))
    with pytest.raises(
        ModelFileError, match=r"holds a 'Third', but this multilayer knows First, Second$"
    ):
        load(path)


def test_only_the_last_step_may_be_without_transform(tmp_path, registry):
    class Last(Parts):
        def fit(self, X, y=None):
            return self

    path = tmp_path / "model.mlp"
    save(Pipeline([("a", layer()), ("b", layer()), ("c", Last({}, {}))]), path)
    assert type(load(path)["c"]) is Last
    for steps in (
        [("c", Last({}, {})), ("a", layer())],
        [("a", layer()), ("c", Last({}, {})), ("b", layer())],
    ):
        with pytest.raises(TypeError, match=r"^step 'c' of a Pipeline must have transform: Last$"):
            save(Pipeline(steps), path)


@pytest.mark.parametrize("code", [0xD800, 0xDBFF, 0xDC00, 0xDFFF], ids=hex)
def test_names_of_steps(tmp_path, code):
    """UTF-8 has no lone surrogates; it has their neighbours."""
    with pytest.raises(ValueError, match="must not contain / or a lone surrogate to be saved, but"):
        save(Pipeline([(f"a{chr(code)}", layer())]), tmp_path / "model.mlp")
    save(Pipeline([("\ud7ff\ue000", layer())]), tmp_path / "model.mlp")
    assert same(load(tmp_path / "model.mlp")["\ud7ff\ue000"].theta, layer().theta)


def test_older_versions_go_through_each_step(tmp_path, monkeypatch):
    def second(model, arrays):
        return {**model, "class": "Parts"}, {f"{name}2": a for name, a in arrays.items()}

    def third(model, arrays):
        return {**model, "state": {"was": model["state"]}}, arrays

    path = tmp_path / "model.mlp"
    monkeypatch.setattr(persistence, "_UPGRADES", {1: second, 2: third})
    monkeypatch.setattr(persistence, "VERSION", 3)
    for version, names, state in (
        (1, ["a2"], {"was": {"n": 1}}),
        (2, ["a"], {"was": {"n": 1}}),
        (3, ["a"], {"n": 1}),
    ):
        kind = "Former" if version == 1 else "Parts"
        model = load(write(path, content(kind, {"n": 1}, version), {"a": np.ones(2)}))
        assert (list(model.arrays), model.state) == (names, state)


def test_an_empty_array_is_no_longer_than_its_file(tmp_path):
    """Its shape costs nothing in the file, and could make a program allocate anything."""
    path, length = tmp_path / "model.mlp", 100
    for _ in range(3):
        Parts({}, {"a": np.empty((0, length), np.uint8)}).save(path)
        length = path.stat().st_size
    assert load(path).arrays["a"].shape == (0, length)
    Parts({}, {"a": np.empty((0, length + 1), np.uint8)}).save(path)
    assert path.stat().st_size == length
    with pytest.raises(ModelFileError, match=rf"array a cannot be of shape \(0, {length + 1}\)"):
        load(path)


@pytest.mark.parametrize(
    ("values", "widest"), [(["a"], (4096 + 64) // 4), (["a", "bc"], (4096 + 3 * 64) // 8)]
)
def test_width_of_texts(values, widest):
    """4 kB, and 64 bytes for each character there is."""
    labels = labels_from_json({"dtype": f"<U{widest}", "values": values})
    assert labels.dtype == f"<U{widest}"
    assert labels_to_json(labels)["dtype"] == labels.dtype.str
    wider = labels_to_json(np.array(values, f"<U{widest + 1}"))
    assert wider == {"dtype": "|O", "values": values}
    with pytest.raises(ValueError, match=rf"^{len(values)} class labels of dtype .* mostly empty$"):
        labels_from_json({"dtype": f"<U{widest + 1}", "values": values})


def test_labels_that_are_not_as_the_file_says():
    with pytest.raises(ValueError, match=r"^class labels \[1\.5\] are not of dtype int64$"):
        labels_from_json({"dtype": "<i8", "values": [1.5]})
    with pytest.raises(ValueError, match=r"^class labels cannot be of dtype '<M8\[s\]'$"):
        labels_from_json({"dtype": "<M8[s]", "values": [1]})
    with pytest.raises(ValueError, match=r"^dtype must be a string: 8$"):
        labels_from_json({"dtype": 8, "values": [1]})
    with pytest.raises(ValueError, match=r"^class labels must be a list: 3$"):
        labels_from_json({"dtype": "<i8", "values": 3})
