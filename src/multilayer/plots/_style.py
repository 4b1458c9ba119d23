"""What the displays share: colours, and the network at the end of a pipeline."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sklearn.pipeline import Pipeline
from sklearn.utils.validation import check_is_fitted

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.colors import LinearSegmentedColormap

# M. A. Petroff, "Accessible color sequences for data visualization", arXiv:2107.02270: ten
# colours that stay apart for colour-blind eyes and, neighbour from neighbour, in grey print.
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
    """Vermilion for negative, blue for positive; the smaller, the more transparent.

    Transparency instead of white in the middle serves light and dark backgrounds alike.
    """
    from matplotlib.colors import LinearSegmentedColormap, to_rgba

    ends = [to_rgba(NEGATIVE), to_rgba(NEUTRAL, 0.25), to_rgba(POSITIVE)]
    return LinearSegmentedColormap.from_list("signed", ends)


def background(ax: Axes) -> tuple[float, float, float, float]:
    """Colour seen behind the artists of `ax`, opaque even where the figure is transparent."""
    from matplotlib.colors import to_rgba

    figure = ax.get_figure(root=True)
    for color in (ax.get_facecolor() if ax.axison else None, figure and figure.get_facecolor()):
        if color is not None and to_rgba(color)[3] > 0:
            return to_rgba(color, 1.0)
    return to_rgba("white")


def fitted_network(model: Any) -> Any:
    """The network itself: `model`, or the last step of a fitted pipeline."""
    if isinstance(model, Pipeline):
        model = model[-1]
    if hasattr(type(model), "fit"):
        check_is_fitted(model)
    return model
