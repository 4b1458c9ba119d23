"""Training runs of the playground: data sets, features, history, the worked example."""

import json

import numpy as np
import pytest
from playground_cases import run_of

from multilayer.playground import load_data
from multilayer.playground.images import Plane
from multilayer.playground.settings import DATA
from multilayer.playground.worked_example import explain_example

DATASETS = [name for group in ("classes", "numbers", "bundled") for name in DATA[group]]


@pytest.mark.parametrize("name", DATASETS)
def test_every_data_set_trains(name):
    run = run_of(data=name)
    before = run.latest.cost
    run.go_on(5)
    assert run.record().cost < before
    assert run.data.training.sum() + len(run.labels[1]) == len(run.data.X)
    points = run.data.xy[:3]
    assert run.data.encode(points).shape == (3, run.data.X.shape[1])
    arrays, _ = Plane(run.data).draw(run.network, run.thetas)
    assert arrays["output"].shape == (
        max(1, len(run.data.classes) * (len(run.data.classes) > 2)),
        100,
        100,
    )


def test_the_same_seed_gives_the_same_rows_and_another_others():
    X, *_ = load_data("spiral", rows=50)
    again, *_ = load_data("spiral", rows=50)
    other, *_ = load_data("spiral", rows=50, data_seed=1)
    np.testing.assert_array_equal(X, again)
    assert not np.array_equal(X, other)


def test_features_of_the_plane():
    run = run_of(data="xor", features=["x1*x2", "x1", "sin(x2)"])
    assert run.data.inputs == ["x1", "x1*x2", "sin(x2)"]
    x1, x2 = run.data.xy.T
    np.testing.assert_array_equal(run.data.X, np.column_stack([x1, x1 * x2, np.sin(x2)]))


def test_of_a_long_run_at_most_300_moments_are_kept():
    run = run_of(rows=10, batch_size=5)
    for _ in range(1000):
        run.go_on(1)
        run.record()
    epochs = [snapshot.epoch for snapshot in run.snapshots]
    assert 100 < len(epochs) <= 300
    assert epochs[0] == 0
    steps = np.diff(epochs)
    assert steps.min() > 0
    assert steps.max() <= 4 * steps.min()


@pytest.mark.parametrize("data", ["moons", "blobs3", "hill"])
@pytest.mark.parametrize("alpha", [0.0, 0.5])
def test_the_worked_example_is_backpropagation(data, alpha):
    run = run_of(data=data, alpha=alpha, layers=[4, 3])
    run.go_on(2)
    told = explain_example(run, row=3)
    assert told["check"]["error"] < 1e-6
    assert json.dumps(told, allow_nan=False)
    for layer, theta in zip(told["layers"], run.thetas, strict=True):
        np.testing.assert_array_equal(layer["theta"], theta)
    # ∂J/∂Θ = δ [1; a]ᵀ + λ Θ
    a = [1.0, *(one["value"] for one in told["inputs"])]
    for layer in told["layers"]:
        expected = np.outer(layer["delta"], a)
        expected[:, 1:] += alpha * np.array(layer["theta"])[:, 1:]
        np.testing.assert_allclose(layer["gradient"], expected, atol=1e-12)
        np.testing.assert_allclose(layer["z"], np.array(layer["theta"]) @ a, atol=1e-12)
        a = [1.0, *layer["a"]]
    assert (told["penalty"] > 0) == (alpha > 0)
    assert told["update"]["cost"] < told["cost"] + told["penalty"]
    assert explain_example(run, x=[0.1, 0.2])["truth"] is None


def test_the_worked_example_is_of_any_moment():
    run = run_of()
    before = [theta.copy() for theta in run.thetas]
    run.go_on(2)
    then, now = explain_example(run, row=3, thetas=before), explain_example(run, row=3)
    np.testing.assert_array_equal(then["layers"][0]["theta"], before[0])
    np.testing.assert_array_equal(now["layers"][0]["theta"], run.thetas[0])
