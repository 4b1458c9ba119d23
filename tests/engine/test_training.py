"""Training in the native engine: its steps against `equations.py`, and when it stops."""

from __future__ import annotations

import copy

import numpy as np
import pytest
from cases import PlateauCounter, cost_and_gradient, forward, train
from comparisons import assert_arrays_close, assert_arrays_equal, digest
from network_cases import TOLERANCE, Case
from optimizer_cases import OPTIMIZERS, SMOOTH_OPTIMIZERS, step_by_equations
from sklearn.utils import gen_batches

from multilayer import equations
from multilayer.optimizers import Adam, GradientDescent, Optimizer

pytestmark = pytest.mark.usefixtures("isa")


def train_by_equations(
    case, optimizer, slots, *, batch_size, order, lambda_=0.0, weights=None, steps=0
):
    """Train step by step by the equations and return the costs of the epochs."""
    m, costs = len(case.X), []
    for rows in order:
        total = 0.0
        for batch in gen_batches(m, batch_size):
            X, Y = case.X[rows[batch]], case.Y[rows[batch]]
            w = None if weights is None else weights[rows[batch]]
            steps += 1
            total += len(X) * float(
                equations.cost(X, Y, case.thetas, lambda_, weights=w, **case.network)
            )
            D = equations.backpropagation(X, Y, case.thetas, lambda_, weights=w, **case.network)
            step_by_equations(optimizer, case.thetas, D, slots, steps)
        costs.append(total / m)
    return costs


@pytest.mark.parametrize("optimizer", SMOOTH_OPTIMIZERS, ids=repr)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("weighted", [False, True])
def test_train_step_by_step(optimizer: Optimizer, dtype, weighted):
    case = Case((7, 9, 6, 3), 53, dtype=dtype)
    weights = case.weights if weighted else None
    twin = copy.deepcopy(case)
    slots, twin_slots = optimizer.start(case.thetas), optimizer.start(twin.thetas)
    order = np.stack([case.rng.permutation(53) for _ in range(4)])
    report = None
    for epoch in range(4):
        batch_size = [10, 53, 1, 52][epoch]
        steps = sum(-(-53 // b) for b in [10, 53, 1, 52][:epoch])
        wanted = train_by_equations(
            twin,
            optimizer,
            twin_slots,
            batch_size=batch_size,
            order=order[epoch : epoch + 1],
            lambda_=0.5,
            weights=weights,
            steps=steps,
        )
        report = case.train(
            optimizer,
            slots,
            lambda_=0.5,
            weights=weights,
            batch_size=batch_size,
            order=order[epoch : epoch + 1],
            steps_before=steps,
        )
        assert report.status == "finished"
        assert report.steps == -(-53 // batch_size)
        np.testing.assert_allclose(report.costs, wanted, rtol=100 * TOLERANCE[dtype])
    assert_arrays_close(case.thetas, twin.thetas, rtol=0, atol=100 * TOLERANCE[dtype])
    for slot, twin_slot in zip(slots, twin_slots, strict=True):
        assert_arrays_close(slot, twin_slot, rtol=0, atol=100 * TOLERANCE[dtype])


@pytest.mark.parametrize("m", [5000, 20_001])
def test_many_rows_in_one_batch(m):
    """More rows than the workspace holds at once."""
    case = Case((3, 200, 2), m, hidden="relu")
    twin = copy.deepcopy(case)
    descent = GradientDescent(0.5)
    report = case.train(descent, [], epochs=3, lambda_=1.0)
    wanted = train_by_equations(
        twin, descent, [], batch_size=m, order=[np.arange(m)] * 3, lambda_=1.0
    )
    np.testing.assert_allclose(report.costs, wanted, rtol=1e-12)
    case.assert_all_close(case.thetas, twin.thetas)


@pytest.mark.parametrize("optimizer", OPTIMIZERS, ids=repr)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("batch_size", [97, None])
def test_same_bits_for_any_number_of_threads(optimizer, dtype, batch_size):
    results = set()
    for n_threads in [1, 2, 3, 4, 7]:
        case = Case((30, 64, 50, 5), 1000, hidden=("relu", "gelu"), dtype=dtype)
        slots = optimizer.start(case.thetas)
        report = case.train(
            optimizer,
            slots,
            lambda_=0.1,
            batch_size=batch_size,
            epochs=3,
            n_threads=n_threads,
        )
        J, D = cost_and_gradient(*case.arguments, n_threads=n_threads)
        H = forward(case.thetas, case.X, *case.units, n_threads=n_threads)
        remembered = [array for slot in slots for array in slot]
        results.add(digest([report.costs, np.float64(J), *case.thetas, *remembered, *D, H]))
    assert len(results) == 1


def test_divergence_stops_before_the_step():
    case = Case((3, 4, 2), 40, output="identity")
    case.X[25] = 1e200
    before = [theta.copy() for theta in case.thetas]
    case.thetas[1][:] = 1e200
    before[1] = case.thetas[1].copy()
    report = case.train(
        GradientDescent(0.1),
        [],
        batch_size=40,
    )
    assert report.status == "diverged"
    assert report.steps == 0
    assert len(report.costs) == 0
    assert_arrays_equal(case.thetas, before)


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_divergence_in_a_later_batch(bad):
    case = Case((3, 4, 2), 40, output="identity", hidden="relu")
    case.Y[25, 1] = bad
    report = case.train(
        GradientDescent(0.1),
        [],
        batch_size=10,
        epochs=5,
    )
    assert (report.status, report.steps, len(report.costs)) == ("diverged", 2, 0)
    assert all(np.isfinite(theta).all() for theta in case.thetas)


def test_weightless_batch_changes_nothing():
    case = Case((3, 4, 2), 20)
    case.weights[10:] = 0
    half = copy.deepcopy(case)
    arguments = (case.hidden, case.output, GradientDescent(0.1), [])
    report = train(case.thetas, case.X, case.Y, *arguments, weights=case.weights, batch_size=10)
    once = train(half.thetas, half.X[:10], half.Y[:10], *arguments, weights=case.weights[:10])
    assert (report.status, report.steps) == ("finished", 1)
    assert report.costs[0] == once.costs[0]
    assert_arrays_equal(case.thetas, half.thetas)


def test_stopping_rule():
    """The rule of scikit-learn, over calls of any number of epochs."""

    def run(epochs_a_call):
        case = Case((3, 4, 2), 30)
        progress, costs, status = PlateauCounter(), [], "finished"
        while status == "finished":
            report = case.train(
                GradientDescent(0.5),
                [],
                epochs=epochs_a_call,
                tol=1e-3,
                patience=3,
                progress=progress,
            )
            costs.extend(report.costs)
            status = report.status
        assert status == "converged"
        return costs, progress

    costs, progress = run(1000)
    best, stale = np.inf, 0
    for epoch, J in enumerate(costs):
        stale = stale + 1 if J > best - 1e-3 else 0
        best = min(best, J)
        assert (stale > 3) == (epoch == len(costs) - 1)
    assert (progress.best, progress.stale) == (best, 4)
    assert run(1)[0] == run(7)[0] == costs


@pytest.mark.parametrize("max_steps", [0, 1, 5, 13])
def test_max_steps(max_steps):
    case, twin = Case((3, 4, 2), 30), Case((3, 4, 2), 30)
    arguments = {"batch_size": 7}
    adam = Adam(0.01)
    slots, twin_slots = adam.start(case.thetas), adam.start(twin.thetas)
    report = case.train(
        adam,
        slots,
        epochs=9,
        max_steps=max_steps,
        **arguments,
    )
    assert (report.steps, len(report.costs)) == (max_steps, max_steps // 5)
    order = np.tile(np.arange(30), (max_steps // 5, 1))
    train_by_equations(twin, adam, twin_slots, batch_size=7, order=order)
    if max_steps % 5 == 0:
        case.assert_all_close(case.thetas, twin.thetas)


@pytest.mark.parametrize("m", [1, 2, 3, 64, 1000])
def test_shuffles_as_random_state_does(m, rng):
    """The order of several epochs, and the generator after them, are NumPy's."""
    rng.shuffle(np.arange(500))  # somewhere within its 624 numbers
    twin = np.random.RandomState()
    twin.set_state(rng.get_state())
    rows, expected, orders = np.arange(m), np.arange(m), []
    for _ in range(7):
        twin.shuffle(expected)
        orders.append(expected.copy())
    X, thetas = spread_rows(m), [np.array([[0.5, 1.0]])]
    same = [theta.copy() for theta in thetas]
    arguments = {"batch_size": 1, "epochs": 7}
    train(thetas, X, X, (), "identity", GradientDescent(0.01), [], rows=rows, rng=rng, **arguments)
    train(
        same, X, X, (), "identity", GradientDescent(0.01), [], order=np.array(orders), **arguments
    )
    np.testing.assert_array_equal(rows, expected)
    np.testing.assert_array_equal(thetas[0], same[0])
    assert rng.randint(2**31) == twin.randint(2**31)


def spread_rows(m):
    return np.linspace(-1, 1, m)[:, None]
