"""Fuzz target: bytes as a file of a table, read as `multilayer fit` reads it, and encoded.

The first byte chooses what the file is and how it is read. Whatever the file holds, the reader and
the encoder raise nothing but ValueError, TypeError and OSError; and what they do read is right:

- the encoder has a row for each row of the table, and encodes the same rows alike;
- a file read as `predict` reads it, by what `fit` found, holds the same values;
- a file read in chunks, as `fit --memory` does, holds the same values;
- in a CSV file without quotes, a cell that is a plain number comes back as that number.

Memory is bounded by whoever runs this, with `resource.setrlimit`.
"""

from __future__ import annotations

import gzip
import os
import random
import re
import tempfile
import warnings
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from multilayer.cli.data import read_data
from multilayer.reading.files import TableFiles
from multilayer.reading.reader import read_table
from multilayer.reading.table import ReadOptions, Table
from multilayer.tables.encoder import TableEncoder

__all__ = ["mutate", "one_input"]

if os.path.isdir("/dev/shm"):
    tempfile.tempdir = "/dev/shm"
_ALLOWED = (ValueError, TypeError, OSError)
_MOST_CELLS = 100_000  # that are encoded: more would be slow
_PLAIN = re.compile(r"-?(0|[1-9]\d*)(\.\d+)?([eE][-+]?\d+)?")
_SIMPLE = re.compile(rb"[0-9A-Za-z.+-]+(?:,[0-9A-Za-z.+-]+)+")  # a line without quotes or gaps

# What the first byte chooses: options, what the file begins with, and how it is packed.
Pack = Callable[[bytes], bytes]
_KINDS: list[tuple[ReadOptions, bytes, Pack]] = [
    (ReadOptions(), b"", bytes),
    (ReadOptions(header=True, delimiter=",", decimal="."), b"", bytes),
    (ReadOptions(header=True, delimiter="\t"), b"", bytes),
    (ReadOptions(header=False, delimiter=";", decimal=","), b"", bytes),
    (ReadOptions(encoding="cp1252", dates="dmy"), b"", bytes),
    (ReadOptions(), b"{", bytes),
    (ReadOptions(), b"[{", bytes),
    (ReadOptions(), b"PAR1", bytes),
    (ReadOptions(), b"ARROW1\0\0", bytes),
    (ReadOptions(), b"\xff\xff\xff\xff", bytes),
    (ReadOptions(sheet="0"), b"PK\x03\x04", bytes),
    (ReadOptions(), b"", lambda data: gzip.compress(data, 1)),
    (ReadOptions(encoding="utf-16"), b"\xff\xfe", bytes),
]
_SIMPLE_KIND = 1
_CELLS = (
    *(b"", b"NA", b"-", b".", b"1", b"-1.5", b"1e400", b"9" * 400, b"9223372036854775808", b"0x1"),
    *(b"1,5", b"1.234,5", b"$5", b"12 %", b"(3)", b"00123", b"true", b"nan", b"inf", b"#REF!"),
    *(b"2020-02-30", b"31/12/2020", b"12/31/20", b"10:30", b"13 May 2025", b"2020-01-01T00:00Z"),
    *(
        b'"',
        b'""',
        b'"a\nb"',
        b"'",
        b"\\",
        b"\xff",
        b"\xc3\xa4",
        b"\0",
        b"\x1b[31m",
        b"#",
        b"sep=;",
    ),
    *(b"null", b"{}", b"[]", b'{"a":1}', b'"\\ud800"', b"1" * 30, b"__index_level_0__", b"x" * 300),
)


def one_input(data: bytes) -> None:
    """Read, encode and compare; let out what is wrong."""
    if not data:
        return
    options, start, pack = _KINDS[data[0] % len(_KINDS)]
    body = data[1:] if data[1:].startswith(start) else start + data[1:]
    with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        path = Path(folder, "table")
        path.write_bytes(pack(body))
        try:
            table = read_table(path, options)
        except _ALLOWED:
            _in_parts(path, options, None)
            return
        if data[0] % len(_KINDS) == _SIMPLE_KIND:
            _check_numbers(body, table.frame)
        if table.frame.width * len(table.frame) > _MOST_CELLS:
            return
        known = options if table.named else replace(options, header=False)
        again = _allowed(lambda: read_table(path, known, table.known))
        assert again is None or again.frame.equals(table.frame), "read otherwise by predict"
        _in_parts(path, options, table)
        _encode(table.frame, data[0] // len(_KINDS))
        target = str(data[0] % 5 - 2)
        task = ("auto", "classification", "regression")[data[0] % 3]
        learned = _allowed(lambda: read_data(str(path), target, task, options))
        if learned is not None:
            learned.describe()
            assert len(learned.X) == len(learned.y) == len(table.frame) - learned.without_target


def _allowed(call: Callable[[], Any]) -> Any:
    try:
        return call()
    except _ALLOWED:
        return None


def _in_parts(path: Path, options: ReadOptions, table: Table | None) -> None:
    """Read a file in chunks, and compare."""

    def read() -> pl.DataFrame:
        files = TableFiles(path, options)
        files.head(files.columns[0], 5)
        chunks = list(files.chunks(3 if table is not None else 1000))
        return pl.concat(chunks, how="vertical_relaxed")  # days in one, and with times in another

    frame = _allowed(read)
    if frame is None or table is None:
        return
    assert frame.columns == table.frame.columns, "other columns in chunks"
    assert len(frame) == len(table.frame), "other rows in chunks"
    for name in frame.columns:
        one, other = frame[name], table.frame[name]
        if one.dtype == other.dtype:
            assert one.equals(other, null_equal=True), f"other values in chunks: {name!r}"


def _encode(frame: pl.DataFrame, choice: int) -> None:
    """Fit an encoder and encode the table, all at once and row by row."""
    scaling = ("standard", "robust", "quantile", "blend")[choice % 4]
    encoder = TableEncoder(scaling=scaling, max_onehot=(None, 3)[choice // 4 % 2])
    if _allowed(lambda: encoder.fit(frame)) is None:
        return
    encoded = encoder.transform(frame)
    width = len(encoder.get_feature_names_out())
    assert encoded.shape == (len(frame), width), "the encoder has other rows"
    assert np.isfinite(encoded).all(), "the encoder makes numbers that are not finite"
    assert not encoder.unseen_categories(frame), "categories of fit are new in transform"
    encoder.summary()
    row = choice % len(frame)
    alone = encoder.transform(frame[row : row + 1])
    np.testing.assert_allclose(alone, encoded[row : row + 1], rtol=1e-5, atol=1e-5)
    state, arrays = encoder.to_state()
    restored = TableEncoder.from_state(state, arrays).transform(frame)
    assert np.array_equal(restored, encoded), "the saved encoder encodes otherwise"


def _check_numbers(body: bytes, frame: pl.DataFrame) -> None:
    """Check that plain numbers of a CSV file without quotes and gaps are read as they are."""
    lines = body.splitlines()
    if len(lines) < 2 or not all(_SIMPLE.fullmatch(line) for line in lines):
        return
    rows = [line.decode().split(",") for line in lines]
    if len({len(row) for row in rows}) > 1:
        return
    assert len(frame) == len(rows) - 1, "other rows than lines"
    for name, *cells in zip(*rows, strict=True):
        if name not in frame.columns:
            continue  # left out, with a remark
        for cell, value in zip(cells, frame[name].to_list(), strict=True):
            if _PLAIN.fullmatch(cell):
                same = value == cell if isinstance(value, str) else value == float(cell)
                assert same or value == int(cell), f"{cell} is read as {value!r}"


def mutate(data: bytes, max_size: int, seed: int) -> bytes:
    """Change cells and lines of a text, or bytes of another file."""
    rng = random.Random(seed)
    if not data:
        return bytes([rng.randrange(256)])
    kind, body = data[:1], data[1:]
    if rng.random() < 0.1:
        kind = bytes([rng.randrange(256)])
    binary = body.count(0) > len(body) // 50
    for _ in range(rng.randint(1, 4)):
        body = (_bytes_mutated if binary or rng.random() < 0.2 else _cells_mutated)(body, rng)
    return (kind + body)[:max_size]


def _bytes_mutated(body: bytes, rng: random.Random) -> bytes:
    at = rng.randrange(len(body) + 1)
    end = min(len(body), at + rng.choice((0, 1, 1, 2, 4, 8, 64)))
    new = rng.choice(
        (
            b"",
            bytes([rng.randrange(256)]),
            rng.randbytes(rng.choice((1, 2, 4, 8))),
            b"\xff\xff\xff\x7f",
            b"\xff" * 8,
            b"\0" * (end - at),
            body[at:end] * 2,
        )
    )
    return body[:at] + new + body[end:]


def _cells_mutated(body: bytes, rng: random.Random) -> bytes:
    lines = body.split(b"\n")
    k = rng.randrange(len(lines))
    delimiter = rng.choice([d for d in (b",", b";", b"\t", b"|", b":") if d in body] or [b","])
    cells = lines[k].split(delimiter)
    j = rng.randrange(len(cells))
    action = rng.randrange(8)
    if action < 3:
        cells[j] = rng.choice(_CELLS)
    elif action == 3:
        cells.insert(j, rng.choice(_CELLS))
    elif action == 4:
        del cells[j]
    elif action == 5:  # a whole column
        cell = rng.choice(_CELLS)
        rows = [line.split(delimiter) for line in lines]
        return b"\n".join(delimiter.join([*r[:j], cell, *r[j + 1 :]]) for r in rows)
    elif action == 6:
        lines.insert(k, rng.choice(lines))
    else:
        return body.replace(delimiter, rng.choice((b",", b";", b"\t", b"|", b" ", b"^")))
    lines[k] = delimiter.join(cells)
    return b"\n".join(lines)
