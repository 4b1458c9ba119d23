"""Models compared on the same folds: score, its standard error, and what they have learned."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Self

import numpy as np
from sklearn.utils._optional_dependencies import check_matplotlib_support

from multilayer.plots.style import COLORS, background, root_figure

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.container import ErrorbarContainer
    from matplotlib.lines import Line2D

KIND_COLORS = {
    "line": COLORS[0],
    "polynomial": COLORS[4],
    "network": COLORS[2],
    "boosting": COLORS[8],
}


class ComparisonDisplay:
    """Score of each model with its standard error; beside it that on the rows learned from.

    Filled points are scores on the rows left out, hollow ones on those learned from: far apart,
    the model has learned by heart. The band goes down from the best by one standard error; what is
    in it is as good. On the right stand the numbers that each model has learned.

    Parameters
    ----------
    comparison : Comparison
        As `multilayer.selection.compare_baselines` gives it.

    Attributes
    ----------
    points_ : list of matplotlib.container.ErrorbarContainer
        Of the models that have a score, from the top.
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
    8
    """

    def __init__(self, comparison: Any) -> None:
        self.comparison = comparison

    @classmethod
    def from_comparison(cls, comparison: Any, *, ax: Axes | None = None) -> Self:
        """Draw a comparison that is done.

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
        """Compare models on rows, and draw.

        Parameters
        ----------
        X, y : array-like or dataframe
            The rows.
        ax : matplotlib.axes.Axes, default=None
            Axes to draw on; a new figure by default.
        **kwargs
            Passed to `multilayer.selection.compare_baselines`.

        Returns
        -------
        ComparisonDisplay
        """
        check_matplotlib_support(f"{cls.__name__}.from_data")
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
        check_matplotlib_support(f"{type(self).__name__}.plot")
        import matplotlib.pyplot as plt
        from matplotlib.ticker import MaxNLocator

        rivals = self.comparison.rivals
        if ax is None:
            size = (7.6, 1.3 + 0.36 * len(rivals))
            _, ax = plt.subplots(figsize=size, layout="constrained")
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
            said = f"{rival.n_parameters:,}".replace(",", "\u202f")
            if rival.failure:
                style: dict[str, Any] = {"color": COLORS[8], "fontsize": "small", "va": "center"}
                ax.text(0.01, row, _short(rival.failure), transform=right, **style)
                said = "–"
            ax.text(1.11, row, said, transform=right, ha="right", va="center", fontsize="small")
        ax.text(
            1.11, -0.75, "parameters", transform=right, ha="right", va="center", fontsize="small"
        )
        ax.set_yticks(range(len(rivals)), [rival.name for rival in rivals])
        ax.set_ylim(len(rivals) - 0.5, -0.5)
        ax.set_xlabel(f"{_capital(self.comparison.score_name)} (hollow: rows learned from)")
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
        """Leave out, but name, what is so bad that it would press all the rest together."""
        judged = self.comparison.judged
        errors = np.nan_to_num([rival.standard_error for rival in judged])
        means = np.array([rival.mean for rival in judged])
        high = max((means + errors).max(), max(rival.train_mean for rival in judged))
        lows = np.sort(means - errors)
        while len(lows) > 2 and lows[1] - lows[0] > 1.5 * (high - lows[1]):
            lows = lows[1:]
        room = (high - lows[0]) or 1.0
        ax.set_xlim(lows[0] - 0.05 * room, high + 0.04 * room)
        for row, rival in enumerate(self.comparison.rivals):
            if rival.failure or rival.mean >= ax.get_xlim()[0]:
                continue
            color = KIND_COLORS.get(rival.kind, COLORS[5])
            said = ax.text(0.01, row, f"◂ {rival.mean:.3g}", color=color, fontsize="small")
            said.set(transform=ax.get_yaxis_transform(), va="center", zorder=4)
            said.set_bbox({"facecolor": background(ax), "linewidth": 0, "pad": 2})


def _short(text: str, most: int = 60) -> str:
    text = " ".join(text.split())
    return text if len(text) <= most else f"{text[: most - 1]}…"


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]
