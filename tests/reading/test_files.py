"""Files that together are one table: types, orders and columns that differ, files that change."""

import gzip
import subprocess
import sys

import dask
import polars as pl
import pytest
from table_cases import generate

from multilayer.dask.files import dask_dataframe
from multilayer.reading.errors import TableError
from multilayer.reading.files import TableFiles
from multilayer.reading.reader import read_table


def whole(files):
    return pl.concat(list(files.chunks(3)))


@pytest.mark.parametrize("kind", ["csv", "parquet", "arrow", "jsonl"])
def test_whole_numbers_first_and_another_order(tmp_path, kind):
    first = pl.DataFrame({"a": [1, 2], "t": ["x", "y"], "c": [True, False]})
    second = pl.DataFrame({"t": ["z", None], "c": [True, None], "a": [1.5, None]})
    write = {"csv": "write_csv", "parquet": "write_parquet", "arrow": "write_ipc"}
    for k, frame in enumerate((first, second)):
        getattr(frame, write.get(kind, "write_ndjson"))(tmp_path / f"{k}.{kind}")
    files = TableFiles(str(tmp_path / f"*.{kind}"))
    frame = whole(files)
    assert frame.columns == ["a", "t", "c"]
    assert frame["a"].to_list() == [1.0, 2.0, 1.5, None]
    assert frame["t"].to_list() == ["x", "y", "z", None]
    assert (files.count("a"), files.count("t"), files.count("c")) == (3, 3, 3)


def test_whole_numbers_in_the_first_rows(tmp_path):
    (tmp_path / "t.csv").write_text("c,y\n" + "1,a\n" * 60_000 + "1.5,b\n")
    assert TableFiles(tmp_path / "t.csv").known.formats["c"].kind == "number"


def test_columns_that_lack_are_named(tmp_path):
    (tmp_path / "a.csv").write_text("x,y\n1,2\n3,4\n")
    (tmp_path / "b.csv").write_text("x,z\n1,2\n3,4\n")
    with pytest.raises(TableError, match=r"b\.csv lacks \['y'\] and has \['z'\]"):
        TableFiles(str(tmp_path / "*.csv"))


def test_kinds_that_differ(tmp_path):
    pl.DataFrame({"x": [1, 2]}).write_parquet(tmp_path / "a.parquet")
    pl.DataFrame({"x": ["u", "v"]}).write_parquet(tmp_path / "b.parquet")
    with pytest.raises(TableError, match="column 'x' must be of one kind in all files, but is Int"):
        TableFiles(str(tmp_path / "*.parquet"))
    (tmp_path / "c.csv").write_text("x\n1\n")
    with pytest.raises(TableError, match="must all be of one kind, but these are"):
        TableFiles([tmp_path / "a.parquet", tmp_path / "c.csv"])


@pytest.mark.parametrize("kind", ["csv", "parquet"])
def test_a_file_that_changes(tmp_path, kind):
    path = tmp_path / f"t.{kind}"
    frame = pl.DataFrame({"x": range(100), "y": range(100)})
    write = frame.write_csv if kind == "csv" else frame.write_parquet
    write(path)
    files = TableFiles(path)
    chunks = files.chunks(10)
    assert len(next(chunks)) in (9, 10)
    path.write_bytes(path.read_bytes()[:-20])
    with pytest.raises(TableError, match=r"t\.\w+ (…|must not change) "):
        list(chunks)
    with pytest.raises(TableError, match="must not change while it is read, but it did"):
        next(files.chunks(10))


@pytest.mark.parametrize("absent", [False, True], ids=["pyarrow", "no pyarrow"])
def test_csv_is_read_in_chunks_with_pyarrow_and_without(tmp_path, absent):
    rows = 5000  # more than are taken from DuckDB at a time
    pl.DataFrame({"x": range(rows), "t": ["é"] * rows}).write_csv(tmp_path / "t.csv")
    code = f"""
import sys
sys.modules.update({dict(pyarrow=None, pandas=None) if absent else {}})
from multilayer.reading.files import TableFiles
chunks = list(TableFiles({str(tmp_path / "t.csv")!r}).chunks(2100))
assert [len(chunk) for chunk in chunks] == [2099, 2100, 801], list(map(len, chunks))
assert chunks[2].row(-1) == (4999, "é")
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_packed(tmp_path):
    path = tmp_path / "t.csv.gz"
    path.write_bytes(gzip.compress("x;t\n1,5;ü\n2,5;o\n".encode("cp1252")))
    files = TableFiles(path)
    assert whole(files).rows() == [(1.5, "ü"), (2.5, "o")]
    assert any("is not UTF-8" in remark for remark in files.remarks)


def test_dask_reads_alike(tmp_path):
    for seed in range(40):
        written = generate(seed, tmp_path)
        if written.path.suffix in (".xlsx", ".json"):
            continue
        files = TableFiles(written.path)
        with dask.config.set(scheduler="sync"):
            read = pl.from_pandas(dask_dataframe(files, 2).compute())
        expected = pl.from_pandas(read_table(written.path).frame.to_pandas())
        assert read.equals(expected), written.how
