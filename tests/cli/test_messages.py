"""What stands in a table or a model reaches a terminal, a page or a spreadsheet as text only."""

import re

import polars as pl
import pytest

from multilayer import load, save
from multilayer.cli.messages import visible

ESCAPE = "e\x1b[31mvil"


@pytest.fixture
def evil(tmp_path):
    """A table with control characters, markup and formulas in names, values and classes."""
    rows = range(90)
    pl.DataFrame(
        {
            ESCAPE: [f"{'ab'[k % 2]}\x1b]0;t\x07\u202e" if k % 30 else "c" for k in rows],
            "$\\x$": [k * 7 % 11 + 0.5 for k in rows],
            "<b>&": ["<i>" if k % 3 else "$^_" for k in rows],
            "y": [("p", "[red]=q", ESCAPE)[k % 3] for k in rows],
        }
    ).write_parquet(tmp_path / "evil.parquet")


@pytest.mark.parametrize("model", ["--layers 3", "--fast"])
def test_no_control_character_is_sent(run, evil, tmp_path, model):
    fit = ["fit", "evil.parquet", "-t", "y", *model.split(), "--max-iter", "2", "-o", "m.mlp"]
    results = [
        run(*fit, "--report", "r.html", "--plot", "figures"),
        run("inspect", "m.mlp"),
        run("evaluate", "m.mlp", "evil.parquet"),
        run("cv", "evil.parquet", "-t", "y", "--folds", "2", *model.split(), "--max-iter", "2"),
        run("fit", "evil.parquet", "-t", ESCAPE + "?", code=2),
        run("fit", ESCAPE, code=2),
        run(ESCAPE, code=2),
    ]
    for result in results:
        assert not re.search(r"[\x00-\x09\x0b-\x1f\x7f-\x9f\u202e]", result.output + result.stderr)
    assert "e\\x1b[31mvil" in results[1].output
    assert not re.search(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]", (tmp_path / "r.html").read_text())
    assert (tmp_path / "figures" / "learning.png").exists()


def test_control_characters_are_shown():
    assert visible("a\x1b\n\u202e\ud800é\u200d") == "a\\x1b\\n\\u202e\\ud800é\u200d"


def test_notes_of_another_form(run, files):
    run("fit", "train.csv", "-t", "answer", "--layers", "2", "--max-iter", "2", "-q", "-o", "m.mlp")
    notes = {"scores": {"a": 3}, "rows": 5, "seconds": "\x1b", "table": [], "reading": {"names": 1}}
    save(load("m.mlp"), "m.mlp", notes)
    assert "answer" not in run("inspect", "m.mlp").output
    run("predict", "m.mlp", "test.csv")


def test_formulas_in_a_spreadsheet(run, tmp_path):
    classes = ["=1+1", "+2", "-x", "@x", "\tx", "\rx", "plain"]
    table = pl.DataFrame({"x": [f"c{k % 7}" for k in range(140)], "y": classes * 20})
    table.write_parquet("t.parquet")
    fit = ("fit", "t.parquet", "-t", "y", "--layers", "none", "--learning-rate", "0.1")
    run(*fit, "--max-iter", "100", "--validation", "0", "-q", "-o", "m.mlp")
    raw = pl.read_csv(run("predict", "m.mlp", "t.parquet").stdout_bytes)["prediction"]
    escaped = run("predict", "m.mlp", "t.parquet", "--escape-formulas").stdout_bytes
    shown = pl.read_csv(escaped)["prediction"]
    assert set(raw) <= set(classes)
    assert len(set(raw)) == 7
    assert shown.to_list() == [text if text == "plain" else f"'{text}" for text in raw]
    refused = run("predict", "m.mlp", "t.parquet", "--escape-formulas", "-o", "o.parquet", code=2)
    assert "--escape-formulas is for CSV and TSV" in refused.stderr
