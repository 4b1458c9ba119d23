"""Permutation importance: the score lost when a column is permuted."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.inspection import permutation_importance
from sklearn.metrics import accuracy_score, r2_score

from multilayer.plots.style import COLORS
from multilayer.report.evaluation import Evaluation
from multilayer.report.sections import Section, counted, plain
from multilayer.report.svg import draw, label

__all__ = ["Importance", "importance_of", "importances"]

Array = NDArray[Any]

SHUFFLED_ROWS = 1000
WIDE, OF_WIDE = 40, 20  # beyond so many columns, only so many are permuted
MOST_BARS = 20


@dataclass(frozen=True)
class Importance:
    """The score lost when a column is permuted.

    Attributes
    ----------
    columns : ndarray of int, shape (k,)
        The most important first.
    means, deviations : ndarray, shape (k,)
        Over the permutations.
    rows : int
        Number of rows that were permuted.
    """

    columns: NDArray[np.intp]
    means: Array
    deviations: Array
    rows: int


def importance_of(evaluation: Evaluation) -> Importance:
    """Permute one column after the other, five times each.

    scikit-learn permutes numbers of rows; a cell is looked up in the raw table when rows are
    predicted, so that a table of any library keeps its types.
    """
    rows = evaluation.sample(SHUFFLED_ROWS)
    table, classifies = evaluation.table, evaluation.classifies
    columns = list(range(len(table.names)))
    if len(columns) > WIDE:
        columns = _leading(evaluation, rows)
    score = accuracy_score if classifies else r2_score
    truth = evaluation.y[np.searchsorted(evaluation.rows, rows)]

    def scoring(_: Any, source: Array, y: Array) -> float:
        H = evaluation.predict(table.mix(rows, columns, source.astype(np.intp)))
        return float(score(y, H.argmax(axis=1) if classifies else H[:, 0]))

    source = np.tile(rows[:, None], (1, len(columns)))
    found = permutation_importance(
        evaluation.model, source, truth, scoring=scoring, n_repeats=5, random_state=0
    )
    order = np.argsort(-found.importances_mean, kind="stable")
    return Importance(
        np.array(columns)[order],
        found.importances_mean[order],
        found.importances_std[order],
        len(rows),
    )


def importances(evaluation: Evaluation, importance: Importance) -> Section:
    """Draw the score lost when a column is permuted."""
    names = evaluation.table.names
    shown = min(MOST_BARS, len(importance.columns))
    drawn = [label(plain(names[j], 22)) for j in importance.columns[:shown]][::-1]
    score = "accuracy" if evaluation.classifies else "R²"

    def bars(figure: Any) -> None:
        ax = figure.subplots()
        style = {"ecolor": "black", "error_kw": {"elinewidth": 1}, "capsize": 2}
        means, deviations = importance.means[:shown][::-1], importance.deviations[:shown][::-1]
        ax.barh(range(shown), means, xerr=deviations, color=COLORS[0], height=0.7, **style)
        ax.set_yticks(range(shown), drawn)
        ax.set_ylim(-0.6, shown - 0.4)
        ax.set_xlabel(f"Decrease of {score}")
        ax.tick_params(axis="y", length=0)
        ax.axvline(0, color="black", linewidth=0.6)
        ax.spines["left"].set_visible(False)
        ax.grid(axis="x")

    measured = len(importance.columns)
    more = f" The chart shows the {shown} largest of {measured} columns." * (shown < measured)
    if measured < len(names):
        more += (
            f" It was measured for the {measured} of {len(names)} columns to which the outputs "
            "are most sensitive."
        )
    return Section(
        "importance",
        "Permutation importance",
        f"Each bar is the decrease of the {score} when the values of a column are permuted among "
        f"{counted(importance.rows, 'row')}. Error bars: ± 1 standard deviation over "
        f"five permutations; bars within it are not distinguishable from zero.{more} "
        "Columns that hold the same information each appear less important than they are together."
        + (
            " The saved model is used, which was trained on these rows."
            if evaluation.trained_on_rows
            else ""
        ),
        figures=[draw("importance", bars, (4.6, 0.8 + 0.24 * shown), "Permutation importance")],
    )


def _leading(evaluation: Evaluation, rows: NDArray[np.intp]) -> list[int]:
    """Choose the columns of a wide table on which the outputs depend most, to first order."""
    n, network, model = len(evaluation.table.names), evaluation.network, evaluation.model
    X = evaluation.table.take(rows)
    if evaluation.tabular:
        effect = network.gradient_importances(X)
    else:
        encoder = None if model is network else model[:-1]
        inputs = np.asarray(X if encoder is None else encoder.transform(X), np.float64)
        slopes = np.asarray(network.input_gradient(inputs))
        effect = np.abs(slopes * (inputs - inputs.mean(axis=0))).mean(axis=0)
        columns = getattr(encoder[0], "feature_columns_", None) if encoder is not None else None
        if columns is not None:
            effect = np.bincount(columns, effect, minlength=n)
    if len(effect) != n:
        return list(range(OF_WIDE))
    return sorted(np.argsort(-effect, kind="stable")[:OF_WIDE].tolist())
