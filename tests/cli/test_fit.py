"""`multilayer fit`, and what predict, evaluate and inspect make of its models."""

import os
import signal
import threading
import time

import numpy as np
import polars as pl
import pytest

import multilayer
from multilayer.persistence import read_notes


def test_classification(run, files, table):
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


def test_regression_predicts_in_units_of_the_target(run, files, table):
    run("fit", "train.csv", "-t", "amount", "-o", "m.mlp", "--max-iter", "100", "-q")
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


def test_python_reads_what_the_command_line_wrote(run, files, table):
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
    from multilayer.reading.reader import read_table

    run("fit", "train.csv", "-t", "answer", "-o", "m.mlp", "-q", "--max-iter", "3")
    run("predict", "m.mlp", "test.csv", "-o", f"out.{suffix}")
    assert read_table(f"out.{suffix}").frame.shape == (60, 3)


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
    assert sorted(os.listdir("classes")) == [
        "confusion.png",
        "importances.png",
        "learning.png",
        "network.png",
    ]
    run("fit", "train.csv", "-t", "amount", "--plot", "more", "--validation", "0.3", *few)
    assert sorted(os.listdir("more")) == [
        "importances.png",
        "learning.png",
        "network.png",
        "predictions.png",
    ]


def test_tabular_model_is_the_default(run, files, table):
    output = run("fit", "train.csv", "-t", "answer", "-o", "m.mlp", "--max-iter", "20").output
    assert "8 networks" in output
    assert "out of fold" in output  # the rows that the scores are of
    model = multilayer.load("m.mlp")
    assert isinstance(model, multilayer.TabularClassifier)
    assert len(model.members_) == 8
    notes = read_notes("m.mlp")
    score = notes["scores"]["out of fold"]["accuracy"]
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
    assert read_notes("digits.mlp")["scores"]["out of fold"]["accuracy"] > 0.5


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
    assert "Column 'alive' determines 'died': possible target leakage" in output


def test_divergence_says_what_to_try(run):
    result = run("fit", "moons", "--solver", "sgd", "--learning-rate", "1e9", code=2)
    assert "cost was no longer finite" in result.stderr
    assert "smaller learning_rate" in result.stderr


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
