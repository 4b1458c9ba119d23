"""fit_files: from files larger than memory to a pipeline of an encoder and a network."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray
from sklearn.base import clone, is_classifier
from sklearn.pipeline import Pipeline

from multilayer.estimators.base import BaseMLP
from multilayer.estimators.inputs import Rows
from multilayer.estimators.parameters import check_parameters, make_loss
from multilayer.estimators.targets import ClassTargets, Targets
from multilayer.reading.files import TableFiles, parse_memory
from multilayer.shards import Facts, fit_shards
from multilayer.shards.fitting import encode_rows
from multilayer.streaming.blocks import Blocks, Dealer
from multilayer.streaming.engine import BlocksEngine
from multilayer.tables.foreign_errors import as_value_errors
from multilayer.tables.survey import TableSurvey, learn
from multilayer.tables.target import StandardisedTarget, fold_in_units
from multilayer.tabular import TableEncoder
from multilayer.temporary import temporary_folder
from multilayer.training.progress import tasks_bar

__all__ = ["fit_files"]

Array = NDArray[Any]
_PARTS = 8  # a chunk, and a block, is at most this part of the memory
_MOST_BLOCKS = 250  # each has open files while rows are dealt
_FEWEST_ROWS = 1000  # of a chunk


def fit_files(
    estimator: BaseMLP,
    files: str | os.PathLike[str] | Sequence[str | os.PathLike[str]] | TableFiles,
    target: str,
    *,
    memory: str | float = "1GB",
    sample_weight: str | None = None,
    encoder: TableEncoder | None = None,
    folder: str | os.PathLike[str] | None = None,
    verbose: bool | int = False,
) -> Pipeline:
    """Train a network on files that are together larger than memory.

    The files are read in chunks: first to detect the formats of strings and the types of the
    columns, and then to write the encoded rows to `folder`. There they are distributed at random
    over blocks, so that files in any order are well mixed. The network is trained on one block
    after another. All solvers are supported; those that use the full batch sum over the blocks.

    Parameters
    ----------
    estimator : MLPClassifier or MLPRegressor
        It is not changed. With `early_stopping`, a fraction of the rows is held out.
    files : str, path or sequence of them, or TableFiles
        Parquet, Arrow, JSON lines or CSV, which may be compressed: names, or a pattern such as
        ``"data/*.parquet"``. They are read as ``multilayer fit`` reads a table.
    target : str
        The column to predict. Rows in which it is missing are dropped.
    memory : str or float, default="1GB"
        The approximate memory that rows may take at any time, such as "2GB" or 500e6 bytes. Python
        and the libraries need about 300 MB in addition.
    sample_weight : str, optional
        The column with the weight of each row; it is not used as a feature.
    encoder : TableEncoder, optional
        By default one that standardises numbers, in float32. It is not changed.
    folder : str or path, optional
        The folder for the encoded rows; by default the system's folder for temporary files. The
        rows are removed at the end, or by the next fit in this folder if the process is killed.
    verbose : bool or int, default=False
        Whether to show progress bars on standard error, if the package rich is installed.

    Returns
    -------
    Pipeline
        The encoder and the network, as `multilayer fit` saves them. A regressor is trained on the
        standardised target, if its loss allows this, and predicts in the original units.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ValueError
        If the files are not tables, their columns differ, the target is missing or cannot be
        predicted, or `memory` is too small for a chunk of rows.
    OSError
        If `folder` does not have enough space for the encoded rows.

    Examples
    --------
    >>> import os, tempfile
    >>> import polars as pl
    >>> from sklearn.datasets import make_moons
    >>> from multilayer import MLPClassifier
    >>> from multilayer.streaming import fit_files
    >>> X, y = make_moons(1000, noise=0.1, random_state=0)
    >>> folder = tempfile.mkdtemp()
    >>> table = pl.DataFrame({"x1": X[:, 0], "x2": X[:, 1], "moon": y})
    >>> for k in range(4):
    ...     table[250 * k : 250 * k + 250].write_parquet(os.path.join(folder, f"{k}.parquet"))
    >>> clf = MLPClassifier(16, learning_rate_init=0.01, tol=1e-3, random_state=0)
    >>> model = fit_files(clf, os.path.join(folder, "*.parquet"), "moon", memory="10MB")
    >>> model.score(table.drop("moon"), y) > 0.99
    True
    """
    if not isinstance(estimator, BaseMLP):
        raise TypeError(
            f"estimator must be an MLPClassifier or MLPRegressor, got {type(estimator).__name__}"
        )
    network, limit = clone(estimator), parse_memory(memory)
    network.set_callbacks(*getattr(estimator, "_skl_callbacks", []))
    check_parameters(network)
    own = encoder is None
    encoder = TableEncoder() if encoder is None else clone(encoder)
    read = files if isinstance(files, TableFiles) else TableFiles(files)
    table = _Table(read, target, sample_weight, limit, bool(verbose))
    seen = table.look(encoder, is_classifier(network))
    standardises = "identity" in make_loss(network.loss).outputs and not is_classifier(network)
    scaling = seen.scaling() if standardises else StandardisedTarget()
    if own and abs(scaling.mean) >= 1e3 * scaling.scale:  # of these, float32 has too few digits
        encoder.set_params(dtype="float64")
    learn(encoder, seen.survey)
    width = len(encoder.get_feature_names_out())
    facts = seen.facts(width, np.dtype(encoder.dtype), scaling)
    # X, and targets and weights as if each took as much as one column
    needed = seen.rows * (width + 2) * facts.dtype.itemsize
    n_blocks = -(-needed * _PARTS // limit)
    if n_blocks > _MOST_BLOCKS:
        raise ValueError(
            f"memory must hold an {_MOST_BLOCKS // _PARTS}th of the encoded rows, "
            f"{needed / 1e9:.3g} GB in all, but is {limit / 1e9:.3g} GB"
        )
    with temporary_folder(folder or tempfile.gettempdir()) as scratch:
        free = shutil.disk_usage(scratch).free
        if free < needed:
            raise OSError(
                f"the encoded rows take {needed / 1e9:.3g} GB, but {folder or scratch.parent} has "
                f"{free / 1e9:.3g} GB left: name another folder"
            )

        def encode(targets: Targets, share: float, seed: int) -> tuple[Blocks, Blocks | None]:
            number = network.random_state if isinstance(network.random_state, int) else None
            dealing = Dealing(encoder, targets, scratch, int(n_blocks), number)
            return table.deal(dealing, share, seed, scaling)

        fit_shards(network, facts, encode, BlocksEngine)
    network.set_callbacks()
    if standardises:
        fold_in_units(network.network_, scaling.mean, scaling.scale)
    return Pipeline([("encoder", encoder), ("network", network)])


@dataclass
class _Survey:
    """Facts about all rows."""

    survey: TableSurvey
    rows: int = 0
    counts: Counter[Any] = field(default_factory=Counter)
    extremes: tuple[float, float] = (np.inf, -np.inf)
    mean: float = 0.0
    squares: float = 0.0

    def note(self, y: Array, classes: bool) -> None:
        """Include the targets of further rows."""
        if classes:
            self.counts.update(dict(zip(*np.unique(y, return_counts=True), strict=True)))
        else:
            together, apart = self.rows + len(y), float(y.mean()) - self.mean
            self.squares += float(((y - y.mean()) ** 2).sum())
            self.squares += apart**2 * self.rows * len(y) / together
            self.mean += apart * len(y) / together
            self.extremes = (
                min(self.extremes[0], float(y.min())),
                max(self.extremes[1], float(y.max())),
            )
        self.rows += len(y)

    def scaling(self) -> StandardisedTarget:
        return StandardisedTarget.of_moments(self.mean, self.squares / self.rows)

    def facts(self, width: int, dtype: np.dtype[Any], scaling: StandardisedTarget) -> Facts:
        if not self.counts:
            labels = scaling.forward(np.array(self.extremes))
            return Facts(self.rows, width, None, dtype, labels)
        counts = dict(sorted(self.counts.items()))
        return Facts(self.rows, width, None, dtype, np.array(list(counts)), counts)


@dataclass(frozen=True)
class Dealing:
    """The settings of writing encoded rows to blocks on disk.

    Attributes
    ----------
    encoder : TableEncoder
    targets : Targets
    folder : Path
        Where the blocks are written.
    n_blocks : int
    seed : int or None
        What decides the block of each row.
    """

    encoder: TableEncoder
    targets: Targets
    folder: Path
    n_blocks: int
    seed: int | None


class _Table:
    """The rows of files, in chunks that memory holds."""

    def __init__(
        self, files: TableFiles, target: str, weights: str | None, limit: int, verbose: bool
    ) -> None:
        self._files, self._target, self._weights = files, target, weights
        self._verbose = verbose
        for name in (target, weights):
            if name is not None and name not in files.columns:
                shown = ", ".join(files.columns[:12]) + " …" * (len(files.columns) > 12)
                raise ValueError(f"{files.paths[0]} has no column {name!r}: it has {shown}")
        self._chunk = int(limit / _PARTS / files.bytes_of_row())
        if self._chunk < _FEWEST_ROWS:
            needed = _FEWEST_ROWS * _PARTS * files.bytes_of_row()
            raise ValueError(
                f"memory must hold some thousand rows, {needed / 1e6:.3g} MB, "
                f"but is {limit / 1e6:.3g} MB"
            )

    def look(self, encoder: TableEncoder, classes: bool) -> _Survey:
        """Survey the columns and the target."""
        seen: _Survey | None = None
        for X, y, _ in self._chunks("Reading"):
            part = TableSurvey.of(X, encoder)
            if seen is None:
                seen = _Survey(part)
            else:
                seen.survey.merge(part)
            _check_target(y, self._target, classes)
            seen.note(y, classes)
        if seen is None:
            raise ValueError(f"target {self._target!r} must have values, but all are missing")
        return seen

    def deal(
        self, dealing: Dealing, share: float, seed: int, scaling: StandardisedTarget
    ) -> tuple[Blocks, Blocks | None]:
        """Encode the rows and write them, those to validate on apart."""
        rng, choice = np.random.RandomState(dealing.seed), np.random.RandomState(seed)
        learned, held_out = (
            Dealer(dealing.folder, name, dealing.n_blocks, rng) for name in ("learned", "held-out")
        )
        classes = isinstance(dealing.targets, ClassTargets)
        try:
            for X, y, weights in self._chunks("Encoding"):
                y = y if classes else scaling.forward(y)
                encoded = dealing.encoder.transform(X)
                out = choice.uniform(size=len(y)) < share
                for dealer, chosen, is_out in ((learned, ~out, False), (held_out, out, True)):
                    if chosen.any():
                        w = None if weights is None else weights[chosen]
                        taken = Rows(encoded[chosen], y[chosen], w)
                        dealer.deal(encode_rows(dealing.targets, taken, is_out))
        finally:
            learned.close()
            held_out.close()
        blocks, validation = learned.blocks(), held_out.blocks()
        if blocks is None or (share and (validation is None or validation.shape[0] < 2)):
            raise ValueError(
                f"validation_fraction={share} must leave rows to learn from and two or more to "
                "validate on"
            )
        return blocks, validation

    def _chunks(self, doing: str) -> Iterator[tuple[pl.DataFrame, Array, Array | None]]:
        """Read rows whose target is known: X, y and the weights of each chunk."""
        with tasks_bar(self._verbose, None, doing) as tell:
            for chunk in self._files.chunks(self._chunk):
                column = chunk[self._target]
                known = column.is_not_null()
                if column.dtype.is_float():
                    known &= column.is_not_nan()
                rows = chunk.filter(known)
                if len(rows):
                    names = [n for n in (self._target, self._weights) if n is not None]
                    y = rows[self._target].to_numpy()
                    y = y.astype(str) if y.dtype == object else y
                    yield rows.drop(names), y, self._weights_of(rows)
                tell()

    def _weights_of(self, rows: pl.DataFrame) -> Array | None:
        if self._weights is None:
            return None
        with as_value_errors(f"sample_weight column {self._weights!r}"):
            weights: Array = rows[self._weights].cast(pl.Float32).to_numpy()
        if not (np.isfinite(weights).all() and weights.min() >= 0):
            raise ValueError(
                f"sample_weight column {self._weights!r} must be numbers, none of them missing or "
                "negative"
            )
        return weights


def _check_target(y: Array, target: str, classes: bool) -> None:
    if classes and y.dtype.kind == "f" and (y != np.round(y)).any():
        raise ValueError(
            f"target {target!r} must be texts or whole numbers for a classifier, but holds "
            f"{y[y != np.round(y)][0]}"
        )
    if not classes and y.dtype.kind not in "biuf":
        raise ValueError(f"target {target!r} must be numbers for a regressor, but holds {y[0]!r}")
    if y.dtype.kind == "f" and not np.isfinite(y).all():
        raise ValueError(f"target {target!r} must be finite, but holds {y[~np.isfinite(y)][0]}")
