"""The native engine against its slow twin: equations.py, losses.py and optimizers.py."""

from __future__ import annotations

import copy
import os
import signal
import subprocess
import sys
import threading
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from cases import ISA, ISAS, PlateauCounter, cost, cost_and_gradient, forward, run_python, train
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.utils import gen_batches

from multilayer import equations
from multilayer.activations import ACTIVATIONS
from multilayer.losses import OUTPUTS
from multilayer.optimizers import SGD, Adam, AdamW, GradientDescent, NAdam, Optimizer, RMSprop

OPTIMIZERS = [
    GradientDescent(0.3),
    SGD(0.1, momentum=0.9, nesterov=True),
    SGD(0.1, momentum=0.8, nesterov=False),
    Adam(0.01),
    AdamW(0.01, weight_decay=0.5),
    NAdam(0.01),
    RMSprop(0.01),
]
# Relative to the largest number of an array: rounding of sums of a few hundred terms.
TOLERANCE = {"float32": 3e-5, "float64": 1e-12}


class Case:
    """A random network with random data."""

    def __init__(self, sizes, m, *, hidden="tanh", output="softmax", dtype="float64", seed=0):
        rng = np.random.default_rng(seed)
        self.dtype = np.dtype(dtype)
        self.sizes = sizes
        self.output = output
        self.hidden = (hidden,) * (len(sizes) - 2) if isinstance(hidden, str) else tuple(hidden)
        self.thetas = [
            (rng.normal(size=(s_out, s_in + 1)) / np.sqrt(s_in + 1)).astype(dtype)
            for s_in, s_out in pairwise(sizes)
        ]
        self.X = rng.normal(size=(m, sizes[0])).astype(dtype)
        self.Y = rng.uniform(size=(m, sizes[-1])).astype(dtype)
        if output == "softmax":
            self.Y /= self.Y.sum(axis=1, keepdims=True)
        self.weights = rng.uniform(0.1, 2, size=m).astype(dtype)
        self.rng = rng

    @property
    def network(self):
        return {"hidden": self.hidden, "output": self.output}

    def close(self, got, wanted):
        scale = max(1.0, np.abs(wanted).max())
        tolerance = TOLERANCE[self.dtype.name] * scale
        np.testing.assert_allclose(got, wanted, rtol=0, atol=tolerance)


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


def twin_train(case, optimizer, slots, *, batch_size, order, lambda_=0.0, weights=None, steps=0):
    """Train step by step with the twins; returns the costs of the epochs."""
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
            for layer, theta in enumerate(case.thetas):
                theta[...], updated = optimizer.update(
                    theta, D[layer], [slot[layer] for slot in slots], steps
                )
                for slot, value in zip(slots, updated, strict=True):
                    slot[layer] = value
        costs.append(total / m)
    return costs


@given(case=cases(), lambda_=st.sampled_from([0.0, 0.7]), weighted=st.booleans())
@settings(max_examples=200, deadline=None)
def test_cost_and_gradient(case, lambda_, weighted):
    weights = case.weights if weighted else None
    arguments = (case.thetas, case.X, case.Y, case.hidden, case.output, lambda_, weights)
    J, D = cost_and_gradient(*arguments)
    wanted = (case.X, case.Y, case.thetas, lambda_)
    case.close(J, equations.cost(*wanted, weights=weights, **case.network))
    assert isinstance(J, float)
    assert cost(*arguments) == J
    for got, want in zip(
        D, equations.backpropagation(*wanted, weights=weights, **case.network), strict=True
    ):
        assert got.dtype == case.dtype
        case.close(got, want)


@given(case=cases())
@settings(max_examples=100, deadline=None)
def test_forward(case):
    H = forward(case.thetas, case.X, case.hidden, case.output)
    assert H.dtype == case.dtype
    case.close(H, equations.forward_propagation(case.X, case.thetas, **case.network)[1][-1])


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
        J, D = cost_and_gradient(case.thetas, case.X, case.Y, case.hidden, case.output, 0.1)
        case.close(J, equations.cost(case.X, case.Y, case.thetas, 0.1, **case.network))
        wanted = equations.backpropagation(case.X, case.Y, case.thetas, 0.1, **case.network)
        for got, want in zip(D, wanted, strict=True):
            case.close(got, want)


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


@pytest.mark.parametrize("optimizer", OPTIMIZERS, ids=repr)
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
        wanted = twin_train(
            twin,
            optimizer,
            twin_slots,
            batch_size=batch_size,
            order=order[epoch : epoch + 1],
            lambda_=0.5,
            weights=weights,
            steps=steps,
        )
        report = train(
            case.thetas,
            case.X,
            case.Y,
            case.hidden,
            case.output,
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
    for got, want in zip(case.thetas, twin.thetas, strict=True):
        np.testing.assert_allclose(got, want, rtol=0, atol=100 * TOLERANCE[dtype])
    for slot, twin_slot in zip(slots, twin_slots, strict=True):
        for got, want in zip(slot, twin_slot, strict=True):
            np.testing.assert_allclose(got, want, rtol=0, atol=100 * TOLERANCE[dtype])


@pytest.mark.parametrize("m", [5000, 20_001])
def test_many_rows_in_one_batch(m):
    """More rows than the workspace holds at once."""
    case = Case((3, 200, 2), m, hidden="relu")
    twin = copy.deepcopy(case)
    descent = GradientDescent(0.5)
    report = train(
        case.thetas, case.X, case.Y, case.hidden, case.output, descent, [], epochs=3, lambda_=1.0
    )
    wanted = twin_train(twin, descent, [], batch_size=m, order=[np.arange(m)] * 3, lambda_=1.0)
    np.testing.assert_allclose(report.costs, wanted, rtol=1e-12)
    for got, want in zip(case.thetas, twin.thetas, strict=True):
        case.close(got, want)


@pytest.mark.parametrize("output", ["logistic", "softmax", "identity"])
def test_labels_are_one_hot(output):
    case = Case((4, 5, 6), 30, output=output)
    labels = case.rng.integers(0, 6, 30).astype(np.uint8)
    Y = np.eye(6)[labels]
    got = cost_and_gradient(case.thetas, case.X, labels, case.hidden, output)
    wanted = cost_and_gradient(case.thetas, case.X, Y, case.hidden, output)
    assert got[0] == wanted[0]
    for a, b in zip(got[1], wanted[1], strict=True):
        np.testing.assert_array_equal(a, b)


def test_labels_of_one_unit():
    case = Case((4, 5, 1), 30, output="logistic")
    labels = case.rng.integers(0, 2, 30)
    Y = labels[:, None].astype(float)
    arguments = (case.hidden, case.output)
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
    wanted = cost_and_gradient(case.thetas, case.X, case.Y, case.hidden, case.output)
    got = cost_and_gradient(case.thetas, X, Y, case.hidden, case.output)
    assert got[0] == wanted[0]
    for a, b in zip(got[1], wanted[1], strict=True):
        np.testing.assert_array_equal(a, b)
    np.testing.assert_array_equal(
        forward(case.thetas, X, case.hidden, case.output),
        forward(case.thetas, case.X, case.hidden, case.output),
    )


@pytest.mark.parametrize("optimizer", OPTIMIZERS, ids=repr)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("batch_size", [97, None])
def test_same_bits_for_any_number_of_threads(optimizer, dtype, batch_size):
    results = []
    for n_threads in [1, 2, 3, 4, 7]:
        case = Case((30, 64, 50, 5), 1000, hidden=("relu", "gelu"), dtype=dtype)
        slots = optimizer.start(case.thetas)
        report = train(
            case.thetas,
            case.X,
            case.Y,
            case.hidden,
            case.output,
            optimizer,
            slots,
            lambda_=0.1,
            batch_size=batch_size,
            epochs=3,
            n_threads=n_threads,
        )
        J, D = cost_and_gradient(
            case.thetas, case.X, case.Y, case.hidden, case.output, n_threads=n_threads
        )
        H = forward(case.thetas, case.X, case.hidden, case.output, n_threads=n_threads)
        remembered = [array for slot in slots for array in slot]
        arrays = [report.costs, np.float64(J), *case.thetas, *remembered, *D, H]
        results.append([array.tobytes() for array in arrays])
    assert all(result == results[0] for result in results)


def test_divergence_stops_before_the_step():
    case = Case((3, 4, 2), 40, output="identity")
    case.X[25] = 1e200
    before = [theta.copy() for theta in case.thetas]
    case.thetas[1][:] = 1e200
    before[1] = case.thetas[1].copy()
    report = train(
        case.thetas,
        case.X,
        case.Y,
        case.hidden,
        case.output,
        GradientDescent(0.1),
        [],
        batch_size=40,
    )
    assert report.status == "diverged"
    assert report.steps == 0
    assert len(report.costs) == 0
    for got, want in zip(case.thetas, before, strict=True):
        np.testing.assert_array_equal(got, want)


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_divergence_in_a_later_batch(bad):
    case = Case((3, 4, 2), 40, output="identity", hidden="relu")
    case.Y[25, 1] = bad
    report = train(
        case.thetas,
        case.X,
        case.Y,
        case.hidden,
        case.output,
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
    for got, want in zip(case.thetas, half.thetas, strict=True):
        np.testing.assert_array_equal(got, want)


def test_stopping_rule():
    """The rule of scikit-learn, over calls of any number of epochs."""

    def run(epochs_a_call):
        case = Case((3, 4, 2), 30)
        progress, costs, status = PlateauCounter(), [], "finished"
        while status == "finished":
            report = train(
                case.thetas,
                case.X,
                case.Y,
                case.hidden,
                case.output,
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
    report = train(
        case.thetas,
        case.X,
        case.Y,
        case.hidden,
        case.output,
        adam,
        slots,
        epochs=9,
        max_steps=max_steps,
        **arguments,
    )
    assert (report.steps, len(report.costs)) == (max_steps, max_steps // 5)
    order = np.tile(np.arange(30), (max_steps // 5, 1))
    twin_train(twin, adam, twin_slots, batch_size=7, order=order)
    if max_steps % 5 == 0:
        for got, want in zip(case.thetas, twin.thetas, strict=True):
            case.close(got, want)


def test_interrupt():
    case = Case((50, 100, 100, 3), 5000)
    timer = threading.Timer(0.3, os.kill, (os.getpid(), signal.SIGINT))
    timer.start()
    report = train(
        case.thetas,
        case.X,
        case.Y,
        case.hidden,
        case.output,
        GradientDescent(1e-6),
        [],
        batch_size=100,
        epochs=10**9,
    )
    timer.join()
    assert report.status == "interrupted"
    assert report.steps // 50 == len(report.costs)


def test_other_signals_pass():
    class Alarm(Exception):
        pass

    def ring(number, frame):
        raise Alarm

    case = Case((50, 100, 100, 3), 5000)
    before = signal.signal(signal.SIGUSR1, ring)
    timer = threading.Timer(0.3, os.kill, (os.getpid(), signal.SIGUSR1))
    timer.start()
    try:
        with pytest.raises(Alarm):
            train(
                case.thetas,
                case.X,
                case.Y,
                case.hidden,
                case.output,
                GradientDescent(1e-6),
                [],
                epochs=10**9,
            )
    finally:
        timer.join()
        signal.signal(signal.SIGUSR1, before)


def test_fits_at_the_same_time_in_many_threads():
    def fit(results, place):
        case = Case((20, 64, 64, 2), 2000, hidden="relu", dtype="float32", seed=place % 2)
        adam = Adam(0.001)
        train(
            case.thetas,
            case.X,
            case.Y,
            case.hidden,
            case.output,
            adam,
            adam.start(case.thetas),
            batch_size=200,
            epochs=10,
        )
        results[place] = b"".join(theta.tobytes() for theta in case.thetas)

    results = [b""] * 6
    threads = [threading.Thread(target=fit, args=(results, place)) for place in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert results[0] == results[2] == results[4] != results[1]
    assert results[1] == results[3] == results[5]


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork on this platform")
@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_after_fork():
    case = Case((64, 100, 10), 2000, dtype="float32")
    arguments = (case.thetas, case.X, case.Y, case.hidden, case.output)
    wanted = cost(*arguments, n_threads=2)
    child = os.fork()
    if child == 0:  # pragma: no cover
        os._exit(0 if cost(*arguments, n_threads=2) == wanted else 1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert cost(*arguments, n_threads=2) == wanted


def test_no_rows():
    case = Case((3, 4, 2), 0)
    assert forward(case.thetas, case.X, case.hidden, case.output).shape == (0, 2)
    with pytest.raises(ValueError, match="at least one row"):
        cost(case.thetas, case.X, case.Y, case.hidden, case.output)


@pytest.mark.parametrize("isa", [isa for isa in ISAS if isa != ISA])
def test_every_instruction_set(isa):
    """The tests of the kernels again, in a process made to use another instruction set."""
    kernels = "gradient or forward or widths or far_out or step_by_step or same_bits or float"
    files = [__file__, str(Path(__file__).with_name("test_math.py"))]
    run = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *files, "-k", kernels],
        env=os.environ | {"MULTILAYER_ISA": isa},
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 0, run.stdout


def test_forced_instruction_set():
    for isa in ISAS:
        run = run_python("from cases import ISA; print(ISA)", MULTILAYER_ISA=isa)
        assert run.stdout.strip() == isa


def test_unknown_instruction_set():
    run = run_python("import multilayer", MULTILAYER_ISA="mmx")
    assert run.returncode != 0
    assert "MULTILAYER_ISA must be one of" in run.stderr


@pytest.mark.parametrize("number", ["0", "two", "1025", "-1"])
def test_bad_number_of_threads(number):
    code = "from cases import default_threads; default_threads()"
    run = run_python(code, MULTILAYER_NUM_THREADS=number)
    message = f"ValueError: MULTILAYER_NUM_THREADS must be a number from 1 to 1024: '{number}'"
    assert message in run.stderr


def test_number_of_threads():
    code = "from cases import default_threads; print(default_threads())"
    assert int(run_python(code, MULTILAYER_NUM_THREADS="3").stdout) == 3
    assert 1 <= int(run_python(code, MULTILAYER_NUM_THREADS="").stdout) <= os.cpu_count()


MEMORY = """
import resource
import numpy as np
from cases import train
from multilayer.optimizers import Adam

X, y = np.ones((200_000, 50), np.float32), np.zeros(200_000, np.int32)
thetas = [np.zeros((64, 51), np.float32), np.zeros((3, 65), np.float32)]
adam = Adam()
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
for batch_size in [None, 200]:
    slots = adam.start(thetas)
    train(thetas, X, y, ("relu",), "softmax", adam, slots, batch_size=batch_size)
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)
"""


def test_memory_does_not_grow_with_rows():
    run = run_python(MEMORY)
    assert int(run.stdout) < 16_000, run.stderr  # kilobytes; X alone has 40 000


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
    "optimizer": ({"optimizer": 0.1}, ValueError, "GradientDescent, SGD, .*, Lion: float"),
    "slots": ({"optimizer": Adam()}, ValueError, "Adam keeps 2 slots: 0"),
    "layers of slots": (
        {"optimizer": SGD(0.1), "slots": [[np.zeros((4, 4))]]},
        ValueError,
        "2 arrays, one a layer: 1",
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
        "thetas": case.thetas,
        "X": case.X,
        "Y": case.Y,
        "hidden": case.hidden,
        "output": case.output,
        "optimizer": GradientDescent(0.1),
        "slots": [],
    }
    with pytest.raises(error, match=message):
        train(**(arguments | changes))


def test_read_only_thetas():
    case = Case((3, 4, 2), 9)
    case.thetas[1].flags.writeable = False
    H = forward(case.thetas, case.X, case.hidden, case.output)
    assert H.shape == (9, 2)
    with pytest.raises(ValueError, match="Θ2 is changed in place"):
        train(case.thetas, case.X, case.Y, case.hidden, case.output, GradientDescent(0.1), [])


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


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"rows": np.arange(4)}, ValueError, "rows and rng go together"),
        ({"rng": np.random.RandomState(0)}, ValueError, "rows and rng go together"),
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
