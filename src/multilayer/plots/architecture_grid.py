"""Decision boundaries of several networks side by side: the effect of layers and penalty."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from sklearn.base import clone

from multilayer.estimators.classifier import MLPClassifier
from multilayer.extras import require
from multilayer.plots.decision_boundary import DecisionBoundaryDisplay
from multilayer.plots.reading import best_of_search
from multilayer.plots.style import background, root_figure

if TYPE_CHECKING:
    from collections.abc import Sequence

    from matplotlib.axes import Axes
    from matplotlib.figure import Figure, SubFigure
    from numpy.typing import ArrayLike, NDArray

_SIDE = 2.4  # inches of a panel


class ArchitectureGridDisplay:
    """Small multiples of decision boundaries, one panel for each classifier.

    The number in the corner of a panel is the accuracy on the rows drawn.

    Parameters
    ----------
    estimators : sequence of fitted classifiers
        Trained on two features.
    X : array-like or dataframe, shape (m, 2)
    y : array-like, shape (m,)
    titles : sequence of str, optional
        Titles of the panels.
    n_columns : int, optional
        Number of panels in a row; by default at most four.

    Attributes
    ----------
    displays_ : list of DecisionBoundaryDisplay
    axes_ : ndarray of matplotlib.axes.Axes, shape (n_rows, n_columns)
    figure_ : matplotlib.figure.Figure

    Examples
    --------
    >>> import matplotlib
    >>> matplotlib.use("Agg")
    >>> from sklearn.datasets import make_moons
    >>> from multilayer.plots import ArchitectureGridDisplay
    >>> X, y = make_moons(100, noise=0.1, random_state=0)
    >>> display = ArchitectureGridDisplay.from_data(X, y, [(), (8,)], [0.1, 10], grid_resolution=20)
    >>> display.axes_.shape
    (2, 2)
    """

    def __init__(
        self,
        estimators: Sequence[Any],
        X: Any,
        y: ArrayLike,
        *,
        titles: Sequence[str] | None = None,
        n_columns: int | None = None,
    ) -> None:
        self.estimators = estimators
        self.X = X
        self.y = y
        self.titles = titles
        self.n_columns = n_columns

    @classmethod
    def from_estimators(
        cls,
        estimators: Sequence[Any],
        X: Any,
        y: ArrayLike,
        *,
        titles: Sequence[str] | None = None,
        n_columns: int | None = None,
        figure: Figure | SubFigure | None = None,
        **kwargs: Any,
    ) -> Self:
        """Draw fitted classifiers.

        Parameters
        ----------
        estimators, X, y, titles, n_columns
            As for the class.
        figure : matplotlib Figure or SubFigure, optional
            The figure to draw on; a new one by default.
        **kwargs
            Passed to `DecisionBoundaryDisplay.from_estimator`.

        Returns
        -------
        ArchitectureGridDisplay
        """
        display = cls(estimators, X, y, titles=titles, n_columns=n_columns)
        return display.plot(figure, **kwargs)

    @classmethod
    def from_data(
        cls,
        X: Any,
        y: ArrayLike,
        hidden_layer_sizes: Sequence[tuple[int, ...]] = ((), (4,), (16,), (16, 16)),
        alpha: Sequence[float] = (0.001, 0.1, 3),
        *,
        estimator: Any = None,
        figure: Figure | SubFigure | None = None,
        **kwargs: Any,
    ) -> Self:
        """Train a network for each choice of hidden layers and λ, and draw them as a table.

        Parameters
        ----------
        X, y
            The data, with two features.
        hidden_layer_sizes : sequence of tuple of int
            Hidden layers, one choice for each column of panels.
        alpha : sequence of float
            Strengths λ of the penalty, one for each row of panels.
        estimator : classifier, optional
            With all other parameters: MLPClassifier, TabularClassifier, a Pipeline that ends in
            one, or a fitted search, of which the best estimator is taken. By default an
            MLPClassifier with tanh, L-BFGS and 500 iterations.
        figure : matplotlib Figure or SubFigure, optional
            The figure to draw on; a new one by default.
        **kwargs
            Passed to `DecisionBoundaryDisplay.from_estimator`.

        Returns
        -------
        ArchitectureGridDisplay
        """
        require(f"{cls.__name__}.from_data", "plot")
        if estimator is None:
            estimator = MLPClassifier(
                activation="tanh", solver="lbfgs", max_iter=500, random_state=0
            )
        from multilayer.selection.parameter_path import parameter_name

        estimator = best_of_search(estimator)
        names = [parameter_name(estimator, name) for name in ("hidden_layer_sizes", "alpha")]
        networks, titles = [], []
        for strength in alpha:
            for layers in hidden_layer_sizes:
                network = clone(estimator)
                network.set_params(**dict(zip(names, (layers, strength), strict=True)))
                with warnings.catch_warnings():
                    warnings.simplefilter("ignore")  # the figure shows the result, converged or not
                    networks.append(network.fit(X, y))
                name = "-".join(map(str, layers)) or "no hidden layer"
                titles.append(f"{name}, λ = {strength:g}")
        return cls.from_estimators(
            networks,
            X,
            y,
            titles=titles,
            n_columns=len(hidden_layer_sizes),
            figure=figure,
            **kwargs,
        )

    def plot(self, figure: Figure | SubFigure | None = None, **kwargs: Any) -> Self:
        """Draw.

        Parameters
        ----------
        figure : matplotlib Figure or SubFigure, optional
            The figure to draw on; a new one by default.
        **kwargs
            Passed to `DecisionBoundaryDisplay.from_estimator`.

        Returns
        -------
        ArchitectureGridDisplay

        Raises
        ------
        ValueError
            If there is no estimator, or another number of titles.
        """
        require(f"{type(self).__name__}.plot", "plot")
        import matplotlib.pyplot as plt

        n = len(self.estimators)
        if not n:
            raise ValueError("estimators must hold at least one classifier, but is empty")
        titles = [""] * n if self.titles is None else list(self.titles)
        if len(titles) != n:
            raise ValueError(f"titles must be as many as estimators, {n}, got {len(titles)}")
        columns = self.n_columns or min(n, 4)
        rows = -(-n // columns)
        if figure is None:
            size = (_SIDE * columns + 0.8, (_SIDE * 0.92) * rows + 0.3)
            figure = plt.figure(figsize=size, layout="constrained")
        self.axes_: NDArray[Any] = figure.subplots(
            rows, columns, sharex=True, sharey=True, squeeze=False
        )
        self.displays_: list[DecisionBoundaryDisplay] = []
        given = {"grid_resolution": 150, "s": 7.0, "linewidths": 0.0} | kwargs
        for ax, estimator, title in zip(self.axes_.flat, self.estimators, titles, strict=False):
            self._panel(ax, estimator, title, given)
        for ax in self.axes_.flat[n:]:
            ax.set_axis_off()
        for k, ax in enumerate(self.axes_.flat[:n]):
            if k == min(columns, n) - 1:  # one legend is enough
                for handle in ax.get_legend().legend_handles:
                    handle.set_sizes([30])
            else:
                ax.get_legend().remove()
            if k + columns < n:
                ax.set_xlabel("")
            else:
                ax.tick_params(labelbottom=True)
            if k % columns:
                ax.set_ylabel("")
        self.figure_ = root_figure(self.axes_[0, 0])
        return self

    def _panel(self, ax: Axes, estimator: Any, title: str, given: dict[str, Any]) -> None:
        display = DecisionBoundaryDisplay.from_estimator(estimator, self.X, self.y, ax=ax, **given)
        self.displays_.append(display)
        ax.set_title(title, fontsize="small")
        ax.tick_params(labelsize="small")
        right = float(np.mean(np.asarray(estimator.predict(self.X)) == np.asarray(self.y)))
        text = ax.text(0.97, 0.04, f"{right:.1%}", ha="right", fontsize="small", zorder=5)
        text.set(transform=ax.transAxes)
        text.set_bbox({"facecolor": background(ax), "alpha": 0.8, "linewidth": 0, "pad": 1.5})
