"""TableEncoder: a raw table encoded as numbers for a network."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
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

from multilayer import fields
from multilayer.persistence import Savable
from multilayer.tables.categories import Category, fit_categories
from multilayer.tables.column_names import distinct_names, find_columns
from multilayer.tables.frame import Frame
from multilayer.tables.learned_columns import LearnedColumns
from multilayer.tables.numbers import NUMERIC, Dropped, Numbers
from multilayer.tables.statistics import BLOCK

__all__ = ["QUANTILE", "TableEncoder", "check_parameters", "set_learned"]

# Scalings other than standardisation, and the weight of quantile scaling in them.
QUANTILE = {"robust": 0.0, "blend": 0.5, "quantile": 1.0}


class TableEncoder(TransformerMixin, LearnedColumns, Savable, BaseEstimator):
    """Encode a table of numbers, categories, booleans, dates and missing values for a network.

    Numbers, booleans and dates (in seconds) are standardised; missing values are replaced by the
    median and marked by an indicator. Categories (strings, categoricals, enumerations) are one-hot
    encoded; missing values are a category of their own if there are any in `fit`. Uninformative
    columns are dropped: constant and empty columns, columns of more than `max_categories` strings
    most of which occur once, such as names and identifiers, and columns of lists, structs, bytes or
    other objects.

    The same value is the same category, whatever its type: 1, 1.0, "1" and Decimal("1.0"); but "01"
    is a different string. In later tables, a column of dates may contain strings in ISO 8601.

    Later tables may have missing values in columns that had none in `fit` (they are encoded as the
    median, or as no category) and categories not seen during `fit` (they are encoded as no
    category, which is all zeros, or as "infrequent" if the column has this feature). Columns of
    dataframes are found by name, in any order; additional and dropped columns are ignored. Columns
    of arrays are found by position.

    Parameters
    ----------
    max_categories : int, default=64
        The maximum number of categories of a column; the less frequent ones share one feature,
        "infrequent".
    dtype : {"float32", "float64"}, default="float32"
        The dtype of the encoded rows. Statistics are computed in float64.
    scaling : {"standard", "robust", "quantile", "blend"}, default="standard"
        "standard": z = (x − mean) / standard deviation. "robust": z = (x − median) / interquartile
        range, or / half the range where the quartiles coincide, then z / √(1 + (z/3)²), which
        is within ±3 [1]_. "quantile": the normal score of x, that is, Φ⁻¹ of the fraction of
        numbers below it, linearly interpolated between 1024 quantiles; equal numbers have the mean
        of their fractions. "blend": the mean of "robust" and "quantile". In all three, columns with
        two values are encoded as −1 and +1, and their missing values as 0.
    max_onehot : int, default=None
        A column of more categories than this (missing values and "infrequent" count as one each) is
        encoded as one feature of codes for an embedding: 0 for no category, then the categories in
        order, missing values, "infrequent". A column of two categories without missing values is
        encoded as one feature of −1 and +1, with 0 for no category. None: all columns of categories
        are one-hot encoded.
    ordinal : bool, default=False
        Whether columns of categories whose order can be told ("low", "medium", "high"; "<20",
        "20-29", "30+") are one-hot encoded with one more feature, their rank from −1 to 1. See
        `multilayer.tables.ordinal`.

    Notes
    -----
    With a scaling other than "standard", or with `max_onehot`, the features are in the order that
    an embedding needs: numbers and dates; booleans and other columns of two values; indicators of
    missing values; one-hot features and those of −1 and +1; codes. Duplicates of earlier columns
    are dropped. Otherwise numbers, dates and booleans are in the order of the columns.

    References
    ----------
    .. [1] D. Holzmüller, L. Grinsztajn, I. Steinwart, "Better by default: strong pre-tuned MLPs
       and boosted trees on tabular data", NeurIPS 2024, arXiv 2407.04491.

    Attributes
    ----------
    n_features_in_ : int
    feature_names_in_ : ndarray of str
        Only if the columns have names.
    numbers_ : Numbers
        Statistics of the columns of numbers, booleans and dates.
    categories_ : list of Category
        What was learned about each column of categories.
    dropped_ : dict
        The dropped columns, with the reason.
    n_numbers_ : int
        Number of the first features that are of numbers or dates with more than two values.
    n_codes_ : tuple of int
        The number of codes of each of the last features that are codes.

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
        "ordinal": ["boolean"],
    }

    def __init__(
        self,
        max_categories: int = 64,
        dtype: str = "float32",
        *,
        scaling: str = "standard",
        max_onehot: int | None = None,
        ordinal: bool = False,
    ) -> None:
        self.max_categories = max_categories
        self.dtype = dtype
        self.scaling = scaling
        self.max_onehot = max_onehot
        self.ordinal = ordinal

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
        """
        frame = Frame(X)
        kinds = [frame.kind(j) for j in range(len(frame.names))]
        numeric = [j for j, kind in enumerate(kinds) if kind in NUMERIC]
        empty = [Dropped(j, "all gaps") for j, kind in enumerate(kinds) if kind == "empty"]
        empty += [Dropped(j, f"holds {frame.held(j)}") for j, k in enumerate(kinds) if k == "other"]
        robust, drop_duplicates = self.scaling != "standard", self.drops_duplicates
        numbers, left_out = Numbers.fit(
            frame.names,
            numeric,
            [kinds[j] for j in numeric],
            frame.numbers,
            rows=len(frame),
            robust=robust,
            quantile=QUANTILE.get(self.scaling, 0.0),
            drop_duplicates=drop_duplicates,
        )
        categories, uninformative = fit_categories(
            frame.names,
            [j for j, kind in enumerate(kinds) if kind == "category"],
            frame.texts,
            self.max_categories,
            self.max_onehot,
            ordinal=self.ordinal,
            drop_duplicates=drop_duplicates,
        )
        set_learned(
            self, frame.names, len(frame), numbers, categories, [*empty, *left_out, *uninformative]
        )
        _check_feature_names(self, X, reset=True)
        return self

    def transform(self, X: Any) -> NDArray[Any]:
        """Encode a table.

        Parameters
        ----------
        X : dataframe or array-like, shape (m, n)

        Returns
        -------
        ndarray, shape (m, n_features_out)
            In C order. Numbers come first, then indicators of missing values, then categories; see
            Notes.

        Raises
        ------
        ValueError
            If columns are missing, or a numeric column contains other values.
        """
        check_is_fitted(self, "numbers_")
        frame = Frame(X)
        at = self.positions_in(X, frame)
        out = np.zeros((len(frame), self.n_features_out), dtype=self.dtype)
        for place, piece in frame.pieces(max(1, BLOCK // len(at))):
            self._encode(piece, at, out[place])
        return out

    def _encode(self, frame: Frame, at: Mapping[int, int], out: NDArray[Any]) -> None:
        start = self.numbers_.n_features
        if start:
            places = [at[j] for j in self.numbers_.columns]
            values = frame.numbers(places, self.numbers_.kinds)
            self.numbers_.encode(values, out[:, :start])
        for column in self.categories_:
            width = column.n_features
            column.encode(frame.texts(at[column.column]), out[:, start : start + width])
            start += width

    def unseen_categories(self, X: Any) -> dict[str, dict[str, int]]:
        """Count the rows whose categories were not seen during `fit`.

        In `transform` such a row has no category in that column. Missing values are not counted,
        nor are columns with a feature "infrequent", which represents new categories, too.

        Parameters
        ----------
        X : dataframe or array-like, shape (m, n)

        Returns
        -------
        dict of dict
            Maps each column with new categories to these categories, the most frequent first, and
            their numbers of rows.

        Raises
        ------
        ValueError
            If columns are missing.
        """
        check_is_fitted(self, "numbers_")
        frame = Frame(X)
        at = self.positions_in(X, frame)
        names, unseen = self.column_names, {}
        for column in sorted(self.categories_, key=lambda c: c.column):
            counts = column.unseen(frame.texts(at[column.column]))
            if counts:
                unseen[names[column.column]] = dict(counts.most_common())
        return unseen

    def get_feature_names_out(self, input_features: ArrayLike | None = None) -> NDArray[Any]:
        """Return the names of the features, in their order.

        Parameters
        ----------
        input_features : array-like of str, optional
            Names of the columns if they had none in fit; otherwise the same names.

        Returns
        -------
        ndarray of str
            "age", "missingindicator_age", "town_Bern", "town_nan", "town_infrequent"; "sex_male"
            where that is +1; "town" where that is codes; "size_rank" for ranks.
        """
        check_is_fitted(self, "numbers_")
        names = [str(name) for name in _check_feature_names_in(self, input_features)]
        features = self.numbers_.features(names)
        for column in self.categories_:
            features += column.features(names)
        return np.array(distinct_names(features), dtype=object)

    @property
    def drops_duplicates(self) -> bool:
        """Whether columns that are the same as an earlier one are left out; see Notes."""
        return self.scaling != "standard" or self.max_onehot is not None

    def positions_in(self, X: Any, frame: Frame) -> dict[int, int]:
        """Find the encoded columns in another table X, of which `frame` is a view.

        Returns
        -------
        dict
            From the position of a column in fit to its position in X.

        Raises
        ------
        ValueError
            If columns are missing.
        """
        n = self.n_features_in_
        if not (frame.named and hasattr(self, "feature_names_in_")):
            _check_feature_names(self, X, reset=False)  # warns if only one of the two has names
            if len(frame.names) != n:
                raise ValueError(
                    f"X has {len(frame.names)} features, but {type(self).__name__} is expecting "
                    f"{n} features as input."
                )
            return {j: j for j in range(n)}
        estimator = type(self).__name__
        return find_columns(self.encoded_columns, self.column_names, frame.names, estimator)

    def to_state(self) -> tuple[dict[str, Any], dict[str, NDArray[Any]]]:
        """Return the state: what JSON can hold, and arrays by name."""
        check_is_fitted(self, "numbers_")
        self._validate_params()  # they may have been set since
        numbers, arrays = self.numbers_.to_state()
        state = {
            "params": self.get_params(),
            "n_features_in_": self.n_features_in_,
            "feature_names_in_": self.column_names if hasattr(self, "feature_names_in_") else None,
            "numbers": numbers,
            "categories": [column.to_state() for column in self.categories_],
            "dropped": [[d.column, d.reason] for d in self._dropped],
        }
        return state, arrays

    @classmethod
    def from_state(cls, state: dict[str, Any], arrays: Mapping[str, NDArray[Any]]) -> Self:
        """Build the object from its state; raise where the parts do not fit."""
        self = cls(**state["params"])
        self._validate_params()
        self.numbers_ = Numbers.from_state(state["numbers"], arrays)
        listed = fields.listed("categories", state["categories"])
        self.categories_ = [Category.from_state(*column) for column in listed]
        self._dropped = [
            Dropped(fields.whole("column", j), fields.text("reason", reason))
            for j, reason in fields.listed("dropped", state["dropped"])
        ]
        self.n_features_in_ = n = fields.whole("n_features_in_", state["n_features_in_"], least=1)
        if state["feature_names_in_"] is not None:
            names = fields.texts("feature_names_in_", state["feature_names_in_"], n)
            self.feature_names_in_ = np.array(names, dtype=object)
        met = [*self.encoded_columns, *(d.column for d in self._dropped)]
        # Their number first: a damaged file may say that there are billions.
        if len(met) != n or sorted(met) != list(range(n)) or not self.encoded_columns:
            raise ValueError("the columns of the encoder contradict each other")
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


def check_parameters(encoder: TableEncoder) -> None:
    """Raise ValueError if a parameter of an encoder is out of its range."""
    encoder._validate_params()


def set_learned(
    encoder: TableEncoder,
    names: Sequence[str],
    rows: int,
    numbers: Numbers,
    categories: list[Category],
    dropped: list[Dropped],
) -> None:
    """Set the fitted attributes of an encoder; raise ValueError if all columns are dropped.

    `names` are those of all columns, of which each is in `numbers`, `categories` or `dropped`.
    """
    dropped = sorted(dropped, key=lambda d: d.column)
    if not numbers.columns and not categories:
        raise ValueError(
            f"a table needs a column that varies, but with {rows} sample(s) none of its "
            f"{len(names)} does: "
            + ", ".join(f"{names[d.column]!r} ({d.reason})" for d in dropped[:5])
            + (" …" if len(dropped) > 5 else "")
        )
    encoder.n_features_in_ = len(names)
    encoder.numbers_ = numbers
    encoder.categories_ = sorted(categories, key=lambda c: c.form == "codes")
    encoder._dropped = dropped
