"""Losses, grouped softmax and label smoothing in the native engine, against their equations."""

from __future__ import annotations

import numpy as np
import pytest
from cases import cost, cost_and_gradient, forward, train
from comparisons import assert_arrays_close, assert_arrays_equal
from hypothesis import given, settings
from hypothesis import strategies as st
from loss_cases import LOSS_CASES
from network_cases import TOLERANCE

from multilayer import Network, equations
from multilayer.activations import Activation
from multilayer.losses import (
    CustomLoss,
    Focal,
    Huber,
    LogLoss,
    Softmax,
    smooth,
)
from multilayer.optimizers import Adam, GradientDescent
from multilayer.outputs import parts

pytestmark = pytest.mark.usefixtures("isa")

PAIRS = [(loss, output) for loss, output, _ in LOSS_CASES if isinstance(output, str)]

CLASSES = [(loss, output) for loss, output in PAIRS if output in ("logistic", "softmax")]


class Example:
    """A network of seven inputs and nine hidden units with random data; `scale` widens its z."""

    def __init__(self, output, *, K=5, m=53, dtype="float64", seed=0, scale=1.0):
        rng = np.random.default_rng(seed)
        self.output, self.hidden = output, ("tanh",)
        self.thetas = [rng.normal(size=shape).astype(dtype) for shape in [(9, 8), (K, 10)]]
        self.thetas[1] *= scale
        self.X = rng.normal(size=(m, 7)).astype(dtype)
        Y = rng.uniform(0.1, 1, size=(m, K))
        Y[::3] = np.eye(K)[rng.integers(K, size=len(Y[::3]))] + (output == "exp")
        if output == "softmax" or isinstance(output, Softmax):
            for part in parts(output, K):
                Y[:, part] += 1e-3 * (Y[:, part].sum(axis=1, keepdims=True) == 0)
                Y[:, part] /= Y[:, part].sum(axis=1, keepdims=True)
        self.Y = Y.astype(dtype)
        self.weights = rng.uniform(0.1, 2, size=m).astype(dtype)
        self.weights[1 % m] = 0 if m > 1 else 1

    def holds(self, loss, *, weights=None, smoothing=0.0, lambda_=0.3):
        """Compare J and D of the engine with those of the equations."""
        names = {"loss": loss, "label_smoothing": smoothing}
        J, D = cost_and_gradient(
            self.thetas, self.X, self.Y, self.hidden, self.output, lambda_, weights, **names
        )
        wide = [array.astype(np.float64) for array in (self.X, self.Y, *self.thetas)]
        Y = smooth(wide[1], smoothing, self.output) if smoothing else wide[1]
        arguments = (wide[0], Y, wide[2:], lambda_)
        names = {"hidden": self.hidden, "output": self.output, "loss": loss}
        names["weights"] = None if weights is None else weights.astype(np.float64)
        wanted = equations.cost(*arguments, **names)
        tolerance = TOLERANCE[self.X.dtype.name]
        assert abs(J - wanted) <= tolerance * max(1, abs(wanted))
        for got, want in zip(D, equations.backpropagation(*arguments, **names), strict=True):
            assert got.dtype == self.X.dtype
            np.testing.assert_allclose(
                got, want, rtol=0, atol=tolerance * max(1, np.abs(want).max())
            )


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize(("loss", "output"), PAIRS, ids=repr)
def test_every_loss_of_every_output(loss, output, dtype):
    for K in (1, 2, 5, 17, 33):
        for m in (1, 31, 150):
            example = Example(output, K=K, m=m, dtype=dtype, seed=K)
            example.holds(loss)
            example.holds(loss, weights=example.weights)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("loss", [LogLoss(), Focal(2.0), Focal(0.5)], ids=repr)
@pytest.mark.parametrize("groups", [(1,), (3, 2, 4), (1, 1), (20, 1, 7)], ids=str)
def test_groups_of_softmax(groups, loss, dtype):
    for smoothing in (0.0, 0.1):
        example = Example(Softmax(groups), K=sum(groups), dtype=dtype)
        example.holds(loss, weights=example.weights, smoothing=smoothing)
    H = forward(example.thetas, example.X, example.hidden, example.output)
    _, A = equations.forward_propagation(
        example.X, example.thetas, hidden="tanh", output=example.output
    )
    np.testing.assert_allclose(H, A[-1], rtol=0, atol=TOLERANCE[dtype])
    network = Network((7, 9, sum(groups)), "tanh", example.output, thetas=example.thetas)
    assert network.predict(example.X).shape == (53, len(groups))


def test_one_group_is_plain_softmax():
    plain, grouped = Example("softmax"), Example(Softmax((5,)))
    for loss in ("log_loss", "focal"):
        J, D = (
            cost_and_gradient(e.thetas, e.X, plain.Y, e.hidden, e.output, loss=loss)
            for e in (plain, grouped)
        )
        assert J[0] == D[0]
        assert_arrays_equal(J[1], D[1])


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize(("loss", "output"), CLASSES, ids=repr)
def test_smoothing(loss, output, dtype):
    for K in (1, 2, 7):
        for smoothing in (0.05, 0.9):
            Example(output, K=K, dtype=dtype).holds(loss, smoothing=smoothing)
    example = Example(output)
    labels = np.arange(53) % 5
    names = {"loss": loss, "label_smoothing": 0.2}
    arguments = (example.hidden, example.output)
    assert cost(example.thetas, example.X, labels, *arguments, **names) == cost(
        example.thetas, example.X, np.eye(5)[labels], *arguments, **names
    )


@pytest.mark.parametrize(("loss", "output"), PAIRS, ids=repr)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_far_out(loss, output, dtype):
    """Where h is 0 or 1 to the last bit, and where z is y."""
    z = np.r_[0.0, np.geomspace(1e-20, 80, 60), -np.geomspace(1e-20, 80, 60)].astype(dtype)
    theta = np.array([[0, 1], [0, -1]], dtype)
    for z_of_row in z:
        for y in ([1, 0], [0, 1], [0.5, 0.5]) if output != "exp" else ([1, 2], [1e-3, 7]):
            X, Y = z_of_row.reshape(1, 1), np.array([y], dtype)
            J, D = cost_and_gradient([theta], X, Y, (), output, loss=loss)
            Z = np.array([[z_of_row, -z_of_row]], np.float64)
            wanted = loss.cost(Z, Y.astype(np.float64), output)[0]
            near = 30 * np.finfo(dtype).eps
            assert abs(J - wanted) <= near * max(1, abs(wanted))
            delta = loss.derivative(Z, Y.astype(np.float64), output)[0]
            assert (np.abs(D[0][:, 0] - delta) <= near * np.maximum(1, np.abs(delta))).all()


def test_focal_keeps_what_is_small():
    theta, X, Y = np.array([[0.0, 1.0], [0.0, 0.0]]), np.array([[300.0]]), np.array([[1.0, 0.0]])
    J, D = cost_and_gradient([theta], X, Y, (), "softmax", loss=Focal(0.5))
    assert J == pytest.approx(np.exp(-450), rel=1e-12)
    assert D[0][0, 0] == pytest.approx(-1.5 * np.exp(-450), rel=1e-12)


@given(
    pair=st.sampled_from(PAIRS),
    K=st.integers(1, 40),
    m=st.integers(1, 150),
    seed=st.integers(0, 2**32 - 1),
    dtype=st.sampled_from(["float32", "float64"]),
    smoothing=st.sampled_from([0.0, 0.3]),
)
@settings(max_examples=100)
def test_any_loss_and_shape(pair, K, m, seed, dtype, smoothing):
    smoothing = smoothing if pair in CLASSES else 0.0
    Example(pair[1], K=K, m=m, dtype=dtype, seed=seed).holds(pair[0], smoothing=smoothing)


@pytest.mark.parametrize(("loss", "output"), PAIRS, ids=repr)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_training_has_the_same_bits_for_any_number_of_threads(loss, output, dtype):
    results = []
    for n_threads in (1, 2, 3):
        example = Example(output, m=2001, dtype=dtype, scale=0.1)
        adam = Adam(0.01)
        report = train(
            example.thetas,
            example.X,
            example.Y,
            example.hidden,
            output,
            adam,
            adam.start(example.thetas),
            loss=loss,
            label_smoothing=0.1 if (loss, output) in CLASSES else 0.0,
            batch_size=700,
            epochs=3,
            n_threads=n_threads,
        )
        assert report.costs[-1] < report.costs[0]
        results.append([report.costs.tobytes(), *(t.tobytes() for t in example.thetas)])
    assert results[0] == results[1] == results[2]


def test_network_asks_for_its_loss(rng):
    X, Y = rng.randn(20, 3), rng.rand(20, 2)
    network = Network((3, 4, 2), "tanh", "identity", loss=Huber(0.2), random_state=0)
    names = {"hidden": "tanh", "output": "identity", "loss": Huber(0.2)}
    wanted = equations.cost(X, Y, network.thetas, 0.1, **names)
    assert network.cost(X, Y, 0.1) == pytest.approx(wanted, rel=1e-12)
    D = equations.backpropagation(X, Y, network.thetas, 0.1, **names)
    assert_arrays_close(network.gradient(X, Y, 0.1), D, rtol=1e-10, atol=1e-13)


OWN = CustomLoss(lambda Y, Z: Z[:, 0], lambda Y, Z: Z)

BAD = {
    "another output's": ("softmax", {"loss": "huber"}, "goes with outputs identity; got 'softmax'"),
    "unknown": ("identity", {"loss": "hinge"}, "loss must be one of auto, .*'hinge'"),
    "own": ("identity", {"loss": OWN}, "supports only the losses LogLoss, .*: CustomLoss"),
    "activation": ("identity", {"hidden": (Activation(np.sin, np.cos),)}, "an activation must be"),
    "smoothing": ("softmax", {"label_smoothing": 1.0}, "less than 1, got 1.0"),
    "smoothing of numbers": ("exp", {"label_smoothing": 0.1}, "logistic and softmax, got 'exp'"),
    "gamma": ("exp", {"loss": "gamma", "Y": np.zeros((9, 5))}, "Y must be positive .*: 0.0"),
    "gamma labels": ("exp", {"loss": "gamma", "Y": np.ones(9, int)}, "Y must be positive .*: 0"),
    "groups": (Softmax((2, 2)), {}, r"add up to the 5 output units, got \(2, 2\)"),
    "labels": (Softmax((2, 3)), {"Y": np.zeros(9, int)}, r"Y must be one-hot, \(m, 5\)"),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_input(name):
    output, changes, message = BAD[name]
    example = Example("identity", m=9)
    arguments = {
        "thetas": example.thetas,
        "X": example.X,
        "Y": example.Y,
        "hidden": example.hidden,
        "output": output,
    }
    arguments |= changes
    descent = {"optimizer": GradientDescent(0.1), "slots": []}
    for call, more in [
        (cost, {}),
        (cost_and_gradient, {}),
        (train, descent),
    ]:
        with pytest.raises(ValueError, match=message):
            call(**arguments, **more)
