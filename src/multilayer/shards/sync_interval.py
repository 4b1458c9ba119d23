"""The number of steps between two synchronisations, chosen from the measured time of a step."""

from __future__ import annotations

import math

__all__ = ["SyncInterval"]

_TRIED = 8  # steps apart, of the attempt
_ATTEMPTS = 3  # of either way; the first is left out, since it prepares what the others find
_FOR_COMMUNICATION = 0.1  # the share of the time that communication may take
_FEW = 32  # steps of an epoch, below which they are all made together


class SyncInterval:
    """A choice by measurement: n steps take c + n·s, c for communication and s for a step."""

    def __init__(self) -> None:
        self._together: list[float] = []
        self._apart: list[float] = []
        self.decided = False

    def took(self, n: int, seconds: float) -> None:
        """Note how long n steps took."""
        if not self.decided and n in (1, _TRIED):
            (self._together if n == 1 else self._apart).append(seconds)

    def choose(self, steps_per_epoch: int) -> int:
        """Return how many steps to make next before the parts synchronise.

        Until it is decided, that is what is still to be measured.
        """
        if steps_per_epoch < _FEW:
            self.decided = True
            return 1
        if len(self._together) < _ATTEMPTS:
            return 1
        if len(self._apart) < _ATTEMPTS:
            return _TRIED
        self.decided = True
        together, apart = min(self._together[1:]), min(self._apart[1:])
        step = max((apart - together) / (_TRIED - 1), 1e-6)
        communication = max(together - step, 0.0)
        if communication <= 2 * _FOR_COMMUNICATION * step:
            return 1
        needed = communication / (_FOR_COMMUNICATION * step)
        return int(min(2 ** math.ceil(math.log2(needed)), steps_per_epoch))
