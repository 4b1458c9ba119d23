"""Targets of every kind: classes that are the same, numbers, gaps, and the task they say."""

from decimal import Decimal

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from tabular_cases import SMALL

from multilayer import MLPClassifier, MLPRegressor, TabularClassifier, TabularRegressor
from multilayer.tables.labels import as_classes, plain_target
from multilayer.tables.target import detect_task, explain_task, read_column

X = np.random.RandomState(0).normal(size=(40, 2))
Y = (X[:, 0] > 0).astype(int)
TEXTS = [str(v) for v in Y]
LABELS = {
    "int": Y,
    "float": Y.astype(float),
    "bool": Y.astype(bool),
    "texts": np.array(TEXTS),
    "texts of floats": [f"{v}.0" for v in Y],
    "texts of booleans": [str(bool(v)) for v in Y],
    "objects": Y.astype(object),
    "decimals": [Decimal(int(v)) for v in Y],
    "Int64": pd.Series(Y, dtype="Int64"),
    "boolean": pd.Series(Y.astype(bool), dtype="boolean"),
    "string": pd.Series(TEXTS, dtype="string"),
    "category": pd.Series(Y).astype("category"),
    "polars": pl.Series(Y),
    "Categorical": pl.Series(TEXTS, dtype=pl.Categorical),
    "polars Decimal": pl.Series(Y).cast(pl.Decimal(10, 2)),
    "pyarrow": pa.chunked_array([pa.array(TEXTS)]),
    "Arrow decimal": pd.Series(
        [Decimal(int(v)) for v in Y], dtype=pd.ArrowDtype(pa.decimal128(5, 1))
    ),
}


def plain_classifier():
    return MLPClassifier((), solver="lbfgs", random_state=0)


def tabular_classifier():
    return TabularClassifier(**SMALL | {"n_members": 1})


@pytest.mark.parametrize("make", [plain_classifier, tabular_classifier])
@pytest.mark.parametrize("at_fit", LABELS)
def test_the_same_classes_in_fit_and_score(make, at_fit):
    model = make().fit(X, LABELS[at_fit])
    scores = {kind: model.score(X, y) for kind, y in LABELS.items()}
    assert set(scores.values()) == {(model.predict(X) == model.classes_[Y]).mean()}, scores


def test_classes_keep_their_kind():
    kinds = {"Int64": "i", "boolean": "b", "string": "O", "polars": "i", "decimals": "i"}
    for name, kind in kinds.items():
        assert plain_classifier().fit(X, LABELS[name]).classes_.dtype.kind == kind, name
        assert tabular_classifier().fit(X, LABELS[name]).classes_.dtype.kind == kind, name


def test_the_same_classes_in_rows_to_validate_on():
    fitted = tabular_classifier().fit(X, Y, X_val=X, y_val=Y)
    for y in LABELS.values():
        other = tabular_classifier().fit(X, Y, X_val=X, y_val=y)
        np.testing.assert_array_equal(other.predict_proba(X), fitted.predict_proba(X))
    model = MLPClassifier((), max_iter=2, warm_start=True)
    model.partial_fit(X, Y, classes=[0, 1]).partial_fit(X, TEXTS)


def test_labels_that_are_no_class():
    model = plain_classifier().fit(X, TEXTS)
    assert model.score(X, ["2"] * 40) == model.score(X, [2] * 40) == 0
    np.testing.assert_array_equal(as_classes(["x", "1"], np.array([0, 1])), ["x", "1"])
    np.testing.assert_array_equal(as_classes([1, 7], np.array(["1.0", "2"])), ["1.0", "7"])
    with pytest.raises(ValueError, match="`y` has classes not in"):
        model.set_params(solver="adam").partial_fit(X, [7] * 40)


GAPS = {
    "float": np.r_[np.nan, Y[1:]],
    "float series": pd.Series(np.r_[np.nan, Y[1:]]),
    "Int64": pd.Series([None, *Y[1:]], dtype="Int64"),
    "boolean": pd.Series([None, *Y[1:].astype(bool)], dtype="boolean"),
    "string": pd.Series([None, *TEXTS[1:]], dtype="string"),
    "category": pd.Series([None, *TEXTS[1:]]).astype("category"),
    "polars": pl.Series([None, *Y[1:].tolist()]),
    "polars texts": pl.Series([None, *TEXTS[1:]]),
    "texts with NaN": [np.nan, *TEXTS[1:]],
    "decimals": [Decimal("NaN"), *Y[1:].tolist()],
}


@pytest.mark.parametrize("gaps", GAPS)
@pytest.mark.parametrize("make", [plain_classifier, tabular_classifier, MLPRegressor])
def test_gaps_are_refused_with_the_first_of_them(make, gaps):
    with pytest.raises(ValueError, match=r"Input y contains NaN.* 1 of 40 .* first at index 0"):
        make().fit(X, GAPS[gaps])


NUMBERS = {
    "float": X[:, 0],
    "objects": X[:, 0].astype(object),
    "decimals": [Decimal(str(v)) for v in X[:, 0]],
    "Float64": pd.Series(X[:, 0], dtype="Float64"),
    "polars": pl.Series(X[:, 0]),
    "polars Decimal": pl.Series([Decimal(f"{v:.12f}") for v in X[:, 0]]),
}


@pytest.mark.parametrize("make", [MLPRegressor, TabularRegressor])
@pytest.mark.parametrize("at_fit", NUMBERS)
def test_numbers_of_every_kind(make, at_fit):
    settings = {"solver": "lbfgs"} if make is MLPRegressor else SMALL | {"n_members": 1}
    fitted = make(**settings | {"random_state": 0}).fit(X, NUMBERS[at_fit])
    scores = [fitted.score(X, y) for y in NUMBERS.values()]
    np.testing.assert_allclose(scores, scores[0], atol=1e-6)
    assert detect_task(read_column(NUMBERS[at_fit])) == "regression"


def test_several_columns():
    table = pd.DataFrame({"a": pd.array(Y, dtype="Int64"), "b": [Decimal("1.5")] * 40})
    model = MLPRegressor(hidden_layer_sizes=(), solver="lbfgs", random_state=0).fit(X, table)
    assert model.predict(X).shape == (40, 2)
    assert model.score(X, table) == model.score(X, table.astype(float))
    with pytest.raises(ValueError, match="1 of 40 are missing, the first at index 3"):
        model.fit(X, table.assign(b=[*[Decimal(1)] * 3, None, *[Decimal(1)] * 36]))


@pytest.mark.parametrize(
    ("y", "dtype"),
    [
        ([Decimal("1"), Decimal("2")], np.int64),
        ([Decimal("1.0"), Decimal("2")], np.float64),
        (np.array([True, np.bool_(False)], object), bool),
        (np.array([1, 2.5], object), np.float64),
        (np.array([1, True], object), np.int64),
        (np.array([2**70, 1], object), np.float64),
    ],
)
def test_plain(y, dtype):
    assert plain_target(y).dtype == dtype


@pytest.mark.parametrize("y", [None, 3, [], [[1], [2, 3]], np.array("a", object), Y, TEXTS])
def test_what_is_plain_stays(y):
    found = plain_target(y)
    assert found is y or list(found) == list(y)


@pytest.mark.parametrize(
    ("y", "task", "reason"),
    [
        (Y, "classification", "2 distinct whole numbers, 20 rows each on average"),
        (Y.astype(float), "classification", "2 distinct whole numbers, 20 rows each on average"),
        (np.array(NUMBERS["decimals"]), "regression", "40 distinct numbers, not all whole"),
        (np.arange(40), "regression", "40 distinct whole numbers, more than 20"),
        (np.arange(12) % 8, "regression", "8 distinct whole numbers, 1.5 rows each on average"),
        (np.array(TEXTS), "classification", "2 distinct texts"),
        (np.array(TEXTS, object), "classification", "2 distinct texts"),
        (Y.astype(bool), "classification", "2 distinct booleans"),
        (Y, "regression", "2 distinct whole numbers, but the task was given"),
        (np.ones(1), "regression", "1 distinct whole number, but the task was given"),
    ],
)
def test_why_a_task(y, task, reason):
    assert explain_task(y, task) == reason
    if "given" not in reason:
        assert detect_task(y) == task
