"""Synthetic data in the plane: a formula plus noise."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.datasets import make_circles, make_moons

__all__ = ["SYNTHETIC"]

Floats = NDArray[np.floating[Any]]
Rows = tuple[Floats, NDArray[Any]]
_SIZE = 3.0  # half the side, roughly, of the square that the rows lie in (not those of moons)


def _moons(m: int, noise: float, rng: np.random.RandomState) -> Rows:
    X, y = make_moons(m, noise=noise, random_state=rng)
    return X, y


def _circles(m: int, noise: float, rng: np.random.RandomState) -> Rows:
    X, y = make_circles(m, noise=noise / 2, factor=0.5, random_state=rng)
    return _SIZE * X, y


def _xor(m: int, noise: float, rng: np.random.RandomState) -> Rows:
    X = rng.uniform(-1, 1, (m, 2))
    y = (X[:, 0] * X[:, 1] > 0).astype(np.int64)
    return _SIZE * (X + noise / 2 * rng.normal(size=(m, 2))), y


def _gauss(m: int, noise: float, rng: np.random.RandomState) -> Rows:
    y = np.arange(m) % 2
    center = np.where(y == 1, 0.6, -0.6)[:, None]
    return _SIZE * (center + (0.2 + noise) * rng.normal(size=(m, 2))), y


def _spiral(m: int, noise: float, rng: np.random.RandomState) -> Rows:
    y = np.arange(m) % 2
    radius = np.sqrt(rng.uniform(0.01, 1, m))
    angle = 1.75 * 2 * np.pi * radius + np.pi * y
    X = radius[:, None] * np.column_stack([np.sin(angle), np.cos(angle)])
    return _SIZE * (X + noise / 5 * rng.normal(size=(m, 2))), y


def _blobs(k: int) -> Callable[[int, float, np.random.RandomState], Rows]:
    def make(m: int, noise: float, rng: np.random.RandomState) -> Rows:
        y = np.arange(m) % k
        angle = 2 * np.pi * y / k
        X = 0.7 * np.column_stack([np.cos(angle), np.sin(angle)])
        return _SIZE * (X + (0.1 + noise) * rng.normal(size=(m, 2))), y

    return make


def _plane(m: int, noise: float, rng: np.random.RandomState) -> Rows:
    X = rng.uniform(-1, 1, (m, 2))
    return _SIZE * X, X.mean(axis=1) + noise * rng.normal(size=m)


def _hill(m: int, noise: float, rng: np.random.RandomState) -> Rows:
    """Draw rows from a hill with a hollow on the other side."""
    X = rng.uniform(-1, 1, (m, 2))
    up, down = (np.exp(-((X - c) ** 2).sum(axis=1) / 0.15) for c in (0.45, -0.45))
    return _SIZE * X, up - down + noise * rng.normal(size=m)


SYNTHETIC: dict[str, Callable[[int, float, np.random.RandomState], Rows]] = {
    "moons": _moons,
    "circles": _circles,
    "xor": _xor,
    "gauss": _gauss,
    "spiral": _spiral,
    **{f"blobs{k}": _blobs(k) for k in (3, 4, 5)},
    "plane": _plane,
    "hill": _hill,
}
