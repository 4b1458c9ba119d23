"""Losses and output units, against automatic differentiation, SciPy and scikit-learn."""

import re

import array_api_strict
import autograd
import numpy as np
import pytest
import scipy.special
from hypothesis import given
from hypothesis import strategies as st
from loss_cases import GROUPS, LOSS_CASES
from sklearn.metrics import mean_gamma_deviance, mean_pinball_loss, mean_poisson_deviance

from multilayer import MLPRegressor, equations
from multilayer.activations import Activation
from multilayer.losses import (
    CANONICAL,
    LOSSES,
    OUTPUTS,
    AbsoluteError,
    CustomLoss,
    Focal,
    Gamma,
    Huber,
    LogLoss,
    Poisson,
    Quantile,
    Softmax,
    check_smoothing,
    delta,
    resolve,
    smooth,
)
from multilayer.outputs import apply_output, parts

IDS = [f"{loss}-{output}" for loss, output, _ in LOSS_CASES]


def test_the_catalogue_has_every_loss():
    assert {type(loss) for loss, _, _ in LOSS_CASES} == set(LOSSES.values())


def targets(output, m, rng):
    """Soft ones: rows of a softmax group add up to 1, and no number is at a corner."""
    Y = rng.uniform(0.05, 1, size=(m, 6))
    if output == "softmax" or isinstance(output, Softmax):
        for part in parts(output, 6):
            Y[:, part] /= Y[:, part].sum(axis=1, keepdims=True)
    return Y


@pytest.mark.parametrize(("loss", "output", "naive"), LOSS_CASES, ids=IDS)
def test_cost_and_derivative_equal_automatic_differentiation(loss, output, naive):
    rng = np.random.RandomState(0)
    Z, Y = 2 * rng.randn(20, 6), targets(output, 20, rng)
    J, D = autograd.value_and_grad(naive)(Z, Y)
    assert loss.cost(Z, Y, output).shape == (20,)
    assert loss.cost(Z, Y, output).sum() == pytest.approx(J, rel=1e-12)
    np.testing.assert_allclose(loss.derivative(Z, Y, output), D, rtol=1e-9, atol=1e-12)


@given(
    pair=st.sampled_from([(loss, output) for loss, output, _ in LOSS_CASES]),
    m=st.integers(1, 9),
    seed=st.integers(0, 2**31),
    lambda_=st.floats(0, 3),
    weighted=st.booleans(),
)
def test_backpropagation_equals_finite_differences(pair, m, seed, lambda_, weighted):
    (loss, output), rng = pair, np.random.RandomState(seed)
    thetas, X = equations.initialize_thetas((3, 4, 6), rng), rng.randn(m, 3)
    Y = targets(output, m, rng)
    Y += isinstance(loss, (AbsoluteError, Quantile, Huber)) * 9  # corners are far off
    weights = rng.rand(m) + 0.1 if weighted else None
    names = {"hidden": "tanh", "output": output, "loss": loss, "weights": weights}
    assert equations.check_gradient(X, Y, thetas, lambda_, **names).error < 1e-5


@pytest.mark.parametrize(("loss", "output", "naive"), LOSS_CASES, ids=IDS)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_any_array_library_and_dtype_kept(loss, output, naive, dtype):
    xp, rng = array_api_strict, np.random.RandomState(1)
    Z, Y = rng.randn(5, 6), targets(output, 5, rng)
    strict = [xp.asarray(a, dtype=getattr(xp, dtype)) for a in (Z, Y)]
    for got, wanted in [
        (loss.cost(*strict, output), loss.cost(Z, Y, output)),
        (loss.derivative(*strict, output), loss.derivative(Z, Y, output)),
        (apply_output(strict[0], output), apply_output(Z, output)),
    ]:
        assert got.dtype == strict[0].dtype
        tolerance = 1e-12 if dtype == "float64" else 1e-5
        np.testing.assert_allclose(np.asarray(got), wanted, rtol=tolerance, atol=tolerance)


@pytest.mark.parametrize("loss", [LogLoss(), Focal(0.5), Focal(2.0), Focal(0.0)], ids=repr)
@pytest.mark.parametrize("output", ["logistic", "softmax"])
def test_finite_where_h_is_0_or_1(loss, output):
    z = np.array([0.0, 1e-3, 20, 40, 800, 1e5])
    Z = np.concatenate([np.stack([z, -z], axis=1), np.stack([-z, z], axis=1)])
    Y = np.broadcast_to([1.0, 0.0], Z.shape)
    J, D = loss.cost(Z, Y, output), loss.derivative(Z, Y, output)
    assert np.isfinite(J).all()
    assert np.isfinite(D).all()
    assert J[5] == 0  # right, and sure of it
    assert J[-1] == {"logistic": 2e5, "softmax": 2e5}[output]  # wrong, and as sure
    np.testing.assert_allclose(D[-1], [-1, 1])


def test_focal_keeps_what_is_small():
    """The cost of a share next to 1, to the last bits: (1 − h)^γ (1 − h), 1 − h = e^−d."""
    d = np.array([30.0, 100.0, 300.0])
    Z, Y = np.stack([d, 0 * d], axis=1), np.tile([1.0, 0.0], (3, 1))
    np.testing.assert_allclose(Focal(0.5).cost(Z, Y, "softmax"), np.exp(-1.5 * d), rtol=1e-12)
    np.testing.assert_allclose(
        Focal(0.5).derivative(Z, Y, "softmax")[:, 0], -1.5 * np.exp(-1.5 * d), rtol=1e-12
    )
    np.testing.assert_allclose(Focal(0.5).cost(Z[:, :1], Y[:, :1], "logistic"), np.exp(-1.5 * d))


@pytest.mark.parametrize("output", ["logistic", "softmax", GROUPS], ids=str)
def test_focal_loss_without_focus_is_the_log_loss(output):
    rng = np.random.RandomState(6)
    Z, Y = rng.randn(4, 6), targets(output, 4, rng)
    for one, other in (
        (Focal(0).cost, LogLoss().cost),
        (Focal(0).derivative, LogLoss().derivative),
    ):
        np.testing.assert_allclose(one(Z, Y, output), other(Z, Y, output), rtol=1e-12, atol=1e-15)


@pytest.mark.parametrize("loss", [AbsoluteError(), Huber(), Quantile(0.3)], ids=repr)
def test_a_corner_is_flat(loss):
    Z = np.array([[0.0, 2.0]])
    for zero in (loss.cost(Z, Z, "identity"), loss.derivative(Z, Z, "identity")):
        np.testing.assert_array_equal(zero, np.zeros_like(zero))


def test_names_of_the_field():
    rng = np.random.RandomState(2)
    z, y = rng.randn(30, 1), rng.uniform(0.1, 3, size=(30, 1))
    assert Quantile(0.3).cost(z, y, "identity").mean() == pytest.approx(
        mean_pinball_loss(y, z, alpha=0.3)
    )
    np.testing.assert_allclose(
        Huber(0.7).cost(z, y, "identity"), scipy.special.huber(0.7, z - y)[:, 0]
    )
    for loss, deviance in [(Gamma(), mean_gamma_deviance), (Poisson(), mean_poisson_deviance)]:
        assert 2 * loss.cost(z, y, "exp").mean() == pytest.approx(deviance(y, np.exp(z)))


def test_own_loss_of_each_output_has_the_canonical_delta():
    rng = np.random.RandomState(3)
    for output in OUTPUTS:
        Z, Y = rng.randn(4, 6), targets(output, 4, rng)
        np.testing.assert_array_equal(
            resolve("auto", output).derivative(Z, Y, output), delta(apply_output(Z, output), Y)
        )
    assert [*CANONICAL] == [*OUTPUTS]
    assert resolve("auto", GROUPS) == LogLoss()
    assert resolve("huber", "identity") == Huber(1.0)


def test_softmax_of_groups_is_one_softmax_each():
    rng = np.random.RandomState(4)
    Z, Y = rng.randn(7, 6), targets(GROUPS, 7, rng)
    pieces = [slice(0, 2), slice(2, 3), slice(3, 6)]
    H = np.concatenate([scipy.special.softmax(Z[:, p], axis=1) for p in pieces], axis=1)
    np.testing.assert_allclose(apply_output(Z, GROUPS), H)
    cost = sum(LogLoss().cost(Z[:, p], Y[:, p], "softmax") for p in pieces)
    np.testing.assert_allclose(LogLoss().cost(Z, Y, GROUPS), cost)
    theta = np.column_stack([np.zeros(6), np.eye(6)])
    labels = [Z[:, p].argmax(axis=1) for p in pieces]
    np.testing.assert_array_equal(
        equations.predict(Z, [theta], output=GROUPS), np.stack(labels, axis=1)
    )
    np.testing.assert_array_equal(apply_output(Z, Softmax([6])), apply_output(Z, "softmax"))


def test_smooth():
    Y = np.array([[1.0, 0, 1, 0, 1, 0]])
    np.testing.assert_allclose(smooth(Y, 0.2, "logistic"), np.where(Y == 1, 0.9, 0.1))
    np.testing.assert_allclose(smooth(Y[:, :2], 0.3, "softmax"), [[0.85, 0.15]])
    smoothed = smooth(Y, 0.3, GROUPS)
    np.testing.assert_allclose(smoothed, [[0.85, 0.15, 1, 0.1, 0.8, 0.1]])
    assert smooth(Y, 0, "identity") is Y


def test_custom_loss_functions():
    own = CustomLoss(lambda Y, Z: np.log(np.cosh(Z - Y)).sum(axis=1), lambda Y, Z: np.tanh(Z - Y))
    swish = Activation(lambda z: z * np.cos(z), lambda z: np.cos(z) - z * np.sin(z))
    rng = np.random.RandomState(5)
    thetas = equations.initialize_thetas((3, 4, 5, 2), rng)
    X, Y = rng.randn(6, 3), rng.randn(6, 2)
    for hidden in (swish, ("tanh", swish)):
        names = {"hidden": hidden, "output": "identity", "loss": own}
        assert equations.check_gradient(X, Y, thetas, 0.1, **names).error < 1e-6
    _, costs = equations.gradient_descent(X, Y, thetas, 0.1, 20, **names)
    assert costs[-1] < costs[0]


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Huber(0.0), "delta must be positive and finite, got 0"),
        (lambda: Huber(np.inf), "delta must be positive and finite, got inf"),
        (lambda: Quantile(0.0), "quantile must be between 0 and 1, got 0"),
        (lambda: Quantile(1.0), "quantile must be between 0 and 1, got 1"),
        (lambda: Quantile(np.nan), "quantile must be between 0 and 1, got nan"),
        (lambda: Focal(-1.0), "gamma must be finite and not negative, got -1"),
        (lambda: Focal(np.inf), "gamma must be finite and not negative, got inf"),
        (lambda: Softmax(()), r"groups must hold positive whole numbers, got \(\)"),
        (lambda: Softmax((2, 0)), r"positive whole numbers, got \(2, 0\)"),
        (lambda: Softmax((2.5, 1)), r"positive whole numbers, got \(2.5, 1\)"),
        (lambda: parts(GROUPS, 7), r"add up to the 7 output units, got \(2, 1, 3\)"),
        (lambda: resolve("hinge", "softmax"), "loss must be one of auto, log_loss, .*'hinge'"),
        (lambda: resolve("auto", "probit"), "output must be one of logistic, .*'probit'"),
        (lambda: check_smoothing(1.0, "softmax"), "at least 0 and less than 1, got 1"),
        (lambda: check_smoothing(-0.1, "softmax"), "at least 0 and less than 1, got -0.1"),
        (lambda: smooth(np.eye(2), 0.1, "exp"), "outputs logistic and softmax, got 'exp'"),
    ],
    ids=range(16),
)
def test_refuses(make, message):
    with pytest.raises(ValueError, match=message):
        make()


@pytest.mark.parametrize("output", [*OUTPUTS, GROUPS], ids=str)
@pytest.mark.parametrize("name", LOSSES)
def test_a_loss_goes_with_its_outputs_alone(name, output):
    kind = "softmax" if isinstance(output, Softmax) else output
    if kind in LOSSES[name].outputs:
        assert resolve(name, output) == LOSSES[name]()
    else:
        outputs = ", ".join(LOSSES[name].outputs)
        said = re.escape(f"{LOSSES[name]()!r} goes with outputs {outputs}; got {output!r}")
        with pytest.raises(ValueError, match=f"^{said}$"):
            resolve(name, output)


def test_a_loss_that_is_no_pair_of_functions_is_refused():
    with pytest.raises(ValueError, match=r"a pair of functions, cost and gradient; got \(8,\)"):
        MLPRegressor((8,)).fit([[0.0], [1.0]], [0.0, 1.0])  # its first parameter is the loss
