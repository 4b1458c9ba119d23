"""Scores of subgroups: categories, and ranges of numbers, in which the model does worst."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.stats import binomtest

from multilayer.report.evaluation import Evaluation
from multilayer.report.sections import Listing, Section, as_text, counts, number, plain

__all__ = ["Subgroup", "subgroups", "subgroups_of"]

Array = NDArray[Any]
FEWEST_ROWS, SHARE = 20, 0.02  # a subgroup has at least so many rows, and this share of all
MOST_CATEGORIES, N_RANGES, MOST_SHOWN = 20, 4, 12
NORMAL_QUANTILE = 1.96  # of a 95 % interval


@dataclass(frozen=True)
class Subgroup:
    """The rows that have a category, or a number in a range.

    Attributes
    ----------
    column, values : str
    rows : ndarray of bool, shape (m,)
    """

    column: str
    values: str
    rows: Array


def subgroups_of(evaluation: Evaluation) -> Iterator[Subgroup]:
    """Yield the subgroups of all columns, of `Evaluation.rows`, that have enough rows."""
    m = len(evaluation.rows)
    fewest = max(FEWEST_ROWS, SHARE * m)
    for j, name in enumerate(evaluation.table.names):
        kind = evaluation.table.kinds[j]
        values = evaluation.table.values(j)[evaluation.rows]
        numeric = kind in ("number", "date")
        for texts, rows in _ranges(values, kind) if numeric else _categories(values):
            if fewest <= rows.sum() < m:
                yield Subgroup(plain(name, 24), texts, rows)


def _ranges(values: Array, kind: str) -> Iterator[tuple[str, Array]]:
    """Yield the quarters of a column of numbers, its values if there are few, and its gaps."""
    missing = np.isnan(values)
    known = np.unique(values[~missing])
    if len(known) <= N_RANGES:
        yield from ((as_text(float(value), kind), values == value) for value in known)
    else:
        shares = np.linspace(0, 1, N_RANGES + 1)
        ends = np.unique(np.quantile(values[~missing], shares, method="nearest"))
        for k, (low, high) in enumerate(pairwise(ends)):
            first = k == 0
            above = values >= low if first else values > low
            text = f"{as_text(float(low), kind)} to {as_text(float(high), kind)}"
            if not first:
                text = f"above {text.replace(' to ', ', up to ', 1)}"
            yield text, above & (values <= high)
    yield "missing", missing


def _categories(values: Array) -> Iterator[tuple[str, Array]]:
    """Yield the most frequent categories of a column, and its gaps."""
    missing = np.array([value is None for value in values])
    texts = np.array(["" if value is None else value for value in values])
    found, _ = counts(texts[~missing])
    for value in found[:MOST_CATEGORIES]:
        yield plain(value, 24), (texts == value) & ~missing
    yield "missing", missing


def subgroups(evaluation: Evaluation) -> Section | None:
    """List the subgroups with the worst scores, with intervals."""
    groups = list(subgroups_of(evaluation))
    if not groups:
        return None
    write = _accuracy if evaluation.classifies else _error
    scored = [(*write(evaluation, group.rows), group) for group in groups]
    scored.sort(key=lambda one: -one[0])
    overall, score, interval, _ = write(evaluation, np.ones(len(evaluation.rows), bool))
    beyond = sum(one[3] > overall for one in scored)
    rows = [["all rows", "", str(len(evaluation.rows)), score, interval,
             *_shares(evaluation, np.ones(len(evaluation.rows), bool))]]  # fmt: skip
    for _, text, ends, _, group in scored[:MOST_SHOWN]:
        rows.append([group.column, group.values, str(group.rows.sum()), text, ends,
                     *_shares(evaluation, group.rows)])  # fmt: skip
    name = "accuracy" if evaluation.classifies else "MAE"
    more: tuple[str, ...] = () if evaluation.classifies else ("mean error",)
    if evaluation.binary:
        more = ("observed share", "mean probability")
    head = ("column", "values", "rows", name, "95 % interval", *more)
    worse = "lower" if evaluation.classifies else "higher"
    method = "Wilson's score interval" if evaluation.classifies else "mean ± 1.96 standard errors"
    which = f"The {MOST_SHOWN} of {len(scored)} subgroups with the worst {name}"
    if len(scored) <= MOST_SHOWN:
        which = f"All subgroups, those with the worst {name} first"
    bias = (
        " Where the mean probability differs much from the observed share, the model is biased "
        "for this subgroup."
        if evaluation.binary
        else ""
    )
    return Section(
        "subgroups",
        "Scores of subgroups",
        f"{which}: categories, and the quarters of numbers and dates, with at least {FEWEST_ROWS} "
        f"rows and {100 * SHARE:.0f} % of all. The interval is {method}. In {beyond} of the "
        f"{len(scored)} subgroups the whole interval is {worse} than the {name} of all rows; about "
        f"2.5 % would be so by chance.{bias}",
        [Listing(head, rows, range(2, len(head)))],
        wide=True,
    )


def _accuracy(evaluation: Evaluation, rows: Array) -> tuple[float, str, str, float]:
    """Return the error rate, accuracy and its interval as text, and the least error rate."""
    right, n = int((evaluation.predicted == evaluation.y)[rows].sum()), int(rows.sum())
    ends = binomtest(right, n).proportion_ci(method="wilson")
    return 1 - right / n, f"{right / n:.3f}", f"{ends.low:.3f} to {ends.high:.3f}", 1 - ends.high


def _error(evaluation: Evaluation, rows: Array) -> tuple[float, str, str, float]:
    """Return the mean absolute error, it and its interval as text, and its lower end."""
    errors = evaluation.losses[rows]
    mean = float(errors.mean())
    spread = NORMAL_QUANTILE * float(errors.std(ddof=1)) / np.sqrt(len(errors))
    low, high = max(mean - spread, 0.0), mean + spread
    return mean, number(mean), f"{number(low)} to {number(high)}", low


def _shares(evaluation: Evaluation, rows: Array) -> list[str]:
    """Return observed share and mean probability of the positive class, or the mean error."""
    if evaluation.binary:
        shares = (evaluation.y[rows] == 1).mean(), evaluation.H[rows, 1].mean()
        return [f"{share:.3f}" for share in shares]
    if evaluation.classifies:
        return []
    return [number(float((evaluation.H - evaluation.y)[rows].mean()))]
