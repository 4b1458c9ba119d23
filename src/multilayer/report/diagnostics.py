"""Where predictions are right and where they are wrong."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn import metrics
from sklearn.calibration import CalibrationDisplay

from multilayer.plots import DecisionBoundaryDisplay
from multilayer.plots._style import COLORS
from multilayer.report.evaluation import Judged
from multilayer.report.sections import Listing, Section, number, plain
from multilayer.report.svg import MOST_POINTS, draw, label

__all__ = ["boundary", "calibration", "confusions", "curves", "worst"]

MOST_CLASSES, MOST_LABELLED, MOST_CURVES = 30, 10, 6
WORST, WORST_COLUMNS, GRID = 10, 6, 60


def confusions(judged: Judged) -> Section:
    """Draw the confusion matrix, or the errors of numbers."""
    return _matrix(judged) if judged.classifies else _residuals(judged)


def _matrix(judged: Judged) -> Section:
    from matplotlib.colors import LinearSegmentedColormap, to_rgba

    n = len(judged.classes)
    counts = metrics.confusion_matrix(judged.y, judged.predicted, labels=range(n))
    written = n <= MOST_LABELLED
    names = [label(plain(name, 14)) for name in judged.classes]
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
    rows = [(judged.classes[j], judged.classes[k], str(wrong[j, k])) for j, k in pairs]
    head = ("true", "predicted", "rows")
    often = Listing(head, rows, (2,), "Most frequent confusions")
    return Section(
        "confusions",
        "Which classes it confuses",
        "A row is a true class, a column what was predicted for it: on the diagonal are the right "
        "ones; the deeper the blue, the larger the share of the true class.",
        [often] if n > 2 and rows else [],
        [draw("confusions", drawn, (side, side), "Confusion matrix")],
    )


def _residuals(judged: Judged) -> Section:
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
                judged.y,
                judged.H,
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
    some = f", {MOST_POINTS} of them," if len(judged.y) > MOST_POINTS else ""
    return Section(
        "errors",
        "How far off it is",
        f"Each point is a row{some} and the dashed line a perfect prediction: a cloud that bends "
        "away from it, or opens like a fan, tells where the model errs.",
        figures=figures,
        wide=True,
    )


def calibration(judged: Judged) -> Section | None:
    """Draw how often the model is right where it says how sure it is."""
    return _reliability(judged) if judged.classifies else _coverage(judged)


def _reliability(judged: Judged) -> Section:
    two = len(judged.classes) == 2
    h = judged.H[:, 1] if two else judged.H.max(axis=1)
    right = judged.y == (1 if two else judged.predicted)
    name = judged.classes[1] if two else "the class predicted"

    def drawn(figure: Any) -> None:
        ax, below = figure.subplots(2, sharex=True, height_ratios=[3, 1])
        CalibrationDisplay.from_predictions(
            right, np.clip(h, 0, 1), n_bins=10, strategy="quantile", ax=ax, color=COLORS[0]
        )
        ax.set(xlabel="", ylabel="Share that was so")
        ax.legend(["as often as said", "this model"], loc="upper left")
        ax.grid()
        below.hist(h, bins=np.linspace(0, 1, 21), color=COLORS[0])
        below.set(xlabel=f"Probability of {label(name)}", ylabel="Rows", xlim=(0, 1))

    return Section(
        "calibration",
        "How far its probabilities can be trusted",
        "Each point is a tenth of the rows: below the dotted line the model was too sure, above it "
        "not sure enough; the bars below say how many rows got which probability.",
        figures=[draw("calibration", drawn, (4.6, 4.2), "Reliability")],
    )


def _coverage(judged: Judged) -> Section | None:
    network = judged.network
    if not hasattr(network, "residuals_") or len(network.residuals_) < 20:
        return None
    wanted = np.linspace(0.1, 0.95, 18)
    from multilayer.tabular.intervals import half_width

    widths = np.array([half_width(network.residuals_, share) for share in wanted])
    held = np.mean(np.abs(judged.y - judged.H) <= widths[:, None], axis=1)

    def drawn(figure: Any) -> None:
        ax = figure.subplots()
        ax.plot([0, 1], [0, 1], ":", color="black", linewidth=1, label="as often as asked")
        ax.plot(wanted, held, "o-", color=COLORS[0], markersize=3.5, label="this model")
        ax.set(xlabel="Coverage asked of the intervals", ylabel="Share of rows within")
        ax.set_aspect("equal")
        ax.legend()
        ax.grid()

    return Section(
        "calibration",
        "How far its intervals can be trusted",
        "Intervals for which a coverage was asked, and how many rows were within: below the dotted "
        "line the intervals are too narrow, above it wider than they need be.",
        figures=[draw("coverage", drawn, (4.2, 3.8), "Coverage of intervals")],
    )


def curves(judged: Judged) -> Section | None:
    """Draw ROC and precision-recall curves, of each class against the others."""
    if not judged.classifies:
        return None
    there = np.bincount(judged.y, minlength=len(judged.classes))
    order = np.argsort(-there, kind="stable")[:MOST_CURVES]
    chosen = [1] if len(there) == 2 else sorted(order.tolist())
    chosen = [k for k in chosen if 0 < there[k] < len(judged.y)]
    if not chosen:
        return None

    def roc(figure: Any) -> None:
        ax = figure.subplots()
        for k in chosen:
            metrics.RocCurveDisplay.from_predictions(
                judged.y == k,
                judged.H[:, k],
                name=label(plain(judged.classes[k], 16)),
                ax=ax,
                plot_chance_level=k == chosen[-1],
                curve_kwargs={"color": COLORS[chosen.index(k)], "linewidth": 1.6},
            )
        ax.set(xlabel="Share of the others taken for it", ylabel="Share of the class found")
        _finish(ax)

    def precision_recall(figure: Any) -> None:
        ax = figure.subplots()
        for k in chosen:
            metrics.PrecisionRecallDisplay.from_predictions(
                judged.y == k,
                judged.H[:, k],
                name=label(plain(judged.classes[k], 16)),
                ax=ax,
                curve_kwargs={"color": COLORS[chosen.index(k)], "linewidth": 1.6},
            )
        ax.set(xlabel="Share of the class found (recall)", ylabel="Of these, right (precision)")
        _finish(ax)

    which = "" if len(there) == 2 else ", each class against all others"
    if len(chosen) < len(there) and len(there) > 2:
        which += f", the {len(chosen)} most frequent"
    return Section(
        "curves",
        "What another threshold would give",
        f"Along a curve the threshold of the probability falls{which}: the nearer the ROC curve to "
        "the upper left and the precision-recall curve to the upper right corner, the better.",
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


def boundary(judged: Judged) -> Section | None:
    """Draw what is predicted over the only two columns, where they are numbers."""
    table = judged.table
    if table.kinds != ["number", "number"] or any(np.isnan(table.values(j)).any() for j in (0, 1)):
        return None
    some = np.sort(np.random.RandomState(0).permutation(len(judged.y))[:MOST_POINTS])
    if not judged.classifies:
        return _surface(judged, some)
    labels = judged.network.classes_[judged.y[some]]

    def drawn(figure: Any) -> None:
        names = [label(plain(name, 24)) for name in table.names]
        DecisionBoundaryDisplay.from_estimator(
            judged.model,
            table.take(judged.rows[some]),
            labels,
            grid_resolution=200,
            xlabel=names[0],
            ylabel=names[1],
            ax=figure.subplots(),
        )

    return Section(
        "boundary",
        "Where it draws the line",
        "The colour is that of the class predicted there, deeper where the network is surer; on "
        "the line two classes are equally probable, and the points are rows with their true class.",
        figures=[draw("boundary", drawn, (5.2, 4.0), "Decision boundary", pixels=True)],
    )


def _surface(judged: Judged, some: NDArray[np.intp]) -> Section:
    """Draw the prediction over two columns; the cells of the grid come from different rows."""
    table = judged.table
    x, y = (table.values(j) for j in (0, 1))
    at = [
        np.argsort(v, kind="stable")[np.linspace(0, len(v) - 1, GRID).astype(int)] for v in (x, y)
    ]
    source = np.stack([part.ravel() for part in np.meshgrid(*at)], axis=1)
    H = np.asarray(judged.model.predict(table.mix(source[:, 0], [0, 1], source)))
    names = [label(plain(name, 24)) for name in table.names]

    def drawn(figure: Any) -> None:
        ax = figure.subplots()
        truth = judged.y[some]
        scale = {"vmin": truth.min(), "vmax": truth.max(), "cmap": "viridis"}
        grid = H.reshape(GRID, GRID)
        ax.pcolormesh(x[at[0]], y[at[1]], grid, shading="gouraud", rasterized=True, **scale)
        rows = judged.rows[some]
        style = {"s": 14, "edgecolors": "white", "linewidths": 0.4}
        points = ax.scatter(x[rows], y[rows], c=truth, **scale, **style)
        figure.colorbar(points, ax=ax)
        ax.set(xlabel=names[0], ylabel=names[1])

    return Section(
        "boundary",
        "What it predicts where",
        "The colour of the ground is the prediction, that of a point the truth: a point that "
        "stands out is a row that the model misses.",
        figures=[draw("boundary", drawn, (5.2, 4.0), "Prediction and truth")],
    )


def worst(judged: Judged) -> Section:
    """List the rows that cost most."""
    table = judged.table
    columns = [int(j) for j in judged.importance.columns[:WORST_COLUMNS]]
    order = np.argsort(-judged.losses, kind="stable")[:WORST]
    rows = []
    for k in order:
        if judged.classifies:
            said = judged.predicted[k]
            own = [
                judged.classes[judged.y[k]],
                judged.classes[said],
                f"{judged.H[k, judged.y[k]]:.3f}",
            ]
        else:
            own = [number(v) for v in (judged.y[k], judged.H[k], judged.H[k] - judged.y[k])]
        row = int(judged.rows[k])
        cells = [plain(_shown(table.cell(row, j)), 24) for j in columns]
        rows.append([str(row), *own, *cells])
    head = ("true", "predicted", "p of true") if judged.classifies else (
        "true", "predicted", "error")  # fmt: skip
    names = [plain(table.names[j], 24) for j in columns]
    of_columns = [4 + k for k, j in enumerate(columns) if table.kinds[j] == "number"]
    numbers = [0, 3, *of_columns] if judged.classifies else [0, 1, 2, 3, *of_columns]
    return Section(
        "worst",
        "Where it is most wrong",
        f"The {len(rows)} rows that cost most, numbered from 0 in the order given, with the "
        "columns that matter most: look whether the truth is wrong there, or a column is missing "
        "that would have told.",
        [Listing(["row", *head, *names], rows, numbers)],
        wide=True,
    )


def _shown(value: Any) -> Any:
    try:
        return "–" if value is None or value != value else value
    except (TypeError, ValueError):  # pandas.NA
        return "–"
