"""Any bytes as a model file: it is refused, or a model that predicts, is shown and saved again.

Loading raises ModelFileError and nothing else. What it returns raises ValueError at most, and after
it has been saved and loaded again it predicts the same.
"""

from __future__ import annotations

import atexit
import contextlib
import os
import shutil
import sys
import tempfile
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from sklearn.pipeline import Pipeline

import multilayer as ml
from multilayer.cli.saved_model import read_model
from multilayer.export import to_c, to_python
from multilayer.persistence import ModelFileError, load_with_notes, save
from multilayer.training.state import State

sys.path.insert(0, str(Path(__file__).parent))  # targets are loaded by their path
from file_mutations import mutate_file as mutate

__all__ = ["mutate", "one_input"]

MEMORY = "/dev/shm"
FOLDER = Path(tempfile.mkdtemp(dir=MEMORY if os.path.isdir(MEMORY) else None))
atexit.register(shutil.rmtree, FOLDER)
GIVEN, AGAIN = FOLDER / "given", FOLDER / "again"
ROWS = 3


def one_input(data: bytes) -> None:
    """Load it; use what it is; save it, and use what that is."""
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        GIVEN.write_bytes(data)
        try:
            model, notes = load_with_notes(GIVEN)
        except ModelFileError:
            return
        with contextlib.suppress(ModelFileError):
            read_model(str(GIVEN))  # as `multilayer inspect` does
        save(model, AGAIN, notes)
        again, kept = load_with_notes(AGAIN)
        assert repr(kept) == repr(notes)
        assert type(again) is type(model)
        for first, second in zip(said(model), said(again), strict=True):
            assert first == second


def said(model: Any) -> Iterator[Any]:
    """Yield what a model says: its repr, summary, predictions; of an error its text."""
    if isinstance(model, State):
        return
    yield repr(model)
    for question in questions(model):
        try:
            answer = question()
        except ValueError as error:
            answer = repr(error)
        if isinstance(answer, np.ndarray):
            answer = answer.dtype, answer.shape, answer.tolist()  # objects have no bytes
        yield repr(answer)  # NaN is written as NaN


def questions(model: Any) -> Iterator[Any]:
    """Yield the calls that a model can answer."""
    X = rows_for(model)
    names = ("predict", "predict_proba", "predict_interval", "decision_function", "transform")
    names += ("input_gradient", "forward")
    for name in names:
        if hasattr(model, name):
            yield lambda name=name: getattr(model, name)(X)
    if hasattr(model, "summary"):
        yield model.summary
        yield lambda: model.unseen_categories(X) if hasattr(model, "unseen_categories") else None
    if isinstance(model, ml.Network | ml.MLPClassifier | ml.MLPRegressor):
        yield lambda: to_c(model)
        yield lambda: compile(to_python(model), "exported", "exec").co_names


def rows_for(model: Any) -> Any:
    """Return rows that a model may be asked about, with gaps and categories that it has not met."""
    first = model.steps[0][1] if isinstance(model, Pipeline) else model
    encoder = getattr(first, "encoder_", first)
    if not isinstance(encoder, ml.TableEncoder):
        width = first.sizes[0] if isinstance(first, ml.Network) else nested_width(first)
        return np.linspace(-2, 2, ROWS * width, dtype=np.float32).reshape(ROWS, width)
    X = np.full((ROWS, encoder.n_features_in_), None, object)
    for j in encoder.numbers_.columns:
        X[:, j] = [0.5, None, -3.0]
    for column in encoder.categories_:
        X[:, column.column] = [column.levels[0], None, "not met in fit"]
    return X


def nested_width(model: Any) -> int:
    """Return the number of columns that a model, or the first step of a pipeline, has."""
    while isinstance(model, Pipeline):
        model = model.steps[0][1]
    return int(model.n_features_in_)
