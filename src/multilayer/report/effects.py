"""Effects of columns: the mean prediction when all rows have the same value in a column."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from multilayer.plots.style import COLORS
from multilayer.report.evaluation import Evaluation
from multilayer.report.importance import Importance
from multilayer.report.sections import Section, counts, plain
from multilayer.report.svg import draw, label

__all__ = ["effects"]

Array = NDArray[Any]

AVERAGED_ROWS, STEPS, MOST_VALUES = 200, 20, 8
DRAWN_EFFECTS, MOST_CLASSES = 4, 5


def effects(evaluation: Evaluation, importance: Importance) -> Section:
    """Draw the mean prediction when all rows have the same value in a column."""
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
    lines = len(_shown_outputs(evaluation))
    ends = [
        np.quantile(H, [0.1, 0.9], axis=1) if lines == 1 else H.mean(axis=1)
        for _, H in curves.values()
    ]
    low, high = (
        min((end.min() for end in ends), default=0.0),
        max((end.max() for end in ends), default=1.0),
    )
    room = 0.05 * (high - low) or 1.0
    figures = [
        draw(
            f"effect-{place}",
            _curve(evaluation, j, values, H, (low - room, high + room)),
            (4.6, 2.9),
            f"Effect of {plain(evaluation.table.names[j], 30)}",
        )
        for place, (j, (values, H)) in enumerate(curves.items())
    ]
    what = "probability" if evaluation.classifies else "prediction"
    band = "" if lines > 1 else " The shaded range holds the middle 80 % of the rows."
    return Section(
        "effects",
        "How predictions depend on their values",
        f"A line or point is the mean {what} over {len(rows)} rows if all of them had that value "
        f"in the column, with all other columns unchanged (partial dependence).{band} Where "
        "columns are correlated, such rows may not exist.",
        figures=figures,
        wide=True,
    )


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


def _shown_outputs(evaluation: Evaluation) -> list[int]:
    """Choose outputs to draw: the second of two classes, some of many, or the only one."""
    if not evaluation.classifies:
        return [0]
    if len(evaluation.classes) == 2:
        return [1]
    return sorted(np.argsort(-np.bincount(evaluation.y), kind="stable")[:MOST_CLASSES].tolist())


def _outputs(evaluation: Evaluation, X: Any) -> Array:
    return evaluation.predict(X)[:, _shown_outputs(evaluation)].astype(np.float64)


def _curve(
    evaluation: Evaluation, j: int, values: Array, H: Array, ends: tuple[float, float]
) -> Any:
    """Draw means over rows of H (steps, rows, outputs) at values (steps,)."""
    outputs = _shown_outputs(evaluation)
    continuous = evaluation.table.kinds[j] in ("number", "date")

    def curve(figure: Any) -> None:
        ax = figure.subplots()
        x = values if continuous else np.arange(len(values))
        if evaluation.table.kinds[j] == "date" and np.abs(values).max() > 1e8:
            x = values.astype("datetime64[s]")
        for k, output in enumerate(outputs):
            means = H[:, :, k].mean(axis=1)
            low, high = np.quantile(H[:, :, k], [0.1, 0.9], axis=1)
            name = label(evaluation.classes[output]) if evaluation.classifies else ""
            color = COLORS[k]
            if continuous:
                ax.plot(x, means, color=color, linewidth=1.8, label=name)
                if len(outputs) == 1:
                    ax.fill_between(x, low, high, color=color, alpha=0.18, linewidth=0)
            else:
                at = x + (k - (len(outputs) - 1) / 2) * 0.12
                ax.plot(at, means, "o", color=color, label=name)
                if len(outputs) == 1:
                    ax.vlines(at, low, high, color=color, linewidth=5, alpha=0.25)
        if continuous:
            _rug(ax, evaluation, j)
            ax.tick_params(axis="x", rotation=30 if evaluation.table.kinds[j] == "date" else 0)
        else:
            names = [label(plain(value, 14) or "gap") for value in values]
            ax.set_xticks(x, names, rotation=30 if len("".join(names)) > 40 else 0)
            ax.set_xlim(-0.5, len(x) - 0.5)
        ax.set_xlabel(label(plain(evaluation.table.names[j], 30)))
        what = "Probability" if evaluation.classifies else "Prediction"
        if evaluation.classifies and len(outputs) == 1:
            what += f" of {label(evaluation.classes[outputs[0]])}"
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
    if evaluation.table.kinds[j] == "date" and np.abs(values[~np.isnan(values)]).max() > 1e8:
        deciles = deciles.astype("datetime64[s]")
    height = {"transform": ax.get_xaxis_transform(), "clip_on": True}
    ax.vlines(deciles, 0, 0.04, color="black", linewidth=0.8, **height)
