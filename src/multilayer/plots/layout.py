"""Positions of the units of a drawn network, and of the numbers on its lines.

Lengths are in points, 1/72 inch.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.floating[Any]]

LARGEST_RADIUS = 11.0
LABEL_WIDTH, LABEL_HEIGHT = 22.0, 9.0
MOST_LABELS = 48  # between two layers; more are never legible
SWEEPS = 4  # over all lines, to place numbers


@dataclass(frozen=True)
class Column:
    """A layer as it is drawn, from top to bottom: bias unit, units, and perhaps an ellipsis."""

    x: float
    pitch: float  # from one unit to the next
    units: NDArray[np.intp]  # those that are drawn
    ys: Floats  # their heights
    bias_y: float | None  # None: the output layer
    ellipsis_y: float | None  # None: no unit is left out

    @property
    def radius(self) -> float:
        """Radius of a unit."""
        return min(LARGEST_RADIUS, 0.4 * self.pitch)

    @property
    def sources(self) -> Floats:
        """Heights at which the lines to the next layer start: the bias unit, then the units."""
        return np.array([self.bias_y, *self.ys])


def columns(
    sizes: Sequence[int], max_units: int, xs: Floats, floor: float, top: float
) -> list[Column]:
    """Arrange the layers between two heights, all with the same pitch."""
    shown = [_shown(size, max_units) for size in sizes]
    thinned = [len(units) < size for units, size in zip(shown, sizes, strict=True)]
    biased = [True] * (len(sizes) - 1) + [False]
    slots = [b + len(units) + t for b, units, t in zip(biased, shown, thinned, strict=True)]
    pitch = (top - floor) / max(slots)

    placed = []
    for l, (x, units) in enumerate(zip(xs, shown, strict=True)):
        ys = (top + floor) / 2 + pitch * ((slots[l] - 1) / 2 - np.arange(slots[l]))
        bias_y, ys = (ys[0], ys[1:]) if biased[l] else (None, ys)
        middle = len(units) // 2
        ellipsis_y, ys = (ys[middle], np.delete(ys, middle)) if thinned[l] else (None, ys)
        placed.append(Column(x, pitch, units, ys, bias_y, ellipsis_y))
    return placed


def label_places(left: Column, right: Column) -> tuple[Floats, float]:
    """Find a place for a number on each line between two layers, far from the other numbers.

    A number is written along its line. Of the places on a line, the one that is farthest from
    other lines is chosen, unless another number is too close.

    Parameters
    ----------
    left, right : Column

    Returns
    -------
    ts : ndarray, shape (targets, sources)
        The fraction of the way from left to right.
    room : float
        The smallest distance between two numbers; 0 if there are too many lines, or these are too
        short for a number.
    """
    starts, ends = (grid.ravel() for grid in np.meshgrid(left.sources, right.ys))
    shape, n, width = (len(right.ys), len(left.sources)), len(starts), right.x - left.x
    margin = (left.radius + LABEL_WIDTH / 2 + 3) / width
    if margin > 0.5 or n > MOST_LABELS:
        return np.full(shape, 0.5), 0.0
    ts = np.linspace(margin, 1 - margin, 61)
    slopes = (ends - starts) / width
    lengths = np.hypot(1, slopes)
    # A number is three points along its line: (lines, places, 3), and their heights.
    along = LABEL_WIDTH / 3 * np.array([-1, 0, 1]) / lengths[:, np.newaxis, np.newaxis]
    x = ts[:, np.newaxis] * width + along
    y = starts[:, np.newaxis, np.newaxis] + slopes[:, np.newaxis, np.newaxis] * x
    others = starts + slopes * x[..., np.newaxis]  # heights of all lines there
    gaps = abs(y[..., np.newaxis] - others) / lengths
    gaps[np.arange(n), ..., np.arange(n)] = np.inf
    clear = gaps.min(axis=(2, 3)).clip(max=LABEL_HEIGHT) - abs(ts - 0.5)  # (lines, places)

    chosen = np.full(n, -1)

    def distances(line: int) -> Floats:
        """Return the distance of each place on a line from the nearest number on others."""
        there = np.flatnonzero((chosen >= 0) & (np.arange(n) != line))
        if not len(there):
            return np.full(len(ts), np.inf)
        at = chosen[there]
        dx = x[line][:, :, np.newaxis] - x[there, at].ravel()
        dy = y[line][:, :, np.newaxis] - y[there, at].ravel()
        return np.asarray(np.hypot(dx, dy).min(axis=(1, 2)))

    for _ in range(SWEEPS):
        for line in np.argsort(clear.max(axis=1), kind="stable"):
            lacking = (LABEL_HEIGHT - distances(line)).clip(min=0)
            chosen[line] = np.argmax(clear[line] - 10 * lacking)
    room = min(distances(line).item(chosen[line]) for line in range(n))
    return ts[chosen].reshape(shape), float(room)


def _shown(size: int, max_units: int) -> NDArray[np.intp]:
    """Choose the units to draw: all of them, or as many of the first as of the last."""
    if size <= max_units:
        return np.arange(size)
    end = (max_units - 1) // 2
    return np.concatenate([np.arange(end), np.arange(size - end, size)])
