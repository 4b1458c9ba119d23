"""SIGKILL at random moments: of a fit with Checkpoint, of save, and of `fit --memory`.

python prove/kills.py [--times 100] [--only checkpoint,save,memory] [--seed 0]

The moments are spread over the whole length of the work; those after its end do not count. After
each kill the file is the old or the new one, as a whole; the next start ends with the bits of work
that was never killed; and nothing that was temporary is left. Prints one line for each kind, and
exits with 1 on a failure.
"""

from __future__ import annotations

import argparse
import glob
import hashlib
import os
import random
import shutil
import sys
import tempfile
import time
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import safetensors.numpy
from children import Ended, command, forked, quiet, side_by_side
from sklearn.datasets import make_classification

import multilayer.cli.app  # noqa: F401  (imported here, not in each fork)
from multilayer import Checkpoint, MLPClassifier, load, save

MOST = 4  # tries for each kill that hits
X, Y = make_classification(400, 6, n_informative=4, random_state=0)
# Each way of training has a checkpoint of its own kind.
FITS: list[dict[str, Any]] = [
    {"solver": "adam", "max_iter": 60},
    {"solver": "sgd", "early_stopping": True, "max_iter": 60},
    {"solver": "lbfgs", "max_iter": 40, "max_fun": 60},
]


class Failure(Exception):
    """Something was lost, damaged or left."""


def moments(times: int, length: float, rng: random.Random) -> Iterator[float]:
    """Yield moments in random order, in each round one in each of so many parts of the work."""
    for _ in range(MOST):
        spread = [(k + rng.random()) / times * length for k in range(times)]
        rng.shuffle(spread)
        yield from spread


def digest(path: Path) -> bytes:
    """Digest the arrays of a model file."""
    arrays = safetensors.numpy.load_file(path)
    text = b"".join(name.encode() + arrays[name].tobytes() for name in sorted(arrays))
    return hashlib.blake2b(text).digest()


def timed(work: Callable[[], bytes | None]) -> tuple[Ended, float]:
    """Do some work in a fork; return how it ended, and its length in seconds."""
    began = time.monotonic()
    ended = forked(work)
    return ended, time.monotonic() - began


def expect(condition: bool, *what: object) -> None:
    """Raise Failure unless a condition holds."""
    if not condition:
        raise Failure(" ".join(map(str, what)))


class OfCheckpoint:
    """A fit that saves a checkpoint after every epoch: the next fit goes on to the same bits."""

    def __init__(self, folder: Path, kind: int) -> None:
        self.folder, self.kind = folder, kind
        self.path = folder / "training.checkpoint"
        self.length = 0.0
        for _ in range(2):  # the first time is longer
            self.path.unlink(missing_ok=True)
            self.expected, self.length = timed(self.work)
        self.path.unlink()

    def work(self) -> bytes:
        """Train, or go on; return a digest of the network."""
        options = {"hidden_layer_sizes": (8,), "tol": 0.0, "n_iter_no_change": 10**6}
        model = MLPClassifier(**options | FITS[self.kind % len(FITS)], random_state=0)
        model.set_callbacks(Checkpoint(self.path, interval=0))
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            model.fit(X, Y)
        parts = [*model.coefs_, *model.intercepts_, np.array(model.loss_curve_)]
        return hashlib.blake2b(b"".join(part.tobytes() for part in parts)).digest()

    def check(self, rng: random.Random, late: bool) -> None:
        """Check the file, and sometimes that the training goes on; otherwise kill it again."""
        if self.path.exists():
            expect(forked(lambda: bytes(bool(load(self.path)))).status == 0, "damaged checkpoint")
        if not late and rng.random() < 0.5:
            return
        expect(forked(self.work) == self.expected, "other bits after resuming")
        expect(os.listdir(self.folder) == [self.path.name], os.listdir(self.folder))
        self.path.unlink()


class OfSave:
    """`save` over an existing model, again and again: the file is always one of the models."""

    def __init__(self, folder: Path, kind: int) -> None:
        self.folder, self.path = folder, folder / "model.mlp"
        self.length = 0.2
        for k in (0, 1):
            expect(forked(lambda k=k: save(self.models()[k], self.path)).status == 0, "save")
            (folder.parent / f"{folder.name}-{k}").write_bytes(self.path.read_bytes())
        self.known = [(folder.parent / f"{folder.name}-{k}").read_bytes() for k in (0, 1)]

    def models(self) -> list[Any]:
        """Make models of different sizes."""
        sizes = (4,), (300, 300)
        return [MLPClassifier(s, random_state=0).initialize(X, Y) for s in sizes]

    def work(self) -> None:
        """Save without end."""
        models = self.models()
        while True:
            for model in models:
                save(model, self.path)

    def check(self, rng: random.Random, late: bool) -> None:
        """Check that the file is whole, and that the next save leaves nothing else."""
        expect(self.path.read_bytes() in self.known, "a damaged model")
        expect(forked(lambda: save(self.models()[0], self.path)).status == 0, "save")
        expect(os.listdir(self.folder) == [self.path.name], os.listdir(self.folder))


class OfMemory:
    """`multilayer fit "data/*.parquet" --memory`: the next fit removes the folder of the killed."""

    def __init__(self, folder: Path, kind: int) -> None:
        self.folder, self.scratch = folder, folder / "scratch"
        (folder / "data").mkdir()
        self.scratch.mkdir()
        forked(self.write)
        self.path, self.length = folder / "model.mlp", 0.0
        for _ in range(2):
            self.path.unlink(missing_ok=True)
            ended, self.length = timed(self.work)
            expect(ended.status == 0, "the first fit failed")
        self.expected = digest(self.path)

    def write(self) -> None:
        """Write the files."""
        for k in range(3):
            frame = pl.DataFrame(X, schema=[f"x{j}" for j in range(X.shape[1])])
            frame.with_columns(y=Y).write_parquet(self.folder / "data" / f"{k}.parquet")

    def work(self) -> None:
        """Run the command."""
        tempfile.tempdir = str(self.scratch)
        with quiet():
            options = ["--layers", "8", "--max-iter", "15", "--memory", "20MB", "-o", "model.mlp"]
            command("fit", "data/*.parquet", "-t", "y", "-q", *options, folder=self.folder)

    def check(self, rng: random.Random, late: bool) -> None:
        """Check that the model is whole, that the next fit gives the same, and leaves nothing."""
        if self.path.exists():
            expect(digest(self.path) == self.expected, "a damaged model")
        if rng.random() < 0.5:
            self.path.unlink(missing_ok=True)
        expect(forked(self.work).status == 0, "the next fit failed")
        expect(digest(self.path) == self.expected, "other bits after a kill")
        left = [*os.listdir(self.scratch), *glob.glob(f"{self.folder}/.*")]
        expect(not left, "left:", left)


KINDS: dict[str, Callable[[Path, int], Any]] = {
    "checkpoint": OfCheckpoint,
    "save": OfSave,
    "memory": OfMemory,
}


def killed(kind: str, times: int, seed: int) -> tuple[int, int, list[str]]:
    """Kill so many times; return how many kills were survived, how many came late, failures."""
    rng = random.Random(f"{kind} {seed}")
    survived = late = 0
    failures: list[str] = []
    root = Path(tempfile.mkdtemp(prefix="kills-"))
    try:
        (root / "work").mkdir()
        subject = KINDS[kind](root / "work", seed)
        for moment in moments(times, subject.length, rng):
            if survived + len(failures) == times:
                break
            ended = forked(subject.work, kill_after=moment)
            try:
                expect(ended.status <= 0, "the work failed by itself")
                subject.check(rng, late=ended.status == 0)
                survived += ended.status < 0
                late += ended.status == 0
            except Failure as failure:
                failures.append(f"killed after {moment:.3f} s: {failure}")
                shutil.rmtree(root / "work")
                (root / "work").mkdir()
                subject = KINDS[kind](root / "work", seed)
    finally:
        shutil.rmtree(root)
    return survived, late, failures


def shares(times: int, parts: int) -> Iterator[int]:
    """Divide a number into parts."""
    for k in range(parts):
        yield times * (k + 1) // parts - times * k // parts


def main() -> int:
    """Kill each kind, and report; return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--times", type=int, default=100)
    parser.add_argument("--only", default=",".join(KINDS))
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    code = 0
    for kind in given.only.split(","):
        parts = list(shares(given.times, min(6, given.times)))
        seeds = [given.seed * len(parts) + k for k in range(len(parts))]
        runs = [(kind, n, seed) for n, seed in zip(parts, seeds, strict=True)]
        survived, late, failures = zip(*side_by_side(killed, runs), strict=True)
        more = f" ({sum(late)} more came after its end)" if sum(late) else ""
        print(f"kills of {kind}: {sum(survived)} of {given.times} survived{more}", flush=True)
        for failure in (line for lines in failures for line in lines):
            print(f"  {failure}", flush=True)
        code |= sum(survived) < given.times
    return code


if __name__ == "__main__":
    sys.exit(main())
