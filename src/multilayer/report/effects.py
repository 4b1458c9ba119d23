"""Partial dependence and individual conditional expectation of the most important columns."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from multilayer.plots.style import COLORS
from multilayer.report.evaluation import Evaluation
from multilayer.report.importance import Importance
from multilayer.report.sections import SHORTEST_DATE, Section, counts, plain
from multilayer.report.svg import draw, label

__all__ = ["effects"]

Array = NDArray[Any]

AVERAGED_ROWS, ICE_ROWS, STEPS, MOST_VALUES = 200, 30, 20, 8
DRAWN_EFFECTS, MOST_CLASSES = 4, 5


def effects(evaluation: Evaluation, importance: Importance) -> Section:
    """Draw predictions against the value of a column, for single rows and their mean."""
    rows = evaluation.sample(AVERAGED_ROWS)
    chosen = [int(j) for j in importance.columns if evaluation.table.kinds[j] != "empty"]
    curves = {}
    for j in chosen[:DRAWN_EFFECTS]:
        at, values = _grid(evaluation, j)
        if len(at) > 1:
            H = _outputs(evaluation, evaluation.table.mix(
                np.tile(rows, len(at)), [j], np.repeat(at, len(rows))[:, None]
            )).reshape(len(at), len(rows), -1)  # fmt: skip
            curves[j] = values, H
    one = len(shown_outputs(evaluation)) == 1
    drawn = _drawn_rows(len(rows))
    ends = [H[:, drawn] if one else H.mean(axis=1) for _, H in curves.values()]
    low = min((float(end.min()) for end in ends), default=0.0)
    high = max((float(end.max()) for end in ends), default=1.0)
    room = 0.05 * (high - low) or 1.0
    figures = [
        draw(
            f"effect-{place}",
            _curve(evaluation, j, values, H, (low - room, high + room)),
            (4.6, 2.9),
            f"Partial dependence on {plain(evaluation.table.names[j], 30)}",
        )
        for place, (j, (values, H)) in enumerate(curves.items())
    ]
    what = "probability" if evaluation.classifies else "prediction"
    ice = (
        f" The thin lines are the same for {len(drawn)} single rows (individual conditional "
        "expectation, ICE): where they are not parallel, the effect depends on other columns."
        if one
        else ""
    )
    return Section(
        "effects",
        "Partial dependence",
        f"The thick line, or the points, show the mean {what} of {len(rows)} rows when all of them "
        f"are given this value of the column and keep their other values.{ice} The marks on the "
        "axis are the deciles of a column of numbers. Where columns are correlated, some of these "
        "combinations do not occur in practice.",
        figures=figures,
        wide=True,
    )


def _drawn_rows(m: int) -> NDArray[np.intp]:
    """Choose the rows of the thin lines among m, evenly."""
    return np.unique(np.linspace(0, m - 1, min(m, ICE_ROWS)).astype(int))


def _grid(evaluation: Evaluation, j: int) -> tuple[NDArray[np.intp], Array]:
    """Choose values of a column: rows that have them, and the values."""
    values = evaluation.table.values(j)
    if evaluation.table.kinds[j] in ("number", "date"):
        known = np.flatnonzero(~np.isnan(values))
        found, at = np.unique(values[known], return_index=True)
        if len(found) > STEPS:
            wanted = np.quantile(values[known], np.linspace(0.02, 0.98, STEPS), method="nearest")
            near = np.unique(np.searchsorted(found, wanted))
            found, at = found[near], at[near]
        return known[at], found
    texts = np.array([value or "" for value in values])
    found, _ = counts(texts)
    found = found[:MOST_VALUES]
    return np.array([int(np.flatnonzero(texts == value)[0]) for value in found]), found


def shown_outputs(evaluation: Evaluation) -> list[int]:
    """Choose outputs to draw: the second of two classes, some of many, or the only one."""
    if not evaluation.classifies:
        return [0]
    if evaluation.binary:
        return [1]
    return sorted(np.argsort(-np.bincount(evaluation.y), kind="stable")[:MOST_CLASSES].tolist())


def _outputs(evaluation: Evaluation, X: Any) -> Array:
    return evaluation.predict(X)[:, shown_outputs(evaluation)].astype(np.float64)


def _curve(
    evaluation: Evaluation, j: int, values: Array, H: Array, ends: tuple[float, float]
) -> Any:
    """Draw H (steps, rows, outputs) at values (steps,): single rows, and means over all."""
    outputs = shown_outputs(evaluation)
    continuous = evaluation.table.kinds[j] in ("number", "date")

    def curve(figure: Any) -> None:
        ax = figure.subplots()
        x = values if continuous else np.arange(len(values))
        if evaluation.table.kinds[j] == "date" and np.abs(values).max() > SHORTEST_DATE:
            x = values.astype("datetime64[s]")
        if len(outputs) == 1:
            single = H[:, _drawn_rows(H.shape[1]), 0]
            ax.plot(x, single, color=COLORS[3], linewidth=0.6, alpha=0.6)
        for k, output in enumerate(outputs):
            means = H[:, :, k].mean(axis=1)
            name = label(evaluation.classes[output]) if evaluation.classifies else ""
            color = COLORS[k]
            if continuous:
                ax.plot(x, means, color=color, linewidth=2.2, label=name)
            else:
                at = x + (k - (len(outputs) - 1) / 2) * 0.12
                ax.plot(at, means, "o", color=color, markersize=7, label=name)
        if continuous:
            _rug(ax, evaluation, j)
            ax.tick_params(axis="x", rotation=30 if evaluation.table.kinds[j] == "date" else 0)
        else:
            names = [label(plain(value, 14) or "missing") for value in values]
            ax.set_xticks(x, names, rotation=30 if len("".join(names)) > 40 else 0)
            ax.set_xlim(-0.5, len(x) - 0.5)
        ax.set_xlabel(label(plain(evaluation.table.names[j], 30)))
        what = "Probability" if evaluation.classifies else "Prediction"
        if evaluation.binary:
            what = f"Probability of {label(evaluation.positive)}"
        ax.set_ylabel(what)
        ax.set_ylim(ends)
        ax.grid(axis="y")
        if len(outputs) > 1:
            ax.legend()

    return curve


def _rug(ax: Any, evaluation: Evaluation, j: int) -> None:
    """Mark the deciles of a column on its axis."""
    values = evaluation.table.values(j)
    deciles = np.quantile(values[~np.isnan(values)], np.linspace(0.1, 0.9, 9))
    if evaluation.table.kinds[j] == "date" and np.nanmax(np.abs(values)) > SHORTEST_DATE:
        deciles = deciles.astype("datetime64[s]")
    height = {"transform": ax.get_xaxis_transform(), "clip_on": True}
    ax.vlines(deciles, 0, 0.04, color="black", linewidth=0.8, **height)
