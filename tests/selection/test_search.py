"""The search for hidden layers: what it finds, and that it is what scikit-learn would find."""

import pickle
import threading
import time
import warnings

import numpy as np
import optuna
import pandas as pd
import pytest
from scipy.stats import loguniform, norm, randint, uniform
from sklearn.base import clone, is_classifier
from sklearn.datasets import load_diabetes, make_classification, make_moons
from sklearn.exceptions import ConvergenceWarning
from sklearn.metrics import make_scorer, roc_auc_score
from sklearn.model_selection import GroupKFold, KFold, StratifiedKFold, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
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
    HiddenLayers,
    HiddenLayerSearchCV,
    simplest_within_one_standard_error,
)
from multilayer.selection.final_round import run_final_round
from multilayer.selection.halving import Candidate
from multilayer.selection.results import best_rung, cv_results
from multilayer.selection.splits import fresh_splits

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
    expected_failed_checks=lambda _: NOT_EQUIVALENT,
)
def test_scikit_learn_checks(estimator, check):
    check(estimator)


SPACE = {"hidden_layer_sizes": [(), (4,), (8, 4)], "learning_rate_init": loguniform(1e-3, 1e-1)}
FAST = {"n_candidates": 6, "cv": 3, "random_state": 0}


@pytest.fixture(scope="module")
def moons():
    return make_moons(150, noise=0.2, random_state=0)


def mlp(**params):
    return MLPClassifier(**{"max_iter": 27, "random_state": 3, "batch_size": 16} | params)


def in_whole(estimator, params, X, y, **how):
    """Scores of whole fits, by scikit-learn."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        return cross_val_score(clone(estimator).set_params(**params), X, y, **how)


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
    """In instalments, side by side: to the bit what cross_val_score says of whole fits."""
    X, y = moons
    estimator, cv = mlp(learning_rate_init=0.05, **params), StratifiedKFold(3)
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
        expected = in_whole(estimator, candidate | epochs, X, y, cv=cv)
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
    expected = in_whole(estimator, params, X, y, cv=3, scoring="neg_mean_absolute_error")
    assert search.best_score_ == pytest.approx(expected.mean(), rel=1e-12)
    assert search.score(X, y) == search.scorer_(search.best_estimator_, X, y) < 0


def test_same_result_for_any_number_of_threads(moons):
    found = [HiddenLayerSearchCV(mlp(), n_jobs=n, **FAST).fit(*moons) for n in (1, 2, 3)]
    for other in found[1:]:
        assert other.best_params_ == found[0].best_params_
        for name in ("mean_test_score", "n_iter", "n_parameters"):
            np.testing.assert_array_equal(other.cv_results_[name], found[0].cv_results_[name])
        np.testing.assert_array_equal(
            other.predict_proba(moons[0]), found[0].predict_proba(moons[0])
        )


def test_the_better_third_goes_on(moons):
    search = HiddenLayerSearchCV(mlp(), SPACE, n_candidates=9, cv=3, random_state=0).fit(*moons)
    assert search.rungs_ == [1, 3, 9, 27]
    reached = search.cv_results_["n_epochs"]
    assert [int((reached >= rung).sum()) for rung in search.rungs_] == [9, 3, 1, 1]


def test_candidates_are_compared_where_the_learning_rate_has_fallen(moons):
    X, y = moons
    estimator = mlp(max_iter=62)
    search = HiddenLayerSearchCV(estimator, n_candidates=8, cv=3, random_state=0).fit(X, y)
    assert search.rungs_ == [2, 6, 14, 30, 62]
    assert search.cv_results_["params"][0] == {}
    for row in (1, search.best_index_):
        params = search.cv_results_["params"][row]
        assert params["learning_rate"] == WarmRestarts(first_cycle=2)
        params = params | {"max_iter": int(search.cv_results_["max_iter"][row])}
        expected = in_whole(estimator, params, X, y, cv=3)
        np.testing.assert_array_equal(
            [search.cv_results_[f"split{k}_test_score"][row] for k in range(3)], expected
        )


def test_without_a_space_the_straight_line_is_tried(moons):
    search = HiddenLayerSearchCV(mlp(), n_candidates=3, cv=3, random_state=0).fit(*moons)
    assert search.cv_results_["params"][0] == {}
    assert search.cv_results_["params"][1]["hidden_layer_sizes"] == ()
    assert search.cv_results_["n_parameters"][1] == 3


def test_pipeline_and_raw_table():
    rng = np.random.RandomState(0)
    frame = pd.DataFrame({"size": rng.normal(size=120) * 1e3, "town": rng.choice(["a", "b"], 120)})
    y = np.where((frame["size"] > 0) ^ (frame["town"] == "a"), "yes", "no")
    pipeline = make_pipeline(TableEncoder(), mlp(learning_rate_init=0.05))
    search = HiddenLayerSearchCV(pipeline, {"hidden_layer_sizes": [(), (8,)]}, cv=3, n_candidates=2)
    search.fit(frame, y)
    assert search.best_params_["mlpclassifier__hidden_layer_sizes"] == (8,)
    assert set(search.predict(frame)) == {"yes", "no"}
    assert search.feature_names_in_.tolist() == ["size", "town"]
    row = search.best_index_
    epochs = {"mlpclassifier__max_iter": search.best_params_["mlpclassifier__max_iter"]}
    params = {"mlpclassifier__hidden_layer_sizes": (8,)} | epochs
    expected = in_whole(pipeline, params, frame, y, cv=3)
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
    search = HiddenLayerSearchCV(mlp(), SPACE, **settings)
    right = search.fit(X, y, **how).cv_results_["mean_test_score"]
    changed = search.fit(X, wrong, **how).cv_results_["mean_test_score"]
    np.testing.assert_array_equal(right, changed)
    assert not np.array_equal(
        right, search.fit(X, wrong, groups=groups).cv_results_["mean_test_score"]
    )


def test_nested_cross_validation(moons):
    search = HiddenLayerSearchCV(mlp(learning_rate_init=0.05), SPACE, **FAST)
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
    search = HiddenLayerSearchCV(mlp(), refit=simplest_within_one_standard_error, **FAST)
    assert search.fit(*moons).best_index_ == search.simplest_index_
    without = HiddenLayerSearchCV(mlp(), refit=False, **FAST).fit(*moons)
    assert without.best_params_
    with pytest.raises(AttributeError, match="refit is False"):
        without.predict(moons[0])
    with pytest.raises(ValueError, match="must choose a candidate that has a score, but chose 99"):
        HiddenLayerSearchCV(mlp(), refit=lambda _: 99, **FAST).fit(*moons)


def test_more_candidates_later_are_as_if_asked_at_once(moons):
    settings = {"cv": 3, "random_state": 0}
    at_once = HiddenLayerSearchCV(mlp(), n_candidates=12, **settings).fit(*moons)
    later = HiddenLayerSearchCV(mlp(), n_candidates=5, warm_start=True, **settings).fit(*moons)
    later.set_params(n_candidates=12).fit(*moons)
    np.testing.assert_equal(
        later.cv_results_["params"].tolist(), at_once.cv_results_["params"].tolist()
    )
    last = at_once.rungs_[-1]
    both = (later.cv_results_["n_epochs"] == last) & (at_once.cv_results_["n_epochs"] == last)
    assert both.any()
    for row in np.flatnonzero(both):
        assert (
            later.cv_results_["mean_test_score"][row] == at_once.cv_results_["mean_test_score"][row]
        )
    others = make_moons(60, random_state=1)
    assert len(later.set_params(n_candidates=2).fit(*others).cv_results_["params"]) == 2


class Stops:
    """A scorer that is Ctrl-C after so many calls, for the thread that waits."""

    def __init__(self, calls):
        self.left = calls

    def __call__(self, estimator, X, y):
        self.left -= 1
        if self.left == 0:
            import _thread

            _thread.interrupt_main()
            time.sleep(0.3)
        return estimator.score(X, y)


def test_interrupted_search_keeps_what_was_found_and_goes_on(moons):
    settings = {"n_candidates": 6, "cv": 3, "random_state": 0, "n_jobs": 1}
    search = HiddenLayerSearchCV(mlp(), scoring=Stops(8), warm_start=True, **settings)
    with pytest.warns(ConvergenceWarning, match="interrupted by user after 2 candidates"):
        search.fit(*moons)
    assert search.predict(moons[0]).shape == (150,)
    search.fit(*moons)
    whole = HiddenLayerSearchCV(mlp(), **settings).fit(*moons)
    np.testing.assert_array_equal(
        search.cv_results_["mean_test_score"], whole.cv_results_["mean_test_score"]
    )
    with pytest.raises(KeyboardInterrupt):  # nothing was found
        HiddenLayerSearchCV(mlp(), scoring=Stops(1), **settings).fit(*moons)
    assert threading.active_count() < 5


def test_time_limit(moons):
    began = time.perf_counter()
    search = HiddenLayerSearchCV(mlp(), time_limit=0.3, cv=3, random_state=0).fit(*moons)
    assert time.perf_counter() - began < 20
    assert len(search.cv_results_["params"]) < 500
    tiny = HiddenLayerSearchCV(mlp(), time_limit=1e-9, cv=3, random_state=0)
    with pytest.warns(ConvergenceWarning, match="time_limit=1e-09 s was enough for 1 candidate"):
        tiny.fit(*moons)
    assert tiny.predict(moons[0]).shape == (150,)


def test_a_candidate_that_fails_never_stops_the_search(moons):
    space = {"learning_rate_init": [1e300, 0.01], "hidden_layer_sizes": [(4,)]}
    search = HiddenLayerSearchCV(mlp(), space, n_candidates=2, cv=3, random_state=0).fit(*moons)
    failed = search.cv_results_["failure"] != ""
    assert failed.sum() == 1
    (row,) = np.flatnonzero(failed)
    assert "diverged in epoch 1: learning_rate_init is 1e+300" in search.cv_results_["failure"][row]
    assert np.isnan(search.cv_results_["mean_test_score"][row])
    assert search.best_params_["learning_rate_init"] == 0.01
    odd = {"hidden_layer_sizes": [(4,), (-1,)]}
    search = HiddenLayerSearchCV(mlp(), odd, n_candidates=2, cv=3, random_state=0).fit(*moons)
    assert sum("hidden_layer_sizes" in reason for reason in search.cv_results_["failure"]) == 1


def raises(estimator, X, y):
    raise RuntimeError("no such score")


@pytest.mark.parametrize(
    ("params", "error", "message"),
    [
        ({"space": {}}, ValueError, "at least one parameter to search, but is empty"),
        ({"space": {"alpha": []}}, ValueError, r"space\['alpha'\] must hold at least one value"),
        (
            {"space": {"layers": [1]}},
            ValueError,
            "'layers', which is no parameter of MLPClassifier",
        ),
        ({"space": {"alpha": 3}}, TypeError, r"space\['alpha'\] must be a distribution or a list"),
        ({"space": {"solver": "adam"}}, TypeError, "must be a distribution or a list of values"),
        ({"scoring": raises}, ValueError, "no candidate could be scored; the first: RuntimeError"),
        ({"scoring": "r3"}, ValueError, "'scoring' parameter"),
        ({"cv": KFold(2)}, ValueError, "that of fold 0 has no row of class 0"),
        ({"time_limit": 0}, ValueError, "'time_limit' parameter"),
        ({"sampler": "grid"}, ValueError, "sampler must be 'random', 'optuna' or a study"),
        ({"estimator": make_pipeline(StandardScaler())}, TypeError, "Pipeline that ends in one"),
        ({"n_candidates": 0}, ValueError, "'n_candidates' parameter"),
    ],
    ids=lambda value: str(value)[:30].split(" object")[0] if isinstance(value, dict) else "",
)
def test_wrong_input(params, error, message):
    X, y = make_moons(40, random_state=0)
    order = np.argsort(y)
    settings = {"estimator": mlp(), "n_candidates": 2, "random_state": 0} | params
    with pytest.raises(error, match=message):
        HiddenLayerSearchCV(**settings).fit(X[order], y[order])


def test_a_class_of_one_row():
    X, y = make_moons(40, random_state=0)
    y[0] = 2
    with (
        pytest.warns(UserWarning, match="only 1 members"),
        pytest.raises(ValueError, match="class 2"),
    ):
        HiddenLayerSearchCV(mlp(), n_candidates=2).fit(X, y)


def test_hidden_layers():
    rng = np.random.RandomState(0)
    drawn = [HiddenLayers(depths=(1, 3), widths=(4, 64)).rvs(rng) for _ in range(300)]
    assert {len(layers) for layers in drawn} == {1, 3}
    assert min(layers[0] for layers in drawn) == 4
    assert max(layers[0] for layers in drawn) > 55
    assert {
        layers[1] / layers[0] for layers in drawn if len(layers) == 3 and not layers[0] % 2
    } == {
        0.5,
        1.0,
    }
    assert 12 < np.median([layers[0] for layers in drawn]) < 20  # evenly in the logarithm
    with pytest.raises(ValueError, match="depths"):
        HiddenLayers(depths=[])
    with pytest.raises(ValueError, match="widths"):
        HiddenLayers(widths=(8, 4))


def test_optuna(moons):
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    space = {
        "hidden_layer_sizes": HiddenLayers(widths=(2, 16)),
        "alpha": loguniform(1e-5, 1),
        "beta_1": uniform(0.8, 0.1),
        "batch_size": randint(8, 33),
        "activation": ["relu", "tanh"],
    }
    study = optuna.create_study(direction="maximize", sampler=optuna.samplers.RandomSampler(seed=0))
    search = HiddenLayerSearchCV(mlp(), space, sampler=study, n_candidates=12, cv=3, random_state=0)
    search.fit(*moons)
    assert len(study.trials) == 12
    assert study.best_value == pytest.approx(
        max(search.cv_results_["mean_test_score"][search.cv_results_["n_epochs"] == 27])
    )
    states = {trial.state.name for trial in study.trials}
    assert states == {"COMPLETE", "PRUNED"}
    for params in search.cv_results_["params"]:
        assert 8 <= params["batch_size"] <= 32
        assert params["activation"] in ("relu", "tanh")
        assert 0.8 <= params["beta_1"] <= 0.9
    by_name = HiddenLayerSearchCV(mlp(), sampler="optuna", n_candidates=3, cv=3, random_state=0)
    twice = [by_name.fit(*moons).cv_results_["params"].tolist() for _ in range(2)]
    assert twice[0] == twice[1]
    with pytest.raises(TypeError, match="for Optuna"):
        HiddenLayerSearchCV(mlp(), {"alpha": norm(1, 0.1)}, sampler="optuna").fit(*moons)
    with pytest.raises(ValueError, match="maximize"):
        HiddenLayerSearchCV(mlp(), sampler=optuna.create_study()).fit(*moons)


def test_pickled_and_cloned(moons):
    search = HiddenLayerSearchCV(mlp(), **FAST).fit(*moons)
    other = pickle.loads(pickle.dumps(search))
    np.testing.assert_array_equal(other.predict(moons[0]), search.predict(moons[0]))
    assert clone(search).get_params()["estimator__batch_size"] == 16


def test_auc(moons):
    scorer = make_scorer(roc_auc_score, response_method="predict_proba")
    search = HiddenLayerSearchCV(mlp(), SPACE, scoring=scorer, **FAST).fit(*moons)
    assert search.best_score_ > 0.9


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_a_final_judges_the_best_again_on_fresh_folds(moons):
    X, y = moons
    settings = {"n_candidates": 20, "cv": 3, "random_state": 0}
    plain = HiddenLayerSearchCV(mlp(), **settings).fit(X, y).cv_results_
    search = HiddenLayerSearchCV(mlp(), n_finals=2, **settings).fit(X, y)
    found = search.cv_results_
    scores = np.array([found[f"split{k}_test_score"] for k in range(9)])
    for k in range(3):  # the first folds say what they said
        np.testing.assert_array_equal(scores[k], plain[f"split{k}_test_score"])
    finalists = found["eligible"]
    assert finalists.sum() == 12
    assert np.isfinite(scores[:, finalists]).all()
    assert np.isnan(scores[3:, ~finalists]).all()
    assert plain["rank_test_score"][finalists].min() == 1
    np.testing.assert_allclose(found["mean_test_score"], np.nanmean(scores, axis=0))
    spread = scores[:, finalists].std(axis=0, ddof=1) / np.sqrt(3)
    np.testing.assert_allclose(found["standard_error"][finalists], spread)
    assert finalists[search.best_index_]
    assert finalists[search.simplest_index_]
    # What a final says is what a whole fit on those folds gives.
    best = found["params"][search.best_index_] | {"max_iter": search.best_params_["max_iter"]}
    network = mlp(random_state=search.best_estimator_.random_state, **best)
    for number in range(2):
        folds = fresh_splits(3, X, y, None, classes=True, number=number)
        expected = cross_val_score(network, X, y, cv=folds)
        of_round = scores[3 + 3 * number : 6 + 3 * number, search.best_index_]
        np.testing.assert_array_equal(of_round, expected)


def test_finals_are_the_same_for_any_threads_and_when_gone_on_with(moons):
    settings = {"n_candidates": 16, "cv": 3, "random_state": 0, "n_finals": 2}
    one, three = (
        HiddenLayerSearchCV(mlp(), n_jobs=n, **settings).fit(*moons).cv_results_ for n in (1, 3)
    )
    np.testing.assert_array_equal(one["mean_test_score"], three["mean_test_score"])
    search = HiddenLayerSearchCV(mlp(), warm_start=True, **(settings | {"n_finals": 0}))
    search.fit(*moons).set_params(n_finals=2).fit(*moons)
    np.testing.assert_array_equal(one["mean_test_score"], search.cv_results_["mean_test_score"])


def test_finals_need_a_splitter_that_shuffles(moons):
    with pytest.raises(
        ValueError, match="n_finals=1 needs a number of folds or a splitter that sh"
    ):
        HiddenLayerSearchCV(mlp(), n_finals=1, cv=KFold(3)).fit(*moons)
    search = HiddenLayerSearchCV(mlp(), cv=KFold(3, shuffle=True, random_state=0), n_candidates=3)
    assert "split5_test_score" in search.set_params(n_finals=1).fit(*moons).cv_results_
    search = HiddenLayerSearchCV(mlp(), cv=KFold(3), time_limit=0.5).fit(*moons)
    assert "split3_test_score" not in search.cv_results_


class FewInTime:
    """Successive halving in which candidate 1 fails, and only some of the others are scored."""

    n_threads = 2

    def __init__(self, n_scored):
        self.n_scored = n_scored

    def train_to(self, targets, deadline, progress):
        for one, _ in targets[: self.n_scored]:
            if one.params["number"] == 1:
                one.failure = "ValueError: lost"
            else:
                one.scores.append([0.25])


def test_who_fails_in_a_final_is_out_and_half_a_final_is_none():
    def three():
        return [Candidate({"number": k}, scores=[[0.5 + k]], epochs=[9.0]) for k in range(3)]

    chosen = three()
    assert run_final_round(FewInTime(3), 0, chosen, False, np.inf, print)
    assert [one.final_scores for one in chosen] == [[[0.25]], [], [[0.25]]]
    found = cv_results(chosen, 1, [9], False)
    assert found["failure"].tolist() == ["", "ValueError: lost", ""]
    assert found["eligible"].tolist() == [True, False, True]
    np.testing.assert_array_equal(found["mean_test_score"], [0.375, np.nan, 1.375])
    assert found["rank_test_score"].tolist() == [2, 3, 1]

    chosen = three()
    assert not run_final_round(FewInTime(2), 0, chosen, False, np.inf, print)
    assert [one.final_scores for one in chosen] == [[], [], []]
    chosen[0].seconds = 9.0  # there is no time for what took as long
    assert not run_final_round(FewInTime(3), 0, chosen, False, time.perf_counter() + 1, print)


@pytest.mark.parametrize(
    ("scores", "rung"),
    [
        ([[0.5, 0.6], [0.7, 0.8], [0.6, 0.7]], 1),  # worse by 0.1 in every fold
        ([[0.5, 0.6], [0.7, 0.8], [0.8, 0.6]], 2),  # by 0.05, but the standard error is 0.15
        ([[0.9, 0.9], [0.9, 0.9], [0.9, 0.9]], 2),
        ([[0.5], [0.7], [0.6]], 1),
        ([[0.9, 0.9], [0.95, 0.75], [0.5, 0.5]], 1),
    ],
)
def test_the_longest_training_that_is_about_best_counts(scores, rung):
    candidate = Candidate({}, scores=scores)
    assert best_rung(candidate, last_only=False) == rung
    assert best_rung(candidate, last_only=True) == 2
    assert best_rung(Candidate({}, scores=scores, failure="lost"), last_only=False) is None
