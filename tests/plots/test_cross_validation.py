"""Displays of cross-validation, comparisons and grids of architectures."""

import matplotlib.pyplot as plt
import numpy as np
import pytest
from data_cases import X_NOISY_MOONS, Y_NOISY_MOONS
from sklearn.linear_model import LogisticRegression
from sklearn.tree import DecisionTreeClassifier

from multilayer import MLPClassifier
from multilayer.plots import ArchitectureGridDisplay, ComparisonDisplay, CrossValidationDisplay
from multilayer.selection import Comparison, Rival, cross_validate_network

X, y = X_NOISY_MOONS[:80], Y_NOISY_MOONS[:80]


def network(**parameters):
    defaults = {"learning_rate_init": 0.02, "max_iter": 8, "random_state": 0}
    return MLPClassifier((8,), **(defaults | parameters))


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
    with pytest.raises(ValueError, match="loss_curves must have a cost for at least one epoch"):
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


def test_architecture_grid_of_fitted_classifiers():
    models = [LogisticRegression().fit(X, y), DecisionTreeClassifier(random_state=0).fit(X, y)]
    models.append(models[0])
    display = ArchitectureGridDisplay.from_estimators(
        models, X, y, titles=["line", "tree", "line again"], n_columns=2, grid_resolution=12
    )
    assert display.axes_.shape == (2, 2)
    assert [ax.get_title() for ax in display.axes_.flat] == ["line", "tree", "line again", ""]
    assert not display.axes_[1, 1].axison
    assert display.axes_[0, 1].texts[0].get_text() == "100.0%"
    assert [ax.get_legend() is not None for ax in display.axes_.flat] == [False, True, False, False]
    assert display.displays_[0].response.shape == (12, 12, 2)


def test_architecture_grid_of_layers_and_penalties():
    base = network(solver="lbfgs", max_iter=30)
    display = ArchitectureGridDisplay.from_data(
        X, y, [(), (8,)], [0.01, 100], estimator=base, grid_resolution=12
    )
    titles = [ax.get_title() for ax in display.axes_.flat]
    assert titles == ["no hidden layer, λ = 0.01", "8, λ = 0.01", "no hidden layer, λ = 100",
                      "8, λ = 100"]  # fmt: skip
    spread = [np.ptp(panel.response[..., 1]) for panel in display.displays_]
    assert spread[3] < spread[1]  # a large penalty leaves the network unsure
    assert not hasattr(base, "network_")


def test_architecture_grid_refuses():
    model = LogisticRegression().fit(X, y)
    with pytest.raises(ValueError, match="titles must be as many as estimators, 1, got 2"):
        ArchitectureGridDisplay.from_estimators([model], X, y, titles=["a", "b"])
    with pytest.raises(ValueError, match="estimators must hold at least one"):
        ArchitectureGridDisplay.from_estimators([], X, y)
