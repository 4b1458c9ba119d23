"""Columns of every dtype, as features and as targets: encoded, or refused by a ValueError."""

import datetime as dt
from contextlib import suppress
from decimal import Decimal

import numpy as np
import pandas as pd
import polars as pl
import pytest

from multilayer import MLPClassifier, TableEncoder, TabularClassifier, TabularRegressor
from multilayer.cli.data import read_data
from multilayer.reading.table import DEFAULT_OPTIONS
from multilayer.tables.foreign_errors import as_value_errors

N = 30
AWAY = 2**62


def column(*values, dtype=None):
    return pl.Series([values[k % len(values)] for k in range(N)], dtype=dtype)


def cast(dtype, *values):
    return column(*values).cast(dtype)


POLARS = {
    "list": column([1, 2], [3]),
    "array": column([1, 2], dtype=pl.Array(pl.Int64, 2)),
    "struct": column({"a": 1}, {"a": 2}),
    "binary": column(b"a", b"b"),
    "object": column({1}, {2}, dtype=pl.Object),
    "duration": column(dt.timedelta(1), dt.timedelta(2), dt.timedelta(5)),
    "time": column(dt.time(1), dt.time(2)),
    "decimal": column(Decimal("1.5"), Decimal("2.25")),
    "enum": column("a", "b", dtype=pl.Enum(["a", "b"])),
    "null": column(None),
    "uint64": column(2**64 - 1, 2**64 - 2, 5, dtype=pl.UInt64),
    "int128": column(2**126, -(2**126), 5, dtype=pl.Int128),
    "far moments": cast(pl.Datetime("ms"), 0, AWAY, -AWAY),
    "far durations": cast(pl.Duration("ms"), 0, AWAY, -AWAY),
    "far dates": cast(pl.Date, 0, 2**31 - 1, -(2**31)),
    "digits": column("1" * 400, "2" * 400, "3"),
}
OBJECTS = {
    "large": [10**400, 1, 2],
    "signaling": [Decimal("sNaN"), Decimal(1), Decimal(2)],
    "zones": [
        dt.datetime.min.replace(tzinfo=dt.timezone(dt.timedelta(hours=14))),
        dt.datetime.max.replace(tzinfo=dt.timezone(-dt.timedelta(hours=14))),
    ],
    "years": list(np.array(["2020", "90000", "NaT"], "M8[Y]")),
    "surrogates": ["\ud800", "b"],
    "bytes": [b"a", b"b"],
    "complex": [1j, 2j],
}
X = pd.DataFrame({"x": np.arange(N) % 7 + 0.5, "k": ["p", "q", "r"] * (N // 3)})
Y = ["yes", "no", "no"] * (N // 3)


def given(name):
    """Yield a column in every library that has its dtype."""
    if name in OBJECTS:
        values = [OBJECTS[name][k % len(OBJECTS[name])] for k in range(N)]
        yield pd.Series(values, dtype=object)
        return
    yield POLARS[name]
    for convert in (pl.Series.to_arrow, pl.Series.to_pandas):
        try:
            yield convert(POLARS[name])
        except BaseException:  # it cannot be made
            continue


@pytest.fixture(scope="module")
def fitted():
    kinds = [1.5, 2.5], ["a", "b"], [dt.date(2020, 1, 1), dt.date(2021, 1, 1)], [True, False]
    return [TableEncoder().fit(pl.DataFrame({"c": column(*values)})) for values in kinds]


@pytest.mark.parametrize("name", [*POLARS, *OBJECTS])
def test_only_value_errors_leave_the_estimators(name, fitted, tmp_path):
    few = {"n_members": 1, "max_iter": 1, "random_state": 0}
    for c in given(name):
        data = {"x": X["x"].to_list(), "c": c}
        table = pl.DataFrame(data) if not isinstance(c, pd.Series) else pd.DataFrame(data)
        calls = [
            lambda table=table: TableEncoder().fit(table).transform(table),
            lambda table=table: TabularClassifier(**few).fit(table, Y).predict(table),
            lambda c=c: TabularClassifier(**few).fit(X, c),
            lambda c=c: TabularRegressor(**few).fit(X, c),
            lambda table=table: MLPClassifier((2,), max_iter=1).fit(table, Y),
            lambda c=c: MLPClassifier((2,), max_iter=1).fit(X[["x"]], c),
            lambda c=c: MLPClassifier((2,), max_iter=1).fit(X[["x"]], Y, sample_weight=c),
            *(lambda e=e, table=table: e.transform(table) for e in fitted),
        ]
        for call in calls:
            try:
                call()
            except (ValueError, TypeError):
                continue
            except UserWarning:  # warnings are errors here
                continue


@pytest.mark.parametrize("name", POLARS)
@pytest.mark.parametrize("target", ["c", "y"])
def test_only_value_errors_leave_the_command_line(name, target, tmp_path):
    path = tmp_path / "t.parquet"
    table = pl.DataFrame({"x": X["x"].to_list(), "c": POLARS[name], "y": Y})
    if table["c"].dtype == pl.Object:
        return  # which no file has
    table.write_parquet(path)
    with suppress(ValueError):
        data = read_data(str(path), target, "auto", DEFAULT_OPTIONS)
        assert data.describe()
        TableEncoder().fit(data.X)


@pytest.mark.parametrize("far", [AWAY, 2**31])
@pytest.mark.parametrize("dtype", [pl.Datetime("ms"), pl.Duration("ms"), pl.Date])
def test_moments_far_away_are_not_others(dtype, far):
    """In microseconds they would not fit 64 bits."""
    if dtype == pl.Date:
        far = 2**31 - 1
    table = pl.DataFrame({"c": pl.Series([0, far, -far]).cast(dtype)})
    encoder = TableEncoder(dtype="float64").fit(table)
    encoded = encoder.transform(table)[:, 0]
    np.testing.assert_allclose(encoded, [0, 1.5**0.5, -(1.5**0.5)])
    assert encoder.transform(table[1:2])[0, 0] == encoded[1]
    if dtype != pl.Duration:  # such a one pyarrow does not convert
        arrow = table[1:2].to_arrow().to_pandas(types_mapper=pd.ArrowDtype)
        assert encoder.transform(arrow)[0, 0] == encoded[1]


def test_errors_of_the_program_pass():
    with pytest.raises(KeyError), as_value_errors("y"):
        {}["a"]
    with pytest.raises(KeyboardInterrupt), as_value_errors("y"):
        raise KeyboardInterrupt
    with pytest.raises(ValueError, match=r"y must hold values .*: no$"), as_value_errors("y"):
        raise pl.exceptions.PanicException("no\nmore")
