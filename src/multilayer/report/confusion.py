"""Which classes are confused: the confusion matrix."""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.metrics import confusion_matrix

from multilayer.plots.style import COLORS
from multilayer.report.evaluation import Evaluation
from multilayer.report.sections import Listing, Section, plain
from multilayer.report.svg import draw, label

__all__ = ["confusions"]

MOST_CLASSES, MOST_LABELLED, MOST_PAIRS = 30, 10, 8


def confusions(evaluation: Evaluation) -> Section | None:
    """Draw the confusion matrix, and list the most frequent confusions."""
    if not evaluation.classifies:
        return None
    from matplotlib.colors import LinearSegmentedColormap, to_rgba

    n = len(evaluation.classes)
    counts = confusion_matrix(evaluation.y, evaluation.predicted, labels=range(n))
    written = n <= MOST_LABELLED
    names = [label(plain(name, 14)) for name in evaluation.classes]
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    # From nothing to half of a blue, so that the same ink is legible on light and dark paper.
    ramp = [to_rgba(COLORS[0], 0.0), to_rgba(COLORS[0], 0.65)]
    cmap = LinearSegmentedColormap.from_list("", ramp)

    def drawn(figure: Any) -> None:
        ax = figure.subplots()
        ax.imshow(shares, cmap=cmap, vmin=0, vmax=1)
        if written:
            for j, k in np.ndindex(n, n):
                ax.text(k, j, str(counts[j, k]), ha="center", va="center")
        every = range(n) if n <= MOST_CLASSES else range(0, n, -(-n // MOST_CLASSES))
        long = n * max(map(len, names)) > 24
        ax.set_xticks(every, [names[k] for k in every], rotation=90 if long else 0)
        ax.set_yticks(every, [names[k] for k in every])
        ax.set(xlabel="Predicted class", ylabel="True class")
        ax.tick_params(length=0)

    side = float(np.clip(2.2 + 0.32 * n, 2.9, 5.6))
    wrong = counts - np.diag(np.diag(counts))
    shown = min(MOST_PAIRS, np.count_nonzero(wrong))
    order = np.argsort(-wrong, axis=None, kind="stable")[:shown]
    pairs = [np.unravel_index(at, wrong.shape) for at in order]
    rows = [(evaluation.classes[j], evaluation.classes[k], str(wrong[j, k])) for j, k in pairs]
    often = Listing(("true", "predicted", "rows"), rows, (2,), "Most frequent confusions")
    of_all = f"{wrong.sum()} of {counts.sum()} rows are predicted wrongly. "
    return Section(
        "confusions",
        "Confusion matrix",
        f"{of_all}Rows of the matrix are true classes, columns are predicted classes, and correct "
        "predictions are on the diagonal. A deeper blue means a larger share of the true class.",
        [often] if n > 2 and rows else [],
        [draw("confusions", drawn, (side, side), "Confusion matrix")],
    )
