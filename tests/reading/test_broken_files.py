"""Files that are broken, or hold nothing: found by `prove/fuzz/table.py`."""

import datetime as dt
import gzip
import tempfile
from contextlib import contextmanager
from pathlib import Path

import polars as pl
import pytest

from multilayer.reading.errors import TableError
from multilayer.reading.files import TableFiles
from multilayer.reading.reader import parse_table
from multilayer.reading.table import ReadOptions

FOUND = Path(__file__).parents[2] / "prove" / "fuzz" / "inputs" / "table" / "found"


def test_a_byte_order_mark_alone():
    with pytest.raises(TableError, match="it is empty"):
        parse_table(b"\xff\xfe", "it", ReadOptions(encoding="utf-16"))


@pytest.mark.parametrize("name", ["sheet_with_a_broken_header", "zip_entry_without_a_name"])
def test_archives_that_zipfile_cannot_read(name):
    with pytest.raises(TableError, match=r"it cannot be (read|unpacked)"):
        parse_table((FOUND / name).read_bytes()[1:], "it")


def test_files_without_a_column(tmp_path):
    frame = pl.DataFrame({"Unnamed: 0": [0, 1], "b": [[1], [2]]})
    frame.drop("Unnamed: 0").write_parquet(tmp_path / "t.parquet")
    with pytest.raises(TableError, match="column 'b' holds lists and is left out"):
        TableFiles(tmp_path / "t.parquet")


def test_days_in_one_chunk_and_times_in_another(tmp_path, monkeypatch):
    rows = [f"2020-01-0{k + 1}{' 10:00:00' * (k > 2)},{k}" for k in range(6)]
    (tmp_path / "t.csv").write_text("\n".join(["day,n", *rows]))
    files = TableFiles(tmp_path / "t.csv")
    monkeypatch.setattr("multilayer.reading.files._BATCH", 3)
    assert files.head("day", 5).tolist() == [
        dt.datetime(2020, 1, k + 1, 10 * (k > 2)) for k in range(5)
    ]


def test_no_room_to_unpack_a_file(tmp_path, monkeypatch):
    """That the folder for temporary files is full is no fault of the table."""

    @contextmanager
    def full(folder):
        with open("/dev/full", "wb", buffering=0) as file:
            yield file

    monkeypatch.setattr("multilayer.reading.sources.temporary_file", full)
    with pytest.raises(OSError, match="No space left on device") as caught:
        parse_table(gzip.compress(b"a,b\n1,2\n"), "it")
    assert caught.value.filename == tempfile.gettempdir()
