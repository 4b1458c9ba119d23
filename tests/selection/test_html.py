"""Comparisons, cross-validations and searches as tables in a notebook."""

from html.parser import HTMLParser

import numpy as np
import pytest
from sklearn import config_context

from multilayer import Comparison, CrossValidation, HiddenLayerSearchCV, MLPClassifier, Rival


class Cells(HTMLParser):
    """The rows of the tables of a page, their style, and the text outside."""

    def __init__(self, page):
        super().__init__()
        self.rows, self.bold, self.outside, self._within = [], [], "", False
        self.feed(page)

    def handle_starttag(self, tag, attrs):
        if tag == "tr":
            self.rows.append([])
            self.bold.append("bold" in dict(attrs).get("style", ""))
        elif tag in ("td", "th"):
            self.rows[-1].append("")
            self._within = True
        assert tag in {"div", "table", "caption", "thead", "tbody", "tr", "td", "th", "p"}

    def handle_endtag(self, tag):
        self._within &= tag not in ("td", "th")

    def handle_data(self, data):
        if self._within:
            self.rows[-1][-1] += data
        else:
            self.outside += data


def rival(name, mean, failure="", kind="line"):
    scores = mean + np.array([-0.01, 0.0, 0.01])
    return Rival(name, kind, None, scores, scores + 0.02, 0.125, 12345, failure)


def test_a_comparison():
    rivals = [
        rival("a <i>line</i>", 0.8),
        rival("network", 0.9, kind="network"),
        rival("c", 0.95, "no <b>time</b>"),
    ]
    comparison = Comparison(rivals, "accuracy", 90, 3)
    page = Cells(comparison._repr_html_())
    assert page.rows[1:] == [
        ["a <i>line</i>", "", "0.800 ± 0.006", "0.820", "12\u202f345", "0.12"],
        ["network", "★", "0.900 ± 0.006", "0.920", "12\u202f345", "0.12"],
        ["c", "", "no <b>time</b>"],
    ]
    assert page.bold == [False, False, True, False]
    assert "Accuracy on 3 folds of 90 rows" in page.outside
    assert comparison.verdict in page.outside


def cross_validation(n, repeats=1, name="MLP"):
    scores = np.linspace(0.5, 0.9, n)
    curves = [np.ones(7), *[np.empty(0)] * (n - 1)]
    return CrossValidation(
        scores, scores + 0.05, np.full(n, 0.5), [None] * n, [], curves, [],
        np.empty(0), None, None, repeats, name, "R²",
    )  # fmt: skip


def test_a_cross_validation():
    page = Cells(cross_validation(3, name="<Own>")._repr_html_())
    assert page.rows[1:] == [
        ["1", "0.5000", "0.5500", "7", "0.50"],
        ["2", "0.7000", "0.7500", "–", "0.50"],
        ["3", "0.9000", "0.9500", "–", "0.50"],
        ["mean", "0.7000 ± 0.1155", "0.7500", "", "0.50"],
    ]
    assert page.bold == [False] * 4 + [True]
    assert "<Own>: R², 3 folds" in page.outside


@pytest.mark.parametrize(("n", "repeats", "said"), [(1, 1, "1 fold"), (20, 4, "5 folds, 4 times")])
def test_one_fold_has_no_error_and_many_are_not_listed(n, repeats, said):
    page = Cells(cross_validation(n, repeats)._repr_html_())
    assert f"R², {said}" in page.outside
    assert page.rows[-1][0] == "mean"
    assert ("±" in page.rows[-1][1]) == (n > 1)
    assert len(page.rows) == (3 if n == 1 else 2)


def fitted_search():
    search = HiddenLayerSearchCV(MLPClassifier())
    search.n_splits_, search.best_index_, search.simplest_index_ = 3, 1, 0
    search.cv_results_ = {
        "rank_test_score": np.array([2, 1]),
        "mean_test_score": np.array([0.8, 0.9]),
        "standard_error": np.array([0.1, 0.1]),
        "n_parameters": np.array([3, 50]),
        "n_iter": np.array([7.0, 20.0]),
        "params": [{"hidden_layer_sizes": ()}, {"hidden_layer_sizes": (4, 4)}],
    }
    return search


def test_a_search_shows_its_diagram_and_its_best_candidates():
    page = fitted_search()._repr_mimebundle_()["text/html"]
    assert "sk-top-container" in page
    table = Cells(page[page.rindex('<div style="overflow-x:auto">') :])
    assert table.rows[1:] == [
        ["4-4", "★", "50", "20", "0.900 ± 0.100"],
        ["none", "simplest", "3", "7", "0.800 ± 0.100"],
    ]
    assert "The best of 2 candidates, on 3 folds" in table.outside
    assert "★ chosen; simplest, the candidate with the fewest weights" in table.outside
    assert fitted_search()._repr_html_().count("★ chosen") == 1


def test_a_search_that_is_not_fitted_or_shown_as_text_has_no_table():
    assert "★" not in HiddenLayerSearchCV(MLPClassifier())._repr_html_()
    with config_context(display="text"):
        assert not hasattr(fitted_search(), "_repr_html_")
