"""Single rows explained: Shapley values of their columns, estimated by sampling."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from multilayer.plots.style import NEGATIVE, POSITIVE
from multilayer.report.evaluation import Evaluation
from multilayer.report.importance import Importance
from multilayer.report.sections import Section, as_text, number, plain
from multilayer.report.svg import draw, label

__all__ = ["Explanation", "explain", "explanations"]

Array = NDArray[Any]

N_ORDERS = 64  # of which each second one is the reverse of the one before it
MOST_ROWS = 1000  # to choose from
MOST_COLUMNS = 8  # that are explained one by one; the others together


@dataclass(frozen=True)
class Explanation:
    """The contributions of the columns to one prediction, from that of other rows on.

    Attributes
    ----------
    start : float
        The mean output of the background rows.
    parts : ndarray, shape (k,)
        What each column, or group of columns, adds: start + Σ parts = end.
    end : float
        The output for the row.
    """

    start: float
    parts: Array
    end: float


def explain(
    evaluation: Evaluation, row: int, groups: list[list[int]], output: int, rng: Any
) -> Explanation:
    """Estimate Shapley values: the mean change of an output over random orders of the columns.

    In each order the columns of a random background row become those of the row, one group after
    the other; the change that a group makes is counted for it. Source: Štrumbelj and Kononenko,
    "Explaining prediction models and individual predictions with feature contributions", Knowledge
    and Information Systems 41 (2014).

    Parameters
    ----------
    evaluation : Evaluation
    row : int
    groups : list of k lists of int
        Columns; each is in one group.
    output : int
        Index of a class; 0 for numbers.
    rng : RandomState
        Draws orders and background rows.
    """
    k = len(groups)
    half = np.argsort(rng.random_sample((N_ORDERS // 2, k)), axis=1)
    orders = np.stack([half, half[:, ::-1]], axis=1).reshape(N_ORDERS, k)  # antithetic pairs
    drawn = rng.choice(evaluation.rows, N_ORDERS // 2, replace=len(evaluation.rows) < N_ORDERS)
    background = np.repeat(drawn, 2)
    place = np.argsort(orders, axis=1)  # (orders, k): when each group is exchanged
    exchanged = place[:, None, :] < np.arange(k + 1)[None, :, None]  # (orders, k + 1, k)
    of_group = np.where(exchanged, row, background[:, None, None]).reshape(-1, k)
    columns = [j for group in groups for j in group]
    source = np.repeat(of_group, [len(group) for group in groups], axis=1)
    # All columns are exchanged: which rows they are mixed into does not matter.
    X = evaluation.table.mix(np.full(len(source), row), columns, source)
    f = evaluation.predict(X)[:, output].astype(np.float64).reshape(N_ORDERS, k + 1)
    changes = np.diff(f, axis=1)  # (orders, k), in the order of exchange
    parts = np.take_along_axis(changes, place, axis=1).mean(axis=0)
    return Explanation(float(f[:, 0].mean()), parts, float(f[0, -1]))


def explanations(evaluation: Evaluation, importance: Importance) -> Section | None:
    """Explain a few rows of different kinds, one by one."""
    if len(evaluation.rows) < 2:
        return None
    names = evaluation.table.names
    leading = [int(j) for j in importance.columns[:MOST_COLUMNS]]
    rest = [j for j in range(len(names)) if j not in leading]
    if len(rest) == 1:
        leading, rest = [*leading, *rest], []
    groups = [[j] for j in leading] + ([rest] if rest else [])
    rng = np.random.RandomState(0)
    figures = []
    for place, (why, row) in enumerate(_chosen(evaluation).items()):
        output = _output(evaluation, row)
        found = explain(evaluation, row, groups, output, rng)
        titles = [_cell(evaluation, row, j) for j in leading]
        titles += [f"{len(rest)} other columns"] * bool(rest)
        figures.append(
            draw(
                f"row-{place}",
                _bars(evaluation, found, titles, output),
                (4.6, 0.9 + 0.27 * len(groups)),
                f"{why}: row {row}, {_truth(evaluation, row)}",
            )
        )
    what = "predicted probability" if evaluation.classifies else "prediction"
    return Section(
        "rows",
        "Single rows explained",
        "Each bar is a Shapley value: how much the value of a column raises or lowers the "
        f"{what} of the saved model. It is estimated from {N_ORDERS} random orders of the columns. "
        f"In each, the values of one of {N_ORDERS // 2} random background rows are replaced by "
        "those of the row, one column after the other, and the changes are averaged. The bars add "
        f"up to the difference between the {what} of the row and the mean of the background rows. "
        "They describe the model, not causes.",
        figures=figures,
        wide=True,
    )


def _chosen(evaluation: Evaluation) -> dict[str, int]:
    """Choose rows to explain, by what they are an example of; no row twice.

    The saved model is explained: by its predictions the rows are chosen, other than the first one.
    """
    rows = evaluation.sample(MOST_ROWS)
    H = evaluation.predict(evaluation.table.take(rows))
    if evaluation.binary:
        h = H[:, 1]
        found = {"Largest probability": h.argmax(), "Smallest probability": h.argmin()}
        found["Probability closest to 0.5"] = np.abs(h - 0.5).argmin()
    elif evaluation.classifies:
        top = H.max(axis=1)
        found = {"Most certain": top.argmax(), "Least certain": top.argmin()}
    else:
        h = H[:, 0]
        found = {"Largest prediction": h.argmax(), "Smallest prediction": h.argmin()}
        found["Median prediction"] = np.argsort(h, kind="stable")[len(h) // 2]
    chosen = {"Largest error": int(evaluation.rows[evaluation.losses.argmax()])}
    if evaluation.folds is not None:
        chosen = {f"{why} out of fold": row for why, row in chosen.items()}
    for why, at in found.items():
        if int(rows[at]) not in chosen.values():
            chosen[why] = int(rows[at])
    return chosen


def _output(evaluation: Evaluation, row: int) -> int:
    """Return the output to explain: the positive class of two, the predicted one of many."""
    if not evaluation.classifies:
        return 0
    if evaluation.binary:
        return 1
    return int(evaluation.predict(evaluation.table.take(np.array([row]))).argmax())


def _truth(evaluation: Evaluation, row: int) -> str:
    if evaluation.classifies:
        return f"true class {evaluation.classes[evaluation.truth[row]]}"
    return f"true value {number(float(evaluation.truth[row]))}"


def _cell(evaluation: Evaluation, row: int, j: int) -> str:
    table = evaluation.table
    value = table.values(j)[row]
    if table.kinds[j] in ("number", "date"):
        text = as_text(float(value), table.kinds[j]).replace("–", "missing")
    else:
        text = "missing" if value is None else plain(value, 16)
    return label(f"{plain(table.names[j], 16)} = {text}")


def _bars(evaluation: Evaluation, found: Explanation, titles: list[str], output: int) -> Any:
    from matplotlib.ticker import MaxNLocator

    def bars(figure: Any) -> None:
        ax = figure.subplots()
        order = np.argsort(np.abs(found.parts), kind="stable")
        parts = found.parts[order]
        colors = [POSITIVE if part > 0 else NEGATIVE for part in parts]
        ax.barh(range(len(parts)), parts, color=colors, height=0.65)
        for y, part in enumerate(parts):
            text = f"+{number(_rounded(part))}" if part > 0 else number(_rounded(part))
            ax.annotate(
                text,
                (part, y),
                xytext=(3 if part > 0 else -3, 0),
                textcoords="offset points",
                ha="left" if part > 0 else "right",
                va="center",
                fontsize=8,
            )
        ax.set_yticks(range(len(parts)), [titles[k] for k in order])
        ax.margins(x=0.3)
        ax.xaxis.set_major_locator(MaxNLocator(5))
        ax.axvline(0, color="black", linewidth=0.6)
        ax.tick_params(axis="y", length=0)
        ax.spines["left"].set_visible(False)
        ax.grid(axis="x")
        what = "Prediction"
        if evaluation.classifies:
            name = evaluation.positive if evaluation.binary else evaluation.classes[output]
            what = f"Probability of {label(name)}"
        start, end = (number(_rounded(value)) for value in (found.start, found.end))
        ax.set_xlabel(f"{what}: {end}, mean {start}")

    return bars


def _rounded(value: float) -> float:
    """Return a value with three significant digits."""
    return float(f"{value:.3g}") if abs(value) >= 1e-3 else round(value, 4)
