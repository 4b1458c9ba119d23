"""The tables for measuring accuracy, and their split into training and test rows."""

from __future__ import annotations

import functools
import importlib.util
import os
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
import sklearn.datasets
from sklearn.model_selection import train_test_split

TEST_ROWS = 10_000


class Part(NamedTuple):
    X: pd.DataFrame  # nominal columns have dtype category; missing values are NaN
    y: np.ndarray  # numbers, or the classes as 0, 1, …


def bundled(load: Callable[..., object], task: str) -> Callable[[], tuple]:
    """Wrap a loader of scikit-learn."""
    return lambda: (*load(return_X_y=True, as_frame=True), task)


BUNDLED = {
    "breast_cancer": bundled(sklearn.datasets.load_breast_cancer, "class"),
    "wine": bundled(sklearn.datasets.load_wine, "class"),
    "iris": bundled(sklearn.datasets.load_iris, "class"),
    "digits": bundled(sklearn.datasets.load_digits, "class"),
    "diabetes": bundled(sklearn.datasets.load_diabetes, "reg"),
}


@functools.cache
def folder() -> object | None:
    """Import the module datasets.py of the folder that MULTILAYER_DATA names."""
    if "MULTILAYER_DATA" not in os.environ:
        return None
    path = Path(os.environ["MULTILAYER_DATA"]) / "datasets.py"
    spec = importlib.util.spec_from_file_location("multilayer_data", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@functools.cache
def sets() -> dict[str, Callable[[], tuple]]:
    """Return the loaders by name; each returns X, y and the task, "class" or "reg"."""
    return {**BUNDLED, **(folder().SETS if folder() else {})}


@functools.cache
def table(name: str) -> tuple[pd.DataFrame, np.ndarray, str]:
    X, y, task = sets()[name]()
    # LightGBM refuses some names; none of the methods uses them.
    X = X.set_axis([f"x{j}" for j in range(X.shape[1])], axis=1)
    if task == "class":
        return X, np.unique(np.asarray(y), return_inverse=True)[1], task
    return X, np.asarray(y, dtype=np.float64), task


def split(name: str, seed: int, rows: int) -> tuple[Part, Part, str]:
    """Draw training and test rows at random, stratified by class; return them with the task."""
    X, y, task = table(name)
    train_rows = min(rows, len(X) * 3 // 4)
    Xa, Xb, ya, yb = train_test_split(
        X,
        y,
        train_size=train_rows,
        test_size=min(TEST_ROWS, len(X) - train_rows),
        stratify=y if task == "class" else None,
        random_state=seed,
    )
    train, test = Part(Xa.reset_index(drop=True), ya), Part(Xb.reset_index(drop=True), yb)
    return train, test, task
