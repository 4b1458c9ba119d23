"""The cost and the validation score against the iterations of training."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Self

import numpy as np
from sklearn.base import is_classifier
from sklearn.utils.validation import column_or_1d

from multilayer.extras import require
from multilayer.plots.reading import fitted_network
from multilayer.plots.style import COLORS, log_if_wide, root_figure

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from numpy.typing import ArrayLike, NDArray

FULL_BATCH_SOLVERS = ("gd", "rprop", "lbfgs")
LINE_STYLES = ("-", "--", "-.", ":")


class LossCurveDisplay:
    """Cost against iteration, with the validation score, if there is one, in a panel below.

    The best iteration is marked: the one with the highest validation score if there are
    scores, the one with the lowest cost otherwise. The cost has a logarithmic axis if it
    spans a factor of ten or more.

    Parameters
    ----------
    loss_curve : array-like of shape (n_iter,)
        Cost J of each iteration (epoch), the first one first.
    validation_scores : array-like of shape (n_iter,), default=None
        Score on the validation rows after each iteration.
    validation_loss_curve : array-like of shape (n_iter,), default=None
        Their cost, drawn together with that of the training rows.
    name : str, default=None
        Name of the curve in the legend.
    xlabel : str, default="Epoch"
        Label of the horizontal axis.
    score_name : str, default="Validation score"
        Label of the panel of scores.

    Attributes
    ----------
    line_ : matplotlib.lines.Line2D
        The cost.
    validation_line_ : matplotlib.lines.Line2D or None
        The validation score.
    validation_loss_line_ : matplotlib.lines.Line2D or None
        The cost of the validation rows.
    best_iteration_ : int
        The marked iteration, counted from 1.
    ax_ : matplotlib.axes.Axes
        Axes of the cost.
    validation_ax_ : matplotlib.axes.Axes or None
        Axes of the validation score.
    figure_ : matplotlib.figure.Figure
        Figure that holds them.

    Examples
    --------
    >>> import matplotlib
    >>> matplotlib.use("Agg")
    >>> from multilayer.plots import LossCurveDisplay
    >>> LossCurveDisplay([0.7, 0.4, 0.3, 0.35]).plot().best_iteration_
    3
    """

    def __init__(
        self,
        loss_curve: ArrayLike,
        validation_scores: ArrayLike | None = None,
        *,
        validation_loss_curve: ArrayLike | None = None,
        name: str | None = None,
        xlabel: str = "Epoch",
        score_name: str = "Validation score",
    ) -> None:
        self.loss_curve = loss_curve
        self.validation_scores = validation_scores
        self.validation_loss_curve = validation_loss_curve
        self.name = name
        self.xlabel = xlabel
        self.score_name = score_name

    @classmethod
    def from_estimator(
        cls,
        estimator: Any,
        *,
        name: str | None = None,
        ax: Axes | None = None,
        validation_ax: Axes | None = None,
        **kwargs: Any,
    ) -> Self:
        """Draw the training of a network.

        Parameters
        ----------
        estimator : fitted MLPClassifier, MLPRegressor, or Pipeline ending in one
            Anything with `loss_curve_`, and perhaps `validation_scores_`.
        name : str, default=None
            Name of the curve in the legend.
        ax, validation_ax : matplotlib.axes.Axes, default=None
            Where to draw; see `plot`.
        **kwargs
            Passed to `matplotlib.axes.Axes.plot` for both lines.

        Returns
        -------
        LossCurveDisplay

        Raises
        ------
        sklearn.exceptions.NotFittedError
            If the estimator is not fitted.
        TypeError
            If it has no `loss_curve_`.
        """
        require(f"{cls.__name__}.from_estimator", "plot")
        network = fitted_network(estimator)
        if not hasattr(network, "loss_curve_"):
            solver = getattr(network, "solver", None)
            kind = type(network).__name__ + (f" (solver={solver!r})" if solver else "")
            raise TypeError(f"LossCurveDisplay draws loss_curve_, and {kind} has none")
        # If training diverged, there is a score for an epoch without a cost.
        held_out = [
            None if curve is None else curve[: len(network.loss_curve_)]
            for curve in (
                getattr(network, name, None)
                for name in ("validation_scores_", "validation_loss_curve_")
            )
        ]
        display = cls(
            network.loss_curve_,
            held_out[0],
            validation_loss_curve=held_out[1],
            name=name,
            xlabel="Iteration" if _sees_all_rows(network) else "Epoch",
            score_name=f"Validation {_score_name(network)}",
        )
        return display.plot(ax=ax, validation_ax=validation_ax, **kwargs)

    def plot(
        self,
        ax: Axes | None = None,
        *,
        validation_ax: Axes | None = None,
        name: str | None = None,
        **kwargs: Any,
    ) -> Self:
        """Draw the curves.

        Parameters
        ----------
        ax : matplotlib.axes.Axes, default=None
            Axes for the cost; a new figure by default. Several curves may share it.
        validation_ax : matplotlib.axes.Axes, default=None
            Axes for the validation score. By default the lower part of `ax` is cut off for it.
        name : str, default=None
            Name of the curve in the legend, in place of the display's own `name`.
        **kwargs
            Passed to `matplotlib.axes.Axes.plot` for both lines.

        Returns
        -------
        LossCurveDisplay
            The display itself.

        Raises
        ------
        ValueError
            If the cost curve is empty, or the numbers of scores and costs differ.
        """
        require(f"{type(self).__name__}.plot", "plot")
        import matplotlib.pyplot as plt
        from cycler import cycler
        from matplotlib.ticker import MaxNLocator

        costs, scores = self._curves()
        if ax is None:
            _, ax = plt.subplots(layout="constrained")
        if not ax.lines:
            ax.set_prop_cycle(cycler(color=COLORS[:4]) + cycler(linestyle=LINE_STYLES))
        iterations = np.arange(1, len(costs) + 1)
        best = int(np.nanargmin(costs) if scores is None else np.nanargmax(scores))
        self.best_iteration_ = best + 1

        (self.line_,) = ax.plot(iterations, costs, **{"linewidth": 2, **kwargs})
        color = self.line_.get_color()
        log_if_wide(ax, costs)
        ax.set_ylabel("Cost $J$")
        panels = [(ax, costs)]
        self.validation_loss_line_ = None
        if self.validation_loss_curve is not None:
            values = column_or_1d(self.validation_loss_curve, dtype=np.float64)
            (self.validation_loss_line_,) = ax.plot(
                iterations[: len(values)],
                values,
                color=color,
                linewidth=1.5,
                alpha=0.55,
                linestyle=(0, (4, 1.5)),
                label="validation rows",
            )
            self.line_.set_label("training rows")
            ax.legend(frameon=False)

        self.validation_ax_ = self.validation_line_ = None
        if scores is not None:
            if validation_ax is None:
                validation_ax = _cut_off(ax)
            style = {"color": color, "linestyle": self.line_.get_linestyle(), "linewidth": 2}
            (self.validation_line_,) = validation_ax.plot(iterations, scores, **{**style, **kwargs})
            validation_ax.set_ylabel(self.score_name)
            panels.append((validation_ax, scores))
            root_figure(ax).align_ylabels([ax, validation_ax])
            self.validation_ax_ = validation_ax

        for panel, values in panels:
            panel.axvline(best + 1, color=color, linestyle=":", linewidth=1, zorder=1)
            panel.plot(
                [best + 1], [values[best]], "o", color=color, markersize=7, clip_on=False, zorder=3
            )
            panel.grid(alpha=0.25, linewidth=0.5)
            panel.spines[["top", "right"]].set_visible(False)
        last, values = panels[-1]
        line = self.validation_line_ or self.line_
        last.set_xlabel(self.xlabel)
        last.xaxis.set_major_locator(MaxNLocator("auto", integer=True, steps=[1, 2, 5, 10]))
        found = f"{'lowest' if scores is None else 'best'} {values[best]:.4g}"
        label = f"{found} ({self.xlabel.lower()} {best + 1})"
        name = self.name if name is None else name
        line.set_label(f"{name}: {label}" if name else label)
        last.legend(frameon=False)

        self.ax_, self.figure_ = ax, root_figure(ax)
        return self

    def _curves(self) -> tuple[NDArray[np.float64], NDArray[np.float64] | None]:
        costs = column_or_1d(self.loss_curve, dtype=np.float64)
        if not np.isfinite(costs).any():
            raise ValueError(f"loss_curve needs a finite cost, and has none in {len(costs)}")
        if self.validation_scores is None:
            return costs, None
        scores = column_or_1d(self.validation_scores, dtype=np.float64)
        if len(scores) != len(costs):
            raise ValueError(
                f"validation_scores has {len(scores)} values, but loss_curve has {len(costs)}"
            )
        return costs, scores


def _sees_all_rows(network: Any) -> bool:
    solver = getattr(network, "solver", "")
    return isinstance(solver, str) and solver in FULL_BATCH_SOLVERS


def _score_name(network: Any) -> str:
    scoring = getattr(network, "scoring", None)
    if scoring is None:
        return "accuracy" if is_classifier(network) else "$R^2$"
    if scoring == "loss":
        return "cost, negative"
    return scoring.replace("_", " ") if isinstance(scoring, str) else "score"


def _cut_off(ax: Axes) -> Axes:
    """Turn the lower part of `ax` into new axes with the same horizontal axis."""
    from matplotlib.gridspec import GridSpec

    figure: Any = ax.figure
    box = ax.get_position()
    edges = {"left": box.x0, "right": box.x1, "bottom": box.y0, "top": box.y1}
    place = ax.get_subplotspec() or GridSpec(1, 1, figure, **edges)[0]
    parts = place.subgridspec(2, 1, height_ratios=[3, 2], hspace=0.12)
    ax.set_subplotspec(parts[0])
    ax.tick_params(labelbottom=False)
    lower: Axes = figure.add_subplot(parts[1], sharex=ax)
    return lower
