"""The columns of the table: their kinds, missing values, distributions and encodings."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from multilayer.report.evaluation import Evaluation
from multilayer.report.sections import Bars, Listing, Section, as_text, counts, plain

__all__ = ["columns"]

MOST_COLUMNS, MOST_NAMED, BINS = 60, 3, 12


def columns(evaluation: Evaluation) -> Section:
    """List the columns."""
    table = evaluation.table
    shown = range(min(MOST_COLUMNS, len(table.names)))
    head = ["column", "kind", "missing", "distinct", "", "values"]
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
        f"The table has {len(table)} rows and {len(table.names)} columns besides the target. The "
        "bars show the distribution of each column. The values are the minimum, median and maximum "
        "of numbers and dates, and the most frequent categories with their counts."
        + (f" Only the first {len(shown)} columns are listed; {more} are left out." * (more > 0)),
        [Listing(head + ["encoding"] * bool(treatments), rows, (2, 3))],
        wide=True,
    )


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
        texts = [as_text(float(end), kind) for end in ends]
        return len(values) - len(known), len(np.unique(known)), " … ".join(texts)
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
