"""Error of the rows left out and of those learned from, against one quantity."""

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
    """Errors for each value of a quantity, (n_values, n_splits)."""

    left_out: Floats
    learned_from: Floats
    name: str

    @property
    def means(self) -> Floats:
        """Of the rows left out, (n_values,)."""
        return np.asarray(self.left_out.mean(axis=1))

    @property
    def best(self) -> int:
        """The value of the smallest mean error."""
        return int(self.means.argmin())

    def simplest(self, complexity: Floats) -> int:
        """The least complex value whose error is within one standard error of the smallest."""
        most = self.means[self.best] + np.nan_to_num(standard_errors(self.left_out))[self.best]
        near = np.flatnonzero(self.means <= most)
        return int(near[np.argmin(complexity[near])])


def errors_of(results: Sequence[Any], values: Floats, named: str) -> Errors:
    """Read the errors off cross-validations: 1 − score, or minus a score that is minus an error.

    Raises
    ------
    ValueError
        If there is not one value of the quantity, called `named`, for each.
    """
    if not 0 < len(results) == len(values):
        raise ValueError(
            f"{named} must have one value for each of {len(results)} results, got {len(values)}"
        )
    name = results[0].score_name
    if name.startswith("neg_"):
        offset, said = 0.0, name.removeprefix("neg_").replace("_", " ").capitalize()
    else:
        offset, said = 1.0, f"Error (1 − {name})"
    return Errors(
        offset - np.array([result.scores for result in results]),
        offset - np.array([result.train_scores for result in results]),
        said,
    )


def standard_errors(errors: Floats) -> Floats:
    """Of the mean over the folds, (n_values,); NaN of one fold."""
    n = errors.shape[1]
    if n < 2:
        return np.full(len(errors), np.nan)
    return np.asarray(errors.std(axis=1, ddof=1) / np.sqrt(n))


def draw_errors(
    ax: Axes, x: Floats, errors: Errors, simplest: int, names: Sequence[str], ends: tuple[str, str]
) -> tuple[Line2D, Line2D]:
    """Draw both curves with a standard error on either side, and mark two values.

    Parameters
    ----------
    ax : Axes
    x : ndarray, shape (n_values,)
    errors : Errors
    simplest : int
        The value to mark beside the best.
    names : sequence of str
        Of the values.
    ends : tuple of str
        What a network is at the left end, and at the right one.
    """
    order, best = np.argsort(x, kind="stable"), errors.best
    lines = []
    for values, color, label in (
        (errors.learned_from, COLORS[0], "rows learned from"),
        (errors.left_out, COLORS[2], "rows left out"),
    ):
        mean, spread = values.mean(axis=1)[order], np.nan_to_num(standard_errors(values))[order]
        style: dict[str, Any] = {"color": color, "linewidth": 2, "marker": "o", "markersize": 4}
        lines.append(ax.plot(x[order], mean, label=label, zorder=3, **style)[0])
        ax.fill_between(
            x[order], mean - spread, mean + spread, color=color, alpha=0.15, linewidth=0
        )
    ring: dict[str, Any] = {"s": 120, "facecolors": "none", "linewidths": 1.8, "zorder": 4}
    means = errors.means
    said = f"{names[best]}: smallest error, {means[best]:.3g}"
    ax.scatter([x[best]], [means[best]], edgecolors=COLORS[2], label=said, **ring)
    if simplest != best:
        said = f"{names[simplest]}: simplest within a standard error"
        where = [x[simplest]], [means[simplest]]
        ax.scatter(*where, edgecolors=COLORS[4], marker="s", label=said, **ring)
    if (x > 0).all() and x.max() >= 10 * x.min():
        ax.set_xscale("log")
    for at, text, side in ((0.0, ends[0], "left"), (1.0, ends[1], "right")):
        ax.text(at, 1.02, text, ha=side, transform=ax.transAxes, fontsize="small", color=COLORS[8])
    ax.set_ylabel(errors.name)
    ax.grid(alpha=0.25, linewidth=0.5)
    ax.spines[["top", "right"]].set_visible(False)
    ax.legend(frameon=False, fontsize="small")
    return lines[1], lines[0]
