"""Mersenne Twisters, created, read and written faster than by NumPy, for small fits."""

from __future__ import annotations

import ctypes
from typing import Any

import numpy as np
from numpy.random.bit_generator import ISeedSequence
from numpy.typing import NDArray

from multilayer import fields

__all__ = ["WORDS", "make_twister", "restore_twister", "twister_state"]

WORDS = 624  # of the state of an MT19937; the position among them is at most as large
_Struct = ctypes.c_uint32 * (WORDS + 1)


class _Unseeded(ISeedSequence):
    """Replaces the seed that an MT19937 draws from the system if none is given."""

    def generate_state(self, n_words: int, dtype: Any = np.uint32) -> Any:
        """Return words that `make_twister` replaces, as a list, which NumPy reads fastest."""
        return [0] * n_words


_UNSEEDED: Any = _Unseeded()


def make_twister(seed: int) -> np.random.RandomState:
    """Return `RandomState(seed)`, without the seed that it draws first and throws away."""
    rng = np.random.RandomState(np.random.MT19937(_UNSEEDED))
    rng.seed(seed)
    return rng


def restore_twister(
    key: NDArray[Any], position: Any, has_gauss: Any, gauss: Any
) -> np.random.RandomState:
    """Return the MT19937 of a saved state, which is checked completely.

    Parameters
    ----------
    key : ndarray of uint32, shape (624,)
    position : int
        From 0 to 624. NumPy takes any number, and reads beyond the key.
    has_gauss : int
        Whether `gauss` is a normal number that was drawn ahead: 0 or 1.
    gauss : float

    Raises
    ------
    ValueError
        If a generator has no such state.
    """
    fields.array_field({"key": key}, "key", (WORDS,), np.uint32)
    if not key.any():
        raise ValueError("the state of a generator must not be all zero")
    fields.whole("position", position, 0, WORDS)
    ahead = fields.whole("has_gauss", has_gauss, 0, 1), fields.number("gauss", gauss)
    rng = np.random.RandomState(np.random.MT19937(_UNSEEDED))
    rng.set_state(("MT19937", key, position, *ahead))
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
