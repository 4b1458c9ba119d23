"""Options about classes and scores, alerts, and what is said of the file of training."""

import numpy as np
import polars as pl
import pytest
from sklearn.metrics import average_precision_score, f1_score, roc_auc_score
from sklearn.pipeline import make_pipeline

from multilayer import MLPClassifier, Network, TableEncoder, load, save
from multilayer.cli.class_options import check_metric, labels_by_threshold, parse_class_weight
from multilayer.cli.data import read_data
from multilayer.cli.scores import below_baseline, class_scores
from multilayer.persistence import load_with_notes
from multilayer.reading.table import DEFAULT_OPTIONS
from multilayer.selection import cross_validation

QUICK = ("--fast", "--max-iter", 3)


def squeezed(text):
    return " ".join(text.split())


@pytest.fixture
def model(run, files):
    run("fit", "train.csv", "-t", "answer", "--drop", "amount", *QUICK, "-o", "m.mlp")
    return files / "m.mlp"


def test_columns_are_kept_beside_the_predictions(run, model):
    run("predict", "m.mlp", "test.csv", "--keep", "kind", "--keep", 0, "-o", "p.csv")
    predicted, rows = pl.read_csv("p.csv"), pl.read_csv("test.csv")
    assert predicted.columns == ["kind", "x", "prediction", "probability_no", "probability_yes"]
    assert predicted["kind"].equals(rows["kind"])
    assert predicted["x"].equals(rows["x"])


def test_a_column_kept_must_exist_and_have_a_name_of_its_own(run, model):
    said = run("predict", "m.mlp", "test.csv", "--keep", "kindd", code=2).stderr
    assert "no column 'kindd': the nearest are 'kind'" in squeezed(said)
    pl.read_csv("test.csv").with_columns(prediction=1).write_csv("again.csv")
    said = run("predict", "m.mlp", "again.csv", "--keep", "prediction", code=2).stderr
    assert "a second column named 'prediction'" in squeezed(said)


@pytest.mark.parametrize("threshold", [0.0, 0.3, 0.9])
def test_threshold(run, model, threshold):
    run("predict", "m.mlp", "test.csv", "--threshold", threshold, "-o", "p.csv")
    predicted = pl.read_csv("p.csv")
    expected = np.where(predicted["probability_yes"] >= threshold, "yes", "no")
    assert predicted["prediction"].to_list() == expected.tolist()
    said = run("evaluate", "m.mlp", "test.csv", "--threshold", threshold).stdout
    truth = pl.read_csv("test.csv")["answer"].to_numpy()
    assert f"{np.mean(truth == expected):.4f}" in said
    assert f"{f1_score(truth, expected, pos_label='yes'):.4f}" in said


def test_a_threshold_needs_two_classes(run, files):
    run("fit", "iris", *QUICK, "-o", "iris.mlp")
    for command in ("predict", "evaluate"):
        said = run(command, "iris.mlp", "iris", "--threshold", 0.3, code=2).stderr
        assert "--threshold needs two classes, but the model has 3" in squeezed(said)
    run("fit", "train.csv", "-t", "amount", *QUICK, "-o", "n.mlp")
    for command in ("predict", "evaluate"):
        said = run(command, "n.mlp", "test.csv", "--threshold", 0.3, code=2).stderr
        assert "--threshold is for two classes" in squeezed(said)


def test_scores_of_two_and_of_more_classes():
    rng = np.random.RandomState(0)
    y = rng.randint(2, size=200)
    h = np.clip(0.3 * y + rng.uniform(size=200) * 0.7, 0.01, 0.99)
    values = class_scores(
        np.array(["a", "b"]), np.column_stack([1 - h, h]), np.array(["a", "b"])[y]
    )
    assert values["ROC AUC"] == pytest.approx(roc_auc_score(y, h))
    assert values["average precision"] == pytest.approx(average_precision_score(y, h))
    assert values["F1"] == pytest.approx(f1_score(y, h > 0.5))
    y = rng.randint(3, size=200)
    H = rng.dirichlet([1, 1, 1], size=200)
    values = class_scores(np.arange(3), H, y)
    assert values["ROC AUC"] == pytest.approx(roc_auc_score(y, H, multi_class="ovr"))
    assert values["F1"] == pytest.approx(f1_score(y, H.argmax(axis=1), average="macro"))
    assert "ROC AUC" not in class_scores(np.arange(3), H[y < 2], y[y < 2])


def test_weights_of_classes(run, files):
    shares = []
    for weights in ("no=1,yes=1", "yes=50"):
        asked = ("-t", "answer", "--drop", "amount", "--drop", "x", "--class-weight", weights)
        run("fit", "train.csv", *asked, *QUICK, "-o", "m.mlp")
        run("predict", "m.mlp", "test.csv", "-o", "p.csv")
        shares.append((pl.read_csv("p.csv")["prediction"] == "yes").mean())
    assert shares[1] > shares[0]
    assert load("m.mlp").class_weight == {"no": 1.0, "yes": 50.0}
    run("fit", "moons", "--layers", 4, "--max-iter", 2, "--class-weight", "balanced")
    assert load("moons.mlp")[-1].class_weight == "balanced"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("heavy", "must be balanced, or classes with weights"),
        ("a=-1", "must be balanced, or classes with weights"),
        ("a=inf", "must be balanced, or classes with weights"),
        ("a=nan", "must be balanced, or classes with weights"),
        ("c=1", "names the class 'c', but the classes are a, b=c"),
    ],
)
def test_wrong_weights_of_classes(text, message):
    with pytest.raises(ValueError, match=message):
        parse_class_weight(text, np.array(["a", "b=c"]))


def test_weights_name_classes_of_every_type():
    assert parse_class_weight("1=2", np.array([0, 1])) == {0: 1.0, 1: 2.0}
    assert parse_class_weight("b=c=3", np.array(["a", "b=c"])) == {"a": 1.0, "b=c": 3.0}
    assert parse_class_weight("True=0.5", np.array([False, True])) == {False: 1.0, True: 0.5}


def test_weights_of_classes_are_not_for_numbers(run, files):
    said = run("fit", "train.csv", "-t", "amount", "--class-weight", "balanced", code=2).stderr
    assert "--class-weight is for classes, but 'amount' is numbers" in squeezed(said)


def test_metric(run, files):
    run("fit", "train.csv", "-t", "answer", *QUICK, "--metric", "roc_auc", "-o", "m.mlp")
    assert load("m.mlp").scoring == "roc_auc"
    said = run("cv", "train.csv", "-t", "answer", "--layers", "none", "--metric", "roc_auc").stdout
    assert said.count("roc_auc") == 1
    said = run("compare", "moons", "--metric", "neg_log_loss", "--time-limit", "0.01s").stdout
    assert "neg_log_loss" in said


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("auc", "roc_auc"),
        ("mean_squared_error", "the nearest are neg_mean_squared_error"),
        ("root_mean_squared_error", "the nearest are neg_root_mean_squared_error"),
        ("log_loss", "the nearest are neg_log_loss"),
        ("zzz", "got 'zzz'$"),
    ],
)
def test_wrong_metric(run, name, hint):
    with pytest.raises(ValueError, match=f"name of a scorer .* got '{name}'.*{hint}|{hint}"):
        check_metric(name)
    for command in ("fit", "cv", "compare", "search"):
        assert "--metric must be" in run(command, "moons", "--metric", name, code=2).stderr


def test_groups_stay_together(run, files, monkeypatch):
    seen = []
    make = cross_validation.make_splits

    def splits(*args, **kwargs):
        seen.append(make(*args, **kwargs))
        return seen[-1]

    monkeypatch.setattr(cross_validation, "make_splits", splits)
    table = pl.read_csv("train.csv").with_columns(patient=pl.int_range(800) // 7)
    table.write_csv("grouped.csv")
    asked = ("grouped.csv", "-t", "answer", "--groups", "patient")
    run("cv", *asked, "--layers", "none", "--folds", 3)
    patients = table["patient"].to_numpy()
    for train, test in seen[0]:
        assert not set(patients[train]) & set(patients[test])
    run("search", *asked, "--plain", "--candidates", 2, "--folds", 2, "-o", "m.mlp")
    assert "patient" not in load("m.mlp")[0].column_names
    run("compare", *asked, "--folds", 2, "--time-limit", "0.01s")
    for layers in ((), ("--layers", "4")):
        run("fit", *asked, *QUICK[1 if layers else 0 :], *layers, "-o", "f.mlp", "-q")
        run("predict", "f.mlp", "grouped.csv", "-o", "p.csv")
    said = run("cv", "grouped.csv", "-t", "answer", "--groups", "patiant", code=2).stderr
    assert "the nearest are 'patient'" in squeezed(said)
    said = run("cv", "grouped.csv", "-t", "answer", "--groups", "answer", code=2).stderr
    assert "--groups must be another column than the target 'answer'" in squeezed(said)


def test_later_rows_are_predicted_from_earlier_ones(run, files):
    days = pl.date_range(pl.date(2020, 1, 1), pl.date(2022, 3, 10), eager=True)
    pl.read_csv("train.csv").with_columns(day=days).write_csv("dated.csv")
    asked = ("dated.csv", "-t", "answer", "--time", "day")
    said = run("fit", "dated.csv", "-t", "answer", *QUICK, "-o", "m.mlp").stdout
    assert "ordered by the date in column 'day'" in squeezed(said)
    assert "name the column as the time of the rows: --time day" in squeezed(said)
    said = run("fit", *asked, "--max-iter", 3, "--members", 2, "-o", "m.mlp").stdout
    assert "ordered by the date" not in squeezed(said)
    assert "out of fold 400 " in squeezed(said)  # the later half
    run("fit", *asked, "--max-iter", 3, "--layers", "4", "-o", "plain.mlp", "-q")
    run("cv", *asked, "--folds", 2, *QUICK)
    run("compare", *asked, "--folds", 2, "--time-limit", "0.01s")
    said = run("compare", "dated.csv", "-t", "answer", "--time", "60s", code=2).stderr
    assert "has no column '60s'" in squeezed(said)
    assert "--time-limit limits the seconds" in squeezed(said)


@pytest.mark.parametrize("command", ["fit", "cv", "compare", "search"])
def test_the_target_cannot_be_dropped(run, files, command):
    said = run(command, "train.csv", "-t", "answer", "--drop", "answer", code=2).stderr
    assert "--drop must leave the target, but names 'answer'" in squeezed(said)


def test_the_target_cannot_be_dropped_from_files_in_parts(run, files):
    asked = ("-t", "answer", "--drop", "answer", "--memory", "100MB")
    said = run("fit", "train.csv", *asked, code=2).stderr
    assert "--drop must leave the target, but names 'answer'" in squeezed(said)


def test_rows_without_a_group_are_groups_of_their_own(tmp_path):
    table = pl.DataFrame({"g": ["a", None, "a", None], "x": [1, 2, 3, 4], "target": [0, 1, 0, 1]})
    table.write_parquet(tmp_path / "t.parquet")
    data, dependence = read_data(
        str(tmp_path / "t.parquet"), None, "auto", DEFAULT_OPTIONS
    ).take_dependence("g", None)
    assert data.X.columns == ["x"]
    groups = dependence.groups
    assert groups[0] == groups[2]
    assert len(set(groups)) == 3


def test_evaluating_the_table_of_training_is_named(run, model):
    assert (
        "is the table that the model was trained on"
        not in run("evaluate", "m.mlp", "test.csv").stderr
    )
    assert "is the table that the model was trained on" in squeezed(
        run("evaluate", "m.mlp", "train.csv").stderr
    )
    pl.read_csv("train.csv").write_csv("copy.csv")  # the same bytes under another name
    assert "copy.csv is the table" in squeezed(run("evaluate", "m.mlp", "copy.csv").stderr)
    assert len(load_with_notes("m.mlp")[1]["sha256"]) == 64


@pytest.mark.parametrize("command", ["fit", "cv", "compare", "search"])
def test_alerts_are_printed_before_training(run, files, command):
    table = pl.read_csv("train.csv").with_columns(
        **{"my leak": pl.col("answer") + "!", "PassengerId": pl.int_range(800)}
    )
    table.write_csv("leaky.csv")
    more = {
        "fit": QUICK,
        "cv": (*QUICK, "--folds", 2),
        "compare": ("--time-limit", "0.01s", "--folds", 2),
        "search": ("--plain", "--candidates", 1, "--folds", 2),
    }
    result = run(command, "leaky.csv", "-t", "answer", "--drop", "amount", *more[command])
    said = squeezed(result.stdout)
    assert "! Column 'my leak' determines 'answer': possible target leakage." in said
    assert "--drop 'my leak'" in said
    assert "Column 'PassengerId' looks like an identifier" in said
    assert "--drop PassengerId" in said
    assert "leakage" not in result.stderr
    again = run(command, "leaky.csv", "-t", "answer", "--drop", "amount", "--drop", "my leak",
                "--drop", "PassengerId", *more[command])  # fmt: skip
    assert "!" not in again.stdout


def test_few_rows_are_named(run, tmp_path):
    (tmp_path / "t.csv").write_text("a,b\n1,x\n2,y\n3,x\n")
    said = squeezed(run("fit", "t.csv", "-t", "b", *QUICK).stdout)
    assert "The table has only 3 rows, so every score is very uncertain." in said


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_small_tables_are_trained_to_the_end(run, seed):
    """With the accuracy of 30 rows as the criterion, this stopped at an accuracy of .24."""
    run("fit", "iris", "--layers", 8, "--seed", seed)
    model, notes = load_with_notes("iris.mlp")
    assert notes["scores"]["validation"]["accuracy"] >= 0.9
    assert notes["scores"]["training"]["accuracy"] > 0.95
    assert len(model) == 2


@pytest.mark.parametrize(
    ("command", "target"),
    [
        ("fit", "answer"),
        ("fit", "amount"),
        ("cv", "amount"),
        ("search", "amount"),
    ],
)
def test_a_model_below_the_baseline_is_named(run, files, command, target):
    """Noise alone: the most frequent class, or the mean, does better."""
    rng = np.random.RandomState(1)
    rows = pl.DataFrame(rng.normal(size=(60, 30)), schema=[f"x{j}" for j in range(30)])
    answer = np.where(np.arange(60) % 10 < 5, "yes", "no")
    rows.with_columns(answer=answer, amount=rng.normal(size=60)).write_csv("noise.csv")
    asked = ("-t", target, "--drop", "amount" if target == "answer" else "answer")
    more = {
        "fit": ("--layers", 64, "--learning-rate", 0.1, "--max-iter", 3),
        "cv": ("--layers", 64, "--folds", 2),
        "search": ("--candidates", 1, "--folds", 2),
    }
    result = run(command, "noise.csv", *asked, *more[command])
    name = "accuracy" if target == "answer" else "R²"
    assert f"the {name}, " in result.stderr
    assert "is below " in squeezed(result.stderr)


def test_below_baseline():
    y = np.array(["a", "a", "a", "b"])
    assert below_baseline({"accuracy": 0.5}, y)
    assert not below_baseline({"accuracy": 0.75}, y)
    assert below_baseline({"R²": -0.01}, np.arange(4))
    assert not below_baseline({"R²": float("nan")}, np.arange(1))


def test_cv_validates_what_fit_trains(run):
    said = run("cv", "iris", "--layers", 8).stdout
    mean = next(line.split() for line in said.splitlines() if line.startswith("mean"))
    assert float(mean[1]) > 0.9


def test_the_search_says_what_the_settings_of_fit_score(run, files):
    asked = ("-t", "answer", "--drop", "amount", "--candidates", 4, "--folds", 2)
    pl.read_csv("train.csv").head(150).write_csv("small.csv")
    said = squeezed(run("search", "small.csv", *asked).stdout)
    assert "The settings of fit " in said
    assert "out of fold" in said
    assert type(load("small.mlp")).__name__ == "TabularClassifier"
    said = squeezed(run("search", "small.csv", *asked, "--plain").stdout)
    assert "The settings of a plain network by default " in said


SAVED = {
    "network": (lambda: MLPClassifier((5,), "tanh", max_iter=3), "MLPClassifier(activation='tanh'"),
    "pipeline": (
        lambda: make_pipeline(MLPClassifier((5,), max_iter=3)),
        "mlpclassifier: MLPClassifier(hidden_layer_sizes=(5,), max_iter=3)",
    ),
}


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.parametrize("name", SAVED)
def test_inspect_shows_models_saved_from_python(run, name):
    make, line = SAVED[name]
    X = np.random.RandomState(0).normal(size=(40, 3))
    save(make().fit(X, np.where(X[:, 0] > 0, "up", "down")), "m.mlp")
    said = run("inspect", "m.mlp").stdout
    assert line in squeezed(said).replace("( ", "(")
    assert "Predicts 2 classes: down, up" in said
    assert "3 columns" in said


def test_inspect_shows_what_is_no_estimator(run):
    save(Network((3, 5, 2), "tanh", random_state=0), "n.mlp")
    assert "3 inputs ── 20 ─▶ 5 tanh" in run("inspect", "n.mlp").stdout
    save(TableEncoder().fit([[1.0, 2.0], [3.0, 4.0]]), "e.mlp")
    assert "Inputs: 2 columns" in run("inspect", "e.mlp").stdout


def test_thresholds_keep_the_type_of_the_classes():
    H = np.array([[0.7, 0.3], [0.2, 0.8]])
    assert labels_by_threshold(H, np.array([False, True]), 0.3).tolist() == [True, True]
    assert labels_by_threshold(H, np.array(["a", "b"]), None).tolist() == ["a", "b"]
