"""Folds of dependent rows: groups, windows of time, and splitters of scikit-learn's."""

import warnings

import numpy as np
import polars as pl
import pytest
from sklearn.model_selection import GroupKFold, PredefinedSplit, ShuffleSplit, TimeSeriesSplit

from multilayer import TabularClassifier, TabularRegressor, load
from multilayer.selection import HiddenLayerSearchCV, compare_baselines, cross_validate_network
from multilayer.tables.dependence import Dependence
from multilayer.tabular.calibration import tempered
from multilayer.tabular.folds import assign_groups, forward_folds, hold_out

QUICK = {"max_iter": 4, "hidden_layer_sizes": 8, "random_state": 0}


def folds_of(model):
    return [member.fold for member in model._trained_on.left_out]


@pytest.mark.parametrize("classes", [True, False])
@pytest.mark.parametrize("n_groups", [2, 3, 8, 40])
def test_each_group_is_left_out_whole_by_one_fold(classes, n_groups, rng):
    groups = rng.randint(n_groups, size=400)
    y = rng.randint(3, size=400) if classes else rng.randn(400)
    folds = assign_groups(y, groups, 8, np.random.RandomState(0), classes=classes)
    assert len(folds) == min(8, n_groups)
    for fold in folds:
        assert not set(groups[fold.training]) & set(groups[fold.validation])
        assert len(fold.training) + len(fold.validation) == 400
    assert sorted(np.concatenate([fold.validation for fold in folds])) == list(range(400))


def test_groups_of_classes_are_stratified(rng):
    groups = np.repeat(np.arange(80), 5)
    y = np.repeat(np.arange(80) % 10 == 0, 5).astype(int)
    for fold in assign_groups(y, groups, 8, np.random.RandomState(0), classes=True):
        assert y[fold.validation].sum() == 5


def test_windows_of_time_follow_their_training_rows(rng):
    time = rng.permutation(np.repeat(np.arange(50.0), 4))
    folds = forward_folds(Dependence(None, time))
    assert len(folds) == 4
    for fold in folds:
        assert time[fold.training].max() < time[fold.validation].min()
    left = np.concatenate([fold.validation for fold in folds])
    assert np.sort(time[left]).tolist() == np.repeat(np.arange(25.0, 50), 4).tolist()


def test_groups_of_a_window_are_not_trained_on(rng):
    time, groups = np.arange(200.0), rng.randint(30, size=200)
    for fold in forward_folds(Dependence(groups, time)):
        assert time[fold.training].max() < time[fold.validation].min()
        assert not set(groups[fold.training]) & set(groups[fold.validation])


@pytest.mark.parametrize("share", [0.05, 0.2, 0.5])
def test_the_last_rows_are_held_out(share, rng):
    time = rng.permutation(200).astype(float)
    fold = hold_out(np.zeros(200), share, Dependence(None, time), rng, classes=True)
    assert len(fold.validation) == round(share * 200)
    assert time[fold.training].max() < time[fold.validation].min()


def test_repeated_rows_are_not_taken_for_a_skill(rng):
    """60 rows of noise, six times each: only groups show that nothing was learned."""
    X, y, groups = rng.randn(60, 6), rng.randint(2, size=60), np.repeat(np.arange(60), 6)
    model = TabularClassifier(random_state=0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        assert model.fit(X[groups], y[groups]).validation_score_ > 0.99
        assert model.fit(X[groups], y[groups], groups=groups).validation_score_ < 0.65


@pytest.mark.parametrize("model", [TabularClassifier, TabularRegressor])
def test_members_leave_out_whole_groups(model, rng):
    X, y, groups = rng.randn(120, 3), rng.randint(2, size=120), np.repeat(list("abcdef"), 20)
    fitted = model(**QUICK).fit(X, y, groups=groups)
    assert len(fitted.members_) == 8
    for fold in folds_of(fitted):
        assert not set(groups[fold.training]) & set(groups[fold.validation])
    assert np.isfinite(fitted.validation_score_)
    table = pl.DataFrame({"patient": groups, **{f"x{k}": X[:, k] for k in range(3)}})
    named = model(**QUICK).fit(table, y, groups="patient")
    assert named.feature_names_in_.tolist() == ["x0", "x1", "x2"]
    assert np.array_equal(named.predict(table), fitted.predict(X))
    assert np.array_equal(named.predict(table.drop("patient")), fitted.predict(X))


@pytest.mark.parametrize("groups", [None, np.arange(160) // 8])
def test_more_members_leave_out_the_rows_again(groups, rng):
    X, y = rng.randn(160, 2), np.arange(160) % 2
    fitted = TabularClassifier(**QUICK, n_members=20).fit(X, y, groups=groups)
    folds = folds_of(fitted)
    assert len(folds) == 20
    for first in (0, 8):
        left = np.concatenate([fold.validation for fold in folds[first : first + 8]])
        assert np.sort(left).tolist() == list(range(160))
    assert not np.array_equal(folds[0].validation, folds[8].validation)
    # A prediction out of fold is the mean over the members that left the row out.
    H = np.zeros((160, 2))
    times = np.zeros(160)
    for member in fitted._trained_on.left_out:
        H[member.fold.validation] += tempered(member.out_of_fold, fitted.temperature_)
        times[member.fold.validation] += 1
    np.testing.assert_allclose(fitted.oof_decision_, H / times[:, None], rtol=1e-5)


def test_a_class_that_is_in_one_group_only(rng):
    groups = np.repeat(np.arange(4), 20)
    y = np.where(groups == 0, 2, rng.randint(2, size=80))
    fitted = TabularClassifier(**QUICK).fit(rng.randn(80, 2), y, groups=groups)
    assert fitted.predict_proba(np.zeros((1, 2))).shape == (1, 3)
    assert fitted.oof_decision_.shape == (80, 3)


@pytest.mark.parametrize("fast", [False, True])
def test_times_are_validated_forward_and_members_trained_on_all_rows(fast, rng):
    X, time = rng.randn(160, 2), rng.permutation(160).astype(float)
    y = X[:, 0] + 0.1 * rng.randn(160)
    fitted = TabularRegressor(**QUICK | {"max_iter": 30}, fast=fast).fit(X, y, time=time)
    assert len(fitted.members_) == (1 if fast else 8)
    assert len(set(fitted.best_iterations_)) == 1
    known = np.isfinite(fitted.oof_prediction_)
    assert time[known].min() > time[~known].max()
    assert known.sum() == (32 if fast else 80)
    assert fitted.validation_score_ > 0.8
    assert len(fitted.residuals_) == known.sum()
    assert fitted.feature_importances_[0] > fitted.feature_importances_[1]
    again = TabularRegressor(**QUICK | {"max_iter": 30}, fast=fast).fit(X, y, time=time)
    assert np.array_equal(again.predict(X), fitted.predict(X))


def test_a_trend_is_not_validated_on_its_own_past(rng):
    """Drawn at random, neighbours in time tell the target; later rows are another matter."""
    time = np.arange(400.0)
    walk = np.cumsum(rng.randn(400))
    model = TabularRegressor(random_state=0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        assert model.fit(time[:, None], walk).validation_score_ > 0.95
        assert model.fit(time[:, None], walk, time=time).validation_score_ < 0.7


@pytest.mark.parametrize(
    ("cv", "n"),
    [
        (3, 3),
        (TimeSeriesSplit(4), 4),
        (GroupKFold(5), 5),
        (ShuffleSplit(2, random_state=0), 2),
        (PredefinedSplit(np.repeat([0, -1, 1], 40)), 2),
        ([(np.arange(60), np.arange(60, 120))], 1),
    ],
)
def test_members_follow_a_splitter(cv, n, rng, tmp_path):
    X, y = rng.randn(120, 3), rng.randint(2, size=120)
    of_groups = cv == 3 or isinstance(cv, GroupKFold)  # the others would ignore them, and say so
    groups = np.repeat(np.arange(12), 10) if of_groups else None
    fitted = TabularClassifier(**QUICK, cv=cv).fit(X, y, groups=groups)
    assert len(fitted.members_) == n
    if of_groups:
        for fold in folds_of(fitted):
            assert not set(groups[fold.training]) & set(groups[fold.validation])
    assert (
        len(TabularClassifier(**QUICK, cv=cv, n_members=7).fit(X, y, groups=groups).members_) == 7
    )
    fitted.save(tmp_path / "m.mlp")
    loaded = load(tmp_path / "m.mlp")
    assert loaded.cv is None  # a fitted model does not need it
    assert np.array_equal(loaded.predict_proba(X), fitted.predict_proba(X))


@pytest.mark.parametrize(
    ("given", "parameters", "message"),
    [
        ({"groups": [0, 0, 1]}, {}, "X has 40 rows, but groups has 3"),
        ({"groups": np.zeros(40)}, {}, "groups must have at least 2 values"),
        ({"groups": np.arange(40), "X_val": [[0.0, 0]], "y_val": [0]}, {}, "X_val replaces"),
        ({"X_val": [[0.0, 0]], "y_val": [0]}, {"cv": 2}, "X_val replaces groups, time and cv"),
        ({"time": np.arange(40), "groups": np.arange(40) % 2}, {}, "earlier rows of other groups"),
        ({}, {"cv": []}, "cv must give at least one fold"),
        ({}, {"cv": [([], [0, 1])]}, "cv must leave rows to train on"),
        ({}, {"cv": GroupKFold(2)}, "'groups' parameter should not be None"),
        ({}, {"cv": 1}, "'cv' parameter of TabularClassifier must be"),
    ],
)
def test_what_is_wrong_is_named_before_anything_changes(given, parameters, message, rng):
    X, y = rng.randn(40, 2), np.arange(40) % 2
    model = TabularClassifier(**QUICK).fit(X, y)
    model.set_params(**parameters)
    before = dict(vars(model))
    with pytest.raises(ValueError, match=message):
        model.fit(X, y, **given)
    assert vars(model) == before


def leaky(rng):
    """Noise that only repetitions make predictable."""
    groups = np.repeat(np.arange(30), 4)
    return rng.randn(30, 4)[groups], rng.randint(2, size=30)[groups], groups


@pytest.mark.filterwarnings("ignore")
def test_cross_validation_follows_groups_outside_and_inside(rng):
    X, y, groups = leaky(rng)
    model = TabularClassifier(max_iter=10, n_members=3, random_state=0)
    result = cross_validate_network(model, X, y, groups=groups, cv=3, random_state=0)
    assert result.mean < 0.75
    for fitted, (train, _) in zip(result.estimators, result.indices, strict=True):
        assert fitted.validation_score_ < 0.75
        for fold in folds_of(fitted):
            within = groups[train]
            assert not set(within[fold.training]) & set(within[fold.validation])
    frame = pl.DataFrame(X).with_columns(patient=groups)
    named = cross_validate_network(model, frame, y, groups="patient", cv=3, random_state=0)
    assert np.array_equal(named.scores, result.scores)


@pytest.mark.filterwarnings("ignore")
def test_cross_validation_forward_in_time(rng):
    X, time = rng.randn(120, 2), rng.permutation(120).astype(float)
    model = TabularRegressor(**QUICK)
    result = cross_validate_network(model, X, X[:, 0], time=time, cv=3)
    assert len(result.scores) == 3
    for train, test in result.indices:
        assert time[train].max() < time[test].min()
    with pytest.raises(ValueError, match="windows of time cannot be repeated"):
        cross_validate_network(model, X, X[:, 0], time=time, n_repeats=2)


@pytest.mark.filterwarnings("ignore")
def test_a_search_follows_groups_and_times(rng):
    X, y, groups = leaky(rng)
    model = TabularClassifier(max_iter=10, n_members=2, random_state=0)
    settings = {"n_candidates": 3, "cv": 3, "random_state": 0}
    search = HiddenLayerSearchCV(model, **settings).fit(X, y, groups=groups)
    assert search.best_score_ < 0.75
    for train, test in search.training_.splits:
        assert not set(groups[train]) & set(groups[test])
    for fold in folds_of(search.best_estimator_):
        assert not set(groups[fold.training]) & set(groups[fold.validation])
    time = rng.permutation(len(y)).astype(float)
    search = HiddenLayerSearchCV(model, **settings, time_limit=30).fit(X, y, time=time)
    for train, test in search.training_.splits:
        assert time[train].max() < time[test].min()
    with pytest.raises(ValueError, match="n_finals=1 needs"):
        HiddenLayerSearchCV(model, **settings, n_finals=1).fit(X, y, time=time)


@pytest.mark.filterwarnings("ignore")
def test_baselines_follow_groups_and_times(rng):
    X, y, groups = leaky(rng)
    by_group = compare_baselines(X, y, groups=groups, cv=3, random_state=0, time_limit=0.001)
    assert by_group.n_splits == 3
    assert by_group.best.mean < 0.75
    forward = compare_baselines(X, y, time=np.arange(len(y)), cv=4, time_limit=0.001)
    assert forward.n_splits == 4
