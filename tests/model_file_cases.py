"""Simple models for tests of saving, and model files written by hand."""

from __future__ import annotations

import json
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import safetensors
import safetensors.numpy
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst

from multilayer.persistence import (
    Savable,
    labels_from_json,
    labels_to_json,
    load,
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

    def fit(self, X, y=None):
        return self

    def transform(self, X):
        return X @ self.theta[:, 1:].T

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


# A folder shared by the examples is what these tests want.
on_a_path = settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=50)

dtypes = st.one_of(
    npst.boolean_dtypes(),
    npst.integer_dtypes(endianness="?"),
    npst.floating_dtypes(endianness="?", sizes=(16, 32, 64)),
)


def saved_parts(model):
    """Return the state and the arrays of a model as a file of it holds them."""
    with TemporaryDirectory() as folder:
        path = Path(folder) / "model.mlp"
        save(model, path)
        with safetensors.safe_open(path, "numpy") as file:
            arrays = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
            return json.loads(file.metadata()["multilayer"])["model"]["state"], arrays


def load_parts(model, state, arrays):
    """Load the model of this class, state and arrays from a file."""
    with TemporaryDirectory() as folder:
        arrays = {name: np.array(array, order="C") for name, array in arrays.items()}
        return load(write(Path(folder) / "model.mlp", content(model, state), arrays))
