"""Generated tables are read as they were written: values, types and columns left out."""

import os

import polars as pl
import pytest
from table_cases import expected, generate

from multilayer.reading.files import TableFiles
from multilayer.reading.reader import read_table

# `MULTILAYER_TABLES=100000 pytest tests/reading/test_generated.py` reads as many.
COUNT, EACH = int(os.environ.get("MULTILAYER_TABLES", "1000")), 100


def difference(frame, written):
    """Describe how a table differs from what was written, or return None."""
    if frame.columns != list(written.values):
        return f"columns {frame.columns}"
    for name, values in written.values.items():
        met = [expected(v) for v in frame[name].to_list()]
        want = [expected(v) for v in values]
        if met != want:
            k = next((k for k, (a, b) in enumerate(zip(met, want, strict=False)) if a != b), -1)
            return f"{name!r}, row {k}: {met[k]!r} for {want[k]!r} ({len(met)} rows)"
    return None


@pytest.mark.parametrize("first", range(0, COUNT, EACH))
def test_tables_are_read_as_they_were_written(first, tmp_path):
    wrong = []
    for seed in range(first, min(first + EACH, COUNT)):
        written = generate(seed, tmp_path)
        try:
            different = difference(read_table(written.path).frame, written)
        except Exception as error:
            different = repr(error)
        if different:
            wrong.append(f"{written.how}: {different}")
        written.path.unlink()
    assert not wrong, f"{len(wrong)} of {EACH}:\n" + "\n".join(wrong)


@pytest.mark.parametrize("first", range(0, COUNT // 10, EACH // 2))
def test_files_read_in_chunks_are_read_alike(first, tmp_path):
    for seed in range(first, first + EACH // 2):
        written = generate(seed, tmp_path)
        if written.path.suffix in (".xlsx", ".json"):
            continue
        whole = read_table(written.path)
        files = TableFiles(written.path)
        parts = pl.concat(list(files.chunks(7)), how="vertical_relaxed")
        assert parts.equals(whole.frame.select(parts.columns)), written.how
        assert files.known == whole.known, written.how
