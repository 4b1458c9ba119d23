"""Dask collections: checks that they go together, and their partitions."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import dask.array as da
import dask.dataframe as dd
import numpy as np

__all__ = ["Collections", "check_collections", "is_collection"]


def is_collection(X: Any) -> bool:
    """Whether X is a Dask array or dataframe."""
    return isinstance(X, da.Array | dd.DataFrame | dd.Series)


@dataclass(frozen=True)
class Collections:
    """Rows as the user passed them, in partitions that go together.

    Attributes
    ----------
    parts : list of tuple of Delayed
        X, y and the weights (or None) of each partition.
    names : list of str or None
        The names of the columns of X.
    n_features : int
    dtype : dtype
    classes : bool
        Whether y is labels.
    rows : int or None
        The number of rows, where it is known without computing anything.
    """

    parts: list[tuple[Any, ...]]
    names: list[str] | None
    n_features: int
    dtype: np.dtype[Any]
    classes: bool
    rows: int | None


def check_collections(
    X: Any, y: Any, sample_weight: Any, classes: bool, like: Collections | None = None
) -> Collections:
    """Check that Dask collections go together, before anything is computed.

    Parameters
    ----------
    X, y, sample_weight : Dask array, dataframe or series; sample_weight may be None
    classes : bool
    like : Collections, optional
        The rows whose features X must have.

    Raises
    ------
    TypeError, ValueError
    """
    for name, collection in (("X", X), ("y", y), ("sample_weight", sample_weight)):
        if not is_collection(collection) and not (collection is None and name == "sample_weight"):
            raise TypeError(
                f"{name} must be a Dask array or dataframe, got {type(collection).__name__}: "
                "dask.array.from_array makes one"
            )
    if X.ndim != 2:
        raise ValueError(f"X must have two dimensions (rows, features), got {X.ndim}")
    names = None
    if isinstance(X, da.Array):
        X = X.rechunk({1: -1}) if X.numblocks[1] > 1 else X
        n_features, dtypes = X.shape[1], [X.dtype]
    else:
        names = [str(name) for name in X.columns]
        n_features, dtypes = len(names), list(X.dtypes)
        others = [n for n, t in zip(names, dtypes, strict=True) if t.kind not in "biuf"]
        if others:
            raise ValueError(
                f"columns of X must be numbers, but {others[0]!r} is {X.dtypes[others[0]]}: "
                "multilayer.dask.DaskTableEncoder makes numbers of them"
            )
    if not n_features or np.isnan(n_features):
        raise ValueError(f"X must have a known number of features, one or more: {X.shape}")
    if like is not None and (n_features, names) != (like.n_features, like.names):
        raise ValueError(
            f"X has {n_features} features, {names or 'without names'}, but the rows to learn from "
            f"have {like.n_features}, {like.names or 'without names'}"
        )
    single = all(t == np.float32 for t in dtypes)
    lengths = X.chunks[0] if isinstance(X, da.Array) else ()
    known = bool(lengths) and not any(np.isnan(n) for n in lengths)
    columns = [_partitions(X, None)]
    for name, collection in (("y", y), ("sample_weight", sample_weight)):
        if collection is None:
            columns.append([None] * len(columns[0]))
            continue
        if known and isinstance(collection, da.Array) and collection.chunks[0] != lengths:
            if sum(lengths) != collection.shape[0]:
                raise ValueError(
                    f"{name} must have as many rows as X, {sum(lengths)}, got {collection.shape[0]}"
                )
            collection = collection.rechunk({0: lengths})
        column = _partitions(collection, name)
        if len(column) != len(columns[0]):
            raise ValueError(
                f"{name} must be cut into partitions as X is, {len(columns[0])}, "
                f"but has {len(column)}"
            )
        columns.append(column)
    return Collections(
        list(zip(*columns, strict=True)),
        names,
        int(n_features),
        np.dtype(np.float32 if single else np.float64),
        classes,
        int(sum(lengths)) if known else None,
    )


def _partitions(collection: Any, name: str | None) -> list[Any]:
    if isinstance(collection, da.Array):
        if collection.ndim == 2 and collection.numblocks[1] > 1:
            collection = collection.rechunk({1: -1})
        if collection.ndim > 2:
            raise ValueError(f"{name} must have one or two dimensions, got {collection.ndim}")
        return list(collection.to_delayed().ravel())
    # If X and y were optimised separately, their partitions could differ.
    return list(collection.to_delayed(optimize_graph=False))
