"""The report of a comparison: means, ranks, a table of all data sets, and a figure."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from accuracy_elo import REFERENCE, ratings
from scipy.stats import rankdata

METRICS = {"error": "Error", "log-loss": "Log-loss", "nRMSE": "nRMSE"}
SHIFT = 0.01
COLORS = (
    "#bd1f01", "#3f90da", "#ffa90e", "#94a4a2", "#832db6", "#a96b59", "#e76300", "#717581",
    "#b9ac70", "#92dadd",
)  # fmt: skip
MARKERS = "osD^vPXh*d"
TIME = "fit seconds per 1000 rows"


def shifted_mean(values: Any) -> float:
    """Geometric mean shifted by 0.01, so that a single result near 0 does not dominate."""
    return float(np.exp(np.log(np.asarray(values) + SHIFT).mean()) - SHIFT)


def by_set(results: pd.DataFrame, value: str) -> pd.DataFrame:
    """Mean over the splits that all methods finished: a row for each set, a column for each method.

    Sets without results of all methods are left out, so that all means are over the same sets.
    """
    order = list(dict.fromkeys(results["method"]))
    if value not in results:
        return pd.DataFrame(columns=order, dtype=float)
    index, known = ["set", "seed"], results.dropna(subset=value)
    cells = known.pivot(index=index, columns="method", values=value).reindex(columns=order).dropna()
    return cells.groupby("set", sort=False).mean()


def summary(results: pd.DataFrame) -> pd.DataFrame:
    """Return a row for each method: means and mean ranks of its errors, and its time."""
    columns: dict[str, Any] = {}
    for metric, name in METRICS.items():
        cells = by_set(results, metric)
        if cells.empty:
            continue
        columns[name] = cells.apply(shifted_mean)
        columns[f"Rank ({name})"] = pd.Series(rankdata(cells, axis=1).mean(axis=0), cells.columns)
    auc = by_set(results, "AUC")
    if not auc.empty:
        columns["AUC"] = auc.mean()
    columns["Fit, s per 1000 rows"] = np.exp(np.log(by_set(results, TIME)).mean())
    columns["Fits, s"] = by_set(results, "fit seconds").sum()
    columns["Predict, s per 1000 rows"] = np.exp(np.log(by_set(results, "predict 1000")).mean())
    return pd.DataFrame(columns)


def markdown(table: pd.DataFrame, large: str | None, axis: int) -> list[str]:
    """Return the lines of a table; the best cell of each row (axis 1) or column (axis 0) is bold.

    Small values are best, except in the column `large`, or in all columns if that is "all".
    """
    lines = [f"| {table.index.name or ''} | " + " | ".join(table.columns) + " |"]
    lines += ["|---|" + "--:|" * table.shape[1]]
    least, most = table.min(axis=axis), table.max(axis=axis)
    for name, row in table.iterrows():
        cells = []
        for column, value in row.items():
            place = name if axis == 1 else column
            top = value == (most if large in (column, "all") else least)[place]
            text = f"{value:.4f}" if value < 1 else f"{value:.2f}"
            cells.append(f"**{text}**" if top else text)
        lines.append(f"| {name} | " + " | ".join(cells) + " |")
    return lines


def draw(results: pd.DataFrame, path: Path, times: bool = True) -> None:
    """Draw each result as a multiple of the best one, with the means above, and means by time."""
    panels = {m: cells for m in METRICS if not (cells := by_set(results, m)).empty}
    methods = list(dict.fromkeys(results["method"]))
    look = {m: (COLORS[i % 10], MARKERS[i % 10]) for i, m in enumerate(methods)}
    height = 1.9 + 0.27 * max(len(cells) + 2 for cells in panels.values())
    n = len(panels) + times
    figure, axes = plt.subplots(1, n, figsize=(4 * n, height), layout="constrained", squeeze=False)
    axes = axes[0]
    for ax, (metric, cells) in zip(axes, panels.items(), strict=False):
        shifted = cells + SHIFT
        ratios = shifted.div(shifted.min(axis=1), axis=0)
        names = ["all (geometric mean)", *cells.index]
        ratios.loc[names[0]] = np.exp(np.log(ratios).mean())
        ratios = ratios.loc[names]
        places = np.array([0, *range(2, len(names) + 1)])
        ax.hlines(places, 1, ratios.max(axis=1), color="#dddddd", linewidth=1, zorder=0)
        for method in methods:
            color, marker = look[method]
            style = {"color": color, "marker": marker, "edgecolor": "white", "linewidth": 0.5}
            ours = method.startswith("multilayer")
            ax.scatter(ratios[method], places, 62 if ours else 42, zorder=3 if ours else 2, **style)
        ax.set_xscale("log")
        ax.xaxis.set_major_locator(matplotlib.ticker.LogLocator(subs=(1, 1.5, 2, 3, 5)))
        ax.xaxis.set_minor_locator(matplotlib.ticker.NullLocator())
        ax.xaxis.set_major_formatter("{x:g}×")
        ax.set_yticks(places, names)
        ax.get_yticklabels()[0].set_fontweight("bold")
        ax.invert_yaxis()
        ax.set_title(METRICS[metric], loc="left", fontweight="bold")
        ax.set_xlabel("times the best")
    if times:
        draw_times(results, panels, look, axes[-1])
    for ax in axes:
        ax.spines[["top", "right"]].set_visible(False)
    dots = [
        plt.Line2D([], [], color=color, marker=marker, linestyle="", markersize=8)
        for color, marker in look.values()
    ]
    figure.legend(dots, methods, loc="outside upper center", ncols=len(methods), frameon=False)
    figure.savefig(path, dpi=110)
    plt.close(figure)


def draw_times(results: pd.DataFrame, panels: Any, look: Any, ax: Any) -> None:
    """Draw the mean of all panels against the time of a fit."""
    ratios = [np.log((c + SHIFT).div((c + SHIFT).min(axis=1), axis=0)) for c in panels.values()]
    mean = np.exp(sum(r.mean() for r in ratios) / len(ratios))
    seconds = np.exp(np.log(by_set(results, TIME)).mean())
    for method, (color, marker) in look.items():
        ax.scatter(seconds[method], mean[method], 80, color=color, marker=marker)
    ax.set_xscale("log")
    ax.xaxis.set_major_formatter("{x:g}")
    ax.yaxis.set_major_formatter("{x:g}×")
    ax.margins(0.15)
    ax.set_title("Accuracy and time", loc="left", fontweight="bold")
    ax.set_xlabel("seconds to fit 1000 rows")
    ax.set_ylabel("times the best, mean of the panels on the left")
    ax.grid(color="#eeeeee")
    ax.set_axisbelow(True)


def report(lines: list[dict[str, Any]], out: Path, times: bool = True) -> str:
    """Write accuracy.md, accuracy.json and accuracy.png; return the text of the first."""
    if not lines:
        return "No results."
    results = pd.DataFrame(lines)
    results[TIME] = results["fit seconds"] / results["train rows"] * 1000
    results["predict 1000"] = results["predict seconds"] / results["test rows"] * 1000
    means = summary(results)
    text = [
        f"Means are over the sets with results of all methods, with {results['seed'].nunique()} "
        "random splits each. Error is the fraction of wrong labels. Log-loss is in nats, with "
        "probabilities clipped at 10⁻⁷ and then normalized. AUC of several classes is the mean of "
        "each against the rest. nRMSE is the root mean squared error divided by the standard "
        f"deviation of the target. Means of these are geometric, shifted by {SHIFT} (AUC: "
        "arithmetic). Times per row are geometric means; Fits are the seconds of one fit on every "
        "set.",
        "",
        *markdown(means, "AUC", axis=0),
    ]
    whole: dict[str, Any] = {"summary": means.to_dict("index"), "sets": {}}
    if REFERENCE in set(results["method"]) and results["method"].nunique() > 1:
        elo = ratings(results, ("log-loss", "nRMSE"), REFERENCE)
        text += ["", "## Elo", "", *elo.round().astype(int).to_markdown().splitlines()]
        whole["Elo"] = elo.to_dict("index")
    for metric, name in {**METRICS, "AUC": "AUC", "fit seconds": "Fit, s"}.items():
        cells = by_set(results, metric)
        if not cells.empty:
            text += [
                "",
                f"## {name}",
                "",
                *markdown(cells, "all" if metric == "AUC" else None, axis=1),
            ]
            whole["sets"][metric] = cells.to_dict("index")
    if (classics := out / "classics.md").exists():
        text += ["", "## Classics", "", *classics.read_text().splitlines()]
    (out / "accuracy.md").write_text("\n".join(text) + "\n")
    (out / "accuracy.json").write_text(json.dumps(whole, indent=1) + "\n")
    draw(results, out / "accuracy.png", times)
    return "\n".join(text)
