"""Elementary functions of arrays, computed by the code of the engine.

NumPy has several versions of these functions, chosen by the processor, and their last bits differ.
All values that influence Θ or a choice are computed by this module instead.
"""

from __future__ import annotations

import numpy as np

from multilayer import _native
from multilayer.engine.validation import Floats

__all__ = ["exp", "log"]


def exp(x: Floats) -> Floats:
    """Compute eˣ of float32 or float64, within 4 and 2 units in the last place."""
    return _apply("exp", x)


def log(x: Floats) -> Floats:
    """Compute log x of float32 or float64, within 4 and 2 units in the last place; −∞ of 0."""
    return _apply("log", x)


def _apply(function: str, x: Floats) -> Floats:
    x = np.ascontiguousarray(x)
    y = np.empty_like(x)
    _native.apply(function, x, y)
    return y
