"""Summaries of the parts of a table, which are merged, and from which an encoder is fitted.

Counts, extremes, means, standard deviations and frequencies of categories are exact. Quantiles are
exact while a column has at most 10 000 distinct numbers; beyond that they are those of a t-digest
(Dunning and Ertl, arXiv 1902.04023) of some thousand numbers of each part, and their ranks are off
by about a thousandth of the rows.
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
from multilayer.tables.encoder import QUANTILE, TableEncoder, check_parameters, set_learned
from multilayer.tables.frame import Frame
from multilayer.tables.numbers import NUMERIC, Dropped, Numbers
from multilayer.tables.statistics import derive_statistics, fingerprint, knots_for

__all__ = ["TableSurvey", "learn"]

Array = NDArray[Any]
_FEW = 10_000  # distinct numbers of a column that are kept as they are
# Of a part with more numbers, so many go into the t-digest if nearly all of these are distinct:
# there are then far more distinct numbers than are kept.
_SAMPLED, _DIFFER = 8192, 0.95
_MOST_TEXTS = 100_000  # distinct texts of a column, before those that occur once are forgotten
_COMPRESSION = 1000  # centroids of a t-digest, about


class _Quantiles:
    """Numbers of a column with their counts, or a t-digest once there are very many."""

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
        self.digest = self.as_digest()
        self.digest.merge(other.as_digest())
        self.values, self.counts = self.values[:0], self.counts[:0]

    def _condense(self) -> None:
        if len(self.values) > _FEW:
            self.digest = self.as_digest()
            self.values, self.counts = self.values[:0], self.counts[:0]

    def as_digest(self) -> Any:
        """Return all numbers as a t-digest."""
        return _digest(self.values, self.counts) if self.digest is None else self.digest

    def at(self, n: int, share: float = 1.0) -> Array:
        """Return n evenly spaced quantiles up to a share; for n = 1, the quantile at the share."""
        shares = np.linspace(share if n == 1 else 0, share, n)
        if self.digest is not None:
            return np.asarray(self.digest.quantile(shares))
        if not len(self.values):
            return np.zeros(n)
        ends = np.cumsum(self.counts)
        last = float(ends[-1] - 1)
        # As for all numbers in order: positions first, so that results agree to the last digit.
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
    """Summary of a column: its kind, and its numbers or texts."""

    kind: str
    rows: int
    present: int = 0
    extremes: tuple[float, float] = (np.inf, -np.inf)
    mean: float = 0.0
    squares: float = 0.0  # Σ(x − mean)²
    values: frozenset[float] = frozenset()  # distinct ones, at most three
    quantiles: _Quantiles = field(default_factory=lambda: _Quantiles(np.empty(0)))
    counts: Counter[str | None] = field(default_factory=Counter)
    forgotten: int = 0
    fingerprints: tuple[bytes, ...] = ()
    held: str = ""  # by a column of kind "other"

    @classmethod
    def of_numbers(cls, kind: str, column: Array, hashed: bool) -> _Column:
        known = column[~np.isnan(column)] + 0.0  # no −0, as in `statistics_of`
        hashes = (fingerprint(column),) if hashed else ()
        self = cls(kind, len(column), len(known), fingerprints=hashes)
        if len(known):
            self.extremes = float(known.min()), float(known.max())
            self.mean = float(known.mean())
            self.squares = float(((known - self.mean) ** 2).sum())
            others = known[(known != self.extremes[0]) & (known != self.extremes[1])]
            self.values = frozenset({*self.extremes, *others[:1].tolist()})
            self.quantiles = _Quantiles(known)
        return self

    @classmethod
    def of_texts(cls, texts: list[str | None], hashed: bool) -> _Column:
        counts = Counter(texts)
        self = cls("category", len(texts), len(texts) - counts[None], counts=counts)
        if hashed:
            self.fingerprints = (blake2b(repr(texts).encode(), digest_size=16).digest(),)
        self._forget()
        return self

    def merge(self, other: _Column) -> None:
        """Add the summary of the same column in later rows."""
        together = self.present + other.present
        apart = other.mean - self.mean
        if together:
            self.squares += other.squares + apart**2 * self.present * other.present / together
            self.mean += apart * other.present / together
        self.kind, self.held = _common_kind(self, other), self.held or other.held
        self.rows, self.present = self.rows + other.rows, together
        lowest, highest = zip(self.extremes, other.extremes, strict=True)
        self.extremes = min(lowest), max(highest)
        self.values = frozenset(sorted(self.values | other.values)[:3])
        self.quantiles.merge(other.quantiles)
        self.counts.update(other.counts)
        self.forgotten += other.forgotten
        self.fingerprints += other.fingerprints
        self._forget()

    def _forget(self) -> None:
        if len(self.counts) > _MOST_TEXTS:
            kept = {text: n for text, n in self.counts.items() if n > 1 or text is None}
            self.forgotten += len(self.counts) - len(kept)
            self.counts = Counter(kept)


def _common_kind(a: _Column, b: _Column) -> str:
    if "other" in (a.kind, b.kind):
        return "other"
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
    """Summary of a table, or of a part of it.

    Attributes
    ----------
    names : list of str
        Of the columns.
    named : bool
        Whether the columns have names.
    rows : int
    columns : list
    """

    names: list[str]
    named: bool
    rows: int
    columns: list[_Column]

    @classmethod
    def of(cls, X: Any, encoder: TableEncoder) -> TableSurvey:
        """Summarise a dataframe or array, for an encoder with the parameters of this one."""
        frame, hashed = Frame(X), encoder.drops_duplicates
        columns = []
        for j in range(len(frame.names)):
            kind = frame.kind(j)
            if kind == "category":
                columns.append(_Column.of_texts(frame.texts(j), hashed))
            elif kind == "other":
                columns.append(_Column(kind, len(frame), held=frame.held(j)))
            elif kind == "empty":
                gaps: Counter[str | None] = Counter({None: len(frame)})
                columns.append(_Column(kind, len(frame), counts=gaps))
            else:
                columns.append(_Column.of_numbers(kind, frame.numbers([j])[:, 0], hashed))
        return cls(frame.names, frame.named, len(frame), columns)

    def merge(self, other: TableSurvey) -> TableSurvey:
        """Add the survey of later rows.

        Raises
        ------
        ValueError
            If the columns differ in name or kind.
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
        """Return an independent copy."""
        return copy.deepcopy(self)

    @staticmethod
    def of_parts(surveys: Sequence[TableSurvey]) -> TableSurvey:
        """Merge the surveys of parts, in their order, into the first, which is changed."""
        return reduce(TableSurvey.merge, surveys)


def learn(encoder: TableEncoder, survey: TableSurvey) -> TableEncoder:
    """Fit an encoder to a survey.

    Parameters
    ----------
    encoder : TableEncoder
        Is fitted as by `TableEncoder.fit` on all rows.
    survey : TableSurvey

    Returns
    -------
    TableEncoder

    Raises
    ------
    ValueError
        If no column varies.
    """
    check_parameters(encoder)
    columns, names = survey.columns, survey.names
    dropped = [Dropped(j, "all gaps") for j, c in enumerate(columns) if c.kind == "empty"]
    dropped += [Dropped(j, f"holds {c.held}") for j, c in enumerate(columns) if c.kind == "other"]
    places = [j for j, c in enumerate(columns) if c.kind in NUMERIC]
    numeric = [columns[j] for j in places]
    robust, quantile = encoder.scaling != "standard", QUANTILE.get(encoder.scaling, 0.0)
    drop_duplicates = encoder.drops_duplicates
    numbers, left_out = Numbers.choose(
        names,
        places,
        [c.kind for c in numeric],
        _statistics(numeric, survey.rows, robust, quantile),
        [b"".join(c.fingerprints) for c in numeric] if drop_duplicates else [],
        robust=robust,
        drop_duplicates=drop_duplicates,
    )
    categories: list[Category] = []
    met: dict[tuple[bytes, ...], int] = {}
    for j, c in enumerate(columns):
        if c.kind != "category":
            continue
        counts = Counter({**c.counts, None: c.rows - c.present})
        column: Category | Dropped = Category.of_counts(
            j, counts, encoder.max_categories, encoder.max_onehot, c.forgotten, encoder.ordinal
        )
        if isinstance(column, Category) and drop_duplicates:
            first = met.setdefault(c.fingerprints, j)
            if first != j:
                column = Dropped(j, f"same as {names[first]!r}")
        if isinstance(column, Dropped):
            dropped.append(column)
        else:
            categories.append(column)
    set_learned(encoder, names, survey.rows, numbers, categories, dropped + left_out)
    if hasattr(encoder, "feature_names_in_"):
        del encoder.feature_names_in_
    if survey.named:
        encoder.feature_names_in_ = np.array(names, dtype=object)
    return encoder


def _statistics(
    columns: Sequence[_Column], rows: int, robust: bool, quantile: float
) -> tuple[Array, ...]:
    """Compute the statistics as `statistics_of` does from all rows."""
    present = np.array([c.present for c in columns], dtype=int)
    extremes = np.array([c.extremes if c.present else (0.0, 0.0) for c in columns]).reshape(-1, 2)
    mean, squares = (np.array([getattr(c, n) for c in columns]) for n in ("mean", "squares"))
    gaps = rows - present

    def quantiles(share: float) -> Array:
        return np.array([c.quantiles.at(1, share)[0] for c in columns])

    def moments(median: Array) -> tuple[Array, Array]:
        """Compute mean and standard deviation of the columns with their gaps filled."""
        filled = mean + (median - mean) * gaps / rows
        total = squares + present * (mean - filled) ** 2 + gaps * (median - filled) ** 2
        return filled, np.sqrt(total / rows)

    n_knots = knots_for(len(columns), rows) if quantile else 0
    knots = np.array([c.quantiles.at(n_knots) for c in columns]).reshape(len(columns), n_knots)
    if n_knots:
        knots[:, [0, -1]] = extremes
    return derive_statistics(
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
