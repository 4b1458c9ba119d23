"""What is done to each kind of column: statistics learned in fit, features made of them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import compress, repeat
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

__all__ = ["Category", "Dropped", "Numbers"]

Array = NDArray[Any]
Texts = list[str | None]


@dataclass(frozen=True)
class Dropped:
    """A column that says nothing, and why."""

    column: int
    reason: str


@dataclass(frozen=True)
class Numbers:
    """All columns of numbers, booleans, dates: gaps to the median, standardised, gaps indicated.

    A gap counts as the median x̃ of its column; then z = (x − μ) / σ, with mean μ and standard
    deviation σ of the filled column. Where fit met gaps, a further feature is 1 at gaps, else 0.

    Attributes
    ----------
    columns : tuple of int, n of them
        Positions in the table.
    kinds : tuple of str
        "number", "boolean" or "date".
    median, mean, scale : ndarray, shape (n,)
        x̃, μ, σ.
    varies, gaps : ndarray of bool, shape (n,)
        Which columns give a standardised feature, and which an indicator of gaps.
    """

    columns: tuple[int, ...]
    kinds: tuple[str, ...]
    median: Array
    mean: Array
    scale: Array
    varies: Array
    gaps: Array

    @classmethod
    def fit(
        cls, columns: Sequence[int], kinds: Sequence[str], values: Array
    ) -> tuple[Self, list[Dropped]]:
        """Learn from values (m, n), gaps NaN, which are overwritten."""
        missing = np.isnan(values)
        gaps = np.asarray(missing.any(axis=0))
        empty = np.asarray(missing.all(axis=0))
        median: Array = np.zeros(len(columns))
        median[~gaps] = np.median(values[:, ~gaps], axis=0)
        for k in np.flatnonzero(gaps & ~empty):
            median[k] = np.median(values[~missing[:, k], k])
        np.copyto(values, median, where=missing)
        mean, scale = values.mean(axis=0), values.std(axis=0)
        spread: Array = np.ptp(values, axis=0)
        varies: Array = spread > 0
        # The squares of very small numbers are 0, and so is σ.
        scale = np.where(scale > 0, scale, np.where(varies, spread, 1.0))
        kept = varies | (gaps & ~empty)
        dropped = [
            Dropped(j, "all gaps" if gone else "constant")
            for j, gone, stays in zip(columns, empty, kept, strict=True)
            if not stays
        ]
        statistics: tuple[Array, ...] = (median, mean, scale, varies, gaps)
        self = cls(
            tuple(compress(columns, kept)),
            tuple(compress(kinds, kept)),
            *(values[kept] for values in statistics),
        )
        return self, dropped

    def features(self, names: Sequence[str]) -> list[str]:
        """Name the features, in their order."""
        own = [names[j] for j in self.columns]
        gaps = [f"missingindicator_{name}" for name in compress(own, self.gaps)]
        return [*compress(own, self.varies), *gaps]

    def encode(self, values: Array, out: Array) -> None:
        """Write the features of values (m, n), which are overwritten, to out (m, n_features)."""
        missing = np.isnan(values)
        np.copyto(values, self.median, where=missing)
        values -= self.mean
        values /= self.scale
        n = np.count_nonzero(self.varies)
        out[:, :n] = values[:, self.varies]
        out[:, n:] = missing[:, self.gaps]

    def describe(self, k: int) -> tuple[str, int]:
        """Say what is done to the k-th of the columns, and how many features it gives."""
        parts = []
        if self.varies[k]:
            seconds = " in seconds" * (self.kinds[k] == "date")
            parts.append(f"standardised{seconds}: mean {self.mean[k]:.4g}, sd {self.scale[k]:.4g}")
        if self.gaps[k]:
            parts.append(f"gaps to median {self.median[k]:.4g}, indicated")
        return "; ".join(parts), len(parts)


@dataclass(frozen=True)
class Category:
    """One column of categories: one-hot.

    Attributes
    ----------
    column : int
        Position in the table.
    levels : tuple of str
        The categories with a feature of their own, sorted.
    gaps : bool
        Whether gaps have a feature: if fit met some. Else a gap is all zeros.
    infrequent : bool
        Whether a last feature stands for the categories that were too many, and for those that
        fit never met. Else a category that fit never met is all zeros.
    """

    column: int
    levels: tuple[str, ...]
    gaps: bool
    infrequent: bool

    @classmethod
    def fit(cls, column: int, texts: Texts, max_categories: int) -> Self | Dropped:
        """Learn from texts (m,), gaps None."""
        counts = Counter(texts)
        gaps = counts.pop(None, 0)
        present = len(texts) - gaps
        if not present:
            return Dropped(column, "all gaps")
        if len(counts) == 1 and not gaps:
            return Dropped(column, "constant")
        infrequent = len(counts) > max_categories
        if not infrequent:
            return cls(column, tuple(sorted(map(str, counts))), gaps > 0, False)
        singles = sum(count == 1 for count in counts.values())
        if 2 * singles > present:
            return Dropped(column, f"most texts occur once: {len(counts)} in {present} rows")
        often = sorted(counts, key=lambda level: (-counts[level], level))[: max_categories - 1]
        return cls(column, tuple(sorted(map(str, often))), gaps > 0, True)

    @property
    def n_features(self) -> int:
        """How many features the column gives."""
        return len(self.levels) + self.gaps + self.infrequent

    def features(self, names: Sequence[str]) -> list[str]:
        """Name the features, in their order."""
        more = ["nan"] * self.gaps + ["infrequent"] * self.infrequent
        return [f"{names[self.column]}_{level}" for level in (*self.levels, *more)]

    def codes(self, texts: Texts) -> NDArray[np.intp]:
        """Give the feature (m,) that is 1 in each row, or −1 for none."""
        index: dict[str | None, int] = {level: k for k, level in enumerate(self.levels)}
        index[None] = len(self.levels) if self.gaps else -1
        unseen = self.n_features - 1 if self.infrequent else -1
        return np.fromiter(map(index.get, texts, repeat(unseen)), np.intp, len(texts))

    def encode(self, texts: Texts, out: Array) -> None:
        """Write the features of texts (m,) to out (m, n_features), which is all zeros."""
        codes = self.codes(texts)
        rows = np.flatnonzero(codes >= 0)
        out[rows, codes[rows]] = 1

    def describe(self) -> str:
        """Say what is done to the column."""
        parts = [f"one-hot: {_listed(self.levels)}"]
        parts += ["gaps a category"] * self.gaps
        parts += ["all others together"] * self.infrequent
        return "; ".join(parts)


def _listed(levels: Sequence[str], most: int = 5) -> str:
    shown = ", ".join(level if len(level) <= 20 else f"{level[:19]}…" for level in levels[:most])
    return shown if len(levels) <= most else f"{shown} … ({len(levels)})"
