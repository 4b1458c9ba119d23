"""Rows are computed in groups, in parts of groups, or alone: the bits of a row are the same."""

import numpy as np
import pytest
from cases import forward

from multilayer import equations
from multilayer.activations import ACTIVATIONS
from multilayer.network import Network

pytestmark = pytest.mark.usefixtures("isa")


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("hidden", sorted(ACTIVATIONS))
@pytest.mark.parametrize("output", ["logistic", "softmax", "identity", "exp"])
def test_a_row_alone_has_the_bits_of_a_row_among_others(hidden, output, dtype):
    rng = np.random.RandomState(0)
    for sizes in ((1, 1), (7, 16, 3), (33, 17, 64, 2), (20, 65, 31, 33)):
        thetas = [theta.astype(dtype) for theta in equations.initialize_thetas(sizes, 0)]
        X = rng.randn(70, sizes[0]).astype(dtype)
        functions = [hidden] * (len(sizes) - 2)
        H = forward(thetas, X, functions, output)
        for n in (1, 2, 3, 17, 33, 64):
            for first in (0, 70 - n):
                some = X[first : first + n]
                for rows in (some, np.asfortranarray(some), some[::-1][::-1]):
                    alone = forward(thetas, rows, functions, output)
                    assert np.array_equal(alone, H[first : first + n])


@pytest.mark.parametrize("m", [1, 7, 8, 9, 15, 16, 17, 31, 32, 33, 48, 63, 65, 127, 129, 200])
@pytest.mark.parametrize("output", ["softmax", "logistic"])
def test_batches_that_fill_no_group(m, output):
    """Cost and gradient of every length of the last group, with labels and weights."""
    rng = np.random.RandomState(m)
    network = Network((5, 19, 35, 4), "tanh", output, random_state=0, dtype="float64")
    X, labels = rng.randn(m, 5), rng.randint(4, size=m)
    Y = np.eye(4)[labels]
    hidden = list(network.hidden)
    J = equations.cost(X, Y, network.thetas, 0.3, hidden=hidden, output=output)
    D = equations.backpropagation(X, Y, network.thetas, 0.3, hidden=hidden, output=output)
    assert network.cost(X, labels, 0.3) == pytest.approx(J, rel=1e-13)
    for got, wanted in zip(network.gradient(X, labels, 0.3), D, strict=True):
        np.testing.assert_allclose(got, wanted, rtol=1e-10, atol=1e-14)
