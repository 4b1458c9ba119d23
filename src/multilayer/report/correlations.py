"""Associations between the columns, and of each column with the target."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.stats import rankdata

from multilayer.plots.style import signed_colormap
from multilayer.report.evaluation import Evaluation
from multilayer.report.importance import Importance
from multilayer.report.sections import Listing, Section, plain
from multilayer.report.svg import draw, label

__all__ = ["association", "correlations"]

Array = NDArray[Any]
MOST_COLUMNS, MOST_ROWS, MOST_WRITTEN, MOST_PAIRS = 16, 10_000, 12, 10
MOST_LEVELS = 50  # beyond which a column of texts is no category


def association(a: Array, b: Array) -> float:
    """Measure how strongly two columns are associated, over the rows in which both are known.

    Parameters
    ----------
    a, b : ndarray, shape (m,)
        Numbers (float, NaN where missing), or codes of categories (int, −1 where missing).

    Returns
    -------
    float
        Of two columns of numbers Spearman's rank correlation, −1 to 1. Of numbers and categories
        the correlation ratio of the ranks, of categories Cramér's V, both 0 to 1. NaN if a column
        is constant.
    """
    known = _known(a) & _known(b)
    a, b = a[known], b[known]
    if len(a) < 2:
        return np.nan
    numeric = [column.dtype.kind == "f" for column in (a, b)]
    if all(numeric):
        return _pearson(rankdata(a), rankdata(b))
    if any(numeric):
        numbers, codes = (a, b) if numeric[0] else (b, a)
        return _correlation_ratio(rankdata(numbers), codes)
    return _cramers_v(a, b)


def _known(column: Array) -> Array:
    return ~np.isnan(column) if column.dtype.kind == "f" else column >= 0


def _pearson(a: Array, b: Array) -> float:
    a, b = a - a.mean(), b - b.mean()
    spread = np.sqrt((a @ a) * (b @ b))
    return float(a @ b / spread) if spread else np.nan


def _correlation_ratio(numbers: Array, codes: Array) -> float:
    """Compute √(variance between categories / variance)."""
    often = np.bincount(codes)
    sums = np.bincount(codes, numbers)
    means = np.divide(sums, often, out=np.zeros(len(often)), where=often > 0)
    total = ((numbers - numbers.mean()) ** 2).sum()
    if not total or np.count_nonzero(often) < 2:
        return np.nan
    return float(np.sqrt((often * (means - numbers.mean()) ** 2).sum() / total))


def _cramers_v(a: Array, b: Array) -> float:
    n, n_b = len(a), int(b.max()) + 1
    table = np.bincount(a * n_b + b, minlength=(int(a.max()) + 1) * n_b).reshape(-1, n_b)
    table = table[table.sum(axis=1) > 0][:, table.sum(axis=0) > 0]
    least = min(table.shape) - 1
    if not least:
        return np.nan
    expected = np.outer(table.sum(axis=1), table.sum(axis=0)) / n
    return float(np.sqrt(((table - expected) ** 2 / expected).sum() / (n * least)))


def correlations(evaluation: Evaluation, importance: Importance) -> Section | None:
    """Draw the associations of the most important columns, with the target as the last one."""
    columns, names = _columns(evaluation, importance)
    n = len(names)
    if n < 3:  # two columns besides the target
        return None
    values = np.eye(n)
    for j in range(n):
        for k in range(j):
            values[j, k] = values[k, j] = association(columns[j], columns[k])

    def drawn(figure: Any) -> None:
        ax = figure.subplots()
        ax.imshow(values, cmap=signed_colormap(), vmin=-1, vmax=1)
        for j, k in np.ndindex(n, n) if n <= MOST_WRITTEN else ():
            if np.isfinite(values[j, k]) and j != k:
                text = _written(float(values[j, k])).replace("0.", ".")
                ax.text(k, j, text, ha="center", va="center", fontsize=7)
        texts = [label(plain(name, 16)) for name in names]
        ax.set_xticks(range(n), texts, rotation=90)
        ax.set_yticks(range(n), texts)
        ax.tick_params(length=0)

    pairs = [(j, k) for j in range(n - 1) for k in range(j) if np.isfinite(values[j, k])]
    pairs.sort(key=lambda pair: -abs(values[pair]))
    rows = [
        (plain(names[k], 24), plain(names[j], 24), _written(float(values[j, k])))
        for j, k in pairs[:MOST_PAIRS]
    ]
    more = len(evaluation.table.names) + 1 - n
    side = 2.4 + 0.27 * n
    return Section(
        "correlations",
        "Correlations",
        "Numbers and dates: Spearman's rank correlation, from −1 (red) to 1 (blue). Categories: "
        "Cramér's V. Numbers with categories: the correlation ratio of the ranks. The latter two "
        "are from 0 to 1. Each pair of columns is compared over the rows in which both are known; "
        "the last row and column are the target"
        + (", of which the second class counts as 1." if evaluation.binary else ".")
        + (f" {more} columns that are less important, or texts, are left out." * (more > 0)),
        [Listing(("column", "column", "correlation"), rows, (2,), "Strongest pairs of columns")],
        [draw("correlations", drawn, (side, side), "Correlations")],
        wide=True,
    )


def _written(value: float) -> str:
    return f"{round(value, 2) + 0.0:.2f}".replace("-", "−")  # which is no negative zero


def _columns(evaluation: Evaluation, importance: Importance) -> tuple[list[Array], list[str]]:
    """Return the columns in their order in the table, and the target, with their names."""
    table, rows = evaluation.table, evaluation.sample(MOST_ROWS)
    found: dict[int, Array] = {}
    for j in map(int, importance.columns):
        values = table.values(j)[rows]
        if table.kinds[j] not in ("number", "date"):
            values = _codes(values)
            if values.max() >= MOST_LEVELS:
                continue
        found[j] = values
        if len(found) == MOST_COLUMNS:
            break
    y = evaluation.y[np.searchsorted(evaluation.rows, rows)]
    numeric = evaluation.binary or not evaluation.classifies
    order = sorted(found)
    return (
        [*(found[j] for j in order), y.astype(np.float64) if numeric else y],
        [*(table.names[j] for j in order), evaluation.target],
    )


def _codes(texts: Array) -> NDArray[np.int64]:
    """Return the number of each category, −1 where it is missing."""
    missing = np.array([text is None for text in texts])
    codes = np.full(len(texts), -1)
    if not missing.all():
        codes[~missing] = np.unique(texts[~missing].astype(str), return_inverse=True)[1]
    return codes
