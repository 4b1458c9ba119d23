"""The weights between two layers: lines whose colour and width tell them, and numbers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from multilayer.plots.layout import Column
from multilayer.plots.style import background, signed_colormap

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.collections import LineCollection
    from matplotlib.colors import Normalize
    from matplotlib.text import Text
    from numpy.typing import NDArray

    Floats = NDArray[np.floating[Any]]

__all__ = ["draw_weights", "largest", "weight_text", "write_weights"]

_SIZE = 7.0  # points


def draw_weights(
    ax: Axes, theta: Floats, norm: Normalize, left: Column, right: Column
) -> LineCollection:
    """Draw a line for each weight between the drawn units of two layers."""
    from matplotlib.collections import LineCollection

    values = _drawn(theta, left, right).ravel()
    size = np.abs(np.nan_to_num(values, posinf=norm.vmax, neginf=norm.vmin)) / norm.vmax
    lines = LineCollection(
        [[(left.x, a), (right.x, b)] for b in right.ys for a in left.sources],
        array=values,
        cmap=signed_colormap(),
        norm=norm,
        linewidths=0.6 + 3.2 * size,
        # The sign is visible in grey print too.
        linestyles=[(0, (4, 1)) if value < 0 else "-" for value in values],
        zorder=1,
    )
    ax.add_collection(lines)
    return lines


def write_weights(ax: Axes, theta: Floats, ts: Floats, left: Column, right: Column) -> list[Text]:
    """Write each weight along its line, which is interrupted for it.

    Parameters
    ----------
    ax : Axes
    theta : ndarray
    ts : ndarray, shape (targets, sources)
        The fraction of the way from left to right.
    left, right : Column
    """
    values = _drawn(theta, left, right)
    starts, ends = np.meshgrid(left.sources, right.ys)
    width = right.x - left.x
    angles = np.degrees(np.arctan2(ends - starts, width))
    style: dict[str, Any] = {
        "rotation_mode": "anchor",
        "transform_rotates_text": True,  # the line turns when the figure is given another shape
        "fontsize": _SIZE,
        "ha": "center",
        "va": "center",
        "bbox": {"boxstyle": "square,pad=0.08", "fc": background(ax), "ec": "none"},
        "zorder": 2,
    }
    return [
        ax.text(
            left.x + t * width,
            (1 - t) * start + t * end,
            weight_text(value),
            rotation=angle,
            **style,
        )
        for t, start, end, angle, value in zip(
            *map(np.ravel, (ts, starts, ends, angles, values)), strict=True
        )
    ]


def _drawn(theta: Floats, left: Column, right: Column) -> Floats:
    """Return the part of Θ for the drawn units, shape (targets, 1 + sources)."""
    drawn: Floats = theta[np.ix_(right.units, np.append(0, left.units + 1))]
    return drawn


def largest(theta: Floats) -> float:
    """Return the largest finite absolute weight; 1 if there is none but 0."""
    return float(np.abs(theta[np.isfinite(theta)]).max(initial=0)) or 1.0


def weight_text(value: Any) -> str:
    """Return a weight as it is written, with two decimals below 100."""
    text = f"{value:.2f}" if abs(value) < 100 else f"{value:.2g}"
    return text.replace("-", "\N{MINUS SIGN}")
