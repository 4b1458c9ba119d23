"""A model that `fit` saved, and the tables that it can predict."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import polars as pl
from numpy.typing import NDArray

from multilayer import fields
from multilayer.persistence import ModelFileError, load_with_notes
from multilayer.reading.formats import Format
from multilayer.reading.reader import read_table
from multilayer.reading.table import Known, ReadOptions, Table
from multilayer.tables.labels import as_classes, plain_target
from multilayer.tabular import TabularClassifier, TabularRegressor

__all__ = ["Model", "class_labels", "read_features", "read_model"]


@dataclass(frozen=True)
class Model:
    """A model as `fit` saves it, with its notes."""

    pipeline: Any  # or a tabular estimator
    notes: dict[str, Any]

    @property
    def encoder(self) -> Any:
        """The model's TableEncoder."""
        return self.pipeline.encoder_ if self.tabular else self.pipeline[0]

    @property
    def network(self) -> Any:
        """The pipeline's MLPClassifier or MLPRegressor; or the tabular estimator."""
        return self.pipeline if self.tabular else self.pipeline[-1]

    @property
    def tabular(self) -> bool:
        """Whether it is a tabular estimator."""
        return isinstance(self.pipeline, TabularClassifier | TabularRegressor)

    @property
    def classifies(self) -> bool:
        """Whether it predicts classes rather than numbers."""
        return hasattr(self.network, "classes_")


def read_model(path: str) -> Model:
    """Read a model that `fit` saved; raise ModelFileError if it is another one."""
    pipeline, notes = load_with_notes(path)
    try:
        _check_notes(notes)
    except Exception as error:
        raise ModelFileError(f"{path} has damaged notes: {error!r}") from error
    if isinstance(pipeline, TabularClassifier | TabularRegressor):
        return Model(pipeline, notes)
    steps = [type(step).__name__ for _, step in getattr(pipeline, "steps", [])]
    if len(steps) != 2 or steps[0] != "TableEncoder" or not steps[1].startswith("MLP"):
        raise ModelFileError(
            f"{path} must hold a tabular model or a TableEncoder with a network, as multilayer "
            f"fit saves them, but holds {' and '.join(steps) or type(pipeline).__name__}"
        )
    return Model(pipeline, notes)


def _check_notes(notes: Mapping[str, Any]) -> None:
    """Check what the commands show and use of the notes; raise where it is something else."""
    for part, scores in (notes.get("scores") or {}).items():
        fields.whole("rows", notes["rows"][part])
        for name, score in scores.items():
            fields.number(name, score, finite=False)
    if "seconds" in notes:
        fields.number("seconds", notes["seconds"])
    for name in ("table", "date", "version") if "table" in notes else ():
        fields.text(name, notes[name])
    if notes.get("reading") is not None:
        Known.from_state(notes["reading"])


def read_features(model: Model, table: str, read: ReadOptions) -> Table:
    """Read a table whose columns are named, and written, as those the model was fitted on."""
    expected = model.encoder.column_names
    if (state := model.notes.get("reading")) is not None:
        # Columns that are not needed, such as the target, may hold anything.
        needed = [name for name in expected if name not in model.encoder.dropped_]
        known = replace(Known.from_state(state), names=tuple(needed))
    else:  # files of older versions do not say how their columns were written
        texts = {expected[category.column] for category in model.encoder.categories_}
        if model.classifies and model.network.classes_.dtype.kind in "UO":
            texts.add(str(model.notes.get("target")))
        known = Known(tuple(expected), dict.fromkeys(texts, Format("text")))
    nameless = model.notes.get("header") is False
    if nameless and read.header is None:
        read = replace(read, header=False)
    given = read_table(table, read, known)
    # Columns without names go by position, whether the target is among them or not.
    numbered = given.frame.columns == [str(j) for j in range(given.frame.width)]
    if nameless and numbered and given.frame.width == len(expected):
        given.frame.columns = expected
    return given


def class_labels(column: pl.Series, classes: NDArray[Any], where: str) -> NDArray[Any]:
    """Return the classes that a column holds, whatever its type."""
    y = as_classes(plain_target(column, where), classes)
    unknown = sorted(map(str, set(y.tolist()) - set(classes.tolist())))
    if unknown:
        known = ", ".join(map(str, classes.tolist()[:10]))
        raise ValueError(
            f"{where} must hold classes that the model knows, {known}, but holds {unknown[0]!r}"
        )
    return y.astype(classes.dtype)
