"""The rows with the largest errors, beside what the saved model predicts for them."""

from __future__ import annotations

from typing import Any

import numpy as np

from multilayer.report.evaluation import Evaluation
from multilayer.report.importance import Importance
from multilayer.report.sections import Listing, Section, counted, number, plain

__all__ = ["shown_cell", "worst"]

WORST, WORST_COLUMNS = 10, 6


def worst(evaluation: Evaluation, importance: Importance) -> Section:
    """List the rows with the largest losses.

    An out-of-fold prediction is that of a network which was not trained on the row, at the epoch
    that the other held-out rows choose. The saved model may be right on such a row, as it was
    trained on it, and the row helped to choose the epochs: both predictions are listed.
    """
    table, held_out = evaluation.table, evaluation.folds is not None
    columns = [int(j) for j in importance.columns[:WORST_COLUMNS]]
    order = np.argsort(-evaluation.losses, kind="stable")[:WORST]
    places = evaluation.rows[order]
    saved = evaluation.predict(table.take(places)) if held_out else None
    rows = []
    for at, (k, row) in enumerate(zip(order, places, strict=True)):
        own = _predicted(evaluation, evaluation.y[k], evaluation.H[k])
        if saved is not None:
            own += _predicted(evaluation, evaluation.y[k], saved[at])[1:]
        cells = [plain(shown_cell(table.cell(int(row), j)), 24) for j in columns]
        rows.append([str(row), *own, *cells])
    last = "p of true class" if evaluation.classifies else "error"
    head = ["row", "true", "predicted", last]
    if held_out:
        head = ["row", "true", "out of fold", last, "saved model", last]
    numeric = [k for k, name in enumerate(head) if name in ("row", last)]
    if not evaluation.classifies:
        numeric = list(range(len(head)))
    numeric += [len(head) + k for k, j in enumerate(columns) if table.kinds[j] == "number"]
    return Section(
        "worst",
        "Largest errors",
        f"The {counted(len(rows), 'row')} with the largest losses, and the values of the most "
        "important columns. The first row of the table has the number 0. Check whether their "
        "targets are correct, and whether a column is missing that would explain them."
        + (_on_saved(evaluation, order, saved) if saved is not None else ""),
        [Listing([*head, *(plain(table.names[j], 24) for j in columns)], rows, numeric)],
        wide=True,
    )


def _predicted(evaluation: Evaluation, y: Any, h: Any) -> list[str]:
    """Return the target, its prediction, and the probability of the target or the error."""
    if evaluation.classifies:
        return [evaluation.classes[y], evaluation.classes[h.argmax()], f"{h[y]:.3f}"]
    h = float(np.ravel(h)[0])
    return [number(y), number(h), number(h - y)]


def _on_saved(evaluation: Evaluation, order: Any, saved: Any) -> str:
    """Describe how the saved model, which has seen these rows, predicts them."""
    seen = (
        "was trained on these rows"
        if evaluation.trained_on_rows
        else "is of the epoch that these rows chose"
    )
    text = (
        " The scores on this page come from the out-of-fold predictions. The saved model "
        f"{seen}, so its own predictions for them are usually better."
    )
    if not evaluation.classifies:
        return text
    wrong = evaluation.predicted[order] != evaluation.y[order]
    right = wrong & (saved.argmax(axis=1) == evaluation.y[order])
    return (
        f"{text} Of the {wrong.sum()} listed rows that are wrong out of fold, it classifies "
        f"{right.sum()} correctly."
    )


def shown_cell(value: Any) -> Any:
    """Return a cell, or a dash for a gap."""
    try:
        return "–" if value is None or value != value else value
    except (TypeError, ValueError):  # pandas.NA
        return "–"
