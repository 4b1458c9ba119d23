"""The native engine refuses wrong input with errors that name the rule and the value."""

from __future__ import annotations

import numpy as np
import pytest
from cases import forward, train
from network_cases import Case

from multilayer.optimizers import SGD, Adam, GradientDescent

BAD = {
    "no layers": ({"thetas": []}, ValueError, "at least one array"),
    "list": ({"X": [[1.0, 2.0, 3.0]]}, TypeError, "NumPy array: list"),
    "dtype": ({"X": np.zeros((9, 3), np.float32)}, TypeError, "float64 as Θ1 is: float32"),
    "integers": ({"X": np.zeros((9, 3), int)}, TypeError, "float32 or float64"),
    "byte order": ({"X": np.zeros((9, 3), ">f8")}, TypeError, "native byte order"),
    "columns": ({"X": np.zeros((9, 4))}, ValueError, r"\(m, 3\): \(9, 4\)"),
    "vector": ({"X": np.zeros(3)}, ValueError, r"\(m, 3\): \(3,\)"),
    "rows of Y": ({"Y": np.zeros((8, 2))}, ValueError, "X has 9 rows, but Y has 8"),
    "columns of Y": ({"Y": np.zeros((9, 3))}, ValueError, r"Y must have shape \(m, 2\)"),
    "labels": ({"Y": np.full(9, 2)}, ValueError, "from 0 to 1: 2"),
    "negative labels": ({"Y": np.full(9, -1)}, ValueError, "from 0 to 1: -1"),
    "shape of labels": ({"Y": np.zeros((9, 2), int)}, ValueError, r"shape \(9,\)"),
    "zero units": ({"thetas": [np.zeros((0, 4)), np.zeros((2, 1))]}, ValueError, "at least"),
    "no inputs": ({"thetas": [np.zeros((4, 1)), np.zeros((2, 5))]}, ValueError, "at least"),
    "chain": ({"thetas": [np.zeros((4, 4)), np.zeros((2, 6))]}, ValueError, "5 columns"),
    "Fortran": (
        {"thetas": [np.asfortranarray(np.zeros((4, 4))), np.zeros((2, 5))]},
        ValueError,
        "C-contiguous",
    ),
    "hidden": ({"hidden": ("tanh", "tanh")}, ValueError, "each of the 1 hidden layers"),
    "hidden str": ({"hidden": "tanh"}, ValueError, "each of the 1 hidden layers"),
    "activation": ({"hidden": ("sine",)}, ValueError, "must be one of identity.*: 'sine'"),
    "output": ({"output": "hinge"}, ValueError, "must be one of logistic.*: 'hinge'"),
    "lambda": ({"lambda_": -1.0}, ValueError, "not negative: -1"),
    "weights": ({"weights": np.full(9, -1.0)}, ValueError, "not negative"),
    "weightless": ({"weights": np.zeros(9)}, ValueError, "not all zero"),
    "NaN weights": ({"weights": np.full(9, np.nan)}, ValueError, "finite"),
    "shape of weights": ({"weights": np.ones(8)}, ValueError, r"shape \(9,\)"),
    "no threads": ({"n_threads": 0}, ValueError, "from 1 to 1024: 0"),
    "many threads": ({"n_threads": 10**6}, ValueError, "from 1 to 1024: 1000000"),
    "batch": ({"batch_size": 10}, ValueError, "number of rows, 9: 10"),
    "empty batch": ({"batch_size": 0}, ValueError, "number of rows, 9: 0"),
    "epochs": ({"epochs": -1}, ValueError, "epochs must be from 0"),
    "order": ({"order": np.full((1, 9), 9)}, ValueError, "from 0 to 8: 9"),
    "negative order": ({"order": np.full((1, 9), -1)}, ValueError, "from 0 to 8: -1"),
    "shape of order": (
        {"order": np.zeros((2, 9), int)},
        ValueError,
        r"at least one row number: \(2, 9\)",
    ),
    "kind of order": ({"order": np.zeros((1, 9))}, TypeError, "integers"),
    "optimizer": ({"optimizer": 0.1}, ValueError, "GradientDescent, SGD, .*: float"),
    "slots": ({"optimizer": Adam()}, ValueError, "Adam keeps 2 slots: 0"),
    "layers of slots": (
        {"optimizer": SGD(0.1), "slots": [[np.zeros((4, 4))]]},
        ValueError,
        "2 arrays, one per layer: 1",
    ),
    "shape of slots": (
        {"optimizer": SGD(0.1), "slots": [[np.zeros((4, 4)), np.zeros((2, 4))]]},
        ValueError,
        r"shape \(2, 5\)",
    ),
}


@pytest.mark.parametrize("name", [*BAD])
def test_bad_input(name):
    changes, error, message = BAD[name]
    case = Case((3, 4, 2), 9)
    arguments = {
        **dict(zip(("thetas", "X", "Y", "hidden", "output"), case.arguments, strict=True)),
        "optimizer": GradientDescent(0.1),
        "slots": [],
    }
    with pytest.raises(error, match=message):
        train(**(arguments | changes))


def test_read_only_thetas():
    case = Case((3, 4, 2), 9)
    case.thetas[1].flags.writeable = False
    H = forward(case.thetas, case.X, *case.units)
    assert H.shape == (9, 2)
    with pytest.raises(ValueError, match="Θ2 is changed in place"):
        case.train(GradientDescent(0.1), [])


def spread_rows(m):
    return np.linspace(-1, 1, m)[:, None]


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"rows": np.arange(4)}, ValueError, "indices and rng go together"),
        ({"rng": np.random.RandomState(0)}, ValueError, "indices and rng go together"),
        ({"rows": [0, 1, 2, 3], "rng": np.random.RandomState(0)}, TypeError, "array of int64"),
        ({"rows": np.arange(5), "rng": np.random.RandomState(0)}, ValueError, "hold 4 row numbers"),
        ({"rows": np.arange(1, 5), "rng": np.random.RandomState(0)}, ValueError, "from 0 to 3"),
        (
            {"rows": np.arange(4), "rng": np.random.RandomState(np.random.PCG64(0))},
            TypeError,
            "MT19937",
        ),
    ],
    ids=["no rng", "no rows", "list", "too many", "too large", "another generator"],
)
def test_refuses_rows_it_cannot_shuffle(arguments, error, message):
    X, theta = spread_rows(4), np.array([[0.5, 1.0]])
    with pytest.raises(error, match=message):
        train([theta], X, X, (), "identity", GradientDescent(0.01), [], **arguments)
    np.testing.assert_array_equal(theta, [[0.5, 1.0]])
