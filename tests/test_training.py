"""The loop: same steps as the equations, and an end for each reason there is."""

import _thread
import threading
from dataclasses import replace

import numpy as np
import pytest

from multilayer import Network, equations
from multilayer.optimizers import SGD, Adam, AdamW, GradientDescent
from multilayer.training import History, Plan, minimize, train

OPTIMIZERS = [GradientDescent(0.3), SGD(0.1, 0.9, nesterov=True), SGD(0.1, 0.8, nesterov=False)]
OPTIMIZERS += [Adam(0.01), AdamW(0.01, weight_decay=0.3)]


def problem(rng, m=23, sizes=(3, 4, 2), hidden="tanh", output="softmax"):
    labels = rng.randint(sizes[-1], size=m)
    return Network(sizes, hidden, output, random_state=1), rng.randn(m, sizes[0]), labels


@pytest.mark.parametrize("optimizer", OPTIMIZERS, ids=str)
@pytest.mark.parametrize("batch_size", [5, 23, None])
def test_each_step_is_that_of_the_equations(optimizer, batch_size, rng):
    network, X, labels = problem(rng)
    twin, Y = network.copy(), np.eye(2)[labels]
    history = History()
    plan = Plan(lambda_=0.1, batch_size=batch_size, max_iter=4, tol=0)
    train(network, X, labels, optimizer, plan, np.random.RandomState(5), history)

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
            for layer, (theta, d) in enumerate(zip(twin.thetas, D, strict=True)):
                optimizer.update(theta, d, [slot[layer] for slot in slots], step)
        assert history.costs[epoch] == pytest.approx(total / 23, rel=1e-10)
    for theta, expected in zip(network.thetas, twin.thetas, strict=True):
        np.testing.assert_allclose(theta, expected, rtol=1e-9, atol=1e-12)
    assert history.status == "max_iter"


def test_stops_when_the_cost_no_longer_falls(rng):
    network, X, labels = problem(rng)
    history = History()
    plan = Plan(batch_size=None, max_iter=1000, tol=0.01, n_iter_no_change=3)
    train(network, X, labels, GradientDescent(0.1), plan, rng, history)
    assert history.status == "converged"
    costs, best, stale = history.costs, np.inf, 0
    for epoch, cost in enumerate(costs):  # scikit-learn's rule, told again
        stale = stale + 1 if cost > best - 0.01 else 0
        best = min(best, cost)
        assert (stale > 3) == (epoch == len(costs) - 1)


def test_one_call_or_many_give_the_same_bits(rng):
    network, X, labels = problem(rng)
    twin = network.copy()
    plan = Plan(batch_size=None, max_iter=50, tol=0)
    train(network, X, labels, Adam(0.05), plan, rng, History())
    watched = []
    train(
        twin,
        X,
        labels,
        Adam(0.05),
        plan,
        rng,
        History(),
        watch=lambda h: watched.append(h.costs[-1]),
    )
    assert len(watched) == 50
    for theta, same in zip(network.thetas, twin.thetas, strict=True):
        np.testing.assert_array_equal(theta, same)


@pytest.mark.parametrize("batch_size", [None, 7])
@pytest.mark.parametrize("optimizer", [GradientDescent(1e200), SGD(1e200), Adam(1e308)])
def test_divergence_keeps_the_last_finite_thetas(optimizer, batch_size, rng):
    network, X, _ = problem(rng, hidden="relu", output="identity")
    history = History()
    with np.errstate(all="ignore"):
        plan = Plan(batch_size=batch_size, max_iter=100)
        train(network, X, 1e3 * rng.randn(23, 2), optimizer, plan, rng, history)
    assert history.status == "diverged"
    assert len(history.costs) < 100
    assert all(np.isfinite(theta).all() for theta in network.thetas)


def test_divergence_from_the_first_step_changes_nothing(rng):
    network, X, _ = problem(rng, output="identity")
    before = [theta.copy() for theta in network.thetas]
    Y = np.full((23, 2), 1e200)
    for run in (
        lambda h: train(network, X, Y, GradientDescent(0.1), Plan(), rng, h),
        lambda h: minimize(network, X, Y, Plan(), h),
    ):
        history = History()
        run(history)
        assert (history.status, history.costs) == ("diverged", [])
        for theta, kept in zip(network.thetas, before, strict=True):
            np.testing.assert_array_equal(theta, kept)


def test_validation_keeps_the_best(rng):
    network, X, labels = problem(rng)
    seen, scores = [], iter([0.1, 0.9, 0.5, 0.9, 0.3, 0.2, 0.1, 0.0])

    def validate():
        seen.append([theta.copy() for theta in network.thetas])
        return next(scores)

    history = History()
    plan = Plan(batch_size=5, n_iter_no_change=3)
    train(network, X, labels, Adam(0.01), plan, rng, history, validate=validate)
    assert history.status == "converged"
    assert history.scores == [0.1, 0.9, 0.5, 0.9, 0.3, 0.2]
    assert history.best_score == 0.9
    for theta, best in zip(network.thetas, seen[1], strict=True):
        np.testing.assert_array_equal(theta, best)


def test_a_watcher_may_stop(rng):
    network, X, labels = problem(rng)
    by_adam, by_lbfgs = Plan(batch_size=5), Plan(tol=1e-9)
    for run in (
        lambda *a, **k: train(network, X, labels, Adam(0.01), by_adam, rng, *a, **k),
        lambda *a, **k: minimize(network, X, labels, by_lbfgs, *a, **k),
    ):
        history = History()
        run(history, watch=lambda h: len(h.costs) == 4)
        assert (history.status, len(history.costs)) == ("stopped", 4)


@pytest.mark.parametrize("batch_size", [None, 50])
def test_ctrl_c_keeps_the_finished_epochs(batch_size, rng):
    network, X, labels = problem(rng, m=5000, sizes=(20, 40, 2))
    start = network.copy()
    history = History()
    timer = threading.Timer(0.5, _thread.interrupt_main)
    timer.start()
    plan = Plan(batch_size=batch_size, max_iter=10**7, n_iter_no_change=np.inf, shuffle=False)
    train(network, X, labels, GradientDescent(1e-4), plan, rng, history)
    timer.join()
    assert history.status == "interrupted"
    assert len(history.costs) > 0
    again = History()
    plan = replace(plan, max_iter=len(history.costs))
    train(start, X, labels, GradientDescent(1e-4), plan, rng, again)
    for theta, same in zip(network.thetas, start.thetas, strict=True):
        np.testing.assert_array_equal(theta, same)


def test_l_bfgs_finds_the_least_squares_line(rng):
    X = rng.randn(40, 3)
    y = X @ [[1.0], [-2.0], [0.5]] + 3
    network = Network((3, 1), output="identity", random_state=0)
    history = History()
    minimize(network, X, y, Plan(tol=1e-10), history)
    assert history.status == "converged"
    assert history.costs == sorted(history.costs, reverse=True)
    np.testing.assert_allclose(network.thetas[0], [[3.0, 1.0, -2.0, 0.5]], rtol=1e-6)


def test_l_bfgs_counts_iterations(rng):
    network, X, labels = problem(rng)
    history = History()
    minimize(network, X, labels, Plan(max_iter=3, tol=1e-12), history)
    assert (history.status, len(history.costs)) == ("max_iter", 3)
