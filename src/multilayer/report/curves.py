"""ROC and precision-recall curves."""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.metrics import PrecisionRecallDisplay, RocCurveDisplay

from multilayer.plots.style import COLORS
from multilayer.report.evaluation import Evaluation
from multilayer.report.sections import Section, plain
from multilayer.report.svg import draw, label

__all__ = ["curves", "drawn_classes"]

MOST_CURVES = 6


def drawn_classes(evaluation: Evaluation) -> list[int]:
    """Choose the classes to draw: the positive one of two, or the most frequent ones of many.

    Classes without rows, or that all rows belong to, have no curves.
    """
    there = np.bincount(evaluation.y, minlength=len(evaluation.classes))
    order = np.argsort(-there, kind="stable")[:MOST_CURVES]
    chosen = [1] if evaluation.binary else sorted(order.tolist())
    return [k for k in chosen if 0 < there[k] < len(evaluation.y)]


def curves(evaluation: Evaluation) -> Section | None:
    """Draw ROC and precision-recall curves, of each class against all others."""
    chosen = drawn_classes(evaluation) if evaluation.classifies else []
    if not chosen:
        return None
    figures = []
    for name, caption, display, axes, more in (
        ("roc", "ROC curve", RocCurveDisplay, ("False positive rate", "True positive rate"),
         {"plot_chance_level": True}),
        ("precision-recall", "Precision-recall curve", PrecisionRecallDisplay,
         ("Recall", "Precision"), {}),
    ):  # fmt: skip

        def drawn(
            figure: Any, display: Any = display, axes: Any = axes, more: dict[str, bool] = more
        ) -> None:
            ax = figure.subplots()
            for place, k in enumerate(chosen):
                display.from_predictions(
                    evaluation.y == k,
                    evaluation.H[:, k],
                    name=label(plain(evaluation.classes[k], 16)),
                    ax=ax,
                    curve_kwargs={"color": COLORS[place], "linewidth": 1.6},
                    **(more if k == chosen[-1] else {}),
                )
            ax.set(xlabel=axes[0], ylabel=axes[1], xlim=(-0.02, 1.02), ylim=(-0.02, 1.02))
            ax.legend(loc="best", fontsize=7.5)
            ax.grid()

        figures.append(draw(name, drawn, (4.2, 4.0), caption))
    which = "" if evaluation.binary else " Each curve is one class against all others."
    if not evaluation.binary and len(chosen) < len(evaluation.classes):
        which = (
            f" Each curve is one class against all others, for the {len(chosen)} most frequent "
            "classes."
        )
    return Section(
        "curves",
        "ROC and precision-recall curves",
        f"Each point of a curve is a threshold on the predicted probability.{which} The true "
        "positive rate, or recall, is the share of the class that is found; the false positive "
        "rate is the share of the other rows that are predicted as this class. A better model is "
        "closer to the upper left corner of the ROC plot and to the upper right corner of the "
        "precision-recall plot.",
        figures=figures,
        wide=True,
    )
