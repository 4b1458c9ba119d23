"""The cost and the validation score against the iterations of training."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Self

import numpy as np
from sklearn.base import is_classifier
from sklearn.utils.validation import column_or_1d

from multilayer.extras import require
from multilayer.plots.reading import fitted_network
from multilayer.plots.style import COLORS, log_if_wide, root_figure
from multilayer.tabular.base import TabularEstimator

if TYPE_CHECKING:
    from collections.abc import Sequence

    from matplotlib.axes import Axes
    from matplotlib.lines import Line2D
    from numpy.typing import ArrayLike, NDArray

    Floats = NDArray[np.float64]

FULL_BATCH_SOLVERS = ("gd", "rprop", "lbfgs")
LINE_STYLES = ("-", "--", "-.", ":")


class LossCurveDisplay:
    """Cost against iteration, with the validation score, if there is one, in a panel below.

    The best iteration is marked: the one with the highest validation score if there are
    scores, the one with the lowest cost otherwise. The cost has a logarithmic axis if it
    spans a factor of ten or more. Of an ensemble, every member has its own line.

    Parameters
    ----------
    loss_curve : array-like of shape (n_iter,), or list of these
        Cost J of each iteration (epoch), the first one first; of an ensemble, one curve for each
        member.
    validation_scores : array-like of shape (n_iter,), or list of these, default=None
        Score on the validation rows after each iteration.
    validation_loss_curve : array-like of shape (n_iter,), default=None
        Their cost, drawn together with that of the training rows.
    best_iterations : list of int, default=None
        The iteration to mark on each curve, counted from 1; by default the best one.
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
    lines_ : list of matplotlib.lines.Line2D
        The cost of each member.
    validation_line_ : matplotlib.lines.Line2D or None
        The validation score.
    validation_lines_ : list of matplotlib.lines.Line2D
        That of each member.
    validation_loss_line_ : matplotlib.lines.Line2D or None
        The cost of the validation rows.
    best_iteration_ : int
        The marked iteration, counted from 1.
    best_iterations_ : list of int
        That of each member.
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
        loss_curve: Any,
        validation_scores: Any = None,
        *,
        validation_loss_curve: ArrayLike | None = None,
        best_iterations: Sequence[int] | None = None,
        name: str | None = None,
        xlabel: str = "Epoch",
        score_name: str = "Validation score",
    ) -> None:
        self.loss_curve = loss_curve
        self.validation_scores = validation_scores
        self.validation_loss_curve = validation_loss_curve
        self.best_iterations = best_iterations
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
        """Draw the training of a network, or of all members of a tabular estimator.

        Parameters
        ----------
        estimator : fitted estimator
            MLPClassifier, MLPRegressor, or another with `loss_curve_` and perhaps
            `validation_scores_`; TabularClassifier or TabularRegressor; a Pipeline that ends in
            one, or a search, whose best estimator is drawn.
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
            If it has no curves. A model file of a tabular estimator does not hold them.
        """
        require(f"{cls.__name__}.from_estimator", "plot")
        network = fitted_network(estimator)
        curves = _of_members if isinstance(network, TabularEstimator) else _of_network
        display = cls(**curves(network), name=name)
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

        curves = self._curves()
        several, scored = len(curves) > 1, len(curves[0]) > 1
        if ax is None:
            _, ax = plt.subplots(layout="constrained")
        if not ax.lines:
            styles = cycler(color=COLORS[:4]) + cycler(linestyle=LINE_STYLES)
            ax.set_prop_cycle(cycler(color=COLORS) if several else styles)
        if scored and validation_ax is None:
            validation_ax = _cut_off(ax)
        panels = [(ax, "Cost $J$")]
        if scored and validation_ax is not None:
            panels.append((validation_ax, self.score_name))

        self.best_iterations_ = [
            _best(curve) if self.best_iterations is None else int(self.best_iterations[k])
            for k, curve in enumerate(curves)
        ]
        self.lines_: list[Line2D] = []
        self.validation_lines_: list[Line2D] = []
        for curve, best in zip(curves, self.best_iterations_, strict=True):
            for (panel, _), values, lines in zip(
                panels, curve, (self.lines_, self.validation_lines_), strict=False
            ):
                style: dict[str, Any] = {"linewidth": 1.2 if several else 2} | kwargs
                if lines is self.validation_lines_:
                    cost = self.lines_[-1]
                    style = {"color": cost.get_color(), "linestyle": cost.get_linestyle()} | style
                lines.append(panel.plot(np.arange(1, len(values) + 1), values, **style)[0])
                _mark(panel, lines[-1], best, several)
        log_if_wide(ax, np.concatenate([curve[0] for curve in curves]))
        for panel, label in panels:
            panel.set_ylabel(label)
            panel.grid(alpha=0.25, linewidth=0.5)
            panel.spines[["top", "right"]].set_visible(False)
        self.line_, self.best_iteration_ = self.lines_[0], self.best_iterations_[0]
        self.validation_line_ = self.validation_lines_[0] if scored else None
        self.validation_ax_ = validation_ax if scored else None
        self.validation_loss_line_: Line2D | None = None
        if self.validation_loss_curve is not None:
            self._draw_validation_loss(ax)

        last, _ = panels[-1]
        last.set_xlabel(self.xlabel)
        last.xaxis.set_major_locator(MaxNLocator("auto", integer=True, steps=[1, 2, 5, 10]))
        label = self._label(curves[0], self.name if name is None else name, len(curves))
        if several:  # a legend would hide lines, and all of them mean the same
            ax.set_title(label, loc="left", fontsize="small")
        else:
            (self.validation_line_ or self.line_).set_label(label)
            last.legend(frameon=False)
        self.ax_, self.figure_ = ax, root_figure(ax)
        self.figure_.align_ylabels([panel for panel, _ in panels])
        return self

    def _draw_validation_loss(self, ax: Axes) -> None:
        values = column_or_1d(self.validation_loss_curve, dtype=np.float64)
        (self.validation_loss_line_,) = ax.plot(
            np.arange(1, len(values) + 1),
            values,
            color=self.line_.get_color(),
            linewidth=1.5,
            alpha=0.55,
            linestyle=(0, (4, 1.5)),
            label="validation rows",
        )
        self.line_.set_label("training rows")
        ax.legend(frameon=False)

    def _label(self, curve: list[Floats], name: str | None, n: int) -> str:
        if n > 1:
            label = f"{n} members, the best {self.xlabel.lower()} of each marked"
        else:
            best = self.best_iteration_
            found = f"{'lowest' if len(curve) == 1 else 'best'} {curve[-1][best - 1]:.4g}"
            label = f"{found} ({self.xlabel.lower()} {best})"
        return f"{name}: {label}" if name else label

    def _curves(self) -> list[list[Floats]]:
        """Return the costs and, if there are any, the scores of each member."""
        several = len(self.loss_curve) > 0 and np.ndim(self.loss_curve[0]) > 0
        costs = self.loss_curve if several else [self.loss_curve]
        scores = self.validation_scores if several else [self.validation_scores]
        scores = [None] * len(costs) if scores is None else scores
        if len(scores) != len(costs):
            raise ValueError(
                f"validation_scores must be of {len(costs)} members, as loss_curve, got "
                f"{len(scores)}"
            )
        return [_checked(*curve) for curve in zip(costs, scores, strict=True)]


def _checked(costs: Any, scores: Any) -> list[Floats]:
    costs = column_or_1d(costs, dtype=np.float64)
    if not np.isfinite(costs).any():
        raise ValueError(f"loss_curve needs a finite cost, and has none in {len(costs)}")
    if scores is None:
        return [costs]
    scores = column_or_1d(scores, dtype=np.float64)
    if len(scores) != len(costs):
        raise ValueError(
            f"validation_scores has {len(scores)} values, but loss_curve has {len(costs)}"
        )
    return [costs, scores]


def _best(curve: list[Floats]) -> int:
    """Return the best iteration, counted from 1: of the scores, or else of the costs."""
    return 1 + int(np.nanargmin(curve[0]) if len(curve) == 1 else np.nanargmax(curve[1]))


def _mark(panel: Axes, line: Line2D, best: int, several: bool) -> None:
    """Mark a point of a curve; of one among several without a line down to the axis."""
    color, height = line.get_color(), np.asarray(line.get_ydata())[best - 1]
    if not several:
        panel.axvline(best, color=color, linestyle=":", linewidth=1, zorder=1)
    size = 5 if several else 7
    panel.plot([best], [height], "o", color=color, markersize=size, clip_on=False, zorder=3)


def _of_network(network: Any) -> dict[str, Any]:
    """Return the curves of a network, as parameters of the display."""
    if not hasattr(network, "loss_curve_"):
        solver = getattr(network, "solver", None)
        kind = type(network).__name__ + (f" (solver={solver!r})" if solver else "")
        raise TypeError(f"LossCurveDisplay draws loss_curve_, and {kind} has none")
    # If training diverged, there is a score for an epoch without a cost.
    scores, losses = (
        None if curve is None else curve[: len(network.loss_curve_)]
        for curve in (
            getattr(network, name, None)
            for name in ("validation_scores_", "validation_loss_curve_")
        )
    )
    return {
        "loss_curve": network.loss_curve_,
        "validation_scores": scores,
        "validation_loss_curve": losses,
        "xlabel": "Iteration" if _sees_all_rows(network) else "Epoch",
        "score_name": f"Validation {_score_name(network)}",
    }


def _of_members(model: TabularEstimator) -> dict[str, Any]:
    """Return the curves of all members, and the epochs that they are taken from."""
    if not hasattr(model, "loss_curves_"):
        raise TypeError(
            f"LossCurveDisplay draws loss_curves_, and this {type(model).__name__} has none: a "
            "model file does not hold them"
        )
    error = "error + log-loss" if is_classifier(model) else "squared error, standardised"
    if model.scoring is not None:
        error = f"−{_score_name(model)}"
    scored = all(model.validation_curves_)
    return {
        "loss_curve": model.loss_curves_,
        "validation_scores": model.validation_curves_ if scored else None,
        "best_iterations": model.best_iterations_,
        "score_name": f"Validation {error}",
    }


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
