"""Scores of subgroups."""

from statistics import NormalDist

import numpy as np
import polars as pl
import pytest

from multilayer import TabularClassifier, TabularRegressor
from multilayer.report.evaluation import Evaluation, evaluate
from multilayer.report.subgroups import subgroups, subgroups_of
from multilayer.report.table import Table


@pytest.fixture(scope="module")
def table():
    rng = np.random.default_rng(0)
    day = np.datetime64("2020-01-01") + np.arange(100)
    return pl.DataFrame(
        {
            "town": rng.permutation(["Bern"] * 60 + ["Rome"] * 38 + [None] * 2),
            "age": np.where(np.arange(100) < 30, np.nan, np.arange(100.0)),
            "rooms": rng.integers(1, 3, 100),
            "day": day,
        }
    )


def evaluation_of(table, y, H):
    """An evaluation of given predictions, by a model that is never asked."""
    rng = np.random.default_rng(0)
    kind = TabularClassifier if H.ndim == 2 else TabularRegressor
    model = kind(fast=True, max_iter=1, random_state=0)
    small = pl.DataFrame({"x": rng.normal(size=40)})
    model.fit(small, np.arange(40) % 2 if H.ndim == 2 else rng.normal(size=40))
    return Evaluation(model, Table(table), np.arange(len(y)), y, H, "", None, "late")


def test_every_kind_of_column_has_subgroups(table):
    evaluation = evaluation_of(table, np.zeros(100, int), np.tile([0.6, 0.4], (100, 1)))
    found = {(group.column, group.values): group.rows for group in subgroups_of(evaluation)}
    assert found["town", "Bern"].sum() == 60
    assert ("town", "missing") not in found  # of too few rows
    assert found["age", "missing"].sum() == 30
    assert {values for column, values in found if column == "rooms"} == {"1", "2"}
    quarters = [rows for (column, _), rows in found.items() if column == "day"]
    assert [rows.sum() for rows in quarters] == [26, 25, 24, 25]
    assert np.sum(quarters, axis=0).tolist() == [1] * 100
    assert ("day", "2020-01-01 to 2020-01-26") in found


def test_the_worst_subgroup_comes_first_with_wilsons_interval(table):
    town = table["town"].to_numpy()
    y = np.where(town == "Rome", 1, 0)  # always predicted as 0
    section = subgroups(evaluation_of(table, y, np.tile([0.6, 0.4], (100, 1))))
    assert section.listings[0].rows[0][:3] == ["all rows", "", "100"]
    first = section.listings[0].rows[1]
    z = NormalDist().inv_cdf(0.975)
    high = (z**2 / 38) / (1 + z**2 / 38)
    assert first == ["town", "Rome", "38", "0.000", f"0.000 to {high:.3f}", "1.000", "0.400"]
    assert "All subgroups, those with the worst accuracy first" in section.reading
    assert "In 1 of the" in section.reading


def test_of_numbers_the_largest_errors_come_first(table):
    y = np.arange(100.0)
    H = y + np.where(table["rooms"].to_numpy() == 1, 5.0, 0.5)
    section = subgroups(evaluation_of(table, y, H))
    assert section.listings[0].rows[1][:2] == ["rooms", "1"]
    assert section.listings[0].rows[1][3:] == ["5", "5 to 5", "5"]


def test_few_rows_have_no_subgroups():
    X = pl.DataFrame({"x": np.arange(15.0)})
    model = TabularRegressor(fast=True, max_iter=1, random_state=0).fit(X, np.arange(15.0))
    assert subgroups(evaluate(model, X, np.arange(15.0), True)) is None
