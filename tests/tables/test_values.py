"""The same value is the same, whatever its type: as a number, a category, a date."""

import datetime as dt
import uuid
from decimal import Decimal
from fractions import Fraction

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

from multilayer import TableEncoder
from multilayer.tables.categories import Category
from multilayer.tables.frame import Frame
from multilayer.tables.survey import TableSurvey, learn
from multilayer.tables.values import canonical, number_of, text_of

VALUES = [0, 3, None, 1, 2, 3, 0, 1, None, 2, 2, 3]
TEXTS = [None if v is None else str(v) for v in VALUES]
FLOATS = [np.nan if v is None else float(v) for v in VALUES]
DECIMALS = [None if v is None else Decimal(v) for v in VALUES]


def arrow(values, dtype):
    return pd.DataFrame({"x": pd.array(values, dtype=pd.ArrowDtype(dtype))})


NUMBERS = {
    "float": pd.DataFrame({"x": FLOATS}),
    "Int64": pd.DataFrame({"x": pd.array(VALUES, dtype="Int64")}),
    "objects": pd.DataFrame({"x": pd.Series(VALUES, dtype=object)}),
    "objects of NumPy": pd.DataFrame({"x": [None if v is None else np.int8(v) for v in VALUES]}),
    "decimals": pd.DataFrame({"x": DECIMALS}),
    "Arrow int": arrow(VALUES, pa.int32()),
    "Arrow decimal": arrow(DECIMALS, pa.decimal128(10, 2)),
    "polars": pl.DataFrame({"x": VALUES}),
    "polars NaN": pl.DataFrame({"x": FLOATS}),
    "polars UInt64": pl.DataFrame({"x": pl.Series(VALUES, dtype=pl.UInt64)}),
    "polars Int128": pl.DataFrame({"x": pl.Series(VALUES, dtype=pl.Int128)}),
    "polars Decimal": pl.DataFrame({"x": pl.Series(DECIMALS, dtype=pl.Decimal(10, 1))}),
    "polars Object": pl.DataFrame({"x": pl.Series(DECIMALS, dtype=pl.Object)}),
    "pyarrow": pa.table({"x": pa.array(VALUES)}),
    "pyarrow decimal": pa.table({"x": pa.array(DECIMALS)}),
}
CATEGORIES = {
    "categories": pd.DataFrame({"x": pd.Categorical(VALUES)}),
    "categories of floats": pd.DataFrame({"x": pd.Series(FLOATS).astype("category")}),
    "categories of Int64": pd.DataFrame({"x": pd.array(VALUES, dtype="Int64")}).astype("category"),
    "texts": pd.DataFrame({"x": pd.Series(TEXTS, dtype=object)}),
    "string": pd.DataFrame({"x": pd.array(TEXTS, dtype="string")}),
    "texts of floats": pl.DataFrame({"x": [None if v is None else f"{v}.0" for v in VALUES]}),
    "Arrow texts": arrow(TEXTS, pa.string()),
    "Categorical": pl.DataFrame({"x": pl.Series(TEXTS, dtype=pl.Categorical)}),
    "Enum": pl.DataFrame({"x": pl.Series(TEXTS, dtype=pl.Enum(list("0123")))}),
    "dictionary": pa.table({"x": pa.array(VALUES).dictionary_encode()}),
}
FORMS = NUMBERS | CATEGORIES


@pytest.mark.parametrize("at_fit", FORMS)
def test_numbers_of_every_kind_at_fit_and_later(at_fit):
    encoder = TableEncoder().fit(FORMS[at_fit])
    assert bool(encoder.categories_) == (at_fit in CATEGORIES)
    expected = encoder.transform(FORMS[at_fit])
    for later, table in FORMS.items():
        np.testing.assert_array_equal(encoder.transform(table), expected, err_msg=later)
        for row in (1, 2):  # read cell by cell
            np.testing.assert_array_equal(
                encoder.transform(table[row : row + 1]), expected[row : row + 1], err_msg=later
            )
        assert encoder.unseen_categories(table) == {}


TRUE = [True, False, True, True, False]
BOOLEANS = {
    "bool": pd.DataFrame({"x": TRUE}),
    "boolean": pd.DataFrame({"x": pd.array(TRUE, dtype="boolean")}),
    "objects": pd.DataFrame({"x": np.array(TRUE, object)}),
    "numbers": pd.DataFrame({"x": np.array(TRUE, float)}),
    "polars": pl.DataFrame({"x": TRUE}),
    "texts": pd.DataFrame({"x": list(map(str, TRUE))}),
    "lower": pl.DataFrame({"x": [str(v).lower() for v in TRUE]}),
    "digits": pl.DataFrame({"x": [str(int(v)) for v in TRUE]}),
    "categories": pd.DataFrame({"x": pd.Categorical(TRUE)}),
    "categories of digits": pd.DataFrame({"x": pd.Categorical(np.array(TRUE, int))}),
}


@pytest.mark.parametrize("at_fit", BOOLEANS)
def test_booleans_of_every_kind(at_fit):
    encoder = TableEncoder().fit(BOOLEANS[at_fit])
    for later, table in BOOLEANS.items():
        expected = encoder.transform(BOOLEANS[at_fit])
        np.testing.assert_array_equal(encoder.transform(table), expected, err_msg=later)


DAYS = [dt.date(2020, 1, 1), dt.date(2021, 6, 5), dt.date(1969, 2, 3), dt.date(2020, 1, 2)]
MOMENTS = pd.Series(pd.to_datetime(DAYS))
DATES = {
    "datetime": pd.DataFrame({"x": MOMENTS}),
    "seconds": pd.DataFrame({"x": MOMENTS.astype("M8[s]")}),
    "objects": pd.DataFrame({"x": DAYS}),
    "of NumPy": pd.DataFrame({"x": pd.Series(list(MOMENTS.to_numpy()), dtype=object)}),
    "UTC": pd.DataFrame({"x": MOMENTS.dt.tz_localize("UTC")}),
    "polars": pl.DataFrame({"x": DAYS}),
    "pyarrow": pa.table({"x": DAYS}),
    "ISO": pd.DataFrame({"x": [day.isoformat() for day in DAYS]}),
    "ISO with time": pl.DataFrame({"x": [f"{day}T00:00:00" for day in DAYS]}),
    "ISO with zone": pl.DataFrame({"x": [f" {day} 01:00:00+01:00" for day in DAYS]}),
    "Categorical": pl.DataFrame({"x": pl.Series(map(str, DAYS), dtype=pl.Categorical)}),
}


@pytest.mark.parametrize("at_fit", list(DATES)[:7])
def test_dates_of_every_kind(at_fit):
    encoder = TableEncoder(dtype="float64").fit(DATES[at_fit])
    expected = encoder.transform(DATES[at_fit])
    for later, table in DATES.items():
        np.testing.assert_allclose(encoder.transform(table), expected, err_msg=later)
        np.testing.assert_allclose(encoder.transform(table[1:2]), expected[1:2], err_msg=later)


def test_dates_as_categories():
    encoder = TableEncoder().fit(DATES["ISO"])
    for later in ("datetime", "objects", "polars", "ISO with time"):
        np.testing.assert_array_equal(
            encoder.transform(DATES[later]), encoder.transform(DATES["ISO"])
        )


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("12:30:15.5", 45015.5),
        ("12:30", 45000),
        ("1 day, 2:00:01", 93601),
        ("-1 day, 23:00:00", -3600),
        ("-1 days +23:00:00.5", -3599.5),
        ("3 days", 259200),
        ("P1DT2H3.5S", 93603.5),
        ("-PT1M", -60),
        ("20200101", 20200101),
        ("1e3", 1000),
    ],
)
def test_times_and_durations_as_texts(text, seconds):
    assert number_of(text, "date") == seconds


@pytest.mark.parametrize("text", ["x", "", "P", "2020-13-01", "25:00:00", "days", "-"])
def test_no_date(text):
    encoder = TableEncoder().fit(DATES["polars"])
    with pytest.raises(ValueError, match=f"'x' must hold dates, as in fit, but holds '{text}'"):
        encoder.transform(pl.DataFrame({"x": ["2020-01-01", text]}))
    with pytest.raises(ValueError, match="'x' must hold numbers, as in fit, but holds '2020"):
        TableEncoder().fit(pl.DataFrame({"x": [1, 2]})).transform(DATES["ISO"])


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (1, "1"),
        (1.0, "1"),
        (-0.0, "0"),
        (np.float32(0.1), "0.1"),
        (0.1, "0.1"),
        (1e-7, "1e-07"),
        (1e22, "10000000000000000000000"),
        (float("inf"), "inf"),
        (True, "True"),
        (np.bool_(False), "False"),
        (Decimal("1.00"), "1"),
        (Decimal("1E+2"), "100"),
        (Decimal("0.10"), "0.1"),
        (Decimal("0.12345678901234567890"), "0.1234567890123456789"),
        (Decimal("1E+999999"), "1E+999999"),
        (Fraction(4, 2), "2"),
        (np.uint64(2**64 - 1), "18446744073709551615"),
        (dt.date(2020, 1, 2), "2020-01-02"),
        (np.datetime64("2020-01-02T03:04", "ns"), "2020-01-02 03:04:00"),
        ("01", "01"),
    ],
)
def test_text(value, text):
    assert text_of(value) == text


@pytest.mark.parametrize(
    ("text", "form"),
    [
        ("1.0", "1"),
        ("1e-07", "0.0000001"),
        ("1e+22", "10000000000000000000000"),
        ("-0.0", "0"),
        ("100", "100"),
        ("0.50", "0.5"),
        ("2020-01-01 00:00:00", "2020-01-01"),
        ("2020-01-01T10:30", "2020-01-01 10:30:00"),
        *((same, same) for same in ("01", "1E5", "+1", "1.", " 1", "1,0", "٣", "1" * 500, "")),
        *((same, same) for same in ("2020-99-99 00:00", "nan", "inf", "1e999999999")),
    ],
)
def test_canonical(text, form):
    assert canonical(text) == form


def test_texts_are_found_exactly_first():
    column = Category(0, ("01", "1", "1.0", "2.0"), False, True)
    codes = column.codes(["1", "1.0", "01", "1.00", "2", "2.00", "02", None])
    assert codes.tolist() == [1, 2, 0, 1, 3, 3, 4, -1]
    assert column.other_texts == {"2": 3}
    ambiguous = Category(0, ("1.0", "1.00"), False, False)
    assert ambiguous.codes(["1", "1.0", "1.00"]).tolist() == [-1, 0, 1]


LEFT_OUT = {
    "lists": [[1, 2]] * 6,
    "structs": [{"a": 1}] * 6,
    "bytes": [b"a", b"b"] * 3,
    "sets": [{1}] * 6,
    "complex numbers": [1j] * 6,
    "objects of type UUID": [uuid.UUID(int=k) for k in range(6)],
}


@pytest.mark.parametrize("held", LEFT_OUT)
@pytest.mark.parametrize("library", ["pandas", "polars", "pyarrow", "array"])
def test_objects_are_left_out(held, library):
    values, x = [None, *LEFT_OUT[held][1:]], np.arange(6.0)
    if library == "pandas":
        table = pd.DataFrame({"x0": x, "x1": values})
    elif library == "array":
        table = np.empty((6, 2), object)
        table[:, 0] = x
        for row, value in enumerate(values):
            table[row, 1] = value
    elif library == "pyarrow" and held not in ("lists", "structs", "bytes"):
        return
    elif library == "pyarrow":
        table = pa.table({"x0": x, "x1": values})
    else:
        plain = held in ("lists", "structs", "bytes")
        table = pl.DataFrame(
            {"x0": x, "x1": values if plain else pl.Series(values, dtype=pl.Object)}
        )
    encoder = TableEncoder().fit(table)
    assert encoder.dropped_ == {"x1": f"holds {held}"}
    parts = [TableSurvey.of(table[:2], encoder), TableSurvey.of(table[2:], encoder)]
    assert learn(TableEncoder(), TableSurvey.of_parts(parts)).dropped_ == encoder.dropped_


def test_one_part_with_objects():
    parts = [pd.DataFrame({"a": [1.0, 2.0], "b": b}) for b in (["x", "y"], [[1], "y"])]
    for order in (parts, parts[::-1]):
        surveys = [TableSurvey.of(part, TableEncoder()) for part in order]
        encoder = learn(TableEncoder(), TableSurvey.of_parts(surveys))
        assert encoder.dropped_ == {"b": "holds lists"}


def test_files_of_older_versions_find_their_rows():
    old = Category.from_state(0, ["1.0", "2.0", "True"], True, False)
    texts = Frame(pd.DataFrame({"x": pd.Categorical([1, 2, None])})).texts(0)
    assert texts == ["1", "2", None]
    assert old.codes(texts).tolist() == [0, 1, 3]


def test_unseen_categories():
    fitted = pd.DataFrame({"t": ["a", "b", "a"], "many": list("xyz"), "n": [1, 2, 3]})
    encoder = TableEncoder(max_categories=2).fit(pd.concat([fitted] * 4))
    assert encoder.categories_[1].infrequent
    later = pl.DataFrame(
        {
            "many": ["new"] * 6,
            "n": [9] * 6,
            "t": ["c", None, "a", "d", "c", ""],
        }
    )
    assert encoder.unseen_categories(later) == {"t": {"c": 2, "d": 1, "": 1}}
    assert encoder.unseen_categories(fitted) == {}
    with pytest.raises(ValueError, match="lacks"):
        encoder.unseen_categories(later.drop("t"))
