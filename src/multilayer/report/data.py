"""The table itself: its columns and the target."""

from __future__ import annotations

import datetime as dt
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import precision_recall_fscore_support

from multilayer.plots.style import COLORS
from multilayer.report.evaluation import Evaluation
from multilayer.report.sections import Bars, Listing, Section, counts, number, plain
from multilayer.report.svg import draw

__all__ = ["columns", "target"]

MOST_COLUMNS, MOST_CLASSES, MOST_NAMED, BINS = 60, 30, 3, 12
EPOCH = dt.datetime(1970, 1, 1)


def columns(evaluation: Evaluation) -> Section:
    """List the columns."""
    table = evaluation.table
    shown = range(min(MOST_COLUMNS, len(table.names)))
    head = ["column", "kind", "gaps", "distinct", "", "values"]
    treatments = _treatments(evaluation)
    rows = []
    for j in shown:
        cells = table.values(j)
        gaps, distinct, values = _describe(cells, table.kinds[j])
        share = f"{100 * gaps / len(table):.3g} %" if gaps else ""
        bars = _distribution(cells, table.kinds[j])
        row = [plain(table.names[j]), table.kinds[j], share, str(distinct), bars, values]
        rows.append(row + ([treatments.get(table.names[j], "")] if treatments else []))
    more = len(table.names) - len(shown)
    return Section(
        "data",
        "The data",
        f"{len(table)} rows and {len(table.names)} columns besides the target. For each column: "
        "its kind, the share of gaps, the number of distinct values and their counts as bars, and "
        "the smallest, median and largest number, or the most frequent categories."
        + (f" Only the first {len(shown)} columns are listed; {more} are left out." * (more > 0)),
        [Listing(head + ["encoding"] * bool(treatments), rows, (2, 3))],
        wide=True,
    )


def target(evaluation: Evaluation) -> Section:
    """Show the distribution of the target."""
    y = evaluation.y
    if evaluation.classifies:
        listing = _classes(evaluation)
        reading = (
            f"How many of the {len(y)} rows belong to each of the {len(evaluation.classes)} "
            "classes. Precision is the share of correct predictions among the rows predicted to be "
            "in a class, recall the share of the rows in a class that were found, and F1 their "
            "harmonic mean. For rare classes these figures are unreliable."
        )
        return Section("target", "The target", reading, [listing])

    def histogram(figure: Any) -> None:
        ax = figure.subplots()
        ax.hist(y, bins=min(40, max(10, len(y) // 25)), color=COLORS[0])
        ax.set(xlabel="Target", ylabel="Rows")
        ax.grid(axis="y")

    names = ("smallest", "lower quarter", "median", "upper quarter", "largest", "mean")
    values = map(number, [*np.quantile(y, [0, 0.25, 0.5, 0.75, 1]), y.mean()])
    listing = Listing(("statistic", "value"), list(zip(names, values, strict=True)), (1,))
    reading = f"The height of a bar is the number of rows, of {len(y)}, with targets in its range."
    figure = draw("target", histogram, (4.6, 2.6), "Distribution of the target")
    return Section("target", "The target", reading, [listing], [figure])


def _classes(evaluation: Evaluation) -> Listing:
    """List the classes, the most frequent first, with precision and recall."""
    every = range(len(evaluation.classes))
    *found, often = precision_recall_fscore_support(
        evaluation.y, evaluation.predicted, labels=every, zero_division=np.nan
    )
    rows = [
        (
            evaluation.classes[k],
            str(often[k]),
            f"{100 * often[k] / len(evaluation.y):.1f} %",
            *("–" if np.isnan(score[k]) else f"{score[k]:.3f}" for score in found),
        )
        for k in np.argsort(-often, kind="stable")[:MOST_CLASSES]
    ]
    return Listing(("class", "rows", "share", "precision", "recall", "F1"), rows, range(1, 6))


def _treatments(evaluation: Evaluation) -> dict[str, str]:
    """Return how a model that reads raw tables encodes each column."""
    reader = evaluation.model[0] if evaluation.model is not evaluation.network else evaluation.model
    if not hasattr(reader, "summary"):
        return {}
    return {row["column"]: row["treatment"] for row in reader.summary()}


def _describe(values: NDArray[Any], kind: str) -> tuple[int, int, str]:
    """Return the number of gaps and of distinct values of a column, and a summary of it."""
    if kind in ("number", "date"):
        known = values[~np.isnan(values)]
        ends = [known.min(), np.median(known), known.max()] if len(known) else []
        write = _moment if kind == "date" else number
        return len(values) - len(known), len(np.unique(known)), " … ".join(map(write, ends))
    known = np.array([value for value in values if value is not None], dtype=str)
    found, often = counts(known)
    named = [f"{plain(v, 20)} ({n})" for v, n in zip(found, often, strict=True)][:MOST_NAMED]
    if len(found) and often[0] == 1:
        named = [f"{plain(v, 20)}" for v in found[:MOST_NAMED]]
    return len(values) - len(known), len(found), ", ".join(named) + " …" * (len(found) > MOST_NAMED)


def _distribution(values: NDArray[Any], kind: str) -> Bars | str:
    """Count numbers in bins, clipped to the middle 98 %, or categories."""
    if kind in ("number", "date"):
        known = values[~np.isnan(values)]
        if not len(known):
            return ""
        low, high = np.quantile(known, [0.01, 0.99])
        often, _ = np.histogram(known.clip(low, high), bins=BINS)
    else:
        _, often = counts(np.array([value for value in values if value is not None], dtype=str))
        often = often[:BINS]
    return Bars((often / often.max()).tolist()) if len(often) else ""


def _moment(seconds: float) -> str:
    if abs(seconds) < 1e8:  # not a date, but a time of day or a duration
        return f"{number(seconds)} s"
    text = (EPOCH + dt.timedelta(seconds=seconds)).isoformat(" ", timespec="minutes")
    return text.removesuffix(" 00:00")
