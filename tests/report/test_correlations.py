"""Correlations of columns of any kinds."""

import numpy as np
import polars as pl
import pytest
from scipy import stats

from multilayer import TabularRegressor
from multilayer.report.correlations import association, correlations
from multilayer.report.evaluation import evaluate
from multilayer.report.importance import Importance


def test_numbers_are_compared_by_spearmans_correlation(rng):
    a, b = rng.normal(size=50), rng.normal(size=50)
    assert association(a, b) == pytest.approx(stats.spearmanr(a, b).statistic)
    assert association(a, np.exp(a)) == pytest.approx(1)
    assert association(a, -a) == pytest.approx(-1)


def test_rows_with_gaps_do_not_count(rng):
    a, b = rng.normal(size=50), rng.normal(size=50)
    with_gaps = np.append(a, np.nan), np.append(b, 1e6)
    assert association(*with_gaps) == association(a, b)
    codes = rng.randint(3, size=50)
    assert association(np.append(codes, -1), with_gaps[1]) == association(codes, b)


def test_categories_are_compared_by_cramers_v(rng):
    a, b = rng.randint(3, size=80), rng.randint(2, size=80)
    expected = stats.contingency.association(stats.contingency.crosstab(a, b).count)
    assert association(a, b) == pytest.approx(expected)
    assert association(a, 2 - a) == pytest.approx(1)


def test_numbers_and_categories_are_compared_by_the_correlation_ratio(rng):
    codes = rng.randint(3, size=60)
    assert association(codes, codes * 10.0) == association(codes * 10.0, codes) == pytest.approx(1)
    numbers = rng.normal(size=60)
    ranks = stats.rankdata(numbers)
    residual = sum(((ranks[codes == k] - ranks[codes == k].mean()) ** 2).sum() for k in range(3))
    expected = np.sqrt(1 - residual / ((ranks - ranks.mean()) ** 2).sum())
    assert association(numbers, codes) == pytest.approx(expected)


@pytest.mark.parametrize("constant", [np.zeros(9), np.zeros(9, int), np.full(9, np.nan)])
@pytest.mark.parametrize("other", [np.arange(9.0), np.arange(9) % 2])
def test_a_constant_has_no_correlation(constant, other):
    assert np.isnan(association(constant, other))


def test_strongest_pairs_come_first_and_texts_are_left_out(rng, monkeypatch):
    monkeypatch.setattr("multilayer.report.svg._draw", lambda *args, **kwargs: "<svg></svg>")
    x, other = rng.normal(size=(2, 60))
    X = pl.DataFrame({"other": other, "x": x, "twice": 2 * x, "name": [f"n{k}" for k in range(60)]})
    model = TabularRegressor(fast=True, max_iter=1, random_state=0).fit(X, x)
    every = Importance(np.arange(4), np.zeros(4), np.zeros(4), 60)
    section = correlations(evaluate(model, X, x, True, target="amount"), every)
    assert section.listings[0].rows[0] == ("x", "twice", "1.00")
    assert "1 columns that are less important, or texts, are left out." in section.reading
