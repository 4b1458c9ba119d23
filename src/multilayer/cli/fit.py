"""`multilayer fit`: from a table to a saved network."""

from __future__ import annotations

import datetime
import os
import sys
import time
import warnings
from pathlib import Path
from typing import Annotated, Literal

import numpy as np
import typer
from rich.markup import escape

import multilayer
from multilayer import MLPClassifier, MLPRegressor
from multilayer.activations import ACTIVATIONS
from multilayer.cli import screen
from multilayer.cli.figures import check_figures, write_figures
from multilayer.cli.options import Header, TablePath
from multilayer.cli.progress import TrainingProgress
from multilayer.cli.training import read_data, telling_columns, train
from multilayer.tabular.target import split_rows

__all__ = ["fit"]

TRAINING = "Training"  # a part of the help
INTERRUPTED = 130  # what shells expect after Ctrl-C, so that `fit … && predict …` ends there


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
        str,
        typer.Option(metavar="SIZES", help="Units of each hidden layer, or none."),
    ] = "64,64",
    task: Annotated[
        Literal["auto", "classification", "regression"],
        typer.Option(
            metavar="TASK",
            help="classification, regression, or auto: classes if the target is text or a few "
            "whole numbers.",
        ),
    ] = "auto",
    validation: Annotated[
        float,
        typer.Option(
            metavar="SHARE",
            min=0,
            max=0.9,
            help="Share of the rows to hold out; they choose the best epoch. 0: train on all.",
        ),
    ] = 0.2,
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
    activation: Annotated[
        str,
        typer.Option(
            metavar="NAME",
            help=f"Of the hidden layers: {', '.join(ACTIVATIONS)}.",
            rich_help_panel=TRAINING,
        ),
    ] = "relu",
    solver: Annotated[
        Literal["adam", "sgd", "gd", "lbfgs"],
        typer.Option(
            metavar="NAME",
            help="adam or sgd; gd or lbfgs, which take all rows at every step.",
            rich_help_panel=TRAINING,
        ),
    ] = "adam",
    max_iter: Annotated[
        int,
        typer.Option(metavar="N", min=1, help="At most so many epochs.", rich_help_panel=TRAINING),
    ] = 200,
    patience: Annotated[
        int,
        typer.Option(
            metavar="N",
            min=1,
            help="Stop after so many epochs without a better validation score, or cost.",
            rich_help_panel=TRAINING,
        ),
    ] = 10,
    learning_rate: Annotated[
        float,
        typer.Option(metavar="RATE", help="Length of the steps.", rich_help_panel=TRAINING),
    ] = 0.001,
    alpha: Annotated[
        float,
        typer.Option(
            metavar="λ", min=0, help="Strength of the L2 penalty.", rich_help_panel=TRAINING
        ),
    ] = 0.0001,
    batch_size: Annotated[
        int | None,
        typer.Option(
            metavar="N",
            min=1,
            help="Rows of a mini-batch. Default: a hundredth of the rows, from 32 to 256.",
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
    header: Header = None,
    quiet: Annotated[
        bool, typer.Option("--quiet", "-q", help="Print nothing but warnings and errors.")
    ] = False,
) -> None:
    """Train a network on a table and save it.

    The columns may be numbers, texts, booleans, dates, with gaps. Ctrl-C stops after the epoch
    and saves what was learned (exit code 130).

    For example:

    * multilayer fit titanic.csv --target survived -o titanic.mlp

    * multilayer fit adult.csv --target 14 --layers 128,64 --plot figures

    * multilayer fit diabetes --task regression

    * zcat big.csv.gz | multilayer fit - --target price -o price.mlp
    """
    console = screen.console(quiet)
    hidden = parse_layers(layers)
    path = output or Path("model.mlp" if table == "-" else f"{Path(table).stem}.mlp")
    check_folder(path.parent)
    if path.is_dir():
        raise ValueError(f"--output must be a file, but {path} is a folder")
    if plot is not None:
        check_figures(plot)

    data = read_data(table, target, task, header)
    console.print(data.describe())
    for name in telling_columns(data):
        console.print(
            f"Column {escape(name)} alone tells {escape(data.target)}: "
            "leave it out if it is not known when you predict"
        )
    split = split_rows(data.y, validation, np.random.RandomState(seed))
    if validation and len(split[1]) < 2:
        raise ValueError(
            f"--validation {validation} must leave at least 2 rows to validate on, but leaves "
            f"{len(split[1])} of {len(data.y)}; --validation 0 trains on all rows"
        )
    network = (MLPClassifier if data.classes else MLPRegressor)(
        hidden_layer_sizes=hidden,
        activation=activation,
        solver=solver,
        max_iter=max_iter,
        n_iter_no_change=patience,
        learning_rate_init=learning_rate,
        alpha=alpha,
        batch_size=min(batch_size or min(max(len(data.y) // 100, 32), 256), len(split[0])),
        random_state=seed,
    )
    if not quiet:
        network.set_callbacks(TrainingProgress(screen.console(stderr=True), data.score_name))
    began = time.perf_counter()
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        model = train(network, data, *split)
    seconds = time.perf_counter() - began
    network.set_callbacks()
    messages = [str(w.message) for w in caught]
    interrupted = "Training interrupted by user." in messages

    parts = {
        name: rows
        for name, rows in zip(("training", "validation"), split, strict=True)
        if len(rows)
    }
    notes = {
        "target": data.target,
        "task": data.task,
        "table": table,
        "header": data.header,
        "rows": {name: len(rows) for name, rows in parts.items()},
        "scores": {
            name: screen.scores(model, data.X[rows], data.y[rows]) for name, rows in parts.items()
        },
        "seconds": round(seconds, 3),
        "interrupted": interrupted,
        "version": multilayer.__version__,
        "date": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
    }
    multilayer.save(model, path, notes)
    if model[0].dropped_:
        console.print(screen.left_out(model[0].dropped_))
    console.print(escape(repr(network.network_)))
    console.print(screen.course(network, notes))
    console.print(screen.scores_table(notes))
    console.print(f"Saved to {escape(str(path))}", soft_wrap=True)
    if plot is not None:
        rows = split[-1] if len(split[-1]) else split[0]
        names = write_figures(plot, model, data.X[rows], data.y[rows])
        console.print(f"Figures in {escape(str(plot))}: {', '.join(names)}", soft_wrap=True)
    for message in messages:
        sys.stderr.write(f"multilayer: warning: {message}\n")
    if interrupted:
        raise typer.Exit(INTERRUPTED)


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


def check_folder(folder: Path) -> None:
    """See that a file can be written there, before hours of training and not after."""
    if not folder.is_dir():
        raise ValueError(f"{folder} must be a folder that exists, to write to")
    if not os.access(folder, os.W_OK):
        raise ValueError(f"{folder} must be a folder that you may write to")
