"""Colours and scales of all displays."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.colors import LinearSegmentedColormap
    from matplotlib.figure import Figure
    from numpy.typing import NDArray

# M. A. Petroff, "Accessible color sequences for data visualization", arXiv:2107.02270: ten
# colours that are distinct to colour-blind readers and, next to each other, in grey print.
COLORS = (
    "#3f90da",
    "#ffa90e",
    "#bd1f01",
    "#94a4a2",
    "#832db6",
    "#a96b59",
    "#e76300",
    "#b9ac70",
    "#717581",
    "#92dadd",
)
NEGATIVE, NEUTRAL, POSITIVE = "#d9541e", "#8c8c8c", "#1f77c9"


def signed_colormap() -> LinearSegmentedColormap:
    """Return a colormap from vermilion for negative to blue for positive, transparent around 0.

    Transparency instead of white in the middle serves light and dark backgrounds alike.
    """
    from matplotlib.colors import LinearSegmentedColormap, to_rgba

    ends = [to_rgba(NEGATIVE), to_rgba(NEUTRAL, 0.25), to_rgba(POSITIVE)]
    return LinearSegmentedColormap.from_list("signed", ends)


def root_figure(ax: Axes) -> Figure:
    """Return the figure of `ax`, also through subfigures."""
    figure = ax.get_figure(root=True)
    if figure is None:
        raise ValueError("ax must be on a figure, but has been removed from it")
    return figure


def background(ax: Axes) -> tuple[float, float, float, float]:
    """Return the colour behind the artists of `ax`, opaque even if the figure is transparent."""
    from matplotlib.colors import to_rgba

    colors = [ax.get_facecolor()] if ax.axison else []
    for color in (*colors, root_figure(ax).get_facecolor()):
        if to_rgba(color)[3] > 0:
            return to_rgba(color, 1.0)
    return to_rgba("white")


def log_if_wide(ax: Axes, values: NDArray[Any]) -> None:
    """Make the vertical axis logarithmic if positive values span a factor of ten or more."""
    from matplotlib.ticker import LogFormatter

    class PlainFormatter(LogFormatter):
        """Formatter that labels some minor ticks, in the format of the major ones: 0.06."""

        def __call__(self, x: float, pos: int | None = None) -> str:
            return f"{x:g}" if super().__call__(x, pos) else ""

    finite = values[np.isfinite(values)]
    if finite.min() > 0 and finite.max() >= 10 * finite.min():
        ax.set_yscale("log")
        ax.yaxis.set_major_formatter("{x:g}")
        ax.yaxis.set_minor_formatter(PlainFormatter())
