"""`multilayer fit`: from a table to a saved model."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer
from rich.console import Console

from multilayer.activations import ACTIVATIONS
from multilayer.cli import screen
from multilayer.cli.alerts import print_alerts
from multilayer.cli.class_options import ClassWeight, Groups, Metric, Time
from multilayer.cli.data import Data, hold_out, read_data
from multilayer.cli.deliver import deliver
from multilayer.cli.fit_large import fit_large
from multilayer.cli.fit_options import Options
from multilayer.cli.fit_plain import fit_plain
from multilayer.cli.fit_tabular import fit_tabular
from multilayer.cli.fit_targets import fit_targets
from multilayer.cli.options import (
    Layers,
    ModelOutput,
    Quiet,
    ReportPath,
    TablePath,
    Target,
    Task,
    max_iter_option,
    seed_option,
)
from multilayer.reading.table import DEFAULT_OPTIONS, ReadOptions
from multilayer.tables.dependence import Dependence

__all__ = ["fit"]

TRAINING, LARGE = "Training", "More data than memory"  # parts of the help

Validation = Annotated[
    float | None,
    typer.Option(
        metavar="SHARE",
        min=0,
        max=0.9,
        help="Share of the rows to hold out, by which the best epoch is chosen; 0 trains on all "
        "rows. Default: 0.2 for a plain network; 0 for the tabular model, each of whose networks "
        "leaves out rows of its own.",
        show_default=False,
    ),
]
FigureFolder = Annotated[
    Path | None,
    typer.Option(metavar="DIR", help="Folder to save figures in.", show_default=False),
]
Members = Annotated[
    int | None,
    typer.Option(
        metavar="N",
        min=1,
        help="Number of networks in the tabular model. Default: 8.",
        show_default=False,
        rich_help_panel=TRAINING,
    ),
]
Fast = Annotated[
    bool, typer.Option("--fast", help="Train one tabular network only.", rich_help_panel=TRAINING)
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
        help=f"Activation function of the hidden layers: {', '.join(ACTIVATIONS)}. Default: "
        "relu for a plain network.",
        show_default=False,
        rich_help_panel=TRAINING,
    ),
]
Solver = Annotated[
    Literal["adam", "sgd", "gd", "lbfgs"] | None,
    typer.Option(
        metavar="NAME",
        help="Solver of a plain network: adam (the default) or sgd; gd or lbfgs, which use all "
        "rows in every step.",
        show_default=False,
        rich_help_panel=TRAINING,
    ),
]
Patience = Annotated[
    int | None,
    typer.Option(
        metavar="N",
        min=1,
        help="Stop after this many epochs without a better validation score or cost. Default: 10 "
        "for a plain network.",
        show_default=False,
        rich_help_panel=TRAINING,
    ),
]
LearningRate = Annotated[
    float | None,
    typer.Option(
        metavar="RATE",
        help="Initial learning rate. Default: 0.001 for a plain network.",
        show_default=False,
        rich_help_panel=TRAINING,
    ),
]
Alpha = Annotated[
    float | None,
    typer.Option(
        metavar="λ",
        min=0,
        help="Strength of the L2 penalty of a plain network (default: 0.0001) or of the weight "
        "decay of the tabular model.",
        show_default=False,
        rich_help_panel=TRAINING,
    ),
]
BatchSize = Annotated[
    int | None,
    typer.Option(
        metavar="N",
        min=1,
        help="Rows of a mini-batch. Default: depends on the number of rows.",
        show_default=False,
        rich_help_panel=TRAINING,
    ),
]
Memory = Annotated[
    str | None,
    typer.Option(
        metavar="SIZE",
        help="For files larger than memory, such as 'data/*.parquet': about how much "
        "memory their rows may take, such as 2GB. Default: 1GB.",
        show_default=False,
        rich_help_panel=LARGE,
    ),
]
Dask = Annotated[
    str | None,
    typer.Option(
        metavar="ADDRESS",
        help="For files that a Dask cluster reads: the address of its scheduler, such as "
        "tcp://scheduler:8786, or local:4 for four processes on this machine.",
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
    class_weight: ClassWeight = None,
    groups: Groups = None,
    time: Time = None,
    metric: Metric = None,
    seed: Annotated[int, seed_option(TRAINING)] = 0,
    memory: Memory = None,
    dask: Dask = None,
    quiet: Quiet = False,
    read: ReadOptions = DEFAULT_OPTIONS,
) -> None:
    """Train a model on a table and save it.

    The tabular model is trained: several networks that derive their settings from the data. Each
    leaves out its own part of the rows, by which its best epoch is chosen and on which it is
    scored. With --layers or --solver, and for several files named by a pattern, one plain network
    is trained instead.

    Of several targets, each has networks of its own, on the rows that have a value of it.

    Columns may hold numbers, texts, booleans or dates, and values may be missing. Ctrl-C stops
    after the current epoch and saves what was learned (exit code 130).

    For example:

    * multilayer fit titanic.csv --target survived -o titanic.mlp

    * multilayer fit titanic.csv --target survived --report titanic.html

    * multilayer fit flats.csv --target rent --target heating

    * multilayer fit diabetes --task regression --time-limit 10 --plot figures

    * multilayer fit visits.csv --target ill --groups patient

    * multilayer fit sales.csv --target amount --time date

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
    elif options.several_targets:
        trained = fit_targets(options, console)
    else:
        data, dependence = _read(options, console)
        split = hold_out(
            data.y,
            options.validation_share,
            seed,
            dependence,
            classes=data.classes,
            advice="--validation 0 trains on all rows",
        )
        if options.plain:
            trained = fit_plain(data, split, options)
        else:
            trained = fit_tabular(data, split, dependence, options)
    deliver(trained, options.outputs, console)


def _read(options: Options, console: Console) -> tuple[Data, Dependence]:
    """Read the table, and print what it holds and the alerts about it."""
    data = read_data(options.table, options.only_target, options.task, options.read)
    data, dependence = data.take_dependence(options.groups, options.time)
    console.print(data.describe())
    print_alerts(data, console, dependence)
    return data, dependence
