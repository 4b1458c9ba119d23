"""Columns of categories: what fit learns about each, and its encoding as features."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from multilayer import fields
from multilayer.tables.numbers import Dropped
from multilayer.tables.ordinal import ranks_of
from multilayer.tables.values import boolean_form, by_form, canonical

__all__ = ["Category", "fit_categories"]

Array = NDArray[Any]
Texts = list[str | None]


@dataclass(frozen=True)
class Category:
    """One column of categories: one-hot, or −1 and +1, or codes.

    Each row has one slot. The slots are those of the levels, then that of gaps, then "infrequent".
    A row without a slot holds a category that was not in fit, or a gap where fit had none.

    Attributes
    ----------
    column : int
        Position in the table.
    levels : tuple of str
        The categories with a slot of their own, sorted.
    gaps : bool
        Whether gaps have a slot, because there were some in fit.
    infrequent : bool
        Whether the last slot is for the categories beyond the limit, and for those that were not
        in fit.
    form : {"one-hot", "binary", "codes"}
        "one-hot": a feature for each slot, all zeros without one. "binary": one feature, −1
        for the first of two levels, +1 for the second, 0 otherwise. "codes": one feature, 1, 2 …
        for the slots, 0 without one.
    ranks : tuple of float
        Of the levels, if they have an order: one more feature of a one-hot column. 0 for other
        slots, and without one.
    """

    column: int
    levels: tuple[str, ...]
    gaps: bool
    infrequent: bool
    form: str = "one-hot"
    ranks: tuple[float, ...] = ()

    def __post_init__(self) -> None:
        two = len(self.levels) == 2 == self.n_slots
        if self.form not in ("one-hot", "binary", "codes") or (self.form == "binary" and not two):
            raise ValueError(f"{self.n_slots} categories cannot be {self.form}")
        if self.ranks and (self.form != "one-hot" or len(self.ranks) != len(self.levels)):
            raise ValueError(
                f"{len(self.levels)} categories, {self.form}, cannot have {len(self.ranks)} ranks"
            )

    @classmethod
    def fit(
        cls,
        column: int,
        texts: Texts,
        max_categories: int,
        max_onehot: int | None = None,
        ordinal: bool = False,
    ) -> Self | Dropped:
        """Learn from texts (m,), gaps None."""
        return cls.of_counts(column, Counter(texts), max_categories, max_onehot, ordinal=ordinal)

    @classmethod
    def of_counts(
        cls,
        column: int,
        counts: Counter[str | None],
        max_categories: int,
        max_onehot: int | None = None,
        forgotten: int = 0,
        ordinal: bool = False,
    ) -> Self | Dropped:
        """Learn from counts of texts, gaps None.

        Parameters
        ----------
        column : int
        counts : Counter
            Is changed.
        max_categories, max_onehot, ordinal
            As for `TableEncoder`.
        forgotten : int
            Number of texts that occurred once and are not among the counts.
        """
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
        form, ranks = "one-hot", ranks_of(levels) if ordinal else ()
        if max_onehot is not None and not ranks:
            if len(levels) == 2 and not gaps and not infrequent:
                form = "binary"
            elif len(levels) + (gaps > 0) + infrequent > max_onehot:
                form = "codes"
        return cls(column, levels, gaps > 0, infrequent, form, ranks)

    @property
    def n_slots(self) -> int:
        """Number of slots."""
        return len(self.levels) + self.gaps + self.infrequent

    @property
    def n_codes(self) -> int:
        """Number of codes, 0 … n_slots."""
        return self.n_slots + 1

    @property
    def n_features(self) -> int:
        """Number of features of the column."""
        return self.n_slots + bool(self.ranks) if self.form == "one-hot" else 1

    def features(self, names: Sequence[str]) -> list[str]:
        """Return the names of the features, in their order."""
        name = names[self.column]
        if self.form == "codes":
            return [name]
        more = ["nan"] * self.gaps + ["infrequent"] * self.infrequent + ["rank"] * bool(self.ranks)
        first = 1 if self.form == "binary" else 0
        return [f"{name}_{level}" for level in (*self.levels[first:], *more)]

    @cached_property
    def _slots(self) -> _Slots:
        return _Slots(self)

    def __getstate__(self) -> dict[str, Any]:
        return {name: value for name, value in self.__dict__.items() if name != "_slots"}

    def codes(self, texts: Texts) -> NDArray[np.intp]:
        """Return the slot (m,) of each row, or −1 without one."""
        return np.fromiter(map(self._slots.__getitem__, texts), np.intp, len(texts))

    @property
    def other_texts(self) -> dict[str, int]:
        """Further ways to write the levels, such as "1.0" for "1", with their slots."""
        return self._slots.other_texts()

    def unseen(self, texts: Texts) -> Counter[str]:
        """Count the texts that were not in fit; none where the column has "infrequent"."""
        counts = Counter(text for text in texts if text is not None)
        if self.infrequent:
            return Counter()
        return Counter({text: n for text, n in counts.items() if self._slots[text] < 0})

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
            if self.ranks:  # 0 for other slots, and for −1
                others = np.zeros(self.n_slots - len(self.levels) + 1)
                out[:, self.n_slots] = np.append(self.ranks, others)[codes]

    def to_state(self) -> list[Any]:
        """Return the attributes as a list that JSON can hold."""
        state = [self.column, self.levels, self.gaps, self.infrequent, self.form]
        return [*state, self.ranks] if self.ranks else state

    @classmethod
    def from_state(
        cls,
        column: Any,
        levels: Any,
        gaps: Any,
        infrequent: Any,
        form: Any = "one-hot",
        ranks: Any = (),
    ) -> Self:
        """Restore what `to_state` returned; older files do not have the form."""
        fields.ascending("categories", fields.texts("categories", levels))
        if not levels:
            raise ValueError("a column must have at least one category")
        flags = fields.flag("gaps", gaps), fields.flag("infrequent", infrequent)
        numbers = tuple(fields.number("rank", rank) for rank in fields.listed("ranks", ranks))
        return cls(fields.whole("column", column), tuple(levels), *flags, form, numbers)

    @property
    def _in_order(self) -> Sequence[str]:
        if not self.ranks:
            return self.levels
        return [level for _, level in sorted(zip(self.ranks, self.levels, strict=True))]

    def describe(self) -> str:
        """Describe the encoding of the column."""
        parts = {
            "one-hot": f"one-hot{' and rank' * bool(self.ranks)}: {_listed(self._in_order)}",
            "binary": f"−1 for {_listed(self.levels[:1])}, +1 for {_listed(self.levels[1:])}",
            "codes": f"embedded: {len(self.levels)} categories",
        }
        more = ["gaps a category"] * self.gaps + ["all others together"] * self.infrequent
        return "; ".join([parts[self.form], *more])


class _Slots(dict[str | None, int]):
    """The slot of each text, found exactly or else by its canonical form where only one has it.

    "1.0" finds the level "1", and "1" the level "1.0" of a file that older versions wrote. Where
    all levels are true and false, or 1 and 0, each finds the other.
    """

    def __init__(self, column: Category) -> None:
        super().__init__({level: k for k, level in enumerate(column.levels)})
        self[None] = len(column.levels) if column.gaps else -1
        self._unseen = column.n_slots - 1 if column.infrequent else -1
        self._form, forms = by_form(column.levels)
        self._forms = {form: self[level] for form, level in forms.items()}

    def __missing__(self, text: str) -> int:
        return self._forms.get(self._form(text), self._unseen)

    def other_texts(self) -> dict[str, int]:
        """Return usual ways to write the levels that are no levels, with their slots."""
        texts: dict[str, int] = {}
        for level in [text for text in self if text is not None]:
            form = canonical(level)
            ways = [form, f"{form}.0"]
            if self._form is boolean_form:
                one = boolean_form(level) == "1"
                ways = ["1", "1.0", "true", "True"] if one else ["0", "0.0", "false", "False"]
            other = [text for text in ways if text not in self and self._form(text) in self._forms]
            texts |= {text: self[text] for text in other}
        return texts


def fit_categories(
    names: Sequence[str],
    columns: Sequence[int],
    read: Callable[[int], Texts],
    max_categories: int,
    max_onehot: int | None,
    *,
    ordinal: bool,
    drop_duplicates: bool,
) -> tuple[list[Category], list[Dropped]]:
    """Learn from all columns of categories.

    Parameters
    ----------
    names : sequence of str
        Of all columns of the table.
    columns : sequence of int
        The positions of those to learn from.
    read : callable
        Returns the texts (m,) of a column.
    max_categories, max_onehot, ordinal
        As for `TableEncoder`.
    drop_duplicates : bool
        Whether to drop columns that are the same as an earlier one.
    """
    categories: list[Category] = []
    dropped: list[Dropped] = []
    met: dict[int, int] = {}  # from the hash of texts to the first column that has them
    for j in columns:
        texts = read(j)
        column = Category.fit(j, texts, max_categories, max_onehot, ordinal)
        if drop_duplicates and isinstance(column, Category):
            first = met.setdefault(hash(tuple(texts)), j)
            if first != j and read(first) == texts:
                column = Dropped(j, f"same as {names[first]!r}")
        if isinstance(column, Dropped):
            dropped.append(column)
        else:
            categories.append(column)
    return categories, dropped


def _listed(levels: Sequence[str], most: int = 5) -> str:
    shown = ", ".join(level if len(level) <= 20 else f"{level[:19]}…" for level in levels[:most])
    return shown if len(levels) <= most else f"{shown} … ({len(levels)})"
