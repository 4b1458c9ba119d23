"""Options of a step: l1, clipped gradients, bounded norms, learning rates, penalty divisor."""

import numpy as np
import pytest
import scipy.sparse
from cases import cost, cost_and_gradient, train
from comparisons import assert_arrays_close, digest
from optimizer_cases import OPTIMIZERS

from multilayer import Network, equations
from multilayer.optimizers import Adam, GradientDescent

pytestmark = pytest.mark.usefixtures("isa")

OPTIONS = {
    "none": {},
    "l1": {"l1": 0.7},
    "l1 and lambda": {"l1": 0.7, "lambda_": 0.4},
    "clip_norm": {"clip_norm": 0.05, "lambda_": 0.4},
    "max_norm": {"max_norm": 0.6, "lambda_": 0.4},
    "all": {"l1": 0.3, "lambda_": 0.4, "clip_norm": 0.1, "max_norm": 0.7},
    "penalty_rows": {"lambda_": 0.4, "penalty_rows": 29.0},
    "penalty_rows, l1": {"lambda_": 0.4, "l1": 0.3, "penalty_rows": 29.0},
    "cost_share": {"lambda_": 0.4, "cost_share": 0.25},
}


def train_by_equations(network, X, Y, optimizer, slots, batches, rates, options):
    """Make the same steps by the equations and return the cost of each batch."""
    options = {"l1": 0.0, "lambda_": 0.0, "clip_norm": np.inf, "max_norm": np.inf, **options}
    costs = []
    names = {"hidden": network.hidden, "output": network.output}
    for step, (batch, rate) in enumerate(zip(batches, rates, strict=True), 1):
        rows = len(batch)
        scale = rows / options.get("penalty_rows", rows)  # of both strengths
        strengths = {"lambda_": options["lambda_"] * scale, "l1": options["l1"] * scale}
        data = equations.cost(X[batch], Y[batch], network.thetas, **names)
        J = equations.cost(X[batch], Y[batch], network.thetas, **strengths, **names)
        costs.append(options.get("cost_share", 1.0) * data + (J - data))
        D = equations.backpropagation(X[batch], Y[batch], network.thetas, **strengths, **names)
        norm = np.sqrt(sum((d**2).sum() for d in D))
        if norm > options["clip_norm"]:
            D = [d * (options["clip_norm"] / norm) for d in D]
        rule = type(optimizer)(**{**vars(optimizer), "learning_rate": rate})
        for layer, (theta, d) in enumerate(zip(network.thetas, D, strict=True)):
            new, updated = rule.update(theta, d, [slot[layer] for slot in slots], step)
            norms = np.linalg.norm(new[:, 1:], axis=1, keepdims=True)
            new[:, 1:] *= np.minimum(1, options["max_norm"] / np.maximum(norms, 1e-300))
            theta[...] = new
            for slot, value in zip(slots, updated, strict=True):
                slot[layer] = value
    return costs


def run(sizes, dtype, optimizer, options, sparse=False, n_threads=None, rated=False):
    """Train natively and by the equations; return networks, costs and slots of both."""
    rng = np.random.RandomState(3)
    X = rng.randn(26, sizes[0]).astype(dtype) * (rng.rand(26, sizes[0]) < 0.5)
    Y = np.eye(sizes[-1], dtype=dtype)[rng.randint(sizes[-1], size=26)]
    network = Network(sizes, "tanh", "softmax", random_state=1, dtype=dtype)
    other = network.copy()
    slots, other_slots = optimizer.start(network.thetas), optimizer.start(other.thetas)
    batches = [np.arange(start, min(start + 10, 26)) for start in range(0, 26, 10)] * 3
    rates = optimizer.learning_rate * np.linspace(1.5, 0.5, 9) if rated else None
    report = train(
        network.thetas,
        scipy.sparse.csr_array(X) if sparse else X,
        Y,
        network.hidden,
        network.output,
        optimizer,
        slots,
        batch_size=10,
        epochs=3,
        rates=rates,
        n_threads=n_threads,
        **options,
    )
    every = [optimizer.learning_rate] * 9 if rates is None else rates
    costs = train_by_equations(other, X, Y, optimizer, other_slots, batches, every, options)
    weights = np.array([len(batch) for batch in batches]) / 26
    expected = (np.array(costs) * weights).reshape(3, 3).sum(axis=1)
    return network, other, report.costs, expected, slots, other_slots


@pytest.mark.parametrize("sparse", [False, True], ids=["dense", "sparse"])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("name", OPTIONS)
@pytest.mark.parametrize("optimizer", OPTIMIZERS, ids=repr)
def test_steps_are_those_of_the_equations(optimizer, name, dtype, sparse):
    single = dtype == np.float32
    tolerance = {"rtol": 2e-3, "atol": 2e-4} if single else {"rtol": 1e-9, "atol": 1e-11}
    network, other, costs, expected, slots, other_slots = run(
        (13, 9, 7, 3), dtype, optimizer, OPTIONS[name], sparse
    )
    for slot, want in zip(slots, other_slots, strict=True):
        assert_arrays_close(slot, want, **tolerance)
    np.testing.assert_allclose(costs, expected, **tolerance)
    assert_arrays_close(network.thetas, other.thetas, **tolerance)


@pytest.mark.parametrize("sizes", [(1, 1), (5, 3), (3, 17, 1, 2), (40, 33, 9)], ids=str)
@pytest.mark.parametrize("sparse", [False, True], ids=["dense", "sparse"])
def test_odd_sizes(sizes, sparse):
    network, other, costs, expected, _, _ = run(
        sizes, np.float64, Adam(0.02), OPTIONS["all"], sparse
    )
    np.testing.assert_allclose(costs, expected, rtol=1e-9)
    assert_arrays_close(network.thetas, other.thetas, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("optimizer", OPTIMIZERS, ids=repr)
def test_each_step_has_its_rate(optimizer):
    network, other, costs, expected, _, _ = run((13, 9, 3), np.float64, optimizer, {}, rated=True)
    np.testing.assert_allclose(costs, expected, rtol=1e-9)
    assert_arrays_close(network.thetas, other.thetas, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("sparse", [False, True], ids=["dense", "sparse"])
def test_same_bits_for_any_number_of_threads(sparse):
    X = np.random.RandomState(0).randn(3000, 50) * (np.random.RandomState(1).rand(3000, 50) < 0.3)
    trained = []
    for n_threads in (1, 2, 3):
        network = Network((50, 70, 60, 4), "relu", "softmax", random_state=0)
        optimizer = Adam(0.01)
        train(
            network.thetas,
            scipy.sparse.csr_array(X) if sparse else X,
            np.arange(3000) % 4,
            network.hidden,
            network.output,
            optimizer,
            optimizer.start(network.thetas),
            batch_size=1000,
            epochs=3,
            n_threads=n_threads,
            l1=0.1,
            lambda_=0.1,
            clip_norm=0.05,
            max_norm=0.8,
        )
        trained.append(digest(network.thetas))
    assert len(set(trained)) == 1


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_cost_and_gradient_with_l1(dtype):
    rng = np.random.RandomState(0)
    network = Network((5, 4, 2), "tanh", "softmax", random_state=0, dtype=dtype)
    X, Y = rng.randn(9, 5).astype(dtype), np.eye(2, dtype=dtype)[rng.randint(2, size=9)]
    names = {"hidden": network.hidden, "output": network.output}
    J, D = cost_and_gradient(network.thetas, X, Y, *names.values(), 0.3, l1=0.7)
    want = equations.cost(X, Y, network.thetas, 0.3, l1=0.7, **names)
    assert pytest.approx(float(want), rel=1e-5) == J
    assert cost(network.thetas, X, Y, *names.values(), 0.3, l1=0.7) == J
    expected = equations.backpropagation(X, Y, network.thetas, 0.3, l1=0.7, **names)
    assert_arrays_close(D, expected, rtol=1e-4, atol=1e-6)


def test_gradient_with_l1_is_that_of_finite_differences():
    rng = np.random.RandomState(0)
    thetas = [rng.randn(4, 6), rng.randn(2, 5)]
    thetas[0][1, 3] = 0  # the corner of |θ|: differences of both sides cancel, and sign 0 is 0
    X, Y, weights = rng.randn(9, 5), np.eye(2)[rng.randint(2, size=9)], rng.rand(9)
    names = {"hidden": "tanh", "output": "softmax", "l1": 0.7, "weights": weights}
    D = equations.backpropagation(X, Y, thetas, 0.3, **names)
    for theta, d in zip(thetas, D, strict=True):
        for place in np.ndindex(theta.shape):
            kept, costs = theta[place], []
            for bump in (1e-6, -1e-6):
                theta[place] = kept + bump
                costs.append(equations.cost(X, Y, thetas, 0.3, **names))
            theta[place] = kept
            assert d[place] == pytest.approx((costs[0] - costs[1]) / 2e-6, rel=1e-6, abs=1e-8)


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"l1": -1.0}, ValueError, "l1 must be finite and not negative: -1.0"),
        ({"l1": np.inf}, ValueError, "l1 must be finite"),
        ({"clip_norm": 0.0}, ValueError, "clip_norm must be positive: 0.0"),
        ({"max_norm": np.nan}, ValueError, "max_norm must be positive: nan"),
        ({"penalty_rows": 0}, ValueError, "penalty_rows must be positive: 0"),
        ({"rates": [0.1]}, TypeError, "rates must be an array"),
        ({"rates": np.array([0.1, np.nan])}, ValueError, "rates must be finite .*: nan"),
        ({"rates": np.array([0.1, np.inf])}, ValueError, "rates must be finite .*: inf"),
        ({"rates": np.array([0.1, -0.5])}, ValueError, "not negative: -0.5"),
    ],
    ids=str,
)
def test_refuses_wrong_options(options, error, message):
    network = Network((2, 1), output="identity", random_state=0)
    before = network.thetas[0].copy()
    X, Y = np.ones((3, 2)), np.ones((3, 1))
    with pytest.raises(error, match=message):
        train(network.thetas, X, Y, [], "identity", GradientDescent(0.1), [], **options)
    np.testing.assert_array_equal(network.thetas[0], before)


def test_no_more_steps_than_rates():
    network = Network((2, 1), output="identity", random_state=0)
    X, Y, rates = np.ones((30, 2)), np.ones((30, 1)), np.full(5, 0.1)
    report = train(
        network.thetas,
        X,
        Y,
        [],
        "identity",
        GradientDescent(9.0),
        [],
        batch_size=10,
        epochs=3,
        rates=rates,
    )
    assert (report.steps, len(report.costs)) == (5, 1)


@pytest.mark.parametrize("sparse", [False, True], ids=["dense", "sparse"])
@pytest.mark.parametrize("name", ["l1", "clip_norm", "max_norm", "all"])
def test_batches_larger_than_the_workspace_and_weights(name, sparse):
    rng = np.random.RandomState(0)
    m = 9001
    X, labels = rng.randn(m, 3), rng.randint(2, size=m)
    weights, Y = rng.rand(m) + 0.1, np.eye(2)[labels]
    network = Network((3, 70, 2), "relu", "softmax", random_state=0)
    other, optimizer = network.copy(), GradientDescent(0.5)
    options = {"l1": 0.0, "lambda_": 0.0, "clip_norm": np.inf, "max_norm": np.inf}
    options |= {key: 300 * v if key in ("l1", "lambda_") else v for key, v in OPTIONS[name].items()}
    rows = scipy.sparse.csr_array(X) if sparse else X
    units = (network.hidden, network.output)
    report = train(
        network.thetas, rows, labels, *units, optimizer, [], weights=weights, epochs=2, **options
    )
    names = {"hidden": "relu", "output": "softmax", "weights": weights, "l1": options["l1"]}
    for got in report.costs:
        want = equations.cost(X, Y, other.thetas, options["lambda_"], **names)
        assert got == pytest.approx(float(want), rel=1e-11)
        D = equations.backpropagation(X, Y, other.thetas, options["lambda_"], **names)
        norm = np.sqrt(sum((d**2).sum() for d in D))
        for theta, d in zip(other.thetas, D, strict=True):
            theta -= 0.5 * min(1, options["clip_norm"] / norm) * d
            norms = np.linalg.norm(theta[:, 1:], axis=1, keepdims=True)
            theta[:, 1:] *= np.minimum(1, options["max_norm"] / norms)
    assert_arrays_close(network.thetas, other.thetas, rtol=0, atol=1e-12)
