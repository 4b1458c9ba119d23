"""Out-of-fold predictions of a search, and baselines on the same rows."""

import numpy as np
import pandas as pd
import polars as pl
import pytest
from sklearn.metrics import accuracy_score, r2_score
from sklearn.pipeline import make_pipeline

from multilayer import DataWarning, MLPClassifier, MLPRegressor, TableEncoder, TabularClassifier
from multilayer.report.baselines import baseline_of
from multilayer.report.evaluation import evaluate
from multilayer.report.held_out import averaged, of_members, of_search
from multilayer.report.importance import Importance
from multilayer.report.scores import scores
from multilayer.report.worst import worst
from multilayer.selection import HiddenLayerSearchCV


def test_outputs_are_averaged_over_the_networks_of_a_row():
    H = averaged([np.array([1.0, 3.0]), np.array([5.0])], [np.array([0, 1]), np.array([1])], 3)
    assert H[:2].tolist() == [1, 4]
    assert np.isnan(H[2])


@pytest.fixture(scope="module")
def noise():
    rng = np.random.RandomState(0)
    X = pd.DataFrame(rng.normal(size=(90, 6))).rename(columns=str)
    return X, rng.randint(2, size=90)


def searched(X, y, network, **parameters):
    space = {"hidden_layer_sizes": [(20,)]}
    estimator = make_pipeline(TableEncoder(), network)
    search = HiddenLayerSearchCV(estimator, space, cv=3, random_state=0, n_candidates=1)
    return search.fit(X, y, **parameters)


def test_of_a_search_the_scores_are_those_of_its_folds(noise):
    X, y = noise
    network = MLPClassifier(learning_rate_init=0.05, max_iter=60, random_state=0)
    search = searched(X, y, network)
    evaluation = evaluate(search.best(), X, y, False, search=search)
    found = accuracy_score(evaluation.y, evaluation.predicted)
    # Of targets that nothing determines, half are right; on its training rows nearly all.
    assert found == pytest.approx(search.best_score_, abs=0.06)
    assert search.best().score(X, y) > found + 0.15
    assert "out of fold" in evaluation.origin
    assert len(evaluation.folds) == 3


def test_of_a_search_with_a_standardised_target_the_units_are_those_of_the_rows(noise):
    X, _ = noise
    y = 50 + 7 * X.to_numpy()[:, 0]
    network = MLPRegressor(solver="lbfgs", max_iter=200, tol=1e-6, random_state=0)
    search = searched(X, (y - y.mean()) / y.std(), network)
    evaluation = evaluate(search.best(), X, y, False, search=search)
    assert r2_score(evaluation.y, evaluation.H) > 0.5
    assert "out of fold" in evaluation.origin


def test_other_rows_than_those_of_the_search_are_predicted_by_the_best(noise):
    X, y = noise
    search = searched(X, y, MLPClassifier(max_iter=5, random_state=0))
    for rows, unseen in ((slice(60), None), (slice(None), True)):
        evaluation = evaluate(search.best(), X[rows], y[rows], unseen, search=search)
        assert evaluation.folds is None
        assert evaluation.H == pytest.approx(search.best().predict_proba(X[rows]))
    other = evaluate(search.best(), X, 1 - y, None, search=search)
    assert other.folds is None


@pytest.fixture(scope="module")
def leaky():
    rng = np.random.RandomState(1)
    y = rng.randint(2, size=80)
    X = pd.DataFrame({"x": rng.normal(size=80) + y, "town": np.where(rng.rand(80) < 0.5, "a", "b")})
    return TabularClassifier(n_members=2, max_iter=3, random_state=0).fit(X, y), X, y


def test_a_baseline_predicts_the_rows_of_each_fold(leaky):
    model, X, y = leaky
    evaluation = evaluate(model, X, y, None)
    assert len(evaluation.folds) == 2
    baseline = baseline_of(evaluation)
    assert baseline.H.shape == evaluation.H.shape
    assert baseline.H.sum(axis=1) == pytest.approx(1)
    assert accuracy_score(y, baseline.H.argmax(axis=1)) > 0.6
    assert "training rows of each fold of the model" in baseline.method
    section = scores(evaluation, baseline)
    assert section.listings[0].head[-2:] == ["logistic regression", "difference (95 % interval)"]
    assert section.tiles[0].name == "Accuracy"


def test_other_baselines_are_cross_validated(leaky):
    model, X, y = leaky
    baseline = baseline_of(evaluate(model, X, y, True))
    assert "5-fold cross-validation" in baseline.method


def test_too_few_rows_have_no_baseline(leaky):
    model, X, y = leaky
    evaluation = evaluate(model, X[:4], y[:4], True)
    assert baseline_of(evaluation) is None
    assert scores(evaluation).listings[0].head[-1] == "constant"


def test_of_one_network_the_baseline_is_trained_on_its_training_rows(leaky):
    _, X, y = leaky
    model = TabularClassifier(fast=True, max_iter=1, random_state=0).fit(X, y)
    evaluation = evaluate(model, X, y, None)
    assert len(evaluation.rows) == len(baseline_of(evaluation).H) == 16


def test_a_class_that_these_rows_lack_has_no_probability(leaky):
    _, X, y = leaky
    three = TabularClassifier(n_members=2, max_iter=1, random_state=0).fit(X, np.arange(80) % 3)
    H = baseline_of(evaluate(three, X, 2 * y, True)).H
    assert H.shape == (80, 3)
    assert not H[:, 1].any()


def test_the_largest_errors_are_beside_what_the_saved_model_predicts(leaky):
    model, X, y = leaky
    evaluation = evaluate(model, X, y, None)
    section = worst(evaluation, Importance(np.arange(2), np.zeros(2), np.zeros(2), 80))
    (listing,) = section.listings
    assert listing.head[:6] == [
        "row", "true", "out of fold", "p of true class", "saved model", "p of true class",
    ]  # fmt: skip
    for row in listing.rows:
        at = int(row[0])
        H = model.predict_proba(X[at : at + 1])[0]
        assert row[1] == str(y[at])
        assert row[3] == f"{evaluation.H[at, y[at]]:.3f}"
        assert row[4] == str(model.predict(X[at : at + 1])[0])
        assert row[5] == f"{H[y[at]]:.3f}"
    assert "Of the 10 listed rows that are wrong out of fold, it classifies" in section.reading


def test_of_rows_not_trained_on_there_is_one_prediction(leaky):
    model, X, y = leaky
    section = worst(
        evaluate(model, X, y, True), Importance(np.arange(2), np.zeros(2), np.zeros(2), 80)
    )
    assert section.listings[0].head[:4] == ["row", "true", "predicted", "p of true class"]


def test_of_one_network_the_rows_only_chose_the_epoch(leaky):
    _, X, y = leaky
    model = TabularClassifier(fast=True, max_iter=2, random_state=0).fit(X, y)
    evaluation = evaluate(model, X, y, None)
    assert not evaluation.trained_on_rows
    importance = Importance(np.arange(2), np.zeros(2), np.zeros(2), 16)
    assert "is of the epoch that these rows chose" in worst(evaluation, importance).reading


def test_how_rows_were_left_out_is_told(rng):
    X, y = rng.randn(80, 2), rng.randint(2, size=80)
    model = TabularClassifier(n_members=2, max_iter=2, random_state=0)
    told = {
        "networks that were not trained on it": {},
        "networks that were not trained on its group": {"groups": np.arange(80) // 8},
        "networks that were trained on earlier rows only": {"time": np.arange(80)},
    }
    for method, given in told.items():
        assert method in of_members(model.fit(X, y, **given), X).method


def test_an_order_that_the_model_follows_is_no_alert(rng):
    days = pl.date_range(pl.date(2024, 1, 1), pl.date(2024, 3, 20), eager=True)
    table = pl.DataFrame({"day": days, "x": rng.randn(len(days))})
    y = rng.randint(2, size=len(days))
    model = TabularClassifier(n_members=2, max_iter=2, random_state=0)
    with pytest.warns(DataWarning, match="ordered by the date in column 'day'"):
        model.fit(table, y)
    assert "ordered by the date" in str(model.report(table, y))
    assert "ordered by the date" not in str(model.fit(table, y, time="day").report(table, y))


def test_a_search_by_a_column_of_groups_is_repeated_without_it(rng):
    X, y = rng.randn(60, 2), rng.randint(2, size=60)
    table = pl.DataFrame({"patient": np.arange(60) // 6, "a": X[:, 0], "b": X[:, 1]})
    model = TabularClassifier(n_members=2, max_iter=2, random_state=0)
    named = HiddenLayerSearchCV(model, n_candidates=2, cv=2, random_state=0)
    named.fit(table, y, groups="patient")
    other = HiddenLayerSearchCV(model, n_candidates=2, cv=2, random_state=0)
    other.fit(table.drop("patient"), y, groups=table["patient"])
    found = of_search(named, table, y)
    np.testing.assert_array_equal(found.H, of_search(other, table.drop("patient"), y).H)
