"""The table itself: its columns, and what is to be predicted."""

from __future__ import annotations

import datetime as dt
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import precision_recall_fscore_support

from multilayer.plots._style import COLORS
from multilayer.report.evaluation import Judged
from multilayer.report.sections import Bars, Listing, Section, counts, number, plain
from multilayer.report.svg import draw

__all__ = ["columns", "target"]

MOST_COLUMNS, MOST_CLASSES, MOST_NAMED, BINS = 60, 30, 3, 12
EPOCH = dt.datetime(1970, 1, 1)


def columns(judged: Judged) -> Section:
    """List the columns."""
    table = judged.table
    shown = range(min(MOST_COLUMNS, len(table.names)))
    head = ["column", "kind", "gaps", "distinct", "", "values"]
    treatments = _treatments(judged)
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
        f"{len(table)} rows and {len(table.names)} columns besides the target. Of each: its kind, "
        "its empty cells, how many different values it has and their counts as bars, and the "
        "smallest number, the median and the largest, or the most frequent categories."
        + (f" The first {len(shown)} columns are listed, {more} are not." if more else ""),
        [Listing(head + ["what is done to it"] * bool(treatments), rows, (2, 3))],
        wide=True,
    )


def target(judged: Judged) -> Section:
    """Show what is to be predicted."""
    y = judged.y
    if judged.classifies:
        listing = _classes(judged)
        reading = (
            f"Of {len(judged.classes)} classes, how many of the {len(y)} rows judged belong to "
            "each. Precision is the share of right ones among the rows predicted to be of a class, "
            "recall among those that are, F1 their harmonic mean; of rare classes they say little."
        )
        return Section("target", "What is predicted", reading, [listing])

    def histogram(figure: Any) -> None:
        ax = figure.subplots()
        ax.hist(y, bins=min(40, max(10, len(y) // 25)), color=COLORS[0])
        ax.set(xlabel="Target", ylabel="Rows")
        ax.grid(axis="y")

    names = ("smallest", "lower quarter", "median", "upper quarter", "largest", "mean")
    values = map(number, [*np.quantile(y, [0, 0.25, 0.5, 0.75, 1]), y.mean()])
    listing = Listing(("of the target", "value"), list(zip(names, values, strict=True)), (1,))
    reading = f"The higher a bar, the more of the {len(y)} rows judged have such a target."
    figure = draw("target", histogram, (4.6, 2.6), "Distribution of the target")
    return Section("target", "What is predicted", reading, [listing], [figure])


def _classes(judged: Judged) -> Listing:
    """List the classes, the most frequent first, and how well each is found."""
    every = range(len(judged.classes))
    *found, often = precision_recall_fscore_support(
        judged.y, judged.predicted, labels=every, zero_division=np.nan
    )
    rows = [
        (
            judged.classes[k],
            str(often[k]),
            f"{100 * often[k] / len(judged.y):.1f} %",
            *("–" if np.isnan(score[k]) else f"{score[k]:.3f}" for score in found),
        )
        for k in np.argsort(-often, kind="stable")[:MOST_CLASSES]
    ]
    return Listing(("class", "rows", "share", "precision", "recall", "F1"), rows, range(1, 6))


def _treatments(judged: Judged) -> dict[str, str]:
    """Say what a model that reads raw tables does to each column."""
    reader = judged.model[0] if judged.model is not judged.network else judged.model
    if not hasattr(reader, "summary"):
        return {}
    return {row["column"]: row["treatment"] for row in reader.summary()}


def _describe(values: NDArray[Any], kind: str) -> tuple[int, int, str]:
    """Count gaps and different values of a column, and sum it up."""
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
    """Count numbers in bins, all but the last hundredth at each end in its place, or categories."""
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
    if abs(seconds) < 1e8:  # no date, but a time of day or a span
        return f"{number(seconds)} s"
    text = (EPOCH + dt.timedelta(seconds=seconds)).isoformat(" ", timespec="minutes")
    return text.removesuffix(" 00:00")
