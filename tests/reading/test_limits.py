"""Small files that would take all memory: they are refused at once, in one line."""

import io
import tracemalloc
import zipfile

import polars as pl
import pytest
import xlsxwriter

from multilayer.reading.errors import TableError
from multilayer.reading.files import TableFiles
from multilayer.reading.reader import parse_table
from multilayer.reading.table import ReadOptions


def workbook(*cells):
    buffer = io.BytesIO()
    with xlsxwriter.Workbook(buffer) as book:
        sheet = book.add_worksheet()
        for row, column in cells:
            sheet.write(row, column, 1)
    return buffer.getvalue()


def written(frame, write):
    buffer = io.BytesIO()
    getattr(frame, write)(buffer)
    return buffer.getvalue()


CONSTANT = pl.DataFrame({"a": pl.repeat(1, 10**8, eager=True)})
WIDE = 200_000
BOMBS = {
    "commas": (lambda: b"," * 2_000_000, "at most 100000 columns, but it has 2000001"),
    "comma given": (lambda: b"sep=,\n" + b",1" * WIDE, "at most 100000 columns"),
    "one long line": (lambda: b"a" * 20_000_000, "must be shorter than 16777216 bytes, but line 1"),
    "long cell": (
        lambda: b"a,b\n1,x\n2," + b"y" * 49_000_000 + b"\n",
        "must be shorter than 16777216 bytes, but line 3",
    ),
    "open quote": (
        lambda: b'a,b\n1,x\n2,"' + b"y\n" * 10_000_000,
        "line 3 of it has a cell with a quote that does not end",
    ),
    "keys": (
        lambda: b"".join(b'{"a%d":1}\n' % k for k in range(20_000)),
        "20000 rows of 20000 columns",
    ),
    "nested keys": (
        lambda: b"[" + b",".join(b'{"b":{"a%d":1}}' % k for k in range(20_000)) + b"]",
        "40000 rows of 20001 columns",
    ),
    "wide object": (
        lambda: b"{" + b",".join(b'"a%d":1' % k for k in range(WIDE)) + b"}\n",
        "at most 100000 columns",
    ),
    "workbook": (lambda: workbook((0, 0), (1_048_575, 16_383)), "1048576 rows of 16384 columns"),
    "Parquet": (lambda: written(CONSTANT, "write_parquet"), "100000000 rows of 1 columns"),
    "texts": (
        lambda: written(
            pl.DataFrame({"a": ["x" * 1_000_000] * 1000, "b": range(1000)}), "write_parquet"
        ),
        "1 GB of texts",
    ),
}


@pytest.mark.parametrize("bomb", BOMBS)
def test_a_small_file_takes_little_memory(bomb, tmp_path):
    make, message = BOMBS[bomb]
    data = make()
    tracemalloc.start()
    try:
        with pytest.raises(TableError, match=message) as caught:
            parse_table(data, "it")
        assert tracemalloc.get_traced_memory()[1] < 20 * len(data) + 30_000_000
    finally:
        tracemalloc.stop()
    assert len(str(caught.value)) < 300
    assert "\n" not in str(caught.value)
    if bomb not in ("workbook", "texts"):
        path = tmp_path / "bomb"
        path.write_bytes(data)
        if bomb not in ("nested keys",):
            with pytest.raises(TableError):
                TableFiles(path)


def test_wide_tables_are_read():
    """As of genes: thousands of columns."""
    n = 6_000
    head = ",".join(f"gene{j}" for j in range(n))
    rows = "".join(",".join(str((i + 2) * j % 97) for j in range(n)) + "\n" for i in range(4))
    frame = parse_table(f"{head}\n{rows}".encode(), "genes.csv").frame
    assert frame.shape == (4, n)
    assert frame["gene5"].to_list() == [10, 15, 20, 25]


def test_long_texts_are_read():
    text = "some words, " * 400_000
    frame = parse_table(f'a,b\n1,"{text}"\n2,y\n'.encode(), "texts.csv").frame
    assert frame["b"][0] == text.strip()


def test_sheets_with_formats_far_away():
    """A cell of a format only, which spreadsheets write up to the last row, holds nothing."""
    buffer = io.BytesIO()
    with xlsxwriter.Workbook(buffer) as book:
        sheet = book.add_worksheet()
        sheet.write_column(0, 0, ["a", 1, 2])
        sheet.write_blank(1_048_575, 16_383, None, book.add_format({"bold": True}))
    assert parse_table(buffer.getvalue(), "book.xlsx").frame["a"].to_list() == [1, 2]


def test_open_document_sheets():
    """A row or cell that is repeated without end; one that is empty holds nothing."""
    cell = 'office:value-type="float" office:value="1"><text:p>1</text:p></table:table-cell>'
    row, repeated = "<table:table-row", "<table:table-cell table:number-columns-repeated"
    first = f"{row}><table:table-cell {cell}</table:table-row>" * 2
    for last, wrong in (
        (f'{row} table:number-rows-repeated="999999">{repeated}="9" {cell}', "1000001 rows of 9"),
        (f'{row}>{repeated}="9999999" {cell}', "has 9999999"),
    ):
        with pytest.raises(TableError, match=wrong):
            parse_table(document(first + last), "it")
    last = f'{row} table:number-rows-repeated="999999">{repeated}="999"/>'
    frame = parse_table(document(first + last), "it", ReadOptions(header=False)).frame
    assert frame["0"].to_list() == [1, 1]


def document(rows):
    """Make an ODS file of one sheet."""
    kind, names = (
        "application/vnd.oasis.opendocument.spreadsheet",
        "urn:oasis:names:tc:opendocument",
    )
    namespaces = "".join(
        f' xmlns:{name}="{names}:xmlns:{name}:1.0"' for name in ("office", "table", "text")
    )
    content = (
        f"<office:document-content{namespaces}><office:body><office:spreadsheet>"
        f'<table:table table:name="s">{rows}</table:table-row></table:table>'
        "</office:spreadsheet></office:body></office:document-content>"
    )
    entry = f'<manifest:file-entry manifest:full-path="/" manifest:media-type="{kind}"/>'
    manifest = f'<manifest:manifest xmlns:manifest="{names}:xmlns:manifest:1.0">{entry}'
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("mimetype", kind)
        archive.writestr("META-INF/manifest.xml", f"{manifest}</manifest:manifest>")
        archive.writestr("content.xml", content)
    return buffer.getvalue()
