"""The probabilities of a classifier over the plane of two features."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Self

import numpy as np
from sklearn.base import is_classifier
from sklearn.utils import check_array, check_consistent_length
from sklearn.utils.validation import check_is_fitted, column_or_1d

from multilayer.extras import require
from multilayer.plots.style import COLORS, background, root_figure

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from numpy.typing import ArrayLike, NDArray

MARKERS = "os^DvPX<>*"


class DecisionBoundaryDisplay:
    """Probability of the classes over two features, the boundary between them, and the rows.

    The shade is drawn by scikit-learn's display of the same name. Each point of the plane has the
    colour of the class predicted there, deeper where its probability is higher. Parameters are
    stored as attributes; `from_estimator` computes them.

    Parameters
    ----------
    xx0, xx1 : ndarray of shape (grid_resolution, grid_resolution)
        The plane, as from `numpy.meshgrid`.
    response : ndarray of shape (grid_resolution, grid_resolution, n_classes)
        Probability of each class.
    classes : array-like of shape (n_classes,)
        Names of the classes.
    X : array-like of shape (n_samples, 2), default=None
        Rows to draw as points.
    y : array-like of shape (n_samples,), default=None
        Their classes.
    xlabel, ylabel : str, default=""
        Names of the features.

    Attributes
    ----------
    surface_ : sklearn.inspection.DecisionBoundaryDisplay
        The shade.
    boundaries_ : list of matplotlib.contour.QuadContourSet
        The lines where two classes are equally probable.
    points_ : list of matplotlib.collections.PathCollection
        The rows, one collection a class.
    ax_ : matplotlib.axes.Axes
        Axes that were drawn on.
    figure_ : matplotlib.figure.Figure
        Figure that holds them.

    Examples
    --------
    >>> import matplotlib
    >>> matplotlib.use("Agg")
    >>> from sklearn.datasets import make_moons
    >>> from multilayer import MLPClassifier
    >>> from multilayer.plots import DecisionBoundaryDisplay
    >>> X, y = make_moons(random_state=0)
    >>> model = MLPClassifier((16,), solver="lbfgs", random_state=0).fit(X, y)
    >>> display = DecisionBoundaryDisplay.from_estimator(model, X, y)
    >>> [len(points.get_offsets()) for points in display.points_]
    [50, 50]
    """

    def __init__(
        self,
        xx0: NDArray[Any],
        xx1: NDArray[Any],
        response: NDArray[Any],
        classes: ArrayLike,
        *,
        X: ArrayLike | None = None,
        y: ArrayLike | None = None,
        xlabel: str = "",
        ylabel: str = "",
    ) -> None:
        self.xx0 = xx0
        self.xx1 = xx1
        self.response = response
        self.classes = classes
        self.X = X
        self.y = y
        self.xlabel = xlabel
        self.ylabel = ylabel

    @classmethod
    def from_estimator(
        cls,
        estimator: Any,
        X: ArrayLike,
        y: ArrayLike | None = None,
        *,
        grid_resolution: int = 300,
        margin: float = 0.08,
        xlabel: str | None = None,
        ylabel: str | None = None,
        ax: Axes | None = None,
        **kwargs: Any,
    ) -> Self:
        """Draw the decision boundary of a classifier.

        Parameters
        ----------
        estimator : fitted classifier, Pipeline ending in one, or search for one
            Trained on two features, both numbers.
        X : array-like or dataframe of shape (n_samples, 2)
            Rows whose range, with a margin, is drawn.
        y : array-like of shape (n_samples,), default=None
            Their classes; if given, the rows are drawn as points.
        grid_resolution : int, default=300
            Points of the grid along each feature.
        margin : float, default=0.08
            Room around the rows, as a part of their range.
        xlabel, ylabel : str, default=None
            Names of the features; by default the dataframe's, or x₁ and x₂.
        ax : matplotlib.axes.Axes, default=None
            Axes to draw on; a new figure by default.
        **kwargs
            Passed to `matplotlib.axes.Axes.scatter`, which draws the points.

        Returns
        -------
        DecisionBoundaryDisplay

        Raises
        ------
        sklearn.exceptions.NotFittedError
            If the estimator is not fitted.
        ValueError
            If X does not have two features of numbers, y has unknown labels, the estimator
            predicts several labels for each row, or the grid is smaller than 2.
        TypeError
            If the estimator is not a classifier.
        """
        require(f"{cls.__name__}.from_estimator", "plot")
        check_is_fitted(estimator)
        if not is_classifier(estimator):
            raise TypeError(
                f"DecisionBoundaryDisplay draws classifiers, not {type(estimator).__name__}"
            )
        rows = _numbers(X)
        if grid_resolution < 2:
            raise ValueError(f"grid_resolution must be at least 2, and is {grid_resolution}")
        columns = getattr(X, "columns", None)
        names = ("$x_1$", "$x_2$") if columns is None else tuple(map(str, columns))

        axes = [
            np.linspace(low - room, high + room, grid_resolution, dtype=rows.dtype)
            for low, high in zip(rows.min(axis=0), rows.max(axis=0), strict=True)
            for room in [margin * (high - low) or 1.0]
        ]
        xx0, xx1 = np.meshgrid(*axes)
        flat = (xx0.ravel(), xx1.ravel())
        # pandas and polars both build a dataframe from named columns.
        frame: Any = type(X)
        grid = (
            np.column_stack(flat)
            if columns is None
            else frame(dict(zip(columns, flat, strict=True)))
        )
        display = cls(
            xx0,
            xx1,
            _probabilities(estimator, grid).reshape(*xx0.shape, -1),
            estimator.classes_,
            X=rows,
            y=y,
            xlabel=names[0] if xlabel is None else xlabel,
            ylabel=names[1] if ylabel is None else ylabel,
        )
        return display.plot(ax=ax, **kwargs)

    def plot(self, ax: Axes | None = None, **kwargs: Any) -> Self:
        """Draw the shade, the boundary and the points.

        Parameters
        ----------
        ax : matplotlib.axes.Axes, default=None
            Axes to draw on; a new figure by default.
        **kwargs
            Passed to `matplotlib.axes.Axes.scatter`, which draws the points.

        Returns
        -------
        DecisionBoundaryDisplay
            The display itself.

        Raises
        ------
        ValueError
            If y and X differ in length, or y has labels that are not among `classes`.
        """
        require(f"{type(self).__name__}.plot", "plot")
        import matplotlib.pyplot as plt
        from matplotlib import rcParams
        from matplotlib.colors import to_rgba

        members = self._members()
        if ax is None:
            _, ax = plt.subplots(layout="constrained")
        colors = self._shade(ax)

        ink = np.array(to_rgba(rcParams["text.color"]))

        # The boundary of class k is where pₖ − max pⱼ changes its sign.
        self.boundaries_ = []
        for k in range(1 if len(colors) == 2 else 0, len(colors)):
            rivals = np.delete(self.response, k, axis=2)
            lead = self.response[:, :, k] - rivals.max(axis=2, initial=0)
            if lead.min() < 0 < lead.max():
                style: dict[str, Any] = {
                    "levels": [0],
                    "colors": [ink],
                    "linewidths": 1.5,
                    "zorder": 3,
                }
                self.boundaries_.append(ax.contour(self.xx0, self.xx1, lead, **style))

        size = float(np.clip(9000 / len(members[0]), 12, 36)) if members else 0.0
        self.points_ = []
        for k, (rows, color) in enumerate(zip(members, colors, strict=False)):
            style = {
                "s": size,
                "color": [color],
                "edgecolors": [(color + ink) / 2],
                "marker": MARKERS[k % len(MARKERS)],
                "linewidths": 0.5,
                "zorder": 2.5,
                "label": str(np.asarray(self.classes)[k]),
            }
            self.points_.append(ax.scatter(*np.asarray(self.X)[rows].T, **{**style, **kwargs}))
        if self.points_:
            # Outside the axes: inside, it would hide rows.
            ax.legend(
                loc="upper left", bbox_to_anchor=(1.01, 1), borderaxespad=0, frameon=False,
                handletextpad=0.2, markerscale=(36 / size) ** 0.5,
            )  # fmt: skip
        ax.grid(visible=False)
        self.ax_, self.figure_ = ax, root_figure(ax)
        return self

    def _members(self) -> list[NDArray[np.bool_]]:
        """Return masks of the rows of each class; an empty list if there are no labels."""
        if self.X is None or self.y is None:
            return []
        y, classes = column_or_1d(self.y), np.asarray(self.classes)
        check_consistent_length(self.X, y)
        unknown = np.setdiff1d(y, classes).tolist()
        if unknown:
            raise ValueError(
                f"y has the label {unknown[0]!r}, which is not among {classes.tolist()}"
            )
        return [y == label for label in classes]

    def _shade(self, ax: Axes) -> NDArray[np.float64]:
        """Draw the probabilities, and return the colour of each class."""
        from matplotlib.colors import LinearSegmentedColormap, to_rgba_array

        n_classes = self.response.shape[2]
        binary = n_classes == 2
        colors = to_rgba_array(COLORS[:n_classes])
        paper = np.array(background(ax))
        # Deepest shade of each class: lighter than its points, which have the full colour.
        deep = paper + 0.55 * (colors - paper)
        # Imported here because it takes a quarter of a second.
        from sklearn.inspection import DecisionBoundaryDisplay as Surface

        self.surface_ = Surface(
            xx0=self.xx0,
            xx1=self.xx1,
            n_classes=n_classes,
            response=self.response[:, :, 1] if binary else self.response,
            multiclass_colors=None if n_classes > len(COLORS) else list(COLORS[:n_classes]),
            xlabel=self.xlabel,
            ylabel=self.ylabel,
        )
        scale = {"vmin": 0 if binary else 1 / n_classes, "vmax": 1, "rasterized": True}
        self.surface_.plot("pcolormesh", ax=ax, zorder=-1, **scale)
        if binary:
            ramps = [LinearSegmentedColormap.from_list("", [deep[0], paper, deep[1]])]
        else:
            colors = self.surface_.multiclass_colors_
            deep = paper + 0.55 * (colors - paper)
            ramps = [LinearSegmentedColormap.from_list("", [paper, color]) for color in deep]
        meshes = np.atleast_1d(np.array(self.surface_.surface_, dtype=object))
        for mesh, ramp in zip(meshes, ramps, strict=True):
            mesh.set_cmap(ramp)
        return np.asarray(colors)


def _numbers(X: Any) -> NDArray[Any]:
    """Return X as an array of two columns of numbers."""
    try:
        rows = check_array(X, dtype=(np.float64, np.float32))
    except ValueError as error:
        if "could not convert" not in str(error):
            raise
        raise ValueError(f"both features must be numbers to be drawn on a plane: {error}") from None
    if rows.shape[1] != 2:
        raise ValueError(f"X must have 2 features to be drawn on a plane, and has {rows.shape[1]}")
    return np.asarray(rows)


def _probabilities(estimator: Any, X: Any) -> NDArray[Any]:
    """Return the probability of each class; 0 and 1 of an estimator without `predict_proba`."""
    labels = np.asarray(estimator.predict(X))
    if labels.ndim > 1:
        raise ValueError(
            f"a plane shows one label for each point, but the estimator predicts {labels.shape[1]}"
        )
    if hasattr(estimator, "predict_proba"):
        return np.asarray(estimator.predict_proba(X))
    return np.asarray(labels[:, np.newaxis] == estimator.classes_, dtype=np.float64)
