"""Arguments that several commands take, and the reading of what they name."""

from __future__ import annotations

import difflib
from dataclasses import dataclass
from typing import Annotated, Any, Literal

import numpy as np
import polars as pl
import typer
from numpy.typing import NDArray

from multilayer.persistence import ModelFileError, load, read_notes
from multilayer.tables.reading import read_table
from multilayer.tabular.classifier import TabularClassifier
from multilayer.tabular.regressor import TabularRegressor

__all__ = [
    "Folds",
    "Header",
    "Model",
    "ModelPath",
    "Quiet",
    "Seed",
    "TablePath",
    "Target",
    "Task",
    "column_name",
    "features",
    "read_model",
]

TablePath = Annotated[
    str,
    typer.Argument(
        metavar="TABLE",
        help="CSV, TSV, Parquet, Arrow (Feather) or JSON lines; - for standard input; or one of "
        "moons, breast_cancer, digits, iris, wine, diabetes.",
        show_default=False,
    ),
]
ModelPath = Annotated[
    str,
    typer.Argument(metavar="MODEL", help="A file written by fit.", show_default=False),
]
Header = Annotated[
    bool | None,
    typer.Option(
        "--header/--no-header",
        help="Whether the first line of a CSV file names the columns; seen for itself if left "
        "out. Columns without names are called 0, 1, 2 …",
        show_default=False,
    ),
]


Target = Annotated[
    str | None,
    typer.Option(
        "--target",
        "-t",
        metavar="COLUMN",
        help="What is to be predicted: the name of a column, or its number. Default: the column "
        "named target.",
        show_default=False,
    ),
]
Task = Annotated[
    Literal["auto", "classification", "regression"],
    typer.Option(metavar="TASK", help="classification, regression, or auto."),
]
Folds = Annotated[int, typer.Option(metavar="N", min=2, help="Folds of the cross-validation.")]
Seed = Annotated[
    int, typer.Option(metavar="N", min=0, max=2**32 - 1, help="Of all random choices.")
]
Quiet = Annotated[
    bool, typer.Option("--quiet", "-q", help="Print nothing but warnings and errors.")
]


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
    """Read a model that `fit` saved; ModelFileError if it is another one."""
    pipeline, notes = load(path), read_notes(path)
    if isinstance(pipeline, TabularClassifier | TabularRegressor):
        return Model(pipeline, notes)
    steps = [type(step).__name__ for _, step in getattr(pipeline, "steps", [])]
    if len(steps) != 2 or steps[0] != "TableEncoder" or not steps[1].startswith("MLP"):
        raise ModelFileError(
            f"{path} must hold a tabular model or a TableEncoder with a network, as multilayer "
            f"fit saves them, but holds {' and '.join(steps) or type(pipeline).__name__}"
        )
    return Model(pipeline, notes)


def column_name(columns: list[str], wanted: str, table: str) -> str:
    """Find a column by its name, or else by its number (the first is 0, the last −1)."""
    if wanted in columns:
        return wanted
    try:
        return columns[int(wanted)]
    except (ValueError, IndexError):
        pass
    near = difflib.get_close_matches(wanted.lower(), [c.lower() for c in columns], 3, 0.5)
    named = [column for column in columns if column.lower() in near] or columns[:8]
    shown = ", ".join(map(repr, named)) + (" …" if named != columns and not near else "")
    raise ValueError(
        f"{table} has no column {wanted!r}: {'the nearest are' if near else 'it has'} {shown}"
    )


def features(model: Model, table: str, header: bool | None) -> pl.DataFrame:
    """Read a table for prediction: its columns named and typed as those the model was fitted on."""
    expected = [str(name) for name in model.encoder.feature_names_in_]
    text = {expected[category.column] for category in model.encoder.categories_}
    if model.classifies and model.network.classes_.dtype.kind in "UO":
        text.add(str(model.notes.get("target")))
    nameless = model.notes.get("header") is False
    frame = read_table(table, False if header is None and nameless else header, text)
    # Columns without names go by position, whether the target is among them or not.
    numbered = frame.columns == [str(j) for j in range(frame.width)]
    if nameless and numbered and frame.width == len(expected):
        frame.columns = expected
    return frame


def labels(column: pl.Series, classes: NDArray[Any], where: str) -> NDArray[Any]:
    """Give the classes that a column's texts stand for."""
    known = {str(value): value for value in classes.tolist()}
    texts = [str(value) for value in column.to_list()]
    unknown = sorted(set(texts) - set(known))
    if unknown:
        raise ValueError(
            f"{where} must hold classes that the model knows, {', '.join(list(known)[:10])}, but "
            f"holds {unknown[0]!r}"
        )
    return np.array([known[text] for text in texts], dtype=classes.dtype)
