"""No command replaces a file that it reads, or one that is read-only."""

import os
import shutil
from pathlib import Path

import pytest

from multilayer.cli.output_files import check_outputs


@pytest.fixture
def models(run, files):
    run("fit", "train.csv", "-t", "answer", "--layers", "3", "--max-iter", "2", "-q", "-o", "m.mlp")
    shutil.copy("m.mlp", "m.onnx")
    shutil.copy("train.csv", "table.png")
    os.mkdir("figures")
    shutil.copy("train.csv", "figures/learning.png")
    os.mkdir("sub")
    os.symlink("train.csv", "symbolic.csv")
    os.link("train.csv", "hard.csv")


@pytest.mark.parametrize(
    "command",
    [
        *(f"fit train.csv -t answer -o {name}" for name in ("train.csv", "sub/../train.csv")),
        *(f"fit train.csv -t answer -o {name}" for name in ("symbolic.csv", "hard.csv")),
        "fit symbolic.csv -t answer -o hard.csv",
        "fit t*n.csv -t answer -o train.csv",
        "fit train.csv -t answer --report train.csv",
        "fit figures/learning.png -t answer --plot figures",
        "search train.csv -t answer -o train.csv",
        "search table.png -t answer --figure table.png",
        "compare table.png -t answer --figure table.png",
        "cv table.png -t answer --figure table.png",
        "predict m.mlp train.csv -o train.csv",
        "evaluate m.mlp train.csv --report train.csv",
        "evaluate m.mlp train.csv --report m.mlp",
        "export m.onnx -o m.onnx",
    ],
)
def test_an_input_is_not_replaced(run, models, command):
    files = [Path(name) for name in ("train.csv", "m.mlp", "table.png")]
    before = [path.read_bytes() for path in files]
    result = run(*command.split(), code=2)
    assert "must be another file than those that are read" in result.stderr
    assert len(result.stderr.splitlines()) == 1
    assert [path.read_bytes() for path in files] == before


def test_the_default_name_of_a_model_may_be_the_table(run, table):
    table().write_csv("table.mlp")
    assert "the same as table.mlp" in run("fit", "table.mlp", "-t", "answer", code=2).stderr


def test_standard_streams(tmp_path, monkeypatch):
    path = tmp_path / "t.csv"
    path.write_text("a\n1\n")
    with path.open("r+b") as file:
        stream = (("standard output", file.fileno()),)
        with pytest.raises(ValueError, match=r"standard output must be another .*t\.csv"):
            check_outputs(stream, [str(path)])
        before = os.dup(0)
        try:
            os.dup2(file.fileno(), 0)
            with pytest.raises(ValueError, match="the same as standard input"):
                check_outputs([("--output", path)], ["-"])
        finally:
            os.dup2(before, 0)
            os.close(before)
    with open(os.devnull, "r+b") as null:  # a device is no file that could be lost
        check_outputs([("standard output", null.fileno())], [os.devnull])


def test_two_outputs_differ(run, files):
    command = ("fit", "train.csv", "-t", "answer", "-o", "x.html", "--report", "x.html")
    assert "--report and --output must differ" in run(*command, code=2).stderr


@pytest.mark.parametrize("command", ["fit train.csv -t answer -o", "predict m.mlp train.csv -o"])
def test_a_read_only_file_is_not_replaced(run, models, tmp_path, command):
    path = tmp_path / "kept.csv"
    path.write_text("kept")
    path.chmod(0o444)
    result = run(*command.split(), "kept.csv", code=2)
    assert result.stderr == "multilayer: error: kept.csv: Is read-only\n"
    assert path.read_text() == "kept"
