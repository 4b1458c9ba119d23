"""`multilayer fit` of the tabular model for several targets, from a table in memory."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from rich.console import Console, RenderableType

from multilayer.cli import screen
from multilayer.cli.alerts import print_alerts
from multilayer.cli.data import Data, Split, hold_out, read_targets
from multilayer.cli.figures import members_figures, write_figures
from multilayer.cli.fit_options import Options
from multilayer.cli.messages import shown
from multilayer.cli.scores import OUT_OF_FOLD, below_baseline, out_of_fold, scores_of_parts
from multilayer.cli.trained import Evaluation, Trained, make_notes, watched
from multilayer.reading.table import collected
from multilayer.tables.alerts import Alert
from multilayer.tables.dependence import Dependence
from multilayer.tabular import TabularMultiOutput

__all__ = ["fit_targets"]


def fit_targets(options: Options, console: Console) -> Trained:
    """Read a table, describe it with its targets, and train the tabular model for each of them."""
    names = options.target or []
    X, of_targets = read_targets(options.table, names, options.task, options.read)
    for option, name in (("groups", options.groups), ("time", options.time)):
        if name in [data.target for data in of_targets]:
            raise ValueError(f"--{option} must be another column than the target {name!r}")
    rows = np.unique(np.concatenate([data.rows for data in of_targets]))  # that have some target
    whole = replace(of_targets[0], X=X[rows], rows=rows)
    whole, dependence = whole.take_dependence(options.groups, options.time)
    places = [np.searchsorted(rows, data.rows) for data in of_targets]
    of_targets = [
        replace(data, X=whole.X[place], rows=place)
        for data, place in zip(of_targets, places, strict=True)
    ]
    _describe(whole, of_targets, dependence, console)
    split = hold_out(
        np.zeros(len(rows)),  # of all targets the same rows, which represent none in particular
        options.validation_share,
        options.seed,
        dependence,
        classes=False,
        advice="--validation 0 trains on all rows",
    )
    return _train(_estimator(of_targets, options), whole, of_targets, split, dependence)


def _describe(
    whole: Data, of_targets: Sequence[Data], dependence: Dependence, console: Console
) -> None:
    """Print what the table holds, each target, and the alerts, which are printed once."""
    m, n = whole.X.shape
    names = ", ".join(data.target for data in of_targets)
    read = f"{whole.table}: {m} rows, {n} column{'s' * (n != 1)} and the targets {names}"
    console.print("\n".join(map(shown, [read, *collected(whole.remarks)])))
    alerts: list[Alert] = []
    for data in of_targets:
        line = f"{data.target}: {data.task_line()}"
        if missing := m - len(data.rows):
            line += f"; {missing} rows without a value left out"
        console.print(shown(line))
        alerts = print_alerts(data, console, dependence.take(data.rows), alerts)


def _estimator(of_targets: Sequence[Data], options: Options) -> TabularMultiOutput:
    weights: dict[str, Any] = {}
    if options.class_weight is not None:
        if not any(data.classes for data in of_targets):
            raise ValueError("--class-weight is for classes, but all targets are numbers")
        if options.class_weight != "balanced":
            raise ValueError(
                "--class-weight must be balanced where there are several targets, got "
                f"{options.class_weight!r}"
            )
        weights = {"class_weight": "balanced"}
    return TabularMultiOutput(
        task={data.target: data.task for data in of_targets},
        n_members=options.members or "auto",
        fast=options.fast,
        time_limit=options.time_limit,
        random_state=options.seed,
        verbose=not options.quiet,
        **options.given,
        **weights,
    )


def _train(
    model: TabularMultiOutput,
    whole: Data,
    of_targets: Sequence[Data],
    split: Split,
    dependence: Dependence,
) -> Trained:
    """Train the model; rows held out, or those that each member left out, choose the epochs."""
    X, Y = whole.X, pl.DataFrame([_column(data, len(whole.X)) for data in of_targets])
    training, validation = split
    given: dict[str, Any] = dependence.arguments
    if len(validation):
        given = {"X_val": X[validation], "y_val": Y[validation]}
    with watched() as run:
        model.fit(X[training], Y[training], **given)
    notes = make_notes(
        {name: value for name, value in whole.origin.items() if name not in ("target", "task")}
        | {"targets": [data.target for data in of_targets]},
        rows={},
        scores={},
        seconds=run.seconds,
        interrupted=run.interrupted,
    )
    summary: list[RenderableType] = []
    messages = list(run.messages)
    drawn: list[tuple[Any, Any, Any]] = []
    for data, fitted in zip(of_targets, model.estimators_.values(), strict=True):
        left = None if len(validation) else out_of_fold(fitted, data.y)
        parts = {
            part: np.flatnonzero(np.isin(data.rows, rows)) for part, rows in split.parts.items()
        }
        rows = {OUT_OF_FOLD: len(left.y)} if left else {k: len(v) for k, v in parts.items()}
        scores = (
            {OUT_OF_FOLD: left.scores} if left else scores_of_parts(fitted, data.X, data.y, parts)
        )
        notes["rows"][data.target], notes["scores"][data.target] = rows, scores
        of_target = {"rows": rows, "scores": scores}
        evaluated = parts[split.evaluated_name]
        truth = left.y if left else data.y[evaluated]
        predicted = left.predicted if left else fitted.predict(data.X[evaluated])
        drawn.append((fitted, truth, predicted))
        values = scores[OUT_OF_FOLD if left else split.evaluated_name]
        messages += [f"{data.target}: {line}" for line in below_baseline(values, truth)]
        summary += screen.training_summary(
            {},
            f"[bold]{shown(data.target)}[/], {data.task}: {screen.members_line(fitted)}",
            screen.members_training_line(fitted, of_target),
            of_target,
        )
    dropped = next(iter(model.estimators_.values())).encoder_.dropped_
    ended = "; interrupted by Ctrl-C" if run.interrupted else ""
    summary.append(f"Trained {len(drawn)} targets in {run.seconds:.2f} s{ended}")

    def draw(folder: Path) -> str:
        places = []
        for k, (data, of_target) in enumerate(zip(of_targets, drawn, strict=True), 1):
            name = re.sub(r"[^\w-]+", "_", data.target)[:40]
            places.append(folder / f"{k}-{name}")
            places[-1].mkdir(exist_ok=True)
            write_figures(places[-1], members_figures(*of_target))
        return f"Figures in {', '.join(map(str, places))}"

    return Trained(
        model,
        notes,
        summary=[*screen.left_out(dropped), *summary],
        messages=messages,
        draw=draw,
        evaluation=Evaluation(
            model,
            X[split.evaluated],
            Y[split.evaluated],
            held_out=True if len(validation) else None,
        ),
    )


def _column(data: Data, m: int) -> pl.Series:
    """Return a target as a column of all m rows, which has gaps."""
    values: list[Any] = [None] * m
    for row, value in zip(data.rows.tolist(), data.y.tolist(), strict=True):
        values[row] = value
    return pl.Series(data.target, values)
