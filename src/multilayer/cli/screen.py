"""Lines and tables that the commands print: networks, training, scores, confusions, columns."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from rich.console import Console, RenderableType
from rich.table import Table
from sklearn import metrics

from multilayer.cli.messages import shown

__all__ = [
    "columns_table",
    "confusion_table",
    "console",
    "left_out",
    "members_line",
    "members_training_line",
    "network_line",
    "network_training_line",
    "scores_table",
    "training_summary",
]

MOST_CLASSES_SHOWN = 12


def console(quiet: bool = False, stderr: bool = False) -> Console:
    """Return the terminal to print to."""
    return Console(quiet=quiet, stderr=stderr, highlight=False, emoji=False)


def _number(value: float) -> str:
    """Write a score or an error with four figures."""
    return f"{value:.4f}" if 1e-3 <= abs(value) < 10 or value == 0 else f"{value:.4g}"


def scores_table(notes: Mapping[str, Any]) -> Table:
    """Lay out the scores on each set of rows, as in a model's notes."""
    table = Table(box=None, pad_edge=False)
    table.add_column("")
    table.add_column("rows", justify="right")
    for name in next(iter(notes["scores"].values())):
        table.add_column(shown(name), justify="right")
    for part, values in notes["scores"].items():
        table.add_row(shown(part), shown(notes["rows"][part]), *map(_number, values.values()))
    return table


def training_summary(
    dropped: Mapping[str, str], network: str, training: str, notes: Mapping[str, Any]
) -> list[RenderableType]:
    """Return the lines and the table that are printed of a model after its training.

    Parameters
    ----------
    dropped : mapping
        The columns left out, with the reasons.
    network, training : str
        A line on the network or networks, and one on their training.
    notes : mapping
        The model's notes, with its scores.
    """
    return [*left_out(dropped), network, training, scores_table(notes)]


def network_line(network: Any) -> str:
    """Describe a plain network in a line."""
    return "\n".join(map(shown, repr(network.network_).splitlines()))


def network_training_line(network: Any, notes: Mapping[str, Any]) -> str:
    """Describe in a line how a plain network was trained."""
    unit = "iterations" if network.solver in ("gd", "lbfgs") else "epochs"
    best = ""
    if network.validation_scores_:
        number = int(np.argmax(network.validation_scores_)) + 1
        best = f", the best by validation, number {number}, is kept"
    return _training_line(network.solver, f"{network.n_iter_} {unit}", best, notes)


def members_line(model: Any) -> str:
    """Describe the networks of a tabular model in a line."""
    network, encoder = model.members_[0], model.encoder_
    sizes = [network.thetas[0].shape[1] - 1, *map(len, network.thetas)]
    numbers, categories = encoder.n_numbers_, len(encoder.n_codes_)
    parts = []
    if numbers:
        parts.append(f"periodic features of {numbers} column{'s' * (numbers != 1)} of numbers")
    if categories:
        parts.append(f"embeddings of {categories} column{'s' * (categories != 1)} of categories")
    embedded = f"; {' and '.join(parts)}" if parts else ""
    n = len(model.members_)
    networks = "networks" if n > 1 else "network"
    return shown(f"{n} {networks} {'-'.join(map(str, sizes))}, {network.activation}{embedded}")


def members_training_line(model: Any, notes: Mapping[str, Any]) -> str:
    """Describe in a line how the networks of a tabular model were trained."""
    first, last = min(model.best_iterations_), max(model.best_iterations_)
    best = ""
    if first < last:
        best = f"; taken from epochs {first} to {last}, the best by validation"
    elif last < model.n_iter_:
        best = f"; taken from epoch {last}, the best by validation"
    return _training_line("adamw", f"{model.n_iter_} epochs", best, notes)


def _training_line(solver: str, length: str, best: str, notes: Mapping[str, Any]) -> str:
    seconds = f" in {notes['seconds']:.2f} s" if "seconds" in notes else ""
    interrupted = "; interrupted by Ctrl-C" if notes.get("interrupted") else ""
    return f"Trained by {solver}: {length}{seconds}{best}{interrupted}"


def left_out(dropped: Mapping[str, str]) -> list[str]:
    """Return a line on the columns that were left out, and why, if there are any."""
    if not dropped:
        return []
    reasons = [f"{name} ({reason})" for name, reason in dropped.items()]
    more = f" and {len(reasons) - 8} more" if len(reasons) > 8 else ""
    return [shown(f"Columns left out: {', '.join(reasons[:8])}{more}")]


def confusion_table(y: NDArray[Any], predicted: NDArray[Any], classes: Sequence[Any]) -> Table:
    """Count how often each class was taken for each other; the worst only if there are many."""
    counts = metrics.confusion_matrix(y, predicted, labels=classes)
    table = Table(box=None, pad_edge=False)
    if len(classes) > MOST_CLASSES_SHOWN:
        for name in ("true", "predicted", "rows"):
            table.add_column(name, justify="right" if name == "rows" else "left")
        wrong = counts - np.diag(np.diag(counts))
        for at in np.argsort(-wrong, axis=None, kind="stable")[: min(10, np.count_nonzero(wrong))]:
            j, k = np.unravel_index(at, wrong.shape)
            table.add_row(shown(classes[j]), shown(classes[k]), str(wrong[j, k]))
        return table
    table.add_column("true \\ predicted")
    for label in classes:
        table.add_column(shown(label), justify="right", overflow="ellipsis", no_wrap=True)
    for k, (label, row) in enumerate(zip(classes, counts, strict=True)):
        cells = [f"[bold]{n}[/]" if j == k else str(n) for j, n in enumerate(row)]
        table.add_row(shown(label), *cells)
    return table


def columns_table(summary: Sequence[Mapping[str, Any]]) -> Table:
    """Lay out how each column is encoded."""
    table = Table(box=None, pad_edge=False)
    table.add_column("column", overflow="fold")
    table.add_column("kind")
    table.add_column("features", justify="right")
    table.add_column("what is done")
    for row in summary:
        style = "dim" if not row["features"] else None
        table.add_row(
            shown(row["column"]),
            shown(row["kind"]),
            str(row["features"]),
            shown(row["treatment"]),
            style=style,
        )
    return table
