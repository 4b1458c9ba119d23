"""The estimators that the commands train, and what they set by themselves."""

from __future__ import annotations

from typing import Any

from multilayer.cli.data import Standardised
from multilayer.estimators import MLPClassifier, MLPRegressor
from multilayer.tables.encoder import TableEncoder
from multilayer.tabular import TabularClassifier, TabularRegressor

__all__ = ["NETWORKS", "TABULAR_MODELS", "VALIDATION_SHARE", "table_encoder"]

NETWORKS: dict[str, Any] = {"classification": MLPClassifier, "regression": MLPRegressor}
TABULAR_MODELS: dict[str, Any] = {
    "classification": TabularClassifier,
    "regression": TabularRegressor,
}
VALIDATION_SHARE = 0.2  # of the rows, by which the best epoch of a plain network is chosen


def table_encoder(target: Standardised) -> TableEncoder:
    """Return an encoder of the precision that a network needs whose output is in units of y."""
    # float32 has seven digits, too few for a target whose spread is small beside its mean.
    return TableEncoder(dtype="float32" if abs(target.mean) < 1e3 * target.scale else "float64")
