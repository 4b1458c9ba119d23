"""The code in the README runs as it is written."""

import re
import shlex
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from typer.testing import CliRunner

import multilayer
from multilayer.cli.app import app

README = (Path(__file__).parents[2] / "README.md").read_text(encoding="utf-8")


@pytest.fixture(autouse=True)
def passengers(tmp_path, monkeypatch, rng):
    """A small titanic.csv in the folder where the README's lines run."""
    sex, age = rng.choice(["male", "female"], 300), rng.uniform(1, 80, 300)
    survived = (sex == "female") ^ (rng.rand(300) < 0.1)
    table = pl.DataFrame(
        {
            "sex": sex,
            "age": np.where(age > 75, np.nan, age),
            "alive": np.where(survived, "yes", "no"),
            "survived": survived.astype(int),
        }
    )
    table.with_columns(pl.col("age").fill_nan(None)).write_csv(tmp_path / "titanic.csv")
    table.head(5).drop("survived", "alive").write_csv(tmp_path / "new_passengers.csv")
    monkeypatch.chdir(tmp_path)


def blocks(language):
    fenced = re.findall(r"^```(\w*)\n(.*?)^```$", README, re.DOTALL | re.MULTILINE)
    return [text for name, text in fenced if name == language]


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_python(tmp_path, capsys):
    (code,) = blocks("python")
    exec(compile(code, "README.md", "exec"), {})
    assert (tmp_path / "titanic.mlp").stat().st_size > 1000
    assert "[[" in capsys.readouterr().out
    assert len(code.splitlines()) <= 11


def test_command_line(tmp_path):
    lines = [
        line
        for block in blocks("")
        for line in block.splitlines()
        if line.startswith("multilayer ")
    ]
    assert len(lines) == 2
    for line in lines:
        result = CliRunner().invoke(app, shlex.split(line)[1:])
        assert result.exit_code == 0, result.output
    assert pl.read_csv(tmp_path / "predictions.csv").height == 5
    assert multilayer.load(tmp_path / "titanic.mlp").predict(pl.read_csv("titanic.csv")).shape


def test_tree_names_what_is_there():
    (tree,) = [block for block in blocks("") if block.startswith("src/multilayer/")]
    house = Path(multilayer.__file__).parent
    inside = "\n".join(line for line in tree.splitlines() if line.startswith("  "))
    named = set(re.findall(r"\b(\w+\.py)\b|\b(\w+)/", inside))
    names = {file or folder for file, folder in named}
    assert {name for name in names if not (house / name).exists()} == set()
    rooms = {p.name for p in house.iterdir() if p.is_dir() and not p.name.startswith("_")}
    assert rooms <= names
    root = Path(__file__).parents[2]
    outside = re.findall(r"^(\S+)/", tree, re.MULTILINE)
    assert all((root / name).is_dir() for name in outside)


def test_links_lead_somewhere():
    root = Path(__file__).parents[2]
    targets = re.findall(r"\]\(([^)#]+)\)", README)
    assert len(targets) > 15
    assert [target for target in targets if not (root / target).exists()] == []
