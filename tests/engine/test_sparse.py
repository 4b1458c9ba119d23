"""Sparse X in the native engine, against dense X and `equations.py`."""

from __future__ import annotations

import copy
import os
import signal
import threading
from itertools import pairwise

import numpy as np
import pytest
from cases import cost, cost_and_gradient, forward
from comparisons import assert_arrays_equal, digest
from hypothesis import given, settings
from hypothesis import strategies as st
from network_cases import Case
from optimizer_cases import SMOOTH_OPTIMIZERS
from scipy import sparse

from multilayer import Network, equations
from multilayer.losses import Focal, Softmax
from multilayer.optimizers import Adam, GradientDescent

pytestmark = pytest.mark.usefixtures("isa")


def sparse_case(sizes, m, *, density=0.2, hidden="relu", **options):
    return Case(sizes, m, density=density, hidden=hidden, **options)


@st.composite
def cases(draw):
    return sparse_case(
        draw(st.lists(st.integers(1, 40), min_size=2, max_size=4)),
        draw(st.integers(1, 150)),
        hidden=draw(st.sampled_from(["identity", "tanh", "relu", "gelu"])),
        output=draw(st.sampled_from(["logistic", "softmax", "identity", "exp"])),
        dtype=draw(st.sampled_from(["float32", "float64"])),
        seed=draw(st.integers(0, 2**32 - 1)),
        density=draw(st.sampled_from([0.0, 0.05, 0.3, 1.0])),
    )


def check_cost_and_gradient(case, weights):
    H = forward(case.thetas, case.X, *case.units)
    network = {"hidden": case.hidden, "output": case.output}
    case.assert_close(H, equations.forward_propagation(case.dense, case.thetas, **network)[1][-1])
    assert H.dtype == case.dtype
    J, D = cost_and_gradient(*case.arguments, 0.7, weights)
    assert cost(*case.arguments, 0.7, weights) == J
    wanted = (case.dense, case.Y, case.thetas, 0.7)
    case.assert_close(J, equations.cost(*wanted, weights=weights, **network))
    twin = equations.backpropagation(*wanted, weights=weights, **network)
    case.assert_all_close(D, twin)


@given(case=cases(), weighted=st.booleans())
@settings(max_examples=100, deadline=None)
def test_cost_and_gradient(case, weighted):
    check_cost_and_gradient(case, case.weights if weighted else None)


@pytest.mark.parametrize("units", [1, 2, 7, 8, 9, 16, 63, 65, 100, 129, 1023, 1024, 2500])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_widths(units, dtype):
    """Runs of weights shorter and longer than a vector, a part of the sums and a block."""
    for sizes in [(33, units, 2), (70, units), (1, units)]:
        check_cost_and_gradient(sparse_case(sizes, 21, dtype=dtype), None)


@pytest.mark.parametrize("inputs", [1, 2, 9, 1000, 40_000])
def test_inputs(inputs):
    """More inputs than a piece of work has; the penalty of all of them."""
    check_cost_and_gradient(sparse_case((inputs, 3, 2), 40, density=0.01), None)


@pytest.mark.parametrize("optimizer", SMOOTH_OPTIMIZERS, ids=repr)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("batch_size", [10, 53])
def test_trains_as_dense_does(optimizer, dtype, weighted, batch_size):
    case = sparse_case((37, 19, 3), 53, dtype=dtype)
    arguments = {
        "lambda_": 0.5,
        "batch_size": batch_size,
        "order": case.order[:3],
        "epochs": 3,
        "weights": case.weights if weighted else None,
        "Y": case.labels if weighted else case.Y,
    }
    report, arrays = case.train_copy(optimizer, **arguments)
    wanted, twins = case.train_copy(optimizer, case.dense, **arguments)
    assert (report.steps, report.status) == (wanted.steps, "finished")
    case.assert_close(report.costs, wanted.costs, steps=10)
    case.assert_all_close(arrays, twins, steps=10)
    assert not np.array_equal(arrays[0], case.thetas[0])


@pytest.mark.parametrize("sizes", [(300, 200, 2), (200, 3)])
@pytest.mark.parametrize("batch_size", [None, 5000])
def test_many_rows_in_one_batch(sizes, batch_size):
    """More rows than the workspace holds at once."""
    case = sparse_case(sizes, 9001, density=0.02)
    arguments = {"lambda_": 1.0, "batch_size": batch_size, "epochs": 3}
    report, arrays = case.train_copy(Adam(0.01), **arguments)
    wanted, twins = case.train_copy(Adam(0.01), case.dense, **arguments)
    case.assert_close(report.costs, wanted.costs, steps=10)
    # Where D is all but 0, Adam makes steps of its rounding.
    case.assert_all_close(arrays, twins, steps=1000)
    check_cost_and_gradient(case, case.weights)


@pytest.mark.parametrize("optimizer", SMOOTH_OPTIMIZERS, ids=repr)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_same_bits_for_any_number_of_threads(optimizer, dtype):
    case = sparse_case((900, 70, 5), 1000, dtype=dtype, density=0.05)
    digests = set()
    for n_threads in [1, 2, 3]:
        threads = {"n_threads": n_threads}
        report, arrays = case.train_copy(optimizer, lambda_=0.1, batch_size=97, epochs=3, **threads)
        J, D = cost_and_gradient(*case.arguments, 0.1, **threads)
        H = forward(case.thetas, case.X, *case.units, **threads)
        digests.add(digest([report.costs, np.float64(J), *arrays, *D, H]))
    assert len(digests) == 1


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("batch_size", [60, 700])
def test_dropout_of_inputs(dtype, batch_size):
    """The units that dense X loses, in rows and columns of more values than go at a time."""
    case = sparse_case((700, 19, 3), 700, dtype=dtype, density=0.6)
    arguments = {"dropout": [0.3, 0.5], "dropout_seed": 7, "batch_size": batch_size, "epochs": 2}
    report, arrays = case.train_copy(GradientDescent(0.1), **arguments)
    wanted, twins = case.train_copy(GradientDescent(0.1), case.dense, **arguments)
    case.assert_close(report.costs, wanted.costs, steps=10)
    case.assert_all_close(arrays, twins, steps=10)
    _, again = case.train_copy(GradientDescent(0.1), **arguments, n_threads=1)
    assert all(np.array_equal(got, want) for got, want in zip(arrays, again, strict=True))


def test_losses_and_groups():
    case = sparse_case((30, 9, 5), 40)
    units = case.hidden, Softmax((2, 3))
    arguments = {"loss": Focal(), "label_smoothing": 0.1, "lambda_": 0.1}
    J, D = cost_and_gradient(case.thetas, case.X, case.Y, *units, **arguments)
    twin = cost_and_gradient(case.thetas, case.dense, case.Y, *units, **arguments)
    case.assert_close(J, twin[0])
    case.assert_all_close(D, twin[1])


def variants(X):
    """The same matrix, stored in other ways."""
    m, n = X.shape
    reversed_rows = [  # each row from its last value to its first
        np.arange(stop - 1, start - 1, -1) for start, stop in pairwise(X.indptr)
    ]
    backwards = np.concatenate(reversed_rows) if len(X.data) else np.arange(0)
    halves = sparse.csr_array(X.shape)
    halves.indptr = 2 * X.indptr
    halves.indices, halves.data = np.repeat(X.indices, 2), np.repeat(X.data / 2, 2)
    wide = sparse.csr_array(X)
    wide.indptr, wide.indices = X.indptr.astype(np.int64), X.indices.astype(np.int64)
    spare = sparse.csr_array(X)  # room for more behind its last value
    spare.indices, spare.data = np.r_[X.indices, -7], np.r_[X.data, np.nan].astype(X.dtype)
    zeros = sparse.csr_array(np.ones((m, n), X.dtype))
    zeros.data = X.toarray().ravel()
    frozen = X.copy()
    for array in (frozen.data, frozen.indices, frozen.indptr):
        array.flags.writeable = False
    return {
        "unsorted": sparse.csr_array((X.data[backwards], X.indices[backwards], X.indptr), X.shape),
        "duplicates": halves,
        "64-bit indices": wide,
        "spare room": spare,
        "stored zeros": zeros,
        "read-only": frozen,
        "matrix": sparse.csr_matrix(X),
        "CSC": X.tocsc(),
        "COO": X.tocoo(),
    }


@pytest.mark.parametrize(
    "name",
    [
        "unsorted",
        "duplicates",
        "64-bit indices",
        "spare room",
        "stored zeros",
        "read-only",
        "matrix",
        "CSC",
        "COO",
    ],
)
def test_however_it_is_stored(name):
    case = sparse_case((30, 9, 4), 40)
    case.X = variants(case.X)[name]
    check_cost_and_gradient(case, case.weights)
    report, arrays = case.train_copy(GradientDescent(0.1), lambda_=0.1, batch_size=9)
    wanted, twins = case.train_copy(GradientDescent(0.1), case.dense, lambda_=0.1, batch_size=9)
    case.assert_close(report.costs, wanted.costs)
    case.assert_all_close(arrays, twins)


def test_nothing_stored():
    case = sparse_case((30, 9, 4), 40, density=0)
    assert case.X.nnz == 0
    check_cost_and_gradient(case, None)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_one_row_as_among_many(dtype):
    """Few values are multiplied by Θ, many by Θ transposed, with the same bits."""
    case = sparse_case((2000, 33, 3), 50, dtype=dtype, density=0.02)
    H = forward(case.thetas, case.X, *case.units)
    rows = [forward(case.thetas, case.X[[row]], *case.units) for row in range(50)]
    np.testing.assert_array_equal(np.concatenate(rows), H)


def test_no_rows():
    case = sparse_case((3, 4, 2), 9)
    assert forward(case.thetas, case.X[:0], *case.units).shape == (0, 2)
    with pytest.raises(ValueError, match="at least one row"):
        cost(case.thetas, case.X[:0], case.Y[:0], *case.units)


@pytest.mark.parametrize("max_steps", [0, 1, 5, 13])
def test_max_steps_and_going_on(max_steps):
    """Calls that end within an epoch leave Θ and the slots as those of dense X do."""
    case = sparse_case((37, 19, 3), 30)
    arguments = {"lambda_": 0.5, "batch_size": 7, "epochs": 9, "max_steps": max_steps}
    report, arrays = case.train_copy(Adam(0.01), **arguments)
    wanted, twins = case.train_copy(Adam(0.01), case.dense, **arguments)
    assert report.steps == wanted.steps == max_steps
    case.assert_all_close(arrays, twins, steps=10)


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_divergence_stops_before_the_step(bad):
    case = sparse_case((30, 9, 4), 40, output="identity")
    case.Y[25, 1] = bad
    report, arrays = case.train_copy(Adam(0.1), batch_size=10)
    half, twins = case.train_copy(Adam(0.1), batch_size=10, max_steps=2)
    assert (report.status, report.steps, half.steps) == ("diverged", 2, 2)
    assert_arrays_equal(arrays, twins)


def test_interrupt():
    """An epoch that is cut short is taken back, in each layer and in what Adam remembers."""
    case = sparse_case((1000, 100, 3), 5000, density=0.05)
    timer = threading.Timer(0.3, os.kill, (os.getpid(), signal.SIGINT))
    timer.start()
    report, arrays = case.train_copy(Adam(1e-4), batch_size=50, epochs=10**9)
    timer.join()
    assert report.status == "interrupted"
    assert report.steps // 100 == len(report.costs)
    if report.steps % 100 == 0:
        _, twins = case.train_copy(Adam(1e-4), batch_size=50, epochs=10**9, max_steps=report.steps)
        assert_arrays_equal(arrays, twins)


def test_thetas_may_be_read_only():
    case = sparse_case((30, 9, 4), 40)
    wanted = cost_and_gradient(*case.arguments)[0]
    before = copy.deepcopy(case.thetas)
    for theta in case.thetas:
        theta.flags.writeable = False
    forward(case.thetas, case.X, *case.units)
    assert cost(*case.arguments) == wanted
    assert_arrays_equal(case.thetas, before)


def changed(**parts):
    X = sparse_case((3, 4, 2), 9, density=0.9).X.copy()
    for name, part in parts.items():
        setattr(X, name, part(getattr(X, name)))
    return X


def put(place, value):
    def change(array):
        array = array.copy()
        array[place] = value
        return array

    return change


BAD = {
    "columns": (sparse.csr_array((9, 4)), ValueError, r"X must have shape \(m, 3\): \(9, 4\)"),
    "vector": (sparse.coo_array(np.ones(3)), ValueError, r"X must have shape \(m, 3\): \(3,\)"),
    "rows": (sparse.csr_array((8, 3)), ValueError, "X has 8 rows, but Y has 9"),
    "dtype": (changed(data=np.float32), TypeError, "X must be float64 as Θ1 is: float32"),
    "integers": (sparse.csr_array((9, 3), dtype=int), TypeError, "float32 or float64"),
    "falling": (changed(indptr=put(4, 1)), ValueError, "10 numbers that begin at 0 and never fall"),
    "late": (changed(indptr=put(0, 1)), ValueError, "10 numbers that begin at 0 and never fall"),
    "early": (changed(indptr=put(0, -1)), ValueError, "10 numbers that begin at 0 and never fall"),
    "long": (changed(indptr=lambda p: np.r_[p, p[-1]]), ValueError, "indptr of X must have 10"),
    "far": (changed(indptr=put(-1, 99)), ValueError, "indptr of X ends at 99, but it stores"),
    "values": (changed(data=lambda x: x[:-1]), ValueError, "indptr of X ends at"),
    "index": (changed(indices=put(2, 3)), ValueError, "indices of X must be from 0 to 2: 3"),
    "negative": (changed(indices=put(2, -1)), ValueError, "indices of X must be from 0 to 2: -1"),
    "kind": (changed(indices=lambda i: i * 1.0), TypeError, "indices of X must be a vector of int"),
}


@pytest.mark.parametrize("name", [*BAD])
def test_bad_input(name):
    X, error, message = BAD[name]
    case = sparse_case((3, 4, 2), 9)
    with pytest.raises(error, match=message):
        case.train_copy(GradientDescent(0.1), X)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_network(dtype):
    network = Network((30, 9, 4), "relu", "softmax", random_state=0, dtype=dtype)
    case = sparse_case((30, 9, 4), 40)
    for X in (case.X, case.X.tocsc(), sparse.coo_matrix(case.X)):
        case.dtype = np.dtype(dtype)
        case.assert_close(network.forward(X), network.forward(case.dense))
        np.testing.assert_array_equal(network.predict(X), network.predict(case.dense))
        case.assert_close(
            network.cost(X, case.labels, 0.1), network.cost(case.dense, case.labels, 0.1)
        )
        twins = network.gradient(case.dense, case.Y, 0.1)
        case.assert_all_close(network.gradient(X, case.Y, 0.1), twins)
    with pytest.raises(ValueError, match="X has 29 features, but this network has 30 inputs"):
        network.forward(case.X[:, :29])
