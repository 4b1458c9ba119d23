"""The results of comparisons, cross-validations and searches as HTML tables, for notebooks."""

from __future__ import annotations

import math
from collections.abc import Sequence
from html import escape
from typing import Any

from multilayer.selection.results import ranking

__all__ = ["comparison_table", "cross_validation_table", "search_table"]

_STAR = "★"
_CELL = "padding:0.2em 0.8em;text-align:{}"


def comparison_table(comparison: Any) -> str:
    """Tabulate a Comparison: a row for each model, a star on the best one, the verdict below."""
    best = comparison.best
    rows: list[Sequence[str]] = [
        [rival.name, "", rival.failure]
        if rival.failure
        else [
            rival.name,
            _STAR if rival is best else "",
            rival.said(),
            f"{rival.train_mean:.3f}",
            _grouped(rival.n_parameters),
            f"{rival.fit_time:.2f}",
        ]
        for rival in comparison.rivals
    ]
    score = comparison.score_name
    return _table(
        f"{score} on {comparison.n_splits} folds of {comparison.n_rows} rows",
        ["model", "", score, "training rows", "parameters", "seconds per fold"],
        rows,
        [k for k, rival in enumerate(comparison.rivals) if rival is best],
        comparison.verdict,
    )


def cross_validation_table(result: Any, most_folds: int) -> str:
    """Tabulate a CrossValidation: a row for each fold, unless there are very many, and the mean."""
    n = len(result.scores)
    figures = [
        [
            str(k + 1),
            f"{result.scores[k]:.4f}",
            f"{result.train_scores[k]:.4f}",
            str(len(result.loss_curves[k]) or "–"),
            f"{result.fit_times[k]:.2f}",
        ]
        for k in range(n if n <= most_folds else 0)
    ]
    error = "" if math.isnan(result.standard_error) else f" ± {result.standard_error:.4f}"
    mean = [
        "mean",
        f"{result.mean:.4f}{error}",
        f"{result.train_mean:.4f}",
        "",
        f"{result.fit_times.mean():.2f}",
    ]
    folds = n // result.n_repeats
    what = f"{folds} fold{'s' * (folds != 1)}"
    what += f", {result.n_repeats} times" if result.n_repeats > 1 else ""
    return _table(
        f"{result.name}: {result.score_name}, {what}",
        ["fold", result.score_name, "training rows", "epochs", "seconds"],
        [*figures, mean],
        [len(figures)],
        "Mean over the folds ± its standard error." if error else "",
    )


def search_table(search: Any) -> str:
    """Tabulate the best candidates of a fitted search, with a star on the one chosen."""
    head, rows = ranking(search)
    chosen = [k for k, row in enumerate(rows) if row[0] == "chosen"]
    marked = [[row[1], {"chosen": _STAR, "simple": "simplest"}.get(row[0], ""), *row[2:]]
              for row in rows]  # fmt: skip
    simplest = any(row[0] == "simple" for row in rows)
    within = ", the candidate with the fewest weights within one standard error of the best"
    return _table(
        f"The best of {len(search.cv_results_['params'])} candidates, on {search.n_splits_} folds",
        [head[1], "", *head[2:]],
        marked,
        chosen,
        f"{_STAR} chosen" + f"; simplest{within}" * simplest + ".",
    )


def _table(
    caption: str, head: Sequence[str], rows: Sequence[Sequence[str]], bold: Sequence[int], foot: str
) -> str:
    """Return a table; a row with fewer cells ends in one that spans the remaining columns."""

    def cell(tag: str, k: int, text: str, span: int = 1) -> str:
        across = f' colspan="{span}"' if span > 1 else ""
        side = "left" if k == 0 or span > 1 else "right"
        return f'<{tag}{across} style="{_CELL.format(side)}">{escape(text)}</{tag}>'

    lines = [
        '<div style="overflow-x:auto"><table><caption style="text-align:left;font-weight:bold">',
        f"{escape(caption[:1].upper() + caption[1:])}</caption>",
        f"<thead><tr>{''.join(cell('th', k, name) for k, name in enumerate(head))}</tr></thead>",
        "<tbody>",
    ]
    for number, row in enumerate(rows):
        spans = [1] * (len(row) - 1) + [len(head) - len(row) + 1]
        cells = (cell("td", k, text, spans[k]) for k, text in enumerate(row))
        style = ' style="font-weight:bold"' if number in bold else ""
        lines.append(f"<tr{style}>{''.join(cells)}</tr>")
    return "\n".join([*lines, "</tbody></table></div>", f"<p>{escape(foot)}</p>" if foot else ""])


def _grouped(number: int) -> str:
    return f"{number:,}".replace(",", "\N{NARROW NO-BREAK SPACE}")
