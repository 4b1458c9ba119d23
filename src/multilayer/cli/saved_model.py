"""A model that `fit` saved, and the tables that it can predict."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import polars as pl
from numpy.typing import NDArray

from multilayer.cli.messages import write_line
from multilayer.persistence import ModelFileError, load_with_notes
from multilayer.reading.formats import Format
from multilayer.reading.reader import read_table
from multilayer.reading.table import Known, ReadOptions, Table
from multilayer.tables.labels import as_classes, plain_target
from multilayer.tabular import TabularClassifier, TabularMultiOutput, TabularRegressor
from multilayer.tabular.constant import ConstantLabel
from multilayer.tabular.several_targets import fitted_targets

_TABULAR = TabularClassifier | TabularMultiOutput | TabularRegressor | ConstantLabel

__all__ = ["Model", "class_labels", "is_fitted_model", "read_features", "read_model"]


@dataclass(frozen=True)
class Model:
    """A model as `fit` saves it, with its notes."""

    pipeline: Any  # or a tabular estimator
    notes: dict[str, Any]

    @property
    def encoder(self) -> Any:
        """The model's TableEncoder; of several targets, that of the first."""
        if self.of_targets:
            return next(m.encoder for m in self.of_targets if hasattr(m.network, "encoder_"))
        return self.pipeline.encoder_ if self.tabular else self.pipeline[0]

    @property
    def network(self) -> Any:
        """The pipeline's MLPClassifier or MLPRegressor; or the tabular estimator."""
        return self.pipeline if self.tabular else self.pipeline[-1]

    @property
    def tabular(self) -> bool:
        """Whether it is a tabular estimator."""
        return isinstance(self.pipeline, _TABULAR)

    @cached_property
    def of_targets(self) -> list[Model]:
        """The model of each of several targets, with its part of the notes; [] of one target."""
        of_all = ("rows", "scores", "seconds")
        shared = {name: note for name, note in self.notes.items() if name not in of_all}
        found = []
        for name, estimator in fitted_targets(self.pipeline).items():
            own: dict[str, Any] = {"target": name}
            if "scores" in self.notes:  # which are well formed, and so are the rows
                own |= {part: self.notes[part][name] for part in ("rows", "scores")}
            found.append(Model(estimator, shared | own))
        return found

    @property
    def target(self) -> str:
        """The name of the target, as in the notes."""
        return str(self.notes.get("target"))

    @property
    def classifies(self) -> bool:
        """Whether it predicts classes rather than numbers."""
        return hasattr(self.network, "classes_")


def read_model(path: str) -> Model:
    """Read a model that `fit` saved; raise ModelFileError if it is another one."""
    pipeline, notes = load_with_notes(path)
    notes = _well_formed(notes, path, fitted_targets(pipeline))
    if not is_fitted_model(pipeline):
        steps = [type(step).__name__ for _, step in getattr(pipeline, "steps", [])]
        raise ModelFileError(
            f"{path} must hold a tabular model or a TableEncoder with a network, as multilayer "
            f"fit saves them, but holds {' and '.join(steps) or type(pipeline).__name__}"
        )
    return Model(pipeline, notes)


def is_fitted_model(content: Any) -> bool:
    """Whether a model file holds what `fit` saves: a tabular model, or encoder and network."""
    if isinstance(content, _TABULAR):
        return True
    steps = [type(step).__name__ for _, step in getattr(content, "steps", [])]
    return len(steps) == 2 and steps[0] == "TableEncoder" and steps[1].startswith("MLP")


def _well_formed(notes: dict[str, Any], path: str, targets: Iterable[str]) -> dict[str, Any]:
    """Leave out the notes that do not have the form in which `fit` writes them, and say so."""

    def numbers(values: Any) -> bool:
        return isinstance(values, dict) and all(isinstance(v, int | float) for v in values.values())

    def fit(scores: Any, rows: Any) -> bool:
        """Whether these are the scores of parts, which have numbers of rows."""
        if not (isinstance(scores, dict) and isinstance(rows, dict)):
            return False
        return all(numbers(values) and part in rows for part, values in scores.items())

    scores, rows = notes.get("scores"), notes.get("rows")
    if targets and isinstance(scores, dict) and isinstance(rows, dict):
        right = all(fit(scores.get(name), rows.get(name)) for name in targets)
    else:
        right = not targets and fit(scores, rows)
    wrong = {
        "scores": not right,
        "table": not all(isinstance(notes.get(name), str) for name in ("table", "date", "version")),
        "seconds": not isinstance(notes.get("seconds"), int | float),
    }
    try:
        Known.from_state(notes["reading"])
    except Exception:  # whatever is wrong with it
        wrong["reading"] = True
    if odd := [name for name in notes if wrong.get(name)]:
        write_line(
            f"the notes {', '.join(odd)} of {path} are not as multilayer fit writes them, and are "
            "not used",
            "warning",
        )
    return {name: value for name, value in notes.items() if name not in odd}


def read_features(model: Model, table: str, read: ReadOptions) -> Table:
    """Read a table whose columns are named, and written, as those the model was fitted on."""
    expected = model.encoder.column_names
    if (state := model.notes.get("reading")) is not None:
        # Columns that are not needed, such as the target, may hold anything.
        needed = [name for name in expected if name not in model.encoder.dropped_]
        known = replace(Known.from_state(state), names=tuple(needed))
    else:  # files of older versions do not say how their columns were written
        texts = {expected[category.column] for category in model.encoder.categories_}
        for one in model.of_targets or [model]:
            if one.classifies and one.network.classes_.dtype.kind in "UO":
                texts.add(one.target)
        known = Known(tuple(expected), dict.fromkeys(texts, Format("text")))
    nameless = model.notes.get("header") is False
    if nameless and read.header is None:
        read = replace(read, header=False)
    given = read_table(table, read, known)
    # Columns without names go by position, whether the target is among them or not.
    numbered = given.frame.columns == [str(j) for j in range(given.frame.width)]
    if nameless and numbered and given.frame.width == len(expected):
        given.frame.columns = expected
    _check_columns(given.frame.columns, expected, model, table)
    return given


def _check_columns(names: list[str], expected: list[str], model: Model, table: str) -> None:
    """Raise a ValueError if a table lacks columns that a model needs."""
    missing = [
        name for name in expected if name not in names and name not in model.encoder.dropped_
    ]
    if not missing:
        return
    listed = ", ".join(map(repr, missing[:8])) + (" …" if len(missing) > 8 else "")
    near = difflib.get_close_matches(missing[0].lower(), [name.lower() for name in names], 1, 0.7)
    close = [name for name in names if name.lower() in near]
    hint = f"; it has {close[0]!r}" if close else ""
    raise ValueError(
        f"{table} must have the columns that the model was fitted on, but has no {listed}{hint}"
    )


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
