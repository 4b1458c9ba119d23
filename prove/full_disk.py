"""Writes of every kind onto a file system that is full, at every byte that may be too many.

python prove/full_disk.py [--times 20] [--only save,checkpoint,fit,…]

A limit of the file size (RLIMIT_FSIZE) stands for the full disk: `save` meets it at every byte of
its file, `Checkpoint` at every 20th, the commands at so many bytes spread over theirs, the first
and the last included. Where a file system can be mounted, a tmpfs of a few pages fills up as well.
The old file stays whole; there is one error, and exit code 2; nothing else is left. Prints one line
for each kind, and exits with 1 on a failure.
"""

from __future__ import annotations

import argparse
import gzip
import io
import os
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext, suppress
from functools import partial
from pathlib import Path
from typing import Any

import polars as pl
from children import command, forked, quiet, side_by_side
from sklearn.datasets import make_classification

from multilayer import Checkpoint, MLPClassifier, save

PAGE = resource.getpagesize()
X, Y = make_classification(300, 4, n_informative=3, n_redundant=1, random_state=0)
FIT = ["fit", "../table.parquet", "-t", "y", "--layers", "3", "--max-iter", "2", "-q"]
# The commands, each with the files that it writes into its folder.
COMMANDS: dict[str, tuple[list[str], list[str]]] = {
    "fit": ([*FIT, "-o", "m.mlp"], ["m.mlp"]),
    "report": ([*FIT, "-o", "../m2.mlp", "--report", "r.html"], ["r.html"]),
    "figure": (["cv", *FIT[1:], "--folds", "2", "--figure", "f.png"], ["f.png"]),
    "predict csv": (["predict", "../model.mlp", "../table.parquet", "-o", "p.csv"], ["p.csv"]),
    "predict parquet": (
        ["predict", "../model.mlp", "../table.parquet", "-o", "p.parquet"],
        ["p.parquet"],
    ),
    "export onnx": (["export", "../model.mlp", "-o", "e.onnx"], ["e.onnx"]),
    "export c": (["export", "../plain.mlp", "-o", "e.c"], ["e.c"]),
    "export py": (["export", "../plain.mlp", "-o", "e.py"], ["e.py"]),
    "memory": ([*FIT, "--memory", "20MB", "-o", "../m4.mlp"], []),
    "packed table": ([*FIT[:1], "../table.csv.gz", *FIT[2:], "-o", "../m5.mlp"], []),
}


class Failure(Exception):
    """Something was lost, damaged or left, or an error was not one line."""


def expect(condition: bool, *what: object) -> None:
    """Raise Failure unless a condition holds."""
    if not condition:
        raise Failure(" ".join(map(str, what)))


@contextmanager
def full_at(size: int) -> Iterator[None]:
    """Let no file of this process grow beyond a size."""
    hard = resource.getrlimit(resource.RLIMIT_FSIZE)[1]
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (hard, hard))


def at_bytes(write: Callable[[Path], Any], old: bytes, step: int) -> str:
    """Write a file at limits below its size, in this process; return what was done."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "file")
        path.write_bytes(old)
        write(path)
        whole = path.read_bytes()
        path.write_bytes(old)
        limits = sorted({*range(0, len(whole), step), len(whole) - 1})
        for size in limits:
            with full_at(size):
                try:
                    write(path)
                except OSError as error:
                    expect(path.name in str(error), "an error without the file:", error)
                else:
                    raise Failure(f"no error at {size} bytes")
            expect(path.read_bytes() == old, f"the old file is damaged at {size} bytes")
            expect(os.listdir(folder) == [path.name], "left:", os.listdir(folder))
        with full_at(len(whole)):
            write(path)
        expect(path.read_bytes() == whole, "another file on a disk with just enough space")
        return f"{len(limits)} sizes of {len(whole)}"


def fit(**options: Any) -> MLPClassifier:
    """Train a small network."""
    model = MLPClassifier((2,), solver="sgd", random_state=0)
    callbacks = options.pop("callbacks", [])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return model.set_params(**options).set_callbacks(*callbacks).fit(X, Y)


def of_save(times: int) -> str:
    """`save` over another file."""
    model = fit(max_iter=1)
    return at_bytes(lambda path: save(model, path), b"old", 1)


def of_checkpoint(times: int) -> str:
    """A checkpoint over the one before."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "first")
        fit(max_iter=1, callbacks=[Checkpoint(path)])
        first = path.read_bytes()
    return at_bytes(lambda path: fit(max_iter=2, callbacks=[Checkpoint(path)]), first, 20)


def prepare(root: Path) -> None:
    """Write the tables and the models that the commands read."""
    names = [f"x{j}" for j in range(X.shape[1])]
    table = pl.DataFrame(X, schema=names).with_columns(y=Y)
    table.write_parquet(root / "table.parquet")
    (root / "table.csv.gz").write_bytes(gzip.compress(table.write_csv().encode()))
    fit(max_iter=1).save(root / "plain.mlp")
    with quiet():
        command(*FIT, "-o", "../model.mlp", folder=root / "work")


def run(arguments: list[str], folder: Path, size: int | None) -> tuple[int, str]:
    """Run a command in a fork; return its exit code, and what it wrote to standard error."""

    def work() -> bytes:
        tempfile.tempdir = str(folder)
        code = 0
        with quiet(), nullcontext() if size is None else full_at(size):
            sys.stderr = io.StringIO()
            try:
                command(*arguments, folder=folder)
            except SystemExit as error:
                code = int(error.code or 0)
        return f"{code}\n{sys.stderr.getvalue()}".encode()

    ended = forked(work)
    expect(ended.status == 0, "an error that is none of the commands'")
    code, _, text = ended.result.decode().partition("\n")
    return int(code), text


def check(kind: str, folder: Path, size: int | None) -> bool:
    """Run a command on a disk that is full; return whether there was space enough."""
    written = COMMANDS[kind][1]
    for name in written:
        (folder / name).write_bytes(b"old")
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    code, text = run(COMMANDS[kind][0], folder, size)
    if not code:
        return True
    lines = [line for line in text.splitlines() if "warning:" not in line]
    expect(code == 2, f"exit code {code}:", lines[-3:])
    one = len(lines) == 1 and lines[0].startswith("multilayer: error: ")
    expect(one, "not one error:", lines)
    expect("Errno" not in text, "no clear error:", text)
    after = {path.name: path.read_bytes() for path in folder.iterdir()}
    expect(after == before, "other files:", sorted(after))
    return False


def of_command(kind: str, times: int) -> str:
    """Run a command on disks that are full; return what was done."""
    root = Path(tempfile.mkdtemp(prefix="full-disk-"))
    folder = root / "work"
    try:
        folder.mkdir()
        expect(forked(lambda: prepare(root)).status == 0, "nothing to work on")
        expect(check(kind, folder, None), "it fails by itself")
        # Of temporary files the size is not known: they are written until there is space enough.
        largest = sum((folder / name).stat().st_size for name in COMMANDS[kind][1]) or 30_000
        limits = sorted({1, largest - 1, *(k * largest // times for k in range(times))})
        for n, size in enumerate(limits):
            try:
                if check(kind, folder, size):
                    expect(n > 1 and not COMMANDS[kind][1], "no error")
                    limits = limits[:n]
                    break
            except Failure as failure:
                raise Failure(f"{size} bytes of {largest}: {failure}") from None
        return f"{len(limits)} sizes of {largest}; {on_tmpfs(kind, folder)}"
    finally:
        shutil.rmtree(root)


def on_tmpfs(kind: str, folder: Path) -> str:
    """Run a command on a small file system that has more and more pages left."""
    for path in folder.iterdir():
        path.unlink()
    mounted = ["mount", "-t", "tmpfs", "-o", f"size={64 * PAGE}", "tmpfs", str(folder)]
    if os.name == "nt" or subprocess.run(mounted, capture_output=True).returncode:
        return "no file system can be mounted here"
    try:
        for left in (0, 1, 2, 4, 8, 16, 32, 60):
            for path in folder.iterdir():
                path.unlink()
            for name in COMMANDS[kind][1]:
                (folder / name).write_bytes(b"old")
            with open(folder / "ballast", "wb", buffering=0) as ballast, suppress(OSError):
                while ballast.write(bytes(PAGE)):
                    pass
            os.truncate(folder / "ballast", os.stat(folder / "ballast").st_size - left * PAGE)
            if check(kind, folder, None):
                return f"a tmpfs with {left} pages left was enough"
        return "a tmpfs was never enough"
    finally:
        subprocess.run(["umount", str(folder)], check=True)


KINDS: dict[str, Callable[[int], str]] = {
    "save": of_save,
    "checkpoint": of_checkpoint,
    **{kind: partial(of_command, kind) for kind in COMMANDS},
}


def tried(kind: str, times: int) -> tuple[bool, str]:
    """Try one kind in a fork of its own; return whether all went well, and a line."""
    try:
        return True, f"full disk for {kind}: {KINDS[kind](times)} survived"
    except Failure as failure:
        return False, f"full disk for {kind}: FAILED, {failure}"


def main() -> int:
    """Try each kind, and report; return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--times", type=int, default=20)
    parser.add_argument("--only", default=",".join(KINDS))
    given = parser.parse_args()
    lines = side_by_side(tried, [(kind, given.times) for kind in given.only.split(",")])
    for _, line in lines:
        print(line)
    return 0 if all(well for well, _ in lines) else 1


if __name__ == "__main__":
    sys.exit(main())
