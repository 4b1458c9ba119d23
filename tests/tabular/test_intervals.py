"""Prediction intervals and quantiles: coverage, and the unit of the target."""

import numpy as np
import pytest
from sklearn.datasets import make_friedman1
from sklearn.model_selection import train_test_split
from tabular_cases import SMALL

from multilayer import TabularRegressor
from multilayer.tabular.intervals import (
    errors_of_mean,
    half_width,
    means_of_rows,
    quantile_offsets,
)


@pytest.fixture(scope="module")
def friedman():
    X, y = make_friedman1(1600, noise=2.0, random_state=0)
    parts = train_test_split(X, y, train_size=800, random_state=0)
    return TabularRegressor(n_members=2, max_iter=10, random_state=0).fit(parts[0], parts[2]), parts


@pytest.mark.parametrize("coverage", [0.5, 0.8, 0.9, 0.95])
def test_coverage(friedman, coverage):
    model, (_, X, _, y) = friedman
    low, high = model.predict_interval(X, coverage=coverage).T
    met = np.mean((low <= y) & (y <= high))
    # Two shares of 800 rows differ by less, three standard deviations.
    assert abs(met - coverage) < 3 * np.sqrt(2 * coverage * (1 - coverage) / 800)


def test_errors_of_the_mean_of_members():
    """Predictions of two of 8 members for some rows show how large the errors of all 8 are."""
    rng = np.random.RandomState(0)
    truth, n = rng.normal(size=20_000), 20_000
    said = truth + rng.normal(size=n) + 0.7 * rng.normal(size=(8, n))
    rows, own = np.arange(n), rng.randint(8, size=n)
    again = rows[::10]
    values = np.append(said[own, rows], said[(own[again] + 1) % 8, again])
    means, counts, variance = means_of_rows(values, np.append(rows, again), n + 1)
    assert np.isnan(means[n])
    assert (counts[again] == 2).all()
    assert variance == pytest.approx(0.49, rel=0.1)
    errors = errors_of_mean(truth - means[:n], counts[:n], variance, 8)
    assert np.std(errors) == pytest.approx(np.std(truth - said.mean(axis=0)), rel=0.03)


def test_errors_of_members_that_agree_stay():
    errors = np.random.RandomState(0).normal(size=20_000)
    found = errors_of_mean(errors, 1 + np.arange(20_000) % 2, 0.0, 8)
    np.testing.assert_allclose(found, errors, rtol=1e-3)
    np.testing.assert_array_equal(errors_of_mean(np.zeros(3), np.ones(3, int), 0.0, 8), np.zeros(3))


def test_few_pairs_of_members_do_not_decide():
    """Without pairs half of the mean square error counts as averaged out; a few change little."""
    errors = np.array([0.0, -1.0, 2.0, 1.0])
    expected = errors * np.sqrt(0.5 + 0.5 / 8)
    np.testing.assert_allclose(errors_of_mean(errors, np.ones(4, int), 0.0, 8), expected)
    sizes = [np.std(errors_of_mean(errors, np.array([1, 1, 1, 2]), s2, 8)) for s2 in (0, 1, 3)]
    assert sizes[0] > sizes[1] > sizes[2] > 0.8 * sizes[0]
    np.testing.assert_array_equal(errors_of_mean(errors, np.ones(4, int), 0.0, 1), errors)


def test_quantiles(friedman):
    model, (_, X, _, y) = friedman
    shares = [0.05, 0.3, 0.5, 0.9]
    found = model.predict(X, quantiles=shares)
    assert found.shape == (800, 4)
    assert (np.diff(found, axis=1) >= 0).all()
    np.testing.assert_allclose((y[:, None] < found).mean(axis=0), shares, atol=0.08)
    assert model.predict(X, quantiles=0.5).shape == (800, 1)


def test_intervals_scale_with_the_target():
    X, y = make_friedman1(100, random_state=0)
    near = TabularRegressor(**SMALL).fit(X, y).predict_interval(X)
    far = TabularRegressor(**SMALL).fit(X, 1000 * y - 5).predict_interval(X)
    np.testing.assert_allclose(far, 1000 * near - 5, rtol=1e-3)


@pytest.mark.parametrize(
    ("coverage", "expected"),
    [(0.8, 4.0), (0.5, 2.5), (0.2, 1.0), (0.1, 0.5), (0.81, np.inf), (0.99, np.inf)],
)
def test_half_width_is_at_the_rank_or_infinite(coverage, expected):
    residuals = np.array([3.0, -1.0, 2.0, -4.0])
    assert half_width(residuals, coverage) == pytest.approx(expected)


@pytest.mark.parametrize("n", [9, 19, 99, 999])
def test_the_largest_supported_coverage_is_finite(n):
    """Although (n + 1) coverage is not exact in floating-point numbers."""
    residuals = np.arange(1.0, n + 1)
    assert half_width(residuals, n / (n + 1)) == n
    assert half_width(residuals, (n + 0.01) / (n + 1)) == np.inf
    ends = quantile_offsets(residuals, np.array([1, n, 0.99, n + 0.01]) / (n + 1))
    np.testing.assert_allclose(ends, [1, n, -np.inf, np.inf])


def test_intervals_that_too_few_rows_support_are_infinite():
    X, y = make_friedman1(40, random_state=0)
    model = TabularRegressor(**SMALL | {"fast": True}).fit(X, y)
    assert len(model.residuals_) == 8
    assert np.isfinite(model.predict_interval(X, 8 / 9)).all()
    with pytest.warns(
        UserWarning, match=r"0\.95 is infinite, as it needs 19 rows .* are 8, .*0.889"
    ):
        ends = model.predict_interval(X, 0.95)
    assert (ends == [-np.inf, np.inf]).all()
    with pytest.warns(
        UserWarning, match=r"quantile 0\.05 is .* needs 19 rows .*from 0.111 to 0.889"
    ):
        found = model.predict(X, quantiles=[0.05, 0.5, 0.95])
    assert (found[:, 0] == -np.inf).all()
    assert np.isfinite(found[:, 1]).all()
    assert (found[:, 2] == np.inf).all()


def test_coverage_of_few_rows():
    """The mean over 30 tables of 30 rows, whose standard error is below 0.04."""
    met = []
    for seed in range(30):
        rng = np.random.RandomState(seed)
        X = rng.normal(size=(130, 2))
        y = X @ [1.0, -1.0] + rng.normal(size=130)
        model = TabularRegressor(**SMALL | {"fast": True, "random_state": seed}).fit(X[:30], y[:30])
        ends = [model.predict_interval(X[30:], share).T for share in (0.5, 0.8)]
        met.append([np.mean((low <= y[30:]) & (y[30:] <= high)) for low, high in ends])
    np.testing.assert_allclose(np.mean(met, axis=0), [0.5, 0.8], atol=0.1)
