"""`multilayer compare`: whether a table needs a network at all."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer
from rich.console import Group
from rich.table import Table
from rich.text import Text

from multilayer.cli import screen
from multilayer.cli.alerts import print_alerts
from multilayer.cli.class_options import Groups, Metric, Time, check_metric
from multilayer.cli.data import Data, read_data
from multilayer.cli.figures import check_figure, without_formulas, write_figure
from multilayer.cli.messages import shown, write_line
from multilayer.cli.options import (
    Folds,
    Quiet,
    Seed,
    TablePath,
    Target,
    Task,
    one_target,
    parse_time,
)
from multilayer.cli.output_files import check_outputs
from multilayer.cli.trained import watched
from multilayer.reading.table import DEFAULT_OPTIONS, ReadOptions
from multilayer.selection import Comparison, compare_baselines
from multilayer.selection.folds import seeded

__all__ = ["compare"]


TimeToBegin = Annotated[
    str | None,
    typer.Option(
        "--time-limit",
        metavar="TIME",
        help="Time after which no further model is started, such as 60s, 5m or 1h.",
        show_default=False,
    ),
]
ScoresFigure = Annotated[
    Path | None,
    typer.Option(
        metavar="IMAGE",
        help="Figure of the scores, and of the decision boundaries if there are two columns of "
        "numbers.",
        show_default=False,
    ),
]


def compare(
    table: TablePath,
    target: Target = None,
    task: Task = "auto",
    folds: Folds = 5,
    seconds: TimeToBegin = None,
    groups: Groups = None,
    time: Time = None,
    metric: Metric = None,
    figure: ScoresFigure = None,
    seed: Seed = 0,
    quiet: Quiet = False,
    read: ReadOptions = DEFAULT_OPTIONS,
) -> None:
    """Compare a straight line, polynomials, networks, fit's model and boosted trees on a table.

    All models are evaluated by cross-validation on the same folds; the last line states whether a
    network is needed. Scores are accuracy or R², with their standard error.

    For example:

    * multilayer compare moons --figure compare.png

    * multilayer compare titanic.csv --target survived

    * multilayer compare diabetes --task regression --folds 10 --time-limit 60s
    """
    console = screen.console(quiet)
    if figure is not None:
        check_figure(figure)
        check_outputs([("--figure", figure)], [table])
    time_limit = parse_time(seconds)
    check_metric(metric)
    only = one_target(target, "multilayer compare")
    data, dependence = read_data(table, only, task, read).take_dependence(groups, time)
    console.print(data.describe())
    print_alerts(data, console, dependence)
    with watched() as run:
        comparison = compare_baselines(
            data.X,
            data.y,
            cv=folds,
            **dependence.arguments,
            scoring=metric,
            task=data.task,
            random_state=seed,
            time_limit=time_limit,
            verbose=not quiet,
        )
    for message in dict.fromkeys(run.messages):
        write_line(message, "warning")
    console.print(_table(comparison))
    for rival in comparison.rivals:
        if rival.failure:
            console.print(shown(f"Not evaluated: {rival.name} ({rival.failure})"))
    console.print(shown(comparison.verdict))
    if figure is not None:
        with without_formulas():
            line = write_figure(figure, _draw(comparison, data, seed))
        console.print(shown(line), soft_wrap=True)


def _table(comparison: Comparison) -> Group:
    """Lay out the models from the simplest on; what failed with its reason."""
    best, simplest = comparison.best, comparison.simplest_within_one_standard_error
    caption = f"{comparison.score_name}, mean of {comparison.n_splits} folds ± standard error"
    caption += "; * best" if best is simplest else "; * best, ° simplest that is as good"
    table = Table(box=None, pad_edge=False)
    table.add_column("model", no_wrap=True)
    for name in ("out of fold", "training", "parameters", "seconds"):
        table.add_column(name, justify="right", no_wrap=True)
    table.add_column("")
    for rival in comparison.rivals:
        if rival.failure:
            table.add_row(rival.name, *"-" * 4, style="dim")
            continue
        mark = "*" if rival is best else "°" if rival is simplest else ""
        figures = f"{rival.train_mean:.3f}", str(rival.n_parameters), f"{rival.fit_time:.2f}"
        style = "bold" if mark else None
        table.add_row(rival.name, rival.said(), *figures, mark, style=style)
    return Group(table, Text(caption, style="dim italic"))


def _draw(comparison: Comparison, data: Data, seed: int) -> Any:
    """Draw the scores, and below them the boundaries where there is a plane to draw on."""
    from matplotlib.figure import Figure

    from multilayer.plots import ArchitectureGridDisplay, ComparisonDisplay

    numbers = all(dtype.is_numeric() for dtype in data.X.dtypes)
    plane = data.classes and data.X.width == 2 and numbers and not _gaps(data)
    height = 1.3 + 0.36 * len(comparison.rivals)
    figure = Figure(figsize=(10, height + (4.2 if plane else 0)), layout="constrained")
    if not plane:
        ComparisonDisplay.from_comparison(comparison, ax=figure.subplots())
        return figure
    parts: Any = figure.subfigures(2, 1, height_ratios=[height, 4.2])
    above, below = parts
    ComparisonDisplay.from_comparison(comparison, ax=above.subplots())
    fitted, rng = [], np.random.RandomState(seed)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for rival in comparison.judged:
            fitted.append(seeded(rival.estimator, rng).fit(data.X, data.y))
    titles = [rival.name for rival in comparison.judged]
    ArchitectureGridDisplay.from_estimators(
        fitted, data.X, data.y, titles=titles, n_columns=-(-len(fitted) // 2), figure=below
    )
    return figure


def _gaps(data: Data) -> bool:
    return bool(data.X.null_count().sum_horizontal().item()) or any(
        column.is_nan().any() for column in data.X if column.dtype.is_float()
    )
