"""Fits of small tables: the members' outputs for rows that they left out, and for test rows.

Training does not depend on how the outputs for the left-out rows are used. Therefore
calibration.py fits each network once, keeps the outputs in a folder, and compares estimators on
them in seconds.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from sklearn.utils import check_random_state

from multilayer.tabular.base import prepare_training, recipe_of, row_losses, validation_loss
from multilayer.tabular.ensemble import train_members

Array = np.ndarray


def fit(model: Any, X: Any, y: Array, X_test: Any) -> dict[str, Array]:
    """Train the members as `model.fit(X, y)` does, and return their outputs.

    Returns
    -------
    dict of arrays
        rows : of the table, those that the members left out, one member after the other.
        n_rows : how many each member left out to choose its epoch, and how many beside these.
        best : outputs for the rows, of the network of the best epoch.
        out_of_fold : likewise, but the rows that choose an epoch get no outputs from it.
        targets : of all rows of the table, as the networks get them.
        test : outputs for the test rows, shape (members, rows, K).
    """
    rng = check_random_state(model.random_state)
    data, folds = prepare_training(model, X, y, None, None, None, rng)
    loss = partial(validation_loss, model, data, None)
    seeds = rng.randint(2**31, size=len(folds)).tolist()
    recipe = recipe_of(model, len(folds[0].training))
    losses = partial(row_losses, model, data)
    members, _ = train_members(data, folds, recipe, seeds, loss, losses)
    rows, best, out_of_fold = [], [], []
    for member in members:
        own = np.append(member.fold.validation, member.fold.spare)
        outputs = member.network.forward(data.X[own])
        rows.append(own)
        best.append(outputs)
        out_of_fold += [member.out_of_fold, outputs[len(member.fold.validation) :]]
    encoded = model.encoder_.transform(X_test)
    return {
        "rows": np.concatenate(rows),
        "n_rows": np.array([(len(m.fold.validation), len(m.fold.spare)) for m in members]),
        "best": np.concatenate(best),
        "out_of_fold": np.concatenate(out_of_fold),
        "targets": data.Y,
        "test": np.stack([member.network.forward(encoded) for member in members]),
    }


def kept(file: Path, make: Callable[[], dict[str, Array]]) -> dict[str, Array]:
    """Return the arrays that a file holds; if there is none, make them and write it."""
    if not file.exists():
        file.parent.mkdir(parents=True, exist_ok=True)
        partial_file = file.with_suffix(".part.npz")
        np.savez(partial_file, **make())
        partial_file.rename(file)
    with np.load(file) as arrays:
        return dict(arrays)
