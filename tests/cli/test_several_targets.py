"""Several targets on the command line: fit, predict, evaluate, inspect, export."""

import json
import re
from pathlib import Path

import numpy as np
import polars as pl
import pytest
import safetensors
import safetensors.numpy

import multilayer as ml
from multilayer.persistence import read_notes

FEW = ["--members", "2", "--max-iter", "5"]
TARGETS = ["--target", "amount", "--target", "answer", "-t", "grade"]


@pytest.fixture
def flats(tmp_path, table):
    """Tables with three targets, two of which have gaps."""
    for name, rows, seed in (("train", 300, 0), ("test", 60, 1)):
        frame = table(rows, seed=seed).with_columns(grade=pl.int_range(pl.len()) % 3)
        k = pl.int_range(pl.len())
        frame.with_columns(
            amount=pl.when(k % 50 > 1).then("amount"), grade=pl.when(k % 60 > 0).then("grade")
        ).write_csv(tmp_path / f"{name}.csv")
    return tmp_path


def test_fit_predict_evaluate_inspect(run, flats):
    said = run("fit", "train.csv", *TARGETS, "-o", "m.mlp", *FEW).output
    flat = " ".join(said.split())
    assert "train.csv: 300 rows, 6 columns and the targets amount, answer, grade" in flat
    assert "amount: Regression: from" in flat
    assert "12 rows without a value left out" in flat
    assert "answer: Classification, 2 classes" in flat
    assert "grade: Classification, 3 classes" in flat
    assert flat.count("Columns left out: same (constant)") == 1
    assert "amount, regression: 2 networks" in flat
    assert re.search(r"out of fold 288 [-\d. ]+ answer, classification: 2 networks", flat)
    assert "Trained 3 targets in" in flat
    model, notes = ml.load("m.mlp"), read_notes("m.mlp")
    assert isinstance(model, ml.TabularMultiOutput)
    assert notes["targets"] == ["amount", "answer", "grade"]
    assert notes["rows"]["grade"] == {"out of fold": 295}
    assert notes["scores"]["amount"]["out of fold"]["R²"] == pytest.approx(
        model.estimators_["amount"].validation_score_
    )

    run("predict", "m.mlp", "test.csv", "-o", "out.parquet", "--interval", "0.9", "--keep", "x")
    predicted = pl.read_parquet("out.parquet")
    assert predicted.columns == [
        "x",
        *("amount_prediction", "amount_low", "amount_high"),
        *("answer_prediction", "answer_probability_no", "answer_probability_yes"),
        *("grade_prediction", *(f"grade_probability_{k}" for k in range(3))),
    ]
    test = pl.read_csv("test.csv", try_parse_dates=True)
    for name, y in model.predict(test).items():
        np.testing.assert_array_equal(predicted[f"{name}_prediction"], y)
    ends = model.predict_interval(test)["amount"]
    np.testing.assert_array_equal(predicted[["amount_low", "amount_high"]], ends)
    np.testing.assert_array_equal(
        predicted["grade_probability_1"], model.predict_proba(test)["grade"][:, 1]
    )

    said = run("evaluate", "m.mlp", "test.csv").output
    known = test.drop_nulls("amount")
    r2 = model.estimators_["amount"].score(known, known["amount"])
    assert re.search(rf"amount\s+rows +R².*\s+test.csv +56 +{r2:.4f}", said)
    accuracy = (predicted["answer_prediction"] == test["answer"]).mean()
    assert re.search(rf"answer\s+rows +accuracy.*\s+test.csv +60 +{accuracy:.4f}", said)
    assert said.count("true \\ predicted") == 2
    only = run("evaluate", "m.mlp", "test.csv", "-t", "answer").output
    assert f"{accuracy:.4f}" in only
    assert "R²" not in only

    said = run("inspect", "m.mlp").output
    assert "Predicts 3 targets, whose networks were trained in" in " ".join(said.split())
    for line in ("Predicts amount: a number", "Predicts answer: 2 classes, no, yes"):
        assert line in said
    assert said.count("out of fold") == 3
    assert said.count("one-hot: blue, green, red") == 1


def test_each_target_is_as_if_alone(run, flats):
    run("fit", "train.csv", *TARGETS, "-o", "all.mlp", *FEW, "-q")
    drop = ["--drop", "answer", "--drop", "grade"]
    run("fit", "train.csv", "-t", "amount", *drop, "-o", "one.mlp", *FEW, "-q")
    one = run("predict", "one.mlp", "test.csv").output.splitlines()[1:]
    every = run("predict", "all.mlp", "test.csv").output.splitlines()[1:]
    assert [line.split(",")[0] for line in every] == one


def test_rows_held_out_groups_and_weights(run, flats):
    held = ["--validation", "0.2", "--class-weight", "balanced", "--groups", "kind"]
    run("fit", "train.csv", *TARGETS, "-o", "m.mlp", *FEW, *held, "-q")
    notes, model = read_notes("m.mlp"), ml.load("m.mlp")
    assert set(notes["rows"]["amount"]) == {"training", "validation"}
    assert sum(notes["rows"]["amount"].values()) == 288
    assert model.class_weight == model.estimators_["grade"].class_weight == "balanced"
    assert "kind" not in model.feature_names_in_


def test_alerts_are_printed_once_and_those_of_a_target_with_its_name(run, flats, table):
    leaks = table(40).with_columns(double=pl.col("amount") * 2, key=pl.col("answer") + "!")
    leaks.write_csv(flats / "leaks.csv")
    said = run("fit", "leaks.csv", "-t", "answer", "-t", "amount", *FEW).output
    flat = " ".join(said.split())
    assert "Column 'key' determines 'answer'" in flat
    assert flat.count("only 40 rows") == 1
    assert flat.index("answer: Classification") < flat.index("'key' determines")
    assert "--drop key" in flat


def test_report_and_figures(run, flats):
    outputs = ["--report", "r.html", "--plot", "figures", "-o", "m.mlp"]
    said = run("fit", "train.csv", "-t", "amount", "-t", "answer", *outputs, *FEW).output
    assert "Figures in figures/1-amount, figures/2-answer" in said
    for place in ("1-amount/predictions.png", "2-answer/confusion.png", "2-answer/learning.png"):
        assert (Path("figures") / place).read_bytes().startswith(b"\x89PNG")
    page = Path("r.html").read_text(encoding="utf-8")
    assert "<h1>2 targets in train.csv</h1>" in page
    assert "Evaluated on all 288 rows, out of fold" in page
    assert "ml.load(&#39;m.mlp&#39;).estimators_[&#39;amount&#39;]" in page


def test_export_of_one_target(run, flats):
    import onnxruntime

    run("fit", "train.csv", "-t", "amount", "-t", "answer", "-o", "m.mlp", *FEW, "-q")
    said = run("export", "m.mlp", "--target", "amount", "-o", "amount.onnx").output
    assert "Written: amount.onnx" in said
    assert onnxruntime.InferenceSession("amount.onnx").get_outputs()[0].name == "prediction"
    for given in ([], ["--target", "x"]):
        error = run("export", "m.mlp", *given, "-o", "x.onnx", code=2).stderr
        assert "--target must name one of the targets, 'amount', 'answer', to be exported" in error
    run("fit", "train.csv", "-t", "amount", "--drop", "answer", "-o", "one.mlp", *FEW, "-q")
    error = run("export", "one.mlp", "-t", "amount", "-o", "x.onnx", code=2).stderr
    assert "--target is for models of several targets" in error


REFUSED = {
    "cv": (["cv", "train.csv", *TARGETS], "multilayer cv takes one --target, got 'amount'"),
    "compare": (["compare", "train.csv", *TARGETS], "multilayer compare takes one --target"),
    "search": (["search", "train.csv", *TARGETS], "multilayer search takes one --target"),
    "layers": (["fit", "train.csv", *TARGETS, "--layers", "8"], "a plain network, as for files"),
    "large": (["fit", "train.csv", *TARGETS, "--memory", "1GB"], "takes one --target, got"),
    "twice": (["fit", "train.csv", "-t", "x", "-t", "0"], "different columns, but names 'x' twice"),
    "groups": (
        ["fit", "train.csv", *TARGETS, "--groups", "answer"],
        "--groups must be another column than the target 'answer'",
    ),
    "drop": (
        ["fit", "train.csv", *TARGETS, "--drop", "answer"],
        "--drop must leave the target, but names 'answer'",
    ),
    "unknown": (["fit", "train.csv", "-t", "amount", "-t", "answr"], "the nearest are 'answer'"),
    "constant": (["fit", "train.csv", "-t", "amount", "-t", "same"], "target 'same' must have at"),
    "text": (["fit", "train.csv", *TARGETS, "--task", "regression"], "target 'answer' must be num"),
    "weights": (
        ["fit", "train.csv", *TARGETS, "--class-weight", "yes=2"],
        "--class-weight must be balanced where there are several targets, got 'yes=2'",
    ),
    "weights of numbers": (
        ["fit", "train.csv", "-t", "amount", "-t", "x", "--class-weight", "balanced"],
        "--class-weight is for classes, but all targets are numbers",
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_is_refused(run, flats, case):
    command, message = REFUSED[case]
    error = run(*command, code=2).stderr
    assert message in error
    assert len(error.splitlines()) == 1
    assert not list(flats.glob("*.mlp"))


def test_no_column_besides_the_targets(run, tmp_path):
    pl.DataFrame({"a": range(50), "b": range(50)}).write_csv(tmp_path / "t.csv")
    error = run("fit", "t.csv", "-t", "a", "-t", "b", code=2).stderr
    assert "t.csv must have a column besides the targets 'a', 'b'" in error


def test_what_predict_and_evaluate_refuse(run, flats):
    run("fit", "train.csv", "-t", "kind", "-t", "answer", "-o", "m.mlp", *FEW, "-q")
    for command, message in (
        (["predict", "m.mlp", "test.csv", "--interval", "0.9"], "--interval is for numbers"),
        (["predict", "m.mlp", "test.csv", "--threshold", "0.3"], "but the model has 2"),
        (["evaluate", "m.mlp", "test.csv", "--threshold", "0.3"], "but the model has 2 targets"),
        (["evaluate", "m.mlp", "test.csv", "-t", "amount"], "a target of the model, 'kind', 'ans"),
    ):
        assert message in run(*command, code=2).stderr
    pl.read_csv("test.csv").drop("answer").write_csv("less.csv")
    assert "less.csv has no column 'answer'" in run("evaluate", "m.mlp", "less.csv", code=2).stderr


def test_two_columns_of_one_name(run, flats):
    clash = {"x": range(60), "a": ["b", "b_prediction"] * 30, "a_probability_b": ["b", "c"] * 30}
    pl.DataFrame(clash).write_csv("clash.csv")
    run("fit", "clash.csv", "-t", "a", "-t", "a_probability_b", "-o", "m.mlp", *FEW, "-q")
    error = run("predict", "m.mlp", "clash.csv", code=2).stderr
    assert "two targets would have a column named 'a_probability_b_prediction'" in error


def test_models_of_python(run, flats):
    train = pl.read_csv("train.csv", try_parse_dates=True)
    X, labels = train[["x", "kind"]], pl.DataFrame({"a": train["x"] > 0, "b": [False] * 300})
    with pytest.warns(UserWarning, match="1 of 2 labels are the same"):
        model = ml.TabularClassifier(n_members=2, max_iter=3, random_state=0).fit(X, labels)
    model.save("m.mlp")
    said = run("inspect", "m.mlp").output
    assert "Predicts b: 1 class, False" in said
    assert "No network: the label was the same in all rows" in said
    columns = run("predict", "m.mlp", "test.csv").output.splitlines()[0]
    assert columns.endswith("a_probability_True,b_prediction,b_probability_False")


def test_odd_notes(run, flats):
    run("fit", "train.csv", "-t", "amount", "-t", "answer", "-o", "m.mlp", *FEW, "-q")
    with safetensors.safe_open("m.mlp", "numpy") as file:
        arrays = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
        content = json.loads(file.metadata()["multilayer"])
    for scores, rows in (
        ({"amount": {"out of fold": {"R²": 1}}}, {"amount": {"out of fold": 3}}),
        ({"amount": 3, "answer": 4}, {"amount": {}, "answer": {}}),
        ([], {}),
        ({"amount": {"x": {"R²": 1}}, "answer": {"x": {"R²": 1}}}, {"amount": {}, "answer": {}}),
    ):
        content["notes"] |= {"scores": scores, "rows": rows}
        Path("odd.mlp").write_bytes(
            safetensors.numpy.save(arrays, {"multilayer": json.dumps(content)})
        )
        result = run("inspect", "odd.mlp")
        assert "the notes scores of odd.mlp are not as multilayer fit writes them" in result.stderr
        assert "Predicts amount: a number" in result.output
