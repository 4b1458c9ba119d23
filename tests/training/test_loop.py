"""The training loop makes the steps of the equations, and stops for each of its reasons."""

import _thread
import threading

import numpy as np
import pytest
from cases import config, minimize_network, train_network
from comparisons import assert_arrays_close, assert_arrays_equal
from optimizer_cases import OPTIMIZERS, step_by_equations

from multilayer import Network, equations
from multilayer.optimizers import SGD, Adam, GradientDescent
from multilayer.training.state import Examples, State


def problem(rng, m=23, sizes=(3, 4, 2), hidden="tanh", output="softmax"):
    labels = rng.randint(sizes[-1], size=m)
    return Network(sizes, hidden, output, random_state=1), rng.randn(m, sizes[0]), labels


@pytest.mark.parametrize("optimizer", OPTIMIZERS, ids=str)
@pytest.mark.parametrize("batch_size", [5, 23, None])
def test_each_step_is_that_of_the_equations(optimizer, batch_size, rng):
    network, X, labels = problem(rng)
    twin, Y = network.copy(), np.eye(2)[labels]
    state = State(network, np.random.RandomState(5))
    plan = config(lambda_=0.1, batch_size=batch_size, max_iter=4, tol=0)
    train_network(state, Examples(X, labels), optimizer, plan)
    history = state.history

    order, rows, slots, step = (
        np.random.RandomState(5),
        np.arange(23),
        optimizer.start(twin.thetas),
        0,
    )
    for epoch in range(4):
        if batch_size is not None:
            order.shuffle(rows)
        total = 0.0
        for start in range(0, 23, batch_size or 23):
            batch = rows[start : start + (batch_size or 23)]
            names = {"hidden": "tanh", "output": "softmax"}
            step += 1
            total += len(batch) * equations.cost(X[batch], Y[batch], twin.thetas, 0.1, **names)
            D = equations.backpropagation(X[batch], Y[batch], twin.thetas, 0.1, **names)
            step_by_equations(optimizer, twin.thetas, D, slots, step)
        assert history.costs[epoch] == pytest.approx(total / 23, rel=1e-10)
    assert_arrays_close(network.thetas, twin.thetas, rtol=1e-9, atol=1e-12)
    assert history.status == "max_iter"


def test_stops_when_the_cost_no_longer_falls(rng):
    network, X, labels = problem(rng)
    state = State(network, rng)
    history = state.history
    plan = config(batch_size=None, max_iter=1000, tol=0.01, n_iter_no_change=3)
    train_network(state, Examples(X, labels), GradientDescent(0.1), plan)
    assert history.status == "converged"
    costs, best, stale = history.costs, np.inf, 0
    for epoch, cost in enumerate(costs):  # scikit-learn's rule
        stale = stale + 1 if cost > best - 0.01 else 0
        best = min(best, cost)
        assert (stale > 3) == (epoch == len(costs) - 1)


def test_one_call_or_many_give_the_same_bits(rng):
    network, X, labels = problem(rng)
    twin = network.copy()
    plan = config(batch_size=None, max_iter=50, tol=0)
    train_network(State(network, rng), Examples(X, labels), Adam(0.05), plan)
    watched = []
    train_network(
        State(twin, rng),
        Examples(X, labels),
        Adam(0.05),
        plan,
        watch=lambda state: watched.append(state.history.costs[-1]),
    )
    assert len(watched) == 50
    assert_arrays_equal(network.thetas, twin.thetas)


@pytest.mark.parametrize("batch_size", [None, 7])
@pytest.mark.parametrize("optimizer", [GradientDescent(1e200), SGD(1e200), Adam(1e308)])
def test_divergence_keeps_the_last_finite_thetas(optimizer, batch_size, rng):
    network, X, _ = problem(rng, hidden="relu", output="identity")
    state = State(network, rng)
    history = state.history
    with np.errstate(all="ignore"):
        plan = config(batch_size=batch_size, max_iter=100)
        train_network(state, Examples(X, 1e3 * rng.randn(23, 2)), optimizer, plan)
    assert history.status == "diverged"
    assert len(history.costs) < 100
    assert all(np.isfinite(theta).all() for theta in network.thetas)


def test_divergence_from_the_first_step_changes_nothing(rng):
    network, X, _ = problem(rng, output="identity")
    before = [theta.copy() for theta in network.thetas]
    Y = np.full((23, 2), 1e200)
    for run in (
        lambda state: train_network(state, Examples(X, Y), GradientDescent(0.1), config()),
        lambda state: minimize_network(state, Examples(X, Y), config()),
    ):
        state = State(network, rng)
        run(state)
        assert (state.history.status, state.history.costs) == ("diverged", [])
        assert_arrays_equal(network.thetas, before)


def test_validation_keeps_the_best(rng):
    network, X, labels = problem(rng)
    seen, scores = [], iter([0.1, 0.9, 0.5, 0.9, 0.3, 0.2, 0.1, 0.0])

    class Validate:
        def in_engine(self):
            return None

        def __call__(self):
            seen.append([theta.copy() for theta in network.thetas])
            return next(scores), 0.5

    state = State(network, rng)
    history = state.history
    plan = config(batch_size=5, n_iter_no_change=3, early_stopping=True, restore_best=True)
    train_network(state, Examples(X, labels), Adam(0.01), plan, validate=Validate())
    assert history.status == "converged"
    assert history.scores == [0.1, 0.9, 0.5, 0.9, 0.3, 0.2]
    assert history.best_score == 0.9
    assert_arrays_equal(network.thetas, seen[1])


def test_a_callback_may_stop_training(rng):
    network, X, labels = problem(rng)
    by_adam, by_lbfgs, examples = config(batch_size=5), config(tol=1e-9), Examples(X, labels)
    for run in (
        lambda state, **k: train_network(state, examples, Adam(0.01), by_adam, **k),
        lambda state, **k: minimize_network(state, examples, by_lbfgs, **k),
    ):
        state = State(network, rng)
        run(state, watch=lambda state: len(state.history.costs) == 4)
        assert (state.history.status, len(state.history.costs)) == ("stopped", 4)


@pytest.mark.parametrize("batch_size", [None, 50])
def test_ctrl_c_keeps_the_finished_epochs(batch_size, rng):
    network, X, labels = problem(rng, m=5000, sizes=(20, 40, 2))
    start = network.copy()
    state = State(network, rng)
    history = state.history
    timer = threading.Timer(0.5, _thread.interrupt_main)
    timer.start()
    numbers = {"batch_size": batch_size, "n_iter_no_change": np.inf, "shuffle": False}
    plan = config(max_iter=10**7, **numbers)
    train_network(state, Examples(X, labels), GradientDescent(1e-4), plan)
    timer.join()
    assert history.status == "interrupted"
    assert len(history.costs) > 0
    plan = config(max_iter=len(history.costs), **numbers)
    train_network(State(start, rng), Examples(X, labels), GradientDescent(1e-4), plan)
    assert_arrays_equal(network.thetas, start.thetas)


def test_l_bfgs_finds_the_least_squares_line(rng):
    X = rng.randn(40, 3)
    y = X @ [[1.0], [-2.0], [0.5]] + 3
    network = Network((3, 1), output="identity", random_state=0)
    state = State(network, rng)
    history = state.history
    minimize_network(state, Examples(X, y), config(tol=1e-10))
    assert history.status == "converged"
    assert history.costs == sorted(history.costs, reverse=True)
    np.testing.assert_allclose(network.thetas[0], [[3.0, 1.0, -2.0, 0.5]], rtol=1e-6)


def test_l_bfgs_counts_iterations(rng):
    network, X, labels = problem(rng)
    state = State(network, rng)
    minimize_network(state, Examples(X, labels), config(max_iter=3, tol=1e-12))
    assert (state.history.status, len(state.history.costs)) == ("max_iter", 3)
