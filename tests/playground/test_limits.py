"""What is uploaded is measured before it is parsed, and read in a process that can be stopped."""

import gzip
import io
import json
import subprocess
import sys
import threading

import polars as pl
import pytest
from waiting import wait_for

from multilayer.playground import limits, uploads
from multilayer.playground.session import Session
from multilayer.reading.errors import TableError
from multilayer.reading.sources import open_source


def csv(columns=2, rows=1, cell="1"):
    lines = [",".join(f"c{j}" for j in range(columns)), *[",".join([cell] * columns)] * rows]
    return "\n".join(lines).encode()


def parquet(rows):
    file = io.BytesIO()
    pl.select(a=pl.repeat(1, rows)).write_parquet(file)
    return file.getvalue()


TOO_LARGE = {
    "columns": (csv(1001), "1,000 columns"),
    "columns of one line": (b"a,b\n" + b"," * 990_000, "1,000 columns"),
    "rows": (csv(1, 1_000_001), "1,000,000 rows"),
    "cells": (csv(500, 40_001), "20,000,000 cells"),
    "line": (b"a;b\n1;" + b"x" * 10**6, "1,000,000 characters in a line"),
    "semicolons": (b"a;b\n" + b";" * 1_000_001, "1,000,000 characters in a line"),
    "keys": (json.dumps([{f"k{j}": 1} for j in range(1001)]).encode(), "1,000 columns"),
    "nested keys": (json.dumps([{"a": {f"k{j}": 1 for j in range(1001)}}]).encode(), "1,000"),
    "packed rows": (parquet(10**8), "1,000,000 rows"),
    "unpacked": (
        gzip.compress(b"1,2,3\n" * (limits.MAX_UNPACKED // 6 + 1)),
        "100 MB when unpacked",
    ),
}


@pytest.mark.parametrize(("content", "most"), TOO_LARGE.values(), ids=TOO_LARGE)
def test_a_table_is_measured_before_it_is_parsed(content, most):
    told = pytest.raises(TableError, match=rf"a table may have {most}.* but t\.csv has more")
    with open_source(content, "t.csv") as source, told:
        limits.check_source(source)


@pytest.mark.parametrize(
    "content",
    [
        csv(1000, 2),
        csv(2, 10**6),
        b'[{"a": "\\"k\\": \\\\", "b": 2}]',
        b'[{"a": "' + b"x" * 10**6 + b'"}]',
        parquet(10**6),
        b"PAR1 but no more",
    ],
    ids=["columns", "rows", "texts with quotes", "a long text", "Parquet", "no Parquet"],
)
def test_what_is_within_the_limits_is_read(content):
    with open_source(content, "t.csv") as source:
        limits.check_source(source)


def test_long_cells_and_names_are_refused_after_parsing():
    with pytest.raises(TableError, match="10,000 characters in a cell of 'a'"):
        limits.check_frame(pl.DataFrame({"a": ["x" * 10_001, None]}), "t.csv")
    with pytest.raises(TableError, match="200 characters in the name of a column"):
        limits.check_frame(pl.DataFrame({"x" * 201: [1]}), "t.csv")
    limits.check_frame(pl.DataFrame({"a": [None, "x"], "b": [1.0, None]}), "t.csv")


def test_the_page_is_told_in_one_line(session):
    with pytest.raises(
        ValueError, match=r"1,000 columns in the playground, but wide\.csv has more"
    ):
        session.read(csv(2000), "folder/wide.csv")
    assert session.opened is None


def test_a_process_that_ends_is_followed_by_another(session):
    session.read(csv(3, 9), "t.csv")
    process = uploads._READER._process
    process.kill()
    process.wait()
    assert session.read(csv(3, 9), "t.csv")["rows"] == 9
    assert uploads._READER._process is not process


def test_reading_is_bounded_in_time(session, monkeypatch):
    session.read(csv(3, 9), "t.csv")
    monkeypatch.setattr(uploads, "MAX_SECONDS", 0)
    with pytest.raises(ValueError, match=r"t\.csv cannot be read: reading it takes more than 0"):
        session.read(csv(10, 9000), "t.csv")
    monkeypatch.undo()
    assert session.read(csv(3, 9), "t.csv")["rows"] == 9


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux bounds the memory of a process")
def test_reading_is_bounded_in_memory():
    code = """
from multilayer.playground.reading_process import _bound_memory
_bound_memory()
bytearray(3 << 29)
bytearray(3 << 30)
"""
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, timeout=60)
    assert ended.stderr.splitlines()[-1] == b"MemoryError"
    assert b"bytearray(3 << 30)" in ended.stderr or b"line 5" in ended.stderr


def test_nobody_waits_for_the_table_of_a_page_that_has_gone(monkeypatch):
    session, errors = Session(), []
    monkeypatch.setattr(uploads, "MAX_SECONDS", 60)

    def read():
        try:
            session.read(b"a,b,c\n" + b"1,2,x\n" * 999_999, "t.csv")
        except ValueError as error:
            errors.append(error)

    thread = threading.Thread(target=read)
    thread.start()
    wait_for(lambda: uploads._READER._lock.locked())
    session.close()
    thread.join(10)
    assert not thread.is_alive()
    assert errors


def test_snapshots_of_a_large_network_are_fewer(session, monkeypatch):
    run = session.run
    size = sum(theta.nbytes for theta in run.thetas)
    monkeypatch.setattr("multilayer.playground.training_run._SNAPSHOT_BYTES", 10 * size)
    for epoch in range(1, 60):
        run.epoch = epoch
        run.record()
    assert 4 <= len(run.snapshots) <= 10
    assert run.snapshots[0].epoch == 0
    assert run.latest.epoch == 59


def test_an_epoch_of_minutes_and_a_batch_of_gigabytes_are_refused(session):
    frame = pl.DataFrame({"a": range(400_000), "b": range(400_000), "y": [0, 1] * 200_000})
    session.opened = uploads.OpenedTable(frame)
    told = {"data": "table", "training_share": 0.9}
    (reply,) = session.handle({"do": "set", "settings": told | {"layers": [256, 256]}})
    assert "so that an epoch does not take minutes" in reply["message"]
    (reply,) = session.handle(
        {"do": "set", "settings": told | {"layers": [99, 99], "batch_size": 10**7}}
    )
    assert "batch_size must be at most" in reply["message"]
    (reply,) = session.handle({"do": "set", "settings": told})
    assert reply["rows"]["training"] == 360_000
    assert session.handle({"do": "epoch"}) == []
    (reply,) = session.handle({"do": "set", "settings": {"batch_size": 10**7, "layers": [99, 99]}})
    assert "batch_size must be at most" in reply["message"]
    assert session.settings.batch_size == 8


def test_many_categories_are_refused(session, monkeypatch):
    monkeypatch.setattr("multilayer.playground.table_data.MAX_INPUTS", 10)
    words = pl.Series("t", ["u", "v", "w", "x", "z"] * 20)
    frame = words.to_frame().with_columns(u="t", a=pl.Series(range(100)), b=pl.Series(range(100)))
    session.opened = uploads.OpenedTable(frame.with_columns(y=pl.col("a") % 2))
    (reply,) = session.handle({"do": "set", "settings": {"data": "table"}})
    assert "may have 10 inputs for 100 rows here, but the columns become 12" in reply["message"]


def test_what_python_code_repeats_is_bounded(session, monkeypatch):
    monkeypatch.setattr("multilayer.playground.training_run.MAX_EVENTS", 20)
    monkeypatch.setattr("multilayer.playground.python_code.MAX_EVENTS", 20)
    for _ in range(99):
        session.handle({"do": "weight", "layer": 1, "to": 0, "from": 0, "value": 0})
    assert len(session.run.events) == 21
    (reply,) = session.handle({"do": "python"})
    assert "at most 20 single steps and changes" in reply["message"]
    session.handle({"do": "reset"})
    monkeypatch.setattr("multilayer.playground.python_code._MAX_COPIED", 5)
    session.handle({"do": "set", "settings": {"layers": [4, 4]}})
    (reply,) = session.handle({"do": "python"})
    assert "at most 5 weights of an earlier network" in reply["message"]
