"""The network itself: its units and the weights between them."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from multilayer.extras import require
from multilayer.plots.layout import LABEL_HEIGHT, Column, columns, label_places
from multilayer.plots.reading import (
    fitted_network,
    member_of,
    read_activations,
    read_input_names,
    read_output_names,
    read_thetas,
)
from multilayer.plots.style import background, root_figure, signed_colormap
from multilayer.plots.weights import draw_weights, largest, weight_text, write_weights

if TYPE_CHECKING:
    from collections.abc import Sequence

    from matplotlib.axes import Axes
    from matplotlib.collections import PathCollection
    from matplotlib.colors import Normalize
    from matplotlib.image import AxesImage
    from numpy.typing import ArrayLike, NDArray

    Floats = NDArray[np.floating[Any]]

# Lengths are in points, 1/72 inch.
HEADING, KEY = 30.0, 26.0
SMALLEST_PICTURE = 36.0
LONGEST_NAME = 18


class NetworkDisplay:
    """Units in columns, and weights as lines: blue if positive, red and dashed if negative.

    The larger a weight in its layer, the wider and stronger its line. Bias units, whose value is
    always 1, are on top with a dashed border. In a small network each weight is written along its
    line. Where the numbers would not be legible, an image of each Θ is drawn below instead: a row
    for each unit of the next layer, the bias in the first column. Of large layers only the first
    and last units are drawn.

    The inputs of a tabular network are its encoded columns, then the periodic features of each
    number ("age ~1") and the numbers that embed each category ("sex #1"); the trained scale of an
    input is part of its weights.

    Parameters
    ----------
    thetas : sequence of arrays, shapes (s_{l+1}, s_l + 1)
        Θ of each layer, bias in column 0.
    activations : sequence of str, default=None
        Names of the activations of hidden layers and output layer, for the headings.
    input_names, output_names : sequence of str, default=None
        Names of features and outputs.

    Attributes
    ----------
    units_ : list of matplotlib.collections.PathCollection
        The drawn units of each layer, without the bias units.
    weights_ : list of matplotlib.collections.LineCollection
        The lines of each Θ, row by row: the bias of the first unit comes first.
    labels_ : list of matplotlib.text.Text
        The numbers on the lines; empty if they would not be legible.
    pictures_ : list of matplotlib.image.AxesImage
        Θ of each layer as an image; empty if the numbers are written.
    ax_ : matplotlib.axes.Axes
        Axes that were drawn on.
    figure_ : matplotlib.figure.Figure
        Figure that holds them.

    Examples
    --------
    >>> import matplotlib
    >>> matplotlib.use("Agg")
    >>> from multilayer import Network
    >>> from multilayer.plots import NetworkDisplay
    >>> display = NetworkDisplay.from_estimator(Network((2, 5, 5, 2), random_state=0))
    >>> len(display.labels_)
    57
    """

    def __init__(
        self,
        thetas: Sequence[ArrayLike],
        *,
        activations: Sequence[str] | None = None,
        input_names: Sequence[str] | None = None,
        output_names: Sequence[str] | None = None,
    ) -> None:
        self.thetas = thetas
        self.activations = activations
        self.input_names = input_names
        self.output_names = output_names

    @classmethod
    def from_estimator(
        cls,
        estimator: Any,
        *,
        input_names: Sequence[str] | None = None,
        output_names: Sequence[str] | None = None,
        max_units: int = 10,
        member: int = 0,
        ax: Axes | None = None,
    ) -> Self:
        """Draw a network.

        Parameters
        ----------
        estimator : Network or fitted estimator
            MLPClassifier, MLPRegressor, or another with `thetas`, or with `coefs_` and
            `intercepts_` as scikit-learn has them; TabularClassifier or TabularRegressor; a
            Pipeline that ends in one, or a search, whose best estimator is drawn.
        input_names, output_names : sequence of str, default=None
            Names of features and outputs; by default those from fit.
        max_units : int, default=10
            Of a layer with more units than this, only the first and last are drawn.
        member : int, default=0
            Which network of a tabular estimator to draw.
        ax : matplotlib.axes.Axes, default=None
            Axes to draw on; a new figure by default.

        Returns
        -------
        NetworkDisplay

        Raises
        ------
        sklearn.exceptions.NotFittedError
            If the estimator is not fitted.
        TypeError
            If it has no weights of layers.
        ValueError
            If it has no such member.
        """
        require(f"{cls.__name__}.from_estimator", "plot")
        model = fitted_network(estimator)
        network = member_of(model, member)
        thetas = read_thetas(network)
        if input_names is None:
            input_names = read_input_names(estimator, n_inputs=np.shape(thetas[0])[1] - 1)
        if output_names is None:
            output_names = read_output_names(model, n_outputs=len(thetas[-1]))
        display = cls(
            thetas,
            activations=read_activations(network, n_layers=len(thetas)),
            input_names=input_names,
            output_names=output_names,
        )
        return display.plot(ax=ax, max_units=max_units)

    def plot(self, ax: Axes | None = None, *, max_units: int = 10) -> Self:
        """Draw the network.

        Parameters
        ----------
        ax : matplotlib.axes.Axes, default=None
            Axes to draw on; a new figure by default. Its size determines what is legible.
        max_units : int, default=10
            Of a layer with more units than this, only the first and last are drawn.

        Returns
        -------
        NetworkDisplay
            The display itself.

        Raises
        ------
        ValueError
            If the shapes of the thetas contradict each other or the names, or `max_units` is
            less than 3.
        """
        require(f"{type(self).__name__}.plot", "plot")
        import matplotlib.pyplot as plt
        from matplotlib.colors import Normalize

        if max_units < 3:
            raise ValueError(f"max_units must be at least 3, and is {max_units}")
        thetas = self._checked_thetas()
        sizes = [thetas[0].shape[1] - 1, *(len(theta) for theta in thetas)]
        if ax is None:
            rows = min(max(sizes), max_units) + 1
            size = (3 * len(thetas) + 1.4, float(np.clip(0.85 * rows + 1.2, 3, 7)))
            figure, ax = plt.subplots(figsize=size)
            figure.subplots_adjust(0.01, 0.01, 0.99, 0.99)
        self.ax_, self.figure_ = ax, root_figure(ax)

        box = ax.get_window_extent()
        width, height = (72 * length / self.figure_.dpi for length in (box.width, box.height))
        ax.set(xlim=(0, width), ylim=(0, height))
        ax.axis("off")
        left, right = _room(self.input_names), _room(self.output_names)
        xs = np.linspace(left, max(width - right, left + 1), len(sizes))
        picture = 0.28 * height

        layers = columns(sizes, max_units, xs, KEY, height - HEADING)
        places = [label_places(*gap) for gap in pairwise(layers)]
        small = all(layer.ellipsis_y is None for layer in layers)
        written = small and min(room for _, room in places) > 0.9 * LABEL_HEIGHT
        pictured = not written and picture > SMALLEST_PICTURE
        if pictured:
            layers = columns(sizes, max_units, xs, KEY + picture + 4, height - HEADING)

        # Each layer has its own scale: large layers have small weights.
        norms = [Normalize(-largest, largest) for largest in map(largest, thetas)]
        self.weights_, self.labels_, self.pictures_ = [], [], []
        for theta, norm, place, gap in zip(thetas, norms, places, pairwise(layers), strict=True):
            self.weights_.append(draw_weights(ax, theta, norm, *gap))
            if written:
                self.labels_ += write_weights(ax, theta, place[0], *gap)
            elif pictured:
                self.pictures_.append(self._draw_picture(theta, norm, *gap, picture))
        self.units_ = [self._draw_units(l, layer) for l, layer in enumerate(layers)]
        self._draw_headings(sizes, layers, norms, height)
        self._draw_key(width)
        return self

    def _checked_thetas(self) -> list[Floats]:
        thetas = [np.asarray(theta) for theta in self.thetas]
        shapes = [theta.shape for theta in thetas]
        fits = bool(thetas) and all(theta.ndim == 2 and theta.size for theta in thetas)
        if not fits or any(len(a) + 1 != b.shape[1] for a, b in pairwise(thetas)):
            raise ValueError(
                f"thetas must have the shapes (s2, s1 + 1), (s3, s2 + 1), …, got {shapes}"
            )
        for what, names, n_units in (
            ("input_names", self.input_names, shapes[0][1] - 1),
            ("output_names", self.output_names, shapes[-1][0]),
            ("activations", self.activations, len(thetas)),
        ):
            if names is not None and len(names) != n_units:
                raise ValueError(f"{what} must have {n_units} names, and has {len(names)}")
        return thetas

    def _draw_units(self, l: int, layer: Column) -> PathCollection:
        from matplotlib import rcParams

        ink, paper = rcParams["text.color"], background(self.ax_)
        style: dict[str, Any] = {"s": (2 * layer.radius) ** 2, "facecolors": [paper], "zorder": 3}
        units = self.ax_.scatter(
            [layer.x] * len(layer.ys), layer.ys, edgecolors=[ink], linewidths=1.2, **style
        )
        text: dict[str, Any] = {
            "ha": "center",
            "va": "center_baseline",
            "fontsize": 0.75 * layer.radius,
            "zorder": 4,
        }
        if layer.bias_y is not None:
            self.ax_.scatter(
                layer.x, layer.bias_y, edgecolors=[ink], linewidths=0.9, linestyles="--", **style
            )
            self.ax_.text(layer.x, layer.bias_y, "1", **text)
        if layer.ellipsis_y is not None:
            self.ax_.text(layer.x, layer.ellipsis_y, "⋮", **{**text, "fontsize": 14})

        last = len(self.thetas)
        letter = {0: "x_{%d}", last: "h_{%d}"}.get(l, f"a_{{%d}}^{{({l + 1})}}")
        names, side = {0: (self.input_names, -1), last: (self.output_names, 1)}.get(l, (None, 0))
        for unit, y in zip(layer.units, layer.ys, strict=True):
            if layer.radius > 7:
                self.ax_.text(layer.x, y, f"${letter % (unit + 1)}$", **text)
            if names is not None:
                self.ax_.text(
                    layer.x + side * (layer.radius + 5), y, _short(names[unit]),
                    ha="left" if side > 0 else "right", va="center", fontsize=8,
                )  # fmt: skip
        return units

    def _draw_headings(
        self, sizes: Sequence[int], layers: Sequence[Column], norms: Sequence[Normalize], top: float
    ) -> None:
        step = layers[1].x - layers[0].x
        size = float(np.clip(step / 7.5, 5, 9))
        style: dict[str, Any] = {"ha": "center", "va": "baseline"}
        titles = ["Input", *(f"Hidden {l}" for l in range(1, len(sizes) - 1)), "Output"]
        kinds = ["", *(self.activations or [""] * len(norms))]
        first, second = top - 1.4 * size, top - 2.9 * size
        for title, kind, n_units, layer in zip(titles, kinds, sizes, layers, strict=True):
            what = f"{n_units} {kind or ('unit' if n_units == 1 else 'units')}"
            self.ax_.text(layer.x, first, title, fontsize=size, fontweight="bold", **style)
            self.ax_.text(layer.x, second, what, fontsize=0.9 * size, **style)
        if step < 90:
            return
        for l, (norm, (left, right)) in enumerate(zip(norms, pairwise(layers), strict=True), 1):
            x = (left.x + right.x) / 2
            shape = f"{sizes[l]} × {sizes[l - 1] + 1}"
            theta = rf"$\Theta^{{({l})}}$"
            self.ax_.text(x, first, f"{theta}: {shape}", fontsize=0.9 * size, **style)
            extent = rf"$|\theta|$ ≤ {weight_text(norm.vmax)}"
            self.ax_.text(x, second, extent, fontsize=0.9 * size, **style)

    def _draw_picture(
        self, theta: Floats, norm: Normalize, left: Column, right: Column, height: float
    ) -> AxesImage:
        width = 0.8 * (right.x - left.x)
        box = ((left.x + right.x - width) / 2, KEY, width, height)
        frame = self.ax_.inset_axes(box, transform=self.ax_.transData)
        frame.set(xticks=[], yticks=[])
        frame.spines[:].set_linewidth(0.5)
        return frame.imshow(theta, cmap=signed_colormap(), norm=norm, aspect="auto")

    def _draw_key(self, width: float) -> None:
        from matplotlib.cm import ScalarMappable
        from matplotlib.colors import Normalize

        length = min(150.0, 0.6 * width)
        box = ((width - length) / 2, 13.0, length, 5.0)
        frame = self.ax_.inset_axes(box, transform=self.ax_.transData)
        scale = ScalarMappable(Normalize(-1, 1), signed_colormap())
        key = self.figure_.colorbar(scale, cax=frame, orientation="horizontal")
        key.set_ticks([-1, 0, 1], labels=["negative, dashed", "0", "positive"], fontsize=7)
        key.ax.tick_params(length=0, pad=2)
        key.outline.set_visible(False)


def _short(name: str) -> str:
    return name if len(name) <= LONGEST_NAME else name[: LONGEST_NAME - 1] + "…"


def _room(names: Sequence[str] | None) -> float:
    """Return the width next to a column of units for its names, or for half a heading."""
    longest = max((len(_short(name)) for name in (() if names is None else names)), default=0)
    return max(40.0, 24.0 + 4.6 * longest)
