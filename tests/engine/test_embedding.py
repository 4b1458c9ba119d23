"""Embeddings and mixed activations in the native engine, against the equations in embedding.py."""

from __future__ import annotations

import copy
import os
import signal
import threading
from dataclasses import replace

import numpy as np
import pytest
import scipy.sparse
from cases import cost, cost_and_gradient, forward, train
from comparisons import assert_arrays_close, assert_arrays_equal
from network_cases import random_thetas
from optimizer_cases import OPTIMIZERS

from multilayer import embedding as equations
from multilayer.activations import ACTIVATIONS
from multilayer.dropout import dropout_mask
from multilayer.embedding import Embedding, ExtraParameters
from multilayer.optimizers import Adam, AdamW, GradientDescent

pytestmark = pytest.mark.usefixtures("isa")

# Plain columns, numbers among them, codes of each category, frequencies, dimensions, shares.
LAYOUTS = {
    "all of it": (6, 4, (3, 11), 5, 3, True),
    "numbers": (3, 3, (), 16, 3, False),
    "plain": (20, 0, (2,), 1, 1, True),
    "no shares": (5, 2, (7,), 3, 2, False),
    "wide": (40, 17, (5, 1), 7, 8, True),
    "only categories": (0, 0, (4, 5), 1, 1, True),
    "frequencies": (2, 1, (), 32, 1, True),
    "only shares": (9, 0, None, 1, 1, True),
}

TOLERANCE = {"float32": 3e-4, "float64": 1e-11}


class Example:
    """A random network with extra parameters, and random rows."""

    def __init__(self, layout="all of it", m=37, *, hidden="mish", dtype="float64", sizes=(7, 9)):
        rng = np.random.default_rng(0)
        n_plain, n_numbers, codes, K, D, shares = LAYOUTS[layout]
        embedding, inputs = None, n_plain
        if codes is not None:
            width = 4
            inputs = n_plain + n_numbers * D + len(codes) * width
            embedding = Embedding(
                n_plain,
                K,
                codes,
                rng.normal(size=(n_numbers, (2 + D) * K + D), scale=0.5).astype(dtype),
                rng.normal(size=(sum(codes), width)).astype(dtype),
                rng.uniform(0.5, 1.5, inputs).astype(dtype),
            )
        self.thetas = random_thetas(rng, (inputs, *sizes, 3), dtype)
        mixes = [rng.uniform(0.2, 1, size).astype(dtype) for size in sizes] if shares else []
        self.extra = ExtraParameters(embedding, mixes)
        self.hidden, self.dtype = [hidden] * len(sizes), dtype
        columns = [rng.normal(size=(m, n_plain))]
        # Codes that are none (−1, n) count as 0.
        columns += [rng.integers(-1, n + 1, size=(m, 1)) for n in codes or ()]
        self.X = np.concatenate(columns, axis=1).astype(dtype)
        self.Y = np.eye(3, dtype=dtype)[rng.integers(3, size=m)]

    @property
    def arrays(self):
        return [*self.thetas, *self.extra.arrays]

    def with_arrays(self, arrays):
        """The same with other arrays in the places of its own."""
        other = copy.copy(self)
        n, embedding = len(self.thetas), self.extra.embedding
        other.thetas, rest = arrays[:n], arrays[n:]
        if embedding is not None:
            periodic, tables, scale, *rest = rest
            embedding = replace(embedding, periodic=periodic, tables=tables, scale=scale)
        other.extra = replace(self.extra, embedding=embedding, mixes=rest)
        return other

    def wanted(self, rows=slice(None), *, output="softmax", **options):
        """Cost and gradient by the equations, in float64."""
        double = self.with_arrays([array.astype(np.float64) for array in self.arrays])
        X, Y = self.X[rows].astype(np.float64), self.Y[rows].astype(np.float64)
        names = (double.thetas, self.hidden, output, double.extra)
        return equations.cost_and_gradient(X, Y, *names, **options)

    def train(self, optimizer, slots, **options):
        names = (self.thetas, self.X, self.Y, self.hidden, "softmax", optimizer, slots)
        return train(*names, extra=self.extra, **options)


def near(got, wanted, dtype):
    scale = max(1.0, *(np.abs(array).max(initial=0) for array in wanted))
    assert_arrays_close(got, wanted, rtol=0, atol=TOLERANCE[dtype] * scale)


@pytest.mark.parametrize("dtype", TOLERANCE)
@pytest.mark.parametrize("m", [1, 5, 37, 4500])
@pytest.mark.parametrize("layout", LAYOUTS)
def test_gradient_equals_the_equations(layout, m, dtype):
    example = Example(layout, m, dtype=dtype)
    names = (example.thetas, example.X, example.Y, example.hidden, "softmax")
    J, D = cost_and_gradient(*names, extra=example.extra)
    wanted, gradient = example.wanted()
    assert wanted == pytest.approx(J, rel=TOLERANCE[dtype])
    near(D, gradient, dtype)


@pytest.mark.parametrize("layout", ["all of it", "no shares"])
@pytest.mark.parametrize("hidden", ACTIVATIONS)
def test_gradient_of_every_activation(hidden, layout):
    example = Example(layout, hidden=hidden)
    names = (example.thetas, example.X, example.Y, example.hidden, "softmax")
    _, D = cost_and_gradient(*names, extra=example.extra)
    near(D, example.wanted()[1], "float64")


@pytest.mark.parametrize("output", ["identity", "logistic"])
def test_gradient_of_other_outputs(output):
    example = Example()
    names = (example.thetas, example.X, example.Y, example.hidden, output)
    J, D = cost_and_gradient(*names, extra=example.extra)
    wanted, gradient = example.wanted(output=output)
    assert wanted == pytest.approx(J, rel=1e-11)
    near(D, gradient, "float64")


@pytest.mark.parametrize("sizes", [(1,), (1, 1), (5, 1, 3)], ids=str)
def test_layers_of_one_unit(sizes):
    example = Example(sizes=sizes)
    names = (example.thetas, example.X, example.Y, example.hidden, "softmax")
    _, D = cost_and_gradient(*names, extra=example.extra)
    near(D, example.wanted()[1], "float64")


@pytest.mark.parametrize("dtype", TOLERANCE)
def test_cosines_of_large_angles(dtype):
    """2π w x up to some thousand turns: as precise as the angle itself is."""
    m, K = 400, 4
    rng = np.random.default_rng(0)
    w, b = rng.normal(size=(2, K)).astype(dtype)
    periodic = np.concatenate([w, b, np.eye(K, dtype=dtype).ravel(), np.zeros(K, dtype)])[None]
    x = np.linspace(-500, 500, m, dtype=dtype)[:, None]
    embedding = Embedding(1, K, (), periodic, np.empty((0, 1), dtype), np.ones(1 + K, dtype))
    thetas = [np.eye(1 + K, 2 + K, 1, dtype=dtype)]  # what goes in comes out
    got = forward(thetas, x, [], "identity", extra=ExtraParameters(embedding))[:, 1:]
    angles = np.asarray(2 * np.pi * w, dtype) * x + b
    wanted = np.cos(2 * np.pi * w.astype(np.float64) * x + b)
    # Each rounding of the angle is of its own size.
    np.testing.assert_allclose(
        got, wanted, rtol=0, atol=4 * np.abs(angles).max() * np.finfo(dtype).eps
    )


@pytest.mark.parametrize("dtype", TOLERANCE)
@pytest.mark.parametrize("layout", LAYOUTS)
def test_forward_equals_the_equations(layout, dtype):
    for m in (1, 3, 100):
        example = Example(layout, m, dtype=dtype)
        names = (example.hidden, "softmax")
        got = forward(example.thetas, example.X, *names, extra=example.extra)
        X, extra = example.X, example.extra
        wanted = equations.forward_propagation(X, example.thetas, *names, extra)
        np.testing.assert_allclose(got, wanted.h, atol=TOLERANCE[dtype])


def test_equations_equal_finite_differences():
    example = Example(m=9)
    J, D = example.wanted()
    assert np.isfinite(J)
    for number, d in enumerate(D):
        for place in np.ndindex(d.shape):
            around = []
            for step in (1e-5, -1e-5):
                arrays = [array.copy() for array in example.arrays]
                arrays[number][place] += step
                around.append(example.with_arrays(arrays).wanted()[0])
            assert (around[0] - around[1]) / 2e-5 == pytest.approx(d[place], abs=1e-8)


def test_slopes_by_the_inputs():
    example = Example(m=6)
    names = (example.hidden, example.extra, np.array([0, 1, 2, 0, 1, 2]))
    u, d = equations.input_gradient(example.X, example.thetas, *names)
    # Without an embedding, and u for X, the same network: slopes by differences of its z.
    scale = example.extra.embedding.scale
    bare = ExtraParameters(None, example.extra.mixes)
    for i in range(u.shape[1]):
        moved = []
        for step in (1e-6, -1e-6):
            v = u.copy()
            v[:, i] += step
            Z = equations.forward_propagation(
                v * scale, example.thetas, example.hidden, "identity", bare
            ).Z
            moved.append(Z[-1][np.arange(6), names[-1]])
        np.testing.assert_allclose((moved[0] - moved[1]) / 2e-6, d[:, i], atol=1e-7)


@pytest.mark.parametrize("dtype", TOLERANCE)
@pytest.mark.parametrize("optimizer", OPTIMIZERS, ids=repr)
def test_training_equals_the_equations(optimizer, dtype):
    """Two epochs of batches with dropout; each array with its own rate and decay."""
    example = Example(m=40, dtype=dtype)
    n, rng = len(example.thetas), np.random.default_rng(1)
    rates = rng.uniform(0.2, 2, 2 * n + 5).tolist()
    decays = [0.0, 0.5, 2.0, 1.0, 0.0]
    example.extra = replace(example.extra, rates=rates, decays=decays)
    order = np.stack([rng.permutation(40)[:30] for _ in range(2)])  # some rows only
    twin = example.with_arrays([array.astype(np.float64) for array in example.arrays])
    slots, twin_slots = optimizer.start(example.arrays), optimizer.start(twin.arrays)
    report = example.train(
        optimizer, slots, order=order, epochs=2, batch_size=10, dropout=(0, 0.3, 0.2)
    )
    assert report.steps == 6
    for step, rows in enumerate(order.reshape(6, 10), 1):
        masks = [
            dropout_mask(0, step, layer, 10, size, rate)
            for layer, size, rate in ((1, 7, 0.3), (2, 9, 0.2))
        ]
        _, D = twin.wanted(rows, masks=masks)
        for k, (array, d) in enumerate(zip(twin.arrays, D, strict=True)):
            own = [slot[k] for slot in twin_slots]
            if k < n:  # weights and biases apart
                parts = [(np.s_[:, :1], rates[2 * k + 1], 0.0), (np.s_[:, 1:], rates[2 * k], 1.0)]
            else:
                parts = [(np.s_[...], rates[n + k], decays[k - n])]
            for part, rate, decay in parts:
                rule = _paced(optimizer, rate, decay)
                value, new = rule(array[part], d[part], [s[part] for s in own], step)
                array[part] = value
                for slot, updated in zip(own, new, strict=True):
                    slot[part] = updated
    near(example.arrays, twin.arrays, dtype)


def _paced(optimizer, rate, decay):
    """An update of part of an array: the decay is the optimizer's own, past the rate."""
    decayed = getattr(optimizer, "weight_decay", 0.0) * optimizer.learning_rate * decay

    def update(theta, D, slots, step):
        theta = theta * (1 - decayed)
        bare = replace(optimizer, learning_rate=optimizer.learning_rate * rate)
        if decayed or hasattr(optimizer, "weight_decay"):
            bare = replace(bare, weight_decay=0.0)
        if theta.ndim == 1:  # the equations leave column 0, the biases, without decay
            value, new = bare.update(theta[None], D[None], [s[None] for s in slots], step)
            return value[0], [s[0] for s in new]
        return bare.update(theta, D, slots, step)

    return update


@pytest.mark.parametrize("layout", LAYOUTS)
def test_same_bits_for_any_number_of_threads(layout):
    results = []
    for n_threads in (1, 2, 3):
        example = Example(layout, 700, dtype="float32")
        slots = AdamW(0.01).start(example.arrays)
        example.train(AdamW(0.01), slots, epochs=3, batch_size=100, n_threads=n_threads)
        results.append([array.tobytes() for array in example.arrays])
    assert results[0] == results[1] == results[2]


def test_codes_that_are_none_count_as_the_first():
    example = Example("only categories", 4)
    example.X[:] = [[-1, 0], [np.nan, 0], [4, 5], [0, 0]]
    names = (example.hidden, "softmax")
    H = forward(example.thetas, example.X, *names, extra=example.extra)
    assert (H == H[3]).all()


def test_order_names_rows():
    """Rows that the order leaves out might as well not be there."""
    some, all_rows = np.arange(30)[::-1], Example(m=40)
    cut = Example(m=40)
    cut.X, cut.Y = cut.X[some], cut.Y[some]
    for example, order in ((all_rows, some), (cut, np.arange(30))):
        slots = Adam(0.01).start(example.arrays)
        example.train(Adam(0.01), slots, order=order[None], batch_size=8)
    assert_arrays_equal(all_rows.arrays, cut.arrays)


def test_large_batches():
    """More rows in a batch than the native code embeds at a time: steps of whole gradients."""
    example = Example("no shares", 9000)
    rows = np.random.default_rng(0).permutation(9000)
    twin = example.with_arrays([array.copy() for array in example.arrays])
    example.train(GradientDescent(0.1), [], order=rows[None], batch_size=4500)
    for half in rows.reshape(2, 4500):
        for array, d in zip(twin.arrays, twin.wanted(half)[1], strict=True):
            array -= 0.1 * d
    near(example.arrays, twin.arrays, "float64")


def test_interrupted_training_ends_with_a_whole_epoch():
    """After Ctrl-C, the extra parameters are those of the last finished epoch, as Θ is."""
    example = Example("numbers", 3000)
    twin = example.with_arrays([array.copy() for array in example.arrays])
    press = threading.Timer(0.3, os.kill, (os.getpid(), signal.SIGINT))
    press.start()
    slots = Adam(1e-4).start(example.arrays)
    report = example.train(Adam(1e-4), slots, epochs=1_000_000, batch_size=100)
    press.join()
    assert report.status == "interrupted"
    epochs = len(report.costs)
    assert report.steps == 30 * epochs
    twin.train(Adam(1e-4), Adam(1e-4).start(twin.arrays), epochs=epochs, batch_size=100)
    assert_arrays_equal(example.arrays, twin.arrays)


def broken(**changes):
    example = Example()
    embedding = replace(example.extra.embedding, **changes)
    return replace(example.extra, embedding=embedding)


READ_ONLY = np.ones(26)

READ_ONLY.flags.writeable = False

WRONG = {
    "scale": (broken(scale=np.ones(3)), {}, ValueError, "as many: 3 and"),
    "tables": (broken(tables=np.ones((3, 4))), {}, ValueError, "must have 14 rows"),
    "periodic": (broken(periodic=np.ones((4, 29))), {}, ValueError, "must have 28 columns"),
    "frequencies": (broken(n_frequencies=33), {}, ValueError, "frequencies"),
    "dtype": (
        broken(scale=np.ones(26, np.float32)),
        {},
        TypeError,
        "C-contiguous and float64",
    ),
    "mixes": (replace(Example().extra, mixes=[np.ones(7)]), {}, ValueError, "shapes"),
    "rates": (replace(Example().extra, rates=[1.0]), {}, ValueError, "rates must be 11"),
    "decays": (replace(Example().extra, decays=[-1.0] * 5), {}, ValueError, "decays must be 5"),
    "l1": (Example().extra, {"l1": 1.0}, ValueError, "do not go with"),
    "clip_norm": (Example().extra, {"clip_norm": 1.0}, ValueError, "do not go with"),
    "lambda": (Example().extra, {"lambda_": 1.0}, ValueError, "do not go with"),
    "batch": (
        Example().extra,
        {"order": np.ones((1, 5), int), "batch_size": 6},
        ValueError,
        "rows, 5: 6",
    ),
    "order": (
        Example().extra,
        {"order": np.ones((1, 0), int)},
        ValueError,
        "at least one row number",
    ),
    "flat": (
        broken(periodic=np.ones(28)),
        {},
        ValueError,
        r"periodic must have 2 dimensions: \(28,\)",
    ),
    "upright": (broken(scale=np.ones((26, 1))), {}, ValueError, r"scale must have 1 dimensions"),
    "read-only": (broken(scale=READ_ONLY), {}, ValueError, "scale is changed in place"),
    "dropout": (Example().extra, {"dropout": (0.1, 0, 0)}, ValueError, "no dropout: 0.1"),
}


@pytest.mark.parametrize(("extra", "options", "error", "message"), WRONG.values(), ids=WRONG)
def test_wrong_input(extra, options, error, message):
    example = Example()
    names = (example.thetas, example.X, example.Y, example.hidden, "softmax", GradientDescent(0.1))
    with pytest.raises(error, match=message):
        train(*names, [], extra=extra, **options)


@pytest.mark.parametrize("penalty", [{"lambda_": 1.0}, {"l1": 1.0}], ids=["lambda_", "l1"])
def test_penalties_are_refused(penalty):
    example = Example()
    names = (example.thetas, example.X, example.Y, example.hidden, "softmax")
    for compute in (cost, cost_and_gradient):
        with pytest.raises(ValueError, match="do not go with"):
            compute(*names, extra=example.extra, **penalty)


def test_sparse_rows_are_refused():
    example = Example()
    X = scipy.sparse.csr_array(example.X)
    names = (example.hidden, "softmax")
    with pytest.raises(TypeError, match="sparse"):
        forward(example.thetas, X, *names, extra=example.extra)
    slots = Adam(0.1).start(example.arrays)
    names = (X, example.Y, *names, Adam(0.1), slots)
    with pytest.raises(TypeError, match="sparse"):
        train(example.thetas, *names, extra=example.extra)
