"""The state of a Mersenne Twister where it lies: `get_state` takes longer than a small epoch."""

from __future__ import annotations

import ctypes
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["twister_state"]

_Struct = ctypes.c_uint32 * 625


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
