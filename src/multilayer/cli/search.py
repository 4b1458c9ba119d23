"""`multilayer search`: find hidden layers for a table."""

from __future__ import annotations

import datetime
import sys
import warnings
from pathlib import Path
from typing import Annotated, Any, Literal

import numpy as np
import typer
from rich.markup import escape
from rich.table import Table
from sklearn.pipeline import Pipeline

import multilayer
from multilayer.cli import screen
from multilayer.cli.data import Data, read_data
from multilayer.cli.deliver import INTERRUPTED, check_folder
from multilayer.cli.figures import check_report
from multilayer.cli.options import Header, TablePath
from multilayer.estimators.classifier import MLPClassifier
from multilayer.estimators.regressor import MLPRegressor
from multilayer.report import write_report
from multilayer.selection import HiddenLayerSearchCV, simplest_within_one_standard_error
from multilayer.selection.results import ranking
from multilayer.tables.encoder import TableEncoder
from multilayer.tables.target import fold_in_units
from multilayer.tabular.classifier import TabularClassifier
from multilayer.tabular.regressor import TabularRegressor

__all__ = ["search"]


def search(
    table: TablePath,
    target: Annotated[
        str | None,
        typer.Option(
            "--target",
            "-t",
            metavar="COLUMN",
            help="What is to be predicted: the name of a column, or its number. Default: the "
            "column named target.",
            show_default=False,
        ),
    ] = None,
    task: Annotated[
        Literal["auto", "classification", "regression"],
        typer.Option(metavar="TASK", help="classification, regression, or auto."),
    ] = "auto",
    seconds: Annotated[
        str | None,
        typer.Option(
            "--time",
            metavar="TIME",
            help="About how long to search, such as 60s, 5m or 1h. Without it, as long as the "
            "candidates take.",
            show_default=False,
        ),
    ] = None,
    candidates: Annotated[
        int | None,
        typer.Option(
            metavar="N",
            min=1,
            help="How many networks to try. Default: 60, or as many as there is time for.",
            show_default=False,
        ),
    ] = None,
    folds: Annotated[
        int, typer.Option(metavar="N", min=2, help="Folds of the cross-validation.")
    ] = 5,
    simplest: Annotated[
        bool,
        typer.Option(
            "--simplest",
            help="Take the network of fewest parameters within one standard error of the best.",
        ),
    ] = False,
    tabular: Annotated[
        bool,
        typer.Option("--tabular", help="Search the tabular model in place of the plain network."),
    ] = False,
    output: Annotated[
        Path | None,
        typer.Option(
            "--output",
            "-o",
            metavar="MODEL",
            help="Where to save what was found. Default: the table's name with .mlp, in this "
            "folder.",
            show_default=False,
        ),
    ] = None,
    figure: Annotated[
        Path | None,
        typer.Option(
            metavar="IMAGE",
            help="Picture of all candidates: error against parameters and time.",
            show_default=False,
        ),
    ] = None,
    report: Annotated[
        Path | None,
        typer.Option(metavar="HTML", help="Page to write on what was found.", show_default=False),
    ] = None,
    seed: Annotated[
        int, typer.Option(metavar="N", min=0, max=2**32 - 1, help="Of all random choices.")
    ] = 0,
    header: Header = None,
    quiet: Annotated[
        bool, typer.Option("--quiet", "-q", help="Print nothing but warnings and errors.")
    ] = False,
) -> None:
    """Find hidden layers, activation, penalty, dropout and learning rate for a table.

    Many networks learn side by side on the folds of a cross-validation; the better third goes on,
    again and again. The best is trained on all rows and saved, as fit does. Ctrl-C ends the search
    with what was found (exit code 130).

    For example:

    * multilayer search moons --figure moons.png

    * multilayer search titanic.csv --target survived --time 60s --report titanic.html

    * multilayer search diabetes --task regression --candidates 100 --simplest
    """
    console = screen.console(quiet)
    time_limit = None if seconds is None else parse_time(seconds)
    path = output or Path("model.mlp" if table == "-" else f"{Path(table).stem}.mlp")
    for wanted in (path, figure):
        if wanted is not None:
            check_folder(wanted.parent)
    if report is not None:
        check_report(report)
    data = read_data(table, target, task, header)
    console.print(data.describe())
    estimator, y, units = _estimator(data, tabular, seed)
    hunt = HiddenLayerSearchCV(
        estimator,
        n_candidates=candidates,
        cv=folds,
        time_limit=time_limit,
        refit=simplest_within_one_standard_error if simplest else True,
        random_state=seed,
        verbose=not quiet,
    )
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        hunt.fit(data.X, y)
    messages = [str(w.message) for w in caught]
    interrupted = any(message.startswith("Search interrupted") for message in messages)
    model = hunt.best_estimator_
    if units is not None:
        fold_in_units(model[-1].network_, *units)
    rows = np.arange(len(data.y))
    notes = {
        "target": data.target,
        "task": data.task,
        "table": table,
        "header": data.header,
        "rows": {"training": len(rows)},
        "scores": {"training": screen.scores(model, data.X, data.y)},
        "seconds": round(hunt.refit_time_, 3),
        "interrupted": interrupted,
        "version": multilayer.__version__,
        "date": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
    }
    multilayer.save(model, path, notes)
    console.print(_found(hunt, data))
    console.print(f"Saved to {escape(str(path))}", soft_wrap=True)
    if figure is not None:
        from multilayer.plots import SearchDisplay

        SearchDisplay.from_estimator(hunt).figure_.savefig(figure, dpi=150)
        console.print(f"Figure in {escape(str(figure))}", soft_wrap=True)
    if report is not None:
        write_report(
            hunt,
            data.X,
            data.y,
            report,
            title=f"{data.target} in {table}",
            unseen=None if tabular else False,
            model_path=str(path),
            verbose=not quiet,
        )
        console.print(f"Report in {escape(str(report))}", soft_wrap=True)
    for message in dict.fromkeys(messages):
        sys.stderr.write(f"multilayer: warning: {message}\n")
    if interrupted:
        raise typer.Exit(INTERRUPTED)


def _estimator(data: Data, tabular: bool, seed: int) -> tuple[Any, Any, tuple[float, float] | None]:
    """Give what is searched, its target, and the units to fold in afterwards."""
    if tabular:
        make: Any = TabularClassifier if data.classes else TabularRegressor
        return make(random_state=seed), data.y, None
    if data.classes:
        steps = [("encoder", TableEncoder()), ("network", MLPClassifier(random_state=seed))]
        return Pipeline(steps), data.y, None
    mean, scale = float(data.y.mean()), float(data.y.std()) or 1.0
    dtype = "float32" if abs(mean) < 1e3 * scale else "float64"
    steps = [("encoder", TableEncoder(dtype=dtype)), ("network", MLPRegressor(random_state=seed))]
    return Pipeline(steps), (data.y - mean) / scale, (mean, scale)


def _found(hunt: HiddenLayerSearchCV, data: Data) -> Table:
    """Tabulate the best candidates, the straight line, and what was taken."""
    results = hunt.cv_results_
    n = int(np.isfinite(results["mean_test_score"]).sum())
    failed = int((results["failure"] != "").sum())
    caption = f"{n} candidates judged on {hunt.n_splits_} folds"
    caption += f", {failed} failed" if failed else ""
    table = Table(box=None, pad_edge=False, caption=caption, caption_justify="left")
    head, rows = ranking(hunt)
    for k, name in enumerate([*head[:-1], data.score_name]):
        table.add_column(escape(name), justify="right" if k > 1 else "left", no_wrap=True)
    for row in rows:
        table.add_row(*map(escape, row))
    return table


def parse_time(text: str) -> float:
    """Read "60", "60s", "5m" or "1h" as seconds."""
    units = {"s": 1.0, "m": 60.0, "h": 3600.0}
    number, unit = (text[:-1], units[text[-1]]) if text[-1:] in units else (text, 1.0)
    try:
        seconds = float(number) * unit
    except ValueError:
        seconds = np.nan
    if not 0 < seconds < np.inf:
        raise ValueError(f"--time must be a time such as 60s, 5m or 1h, got {text!r}")
    return seconds
