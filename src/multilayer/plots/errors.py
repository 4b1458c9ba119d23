"""Errors on held-out rows and on training rows, against one quantity."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from multilayer.plots.style import COLORS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from matplotlib.axes import Axes
    from matplotlib.lines import Line2D

Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Errors:
    """Errors of a cross-validation for each value of a quantity, (n_values, n_splits)."""

    held_out: Floats
    training: Floats
    name: str
    chance: float = np.inf  # the error of predictions that do not depend on the row, if known

    @property
    def means(self) -> Floats:
        """Mean errors on held-out rows, (n_values,)."""
        return np.asarray(self.held_out.mean(axis=1))

    @property
    def best(self) -> int:
        """The index of the smallest mean error."""
        return int(self.means.argmin())

    def simplest(self, complexity: Floats) -> int:
        """Return the index of the least complex value within one standard error of the best."""
        most = self.means[self.best] + np.nan_to_num(standard_errors(self.held_out))[self.best]
        near = np.flatnonzero(self.means <= most)
        return int(near[np.argmin(complexity[near])])

    def diagnosis(self, k: int, flexible: bool) -> str:
        """State what is wrong with the networks of a value, from both of their errors.

        Parameters
        ----------
        k : int
            The index of the value.
        flexible : bool
            Whether these networks are more flexible than those of the smallest error.

        Returns
        -------
        str
            Variance, if the error on held-out rows exceeds that on training rows by more than the
            latter exceeds the smallest training error; otherwise bias. A flexible network, or one
            that learned nothing, has a high training error for another reason: its training has
            not converged. Empty for the best value, and where the errors do not tell.
        """
        trained = self.training.mean(axis=1)
        untrained = trained.min() >= self.chance
        bias, gap = trained[k] - trained.min(), self.means[k] - trained[k]
        noise = np.nan_to_num(standard_errors(self.held_out))[k]
        if not untrained and (k == self.best or max(bias, gap) <= noise):
            return ""
        if gap >= bias and trained[k] < self.chance:
            return "variance: overfits"
        if untrained or flexible:
            return "not converged: high training error"
        return "bias: underfits"


def errors_of(results: Sequence[Any], values: Floats, named: str) -> Errors:
    """Compute the errors of cross-validations: 1 − score, or minus a score that is minus an error.

    Raises
    ------
    ValueError
        If there is not one value of the quantity, called `named`, for each result.
    """
    if not 0 < len(results) == len(values):
        raise ValueError(
            f"{named} must have one value for each of {len(results)} results, got {len(values)}"
        )
    name = results[0].score_name
    if name.startswith("neg_"):
        offset, label = 0.0, name.removeprefix("neg_").replace("_", " ").capitalize()
    else:
        offset, label = 1.0, f"Error (1 − {name})"
    return Errors(
        offset - np.array([result.scores for result in results]),
        offset - np.array([result.train_scores for result in results]),
        label,
        _chance(results[0]),
    )


def _chance(result: Any) -> float:
    """Return the error of predicting the mean, or one class of equally frequent ones."""
    if result.score_name == "R²":
        return 1.0
    if result.score_name == "accuracy" and result.classes is not None:
        return 1 - 1 / len(result.classes)
    return np.inf


def standard_errors(errors: Floats) -> Floats:
    """Compute standard errors of the mean over folds, (n_values,); NaN for a single fold."""
    n = errors.shape[1]
    if n < 2:
        return np.full(len(errors), np.nan)
    return np.asarray(errors.std(axis=1, ddof=1) / np.sqrt(n))


def draw_errors(
    ax: Axes, x: Floats, errors: Errors, simplest: int, names: Sequence[str], flexible: str
) -> tuple[Line2D, Line2D]:
    """Draw both curves with a standard error on either side, and mark two values.

    Parameters
    ----------
    ax : Axes
    x : ndarray, shape (n_values,)
    errors : Errors
    simplest : int
        The index of the value to mark in addition to the best.
    names : sequence of str
        Names of the values.
    flexible : {"left", "right"}
        The end of the axis with the most flexible networks. Above each end stands what is wrong
        with the networks there.
    """
    order, best = np.argsort(x, kind="stable"), errors.best
    lines = []
    for values, color, label in (
        (errors.training, COLORS[0], "training rows"),
        (errors.held_out, COLORS[2], "held-out rows"),
    ):
        mean, spread = values.mean(axis=1)[order], np.nan_to_num(standard_errors(values))[order]
        style: dict[str, Any] = {"color": color, "linewidth": 2, "marker": "o", "markersize": 4}
        lines.append(ax.plot(x[order], mean, label=label, zorder=3, **style)[0])
        ax.fill_between(
            x[order], mean - spread, mean + spread, color=color, alpha=0.15, linewidth=0
        )
    ring: dict[str, Any] = {"s": 120, "facecolors": "none", "linewidths": 1.8, "zorder": 4}
    means = errors.means
    label = f"{names[best]}: smallest error, {means[best]:.3g}"
    ax.scatter([x[best]], [means[best]], edgecolors=COLORS[2], label=label, **ring)
    if simplest != best:
        label = f"{names[simplest]}: simplest within a standard error"
        where = [x[simplest]], [means[simplest]]
        ax.scatter(*where, edgecolors=COLORS[4], marker="s", label=label, **ring)
    if (x > 0).all() and x.max() >= 10 * x.min():
        ax.set_xscale("log")
    for at, k, side in ((0.0, order[0], "left"), (1.0, order[-1], "right")):
        text = errors.diagnosis(int(k), side == flexible)
        text = text and (f"◂ {text}" if side == "left" else f"{text} ▸")
        ax.text(at, 1.02, text, ha=side, transform=ax.transAxes, fontsize="small", color=COLORS[8])
    ax.set_ylabel(errors.name)
    ax.grid(alpha=0.25, linewidth=0.5)
    ax.spines[["top", "right"]].set_visible(False)
    ax.legend(frameon=False, fontsize="small")
    return lines[1], lines[0]
