"""What the commands print: tables of scores, confusions, columns."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from rich.console import Console
from rich.markup import escape
from rich.table import Table
from sklearn import metrics

__all__ = [
    "class_scores",
    "columns_table",
    "confusion_table",
    "console",
    "course",
    "left_out",
    "number",
    "number_scores",
    "scores",
    "scores_table",
]

MOST_CLASSES_SHOWN = 12


def console(quiet: bool = False, stderr: bool = False) -> Console:
    """Give the terminal to print to."""
    return Console(quiet=quiet, stderr=stderr, highlight=False, emoji=False)


def number(value: float) -> str:
    """Write a score or an error with four figures."""
    return f"{value:.4f}" if 1e-3 <= abs(value) < 10 or value == 0 else f"{value:.4g}"


def scores(model: Any, X: Any, y: NDArray[Any]) -> dict[str, float]:
    """Measure a fitted estimator on rows.

    Parameters
    ----------
    model : estimator
        With `classes_` if it is a classifier.
    X : array-like, shape (m, n)
    y : ndarray, shape (m,)

    Returns
    -------
    dict
        "accuracy" and "log-loss" (in nats), or "R²", and "RMSE" and "MAE" (in units of y).
    """
    if hasattr(model, "classes_"):
        return class_scores(model.classes_, np.asarray(model.predict_proba(X)), y)
    return number_scores(np.asarray(model.predict(X), dtype=np.float64), y)


def class_scores(classes: NDArray[Any], H: NDArray[Any], y: NDArray[Any]) -> dict[str, float]:
    """Give accuracy and log-loss of probabilities H (m, n_classes)."""
    at = np.searchsorted(classes, y)
    # The probability of the true class, kept from 0 as scikit-learn's log_loss keeps it.
    h = np.clip(H[np.arange(len(y)), at].astype(np.float64), np.finfo(np.float32).eps, 1)
    return {
        "accuracy": float(np.mean(classes[H.argmax(axis=1)] == y)),
        "log-loss": float(np.log(1 / h).mean()),
    }


def number_scores(h: NDArray[Any], y: NDArray[Any]) -> dict[str, float]:
    """Give R², RMSE and MAE of predictions h (m,)."""
    return {
        "R²": float(metrics.r2_score(y, h)) if len(y) > 1 else float("nan"),
        "RMSE": float(metrics.root_mean_squared_error(y, h)),
        "MAE": float(metrics.mean_absolute_error(y, h)),
    }


def scores_table(notes: Mapping[str, Any]) -> Table:
    """Lay out the scores on each set of rows, as in a model's notes."""
    table = Table(box=None, pad_edge=False)
    table.add_column("")
    table.add_column("rows", justify="right")
    for name in next(iter(notes["scores"].values())):
        table.add_column(name, justify="right")
    for part, values in notes["scores"].items():
        table.add_row(escape(part), str(notes["rows"][part]), *map(number, values.values()))
    return table


def course(network: Any, notes: Mapping[str, Any]) -> str:
    """Say in a line how a network was trained."""
    unit = "iterations" if network.solver in ("gd", "lbfgs") else "epochs"
    text = f"Trained by {network.solver}: {network.n_iter_} {unit}"
    if "seconds" in notes:
        text += f" in {notes['seconds']:.2f} s"
    if network.validation_scores_:
        best = int(np.argmax(network.validation_scores_)) + 1
        text += f", the best by validation, number {best}, is kept"
    if notes.get("interrupted"):
        text += "; interrupted by Ctrl-C"
    return text


def left_out(dropped: Mapping[str, str]) -> str:
    """Say which columns were left out, and why."""
    reasons = [f"{name} ({reason})" for name, reason in dropped.items()]
    more = f" and {len(reasons) - 8} more" if len(reasons) > 8 else ""
    return escape(f"Columns left out: {', '.join(reasons[:8])}{more}" if reasons else "")


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
            table.add_row(escape(str(classes[j])), escape(str(classes[k])), str(wrong[j, k]))
        return table
    table.add_column("true \\ predicted")
    for label in classes:
        table.add_column(escape(str(label)), justify="right", overflow="ellipsis", no_wrap=True)
    for k, (label, row) in enumerate(zip(classes, counts, strict=True)):
        cells = [f"[bold]{n}[/]" if j == k else str(n) for j, n in enumerate(row)]
        table.add_row(escape(str(label)), *cells)
    return table


def columns_table(summary: Sequence[Mapping[str, Any]]) -> Table:
    """Lay out what is done to each column."""
    table = Table(box=None, pad_edge=False)
    table.add_column("column", overflow="fold")
    table.add_column("kind")
    table.add_column("features", justify="right")
    table.add_column("what is done")
    for row in summary:
        style = "dim" if not row["features"] else None
        table.add_row(
            escape(row["column"]),
            row["kind"],
            str(row["features"]),
            escape(row["treatment"]),
            style=style,
        )
    return table
