"""Shapley values of single rows."""

from itertools import permutations

import numpy as np
import pytest

from multilayer import MLPClassifier, MLPRegressor
from multilayer.report.evaluation import evaluate
from multilayer.report.explanations import explain, explanations
from multilayer.report.importance import importance_of


@pytest.fixture
def linear(rng):
    X = rng.normal(size=(80, 3))
    y = X @ [2.0, -1.0, 0.0] + 3
    model = MLPRegressor(
        hidden_layer_sizes=(), solver="lbfgs", alpha=0, max_iter=500, tol=1e-12
    ).fit(X, y)
    return evaluate(model, X, y, None)


def test_of_a_linear_model_they_are_slopes_times_differences(linear, rng):
    found = explain(linear, 5, [[0], [1], [2]], 0, np.random.RandomState(1))
    X = linear.table.native
    assert found.end == pytest.approx(linear.H[5], abs=1e-4)
    assert found.start + found.parts.sum() == pytest.approx(found.end)
    # The background is a sample: its mean differs from that of all rows.
    assert found.parts[0] == pytest.approx(2 * (X[5, 0] - X[:, 0].mean()), abs=0.9)
    assert found.parts[2] == pytest.approx(0, abs=1e-3)


def test_columns_of_a_group_are_exchanged_together(linear):
    apart = explain(linear, 5, [[0], [1], [2]], 0, np.random.RandomState(1))
    together = explain(linear, 5, [[0, 1], [2]], 0, np.random.RandomState(1))
    assert len(together.parts) == 2
    assert together.start + together.parts.sum() == pytest.approx(apart.end)


def test_with_interactions_they_are_means_over_all_orders(rng, monkeypatch):
    X = rng.choice([-1.0, 1.0], size=(200, 2))
    y = X[:, 0] * X[:, 1]
    model = MLPRegressor(
        hidden_layer_sizes=(8,), solver="lbfgs", max_iter=500, tol=1e-10, random_state=0
    ).fit(X, y)
    evaluation = evaluate(model, X, y, None)
    monkeypatch.setattr("multilayer.report.explanations.N_ORDERS", 2000)
    row = int(np.flatnonzero((X == 1).all(axis=1))[0])
    found = explain(evaluation, row, [[0], [1]], 0, np.random.RandomState(0))
    expected = np.zeros(2)
    for order in permutations(range(2)):
        given = X.copy()
        before = evaluation.predict(given)[:, 0].mean()
        for j in order:
            given[:, j] = X[row, j]
            after = evaluation.predict(given)[:, 0].mean()
            expected[j] += (after - before) / 2
            before = after
    assert found.parts == pytest.approx(expected, abs=0.1)


@pytest.mark.parametrize("n_classes", [2, 3])
def test_rows_of_several_kinds_are_explained_once(rng, n_classes, monkeypatch):
    monkeypatch.setattr("multilayer.report.svg._draw", lambda *args, **kwargs: "<svg></svg>")
    X = rng.normal(size=(60, 12))
    y = rng.randint(n_classes, size=60)
    model = MLPClassifier((), solver="lbfgs", max_iter=30, tol=0.1, random_state=0).fit(X, y)
    evaluation = evaluate(model, X, y, None)
    section = explanations(evaluation, importance_of(evaluation))
    captions = [figure.caption for figure in section.figures]
    assert captions[0].startswith("Largest error: row ")
    rows = [caption.split("row ")[1].split(",")[0] for caption in captions]
    assert len(rows) == len(set(rows)) >= 2
