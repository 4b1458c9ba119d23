"""Displays of the selection room: what they draw is what was computed."""

import matplotlib
import numpy as np
import pytest
from sklearn.datasets import make_moons

from multilayer import MLPClassifier
from multilayer.plots import ComparisonDisplay, CrossValidationDisplay
from multilayer.selection import Comparison, Rival, cross_validate_network

matplotlib.use("Agg")

import matplotlib.pyplot as plt

X, y = make_moons(80, noise=0.2, random_state=0)


def network(**parameters):
    defaults = {"learning_rate_init": 0.02, "max_iter": 8, "random_state": 0}
    return MLPClassifier((8,), **(defaults | parameters))


@pytest.fixture(autouse=True)
def _close():
    yield
    plt.close("all")


def test_cross_validation_display_draws_every_fold_and_the_mean():
    result = cross_validate_network(network(), X, y, cv=3, random_state=0)
    _, ax = plt.subplots()
    display = CrossValidationDisplay.from_result(result, ax=ax)
    assert display.ax_ is ax
    for line, curve in zip(display.validation_lines_, result.validation_curves, strict=True):
        np.testing.assert_array_equal(line.get_ydata(), curve)
    mean = np.mean(result.validation_curves, axis=0)
    np.testing.assert_allclose(display.validation_mean_line_.get_ydata(), mean)
    assert display.best_epoch_ == mean.argmin() + 1
    again = CrossValidationDisplay.from_estimator(network(), X, y, cv=3, random_state=0)
    np.testing.assert_array_equal(again.mean_line_.get_ydata(), display.mean_line_.get_ydata())


def test_a_fold_that_has_stopped_counts_with_its_last_cost():
    display = CrossValidationDisplay([[4.0, 2.0], [4.0, 4.0, 0.0]]).plot()
    np.testing.assert_array_equal(display.mean_line_.get_ydata(), [4, 3, 1])
    assert display.validation_mean_line_ is None
    assert display.best_epoch_ is None


def test_there_must_be_curves():
    with pytest.raises(ValueError, match="loss_curves must have a cost for an epoch at least"):
        CrossValidationDisplay([[1.0], []]).plot()


def rival(name, mean, failure=""):
    scores = mean + np.array([-0.01, 0.0, 0.01])
    return Rival(name, "line", None, scores, scores + 0.02, 0.1, 1234, failure)


def test_comparison_display_draws_scores_errors_and_failures():
    rivals = [rival("a", 0.8), rival("b", 0.9), rival("c", 0.9, "too wide")]
    display = ComparisonDisplay.from_comparison(Comparison(rivals, "accuracy", 90, 3))
    means = [point.lines[0].get_xdata()[0] for point in display.points_]
    assert means == pytest.approx([0.8, 0.9])
    np.testing.assert_allclose(display.train_points_.get_xdata(), [0.82, 0.92])
    low, high = display.points_[0].lines[2][0].get_segments()[0][:, 0]
    assert high - low == pytest.approx(2 * rivals[0].standard_error)
    said = [text.get_text() for text in display.ax_.texts]
    assert "too wide" in said
    assert said.count("1\u202f234") == 2


def test_comparison_display_names_what_is_far_off():
    rivals = [rival("a", 0.8), rival("b", 0.9), rival("c", -6.0)]
    display = ComparisonDisplay.from_comparison(Comparison(rivals, "R²", 90, 3))
    assert display.ax_.get_xlim()[0] > 0.7
    assert "◂ -6" in [text.get_text() for text in display.ax_.texts]
