"""Learning curves of a cross-validation: cost by epoch, of every fold and on average."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Self

import numpy as np

from multilayer.extras import require
from multilayer.plots.reading import best_of_search
from multilayer.plots.style import COLORS, log_if_wide, root_figure

if TYPE_CHECKING:
    from collections.abc import Sequence

    from matplotlib.axes import Axes
    from matplotlib.lines import Line2D
    from numpy.typing import ArrayLike, NDArray


class CrossValidationDisplay:
    """Cost by epoch on training rows and on held-out rows, for every fold.

    Thin lines are folds, thick ones their means, in which a fold that has stopped counts with its
    last cost. The marked epoch has the smallest mean cost on held-out rows: later epochs overfit.

    Parameters
    ----------
    loss_curves : sequence of array-like, shape (n_epochs,)
        The training cost of each fold.
    validation_curves : sequence of array-like, default=()
        Likewise, on held-out rows.

    Attributes
    ----------
    lines_, validation_lines_ : list of matplotlib.lines.Line2D
        One for each fold.
    mean_line_ : matplotlib.lines.Line2D
    validation_mean_line_ : matplotlib.lines.Line2D or None
    best_epoch_ : int or None
        The marked epoch, counted from 1.
    ax_ : matplotlib.axes.Axes
    figure_ : matplotlib.figure.Figure

    Examples
    --------
    >>> import matplotlib
    >>> matplotlib.use("Agg")
    >>> from sklearn.datasets import make_moons
    >>> from multilayer import MLPClassifier
    >>> from multilayer.plots import CrossValidationDisplay
    >>> X, y = make_moons(100, random_state=0)
    >>> network = MLPClassifier((8,), learning_rate_init=0.05, tol=0.01, random_state=0)
    >>> display = CrossValidationDisplay.from_estimator(network, X, y, cv=3, random_state=0)
    >>> len(display.lines_)
    3
    """

    def __init__(
        self, loss_curves: Sequence[ArrayLike], validation_curves: Sequence[ArrayLike] = ()
    ) -> None:
        self.loss_curves = loss_curves
        self.validation_curves = validation_curves

    @classmethod
    def from_estimator(
        cls, estimator: Any, X: Any, y: Any, *, ax: Axes | None = None, **kwargs: Any
    ) -> Self:
        """Cross-validate an estimator and draw its curves.

        Parameters
        ----------
        estimator : MLPClassifier, MLPRegressor, tabular estimator, or Pipeline ending in one
            Of a fitted search, its best estimator is trained.
        X, y : array-like
            The data.
        ax : matplotlib.axes.Axes, default=None
            Axes to draw on; a new figure by default.
        **kwargs
            Passed to `multilayer.selection.cross_validate_network`.

        Returns
        -------
        CrossValidationDisplay
        """
        require(f"{cls.__name__}.from_estimator", "plot")
        from multilayer.selection import cross_validate_network

        result = cross_validate_network(best_of_search(estimator), X, y, **kwargs)
        return cls.from_result(result, ax=ax)

    @classmethod
    def from_result(cls, result: Any, *, ax: Axes | None = None) -> Self:
        """Draw the curves of a cross-validation.

        Parameters
        ----------
        result : CrossValidation
        ax : matplotlib.axes.Axes, default=None
            Axes to draw on; a new figure by default.

        Returns
        -------
        CrossValidationDisplay
        """
        return cls(result.loss_curves, result.validation_curves).plot(ax=ax)

    def plot(self, ax: Axes | None = None) -> Self:
        """Draw.

        Parameters
        ----------
        ax : matplotlib.axes.Axes, default=None
            Axes to draw on; a new figure by default.

        Returns
        -------
        CrossValidationDisplay

        Raises
        ------
        ValueError
            If there is no curve to draw.
        """
        require(f"{type(self).__name__}.plot", "plot")
        import matplotlib.pyplot as plt

        curves = [np.asarray(curve, float) for curve in self.loss_curves]
        held_out = [np.asarray(curve, float) for curve in self.validation_curves]
        if not curves or not all(map(len, curves)):
            raise ValueError(
                "loss_curves must have a cost for at least one epoch of every fold; searches and "
                "estimators other than networks have none"
            )
        if ax is None:
            _, ax = plt.subplots(layout="constrained")
        self.lines_, self.mean_line_ = _draw(ax, curves, COLORS[0], "training rows")
        self.validation_lines_: list[Line2D] = []
        self.validation_mean_line_: Line2D | None = None
        self.best_epoch_ = None
        if held_out and all(map(len, held_out)):
            self.validation_lines_, self.validation_mean_line_ = _draw(
                ax, held_out, COLORS[2], "held-out rows"
            )
            mean = _mean(held_out)
            best = int(np.nanargmin(mean))
            self.best_epoch_ = best + 1
            ax.axvline(best + 1, color=COLORS[2], linestyle=":", linewidth=1, zorder=1)
            ax.plot(
                [best + 1],
                [mean[best]],
                "o",
                color=COLORS[2],
                markersize=7,
                label=f"lowest {mean[best]:.3g}, epoch {best + 1}",
                zorder=4,
            )
        log_if_wide(ax, np.concatenate([*curves, *held_out]))
        ax.set(xlabel="Epoch", ylabel="Cost $J$")
        ax.grid(alpha=0.25, linewidth=0.5)
        ax.spines[["top", "right"]].set_visible(False)
        ax.legend(frameon=False)
        self.ax_, self.figure_ = ax, root_figure(ax)
        return self


def _draw(
    ax: Axes, curves: list[NDArray[Any]], color: str, label: str
) -> tuple[list[Line2D], Line2D]:
    """Draw each fold as a thin line, and their mean."""
    thin = [
        ax.plot(np.arange(1, len(curve) + 1), curve, color=color, linewidth=0.8, alpha=0.35)[0]
        for curve in curves
    ]
    mean = _mean(curves)
    (thick,) = ax.plot(
        np.arange(1, len(mean) + 1), mean, color=color, linewidth=2.2, label=label, zorder=3
    )
    return thin, thick


def _mean(curves: list[NDArray[Any]]) -> NDArray[Any]:
    longest = max(map(len, curves))
    padded = [np.pad(curve, (0, longest - len(curve)), mode="edge") for curve in curves]
    return np.asarray(np.mean(padded, axis=0))
