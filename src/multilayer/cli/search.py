"""`multilayer search`: find hidden layers for a table."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer
from rich.console import Group
from rich.table import Table
from rich.text import Text
from sklearn.pipeline import Pipeline

from multilayer.cli import screen
from multilayer.cli.alerts import print_alerts
from multilayer.cli.class_options import Groups, Metric, Time, check_metric
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
    one_target,
    parse_time,
)
from multilayer.cli.output_files import check_folder, check_outputs
from multilayer.cli.scores import OUT_OF_FOLD, below_baseline, out_of_fold, scores
from multilayer.cli.trained import Evaluation, Trained, make_notes, watched
from multilayer.reading.table import DEFAULT_OPTIONS, ReadOptions
from multilayer.selection import HiddenLayerSearchCV, simplest_within_one_standard_error
from multilayer.selection.choice import Gain, gain_over
from multilayer.selection.results import ranking
from multilayer.tables.dependence import Dependence
from multilayer.tables.target import fold_in_units

__all__ = ["search"]

SearchTime = Annotated[
    str | None,
    typer.Option(
        "--time-limit",
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
Plain = Annotated[
    bool,
    typer.Option("--plain", help="Search a plain network instead of the tabular model."),
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
    groups: Groups = None,
    time: Time = None,
    metric: Metric = None,
    simplest: Simplest = False,
    plain: Plain = False,
    output: ModelOutput = None,
    figure: CandidatesFigure = None,
    report: ReportPath = None,
    seed: Seed = 0,
    quiet: Quiet = False,
    read: ReadOptions = DEFAULT_OPTIONS,
) -> None:
    """Find hidden layers, dropout and learning rate of the tabular model for a table.

    Many networks are trained side by side on the folds of a cross-validation; the best third is
    trained further, again and again. The settings of fit are among the candidates, and are kept
    unless others are clearly better on the same folds. The model is then trained on all rows and
    saved as by fit. Ctrl-C ends the search and saves the best model found so far (exit code 130).

    For example:

    * multilayer search moons --figure moons.png

    * multilayer search titanic.csv --target survived --time-limit 60s --report titanic.html

    * multilayer search diabetes --task regression --plain --candidates 100 --simplest
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
    check_metric(metric)
    only = one_target(target, "multilayer search")
    data, dependence = read_data(table, only, task, read).take_dependence(groups, time)
    console.print(data.describe())
    print_alerts(data, console, dependence)
    learned = standardise(data.y, data.classes or not plain)
    searched = HiddenLayerSearchCV(
        _estimator(data, learned, plain, seed),
        n_candidates=candidates,
        cv=folds,
        scoring=metric,
        time_limit=time_limit,
        refit=simplest_within_one_standard_error if simplest else True,
        random_state=seed,
        verbose=not quiet,
    )
    deliver(_search(searched, data, learned, plain, dependence), outputs, console)


def _estimator(data: Data, target: Standardised, plain: bool, seed: int) -> Any:
    """Return the estimator whose hidden layers are searched."""
    if not plain:
        return TABULAR_MODELS[data.task](random_state=seed)
    network = NETWORKS[data.task](random_state=seed)
    return Pipeline([("encoder", table_encoder(target)), ("network", network)])


def _search(
    search: HiddenLayerSearchCV,
    data: Data,
    target: Standardised,
    plain: bool,
    dependence: Dependence,
) -> Trained:
    """Search, and train the best on all rows."""
    with watched() as run:
        search.fit(data.X, target.values, **dependence.arguments)
    model = search.best_estimator_
    if plain and not data.classes:
        fold_in_units(model[-1].network_, target.mean, target.scale)
    left = None if plain else out_of_fold(model, data.y)
    part = OUT_OF_FOLD if left else "training"
    notes = make_notes(
        data.origin,
        rows={part: len(left.y if left else data.y)},
        scores={part: left.scores if left else scores(model, data.X, data.y)},
        seconds=search.refit_time_,
        interrupted=any(message.startswith("Search interrupted") for message in run.messages),
    )

    summary: list[Any] = [] if plain else [screen.members_line(model), screen.scores_table(notes)]

    def draw(path: Path) -> str:
        from multilayer.plots import SearchDisplay

        return write_figure(path, SearchDisplay.from_estimator(search).figure_)

    return Trained(
        model,
        notes,
        summary=[_candidates_table(search, data), _against_default(search, plain), *summary],
        messages=[
            *dict.fromkeys(run.messages),
            *below_baseline(notes["scores"][part], left.y if left else data.y),
        ],
        draw=draw,
        evaluation=Evaluation(search, data.X, data.y, held_out=False if plain else None),
    )


def _candidates_table(search: HiddenLayerSearchCV, data: Data) -> Group:
    """Lay out the best candidates, the straight line, and the one that was taken."""
    results = search.cv_results_
    n = int(np.isfinite(results["mean_test_score"]).sum())
    failed = int((results["failure"] != "").sum())
    caption = f"{n} candidates evaluated on {search.n_splits_} folds"
    caption += f", {failed} failed" if failed else ""
    table = Table(box=None, pad_edge=False)
    head, rows = ranking(search)
    for k, name in enumerate([*head[:-1], data.score_name]):
        table.add_column(shown(name), justify="right" if k > 1 else "left", no_wrap=True)
    for row in rows:
        table.add_row(*map(shown, row))
    return Group(table, Text(caption, style="dim italic"))


def _against_default(search: HiddenLayerSearchCV, plain: bool) -> str:
    """Compare the candidate chosen with the settings of fit, in one line."""
    default, results = search.default_index_, search.cv_results_
    if default is None:
        return "The default settings were not evaluated."
    name = "The settings of a plain network by default" if plain else "The settings of fit"
    score = f"{results['mean_test_score'][default]:.3f}"
    found = search.best_index_
    if found == default:
        rival = int(np.argmin(results["rank_test_score"]))
        if rival == default:
            return f"{name} are kept: no candidate scored better than they do, {score}."
        gain = gain_over(results, rival, default)
        return (
            f"{name} are kept: they scored {score} on the same folds, and the best candidate is "
            f"not clearly better ({_signed(gain)})."
        )
    gain = gain_over(results, found, default)
    better = "better" if gain.is_clear else "not clearly better" if gain.mean > 0 else "worse"
    return (
        f"{name} scored {score} on the same folds; the candidate chosen is {better} "
        f"({_signed(gain)})."
    )


def _signed(gain: Gain) -> str:
    return f"{gain.mean:+.3f} ± {gain.standard_error:.3f}"
