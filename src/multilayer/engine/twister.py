"""Mersenne Twisters: made, read and written faster than by NumPy, which counts in small fits."""

from __future__ import annotations

import ctypes
from typing import Any

import numpy as np
from numpy.random.bit_generator import ISeedSequence
from numpy.typing import NDArray

__all__ = ["make_twister", "twister_state"]

_Struct = ctypes.c_uint32 * 625


class _Unseeded(ISeedSequence):
    """Stands for the seed that an MT19937 draws from the system where none is given."""

    def generate_state(self, n_words: int, dtype: Any = np.uint32) -> Any:
        """Return words that `make_twister` replaces, as a list, which NumPy reads fastest."""
        return [0] * n_words


_UNSEEDED: Any = _Unseeded()


def make_twister(seed: int) -> np.random.RandomState:
    """Return `RandomState(seed)`, without the seed that it draws first and throws away."""
    rng = np.random.RandomState(np.random.MT19937(_UNSEEDED))
    rng.seed(seed)
    return rng


def twister_state(rng: Any) -> NDArray[np.uint32] | None:
    """Return the 624 words of an MT19937 and the position among them, which may be changed.

    Parameters
    ----------
    rng : RandomState

    Returns
    -------
    ndarray of uint32, shape (625,), or None
        A view, valid as long as `rng` lives. None if `rng` draws from another generator.
    """
    generator = getattr(rng, "_bit_generator", None)
    if not isinstance(generator, np.random.MT19937):
        return None
    return np.ctypeslib.as_array(_Struct.from_address(generator.ctypes.state_address))
