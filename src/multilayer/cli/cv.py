"""`multilayer cv`: how good a model of a table is to be expected."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer
from numpy.typing import NDArray
from rich.table import Table

from multilayer.cli import screen
from multilayer.cli.alerts import print_alerts
from multilayer.cli.class_options import Groups, Metric, Time, check_metric
from multilayer.cli.data import read_data
from multilayer.cli.estimators import NETWORKS, TABULAR_MODELS, VALIDATION_SHARE
from multilayer.cli.figures import check_figure, write_figure
from multilayer.cli.messages import shown, write_line
from multilayer.cli.options import (
    Folds,
    Layers,
    Quiet,
    Seed,
    TablePath,
    Target,
    Task,
    max_iter_option,
    one_target,
    parse_layers,
)
from multilayer.cli.output_files import check_outputs
from multilayer.cli.plain_model import PlainModel
from multilayer.cli.scores import OUT_OF_FOLD, below_baseline, class_scores, number_scores
from multilayer.cli.trained import watched
from multilayer.reading.table import DEFAULT_OPTIONS, ReadOptions
from multilayer.selection import CrossValidation, cross_validate_network

__all__ = ["cv"]


Repeats = Annotated[
    int,
    typer.Option(
        metavar="N", min=1, help="Number of repeats, each with another shuffle of the rows."
    ),
]
Alpha = Annotated[
    float, typer.Option(metavar="λ", min=0, help="Strength of the L2 penalty of a plain network.")
]
Fast = Annotated[bool, typer.Option("--fast", help="Train one tabular network only in each fold.")]
CurvesFigure = Annotated[
    Path | None,
    typer.Option(
        metavar="IMAGE", help="Figure of the cost of every fold by epoch.", show_default=False
    ),
]


def cv(
    table: TablePath,
    target: Target = None,
    task: Task = "auto",
    folds: Folds = 5,
    repeats: Repeats = 1,
    layers: Layers = None,
    alpha: Alpha = 0.0001,
    max_iter: Annotated[int | None, max_iter_option()] = None,
    fast: Fast = False,
    groups: Groups = None,
    time: Time = None,
    metric: Metric = None,
    figure: CurvesFigure = None,
    seed: Seed = 0,
    quiet: Quiet = False,
    read: ReadOptions = DEFAULT_OPTIONS,
) -> None:
    """Cross-validate a model: leave out each fold in turn, train on the others, score on it.

    The model is what fit trains with the same options: the tabular model, or one plain network with
    --layers. The scores below the
    folds are over all rows, each predicted by a model that did not learn from it. Nothing is saved.

    For example:

    * multilayer cv titanic.csv --target survived

    * multilayer cv moons --layers 16,16 --folds 10 --figure folds.png

    * multilayer cv visits.csv --target ill --groups patient --metric roc_auc

    * multilayer cv diabetes --task regression --layers none --repeats 5
    """
    console = screen.console(quiet)
    if figure is not None:
        check_figure(figure)
        check_outputs([("--figure", figure)], [table])
    if fast and layers is not None:
        raise ValueError(
            f"--fast is for the tabular model and cannot be combined with --layers {layers}"
        )
    hidden = None if layers is None else parse_layers(layers)
    check_metric(metric)
    only = one_target(target, "multilayer cv")
    data, dependence = read_data(table, only, task, read).take_dependence(groups, time)
    console.print(data.describe())
    print_alerts(data, console, dependence)
    own = {} if max_iter is None else {"max_iter": max_iter}
    if hidden is None:
        estimator = TABULAR_MODELS[data.task](fast=fast, **own)
    else:
        parameters = {"hidden_layer_sizes": hidden, "alpha": alpha, **own}
        estimator = PlainModel(NETWORKS[data.task], parameters, VALIDATION_SHARE)
    with watched() as run:
        result = cross_validate_network(
            estimator,
            data.X,
            data.y,
            cv=folds,
            **dependence.arguments,
            scoring=metric,
            n_repeats=repeats,
            random_state=seed,
            verbose=not quiet,
        )
    for message in dict.fromkeys(run.messages):
        write_line(message, "warning")
    console.print(_folds_table(result))
    rows = _evaluated(result)
    y = data.y[rows]
    values = _scores(result, rows, y)
    part = {"scores": {OUT_OF_FOLD: values}, "rows": {OUT_OF_FOLD: len(rows)}}
    console.print(screen.scores_table(part))
    for message in below_baseline(values, y):
        write_line(message, "warning")
    if data.classes:
        console.print(screen.confusion_table(y, result.oof_prediction[rows], _labels(result)))
    if figure is not None:
        from multilayer.plots import CrossValidationDisplay

        line = write_figure(figure, CrossValidationDisplay.from_result(result).figure_)
        console.print(shown(line), soft_wrap=True)


def _labels(result: CrossValidation) -> list[Any]:
    return [] if result.classes is None else result.classes.tolist()


def _folds_table(result: CrossValidation) -> Table:
    """Lay out the folds, or the repeats where there are several, and the mean."""
    table = Table(box=None, pad_edge=False, title=result.score_name, title_justify="left")
    for name in (
        "repeat" if result.n_repeats > 1 else "fold",
        "out of fold",
        "training",
        "seconds",
    ):
        table.add_column(name, justify="right")
    parts = [
        values.reshape(result.n_repeats, -1).mean(axis=1) if result.n_repeats > 1 else values
        for values in (result.scores, result.train_scores, result.fit_times)
    ]
    for k, (score, train_score, seconds) in enumerate(zip(*parts, strict=True)):
        table.add_row(str(k + 1), f"{score:.4f}", f"{train_score:.4f}", f"{seconds:.2f}")
    table.add_section()
    table.add_row(
        "mean",
        f"{result.mean:.4f} ± {result.standard_error:.4f}",
        f"{result.train_mean:.4f}",
        f"{result.fit_times.mean():.2f}",
        style="bold",
    )
    return table


def _scores(result: CrossValidation, rows: NDArray[np.intp], y: NDArray[Any]) -> dict[str, float]:
    """Compute the scores over all rows evaluated, in units of the target."""
    if result.classes is not None and result.oof_probability is not None:
        return class_scores(result.classes, result.oof_probability[rows], y)
    return number_scores(np.asarray(result.oof_prediction[rows], dtype=np.float64), y)


def _evaluated(result: CrossValidation) -> NDArray[np.intp]:
    """Return the rows that were test rows of a fold: with times, those of the later half."""
    return np.unique(np.concatenate([test for _, test in result.indices]))
