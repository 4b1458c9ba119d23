"""Groups and times of rows: from names of columns, arrays, series; what is refused."""

import datetime

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

from multilayer.tables.dependence import INDEPENDENT, Dependence, read_dependence

PATIENTS = ["a", "b", "a", None, "c", None]
DAYS = [datetime.date(2024, 1, day) for day in (3, 1, 2, 6, 5, 4)]
TABLE = {"patient": PATIENTS, "day": DAYS, "x": [1.0, 2, 3, 4, 5, 6]}


@pytest.mark.parametrize(
    "make", [pl.DataFrame, pd.DataFrame, pa.table], ids=["polars", "pandas", "pyarrow"]
)
def test_columns_by_name(make):
    X, dependence = read_dependence(make(TABLE), "patient", "day")
    assert list(getattr(X, "column_names", X.columns)) == ["day", "x"]
    groups = dependence.groups
    assert groups[0] == groups[2]
    assert len(np.unique(groups)) == 5  # a row without a value is a group of its own
    assert np.argsort(dependence.time).tolist() == [1, 2, 0, 5, 4, 3]


@pytest.mark.parametrize(
    "given",
    [
        ["a", "b", "a", "c"],
        np.array([1, 2, 1, 3]),
        np.array([1.5, 2, 1.5, 3]),
        pl.Series([7, 8, 7, 9]),
        pd.Series(["a", "b", "a", "c"], dtype="category"),
        (True, 2, True, None),
    ],
)
def test_groups_are_arrays_of_any_kind(given):
    X = np.zeros((4, 2))
    same, dependence = read_dependence(X, given, None)
    assert same is X
    assert dependence.time is None
    a, b, c, d = dependence.groups.tolist()
    assert a == c
    assert len({a, b, d}) == 3


@pytest.mark.parametrize(
    "given",
    [
        [2.5, 1, 3],
        pl.Series([datetime.datetime(2024, 1, d) for d in (2, 1, 3)]),
        np.array(["2024-01-02", "2024-01-01", "2024-01-03"], "datetime64[D]"),
        ["2024-01-02", "2024-01-01", "2024-01-03"],
        pd.Series(pd.to_datetime(["2024-01-02", "2024-01-01", "2024-01-03"])),
    ],
)
def test_times_are_numbers_or_dates(given):
    _, dependence = read_dependence(np.zeros((3, 1)), None, given)
    assert np.argsort(dependence.time).tolist() == [1, 0, 2]


def test_without_any_rows_are_independent():
    X = object()
    assert read_dependence(X, None, None) == (X, INDEPENDENT)
    assert INDEPENDENT.is_none
    assert INDEPENDENT.take(np.arange(2)).is_none
    assert INDEPENDENT.arguments == {}
    part = Dependence(np.array([0, 1, 2])).take(np.array([2, 0]))
    assert part.arguments["groups"].tolist() == [2, 0]


ROWS = pl.DataFrame(TABLE)


@pytest.mark.parametrize(
    ("X", "groups", "time", "message"),
    [
        (ROWS, "patiant", None, "groups must be a column of the table, but 'patiant' is not one"),
        (ROWS, None, "when", "time must be a column of the table, but 'when'"),
        (ROWS.to_numpy(), "patient", None, "groups names the column 'patient', but the columns"),
        (ROWS.select("patient"), "patient", None, "must have a column besides the groups"),
        (ROWS, [1, 2], None, "X has 6 rows, but groups has 2"),
        (ROWS, np.zeros((6, 2)), None, r"groups must be one column, but its shape is \(6, 2\)"),
        (ROWS, [1] * 6, None, "groups must have at least 2 values, but have only '1'"),
        (ROWS, None, [1.0] * 6, "time must have at least 2 different values"),
        (ROWS, None, [1, 2, None, 4, 5, 6], "a value in every row, but has none at index 2"),
        (ROWS, None, [1, np.inf, 3, 4, 5, 6], "must hold finite numbers"),
        (ROWS, None, "patient", "time must be numbers or dates: .* holds 'a' at index 0"),
        (ROWS, None, [True, False] * 3, "time must be numbers or dates, but is of the kind 'bool"),
    ],
)
def test_what_is_wrong_is_named(X, groups, time, message):
    with pytest.raises(ValueError, match=message):
        read_dependence(X, groups, time)
