"""Thresholds to choose from: what each gives, and what its errors cost."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from multilayer.plots.style import COLORS
from multilayer.report.evaluation import Evaluation
from multilayer.report.sections import Costs, Listing, Section
from multilayer.report.svg import draw, label

__all__ = ["Outcomes", "outcomes", "thresholds"]

Array = NDArray[Any]
GRID = np.arange(1, 100) / 100
LISTED = (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9)


@dataclass(frozen=True)
class Outcomes:
    """Counts of rows at thresholds, each ndarray of int, shape (t,)."""

    true_positives: Array
    false_positives: Array
    false_negatives: Array
    true_negatives: Array

    @property
    def precision(self) -> Array:
        """The share of the rows predicted positive that are positive; NaN if there are none."""
        return _ratio(self.true_positives, self.true_positives + self.false_positives)

    @property
    def recall(self) -> Array:
        """The share of the positive rows that are predicted positive."""
        return _ratio(self.true_positives, self.true_positives + self.false_negatives)

    @property
    def false_positive_rate(self) -> Array:
        """The share of the negative rows that are predicted positive."""
        return _ratio(self.false_positives, self.false_positives + self.true_negatives)

    @property
    def f1(self) -> Array:
        """The harmonic mean of precision and recall."""
        errors = self.false_positives + self.false_negatives
        return _ratio(2 * self.true_positives, 2 * self.true_positives + errors)


def _ratio(a: Array, b: Array) -> Array:
    return np.asarray(np.divide(a, b, out=np.full(len(a), np.nan), where=b > 0))


def outcomes(positive: Array, p: Array, at: Array) -> Outcomes:
    """Count outcomes where rows with p ≥ threshold are predicted positive.

    Parameters
    ----------
    positive : ndarray of bool, shape (m,)
    p : ndarray, shape (m,)
        Probabilities of being positive.
    at : ndarray, shape (t,)
        The thresholds.
    """
    of_positives, of_negatives = np.sort(p[positive]), np.sort(p[~positive])
    missed, left = (np.searchsorted(part, at) for part in (of_positives, of_negatives))
    return Outcomes(len(of_positives) - missed, len(of_negatives) - left, missed, left)


def thresholds(evaluation: Evaluation) -> Section | None:
    """Show precision, recall, F1 and the cost of errors at thresholds, for two classes."""
    if not evaluation.binary:
        return None
    positive, p = evaluation.y == 1, evaluation.H[:, 1]
    if positive.all() or not positive.any():
        return None
    curve = outcomes(positive, p, GRID)
    best = float(GRID[np.nanargmax(curve.f1)])
    listed = np.array(sorted({*LISTED, best}))
    found = outcomes(positive, p, listed)
    rows = []
    for k, threshold in enumerate(listed):
        predicted = found.true_positives[k] + found.false_positives[k]
        mark = " (largest F1)" if threshold == best else ""
        shares = (found.precision, found.recall, found.false_positive_rate, found.f1)
        errors = found.false_positives[k], found.false_negatives[k]
        rows.append(
            [
                f"{threshold:.2f}{mark}",
                str(predicted),
                *("–" if np.isnan(share[k]) else f"{share[k]:.3f}" for share in shares),
                *map(str, errors),
                str(sum(errors)),
            ]
        )
    head = ("threshold", "predicted positive", "precision", "recall", "false positive rate", "F1",
            "false positives", "false negatives", "cost")  # fmt: skip

    def drawn(figure: Any) -> None:
        ax = figure.subplots()
        lines = {"precision": curve.precision, "recall": curve.recall, "F1": curve.f1}
        for color, (name, line) in zip(COLORS, lines.items(), strict=False):
            ax.plot(GRID, line, color=color, linewidth=1.6, label=name)
        ax.axvline(0.5, color="black", linewidth=0.6, linestyle=":")
        ax.set(xlabel=f"Threshold on the probability of {label(evaluation.positive)}")
        ax.set(xlim=(0, 1), ylim=(-0.02, 1.02))
        ax.legend()
        ax.grid()

    return Section(
        "thresholds",
        "Choosing a threshold",
        f"A row is predicted as {evaluation.positive} if its probability is at least the "
        "threshold; the model itself uses 0.5. Precision: of the rows predicted positive, the "
        "share that truly is. Recall: of the rows that truly are positive, the share predicted as "
        "such. Enter what a false positive and a false negative cost, in any unit. Confirm a "
        "threshold that is chosen on these rows on other rows.",
        [Listing(head, rows, range(9))],
        [draw("thresholds", drawn, (5.2, 3.2), "Precision, recall and F1 by threshold")],
        wide=True,
        costs=Costs(
            GRID.tolist(),
            curve.false_positives.tolist(),
            curve.false_negatives.tolist(),
            len(p),
        ),
    )
