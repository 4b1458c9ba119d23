"""Cells of CSV files in batches: the same with pyarrow and without."""

import polars as pl
import pytest

from multilayer.reading import cells as module
from multilayer.reading.cells import Cells, sample_of
from multilayer.reading.dialect import detect_dialect


@pytest.mark.parametrize("rows", [1, 700, 2048, 5000, 10_000])
def test_batches_are_the_same_with_and_without_pyarrow(tmp_path, monkeypatch, rows):
    path = tmp_path / "t.csv"
    lines = [
        f'{k},"a, {k % 7}",{"" if k % 5 == 0 else "é"}' for k in range(4999 if rows > 1 else 9)
    ]
    path.write_text("\n".join(["n,text,gaps", *lines]) + "\n", encoding="utf-8")
    cells = Cells(path, "t.csv", detect_dialect(sample_of(path, "t.csv"), None, None), threads=1)
    found = []
    for package in (object(), None):
        monkeypatch.setattr(module, "find_spec", lambda name, package=package: package)
        found.append(list(cells.batches(rows)))
        assert all(len(batch) <= rows for batch in found[-1])
    whole = cells.whole()
    for batches in found:
        assert pl.concat(batches).equals(whole)
    assert [len(batch) for batch in found[1][:-1]] == [rows] * (len(found[1]) - 1)
