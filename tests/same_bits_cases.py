"""Small fits of the estimators, whose results must have the same bits on any number of threads.

As a program it prints a digest of each, to be compared with those of other settings.
"""

import hashlib
import json
import sys
import tempfile
import warnings
from pathlib import Path

import numpy as np

from multilayer import (
    MLPClassifier,
    MLPRegressor,
    Network,
    TabularClassifier,
    TabularRegressor,
)
from multilayer.estimators.parameters import SOLVERS
from multilayer.initialization import INITIALIZERS
from multilayer.schedules import SCHEDULES
from multilayer.selection import HiddenLayerSearchCV, cross_validate_network
from multilayer.selection.space import sample, space_for
from multilayer.streaming import fit_files


def houses(m=3000, dtype=np.float64):
    """Rows of eight numbers as in the California housing data, and a price."""
    rng = np.random.RandomState(0)
    X = rng.normal(size=(m, 8))
    X[:, 2] = X[:, 2] * X[:, 2] * X[:, 2]  # a long tail
    X[:, 3] = np.round(X[:, 3])  # with zeros of both signs
    y = X[:, 0] * X[:, 1] + np.abs(X[:, 3]) + 0.3 * rng.normal(size=m)
    return X.astype(dtype), y


def points(m=400, n=20, classes=3):
    """Rows of classes that overlap."""
    rng = np.random.RandomState(1)
    X = rng.normal(size=(m, n))
    return X, np.argmax(X[:, :classes] + rng.normal(size=(m, classes)), axis=1)


def mixed(m=1500):
    """A table of numbers with gaps, many and few categories, and two classes."""
    rng = np.random.RandomState(2)
    X = rng.normal(size=(m, 6)).astype(object)
    classes = (X[:, 0] + X[:, 1] + rng.normal(size=m) > 0).astype(int)
    X[rng.uniform(size=m) < 0.1, 2] = np.nan
    X[:, 4] = rng.choice(["Bern", "Oslo", "Rome"], m)
    X[:, 5] = rng.choice([f"c{k}" for k in range(12)], m)
    return X, classes


def network(solver, kind=MLPClassifier, **options):
    """Θ, costs and predictions of a network on few rows."""
    X, y = points()
    given = {"hidden_layer_sizes": (32, 16), "max_iter": 4, "random_state": 0} | options
    model = kind(solver=solver, **given).fit(X, y)
    scores = getattr(model, "validation_scores_", None) or [0.0]
    found = [*model.network_.thetas, model.loss_curve_, scores, model.predict(X)]
    if kind is MLPClassifier:
        found += [model.predict_log_proba(X), model.decision_function(X)]
    return found


def wide():
    """Θ of L-BFGS where BLAS would add up with several threads."""
    X, y = points(300, 300, 10)
    return MLPClassifier((100,), solver="lbfgs", max_iter=8, random_state=0).fit(X, y).coefs_


def tabular(kind, X, y, **options):
    """Everything a tabular estimator has learned, and its predictions."""
    model = kind(n_members=2, max_iter=2, random_state=0, **options).fit(X, y)
    found = [array for member in model.members_ for array in member.arrays]
    found += [*model.validation_curves_, model.validation_score_, model.predict(X)]
    numbers = model.encoder_.numbers_
    found += [numbers.mean, numbers.scale, numbers.knots, numbers.scores]
    if kind is TabularClassifier:
        return [*found, model.temperature_, model.predict_proba(X)]
    return [*found, model.residuals_, model.predict_interval(X), model.predict(X, [0.1, 0.7])]


def search(estimator, **options):
    """What a search has tried and chosen."""
    X, y = points(120, 5)
    found = HiddenLayerSearchCV(estimator, cv=2, random_state=0, **options).fit(X, y)
    results = [repr(found.cv_results_[name].tolist()) for name in ("params", "mean_test_score")]
    return [*results, found.predict_proba(X)]


def draws():
    """Candidates that a search would draw."""
    space, rng = space_for(MLPClassifier(), 500), np.random.RandomState(0)
    return [repr([sample(space, rng) for _ in range(50)])]


def folds():
    """Scores of a cross-validation."""
    X, y = points()
    estimator = MLPClassifier((16,), max_iter=3, random_state=0)
    result = cross_validate_network(estimator, X, y, cv=3, scoring="neg_log_loss", random_state=0)
    return [
        result.scores,
        result.train_scores,
        *result.loss_curves,
        *result.validation_curves,
        result.oof_probability,
    ]


def files():
    """A network of the rows of files, standardised by the summaries of their parts."""
    X, y = houses(600)
    with tempfile.TemporaryDirectory() as folder:
        names = [f"{Path(folder)}/{k}.csv" for k in range(2)]
        for k, name in enumerate(names):
            rows = np.column_stack([X, y])[k::2]
            header = ",".join([*(f"x{j}" for j in range(8)), "y"])
            np.savetxt(name, rows, delimiter=",", header=header, comments="")
        estimator = MLPRegressor(hidden_layer_sizes=(16,), max_iter=3, random_state=0)
        model = fit_files(estimator, names, "y")
    return model[-1].network_.thetas


def fits():
    """Each fit with its name."""
    for solver in [*SOLVERS, "lbfgs"]:
        yield f"classifier {solver}", lambda solver=solver: network(solver)
        yield f"regressor {solver}", lambda solver=solver: network(solver, MLPRegressor)
    for schedule in SCHEDULES:
        yield schedule, lambda name=schedule: network("sgd", learning_rate=name, batch_size=50)
    for scoring in (None, "neg_log_loss", "roc_auc_ovr"):
        options = {"early_stopping": True, "scoring": scoring}
        yield f"early stopping {scoring}", lambda options=options: network("adam", **options)
    yield "two sigmoids", lambda: network("adam", output_activation="logistic")
    yield "lbfgs wide", wide
    for name in INITIALIZERS:
        yield name, lambda name=name: Network((300, 200), random_state=0, initializer=name).thetas
    X, y = houses()
    yield "TabularRegressor", lambda: tabular(TabularRegressor, X, y)
    yield "TabularRegressor fast", lambda: tabular(TabularRegressor, X[:1200], y[:1200], fast=True)
    yield "TabularClassifier", lambda: tabular(TabularClassifier, *mixed())
    yield "TabularClassifier numbers", lambda: tabular(TabularClassifier, *points(900))
    signs = {"monotonic_cst": [1, -1, 1, 0, 0, 0, 0, 0]}
    yield "TabularRegressor monotone", lambda: tabular(TabularRegressor, X, y, **signs)
    signed = {"monotonic_cst": [1, 1, -1, 0, 0, 0]}
    yield "TabularClassifier monotone", lambda: tabular(TabularClassifier, *mixed(), **signed)
    estimator = MLPClassifier(max_iter=8)
    yield "HiddenLayerSearchCV", lambda: search(estimator, n_candidates=6)
    estimator = TabularClassifier(n_members=1, max_iter=4)
    yield "HiddenLayerSearchCV tabular", lambda: search(estimator, n_candidates=2)
    yield "candidates of a search", draws
    yield "cross_validate_network", folds
    yield "fit_files", files


def digest(parts):
    """Return a digest of arrays, numbers and texts, to the bit."""
    total = hashlib.blake2b(digest_size=8)
    for part in parts:
        total.update(part.encode() if isinstance(part, str) else np.asarray(part).tobytes())
    return total.hexdigest()


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    json.dump({name: digest(fit()) for name, fit in fits()}, sys.stdout)
