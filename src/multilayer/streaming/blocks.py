"""Blocks of encoded rows on disk, which are filled at random and read one after another."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from multilayer.engine.interface import Examples
from multilayer.shards import Shard, Shards
from multilayer.shards.data import OfShard, Sums, added_up

__all__ = ["Blocks", "Dealer"]

Array = NDArray[Any]


class Blocks(Shards):
    """Rows in blocks on disk.

    Parameters
    ----------
    paths : sequence of list of Path
        Of each block: files of X, Y and, where rows have weights, these.
    layout : sequence of (dtype, tuple of int)
        What they hold: dtype, and shape of one row.
    """

    def __init__(
        self, paths: Sequence[list[Path]], layout: Sequence[tuple[np.dtype[Any], tuple[int, ...]]]
    ) -> None:
        self._paths, self._layout = paths, layout
        (dtype, (width,)) = layout[0]
        self.lengths = [p[0].stat().st_size // (dtype.itemsize * width) for p in paths]
        super().__init__((sum(self.lengths), width), dtype, float(sum(self.lengths)))
        if len(layout) > 2:
            dtype = layout[2][0]
            self.weight = float(sum(np.fromfile(p[2], dtype).sum(dtype=float) for p in paths))

    def total(self, function: OfShard, *arguments: Any) -> Sums:
        """Sum of function(shard, *arguments) over the blocks."""
        return added_up([function(shard, *arguments) for shard in self.read()])

    def read(self, order: Sequence[int] | None = None) -> Iterator[Shard]:
        """Read the blocks, in an order if one is given; the next one while one is used."""
        places = list(range(len(self._paths)) if order is None else order)
        with ThreadPoolExecutor(1, "multilayer-read") as pool:
            ahead = pool.submit(self._load, places[0])
            for following in [*places[1:], None]:
                shard = ahead.result()
                if following is not None:
                    ahead = pool.submit(self._load, following)
                yield shard
                del shard

    def _load(self, index: int) -> Shard:
        arrays = [
            np.fromfile(path, dtype).reshape(-1, *shape)
            for path, (dtype, shape) in zip(self._paths[index], self._layout, strict=True)
        ]
        return Shard(index, Examples(*arrays))


class Dealer:
    """Distributes rows over blocks at random, so that each block represents all rows.

    Parameters
    ----------
    folder : Path
        Where the blocks are written.
    name : str
        How their files begin.
    n_blocks : int
    rng : RandomState
    """

    def __init__(self, folder: Path, name: str, n_blocks: int, rng: np.random.RandomState) -> None:
        self._folder, self._name, self._n, self._rng = folder, name, n_blocks, rng
        self._files: list[list[Any]] = []
        self._layout: list[tuple[np.dtype[Any], tuple[int, ...]]] = []

    def deal(self, examples: Examples) -> None:
        """Write rows to blocks, each to a random one."""
        arrays = [np.ascontiguousarray(array) for array in examples if array is not None]
        if not self._files:
            self._layout = [(array.dtype, array.shape[1:]) for array in arrays]
            self._files = [
                [open(self._path(b, k), "wb") for k in range(len(arrays))]  # noqa: SIM115
                for b in range(self._n)
            ]
        block = self._rng.randint(self._n, size=len(arrays[0]))
        for b, files in enumerate(self._files):
            rows = np.flatnonzero(block == b)
            for array, file in zip(arrays, files, strict=True):
                array[rows].tofile(file)

    def blocks(self) -> Blocks | None:
        """Return the blocks that received rows; None if there was no row."""
        self.close()
        paths = [[Path(file.name) for file in files] for files in self._files]
        paths = [own for own in paths if own[0].stat().st_size]
        return Blocks(paths, self._layout) if paths else None

    def close(self) -> None:
        """Close the files."""
        for file in (file for files in self._files for file in files):
            file.close()

    def _path(self, block: int, k: int) -> Path:
        return self._folder / f"{self._name}-{block:05}.{'XYw'[k]}"
