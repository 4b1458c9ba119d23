"""Categories in an ONNX file: gaps, empty texts, and other ways to write the same value."""

from decimal import Decimal

import numpy as np
import onnxruntime
import pandas as pd
import polars as pl
import pytest
from sklearn.pipeline import make_pipeline
from tabular_cases import SMALL

from multilayer import MLPClassifier, TableEncoder, TabularClassifier
from multilayer.export import onnx_inputs, to_c, to_onnx, to_python
from multilayer.export.onnx_encoder import GAP

X = np.random.RandomState(0).normal(size=60)
TEXTS = {
    "gaps": ["a", "b", None],
    "empty": ["a", "b", ""],
    "gaps and empty": ["a", "", None],
    "empty only": ["", None],
    "neither": ["a", "b", "c"],
    "the sign for gaps": [GAP, None, ""],
}
NEW = ["a", "", None, "new", GAP, GAP * 2, "b", "c", "1"]


def fitted(kind, table, y):
    if kind == "tabular":
        return TabularClassifier(**SMALL | {"n_members": 1}).fit(table, y)
    options = {} if kind == "one-hot" else {"max_categories": 2}
    network = MLPClassifier((4,), solver="lbfgs", max_iter=20, random_state=0)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("multilayer.estimators.fitting.warn_of_ending", lambda *_: None)
        return make_pipeline(TableEncoder(**options), network).fit(table, y)


def probabilities(model, inputs):
    session = onnxruntime.InferenceSession(
        to_onnx(model).SerializeToString(), providers=["CPUExecutionProvider"]
    )
    return session.run(["probabilities"], inputs)[0]


@pytest.mark.parametrize("kind", ["tabular", "one-hot", "infrequent"])
@pytest.mark.parametrize("texts", TEXTS)
def test_gaps_and_empty_texts(kind, texts):
    levels = TEXTS[texts]
    table = pl.DataFrame({"t": (levels * 60)[:60], "x": X})
    y = np.array([text == levels[1] for text in table["t"]]).astype(int)
    y[::7] = 1 - y[::7]
    model = fitted(kind, table, y)
    later = pl.DataFrame({"t": NEW, "x": X[: len(NEW)]})
    for rows in (table, later, later.to_pandas()):
        there = probabilities(model, onnx_inputs(model, rows))
        np.testing.assert_allclose(there, model.predict_proba(rows), atol=1e-6)


def test_ranks():
    table = pl.DataFrame({"t": (["low", None, "medium", "high"] * 15), "x": X})
    model = fitted("tabular", table, np.arange(60) % 2)
    assert "t_rank" in model.encoder_.get_feature_names_out()
    later = pl.DataFrame({"t": ["high", "low", None, "new", "medium"], "x": X[:5]})
    there = probabilities(model, onnx_inputs(model, later))
    np.testing.assert_allclose(there, model.predict_proba(later), atol=1e-6)


def test_gaps_and_empty_texts_without_our_inputs():
    table = pd.DataFrame({"t": ["a", "", None] * 20, "x": X})
    model = fitted("one-hot", table, (table.t == "").astype(int))
    assert not np.allclose(*model.predict_proba(table[1:3].assign(x=0.0)), atol=0.1)
    given = {"t": np.array([[GAP], [""], ["a"]], object), "x": np.zeros((3, 1))}
    rows = pd.DataFrame({"t": [None, "", "a"], "x": 0.0})
    np.testing.assert_allclose(probabilities(model, given), model.predict_proba(rows), atol=1e-6)
    # Where fit had no empty text, it is a gap, too.
    model = fitted("one-hot", table.replace({"t": {"": "b"}}), (table.t == "").astype(int))
    np.testing.assert_allclose(
        probabilities(model, given)[[0, 0]], probabilities(model, given)[:2], atol=1e-12
    )


def test_the_same_value_in_another_form():
    table = pd.DataFrame({"t": pd.Categorical([1, 2, 3] * 20), "x": X})
    model = fitted("tabular", table, np.arange(60) % 3)
    expected = model.predict_proba(table)
    for column in (
        np.array([1.0, 2.0, 3.0] * 20),
        [Decimal("1.0"), Decimal(2), Decimal("3.00")] * 20,
        ["1.00", "2", "3.0"] * 20,
    ):
        inputs = onnx_inputs(model, table.assign(t=column))
        np.testing.assert_allclose(probabilities(model, inputs), expected, atol=1e-6)
    inputs["t"] = np.array([["1.0"], ["2.0"], ["3"]] * 20, object)  # as they come
    np.testing.assert_allclose(probabilities(model, inputs), expected, atol=1e-6)


def test_dates_as_texts():
    days = pd.Series(pd.date_range("2020-01-01", periods=60))
    table = pd.DataFrame({"d": days, "x": X})
    model = fitted("one-hot", table, (X > 0).astype(int))
    later = table.assign(d=days.astype(str))
    there = probabilities(model, onnx_inputs(model, later))
    np.testing.assert_allclose(there, model.predict_proba(table), atol=1e-6)


def test_arrays_with_a_column_that_is_left_out():
    rows = np.empty((60, 3), object)
    rows[:, 0], rows[:, 1], rows[:, 2] = X, [f"name {k}" for k in range(60)], [[1]] * 60
    for k in range(60):
        rows[k, 2] = [k]
    network = MLPClassifier((), solver="lbfgs", random_state=0)
    model = make_pipeline(TableEncoder(max_categories=8), network).fit(rows, (X > 0).astype(int))
    assert set(model[0].dropped_) == {"x1", "x2"}
    there = probabilities(model, onnx_inputs(model, rows))
    np.testing.assert_allclose(there, model.predict_proba(rows), atol=1e-6)


@pytest.mark.parametrize("to_source", [to_c, to_python])
def test_source_code_takes_no_raw_tables(to_source):
    table = pd.DataFrame({"t": ["a", "", None] * 20, "x": X})
    with pytest.raises(TypeError, match="raw tables cannot be exported as source code"):
        to_source(fitted("one-hot", table, (X > 0).astype(int)))
