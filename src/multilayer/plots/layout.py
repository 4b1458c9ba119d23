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
LABEL_WIDTH = 22.0
ENOUGH_ROOM = 14.0


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


def label_place(left: Column, right: Column) -> tuple[float, float]:
    """Find the position on the lines between two layers where their numbers are farthest apart.

    Returns
    -------
    t : float
        The fraction of the way from left to right, the same for all lines, so that the numbers
        form a column.
    room : float
        Height for each number there; 0 if the lines are too short for a number.
    """
    margin = (left.radius + LABEL_WIDTH / 2 + 2) / (right.x - left.x)
    if margin > 0.5:
        return 0.5, 0.0
    ts = np.linspace(margin, 1 - margin, 61)
    way = ts[:, np.newaxis, np.newaxis]
    ys = (1 - way) * left.sources + way * right.ys[:, np.newaxis]  # (t, target, source)
    rooms = np.diff(np.sort(ys.reshape(len(ts), -1))).min(axis=1)
    # Among the positions with enough room, the one nearest the middle of the line.
    best = np.lexsort((abs(ts - 0.5), -rooms.clip(max=ENOUGH_ROOM)))[0]
    return float(ts[best]), float(rooms[best])


def _shown(size: int, max_units: int) -> NDArray[np.intp]:
    """Choose the units to draw: all of them, or as many of the first as of the last."""
    if size <= max_units:
        return np.arange(size)
    end = (max_units - 1) // 2
    return np.concatenate([np.arange(end), np.arange(size - end, size)])
