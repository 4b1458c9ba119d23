"""Rows in parts: the encoded rows of each part, and sums over the parts."""

from __future__ import annotations

import hashlib
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np
import scipy.sparse
from numpy.typing import NDArray

from multilayer.engine.interface import Examples
from multilayer.shards.sync_interval import SyncInterval

__all__ = ["TOGETHER", "Facts", "OfShard", "Shard", "Shards", "Sums", "added_up", "sum_in_order"]

Array = NDArray[Any]
Sums = NDArray[np.float64]
TOGETHER = 8  # vectors are added in groups of this size, then these sums, and so on


@dataclass(frozen=True)
class Shard:
    """Encoded rows of one part.

    Attributes
    ----------
    index : int
        Which of the parts it is.
    examples : Examples
    """

    index: int
    examples: Examples
    _order: list[Any] = field(default_factory=list, repr=False, compare=False)

    def __len__(self) -> int:
        """Return the number of rows."""
        return int(self.examples.X.shape[0])

    @property
    def weight(self) -> float:
        """Sum of the weights of the rows."""
        weights = self.examples.weights
        return float(len(self) if weights is None else weights.sum(dtype=np.float64))

    def order(self, seed: int | None) -> Array:
        """Return the order of the rows in the epoch of a seed; without one, the stored order."""
        if self._order[:1] != [seed]:
            rows = np.arange(len(self))
            if seed is not None:
                np.random.RandomState([seed, self.index]).shuffle(rows)
            self._order[:] = [seed, rows]
        order: Array = self._order[1]
        return order

    def fingerprint(self) -> bytes:
        """Return a few bytes that are the same for the same rows, and for no others."""
        digest = hashlib.blake2b(str(self.index).encode(), digest_size=16)
        X, Y, weights = self.examples
        for array in [*([X.data, X.indices, X.indptr] if scipy.sparse.issparse(X) else [X]), Y]:
            digest.update(f"{array.shape}{array.dtype}".encode())
            digest.update(np.ascontiguousarray(array).data)
        if weights is not None:
            digest.update(np.ascontiguousarray(weights).data)
        return digest.digest()

    def __reduce__(self) -> tuple[Any, ...]:
        return Shard, (self.index, self.examples)  # its order is found again where it is needed


class OfShard(Protocol):
    """A function of a shard: a vector, of which the sum over all shards is wanted."""

    def __call__(self, shard: Shard, /, *arguments: Any) -> Sums:
        """Compute the vector."""


class Shards(ABC):
    """Rows in parts, which replace X when a network is trained.

    Attributes
    ----------
    shape : tuple of int, (m, n)
    dtype : dtype
    weight : float
        Sum of the weights of all rows.
    sync_every : int or "auto"
        Steps that each part makes by itself before Θ is averaged; 1: the parts make every step
        together. See `multilayer.shards.engine`.
    """

    def __init__(
        self,
        shape: tuple[int, int],
        dtype: np.dtype[Any],
        weight: float,
        sync_every: int | str = 1,
    ) -> None:
        self.shape, self.dtype, self.weight = shape, dtype, weight
        self.sync_every = sync_every
        self.sync_interval = SyncInterval()

    @abstractmethod
    def total(self, function: OfShard, *arguments: Any) -> Sums:
        """Sum of function(shard, *arguments) over the parts, see `added_up`."""

    def fingerprint(self) -> bytes:
        """Return a few bytes that are the same for the same rows in the same parts."""
        return self.total(_fingerprint).tobytes()


def _fingerprint(shard: Shard) -> Sums:
    # Sums of whole numbers this small are exact.
    return np.frombuffer(shard.fingerprint(), np.uint16).astype(np.float64)


def added_up(vectors: Sequence[Sums]) -> Sums:
    """Add vectors in a fixed order: neighbours first, then their sums.

    The order depends only on the number of vectors, and neighbours can be added where they are
    stored.
    """
    while len(vectors) > 1:
        starts = range(0, len(vectors), TOGETHER)
        vectors = [sum_in_order(vectors[start : start + TOGETHER]) for start in starts]
    return vectors[0]


def sum_in_order(vectors: Sequence[Sums]) -> Sums:
    """Add vectors, the first two first."""
    total = vectors[0].copy()
    for vector in vectors[1:]:
        total += vector
    return total


@dataclass(frozen=True)
class Facts:
    """Facts about all rows that are needed before a part of them can be encoded.

    Attributes
    ----------
    rows, n_features : int
    names : sequence of str, optional
        Of the features.
    dtype : dtype
        float32 or float64.
    labels : ndarray
        Of classes, y with each of them at least once in its column; for numbers, the smallest and
        the largest of each column, (2,) or (2, n_outputs).
    counts : dict, optional
        How often each class occurs, if there is one label per row.
    """

    rows: int
    n_features: int
    names: Sequence[str] | None
    dtype: np.dtype[Any]
    labels: Array
    counts: dict[Any, int] | None = None
