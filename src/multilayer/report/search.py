"""The candidates of a search for hidden layers."""

from __future__ import annotations

from typing import Any

import numpy as np

from multilayer.plots import SearchDisplay
from multilayer.report.sections import Listing, Section
from multilayer.report.svg import draw
from multilayer.selection.results import ranking

__all__ = ["tried"]

SHOWN = 8


def tried(search: Any) -> Section:
    """Draw all candidates of a search, and list the best ones.

    Parameters
    ----------
    search : HiddenLayerSearchCV
        Fitted.
    """
    results = search.cv_results_
    evaluated = int(np.isfinite(results["mean_test_score"]).sum())
    failed = int((results["failure"] != "").sum())
    best = search.best_index_
    chosen = f"{search.best_score_:.3f} ± {results['standard_error'][best]:.3f}"
    head, rows = ranking(search, SHOWN)

    def drawn(figure: Any) -> None:
        axes = figure.subplots(2, 1)  # one above the other, for narrow screens
        display = SearchDisplay.from_estimator(search, axes=axes)
        axes[1].set_ylabel(display.error_name)

    return Section(
        "search",
        "The search",
        f"{evaluated} candidates were scored by cross-validation on {search.n_splits_} folds"
        + (f", and {failed} failed" if failed else "")
        + f". The chosen candidate scores {chosen} on the held-out rows (mean ± standard error "
        "over the folds). Each point is a candidate, and larger points were trained for longer. "
        "Lower points are better and points further to the left are simpler. The band is one "
        "standard error above the best: the leftmost candidate within it is the simplest that is "
        "not clearly worse.",
        [Listing(head, rows, range(2, len(head)))],
        [draw("search", drawn, (4.6, 6.2), "Error against parameters and against time")],
        wide=True,
    )
