"""`multilayer fit` on files larger than memory, here or on a Dask cluster."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from rich.console import Console
from sklearn.pipeline import Pipeline

from multilayer.cli import screen
from multilayer.cli.data import SCORE_NAMES, check_target_kept, find_column
from multilayer.cli.estimators import NETWORKS
from multilayer.cli.fit_options import Options
from multilayer.cli.messages import shown
from multilayer.cli.progress import TrainingProgress
from multilayer.cli.trained import Trained, make_notes, watched
from multilayer.estimators import MLPClassifier
from multilayer.extras import require
from multilayer.reading.files import TableFiles
from multilayer.reading.table import collected
from multilayer.streaming import fit_files
from multilayer.tables.target import StandardisedTarget, detect_task, fold_in_units

__all__ = ["fit_large"]

_BATCH = 256  # rows of a mini-batch: there are very many rows
_EXAMINED = 100_000  # rows by which classes are told from numbers


def fit_large(options: Options, console: Console) -> Trained:
    """Train a plain network on files that are read in parts; describe them before."""
    check_target_kept(options.only_target, options.read)
    files = TableFiles(options.table, options.read)
    target = find_column(files.columns, options.only_target or "target", options.table)
    examined = files.head(target, _EXAMINED)
    task = detect_task(examined) if options.task == "auto" else options.task
    rows = files.count(target)
    console.print(
        shown(
            f"{options.table}: {len(files.paths)} file(s), {rows} rows, "
            f"{len(files.columns) - 1} columns and the target {target}; {task}"
        )
    )
    for remark in collected(files.remarks):
        console.print(shown(remark))
    with watched() as run:
        encoder, network = model = _train(files, target, task, options)
    learned = network.t_ // max(1, network.n_iter_)
    if options.validation_share:
        scores = {"validation": {SCORE_NAMES[task]: network.best_validation_score_}}
    else:
        scores = {"training": {"cost": network.loss_}}
    notes = make_notes(
        {
            "target": target,
            "task": task,
            "table": options.table,
            "header": files.named,
            "reading": files.known.to_state(),
        },
        rows={"training": learned, "validation": rows - learned},
        scores=scores,
        seconds=run.seconds,
        interrupted=run.interrupted,
    )
    summary = screen.training_summary(
        encoder.dropped_,
        screen.network_line(network),
        screen.network_training_line(network, notes),
        notes,
    )
    return Trained(model, notes, summary, run.messages)


def _train(files: TableFiles, target: str, task: str, options: Options) -> Pipeline:
    """Fit an encoder and a network to files, on this machine or on a cluster."""
    share = options.validation_share
    parameters = {"batch_size": _BATCH, **options.network_parameters}
    network = NETWORKS[task](**parameters, early_stopping=share > 0)
    if share:
        network.set_params(validation_fraction=share)
    if not options.quiet:
        network.set_callbacks(TrainingProgress(screen.console(stderr=True), SCORE_NAMES[task]))
    if options.dask is not None:
        return _fit_on_cluster(network, files, target, options.dask)
    memory = options.memory or "1GB"
    return fit_files(network, files, target, memory=memory, verbose=not options.quiet)


def _fit_on_cluster(network: Any, files: TableFiles, target: str, address: str) -> Pipeline:
    require("--dask", "dask")
    from multilayer.dask import DaskMLPClassifier, DaskMLPRegressor, DaskTableEncoder
    from multilayer.dask.files import dask_dataframe

    with _client(address) as client:
        n_workers = len(client.scheduler_info()["workers"])
        table = dask_dataframe(files, n_workers).dropna(subset=[target])
        X, y, scaling = table.drop(columns=target), table[target], StandardisedTarget(0.0, 1.0)
        classes = isinstance(network, MLPClassifier)
        if not classes:
            moments = client.compute([y.mean(), y.var(ddof=0)], sync=True)
            scaling = StandardisedTarget.of_moments(*moments)
            y = scaling.forward(y)
        spread = (DaskMLPClassifier if classes else DaskMLPRegressor)(
            **network.get_params(), client=client
        ).set_callbacks(*getattr(network, "_skl_callbacks", []))
        encoder = DaskTableEncoder(client=client)
        spread.fit(encoder.fit_transform(X), y)
        local = spread.to_local()
        if not classes:
            fold_in_units(local.network_, scaling.mean, scaling.scale)
        return Pipeline([("encoder", encoder.to_local()), ("network", local)])


@contextmanager
def _client(address: str) -> Iterator[Any]:
    """Connect to a cluster; "local:4" makes one of four processes."""
    from distributed import Client

    kind, _, number = address.partition(":")
    if kind == "local":
        if not number.isdecimal() or int(number) < 1:
            raise ValueError(
                f"--dask local:N must have a number of processes from 1, got {address!r}"
            )
        with Client(n_workers=int(number), threads_per_worker=1, dashboard_address=":0") as client:
            yield client
        return
    try:
        client = Client(address, timeout=10)
    except (OSError, ValueError, TimeoutError) as error:
        reason = str(error) or type(error).__name__
        raise ValueError(f"no Dask scheduler can be reached at {address}: {reason}") from None
    with client:
        yield client
