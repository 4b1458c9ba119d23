"""TableEncoder, against scikit-learn's transformers: kinds of frames, gaps, unusual input."""

import datetime as dt
import decimal
import pickle

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from model_file_cases import load_parts, saved_parts
from sklearn.compose import make_column_transformer
from sklearn.impute import SimpleImputer
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler
from sklearn.utils.estimator_checks import parametrize_with_checks

import multilayer
from multilayer import TableEncoder
from multilayer.tables.categories import Category
from multilayer.tables.numbers import Dropped

COLUMNS = {
    "whole": [1, None, 3, 4],
    "text": ["a", None, "b", "a"],
    "boolean": [True, None, False, True],
    "date": [dt.date(2020, 1, 1), None, dt.date(2021, 1, 1), dt.date(2022, 1, 1)],
    "moment": [dt.datetime(2020, 1, 1, 7), None, dt.datetime(2021, 1, 1), dt.datetime(2022, 1, 1)],
    "time": [dt.time(1), None, dt.time(2, 30), dt.time(3)],
    "duration": [dt.timedelta(1), None, dt.timedelta(2), dt.timedelta(hours=4)],
    "nothing": [None] * 4,
    "same": ["c"] * 4,
}
FRAMES = {
    "polars": pl.DataFrame(COLUMNS),
    "polars categorical": pl.DataFrame(COLUMNS).with_columns(pl.col("text").cast(pl.Categorical)),
    "polars enum": pl.DataFrame(COLUMNS).with_columns(pl.col("text").cast(pl.Enum(["b", "a"]))),
    "pandas": pd.DataFrame(COLUMNS),
    "pandas nullable": pd.DataFrame(COLUMNS).convert_dtypes(),
    "pandas objects": pd.DataFrame(COLUMNS, dtype=object),
    "pandas categorical": pd.DataFrame(COLUMNS).astype({"text": "category"}),
    "pyarrow": pl.DataFrame(COLUMNS).to_arrow(),
}


@parametrize_with_checks(
    [
        TableEncoder(),
        TableEncoder(max_categories=2, dtype="float64"),
        TableEncoder(scaling="robust", max_onehot=2),
    ]
)
def test_scikit_learn_contract(estimator, check):
    check(estimator)


@pytest.mark.parametrize("fitted_on", FRAMES)
@pytest.mark.parametrize("given", FRAMES)
@pytest.mark.parametrize("parameters", [{}, {"scaling": "robust", "max_onehot": 2}], ids=str)
def test_every_kind_of_frame_gives_the_same(fitted_on, given, parameters):
    expected = TableEncoder(**parameters).fit_transform(FRAMES["polars"])
    encoded = TableEncoder(**parameters).fit(FRAMES[fitted_on]).transform(FRAMES[given])
    np.testing.assert_array_equal(encoded, expected)


def test_features_and_summary():
    encoder = TableEncoder().fit(FRAMES["polars"])
    numbers = ["whole", "boolean", "date", "moment", "time", "duration"]
    assert encoder.get_feature_names_out().tolist() == [
        *numbers,
        *(f"missingindicator_{name}" for name in numbers),
        *("text_a", "text_b", "text_nan"),
    ]
    assert encoder.dropped_ == {"nothing": "all gaps", "same": "constant"}
    summary = encoder.summary()
    assert [row["column"] for row in summary] == list(COLUMNS)
    assert [row["features"] for row in summary] == [2, 3, 2, 2, 2, 2, 2, 0, 0]
    assert summary[0]["treatment"].endswith("gaps to median 3, indicated")
    assert pl.DataFrame(summary).shape == (9, 4)


def test_agrees_with_scikit_learn():
    rng = np.random.default_rng(0)
    numbers = {f"n{j}": rng.normal(j, 10.0**j, 500) for j in range(4)}
    numbers["n1"][rng.random(500) < 0.2] = np.nan
    texts = {f"c{j}": rng.choice(["x", "y", "z"], 500).tolist() for j in range(2)}
    table = pd.DataFrame({**numbers, **texts})
    reference = make_column_transformer(
        (StandardScaler(), ["n0"]),
        (make_pipeline(SimpleImputer(strategy="median"), StandardScaler()), ["n1"]),
        (StandardScaler(), ["n2", "n3"]),
        (make_pipeline(SimpleImputer(add_indicator=True)), ["n1"]),
        (OneHotEncoder(sparse_output=False), ["c0", "c1"]),
    ).fit_transform(table)
    expected = np.delete(reference, 4, axis=1)  # the imputed column before its indicator
    encoded = TableEncoder(dtype="float64").fit_transform(table)
    np.testing.assert_allclose(encoded, expected, atol=1e-12)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_result_is_c_ordered_of_the_dtype_asked_for(dtype):
    encoded = TableEncoder(dtype=dtype).fit_transform(FRAMES["pandas"])
    assert encoded.dtype == dtype
    assert encoded.flags.c_contiguous


ELEMENTS = {
    np.float64: st.integers(-999, 999).map(lambda k: k / 8)
    | st.sampled_from([np.nan, 1e30, -1e30, 1e-300, 0.0]),
    np.float32: st.integers(-999, 999).map(lambda k: k / 8) | st.sampled_from([np.nan, 2.0**100]),
    np.int16: None,
    np.uint8: None,
    np.bool_: None,
}


@given(
    st.sampled_from(list(ELEMENTS)).flatmap(
        lambda dtype: hnp.arrays(
            dtype, st.tuples(st.integers(2, 12), st.integers(1, 5)), elements=ELEMENTS[dtype]
        )
    )
)
def test_numbers_are_standardised_whatever_they_are(values):
    given = values.astype(np.float64)
    present = ~np.isnan(given)
    informative = [
        j for j, column in enumerate(given.T) if present[:, j].any() and len(np.unique(column)) > 1
    ]
    if not informative:
        with pytest.raises(ValueError, match="a table needs a column that varies"):
            TableEncoder().fit(values)
        return
    encoder = TableEncoder(dtype="float64").fit(values)
    encoded = encoder.transform(values)
    assert np.isfinite(encoded).all()
    n = int(encoder.numbers_.varies.sum())
    assert encoder.numbers_.columns == tuple(informative)
    np.testing.assert_allclose(encoded[:, :n].mean(axis=0), 0, atol=1e-6)
    np.testing.assert_allclose(np.abs(encoded[:, :n]).max(axis=0) >= 0.5, True)
    expected = np.isnan(given[:, [j for j in informative if not present[:, j].all()]])
    np.testing.assert_array_equal(encoded[:, n:], expected)
    robust = TableEncoder(scaling="robust", dtype="float64").fit(values)
    bounded = robust.transform(values)
    k, n = robust.n_numbers_, int(robust.numbers_.varies.sum())
    assert np.abs(bounded[:, :k]).max(initial=0) <= 3
    gaps = np.isnan(given[:, robust.numbers_.columns])[:, robust.numbers_.varies]
    assert np.isin(np.round(bounded[:, k:n], 6), [-1, 1])[~gaps[:, k:]].all()
    assert not bounded[:, :n][gaps].any()


@pytest.mark.parametrize("scaling", ["standard", "robust"])
def test_the_smallest_numbers_stay_apart(scaling):
    table = np.array([[0, 0], [5e-324, 5e-324], [0, 1e-323]])
    encoded = TableEncoder(scaling=scaling).fit_transform(table)
    assert np.isfinite(encoded).all()
    assert (np.ptp(encoded, axis=0) > 0.9).all()


def test_gaps_and_categories_that_fit_never_met():
    encoder = TableEncoder().fit(pl.DataFrame({"age": [20.0, 30, 70], "town": ["A", "B", "A"]}))
    new = pl.DataFrame({"age": [None, 30.0], "town": ["Z", None]})
    mean, sd = 40.0, np.std([20, 30, 70])
    median = (30 - mean) / sd
    np.testing.assert_allclose(encoder.transform(new), [[median, 0, 0], [median, 0, 0]], rtol=1e-6)


def test_columns_go_by_name():
    table = pl.DataFrame({"a": [1, 2, 3], "b": ["x", "y", "x"], "same": [0, 0, 0]})
    encoder = TableEncoder().fit(table)
    reordered = table.select("b", pl.lit(7).alias("further"), "a")  # "same" is not needed
    np.testing.assert_array_equal(encoder.transform(reordered), encoder.transform(table))
    with pytest.raises(ValueError, match=r"X lacks 'a', .* it was not fitted on 'A'"):
        encoder.transform(table.rename({"a": "A"}))


def test_arrays_go_by_position():
    table = pd.DataFrame({"a": [1.0, 2, 3], "b": [0.0, 5, 6]})
    encoder = TableEncoder().fit(table)
    with pytest.warns(UserWarning, match="does not have valid feature names"):
        encoded = encoder.transform(table.to_numpy())
    np.testing.assert_array_equal(encoded, encoder.transform(table))
    nameless = TableEncoder().fit(pd.DataFrame([[1, "x"], [2, "y"]]))
    assert nameless.get_feature_names_out().tolist() == ["x0", "x1_x", "x1_y"]
    assert nameless.get_feature_names_out(["p", "q"]).tolist() == ["p", "q_x", "q_y"]
    with pytest.raises(ValueError, match="X has 3 features, but TableEncoder is expecting 2"):
        nameless.transform([[1, "x", 2]])


def test_lists_keep_numbers_among_texts():
    encoder = TableEncoder().fit([[1, "x"], [None, "y"], [decimal.Decimal("3.5"), "y"]])
    assert encoder.get_feature_names_out().tolist() == ["x0", "missingindicator_x0", "x1_x", "x1_y"]


@pytest.mark.parametrize("unit", ["D", "h", "s", "ms", "us", "ns"])
def test_moments_count_the_same_in_every_unit(unit):
    days = np.array([["2020-01-01"], ["2020-01-03"], ["NaT"]], dtype="datetime64[D]")
    encoder = TableEncoder(dtype="float64").fit(days)
    np.testing.assert_allclose(
        encoder.transform(days.astype(f"M8[{unit}]"))[:, 0],
        [-(1.5**0.5), 1.5**0.5, 0],
        atol=1e-6,
    )


def test_too_many_categories():
    often = [f"often{k}" for k in range(5) for _ in range(10)]
    rare = [f"rare{k}" for k in range(20)]
    encoder = TableEncoder(max_categories=6).fit(pl.DataFrame({"c": often + rare}))
    names = [*(f"c_often{k}" for k in range(5)), "c_infrequent"]
    assert encoder.get_feature_names_out().tolist() == names
    encoded = encoder.transform(pl.DataFrame({"c": ["often0", "rare0", "never met", None]}))
    np.testing.assert_array_equal(encoded[:, [0, 5]], [[1, 0], [0, 1], [0, 1], [0, 0]])
    assert "all others together" in encoder.summary()[0]["treatment"]


def test_identifiers_are_left_out():
    table = pl.DataFrame({"name": [f"person {k}" for k in range(100)], "age": range(100)})
    encoder = TableEncoder().fit(table)
    assert encoder.get_feature_names_out().tolist() == ["age"]
    assert encoder.dropped_ == {"name": "most texts occur once: 100 in 100 rows"}


@given(st.lists(st.none() | st.sampled_from("abcdefgh"), min_size=1), st.integers(2, 5))
def test_a_category_has_one_slot_at_most(texts, max_categories):
    column = Category.fit(0, texts, max_categories)
    if isinstance(column, Dropped):
        assert len(set(texts)) < 2 or len(set(texts)) > max_categories
        return
    assert len(column.levels) + column.infrequent <= max_categories
    codes = column.codes([*texts, "unseen"])
    assert codes.max() < column.n_features
    assert (codes[:-1] >= 0).all()
    assert codes[-1] == (column.n_features - 1 if column.infrequent else -1)
    coded = Category.fit(0, texts, max_categories, 0)
    out = np.zeros((len(texts) + 1, 1))
    coded.encode([*texts, "unseen"], out)
    if coded.form == "codes":
        np.testing.assert_array_equal(out[:, 0], codes + 1)
        assert out.max() < coded.n_codes == column.n_features + 1
    else:
        assert len(set(texts)) == 2
        np.testing.assert_array_equal(out[:, 0], [*(2 * codes[:-1] - 1), 0])


def test_constant_with_gaps_keeps_the_indicator():
    encoder = TableEncoder().fit(pl.DataFrame({"a": [5, None, 5]}))
    assert encoder.get_feature_names_out().tolist() == ["missingindicator_a"]
    np.testing.assert_array_equal(encoder.transform(pl.DataFrame({"a": [None, 7]})), [[1], [0]])


def test_feature_names_differ():
    table = pl.DataFrame({"a": ["nan", None, "b"], "a_nan": [1, 2, 3]})
    names = TableEncoder().fit(table).get_feature_names_out().tolist()
    assert names == ["a_nan", "a_b", "a_nan_2", "a_nan_3"]


@pytest.mark.parametrize(
    ("table", "error", "message"),
    [
        ({"a": [1.0, np.inf]}, ValueError, "column 'a' must hold finite .* but holds inf at .* 1"),
        ({"a": [1.0, -1e39]}, ValueError, "at most ±3.4e\\+38, but holds -1e\\+39"),
        ({"a": [[1], [2]]}, ValueError, "needs a column that varies.* 'a' \\(holds lists\\)"),
        ({"a": [{"b": 1}, None]}, ValueError, "'a' \\(holds structs\\)"),
        ({"a": [b"x", b"y"]}, ValueError, "'a' \\(holds bytes\\)"),
        ({"a": [1, 1], "b": [None, None]}, ValueError, "'a' \\(constant\\), 'b' \\(all gaps\\)"),
        ({"a": []}, ValueError, "0 sample"),
        ({}, ValueError, "0 "),
    ],
)
@pytest.mark.parametrize("frame", [pl.DataFrame, pd.DataFrame], ids=["polars", "pandas"])
def test_bad_tables(table, error, message, frame):
    with pytest.raises(error, match=message):
        TableEncoder().fit(frame(table))


def test_bad_containers():
    with pytest.raises(TypeError, match="collect"):
        TableEncoder().fit(pl.LazyFrame({"a": [1, 2]}))
    with pytest.raises(ValueError, match="2D"):
        TableEncoder().fit(pl.Series([1, 2]))
    twice = pd.DataFrame([[1, 2], [3, 4]], columns=["a", "a"])
    for table in (twice, twice[:1], pa.table([[1, 2], [3, 4]], names=["a", "a"])):
        with pytest.raises(ValueError, match=r"unique column names,.*'a'"):
            TableEncoder().fit(table)


def test_text_where_numbers_were():
    encoder = TableEncoder().fit(pl.DataFrame({"a": [1, 2, 3]}))
    np.testing.assert_allclose(encoder.transform(pl.DataFrame({"a": ["2", None]})), 0)
    with pytest.raises(ValueError, match=r"column 'a' must hold numbers, .* holds 'x'"):
        encoder.transform(pl.DataFrame({"a": ["2", "x"]}))


@pytest.mark.parametrize("way", ["file", "pickle"])
@pytest.mark.parametrize(
    "parameters", [{}, {"scaling": "robust", "max_onehot": 2}], ids=["default", "tabular"]
)
def test_saved_encoder_is_the_same(way, parameters, tmp_path):
    encoder = TableEncoder(max_categories=5, dtype="float64", **parameters).fit(FRAMES["pandas"])
    if way == "file":
        encoder.save(tmp_path / "encoder")
        again = multilayer.load(tmp_path / "encoder")
    else:
        again = pickle.loads(pickle.dumps(encoder))
    assert again.get_params() == encoder.get_params()
    assert again.summary() == encoder.summary()
    assert again.dropped_ == encoder.dropped_
    assert (again.n_numbers_, again.n_codes_) == (encoder.n_numbers_, encoder.n_codes_)
    for frame in FRAMES.values():
        np.testing.assert_array_equal(again.transform(frame), encoder.transform(frame))


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("n_features_in_", 3),
        ("feature_names_in_", ["a"]),
        ("numbers", [[0, 1], ["number", "what"]]),
        ("numbers", [[0], ["number"]]),
        ("categories", []),
        ("categories", [[2, ["x", "y", "z"], False, False, "binary"]]),
        ("categories", [[2, ["x", "y"], False, False, "what"]]),
        ("dropped", [[0, "constant"]]),
        ("params", {"max_categories": 0}),
    ],
)
def test_damaged_state_is_refused(key, value):
    table = pl.DataFrame({"a": [1, 2], "b": [3, 4], "c": ["x", "y"], "d": [0, 0]})
    state, arrays = saved_parts(TableEncoder().fit(table))
    assert load_parts("TableEncoder", state, arrays).n_features_in_ == 4
    with pytest.raises((ValueError, TypeError, KeyError)):
        load_parts("TableEncoder", {**state, key: value}, arrays)


@pytest.mark.parametrize("library", ["polars", "pandas"])
def test_set_output(library):
    encoder = TableEncoder().set_output(transform=library)
    encoded = encoder.fit_transform(FRAMES[library])
    assert list(encoded.columns) == encoder.get_feature_names_out().tolist()


@pytest.mark.parametrize("library", ["polars", "pandas"])
def test_pipeline_on_a_frame_with_texts_to_predict(library, tmp_path):
    rng = np.random.default_rng(0)
    x = rng.normal(size=200)
    table = {"x": x, "kind": rng.choice(["u", "v"], 200), "answer": np.where(x > 0, "yes", "no")}
    frame = pl.DataFrame(table) if library == "polars" else pd.DataFrame(table)
    X, y = frame[["x", "kind"]], frame["answer"]
    model = make_pipeline(
        TableEncoder(), multilayer.MLPClassifier((8,), solver="lbfgs", random_state=0)
    )
    assert model.fit(X, y).score(X, y) > 0.98
    multilayer.save(model, tmp_path / "model.mlp")
    again = multilayer.load(tmp_path / "model.mlp")
    assert set(again.predict(X)) == {"yes", "no"}
    np.testing.assert_array_equal(again.predict_proba(X), model.predict_proba(X))


@pytest.mark.parametrize(
    "parameters", [{}, {"scaling": "robust", "max_onehot": 2}], ids=["default", "tabular"]
)
@pytest.mark.parametrize("given", FRAMES)
def test_one_row_is_encoded_as_among_many(given, parameters):
    encoder = TableEncoder(**parameters).fit(FRAMES["polars"])
    frame = FRAMES[given]
    encoded = encoder.transform(frame)
    for k in range(len(encoded)):
        np.testing.assert_array_equal(encoder.transform(frame[k : k + 1]), encoded[k : k + 1])


def test_one_row_of_pandas_keeps_the_dtype_of_each_cell():
    encoder = TableEncoder().fit(pd.DataFrame({"a": ["1", "2"], "b": [0.5, 1]}))
    assert encoder.transform(pd.DataFrame({"a": [1], "b": [0.5]}))[0].tolist() == [-1, 1, 0]


def test_numbers_among_texts_are_categories():
    encoder = TableEncoder().fit(pd.DataFrame({"a": [1, "x", 2.5, None]}, dtype=object))
    assert encoder.get_feature_names_out().tolist() == ["a_1", "a_2.5", "a_x", "a_nan"]


def test_file_of_the_first_encoder():
    encoder = TableEncoder().fit(FRAMES["polars"])
    state, arrays = saved_parts(encoder)
    del state["params"]["scaling"], state["params"]["max_onehot"]
    state["numbers"] = state["numbers"][:2]
    state["categories"] = [category[:4] for category in state["categories"]]
    del arrays["continuous"], arrays["flat"]
    again = load_parts("TableEncoder", state, arrays)
    assert again.get_params() == encoder.get_params()
    assert again.summary() == encoder.summary()
    frame = FRAMES["pandas"]
    np.testing.assert_array_equal(again.transform(frame), encoder.transform(frame))
