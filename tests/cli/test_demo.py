import json
from pathlib import Path

import matplotlib.image
import matplotlib.pyplot as plt
import numpy as np
import pytest

from multilayer.cli import demo
from multilayer.plots import DecisionBoundaryDisplay

EXPECTED = json.loads((Path(__file__).parent.parent / "notebook_expected.json").read_text("utf-8"))


@pytest.fixture(scope="module")
def moons():
    return demo.load_moons()


@pytest.fixture(scope="module")
def results(moons):
    return {e: demo.train(e, *moons) for e in (demo.STRAIGHT, demo.MOONS)}


@pytest.fixture(params=[demo.STRAIGHT, demo.MOONS], ids=["straight", "moons"])
def experiment(request):
    return request.param


def expected(experiment):
    return EXPECTED[f"run_{experiment.iterations}_iterations"]


def test_costs_are_the_notebooks(experiment, results):
    curve = results[experiment].model.loss_curve_
    assert len(curve) == experiment.iterations
    costs = expected(experiment)["costs"]
    np.testing.assert_allclose([curve[int(n)] for n in costs], list(costs.values()), rtol=1e-9)


def test_final_thetas_are_the_notebooks(experiment, results):
    thetas = results[experiment].model.network_.thetas
    assert all(theta.dtype == np.float64 for theta in thetas)
    for theta, values in zip(thetas, expected(experiment)["final_thetas"].values(), strict=True):
        np.testing.assert_allclose(theta, values, rtol=0, atol=1e-6)


def test_accuracies_are_the_notebooks(experiment, results, moons):
    X, y = moons
    figures, rows = expected(experiment), experiment.rows
    assert rows == figures["rows"]
    model = results[experiment].model
    assert model.score(X[:rows], y[:rows]) == figures["training_accuracy"]
    if rows < len(X):
        assert model.score(X[rows:], y[rows:]) == figures["accuracy_on_the_other_500_rows"]


def test_the_boundary_is_straight_first_and_bent_in_the_end(results, moons):
    def bend(result):
        display = DecisionBoundaryDisplay.from_estimator(result.model, moons[0])
        plt.close(display.figure_)
        x1, x2 = display.boundaries_[0].get_paths()[0].vertices.T
        return np.abs(x2 - np.polyval(np.polyfit(x1, x2, deg=1), x1)).max()

    assert bend(results[demo.STRAIGHT]) < 0.02
    assert bend(results[demo.MOONS]) > 0.3


def test_demo_prints_tables_and_writes_figures(run, tmp_path):
    out = tmp_path / "new" / "figures"
    result = run("demo", "--out", out)
    words = result.stdout.split()
    for figure in ("0.5195", "0.875", "0.0301", "0.998", "iterations/s", "malignant", "143"):
        assert figure in words
    names = ["boundaries", "breast_cancer", "costs", "data", "network"]
    assert sorted(path.name for path in out.iterdir()) == [f"{name}.png" for name in names]
    for path in out.iterdir():
        assert path.name in result.stdout
        pixels = matplotlib.image.imread(path)
        assert min(pixels.shape[:2]) > 300
        assert pixels.std() > 0.05
    assert f"Figures in {out}: data.png," in result.stdout


def test_breast_cancer_is_judged_on_rows_held_out():
    result, X_test, y_test = demo.train_on_breast_cancer()
    assert len(X_test) == 143
    accuracy = result.model.score(X_test, y_test)
    assert accuracy > 0.93
    scores, _ = demo.breast_cancer_tables(result, X_test, y_test)
    assert [*scores.columns[0].cells, *scores.columns[1].cells] == ["143", f"{accuracy:.3f}"]


def test_a_folder_that_cannot_be_made_is_one_clear_error(run, tmp_path):
    file = tmp_path / "figures"
    file.write_text("mine")
    result = run("demo", "--out", file, code=2)
    assert result.stdout == ""
    assert result.stderr.startswith(f"multilayer: error: {file}: ")
    assert result.stderr.count("\n") == 1
    assert file.read_text() == "mine"
