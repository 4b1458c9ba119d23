"""Columns of categories: what fit learns of each, and the features made of it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import repeat
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from multilayer.tables.numbers import Dropped

__all__ = ["Category"]

Array = NDArray[Any]
Texts = list[str | None]


@dataclass(frozen=True)
class Category:
    """One column of categories: one-hot, or −1 and +1, or codes.

    Each row has one slot: those of the levels, then that of gaps, then "infrequent". A row with no
    slot is a category that fit never met, or a gap where fit met none.

    Attributes
    ----------
    column : int
        Position in the table.
    levels : tuple of str
        The categories with a slot of their own, sorted.
    gaps : bool
        Whether gaps have a slot: if fit met some.
    infrequent : bool
        Whether a last slot stands for the categories that were too many, and for those that fit
        never met.
    form : {"one-hot", "binary", "codes"}
        "one-hot": a feature for each slot, all zeros for none. "binary": one feature, −1 for the
        first of two levels, +1 for the second, 0 for none. "codes": one feature, 1, 2 … for the
        slots, 0 for none.
    """

    column: int
    levels: tuple[str, ...]
    gaps: bool
    infrequent: bool
    form: str = "one-hot"

    def __post_init__(self) -> None:
        two = len(self.levels) == 2 == self.n_slots
        if self.form not in ("one-hot", "binary", "codes") or (self.form == "binary" and not two):
            raise ValueError(f"{self.n_slots} categories cannot be {self.form}")

    @classmethod
    def fit(
        cls, column: int, texts: Texts, max_categories: int, max_onehot: int | None = None
    ) -> Self | Dropped:
        """Learn from texts (m,), gaps None."""
        return cls.of_counts(column, Counter(texts), max_categories, max_onehot)

    @classmethod
    def of_counts(
        cls,
        column: int,
        counts: Counter[str | None],
        max_categories: int,
        max_onehot: int | None = None,
        forgotten: int = 0,
    ) -> Self | Dropped:
        """Learn from counts of texts, gaps None; some texts that occurred once may be forgotten."""
        gaps = counts.pop(None, 0)
        present = counts.total() + forgotten
        if not present:
            return Dropped(column, "all gaps")
        if len(counts) + forgotten == 1 and not gaps:
            return Dropped(column, "constant")
        infrequent = len(counts) + forgotten > max_categories
        often = list(counts)
        if infrequent:
            singles = forgotten + sum(count == 1 for count in counts.values())
            if 2 * singles > present:
                n = len(counts) + forgotten
                return Dropped(column, f"most texts occur once: {n} in {present} rows")
            often = sorted(counts, key=lambda level: (-counts[level], level))[: max_categories - 1]
        levels = tuple(sorted(map(str, often)))
        form = "one-hot"
        if max_onehot is not None:
            if len(levels) == 2 and not gaps and not infrequent:
                form = "binary"
            elif len(levels) + (gaps > 0) + infrequent > max_onehot:
                form = "codes"
        return cls(column, levels, gaps > 0, infrequent, form)

    @property
    def n_slots(self) -> int:
        """How many slots there are."""
        return len(self.levels) + self.gaps + self.infrequent

    @property
    def n_codes(self) -> int:
        """How many codes there are: 0 … n_slots."""
        return self.n_slots + 1

    @property
    def n_features(self) -> int:
        """How many features the column gives."""
        return self.n_slots if self.form == "one-hot" else 1

    def features(self, names: Sequence[str]) -> list[str]:
        """Name the features, in their order."""
        name = names[self.column]
        if self.form == "codes":
            return [name]
        more = ["nan"] * self.gaps + ["infrequent"] * self.infrequent
        first = 1 if self.form == "binary" else 0
        return [f"{name}_{level}" for level in (*self.levels[first:], *more)]

    @cached_property
    def _slots(self) -> dict[str | None, int]:
        slots: dict[str | None, int] = {level: k for k, level in enumerate(self.levels)}
        slots[None] = len(self.levels) if self.gaps else -1
        return slots

    def __getstate__(self) -> dict[str, Any]:
        return {name: value for name, value in self.__dict__.items() if name != "_slots"}

    def codes(self, texts: Texts) -> NDArray[np.intp]:
        """Give the slot (m,) of each row, or −1 for none."""
        unseen = self.n_slots - 1 if self.infrequent else -1
        return np.fromiter(map(self._slots.get, texts, repeat(unseen)), np.intp, len(texts))

    def encode(self, texts: Texts, out: Array) -> None:
        """Write the features of texts (m,) to out (m, n_features), which is all zeros."""
        codes = self.codes(texts)
        if self.form == "codes":
            out[:, 0] = codes + 1
        elif self.form == "binary":
            out[:, 0] = np.array([-1, 1, 0])[codes]  # 0 is the last, at −1
        else:
            rows = np.flatnonzero(codes >= 0)
            out[rows, codes[rows]] = 1

    def describe(self) -> str:
        """Say what is done to the column."""
        parts = {
            "one-hot": f"one-hot: {_listed(self.levels)}",
            "binary": f"−1 for {_listed(self.levels[:1])}, +1 for {_listed(self.levels[1:])}",
            "codes": f"embedded: {len(self.levels)} categories",
        }
        more = ["gaps a category"] * self.gaps + ["all others together"] * self.infrequent
        return "; ".join([parts[self.form], *more])


def _listed(levels: Sequence[str], most: int = 5) -> str:
    shown = ", ".join(level if len(level) <= 20 else f"{level[:19]}…" for level in levels[:most])
    return shown if len(levels) <= most else f"{shown} … ({len(levels)})"
