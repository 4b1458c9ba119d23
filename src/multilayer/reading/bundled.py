"""The datasets of scikit-learn as tables, by name."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import polars as pl
from sklearn import datasets

__all__ = ["BUNDLED"]


def _moons() -> pl.DataFrame:
    X, y = datasets.make_moons(n_samples=1000, noise=0.1, random_state=0)
    return pl.DataFrame({"x1": X[:, 0], "x2": X[:, 1], "target": y})


def _bundled(load: Callable[[], Any]) -> Callable[[], pl.DataFrame]:
    def read() -> pl.DataFrame:
        bunch = load()
        target = bunch.target
        if len(getattr(bunch, "target_names", ())):
            target = bunch.target_names[target]
        frame = pl.DataFrame(bunch.data, schema=list(bunch.feature_names))
        return frame.with_columns(pl.Series("target", target))

    return read


BUNDLED: dict[str, Callable[[], pl.DataFrame]] = {
    "breast_cancer": _bundled(datasets.load_breast_cancer),
    "diabetes": _bundled(datasets.load_diabetes),
    "digits": _bundled(datasets.load_digits),
    "iris": _bundled(datasets.load_iris),
    "moons": _moons,
    "wine": _bundled(datasets.load_wine),
}
