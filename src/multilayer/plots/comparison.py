"""Models compared on the same folds: scores with standard errors, and numbers of parameters."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Self

import numpy as np

from multilayer.extras import require
from multilayer.plots.style import COLORS, background, root_figure

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.container import ErrorbarContainer
    from matplotlib.lines import Line2D

KIND_COLORS = {
    "line": COLORS[0],
    "polynomial": COLORS[4],
    "network": COLORS[2],
    "tabular": COLORS[6],
    "boosting": COLORS[8],
}


class ComparisonDisplay:
    """Score of each model with its standard error, and its score on the training rows.

    Filled points are scores on held-out rows, hollow ones on training rows: where they are far
    apart, the model overfits. The band extends one standard error down from the best score; models
    in it are equally good. The numbers on the right are the parameters of each model.

    Parameters
    ----------
    comparison : Comparison
        As returned by `multilayer.selection.compare_baselines`.

    Attributes
    ----------
    points_ : list of matplotlib.container.ErrorbarContainer
        The models that have a score, from top to bottom.
    train_points_ : matplotlib.lines.Line2D
    ax_ : matplotlib.axes.Axes
    figure_ : matplotlib.figure.Figure

    Examples
    --------
    >>> import matplotlib
    >>> matplotlib.use("Agg")
    >>> from sklearn.datasets import load_iris
    >>> from multilayer.plots import ComparisonDisplay
    >>> from multilayer.selection import compare_baselines
    >>> comparison = compare_baselines(*load_iris(return_X_y=True), cv=2, random_state=0)
    >>> len(ComparisonDisplay.from_comparison(comparison).points_)
    9
    """

    def __init__(self, comparison: Any) -> None:
        self.comparison = comparison

    @classmethod
    def from_comparison(cls, comparison: Any, *, ax: Axes | None = None) -> Self:
        """Draw a comparison.

        Parameters
        ----------
        comparison : Comparison
        ax : matplotlib.axes.Axes, default=None
            Axes to draw on; a new figure by default.

        Returns
        -------
        ComparisonDisplay
        """
        return cls(comparison).plot(ax=ax)

    @classmethod
    def from_data(cls, X: Any, y: Any, *, ax: Axes | None = None, **kwargs: Any) -> Self:
        """Compare models on data, and draw the comparison.

        Parameters
        ----------
        X, y : array-like or dataframe
            The data.
        ax : matplotlib.axes.Axes, default=None
            Axes to draw on; a new figure by default.
        **kwargs
            Passed to `multilayer.selection.compare_baselines`.

        Returns
        -------
        ComparisonDisplay
        """
        require(f"{cls.__name__}.from_data", "plot")
        from multilayer.selection import compare_baselines

        return cls.from_comparison(compare_baselines(X, y, **kwargs), ax=ax)

    def plot(self, ax: Axes | None = None) -> Self:
        """Draw.

        Parameters
        ----------
        ax : matplotlib.axes.Axes, default=None
            Axes to draw on; a new figure by default.

        Returns
        -------
        ComparisonDisplay
        """
        require(f"{type(self).__name__}.plot", "plot")
        import matplotlib.pyplot as plt
        from matplotlib.ticker import MaxNLocator

        rivals = self.comparison.rivals
        if ax is None:
            figsize = (7.6, 1.3 + 0.36 * len(rivals))
            _, ax = plt.subplots(figsize=figsize, layout="constrained")
        best = self.comparison.best
        least = best.mean - np.nan_to_num(best.standard_error)
        ax.axvspan(least, best.mean, color=COLORS[1], alpha=0.2, linewidth=0, zorder=0)
        self.points_: list[ErrorbarContainer] = []
        places = [row for row, rival in enumerate(rivals) if not rival.failure]
        for row in places:
            self.points_.append(self._point(ax, row))
        self.train_points_: Line2D = ax.plot(
            [rivals[row].train_mean for row in places],
            places,
            "o",
            markersize=6,
            markerfacecolor="none",
            markeredgecolor=COLORS[3],
            zorder=2,
        )[0]
        self._limit(ax)
        right = ax.get_yaxis_transform()
        for row, rival in enumerate(rivals):
            size = f"{rival.n_parameters:,}".replace(",", "\u202f")
            if rival.failure:
                style: dict[str, Any] = {"color": COLORS[8], "fontsize": "small", "va": "center"}
                ax.text(0.01, row, _short(rival.failure), transform=right, **style)
                size = "–"
            ax.text(1.11, row, size, transform=right, ha="right", va="center", fontsize="small")
        ax.text(
            1.11, -0.75, "parameters", transform=right, ha="right", va="center", fontsize="small"
        )
        ax.set_yticks(range(len(rivals)), [rival.name for rival in rivals])
        ax.set_ylim(len(rivals) - 0.5, -0.5)
        ax.set_xlabel(f"{_capital(self.comparison.score_name)} (hollow: training rows)")
        ax.xaxis.set_major_locator(MaxNLocator(6))
        ax.grid(axis="x", alpha=0.25, linewidth=0.5)
        ax.tick_params(axis="y", length=0)
        ax.spines[["top", "right", "left"]].set_visible(False)
        self.ax_, self.figure_ = ax, root_figure(ax)
        return self

    def _point(self, ax: Axes, row: int) -> ErrorbarContainer:
        rival = self.comparison.rivals[row]
        color = KIND_COLORS.get(rival.kind, COLORS[5])
        ax.plot(
            [rival.mean, rival.train_mean], [row, row], color=COLORS[3], linewidth=0.8, zorder=1
        )
        error = np.nan_to_num(rival.standard_error)
        return ax.errorbar(
            rival.mean, row, xerr=error, fmt="o", color=color, markersize=7, capsize=3, zorder=3
        )

    def _limit(self, ax: Axes) -> None:
        """Limit the axis to where most scores are, and write the others as numbers."""
        models = self.comparison.judged
        errors = np.nan_to_num([rival.standard_error for rival in models])
        means = np.array([rival.mean for rival in models])
        high = max((means + errors).max(), max(rival.train_mean for rival in models))
        lows = np.sort(means - errors)
        while len(lows) > 2 and lows[1] - lows[0] > 1.5 * (high - lows[1]):
            lows = lows[1:]
        room = (high - lows[0]) or 1.0
        ax.set_xlim(lows[0] - 0.05 * room, high + 0.04 * room)
        for row, rival in enumerate(self.comparison.rivals):
            if rival.failure or rival.mean >= ax.get_xlim()[0]:
                continue
            color = KIND_COLORS.get(rival.kind, COLORS[5])
            text = ax.text(0.01, row, f"◂ {rival.mean:.3g}", color=color, fontsize="small")
            text.set(transform=ax.get_yaxis_transform(), va="center", zorder=4)
            text.set_bbox({"facecolor": background(ax), "linewidth": 0, "pad": 2})


def _short(text: str, most: int = 60) -> str:
    text = " ".join(text.split())
    return text if len(text) <= most else f"{text[: most - 1]}…"


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]
