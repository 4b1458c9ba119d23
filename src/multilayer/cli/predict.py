"""`multilayer predict` and `multilayer evaluate`: a saved network on a table."""

from __future__ import annotations

import io
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Annotated, Any, NamedTuple

import numpy as np
import polars as pl
import typer
from numpy.typing import NDArray
from rich.console import Console

from multilayer.cli import screen
from multilayer.cli.class_options import Threshold, labels_by_threshold
from multilayer.cli.data import find_column, fingerprint, not_missing, numbers_if_texts_are
from multilayer.cli.figures import check_report
from multilayer.cli.messages import shown, visible, write_line
from multilayer.cli.options import ModelPath, ReportPath, TablePath
from multilayer.cli.output_files import check_folder, check_outputs
from multilayer.cli.saved_model import Model, class_labels, read_features, read_model
from multilayer.cli.scores import class_scores, number_scores
from multilayer.persistence import write_whole
from multilayer.reading.table import DEFAULT_OPTIONS, ReadOptions, collected
from multilayer.report import write_report
from multilayer.tables.frame import Frame

__all__ = ["evaluate", "predict"]

PredictionsOutput = Annotated[
    Path | None,
    typer.Option(
        "--output",
        "-o",
        metavar="OUT",
        help="File to write: .csv, .tsv, .parquet, .feather or .jsonl. Default: CSV to "
        "standard output.",
        show_default=False,
    ),
]
Interval = Annotated[
    float | None,
    typer.Option(
        metavar="COVERAGE",
        help="Add the ends, low and high, of an interval that contains the true value with this "
        "probability, such as 0.9; for numbers predicted by the tabular model.",
        show_default=False,
    ),
]
Keep = Annotated[
    list[str] | None,
    typer.Option(
        metavar="COLUMN",
        help="A column of the table to write before the predictions, such as an identifier; may "
        "be repeated.",
        show_default=False,
    ),
]
EscapeFormulas = Annotated[
    bool,
    typer.Option(
        "--escape-formulas",
        help="Put an apostrophe before texts that begin with = + - @, a tab or a carriage return, "
        "which a spreadsheet would take for formulas; in CSV and TSV.",
    ),
]
TrueTarget = Annotated[
    str | None,
    typer.Option(
        "--target",
        "-t",
        metavar="COLUMN",
        help="The column with the true values. Default: the target of fit.",
        show_default=False,
    ),
]

_OF_TEXT = (".csv", ".tsv")
_FORMULA = r"^[=+\-@\t\r]"
_MOST_COLUMNS = 5  # that the warning of new categories names

_WRITERS: dict[str, Callable[[pl.DataFrame, io.BytesIO], Any]] = {
    ".csv": lambda frame, file: frame.write_csv(file),
    ".tsv": lambda frame, file: frame.write_csv(file, separator="\t"),
    ".parquet": lambda frame, file: frame.write_parquet(file),
    ".arrow": lambda frame, file: frame.write_ipc(file),
    ".feather": lambda frame, file: frame.write_ipc(file),
    ".jsonl": lambda frame, file: frame.write_ndjson(file),
    ".ndjson": lambda frame, file: frame.write_ndjson(file),
}


def predict(
    model: ModelPath,
    table: TablePath,
    output: PredictionsOutput = None,
    keep: Keep = None,
    threshold: Threshold = None,
    interval: Interval = None,
    escape_formulas: EscapeFormulas = False,
    read: ReadOptions = DEFAULT_OPTIONS,
) -> None:
    """Predict the rows of a table.

    The output has one row for each row of the table, in the same order: the columns to keep, the
    prediction and, for classes, the probability of each; of several targets, the names of these
    columns begin with that of the target, as price_prediction. Columns are matched by name; columns
    that the model does not know, such as the target, are ignored.

    For example:

    * multilayer predict titanic.mlp new.csv

    * multilayer predict titanic.mlp new.csv --keep name -o predicted.parquet

    * multilayer predict diabetes.mlp diabetes --interval 0.9

    * cat new.csv | multilayer predict titanic.mlp - | head
    """
    suffix = ".csv" if output is None else output.suffix.lower()
    if suffix not in _WRITERS:
        raise ValueError(f"--output must end in {', '.join(_WRITERS)}; got {str(output)!r}")
    if escape_formulas and suffix not in _OF_TEXT:
        raise ValueError(f"--escape-formulas is for CSV and TSV, which {output} is not")
    if output is not None:
        check_folder(output.parent)
        check_outputs([("--output", output)], [model, table])
    else:
        check_outputs([("standard output", 1)], [model, table])
    saved = read_model(model)
    models = saved.of_targets or [saved]
    if interval is not None and (all(one.classifies for one in models) or not saved.tabular):
        raise ValueError("--interval is for numbers that the tabular model predicts")
    if threshold is not None and saved.of_targets:
        raise ValueError(f"--threshold is for one target, but the model has {len(models)}")
    if threshold is not None and not saved.classifies:
        raise ValueError("--threshold is for two classes, but the model predicts a number")
    X = _read(saved, table, read)
    kept = _kept_columns(X, keep or [], table)
    _warn_of_unseen(saved, X)
    parts = [_predictions(one, X, threshold, interval) for one in models]
    if saved.of_targets:
        parts = [
            part.rename({name: f"{one.target}_{name}" for name in part.columns})
            for part, one in zip(parts, models, strict=True)
        ]
    names = [name for part in parts for name in part.columns]
    if twice := [name for name in names if names.count(name) > 1]:
        raise ValueError(f"two targets would have a column named {twice[0]!r}: rename one in fit")
    result = pl.concat(parts, how="horizontal")
    if clash := sorted(set(kept.columns) & set(result.columns)):
        raise ValueError(f"--keep {clash[0]} would be a second column named {clash[0]!r}")
    result = pl.concat([kept, result], how="horizontal") if kept.width else result
    if escape_formulas:
        result = _without_formulas(result)
    buffer = io.BytesIO()
    _WRITERS[suffix](result, buffer)
    if output is None:
        _print(buffer.getvalue())
    else:
        write_whole(output, buffer.getvalue())


def _print(table: bytes) -> None:
    """Write a table to standard output: as it is, or to a terminal without control characters."""
    sys.stdout.flush()
    if sys.stdout.isatty() or not hasattr(sys.stdout, "buffer"):
        sys.stdout.write("".join(f"{visible(line)}\n" for line in table.decode().split("\n")[:-1]))
    else:
        sys.stdout.buffer.write(table)  # UTF-8, whatever the encoding of standard output
        sys.stdout.buffer.flush()


def _without_formulas(table: pl.DataFrame) -> pl.DataFrame:
    """Return a table with an apostrophe before texts that a spreadsheet would read as formulas."""
    text = pl.col(pl.String)
    escaped = pl.when(text.str.contains(_FORMULA)).then("'" + text).otherwise(text)
    return table.with_columns(escaped.name.keep())


def _warn_of_unseen(model: Model, X: pl.DataFrame) -> None:
    """Warn, in one line, of rows that hold categories that were not in fit."""
    unseen = model.encoder.unseen_categories(X)
    if not unseen:
        return
    rows = X.select(
        pl.any_horizontal(
            pl.Series(column, [text in counts for text in Frame(X[[column]]).texts(0)])
            for column, counts in unseen.items()
        ).sum()
    ).item()
    columns = []
    for column, counts in list(unseen.items())[:_MOST_COLUMNS]:
        some = ", ".join(f"{text!r:.40}" for text in list(counts)[:2])
        more = " …" if len(counts) > 2 else ""
        columns.append(f"{column} ({some}{more})")
    listed = ", ".join(columns) + (" …" if len(unseen) > len(columns) else "")
    write_line(
        f"{rows} of {len(X)} rows hold categories that were not in fit, and that count as no "
        f"category: {listed}",
        "warning",
    )


def _kept_columns(X: pl.DataFrame, names: list[str], table: str) -> pl.DataFrame:
    """Return the columns of a table that are written beside the predictions."""
    return X.select(list(dict.fromkeys(find_column(X.columns, name, table) for name in names)))


def _predictions(
    model: Model, X: pl.DataFrame, threshold: float | None, interval: float | None
) -> pl.DataFrame:
    """Predict: a frame of labels and probabilities, or of numbers and the ends of intervals."""
    if not model.classifies:
        result = pl.DataFrame({"prediction": model.pipeline.predict(X)})
        if interval is None:
            return result
        ends = model.pipeline.predict_interval(X, interval)
        return result.with_columns(low=ends[:, 0], high=ends[:, 1])
    classes = model.network.classes_
    H = model.pipeline.predict_proba(X)
    return pl.DataFrame(
        {"prediction": labels_by_threshold(H, classes, threshold)}
        | {f"probability_{label}": H[:, k] for k, label in enumerate(classes)}
    )


def _read(model: Model, table: str, read: ReadOptions) -> pl.DataFrame:
    """Read a table for a model, and tell on standard error what was not taken literally."""
    given = read_features(model, table, read)
    for remark in collected(given.remarks):
        write_line(remark)
    return given.frame


def evaluate(
    model: ModelPath,
    table: TablePath,
    target: TrueTarget = None,
    threshold: Threshold = None,
    report: ReportPath = None,
    read: ReadOptions = DEFAULT_OPTIONS,
) -> None:
    """Compare predictions with the true values in a table.

    Prints accuracy, log-loss (in nats), ROC AUC, average precision, F1 and a confusion matrix for
    classes; R², root mean squared error and mean absolute error for numbers. Rows without a true
    value are left out. Of several targets, each is evaluated, or that which --target names.

    For example:

    * multilayer evaluate titanic.mlp test.csv

    * multilayer evaluate diabetes.mlp diabetes

    * multilayer evaluate titanic.mlp test.csv --report titanic.html
    """
    console = screen.console()
    if report is not None:
        check_report(report)
    check_outputs([("--report", report)], [model, table])
    saved = read_model(model)
    models = saved.of_targets or [saved]
    if threshold is not None and (saved.of_targets or not saved.classifies):
        what = f"has {len(models)} targets" if saved.of_targets else "predicts a number"
        raise ValueError(f"--threshold is for two classes of one target, but the model {what}")
    frame = _read(saved, table, read)
    if saved.of_targets and target is not None:
        models = [one for one in models if one.target == target]
        if not models:
            known = ", ".join(repr(one.target) for one in saved.of_targets)
            raise ValueError(f"--target must be a target of the model, {known}; got {target!r}")
        saved = models[0]
    evaluated = [
        _evaluated(one, frame, None if saved.of_targets else target, table) for one in models
    ]
    _warn_of_unseen(saved, frame if saved.of_targets else evaluated[0].rows)
    if saved.notes.get("sha256") == fingerprint(table) is not None:
        write_line(
            f"{table} is the table that the model was trained on, so these scores are better than "
            "those of new rows will be; multilayer cv estimates the latter",
            "warning",
        )
    for k, (one, (column, rows, y)) in enumerate(zip(models, evaluated, strict=True)):
        if len(models) > 1:
            console.print(f"{chr(10) * (k > 0)}[bold]{shown(column.name)}[/]")
        _print_scores(one, rows, y, threshold, table, console)
    if report is not None:
        _report(saved, frame, evaluated, report, table, model)
        console.print(f"\nReport in {shown(report)}", soft_wrap=True)


class _Evaluated(NamedTuple):
    """A target as the table has it, the rows that have a value of it, and these values."""

    column: pl.Series
    rows: pl.DataFrame
    y: NDArray[Any]


def _evaluated(model: Model, frame: pl.DataFrame, target: str | None, table: str) -> _Evaluated:
    """Find the true values of a target in a table."""
    name = find_column(frame.columns, target or model.target, table)
    if not model.classifies:
        frame = frame.with_columns(numbers_if_texts_are(frame[name]))
    rows = frame.filter(not_missing(frame[name]))
    if not len(rows):
        raise ValueError(f"target {name!r} must have values, but all {len(frame)} are missing")
    if model.classifies:
        y = class_labels(rows[name], model.network.classes_, f"target {name!r}")
    elif rows[name].dtype.is_numeric():
        y = rows[name].to_numpy().astype(np.float64)
    else:
        raise ValueError(f"target {name!r} must be numbers, but holds {rows[name][0]!r}")
    return _Evaluated(frame[name], rows, y)


def _print_scores(
    model: Model,
    rows: pl.DataFrame,
    y: NDArray[Any],
    threshold: float | None,
    table: str,
    console: Console,
) -> None:
    """Print the scores of rows, and of classes the confusions."""
    if model.classifies:
        H, classes = model.pipeline.predict_proba(rows), model.network.classes_
        predicted = labels_by_threshold(H, classes, threshold)
        values = class_scores(classes, H, y, predicted)
    else:
        values = number_scores(np.asarray(model.pipeline.predict(rows), dtype=np.float64), y)
    console.print(screen.scores_table({"rows": {table: len(rows)}, "scores": {table: values}}))
    if model.classifies:
        console.print()
        console.print(screen.confusion_table(y, predicted, classes))


def _report(
    saved: Model,
    frame: pl.DataFrame,
    evaluated: Sequence[_Evaluated],
    report: Path,
    table: str,
    model: str,
) -> None:
    """Write the report on a model, on the rows that have a value of a target."""
    known_names = [str(column) for column in saved.encoder.feature_names_in_]
    (column, rows, y), n = evaluated[0], len(evaluated)
    X, truth = (frame, pl.DataFrame([one.column for one in evaluated])) if n > 1 else (rows, y)
    write_report(
        saved.pipeline,
        X.select(column for column in X.columns if column in known_names),
        truth,
        report,
        title=f"{f'{n} targets' if n > 1 else column.name} in {table}",
        target=None if n > 1 else column.name,
        model_path=model,
    )
