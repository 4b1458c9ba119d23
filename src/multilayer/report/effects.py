"""Which columns matter, and what the model makes of their values."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from sklearn.inspection import permutation_importance
from sklearn.metrics import accuracy_score, r2_score

from multilayer.plots._style import COLORS
from multilayer.report.sections import Section, counts, plain
from multilayer.report.svg import draw, label

if TYPE_CHECKING:
    from multilayer.report.evaluation import Judged

__all__ = ["Importance", "effects", "importance", "importances"]

Array = NDArray[Any]

SHUFFLED_ROWS = 1000
WIDE, OF_WIDE = 40, 20  # beyond so many columns, so many are shuffled
AVERAGED_ROWS, STEPS, MOST_VALUES = 200, 20, 8
DRAWN_EFFECTS, MOST_BARS, MOST_CLASSES = 4, 20, 5


@dataclass(frozen=True)
class Importance:
    """What the score loses when a column is shuffled.

    Attributes
    ----------
    columns : ndarray of int, shape (k,)
        The most important first.
    means, deviations : ndarray, shape (k,)
        Over the shuffles.
    rows : int
        How many were looked at.
    """

    columns: NDArray[np.intp]
    means: Array
    deviations: Array
    rows: int


def importance(judged: Judged) -> Importance:
    """Shuffle one column after the other, five times each.

    scikit-learn shuffles numbers of rows; a cell is looked up in the raw table when rows are
    predicted, so that a table of any library keeps its types.
    """
    rows = _some(judged, SHUFFLED_ROWS)
    table, model = judged.table, judged.model
    columns = list(range(len(table.names)))
    if len(columns) > WIDE:
        columns = _leading(judged, rows)
    score = accuracy_score if judged.classifies else r2_score
    place = {row: k for k, row in enumerate(judged.rows)}
    truth = judged.y[[place[row] for row in rows]]

    def scoring(_: Any, source: Array, y: Array) -> float:
        return float(score(y, _predict(judged, table.mix(rows, columns, source.astype(np.intp)))))

    source = np.tile(rows[:, None], (1, len(columns)))
    found = permutation_importance(
        model, source, truth, scoring=scoring, n_repeats=5, random_state=0
    )
    order = np.argsort(-found.importances_mean, kind="stable")
    return Importance(
        np.array(columns)[order],
        found.importances_mean[order],
        found.importances_std[order],
        len(rows),
    )


def importances(judged: Judged) -> Section:
    """Draw what the score loses when a column is shuffled."""
    found = judged.importance
    shown = min(MOST_BARS, len(found.columns))
    names = [label(plain(judged.table.names[j], 22)) for j in found.columns[:shown]][::-1]
    what = "accuracy" if judged.classifies else "R²"

    def bars(figure: Any) -> None:
        ax = figure.subplots()
        style = {"ecolor": "black", "error_kw": {"elinewidth": 1}, "capsize": 2}
        means, deviations = found.means[:shown][::-1], found.deviations[:shown][::-1]
        ax.barh(range(shown), means, xerr=deviations, color=COLORS[0], height=0.7, **style)
        ax.set_yticks(range(shown), names)
        ax.set_ylim(-0.6, shown - 0.4)
        ax.set_xlabel(f"{what} lost when the column is shuffled")
        ax.tick_params(axis="y", length=0)
        ax.axvline(0, color="black", linewidth=0.6)
        ax.spines["left"].set_visible(False)
        ax.grid(axis="x")

    rest = len(judged.table.names) - shown
    more = f" Of {len(judged.table.names)} columns the first {shown} are drawn." if rest else ""
    return Section(
        "importance",
        "Which columns matter",
        f"The longer a bar, the more {what} is lost when the values of that column change places "
        f"between {found.rows} rows; the line on a bar is the standard deviation of five shuffles, "
        f"and a bar no longer than it says nothing.{more} Of columns that tell the same, each "
        "seems to matter little.",
        figures=[draw("importance", bars, (4.6, 0.8 + 0.24 * shown), "Permutation importance")],
    )


def effects(judged: Judged) -> Section:
    """Draw the mean prediction when all rows have the same value in a column."""
    rows = _some(judged, AVERAGED_ROWS)
    chosen = [int(j) for j in judged.importance.columns if judged.table.kinds[j] != "empty"]
    curves = {}
    for j in chosen[:DRAWN_EFFECTS]:
        at, values = _grid(judged, j)
        if len(at) > 1:
            H = _outputs(judged, judged.table.mix(
                np.tile(rows, len(at)), [j], np.repeat(at, len(rows))[:, None]
            )).reshape(len(at), len(rows), -1)  # fmt: skip
            curves[j] = values, H
    lines = len(_shown_outputs(judged))
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
            _curve(judged, j, values, H, (low - room, high + room)),
            (4.6, 2.9),
            f"Effect of {plain(judged.table.names[j], 30)}",
        )
        for place, (j, (values, H)) in enumerate(curves.items())
    ]
    what = "probability" if judged.classifies else "prediction"
    band = "" if lines > 1 else " Eight rows of ten lie within the shade."
    return Section(
        "effects",
        "What it makes of their values",
        f"A line or point is the mean {what} over {len(rows)} rows if all of them had that value "
        f"in the column and kept all else (partial dependence).{band} Where two columns go "
        "together, such rows may not exist.",
        figures=figures,
        wide=True,
    )


def _some(judged: Judged, most: int) -> NDArray[np.intp]:
    rows = judged.rows
    if len(rows) <= most:
        return rows
    return np.sort(np.random.RandomState(0).choice(rows, most, replace=False))


def _predict(judged: Judged, X: Any) -> Array:
    H = np.asarray(judged.model.predict_proba(X) if judged.classifies else judged.model.predict(X))
    return H.argmax(axis=1) if judged.classifies else H.reshape(len(H))


def _leading(judged: Judged, rows: NDArray[np.intp]) -> list[int]:
    """Choose columns of a wide table by how the outputs lean on them, to first order."""
    n, network = len(judged.table.names), judged.network
    X = judged.table.take(rows)
    if judged.tabular:
        lean = network.gradient_importances(X)
    else:
        encoder = None if judged.model is network else judged.model[:-1]
        inputs = np.asarray(X if encoder is None else encoder.transform(X), np.float64)
        slopes = np.asarray(network.input_gradient(inputs))
        lean = np.abs(slopes * (inputs - inputs.mean(axis=0))).mean(axis=0)
        columns = getattr(encoder[0], "feature_columns_", None) if encoder is not None else None
        if columns is not None:
            lean = np.bincount(columns, lean, minlength=n)
    if len(lean) != n:
        return list(range(OF_WIDE))
    return sorted(np.argsort(-lean, kind="stable")[:OF_WIDE].tolist())


def _grid(judged: Judged, j: int) -> tuple[NDArray[np.intp], Array]:
    """Choose values of a column: rows that have them, and the values."""
    values = judged.table.values(j)
    if judged.table.kinds[j] in ("number", "date"):
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


def _shown_outputs(judged: Judged) -> list[int]:
    """Choose outputs to draw: the second of two classes, some of many, or the only one."""
    if not judged.classifies:
        return [0]
    if len(judged.classes) == 2:
        return [1]
    return sorted(np.argsort(-np.bincount(judged.y), kind="stable")[:MOST_CLASSES].tolist())


def _outputs(judged: Judged, X: Any) -> Array:
    H = np.asarray(judged.model.predict_proba(X) if judged.classifies else judged.model.predict(X))
    return H.reshape(len(H), -1)[:, _shown_outputs(judged)].astype(np.float64)


def _curve(judged: Judged, j: int, values: Array, H: Array, ends: tuple[float, float]) -> Any:
    """Draw means over rows of H (steps, rows, outputs) at values (steps,)."""
    outputs = _shown_outputs(judged)
    continuous = judged.table.kinds[j] in ("number", "date")

    def curve(figure: Any) -> None:
        ax = figure.subplots()
        x = values if continuous else np.arange(len(values))
        if judged.table.kinds[j] == "date" and np.abs(values).max() > 1e8:
            x = values.astype("datetime64[s]")
        for k, output in enumerate(outputs):
            means = H[:, :, k].mean(axis=1)
            low, high = np.quantile(H[:, :, k], [0.1, 0.9], axis=1)
            name = label(judged.classes[output]) if judged.classifies else ""
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
            _rug(ax, judged, j)
            ax.tick_params(axis="x", rotation=30 if judged.table.kinds[j] == "date" else 0)
        else:
            names = [label(plain(value, 14) or "gap") for value in values]
            ax.set_xticks(x, names, rotation=30 if len("".join(names)) > 40 else 0)
            ax.set_xlim(-0.5, len(x) - 0.5)
        ax.set_xlabel(label(plain(judged.table.names[j], 30)))
        what = "Probability" if judged.classifies else "Prediction"
        if judged.classifies and len(outputs) == 1:
            what += f" of {label(judged.classes[outputs[0]])}"
        ax.set_ylabel(what)
        ax.set_ylim(ends)
        ax.grid(axis="y")
        if len(outputs) > 1:
            ax.legend()

    return curve


def _rug(ax: Any, judged: Judged, j: int) -> None:
    """Mark the deciles of a column on its axis."""
    values = judged.table.values(j)
    deciles = np.quantile(values[~np.isnan(values)], np.linspace(0.1, 0.9, 9))
    if judged.table.kinds[j] == "date" and np.abs(values[~np.isnan(values)]).max() > 1e8:
        deciles = deciles.astype("datetime64[s]")
    height = {"transform": ax.get_xaxis_transform(), "clip_on": True}
    ax.vlines(deciles, 0, 0.04, color="black", linewidth=0.8, **height)
