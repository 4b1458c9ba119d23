"""Every command with standard output or error closed, or with a reader that leaves early.

python prove/closed_pipes.py [--only fit,predict,…]

A command does its work, and ends with the exit code of the work, whoever reads; there is no
traceback, and no complaint about the pipe. Prints one line for each command, and exits with 1 on a
failure.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import NamedTuple

import polars as pl
from children import command, forked, quiet, side_by_side
from sklearn.datasets import make_classification

TRAIN = ["--layers", "3", "--max-iter", "3"]


class Command(NamedTuple):
    """A command, its exit code, and the files that it writes."""

    arguments: list[str]
    code: int = 0
    files: tuple[str, ...] = ()


COMMANDS = {
    "help": Command(["--help"]),
    "version": Command(["--version"]),
    "fit": Command(["fit", "t.csv", "-t", "y", *TRAIN, "-o", "new.mlp"], 0, ("new.mlp",)),
    "fit tabular": Command(
        ["fit", "t.csv", "-t", "y", "--fast", "--max-iter", "2", "-o", "new.mlp"], 0, ("new.mlp",)
    ),
    "fit report": Command(
        ["fit", "t.csv", "-t", "y", *TRAIN, "-o", "new.mlp", "--report", "new.html"],
        0,
        ("new.mlp", "new.html"),
    ),
    "fit memory": Command(
        ["fit", "t.csv", "-t", "y", *TRAIN, "--memory", "20MB", "-o", "new.mlp"], 0, ("new.mlp",)
    ),
    "search": Command(
        ["search", "t.csv", "-t", "y", "--candidates", "3", "--folds", "2", "-o", "new.mlp"],
        0,
        ("new.mlp",),
    ),
    "compare": Command(["compare", "t.csv", "-t", "y", "--folds", "2", "--time", "1s"]),
    "cv": Command(["cv", "t.csv", "-t", "y", *TRAIN, "--folds", "2"]),
    "predict": Command(["predict", "m.mlp", "t.csv"]),
    "predict -o": Command(["predict", "m.mlp", "t.csv", "-o", "new.csv"], 0, ("new.csv",)),
    "evaluate": Command(["evaluate", "m.mlp", "t.csv"]),
    "inspect": Command(["inspect", "m.mlp"]),
    "export": Command(["export", "m.mlp", "-o", "new.onnx"], 0, ("new.onnx",)),
    "demo": Command(["demo", "-o", "new"], 0, ("new/costs.png",)),
    "wrong file": Command(["fit", "none.csv"], 2),
    "wrong option": Command(["fit", "--none"], 2),
    "wrong command": Command(["none"], 2),
}


def close(*descriptors: int) -> None:
    """Close standard streams, as `>&-` does."""
    for descriptor in descriptors:
        os.close(descriptor)
        name = ("stdin", "stdout", "stderr")[descriptor]
        setattr(sys, name, None)
        setattr(sys, f"__{name}__", None)


def leave(descriptor: int, after: int) -> None:
    """Make a stream a pipe whose reader leaves after so many bytes."""
    readable, writable = os.pipe()
    if not os.fork():
        os.close(writable)
        if after:
            os.read(readable, after)
        os._exit(0)
    os.close(readable)
    os.dup2(writable, descriptor)
    os.close(writable)


WAYS: dict[str, Callable[[], None]] = {
    ">&-": partial(close, 1),
    "2>&-": partial(close, 2),
    ">&- 2>&-": partial(close, 1, 2),
    "<&- >&- 2>&-": partial(close, 0, 1, 2),
    "| head -1": partial(leave, 1, 1),
    "| true": partial(leave, 1, 0),
    "2>&1 >/dev/null | true": partial(leave, 2, 0),
}


def run(subject: Command, way: str, folder: Path) -> tuple[int, str]:
    """Run a command in a fork; return its exit code, and what it complained of."""
    errors = folder / "errors"

    def work() -> None:
        with quiet():
            file = os.open(errors, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
            os.dup2(file, 2)
            os.close(file)
            WAYS[way]()
            command(*subject.arguments, folder=folder)

    status = forked(work).status
    text = errors.read_text(errors="replace")
    errors.unlink()
    words = ("Traceback", "BrokenPipe", "Broken pipe", "Exception ignored", "Bad file", "NoneType")
    return status, next((line for line in text.splitlines() if any(w in line for w in words)), "")


def prepare(folder: Path) -> None:
    """Write the table and the model that the commands read."""
    X, y = make_classification(100, 4, n_informative=3, n_redundant=1, random_state=0)
    table = pl.DataFrame(X, schema=["x0", "x1", "x2", "x3"]).with_columns(y=y)
    table.write_csv(folder / "t.csv")
    with quiet():
        command("fit", "t.csv", "-t", "y", *TRAIN, "-o", "m.mlp", folder=folder)


def of_command(name: str) -> tuple[int, list[str]]:
    """Run a command in all ways; return how many were right, and failures."""
    subject, failures = COMMANDS[name], []
    root = Path(tempfile.mkdtemp(prefix="pipes-"))
    try:
        forked(partial(prepare, root))
        for way in WAYS:
            status, complaint = run(subject, way, root)
            if status != subject.code:
                failures.append(f"{way}: exit code {status} instead of {subject.code}")
            elif complaint:
                failures.append(f"{way}: {complaint}")
            elif missing := [file for file in subject.files if not (root / file).exists()]:
                failures.append(f"{way}: {missing[0]} is not written")
            for file in root.glob("new*"):
                shutil.rmtree(file) if file.is_dir() else file.unlink()
    finally:
        shutil.rmtree(root)
    return len(WAYS) - len(failures), failures


def of_shell(way: str) -> str:
    """Run a command in a shell, in which streams are closed before Python starts."""
    line = f"{sys.executable} -m multilayer --help {way}; exit ${{PIPESTATUS[0]}}"
    done = subprocess.run(["bash", "-c", line], capture_output=True, text=True, timeout=120)
    return "" if (done.returncode, done.stderr) == (0, "") else f"{done.returncode} {done.stderr}"


def main() -> int:
    """Run all commands in all ways, and report; return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", default=",".join([*COMMANDS, "shell"]))
    names = parser.parse_args().only.split(",")
    code = 0
    commands = [name for name in names if name in COMMANDS]
    results = side_by_side(of_command, [(name,) for name in commands])
    if "shell" in names:
        ways = [way for way in WAYS if not way.startswith("2>&1")]
        wrong = [f"{way}: {text}" for way in ways if (text := of_shell(way))]
        results.append((len(ways) - len(wrong), wrong))
        commands.append("shell")
    for name, (right, failures) in zip(commands, results, strict=True):
        print(f"closed pipes of {name}: {right} of {right + len(failures)} survived")
        for failure in failures:
            print(f"  {failure}")
            code = 1
    return code


if __name__ == "__main__":
    sys.exit(main())
