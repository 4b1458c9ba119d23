"""Dropout: the masks, and training with them in the native engine against the equations."""

from __future__ import annotations

import copy

import numpy as np
import pytest
from cases import cost, train
from comparisons import assert_arrays_close
from network_cases import random_thetas
from scipy import stats
from sklearn.utils import gen_batches

from multilayer import equations
from multilayer.activations import ACTIVATIONS
from multilayer.dropout import dropout_mask
from multilayer.optimizers import GradientDescent

pytestmark = pytest.mark.usefixtures("isa")


class Example:
    """A random network with random data, trained natively or by the equations."""

    def __init__(self, sizes=(7, 9, 6, 3), m=53, *, hidden="tanh", dtype="float64", seed=0):
        rng = np.random.default_rng(seed)
        self.hidden = (hidden,) * (len(sizes) - 2)
        self.thetas = random_thetas(rng, sizes, dtype)
        self.X = rng.normal(size=(m, sizes[0])).astype(dtype)
        self.Y = np.eye(sizes[-1], dtype=dtype)[rng.integers(sizes[-1], size=m)]
        self.weights = rng.uniform(0.1, 2, size=m).astype(dtype)

    def train(self, dropout, **options):
        arguments = (self.thetas, self.X, self.Y, self.hidden, "softmax")
        return train(*arguments, GradientDescent(0.3), [], dropout=dropout, **options)

    def twin_train(self, dropout, seed, *, batch_size, order, lambda_=0.0, weights=None, steps=0):
        """Train step by step with the equations, in float64; returns the costs of the epochs."""
        costs, m = [], len(self.X)
        self.thetas = [theta.astype(np.float64) for theta in self.thetas]
        for rows in order:
            total = 0.0
            for batch in gen_batches(m, batch_size):
                X, Y = (a[rows[batch]].astype(np.float64) for a in (self.X, self.Y))
                steps += 1
                masks = [
                    dropout_mask(seed, steps, l, len(X), theta.shape[1] - 1, rate) if rate else None
                    for l, (theta, rate) in enumerate(zip(self.thetas, dropout, strict=True))
                ]
                names = {"hidden": self.hidden, "output": "softmax", "masks": masks}
                names["weights"] = None if weights is None else weights[rows[batch]].astype(float)
                total += len(X) * equations.cost(X, Y, self.thetas, lambda_, **names)
                D = equations.backpropagation(X, Y, self.thetas, lambda_, **names)
                self.thetas = [t - 0.3 * d for t, d in zip(self.thetas, D, strict=True)]
            costs.append(total / m)
        return costs


def compare(example, dropout, *, epochs=2, batch_size=None, weights=None, seed=5, steps=0):
    m, twin = len(example.X), copy.deepcopy(example)
    order = np.stack([np.random.default_rng(e).permutation(m) for e in range(epochs)])
    options = {"batch_size": batch_size or m, "order": order, "lambda_": 0.2, "weights": weights}
    report = example.train(dropout, dropout_seed=seed, steps_before=steps, epochs=epochs, **options)
    wanted = twin.twin_train(dropout, seed, steps=steps, **options)
    tolerance = {"float32": 3e-4, "float64": 1e-11}[example.X.dtype.name]
    np.testing.assert_allclose(report.costs, wanted, rtol=tolerance)
    assert_arrays_close(example.thetas, twin.thetas, rtol=0, atol=tolerance)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("hidden", ACTIVATIONS)
def test_training_equals_the_equations(hidden, dtype):
    compare(Example(hidden=hidden, dtype=dtype), (0.1, 0.5, 0.25), batch_size=20, steps=11)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize(
    "dropout", [(0, 0.3, 0), (0, 0, 0.3), (0.3, 0, 0), (0, 0, 0), (0.99, 0.9, 0.9)], ids=str
)
def test_layers_with_and_without(dropout, dtype):
    for hidden in ("relu", "gelu"):
        example = Example(hidden=hidden, dtype=dtype)
        compare(example, dropout, batch_size=53, weights=example.weights)


@pytest.mark.parametrize("width", [*range(1, 36, 2), 63, 64, 65, 129])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_widths(width, dtype):
    """Each width as number of inputs, of hidden units and of rows."""
    for sizes, m in [((width, 7, 3), 9), ((5, width, 3), 9), ((3, 4, 2), width)]:
        compare(Example(sizes, m, hidden="relu", dtype=dtype), (0.2, 0.4))


def test_more_rows_than_the_workspace_holds():
    compare(Example((3, 200, 2), 9001, hidden="relu"), (0.0, 0.5), epochs=1)


def test_no_hidden_layer():
    compare(Example((6, 3), 40), (0.4,), batch_size=7)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_same_bits_for_any_number_of_threads_and_calls(dtype):
    def fit(n_threads, calls):
        example = Example((20, 64, 50, 3), 1500, hidden="relu", dtype=dtype)
        steps = 0
        for _ in range(calls):
            steps += example.train(
                (0.1, 0.5, 0.5),
                batch_size=400,
                epochs=4 // calls,
                steps_before=steps,
                n_threads=n_threads,
            ).steps
        return [theta.tobytes() for theta in example.thetas]

    assert fit(1, 1) == fit(2, 1) == fit(3, 1) == fit(2, 4)


def test_prediction_and_gradient_leave_nothing_out():
    example = Example(hidden="relu")
    before = cost(example.thetas, example.X, example.Y, example.hidden, "softmax")
    report = example.train((0.5, 0.5, 0.5), max_steps=0)
    assert report.steps == 0
    assert before == cost(example.thetas, example.X, example.Y, example.hidden, "softmax")


def test_gradient_with_masks_equals_finite_differences():
    example = Example((4, 5, 6, 3), 7)
    rates = enumerate(zip((4, 5, 6), (0.2, 0.5, 0.3), strict=True))
    masks = [dropout_mask(1, 2, l, 7, units, rate) for l, (units, rate) in rates]
    for some in (masks, [None, masks[1], None]):
        names = {"hidden": "tanh", "output": "softmax", "masks": some}
        check = equations.check_gradient(example.X, example.Y, example.thetas, 0.1, **names)
        assert check.error < 1e-6
    with pytest.raises(ValueError, match="masks must be 3, one for each Θ, got 2"):
        equations.cost(example.X, example.Y, example.thetas, masks=masks[:2], output="softmax")


def test_mask_leaves_out_its_share_at_random():
    """Rates, and no echo between units, examples, steps, layers or seeds."""
    n = 1000
    for rate in (0.0, 0.1, 0.5, 0.9):
        mask = dropout_mask(3, 1, 0, n, n, rate)
        assert set(np.unique(mask)) <= {0.0, 1 / (1 - rate)}
        kept = mask > 0
        for share in (kept.mean(), kept[:, 0].mean(), kept[0].mean()):
            assert stats.binomtest(int(share * n), n, 1 - rate).pvalue > 1e-4
    mask = dropout_mask(3, 1, 0, n, n, 0.5) - 1  # ±1
    others = {
        "unit": np.roll(mask, 1, axis=1),
        "example": np.roll(mask, 1, axis=0),
        "both": np.roll(mask, (1, -1), axis=(0, 1)),
        "transpose": mask.T,
        "step": dropout_mask(3, 2, 0, n, n, 0.5) - 1,
        "layer": dropout_mask(3, 1, 1, n, n, 0.5) - 1,
        "seed": dropout_mask(4, 1, 0, n, n, 0.5) - 1,
        "step and layer": dropout_mask(3, 0, 1, n, n, 0.5) - 1,
    }
    for name, other in others.items():
        assert abs((mask * other).mean()) < 5 / n, name  # a standard deviation is 1/n
    # How many units an example keeps, and how many examples a unit, scatter as they should.
    for axis in (0, 1):
        counts = (mask > 0).sum(axis=axis)
        assert 0.8 < counts.var() / (n / 4) < 1.2


def test_mask_is_fixed_for_good():
    mask = dropout_mask(2**64 - 1, 12345, 2, 4, 12, 0.4)
    drawn = ["".join("01"[int(kept)] for kept in row) for row in mask > 0]
    assert drawn == ["000001010010", "111110111101", "110100110111", "011001101101"]
    larger = dropout_mask(7, 1, 0, 9, 5, 0.3)
    np.testing.assert_array_equal(larger[:4, :2], dropout_mask(7, 1, 0, 4, 2, 0.3))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"dropout": (0.1, 0.1)}, "dropout must hold 3 rates, .* hidden layer: 2"),
        ({"dropout": (0.1, 1.0, 0.1)}, "at least 0 and less than 1: 1.0"),
        ({"dropout": (0.1, -0.1, 0.1)}, "at least 0 and less than 1: -0.1"),
        ({"dropout": (0.1, np.nan, 0.1)}, "at least 0 and less than 1: nan"),
        ({"dropout": (0.1, 0.1, 0.1), "dropout_seed": -1}, "dropout_seed must be from 0 to .*: -1"),
    ],
    ids=["too few", "all", "negative", "NaN", "seed"],
)
def test_bad_input(arguments, message):
    with pytest.raises(ValueError, match=message):
        Example().train(**arguments)
    with pytest.raises(ValueError, match="less than 1: 1"):
        dropout_mask(0, 1, 0, 2, 2, 1.0)
