"""An encoder that learns from parts of a table learns what it would from all rows."""

import datetime as dt
import pickle
from itertools import pairwise

import numpy as np
import pandas as pd
import polars as pl
import pytest
from model_file_cases import saved_parts
from scipy.stats import norm

from multilayer import TableEncoder
from multilayer.tables import survey
from multilayer.tables.survey import TableSurvey, learn

OPTIONS = [
    {},
    {"max_categories": 3},
    {"scaling": "robust", "max_onehot": 4},
    {"scaling": "quantile"},
    {"scaling": "blend", "max_onehot": 0, "max_categories": 4},
]


def table(rng, rows=400):
    """Columns of every kind, with gaps; some carry no information."""
    town = rng.choice(["Bern", "Rome", "Oslo", "Lima", "Kyiv"], rows, p=[0.4, 0.3, 0.2, 0.05, 0.05])
    age = rng.uniform(1, 80, rows)
    return pl.DataFrame(
        {
            "age": np.where(age > 70, np.nan, age),
            "fare": rng.lognormal(3, 2, rows),
            "count": rng.randint(0, 4, rows),
            "two": rng.choice([3.5, 7.0], rows),
            "flag": rng.rand(rows) > 0.3,
            "town": town,
            "sex": rng.choice(["male", "female"], rows),
            "name": [f"person {i}" for i in range(rows)],
            "constant": np.full(rows, 5),
            "gaps": np.full(rows, np.nan),
            "born": [
                dt.date(1990, 1, 1) + dt.timedelta(days=int(d)) for d in rng.randint(0, 9999, rows)
            ],
            "again": rng.permutation(rows),
        }
    ).with_columns(
        pl.col("age").fill_nan(None),
        pl.when(pl.col("town") == "Lima").then(None).otherwise(pl.col("town")).alias("town"),
        pl.col("again").alias("copy"),
        pl.lit(None, pl.String).alias("nothing"),
        pl.col("sex").alias("gender"),
    )


def from_parts(encoder, frame, cuts):
    edges = [0, *cuts, len(frame)]
    parts = [frame[a:b] for a, b in pairwise(edges)]
    surveys = [pickle.loads(pickle.dumps(TableSurvey.of(part, encoder))) for part in parts]
    return learn(encoder, TableSurvey.of_parts(surveys))


def assert_same(one, other, tolerance=1e-9):
    (state, arrays), (its_state, its_arrays) = saved_parts(one), saved_parts(other)
    assert state == its_state
    for name, array in arrays.items():
        np.testing.assert_allclose(array, its_arrays[name], rtol=tolerance, atol=tolerance)


@pytest.mark.parametrize("options", OPTIONS, ids=str)
@pytest.mark.parametrize("cuts", [(), (100,), (1, 2, 399), (50, 150, 151, 300)], ids=str)
def test_parts_are_as_good_as_the_whole(rng, options, cuts):
    frame = table(rng)
    whole, parts = (
        TableEncoder(**options).fit(frame),
        from_parts(TableEncoder(**options), frame, cuts),
    )
    assert_same(parts, whole)
    assert parts.dropped_ == whole.dropped_
    np.testing.assert_allclose(parts.transform(frame), whole.transform(frame), atol=1e-6)


@pytest.mark.parametrize("library", ["pandas", "numpy"])
def test_any_table(rng, library):
    frame = table(rng).to_pandas() if library == "pandas" else rng.randn(400, 5)
    whole, parts = TableEncoder().fit(frame), from_parts(TableEncoder(), frame, (7, 250))
    assert_same(parts, whole)
    assert hasattr(parts, "feature_names_in_") == (library == "pandas")


@pytest.mark.parametrize("scaling", ["robust", "quantile"])
def test_many_numbers_are_about_right(rng, monkeypatch, scaling):
    monkeypatch.setattr(survey, "_FEW", 500)
    frame = pl.DataFrame({"a": rng.lognormal(size=60_000), "b": np.sort(rng.randn(60_000))})
    whole = TableEncoder(scaling=scaling).fit(frame)
    parts = from_parts(TableEncoder(scaling=scaling), frame, (100, 20_000, 40_000))
    found, true = parts.transform(frame), whole.transform(frame)
    if scaling == "quantile":
        assert np.abs(norm.cdf(found) - norm.cdf(true)).max() < 0.01  # as shares of the rows
        assert np.abs(found - true).max() < 0.6  # far out, where few rows are
    else:
        assert np.abs(found - true).max() < 0.05
    np.testing.assert_allclose(parts.numbers_.median, whole.numbers_.median, atol=0.03)


def test_means_are_exact_where_medians_are_not(rng, monkeypatch):
    monkeypatch.setattr(survey, "_FEW", 500)
    frame = pl.DataFrame({"a": 1e6 + rng.randn(30_000)})  # no gaps, so that nothing is imputed
    whole, parts = TableEncoder().fit(frame), from_parts(TableEncoder(), frame, (9, 20_000))
    np.testing.assert_allclose(parts.numbers_.mean, whole.numbers_.mean, rtol=1e-14)
    np.testing.assert_allclose(parts.numbers_.scale, whole.numbers_.scale, rtol=1e-9)


def test_very_many_texts_are_forgotten(monkeypatch):
    monkeypatch.setattr(survey, "_MOST_TEXTS", 50)
    names = [f"name {i}" for i in range(500)]
    frame = pl.DataFrame({"name": names, "town": ["Bern", "Rome"] * 250})
    parts = from_parts(TableEncoder(), frame, (100, 300))
    assert parts.dropped_ == {"name": "most texts occur once: 500 in 500 rows"}
    kept = TableSurvey.of(frame, parts).columns[0]
    assert len(kept.counts) == 0
    assert kept.forgotten == 500


@pytest.mark.parametrize(
    ("first", "second", "kind"),
    [
        ([None, None], ["a", "b"], "category"),
        ([1.5, 2.5], [np.nan, np.nan], "number"),
        ([True, False], [2, 3], "number"),
        ([True, False], [True, True], "boolean"),
    ],
    ids=str,
)
def test_kinds_of_parts(first, second, kind):
    parts = [pd.DataFrame({"x": column, "y": [1.0, 2.0]}) for column in (first, second)]
    merged = TableSurvey.of_parts([TableSurvey.of(part, TableEncoder()) for part in parts])
    assert merged.columns[0].kind == kind
    assert merged.rows == 4


def test_parts_that_contradict_each_other():
    one = TableSurvey.of(pl.DataFrame({"a": [1, 2], "b": [1, 2]}), TableEncoder())
    texts = TableSurvey.of(pl.DataFrame({"a": ["x", "y"], "b": [1, 2]}), TableEncoder())
    with pytest.raises(ValueError, match="holds a number in one part and a category in another"):
        one.merge(texts)
    other = TableSurvey.of(pl.DataFrame({"a": [1, 2], "c": [1, 2]}), TableEncoder())
    with pytest.raises(ValueError, match=r"one lacks \['b'\] and has \['c'\]"):
        one.merge(other)


def test_nothing_varies():
    same = pl.DataFrame({"a": [1, 1]})
    parts = [TableSurvey.of(same, TableEncoder()) for _ in range(2)]
    with pytest.raises(
        ValueError, match=r"with 4 sample\(s\) none of its 1 does: 'a' \(constant\)"
    ):
        learn(TableEncoder(), TableSurvey.of_parts(parts))
