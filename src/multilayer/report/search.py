"""What a search for hidden layers has tried."""

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
    """Draw all candidates of a search, and list the best.

    Parameters
    ----------
    search : HiddenLayerSearchCV
        Fitted.
    """
    results = search.cv_results_
    judged = np.isfinite(results["mean_test_score"])
    failed = int((results["failure"] != "").sum())
    head, rows = ranking(search, SHOWN)

    def drawn(figure: Any) -> None:
        axes = figure.subplots(2, 1)  # one above the other, as a phone is
        display = SearchDisplay.from_estimator(search, axes=axes)
        axes[1].set_ylabel(display.error_name)

    return Section(
        "search",
        "What was tried",
        f"{judged.sum()} networks were judged on {search.n_splits_} folds"
        + (f", and {failed} failed" if failed else "")
        + ". Each point is one, a large point was trained for longer; the lower, the better, and "
        "the further to the left, the simpler. In the band are those that the best cannot be told "
        "apart from: of them, the leftmost is enough.",
        [Listing(head, rows, range(2, len(head)))],
        [draw("search", drawn, (4.6, 6.2), "Error against parameters and against time")],
        wide=True,
    )
