"""Members whose training diverged: how that is seen, and which members remain.

The quality of outputs is 0 if some are not finite, 1 if they have exploded, and 2 otherwise. A
member is taken from its best epoch among those of the highest quality.
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import Any, Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray

from multilayer.embedding import Floats
from multilayer.estimators.convergence import DivergenceWarning

__all__ = ["quality_of", "without_diverged"]

_EXPLODED = 1e3  # times the largest target, in standard deviations


class _Trained(Protocol):
    @property
    def quality(self) -> int: ...


Member = TypeVar("Member", bound=_Trained)


def quality_of(H: Floats, Y: NDArray[Any], output: str) -> int:
    """Return the quality of outputs H (m, K) of a network that learns from targets Y."""
    if not np.isfinite(H).all():
        return 0
    if output == "softmax":
        return 2
    return 2 if np.abs(H).max() <= _EXPLODED * max(1.0, np.abs(Y).max()) else 1


def without_diverged(members: Sequence[Member], learning_rate: float) -> list[Member]:
    """Return the members whose training did not diverge, and warn of the others.

    If the outputs of all members that have finite ones exploded, these are returned.

    Raises
    ------
    ValueError
        If no member has finite outputs.
    """
    quality = max(member.quality for member in members)
    if not quality:
        raise ValueError(
            "training diverged in its first epoch: learning_rate_init must be smaller than "
            f"{learning_rate:g}, or the data must be rescaled"
        )
    kept = [member for member in members if member.quality == quality]
    left_out, message = len(members) - len(kept), ""
    if quality == 1:
        message = "Training diverged: the predictions of each member are far beyond the targets."
    elif left_out:
        message = f"{left_out} of {len(members)} members are left out: their training diverged."
    if message:
        message += f" Try a smaller learning_rate_init (now {learning_rate:g})."
        warnings.warn(message, DivergenceWarning, stacklevel=6)
    return kept
