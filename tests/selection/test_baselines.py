"""compare_baselines: the same folds for all, failures reported, a verdict from the scores."""

import numpy as np
import pandas as pd
import polars as pl
import pytest
from data_cases import X_MOONS, Y_MOONS
from sklearn.datasets import load_iris
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, StratifiedKFold, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.tree import DecisionTreeClassifier

from multilayer import MLPClassifier, TableEncoder, TabularClassifier
from multilayer.selection import Comparison, Rival, baselines, compare_baselines
from multilayer.selection.model_size import count_parameters

X, y = X_MOONS[:150], Y_MOONS[:150]


@pytest.fixture(scope="module")
def comparison():
    return compare_baselines(X, y, cv=3, random_state=0)


def rival(kind, mean, n_parameters=10, error=0.01, failure=""):
    # Three folds whose mean has this standard error.
    scores = mean + error * np.sqrt(3) * np.array([-1, 0, 1])
    name = {"network": "one hidden layer of 8"}.get(kind, kind)
    return Rival(name, kind, None, scores, scores, 0.1, n_parameters, failure)


def test_what_is_compared(comparison):
    kinds = ["line", "polynomial", "polynomial", "line", *["network"] * 3, "tabular", "boosting"]
    assert [r.kind for r in comparison.rivals] == kinds
    assert [r.n_parameters for r in comparison.rivals[:4]] == [3, 6, 10, 3]
    assert not any(r.failure for r in comparison.rivals)
    assert comparison.n_splits == 3
    assert comparison.n_rows == 150


def test_scores_are_those_of_scikit_learn():
    cv = StratifiedKFold(3, shuffle=True, random_state=1)
    comparison = compare_baselines(X, y, cv=cv, random_state=0)
    pipeline = make_pipeline(TableEncoder(dtype="float64"), LogisticRegression(max_iter=1000))
    expected = cross_val_score(pipeline, X, y, cv=cv)
    np.testing.assert_array_equal(comparison.rivals[0].scores, expected)
    assert comparison.rivals[0].mean == expected.mean()


def test_the_straight_line_cannot_tell_the_moons_apart(comparison):
    line, *_, network = (r for r in comparison.rivals if r.kind in ("line", "network"))
    assert line.mean < 0.92 < network.mean


@pytest.mark.parametrize("n_jobs", [1, 3])
def test_the_same_for_any_number_of_threads(comparison, n_jobs):
    again = compare_baselines(X, y, cv=3, random_state=0, n_jobs=n_jobs)
    for one, other in zip(comparison.rivals, again.rivals, strict=True):
        np.testing.assert_array_equal(one.scores, other.scores)


@pytest.mark.parametrize("make", [pd.DataFrame, pl.DataFrame], ids=["pandas", "polars"])
def test_raw_tables_with_texts_and_gaps(make):
    a = np.where(np.arange(150) % 11 == 0, np.nan, X[:, 0])
    frame = make({"a": a, "b": X[:, 1], "c": np.where(X[:, 1] > 0.3, "up", "down")})
    comparison = compare_baselines(frame, np.where(y, "yes", "no"), cv=2, random_state=0)
    assert not any(r.failure for r in comparison.rivals)
    assert comparison.score_name == "accuracy"


def test_numbers():
    rng = np.random.RandomState(0)
    X = rng.randn(120, 2)
    target = 100 + 20 * X[:, 0] * X[:, 1] + 0.1 * rng.randn(120)
    comparison = compare_baselines(X, target, cv=3, random_state=0)
    assert comparison.score_name == "R²"
    assert comparison.best.name == "polynomial of degree 2"
    assert comparison.verdict.startswith("No network is needed: a polynomial of degree 2")
    error = compare_baselines(
        X, target, cv=3, random_state=0, scoring="neg_root_mean_squared_error"
    )
    assert -0.5 < error.best.mean < -0.05  # in units of the target


def test_whole_numbers_may_be_either_task():
    X, y = load_iris(return_X_y=True)
    assert compare_baselines(X, y, cv=2, random_state=0).score_name == "accuracy"
    given = compare_baselines(X, y, cv=2, random_state=0, task="regression")
    assert given.score_name == "R²"


def test_polynomials_of_too_many_columns_are_left_out(monkeypatch):
    monkeypatch.setattr(baselines, "MOST_COLUMNS", 7)
    comparison = compare_baselines(X, y, cv=2, random_state=0)
    assert comparison.rivals[1].failure == ""
    assert comparison.rivals[2].failure == "9 columns, more than 7"
    assert len(comparison.judged) == 8
    assert "9 columns, more than 7" in str(comparison)


def test_failures_are_reported_and_the_rest_goes_on(monkeypatch):
    monkeypatch.setattr(baselines, "_network", lambda classes, m, layers: MLPClassifier(layers, -1))
    comparison = compare_baselines(X, y, cv=2, random_state=0)
    failed = [r for r in comparison.rivals if r.failure]
    assert len(failed) == 4
    assert "could not be fitted and scored" in failed[0].failure
    assert np.isnan(failed[0].mean)
    frame = comparison.to_frame()
    assert frame["failure"].tolist() == [r.failure for r in comparison.rivals]


def test_time_that_is_over():
    comparison = compare_baselines(X, y, cv=2, random_state=0, time_limit=1e-9)
    assert [r.failure for r in comparison.rivals] == ["", *["no time left"] * 8]


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (
            {"task": "ranking"},
            "task must be one of auto, classification, regression, got 'ranking'",
        ),
        ({"cv": 200}, "cv must be at most as many folds as rows, 150, got 200"),
        ({"y": np.where(np.arange(150) == 3, np.nan, X[:, 0])}, "y must be without gaps"),
        ({"scoring": "r2", "y": np.where(y, "yes", "no")}, "nothing could be compared; the first"),
    ],
    ids=["task", "folds", "gaps", "scoring"],
)
def test_wrong_input(given, message):
    with pytest.raises(ValueError, match=message):
        compare_baselines(**({"X": X, "y": y, "random_state": 0} | given))


def test_best_and_simplest():
    line, network = rival("line", 0.9, 3), rival("network", 0.95, 50, error=0.02)
    wide = rival("network", 0.96, 500, error=0.02)
    comparison = Comparison([line, network, wide], "accuracy", 100, 3)
    assert comparison.best is wide
    assert comparison.simplest_within_one_standard_error is network
    assert comparison.as_good_as_the_best == [network, wide]
    failed = rival("line", 2.0, failure="no")
    comparison = Comparison([failed, line], "accuracy", 100, 3)
    assert comparison.best is line
    assert line.standard_error == pytest.approx(0.01)


VERDICTS = {
    "line": ([("line", 0.9), ("network", 0.905)], "No network is needed: a straight line"),
    "polynomial": (
        [("line", 0.8), ("polynomial", 0.9), ("network", 0.905)],
        "No network is needed: a polynomial",
    ),
    "network": (
        [("line", 0.8), ("network", 0.9), ("boosting", 0.85)],
        "A network is needed: one hidden layer of 8 reaches 0.900 ± 0.010, against 0.800 ± 0.010 "
        "by line.",
    ),
    "boosting as network": (
        [("line", 0.8), ("network", 0.905), ("boosting", 0.9)],
        "A network is needed: one hidden layer of 8 reaches 0.905 ± 0.010, against 0.800 ± 0.010 "
        "by line; gradient boosting does as well.",
    ),
    "network as boosting": (
        [("network", 0.9), ("boosting", 0.905)],
        "The best model is boosting, 0.905 ± 0.010; a network does as well: one hidden layer of 8, "
        "0.900 ± 0.010, is within one standard error of it.",
    ),
    "tabular": (
        [("line", 0.8), ("network", 0.85), ("tabular", 0.9), ("boosting", 0.88)],
        "A network is needed: tabular reaches 0.900 ± 0.010, against 0.800 ± 0.010 by line.",
    ),
    "boosting": (
        [("line", 0.8), ("network", 0.85), ("boosting", 0.9)],
        "Trees are needed rather than a network: boosting, 0.900 ± 0.010, against 0.800 ± 0.010 by "
        "line and 0.850 ± 0.010 by one hidden layer of 8.",
    ),
}


@pytest.mark.parametrize("name", VERDICTS)
def test_verdict(name):
    scores, expected = VERDICTS[name]
    comparison = Comparison([rival(*of_one) for of_one in scores], "accuracy", 100, 3)
    assert comparison.verdict.startswith(expected)
    assert comparison.verdict in str(comparison)
    assert comparison.verdict.count(".") == comparison.verdict.count(" ± ") * 2 + 1  # one sentence


def test_count_of_parameters():
    assert count_parameters(LogisticRegression().fit(X, y)) == 3
    network = MLPClassifier((5,)).initialize(X, y)
    assert count_parameters(make_pipeline(network)) == 3 * 5 + 6
    search = GridSearchCV(LogisticRegression(), {"C": [1.0]}, cv=2).fit(X, y)
    assert count_parameters(search) == 3
    trees = HistGradientBoostingClassifier(max_iter=2, max_leaf_nodes=3).fit(X, y)
    assert count_parameters(trees) == 2 * 5
    tabular = TabularClassifier(n_members=2, max_iter=1, hidden_layer_sizes=4).fit(X, y)
    assert count_parameters(tabular) == sum(
        array.size for member in tabular.members_ for array in member.arrays
    )
    with pytest.raises(TypeError, match="parameters of DecisionTreeClassifier cannot be counted"):
        count_parameters(DecisionTreeClassifier().fit(X, y))
