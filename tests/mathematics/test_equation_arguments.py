"""What each argument of the equations does: defaults, penalties, masks, devices, wrong numbers."""

from itertools import pairwise

import array_api_strict
import numpy as np
import pytest
from comparisons import assert_arrays_close, assert_arrays_equal

from multilayer import equations
from multilayer.losses import Huber


def problem(sizes=(3, 4, 2), m=5, seed=0):
    """Return X, the one-hot Y and Θ."""
    rng = np.random.RandomState(seed)
    X, Y = rng.randn(m, sizes[0]), np.eye(sizes[-1])[rng.randint(sizes[-1], size=m)]
    return X, Y, [rng.randn(b, a + 1) for a, b in pairwise(sizes)]


X, Y, THETAS = problem()
UNITS = {"hidden": "logistic", "output": "logistic"}
WEIGHTS = np.array([2.0, 1.0, 0.5, 3.0, 1.0])
MASKS = [np.array([[2.0, 0.0, 1.5]] * 5), np.array([[1.0, 0.0, 3.0, 0.5]] * 5)]
# No argument has its default.
NAMES = {"hidden": "tanh", "output": "identity", "loss": "huber"}
PENALTIES = {"weights": WEIGHTS, "l1": 0.2, "masks": MASKS}


@pytest.mark.parametrize(
    ("function", "arguments", "written"),
    [
        ("forward_propagation", (X, THETAS), UNITS),
        ("predict", (X, THETAS), UNITS),
        ("input_gradient", (X, THETAS, 1), {"hidden": "logistic"}),
        ("gradient_descent", (X, Y, THETAS, 0.1, 2), {"lambda_": 0, "loss": "auto", **UNITS}),
        *(
            (name, (X, Y, THETAS), {"lambda_": 0, "loss": "log_loss", "l1": 0, **UNITS})
            for name in ("cost", "backpropagation", "numerical_gradient", "check_gradient")
        ),
    ],
)
def test_defaults(function, arguments, written):
    call = getattr(equations, function)
    assert str(call(*arguments)) == str(call(*arguments, **written))


@pytest.mark.parametrize("call", [equations.cost, equations.backpropagation])
def test_penalties_leave_out_the_biases(call):
    thetas = [theta * (theta != theta[0, 1]) for theta in THETAS]  # one weight is 0
    without = call(X, Y, thetas, **NAMES, weights=WEIGHTS)
    both = call(X, Y, thetas, 0.3, **NAMES, weights=WEIGHTS, l1=0.2)
    W = [theta * (np.arange(theta.shape[1]) > 0) for theta in thetas]
    if call is equations.cost:
        added = sum(0.3 / 2 * (w**2).sum() + 0.2 * np.abs(w).sum() for w in W)
        assert both - without == pytest.approx(added / WEIGHTS.sum(), rel=1e-12)
        alone = call(X, Y, thetas, l1=0.2) - call(X, Y, thetas)
        assert alone == pytest.approx(0.2 / 5 * sum(np.abs(w).sum() for w in W), rel=1e-12)
    else:
        added = [(0.3 * w + 0.2 * np.sign(w)) / WEIGHTS.sum() for w in W]
        assert_arrays_close(both, [d + a for d, a in zip(without, added, strict=True)])


def test_masks_multiply_the_inputs_of_each_layer():
    Z, A = equations.forward_propagation(X, THETAS, hidden="tanh", output="exp", masks=MASKS)
    a1 = X * MASKS[0]
    z2 = THETAS[0][:, 0] + a1 @ THETAS[0][:, 1:].T
    a2 = np.tanh(z2) * MASKS[1]
    z3 = THETAS[1][:, 0] + a2 @ THETAS[1][:, 1:].T
    assert_arrays_close(Z, [z2, z3])
    assert_arrays_close(A, [a1, a2, np.exp(z3)])
    for kept in ([None, MASKS[1]], [MASKS[0], None]):
        ones = [np.ones_like(m) if k is None else k for m, k in zip(MASKS, kept, strict=True)]
        D = equations.backpropagation(X, Y, THETAS, masks=kept)
        assert_arrays_close(D, equations.backpropagation(X, Y, THETAS, masks=ones))
    with pytest.raises(ValueError, match=r"^masks must be 2, one for each Θ, got 1$"):
        equations.cost(X, Y, THETAS, masks=MASKS[:1])


def test_gradient_of_all_at_once():
    numerical, exact = (
        call(X, Y, THETAS, 0.3, **NAMES, **PENALTIES)
        for call in (equations.numerical_gradient, equations.backpropagation)
    )
    assert_arrays_close(numerical, exact, atol=1e-7)
    d, n = (np.concatenate([layer.ravel() for layer in D]) for D in (exact, numerical))
    scale = np.maximum(np.maximum(np.abs(d), np.abs(n)), 1e-3 * np.abs(d).max())
    check = equations.check_gradient(X, Y, THETAS, 0.3, **NAMES, **PENALTIES)
    assert check.error == (np.abs(d - n) / scale).max()
    assert 0 < check.error < 1e-6


def test_step_of_the_numerical_gradient():
    """By default the cube root of the rounding unit, of the type of X."""
    for dtype in (np.float32, np.float64):
        arrays = X.astype(dtype), Y.astype(dtype), [theta.astype(dtype) for theta in THETAS]
        epsilon = float(np.finfo(dtype).eps) ** (1 / 3)
        by_default, given, wide = (
            equations.numerical_gradient(*arrays, **names)
            for names in ({}, {"epsilon": epsilon}, {"epsilon": 0.5})
        )
        assert_arrays_equal(by_default, given)
        assert not np.allclose(wide[0], given[0])
    moved = [theta.copy() for theta in THETAS]
    moved[1][1, 2] += 0.5
    up = equations.cost(X, Y, moved)
    moved[1][1, 2] -= 1
    assert wide[1][1, 2] == pytest.approx(up - equations.cost(X, Y, moved))
    check = equations.check_gradient(X, Y, THETAS, epsilon=0.5)
    assert check.error > 1e-3 > equations.check_gradient(X, Y, THETAS).error


@pytest.mark.parametrize(
    ("d", "n", "wanted"),
    [
        ([[[1.0, 4.0]], [[2.0]]], [[[1.0, 3.0]], [[2.0]]], (1 / 4, 1, 0, 1)),
        ([[[1.0, 3.0]], [[2.0]]], [[[1.0, -4.0]], [[2.0]]], (7 / 4, 1, 0, 1)),
        ([[[1.0, 1.0]], [[2.0]]], [[[1.0, 1.0]], [[1.0]]], (1 / 2, 2, 0, 0)),
        # Of slopes that are a thousand times flatter than the steepest, the difference counts.
        ([[[1.0], [-4000.0]], [[2.0]]], [[[1.5], [-4000.0]], [[2.0]]], (0.5 / 4, 1, 0, 0)),
        ([[[1.0], [-400.0]], [[2.0]]], [[[1.5], [-400.0]], [[2.0]]], (0.5 / 1.5, 1, 0, 0)),
        ([[[0.0]], [[0.0]]], [[[0.0]], [[0.0]]], (0, 1, 0, 0)),
        ([[[0.0]], [[0.0]]], [[[0.0]], [[1e-300]]], (1, 2, 0, 0)),
        ([[[5.0]], [[np.nan, 1.0]]], [[[1.0]], [[1.0, 1.0]]], (np.nan, 2, 0, 0)),
    ],
)
def test_error_of_a_check(monkeypatch, d, n, wanted):
    """It is |d − n| / max(|d|, |n|, 10⁻³ max |D|), the largest of all; NaN is larger still."""
    for name, gradient in (("backpropagation", d), ("numerical_gradient", n)):
        arrays = [np.array(layer) for layer in gradient]
        monkeypatch.setattr(equations, name, lambda *args, arrays=arrays, **names: arrays)
    check = equations.check_gradient(X, Y, THETAS)
    assert check[1:] == wanted[1:]
    assert check.error == pytest.approx(wanted[0], rel=1e-12, nan_ok=True)


def test_check_of_a_gradient_that_is_not_a_number():
    assert np.isnan(equations.check_gradient(X * np.nan, Y, THETAS).error)


def test_gradient_descent_goes_by_the_cost_that_it_reports():
    names = {"hidden": "tanh", "output": "identity", "loss": Huber(0.3)}
    thetas, costs = equations.gradient_descent(X, Y, THETAS, 0.1, 1, 0.4, **names)
    assert costs == [equations.cost(X, Y, THETAS, 0.4, **names)]
    D = equations.backpropagation(X, Y, THETAS, 0.4, **names)
    assert_arrays_equal(thetas, [theta - 0.1 * d for theta, d in zip(THETAS, D, strict=True)])
    assert equations.gradient_descent(X, Y, THETAS, 0.1, 0) == (THETAS, [])


def test_predictions_in_detail():
    """One sigmoid unit says 1 where h is more than ½; numbers are h itself."""
    line, z = [np.array([[0.0, 1.0]])], np.array([[-1.0], [0.0], [1e-9]])
    labels = equations.predict(z, line)
    assert labels.dtype == np.int64
    assert labels.tolist() == [0, 0, 1]
    for output, wanted in (("identity", z), ("exp", np.exp(z))):
        np.testing.assert_array_equal(equations.predict(z, line, output=output), wanted)
    hidden = [np.array([[0.0, 1.0]]), np.array([[0.1, 1.0]])]  # tanh z and not σ(z) may be negative
    assert equations.predict(z[:1], hidden, hidden="tanh").tolist() == [0]
    assert equations.predict(z[:1], hidden).tolist() == [1]


def test_everything_stays_on_the_device():
    """array_api_strict refuses arithmetic with arrays of different devices."""
    xp = array_api_strict
    elsewhere = xp.Device("device1")
    x, y, weights = (xp.asarray(a, device=elsewhere) for a in (X, Y, WEIGHTS))
    thetas = [xp.asarray(theta, device=elsewhere) for theta in THETAS]
    assert equations.check_gradient(x, y, thetas, 0.1, weights=weights, l1=0.1).error < 1e-5
    for unit in (1, [0, 1, 1, 0, 1]):
        G = equations.input_gradient(x, thetas, unit)
        assert G.device == elsewhere
    assert equations.predict(x, thetas).device == elsewhere
