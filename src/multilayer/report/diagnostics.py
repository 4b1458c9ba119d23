"""Where predictions are right and where they are wrong."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn import metrics
from sklearn.calibration import CalibrationDisplay

from multilayer.plots import DecisionBoundaryDisplay
from multilayer.plots.style import COLORS
from multilayer.report.evaluation import Evaluation
from multilayer.report.importance import Importance
from multilayer.report.sections import Listing, Section, number, plain
from multilayer.report.svg import MOST_POINTS, draw, label
from multilayer.tabular.intervals import half_width

__all__ = ["boundary", "calibration", "confusions", "curves", "worst"]

MOST_CLASSES, MOST_LABELLED, MOST_CURVES = 30, 10, 6
WORST, WORST_COLUMNS, GRID = 10, 6, 60


def confusions(evaluation: Evaluation) -> Section:
    """Draw the confusion matrix, or the residuals of a regression."""
    return _matrix(evaluation) if evaluation.classifies else _residuals(evaluation)


def _matrix(evaluation: Evaluation) -> Section:
    from matplotlib.colors import LinearSegmentedColormap, to_rgba

    n = len(evaluation.classes)
    counts = metrics.confusion_matrix(evaluation.y, evaluation.predicted, labels=range(n))
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
        ax.set(xlabel="Predicted", ylabel="True")
        ax.tick_params(length=0)

    side = float(np.clip(2.2 + 0.32 * n, 2.9, 5.6))
    wrong = counts - np.diag(np.diag(counts))
    order = np.argsort(-wrong, axis=None, kind="stable")[: min(8, np.count_nonzero(wrong))]
    pairs = [np.unravel_index(at, wrong.shape) for at in order]
    rows = [(evaluation.classes[j], evaluation.classes[k], str(wrong[j, k])) for j, k in pairs]
    head = ("true", "predicted", "rows")
    often = Listing(head, rows, (2,), "Most frequent confusions")
    return Section(
        "confusions",
        "Which classes are confused",
        "Rows are true classes, columns predicted classes: correct predictions are on the "
        "diagonal. The deeper the blue, the larger the share of the true class.",
        [often] if n > 2 and rows else [],
        [draw("confusions", drawn, (side, side), "Confusion matrix")],
    )


def _residuals(evaluation: Evaluation) -> Section:
    from matplotlib.ticker import MaxNLocator

    figures = []
    for kind, what in (
        ("actual_vs_predicted", "True"),
        ("residual_vs_predicted", "True minus predicted"),
    ):

        def drawn(figure: Any, kind: Any = kind, what: str = what) -> None:
            style = {"s": 10, "alpha": 0.5, "color": COLORS[0], "linewidths": 0}
            ax = figure.subplots()
            metrics.PredictionErrorDisplay.from_predictions(
                evaluation.y,
                evaluation.H,
                kind=kind,
                subsample=MOST_POINTS,
                random_state=0,
                ax=ax,
                scatter_kwargs=style,
            )
            ax.set(xlabel="Predicted", ylabel=what)
            for axis in (ax.xaxis, ax.yaxis):
                axis.set_major_locator(MaxNLocator(5))
            ax.grid()

        figures.append(draw(kind, drawn, (4.2, 3.8), f"{what}, by predicted"))
    some = f" (a random {MOST_POINTS} of them)" if len(evaluation.y) > MOST_POINTS else ""
    return Section(
        "errors",
        "How large the errors are",
        f"Each point is a row{some} and the dashed line is a perfect prediction. Points that bend "
        "away from the line, or spread out along it, show where the model errs.",
        figures=figures,
        wide=True,
    )


def calibration(evaluation: Evaluation) -> Section | None:
    """Draw how well probabilities or intervals are calibrated."""
    return _reliability(evaluation) if evaluation.classifies else _coverage(evaluation)


def _reliability(evaluation: Evaluation) -> Section:
    two = len(evaluation.classes) == 2
    h = evaluation.H[:, 1] if two else evaluation.H.max(axis=1)
    right = evaluation.y == (1 if two else evaluation.predicted)
    name = evaluation.classes[1] if two else "the predicted class"

    def drawn(figure: Any) -> None:
        ax, below = figure.subplots(2, sharex=True, height_ratios=[3, 1])
        CalibrationDisplay.from_predictions(
            right, np.clip(h, 0, 1), n_bins=10, strategy="quantile", ax=ax, color=COLORS[0]
        )
        ax.set(xlabel="", ylabel="Observed share")
        ax.legend(["perfectly calibrated", "this model"], loc="upper left")
        ax.grid()
        below.hist(h, bins=np.linspace(0, 1, 21), color=COLORS[0])
        below.set(xlabel=f"Probability of {label(name)}", ylabel="Rows", xlim=(0, 1))

    return Section(
        "calibration",
        "How well probabilities are calibrated",
        "Each point is a tenth of the rows. Points below the dotted line mean that the model was "
        "overconfident, points above it that it was underconfident. The bars below count the rows "
        "by predicted probability.",
        figures=[draw("calibration", drawn, (4.6, 4.2), "Reliability")],
    )


def _coverage(evaluation: Evaluation) -> Section | None:
    network = evaluation.network
    if not hasattr(network, "residuals_") or len(network.residuals_) < 20:
        return None
    wanted = np.linspace(0.1, 0.95, 18)
    widths = np.array([half_width(network.residuals_, share) for share in wanted])
    held = np.mean(np.abs(evaluation.y - evaluation.H) <= widths[:, None], axis=1)

    def drawn(figure: Any) -> None:
        ax = figure.subplots()
        ax.plot([0, 1], [0, 1], ":", color="black", linewidth=1, label="perfectly calibrated")
        ax.plot(wanted, held, "o-", color=COLORS[0], markersize=3.5, label="this model")
        ax.set(xlabel="Nominal coverage", ylabel="Observed coverage")
        ax.set_aspect("equal")
        ax.legend()
        ax.grid()

    return Section(
        "calibration",
        "How well intervals are calibrated",
        "The share of rows within the prediction intervals, for each nominal coverage. Below the "
        "dotted line the intervals are too narrow, above it wider than necessary.",
        figures=[draw("coverage", drawn, (4.2, 3.8), "Coverage of intervals")],
    )


def curves(evaluation: Evaluation) -> Section | None:
    """Draw ROC and precision-recall curves, of each class against all others."""
    if not evaluation.classifies:
        return None
    there = np.bincount(evaluation.y, minlength=len(evaluation.classes))
    order = np.argsort(-there, kind="stable")[:MOST_CURVES]
    chosen = [1] if len(there) == 2 else sorted(order.tolist())
    chosen = [k for k in chosen if 0 < there[k] < len(evaluation.y)]
    if not chosen:
        return None

    def roc(figure: Any) -> None:
        ax = figure.subplots()
        for k in chosen:
            metrics.RocCurveDisplay.from_predictions(
                evaluation.y == k,
                evaluation.H[:, k],
                name=label(plain(evaluation.classes[k], 16)),
                ax=ax,
                plot_chance_level=k == chosen[-1],
                curve_kwargs={"color": COLORS[chosen.index(k)], "linewidth": 1.6},
            )
        ax.set(xlabel="False positive rate", ylabel="True positive rate")
        _finish(ax)

    def precision_recall(figure: Any) -> None:
        ax = figure.subplots()
        for k in chosen:
            metrics.PrecisionRecallDisplay.from_predictions(
                evaluation.y == k,
                evaluation.H[:, k],
                name=label(plain(evaluation.classes[k], 16)),
                ax=ax,
                curve_kwargs={"color": COLORS[chosen.index(k)], "linewidth": 1.6},
            )
        ax.set(xlabel="Recall", ylabel="Precision")
        _finish(ax)

    which = "" if len(there) == 2 else ", for each class against all others"
    if len(chosen) < len(there) and len(there) > 2:
        which = f", for the {len(chosen)} most frequent classes, each against all others"
    return Section(
        "curves",
        "ROC and precision-recall curves",
        f"Along a curve the threshold on the probability falls{which}. The closer the ROC curve is "
        "to the upper left corner, and the precision-recall curve to the upper right one, the "
        "better.",
        figures=[
            draw("roc", roc, (4.2, 4.0), "ROC"),
            draw("precision-recall", precision_recall, (4.2, 4.0), "Precision and recall"),
        ],
        wide=True,
    )


def _finish(ax: Any) -> None:
    ax.set(xlim=(-0.02, 1.02), ylim=(-0.02, 1.02))
    ax.legend(loc="best", fontsize=7.5)
    ax.grid()


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
        "The decision boundary",
        "The background has the colour of the predicted class, deeper where its probability is "
        "higher. On the line two classes are equally probable. The points are rows, coloured by "
        "their true class.",
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
        "The predictions over both columns",
        "The background colour is the prediction, the colour of a point the true target: a point "
        "that stands out is a row with a large error.",
        figures=[draw("boundary", drawn, (5.2, 4.0), "Prediction and truth")],
    )


def worst(evaluation: Evaluation, importance: Importance) -> Section:
    """List the rows with the largest losses."""
    table = evaluation.table
    columns = [int(j) for j in importance.columns[:WORST_COLUMNS]]
    order = np.argsort(-evaluation.losses, kind="stable")[:WORST]
    rows = []
    for k in order:
        if evaluation.classifies:
            predicted = evaluation.predicted[k]
            own = [
                evaluation.classes[evaluation.y[k]],
                evaluation.classes[predicted],
                f"{evaluation.H[k, evaluation.y[k]]:.3f}",
            ]
        else:
            own = [
                number(v)
                for v in (evaluation.y[k], evaluation.H[k], evaluation.H[k] - evaluation.y[k])
            ]
        row = int(evaluation.rows[k])
        cells = [plain(_shown(table.cell(row, j)), 24) for j in columns]
        rows.append([str(row), *own, *cells])
    head = ("true", "predicted", "p of true") if evaluation.classifies else (
        "true", "predicted", "error")  # fmt: skip
    names = [plain(table.names[j], 24) for j in columns]
    of_columns = [4 + k for k, j in enumerate(columns) if table.kinds[j] == "number"]
    numbers = [0, 3, *of_columns] if evaluation.classifies else [0, 1, 2, 3, *of_columns]
    return Section(
        "worst",
        "The largest errors",
        f"The {len(rows)} rows with the largest losses, numbered from 0 in the order given, with "
        "the most important columns. Check whether their targets are wrong, or whether a column is "
        "missing that would explain them.",
        [Listing(["row", *head, *names], rows, numbers)],
        wide=True,
    )


def _shown(value: Any) -> Any:
    try:
        return "–" if value is None or value != value else value
    except (TypeError, ValueError):  # pandas.NA
        return "–"
