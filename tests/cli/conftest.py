"""What the tests of the commands share: a folder to run them in, and a table of every kind."""

import numpy as np
import polars as pl
import pytest
from typer.testing import CliRunner

from multilayer.cli.app import app


@pytest.fixture
def run(tmp_path, monkeypatch):
    """Run a command in an empty folder; return its result."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "80")
    runner = CliRunner()

    def run(*args, code=0, **kwargs):
        result = runner.invoke(app, [str(arg) for arg in args], **kwargs)
        assert result.exit_code == code, result.output + result.stderr
        return result

    return run


@pytest.fixture(scope="session")
def table():
    """Make numbers, texts, gaps, booleans, dates, a constant; two targets that follow from them."""

    def table(rows=60, seed=0):
        rng = np.random.default_rng(seed)
        x, kind = rng.normal(size=rows), rng.choice(["red", "green", "blue"], rows)
        z = 2 * x + (kind == "red") - 0.3
        return pl.DataFrame(
            {
                "x": x,
                "kind": kind,
                "gaps": np.where(rng.random(rows) < 0.2, np.nan, rng.normal(size=rows).round(3)),
                "flag": rng.random(rows) < 0.5,
                "day": np.datetime64("2020-01-01") + rng.integers(0, 999, rows),
                "same": 7,
                "answer": np.where(z > 0, "yes", "no"),
                "amount": 1000 + 50 * z,
            }
        )

    return table


@pytest.fixture
def files(tmp_path, table):
    table(800).write_csv(tmp_path / "train.csv")
    table(60, seed=1).write_csv(tmp_path / "test.csv")
    return tmp_path
