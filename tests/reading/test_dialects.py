"""How cells are told apart: delimiters, quotes, lines before the table, headers, encodings."""

import gzip
import io
import zipfile
from importlib import import_module

import pandas as pd
import polars as pl
import pytest

from multilayer.reading.errors import TableError
from multilayer.reading.reader import parse_table, read_table
from multilayer.reading.table import Known, ReadOptions

WORDS = ["Müller", "Große", "São", "Ærø"]


def read(text, **options):
    data = text if isinstance(text, bytes) else text.encode()
    return parse_table(data, "table", ReadOptions(**options))


def rows(delimiter, n=20, row=("{i}", "{j}", "ab")):
    return "".join(delimiter.join(row).format(i=i, j=2 * i) + "\n" for i in range(n))


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|", "^", "~", " ", ":"])
def test_delimiters(delimiter):
    table = read(delimiter.join("xyz") + "\n" + rows(delimiter))
    assert table.frame.columns == ["x", "y", "z"]
    assert table.frame.row(3) == (3, 6, "ab")


@pytest.mark.parametrize(
    ("text", "columns", "row"),
    [
        ("id;t\n" + rows(";", row=("{i}", "a, b, c")), ["id", "t"], (3, "a, b, c")),
        ("id\tt\n" + rows("\t", row=("{i}", "a, b, c")), ["id", "t"], (3, "a, b, c")),
        ("id,t\n" + rows(",", row=("{i}", "a; b; c")), ["id", "t"], (3, "a; b; c")),
        ("x;y\n" + rows(";", row=("{i},5", "{j},25")), ["x", "y"], (3.5, 6.25)),
        ("sep=;\nx;y\n" + rows(";", row=("{i}", "{j}")), ["x", "y"], (3, 6)),
        ("# made\n# by us\nx,y\n" + rows(",", row=("{i}", "{j}")), ["x", "y"], (3, 6)),
        ("# x,y\n" + rows(",", row=("{i}", "{j}")), ["x", "y"], (3, 6)),
        ("A title,,\nx,y,z\n" + rows(","), ["x", "y", "z"], (3, 6, "ab")),
        ("c,y\n" + rows(",", row=("#f{i}a", "{j}")), ["c", "y"], ("#f3a", 6)),
        ("x,y,\n" + rows(",", row=("{i}", "{j}", "")), ["x", "y"], (3, 6)),
        ("'x','t'\n" + rows(",", row=("{i}", "'a, b'")), ["x", "t"], (3, "a, b")),
        ('t,x\n' + rows(",", row=('{i}" pipe', "{j}")), ["t", "x"], ('3" pipe', 6)),
        ('t,x\n' + rows(",", row=('"say ""{i}"""', "{j}")), ["t", "x"], ('say "3"', 6)),
        ('t,x\n' + rows(",", row=(r'"say \"{i}\""', "{j}")), ["t", "x"], ('say "3"', 6)),
        ('t,x\n' + rows(",", row=('"two\nlines"', "{j}")), ["t", "x"], ("two\nlines", 6)),
        ('t,x\n' + rows(",", row=(' "a" ', " {j} ")), ["t", "x"], ("a", 6)),
        ("t,x\n" + "long" * 50_000 + ",1\n" + rows(",", row=("a", "{j}")), ["t", "x"], ("a", 4)),
    ],
    ids=lambda value: value[:24] if isinstance(value, str) else "",
)  # fmt: skip
def test_rows_and_cells(text, columns, row):
    frame = read(text).frame
    assert frame.columns == columns
    assert frame.row(3) == row


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r", "mixed"])
def test_line_ends(end):
    lines = ("x,t\n" + rows(",", row=("{i}", "ab"))).splitlines()
    text = "".join(
        line + (("\n", "\r\n")[k % 2] if end == "mixed" else end) for k, line in enumerate(lines)
    )
    assert read(text).frame.row(-1) == (19, "ab")


@pytest.mark.parametrize(
    ("names", "header"),
    [
        ("id,2019,2020,grade", True),  # a name that is a number
        ("id,n,k,p", True),  # a name that is a value of its column
        ("0,1,2,3", True),  # as pandas names columns that have no names
        ("5,3,4,p", False),
        ("2019,2020,2021,2022", True),
        ("1990,2000,2010,2020", True),
        ("7,5,4,grade", True),
        ("1,2,3,4", False),
        ("a,b,c,d", True),
    ],
)
def test_headers(names, header):
    grades = "p" if names[-1].isalpha() or names.startswith("0") else ""
    body = "".join(f"{i},{i % 7},{i % 5},{grades or i % 3}\n" for i in range(1, 40))
    table = read(f"{names}\n{body}")
    assert table.named == header
    assert len(table.frame) == 40 - header


def test_texts_only():
    body = "".join(
        f"{'mf'[i % 2]},{('Bern', 'Rome')[i % 3 == 0]},{'yn'[i % 2]}\n" for i in range(30)
    )
    assert read("sex,town,ok\n" + body).named
    assert not read(body).named
    assert "use --header" in read(body).remarks[0]
    assert read(body, header=False).remarks == ()


def test_a_model_knows_the_names(tmp_path):
    """The first row may otherwise be taken for a row: "y" is a value of the column "y"."""
    path = tmp_path / "new.csv"
    path.write_text("a,b,y\nb,a,p\na,b,y\n")
    assert not read_table(path).named
    table = read_table(path, known=Known(("a", "b", "y")))
    assert table.frame.columns == ["a", "b", "y"]


@pytest.mark.parametrize(
    "encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "cp1252", "utf-32"]
)
def test_encodings(encoding):
    text = "town;x\n" + "".join(f"{WORDS[i % 4]};{i},5\n" for i in range(12))
    table = read(text.encode(encoding))
    assert table.frame.row(5) == ("Große", 5.5)
    said = any("--encoding" in remark for remark in table.remarks)
    assert said == (encoding == "cp1252")


@pytest.mark.parametrize(
    ("encoding", "words"),
    [
        ("cp1251", ["Москва", "Казань", "Пермь"]),
        ("cp1253", ["Αθήνα", "Πάτρα", "Σύρος"]),
        ("shift_jis", ["東京都", "大阪府", "京都市"]),
        ("gb18030", ["北京市", "上海市", "广州市"]),
        ("euc_kr", ["서울시", "부산시", "대구시"]),
    ],
)
def test_encodings_are_detected(encoding, words):
    text = "town,x\n" + "".join(f"{words[i % 3]},{i}\n" for i in range(30))
    assert read(text.encode(encoding)).frame["town"].to_list()[:3] == words
    assert read(text.encode(encoding), encoding=encoding).frame["town"].to_list()[:3] == words


def test_late_bytes_of_another_encoding():
    text = b"t,x\n" + b"ab,1\n" * 30_000 + "Zürich,2\n".encode("cp1252")
    assert read(text).frame.row(-1) == ("Zürich", 2)


def packed(kind, data):
    if kind != "zip":
        return import_module({"zstd": "backports.zstd"}.get(kind, kind)).compress(data)
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("table.csv", data)
        archive.writestr("__MACOSX/table.csv", b"junk")
    return buffer.getvalue()


@pytest.mark.parametrize("kind", ["gzip", "bz2", "lzma", "zstd", "zip"])
def test_packed(kind):
    data = packed(kind, b"x,y\n1,2\n3,4\n")
    assert read(data).frame.rows() == [(1, 2), (3, 4)]
    with pytest.raises(TableError, match="cannot be unpacked"):
        read(data[:-12] if kind == "zip" else data[: len(data) // 2])


def test_packed_twice_and_other_formats():
    buffer = io.BytesIO()
    pl.DataFrame({"x": [1, 2]}).write_parquet(buffer)
    assert read(gzip.compress(gzip.compress(buffer.getvalue()))).frame.rows() == [(1,), (2,)]


def test_a_bomb():
    data = gzip.compress(gzip.compress(b"0" * (100 << 20), 1), 1)
    with pytest.raises(TableError, match="unpacks to more than"):
        read(data)


def test_workbook(tmp_path):
    path = tmp_path / "book.xlsx"
    days = pd.to_datetime(["2020-01-01", "2020-02-01"])
    with pd.ExcelWriter(path, engine="xlsxwriter") as writer:
        pd.DataFrame({"x": [1.5, 2], "t": ["a", "b"], "d": days}).to_excel(writer, sheet_name="one")
        pd.DataFrame({"z": [1, 2, 3]}).to_excel(writer, sheet_name="two", index=False)
    data = path.read_bytes()
    table = read(data)
    assert table.frame.columns == ["x", "t", "d"]
    assert "counts the rows" in table.remarks[0]
    for sheet in ("two", "1"):
        assert read(data, sheet=sheet).frame["z"].to_list() == [1, 2, 3]
    with pytest.raises(TableError, match="must name a sheet of table, one, two; got 'three'"):
        read(data, sheet="three")
    with pytest.raises(TableError, match="number below 2, got 7"):
        read(data, sheet="7")


def test_columns_that_are_no_features():
    table = pd.DataFrame({"x": [0.5, 1.5, 2.5, 3.5], "t": list("abab")})
    shuffled = table.sample(frac=1, random_state=1)
    buffer = io.BytesIO()
    shuffled.to_parquet(buffer)
    for data in (table.to_csv(), shuffled.to_csv(), buffer.getvalue()):
        found = read(data)
        assert found.frame.columns == ["x", "t"]
        assert any("is left out" in remark for remark in found.remarks)
    R = '"x","t"\n' + "".join(f'"{i}",{i}.5,"a"\n' for i in range(1, 9))
    assert read(R).frame.columns == ["x", "t"]


def test_nested_columns():
    text = "\n".join(f'{{"x": {i}, "p": {{"q": 1}}, "l": [1], "y": "a"}}' for i in range(3))
    table = read(text)
    assert table.frame.columns == ["x", "y"]
    assert [remark.split(" and ")[0] for remark in table.remarks] == [
        "column 'p' holds structs",
        "column 'l' holds lists",
    ]


def test_dropped_columns():
    assert read("x,y,z\n1,2,3\n", drop=("y",)).frame.columns == ["x", "z"]
    with pytest.raises(TableError, match="--drop must name columns of table, but there is no 'w'"):
        read("x,y,z\n1,2,3\n", drop=("w",))


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ('{"x": {"0": 1}, "y": {"0": 2}}', "one object that holds columns"),
        ('{"columns": ["x"], "data": [[1]]}', "one object that holds columns"),
        ("[1, 2, 3]", "its elements are not objects"),
        ("[[1, 2], [3, 4]]", "its elements are not objects"),
        ('{"p": {"q": 1}}\n{"p": {"q": 2}}', "0 columns: column 'p' holds structs"),
        (",".join(["1"] * 100_001) + "\n", "at most 100000 columns, but table has 100001"),
        ('x,y\n"1,2\n3,4\n', "line 2 of table has a cell with a quote that does not end"),
        ("x,y\n1,\x07\x01\x02\n", "binary file"),
        ("x,x\n1,2\n", "'x' is there twice"),
        ("x,y\n1,2\n3\n", "cells are separated by ','"),
    ],
    ids=lambda value: value[:20],
)
def test_what_is_no_table(data, message):
    with pytest.raises(TableError, match=message) as caught:
        read(data)
    assert "\n" not in str(caught.value)


def test_several_files_in_one_archive():
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("a.csv", "x\n1\n")
        archive.writestr("b.csv", "x\n1\n")
    with pytest.raises(TableError, match=r"must hold one file, but holds 2: a\.csv, b\.csv"):
        read(buffer.getvalue())
