"""TabularClassifier and TabularRegressor: scikit-learn's contract, validation, weights, scoring."""

import pickle

import cloudpickle
import numpy as np
import pandas as pd
import polars as pl
import pytest
from sklearn.base import clone
from sklearn.datasets import load_breast_cancer, load_diabetes, make_friedman1
from sklearn.metrics import log_loss
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.utils.estimator_checks import parametrize_with_checks
from tabular_cases import LEARNING, MODELS, SMALL, table

from multilayer import TabularClassifier, TabularRegressor

NOT_EQUIVALENT = {
    "check_sample_weight_equivalence_on_dense_data": "rows are dealt into folds and batches, so "
    "a row twice is not a row of weight two"
}


@parametrize_with_checks(
    [
        TabularClassifier(**SMALL),
        TabularClassifier(**LEARNING | {"fast": True}),
        TabularRegressor(**LEARNING),
        TabularRegressor(**LEARNING | {"fast": True}),
    ],
    expected_failed_checks=lambda _: NOT_EQUIVALENT,
)
def test_scikit_learn_checks(estimator, check):
    if check.func.__name__ == "check_classifiers_multilabel_output_format_decision_function":
        assert not hasattr(estimator, "decision_function")  # scikit-learn would skip its check
    else:
        check(estimator)


def bits(seed, columns=slice(None)):
    """Predictions of both models; their bits, as text."""
    X, y = table(150)
    settings = SMALL | {"n_members": 3, "random_state": seed, "hidden_layer_sizes": (40, 40)}
    classifier = TabularClassifier(**settings).fit(X.iloc[:, columns], y)
    regressor = TabularRegressor(**settings).fit(X.iloc[:, columns], y + X["size"].fillna(0))
    said = (classifier.predict_proba(X), classifier.oof_decision_, regressor.predict(X))
    return [array.tobytes().hex() for array in said]


def test_same_bits_for_any_number_of_threads(monkeypatch):
    here = bits(0)
    for threads in ["1", "2", "3"]:
        monkeypatch.setenv("MULTILAYER_NUM_THREADS", threads)
        assert bits(0) == here


def test_seeds():
    assert bits(1) == bits(1)
    assert not set(bits(0)) & set(bits(1))


def test_order_of_columns_at_prediction():
    X, y = table()
    model = TabularClassifier(**SMALL).fit(X, y)
    shuffled = X[X.columns[::-1]].assign(more=1)
    np.testing.assert_array_equal(model.predict_proba(shuffled), model.predict_proba(X))


@pytest.fixture(scope="module")
def cancer():
    X, y = load_breast_cancer(return_X_y=True)
    model = TabularClassifier(n_members=4, max_iter=8, random_state=0)
    return model.fit(X[::2], y[::2]), X, y


def test_good_at_classes(cancer):
    model, X, y = cancer
    assert model.score(X[1::2], y[1::2]) > 0.94
    assert model.validation_score_ > 0.94
    assert log_loss(y[1::2], model.predict_proba(X[1::2])) < 0.2


def test_calibration(cancer):
    model, X, y = cancer
    raw = clone(model).set_params(calibrate=False).fit(X[::2], y[::2])
    assert raw.temperature_ == 1 != model.temperature_
    assert log_loss(y[::2], model.oof_decision_) < log_loss(y[::2], raw.oof_decision_)


def test_good_at_numbers():
    X, y = load_diabetes(return_X_y=True)
    models = [
        TabularRegressor(n_members=4, max_iter=20, random_state=seed).fit(X[::2], y[::2])
        for seed in range(3)
    ]
    assert np.mean([model.score(X[1::2], y[1::2]) for model in models]) > 0.37
    assert np.mean([model.validation_score_ for model in models]) > 0.35


def test_own_validation_set():
    X, y = table()
    other, truth = table(seed=1)
    model = TabularClassifier(**SMALL).fit(X, y, X_val=other, y_val=truth)
    said = model.oof_decision_
    assert said.shape == (120, 2)
    assert np.isfinite(said).all(axis=1).tolist() == [False] * 60 + [True] * 60
    assert model.validation_score_ == np.mean(said[60:].argmax(axis=1) == truth)


def test_validation_score_is_that_of_new_rows():
    """Where there is nothing to learn, the choice of the best epoch must not look like it."""
    rng = np.random.RandomState(0)
    X, y = rng.normal(size=(400, 2)), rng.randint(0, 2, 400)
    model = TabularClassifier(**LEARNING | {"n_members": 8}).fit(X, y)
    wrong = [
        network.forward(data.X[rows]).argmax(axis=1) != data.Y[rows]
        for data, members in [model._trained_on]
        for network, rows in [(member.network, member.fold.validation) for member in members]
    ]
    # It looks like more than chance, three standard deviations of which are 0.075.
    assert np.concatenate(wrong).mean() < 0.46
    assert abs(model.validation_score_ - 0.5) < 0.075


def test_own_validation_set_beyond_the_training_range():
    X = np.linspace(0, 1, 60)[:, None]
    model = TabularRegressor(**SMALL).fit(X, X[:, 0], X_val=X[:9], y_val=np.full(9, 50.0))
    assert (model.residuals_ > 48.9).all()


def test_class_weight():
    X = np.zeros((90, 1))
    X[0] = 1
    y = np.repeat([0, 1], [60, 30])
    settings = LEARNING | {"calibrate": False, "label_smoothing": 0.0, "batch_size": 90}
    plain = TabularClassifier(**settings).fit(X, y)
    assert plain.predict([[0.0]]) == 0
    heavy = TabularClassifier(**settings, class_weight={0: 1, 1: 10}).fit(X, y)
    assert heavy.predict([[0.0]]) == 1
    balanced = TabularClassifier(**settings, class_weight="balanced").fit(X, y)
    by_hand = TabularClassifier(**settings, class_weight={0: 0.5, 1: 1}).fit(X, y)
    np.testing.assert_allclose(balanced.predict_proba(X), by_hand.predict_proba(X), atol=1e-5)
    weighted = TabularClassifier(**settings).fit(X, y, sample_weight=np.where(y, 1, 0.5))
    np.testing.assert_allclose(weighted.predict_proba(X), by_hand.predict_proba(X), atol=1e-5)


@pytest.mark.parametrize("scoring", [None, "neg_log_loss", "r2"])
def test_rows_without_weight_do_not_matter(scoring):
    X, y = make_friedman1(80, random_state=0)
    weight = np.ones(80)
    weight[::4] = 0
    wild = y + np.where(weight, 0, 1e6)
    if scoring == "neg_log_loss":
        model = TabularClassifier(**SMALL | {"fast": True}, scoring=scoring)
        y, wild = (y > 14).astype(int), np.where(weight, y > 14, y <= 14).astype(int)
    else:
        model = TabularRegressor(**SMALL, scoring=scoring)
    # The same rows in the same folds: a target without weight is not what they are dealt by.
    given = {"X_val": X, "y_val": y}
    one, other = (clone(model).fit(X, t, weight, **given) for t in (y, wild))
    np.testing.assert_array_equal(one.predict(X), other.predict(X))
    assert one.validation_curves_ == other.validation_curves_


@pytest.mark.parametrize("model", MODELS)
def test_folds_without_weight(model):
    X, y = table()
    weight = np.zeros(60)
    weight[[3, 4, 5]] = 1
    fitted = model(**SMALL | {"fast": True}).fit(X, y, sample_weight=weight)
    assert np.isfinite(fitted.predict(X)).all()


def negative_distance(estimator, X, y, sample_weight=None):
    return -np.abs(estimator.predict(X) - y).mean()


@pytest.mark.parametrize(
    ("model", "scoring", "sign"),
    [
        (TabularClassifier, "roc_auc", -1),
        (TabularClassifier, "neg_log_loss", 1),
        (TabularClassifier, negative_distance, 1),
        (TabularRegressor, "r2", -1),
        (TabularRegressor, "neg_mean_absolute_error", 1),
        (TabularRegressor, negative_distance, 1),
    ],
)
def test_scoring(model, scoring, sign):
    X, y = table()
    fitted = model(**SMALL, scoring=scoring).fit(X, y)
    for curve, best in zip(fitted.validation_curves_, fitted.best_iterations_, strict=True):
        assert len(curve) == 6
        assert np.isfinite(curve[best - 1])
        assert sign * min(curve) > 0


@pytest.mark.parametrize(
    "copy", [lambda m: pickle.loads(pickle.dumps(m)), clone], ids=["pickle", "clone"]
)
@pytest.mark.parametrize("model", MODELS)
def test_copies(model, copy):
    X, y = table()
    fitted = model(**SMALL).fit(X, y)
    copied = copy(fitted)
    if not hasattr(copied, "members_"):
        copied.fit(X, y)
    np.testing.assert_array_equal(copied.predict(X), fitted.predict(X))


def test_cloudpickle():
    X, y = table()
    fitted = TabularClassifier(**SMALL).fit(X, y)
    copied = cloudpickle.loads(cloudpickle.dumps(fitted))
    np.testing.assert_array_equal(copied.predict_proba(X), fitted.predict_proba(X))


def test_searches():
    X, y = table()
    model = TabularClassifier(**SMALL)
    alone = cross_val_score(model, X, y, cv=2)
    np.testing.assert_array_equal(cross_val_score(model, X, y, cv=2, n_jobs=2), alone)
    search = GridSearchCV(model, {"n_members": [1, 2]}, cv=2).fit(X, y)
    assert search.best_params_["n_members"] in (1, 2)
    assert len(search.best_estimator_.members_) == search.best_params_["n_members"]


@pytest.mark.parametrize("kind", [pd.DataFrame, pl.from_pandas], ids=["pandas", "polars"])
def test_summary(kind):
    X, y = table()
    said = {line["column"]: line for line in TabularClassifier(**SMALL).fit(kind(X), y).summary()}
    assert list(said) == list(X.columns)
    assert {name: line["kind"] for name, line in said.items()} == {
        "size": "number",
        "town": "category",
        "code": "category",
        "new": "boolean",
        "day": "date",
        "same": "left out",
    }
    assert "gaps" in said["size"]["treatment"]
    assert said["town"]["treatment"] == "one-hot: Bern, Oslo, Rome"
    assert said["code"]["treatment"] == "embedded: 12 categories"
    assert said["new"]["treatment"] == "−1 for False, +1 for True"
    assert "median 20" in said["day"]["treatment"]
    assert said["day"]["treatment"].endswith(" days")
    assert said["same"]["treatment"] == "constant"
