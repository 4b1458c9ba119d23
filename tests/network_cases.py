"""Random networks with random data, dense or sparse."""

from __future__ import annotations

import copy
from itertools import pairwise

import numpy as np
from cases import train
from scipy import sparse

# Relative to the largest number of an array: rounding of sums of a few hundred terms.
TOLERANCE = {"float32": 3e-5, "float64": 1e-12}


def random_thetas(rng, sizes, dtype):
    """Draw Θ of a network, whose z then are about as large as its inputs."""
    return [
        (rng.normal(size=(s_out, s_in + 1)) / np.sqrt(s_in + 1)).astype(dtype)
        for s_in, s_out in pairwise(sizes)
    ]


class Case:
    """A random network with random data.

    With a `density`, X is a sparse array in which some rows and columns are empty; `dense` is the
    same X as a NumPy array in either case.
    """

    def __init__(
        self,
        sizes,
        m,
        *,
        hidden="tanh",
        output="softmax",
        dtype="float64",
        seed=0,
        density=None,
    ):
        rng = np.random.default_rng(seed)
        self.dtype, self.output = np.dtype(dtype), output
        self.hidden = (hidden,) * (len(sizes) - 2) if isinstance(hidden, str) else tuple(hidden)
        self.thetas = random_thetas(rng, sizes, dtype)
        X = rng.normal(size=(m, sizes[0]))
        if density is not None:
            X[rng.uniform(size=X.shape) >= density] = 0
            X[::7] = 0
            X[:, 3::5] = 0
        self.dense = X.astype(dtype)
        self.X = self.dense if density is None else sparse.csr_array(self.dense)
        self.labels = rng.integers(0, max(2, sizes[-1]), size=m)
        self.Y = rng.uniform(size=(m, sizes[-1])).astype(dtype)
        if output == "softmax":
            self.Y /= self.Y.sum(axis=1, keepdims=True)
        self.weights = rng.uniform(0.1, 2, size=m).astype(dtype)
        self.order = np.stack([rng.permutation(m) for _ in range(4)])
        self.rng = rng

    @property
    def units(self):
        """The activations of the hidden layers, and the output unit."""
        return self.hidden, self.output

    @property
    def network(self):
        """The same, as `equations` names them."""
        return {"hidden": self.hidden, "output": self.output}

    @property
    def arguments(self):
        """Θ, X, Y and the units: the first arguments of the engine."""
        return self.thetas, self.X, self.Y, *self.units

    def train(self, optimizer, slots=None, **options):
        """Train Θ in place and return the report."""
        slots = optimizer.start(self.thetas) if slots is None else slots
        return train(*self.arguments, optimizer, slots, **options)

    def train_copy(self, optimizer, X=None, Y=None, **options):
        """Train a copy; return the report, and Θ and what the optimizer remembers."""
        other = copy.copy(self)
        other.thetas = copy.deepcopy(self.thetas)
        other.X = self.X if X is None else X
        other.Y = self.Y if Y is None else Y
        slots = optimizer.start(other.thetas)
        report = other.train(optimizer, slots, **options)
        return report, [*other.thetas, *(array for slot in slots for array in slot)]

    def assert_close(self, got, wanted, *, steps=1):
        """Assert that an array is the wanted one but for the rounding of so many steps."""
        scale = max(1.0, np.abs(wanted).max())
        tolerance = TOLERANCE[self.dtype.name] * scale * steps
        np.testing.assert_allclose(got, wanted, rtol=0, atol=tolerance)

    def assert_all_close(self, got, wanted, *, steps=1):
        """Assert the same of each of several arrays."""
        for array, expected in zip(got, wanted, strict=True):
            self.assert_close(array, expected, steps=steps)
