"""The table itself: its columns, and what is to be predicted."""

from __future__ import annotations

import datetime as dt
from typing import Any

import numpy as np
from numpy.typing import NDArray

from multilayer.plots._style import COLORS
from multilayer.report.judged import Judged
from multilayer.report.sections import Listing, Section, counts, number, plain
from multilayer.report.svg import draw

__all__ = ["columns", "target"]

MOST_COLUMNS, MOST_CLASSES, MOST_NAMED = 60, 30, 3
EPOCH = dt.datetime(1970, 1, 1)


def columns(judged: Judged) -> Section:
    """List the columns."""
    table = judged.table
    shown = range(min(MOST_COLUMNS, len(table.names)))
    head = ["column", "kind", "gaps", "distinct", "values"]
    treatments = _treatments(judged)
    rows = []
    for j in shown:
        gaps, distinct, values = _describe(table.values(j), table.kinds[j])
        share = f"{100 * gaps / len(table):.3g} %" if gaps else ""
        row = [plain(table.names[j]), table.kinds[j], share, str(distinct), values]
        rows.append(row + ([treatments.get(table.names[j], "")] if treatments else []))
    more = len(table.names) - len(shown)
    return Section(
        "data",
        "The data",
        f"{len(table)} rows and {len(table.names)} columns besides the target: of each its kind, "
        "how many of its cells are empty, how many different values it has, and which; numbers "
        "from the smallest over the median to the largest, categories by the most frequent."
        + (f" The first {len(shown)} columns are listed, {more} are not." if more else ""),
        [Listing(head + ["what is done to it"] * bool(treatments), rows, (2, 3))],
        wide=True,
    )


def target(judged: Judged) -> Section:
    """Show what is to be predicted."""
    y = judged.y
    if judged.classifies:
        often = np.bincount(y, minlength=len(judged.classes))
        order = np.argsort(-often, kind="stable")[:MOST_CLASSES]
        rows = [
            (judged.classes[k], str(often[k]), f"{100 * often[k] / len(y):.1f} %") for k in order
        ]
        listing = Listing(("class", "rows", "share"), rows, (1, 2))
        reading = (
            f"Of {len(judged.classes)} classes, how many of the {len(y)} rows judged belong to "
            "each; the rarer a class, the less sure is all that is said of it."
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


def _moment(seconds: float) -> str:
    if abs(seconds) < 1e8:  # no date, but a time of day or a span
        return f"{number(seconds)} s"
    text = (EPOCH + dt.timedelta(seconds=seconds)).isoformat(" ", timespec="minutes")
    return text.removesuffix(" 00:00")
