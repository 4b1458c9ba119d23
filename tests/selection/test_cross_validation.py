"""cross_validate_network: the results of scikit-learn, with folds in threads."""

import numpy as np
import pandas as pd
import pytest
from comparisons import assert_arrays_equal
from data_cases import X_NOISY_MOONS, Y_NOISY_MOONS
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.datasets import make_regression
from sklearn.decomposition import PCA
from sklearn.model_selection import (
    GridSearchCV,
    GroupKFold,
    KFold,
    PredefinedSplit,
    RepeatedKFold,
    ShuffleSplit,
    StratifiedKFold,
    TimeSeriesSplit,
    cross_val_predict,
    cross_validate,
)
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils import _safe_indexing

from multilayer import (
    EarlyStop,
    MLPClassifier,
    MLPRegressor,
    TableEncoder,
    TabularClassifier,
    TabularRegressor,
)
from multilayer.engine.threads import available_threads, share, sharing
from multilayer.selection import HiddenLayerSearchCV, cross_validate_network

X, y = X_NOISY_MOONS[:120], Y_NOISY_MOONS[:120]
STRANGE = np.where(y == 1, "yes", "no")
X_NUMBERS, Y_NUMBERS = make_regression(90, 4, noise=1.0, random_state=0)
Y_NUMBERS = Y_NUMBERS / Y_NUMBERS.std()


def network(**parameters):
    defaults = {"learning_rate_init": 0.02, "max_iter": 12, "random_state": 0}
    return MLPClassifier((8,), **(defaults | parameters))


def regressor(**parameters):
    return MLPRegressor(
        hidden_layer_sizes=(8,), learning_rate_init=0.02, max_iter=12, random_state=0, **parameters
    )


def thetas(estimator):
    step = estimator[-1] if hasattr(estimator, "steps") else estimator
    return step.network_.thetas


SPLITTERS = {
    "KFold": KFold(4, shuffle=True, random_state=1),
    "StratifiedKFold": StratifiedKFold(3),
    "RepeatedKFold": RepeatedKFold(n_splits=3, n_repeats=2, random_state=0),
    "PredefinedSplit": PredefinedSplit(np.arange(120) % 3),
}


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.parametrize("name", SPLITTERS)
@pytest.mark.parametrize("piped", [False, True], ids=["network", "pipeline"])
def test_scores_are_those_of_scikit_learn(name, piped):
    cv = SPLITTERS[name]
    estimator = make_pipeline(StandardScaler(), network()) if piped else network()
    expected = cross_validate(estimator, X, STRANGE, cv=cv, return_train_score=True)
    result = cross_validate_network(estimator, X, STRANGE, cv=cv)
    np.testing.assert_array_equal(result.scores, expected["test_score"])
    np.testing.assert_array_equal(result.train_scores, expected["train_score"])
    assert result.mean == pytest.approx(expected["test_score"].mean())
    assert len(result.estimators) == len(result.indices) == len(result.scores)


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_out_of_fold_predictions_are_those_of_scikit_learn():
    cv = StratifiedKFold(4)
    result = cross_validate_network(network(), X, STRANGE, cv=cv)
    expected = cross_val_predict(network(), X, STRANGE, cv=cv)
    np.testing.assert_array_equal(result.oof_prediction, expected)
    H = cross_val_predict(network(), X, STRANGE, cv=cv, method="predict_proba")
    np.testing.assert_array_equal(result.oof_probability, H)
    np.testing.assert_array_equal(result.classes, ["no", "yes"])
    result = cross_validate_network(regressor(), X_NUMBERS, Y_NUMBERS, cv=KFold(3))
    expected = cross_val_predict(regressor(), X_NUMBERS, Y_NUMBERS, cv=KFold(3))
    np.testing.assert_array_equal(result.oof_prediction, expected)
    assert result.oof_probability is None
    assert result.classes is None


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.parametrize(
    ("solver", "early_stopping"), [("adam", False), ("lbfgs", False), ("sgd", True)]
)
def test_validation_curves_change_nothing(solver, early_stopping):
    estimator = network(solver=solver, early_stopping=early_stopping)
    result = cross_validate_network(estimator, X, y, cv=3, random_state=0)
    for fitted, (learned, judged) in zip(result.estimators, result.indices, strict=True):
        alone = network(solver=solver, early_stopping=early_stopping).fit(X[learned], y[learned])
        assert_arrays_equal(thetas(alone), thetas(fitted))
        assert not hasattr(fitted, "_skl_callbacks")
        assert len(judged)


@pytest.mark.parametrize(
    "parameters",
    [
        {"learning_rate": "plateau", "n_iter_no_change": 3},
        {"restore_best_weights": True},
    ],
    ids=["plateau", "restore_best_weights"],
)
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_early_stopping_does_not_see_the_rows_left_out(parameters):
    estimator = network(learning_rate_init=0.5, **parameters)
    result = cross_validate_network(estimator, X, y, cv=3, random_state=0)
    learned, _ = result.indices[0]
    alone = network(learning_rate_init=0.5, **parameters).fit(X[learned], y[learned])
    np.testing.assert_array_equal(thetas(alone)[0], thetas(result.estimators[0])[0])


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.parametrize("make", [network, regressor], ids=["classifier", "regressor"])
def test_validation_curves_are_the_costs_of_the_rows_left_out(make):
    rows, target = (X, y) if make is network else (X_NUMBERS, Y_NUMBERS)
    result = cross_validate_network(make(), rows, target, cv=3, random_state=0)
    for k, (learned, judged) in enumerate(result.indices):
        alone = make().fit(rows[learned], target[learned], X_val=rows[judged], y_val=target[judged])
        np.testing.assert_array_equal(result.validation_curves[k], alone.validation_loss_curve_)
        np.testing.assert_array_equal(result.loss_curves[k], alone.loss_curve_)


def test_validation_curves_behind_a_pipeline_with_names_and_gaps():
    frame = pd.DataFrame({"a": X[:, 0], "b": X[:, 1], "c": np.where(X[:, 0] > 0, "u", None)})
    estimator = make_pipeline(TableEncoder(), network())
    result = cross_validate_network(estimator, frame, STRANGE, cv=3, random_state=0)
    for fitted, curve, (_, judged) in zip(
        result.estimators, result.validation_curves, result.indices, strict=True
    ):
        H = fitted.predict_proba(_safe_indexing(frame, judged))
        h = H[np.arange(len(judged)), (STRANGE[judged] == "yes").astype(int)]
        assert curve[-1] == pytest.approx(-np.log(h).mean(), rel=1e-5)


@pytest.mark.parametrize("n_jobs", [2, 3, -1])
def test_the_same_for_any_number_of_threads(n_jobs):
    estimator = make_pipeline(PCA(2), network(random_state=None))
    one = cross_validate_network(estimator, X, y, n_repeats=2, cv=3, random_state=5, n_jobs=1)
    some = cross_validate_network(estimator, X, y, n_repeats=2, cv=3, random_state=5, n_jobs=n_jobs)
    np.testing.assert_array_equal(one.scores, some.scores)
    np.testing.assert_array_equal(one.oof_probability, some.oof_probability)
    assert_arrays_equal(one.validation_curves, some.validation_curves)
    seeds = {fitted[-1].random_state for fitted in some.estimators}
    assert len(seeds) == 6  # each fold its own
    assert estimator[-1].random_state is None


def test_repeats_shuffle_otherwise_and_are_averaged():
    result = cross_validate_network(network(), X, y, cv=3, n_repeats=2, random_state=0)
    assert result.scores.shape == (6,)
    assert not np.array_equal(result.indices[0][1], result.indices[3][1])
    row = 7
    H = [
        fitted.predict_proba(X[[row]])[0]
        for fitted, (_, judged) in zip(result.estimators, result.indices, strict=True)
        if row in judged
    ]
    assert len(H) == 2
    np.testing.assert_allclose(result.oof_probability[row], np.mean(H, axis=0), rtol=1e-12)
    expected = result.scores.std(ddof=1) / np.sqrt(3)
    assert result.standard_error == pytest.approx(expected)
    shuffled = cross_validate_network(
        network(), X, y, cv=KFold(3, shuffle=True), n_repeats=2, random_state=0
    )
    assert len(shuffled.scores) == 6
    assert not np.array_equal(shuffled.indices[0][1], shuffled.indices[3][1])


def test_groups_stay_together():
    groups = np.arange(120) // 10
    for cv in (3, GroupKFold(3)):
        result = cross_validate_network(network(), X, y, cv=cv, groups=groups, random_state=0)
        for learned, judged in result.indices:
            assert not set(groups[learned]) & set(groups[judged])


def test_weights_reach_training_and_scores():
    weights = np.where(X[:, 0] > 0.5, 0.0, 1.0)
    estimator = make_pipeline(StandardScaler(), network())
    result = cross_validate_network(estimator, X, y, sample_weight=weights, cv=StratifiedKFold(3))
    learned, judged = result.indices[1]
    with pytest.warns(match="Maximum iterations"):
        own = make_pipeline(StandardScaler(), network()).fit(
            X[learned], y[learned], mlpclassifier__sample_weight=weights[learned]
        )
    expected = own.score(X[judged], y[judged], sample_weight=weights[judged])
    assert result.scores[1] == expected


def test_scoring_and_its_name():
    result = cross_validate_network(network(), X, y, scoring="neg_log_loss", random_state=0)
    assert result.score_name == "neg_log_loss"
    assert result.mean == pytest.approx(-np.mean([curve[-1] for curve in result.validation_curves]))


@pytest.mark.parametrize(
    ("estimator", "rows", "target"),
    [
        (TabularClassifier(n_members=2, max_iter=3), X, STRANGE),
        (TabularRegressor(n_members=2, max_iter=3), X_NUMBERS, Y_NUMBERS),
    ],
    ids=["classifier", "regressor"],
)
def test_tabular_estimators(estimator, rows, target):
    result = cross_validate_network(estimator, rows, target, cv=2, random_state=0)
    again = cross_validate_network(estimator, rows, target, cv=2, random_state=0, n_jobs=1)
    np.testing.assert_array_equal(result.scores, again.scores)
    assert [len(curve) for curve in result.loss_curves] == [3, 3]
    assert [len(curve) for curve in result.validation_curves] == [0, 0]
    assert len(result.oof_prediction) == len(rows)


def test_nested_in_a_search_of_scikit_learn():
    search = GridSearchCV(network(), {"hidden_layer_sizes": [(), (8,)]}, cv=2)
    result = cross_validate_network(search, X, y, cv=3, random_state=0)
    assert {e.best_params_["hidden_layer_sizes"] for e in result.estimators} <= {(), (8,)}
    assert all(len(curve) == 0 for curve in result.loss_curves)
    assert result.oof_probability.shape == (120, 2)
    assert result.name == "GridSearchCV"


def test_nested_in_a_search_of_ours():
    search = HiddenLayerSearchCV(network(), n_candidates=3, cv=2)
    result = cross_validate_network(search, X, y, cv=2, random_state=0)
    assert len({e.random_state for e in result.estimators}) == 2


def test_several_targets():
    Y = np.column_stack([y, X[:, 0] > 0]).astype(int)
    result = cross_validate_network(network(), X, Y, cv=3, random_state=0)
    assert result.oof_prediction.shape == Y.shape
    own = result.estimators[0].predict(X[result.indices[0][1]])
    np.testing.assert_array_equal(result.oof_prediction[result.indices[0][1]], own)
    Y = np.column_stack([Y_NUMBERS, -Y_NUMBERS])
    result = cross_validate_network(regressor(), X_NUMBERS, Y, cv=3, random_state=0)
    assert result.oof_prediction.shape == Y.shape


def test_rows_that_are_never_left_out():
    result = cross_validate_network(network(), X, STRANGE, cv=ShuffleSplit(1, random_state=0))
    left_out = result.indices[0][1]
    known = np.array([value is not None for value in result.oof_prediction])
    np.testing.assert_array_equal(np.flatnonzero(known), np.sort(left_out))
    assert np.isnan(result.oof_probability[~known]).all()
    assert np.isnan(result.standard_error)
    assert "±" not in str(result)
    result = cross_validate_network(regressor(), X_NUMBERS, Y_NUMBERS, cv=TimeSeriesSplit(3))
    assert np.isnan(result.oof_prediction[0])
    assert np.isfinite(result.oof_prediction[-1])


def test_the_table():
    result = cross_validate_network(network(), X, y, cv=3, random_state=0)
    text = str(result)
    assert text.startswith("MLPClassifier: accuracy, 3 folds\n")
    assert f"{result.mean:.4f} ± {result.standard_error:.4f}" in text
    assert len(text.splitlines()) == 6
    frame = result.to_frame()
    np.testing.assert_array_equal(frame["score"], result.scores)
    assert frame["n_epochs"].tolist() == [12, 12, 12]
    assert "accuracy" in repr(result)
    many = cross_validate_network(network(), X, y, cv=4, n_repeats=3, random_state=0)
    assert len(str(many).splitlines()) == 3  # only the mean of so many
    assert many.to_frame()["repeat"].tolist() == [0] * 4 + [1] * 4 + [2] * 4


def test_own_callbacks_stay():
    estimator = network(max_iter=50).set_callbacks(EarlyStop(threshold=0.6))
    result = cross_validate_network(estimator, X, y, cv=2, random_state=0, n_jobs=1)
    assert all(0 < len(curve) < 50 for curve in result.loss_curves)
    assert [len(e._skl_callbacks) for e in result.estimators] == [1, 1]


class Unfittable(ClassifierMixin, BaseEstimator):
    def fit(self, X, y):
        raise RuntimeError("no")


class Interrupted(ClassifierMixin, BaseEstimator):
    def fit(self, X, y):
        raise KeyboardInterrupt


def test_what_is_no_failure_of_a_fold_ends_the_cross_validation():
    with pytest.raises(KeyboardInterrupt):
        cross_validate_network(Interrupted(), X, y, cv=3, random_state=0)


WRONG = {
    "fewer rows than folds": (dict(X=X[:4], y=y[:4], cv=5), "as many folds as rows, 4, got 5"),
    "one fold": (dict(cv=1), "at least 2 folds, got 1"),
    "fewer groups": (dict(cv=5, groups=np.arange(120) % 3), "as many folds as groups, 3, got 5"),
    "no repeats": (dict(n_repeats=0), "n_repeats must be a whole number of at least 1, got 0"),
    "no shuffle": (dict(cv=KFold(3), n_repeats=2), "n_repeats=2 needs a number of folds or"),
    "no jobs": (dict(n_jobs=0), "n_jobs must be at least 1, or -1 for all threads, got 0"),
    "no splits": (dict(cv=[]), "at least one split"),
    "unfittable": (
        dict(estimator=Unfittable()),
        "fold 0 could not be fitted and scored: RuntimeError: no",
    ),
    "wrong parameter": (
        dict(estimator=MLPClassifier(alpha=-1.0)),
        "fold 0 could not be fitted and scored: InvalidParameterError: The 'alpha'",
    ),
    "no estimator": (dict(estimator=object()), "estimator must have fit and predict"),
}


@pytest.mark.parametrize("name", WRONG)
@pytest.mark.filterwarnings("ignore:The least populated class:UserWarning")
def test_wrong_input(name):
    given, message = WRONG[name]
    arguments = {"estimator": network(), "X": X, "y": y, "random_state": 0} | given
    with pytest.raises(ValueError, match=message):
        cross_validate_network(**arguments)


def test_a_share_of_the_threads_is_that_of_one_thread():
    before = share()
    with sharing(1):
        assert share() == available_threads() == 1
        with sharing(3):
            assert available_threads() == 3
        assert share() == 1
    assert share() == before


def test_threads_times_threads_are_those_there_are(monkeypatch):
    from multilayer.selection import workers as cluster

    seen = []
    fit_fold = cluster.fit_fold

    def look(*arguments):
        seen.append(share())
        return fit_fold(*arguments)

    monkeypatch.setattr(cluster, "fit_fold", look)
    with sharing(6):
        cross_validate_network(network(), X, y, cv=3, n_jobs=3, random_state=0)
        assert min(seen) == 2
        seen.clear()
        cross_validate_network(network(), X, y, cv=3, n_jobs=1, random_state=0)
        assert seen == [6, 6, 6]
