"""Saved models: one safetensors file, Θ as tensors, everything else as JSON in its metadata.

The metadata has one key, so that the same model always gives the same bytes (the format leaves the
order of its keys open)::

    "multilayer": {"version": 1, "model": {"class": …, "state": {…}}, "notes": {…}}

The state of a pipeline is {step: model, …}, and the arrays of a step carry its name in front:
"network/theta_1". Reading a file makes objects of the classes registered here (see `Savable`) and
of no others, and runs nothing that the file contains.
"""

from __future__ import annotations

import contextlib
import errno
import json
import os
import secrets
import shutil
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Self, TypeAlias

import numpy as np
import numpy.typing as npt
import safetensors
import safetensors.numpy

__all__ = [
    "ModelFileError",
    "Savable",
    "labels_from_json",
    "labels_to_json",
    "load",
    "read_notes",
    "save",
    "write_whole",
]

VERSION = 1

FilePath: TypeAlias = str | os.PathLike[str]
Arrays: TypeAlias = dict[str, npt.NDArray[Any]]

_SAVABLE: dict[str, type[Savable]] = {}


class ModelFileError(ValueError):
    """A model file cannot be used: the message names the file, the rule and what was met."""


class Savable(ABC):
    """A model that can be saved: a mixin; its subclasses register themselves by class name."""

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        # A class of that name from another module must not take over the files of the first.
        if _SAVABLE.get(cls.__name__, cls).__module__ == cls.__module__:
            _SAVABLE[cls.__name__] = cls

    def save(self, path: FilePath, notes: Mapping[str, Any] | None = None) -> None:
        """Save the model to a file; `multilayer.load` reads it. See `multilayer.save`."""
        save(self, path, notes)

    @abstractmethod
    def to_state(self) -> tuple[dict[str, Any], Arrays]:
        """Return the state of the model: what JSON can hold, and arrays by name."""

    @classmethod
    @abstractmethod
    def from_state(cls, state: dict[str, Any], arrays: Arrays) -> Self:
        """Build a model from such a state; any exception means that the parts do not fit."""


def save(model: Any, path: FilePath, notes: Mapping[str, Any] | None = None) -> None:
    """Save a fitted model to one file.

    The file is written beside its final place, synced and then renamed: at every moment `path`
    holds the old file or the new one, whole.

    Parameters
    ----------
    model : Savable or sklearn.pipeline.Pipeline
        A model of multilayer, or a pipeline whose steps are such models. Of the pipeline itself
        its steps are saved.
    path : str or os.PathLike
        Where to. An existing file is replaced and keeps its permissions.
    notes : mapping, optional
        What else to remember with the model, as JSON can hold it; see `read_notes`.

    Raises
    ------
    TypeError
        If the model is of a class that cannot be saved, or JSON cannot hold the notes.
    OSError
        If the file cannot be written. What was at `path` is then untouched.
    """
    packed, arrays = _pack(model)
    content = {"version": VERSION, "model": packed, "notes": dict(notes or {})}
    text = json.dumps(content, default=_plain)
    # safetensors writes memory as it lies, so it must lie in C order.
    tensors = {name: np.asarray(array, order="C") for name, array in arrays.items()}
    write_whole(path, safetensors.numpy.save(tensors, {"multilayer": text}))


def load(path: FilePath) -> Any:
    """Load a model that `save` wrote; nothing in the file is executed.

    Parameters
    ----------
    path : str or os.PathLike
        The file.

    Returns
    -------
    Savable or sklearn.pipeline.Pipeline
        The model, as it was when it was saved.

    Raises
    ------
    ModelFileError
        If the file is no model, damaged, or of another version of the format.
    OSError
        If the file cannot be opened, such as `FileNotFoundError`.
    """
    with _reading(path) as (content, file):
        arrays = {name: _array(file, name) for name in file.keys()}  # noqa: SIM118
        return _unpack(content["model"], arrays)


def read_notes(path: FilePath) -> dict[str, Any]:
    """Read the notes saved with a model, and only them; raises as `load` does."""
    with _reading(path) as (content, _):
        return dict(content["notes"])


def labels_to_json(labels: npt.NDArray[Any]) -> dict[str, Any]:
    """Write class labels so that JSON keeps them exactly.

    Parameters
    ----------
    labels : array of shape (n_classes,)
        Strings, booleans, integers or floats of at most 64 bits, or an object array of such.

    Returns
    -------
    dict
        What `labels_from_json` makes the same array of, its dtype included.

    Raises
    ------
    TypeError
        If they are of another kind.
    """
    values = labels.tolist()
    exact = labels.dtype.kind in "Ubiuf" and (labels.dtype.kind == "U" or labels.itemsize <= 8)
    plain = labels.dtype == object and all(isinstance(v, str | bool | int | float) for v in values)
    if labels.ndim != 1 or not (exact or plain):
        raise TypeError(
            "class labels must be one row of strings, booleans, integers or floats to be saved, "
            f"but these are of dtype {labels.dtype} and shape {labels.shape}"
        )
    return {"dtype": labels.dtype.newbyteorder("=").str, "values": values}


def labels_from_json(saved: Mapping[str, Any]) -> npt.NDArray[Any]:
    """Read what `labels_to_json` wrote; ValueError, TypeError or KeyError if it is damaged."""
    dtype, values = np.dtype(saved["dtype"]).newbyteorder("="), saved["values"]
    labels = np.empty(len(values), dtype)
    labels[:] = values
    # As text: NaN equals NaN there, and 1 is neither 1.0 nor true.
    if json.dumps(labels_to_json(labels)["values"]) != json.dumps(values):
        raise ValueError(f"class labels {values} are not of dtype {dtype}")
    return labels


def _plain(value: Any) -> Any:
    if isinstance(value, np.generic):  # a parameter set by a search is often a NumPy number
        return value.item()
    raise TypeError(f"a model file holds what JSON can hold, but this is {value!r}")


def _pack(model: Any) -> tuple[dict[str, Any], Arrays]:
    from sklearn.pipeline import Pipeline

    name = type(model).__name__
    if type(model) is Pipeline:
        state: dict[str, Any] = {}
        arrays: Arrays = {}
        for step, part in model.steps:
            if "/" in step:
                raise ValueError(f"a step to be saved must have no / in its name, but has: {step}")
            state[step], own = _pack(part)
            arrays |= {f"{step}/{key}": array for key, array in own.items()}
    elif _SAVABLE.get(name) is type(model):
        state, arrays = model.to_state()
    else:
        raise TypeError(
            f"a model file holds a {_names()} or a Pipeline of them, but this "
            f"is a {type(model).__module__}.{name}; joblib saves any estimator"
        )
    return {"class": name, "state": state}, arrays


def _unpack(packed: dict[str, Any], arrays: Arrays) -> Any:
    from sklearn.pipeline import Pipeline

    name, state = packed["class"], packed["state"]
    if name == "Pipeline":
        steps = []
        for step, part in state.items():
            own = {
                key.removeprefix(f"{step}/"): array
                for key, array in arrays.items()
                if key.startswith(f"{step}/")
            }
            steps.append((step, _unpack(part, own)))
        if not steps:
            raise ValueError("a Pipeline has at least one step, but here none")
        return Pipeline(steps)
    if name not in _SAVABLE:
        raise ModelFileError(f"holds a {name!r}, but this multilayer knows {_names()}")
    return _SAVABLE[name].from_state(state, arrays)


def _names() -> str:
    # A class that others come from is no model itself.
    return ", ".join(sorted(name for name, kind in _SAVABLE.items() if not kind.__subclasses__()))


@contextlib.contextmanager
def _reading(path: FilePath) -> Iterator[tuple[dict[str, Any], Any]]:
    """Open a model file; what goes wrong inside becomes one exception, which names the file."""
    with open(path, "rb"):
        pass  # The usual OSErrors come from here: those of safetensors are of no exact class.
    try:
        with safetensors.safe_open(path, "numpy") as file:
            text = (file.metadata() or {}).get("multilayer")
            if text is None:
                raise ModelFileError("is a safetensors file, but not one of multilayer's")
            content = json.loads(text)
            if content["version"] != VERSION:
                raise ModelFileError(
                    f"is of format version {content['version']}, but this multilayer reads "
                    f"version {VERSION}: it was saved by another release"
                )
            yield content, file
    except Exception as error:
        known = isinstance(error, ModelFileError)
        reason = error if known else f"is no model file, or a damaged one: {error!r}"
        raise ModelFileError(f"{path} {reason}"[:1000]) from error


def _array(file: Any, name: str) -> npt.NDArray[Any]:
    array: npt.NDArray[Any] = np.array(file.get_tensor(name))  # a copy that owns its memory
    if array.dtype.kind not in "biuf":  # other libraries teach NumPy more, such as bfloat16
        raise ValueError(f"array {name} must be of numbers that NumPy has, but is {array.dtype}")
    if array.dtype == bool and array.view(np.uint8).max(initial=0) > 1:
        raise ValueError(f"array {name} must hold booleans, but has bytes other than 0 and 1")
    return array


def write_whole(path: FilePath, data: bytes) -> None:
    """Write all or nothing: what was at the path stays until the new file is whole on the disk.

    Parameters
    ----------
    path : path-like
        A link is followed: its target is replaced, with the permissions it had.
    data : bytes

    Raises
    ------
    OSError
        If it cannot be written (no such folder, no right to, a full disk), or if something that is
        no file stands at `path`.
    """
    final = Path(os.path.realpath(path))  # through a link: its target is replaced, not the link
    temporary = final.with_name(f".{secrets.token_hex(8)}.tmp")
    if final.exists() and not final.is_file():
        raise FileExistsError(errno.EEXIST, "Exists, and is not a file", str(path))
    try:
        with open(temporary, "xb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        if final.exists():
            shutil.copymode(final, temporary)
        os.replace(temporary, final)
    except OSError as error:  # the same, with the name that the user knows
        raise OSError(error.errno, error.strerror, str(path)) from error
    finally:
        temporary.unlink(missing_ok=True)
    # The new name lasts once its folder is synced too; some systems cannot do that.
    with contextlib.suppress(OSError):
        folder = os.open(final.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
