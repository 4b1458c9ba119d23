"""SearchDisplay, its frontier, and when matplotlib is imported."""

import subprocess
import sys

import numpy as np
import pytest

from multilayer.plots import (
    SearchDisplay,
)
from multilayer.plots.search import frontier


def test_matplotlib_is_imported_when_something_is_drawn():
    code = "import sys, multilayer.plots; sys.exit('matplotlib' in sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)


def test_search_display():
    rng = np.random.RandomState(0)
    n = 20
    results = {
        "mean_test_score": np.append(rng.uniform(0.5, 0.9, n - 1), np.nan),
        "standard_error": np.full(n, 0.02),
        "n_parameters": rng.randint(2, 500, n),
        "mean_fit_time": rng.uniform(0.01, 1, n),
        "n_epochs": rng.choice([7, 22, 67], n),
        "params": [{"hidden_layer_sizes": (k,)} for k in range(n)],
    }
    best = int(np.nanargmax(results["mean_test_score"]))
    display = SearchDisplay(results, best_index=best, simplest_index=0).plot()
    assert [len(points.get_offsets()) for points in display.points_] == [n - 1, n - 1]
    assert display.axes_[0].get_ylabel() == "Validation error"
    texts = [text.get_text() for text in display.axes_[0].get_legend().get_texts()]
    assert texts == ["frontier", f"best: {best}", "simplest within a standard error: 0"]
    with pytest.raises(ValueError, match="axes must be two"):
        SearchDisplay(results, best_index=0, simplest_index=0).plot(axes=display.axes_[:1])


def test_frontier_of_a_search():
    sizes, errors = [3, 1, 2, 2, 5, 4], [0.2, 0.5, 0.4, 0.3, np.nan, 0.25]
    assert frontier(sizes, errors).tolist() == [1, 3, 0]
