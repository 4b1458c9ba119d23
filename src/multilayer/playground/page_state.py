"""What a page shows beside the frames: settings, data, points and the shape of the network."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

import numpy as np
import polars as pl

from multilayer.playground.protocol import ERRORS, Reply
from multilayer.playground.rows import Data
from multilayer.playground.training_run import TrainingRun
from multilayer.playground.uploads import OpenedTable
from multilayer.reading.table import collected

__all__ = ["describe_columns", "describe_run", "describe_table", "finite"]

_MAX_DRAWN = 2000


def describe_run(run: TrainingRun, table: OpenedTable | None) -> Reply:
    """Return the message "state".

    Parameters
    ----------
    run : TrainingRun
    table : OpenedTable or None
        The last table that was trained on.
    """
    data, network = run.data, run.network
    drawn = np.arange(len(data.xy))
    if len(drawn) > _MAX_DRAWN:
        drawn = np.sort(np.random.RandomState(0).choice(drawn, _MAX_DRAWN, replace=False))
    shown = run.settings.data == "table" and table is not None
    return {
        "say": "state",
        "settings": run.settings.to_dict(),
        "task": data.task,
        "classes": data.classes,
        "columns": data.columns,
        "inputs": data.inputs,
        "target": data.target,
        "unit": None if data.unit is None else [data.unit.mean, data.unit.scale],
        "file": table.file if shown and table else None,
        "sizes": network.sizes,
        "parameters": sum(theta.size for theta in network.thetas),
        "rows": {"training": int(data.training.sum()), "test": int((~data.training).sum())},
        "points": {
            "x": data.xy[drawn, 0].tolist(),
            "y": data.xy[drawn, 1].tolist(),
            "label": data.label[drawn].tolist(),
            "test": (~data.training[drawn]).astype(int).tolist(),
            "row": drawn.tolist(),
        },
        "span": data.span,
        "axes": data.axes,
        "table": None if table is None else describe_table(table.frame),
        "note": _note(len(drawn), data, collected(table.remarks, 5) if shown and table else []),
    }


def describe_table(table: pl.DataFrame) -> dict[str, Any]:
    """Describe a table to the page: the columns with their kinds, and the number of rows."""
    return {
        "say": "table",
        "columns": [
            {"name": name, "kind": "number" if kind.is_numeric() else "category"}
            for name, kind in zip(table.columns, table.dtypes, strict=True)
        ],
        "rows": len(table),
    }


def describe_columns(table: pl.DataFrame) -> list[dict[str, Any]]:
    """Describe columns to a person who chooses the target among them.

    Returns
    -------
    list of dict
        With "name", "holds" (in words), "distinct" (the number of distinct values, or None),
        "missing" (the number of gaps) and "examples", the first distinct values.
    """
    return [_describe_column(column) for column in table.get_columns()]


def _describe_column(column: pl.Series) -> dict[str, Any]:
    distinct, examples = None, []
    with suppress(*ERRORS):  # not every type can be counted
        distinct = column.drop_nulls().n_unique()
        first = column.head(1000).drop_nulls().unique(maintain_order=True).head(3)
        examples = [str(value)[:20] for value in first]
    return {
        "name": column.name,
        "holds": _in_words(column),
        "distinct": distinct,
        "missing": column.null_count(),
        "examples": examples,
    }


def _in_words(column: pl.Series) -> str:
    kind = column.dtype
    if column.null_count() == len(column):
        return "nothing"
    if kind.is_numeric():
        return "numbers"
    if kind == pl.Boolean:
        return "true or false"
    if kind.is_temporal():
        return "dates or times"
    return "lists or objects" if kind.is_nested() or kind == pl.Binary else "texts"


def _note(drawn: int, data: Data, remarks: list[str]) -> str:
    """Return a note on what the page does not show, or what was not taken literally in a file."""
    rows = len(data.xy)
    partly = [] if drawn == rows else [f"{drawn} of {rows} rows are drawn; all of them are used"]
    return "".join(f"{sentence}. " for sentence in [*partly, *remarks]).strip()


def finite(value: float) -> float | None:
    """Return a number as JSON can hold it."""
    return float(value) if np.isfinite(value) else None
