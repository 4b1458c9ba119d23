"""What a table in parts holds: surveys of the parts are merged, and an encoder learns from the sum.

Counts, extremes, means, standard deviations and the frequencies of categories are exact. Quantiles
are so while a column has at most 10 000 different numbers; beyond that they come from a t-digest
(Dunning and Ertl, arXiv 1902.04023) of some thousand numbers of each part, about a thousandth of
the rows beside the true ones.
"""

from __future__ import annotations

import copy
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import reduce
from hashlib import blake2b
from typing import Any

import numpy as np
from numpy.typing import NDArray

from multilayer.tables.categories import Category
from multilayer.tables.encoder import QUANTILE, TableEncoder
from multilayer.tables.frame import Frame
from multilayer.tables.numbers import Dropped, Numbers
from multilayer.tables.statistics import knots_for, mark, settle

__all__ = ["TableSurvey", "learn"]

Array = NDArray[Any]
_FEW = 10_000  # different numbers of a column that are kept themselves
# Of a part with more numbers, so many go into the t-digest if these are nearly all different:
# there are then far more different ones than are kept.
_SAMPLED, _DIFFER = 8192, 0.95
_MOST_TEXTS = 100_000  # different texts of a column, before those that occur once are forgotten
_COMPRESSION = 1000  # centroids of a t-digest, about


class _Quantiles:
    """Numbers of a column: each with how often it occurs; a t-digest, once they are very many."""

    def __init__(self, numbers: Array) -> None:
        self.digest: Any = None
        self.values, self.counts = numbers[:0], np.empty(0, int)
        some = numbers[:: max(1, len(numbers) // _SAMPLED)]
        if len(numbers) > _FEW and len(np.unique(some)) > _DIFFER * len(some):
            self.digest = _digest(some, np.full(len(some), len(numbers) / len(some)))
            return
        self.values, self.counts = np.unique(numbers, return_counts=True)
        self._condense()

    def merge(self, other: _Quantiles) -> None:
        if self.digest is None and other.digest is None:
            both = np.concatenate([self.values, other.values])
            self.values, where = np.unique(both, return_inverse=True)
            counts = np.concatenate([self.counts, other.counts])
            self.counts = np.bincount(where, counts, len(self.values)).astype(int)
            self._condense()
            return
        self.digest = self._as_digest()
        self.digest.merge(other._as_digest())
        self.values, self.counts = self.values[:0], self.counts[:0]

    def _condense(self) -> None:
        if len(self.values) > _FEW:
            self.digest = self._as_digest()
            self.values, self.counts = self.values[:0], self.counts[:0]

    def _as_digest(self) -> Any:
        return _digest(self.values, self.counts) if self.digest is None else self.digest

    def at(self, n: int, share: float = 1.0) -> Array:
        """Give n numbers evenly spread up to a share of all; of one, that at the share."""
        shares = np.linspace(share if n == 1 else 0, share, n)
        if self.digest is not None:
            return np.asarray(self.digest.quantile(shares))
        if not len(self.values):
            return np.zeros(n)
        ends = np.cumsum(self.counts)
        last = float(ends[-1] - 1)
        # As of all numbers in order: places first, so that they are the same to the last digit.
        places = np.array([last * share]) if n == 1 else np.linspace(0, last, n)
        below, above = np.floor(places), np.ceil(places)
        low, high = (self.values[np.searchsorted(ends, at, "right")] for at in (below, above))
        return np.asarray(low + (high - low) * (places - below))


def _digest(numbers: Array, weights: Array) -> Any:
    from crick import TDigest

    digest = TDigest(_COMPRESSION)
    if len(numbers):
        digest.update(numbers, weights)
    return digest


@dataclass
class _Column:
    """What is known of a column: its kind, and its numbers or texts."""

    kind: str
    rows: int
    present: int = 0
    extremes: tuple[float, float] = (np.inf, -np.inf)
    mean: float = 0.0
    squares: float = 0.0  # Σ(x − mean)²
    values: frozenset[float] = frozenset()  # different ones, three of them at most
    quantiles: _Quantiles = field(default_factory=lambda: _Quantiles(np.empty(0)))
    counts: Counter[str | None] = field(default_factory=Counter)
    forgotten: int = 0
    marks: tuple[bytes, ...] = ()

    @classmethod
    def of_numbers(cls, kind: str, column: Array, marks: bool) -> _Column:
        known = column[~np.isnan(column)]
        self = cls(kind, len(column), len(known), marks=(mark(column),) if marks else ())
        if len(known):
            self.extremes = float(known.min()), float(known.max())
            self.mean = float(known.mean())
            self.squares = float(((known - self.mean) ** 2).sum())
            others = known[(known != self.extremes[0]) & (known != self.extremes[1])]
            self.values = frozenset({*self.extremes, *others[:1].tolist()})
            self.quantiles = _Quantiles(known)
        return self

    @classmethod
    def of_texts(cls, texts: list[str | None], marks: bool) -> _Column:
        counts = Counter(texts)
        self = cls("category", len(texts), len(texts) - counts[None], counts=counts)
        if marks:
            self.marks = (blake2b(repr(texts).encode(), digest_size=16).digest(),)
        self._forget()
        return self

    def merge(self, other: _Column) -> None:
        """Become what both are together, the other below."""
        together = self.present + other.present
        apart = other.mean - self.mean
        if together:
            self.squares += other.squares + apart**2 * self.present * other.present / together
            self.mean += apart * other.present / together
        self.kind = _common_kind(self, other)
        self.rows, self.present = self.rows + other.rows, together
        lowest, highest = zip(self.extremes, other.extremes, strict=True)
        self.extremes = min(lowest), max(highest)
        self.values = frozenset(sorted(self.values | other.values)[:3])
        self.quantiles.merge(other.quantiles)
        self.counts.update(other.counts)
        self.forgotten += other.forgotten
        self.marks += other.marks
        self._forget()

    def _forget(self) -> None:
        if len(self.counts) > _MOST_TEXTS:
            kept = {text: n for text, n in self.counts.items() if n > 1 or text is None}
            self.forgotten += len(self.counts) - len(kept)
            self.counts = Counter(kept)


def _common_kind(a: _Column, b: _Column) -> str:
    for one, other in ((a, b), (b, a)):
        if not one.present and (one.kind == "empty" or other.present):
            return other.kind
    kinds = {a.kind, b.kind}
    if kinds <= {"number", "boolean"}:
        return a.kind if len(kinds) == 1 else "number"
    if len(kinds) > 1:
        raise ValueError(f"a {a.kind} in one part and a {b.kind} in another")
    return a.kind


@dataclass
class TableSurvey:
    """What a table, or a part of one, holds.

    Attributes
    ----------
    names : list of str
        Of the columns.
    named : bool
        Whether the columns came with names.
    rows : int
    columns : list
    """

    names: list[str]
    named: bool
    rows: int
    columns: list[_Column]

    @classmethod
    def of(cls, X: Any, encoder: TableEncoder) -> TableSurvey:
        """Look at a dataframe or array, for an encoder like this one."""
        frame, marks = Frame(X), encoder.tidy
        columns = []
        for j in range(len(frame.names)):
            kind = frame.kind(j)
            if kind == "category":
                columns.append(_Column.of_texts(frame.texts(j), marks))
            elif kind == "empty":
                gaps: Counter[str | None] = Counter({None: len(frame)})
                columns.append(_Column(kind, len(frame), counts=gaps))
            else:
                columns.append(_Column.of_numbers(kind, frame.numbers([j])[:, 0], marks))
        return cls(frame.names, frame.named, len(frame), columns)

    def merge(self, other: TableSurvey) -> TableSurvey:
        """Become the survey of both, the rows of the other below.

        Raises
        ------
        ValueError
            If the columns are others, or hold something else.
        """
        if self.names != other.names:
            missing, new = set(self.names) - set(other.names), set(other.names) - set(self.names)
            raise ValueError(
                "all parts of a table must have the same columns in the same order, but one lacks "
                f"{sorted(missing)} and has {sorted(new)}"
            )
        for name, mine, its in zip(self.names, self.columns, other.columns, strict=True):
            try:
                mine.merge(its)
            except ValueError as error:
                raise ValueError(f"column {name!r} holds {error}") from None
        self.rows += other.rows
        return self

    def copy(self) -> TableSurvey:
        """Give another that can be changed by itself."""
        return copy.deepcopy(self)

    @staticmethod
    def of_parts(surveys: Sequence[TableSurvey]) -> TableSurvey:
        """Merge the surveys of parts, in their order; the first is changed."""
        return reduce(TableSurvey.merge, surveys)


def learn(encoder: TableEncoder, survey: TableSurvey) -> TableEncoder:
    """Fit an encoder to what a survey says.

    Parameters
    ----------
    encoder : TableEncoder
        Is fitted, as `TableEncoder.fit` would on all rows.
    survey : TableSurvey

    Returns
    -------
    TableEncoder

    Raises
    ------
    ValueError
        If no column varies.
    """
    encoder._validate_params()
    columns, names = survey.columns, survey.names
    dropped = [Dropped(j, "all gaps") for j, c in enumerate(columns) if c.kind == "empty"]
    places = [j for j, c in enumerate(columns) if c.kind not in ("empty", "category")]
    numeric = [columns[j] for j in places]
    robust, quantile = encoder.scaling != "standard", QUANTILE.get(encoder.scaling, 0.0)
    numbers, silent = Numbers.choose(
        names,
        places,
        [c.kind for c in numeric],
        _statistics(numeric, survey.rows, robust, quantile),
        [b"".join(c.marks) for c in numeric] if encoder.tidy else [],
        robust=robust,
        tidy=encoder.tidy,
    )
    categories: list[Category] = []
    met: dict[tuple[bytes, ...], int] = {}
    for j, c in enumerate(columns):
        if c.kind != "category":
            continue
        counts = Counter({**c.counts, None: c.rows - c.present})
        column: Category | Dropped = Category.of_counts(
            j, counts, encoder.max_categories, encoder.max_onehot, c.forgotten
        )
        if isinstance(column, Category) and encoder.tidy and met.setdefault(c.marks, j) != j:
            column = Dropped(j, f"same as {names[met[c.marks]]!r}")
        if isinstance(column, Dropped):
            dropped.append(column)
        else:
            categories.append(column)
    encoder._learn(names, survey.rows, numbers, categories, dropped + silent)
    if hasattr(encoder, "feature_names_in_"):
        del encoder.feature_names_in_
    if survey.named:
        encoder.feature_names_in_ = np.array(names, dtype=object)
    return encoder


def _statistics(
    columns: Sequence[_Column], rows: int, robust: bool, quantile: float
) -> tuple[Array, ...]:
    """Give the statistics as `statistics_of` does of all rows."""
    present = np.array([c.present for c in columns], dtype=int)
    extremes = np.array([c.extremes if c.present else (0.0, 0.0) for c in columns]).reshape(-1, 2)
    mean, squares = (np.array([getattr(c, n) for c in columns]) for n in ("mean", "squares"))
    gaps = rows - present

    def quantiles(share: float) -> Array:
        return np.array([c.quantiles.at(1, share)[0] for c in columns])

    def moments(median: Array) -> tuple[Array, Array]:
        """Of the columns with their gaps filled."""
        filled = mean + (median - mean) * gaps / rows
        total = squares + present * (mean - filled) ** 2 + gaps * (median - filled) ** 2
        return filled, np.sqrt(total / rows)

    n_knots = knots_for(len(columns), rows) if quantile else 0
    knots = np.array([c.quantiles.at(n_knots) for c in columns]).reshape(len(columns), n_knots)
    if n_knots:
        knots[:, [0, -1]] = extremes
    return settle(
        present == 0,
        gaps > 0,
        (extremes[:, 0], extremes[:, 1]),
        np.array([len(c.values) > 2 for c in columns], dtype=bool),
        quantiles(0.5),
        quantiles,
        moments,
        np.clip(np.maximum.accumulate(knots, axis=1), extremes[:, :1], extremes[:, 1:]),
        robust,
        quantile,
    )
