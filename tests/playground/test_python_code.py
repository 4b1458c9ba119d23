"""The Python code that the playground offers repeats the training to the bit."""

import numpy as np
import polars as pl
import pytest
from comparisons import assert_arrays_equal
from playground_cases import repeated, run_of, settings

from multilayer.playground.data import data_of
from multilayer.playground.images import Plane
from multilayer.playground.python_code import write_python
from multilayer.playground.settings import changed
from multilayer.playground.training_run import TrainingRun
from multilayer.playground.worked_example import explain_example

ACTS = {
    "as it is": [],
    "faster": [("change", {"learning_rate_init": 0.05, "alpha": 0.1}), ("go_on", 3)],
    "another activation": [("change", {"activation": ["relu"]}), ("go_on", 2)],
    "another solver": [("change", {"solver": "sgd", "momentum": 0.5}), ("go_on", 2)],
    "one batch": [("step",), ("step",), ("go_on", 2)],
    "all batches": [("step",)] * 5,
    "a weight": [("set_weight", 1, 2, 0, 0.5), ("set_weight", 2, 0, 1, -1.0), ("go_on", 2)],
    "dropout in mid-run": [("change", {"dropout": 0.2}), ("go_on", 2)],
    "invscaling": [("change", {"solver": "sgd", "learning_rate": "invscaling"}), ("go_on", 3)],
}

STARTS = {
    "moons": {},
    "softmax": {"data": "blobs3", "dropout": 0.1},
    "numbers": {"data": "hill", "activation": ["tanh"]},
    "no hidden layer": {"layers": []},
    "zeros": {"initializer": "zeros", "layers": [3, 2], "solver": "gd"},
    "features": {"data": "circles", "features": ["x1^2", "x2^2"], "training_share": 0.8},
    "bundled": {"data": "iris"},
    "softmax of two": {"output_activation": "softmax"},
    "sigmoid units of three": {"data": "blobs3", "output_activation": "logistic"},
    "zeros of softmax": {"output_activation": "softmax", "initializer": "zeros"},
}


@pytest.mark.parametrize("acts", ACTS.values(), ids=ACTS)
@pytest.mark.parametrize("first", [True, False], ids=["at once", "later"])
def test_copied_python_gives_the_same_bits(acts, first, capsys):
    run = run_of()
    if not first:
        run.go_on(4)
    for name, *given in acts:
        if name == "change":
            given = [changed(run.settings, given[0])]
        getattr(run, name)(*given)
    model = repeated(write_python(run))
    assert model.network_.hidden == run.network.hidden
    assert_arrays_equal(run.thetas, model.network_.thetas)
    assert run.fitting.state.history.costs == getattr(model, "loss_curve_", [])
    assert f"{run.record().test_score:.3f} on the test rows" in capsys.readouterr().out


@pytest.mark.parametrize("start", STARTS.values(), ids=STARTS)
def test_copied_python_of_every_kind_of_start(start):
    run = run_of(**start)
    run.go_on(3)
    arrays, _ = Plane(run.data).draw(run.network, run.thetas)
    assert len(arrays["output"]) == (len(run.data.classes) if len(run.data.classes) > 2 else 1)
    assert explain_example(run, row=0)["check"]["error"] < 1e-5
    model = repeated(write_python(run))
    assert model.loss_curve_ == run.fitting.state.history.costs


def test_copied_python_of_points_and_tables(tmp_path, monkeypatch):
    points = [[0, 0, 0], [1, 1, 1], [0, 1, 2], [1, 0, 0], [0.5, 1, 1], [0.1, 1, 2]]
    chosen = settings(data="points", training_share=0.6)
    run = TrainingRun(chosen, data_of(chosen, points=points))
    run.go_on(2)
    assert repeated(write_python(run, points)).loss_curve_ == run.fitting.state.history.costs
    frame = pl.DataFrame(
        {
            "a": range(40),
            "b": [k * k % 7 for k in range(40)],
            "c": ["u", "v"] * 20,
            "y": ["no", "yes", "yes", "no"] * 10,
        }
    )
    frame.write_csv(tmp_path / "t.csv")
    monkeypatch.chdir(tmp_path)
    chosen = settings(data="table", target="y")
    run = TrainingRun(chosen, data_of(chosen, frame))
    run.go_on(2)
    model = repeated(write_python(run, file="t.csv"))
    assert model.loss_curve_ == run.fitting.state.history.costs
    assert model.classes_.tolist() == ["no", "yes"]


def test_layers_that_keep_their_shape_keep_their_weights(session):
    session.handle({"do": "set", "settings": {"layers": [4, 3], "activation": ["tanh", "relu"]}})
    session.handle({"do": "epoch"})
    before = [theta.copy() for theta in session.run.thetas]
    session.handle({"do": "set", "settings": {"layers": [4, 2]}})
    np.testing.assert_array_equal(session.run.thetas[0], before[0])
    assert session.run.network.sizes == (2, 4, 2, 1)
    session.handle({"do": "epoch"})
    (reply,) = session.handle({"do": "python"})
    assert repeated(reply["code"]).loss_curve_ == session.run.fitting.state.history.costs
