"""The epochs that members are taken from: each has a few of its best to choose from.

A member's own validation rows are few, and the epoch that is best by chance is not the best one for
new rows. The same epoch of the other members is at the same position of the same schedule, and
their rows are others. So the epoch is chosen by the sum of the member's own loss and of the mean
loss of the others: docs/tabular.md has the effect.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import zip_longest
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = [
    "MOST_CHECKPOINTS",
    "Checkpoint",
    "Checkpoints",
    "losses_of_others",
    "number_within",
]

MOST_CHECKPOINTS = 8
# Of the checkpoints, and of the outputs, that all members keep until the last one is trained.
_MOST_BYTES = 2**28


@dataclass(frozen=True)
class Checkpoint:
    """A member after an epoch.

    Attributes
    ----------
    epoch : int
        Counted from 0.
    loss : float
        Of the validation rows.
    arrays : list of ndarrays
        What is kept of it.
    """

    epoch: int
    loss: float
    arrays: list[NDArray[Any]]


@dataclass
class Checkpoints:
    """The best epochs of a member so far.

    Attributes
    ----------
    most : int
        How many are kept.
    quality : int
        Of the outputs; see `multilayer.tabular.divergence`. A higher one replaces all lower ones; 0
        if no epoch had finite outputs.
    kept : list of Checkpoint
        Ascending by epoch.
    """

    most: int
    quality: int = 0
    kept: list[Checkpoint] = field(default_factory=list)

    @property
    def best(self) -> Checkpoint:
        """The one with the smallest loss; of equal ones the last."""
        return min(reversed(self.kept), key=lambda checkpoint: checkpoint.loss)

    def add(self, epoch: int, quality: int, loss: float, arrays: Sequence[NDArray[Any]]) -> None:
        """Keep a copy of the arrays, if the epoch is among the best so far."""
        if quality > self.quality:
            self.quality, self.kept = quality, []
        if not quality or quality < self.quality:
            return
        if len(self.kept) == self.most:
            worst = max(self.kept, key=lambda checkpoint: checkpoint.loss)
            if loss > worst.loss:
                return
            self.kept.remove(worst)
        self.kept.append(Checkpoint(epoch, loss, [array.copy() for array in arrays]))


def number_within(n_bytes: int, n_members: int, most: int) -> int:
    """Return how many objects of so many bytes each of the members may keep, from 1 to most."""
    return int(np.clip(_MOST_BYTES // max(n_bytes * n_members, 1), 1, most))


def losses_of_others(curves: Sequence[Sequence[float]]) -> NDArray[np.float64]:
    """Compute the mean loss of the other members at each epoch, (n_members, n_epochs).

    Parameters
    ----------
    curves : sequence of sequences of float
        The losses of each member, not all of them of the same number of epochs. Losses that are not
        finite do not count.

    Returns
    -------
    ndarray
        0 where there are none.
    """
    L = np.array(list(zip_longest(*curves, fillvalue=np.nan)), float).reshape(-1, len(curves)).T
    known = np.isfinite(L)
    L = np.where(known, L, 0.0)
    # Others one by one, as the difference of two sums would have rounding errors.
    others = ~np.eye(len(L), dtype=bool)
    sums = np.array([L[mask].sum(axis=0) for mask in others])
    return np.asarray(sums / np.maximum([known[mask].sum(axis=0) for mask in others], 1))
