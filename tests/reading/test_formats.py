"""Numbers and dates in texts: decimal marks, currencies, orders of days, and what stays text."""

import datetime as dt

import polars as pl
import pytest

from multilayer.reading.errors import TableError
from multilayer.reading.formats import ColumnEvidence, choose_formats, without_gaps
from multilayer.reading.reader import parse_table, read_table
from multilayer.reading.table import Known, ReadOptions


def evidence(cells):
    return ColumnEvidence.of(without_gaps(pl.DataFrame({"c": cells}))["c"])


def read(cells, more=(), **options):
    """Read columns of cells from a file with semicolons."""
    columns = [cells, *more]
    rows = [";".join(row) for row in zip(*columns, strict=True)]
    names = ";".join(f"c{k}" for k in range(len(columns)))
    text = "\n".join([names, *rows])
    return parse_table(text.encode(), "table", ReadOptions(delimiter=";", **options))


@pytest.mark.parametrize(
    ("cells", "values"),
    [
        (["1,5", "2,25"], [1.5, 2.25]),
        (["1.234,5", "2"], [1234.5, 2]),
        (["0,123", "0,456"], [0.123, 0.456]),
        (["1,234", "5,678"], [1.234, 5.678]),  # between semicolons
        (["1,234.5", "2"], [1234.5, 2]),
        (["1,234,567", "2"], [1234567, 2]),
        (["1.234.567", "2"], [1234567, 2]),
        (["1 234,5", "2"], [1234.5, 2]),
        (["1\u00a0234,5", "2\u202f000"], [1234.5, 2000]),
        (["1'234.5", "2"], [1234.5, 2]),
        (["12,34,567.5", "2"], [1234567.5, 2]),
        (["(129.40)", "3"], [-129.4, 3]),
        (["(129,40)", "3"], [-129.4, 3]),
        (["5-", "3"], [-5, 3]),
        (["−5", "+3"], [-5, 3]),
        (["$1,000.50", "$2"], [1000.5, 2]),
        (["-$1.50", "$-2"], [-1.5, -2]),
        (["1,50 €", "2 €"], [1.5, 2]),
        (["CHF 3.50", "EUR 2"], [3.5, 2]),
        (["12 %", "3.5%"], [12, 3.5]),
        (["1e3", "2.5E-1"], [1000, 0.25]),
        (["1", "-", "2.5"], [1, None, 2.5]),
        (["1", ".", "2"], [1, None, 2]),
        (["1", "#DIV/0!", "2"], [1, None, 2]),
        (["00123", "00456"], ["00123", "00456"]),
        (["1.5", "2,5"], ["1.5", "2,5"]),
        (["12:3", "5 m"], ["12:3", "5 m"]),
        (["+", "-"], ["+", "-"]),
        (["1/2/2020", "13/2/2020"], [dt.date(2020, 2, 1), dt.date(2020, 2, 13)]),
        (["1/2/2020", "2/13/2020"], [dt.date(2020, 1, 2), dt.date(2020, 2, 13)]),
        (["13/2/2020", "2/13/2020"], ["13/2/2020", "2/13/2020"]),
        (["13.05.2020", "1.6.20"], [dt.date(2020, 5, 13), dt.date(2020, 6, 1)]),
        (["2020/05/13", "2020/6/1"], [dt.date(2020, 5, 13), dt.date(2020, 6, 1)]),
        (["13 May 2020", "1-Jun-1999"], [dt.date(2020, 5, 13), dt.date(1999, 6, 1)]),
        (["May 13, 2020", "June 1 1999"], [dt.date(2020, 5, 13), dt.date(1999, 6, 1)]),
        (
            ["2020-05-13T10:00:00Z", "2020-05-13T10:00:00+02:00"],
            [dt.datetime(2020, 5, 13, 10), dt.datetime(2020, 5, 13, 8)],
        ),
        (["31/12/2020 5:07 pm", "NA"], [dt.datetime(2020, 12, 31, 17, 7), None]),
        (["10:30", "23:59:01.5"], [dt.time(10, 30), dt.time(23, 59, 1, 500_000)]),
        (["31/02/2020", "01/02/2020"], ["31/02/2020", "01/02/2020"]),
        (["1.2.3", "1.2.4"], ["1.2.3", "1.2.4"]),
    ],
    ids=lambda value: " ".join(map(str, value))[:30],
)  # fmt: skip
def test_cells(cells, values):
    assert read(cells).frame["c0"].to_list() == values


def test_other_columns_decide_what_one_leaves_open():
    open_mark, open_day = ["1.234", "2.500"], ["01/02/2020", "03/04/2020"]
    frame = read(open_mark, [["1,5", "2,5"], open_day, ["13/01/2020", "01/01/2020"]]).frame
    assert frame["c0"].to_list() == [1234, 2500]
    assert frame["c2"].to_list() == [dt.date(2020, 2, 1), dt.date(2020, 4, 3)]
    assert read(open_mark).frame["c0"].to_list() == [1.234, 2.5]
    assert read(open_day).frame["c0"].to_list() == [dt.date(2020, 1, 2), dt.date(2020, 3, 4)]
    assert read(open_mark, decimal=",").frame["c0"].to_list() == [1234, 2500]
    assert read(open_day, dates="dmy").frame["c0"].to_list()[1] == dt.date(2020, 4, 3)


@pytest.mark.parametrize(
    ("cells", "remark"),
    [
        (["1,50 €", "2 €"], "column 'c0': '1,50 €' is read as 1.5"),
        (["1,234", "5,678"], "is read as 1.234; use --decimal if that is wrong"),
        (
            ["01/02/2020", "03/04/2020"],
            "month first, as 2020-01-02; the order is ambiguous",
        ),
        (
            ["1", "2", "3", "4", "five"],
            "c0' stays text: most cells are numbers, but not 'five'",
        ),
        (["00123", "00456"], "stays text: its cells look like numbers, but some begin with 0"),
        (["13/2/2020", "2/13/2020"], "look like dates, but they differ in form"),
    ],
)
def test_what_is_not_literal_is_told(cells, remark):
    (said,) = read(cells).remarks
    assert remark in said


def test_nothing_is_told_of_what_is_plain():
    assert (
        read(["1", "2"], [["a", "b"], ["2020-01-01", ""], ["1.5", "NA"], ["true", "false"]]).remarks
        == ()
    )


@pytest.mark.parametrize("cut", [1, 2, 3])
def test_parts_are_merged_to_the_whole(cut):
    for cells in (
        ["1", "2", "2.5", "-"],
        ["01/02/2020", "03/04/2020", "13/04/2020", ""],
        ["1,5", "2", "1.000", "3"],
        ["1", "2", "x", "4"],
        ["007", "8", "9", "10"],
        ["true", "false", "", "1"],
    ):
        merged = evidence(cells[:cut]).merge(evidence(cells[cut:]))
        whole = evidence(cells)
        assert choose_formats({"c": merged}).formats == choose_formats({"c": whole}).formats
        assert (merged.known, merged.filled) == (whole.known, whole.filled)


def test_formats_of_fit_hold_later(tmp_path):
    fit = read(["1,5", "2,5"], [["13/01/2020", "01/02/2020"], ["7", "8"], ["007", "8"]])
    known = Known.from_state(fit.known.to_state())
    assert known == fit.known
    path = tmp_path / "new.csv"

    def new(row):
        path.write_text(f"c0;c1;c2;c3\n{row}\n")
        return read_table(path, known=known)

    frame = new("3,5;03/04/2020;9;8").frame
    assert frame.row(0) == (3.5, dt.date(2020, 4, 3), 9, "8")
    assert new("3.5;2020-04-03;9.5;x").frame.row(0) == (3.5, dt.date(2020, 4, 3), 9.5, "x")
    for row, message in {
        "many;03/04/2020;9;8": "column 'c0' of .* must hold numbers as in fit, but holds 'many'",
        "3,5;soon;9;8": "column 'c1' of .* must hold dates as in fit, but holds 'soon'",
    }.items():
        with pytest.raises(TableError, match=message):
            new(row)


@pytest.mark.parametrize(
    "column",
    [
        pl.Series("c", ["1.50", "2.25"]).cast(pl.Decimal(10, 2)),
        pl.Series("c", [1, 2], pl.Int128),
        pl.Series("c", [1, 2], pl.UInt64),
        pl.Series("c", [1, 2], pl.Int8),
    ],
    ids=lambda column: str(column.dtype),
)
def test_numbers_of_other_formats(column, tmp_path):
    column.to_frame().write_ipc(tmp_path / "t.arrow")
    frame = read_table(tmp_path / "t.arrow").frame
    assert frame["c"].to_list() == [float(v) for v in column]
    assert frame["c"].dtype in (pl.Float64, pl.UInt64, pl.Int8)
