"""`multilayer compare` and `multilayer cv`: what they print, draw and refuse."""

import numpy as np
import polars as pl
import pytest

from multilayer import MLPClassifier, load
from multilayer.cli.plain_model import PlainModel
from multilayer.selection import cross_validate_network

RNG = np.random.default_rng(0)
X = RNG.normal(size=(90, 2)).round(2)
KIND = RNG.choice(["red", "green"], 90)
ANSWER = np.where(X[:, 0] + (KIND == "red") > 0.5, "yes", "no")
TABLE = pl.DataFrame(
    {
        "a": X[:, 0],
        "b": X[:, 1],
        "kind": KIND,
        "answer": ANSWER,
        "amount": 1000 + 50 * X[:, 0] + RNG.normal(size=90),
    }
)


@pytest.fixture(autouse=True)
def tables(run):
    """The tables, in the folder where the commands run."""
    TABLE.write_csv("table.csv")
    TABLE.select("a", "b", "answer").write_csv("plane.csv")


def test_compare_tabulates_and_gives_a_verdict(run):
    lines = run("compare", "table.csv", "-t", "answer", "--folds", 2).stdout.splitlines()
    names = ("logistic regression", "network without hidden layer", "gradient boosting")
    for name in names:
        (line,) = (line for line in lines if line.startswith(name))
        assert "±" in line
    assert "parameters" in lines[2]
    assert "needed" in "".join(lines[-2:])
    assert max(map(len, lines)) <= 80


def test_compare_numbers_with_a_figure(run, tmp_path):
    result = run(
        "compare", "table.csv", "-t", "amount", "--folds", 2, "--figure", "new/compare.png"
    )
    assert "linear regression" in result.stdout
    assert "Figure in new/compare.png" in result.stdout
    assert (tmp_path / "new" / "compare.png").stat().st_size > 10_000


def test_compare_draws_boundaries_of_two_columns_of_numbers(run, tmp_path, monkeypatch):
    from multilayer.plots import ArchitectureGridDisplay

    drawn = []

    def look(estimators, *args, titles, **kwargs):
        drawn.append(titles)

    monkeypatch.setattr(ArchitectureGridDisplay, "from_estimators", look)
    arguments = "-t", "answer", "--folds", 2, "--time-limit", 0.000001, "--figure", "compare.svg"
    run("compare", "table.csv", *arguments)
    assert not drawn
    run("compare", "plane.csv", *arguments)
    assert drawn == [["logistic regression"]]


def test_compare_tells_what_was_not_evaluated(run):
    text = run(
        "compare", "plane.csv", "-t", "answer", "--folds", 2, "--time-limit", "0.000001s"
    ).stdout
    assert "Not evaluated: gradient boosting (no time left)" in text


def test_cv_of_a_plain_network_is_that_of_python(run):
    text = run("cv", "table.csv", "-t", "answer", "--layers", "8", "--max-iter", 9).stdout
    frame = TABLE.drop("answer", "amount").with_columns(TABLE["amount"])
    model = PlainModel(MLPClassifier, {"hidden_layer_sizes": (8,), "max_iter": 9}, 0.2)
    result = cross_validate_network(model, frame, ANSWER, cv=5, random_state=0)
    assert f"{result.mean:.4f} ± {result.standard_error:.4f}" in text
    assert f"{result.scores[3]:.4f}" in text
    right = np.mean(result.oof_prediction == ANSWER)
    assert f"{right:.4f}" in text.split("log-loss")[1]
    assert "predicted" in text


def test_cv_trains_what_fit_trains(run):
    run("fit", "plane.csv", "-t", "answer", "--layers", "8", "--seed", 3)
    frame = TABLE.select("a", "b")
    model = PlainModel(MLPClassifier, {"hidden_layer_sizes": (8,)}, 0.2, random_state=3)
    expected = load("plane.mlp").predict_proba(frame)
    np.testing.assert_array_equal(model.fit(frame, ANSWER).predict_proba(frame), expected)


def test_cv_of_numbers_is_in_units_of_the_target(run):
    text = run("cv", "table.csv", "-t", "amount", "--layers", "none", "--repeats", 2).stdout
    assert "repeat" in text
    error = float(text.splitlines()[-1].split()[-2])
    assert 1 < error < 60  # the standard deviation is 50


def test_cv_of_the_tabular_model_with_a_figure(run, tmp_path):
    run("cv", "table.csv", "-t", "answer", "--fast", "--folds", 2, "--max-iter", 2,
        "--figure", "folds.png")  # fmt: skip
    assert (tmp_path / "folds.png").stat().st_size > 10_000
    assert run("cv", "plane.csv", "-t", "answer", "--layers", "none", "-q").stdout == ""


WRONG = {
    "figure": (("compare", "plane.csv", "--figure", "a.xyz"), "--figure must be a file such as"),
    "time": (("compare", "plane.csv", "--time-limit", "soon"), "--time-limit must be a time"),
    "layers": (("cv", "plane.csv", "--layers", "x"), "--layers must be whole numbers"),
    "fast": (("cv", "plane.csv", "--layers", "8", "--fast"), "--fast is for the tabular model"),
    "folds": (("cv", "plane.csv", "--folds", 100), "as many folds as rows, 90, got 100"),
    "target": (("cv", "plane.csv", "-t", "nothing"), "has no column 'nothing'"),
}


@pytest.mark.parametrize("name", WRONG)
def test_wrong_input_is_one_line(run, name):
    arguments, message = WRONG[name]
    given = arguments if "-t" in arguments else (*arguments, "-t", "answer")
    error = run(*given, code=2).stderr
    assert message in error
    assert error.startswith("multilayer: error: ")
    assert error.count("\n") == 1


@pytest.mark.parametrize("command", ["compare", "cv"])
def test_help_has_examples(run, command):
    assert f"multilayer {command} moons" in run(command, "--help").stdout
