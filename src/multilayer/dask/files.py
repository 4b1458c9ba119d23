"""Files as a Dask dataframe, read in the same way as elsewhere."""

from __future__ import annotations

from typing import Any

import dask.dataframe as dd
import polars as pl

from multilayer.reading.files import TableFiles

__all__ = ["dask_dataframe"]


def dask_dataframe(files: TableFiles, n_workers: int) -> Any:
    """Return the rows of files as a dataframe, each file a partition or more.

    Parameters
    ----------
    files : TableFiles
        On folders that all workers see.
    n_workers : int
        If there are fewer files, partitions are cut, so that each worker has one.
    """
    meta = next(files.chunks(1)).clear().to_pandas()
    table = dd.from_map(_read, files.paths, files=files, meta=meta)
    return table if len(files.paths) >= n_workers else table.repartition(npartitions=n_workers)


def _read(path: str, files: TableFiles) -> Any:
    return pl.concat(list(files.chunks_of(path))).to_pandas()
