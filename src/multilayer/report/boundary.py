"""The predictions over a table of two columns, as a map."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from multilayer.plots import DecisionBoundaryDisplay
from multilayer.report.evaluation import Evaluation
from multilayer.report.sections import Section, plain
from multilayer.report.svg import MOST_POINTS, draw, label

__all__ = ["boundary"]

GRID = 60


def boundary(evaluation: Evaluation) -> Section | None:
    """Draw the predictions over the two columns of a table that has only two, both of numbers."""
    table = evaluation.table
    if table.kinds != ["number", "number"] or any(np.isnan(table.values(j)).any() for j in (0, 1)):
        return None
    some = np.sort(np.random.RandomState(0).permutation(len(evaluation.y))[:MOST_POINTS])
    if not evaluation.classifies:
        return _surface(evaluation, some)
    labels = evaluation.network.classes_[evaluation.y[some]]

    def drawn(figure: Any) -> None:
        names = [label(plain(name, 24)) for name in table.names]
        DecisionBoundaryDisplay.from_estimator(
            evaluation.model,
            table.take(evaluation.rows[some]),
            labels,
            grid_resolution=200,
            xlabel=names[0],
            ylabel=names[1],
            ax=figure.subplots(),
        )

    return Section(
        "boundary",
        "Decision boundary",
        "The background shows the predicted class, in a deeper colour where its probability is "
        "higher. On the lines two classes are equally probable. Each point is a row, in the colour "
        "of its true class.",
        figures=[draw("boundary", drawn, (5.2, 4.0), "Decision boundary", pixels=True)],
    )


def _surface(evaluation: Evaluation, some: NDArray[np.intp]) -> Section:
    """Draw the prediction over two columns; the cells of the grid come from different rows."""
    table = evaluation.table
    x, y = (table.values(j) for j in (0, 1))
    at = [
        np.argsort(v, kind="stable")[np.linspace(0, len(v) - 1, GRID).astype(int)] for v in (x, y)
    ]
    source = np.stack([part.ravel() for part in np.meshgrid(*at)], axis=1)
    H = np.asarray(evaluation.model.predict(table.mix(source[:, 0], [0, 1], source)))
    names = [label(plain(name, 24)) for name in table.names]

    def drawn(figure: Any) -> None:
        ax = figure.subplots()
        truth = evaluation.y[some]
        scale = {"vmin": truth.min(), "vmax": truth.max(), "cmap": "viridis"}
        grid = H.reshape(GRID, GRID)
        ax.pcolormesh(x[at[0]], y[at[1]], grid, shading="gouraud", rasterized=True, **scale)
        rows = evaluation.rows[some]
        style = {"s": 14, "edgecolors": "white", "linewidths": 0.4}
        points = ax.scatter(x[rows], y[rows], c=truth, **scale, **style)
        figure.colorbar(points, ax=ax)
        ax.set(xlabel=names[0], ylabel=names[1])

    return Section(
        "boundary",
        "Predictions over both columns",
        "The background shows the prediction, and each point is a row, in the colour of its true "
        "target. Points that stand out from the background are rows with large errors.",
        figures=[draw("boundary", drawn, (5.2, 4.0), "Prediction and truth")],
    )
