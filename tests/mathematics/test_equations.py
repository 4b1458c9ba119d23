"""The equations, against finite differences and automatic differentiation."""

import array_api_strict
import autograd
import autograd.numpy as anp
import autograd.scipy.special as asp
import numpy as np
import pytest
import scipy.special
from comparisons import assert_arrays_close
from hypothesis import given
from hypothesis import strategies as st

from multilayer import equations
from multilayer.activations import ACTIVATIONS, sigmoid, sigmoid_gradient
from multilayer.losses import OUTPUTS

# The same functions once more, written naively in autograd's NumPy.
NAIVE_ACTIVATIONS = {
    "identity": lambda z: z,
    "logistic": lambda z: 1 / (1 + anp.exp(-z)),
    "tanh": anp.tanh,
    "relu": lambda z: anp.where(z > 0, z, 0),
    "leaky_relu": lambda z: anp.where(z > 0, z, 0.01 * z),
    "elu": lambda z: anp.where(z > 0, z, anp.exp(z) - 1),
    "selu": lambda z: (
        1.0507009873554805 * anp.where(z > 0, z, 1.6732632423543772 * (anp.exp(z) - 1))
    ),
    "softplus": lambda z: anp.log(1 + anp.exp(z)),
    "gelu": lambda z: z * (1 + asp.erf(z / np.sqrt(2))) / 2,
    "silu": lambda z: z / (1 + anp.exp(-z)),
    "mish": lambda z: z * anp.tanh(anp.log(1 + anp.exp(z))),
}
NAIVE_OUTPUTS = {
    "logistic": lambda z, y: (
        -anp.sum(y * anp.log(1 / (1 + anp.exp(-z))) + (1 - y) * anp.log(1 - 1 / (1 + anp.exp(-z))))
    ),
    "softmax": lambda z, y: (
        -anp.sum(y * anp.log(anp.exp(z) / anp.sum(anp.exp(z), axis=1, keepdims=True)))
    ),
    "identity": lambda z, y: anp.sum((z - y) ** 2) / 2,
    "exp": lambda z, y: anp.sum(anp.exp(z) - y * z - y),  # y log y is 0 where y is 0 or 1
}


def naive_cost(thetas, X, Y, lambda_, hidden, output):
    a = X
    for layer, theta in enumerate(thetas):
        z = theta[:, 0] + anp.dot(a, theta[:, 1:].T)
        a = NAIVE_ACTIVATIONS[hidden](z) if layer < len(thetas) - 1 else z
    penalty = sum(anp.sum(theta[:, 1:] ** 2) for theta in thetas)
    return NAIVE_OUTPUTS[output](z, Y) / len(X) + lambda_ / (2 * len(X)) * penalty


def problem(sizes, m, seed, scale=1.0):
    rng = np.random.RandomState(seed)
    thetas = [theta * scale for theta in equations.initialize_thetas(sizes, rng)]
    return rng.randn(m, sizes[0]), np.eye(sizes[-1])[rng.randint(sizes[-1], size=m)], thetas


sizes = st.lists(st.integers(1, 6), min_size=2, max_size=5)


@pytest.mark.parametrize("output", OUTPUTS)
@pytest.mark.parametrize("hidden", ACTIVATIONS)
def test_cost_and_gradient_equal_automatic_differentiation(hidden, output):
    X, Y, thetas = problem((3, 4, 5, 2), 7, seed=1)
    J, D = autograd.value_and_grad(naive_cost)(thetas, X, Y, 0.3, hidden, output)
    names = {"hidden": hidden, "output": output}
    assert equations.cost(X, Y, thetas, 0.3, **names) == pytest.approx(J, rel=1e-13)
    assert_arrays_close(
        equations.backpropagation(X, Y, thetas, 0.3, **names), D, rtol=1e-10, atol=1e-13
    )


@given(
    sizes=sizes,
    m=st.integers(1, 9),
    seed=st.integers(0, 2**31),
    hidden=st.sampled_from(sorted(set(ACTIVATIONS) - {"relu", "leaky_relu", "selu", "elu"})),
    output=st.sampled_from(sorted(OUTPUTS)),
    lambda_=st.floats(0, 3),
    weighted=st.booleans(),
)
def test_backpropagation_equals_finite_differences(
    sizes, m, seed, hidden, output, lambda_, weighted
):
    X, Y, thetas = problem(sizes, m, seed)
    weights = np.random.RandomState(seed).rand(m) + 0.1 if weighted else None
    check = equations.check_gradient(
        X, Y, thetas, lambda_, hidden=hidden, output=output, weights=weights
    )
    assert check.error < 1e-5, check


def test_check_gradient_finds_the_wrong_weight(monkeypatch):
    X, Y, thetas = problem((3, 4, 2), 6, seed=2)
    right = equations.backpropagation

    def wrong(*args, **kwargs):
        D = right(*args, **kwargs)
        D[1][1, 3] *= 1.5
        return D

    assert equations.check_gradient(X, Y, thetas).error < 1e-6
    monkeypatch.setattr(equations, "backpropagation", wrong)
    check = equations.check_gradient(X, Y, thetas)
    assert check[1:] == (2, 1, 3)
    assert check.error == pytest.approx(1 / 3, rel=1e-3)


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_activations_survive_the_ends_of_the_line(name):
    g, slope = ACTIVATIONS[name]
    z = np.array([-1e300, -800.0, -30.0, -0.0, 0.0, 30.0, 800.0])
    with np.errstate(over="ignore"):  # (1e300)² in gelu's density is rightly infinite
        assert not np.isnan(g(z)).any()
        assert not np.isnan(slope(z)).any()
    assert np.isnan(g(np.array([np.nan]))).all()


def test_gelu_follows_scipy_erf():
    z = np.linspace(-12, 12, 4001)
    expected = z * (1 + scipy.special.erf(z / np.sqrt(2))) / 2
    np.testing.assert_allclose(ACTIVATIONS["gelu"].g(z), expected, rtol=1e-13, atol=1e-14)


def test_sigmoid_and_its_gradient():
    z = np.array([-1000.0, -1.0, 0.0, 1.0, 1000.0])
    np.testing.assert_allclose(sigmoid(z), scipy.special.expit(z), rtol=1e-15)
    np.testing.assert_allclose(
        sigmoid_gradient(z), scipy.special.expit(z) * scipy.special.expit(-z), rtol=1e-15
    )


@pytest.mark.parametrize("output", ["logistic", "softmax"])
def test_cost_is_finite_where_the_naive_form_is_not(output):
    X, Y = np.array([[1.0], [1.0]]), np.eye(2)
    thetas = [np.array([[0.0, 800.0], [0.0, -800.0]])]
    J = equations.cost(X, Y, thetas, output=output)
    assert J == {"logistic": 800.0, "softmax": 800.0}[output]
    with np.errstate(all="ignore"):
        assert not np.isfinite(naive_cost(thetas, X, Y, 0.0, "identity", output))


def test_weights_count_rows():
    X, Y, thetas = problem((2, 3, 2), 4, seed=3)
    weights = np.array([2.0, 1.0, 0.0, 3.0])
    rows = np.repeat(np.arange(4), weights.astype(int))
    assert equations.cost(X, Y, thetas, 0.7, weights=weights) == pytest.approx(
        equations.cost(X[rows], Y[rows], thetas, 0.7), rel=1e-14
    )
    for d, expected in zip(
        equations.backpropagation(X, Y, thetas, 0.7, weights=weights),
        equations.backpropagation(X[rows], Y[rows], thetas, 0.7),
        strict=True,
    ):
        np.testing.assert_allclose(d, expected, rtol=1e-12, atol=1e-15)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("output", OUTPUTS)
@pytest.mark.parametrize("hidden", ACTIVATIONS)
def test_any_array_library_and_dtype_kept(hidden, output, dtype):
    xp = array_api_strict
    X, Y, thetas = problem((3, 4, 2), 5, seed=4)
    names = {"hidden": hidden, "output": output}
    expected = equations.backpropagation(X, Y, thetas, 0.1, **names)
    strict = [xp.asarray(a, dtype=getattr(xp, dtype)) for a in (X, Y, *thetas)]
    X, Y, thetas = strict[0], strict[1], strict[2:]
    kept, costs = equations.gradient_descent(X, Y, thetas, 0.1, 2, 0.1, **names)
    D = equations.backpropagation(X, Y, thetas, 0.1, **names)
    for array in (*kept, *costs, *D):
        assert array.dtype == X.dtype
        assert type(array) is type(X)
    tolerance = 1e-12 if dtype == "float64" else 2e-4
    for d, e in zip(D, expected, strict=True):
        np.testing.assert_allclose(np.asarray(d), e, rtol=tolerance, atol=tolerance)
    assert equations.predict(X, thetas, **names).shape[0] == 5
    assert equations.check_gradient(X, Y, thetas, **names).error < (
        1e-5 if dtype == "float64" else 0.1
    )


def test_initialize_thetas():
    thetas = equations.initialize_thetas((40, 30, 20), 0)
    assert [theta.shape for theta in thetas] == [(30, 41), (20, 31)]
    epsilon = np.sqrt(6) / np.sqrt(70)
    assert np.abs(thetas[0]).max() <= epsilon
    assert np.abs(thetas[0]).max() > 0.98 * epsilon
    narrow = equations.initialize_thetas((40, 30, 20), 0, initializer="notebook")[0]
    assert np.abs(narrow).max() <= np.sqrt(6) / np.sqrt(71) / 2
    like = array_api_strict.asarray([0.0], dtype=array_api_strict.float32)
    strict = equations.initialize_thetas((4, 3), 0, like=like)[0]
    assert (type(strict), strict.dtype) == (type(like), like.dtype)


def test_prediction_of_each_output():
    X = np.array([[-1.0], [2.0]])
    two, one = [np.array([[0.0, -1.0], [0.0, 1.0]])], [np.array([[0.0, 1.0]])]
    for output in ("logistic", "softmax"):
        assert equations.predict(X, two, output=output).tolist() == [0, 1]
    assert equations.predict(X, one).tolist() == [0, 1]
    assert equations.predict(X, one, output="identity").tolist() == [[-1.0], [2.0]]


def test_one_activation_for_each_hidden_layer():
    X, _, thetas = problem((2, 3, 3, 1), 4, seed=5)
    _, A = equations.forward_propagation(X, thetas, hidden=("tanh", "identity"))
    np.testing.assert_allclose(A[1], np.tanh(thetas[0][:, 0] + X @ thetas[0][:, 1:].T))
    with pytest.raises(ValueError, match="hidden names 1 activations, but there are 2"):
        equations.forward_propagation(X, thetas, hidden=["tanh"])


@pytest.mark.parametrize("sizes", [(4, 3), (4, 5, 3), (4, 5, 2, 3), (1, 1, 1)])
def test_input_gradient_equals_finite_differences(sizes):
    X, _, thetas = problem(sizes, 6, seed=6)
    names = {"hidden": ("tanh", "silu")[: len(sizes) - 2]}
    K, epsilon = sizes[-1], 1e-5
    rows = np.arange(6)
    for unit in (0, K - 1, np.int64(0), rows % K):
        G = equations.input_gradient(X, thetas, unit, **names)
        assert G.shape == X.shape
        for j in range(sizes[0]):
            step = epsilon * np.eye(sizes[0])[j]
            up, down = (
                equations.forward_propagation(moved, thetas, **names)[0][-1][rows, unit]
                for moved in (X + step, X - step)
            )
            np.testing.assert_allclose(G[:, j], (up - down) / (2 * epsilon), rtol=1e-6, atol=1e-9)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_input_gradient_in_any_array_library(dtype):
    xp = array_api_strict
    X, _, thetas = problem((3, 4, 2), 5, seed=4)
    strict = [xp.asarray(a, dtype=getattr(xp, dtype)) for a in (X, *thetas)]
    units = np.array([0, 1, 1, 0, 1])
    for unit, same in ((1, 1), (units, xp.asarray(units))):
        G = equations.input_gradient(strict[0], strict[1:], same, hidden="relu")
        assert (type(G), G.dtype) == (type(strict[0]), strict[0].dtype)
        expected = equations.input_gradient(X, thetas, unit, hidden="relu")
        np.testing.assert_allclose(np.asarray(G), expected, rtol=1e-5)
