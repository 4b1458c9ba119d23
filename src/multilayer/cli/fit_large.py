"""`multilayer fit` on files larger than memory, here or on a Dask cluster."""

from __future__ import annotations

import glob
import time
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import typer
from rich.markup import escape
from sklearn.pipeline import Pipeline

import multilayer
from multilayer.cli import screen
from multilayer.cli.deliver import INTERRUPTED, make_notes
from multilayer.cli.options import column_name
from multilayer.cli.progress import TrainingProgress
from multilayer.estimators.classifier import MLPClassifier
from multilayer.estimators.regressor import MLPRegressor
from multilayer.streaming import fit_files
from multilayer.tables.files import TableFiles
from multilayer.tables.reading import GAPS
from multilayer.tables.target import detect_task, fold_in_units

__all__ = ["fit_large", "is_large"]

_BATCH = 256  # rows of a mini-batch: there are very many rows
_EXAMINED = 100_000  # rows by which classes are told from numbers


def is_large(table: str, memory: str | None, dask: str | None) -> bool:
    """Whether a table is to be read in parts: several files, or by a setting."""
    pattern = glob.has_magic(table) and not Path(table).exists()
    return pattern or memory is not None or dask is not None


def fit_large(
    table: str,
    target: str | None,
    task: str,
    parameters: dict[str, Any],
    *,
    path: Path,
    validation: float,
    memory: str | None,
    dask: str | None,
    refused: Sequence[str],
    quiet: bool,
) -> None:
    """Train a plain network on files, and save it as `multilayer fit` saves one.

    Parameters
    ----------
    table : str
        A file or a pattern.
    target, task, path, quiet
        As for `multilayer fit`.
    parameters : dict
        Of the network.
    validation : float
        The share of the rows to hold out.
    memory, dask : str, optional
        How much memory to take, or which cluster.
    refused : sequence of str
        Options that were given and do not go with it.
    """
    if refused:
        raise ValueError(f"files that are read in parts go without {', '.join(refused)}")
    if memory is not None and dask is not None:
        raise ValueError("--memory is of this machine, and goes without --dask")
    console = screen.console(quiet)
    files = TableFiles(table)
    target = column_name(files.columns, target or "target", table)
    some = files.head(target, _EXAMINED)
    if task == "auto":
        task = detect_task(some)
    classes = task == "classification"
    rows = files.count(target)
    console.print(
        escape(
            f"{table}: {len(files.paths)} file(s), {rows} rows, {len(files.columns) - 1} columns "
            f"and the target {target}; {task}"
        )
    )
    network = (MLPClassifier if classes else MLPRegressor)(
        **{"batch_size": _BATCH, **parameters}, early_stopping=validation > 0
    )
    if validation:
        network.set_params(validation_fraction=validation)
    if not quiet:
        score_name = "accuracy" if classes else "R²"
        network.set_callbacks(TrainingProgress(screen.console(stderr=True), score_name))
    began = time.perf_counter()
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        if dask is None:
            model = fit_files(
                network, files.paths, target, memory=memory or "1GB", verbose=not quiet
            )
        else:
            model = _fit_on_cluster(network, files, target, dask)
    messages = [str(w.message) for w in caught if not issubclass(w.category, ResourceWarning)]
    interrupted = "Training interrupted by user." in messages
    encoder, network = model
    learned = network.t_ // max(1, network.n_iter_)
    parts = {"training": learned, "validation": rows - learned}
    name = "accuracy" if classes else "R²"
    scores = {"training": {"cost": network.loss_}}
    if validation:
        scores = {"validation": {name: network.best_validation_score_}}
    notes = make_notes(
        target=target,
        task=task,
        table=table,
        header=True,
        rows=parts,
        scores=scores,
        seconds=time.perf_counter() - began,
        interrupted=interrupted,
    )
    multilayer.save(model, path, notes)
    if encoder.dropped_:
        console.print(screen.left_out(encoder.dropped_))
    console.print(escape(repr(network.network_)))
    console.print(screen.course(network, notes))
    console.print(screen.scores_table(notes))
    console.print(f"Saved to {escape(str(path))}", soft_wrap=True)
    for message in messages:
        screen.console(stderr=True).print(f"multilayer: warning: {escape(message)}")
    if interrupted:
        raise typer.Exit(INTERRUPTED)


def _fit_on_cluster(network: Any, files: TableFiles, target: str, address: str) -> Pipeline:
    if find_spec("distributed") is None:
        raise ValueError("--dask needs multilayer[dask]: pip install 'multilayer[dask]'")
    import dask.dataframe as dd

    from multilayer.dask import DaskMLPClassifier, DaskMLPRegressor, DaskTableEncoder

    if files.kind == "Parquet":
        table = dd.read_parquet(files.paths)
    else:
        separator = "\t" if files.kind == "TSV" else ","
        table = dd.read_csv(files.paths, na_values=list(GAPS), sep=separator)
    table = table.dropna(subset=[target])
    with _client(address) as client:
        X, y, mean, scale = table.drop(columns=target), table[target], 0.0, 1.0
        classes = isinstance(network, MLPClassifier)
        if not classes:
            mean, scale = (float(v) for v in client.compute([y.mean(), y.std(ddof=0)], sync=True))
            y = (y - mean) / (scale or 1.0)
        spread = (DaskMLPClassifier if classes else DaskMLPRegressor)(
            **network.get_params(), client=client
        ).set_callbacks(*getattr(network, "_skl_callbacks", []))
        encoder = DaskTableEncoder(client=client)
        spread.fit(encoder.fit_transform(X), y)
        local = spread.to_local()
        if not classes:
            fold_in_units(local.network_, mean, scale or 1.0)
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
