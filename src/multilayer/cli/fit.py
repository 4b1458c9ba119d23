"""`multilayer fit`: from a table to a saved model."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer
from rich.console import Console
from rich.markup import escape

from multilayer.activations import ACTIVATIONS
from multilayer.cli import screen
from multilayer.cli.data import Data, hold_out, read_data, revealing_columns
from multilayer.cli.deliver import deliver
from multilayer.cli.fit_large import fit_large
from multilayer.cli.fit_options import Options
from multilayer.cli.fit_plain import fit_plain
from multilayer.cli.fit_tabular import fit_tabular
from multilayer.cli.options import (
    Header,
    Layers,
    ModelOutput,
    Quiet,
    TablePath,
    Target,
    Task,
    max_iter_option,
    seed_option,
)

__all__ = ["fit"]

TRAINING, LARGE = "Training", "More data than memory"  # parts of the help

Validation = Annotated[
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
]
FigureFolder = Annotated[
    Path | None,
    typer.Option(metavar="DIR", help="Folder to draw figures into.", show_default=False),
]
ReportPath = Annotated[
    Path | None,
    typer.Option(
        metavar="HTML",
        help="Page to write on the data, the network, its scores and what it makes of the columns.",
        show_default=False,
    ),
]
Members = Annotated[
    int | None,
    typer.Option(
        metavar="N",
        min=1,
        help="Networks of the tabular model. Default: 8.",
        show_default=False,
        rich_help_panel=TRAINING,
    ),
]
Fast = Annotated[
    bool, typer.Option("--fast", help="One tabular network only.", rich_help_panel=TRAINING)
]
TimeLimit = Annotated[
    float | None,
    typer.Option(
        metavar="SECONDS",
        help="About how long the tabular model may train.",
        show_default=False,
        rich_help_panel=TRAINING,
    ),
]
Activation = Annotated[
    str | None,
    typer.Option(
        metavar="NAME",
        help=f"Of the hidden layers: {', '.join(ACTIVATIONS)}. Default: relu in a plain network.",
        show_default=False,
        rich_help_panel=TRAINING,
    ),
]
Solver = Annotated[
    Literal["adam", "sgd", "gd", "lbfgs"] | None,
    typer.Option(
        metavar="NAME",
        help="Of a plain network: adam (the default) or sgd; gd or lbfgs, which take all rows "
        "at every step.",
        show_default=False,
        rich_help_panel=TRAINING,
    ),
]
Patience = Annotated[
    int | None,
    typer.Option(
        metavar="N",
        min=1,
        help="Stop after so many epochs without a better validation score, or cost. Default: "
        "10 in a plain network.",
        show_default=False,
        rich_help_panel=TRAINING,
    ),
]
LearningRate = Annotated[
    float | None,
    typer.Option(
        metavar="RATE",
        help="Length of the steps. Default: 0.001 in a plain network.",
        show_default=False,
        rich_help_panel=TRAINING,
    ),
]
Alpha = Annotated[
    float | None,
    typer.Option(
        metavar="λ",
        min=0,
        help="Strength of the L2 penalty of a plain network (default: 0.0001), or of the "
        "tabular model's decay.",
        show_default=False,
        rich_help_panel=TRAINING,
    ),
]
BatchSize = Annotated[
    int | None,
    typer.Option(
        metavar="N",
        min=1,
        help="Rows of a mini-batch. Default: by the number of rows.",
        show_default=False,
        rich_help_panel=TRAINING,
    ),
]
Memory = Annotated[
    str | None,
    typer.Option(
        metavar="SIZE",
        help="For files larger than memory, such as 'data/*.parquet': about how much of it "
        "their rows may take, such as 2GB. Default: 1GB.",
        show_default=False,
        rich_help_panel=LARGE,
    ),
]
Dask = Annotated[
    str | None,
    typer.Option(
        metavar="ADDRESS",
        help="For files that a Dask cluster reads: its scheduler, such as "
        "tcp://scheduler:8786; or local:4, four processes of this machine.",
        show_default=False,
        rich_help_panel=LARGE,
    ),
]


def fit(
    table: TablePath,
    target: Target = None,
    layers: Layers = None,
    task: Task = "auto",
    validation: Validation = None,
    output: ModelOutput = None,
    plot: FigureFolder = None,
    report: ReportPath = None,
    members: Members = None,
    fast: Fast = False,
    time_limit: TimeLimit = None,
    activation: Activation = None,
    solver: Solver = None,
    max_iter: Annotated[int | None, max_iter_option(TRAINING)] = None,
    patience: Patience = None,
    learning_rate: LearningRate = None,
    alpha: Alpha = None,
    batch_size: BatchSize = None,
    seed: Annotated[int, seed_option(TRAINING)] = 0,
    memory: Memory = None,
    dask: Dask = None,
    header: Header = None,
    quiet: Quiet = False,
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
    options = Options(**locals())  # every option is a parameter of this function
    options.check()
    console = screen.console(quiet)
    if options.large:
        trained = fit_large(options, console)
    else:
        data = _read(options, console)
        split = hold_out(data, options.validation_share, seed)
        trained = (fit_plain if options.plain else fit_tabular)(data, split, options)
    deliver(trained, options.outputs, console)


def _read(options: Options, console: Console) -> Data:
    """Read the table and print what it holds, columns that give the target away among it."""
    data = read_data(options.table, options.target, options.task, options.header)
    console.print(data.describe())
    for name in revealing_columns(data):
        console.print(
            f"Column {escape(name)} alone tells {escape(data.target)}: "
            "leave it out if it is not known when you predict"
        )
    return data
