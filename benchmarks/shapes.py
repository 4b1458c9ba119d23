"""The networks measured: many shapes, each with its own random data."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from sklearn.datasets import load_digits, make_moons


@dataclass(frozen=True)
class Shape:
    """A network, its data and its training: Adam on mini-batches, or plain gradient descent."""

    name: str
    rows: int
    sizes: tuple[int, ...]
    batch: int  # = rows: full-batch gradient descent
    dtype: str = "float32"
    hidden: str = "relu"

    @property
    def full_batch(self) -> bool:
        return self.batch == self.rows

    @property
    def flop(self) -> int:
        """Multiplications and additions of one epoch: forward, gradient, and δ of hidden layers."""
        products = [s_in * s_out for s_in, s_out in pairwise(self.sizes)]
        return 2 * self.rows * (3 * sum(products) - products[0])

    def data(self) -> tuple[np.ndarray, np.ndarray]:
        """Return X (rows, sizes[0]) and class indices y (rows,)."""
        if self.name.startswith("moons"):
            X, y = make_moons(n_samples=self.rows, noise=0.1, random_state=0)
        elif self.name == "digits":
            X, y = load_digits(return_X_y=True)
            X = X / 16
        else:
            rng = np.random.RandomState(0)
            X = rng.randn(self.rows, self.sizes[0])
            y = (X @ rng.randn(self.sizes[0], self.sizes[-1])).argmax(axis=1)
        return np.ascontiguousarray(X, self.dtype), y.astype(np.int64)


SHAPES = [
    Shape("moons float64", 1000, (2, 5, 5, 2), 1000, "float64", "logistic"),
    Shape("moons float32", 1000, (2, 5, 5, 2), 1000, "float32", "logistic"),
    Shape("digits", 1797, (64, 100, 10), 200),
    Shape("784-256-128-10", 10_000, (784, 256, 128, 10), 128),
    Shape("784-100-10", 10_000, (784, 100, 10), 32),
    Shape("20-64-64-2", 20_000, (20, 64, 64, 2), 256),
    Shape("20-64-64-2 float64", 20_000, (20, 64, 64, 2), 256, "float64"),
    Shape("1024-1024-1024-10", 8192, (1024, 1024, 1024, 10), 512),
    Shape("20-8×32-2 tanh", 10_000, (20, *[32] * 8, 2), 200, "float32", "tanh"),
    Shape("13-50-3", 178, (13, 50, 3), 16),
    Shape("100-128-500", 10_000, (100, 128, 500), 128),
    Shape("60-3×256-4", 10_000, (60, 256, 256, 256, 4), 256),
    Shape("37-53-29-7", 6100, (37, 53, 29, 7), 61),
]

# Not those that the engine was tuned on: other depths, widths, batches and odd sizes.
OTHERS = [
    Shape("17-33-3, batches of 1", 1000, (17, 33, 3), 1),
    Shape("11-7-5 float64", 3000, (11, 7, 5), 30, "float64"),
    Shape("40-12×24-5", 6000, (40, *[24] * 12, 5), 120),
    Shape("129-257-65-3", 4900, (129, 257, 65, 3), 98),
    Shape("2000-32-2 float64", 4096, (2000, 32, 2), 64, "float64"),
    Shape("8-512-2 tanh", 16_384, (8, 512, 2), 512, "float32", "tanh"),
    Shape("300-200-100-50-20", 16_384, (300, 200, 100, 50, 20), 4096),
    Shape("30-100-100-1000 logistic", 5000, (30, 100, 100, 1000), 250, "float32", "logistic"),
]
