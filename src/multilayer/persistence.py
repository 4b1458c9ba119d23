"""Saved models: one safetensors file, Θ as tensors, everything else as JSON in the metadata.

The metadata has a single key, so that the same model always gives the same bytes (the format does
not fix the order of keys)::

    "multilayer": {"version": 2, "model": {"class": …, "state": {…}}, "notes": {…}}

The state of a pipeline is {step: model, …}, and the names of the arrays of a step begin with
its name: "network/theta_1". Loading a file creates objects of the classes registered here (see
`Savable`) and of no others, and runs no code from the file.
"""

from __future__ import annotations

import contextlib
import errno
import json
import os
import re
import shutil
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Self, TypeAlias

import numpy as np
import numpy.typing as npt
import safetensors
import safetensors.numpy

from multilayer import fields
from multilayer.temporary import temporary_file

__all__ = [
    "ModelFileError",
    "Savable",
    "check_replaceable",
    "labels_from_json",
    "labels_to_json",
    "load",
    "load_with_notes",
    "read_notes",
    "save",
    "write_whole",
]

VERSION = 2

FilePath: TypeAlias = str | os.PathLike[str]
Arrays: TypeAlias = dict[str, npt.NDArray[Any]]

_SAVABLE: dict[str, type[Savable]] = {}

# For each earlier version of the format, a function that converts a model to the next version:
# (class and state, arrays) -> the same. It is called for each step of a pipeline, too.
Upgrade: TypeAlias = Callable[[dict[str, Any], Arrays], tuple[dict[str, Any], Arrays]]
_UPGRADES: dict[int, Upgrade] = {1: lambda packed, arrays: (_with_one_scale(packed), arrays)}

# An array of strings has one width for all elements. If this takes more than so many bytes per
# character, labels become an array of objects, which bounds the memory of reading a file.
_PADDING, _MOST_PADDED = 64, 4096


class ModelFileError(ValueError):
    """A model file cannot be used; the message names the file, the rule and its violation."""


class Savable(ABC):
    """Mixin for models that can be saved; subclasses register themselves by class name."""

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        # A class of the same name in another module must not take over the files of this one.
        if _SAVABLE.get(cls.__name__, cls).__module__ == cls.__module__:
            _SAVABLE[cls.__name__] = cls

    def save(self, path: FilePath, notes: Mapping[str, Any] | None = None) -> None:
        """Save the model to a file; `multilayer.load` reads it. See `multilayer.save`."""
        save(self, path, notes)

    @abstractmethod
    def to_state(self) -> tuple[dict[str, Any], Arrays]:
        """Return the state of the model: values that JSON can represent, and arrays by name."""

    @classmethod
    @abstractmethod
    def from_state(cls, state: dict[str, Any], arrays: Arrays) -> Self:
        """Build a model from such a state; any exception means that the parts are inconsistent."""


def save(model: Any, path: FilePath, notes: Mapping[str, Any] | None = None) -> None:
    """Save a fitted model to one file.

    The file is written next to its destination, synced and then renamed. At every moment, `path`
    is either the complete old file or the complete new one.

    Parameters
    ----------
    model : Savable or sklearn.pipeline.Pipeline
        A model of multilayer, or a pipeline whose steps are such models. Of the pipeline, only the
        steps are saved.
    path : str or os.PathLike
        The destination. An existing file is replaced and keeps its permissions.
    notes : mapping, optional
        Further information to store with the model, as JSON; see `read_notes`.

    Raises
    ------
    TypeError
        If the class of the model cannot be saved, or the notes cannot be written as JSON.
    OSError
        If the file cannot be written. An existing file at `path` is then unchanged.
    """
    packed, arrays = _pack(model)
    content = {"version": VERSION, "model": packed, "notes": dict(notes or {})}
    text = json.dumps(content, default=_plain)
    # safetensors writes the memory of an array as it is, so it must be in C order.
    tensors = {name: np.asarray(array, order="C") for name, array in arrays.items()}
    write_whole(path, safetensors.numpy.save(tensors, {"multilayer": text}))


def load(path: FilePath) -> Any:
    """Load a model that was written by `save`; nothing in the file is executed.

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
        If the file is not a model, is damaged, or has an unsupported version of the format.
    OSError
        If the file cannot be opened, such as `FileNotFoundError`.
    """
    return load_with_notes(path)[0]


def load_with_notes(path: FilePath) -> tuple[Any, dict[str, Any]]:
    """Load a model and its notes from one reading of the file; raise as `load` does."""
    with _reading(path) as (content, file):
        most = os.path.getsize(path)
        arrays = {name: _array(file, name, most) for name in file.keys()}  # noqa: SIM118
        return _unpack(content["model"], arrays, content["version"]), _notes(content)


def read_notes(path: FilePath) -> dict[str, Any]:
    """Read only the notes saved with a model; raise as `load` does."""
    with _reading(path) as (content, _):
        return _notes(content)


def labels_to_json(labels: npt.NDArray[Any]) -> dict[str, Any]:
    """Convert class labels so that JSON keeps them exactly.

    Parameters
    ----------
    labels : array of shape (n_classes,)
        Strings, booleans, integers or floats of at most 64 bits, or an object array of such.

    Returns
    -------
    dict
        `labels_from_json` makes the same array from it, including the dtype; but of texts most of
        which are far shorter than the longest, an array of objects.

    Raises
    ------
    TypeError
        If the labels are of another kind.
    """
    values = labels.tolist()
    exact = labels.dtype.kind in "Ubiuf" and (labels.dtype.kind == "U" or labels.itemsize <= 8)
    plain = labels.dtype == object and all(isinstance(v, str | bool | int | float) for v in values)
    if labels.ndim != 1 or not (exact or plain):
        raise TypeError(
            "class labels must be one row of strings, booleans, integers or floats to be saved, "
            f"but these are of dtype {labels.dtype} and shape {labels.shape}"
        )
    dtype = np.dtype(object) if _is_padded(labels.dtype, values) else labels.dtype
    return {"dtype": dtype.newbyteorder("=").str, "values": values}


def labels_from_json(saved: Mapping[str, Any]) -> npt.NDArray[Any]:
    """Restore labels from `labels_to_json`; raise ValueError, TypeError or KeyError if damaged."""
    if not re.fullmatch(r"[<>|][UbiufO]\d*", name := fields.text("dtype", saved["dtype"])):
        raise ValueError(f"class labels cannot be of dtype {name!r}")
    dtype = np.dtype(name).newbyteorder("=")
    values = fields.listed("class labels", saved["values"])
    if _is_padded(dtype, values):
        raise ValueError(f"{len(values)} class labels of dtype {dtype} are mostly empty")
    labels = np.empty(len(values), dtype)
    labels[:] = values
    # Compare as text: NaN equals NaN there, and 1 is neither 1.0 nor true.
    if json.dumps(labels_to_json(labels)["values"]) != json.dumps(values):
        raise ValueError(f"class labels {values} are not of dtype {dtype}")
    return labels


def _is_padded(dtype: np.dtype[Any], values: Sequence[Any]) -> bool:
    """Whether strings would take far more memory in an array of this dtype than by themselves."""
    if dtype.kind != "U":
        return False
    return dtype.itemsize * len(values) > _MOST_PADDED + _PADDING * sum(map(len, values))


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
        _check_steps(model.steps)
        for step, part in model.steps:
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


def _check_steps(steps: Sequence[tuple[str, Any]]) -> None:
    """Check that the steps of a pipeline have names that a file can hold, and can be its steps."""
    for place, (name, step) in enumerate(steps, 1):
        if "/" in name or any("\ud800" <= c <= "\udfff" for c in name):
            raise ValueError(
                "the name of a step must not contain / or a lone surrogate to be saved, but is "
                f"{name!r}"
            )
        if _SAVABLE.get(type(step).__name__) is type(step):
            needed = ("fit", "transform") if place < len(steps) else ("fit",)
            if missing := [method for method in needed if not hasattr(step, method)]:
                kind = type(step).__name__
                raise TypeError(f"step {name!r} of a Pipeline must have {missing[0]}: {kind}")


def _unpack(packed: dict[str, Any], arrays: Arrays, version: int) -> Any:
    from sklearn.pipeline import Pipeline

    for older in range(version, VERSION):
        packed, arrays = _UPGRADES[older](packed, arrays)
    name, state = packed["class"], packed["state"]
    if name == "Pipeline":
        if not state:
            raise ValueError("a Pipeline must have at least one step")
        of_steps: dict[str, Arrays] = {step: {} for step in state}
        for key, array in arrays.items():
            step, _, own = key.partition("/")
            if step not in of_steps:
                raise ValueError(f"array {key} belongs to no step")
            of_steps[step][own] = array
        steps = [(step, _unpack(part, of_steps[step], version)) for step, part in state.items()]
        _check_steps(steps)
        return Pipeline(steps)
    if name not in _SAVABLE:
        raise ModelFileError(f"holds a {name!r}, but this multilayer knows {_names()}")
    return _SAVABLE[name].from_state(state, arrays)


def _with_one_scale(packed: dict[str, Any]) -> dict[str, Any]:
    """Version 2: errors have a scale that may depend on the row; before, it was the same."""
    if packed["class"] != "TabularRegressor":
        return packed
    return {**packed, "state": {**packed["state"], "error_scale": None}}


def _names() -> str:
    # A class with subclasses is not a model itself.
    return ", ".join(sorted(name for name, kind in _SAVABLE.items() if not kind.__subclasses__()))


@contextlib.contextmanager
def _reading(path: FilePath) -> Iterator[tuple[dict[str, Any], Any]]:
    """Open a model file; turn any error inside into one exception that names the file."""
    with open(path, "rb"):
        pass  # Raise the usual OSErrors here: those of safetensors do not have the exact class.
    try:
        with safetensors.safe_open(path, "numpy") as file:
            text = (file.metadata() or {}).get("multilayer")
            if text is None:
                raise ModelFileError("is a safetensors file, but not a model of multilayer")
            content = json.loads(text)
            _check_version(content["version"])
            yield content, file
    except Exception as error:
        known = isinstance(error, ModelFileError)
        reason = error if known else f"is not a model file, or is damaged: {error!r}"
        raise ModelFileError(f"{path} {reason}"[:1000]) from error


def _notes(content: dict[str, Any]) -> dict[str, Any]:
    notes: dict[str, Any] = content["notes"]
    if type(notes) is not dict:
        raise TypeError(f"notes must be an object of JSON, but are {notes!r}")
    return notes


def _check_version(version: Any) -> None:
    if type(version) is not int or version < 1:
        raise ModelFileError(f"is of format version {version!r}, which must be a number from 1")
    if version > VERSION:
        raise ModelFileError(
            f"is of format version {version}, but this multilayer reads versions up to {VERSION}: "
            "a newer release saved it, so update multilayer"
        )


def _array(file: Any, name: str, most: int) -> npt.NDArray[Any]:
    array: npt.NDArray[Any] = np.array(file.get_tensor(name))  # a copy that owns its memory
    if any(n > most for n in array.shape):  # of an empty array that is in no file too small
        raise ValueError(f"array {name} cannot be of shape {array.shape}")
    if array.dtype.kind not in "biuf":  # other libraries register more with NumPy, such as bfloat16
        raise ValueError(f"array {name} must hold booleans or real numbers, but is {array.dtype}")
    if array.dtype == bool and (array.view(np.uint8) > 1).any():
        raise ValueError(f"array {name} must hold booleans, but has bytes other than 0 and 1")
    return array


def write_whole(path: FilePath, data: bytes) -> None:
    """Write a file atomically: the old file stays until the new one is complete on the disk.

    Parameters
    ----------
    path : path-like
        A link is followed: its target is replaced and keeps its permissions.
    data : bytes

    Raises
    ------
    OSError
        If the file cannot be written (no such folder, no permission, a full disk), or if `path`
        exists and is not a file, or is read-only.
    """
    final = Path(os.path.realpath(path))
    check_replaceable(path)
    try:
        with temporary_file(final.parent, 0o666) as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
            if final.exists():
                shutil.copymode(final, file.name)
            if os.name == "nt":  # which renames no open file
                file.close()
            os.replace(file.name, final)
    except OSError as error:  # the same error, with the name that the user passed
        raise OSError(error.errno, error.strerror, str(path)) from error
    # The rename is durable once the folder is synced too; some systems cannot do that.
    with contextlib.suppress(OSError):
        folder = os.open(final.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)


def check_replaceable(path: FilePath) -> None:
    """Check that nothing, or a file that may be replaced, is at a path; links are followed.

    Raises
    ------
    FileExistsError
        If the path exists and is not a file.
    PermissionError
        If the file is read-only, for everybody or for this user.
    """
    final = Path(path)
    if not final.exists():
        return
    if not final.is_file():
        raise FileExistsError(errno.EEXIST, "Exists, and is not a file", str(path))
    # The administrator may write to every file, but one that nobody may write to is protected.
    if not (final.stat().st_mode & 0o222 and os.access(final, os.W_OK)):
        raise PermissionError(errno.EACCES, "Is read-only", str(path))
