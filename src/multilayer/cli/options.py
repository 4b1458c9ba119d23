"""The arguments and options that several commands take, and how their texts are read."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any, Literal

import typer

__all__ = [
    "Folds",
    "Layers",
    "ModelOutput",
    "ModelPath",
    "Quiet",
    "ReportPath",
    "Seed",
    "TablePath",
    "Target",
    "Task",
    "max_iter_option",
    "one_target",
    "parse_layers",
    "parse_time",
    "seed_option",
]


def seed_option(panel: str | None = None) -> Any:
    """Return the option `--seed`, which the help shows in a panel."""
    return typer.Option(
        metavar="N", min=0, max=2**32 - 1, help="Seed of all random choices.", rich_help_panel=panel
    )


def max_iter_option(panel: str | None = None) -> Any:
    """Return the option `--max-iter`, which the help shows in a panel."""
    return typer.Option(
        metavar="N",
        min=1,
        help="Maximum number of epochs. Default: 200 for a plain network.",
        show_default=False,
        rich_help_panel=panel,
    )


TablePath = Annotated[
    str,
    typer.Argument(
        metavar="TABLE",
        help="A file of CSV, Excel, Parquet, Arrow (Feather) or JSON, which may be compressed; - "
        "for standard input; or one of moons, breast_cancer, digits, iris, wine, diabetes.",
        show_default=False,
    ),
]
ModelPath = Annotated[
    str,
    typer.Argument(metavar="MODEL", help="A file written by fit or search.", show_default=False),
]
Target = Annotated[
    list[str] | None,
    typer.Option(
        "--target",
        "-t",
        metavar="COLUMN",
        help="The column to predict: its name, or its number; 0 is the first and -1 the last. "
        "Default: the column named target. For fit of the tabular model, it may be repeated.",
        show_default=False,
    ),
]
Task = Annotated[
    Literal["auto", "classification", "regression"],
    typer.Option(
        metavar="TASK",
        help="classification, regression or auto, which takes text and a few different whole "
        "numbers as classes.",
    ),
]
Layers = Annotated[
    str | None,
    typer.Option(
        metavar="SIZES",
        help="Units of each hidden layer, such as 64,64, or none. Trains a plain network instead "
        "of the tabular model.",
        show_default=False,
    ),
]
ModelOutput = Annotated[
    Path | None,
    typer.Option(
        "--output",
        "-o",
        metavar="MODEL",
        help="Where to save the model. Default: the table's name with .mlp, in this folder.",
        show_default=False,
    ),
]
ReportPath = Annotated[
    Path | None,
    typer.Option(
        metavar="HTML",
        help="Report to write, an HTML page: the data, the model, its scores and the effects of "
        "the columns.",
        show_default=False,
    ),
]
Folds = Annotated[
    int, typer.Option(metavar="N", min=2, help="Number of folds of the cross-validation.")
]
Seed = Annotated[int, seed_option()]
Quiet = Annotated[
    bool, typer.Option("--quiet", "-q", help="Print nothing but warnings and errors.")
]


def one_target(given: Sequence[str] | None, what: str) -> str | None:
    """Return the only value of `--target`, if any; ValueError if there are several."""
    if given and len(given) > 1:
        raise ValueError(
            f"{what} takes one --target, got {', '.join(map(repr, given))}; only the tabular model "
            "of multilayer fit predicts several"
        )
    return given[0] if given else None


def parse_layers(text: str) -> tuple[int, ...]:
    """Read "64,64" as (64, 64), "none" as ()."""
    if text.strip().lower() == "none":
        return ()
    sizes = text.split(",")
    if not all(size.strip().isdecimal() and int(size) > 0 for size in sizes):
        raise ValueError(
            f"--layers must be whole numbers of at least 1 with commas between, such as 64,64, or "
            f"none; got {text!r}"
        )
    return tuple(map(int, sizes))


def parse_time(text: str | None) -> float | None:
    """Read "60", "60s", "5m" or "1h" as seconds; None, if no time was given, stays None."""
    if text is None:
        return None
    units = {"s": 1.0, "m": 60.0, "h": 3600.0}
    number, unit = (text[:-1], units[text[-1]]) if text[-1:] in units else (text, 1.0)
    try:
        seconds = float(number) * unit
    except ValueError:
        seconds = math.nan
    if not 0 < seconds < math.inf:
        raise ValueError(f"--time-limit must be a time such as 60s, 5m or 1h, got {text!r}")
    return seconds
