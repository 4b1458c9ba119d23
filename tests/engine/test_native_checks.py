"""The native code checks by itself whatever says where it reads and writes."""

import numpy as np
import pytest
from network_cases import Case
from scipy import sparse

from multilayer import _native
from multilayer.engine.interface import Descent, Epochs, Examples, Objective
from multilayer.engine.native import Forward, NativeEngine
from multilayer.engine.records import native_descent
from multilayer.optimizers import SGD, Adam, GradientDescent


def misaligned(array):
    """Return an equal array that begins one byte too late."""
    memory = np.zeros(array.nbytes + 1, np.uint8)
    result = memory[1:].view(array.dtype).reshape(array.shape)
    result[...] = array
    assert not result.flags.aligned
    return result


THETAS = [np.zeros((4, 4)), np.zeros((2, 5))]
ROWS = np.zeros((9, 3))
UNITS = {"hidden": [_native.ACTIVATIONS["tanh"]], "output": _native.OUTPUTS["softmax"]}


def sparse_rows(starts, indices):
    values = np.ones(len(indices))
    return np.array(starts, np.int64), np.array(indices, np.int32), values


def embedding(**changes):
    extra = _native.ExtraParameters()
    settings = {"plain": 1, "numbers": 0, "frequencies": 1, "dimensions": 1, "width": 2}
    for name, value in (settings | {"first_rows": [0, 5]} | changes).items():
        setattr(extra, name, value)
    return extra


def problem(thetas=THETAS, arrays=(), X=ROWS, labels=None, extra=None, groups=(2,), **units):
    labels = np.zeros(9, np.int32) if labels is None else np.array(labels, np.int32)
    objective = _native.Objective(**(UNITS | units), groups=list(groups))
    extra = extra or _native.ExtraParameters()
    return _native.Problem64(list(thetas), list(arrays), X, None, labels, None, objective, extra)


def tables(rows):
    """The arrays of an embedding of one number and a category, with so many rows."""
    return [np.zeros((0, 4)), np.zeros((rows, 2)), np.ones(3)]


WRONG = {
    "no layers": ({"thetas": []}, "must be a Θ"),
    "chain": ({"thetas": [THETAS[0], np.zeros((2, 6))]}, "inputs of a layer must be 4: 5"),
    "no units": ({"thetas": [np.zeros((0, 4)), np.zeros((2, 1))]}, "from 1 to .*: 0"),
    "Θ misaligned": ({"thetas": [misaligned(THETAS[0]), THETAS[1]]}, "must be aligned"),
    "Θ apart": ({"thetas": [np.zeros((4, 8))[:, ::2], THETAS[1]]}, "C-contiguous"),
    "columns": ({"X": np.zeros((9, 4))}, "columns of X must be 3: 4"),
    "no matrix": ({"X": np.zeros(9)}, "dimensions must be 2: 1"),
    "label": ({"labels": [0] * 8 + [2]}, "class indices must be from 0 to 1: 2"),
    "negative label": ({"labels": [0] * 8 + [-1]}, "class indices must be from 0 to 1: -1"),
    "labels": ({"labels": [0] * 8}, "size of an array must be 9: 8"),
    "activation": ({"hidden": [11]}, "activation must be from 0 to 10: 11"),
    "activations": ({"hidden": []}, "an activation for each hidden layer: 0"),
    "output": ({"output": 4}, "output must be from 0 to 3: 4"),
    "loss": ({"loss": -1}, "loss must be from 0 to 5: -1"),
    "groups": ({"groups": [1]}, "groups of softmax must have 2 units: 1"),
    "a group": ({"groups": [3]}, "a group of softmax must be from 1 to 2: 3"),
    "starts": ({"X": sparse_rows([1] * 10, [0])}, "begin at 0"),
    "falling starts": ({"X": sparse_rows([0, 2] + [1] * 8, [0, 0])}, "never fall"),
    "starts beyond": ({"X": sparse_rows([0] + [2] * 9, [0])}, "stores 1 values.*: 2"),
    "index": ({"X": sparse_rows([0] + [1] * 9, [3])}, "indices of X must be from 0 to 2: 3"),
    "negative index": ({"X": sparse_rows([0] + [1] * 9, [-1])}, "from 0 to 2: -1"),
    "rows of a table": (
        {"X": np.zeros((9, 2)), "arrays": tables(4), "extra": embedding()},
        "size of tables must be 10: 8",
    ),
    "falling rows": (
        {
            "X": np.zeros((9, 2)),
            "arrays": tables(5),
            "extra": embedding(first_rows=[0, 9, 5]),
        },
        "the end of a table must be from 10",
    ),
    "rows that overflow": (
        {"X": np.zeros((9, 2)), "arrays": tables(5), "extra": embedding(first_rows=[0, 2**62])},
        "the end of a table must be from 1 to",
    ),
    "frequencies": (
        {"X": np.zeros((9, 2)), "arrays": tables(5), "extra": embedding(frequencies=33)},
        "frequencies must be from 1 to 32: 33",
    ),
    "numbers": (
        {"X": np.zeros((9, 2)), "arrays": tables(5), "extra": embedding(numbers=2)},
        "numbers must be from 0 to 1: 2",
    ),
    "arrays": ({"arrays": [np.zeros(4)] * 2}, "three arrays of an embedding"),
    "a mix": ({"arrays": [np.zeros(3)]}, "units of a mix must be 4: 3"),
}


@pytest.mark.parametrize("name", [*WRONG])
def test_wrong_problem(name):
    changes, message = WRONG[name]
    with pytest.raises(ValueError, match=message):
        problem(**changes)


def test_right_problems():
    sparse_X = sparse_rows([0, 1] + [2] * 8, [2, 0])
    for X in (ROWS, ROWS[::-1], misaligned(ROWS).copy(), sparse_X):
        assert problem(X=X).cost([], 1) == pytest.approx(np.log(2))
    with_tables = problem(
        [np.zeros((4, 4)), THETAS[1]], tables(5), np.zeros((9, 2)), extra=embedding()
    )
    assert with_tables.cost([], 1) == pytest.approx(np.log(2))


def epochs(**changes):
    call = _native.Epochs()
    settings = {"count": 2, "max_steps": 2**62, "steps_before": 0}
    for name, value in (settings | changes).items():
        setattr(call, name, value)
    return call


def train(call, slots=None, thetas=THETAS):
    descent = native_descent(Descent(SGD(0.1)), thetas, 9, False)
    slots = [[np.zeros_like(theta) for theta in thetas]] if slots is None else slots
    return problem([theta.copy() for theta in thetas]).train(
        descent, slots, call, 1, None, None, []
    )


KEY = np.zeros(624, np.uint32)
WRONG_CALLS = {
    "position": ({"indices": np.arange(9), "key": KEY, "position": 10**8}, "from 0 to 624: 1000"),
    "position 625": ({"indices": np.arange(9), "key": KEY, "position": 625}, "0 to 624: 625"),
    "position −1": ({"indices": np.arange(9), "key": KEY, "position": -1}, "0 to 624: -1"),
    "key": ({"indices": np.arange(9), "key": KEY[:10]}, "size of an array must be 624: 10"),
    "indices": ({"indices": np.arange(1, 10), "key": KEY}, "row numbers must be from 0 to 8: 9"),
    "order": ({"order": np.full((2, 9), 9)}, "order must be from 0 to 8: 9"),
    "rates": ({"rates": np.ones(3), "max_steps": 4}, "max_steps must be from 0 to 3: 4"),
    "count": ({"count": -1}, "epochs must be from 0"),
    "steps before": ({"steps_before": 2**63 - 1}, "steps_before must be from 0"),
}


@pytest.mark.parametrize("name", [*WRONG_CALLS])
def test_wrong_call(name):
    changes, message = WRONG_CALLS[name]
    with pytest.raises(ValueError, match=message):
        train(epochs(**changes))


@pytest.mark.parametrize(
    ("slots", "message"),
    [
        ([], "slots must be 1: 0"),
        ([[np.zeros((4, 4))]], "number of arrays must be 2: 1"),
        ([[np.zeros((4, 4)), np.zeros((2, 4))]], "size of an array must be 10: 8"),
        ([[misaligned(THETAS[0]), np.zeros((2, 5))]], "must be aligned"),
        ([[np.zeros_like(theta) for theta in THETAS]] * 3, "slot must be from 0 to 1: 2"),
    ],
)
def test_wrong_slots(slots, message):
    with pytest.raises(ValueError, match=message):
        train(epochs(), slots)


def test_wrong_gradients_and_outputs():
    with pytest.raises(ValueError, match="size of an array must be 10: 9"):
        problem().cost([np.zeros((4, 4)), np.zeros(9)], 1)
    forward = _native.Forward64(
        THETAS, [], _native.Objective(**UNITS, groups=[2]), _native.ExtraParameters()
    )
    with pytest.raises(ValueError, match="size of an array must be 18: 16"):
        forward.into(ROWS, np.zeros((8, 2)), 1)
    with pytest.raises(ValueError, match="columns of X must be 3: 4"):
        forward.into(np.zeros((9, 4)), np.zeros((9, 2)), 1)


@pytest.mark.parametrize("position", [10**8, 700, -(10**6)])
def test_a_generator_at_an_impossible_position(position):
    rng = np.random.RandomState(0)
    kind, key, _, *rest = rng.get_state()
    rng.set_state((kind, key, position, *rest))
    case = Case((3, 4, 2), 9)
    with pytest.raises(ValueError, match=r"the position of .* must be from 0 to 624"):
        case.train(
            SGD(0.1), [[np.zeros_like(theta) for theta in case.thetas]], rng=rng, rows=np.arange(9)
        )


@pytest.mark.parametrize("sparsely", [False, True])
def test_arrays_that_are_not_aligned_give_the_same_bits(sparsely):
    case = Case((3, 4, 2), 50)
    X = sparse.csr_array(np.where(case.X > 0, case.X, 0)) if sparsely else case.X
    weights = np.linspace(0.5, 1, 50)
    labels = np.arange(50) % 2

    def trained(lay):
        thetas = [lay(theta) for theta in case.thetas]
        slots = [[lay(np.zeros_like(theta)) for theta in thetas] for _ in range(2)]
        rows = X
        if sparsely:
            rows = sparse.csr_array(X.shape)
            rows.data, rows.indices, rows.indptr = lay(X.data), lay(X.indices), lay(X.indptr)
        else:
            rows = lay(X)
        objective = Objective(("tanh",), "softmax")
        engine = NativeEngine(thetas, Examples(rows, lay(labels), lay(weights)), objective)
        call = Epochs(3, rates=lay(np.full(6, 0.1)), order=lay(np.tile(np.arange(50), (3, 1))))
        first = engine.cost()
        engine.train(Descent(Adam(), 25), slots, call)
        forward = Forward(thetas, ("tanh",), "softmax")
        before = forward(case.X)
        thetas[0][:] = 0
        return [
            first,
            before,
            forward(case.X),  # it reads Θ where they lie
            engine.cost(),
            *thetas,
            *slots[0],
        ]

    for one, other in zip(trained(np.copy), trained(misaligned), strict=True):
        np.testing.assert_array_equal(one, other)


def test_a_sparse_row_that_an_epoch_takes_many_times():
    """A chunk of it stores more values than any chunk of different rows."""
    case = Case((300, 4, 2), 400)
    X = np.zeros((400, 300))
    X[::40] = case.X[::40]
    order = np.full((2, 800), 40)

    def trained(rows):
        thetas = [theta.copy() for theta in case.thetas]
        engine = NativeEngine(thetas, Examples(rows, case.Y), Objective(*case.units))
        engine.train(Descent(GradientDescent(0.1), 800), [], Epochs(2, order=order))
        return thetas

    for one, other in zip(trained(X), trained(sparse.csr_array(X)), strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-12)


def test_what_indexes_is_a_copy():
    """Another thread may change the rows or labels of a fit; memory never depends on that."""
    case = Case((3, 4, 2), 50)
    X = sparse.csr_array(np.where(case.X > 0, case.X, 0))
    labels = (np.arange(50) % 2).astype(np.int32)
    objective = Objective(("tanh",), "softmax")
    engine = NativeEngine(case.thetas, Examples(X, labels), objective)
    J, D = engine.cost_and_gradient()
    X.indices[:], X.indptr[:], labels[:] = 2**31 - 1, 2**30, 10**8
    again, D_again = engine.cost_and_gradient()
    assert again == J
    for one, other in zip(D, D_again, strict=True):
        np.testing.assert_array_equal(one, other)
