"""Damaged files raise one exception; loading never runs what a file names."""

from __future__ import annotations

import json
import os
import pickle
import sys
from pathlib import Path

import numpy as np
import pytest
import safetensors.numpy
from hypothesis import given, settings
from hypothesis import strategies as st
from model_file_cases import Layer, Parts, content, layer, on_a_path, write
from sklearn.pipeline import Pipeline

from multilayer.persistence import (
    VERSION,
    ModelFileError,
    load,
    read_notes,
    save,
)


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
        (
            content(version=VERSION + 1),
            f"is of format version {VERSION + 1}, but .* up to {VERSION}: a newer release saved it",
        ),
        (content(version=None), "is of format version None"),
        (content(version=True), "is of format version True"),
        (content(version=1.0), "is of format version 1.0"),
        (content(version=0), "is of format version 0"),
        ({"version": 1}, "KeyError.*model"),
        ({"version": 1, "model": []}, "TypeError"),
        ({"version": 1, "model": {"class": "Layer"}}, "KeyError.*state"),
        (content(state=[]), "TypeError"),
        (content(state={}), "KeyError.*classes"),
        (content(state={"classes": {"dtype": "<U1", "values": ["a"]}}), "1 classes, but Θ"),
        (content(model=None), "holds a None"),
        (content(model=["Layer"]), "TypeError"),
        (
            content(model="Pipeline", state={}),
            r"ValueError\('a Pipeline must have at least one step",
        ),
        (content(model="Pipeline", state={"a": None}), "array theta belongs to no step"),
        (content(model="Pipeline", state={"theta": content()["model"]}), "KeyError.*theta"),
        (content(model="Pipeline", state={"theta": None}), "TypeError"),
    ],
)
def test_damaged_content(tmp_path, text, message):
    path = write(tmp_path / "damaged.mlp", text, {"theta": np.ones((2, 3))})
    with pytest.raises(ModelFileError, match=rf"damaged\.mlp .*{message}"):
        load(path)


def test_notes_of_the_wrong_kind(tmp_path):
    path = write(tmp_path / "model.mlp", {**content(), "notes": 3}, {"theta": np.ones((2, 3))})
    for read in (read_notes, load):
        with pytest.raises(ModelFileError, match="notes must be an object of JSON, but are 3"):
            read(path)


def test_arrays_that_contradict_the_rest(tmp_path):
    path = tmp_path / "model.mlp"
    with pytest.raises(ModelFileError, match=r"KeyError.*theta"):
        load(write(path, content(), {"phi": np.ones((2, 3))}))
    with pytest.raises(ModelFileError, match=r"2 classes, but Θ of shape \(3,\)"):
        load(write(path, content(), {"theta": np.ones(3)}))


@pytest.mark.parametrize(
    ("dtype", "data", "message"),
    [
        ("BOOL", b"\2\0", "array theta must hold booleans, but has bytes other than 0 and 1"),
        ("BF16", b"abcd", "bfloat16"),
        ("C64", bytes(16), "array theta must hold booleans or real numbers, but is complex64"),
    ],
)
def test_arrays_that_a_model_does_not_hold(tmp_path, dtype, data, message):
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
