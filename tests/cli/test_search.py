"""`multilayer search`: what it prints, saves, draws and refuses."""

import polars as pl
import pytest

import multilayer


@pytest.mark.parametrize("target", ["answer", "amount"])
def test_search(run, files, target, table):
    """What is found is saved as fit saves it, in units of the target."""
    table(120).write_csv("small.csv")
    asked = ("--target", target, "--plain", "--candidates", 8, "--folds", 3)
    said = run("search", "small.csv", *asked, "--figure", "f.png", "--report", "r.html").stdout
    assert "chosen" in said
    assert "8 candidates evaluated on 3 folds" in said
    assert (files / "f.png").stat().st_size > 10_000
    assert "<html" in (files / "r.html").read_text()
    model = multilayer.load("small.mlp")
    run("predict", "small.mlp", "test.csv", "-o", "p.csv")
    predicted = pl.read_csv("p.csv")[:, 0]
    truth = pl.read_csv("test.csv")[target]
    if target == "answer":
        assert (predicted == truth).mean() > 0.8
    else:
        assert (predicted - truth).abs().mean() < 0.5 * (truth - truth.mean()).abs().mean()
    assert len(model) == 2


def test_search_of_the_tabular_model_within_a_time(run, files, table):
    table(60).write_csv("small.csv")
    said = run(
        "search",
        "small.csv",
        "-t",
        "answer",
        "--time-limit",
        "0.5s",
        "--folds",
        2,
        "-o",
        "m.mlp",
    ).stdout
    assert "candidates evaluated on 2 folds" in said
    assert type(multilayer.load("m.mlp")).__name__ == "TabularClassifier"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--time-limit", "soon"), "--time-limit must be a time such as 60s, 5m or 1h, got 'soon'"),
        (("--time-limit", "-1s"), "--time-limit must be a time such as 60s, 5m or 1h, got '-1s'"),
        (("--folds", 1), "Input should be greater than or equal to 2"),
        (("-o", "nowhere/m.mlp"), "nowhere"),
        (("-t", "anser"), "the nearest are 'answer'"),
    ],
    ids=["time", "negative", "folds", "folder", "column"],
)
def test_wrong_search(run, files, arguments, message):
    asked = ("-t", "answer") if "-t" not in arguments else ()
    assert message in " ".join(run("search", "test.csv", *asked, *arguments, code=2).stderr.split())
