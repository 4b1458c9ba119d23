"""Reading tables: every format, headers, gaps, kinds of columns, broken files."""

import datetime as dt
import io
import sys

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from multilayer.reading.bundled import BUNDLED
from multilayer.reading.errors import TableError
from multilayer.reading.formats import GAPS, Format
from multilayer.reading.reader import read_table
from multilayer.reading.table import Known, ReadOptions
from multilayer.tables.target import detect_task


@pytest.fixture
def read(tmp_path):
    def read(data, name="table.csv", known=None, **options):
        path = tmp_path / name
        path.write_bytes(data if isinstance(data, bytes) else data.encode())
        return read_table(path, ReadOptions(**options), known).frame

    return read


TABLE = pl.DataFrame({"whole": [1, None, -3], "real": [0.5, None, 1e9], "text": ["a b", "ü", None]})
WRITERS = {
    "table.csv": "write_csv",
    "table.parquet": "write_parquet",
    "table.feather": "write_ipc",
    "table.arrows": "write_ipc_stream",
    "table.jsonl": "write_ndjson",
    "table.json": "write_json",
    "no suffix": "write_parquet",
}


@pytest.mark.parametrize("name", WRITERS)
def test_formats(name, tmp_path):
    getattr(TABLE, WRITERS[name])(tmp_path / name)
    assert read_table(tmp_path / name).frame.equals(TABLE)


@pytest.mark.parametrize("writer", ["write_csv", "write_parquet", "write_ipc", "write_ndjson"])
def test_standard_input(writer, monkeypatch):
    buffer = io.BytesIO()
    getattr(TABLE, writer)(buffer)
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(buffer.getvalue())))
    assert read_table("-").frame.equals(TABLE)


@pytest.mark.parametrize("separator", [",", ";", "\t", "|"])
@pytest.mark.parametrize("newline", ["\n", "\r\n"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_kinds_of_text_files(read, separator, newline, encoding):
    rows = [["n", "text"], ["1", '"x, y"'], ["", " ü "], [], ["2", "x"], []]
    text = newline.join(separator.join(row) for row in rows)
    table = read(text.encode(encoding))
    assert table.rows() == [(1, "x, y"), (None, "ü"), (2, "x")]
    assert table.columns == ["n", "text"]


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("a,b\n1,2\n", ["a", "b"]),
        ("1,2\n3,4\n", ["0", "1"]),
        ("39, State-gov\n50, Private\n", ["0", "1"]),
        ("name,kind\nbob,x\nal,y\n", ["name", "kind"]),
        ("p,x\ne,x\n", ["0", "1"]),  # a category is no name
        (",b\n1,2\n", ["0", "b"]),
        ("?,b\n?,c\n", ["0", "1"]),
    ],
)
def test_header_is_seen(read, text, names):
    assert read(text).columns == names


def test_header_is_given(read):
    assert read("p,x\ne,x\n", header=True).rows() == [("e", "x")]
    assert read("a,b\nc,d\n", header=False).columns == ["0", "1"]
    assert read("2019,2020\n1,2\n", header=True).columns == ["2019", "2020"]


def test_gaps(read):
    cells = "\n".join(f" {gap} ,x" for gap in GAPS)
    table = read(f"n,text\n1,x\n{cells}\n2,?\n")
    assert table["n"].to_list() == [1, *[None] * len(GAPS), 2]
    assert table["text"].null_count() == 1


@pytest.mark.parametrize(
    ("cells", "values"),
    [
        (["1", "-2", "+3"], [1, -2, 3]),
        (["1", "2.5", ".5"], [1.0, 2.5, 0.5]),
        (["1e3", "inf"], [1000.0, np.inf]),
        (["9" * 25, "1"], [1e25, 1.0]),
        (["true", "False", "TRUE"], [True, False, True]),
        (["true", "x"], ["true", "x"]),
        (["2020-01-31", "2021-02-01"], [dt.date(2020, 1, 31), dt.date(2021, 2, 1)]),
        (["2020-01-31 10:30", ""], [dt.datetime(2020, 1, 31, 10, 30), None]),
        (["2020-01-31", "soon"], ["2020-01-31", "soon"]),
        (["2020-99-99", "2020-01-01"], ["2020-99-99", "2020-01-01"]),
        (["01.02.2020", "03.02.2020"], [dt.date(2020, 2, 1), dt.date(2020, 2, 3)]),
        (["1 2", "3"], ["1 2", "3"]),
    ],
)  # fmt: skip
def test_types(read, cells, values):
    column = read("column,z\n" + "".join(f"{cell},z1\n" for cell in cells))["column"]
    assert column.to_list() == values
    assert type(column[0]) is type(values[0])


def test_text_stays_text(read):
    table = read("code,n\n7,1\n12,2\n", known=Known(("code", "n"), {"code": Format("text")}))
    assert table.rows() == [("7", 1), ("12", 2)]


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "at least one row, but .*table.csv is empty"),
        (b" \n\n", "is empty"),
        (b"a,b\n", "has 0 rows and 2 columns"),
        (b"a,b\n1,2\n3\n", "as many cells as most, 2, but line 3 of .*table.csv has 1"),
        (b"a,b\n1,2\n3,4,5\n", "as many cells as most, 2, but line 3 of .*table.csv has 3"),
        (b'a,b\n"x\ny",2\n3\n', "line 3 of .* has 1"),
        (b"a,a\n1,2\n", "different names, but 'a' is there twice"),
        (b"a,b\n\xe4,2\n\xff\x81", "in no known encoding|as many cells"),
        (b"\x00\x01\x02\x03", "binary"),
        (b"\xff\xfe\x00", "must be utf-16 text"),
        (b"PK\x03\x04workbook", "cannot be unpacked: File is not a zip file"),
        (b"PAR1junk", "cannot be read as a table: "),
        (b"ARROW1junk", "cannot be read as a table: "),
        (b"\xff\xff\xff\xffjunk", "cannot be read as a table: "),
        (b'{"a": 1,\n', "cannot be read as a table: "),
        (b'a,b\n"x,2\n1,3', "quote that does not end"),
    ],
)
def test_broken_tables(read, data, message):
    with pytest.raises(TableError, match=message) as caught:
        read(data)
    assert "\n" not in str(caught.value)


@given(st.binary(max_size=60) | st.text('a1,"\n; ?', max_size=40).map(str.encode))
def test_any_bytes_are_a_table_or_a_clear_error(tmp_path_factory, data):
    path = tmp_path_factory.getbasetemp() / "any.csv"
    path.write_bytes(data)
    try:
        table = read_table(path).frame
    except TableError as error:
        message = str(error)
        assert "\n" not in message
    else:
        assert table.width
        assert len(table)


def test_missing_file(tmp_path):
    with pytest.raises(FileNotFoundError):
        read_table(tmp_path / "none.csv")


@pytest.mark.parametrize("name", BUNDLED)
def test_bundled(name):
    table = read_table(name).frame
    assert table.columns[-1] == "target"
    assert not any(table.null_count().row(0))
    task = "regression" if name == "diabetes" else "classification"
    assert detect_task(table["target"].to_numpy()) == task


def test_a_file_goes_before_a_bundled_table(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "iris").write_text("a,b\n1,2\n")
    assert read_table("iris").frame.rows() == [(1, 2)]
