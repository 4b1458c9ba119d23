"""The rows of Dask collections on their workers: checked, looked at, encoded."""

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

from multilayer.dask.cluster import ClusterShards, asked_again, finished
from multilayer.dask.collections import Collections
from multilayer.engine.arrays import take_rows
from multilayer.estimators.inputs import Rows
from multilayer.estimators.targets import Targets
from multilayer.shards.data import Facts, Shard, Sums
from multilayer.shards.fitting import encode_rows
from multilayer.training.state import Examples

__all__ = ["Source"]

Array = NDArray[Any]


@dataclass(frozen=True)
class Part:
    """The rows of one partition, checked but not encoded."""

    index: int
    rows: Rows


class Source:
    """Where rows come from: partitions that can be asked for again when they are lost.

    Parameters
    ----------
    client : distributed.Client
    collections : Collections
    timeout : float
        Seconds in which something must come back.
    """

    def __init__(self, client: Client, collections: Collections, timeout: float) -> None:
        self._client, self._given, self._timeout = client, collections, timeout
        self._parts: list[Future] | None = None
        self._keeps = True

    def facts(self) -> Facts:
        """Load all rows and see what they hold.

        Raises
        ------
        ValueError
            If a partition holds what cannot be learned from, or none holds a row.
        MemoryError
            If the workers have not the memory for all.
        """
        given = self._given
        self._asked_again(self._check_memory)
        looks = [look for look in self._asked_again(self._look) if look.rows]
        if not looks:
            raise ValueError(
                f"X must have a row or more, but its {len(given.parts)} partition(s) have none"
            )
        if len(widths := {len(look.columns) for look in looks}) > 1:
            raise ValueError(f"y must have as many columns in each partition, got {widths}")
        labels, counts = _joined(looks, given.classes)
        rows = sum(look.rows for look in looks)
        return Facts(rows, given.n_features, given.names, given.dtype, labels, counts)

    def shards(
        self,
        targets: Targets,
        share: float = 0.0,
        seed: int = 0,
        *,
        for_training: bool,
        **about: Any,
    ) -> ClusterShards:
        """Encode rows where they are.

        Parameters
        ----------
        targets : Targets
            Those that were learned, see `multilayer.shards.fit_shards`.
        share : float
            Of the rows to leave out.
        seed : int
            What they are drawn by.
        for_training : bool
            Take the rows to learn from; otherwise the rows left out, or all if none are.
        **about
            For `Shards`.
        """
        encode = partial(
            _encoded, targets=targets, share=share, seed=seed, for_training=for_training
        )

        def make() -> list[Future]:
            return list(self._client.map(encode, self._ask(), pure=False))

        shape, dtype = (0, self._given.n_features), self._given.dtype
        shards = ClusterShards(
            self._client, make, self._timeout, shape=shape, dtype=dtype, weight=0.0, **about
        )
        rows, shards.weight = map(float, shards.total(_sizes))
        shards.shape = int(rows), self._given.n_features
        least, use = (1, "learn from") if for_training or not share else (2, "validate on")
        if rows < least:
            raise ValueError(
                f"validation_fraction={share} of {len(self._given.parts)} partition(s) leaves "
                f"{int(rows)} row(s) to {use}, and there must be {least} or more"
            )
        if not shards.weight > 0:
            raise ValueError("sample_weight must be more than zero for a row or more")
        return shards

    def release(self) -> None:
        """Let go of the rows as they came; what is made of them goes on."""
        self._keeps, self._parts = False, None

    def _asked_again(self, ask: Any) -> Any:
        return asked_again(self._client, ask, self._timeout)

    def _ask(self) -> list[Future]:
        parts = self._parts
        if parts is None or any(part.status in ("cancelled", "lost") for part in parts):
            given, checked = self._given, dask.delayed(_checked)
            about = (given.names, given.n_features, given.dtype, given.classes)
            tasks = [checked(i, *part, *about) for i, part in enumerate(given.parts)]
            parts = list(self._client.compute(tasks))
            self._parts = parts if self._keeps else None
        return parts

    def _look(self) -> list[_Look]:
        looks = self._client.map(_looked_at, self._ask(), classes=self._given.classes, pure=False)
        return finished(self._client, looks, self._timeout)

    def _check_memory(self) -> None:
        given, client = self._given, self._client
        workers = client.scheduler_info()["workers"].values()
        limits = [worker["memory_limit"] for worker in workers]
        if not limits or not all(limits):  # none yet, or without a limit
            return
        rows = given.rows
        if rows is None:  # as if all partitions were as long as the first
            first = client.compute(dask.delayed(len)(given.parts[0][0]))
            rows = finished(client, [first], self._timeout)[0] * len(given.parts)
        needed, there = rows * given.n_features * given.dtype.itemsize, sum(limits)
        if needed > there:
            raise MemoryError(
                f"the rows must fit the memory of the workers, {there / 1e9:.2f} GB, but take "
                f"{needed / 1e9:.2f} GB: use more workers, or multilayer.streaming.fit_files"
            )


class _Look(NamedTuple):
    """What a partition holds: for each column of y, labels and how often, or the extremes."""

    rows: int
    columns: list[tuple[Array, Array]]
    flat: bool  # y has one dimension


def _checked(
    index: int,
    X: Any,
    y: Any,
    weights: Any,
    names: list[str] | None,
    n_features: int,
    dtype: np.dtype[Any],
    classes: bool,
) -> Part:
    """Check the rows of a partition, as the estimators do theirs."""
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
        y = check_array(y, ensure_2d=False, dtype=numbers, input_name="y")
        if weights is not None:
            weights = check_array(weights, ensure_2d=False, dtype=dtype, input_name="sample_weight")
            if weights.ndim != 1 or weights.min() < 0:
                raise ValueError("sample_weight must be one number a row, not negative")
    except ValueError as error:
        raise ValueError(f"{where}: {error}") from None
    if X.shape[1] != n_features:
        raise ValueError(f"{where} must have {n_features} features, got {X.shape[1]}")
    return Part(index, Rows(X, y[:, 0] if y.ndim == 2 and y.shape[1] == 1 else y, weights))


def _looked_at(part: Part, classes: bool) -> _Look:
    X, y, _ = part.rows
    if not X.shape[0]:
        return _Look(0, [], True)
    columns = y.reshape(len(y), -1).T
    found: list[tuple[Array, Array]]
    if classes:
        found = [np.unique(column, return_counts=True) for column in columns]
    else:
        found = [(np.array([column.min(), column.max()]), np.empty(0)) for column in columns]
    return _Look(len(y), found, y.ndim == 1)


def _joined(looks: list[_Look], classes: bool) -> tuple[Array, dict[Any, int] | None]:
    """Give y with each class in it at least once, or with the extremes; and the counts."""
    flat = looks[0].flat
    columns = []
    for k in range(len(looks[0].columns)):
        values = np.concatenate([look.columns[k][0] for look in looks])
        columns.append(np.unique(values) if classes else np.array([values.min(), values.max()]))
    longest = max(map(len, columns))
    labels = np.stack([np.resize(column, longest) for column in columns], axis=1)
    if not flat:
        return labels, None
    if not classes:
        return labels[:, 0], None
    counter: Counter[Any] = Counter()
    for look in looks:
        counter.update(dict(zip(look.columns[0][0].tolist(), look.columns[0][1], strict=True)))
    return labels[:, 0], {label: int(n) for label, n in sorted(counter.items())}


def _encoded(part: Part, targets: Targets, share: float, seed: int, for_training: bool) -> Shard:
    """Encode the rows of a partition: those that are left out, or the others."""
    X, y, weights = part.rows
    if share:
        order = np.random.RandomState([seed, part.index]).permutation(X.shape[0])
        n_out = int(share * len(order) + 0.5)
        chosen = np.sort(order[n_out:] if for_training else order[:n_out])
        X, weights = take_rows(X, chosen), None if weights is None else weights[chosen]
        y = None if y is None else y[chosen]
    if not X.shape[0]:
        return Shard(part.index, Examples(X, np.empty(0), weights))
    return Shard(part.index, encode_rows(targets, Rows(X, y, weights), for_training))


def _sizes(shard: Shard) -> Sums:
    return np.array([len(shard), shard.weight])
