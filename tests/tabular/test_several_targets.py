"""Several targets: each is predicted as by an estimator of that target alone, bit for bit."""

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
import scipy.sparse
from sklearn.metrics import accuracy_score, r2_score, roc_auc_score
from tabular_cases import SMALL
from target_cases import CLASSES, LABEL, MIXED, NEW, NUMBERS, X, gaps, same

from multilayer import TabularClassifier, TabularMultiOutput, TabularRegressor, load
from multilayer.tables import DataWarning

WITH_SPARE = SMALL | {"n_members": 3}

# Bit for bit


KINDS_OF_TABLE = {
    "pandas": lambda Y: Y,
    "polars": pl.from_pandas,
    "pyarrow": pa.Table.from_pandas,
    "array": lambda Y: Y.to_numpy(),
    "list": lambda Y: Y.to_numpy().tolist(),
}


@pytest.mark.parametrize("kind", KINDS_OF_TABLE)
def test_numbers_as_one_by_one(kind):
    Y = KINDS_OF_TABLE[kind](NUMBERS)
    model = TabularRegressor(**WITH_SPARE).fit(X, Y)
    names = ["y0", "y1"] if kind in ("array", "list") else ["price", "weight"]
    assert (model.target_names_, model.n_outputs_) == (names, 2)
    alone = [TabularRegressor(**WITH_SPARE).fit(X, NUMBERS[name]) for name in NUMBERS]
    for k, one in enumerate(alone):
        same(model.predict(NEW)[:, k], one.predict(NEW))
        same(model.predict(NEW, quantiles=[0.2, 0.5, 0.9])[:, k], one.predict(NEW, [0.2, 0.5, 0.9]))
        same(model.predict_interval(NEW, 0.8)[:, k], one.predict_interval(NEW, 0.8))
        same(model.predict_scale(NEW)[:, k], one.predict_scale(NEW))
        same(model.oof_prediction_[:, k], one.oof_prediction_)
        same(model.estimators_[k].residuals_, one.residuals_)
    columns = NUMBERS.to_numpy().T
    assert model.score(X, Y) == np.mean(
        [one.score(X, y) for one, y in zip(alone, columns, strict=True)]
    )
    assert model.score(X, Y) == pytest.approx(r2_score(NUMBERS, model.predict(X)))
    assert model.crps(X, Y) == np.mean(
        [one.crps(X, y) for one, y in zip(alone, columns, strict=True)]
    )
    assert model.validation_score_ == np.mean([one.validation_score_ for one in alone])
    assert model.n_features_in_ == 6
    same(model.feature_names_in_, X.columns)


@pytest.mark.parametrize("kind", KINDS_OF_TABLE)
def test_classes_as_one_by_one(kind):
    model = TabularClassifier(**SMALL).fit(X, KINDS_OF_TABLE[kind](CLASSES))
    alone = [TabularClassifier(**SMALL).fit(X, CLASSES[name]) for name in CLASSES]
    for k, one in enumerate(alone):
        same(model.classes_[k], one.classes_)
        same(model.predict(NEW)[:, k], one.predict(NEW))
        same(model.predict_proba(NEW)[k], one.predict_proba(NEW))
        same(model.predict_set(NEW, 0.7)[k], one.predict_set(NEW, 0.7))
        same(model.oof_decision_[k], one.oof_decision_)
    right = [one.predict(X) == CLASSES[name] for one, name in zip(alone, CLASSES, strict=True)]
    assert model.score(X, KINDS_OF_TABLE[kind](CLASSES)) == np.mean(right[0] & right[1])
    weights = np.arange(120.0)
    weighted = np.average(right[0] & right[1], weights=weights)
    assert model.score(X, CLASSES, weights) == pytest.approx(weighted)
    out_of_fold = [
        one.classes_[one.oof_decision_.argmax(axis=1)] == CLASSES[name]
        for one, name in zip(alone, CLASSES, strict=True)
    ]
    assert model.validation_score_ == np.mean(out_of_fold[0] & out_of_fold[1])


def test_mixtures_as_one_by_one():
    model = TabularMultiOutput(**SMALL).fit(X, MIXED)
    kinds = {"price": TabularRegressor, "colour": TabularClassifier, "grade": TabularClassifier}
    assert {name: type(one) for name, one in model.estimators_.items()} == kinds
    alone = {name: kind(**SMALL).fit(X, MIXED[name]) for name, kind in kinds.items()}
    predicted = model.predict(NEW)
    assert list(predicted) == ["price", "colour", "grade"]
    for name, one in alone.items():
        same(predicted[name], one.predict(NEW))
    assert list(model.predict_proba(NEW)) == list(model.predict_set(NEW)) == ["colour", "grade"]
    same(model.predict_proba(NEW)["grade"], alone["grade"].predict_proba(NEW))
    same(model.predict_set(NEW, 0.7)["grade"], alone["grade"].predict_set(NEW, 0.7))
    assert list(model.predict_interval(NEW, 0.8)) == ["price"]
    same(model.predict_interval(NEW, 0.8)["price"], alone["price"].predict_interval(NEW, 0.8))
    of_each = [one.score(X, MIXED[name]) for name, one in alone.items()]
    assert model.score(X, MIXED) == pytest.approx(np.mean(of_each))
    assert model.validation_score_ == np.mean([one.validation_score_ for one in alone.values()])


def test_all_that_goes_with_the_rows_follows_them():
    rng = np.random.RandomState(0)
    Y = gaps(NUMBERS, "weight", np.arange(0, 120, 5))
    known = np.arange(120) % 5 > 0
    given = {
        "sample_weight": rng.uniform(1, 2, 120),
        "groups": np.array([f"g{k % 17}" for k in range(120)]),
    }
    model = TabularRegressor(**SMALL).fit(X, Y, **given)
    weight = NUMBERS["weight"][known]
    own = {name: values[known] for name, values in given.items()}
    one = TabularRegressor(**SMALL).fit(X[known], weight, **own)
    same(model.predict(NEW)[:, 1], one.predict(NEW))
    same(model.oof_prediction_[known, 1], one.oof_prediction_)
    assert np.isnan(model.oof_prediction_[~known, 1]).all()

    model.fit(X, Y, time="day")
    one.fit(X[known], weight, time="day")
    same(model.predict(NEW)[:, 1], one.predict(NEW))

    X_val, Y_val = NEW, pd.DataFrame({"weight": np.arange(30.0), "price": np.arange(30.0)[::-1]})
    model.fit(X, Y, X_val=X_val, y_val=gaps(Y_val, "weight", [3, 4]))
    held = np.setdiff1d(np.arange(30), [3, 4])
    one.fit(X[known], weight, X_val=X_val.iloc[held], y_val=held.astype(float))
    same(model.predict(NEW)[:, 1], one.predict(NEW))
    assert model.oof_prediction_.shape == (150, 2)
    same(
        model.oof_prediction_[np.append(known, np.isin(np.arange(30), held)), 1],
        one.oof_prediction_,
    )


# Gaps


@pytest.mark.parametrize("kind", KINDS_OF_TABLE)
def test_rows_without_a_value_are_left_out_for_that_target_only(kind):
    rows = [3, 50, 51]
    Y = KINDS_OF_TABLE[kind](gaps(CLASSES, "colour", rows))
    message = f"left out of its training: 3 rows of '{'colour' if 'a' in kind else 'y0'}'$"
    if kind == "array":
        message = message.replace("colour", "y0")
    with pytest.warns(DataWarning) as caught:
        model = TabularClassifier(**SMALL).fit(X, Y)
    assert sum("left out of its training: 3 rows of '" in str(w.message) for w in caught) == 1
    one = TabularClassifier(**SMALL).fit(X.drop(index=rows), CLASSES["colour"].drop(index=rows))
    same(model.predict_proba(NEW)[0], one.predict_proba(NEW))
    other = TabularClassifier(**SMALL).fit(X, CLASSES["grade"])
    same(model.predict_proba(NEW)[1], other.predict_proba(NEW))
    known = np.setdiff1d(np.arange(120), rows)
    assert model.score(X, Y) == model.score(X.iloc[known], CLASSES.iloc[known])


def test_gaps_in_numbers_of_floats():
    Y = NUMBERS.to_numpy().copy()
    Y[[3, 50], 1] = np.nan
    with pytest.warns(DataWarning, match="2 rows of 'y1'"):
        model = TabularRegressor(**SMALL).fit(X, Y)
    r2 = [
        model.estimators_[k].score(X[~np.isnan(Y[:, k])], Y[~np.isnan(Y[:, k]), k]) for k in (0, 1)
    ]
    assert model.score(X, Y) == np.mean(r2)


@pytest.mark.parametrize("model", [TabularRegressor, TabularMultiOutput])
def test_a_target_without_any_value(model):
    Y = NUMBERS.assign(weight=np.nan)
    with pytest.raises(ValueError, match="target 'weight' must have values, but all 120 of y"):
        model(**SMALL).fit(X, Y)


def test_indices_of_folds_need_targets_without_gaps():
    halves = [(np.arange(60), np.arange(60, 120)), (np.arange(60, 120), np.arange(60))]
    model = TabularRegressor(**SMALL | {"cv": iter(halves)}).fit(X, NUMBERS)  # read once only
    one = TabularRegressor(**SMALL | {"cv": halves}).fit(X, NUMBERS["weight"])
    same(model.predict(NEW)[:, 1], one.predict(NEW))
    with pytest.raises(
        ValueError, match="cv must be a number or a splitter where targets have gaps"
    ):
        TabularRegressor(cv=halves, **SMALL).fit(X, gaps(NUMBERS, "weight", [1]))


# Labels


def test_multilabel():
    Y = np.c_[LABEL, 1 - LABEL, np.arange(120) % 2]
    model = TabularClassifier(**SMALL).fit(X, Y)
    P = model.predict_proba(X)
    assert P.shape == (120, 3)
    for k in range(3):
        one = TabularClassifier(**SMALL).fit(X, Y[:, k])
        same(P[:, k], one.predict_proba(X)[:, 1])
    assert model.predict(X).dtype.kind == "i"
    assert roc_auc_score(Y, P) > 0.5
    assert model.score(X, Y) == accuracy_score(Y, model.predict(X))
    sparse = TabularClassifier(**SMALL).fit(X, scipy.sparse.csr_array(Y))
    same(sparse.predict_proba(X), P)
    booleans = TabularClassifier(**SMALL).fit(X, Y.astype(bool))
    same(booleans.predict_proba(X), P)
    assert booleans.predict(X).dtype == bool
    both = pd.DataFrame({"a": LABEL == 1, "b": 1 - LABEL})
    assert TabularClassifier(**SMALL).fit(X, both).predict(X).dtype.kind == "i"
    # Of classes that are not 0 and 1, no one is "the" probability.
    assert isinstance(TabularClassifier(**SMALL).fit(X, Y[:, :2] + 1).predict_proba(X), list)


def test_a_label_that_is_the_same_in_all_rows(tmp_path):
    Y = pd.DataFrame({"a": LABEL, "never": 0, "always": 1})
    with pytest.warns(
        UserWarning,
        match=r"2 of 3 labels are the same in all rows, .*: 'never' \(0\), 'always' \(1\)",
    ):
        model = TabularClassifier(**SMALL).fit(X, Y)
    one = TabularClassifier(**SMALL).fit(X, LABEL)
    same(model.predict(NEW), np.c_[one.predict(NEW), np.zeros(30, int), np.ones(30, int)])
    P = model.predict_proba(NEW)
    same(P, np.c_[one.predict_proba(NEW)[:, 1], np.zeros(30), np.ones(30)])
    assert P.dtype == np.float32
    assert [s.shape for s in model.predict_set(NEW)] == [(30, 2), (30, 1), (30, 1)]
    assert model.score(X, Y) == one.score(X, LABEL)
    assert model.score(X, Y.assign(always=0)) == 0
    assert model.validation_score_ == one.validation_score_
    model.save(tmp_path / "m.mlp")
    same(load(tmp_path / "m.mlp").predict_proba(NEW), P)
    with pytest.raises(ValueError, match="a label that differs between rows"):
        TabularClassifier(**SMALL).fit(X, Y * 0)
