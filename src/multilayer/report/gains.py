"""Cumulative gain and lift: how many positive rows are among those with the largest probability."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from multilayer.plots.style import COLORS
from multilayer.report.curves import drawn_classes
from multilayer.report.evaluation import Evaluation
from multilayer.report.sections import Listing, Section, plain
from multilayer.report.svg import draw, label

__all__ = ["gain_of", "gains"]

Array = NDArray[Any]
N_PARTS, MOST_STEPS = 10, 200


def gain_of(positive: Array, p: Array) -> Array:
    """Compute the share of the positive rows among the k rows with the largest p, k = 0 … m.

    Rows with equal p are in no order: each counts as the mean of them.

    Parameters
    ----------
    positive : ndarray of bool, shape (m,)
    p : ndarray, shape (m,)

    Returns
    -------
    ndarray, shape (m + 1,)
    """
    _, place, often = np.unique(-p, return_inverse=True, return_counts=True)
    ends = np.concatenate([[0], np.cumsum(often)])
    found = np.concatenate([[0], np.cumsum(np.bincount(place, positive, len(often)))])
    return np.asarray(np.interp(np.arange(len(p) + 1), ends, found / max(positive.sum(), 1)))


def gains(evaluation: Evaluation) -> Section | None:
    """Draw cumulative gain and lift, and list the tenths of the rows for two classes."""
    chosen = drawn_classes(evaluation) if evaluation.classifies else []
    if not chosen:
        return None
    m = len(evaluation.y)
    at = np.unique(np.linspace(0, m, min(m, MOST_STEPS) + 1).astype(int))
    lines = {k: gain_of(evaluation.y == k, evaluation.H[:, k]) for k in chosen}
    names = {k: label(plain(evaluation.classes[k], 16)) for k in chosen}

    def gain(figure: Any) -> None:
        ax = figure.subplots()
        for color, k in zip(COLORS, chosen, strict=False):
            ax.plot(at / m, lines[k][at], color=color, linewidth=1.6, label=names[k])
        ax.plot([0, 1], [0, 1], ":", color="black", linewidth=1, label="random order")
        ax.set(xlabel="Share of the rows", ylabel="Cumulative gain")
        _finish(ax)

    def lift(figure: Any) -> None:
        ax = figure.subplots()
        above = at[at >= max(1, m // 100)]
        for color, k in zip(COLORS, chosen, strict=False):
            height = lines[k][above] / (above / m)
            ax.plot(above / m, height, color=color, linewidth=1.6, label=names[k])
        ax.axhline(1, linestyle=":", color="black", linewidth=1, label="random order")
        ax.set(xlabel="Share of the rows", ylabel="Lift")
        _finish(ax)

    return Section(
        "gains",
        "Cumulative gain and lift",
        "The rows are ordered by predicted probability, the largest first. Gain: of the rows of "
        "the class, the share that is among the first rows of this order. Lift: how many times "
        "more rows of the class are among them than among as many rows chosen at random.",
        [_tenths(evaluation, lines[1])] if evaluation.binary else [],
        [
            draw("gain", gain, (4.2, 3.4), "Cumulative gain"),
            draw("lift", lift, (4.2, 3.4), "Lift"),
        ],
        wide=True,
    )


def _finish(ax: Any) -> None:
    ax.set_xlim(0, 1)
    ax.legend()
    ax.grid()


def _tenths(evaluation: Evaluation, gain: Array) -> Listing:
    """List the tenths of the rows by probability, the most probable first."""
    p = evaluation.H[:, 1]
    m, order = len(p), np.argsort(-p, kind="stable")
    ends = np.unique(np.linspace(0, m, min(m, N_PARTS) + 1).astype(int))
    rows = []
    for start, end in pairwise(ends):
        part = order[start:end]
        found = gain[end]
        rows.append(
            [
                f"{100 * start / m:.0f}–{100 * end / m:.0f} %",
                str(len(part)),
                f"{p[part].mean():.3f}",
                f"{(evaluation.y[part] == 1).mean():.3f}",
                f"{100 * found:.1f} %",
                f"{found / (end / m):.2f}",
            ]
        )
    head = ("part of the rows", "rows", "mean probability", "observed share", "cumulative gain",
            "cumulative lift")  # fmt: skip
    return Listing(head, rows, range(1, 6))
