"""DaskTableEncoder: encode a table on a cluster by the merged statistics of its partitions."""

from __future__ import annotations

from typing import Any, Self

import dask
import dask.array as da
import dask.dataframe as dd
import numpy as np
from distributed import Client
from numpy.typing import NDArray
from sklearn.base import TransformerMixin
from sklearn.utils.validation import check_is_fitted

from multilayer.dask.base import ClusterEstimator
from multilayer.dask.cluster import results_of, retry
from multilayer.shards.data import TOGETHER
from multilayer.tables.encoder import TableEncoder
from multilayer.tables.survey import TableSurvey, learn

__all__ = ["DaskTableEncoder"]


class DaskTableEncoder(TransformerMixin, ClusterEstimator):
    """TableEncoder for Dask dataframes: statistics are merged, and workers encode their rows.

    The encoder learns the same as `multilayer.TableEncoder` from all rows, except that the
    quantiles of columns with more than 10 000 distinct numbers are estimated by a t-digest.

    Parameters
    ----------
    max_categories, dtype, scaling, max_onehot, ordinal
        As for `multilayer.TableEncoder`.
    client : distributed.Client, default=None
        None means the active client.
    timeout : float, default=300
        Seconds without a result from the cluster after which TimeoutError is raised.

    Attributes
    ----------
    estimator_ : TableEncoder
        The fitted encoder, whose attributes are also attributes of this one.

    Examples
    --------
    >>> import dask.dataframe as dd
    >>> import pandas as pd
    >>> from distributed import Client
    >>> from multilayer.dask import DaskTableEncoder
    >>> table = pd.DataFrame({"age": [20, None, 40], "town": ["Bern", "Rome", "Bern"]})
    >>> with Client(n_workers=1, processes=False, dashboard_address=":0") as client:
    ...     encoder = DaskTableEncoder().fit(dd.from_pandas(table, npartitions=2))
    >>> encoder.get_feature_names_out().tolist()
    ['age', 'missingindicator_age', 'town_Bern', 'town_Rome']
    """

    _local = TableEncoder

    def fit(self, X: Any, y: Any = None) -> Self:
        """Learn the statistics of each column.

        Parameters
        ----------
        X : Dask dataframe, shape (m, n)
        y : ignored

        Returns
        -------
        self

        Raises
        ------
        TypeError
            If X is not a Dask dataframe.
        ValueError
            If partitions contradict each other, or all columns are constant.
        TimeoutError
            If there is no result from the cluster for `timeout` seconds.
        """
        client = self._check_cluster()
        _check_frame(X)
        encoder = TableEncoder(**self._own_parameters())
        encoder._validate_params()
        survey = retry(client, lambda: self._survey(client, X, encoder), self.timeout)
        if survey is None:
            raise ValueError(f"X must have a row or more, but its {X.npartitions} parts have none")
        self.estimator_ = learn(encoder, survey)
        return self

    def transform(self, X: Any) -> Any:
        """Encode a table, lazily.

        Parameters
        ----------
        X : Dask dataframe, shape (m, n)
            A dataframe in memory is encoded at once.

        Returns
        -------
        Dask array, shape (m, n_features_out)
            In the partitions of X.
        """
        check_is_fitted(self, "estimator_")
        if not isinstance(X, dd.DataFrame):
            return self.estimator_.transform(X)
        dtype, width = np.dtype(self.estimator_.dtype), len(self.get_feature_names_out())
        encoder, encode = dask.delayed(self.estimator_), dask.delayed(_encoded)
        parts = [
            da.from_delayed(encode(part, encoder, width), shape=(np.nan, width), dtype=dtype)
            for part in X.to_delayed(optimize_graph=False)
        ]
        return da.concatenate(parts, allow_unknown_chunksizes=True)

    def get_feature_names_out(self, input_features: Any = None) -> NDArray[Any]:
        """Return the names of the encoded features.

        Parameters
        ----------
        input_features : array-like of str, optional
            The names of the columns.

        Returns
        -------
        ndarray of str
        """
        check_is_fitted(self, "estimator_")
        names: NDArray[Any] = self.estimator_.get_feature_names_out(input_features)
        return names

    def _survey(self, client: Client, X: Any, encoder: TableEncoder) -> TableSurvey | None:
        survey, merge = dask.delayed(_survey_of), dask.delayed(_merged)
        surveys = [survey(part, encoder) for part in X.to_delayed(optimize_graph=False)]
        while len(surveys) > 1:
            starts = range(0, len(surveys), TOGETHER)
            surveys = [merge(surveys[start : start + TOGETHER]) for start in starts]
        merged: TableSurvey | None = results_of(client, client.compute(surveys), self.timeout)[0]
        return merged


def _check_frame(X: Any) -> None:
    if not isinstance(X, dd.DataFrame):
        raise TypeError(f"X must be a Dask dataframe, got {type(X).__name__}")


def _survey_of(part: Any, encoder: TableEncoder) -> TableSurvey | None:
    return TableSurvey.of(part, encoder) if len(part) else None


def _merged(surveys: list[TableSurvey | None]) -> TableSurvey | None:
    """Merge the surveys of neighbouring parts, in their order; the first is not changed."""
    some = [survey for survey in surveys if survey is not None]
    return TableSurvey.of_parts([some[0].copy(), *some[1:]]) if some else None


def _encoded(part: Any, encoder: TableEncoder, width: int) -> NDArray[Any]:
    return encoder.transform(part) if len(part) else np.empty((0, width), encoder.dtype)
