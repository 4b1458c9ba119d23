"""TableEncoder: a table as it comes, made numbers for a network."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from itertools import compress
from numbers import Integral
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator, TransformerMixin, _fit_context
from sklearn.utils._param_validation import Interval, StrOptions
from sklearn.utils.validation import (
    _check_feature_names,
    _check_feature_names_in,
    check_is_fitted,
)

from multilayer.persistence import Savable
from multilayer.tables.categories import Category
from multilayer.tables.frame import Frame
from multilayer.tables.numbers import Dropped, Numbers
from multilayer.tables.statistics import BLOCK

__all__ = ["QUANTILE", "TableEncoder"]

# The arrays of a model file, and the kind of their dtype.
_STATISTICS = {"median": "f", "mean": "f", "scale": "f", "varies": "b", "gaps": "b"}
_STATISTICS |= {"continuous": "b", "flat": "b", "knots": "f", "scores": "f"}
_NUMERIC = ("number", "boolean", "date")
# Scalings that are no standardisation, and the share that quantiles have in them.
QUANTILE = {"robust": 0.0, "blend": 0.5, "quantile": 1.0}


class TableEncoder(TransformerMixin, Savable, BaseEstimator):
    """Encode a table of numbers, categories, booleans, dates and gaps for a network.

    Numbers, booleans and dates (in seconds) are standardised, their gaps filled with the median
    and shown by an indicator. Categories (texts, categoricals, enumerations) are one-hot; a gap is
    a category of its own where fit met some. Columns that say nothing are left out: constant ones,
    those of gaps only, and texts of which there are more than `max_categories` and which mostly
    occur once, such as names and identifiers.

    Later rows may hold gaps where fit met none (they count as the median, or as no category) and
    categories that fit never met (as no category: all zeros; or as "infrequent" where the column
    has that). Their columns are found by name, in any order; further columns do not matter, nor do
    columns that were left out. Arrays go by position.

    Parameters
    ----------
    max_categories : int, default=64
        A column of more categories than this keeps its most frequent ones; all others share one
        feature, "infrequent".
    dtype : {"float32", "float64"}, default="float32"
        Of the result. Statistics are computed in float64.
    scaling : {"standard", "robust", "quantile", "blend"}, default="standard"
        "standard": z = (x − mean) / standard deviation. "robust": z = (x − median) / interquartile
        range, or / half the range where the quartiles coincide, then z / √(1 + (z/3)²), which
        lies within ±3 [1]_. "quantile": z of a normal distribution that has as many below it as x
        has, between 1024 of its quantiles along straight lines, equal numbers in their middle.
        "blend": the mean of those two. In all three, columns of two values become −1 and +1,
        their gaps 0.
    max_onehot : int, default=None
        A column of more categories than this, gaps and "infrequent" counted as one each, is one
        feature of codes for an embedding: 0 for no category, then the categories in their order,
        gaps, "infrequent". A column of two categories without gaps is one feature of −1 and +1, 0
        for no category. None makes every column of categories one-hot.

    Notes
    -----
    With another scaling than "standard", or with `max_onehot`, the features are in the order of a
    network that embeds: numbers and dates; booleans and other columns of two values; indicators of
    gaps; one-hot features and those of −1 and +1; codes. And a column that is the same as an
    earlier one of its kind is left out. Otherwise numbers, dates and booleans are in the order of
    the columns.

    References
    ----------
    .. [1] D. Holzmüller, L. Grinsztajn, I. Steinwart, "Better by default: strong pre-tuned MLPs
       and boosted trees on tabular data", NeurIPS 2024, arXiv 2407.04491.

    Attributes
    ----------
    n_features_in_ : int
    feature_names_in_ : ndarray of str
        Where the columns had names.
    numbers_ : Numbers
        Statistics of the columns of numbers, booleans and dates.
    categories_ : list of Category
        What is known of each column of categories.
    dropped_ : dict
        The columns left out, with the reason.
    n_numbers_ : int
        How many features, the first ones, are of numbers or dates with more than two values.
    n_codes_ : tuple of int
        For each of the last features that are codes, how many codes there are.

    Examples
    --------
    >>> import polars as pl
    >>> from multilayer import TableEncoder
    >>> table = pl.DataFrame({"age": [20, None, 40], "town": ["Bern", "Rome", "Bern"]})
    >>> encoder = TableEncoder().fit(table)
    >>> encoder.get_feature_names_out().tolist()
    ['age', 'missingindicator_age', 'town_Bern', 'town_Rome']
    >>> encoder.transform(pl.DataFrame({"age": [30], "town": ["Oslo"]}))
    array([[0., 0., 0., 0.]], dtype=float32)
    """

    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {
        "max_categories": [Interval(Integral, 2, None, closed="left")],
        "dtype": [StrOptions({"float32", "float64"})],
        "scaling": [StrOptions({"standard", *QUANTILE})],
        "max_onehot": [Interval(Integral, 0, None, closed="left"), None],
    }

    def __init__(
        self,
        max_categories: int = 64,
        dtype: str = "float32",
        *,
        scaling: str = "standard",
        max_onehot: int | None = None,
    ) -> None:
        self.max_categories = max_categories
        self.dtype = dtype
        self.scaling = scaling
        self.max_onehot = max_onehot

    @_fit_context(prefer_skip_nested_validation=True)  # type: ignore[untyped-decorator]
    def fit(self, X: Any, y: ArrayLike | None = None) -> Self:
        """Learn the statistics of each column.

        Parameters
        ----------
        X : dataframe (pandas, polars, pyarrow …) or array-like, shape (m, n)
        y : ignored

        Returns
        -------
        self

        Raises
        ------
        ValueError
            If there is no row, no column that varies, or an infinite number.
        TypeError
            If a value is no number, text, boolean, date or gap.
        """
        frame = Frame(X)
        kinds = [frame.kind(j) for j in range(len(frame.names))]
        numeric = [j for j, kind in enumerate(kinds) if kind in _NUMERIC]
        dropped = [Dropped(j, "all gaps") for j, kind in enumerate(kinds) if kind == "empty"]
        robust, tidy = self.scaling != "standard", self.tidy
        numbers, silent = Numbers.fit(
            frame.names,
            numeric,
            [kinds[j] for j in numeric],
            frame.numbers,
            rows=len(frame),
            robust=robust,
            quantile=QUANTILE.get(self.scaling, 0.0),
            tidy=tidy,
        )
        categories: list[Category] = []
        met: dict[int, int] = {}  # by the hash of its texts, the first column that has them
        for j in (j for j, kind in enumerate(kinds) if kind == "category"):
            texts = frame.texts(j)
            column = Category.fit(j, texts, self.max_categories, self.max_onehot)
            if tidy and isinstance(column, Category):
                first = met.setdefault(hash(tuple(texts)), j)
                if first != j and frame.texts(first) == texts:
                    column = Dropped(j, f"same as {frame.names[first]!r}")
            if isinstance(column, Dropped):
                dropped.append(column)
            else:
                categories.append(column)
        self._learn(frame.names, len(frame), numbers, categories, dropped + silent)
        _check_feature_names(self, X, reset=True)
        return self

    def _learn(
        self,
        names: Sequence[str],
        rows: int,
        numbers: Numbers,
        categories: list[Category],
        dropped: list[Dropped],
    ) -> None:
        dropped = sorted(dropped, key=lambda d: d.column)
        if not numbers.columns and not categories:
            raise ValueError(
                f"a table needs a column that varies, but with {rows} sample(s) none of its "
                f"{len(names)} does: "
                + ", ".join(f"{names[d.column]!r} ({d.reason})" for d in dropped[:5])
                + (" …" if len(dropped) > 5 else "")
            )
        self.n_features_in_ = len(names)
        self.numbers_ = numbers
        self.categories_ = sorted(categories, key=lambda c: c.form == "codes")
        self._dropped = dropped

    def transform(self, X: Any) -> NDArray[Any]:
        """Encode a table.

        Parameters
        ----------
        X : dataframe or array-like, shape (m, n)

        Returns
        -------
        ndarray, shape (m, n_features_out)
            In C order. Numbers first, then the indicators of gaps, then the categories; see Notes.

        Raises
        ------
        ValueError
            If columns are missing, or a column of numbers holds something else.
        """
        check_is_fitted(self, "numbers_")
        frame = Frame(X)
        at = self._positions(X, frame)
        width = self.numbers_.n_features + sum(c.n_features for c in self.categories_)
        out = np.zeros((len(frame), width), dtype=self.dtype)
        for place, piece in frame.pieces(max(1, BLOCK // len(at))):
            self._encode(piece, at, out[place])
        return out

    def _encode(self, frame: Frame, at: Mapping[int, int], out: NDArray[Any]) -> None:
        start = self.numbers_.n_features
        if start:
            values = frame.numbers([at[j] for j in self.numbers_.columns])
            self.numbers_.encode(values, out[:, :start])
        for column in self.categories_:
            width = column.n_features
            column.encode(frame.texts(at[column.column]), out[:, start : start + width])
            start += width

    def get_feature_names_out(self, input_features: ArrayLike | None = None) -> NDArray[Any]:
        """Name the features, in their order.

        Parameters
        ----------
        input_features : array-like of str, optional
            Names of the columns where fit got none; where it did, the same names.

        Returns
        -------
        ndarray of str
            "age", "missingindicator_age", "town_Bern", "town_nan", "town_infrequent"; "sex_male"
            where that is +1; "town" where that is codes.
        """
        check_is_fitted(self, "numbers_")
        names = [str(name) for name in _check_feature_names_in(self, input_features)]
        features = self.numbers_.features(names)
        for column in self.categories_:
            features += column.features(names)
        return np.array(_distinct(features), dtype=object)

    @property
    def tidy(self) -> bool:
        """Whether columns that are the same as another are left out, see Notes."""
        return self.scaling != "standard" or self.max_onehot is not None

    @property
    def dropped_(self) -> dict[str, str]:
        """The columns left out, with the reason."""
        return {self._names()[d.column]: d.reason for d in self._dropped}

    @property
    def n_numbers_(self) -> int:
        """How many features, the first ones, are of numbers or dates with more than two values."""
        return self.numbers_.n_continuous

    @property
    def n_codes_(self) -> tuple[int, ...]:
        """For each of the last features that are codes, how many codes there are."""
        return tuple(c.n_codes for c in self.categories_ if c.form == "codes")

    @property
    def feature_columns_(self) -> NDArray[np.intp]:
        """Of which column, by its position, each feature is."""
        numbers = self.numbers_
        columns = [
            *compress(numbers.columns, numbers.varies),
            *compress(numbers.columns, numbers.gaps),
            *(c.column for c in self.categories_ for _ in range(c.n_features)),
        ]
        return np.array(columns, np.intp)

    def summary(self) -> list[dict[str, Any]]:
        """Say what is done to each column, in their order.

        Returns
        -------
        list of dict
            With "column", "kind", "treatment" and "features" (how many it gives):
            ``polars.DataFrame(encoder.summary())`` shows it as a table.
        """
        check_is_fitted(self, "numbers_")
        rows: dict[int, tuple[str, str, int]] = {}
        for k, j in enumerate(self.numbers_.columns):
            rows[j] = (self.numbers_.kinds[k], *self.numbers_.describe(k))
        for column in self.categories_:
            rows[column.column] = ("category", column.describe(), column.n_features)
        for gone in self._dropped:
            rows[gone.column] = ("left out", gone.reason, 0)
        keys = ("kind", "treatment", "features")
        return [
            {"column": name, **dict(zip(keys, rows[j], strict=True))}
            for j, name in enumerate(self._names())
        ]

    def _names(self) -> list[str]:
        if hasattr(self, "feature_names_in_"):
            return [str(name) for name in self.feature_names_in_]
        return [f"x{j}" for j in range(self.n_features_in_)]

    def _positions(self, X: Any, frame: Frame) -> dict[int, int]:
        """Find the columns of fit that are needed in another table: position there by position."""
        n = self.n_features_in_
        if not (frame.named and hasattr(self, "feature_names_in_")):
            _check_feature_names(self, X, reset=False)  # warns if only one of the two has names
            if len(frame.names) != n:
                raise ValueError(
                    f"X has {len(frame.names)} features, but {type(self).__name__} is expecting "
                    f"{n} features as input."
                )
            return {j: j for j in range(n)}
        there = {name: j for j, name in enumerate(frame.names)}
        needed = [*self.numbers_.columns, *(c.column for c in self.categories_)]
        names = self._names()
        missing = [names[j] for j in sorted(needed) if names[j] not in there]
        if missing:
            surplus = [name for name in frame.names if name not in set(names)]
            raise ValueError(
                f"X lacks {_listed(missing)}, which {type(self).__name__} was fitted on"
                + (f"; it knows nothing of {_listed(surplus)}" if surplus else "")
            )
        return {j: there[names[j]] for j in needed}

    def to_state(self) -> tuple[dict[str, Any], dict[str, NDArray[Any]]]:
        """Return the state: what JSON can hold, and arrays by name."""
        check_is_fitted(self, "numbers_")
        state = {
            "params": self.get_params(),
            "n_features_in_": self.n_features_in_,
            "feature_names_in_": self._names() if hasattr(self, "feature_names_in_") else None,
            "numbers": [self.numbers_.columns, self.numbers_.kinds, self.numbers_.robust],
            "categories": [
                [c.column, c.levels, c.gaps, c.infrequent, c.form] for c in self.categories_
            ],
            "dropped": [[d.column, d.reason] for d in self._dropped],
        }
        return state, {name: getattr(self.numbers_, name) for name in _STATISTICS}

    @classmethod
    def from_state(cls, state: dict[str, Any], arrays: Mapping[str, NDArray[Any]]) -> Self:
        """Build the object from its state; raise where the parts do not fit."""
        self = cls(**state["params"])
        self._validate_params()
        # Older files say nothing of robust scaling, of columns of two values, and of forms.
        given_columns, given_kinds, *robust = state["numbers"]
        columns, kinds = tuple(given_columns), tuple(given_kinds)
        arrays = {
            "continuous": np.array([kind != "boolean" for kind in kinds], bool),
            "flat": np.zeros(len(columns), bool),
            "knots": np.zeros((len(columns), 0)),
            "scores": np.zeros((len(columns), 0)),
            **arrays,
        }
        statistics = (arrays[name] for name in _STATISTICS)
        self.numbers_ = Numbers(columns, kinds, robust == [True], *statistics)
        self.categories_ = [
            Category(int(j), tuple(map(str, levels)), bool(gaps), bool(infrequent), *form)
            for j, levels, gaps, infrequent, *form in state["categories"]
        ]
        self._dropped = [Dropped(int(j), str(reason)) for j, reason in state["dropped"]]
        self.n_features_in_ = int(state["n_features_in_"])
        if state["feature_names_in_"] is not None:
            self.feature_names_in_ = np.array(state["feature_names_in_"], dtype=object)
        met = [*columns, *(c.column for c in self.categories_), *(d.column for d in self._dropped)]
        n = self.n_features_in_
        if len(met) != n or sorted(met) != list(range(n)) or len(self._names()) != len(met):
            raise ValueError("the columns of the encoder contradict each other")
        kept = {name: (arrays[name].shape[:1], arrays[name].dtype.kind) for name in _STATISTICS}
        q = arrays["knots"].shape[1:]
        dimensions = [arrays[name].ndim for name in _STATISTICS]
        if (
            kept != {name: ((len(columns),), kind) for name, kind in _STATISTICS.items()}
            or dimensions != [1] * (len(dimensions) - 2) + [2, 2]
            or arrays["scores"].shape[1:] != q
        ):
            raise ValueError(f"the statistics of {len(columns)} columns are {kept}")
        if not set(kinds) <= set(_NUMERIC) or len(kinds) != len(columns):
            raise ValueError(f"{len(columns)} columns of numbers are of kinds {kinds}")
        floats = [arrays[name] for name, kind in _STATISTICS.items() if kind == "f"]
        if not all(np.isfinite(array).all() for array in floats):
            raise ValueError("statistics must be finite")
        if (np.diff(self.numbers_.knots) < 0).any():
            raise ValueError("quantiles must be ascending")
        first = np.sort(self.numbers_.continuous)[::-1]
        if self.numbers_.robust and (first != self.numbers_.continuous).any():
            raise ValueError("columns of many values must be first, but those of two precede some")
        coded = [c.form == "codes" for c in self.categories_]
        if coded != sorted(coded):
            raise ValueError("codes must be the last features, but one-hot features follow them")
        return self

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = True
        tags.input_tags.string = True
        tags.transformer_tags.preserves_dtype = []
        return tags


def _listed(names: Sequence[str], most: int = 10) -> str:
    shown = ", ".join(map(repr, names[:most]))
    return shown if len(names) <= most else f"{shown} and {len(names) - most} more"


def _distinct(names: Sequence[str]) -> list[str]:
    """Make names differ: "a_nan" may stand for the gaps of "a" and for its category "nan"."""
    taken, seen = set(names), Counter[str]()
    result = []
    for name in names:
        seen[name] += 1
        new, k = name, seen[name]
        while k > 1 and new in taken:
            new, k = f"{name}_{k}", k + 1
        taken.add(new)
        result.append(new)
    return result
