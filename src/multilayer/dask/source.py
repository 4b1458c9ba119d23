"""The rows of Dask collections on their workers: checked, summarized, encoded."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from functools import partial
from typing import Any, NamedTuple

import dask
import numpy as np
from distributed import Client, Future
from numpy.typing import NDArray
from sklearn.utils import check_array

from multilayer.dask.cluster import ClusterShards, forget, is_broken, results_of, retry
from multilayer.dask.collections import Collections
from multilayer.engine.arrays import take_rows
from multilayer.estimators.inputs import Rows
from multilayer.estimators.targets import Targets
from multilayer.shards.data import Facts, Shard, Sums
from multilayer.shards.fitting import encode_rows
from multilayer.tables.labels import plain_target
from multilayer.training.state import Examples

__all__ = ["Source"]

Array = NDArray[Any]


@dataclass(frozen=True)
class Part:
    """The rows of one partition, checked but not encoded."""

    index: int
    rows: Rows


class Source:
    """The partitions of Dask collections, which are computed again if they are lost.

    Parameters
    ----------
    client : distributed.Client
    collections : Collections
    timeout : float
        Seconds within which the cluster must finish something.
    """

    def __init__(self, client: Client, collections: Collections, timeout: float) -> None:
        self._client, self._collections, self._timeout = client, collections, timeout
        self._parts: list[Future] | None = None
        self._keeps = True

    def facts(self) -> Facts:
        """Load all rows and summarize them.

        Raises
        ------
        ValueError
            If a partition holds values that a network cannot be trained on, or none holds a row.
        MemoryError
            If the workers do not have the memory for all rows.
        """
        given = self._collections
        self._retry(self._check_memory)
        summaries = [summary for summary in self._retry(self._summarize) if summary.rows]
        if not summaries:
            raise ValueError(
                f"X must have a row or more, but its {len(given.parts)} partition(s) have none"
            )
        if len(widths := {len(summary.columns) for summary in summaries}) > 1:
            raise ValueError(f"y must have as many columns in each partition, got {widths}")
        labels, counts = _merge(summaries, given.classes)
        rows = sum(summary.rows for summary in summaries)
        return Facts(rows, given.n_features, given.names, given.dtype, labels, counts)

    def shards(
        self,
        targets: Targets,
        share: float = 0.0,
        seed: int = 0,
        *,
        held_out: bool,
        **options: Any,
    ) -> ClusterShards:
        """Encode rows on the workers that store them.

        Parameters
        ----------
        targets : Targets
            Those that were learned, see `multilayer.shards.fit_shards`.
        share : float
            The share of the rows to hold out.
        seed : int
            Draws the held-out rows.
        held_out : bool
            Whether to return the held-out rows, which are all rows if `share` is 0, rather than the
            training rows.
        **options
            Passed to `Shards`.
        """
        encode = partial(_encode_part, targets=targets, share=share, seed=seed, held_out=held_out)

        def make() -> list[Future]:
            return list(self._client.map(encode, self._checked_parts(), pure=False))

        shape, dtype = (0, self._collections.n_features), self._collections.dtype
        shards = ClusterShards(
            self._client, make, self._timeout, shape=shape, dtype=dtype, weight=0.0, **options
        )
        rows, shards.weight = map(float, shards.total(_sizes))
        shards.shape = int(rows), self._collections.n_features
        least, use = (2, "validate on") if held_out and share else (1, "learn from")
        if rows < least:
            raise ValueError(
                f"validation_fraction={share} of {len(self._collections.parts)} partition(s) "
                f"leaves {int(rows)} row(s) to {use}, and there must be {least} or more"
            )
        if not shards.weight > 0:
            raise ValueError("sample_weight must be more than zero for a row or more")
        return shards

    def release(self) -> None:
        """Release the rows before encoding; the encoded rows stay."""
        self._keeps, self._parts = False, None

    def _retry(self, function: Any) -> Any:
        return retry(self._client, function, self._timeout)

    def _checked_parts(self) -> list[Future]:
        """Return futures of the checked partitions, computed again if they are lost."""
        parts = self._parts
        if parts is not None and is_broken(parts):
            forget(self._client, parts)
            parts = None
        if parts is None:
            given, check = self._collections, dask.delayed(_check_part)
            rules = (given.names, given.n_features, given.dtype, given.classes)
            tasks = [check(i, *part, *rules) for i, part in enumerate(given.parts)]
            parts = list(self._client.compute(tasks))
            self._parts = parts if self._keeps else None
        return parts

    def _summarize(self) -> list[_Summary]:
        classes = self._collections.classes
        summaries = self._client.map(
            _summarize_part, self._checked_parts(), classes=classes, pure=False
        )
        return results_of(self._client, summaries, self._timeout)

    def _check_memory(self) -> None:
        given, client = self._collections, self._client
        workers = client.scheduler_info(n_workers=-1)["workers"].values()
        limits = [worker["memory_limit"] for worker in workers]
        if not limits or not all(limits):  # none yet, or without a limit
            return
        rows = given.rows
        if rows is None:  # as if all partitions were as long as the first
            first = client.compute(dask.delayed(len)(given.parts[0][0]))
            rows = results_of(client, [first], self._timeout)[0] * len(given.parts)
        needed, available = rows * given.n_features * given.dtype.itemsize, sum(limits)
        if needed > available:
            raise MemoryError(
                f"the rows must fit the memory of the workers, {available / 1e9:.2f} GB, but take "
                f"{needed / 1e9:.2f} GB: use more workers, or multilayer.streaming.fit_files"
            )


class _Summary(NamedTuple):
    """A summary of a partition: of each column of y, labels with counts, or the extremes."""

    rows: int
    columns: list[tuple[Array, Array]]
    flat: bool  # y has one dimension


def _check_part(
    index: int,
    X: Any,
    y: Any,
    weights: Any,
    names: list[str] | None,
    n_features: int,
    dtype: np.dtype[Any],
    classes: bool,
) -> Part:
    """Check the rows of a partition, as the estimators check theirs."""
    where = f"partition {index} of X"
    if names is not None and [str(name) for name in X.columns] != names:
        raise ValueError(f"{where} must have the columns {names}, got {list(map(str, X.columns))}")
    for name, other in (("y", y), ("sample_weight", weights)):
        own, its = getattr(X, "index", None), getattr(other, "index", None)
        if own is not None and its is not None and not own.equals(its):
            raise ValueError(f"{name} must have the index of X, but has another in {where}")
        if other is not None and len(other) != X.shape[0]:
            raise ValueError(f"{name} has {len(other)} rows in {where}, which has {X.shape[0]}")
    if X.shape[0] == 0:
        return Part(index, Rows(np.empty((0, n_features), dtype), None, None))
    try:
        X = check_array(X, accept_sparse="csr", dtype=dtype, input_name="X")
        numbers = None if classes else np.float64
        y = check_array(plain_target(y), ensure_2d=False, dtype=numbers, input_name="y")
        if weights is not None:
            weights = check_array(weights, ensure_2d=False, dtype=dtype, input_name="sample_weight")
            if weights.ndim != 1 or weights.min() < 0:
                raise ValueError("sample_weight must be one number per row, not negative")
    except ValueError as error:
        raise ValueError(f"{where}: {error}") from None
    if X.shape[1] != n_features:
        raise ValueError(f"{where} must have {n_features} features, got {X.shape[1]}")
    return Part(index, Rows(X, y[:, 0] if y.ndim == 2 and y.shape[1] == 1 else y, weights))


def _summarize_part(part: Part, classes: bool) -> _Summary:
    X, y, _ = part.rows
    if not X.shape[0]:
        return _Summary(0, [], True)
    columns = y.reshape(len(y), -1).T
    found: list[tuple[Array, Array]]
    if classes:
        found = [np.unique(column, return_counts=True) for column in columns]
    else:
        found = [(np.array([column.min(), column.max()]), np.empty(0)) for column in columns]
    return _Summary(len(y), found, y.ndim == 1)


def _merge(summaries: list[_Summary], classes: bool) -> tuple[Array, dict[Any, int] | None]:
    """Return a y that holds each class at least once, or the extremes; and the counts."""
    flat = summaries[0].flat
    columns = []
    for k in range(len(summaries[0].columns)):
        values = np.concatenate([summary.columns[k][0] for summary in summaries])
        columns.append(np.unique(values) if classes else np.array([values.min(), values.max()]))
    longest = max(map(len, columns))
    labels = np.stack([np.resize(column, longest) for column in columns], axis=1)
    if not flat:
        return labels, None
    if not classes:
        return labels[:, 0], None
    counter: Counter[Any] = Counter()
    for summary in summaries:
        labels_of_one, counts = summary.columns[0]
        counter.update(dict(zip(labels_of_one.tolist(), counts, strict=True)))
    return labels[:, 0], {label: int(n) for label, n in sorted(counter.items())}


def _encode_part(part: Part, targets: Targets, share: float, seed: int, held_out: bool) -> Shard:
    """Encode the held-out rows of a partition, or its training rows."""
    X, y, weights = part.rows
    if share:
        order = np.random.RandomState([seed, part.index]).permutation(X.shape[0])
        n_out = int(share * len(order) + 0.5)
        chosen = np.sort(order[:n_out] if held_out else order[n_out:])
        X, weights = take_rows(X, chosen), None if weights is None else weights[chosen]
        y = None if y is None else y[chosen]
    if not X.shape[0]:
        return Shard(part.index, Examples(X, np.empty(0), weights))
    return Shard(part.index, encode_rows(targets, Rows(X, y, weights), held_out))


def _sizes(shard: Shard) -> Sums:
    return np.array([len(shard), shard.weight])
