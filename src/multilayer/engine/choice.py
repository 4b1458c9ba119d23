"""The choice of the engine for a network and its rows: the native engine wherever possible."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import scipy.sparse

from multilayer.engine.array_api import ArrayAPIEngine
from multilayer.engine.arrays import is_foreign
from multilayer.engine.interface import Engine, Examples, Objective
from multilayer.engine.native import NativeEngine
from multilayer.losses import CustomLoss

__all__ = ["engine_for", "runs_natively"]


def runs_natively(hidden: Sequence[Any], loss: Any, X: Any) -> bool:
    """Whether the native engine computes this network on these rows.

    It does not support user-defined activations and losses, nor X in an array of another library,
    which stays on its device.

    Raises
    ------
    ValueError
        If neither engine can: user-defined functions on a sparse X.
    """
    # By type, since asking an abstract class takes longer than a small network.
    own = type(loss) is CustomLoss or not all(isinstance(g, str) for g in hidden)
    if not own:
        return not is_foreign(X)
    if scipy.sparse.issparse(X):
        raise ValueError("user-defined activations and losses require a dense X, but X is sparse")
    return False


def engine_for(thetas: Sequence[Any], examples: Examples, objective: Objective) -> Engine:
    """Create the engine for a network, its rows and its objective."""
    if runs_natively(objective.hidden, objective.loss, examples.X):
        return NativeEngine(thetas, examples, objective)
    return ArrayAPIEngine(thetas, examples, objective)
