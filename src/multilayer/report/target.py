"""The target: how its classes or numbers are distributed."""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.metrics import precision_recall_fscore_support

from multilayer.plots.style import COLORS
from multilayer.report.evaluation import Evaluation
from multilayer.report.sections import Listing, Section, number, plain
from multilayer.report.svg import draw, label

__all__ = ["target"]

MOST_CLASSES = 30


def target(evaluation: Evaluation) -> Section:
    """Show the distribution of the target."""
    y = evaluation.y
    if evaluation.classifies:
        listing = _classes(evaluation)
        reading = (
            f"The number of rows of each class, of {len(y)} rows in all. Precision: of the rows "
            "predicted as this class, the share that truly is. Recall: of the rows that truly are "
            "of this class, the share predicted as such. F1 is their harmonic mean. These figures "
            "are unreliable for classes with few rows."
        )
        return Section("target", "The target", reading, [listing])

    def histogram(figure: Any) -> None:
        ax = figure.subplots()
        ax.hist(y, bins=min(40, max(10, len(y) // 25)), color=COLORS[0])
        ax.set(xlabel=label(plain(evaluation.target)), ylabel="Rows")
        ax.grid(axis="y")

    names = ("minimum", "lower quartile", "median", "upper quartile", "maximum", "mean",
             "standard deviation")  # fmt: skip
    values = map(number, [*np.quantile(y, [0, 0.25, 0.5, 0.75, 1]), y.mean(), y.std()])
    listing = Listing(("statistic", "value"), list(zip(names, values, strict=True)), (1,))
    reading = f"Each bar counts the rows, of {len(y)} in all, whose target is in its range."
    figure = draw("target", histogram, (4.6, 2.6), "Distribution of the target")
    return Section("target", "The target", reading, [listing], [figure])


def _classes(evaluation: Evaluation) -> Listing:
    """List the classes, the most frequent first, with precision and recall."""
    every = range(len(evaluation.classes))
    *found, often = precision_recall_fscore_support(
        evaluation.y, evaluation.predicted, labels=every, zero_division=np.nan
    )
    rows = [
        (
            evaluation.classes[k],
            str(often[k]),
            f"{100 * often[k] / len(evaluation.y):.1f} %",
            *("–" if np.isnan(score[k]) else f"{score[k]:.3f}" for score in found),
        )
        for k in np.argsort(-often, kind="stable")[:MOST_CLASSES]
    ]
    return Listing(("class", "rows", "share", "precision", "recall", "F1"), rows, range(1, 6))
