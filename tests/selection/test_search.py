"""HiddenLayerSearchCV: its results are those that scikit-learn finds for whole fits."""

import pickle

import numpy as np
import pandas as pd
import pytest
from search_cases import FAST, SPACE, network, score_whole_fits
from sklearn.base import clone, is_classifier
from sklearn.datasets import load_diabetes, make_classification
from sklearn.metrics import make_scorer, roc_auc_score
from sklearn.model_selection import GroupKFold, StratifiedKFold, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.utils.estimator_checks import parametrize_with_checks

from multilayer import (
    MLPClassifier,
    MLPRegressor,
    TableEncoder,
    TabularClassifier,
    TabularRegressor,
)
from multilayer.schedules import WarmRestarts
from multilayer.selection import (
    HiddenLayerSearchCV,
    simplest_within_one_standard_error,
)
from multilayer.selection.halving import Candidate
from multilayer.selection.results import cv_results

QUICK = {"max_iter": 20, "learning_rate_init": 0.05}

NOT_EQUIVALENT = dict.fromkeys(
    [f"check_sample_weight_equivalence_on_{kind}_data" for kind in ("dense", "sparse")],
    "a row twice falls into folds otherwise than a row of weight two",
)


@parametrize_with_checks(
    [
        HiddenLayerSearchCV(make(**QUICK), n_candidates=2, cv=2, random_state=0)
        for make in (MLPClassifier, MLPRegressor)
    ],
    # Of the few labels that the check compares, none differs.
    expected_failed_checks=lambda search: (
        {} if isinstance(search.estimator, MLPClassifier) else NOT_EQUIVALENT
    ),
)
def test_scikit_learn_checks(estimator, check):
    check(estimator)


@pytest.mark.parametrize(
    "params",
    [
        {},
        {"solver": "sgd", "learning_rate": "adaptive", "tol": 0.02, "n_iter_no_change": 2},
        {"dropout": 0.2, "class_weight": "balanced"},
        {"learning_rate": "cosine"},
        {"solver": "lbfgs"},
    ],
    ids=["adam", "sgd", "dropout", "cosine", "lbfgs"],
)
def test_a_candidate_scores_as_if_trained_in_one_piece(moons, params):
    """Training in instalments gives the scores of cross_val_score for whole fits, to the bit."""
    X, y = moons
    estimator, cv = network(learning_rate_init=0.05, **params), StratifiedKFold(3)
    whole = params.get("learning_rate") == "cosine"  # whose begin is no shorter course
    space = {"hidden_layer_sizes": [(), (4,), (8, 4)], "alpha": [1e-4, 0.1]}
    search = HiddenLayerSearchCV(estimator, space, n_candidates=6, cv=cv, random_state=0).fit(X, y)
    found = search.cv_results_
    assert len(found["params"]) == 6
    for row, candidate in enumerate(found["params"]):
        if not found["eligible"][row]:
            assert whole
            continue
        epochs = {"max_iter": 27 if whole else int(found["max_iter"][row])}
        expected = score_whole_fits(estimator, candidate | epochs, X, y, cv=cv)
        scores = [found[f"split{k}_test_score"][row] for k in range(3)]
        np.testing.assert_array_equal(scores, expected)
    assert search.best_score_ == max(found["mean_test_score"][found["eligible"]])
    assert search.score(X, y) == search.best_estimator_.score(X, y) > 0.8


def test_regression_with_any_scorer():
    X, y = load_diabetes(return_X_y=True)
    estimator = MLPRegressor(max_iter=30, random_state=0, learning_rate_init=0.1)
    search = HiddenLayerSearchCV(estimator, SPACE, scoring="neg_mean_absolute_error", **FAST).fit(
        X, y
    )
    row = search.best_index_
    params = search.cv_results_["params"][row] | {"max_iter": search.best_params_["max_iter"]}
    expected = score_whole_fits(estimator, params, X, y, cv=3, scoring="neg_mean_absolute_error")
    assert search.best_score_ == pytest.approx(expected.mean(), rel=1e-12)
    assert search.score(X, y) == search.scorer_(search.best_estimator_, X, y) < 0


def test_same_result_for_any_number_of_threads(moons):
    found = [HiddenLayerSearchCV(network(), n_jobs=n, **FAST).fit(*moons) for n in (1, 2, 3)]
    for other in found[1:]:
        assert other.best_params_ == found[0].best_params_
        for name in ("mean_test_score", "n_iter", "n_parameters"):
            np.testing.assert_array_equal(other.cv_results_[name], found[0].cv_results_[name])
        np.testing.assert_array_equal(
            other.predict_proba(moons[0]), found[0].predict_proba(moons[0])
        )


def test_the_better_third_goes_on(moons):
    search = HiddenLayerSearchCV(network(), SPACE, n_candidates=9, cv=3, random_state=0).fit(*moons)
    assert search.rungs_ == [1, 3, 9, 27]
    reached = search.cv_results_["n_epochs"]
    assert [int((reached >= rung).sum()) for rung in search.rungs_] == [9, 3, 1, 1]


def test_candidates_are_compared_where_the_learning_rate_has_fallen(moons):
    X, y = moons
    estimator = network(max_iter=62)
    search = HiddenLayerSearchCV(estimator, n_candidates=8, cv=3, random_state=0).fit(X, y)
    assert search.rungs_ == [2, 6, 14, 30, 62]
    assert search.cv_results_["params"][0] == {}
    drawn = 2 + int(np.argmin(search.cv_results_["rank_test_score"][2:]))
    for row in (1, drawn):
        params = search.cv_results_["params"][row]
        assert params["learning_rate"] == WarmRestarts(first_cycle=2)
        params = params | {"max_iter": int(search.cv_results_["max_iter"][row])}
        expected = score_whole_fits(estimator, params, X, y, cv=3)
        np.testing.assert_array_equal(
            [search.cv_results_[f"split{k}_test_score"][row] for k in range(3)], expected
        )


def test_without_a_space_the_straight_line_is_tried(moons):
    search = HiddenLayerSearchCV(network(), n_candidates=3, cv=3, random_state=0).fit(*moons)
    assert search.cv_results_["params"][0] == {}
    assert search.cv_results_["params"][1]["hidden_layer_sizes"] == ()
    assert search.cv_results_["n_parameters"][1] == 3


def test_pipeline_and_raw_table():
    rng = np.random.RandomState(0)
    frame = pd.DataFrame({"size": rng.normal(size=120) * 1e3, "town": rng.choice(["a", "b"], 120)})
    y = np.where((frame["size"] > 0) ^ (frame["town"] == "a"), "yes", "no")
    pipeline = make_pipeline(TableEncoder(), network(learning_rate_init=0.05))
    search = HiddenLayerSearchCV(pipeline, {"hidden_layer_sizes": [(), (8,)]}, cv=3, n_candidates=2)
    search.fit(frame, y)
    assert search.best_params_["mlpclassifier__hidden_layer_sizes"] == (8,)
    assert set(search.predict(frame)) == {"yes", "no"}
    assert search.feature_names_in_.tolist() == ["size", "town"]
    row = search.best_index_
    epochs = {"mlpclassifier__max_iter": search.best_params_["mlpclassifier__max_iter"]}
    params = {"mlpclassifier__hidden_layer_sizes": (8,)} | epochs
    expected = score_whole_fits(pipeline, params, frame, y, cv=3)
    found = [search.cv_results_[f"split{k}_test_score"][row] for k in range(3)]
    np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize("make", [TabularClassifier, TabularRegressor])
def test_tabular_estimators(make):
    X, y = make_classification(90, 5, random_state=0)
    y = y if make is TabularClassifier else X[:, 0] + y
    estimator = make(max_iter=15, n_members=2, random_state=0)
    space = {"hidden_layer_sizes": [(4,), (16, 16)], "dropout": [0.0, 0.2], "n_members": [2, 3]}
    search = HiddenLayerSearchCV(estimator, space, n_candidates=4, cv=3, random_state=0).fit(X, y)
    assert search.rungs_ == [1, 3, 7, 15]
    assert len(search.best_estimator_.members_) == search.best_params_["n_members"]
    assert search.best_estimator_.score(X, y) > 0.5
    again = HiddenLayerSearchCV(estimator, space, n_candidates=4, cv=3, random_state=0, n_jobs=1)
    assert again.fit(X, y).best_score_ == search.best_score_


def test_weights_and_groups(moons):
    X, y = moons
    groups = np.arange(150) % 10
    weights = np.where(groups < 5, 1.0, 0.0)  # half of the rows count for nothing
    wrong = np.where(weights, y, 1 - y)
    settings = {"cv": GroupKFold(5), "n_candidates": 2, "random_state": 0}
    how = {"groups": groups, "sample_weight": weights}
    search = HiddenLayerSearchCV(network(), SPACE, **settings)
    right = search.fit(X, y, **how).cv_results_["mean_test_score"]
    changed = search.fit(X, wrong, **how).cv_results_["mean_test_score"]
    np.testing.assert_array_equal(right, changed)
    assert not np.array_equal(
        right, search.fit(X, wrong, groups=groups).cv_results_["mean_test_score"]
    )


def test_nested_cross_validation(moons):
    search = HiddenLayerSearchCV(network(learning_rate_init=0.05), SPACE, **FAST)
    scores = cross_val_score(search, *moons, cv=3)
    assert (scores > 0.7).all()
    assert is_classifier(search)


def test_one_standard_error():
    candidates = [
        Candidate({"a": 0}, scores=[[0.9, 0.92, 0.94]], epochs=[3.0], n_parameters=500),
        Candidate({"a": 1}, scores=[[0.91, 0.91, 0.91]], epochs=[3.0], n_parameters=20),
        Candidate({"a": 2}, scores=[[0.91, 0.915, 0.92]], epochs=[3.0], n_parameters=20),
        Candidate({"a": 3}, scores=[[0.8, 0.8, 0.8]], epochs=[3.0], n_parameters=2),
        Candidate({"a": 4}, failure="ValueError: no"),
    ]
    results = cv_results(candidates, 3, [3], last_only=False)
    assert results["rank_test_score"].tolist() == [1, 3, 2, 4, 5]
    assert results["standard_error"][0] == pytest.approx(0.02 / np.sqrt(3))
    assert simplest_within_one_standard_error(results) == 2


def test_refit_by_a_function_or_not_at_all(moons):
    search = HiddenLayerSearchCV(network(), refit=simplest_within_one_standard_error, **FAST)
    assert search.fit(*moons).best_index_ == search.simplest_index_
    without = HiddenLayerSearchCV(network(), refit=False, **FAST).fit(*moons)
    assert without.best_params_
    with pytest.raises(AttributeError, match="refit is False"):
        without.predict(moons[0])
    with pytest.raises(ValueError, match="must choose a candidate that has a score, but chose 99"):
        HiddenLayerSearchCV(network(), refit=lambda _: 99, **FAST).fit(*moons)


def test_pickled_and_cloned(moons):
    search = HiddenLayerSearchCV(network(), **FAST).fit(*moons)
    other = pickle.loads(pickle.dumps(search))
    np.testing.assert_array_equal(other.predict(moons[0]), search.predict(moons[0]))
    assert clone(search).get_params()["estimator__batch_size"] == 16


def test_auc(moons):
    scorer = make_scorer(roc_auc_score, response_method="predict_proba")
    search = HiddenLayerSearchCV(network(), SPACE, scoring=scorer, **FAST).fit(*moons)
    assert search.best_score_ > 0.9
