"""How many steps the parts make by themselves before they meet: chosen by what a step takes."""

from __future__ import annotations

import math

__all__ = ["SyncInterval"]

_TRIED = 8  # steps apart, of the attempt
_ATTEMPTS = 3  # of either way; the first is left out, since it prepares what the others find
_FOR_TALKING = 0.1  # the share of the time that may go into meeting
_FEW = 32  # steps of an epoch, below which they are all made together


class SyncInterval:
    """Measures steps made together and apart: their time is c + n·s, c for talking, s a step's."""

    def __init__(self) -> None:
        self._together: list[float] = []
        self._apart: list[float] = []
        self.decided = False

    def took(self, n: int, seconds: float) -> None:
        """Note how long n steps took."""
        if not self.decided and n in (1, _TRIED):
            (self._together if n == 1 else self._apart).append(seconds)

    def choose(self, steps_per_epoch: int) -> int:
        """Return how many steps to make next before the parts meet.

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
        talking = max(together - step, 0.0)
        if talking <= 2 * _FOR_TALKING * step:
            return 1
        needed = talking / (_FOR_TALKING * step)
        return int(min(2 ** math.ceil(math.log2(needed)), steps_per_epoch))
