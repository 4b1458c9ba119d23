"""Outputs, costs and gradients of the native engine, against `equations.py`."""

from __future__ import annotations

import numpy as np
import pytest
from cases import cost, cost_and_gradient, forward
from comparisons import assert_arrays_equal
from hypothesis import given, settings
from hypothesis import strategies as st
from network_cases import Case

from multilayer import equations
from multilayer.activations import ACTIVATIONS
from multilayer.losses import OUTPUTS

pytestmark = pytest.mark.usefixtures("isa")

sizes = st.lists(st.integers(1, 40), min_size=2, max_size=5)

dtypes = st.sampled_from(["float32", "float64"])

seeds = st.integers(0, 2**32 - 1)


@st.composite
def cases(draw):
    widths = draw(sizes)
    hidden = draw(
        st.lists(st.sampled_from([*ACTIVATIONS]), min_size=(n := len(widths) - 2), max_size=n)
    )
    return Case(
        widths,
        draw(st.integers(1, 150)),
        hidden=hidden,
        output=draw(st.sampled_from([*OUTPUTS])),
        dtype=draw(dtypes),
        seed=draw(seeds),
    )


@given(case=cases(), lambda_=st.sampled_from([0.0, 0.7]), weighted=st.booleans())
@settings(max_examples=200, deadline=None)
def test_cost_and_gradient(case, lambda_, weighted):
    weights = case.weights if weighted else None
    arguments = (case.thetas, case.X, case.Y, case.hidden, case.output, lambda_, weights)
    J, D = cost_and_gradient(*arguments)
    wanted = (case.X, case.Y, case.thetas, lambda_)
    case.assert_close(J, equations.cost(*wanted, weights=weights, **case.network))
    assert isinstance(J, float)
    assert cost(*arguments) == J
    for got, want in zip(
        D, equations.backpropagation(*wanted, weights=weights, **case.network), strict=True
    ):
        assert got.dtype == case.dtype
        case.assert_close(got, want)


@given(case=cases())
@settings(max_examples=100, deadline=None)
def test_forward(case):
    H = forward(case.thetas, case.X, *case.units)
    assert H.dtype == case.dtype
    case.assert_close(H, equations.forward_propagation(case.X, case.thetas, **case.network)[1][-1])


@pytest.mark.parametrize("width", [*range(1, 41), 63, 64, 65, 127, 129, 1000])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_widths(width, dtype):
    """Each width as number of inputs, of hidden units, of outputs and of rows."""
    for shape, m in [
        ((width, 7, 3), 9),
        ((5, width, 3), 9),
        ((3, 4, width), 9),
        ((3, 4, 2), width),
    ]:
        case = Case(shape, m, hidden="relu", dtype=dtype, seed=width)
        J, D = cost_and_gradient(*case.arguments, 0.1)
        case.assert_close(J, equations.cost(case.X, case.Y, case.thetas, 0.1, **case.network))
        wanted = equations.backpropagation(case.X, case.Y, case.thetas, 0.1, **case.network)
        case.assert_all_close(D, wanted)


@pytest.mark.parametrize("activation", [*ACTIVATIONS])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_activation_far_out(activation, dtype):
    """Each activation and its slope where exponentials overflow, vanish or cancel."""
    z = np.r_[0.0, np.geomspace(1e-30, 1e4, 200), -np.geomspace(1e-30, 1e4, 200)]
    X = z.astype(dtype)[:, None]
    identity = np.array([[0, 1]], dtype)
    H = forward([identity, identity], X, (activation,), "identity")
    twin = ACTIVATIONS[activation]
    wanted = twin.g(X.astype(np.float64))
    eps = np.finfo(dtype).eps
    # gelu and mish are products of z with a number rounded near 0 or 1.
    near = 8 * eps * (1 + np.abs(X))
    assert (np.abs(H - wanted) <= near).all()
    slope = np.empty_like(X)
    for row, x in enumerate(X):  # the gradient of one row with respect to its bias is the slope
        Y = H[row : row + 1] - 1
        _, D = cost_and_gradient([identity, identity], x[None], Y, (activation,), "identity")
        delta = float(H[row, 0] - Y[0, 0])
        slope[row] = D[0][0, 0] / delta if delta else 0
    well = np.abs(H) < 1e3  # beyond, Y = H − 1 is rounded away
    wanted = twin.slope(X.astype(np.float64))
    assert (np.abs(slope - wanted) <= near)[well].all()


def test_output_far_out():
    """Costs stay finite where h is 0 or 1 to the last bit."""
    thetas = [np.array([[0.0, 1.0], [0.0, -1.0]])]
    X, Y = np.array([[800.0], [-800.0]]), np.array([[0.0, 1.0], [1.0, 0.0]])
    for output, wanted in [("logistic", 1600.0), ("softmax", 1600.0)]:
        J, D = cost_and_gradient(thetas, X, Y, (), output)
        assert J == wanted
        assert np.isfinite(D[0]).all()


@pytest.mark.parametrize("output", ["logistic", "softmax", "identity"])
def test_labels_are_one_hot(output):
    case = Case((4, 5, 6), 30, output=output)
    labels = case.rng.integers(0, 6, 30).astype(np.uint8)
    Y = np.eye(6)[labels]
    got = cost_and_gradient(case.thetas, case.X, labels, case.hidden, output)
    wanted = cost_and_gradient(case.thetas, case.X, Y, case.hidden, output)
    assert got[0] == wanted[0]
    assert_arrays_equal(got[1], wanted[1])


def test_labels_of_one_unit():
    case = Case((4, 5, 1), 30, output="logistic")
    labels = case.rng.integers(0, 2, 30)
    Y = labels[:, None].astype(float)
    arguments = case.units
    assert cost(case.thetas, case.X, labels, *arguments) == cost(case.thetas, case.X, Y, *arguments)


def layouts(X):
    wide = np.zeros((2 * len(X), 3 * X.shape[1]), X.dtype)
    wide[::2, ::3] = X
    record = np.zeros(X.shape, [("skip", "u1"), ("value", X.dtype)])
    record["value"] = X
    read_only = X.copy()
    read_only.flags.writeable = False
    return {
        "Fortran": np.asfortranarray(X),
        "strided": wide[::2, ::3],
        "backwards": np.ascontiguousarray(X[::-1, ::-1])[::-1, ::-1],
        "record": record["value"],
        "read-only": read_only,
    }


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("layout", ["Fortran", "strided", "backwards", "record", "read-only"])
def test_any_layout(layout, dtype):
    case = Case((11, 9, 4), 70, hidden="relu", dtype=dtype)
    X, Y = layouts(case.X)[layout], layouts(case.Y)[layout]
    wanted = cost_and_gradient(*case.arguments)
    got = cost_and_gradient(case.thetas, X, Y, *case.units)
    assert got[0] == wanted[0]
    assert_arrays_equal(got[1], wanted[1])
    np.testing.assert_array_equal(
        forward(case.thetas, X, *case.units),
        forward(case.thetas, case.X, *case.units),
    )


def test_no_rows():
    case = Case((3, 4, 2), 0)
    assert forward(case.thetas, case.X, *case.units).shape == (0, 2)
    with pytest.raises(ValueError, match="at least one row"):
        cost(*case.arguments)
