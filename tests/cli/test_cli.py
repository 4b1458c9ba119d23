"""The command line: every command, every kind of bad input, pipes, Ctrl-C, a full disk."""

import os
import re
import resource
import signal
import subprocess
import sys
import threading
import time

import numpy as np
import polars as pl
import pytest
from typer.testing import CliRunner

import multilayer
from multilayer.cli.app import app
from multilayer.persistence import read_notes


@pytest.fixture
def run(tmp_path, monkeypatch):
    """Run a command in an empty folder; give its result."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "80")
    runner = CliRunner()

    def run(*args, code=0, **kwargs):
        result = runner.invoke(app, [str(arg) for arg in args], **kwargs)
        assert result.exit_code == code, result.output + result.stderr
        return result

    return run


def table(rows=60, seed=0):
    """Numbers, texts, gaps, booleans, dates, a constant; two targets that follow from them."""
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


@pytest.fixture
def files(tmp_path):
    table(800).write_csv(tmp_path / "train.csv")
    table(60, seed=1).write_csv(tmp_path / "test.csv")
    return tmp_path


def test_classification(run, files):
    output = run("fit", "train.csv", "-t", "answer", "-o", "m.mlp", "--layers", "16").output
    assert "train.csv: 800 rows, 7 columns and the target answer" in output
    assert "Columns left out: same (constant)" in output
    assert "Saved to m.mlp" in output
    notes = read_notes("m.mlp")
    assert notes["rows"] == {"training": 640, "validation": 160}
    assert notes["scores"]["validation"]["accuracy"] > 0.85

    run("predict", "m.mlp", "test.csv", "-o", "out.csv")
    predicted = pl.read_csv("out.csv")
    assert predicted.columns == ["prediction", "probability_no", "probability_yes"]
    truth = table(60, seed=1)["answer"]
    accuracy = (predicted["prediction"] == truth).mean()
    assert accuracy > 0.85

    output = run("evaluate", "m.mlp", "test.csv").output
    assert f"{accuracy:.4f}" in output
    counts = pl.DataFrame({"t": truth, "p": predicted["prediction"]}).group_by("t", "p").len()
    for n in counts["len"]:
        assert f" {n}" in output

    output = run("inspect", "m.mlp").output
    for text in ("Predicts answer: 2 classes, no, yes", "relu", "one-hot: blue, green, red"):
        assert text in output
    for name in table().columns[:6]:
        assert name in output


def test_regression_predicts_in_units_of_the_target(run, files):
    run("fit", "train.csv", "-t", "amount", "-o", "m.mlp", "--max-iter", "400", "-q")
    run("predict", "m.mlp", "test.csv", "-o", "out.parquet")
    predicted = pl.read_parquet("out.parquet")["prediction"].to_numpy()
    truth = table(60, seed=1)["amount"].to_numpy()
    assert np.mean((predicted - truth) ** 2) < 0.1 * truth.var()
    r2 = 1 - np.mean((predicted - truth) ** 2) / truth.var()
    output = run("evaluate", "m.mlp", "test.csv").output
    assert f"{r2:.4f}"[:5] in output
    assert "RMSE" in output


def test_regression_far_from_zero(run, tmp_path):
    x = np.linspace(-1, 1, 200)
    pl.DataFrame({"x": x, "target": 1e9 + x}).write_csv(tmp_path / "far.csv")
    run("fit", "far.csv", "--solver", "lbfgs", "-q")
    run("predict", "far.mlp", "far.csv", "-o", "out.parquet")
    predicted = pl.read_parquet("out.parquet")["prediction"].to_numpy()
    np.testing.assert_allclose(predicted - 1e9, x, atol=0.05)


def test_python_reads_what_the_command_line_wrote(run, files):
    run("fit", "train.csv", "-t", "answer", "-o", "m.mlp", "-q", "--layers", "8", "--max-iter", "5")
    model = multilayer.load("m.mlp")
    assert [name for name, _ in model.steps] == ["encoder", "network"]
    out = run("predict", "m.mlp", "test.csv").output
    assert [line.split(",")[0] for line in out.splitlines()[1:]] == list(
        model.predict(table(60, seed=1))
    )


def test_without_header(run, files):
    (files / "bare.csv").write_text(
        "".join(f"{k % 7}, {'a' if k % 2 else 'b'}, {k % 2}\n" for k in range(100))
    )
    run("fit", "bare.csv", "--target", "1", "-o", "m.mlp", "-q")
    assert read_notes("m.mlp")["target"] == "1"
    whole = run("predict", "m.mlp", "bare.csv").output
    (files / "new.csv").write_text("".join(f"{k % 7},{k % 2}\n" for k in range(100)))
    assert run("predict", "m.mlp", "new.csv").output == whole
    assert "1.0000" in run("evaluate", "m.mlp", "bare.csv").output


@pytest.mark.parametrize("suffix", ["csv", "tsv", "parquet", "feather", "jsonl"])
def test_formats_in_and_out(run, files, suffix):
    from multilayer.tables.reading import read_table

    run("fit", "train.csv", "-t", "answer", "-o", "m.mlp", "-q", "--max-iter", "3")
    run("predict", "m.mlp", "test.csv", "-o", f"out.{suffix}")
    assert read_table(f"out.{suffix}").shape == (60, 3)


def test_standard_input(run, files):
    data = (files / "train.csv").read_bytes()
    run("fit", "-", "-t", "answer", "-q", "--max-iter", "3", input=data)
    output = run("predict", "model.mlp", "-", input=(files / "test.csv").read_bytes()).output
    assert output == run("predict", "model.mlp", "test.csv").output


def test_figures(run, files):
    plain = ["--layers", "64,64", "--max-iter", "3"]
    run("fit", "train.csv", "-t", "answer", "--plot", "figures", *plain)
    names = ["confusion.png", "learning.png", "network.png"]
    assert sorted(os.listdir("figures")) == names
    run("fit", "train.csv", "-t", "amount", "--plot", "more", *plain)
    assert sorted(os.listdir("more")) == ["learning.png", "network.png", "predictions.png"]
    run("fit", "moons", "--plot", "moons", *plain)
    assert "boundary.png" in os.listdir("moons")


def test_figures_of_the_tabular_model(run, files):
    few = ["--max-iter", "3", "--members", "2"]
    run("fit", "train.csv", "-t", "answer", "--plot", "classes", *few)
    assert sorted(os.listdir("classes")) == ["confusion.png", "importances.png", "learning.png"]
    run("fit", "train.csv", "-t", "amount", "--plot", "more", "--validation", "0.3", *few)
    assert sorted(os.listdir("more")) == ["importances.png", "learning.png", "predictions.png"]


def test_tabular_model_is_the_default(run, files):
    output = run("fit", "train.csv", "-t", "answer", "-o", "m.mlp", "--max-iter", "20").output
    assert "8 networks" in output
    assert "left out" in output  # the rows that the scores are of
    model = multilayer.load("m.mlp")
    assert isinstance(model, multilayer.TabularClassifier)
    assert len(model.members_) == 8
    notes = read_notes("m.mlp")
    score = notes["scores"]["left out"]["accuracy"]
    assert score == pytest.approx(model.validation_score_)
    for text in ("Predicts answer: 2 classes", "8 networks", "20 epochs"):
        assert text in run("inspect", "m.mlp").output
    out = run("predict", "m.mlp", "test.csv").output
    assert [line.split(",")[0] for line in out.splitlines()[1:]] == list(
        model.predict(table(60, seed=1))
    )
    assert "accuracy" in run("evaluate", "m.mlp", "test.csv").output


def test_options_of_the_tabular_model(run, files):
    output = run("fit", "train.csv", "-t", "answer", "--fast", "--max-iter", "3").output
    assert "1 network " in output
    output = run(
        "fit", "train.csv", "-t", "answer", "--members", "3", "--max-iter", "3", "--validation", 0.2
    ).output
    assert "3 networks" in output
    assert "validation" in output
    began = time.perf_counter()
    run("fit", "train.csv", "-t", "answer", "--max-iter", "100000", "--time-limit", "1", "-q")
    assert time.perf_counter() - began < 30


@pytest.mark.parametrize("rows", ["0,1\n1,2\n0,3\n", "0.5,1\n2.5,2\n"])
def test_too_few_rows_to_leave_any_out(run, tmp_path, rows):
    (tmp_path / "few.csv").write_text("a,b\n" + rows)
    few = ["--members", "1", "--max-iter", "3", "--plot", "figures"]
    output = run("fit", "few.csv", "-t", "a", *few).output
    assert "by validation" not in output
    assert read_notes("few.mlp")["rows"] == {"training": rows.count("\n")}
    assert "importances.png" not in os.listdir("figures")
    assert "training" in run("inspect", "few.mlp").output


def test_certain_predictions_cost_nothing(run):
    run("fit", "moons", "--fast", "--max-iter", "30", "-o", "m.mlp")
    assert "-0.0" not in run("inspect", "m.mlp").output


def test_intervals(run, files):
    run("fit", "train.csv", "-t", "amount", "-o", "m.mlp", "-q", "--max-iter", "20")
    run("predict", "m.mlp", "test.csv", "--interval", "0.8", "-o", "out.parquet")
    out = pl.read_parquet("out.parquet")
    assert out.columns == ["prediction", "low", "high"]
    assert (out["low"] < out["prediction"]).all()
    assert (out["prediction"] < out["high"]).all()


def test_ctrl_c_keeps_what_the_members_learned(run):
    timer = threading.Timer(3, os.kill, [os.getpid(), signal.SIGINT])
    timer.start()
    try:
        result = run("fit", "digits", "--members", "2", "--max-iter", "3000", code=130)
    finally:
        timer.cancel()
    assert "Training interrupted by user" in result.stderr
    assert "Saved to digits.mlp" in result.output
    assert read_notes("digits.mlp")["scores"]["left out"]["accuracy"] > 0.5


def test_same_seed_same_network(run, files):
    for name in ("a", "b"):
        run("fit", "train.csv", "-t", "answer", "-o", f"{name}.mlp", "-q", "--max-iter", "3")
    a, b = (run("predict", f"{name}.mlp", "test.csv").output for name in ("a", "b"))
    assert a == b


@pytest.mark.parametrize("options", [["--layers", "none"], ["--solver", "gd"], ["--validation", 0]])
def test_options(run, files, options):
    output = run("fit", "train.csv", "-t", "answer", "--max-iter", 20, *options).output
    assert "Saved to train.mlp" in output


def test_rows_without_target_are_left_out(run, tmp_path):
    lines = [f"{k},{'' if k % 10 == 0 else k % 2}" for k in range(100)]
    (tmp_path / "t.csv").write_text("x,y\n" + "\n".join(lines))
    output = run("fit", "t.csv", "-t", "y", "--max-iter", 3).output
    assert "10 rows without a target left out" in output


def test_a_column_that_gives_the_target_away_is_named(run, tmp_path):
    lines = [f"{k},{'no' if k % 2 else 'yes'},{k % 2}" for k in range(100)]
    (tmp_path / "t.csv").write_text("x,alive,died\n" + "\n".join(lines))
    output = run("fit", "t.csv", "-t", "died", "--max-iter", 3).output
    assert "Column alive alone tells died" in output


def test_divergence_says_what_to_try(run):
    result = run("fit", "moons", "--solver", "sgd", "--learning-rate", "1e9", code=2)
    assert "cost was no longer finite" in result.stderr
    assert "smaller learning_rate" in result.stderr


TEXT = "a,b,c,d\n" + "".join(f"{k},{'x' if k % 2 else 'y'},,z\n" for k in range(50))
BAD = {
    "missing file": (["fit", "none.csv", "-t", "a"], "none.csv: No such file"),
    "empty table": (["fit", "empty.csv", "-t", "a"], "empty.csv is empty"),
    "no rows": (["fit", "norows.csv", "-t", "a"], "norows.csv has 0 rows"),
    "binary": (["fit", "junk.csv", "-t", "a"], "junk.csv is binary"),
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
    "fast and layers": (["fit", "moons", "--fast", "--layers", "5"], "go without --layers"),
    "fast and members": (["fit", "moons", "--fast", "--members", "3"], "--fast trains one network"),
    "interval": (["predict", "good.mlp", "t.csv", "--interval", "0.9"], "--interval is of numbers"),
    "layers 5,,5": (["fit", "moons", "--layers", "5,,5"], "--layers must be .* got '5,,5'"),
    "layers text": (["fit", "moons", "--layers", "many"], "--layers must be .* got 'many'"),
    "validation": (["fit", "moons", "--validation", "2"], "--validation"),
    "few rows": (["fit", "few.csv", "-t", "a", "--solver", "sgd"], "--validation 0 trains on all"),
    "activation": (["fit", "moons", "--activation", "rilu"], "'activation' .* Got 'rilu'"),
    "folder of model": (["fit", "moons", "-o", "none/m.mlp"], "none must be a folder that exists"),
    "model a folder": (["fit", "moons", "-o", "."], "--output must be a file"),
    "figures": (["fit", "moons", "--plot", "t.csv/x"], "t.csv/x: Not a directory"),
    "no model": (["predict", "t.csv", "t.csv"], "t.csv is no model file"),
    "missing model": (["predict", "none.mlp", "t.csv"], "none.mlp: No such file"),
    "another model": (["inspect", "encoder.mlp"], "must hold a tabular model or a TableEncoder"),
    "other columns": (["predict", "good.mlp", "iris"], "X lacks 'a', .* nothing of 'sepal"),
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
    (tmp_path / "few.csv").write_text("a,b\n0,1\n1,2\n0,3\n")
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
    monkeypatch.setattr("multilayer.cli.figures.find_spec", lambda name: None)
    result = run(*command.split(), code=2)
    assert result.stderr == (
        "multilayer: error: figures need matplotlib: pip install 'multilayer[plot]'\n"
    )


def test_programming_errors_are_not_hidden(run, monkeypatch):
    monkeypatch.setattr("multilayer.cli.inspect.read_model", lambda path: None)
    result = CliRunner().invoke(app, ["inspect", "m.mlp"])
    assert isinstance(result.exception, AttributeError)


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


def test_ctrl_c_keeps_what_was_learned(run, monkeypatch):
    def third_epoch(self, estimator, context):
        if context.parent is not None and estimator.n_iter_ == 3:
            signal.raise_signal(signal.SIGINT)

    monkeypatch.setattr("multilayer.cli.progress.TrainingProgress.on_fit_task_end", third_epoch)
    result = run("fit", "digits", "--layers", "64,64", code=130)
    assert "Training interrupted by user" in result.stderr
    assert "3 epochs" in result.output
    assert "Saved to digits.mlp" in result.output
    assert read_notes("digits.mlp")["interrupted"] is True
    assert "0.9" in run("evaluate", "digits.mlp", "digits").output


def test_full_disk(run, tmp_path):
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


@pytest.mark.parametrize("target", ["answer", "amount"])
def test_search(run, files, target):
    """What is found is saved as fit saves it, in units of the target."""
    table(120).write_csv("small.csv")
    asked = ("--target", target, "--candidates", 8, "--folds", 3)
    said = run("search", "small.csv", *asked, "--figure", "f.png", "--report", "r.html").stdout
    assert "chosen" in said
    assert "8 candidates judged on 3 folds" in said
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


def test_search_of_the_tabular_model_within_a_time(run, files):
    table(60).write_csv("small.csv")
    said = run(
        "search",
        "small.csv",
        "-t",
        "answer",
        "--tabular",
        "--time",
        "0.5s",
        "--folds",
        2,
        "-o",
        "m.mlp",
    ).stdout
    assert "candidates judged on 2 folds" in said
    assert type(multilayer.load("m.mlp")).__name__ == "TabularClassifier"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--time", "soon"), "--time must be a time such as 60s, 5m or 1h, got 'soon'"),
        (("--time", "-1s"), "--time must be a time such as 60s, 5m or 1h, got '-1s'"),
        (("--folds", 1), "Input should be greater than or equal to 2"),
        (("-o", "nowhere/m.mlp"), "nowhere"),
        (("-t", "anser"), "the nearest are 'answer'"),
    ],
    ids=["time", "negative", "folds", "folder", "column"],
)
def test_wrong_search(run, files, arguments, message):
    asked = ("-t", "answer") if "-t" not in arguments else ()
    assert message in " ".join(run("search", "test.csv", *asked, *arguments, code=2).stderr.split())
