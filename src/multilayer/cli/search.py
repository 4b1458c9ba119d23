"""`multilayer search`: find hidden layers for a table."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer
from rich.table import Table
from sklearn.pipeline import Pipeline

from multilayer.cli import screen
from multilayer.cli.alerts import print_alerts
from multilayer.cli.data import Data, Standardised, read_data, standardise
from multilayer.cli.deliver import Outputs, deliver, model_path
from multilayer.cli.estimators import NETWORKS, TABULAR_MODELS, table_encoder
from multilayer.cli.figures import check_figure, check_report, write_figure
from multilayer.cli.messages import shown
from multilayer.cli.options import (
    Folds,
    ModelOutput,
    Quiet,
    ReportPath,
    Seed,
    TablePath,
    Target,
    Task,
    parse_time,
)
from multilayer.cli.output_files import check_folder, check_outputs
from multilayer.cli.scores import scores
from multilayer.cli.trained import Evaluation, Trained, make_notes, watched
from multilayer.reading.table import DEFAULT_OPTIONS, ReadOptions
from multilayer.selection import HiddenLayerSearchCV, simplest_within_one_standard_error
from multilayer.selection.results import ranking
from multilayer.tables.target import fold_in_units

__all__ = ["search"]

SearchTime = Annotated[
    str | None,
    typer.Option(
        "--time",
        metavar="TIME",
        help="About how long to search, such as 60s, 5m or 1h. Default: until all candidates are "
        "trained.",
        show_default=False,
    ),
]
Candidates = Annotated[
    int | None,
    typer.Option(
        metavar="N",
        min=1,
        help="Number of networks to try. Default: 60, or as many as there is time for.",
        show_default=False,
    ),
]
Simplest = Annotated[
    bool,
    typer.Option(
        "--simplest",
        help="Choose the network with the fewest parameters within one standard error of the best.",
    ),
]
Tabular = Annotated[
    bool,
    typer.Option("--tabular", help="Search the tabular model instead of the plain network."),
]
CandidatesFigure = Annotated[
    Path | None,
    typer.Option(
        metavar="IMAGE",
        help="Figure of all candidates: error against parameters and time.",
        show_default=False,
    ),
]


def search(
    table: TablePath,
    target: Target = None,
    task: Task = "auto",
    seconds: SearchTime = None,
    candidates: Candidates = None,
    folds: Folds = 5,
    simplest: Simplest = False,
    tabular: Tabular = False,
    output: ModelOutput = None,
    figure: CandidatesFigure = None,
    report: ReportPath = None,
    seed: Seed = 0,
    quiet: Quiet = False,
    read: ReadOptions = DEFAULT_OPTIONS,
) -> None:
    """Find hidden layers, activation, penalty, dropout and learning rate for a table.

    Many networks are trained side by side on the folds of a cross-validation; the best third is
    trained further, again and again. The best network is trained on all rows and saved as by fit.
    Ctrl-C ends the search and saves the best network found so far (exit code 130).

    For example:

    * multilayer search moons --figure moons.png

    * multilayer search titanic.csv --target survived --time 60s --report titanic.html

    * multilayer search diabetes --task regression --candidates 100 --simplest
    """
    console = screen.console(quiet)
    time_limit = parse_time(seconds)
    outputs = Outputs(model_path(output, table), figure, report, quiet)
    check_folder(outputs.model.parent)
    if figure is not None:
        check_figure(figure)
    if report is not None:
        check_report(report)
    check_outputs(outputs.files, [table])
    data = read_data(table, target, task, read)
    console.print(data.describe())
    print_alerts(data, console)
    learned = Standardised(data.y) if tabular else standardise(data)
    searched = HiddenLayerSearchCV(
        _estimator(data, learned, tabular, seed),
        n_candidates=candidates,
        cv=folds,
        time_limit=time_limit,
        refit=simplest_within_one_standard_error if simplest else True,
        random_state=seed,
        verbose=not quiet,
    )
    deliver(_search(searched, data, learned, tabular), outputs, console)


def _estimator(data: Data, target: Standardised, tabular: bool, seed: int) -> Any:
    """Return the estimator whose hidden layers are searched."""
    if tabular:
        return TABULAR_MODELS[data.task](random_state=seed)
    network = NETWORKS[data.task](random_state=seed)
    return Pipeline([("encoder", table_encoder(target)), ("network", network)])


def _search(
    search: HiddenLayerSearchCV, data: Data, target: Standardised, tabular: bool
) -> Trained:
    """Search, and train the best on all rows."""
    with watched() as run:
        search.fit(data.X, target.values)
    model = search.best_estimator_
    if not tabular and not data.classes:
        fold_in_units(model[-1].network_, target.mean, target.scale)
    notes = make_notes(
        data.origin,
        rows={"training": len(data.y)},
        scores={"training": scores(model, data.X, data.y)},
        seconds=search.refit_time_,
        interrupted=any(message.startswith("Search interrupted") for message in run.messages),
    )

    def draw(path: Path) -> str:
        from multilayer.plots import SearchDisplay

        return write_figure(path, SearchDisplay.from_estimator(search).figure_)

    return Trained(
        model,
        notes,
        summary=[_candidates_table(search, data)],
        messages=list(dict.fromkeys(run.messages)),
        draw=draw,
        evaluation=Evaluation(search, data.X, data.y, held_out=None if tabular else False),
    )


def _candidates_table(search: HiddenLayerSearchCV, data: Data) -> Table:
    """Lay out the best candidates, the straight line, and the one that was taken."""
    results = search.cv_results_
    n = int(np.isfinite(results["mean_test_score"]).sum())
    failed = int((results["failure"] != "").sum())
    caption = f"{n} candidates evaluated on {search.n_splits_} folds"
    caption += f", {failed} failed" if failed else ""
    table = Table(box=None, pad_edge=False, caption=caption, caption_justify="left")
    head, rows = ranking(search)
    for k, name in enumerate([*head[:-1], data.score_name]):
        table.add_column(shown(name), justify="right" if k > 1 else "left", no_wrap=True)
    for row in rows:
        table.add_row(*map(shown, row))
    return table
