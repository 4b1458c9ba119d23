"""The commands together: help, every kind of bad input, pipes, a full disk."""

import os
import re
import resource
import signal
import subprocess
import sys

import pytest
from typer.testing import CliRunner

import multilayer
from multilayer.cli.app import app

TEXT = "a,b,c,d\n" + "".join(f"{k},{'x' if k % 2 else 'y'},,z\n" for k in range(50))
BAD = {
    "missing file": (["fit", "none.csv", "-t", "a"], "none.csv: No such file"),
    "empty table": (["fit", "empty.csv", "-t", "a"], "empty.csv is empty"),
    "no rows": (["fit", "norows.csv", "-t", "a"], "norows.csv has 0 rows"),
    "binary": (["fit", "junk.csv", "-t", "a"], "junk.csv is a binary"),
    "folder": (["fit", ".", "-t", "a"], "Is a directory"),
    "unknown target": (["fit", "t.csv", "-t", "B"], "no column 'B': the nearest are 'b'"),
    "unknown number": (["fit", "t.csv", "-t", "9"], "no column '9': it has 'a', 'b', 'c', 'd'"),
    "no target": (["fit", "t.csv"], "--target must name the column"),
    "constant target": (["fit", "t.csv", "-t", "d"], "two different values, but all 50 are z"),
    "missing target": (["fit", "t.csv", "-t", "c"], "must have values, but all 50 are missing"),
    "text target": (
        ["fit", "t.csv", "-t", "b", "--task", "regression"],
        "must be numbers for regression, but holds 'y'",
    ),
    "numbers as classes": (
        ["fit", "diabetes", "-t", "bmi", "--task", "classification"],
        "whole numbers for classification, but holds",
    ),
    "infinite target": (["fit", "inf.csv", "-t", "y"], "'y' must be finite, but holds inf"),
    "infinite column": (["fit", "inf.csv", "-t", "z"], "column 'y' must hold finite numbers"),
    "no usable column": (["fit", "useless.csv", "-t", "a"], "needs a column that varies"),
    "target only": (["fit", "one.csv", "-t", "a"], "a column besides the target"),
    "layers 0": (["fit", "moons", "--layers", "0"], "--layers must be .* got '0'"),
    "fast and layers": (["fit", "moons", "--fast", "--layers", "5"], "combined with --layers"),
    "fast and members": (["fit", "moons", "--fast", "--members", "3"], "--fast trains one network"),
    "interval": (["predict", "good.mlp", "t.csv", "--interval", "0.9"], "interval is for numbers"),
    "layers 5,,5": (["fit", "moons", "--layers", "5,,5"], "--layers must be .* got '5,,5'"),
    "layers text": (["fit", "moons", "--layers", "many"], "--layers must be .* got 'many'"),
    "validation": (["fit", "moons", "--validation", "2"], "--validation"),
    "few rows": (["fit", "few.csv", "-t", "a", "--solver", "sgd"], "--validation 0 trains on all"),
    "few rows in folds": (
        ["cv", "few.csv", "-t", "a", "--layers", "2", "--folds", "2"],
        "a plain network needs more rows in each fold",
    ),
    "activation": (["fit", "moons", "--activation", "rilu"], "'activation' .* Got 'rilu'"),
    "folder of model": (["fit", "moons", "-o", "none/m.mlp"], "none must be a folder that exists"),
    "model a folder": (["fit", "moons", "-o", "."], "--output must be a file"),
    "figures": (["fit", "moons", "--plot", "t.csv/x"], "t.csv/x: Not a directory"),
    "no model": (["predict", "t.csv", "t.csv"], "t.csv is not a model file"),
    "missing model": (["predict", "none.mlp", "t.csv"], "none.mlp: No such file"),
    "another model": (["predict", "encoder.mlp", "t.csv"], "must hold a tabular model or"),
    "other columns": (["predict", "good.mlp", "iris"], "iris must have the columns .* has no 'a'"),
    "other format": (["predict", "good.mlp", "t.csv", "-o", "x.xls"], "must end in .* 'x.xls'"),
    "unknown class": (["evaluate", "good.mlp", "other.csv"], "knows, x, y, but holds 'w'"),
    "no truth": (["evaluate", "good.mlp", "notruth.csv"], "has no column 'b'"),
    "unknown option": (["fit", "moons", "--what"], "No such option: --what"),
    "unknown command": (["train"], "No such command 'train'"),
    "no argument": (["fit"], "Missing argument"),
}  # fmt: skip


@pytest.mark.parametrize("case", BAD)
def test_bad_input_is_one_line(run, case, tmp_path):
    args, message = BAD[case]
    (tmp_path / "t.csv").write_text(TEXT)
    (tmp_path / "empty.csv").write_text("")
    (tmp_path / "norows.csv").write_text("a,b\n")
    (tmp_path / "junk.csv").write_bytes(bytes(range(256)))
    (tmp_path / "inf.csv").write_text("x,y,z\n" + "1,inf,0\n2,3.5,1\n" * 20)
    (tmp_path / "useless.csv").write_text("a,b\n" + "0,x\n1,x\n" * 20)
    (tmp_path / "one.csv").write_text("a\n" + "0\n1\n" * 20)
    (tmp_path / "few.csv").write_text("a,b\n0,1\n1,2\n0,3\n1,4\n")
    (tmp_path / "other.csv").write_text("a,b\n1,w\n2,x\n")
    (tmp_path / "notruth.csv").write_text("a,q\n1,w\n2,x\n")
    if "good.mlp" in args:
        run("fit", "t.csv", "-t", "b", "-o", "good.mlp", "--max-iter", "2", "-q")
    if "encoder.mlp" in args:
        multilayer.TableEncoder().fit([[1], [2]]).save("encoder.mlp")
    before = sorted(os.listdir())
    result = run(*args, code=2)
    lines = result.stderr.splitlines()
    assert len(lines) == 1, lines
    assert lines[0].startswith("multilayer: error: ")
    assert re.search(message, lines[0]), lines[0]
    assert sorted(os.listdir()) == before


@pytest.mark.parametrize("command", ["demo", "fit moons --plot figures"])
def test_figures_without_matplotlib(run, monkeypatch, command):
    monkeypatch.setattr("multilayer.extras.find_spec", lambda name: None)
    result = run(*command.split(), code=2)
    assert result.stderr == (
        "multilayer: error: a figure needs matplotlib: pip install 'multilayer[plot]'\n"
    )


def test_programming_errors_are_not_hidden(run, monkeypatch):
    monkeypatch.setattr("multilayer.cli.inspect.load_with_notes", lambda path: None)
    result = CliRunner().invoke(app, ["inspect", "m.mlp"])
    assert isinstance(result.exception, TypeError)


def test_help(run):
    for command in ("fit", "predict", "evaluate", "inspect", "demo"):
        assert f"multilayer {command}" in run(command, "--help").output
    assert run().output.count("multilayer fit") == 1
    assert run("--version").output == f"multilayer {multilayer.__version__}\n"


def process(*args, **kwargs):
    return subprocess.Popen(
        [sys.executable, "-m", "multilayer", *args],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        **kwargs,
    )


def test_nobody_reads_on(run, tmp_path):
    run("fit", "moons", "--max-iter", "2", "-q")
    child = process("predict", "moons.mlp", "moons")
    child.stdout.close()  # as `| head -0` does
    assert child.stderr.read() == ""
    child.stderr.close()
    assert child.wait(60) == 0


def test_full_disk(run, tmp_path, table):
    run("fit", "moons", "--max-iter", "2", "-q", "-o", "old.mlp")
    before = (tmp_path / "old.mlp").read_bytes()

    def limit():
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096))

    table(3000).select(x1="x", x2="amount").write_csv("moons.csv")
    for args in (
        ("fit", "digits", "--max-iter", "2", "-q", "-o", "old.mlp"),
        ("predict", "old.mlp", "moons.csv", "-o", "out.csv"),
    ):
        child = process(*args, preexec_fn=limit)
        err = child.communicate(timeout=60)[1]
        assert child.returncode == 2, err
        assert err.splitlines()[-1].endswith(f"{args[-1]}: File too large")
        assert (tmp_path / "old.mlp").read_bytes() == before
        assert sorted(os.listdir()) == ["moons.csv", "old.mlp"]
