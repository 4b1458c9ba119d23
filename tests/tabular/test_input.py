"""Tabular estimators: unusual input works, wrong input raises, nothing fitted is lost."""

import time

import numpy as np
import pandas as pd
import polars as pl
import pytest
from scipy.sparse import csr_array
from sklearn.exceptions import NotFittedError

from multilayer import TabularClassifier, TabularRegressor

SMALL = {"n_members": 2, "hidden_layer_sizes": 8, "max_iter": 3, "random_state": 0}
MODELS = [TabularClassifier, TabularRegressor]
X = pd.DataFrame({"a": np.arange(40.0), "b": ["u", "v"] * 20, "c": np.arange(40) % 3 == 0})
Y = np.arange(40) % 2


@pytest.fixture(scope="module", params=MODELS)
def fitted(request):
    return request.param(**SMALL).fit(X, Y)


@pytest.mark.parametrize(
    ("table", "error", "message"),
    [
        (X[["a", "b"]], ValueError, "X lacks 'c'"),
        (X.assign(a="x"), ValueError, "column 'a' must hold numbers, as in fit, but holds 'x'"),
        (X.assign(a=-np.inf), ValueError, "column 'a' must hold finite numbers .* holds -inf"),
        (pd.concat([X, X[["a"]]], axis=1), ValueError, "unique column names, got: - 'a' 2 times"),
        (np.zeros(3), ValueError, "Expected 2D array, got 1D"),
        (X[:0], ValueError, r"Found 0 sample\(s\)"),
        (csr_array(np.eye(3)), TypeError, "Sparse data was passed"),
    ],
    ids=["lacking", "text", "infinite", "twice", "1-D", "empty", "sparse"],
)
def test_wrong_table_at_prediction(fitted, table, error, message):
    with pytest.raises(error, match=message):
        fitted.predict(table)


@pytest.mark.parametrize(
    "table",
    [X.assign(z=1), X[["c", "b", "a"]], X.assign(a=X["a"].astype(int)), pl.from_pandas(X)],
    ids=["more", "order", "integers", "polars"],
)
def test_same_rows_in_another_form(fitted, table):
    np.testing.assert_array_equal(fitted.predict(table), fitted.predict(X))


@pytest.mark.parametrize(
    ("table", "error", "message"),
    [
        (X.assign(a=np.inf), ValueError, "column 'a' must hold finite numbers"),
        (pd.DataFrame({"g": [np.nan] * 40}), ValueError, r"a column that varies.*'g' \(all gaps\)"),
        (pd.DataFrame({"g": [1] * 40}), ValueError, r"a column that varies.*'g' \(constant\)"),
        (pd.concat([X, X[["a"]]], axis=1), ValueError, "unique column names, got: - 'a' 2 times"),
        (csr_array(np.eye(40)), TypeError, "Sparse data was passed"),
        (X[:39], ValueError, "X has 39 rows, but y has 40"),
    ],
    ids=["infinite", "gaps", "constant", "twice", "sparse", "short"],
)
@pytest.mark.parametrize("model", MODELS)
def test_wrong_table_at_fit(model, table, error, message):
    with pytest.raises(error, match=message):
        model(**SMALL).fit(table, Y)


@pytest.mark.parametrize(
    ("column", "treatment"),
    [
        (np.nan, "all gaps"),
        ([f"n{k}" for k in range(40)], "embedded: 40 categories"),
        ([1, "a"] * 20, "−1 for 1, +1 for a"),
        ([[1]] * 40, "holds lists"),
    ],
    ids=["gaps", "distinct", "mixed", "lists"],
)
def test_odd_columns(column, treatment):
    table = X.assign(g=column)
    model = TabularClassifier(**SMALL).fit(table, Y)
    assert model.summary()[-1]["treatment"] == treatment
    assert model.predict(table).shape == (40,)


TEXTS = ["a", "b"] * 19 + ["a"]


@pytest.mark.parametrize(
    "y",
    [
        np.r_[Y[1:], np.nan],
        [*Y[1:], None],
        pd.Series([*Y[1:], pd.NA], dtype="Int64"),
        pl.Series([*Y[1:].tolist(), None]),
        [*TEXTS, None],
        [*TEXTS, np.nan],
        pd.Series([*TEXTS, None], dtype="string"),
        pd.Series(pd.Categorical([*TEXTS, None])),
        pl.Series([*TEXTS, None]),
    ],
    ids=["NaN", "None", "Int64", "polars", "texts", "texts-NaN", "string", "category", "Utf8"],
)
@pytest.mark.parametrize("model", MODELS)
def test_gaps_in_the_target(model, y):
    message = "must be without gaps, but 1 of 40 are missing, the first at index 39"
    with pytest.raises(ValueError, match=f"Input y contains NaN: y {message}"):
        model(**SMALL).fit(X, y)
    with pytest.raises(ValueError, match=f"Input y_val contains NaN: y_val {message}"):
        model(**SMALL).fit(X, Y, X_val=X, y_val=y)


@pytest.mark.parametrize(
    ("model", "y", "message"),
    [
        (TabularClassifier, Y * 0, "at least two classes, but has one class"),
        (TabularClassifier, Y + 0.5, "Unknown label type: continuous"),
        (TabularClassifier, np.array([1, "a"] * 20, object), "Unknown label type"),
        (TabularRegressor, ["a"] * 40, "y must be numbers, but its dtype is <U1"),
        (TabularRegressor, np.array([1, "a"] * 20, object), "y must be numbers"),
        (TabularRegressor, Y * 1e300, r"y must be within ±1e\+150, but holds 1e\+300"),
        (TabularRegressor, np.where(Y, np.inf, 0), r"y must be finite, but y\[1\] is inf"),
        (TabularRegressor, np.ones((40, 1, 1)), "a column for each target, but has the shape"),
        (TabularRegressor, None, "y should be a 1d array"),
    ],
    ids=["one", "continuous", "mixed", "texts", "objects", "huge", "infinite", "3-D", "None"],
)
def test_wrong_target(model, y, message):
    with pytest.raises(ValueError, match=message):
        model(**SMALL).fit(X, y)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"X_val": X}, "X_val and y_val go together"),
        ({"X_val": X, "y_val": Y[1:]}, "X_val has 40 rows, but y_val has 39"),
        ({"X_val": X[["a"]], "y_val": Y}, "X lacks 'b', 'c'"),
        ({"sample_weight": -np.ones(40)}, "Negative values in data passed to `sample_weight`"),
        ({"sample_weight": np.zeros(40)}, "at least one non-zero"),
        ({"sample_weight": np.ones(3)}, r"sample_weight.shape == \(3,\), expected \(40,\)"),
        ({"sample_weight": np.full(40, np.nan)}, "sample_weight contains NaN"),
    ],
    ids=lambda value: "-".join(value) if isinstance(value, dict) else value[:25],
)
@pytest.mark.parametrize("model", MODELS)
def test_a_failed_fit_loses_nothing(model, given, message):
    estimator = model(**SMALL).fit(X, Y)
    before, kept = estimator.predict(X), dict(vars(estimator))
    with pytest.raises(ValueError, match=message):
        estimator.fit(X.rename(columns={"a": "z"}) if "X_val" not in given else X, 1 - Y, **given)
    assert vars(estimator) == kept
    np.testing.assert_array_equal(estimator.predict(X), before)


def test_new_classes_in_the_validation_set():
    with pytest.raises(ValueError, match="y_val must hold classes that y has, but holds 2"):
        TabularClassifier(**SMALL).fit(X, Y, X_val=X, y_val=Y + 1)


@pytest.mark.parametrize("scale", [1e-300, 1e300])
def test_scale_of_weights_does_not_matter(scale):
    plain = TabularClassifier(**SMALL).fit(X, Y, np.ones(40))
    scaled = TabularClassifier(**SMALL).fit(X, Y, np.full(40, scale))
    np.testing.assert_allclose(scaled.predict_proba(X), plain.predict_proba(X), rtol=1e-5)


@pytest.mark.parametrize(
    ("weight", "message"),
    [
        ({0: -1, 1: 1}, "class_weight must be finite and at least 0, but is -1"),
        ({0: np.inf, 1: 1}, "class_weight must be finite"),
        ({0: 0, 1: 0}, "some row a weight above 0"),
        ({5: 1}, "not in class_weight"),
        ("x", "The 'class_weight' parameter"),
    ],
    ids=str,
)
def test_wrong_class_weight(weight, message):
    with pytest.raises(ValueError, match=message):
        TabularClassifier(**SMALL, class_weight=weight).fit(X, Y)


def test_balanced_class_without_weight():
    model = TabularClassifier(**SMALL, class_weight="balanced").fit(X, Y, sample_weight=Y)
    assert np.isfinite(model.predict_proba(X)).all()


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("n_members", 0),
        ("hidden_layer_sizes", (0,)),
        ("activation", "x"),
        ("learning_rate_init", 0),
        ("batch_size", 0),
        ("max_iter", 0),
        ("dropout", 1.0),
        ("alpha", -1),
        ("validation_fraction", 1.0),
        ("n_iter_no_change", 0),
        ("scoring", "x"),
        ("time_limit", 0),
        ("random_state", "x"),
        ("verbose", "x"),
    ],
)
def test_parameters_out_of_range(name, value):
    for model in MODELS:
        with pytest.raises(ValueError, match=name):
            model(**SMALL | {name: value}).fit(X, Y)


@pytest.mark.parametrize("coverage", [0, 1, -0.1, np.nan, "a", None])
def test_wrong_coverage(coverage):
    model = TabularRegressor(**SMALL).fit(X, Y)
    with pytest.raises(ValueError, match=f"coverage must be between 0 and 1.*{coverage}"):
        model.predict_interval(X, coverage=coverage)
    with pytest.raises(ValueError, match=r"quantiles must be between 0 and 1.*1\.5"):
        model.predict(X, quantiles=[0.5, 1.5])


def test_intervals_without_rows_for_them():
    model = TabularRegressor(**SMALL | {"fast": True}, validation_fraction=0.0).fit(X, Y)
    assert model.predict(X).shape == (40,)
    with pytest.raises(ValueError, match=r"rows that were left out .*validation_fraction is 0\.0"):
        model.predict_interval(X)


@pytest.mark.parametrize("method", ["predict", "gradient_importances"])
def test_before_fit(method):
    for model in MODELS:
        with pytest.raises(NotFittedError):
            getattr(model(), method)(X)
        with pytest.raises(NotFittedError):
            model().summary()


@pytest.mark.parametrize("rows", [2, 3, 10])
@pytest.mark.parametrize("fast", [False, True])
def test_few_rows(rows, fast):
    for members in (2, "auto"):
        settings = SMALL | {"n_members": members, "fast": fast}
        classifier = TabularClassifier(**settings).fit(X[:rows], Y[:rows])
        np.testing.assert_allclose(classifier.predict_proba(X).sum(axis=1), 1, rtol=1e-5)
        regressor = TabularRegressor(**settings).fit(X[:rows], Y[:rows])
        assert np.isfinite(regressor.predict(X)).all()


@pytest.mark.parametrize("fast", [False, True])
def test_rare_classes(fast):
    model = TabularClassifier(**SMALL, fast=fast).fit(X, np.r_[7, Y[1:]])
    assert model.classes_.tolist() == [0, 1, 7]
    with pytest.warns(UserWarning, match="number of unique classes is greater than 50%"):
        model.fit(X, np.arange(40))
    assert model.predict_proba(X).shape == (40, 40)


def test_many_columns_and_many_classes(rng):
    began = time.perf_counter()
    wide = rng.normal(size=(20, 10_000))
    TabularRegressor(**SMALL | {"max_iter": 1}).fit(wide, wide[:, 0]).predict(wide)
    many = rng.normal(size=(3000, 4))
    model = TabularClassifier(**SMALL | {"max_iter": 1}).fit(many, np.arange(3000) % 1000)
    assert model.predict_proba(many[:2]).shape == (2, 1000)
    assert time.perf_counter() - began < 20


def test_scores_that_are_none():
    def undefined(estimator, X, y):
        return np.nan

    model = TabularClassifier(**SMALL, scoring=undefined).fit(X, Y)
    assert model.best_iterations_ == [3, 3]
