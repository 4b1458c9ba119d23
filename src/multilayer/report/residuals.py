"""How large the errors of a regression are."""

from __future__ import annotations

from typing import Any

from sklearn.metrics import PredictionErrorDisplay

from multilayer.plots.style import COLORS
from multilayer.report.evaluation import Evaluation
from multilayer.report.sections import Section
from multilayer.report.svg import MOST_POINTS, draw

__all__ = ["residuals"]


def residuals(evaluation: Evaluation) -> Section | None:
    """Draw true values and residuals against predictions."""
    if evaluation.classifies:
        return None
    from matplotlib.ticker import MaxNLocator

    figures = []
    for kind, what in (
        ("actual_vs_predicted", "True value"),
        ("residual_vs_predicted", "Residual: true minus predicted"),
    ):

        def drawn(figure: Any, kind: Any = kind, what: str = what) -> None:
            style = {"s": 10, "alpha": 0.5, "color": COLORS[0], "linewidths": 0}
            ax = figure.subplots()
            PredictionErrorDisplay.from_predictions(
                evaluation.y,
                evaluation.H,
                kind=kind,
                subsample=MOST_POINTS,
                random_state=0,
                ax=ax,
                scatter_kwargs=style,
            )
            ax.set(xlabel="Predicted value", ylabel=what)
            for axis in (ax.xaxis, ax.yaxis):
                axis.set_major_locator(MaxNLocator(5))
            ax.grid()

        figures.append(draw(kind, drawn, (4.2, 3.8), f"{what}, by predicted value"))
    some = f" ({MOST_POINTS} rows at random)" if len(evaluation.y) > MOST_POINTS else ""
    return Section(
        "errors",
        "Residuals",
        f"Each point is a row{some}. The dashed line is a perfect prediction. A bend in the cloud "
        "of points means that the model is biased for some predictions, and a cloud that widens "
        "means that its errors grow with them.",
        figures=figures,
        wide=True,
    )
