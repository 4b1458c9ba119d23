"""Digests of what training computes: equal before and after a change that must not change any bit.

Run it on two versions and compare the two files that it writes: one line a fit, with a digest of Θ,
costs and predictions.

    python benchmarks/digest.py before.txt
"""

from __future__ import annotations

import hashlib
import sys
import tempfile
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import scipy.sparse
from shapes import SHAPES, Shape

from multilayer import MLPClassifier, MLPRegressor, TabularClassifier, TabularRegressor
from multilayer.engine.threads import one_blas_thread
from multilayer.estimators.parameters import SOLVERS

MOST_ROWS = 600
OPTIONS: dict[str, dict[str, Any]] = {
    "l1": {"l1": 1e-3},
    "clip_norm, max_norm": {"clip_norm": 0.5, "max_norm": 1.0},
    "dropout": {"dropout": 0.2},
    "label_smoothing": {"label_smoothing": 0.1},
    "early_stopping": {"early_stopping": True},
    "scoring": {"early_stopping": True, "scoring": "neg_log_loss"},
    "cosine": {"learning_rate": "cosine"},
    "plateau": {"learning_rate": "plateau", "early_stopping": True},
    "adaptive": {"learning_rate": "adaptive", "solver": "sgd", "tol": 0.05, "n_iter_no_change": 1},
    "balanced": {"class_weight": "balanced"},
    "focal": {"loss": "focal"},
    "penalty_scale": {"penalty_scale": "sample", "alpha": 0.1},
    "batch_size": {"batch_size": 33},
    "best weights": {"restore_best_weights": True, "learning_rate_init": 0.3},
    "own functions": {"activation": (np.tanh, lambda z: 1 - np.tanh(z) ** 2)},
}
Fit = Callable[[], list[Any]]


def digest(parts: list[Any]) -> str:
    """Return a digest of arrays and numbers, to the bit."""
    sum_ = hashlib.blake2b(digest_size=12)
    for part in parts:
        array = np.ascontiguousarray(np.asarray(part))
        sum_.update(f"{array.dtype}{array.shape}".encode())
        sum_.update(array.tobytes() if array.dtype != object else repr(array.tolist()).encode())
    return sum_.hexdigest()


def bits_of(model: Any, X: Any) -> list[Any]:
    """Return Θ, costs and predictions of a fitted network."""
    proba = [model.predict_proba(X)] if hasattr(model, "predict_proba") else []
    curves = [model.loss_curve_, model.validation_scores_ or [], model.n_iter_]
    return [*model.network_.thetas, *curves, model.predict(X), *proba]


def examples(shape: Shape, dtype: str, sparse: bool) -> tuple[Any, np.ndarray]:
    """Return the first rows of a shape's data; sparse: with two thirds of the values left out."""
    X, y = shape.data()
    X, y = X[:MOST_ROWS].astype(dtype), y[:MOST_ROWS]
    if sparse:
        X = scipy.sparse.csr_array(X * (np.random.RandomState(1).rand(*X.shape) < 1 / 3))
    return X, y


def network(shape: Shape, X: Any, y: np.ndarray, **params: Any) -> list[Any]:
    """Fit a classifier of a shape for three epochs."""
    defaults = {"activation": shape.hidden, "batch_size": min(shape.batch, len(y)), "max_iter": 3}
    defaults["hidden_layer_sizes"] = shape.sizes[1:-1]
    return bits_of(MLPClassifier(**{**defaults, "random_state": 0, **params}).fit(X, y), X)


def fits_of_networks() -> Iterator[tuple[str, Fit]]:
    """Yield the shapes with every solver, type of numbers, dense and sparse; then the options."""
    for shape in SHAPES:
        for dtype in ("float32", "float64"):
            for sparse in (False, True):
                for solver in [*SOLVERS, "lbfgs"]:
                    name = f"{shape.name} {dtype} {'sparse' if sparse else 'dense'} {solver}"
                    yield (
                        name,
                        lambda s=shape, d=dtype, p=sparse, o=solver: network(
                            s, *examples(s, d, p), solver=o
                        ),
                    )
    digits = next(shape for shape in SHAPES if shape.name == "digits")
    for dtype in ("float32", "float64"):
        for option, params in OPTIONS.items():
            yield (
                f"{option} {dtype}",
                lambda d=dtype, p=params: network(
                    digits, *examples(digits, d, False), **{"max_iter": 8, **p}
                ),
            )


def fits_of_estimators() -> Iterator[tuple[str, Fit]]:
    """Yield regressors, targets of several columns, and fits in several calls."""
    rng = np.random.RandomState(2)
    X, w = rng.randn(300, 7), rng.rand(300)
    Y = X @ rng.randn(7, 3) + 0.1 * rng.randn(300, 3)
    y, counts = Y[:, 0], rng.poisson(np.exp(Y[:, 0] / 3)).astype(float)
    labels = Y > 0
    for loss in ["squared_error", "absolute_error", "huber", "quantile"]:
        for solver in ("adam", "lbfgs"):
            yield (
                f"regressor {loss} {solver}",
                lambda e=loss, o=solver: bits_of(
                    MLPRegressor(e, 9, solver=o, max_iter=9, random_state=0).fit(X, Y, w), X
                ),
            )
    for loss in ("poisson", "gamma"):
        yield (
            f"regressor {loss}",
            lambda e=loss: bits_of(
                MLPRegressor(e, 9, max_iter=9, early_stopping=True, random_state=0).fit(
                    X, counts + 1
                ),
                X,
            ),
        )
    make = {"hidden_layer_sizes": (8, 5), "max_iter": 6, "random_state": 0}
    yield "several labels", lambda: bits_of(MLPClassifier(**make).fit(X, labels), X)
    yield (
        "columns of labels",
        lambda: [*MLPClassifier(**make).fit(X, np.digitize(Y, [-1, 1])).network_.thetas],
    )

    def in_parts() -> list[Any]:
        model = MLPClassifier(**make, dropout=0.1)
        for _ in range(3):
            model.partial_fit(X, labels[:, 0], w, classes=[False, True])
        return bits_of(model, X)

    def warm() -> list[Any]:
        model = MLPRegressor(**make, warm_start=True, learning_rate="invscaling", solver="sgd")
        model.fit(X, y)
        return bits_of(model.fit(X, y, X_val=X[:50], y_val=y[:50]), X)

    yield "partial_fit", in_parts
    yield "warm_start", warm


def fits_of_tables() -> Iterator[tuple[str, Fit]]:
    """Yield the tabular estimators on numbers, categories and gaps."""
    import polars as pl

    rng = np.random.RandomState(3)
    m = 400
    a, b = rng.randn(m), rng.randn(m)
    colour = rng.choice(["red", "green", "blue", "grey"], m)
    level = rng.choice([f"level {k}" for k in range(30)], m)
    z = a + np.abs(b) + (colour == "red") + 0.3 * rng.randn(m)
    gaps = [None if gap else float(value) for gap, value in zip(rng.rand(m) < 0.1, b, strict=True)]
    table = pl.DataFrame({"a": a, "b": gaps, "colour": colour, "level": level})
    classes, weights = np.digitize(z, [0.5, 1.5]), rng.rand(m)
    small = {"n_members": 2, "max_iter": 8, "random_state": 0}

    def classifier(**params: Any) -> list[Any]:
        model = TabularClassifier(**small, **params).fit(table, classes, weights)
        arrays = [array for member in model.members_ for array in member.arrays]
        scores = [model.validation_score_, *model.validation_curves_]
        return [*arrays, *scores, model.predict_proba(table), model.feature_importances_]

    def regressor(**params: Any) -> list[Any]:
        model = TabularRegressor(**small, **params).fit(table, z)
        arrays = [array for member in model.members_ for array in member.arrays]
        outputs = [model.predict(table), model.predict_interval(table), model.predict(table, [0.1])]
        return [*arrays, *model.loss_curves_, *outputs, model.validation_score_]

    yield "TabularClassifier", classifier
    yield "TabularClassifier scoring", lambda: classifier(scoring="neg_log_loss", dropout=0.2)
    yield "TabularRegressor", regressor
    yield "TabularRegressor fast", lambda: regressor(fast=True)


def fits_of_searches() -> Iterator[tuple[str, Fit]]:
    """Yield the search, cross-validation and the comparison."""
    from sklearn.datasets import load_iris

    from multilayer.selection import (
        HiddenLayerSearchCV,
        compare_baselines,
        cross_validate_network,
    )

    X, y = load_iris(return_X_y=True)
    base = MLPClassifier(max_iter=30, learning_rate_init=0.01, random_state=0)

    def search(estimator: Any) -> list[Any]:
        found = HiddenLayerSearchCV(estimator, n_candidates=6, cv=3, random_state=0).fit(X, y)
        results = found.cv_results_
        return [results["mean_test_score"], str(found.best_params_), found.predict_proba(X)]

    def folds() -> list[Any]:
        result = cross_validate_network(base, X, y, cv=3, random_state=0)
        return [result.scores, *result.loss_curves, *result.validation_curves]

    def comparison() -> list[Any]:
        result = compare_baselines(X, y, cv=3, random_state=0)
        return [np.concatenate([np.ravel(rival.scores) for rival in result.rivals])]

    yield "HiddenLayerSearchCV", lambda: search(base)
    tabular = TabularClassifier(n_members=1, max_iter=15, random_state=0)
    yield "HiddenLayerSearchCV tabular", lambda: search(tabular)
    yield "cross_validate_network", folds
    yield "compare_baselines", comparison


def fits_elsewhere() -> Iterator[tuple[str, Fit]]:
    """Yield training from files, on Dask, and from a checkpoint."""
    import dask.array
    import polars as pl
    from distributed import Client, LocalCluster

    from multilayer import Checkpoint
    from multilayer.dask import DaskMLPClassifier, DaskMLPRegressor
    from multilayer.streaming import fit_files

    rng = np.random.RandomState(4)
    X = rng.randn(1200, 5)
    y = (X[:, 0] + X[:, 1] ** 2 > 1).astype(int)

    def files(solver: str, **params: Any) -> list[Any]:
        with tempfile.TemporaryDirectory() as folder:
            for k in range(3):
                part = slice(400 * k, 400 * k + 400)
                columns = {f"x{j}": X[part, j] for j in range(5)} | {"y": y[part]}
                pl.DataFrame(columns).write_parquet(Path(folder) / f"{k}.parquet")
            model = MLPClassifier(8, solver=solver, max_iter=4, random_state=0, **params)
            fitted = fit_files(model, f"{folder}/*.parquet", "y", memory="2MB")
        table = pl.DataFrame({f"x{j}": X[:, j] for j in range(5)})
        return bits_of(fitted[-1], fitted[0].transform(table))

    def cluster(make: Any, target: np.ndarray, **params: Any) -> list[Any]:
        with (
            LocalCluster(
                2, threads_per_worker=1, processes=False, dashboard_address=None
            ) as workers,
            Client(workers),
        ):
            model = make(hidden_layer_sizes=(6,), max_iter=4, random_state=0, **params)
            model.fit(dask.array.from_array(X, (300, 5)), dask.array.from_array(target, 300))
            return bits_of(model.estimator_, X)

    def checkpoint() -> list[Any]:
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "half.checkpoint"
            model = MLPClassifier(8, max_iter=3, random_state=0, dropout=0.2)
            model.set_callbacks(Checkpoint(path, interval=0)).fit(X, y)
            return bits_of(model.set_params(max_iter=6).fit(X, y), X)

    yield "fit_files adam", lambda: files("adam")
    yield "fit_files adam early", lambda: files("adam", early_stopping=True, batch_size=64)
    yield "fit_files lbfgs", lambda: files("lbfgs")
    yield "DaskMLPClassifier lbfgs", lambda: cluster(DaskMLPClassifier, y, solver="lbfgs")
    yield "DaskMLPClassifier adam", lambda: cluster(DaskMLPClassifier, y, batch_size=100)
    yield (
        "DaskMLPClassifier apart",
        lambda: cluster(DaskMLPClassifier, y, batch_size=100, sync_every=4, dropout=0.1),
    )
    yield "DaskMLPRegressor gd", lambda: cluster(DaskMLPRegressor, X[:, 0] ** 2, solver="gd")
    yield "Checkpoint", checkpoint


def main(path: str, part: str = "") -> None:
    """Write the digests of all fits, or of those whose name holds a text, to a file."""
    warnings.simplefilter("ignore")
    np.seterr(all="ignore")
    rooms = (
        fits_of_networks,
        fits_of_estimators,
        fits_of_tables,
        fits_of_searches,
        fits_elsewhere,
    )
    # Functions of one's own, and scikit-learn's models in the comparison, go through BLAS.
    with one_blas_thread(), open(path, "w", encoding="utf-8") as file:
        for room in rooms:
            for name, fit in room():
                if part not in name:
                    continue
                try:
                    result = digest(fit())
                except Exception as error:
                    result = f"{type(error).__name__}: {error}".replace("\n", " ")
                print(f"{name}\t{result}", file=file, flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
