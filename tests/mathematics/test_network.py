"""The network: shapes, outputs, costs, copies, files and wrong input."""

import pickle

import numpy as np
import pytest
from comparisons import assert_arrays_close, assert_arrays_equal

from multilayer import Network, equations, load
from multilayer.activations import Activation
from multilayer.losses import CustomLoss, Focal, Gamma, Huber, Softmax


def test_draws_its_shape():
    text = repr(Network((2, 5, 5, 2), random_state=0))
    assert text == (
        "Network: 57 parameters, float64\n"
        "2 inputs ── 15 ─▶ 5 logistic ── 30 ─▶ 5 logistic ── 12 ─▶ 2 logistic"
    )
    big = Network((784, 100, 10), "relu", "softmax", dtype=np.float32)
    assert "79 510 parameters, float32" in repr(big)


def test_agrees_with_the_equations(rng):
    network = Network((3, 4, 5, 2), ("tanh", "relu"), "softmax", random_state=1)
    X, labels = rng.randn(11, 3), rng.randint(2, size=11)
    Y = np.eye(2)[labels]
    names = {"hidden": network.hidden, "output": "softmax"}
    H = equations.forward_propagation(X, network.thetas, **names)[1][-1]
    np.testing.assert_allclose(network.forward(X), H, rtol=1e-12)
    expected = equations.cost(X, Y, network.thetas, 0.5, **names)
    assert network.cost(X, Y, 0.5) == pytest.approx(expected, rel=1e-12)
    assert network.cost(X, labels, 0.5) == pytest.approx(expected, rel=1e-12)
    D = equations.backpropagation(X, Y, network.thetas, 0.5, **names)
    assert_arrays_close(network.gradient(X, labels, 0.5), D, rtol=1e-10, atol=1e-14)
    np.testing.assert_array_equal(network.predict(X), equations.predict(X, network.thetas, **names))


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_keeps_its_dtype(dtype, rng):
    network = Network((3, 4, 2), dtype=dtype, random_state=0)
    assert network.forward(rng.randn(5, 3)).dtype == dtype
    assert all(d.dtype == dtype for d in network.gradient(rng.randn(5, 3), rng.rand(5, 2)))


def test_no_hidden_layer_is_a_regression(rng):
    X = rng.randn(6, 2)
    linear = Network((2, 1), output="identity", thetas=[[[1.0, 2.0, 3.0]]])
    np.testing.assert_allclose(linear.predict(X)[:, 0], 1 + X @ [2.0, 3.0])
    logistic = Network((2, 1), thetas=[[[1.0, 2.0, 3.0]]])
    assert logistic.predict(X).tolist() == (1 + X @ [2.0, 3.0] > 0).astype(int).tolist()


def test_copy_has_weights_of_its_own():
    network = Network((2, 3, 1), random_state=0)
    twin = network.copy()
    twin.thetas[0][:] = 0
    assert network.thetas[0].all()


def test_starts_as_the_equations_draw():
    for initializer in ("glorot", "notebook"):
        network = Network((2, 5, 2), random_state=3, initializer=initializer)
        drawn = equations.initialize_thetas((2, 5, 2), 3, initializer=initializer)
        assert_arrays_equal(network.thetas, drawn)


def test_save_and_load(tmp_path, rng):
    network = Network((3, 4, 2), "gelu", "softmax", dtype=np.float32, random_state=0)
    network.save(tmp_path / "n.mlp")
    loaded = load(tmp_path / "n.mlp")
    assert repr(loaded) == repr(network)
    X = rng.randn(5, 3)
    np.testing.assert_array_equal(loaded.forward(X), network.forward(X))


@pytest.mark.parametrize(
    ("output", "loss"),
    [
        ("softmax", "auto"),
        ("softmax", "focal"),
        ("identity", Huber(0.3)),
        ("exp", Gamma()),
        (Softmax((2, 3)), "auto"),
        (Softmax([2, 3]), Focal(1.5)),
    ],
    ids=repr,
)
def test_output_and_loss_are_saved_shown_and_copied(output, loss, tmp_path):
    network = Network((3, 4, 5), "tanh", output, loss=loss, random_state=0)
    network.save(tmp_path / "n.mlp")
    for twin in (load(tmp_path / "n.mlp"), network.copy(), pickle.loads(pickle.dumps(network))):
        assert (twin.output, twin.loss) == (output, loss)
        assert repr(twin) == repr(network)
    assert ("loss" in repr(network)) == (loss != "auto")


def test_shows_groups_and_loss():
    network = Network((3, 5), output=Softmax((2, 3)), loss=Focal(1.5), random_state=0)
    assert repr(network) == (
        "Network: 20 parameters, float64, loss Focal(gamma=1.5)\n3 inputs ── 20 ─▶ 5 softmax(2, 3)"
    )


@pytest.mark.parametrize(
    "arguments",
    [
        {"hidden": Activation(np.sin, np.cos)},
        {"output": "identity", "loss": CustomLoss(lambda Y, Z: Z[:, 0], lambda Y, Z: Z)},
    ],
    ids=["activation", "loss"],
)
def test_custom_functions_cannot_be_saved(arguments, tmp_path):
    network = Network((3, 4, 2), **arguments, random_state=0)
    assert network.copy().loss is network.loss
    assert repr(network)
    with pytest.raises(TypeError, match="user-defined functions cannot be saved"):
        network.save(tmp_path / "n.mlp")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"sizes": (3, 2), "loss": "huber"}, "goes with outputs identity; got 'logistic'"),
        ({"sizes": (3, 2), "loss": "hinge"}, "loss must be one of .* got 'hinge'"),
        ({"sizes": (3, 2), "output": Softmax((2, 3))}, r"the 2 output units, got \(2, 3\)"),
        ({"sizes": (3,)}, r"two or more positive integers .* got \(3,\)"),
        ({"sizes": (3, 0, 2)}, r"got \(3, 0, 2\)"),
        ({"sizes": (3, 2.0)}, "positive integers"),
        ({"sizes": (3, 2), "output": "tan"}, "output must be one of logistic, .* got 'tan'"),
        ({"sizes": (3, 2, 1), "hidden": "cos"}, "hidden must be one of .* got 'cos'"),
        ({"sizes": (3, 2, 1), "hidden": ("relu", "relu")}, "each of the 1 hidden layers"),
        ({"sizes": (3, 2), "dtype": np.int64}, "dtype must be float32 or float64, got int64"),
        ({"sizes": (3, 2), "thetas": [np.zeros((2, 3))]}, r"shapes \[\(2, 4\)\], got \[\(2, 3\)\]"),
        ({"sizes": (3, 2), "initializer": "ones"}, "initializer must be one of"),
    ],
)
def test_refuses_what_is_no_network(arguments, message):
    with pytest.raises(ValueError, match=message):
        Network(**arguments)


def test_refuses_wrong_input(rng):
    network = Network((3, 2), random_state=0)
    with pytest.raises(ValueError, match="X has 4 features, but this network has 3 inputs"):
        network.forward(rng.randn(5, 4))
    with pytest.raises(ValueError, match="two dimensions"):
        network.forward(rng.randn(3))
    with pytest.raises(ValueError, match="5"):
        network.cost(rng.randn(5, 3), rng.rand(4, 2))
    with pytest.raises(ValueError, match="2"):
        network.cost(rng.randn(5, 3), [0, 1, 2, 0, 1])


def test_forward_sees_every_change_of_the_weights():
    net = Network((3, 4, 2), "tanh", random_state=0)
    X = np.random.RandomState(1).randn(5, 3)

    def right():
        _, a = equations.forward_propagation(X, net.thetas, hidden=net.hidden)
        return np.allclose(net.forward(X), a[-1])

    assert right()
    net.thetas[0][:] *= 2  # within an array
    assert right()
    net.thetas[1] = net.thetas[1] * 3  # another array
    assert right()
    net.hidden = ["relu"]
    assert right()
    net.hidden[0] = "logistic"  # within a list
    assert right()
    net = pickle.loads(pickle.dumps(net))
    net.thetas[0] += 1
    assert right()


def test_a_row_alone_is_predicted_as_among_others():
    for dtype in (np.float32, np.float64):
        net = Network((7, 13, 9, 3), "relu", "softmax", random_state=0, dtype=dtype)
        X = np.random.RandomState(1).randn(40, 7).astype(dtype)
        H = net.forward(X)
        for count in (1, 2, 4, 5, 8, 9, 15, 16, 17):
            assert np.array_equal(net.forward(X[:count]), H[:count])
