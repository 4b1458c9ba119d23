"""Model files of the playground: they predict in the units of the table."""

from __future__ import annotations

import tempfile
from copy import deepcopy
from pathlib import Path
from typing import Any

from numpy.typing import NDArray
from sklearn.pipeline import Pipeline

from multilayer.persistence import save
from multilayer.playground.rows import Data
from multilayer.playground.training_run import TrainingRun
from multilayer.playground.uploads import OpenedModel
from multilayer.tables.target import fold_in_units

__all__ = ["content_of", "thetas_for"]


def content_of(run: TrainingRun) -> bytes:
    """Return the network as a model file, with the encoder of the table if there is one."""
    model, data = run.estimator, run.data
    if data.unit is not None:
        model = deepcopy(model)
        fold_in_units(model.network_, data.unit.mean, data.unit.scale)
    if data.table is not None:
        model = Pipeline([("encoder", data.table.encoder), ("network", model)])
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "playground.mlp"
        save(model, path)
        return path.read_bytes()


def thetas_for(data: Data, model: OpenedModel, sizes: tuple[int, ...]) -> list[NDArray[Any]]:
    """Return Θ of a model file, for training on the data.

    Parameters
    ----------
    data : Data
    model : OpenedModel
    sizes : tuple of int
        Of a network for these data.

    Raises
    ------
    ValueError
        If the model has another number of inputs or outputs.
    """
    ends = model.sizes[0], model.sizes[-1]
    if ends != (sizes[0], sizes[-1]):
        raise ValueError(
            f"the model must have {sizes[0]} inputs and {sizes[-1]} outputs for these data, but "
            f"has {ends[0]} and {ends[1]}"
        )
    if data.unit is not None:
        fold_in_units(model, -data.unit.mean / data.unit.scale, 1 / data.unit.scale)
    return model.thetas
