"""`multilayer fit`: from a table to a saved network."""

from __future__ import annotations

import sys
import time
import warnings
from pathlib import Path
from typing import Annotated, Any, Literal

import numpy as np
import typer
from rich.markup import escape

import multilayer
from multilayer.activations import ACTIVATIONS
from multilayer.cli import screen
from multilayer.cli.data import read_data, telling_columns, train
from multilayer.cli.deliver import INTERRUPTED, check_folder, make_notes, parse_layers
from multilayer.cli.figures import check_figures, check_report, write_figures
from multilayer.cli.fit_large import fit_large, is_large
from multilayer.cli.fit_tabular import (
    OUT_OF_FOLD,
    course,
    layout,
    out_of_fold,
    train_tabular,
    write_tabular_figures,
)
from multilayer.cli.options import Header, TablePath
from multilayer.cli.progress import TrainingProgress
from multilayer.estimators.classifier import MLPClassifier
from multilayer.estimators.regressor import MLPRegressor
from multilayer.report import write_report
from multilayer.tables.target import split_rows
from multilayer.tabular.classifier import TabularClassifier
from multilayer.tabular.regressor import TabularRegressor

__all__ = ["fit"]

TRAINING, LARGE = "Training", "More data than memory"  # parts of the help


def fit(
    table: TablePath,
    target: Annotated[
        str | None,
        typer.Option(
            "--target",
            "-t",
            metavar="COLUMN",
            help="What is to be predicted: the name of a column, or its number, the first being "
            "0, the last -1. Default: the column named target.",
            show_default=False,
        ),
    ] = None,
    layers: Annotated[
        str | None,
        typer.Option(
            metavar="SIZES",
            help="Units of each hidden layer, such as 64,64, or none: a plain network in place of "
            "the tabular model.",
            show_default=False,
        ),
    ] = None,
    task: Annotated[
        Literal["auto", "classification", "regression"],
        typer.Option(
            metavar="TASK",
            help="classification, regression, or auto: classes if the target is text or a few "
            "whole numbers.",
        ),
    ] = "auto",
    validation: Annotated[
        float | None,
        typer.Option(
            metavar="SHARE",
            min=0,
            max=0.9,
            help="Share of the rows to hold out; they choose the best epoch. 0: train on all. "
            "Default: 0.2 for a plain network; 0 for the tabular model, each of whose networks "
            "leaves out rows of its own.",
            show_default=False,
        ),
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option(
            "--output",
            "-o",
            metavar="MODEL",
            help="Where to save it. Default: the table's name with .mlp, in this folder.",
            show_default=False,
        ),
    ] = None,
    plot: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="Folder to draw figures into.", show_default=False),
    ] = None,
    report: Annotated[
        Path | None,
        typer.Option(
            metavar="HTML",
            help="Page to write on the data, the network, its scores and what it makes of the "
            "columns.",
            show_default=False,
        ),
    ] = None,
    members: Annotated[
        int | None,
        typer.Option(
            metavar="N",
            min=1,
            help="Networks of the tabular model. Default: 8.",
            show_default=False,
            rich_help_panel=TRAINING,
        ),
    ] = None,
    fast: Annotated[
        bool, typer.Option("--fast", help="One tabular network only.", rich_help_panel=TRAINING)
    ] = False,
    time_limit: Annotated[
        float | None,
        typer.Option(
            metavar="SECONDS",
            help="About how long the tabular model may train.",
            show_default=False,
            rich_help_panel=TRAINING,
        ),
    ] = None,
    activation: Annotated[
        str | None,
        typer.Option(
            metavar="NAME",
            help=f"Of the hidden layers: {', '.join(ACTIVATIONS)}. Default: relu in a plain "
            "network.",
            show_default=False,
            rich_help_panel=TRAINING,
        ),
    ] = None,
    solver: Annotated[
        Literal["adam", "sgd", "gd", "lbfgs"] | None,
        typer.Option(
            metavar="NAME",
            help="Of a plain network: adam (the default) or sgd; gd or lbfgs, which take all rows "
            "at every step.",
            show_default=False,
            rich_help_panel=TRAINING,
        ),
    ] = None,
    max_iter: Annotated[
        int | None,
        typer.Option(
            metavar="N",
            min=1,
            help="At most so many epochs. Default: 200 in a plain network.",
            show_default=False,
            rich_help_panel=TRAINING,
        ),
    ] = None,
    patience: Annotated[
        int | None,
        typer.Option(
            metavar="N",
            min=1,
            help="Stop after so many epochs without a better validation score, or cost. Default: "
            "10 in a plain network.",
            show_default=False,
            rich_help_panel=TRAINING,
        ),
    ] = None,
    learning_rate: Annotated[
        float | None,
        typer.Option(
            metavar="RATE",
            help="Length of the steps. Default: 0.001 in a plain network.",
            show_default=False,
            rich_help_panel=TRAINING,
        ),
    ] = None,
    alpha: Annotated[
        float | None,
        typer.Option(
            metavar="λ",
            min=0,
            help="Strength of the L2 penalty of a plain network (default: 0.0001), or of the "
            "tabular model's decay.",
            show_default=False,
            rich_help_panel=TRAINING,
        ),
    ] = None,
    batch_size: Annotated[
        int | None,
        typer.Option(
            metavar="N",
            min=1,
            help="Rows of a mini-batch. Default: by the number of rows.",
            show_default=False,
            rich_help_panel=TRAINING,
        ),
    ] = None,
    seed: Annotated[
        int,
        typer.Option(
            metavar="N",
            min=0,
            max=2**32 - 1,
            help="Of all random choices.",
            rich_help_panel=TRAINING,
        ),
    ] = 0,
    memory: Annotated[
        str | None,
        typer.Option(
            metavar="SIZE",
            help="For files larger than memory, such as 'data/*.parquet': about how much of it "
            "their rows may take, such as 2GB. Default: 1GB.",
            show_default=False,
            rich_help_panel=LARGE,
        ),
    ] = None,
    dask: Annotated[
        str | None,
        typer.Option(
            metavar="ADDRESS",
            help="For files that a Dask cluster reads: its scheduler, such as "
            "tcp://scheduler:8786; or local:4, four processes of this machine.",
            show_default=False,
            rich_help_panel=LARGE,
        ),
    ] = None,
    header: Header = None,
    quiet: Annotated[
        bool, typer.Option("--quiet", "-q", help="Print nothing but warnings and errors.")
    ] = False,
) -> None:
    """Learn from a table and save what was learned.

    This is the tabular model: several networks that take their settings from the data. Each leaves
    out its own part of the rows, which choose its best epoch; the scores printed are of these. With
    --layers or --solver it is one plain network; so it is of several files, named by a pattern.

    The columns may be numbers, texts, booleans, dates, with gaps. Ctrl-C stops after the epoch
    and saves what was learned (exit code 130).

    For example:

    * multilayer fit titanic.csv --target survived -o titanic.mlp

    * multilayer fit titanic.csv --target survived --report titanic.html

    * multilayer fit diabetes --task regression --time-limit 10 --plot figures

    * multilayer fit adult.csv --target 14 --fast

    * multilayer fit adult.csv --target 14 --layers 128,64 --activation tanh

    * multilayer fit "data/*.parquet" --target price --memory 2GB

    * multilayer fit "data/*.parquet" --target price --dask tcp://scheduler:8786

    * zcat big.csv.gz | multilayer fit - --target price -o price.mlp
    """
    console = screen.console(quiet)
    plain = layers is not None or solver is not None
    if plain and (members is not None or fast or time_limit is not None):
        raise ValueError(
            "--members, --fast and --time-limit are of the tabular model, and go without "
            "--layers and --solver"
        )
    if fast and members is not None:
        raise ValueError(f"--fast trains one network, and goes without --members {members}")
    hidden = parse_layers(layers or "64,64")
    path = output or Path("model.mlp" if table == "-" else f"{Path(table).stem}.mlp")
    check_folder(path.parent)
    if path.is_dir():
        raise ValueError(f"--output must be a file, but {path} is a folder")
    if plot is not None:
        check_figures(plot)
    if report is not None:
        check_report(report)

    given = {
        "activation": activation,
        "max_iter": max_iter,
        "n_iter_no_change": patience,
        "learning_rate_init": learning_rate,
        "alpha": alpha,
        "batch_size": batch_size,
    }
    own: dict[str, Any] = {name: value for name, value in given.items() if value is not None}
    if is_large(table, memory, dask):
        refused = {
            "--members": members,
            "--fast": fast,
            "--time-limit": time_limit,
            "--plot": plot,
            "--report": report,
            "--header": header is not None,
        }
        fit_large(
            table,
            target,
            task,
            {"hidden_layer_sizes": hidden, "solver": solver or "adam", "random_state": seed, **own},
            path=path,
            validation=0.2 if validation is None else validation,
            memory=memory,
            dask=dask,
            refused=[name for name, value in refused.items() if value],
            quiet=quiet,
        )
        return
    data = read_data(table, target, task, header)
    console.print(data.describe())
    for name in telling_columns(data):
        console.print(
            f"Column {escape(name)} alone tells {escape(data.target)}: "
            "leave it out if it is not known when you predict"
        )
    share = validation if validation is not None else 0.2 if plain else 0.0
    split = split_rows(data.y, share, np.random.RandomState(seed))
    if share and len(split[1]) < 2:
        raise ValueError(
            f"--validation {share} must leave at least 2 rows to validate on, but leaves "
            f"{len(split[1])} of {len(data.y)}; --validation 0 trains on all rows"
        )
    network: Any
    if plain:
        size = own.pop("batch_size", None) or min(max(len(data.y) // 100, 32), 256)
        network = (MLPClassifier if data.classes else MLPRegressor)(
            hidden_layer_sizes=hidden,
            solver=solver or "adam",
            batch_size=min(size, len(split[0])),
            random_state=seed,
            **own,
        )
        if not quiet:
            progress = TrainingProgress(screen.console(stderr=True), data.score_name)
            network.set_callbacks(progress)
    else:
        network = (TabularClassifier if data.classes else TabularRegressor)(
            n_members=members or "auto",
            fast=fast,
            time_limit=time_limit,
            random_state=seed,
            verbose=not quiet,
            **own,
        )
    began = time.perf_counter()
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        model = train(network, data, *split) if plain else train_tabular(network, data, *split)
    seconds = time.perf_counter() - began
    if plain:
        network.set_callbacks()
    messages = [str(w.message) for w in caught]
    interrupted = "Training interrupted by user." in messages

    parts = {
        name: rows
        for name, rows in zip(("training", "validation"), split, strict=True)
        if len(rows)
    }
    scores = {
        name: screen.scores(model, data.X[rows], data.y[rows]) for name, rows in parts.items()
    }
    sizes = {name: len(rows) for name, rows in parts.items()}
    if not plain and not len(split[1]):
        left = out_of_fold(model, data.y)
        if left.scores:
            scores, sizes = {OUT_OF_FOLD: left.scores}, {OUT_OF_FOLD: left.rows}
    notes = make_notes(
        target=data.target,
        task=data.task,
        table=table,
        header=data.header,
        rows=sizes,
        scores=scores,
        seconds=seconds,
        interrupted=interrupted,
    )
    multilayer.save(model, path, notes)
    encoder = model[0] if plain else model.encoder_
    if encoder.dropped_:
        console.print(screen.left_out(encoder.dropped_))
    console.print(escape(repr(network.network_) if plain else layout(model)))
    console.print(screen.course(network, notes) if plain else course(model, notes))
    console.print(screen.scores_table(notes))
    console.print(f"Saved to {escape(str(path))}", soft_wrap=True)
    rows = split[1] if len(split[1]) else split[0]
    if plot is not None:
        if plain:
            names = write_figures(plot, model, data.X[rows], data.y[rows])
        else:
            names = write_tabular_figures(plot, model, data, split[1])
        console.print(f"Figures in {escape(str(plot))}: {', '.join(names)}", soft_wrap=True)
    if report is not None:
        held_out = True if len(split[1]) else False if plain else None
        write_report(
            model,
            data.X[rows],
            data.y[rows],
            report,
            title=f"{data.target} in {table}",
            unseen=held_out,
            model_path=str(path),
            verbose=not quiet,
        )
        console.print(f"Report in {escape(str(report))}", soft_wrap=True)
    for message in messages:
        sys.stderr.write(f"multilayer: warning: {message}\n")
    if interrupted:
        raise typer.Exit(INTERRUPTED)
