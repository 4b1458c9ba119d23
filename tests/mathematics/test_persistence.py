"""Saved models: exact round trips, one exception for every bad file, all or nothing on the disk."""

from __future__ import annotations

import errno
import json
import math
import os
import pickle
import re
import signal
import sys
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
import safetensors.numpy
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline

from multilayer.persistence import (
    ModelFileError,
    Savable,
    labels_from_json,
    labels_to_json,
    load,
    read_notes,
    save,
)


class Parts(Savable):
    """A model that is nothing but its state and its arrays."""

    def __init__(self, state, arrays):
        self.state, self.arrays = state, arrays

    def to_state(self):
        return self.state, self.arrays

    @classmethod
    def from_state(cls, state, arrays):
        return cls(state, arrays)


class Layer(Savable):
    """A model that is particular about its parts, as real ones are."""

    def __init__(self, theta, classes):
        self.theta, self.classes = theta, classes

    def to_state(self):
        return {"classes": labels_to_json(self.classes)}, {"theta": self.theta}

    @classmethod
    def from_state(cls, state, arrays):
        theta, classes = arrays["theta"], labels_from_json(state["classes"])
        if theta.ndim != 2 or len(theta) != len(classes):
            raise ValueError(f"{len(classes)} classes, but Θ of shape {theta.shape}")
        return cls(theta, classes)


def layer() -> Layer:
    return Layer(np.arange(6.0).reshape(2, 3), np.array(["no", "yes"]))


def same(a: np.ndarray, b: np.ndarray) -> bool:
    return a.dtype == b.dtype and a.shape == b.shape and a.tobytes() == b.tobytes()


def write(path: Path, content, arrays=None, key: str = "multilayer") -> Path:
    """Write a model file by hand; content is JSON text or what becomes it."""
    text = content if isinstance(content, str) else json.dumps(content)
    path.write_bytes(safetensors.numpy.save(arrays or {}, {key: text}))
    return path


def content(model="Layer", state=None, version=1):
    state = {"classes": {"dtype": "<U3", "values": ["no", "yes"]}} if state is None else state
    return {"version": version, "model": {"class": model, "state": state}, "notes": {}}


# Round trips

# A folder shared by the examples is what these tests want.
on_a_path = settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=50)
dtypes = st.one_of(
    npst.boolean_dtypes(),
    npst.integer_dtypes(endianness="?"),
    npst.floating_dtypes(endianness="?", sizes=(16, 32, 64)),
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
    with pytest.raises(TypeError, match=rf"strings, .* dtype {re.escape(str(labels.dtype))} and"):
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


# What cannot be saved


def test_only_registered_classes_are_saved(tmp_path):
    path = tmp_path / "model.mlp"
    for model in (LogisticRegression(), Pipeline([("a", layer()), ("b", LogisticRegression())])):
        with pytest.raises(TypeError, match=r"holds a .*Layer.*but this is a sklearn.*Logistic"):
            save(model, path)
    with pytest.raises(
        ValueError, match="name of a step must not contain / to be saved, but is 'a/b'"
    ):
        save(Pipeline([("a/b", layer())]), path)
    with pytest.raises(TypeError, match="what JSON can hold, but this is <object"):
        save(layer(), path, {"when": object()})
    assert os.listdir(tmp_path) == []


def test_a_class_does_not_take_over_the_name_of_another(tmp_path):
    impostor = type("Layer", (Layer,), {"__module__": "elsewhere"})
    with pytest.raises(TypeError, match=r"this is a elsewhere\.Layer"):
        save(impostor(layer().theta, layer().classes), tmp_path / "model.mlp")
    save(layer(), tmp_path / "model.mlp")
    assert type(load(tmp_path / "model.mlp")) is Layer


# What cannot be loaded


class Bomb:
    def __reduce__(self):
        return os.mkdir, ("exploded",)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\0" * 7,
        b"\0" * 8,
        b"\xff" * 100,
        b"a,b\n1,2\n",
        b"PK\3\4" + b"\0" * 100,
        pickle.dumps(Bomb()),
        safetensors.numpy.save({"theta": np.ones(2)}),
        safetensors.numpy.save({"theta": np.ones(2)}, {"format": "pt"}),
    ],
)
def test_foreign_files(tmp_path, monkeypatch, data):
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "foreign.mlp"
    path.write_bytes(data)
    for read in (load, read_notes):
        with pytest.raises(
            ModelFileError, match=r"foreign\.mlp is (not a model|a safetensors) file"
        ):
            read(path)
    assert os.listdir(tmp_path) == ["foreign.mlp"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "JSONDecodeError"),
        ("{", "JSONDecodeError"),
        ("3", "TypeError"),
        ("{}", "KeyError.*version"),
        ("[" * 200_000, "RecursionError"),
        ('{"version": 1, "model": ' + '{"a":' * 200_000, "RecursionError"),
        ('{"version": ' + "9" * 10_000 + "}", "ValueError"),
        (content(version=2), "is of format version 2, but this multilayer reads version 1"),
        (content(version=None), "is of format version None"),
        ({"version": 1}, "KeyError.*model"),
        ({"version": 1, "model": []}, "TypeError"),
        ({"version": 1, "model": {"class": "Layer"}}, "KeyError.*state"),
        (content(state=[]), "TypeError"),
        (content(state={}), "KeyError.*classes"),
        (content(state={"classes": {"dtype": "<U1", "values": ["a"]}}), "1 classes, but Θ"),
        (content(model=None), "holds a None"),
        (content(model=["Layer"]), "TypeError"),
        (content(model="Pipeline", state={}), "at least one step"),
        (content(model="Pipeline", state={"a": None}), "TypeError"),
        (content(model="Pipeline", state={"a": content()["model"]}), "KeyError.*theta"),
    ],
)
def test_damaged_content(tmp_path, text, message):
    path = write(tmp_path / "damaged.mlp", text, {"theta": np.ones((2, 3))})
    with pytest.raises(ModelFileError, match=rf"damaged\.mlp .*{message}"):
        load(path)


def test_notes_of_the_wrong_kind(tmp_path):
    path = write(tmp_path / "model.mlp", {"version": 1, "notes": 3})
    with pytest.raises(ModelFileError, match="TypeError"):
        read_notes(path)


def test_arrays_that_contradict_the_rest(tmp_path):
    path = tmp_path / "model.mlp"
    with pytest.raises(ModelFileError, match=r"KeyError.*theta"):
        load(write(path, content(), {"phi": np.ones((2, 3))}))
    with pytest.raises(ModelFileError, match=r"2 classes, but Θ of shape \(3,\)"):
        load(write(path, content(), {"theta": np.ones(3)}))


@pytest.mark.parametrize(
    ("dtype", "data", "message"),
    [("BOOL", b"\2\0", "bytes other than 0 and 1"), ("BF16", b"abcd", "bfloat16")],
)
def test_arrays_that_numpy_does_not_hold(tmp_path, dtype, data, message):
    tensor = {"dtype": dtype, "shape": [2], "data_offsets": [0, len(data)]}
    metadata = {"multilayer": json.dumps(content())}
    header = json.dumps({"__metadata__": metadata, "theta": tensor}).encode()
    path = tmp_path / "model.mlp"
    path.write_bytes(len(header).to_bytes(8, "little") + header + data)
    with pytest.raises(ModelFileError, match=message):
        load(path)


@pytest.mark.parametrize(
    "name",
    ["this", "os.mkdir", "builtins.eval", "Savable", "load", "LogisticRegression", "__main__", ""],
)
def test_loading_neither_imports_nor_calls_what_a_file_names(tmp_path, monkeypatch, name):
    loaded = set(sys.modules)
    state = {"path": "exploded", "steps": ["exploded"]}
    path = write(tmp_path / "attack.mlp", content(name, state))
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ModelFileError, match=r"attack\.mlp "):
        load(path)
    assert set(sys.modules) == loaded
    assert os.listdir(tmp_path) == ["attack.mlp"]


def loads_or_blames_the_file(path: Path) -> None:
    try:
        model = load(path)
    except ModelFileError as error:
        assert str(error).startswith(f"{path} ")  # noqa: PT017
    else:
        assert isinstance(model, Layer | Parts | Pipeline)


@on_a_path
@given(st.binary())
def test_random_bytes(tmp_path, data):
    path = tmp_path / "model.mlp"
    path.write_bytes(data)
    with pytest.raises(ModelFileError):
        load(path)


@settings(on_a_path, max_examples=300)
@given(st.data())
def test_flipped_bytes(tmp_path, data):
    path, good = tmp_path / "model.mlp", tmp_path / "good.mlp"
    if not good.exists():
        save(Pipeline([("a", layer()), ("b", layer())]), good, {"rows": 150})
    damaged = bytearray(good.read_bytes())
    for _ in range(data.draw(st.integers(1, 3))):
        damaged[data.draw(st.integers(0, len(damaged) - 1))] = data.draw(st.integers(0, 255))
    path.write_bytes(damaged)
    loads_or_blames_the_file(path)


def test_every_truncation(tmp_path):
    path = tmp_path / "model.mlp"
    layer().save(path)
    good = path.read_bytes()
    for end in range(len(good)):
        path.write_bytes(good[:end])
        with pytest.raises(ModelFileError):
            load(path)
    path.write_bytes(good + b"\0")
    with pytest.raises(ModelFileError):
        load(path)


@pytest.mark.parametrize("read", [load, read_notes])
def test_no_file_there(tmp_path, read):
    with pytest.raises(FileNotFoundError, match="absent"):
        read(tmp_path / "absent")
    with pytest.raises(OSError, match=r"directory|denied"):
        read(tmp_path)


# All or nothing on the disk


@contextmanager
def disk_quota(size: int):
    import resource

    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        signal.signal(signal.SIGXFSZ, handler)


@pytest.mark.parametrize("existing", [True, False])
def test_file_too_large(tmp_path, existing):
    path = tmp_path / "model.mlp"
    if existing:
        layer().save(path)
    before = {name: (tmp_path / name).read_bytes() for name in os.listdir(tmp_path)}
    large = Layer(np.zeros((2, 100_000)), np.array(["no", "yes"]))
    with disk_quota(10_000), pytest.raises(OSError, match=r"model\.mlp") as caught:
        large.save(path)
    assert caught.value.errno == errno.EFBIG
    assert {name: (tmp_path / name).read_bytes() for name in os.listdir(tmp_path)} == before


@pytest.mark.parametrize("call", ["fsync", "replace"])
@pytest.mark.parametrize("error", [OSError(errno.ENOSPC, "No space left"), KeyboardInterrupt()])
def test_failure_leaves_the_old_file(tmp_path, monkeypatch, call, error):
    def fail(*args):
        raise error

    path = tmp_path / "model.mlp"
    layer().save(path)
    before = path.read_bytes()
    monkeypatch.setattr(os, call, fail)
    with pytest.raises(type(error)) as caught:
        layer().save(path, {"new": True})
    monkeypatch.undo()
    if isinstance(error, OSError):
        assert str(caught.value) == f"[Errno {errno.ENOSPC}] No space left: {str(path)!r}"
    assert os.listdir(tmp_path) == ["model.mlp"]
    assert path.read_bytes() == before


def test_folder_that_cannot_be_synced(tmp_path, monkeypatch):
    sync = os.fsync

    def files_only(descriptor):
        if os.path.isdir(f"/proc/self/fd/{descriptor}"):
            raise OSError(errno.EINVAL, "Invalid argument")
        sync(descriptor)

    monkeypatch.setattr(os, "fsync", files_only)
    layer().save(tmp_path / "model.mlp")
    assert same(load(tmp_path / "model.mlp").theta, layer().theta)


def test_where_no_file_can_be(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"absent.model\.mlp"):
        layer().save(tmp_path / "absent" / "model.mlp")
    with pytest.raises(FileExistsError, match="not a file"):
        layer().save(tmp_path)
    with pytest.raises(FileExistsError, match="not a file"):
        layer().save(os.devnull)
    assert os.listdir(tmp_path) == []


def test_replaced_file_keeps_its_permissions_and_links(tmp_path):
    target, link = tmp_path / "target.mlp", tmp_path / "link.mlp"
    target.write_bytes(b"old")
    target.chmod(0o640)
    link.symlink_to(target)
    layer().save(link)
    assert link.is_symlink()
    assert target.stat().st_mode & 0o777 == 0o640
    assert same(load(target).theta, layer().theta)


def test_new_file_has_the_usual_permissions(tmp_path):
    layer().save(tmp_path / "model.mlp")
    (tmp_path / "other").touch()
    assert (tmp_path / "model.mlp").stat().st_mode == (tmp_path / "other").stat().st_mode
