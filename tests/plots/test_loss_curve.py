"""LossCurveDisplay: training and validation curves."""

import matplotlib.pyplot as plt
import numpy as np
import pytest
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from multilayer import (
    MLPClassifier,
    MLPRegressor,
    TabularClassifier,
    TabularRegressor,
    load,
)
from multilayer.plots import LossCurveDisplay


def test_draws_every_cost_and_marks_the_lowest():
    display = LossCurveDisplay([0.7, 0.4, 0.3, 0.35]).plot()
    np.testing.assert_array_equal(display.line_.get_xdata(), [1, 2, 3, 4])
    np.testing.assert_array_equal(display.line_.get_ydata(), [0.7, 0.4, 0.3, 0.35])
    assert display.best_iteration_ == 3
    marks = [line for line in display.ax_.lines if line.get_marker() == "o"]
    assert [mark.get_xydata().tolist() for mark in marks] == [[[3, 0.3]]]
    assert display.validation_ax_ is None
    assert display.ax_.get_xlabel() == "Epoch"
    (label,) = display.ax_.get_legend().get_texts()
    assert label.get_text() == "lowest 0.3 (epoch 3)"


@pytest.mark.parametrize(
    ("costs", "scale"),
    [([1.0, 0.2], "linear"), ([1.0, 0.1], "log"), ([1.0, 0.0], "linear"), ([9, -9], "linear")],
)
def test_scale_is_logarithmic_over_a_decade_of_positive_costs(costs, scale):
    assert LossCurveDisplay(costs).plot().ax_.get_yscale() == scale


def test_validation_scores_have_their_own_panel_and_choose_the_best():
    display = LossCurveDisplay([3, 2, 1, 0.5], [0.5, 0.9, 0.9, 0.7], xlabel="Iteration").plot()
    assert display.best_iteration_ == 2
    assert display.validation_ax_ is not display.ax_
    assert display.figure_.axes == [display.ax_, display.validation_ax_]
    np.testing.assert_array_equal(display.validation_line_.get_ydata(), [0.5, 0.9, 0.9, 0.7])
    assert display.validation_ax_.get_xlabel() == "Iteration"
    assert display.ax_.get_xlabel() == ""
    display.figure_.canvas.draw()
    assert display.ax_.get_position().y0 > display.validation_ax_.get_position().y1


@pytest.mark.parametrize("place", ["subplots", "add_axes"])
def test_the_panels_stay_within_the_axes_they_were_given(place):
    figure = plt.figure()
    ax = figure.subplots(1, 2)[1] if place == "subplots" else figure.add_axes((0.5, 0, 0.4, 0.9))
    whole = ax.get_position()
    display = LossCurveDisplay([2, 1], [0.1, 0.2]).plot(ax)
    assert display.ax_ is ax
    upper, lower = ax.get_position(), display.validation_ax_.get_position()
    for part in (upper, lower):
        np.testing.assert_allclose([part.x0, part.x1], [whole.x0, whole.x1])
    np.testing.assert_allclose([lower.y0, upper.y1], [whole.y0, whole.y1], atol=1e-12)


def test_several_curves_share_the_axes():
    first = LossCurveDisplay([2, 1], [0.1, 0.2], name="a").plot()
    axes = {"ax": first.ax_, "validation_ax": first.validation_ax_}
    second = LossCurveDisplay([3, 1], [0.3, 0.2]).plot(**axes, name="b")
    assert second.figure_.axes == [first.ax_, first.validation_ax_]
    assert second.line_.get_color() != first.line_.get_color()
    assert second.line_.get_linestyle() != first.line_.get_linestyle()
    legend = first.validation_ax_.get_legend().get_texts()
    assert [text.get_text() for text in legend] == [
        "a: best 0.2 (epoch 2)",
        "b: best 0.3 (epoch 1)",
    ]


def test_keywords_reach_both_lines():
    display = LossCurveDisplay([2, 1], [0.1, 0.2]).plot(color="black", linewidth=5)
    for line in (display.line_, display.validation_line_):
        assert (line.get_color(), line.get_linewidth()) == ("black", 5)


def test_of_estimators(moons):
    X, y = moons
    network = MLPClassifier((4,), early_stopping=True, max_iter=20, tol=1, random_state=0)
    network.set_params(n_iter_no_change=2)
    display = LossCurveDisplay.from_estimator(make_pipeline(StandardScaler(), network).fit(X, y))
    np.testing.assert_array_equal(display.line_.get_ydata(), network.loss_curve_)
    scores = network.validation_scores_
    np.testing.assert_array_equal(display.validation_line_.get_ydata(), scores)
    assert display.best_iteration_ == 1 + np.argmax(scores)
    assert display.validation_ax_.get_ylabel() == "Validation accuracy"
    regressor = MLPRegressor(hidden_layer_sizes=(4,), solver="lbfgs", random_state=0, tol=1).fit(
        X, y
    )
    display = LossCurveDisplay.from_estimator(regressor)
    assert (display.ax_.get_xlabel(), display.validation_ax_) == ("Iteration", None)


def test_a_cost_that_is_not_finite_is_left_out():
    assert LossCurveDisplay([2, 1, np.nan]).plot().best_iteration_ == 2


@pytest.mark.parametrize(
    ("costs", "scores", "message"),
    [
        ([], None, "a finite cost, and has none in 0"),
        ([np.nan, np.inf], None, "a finite cost, and has none in 2"),
        ([1, 2], [1], "validation_scores has 1 values, but loss_curve has 2"),
        ([[1, 2], [1]], [[1, 2]], "validation_scores must be of 2 members, as loss_curve, got 1"),
    ],
)
def test_wrong_curves(costs, scores, message):
    with pytest.raises(ValueError, match=message):
        LossCurveDisplay(costs, scores).plot()


@pytest.fixture(scope="module")
def tabular(moons):
    small = {"n_members": 3, "max_iter": 6, "hidden_layer_sizes": (4,), "random_state": 0}
    return TabularClassifier(**small).fit(*moons)


def test_every_member_of_a_tabular_model_is_drawn(tabular):
    display = LossCurveDisplay.from_estimator(tabular)
    assert len(display.lines_) == 3
    for lines, curves in (
        (display.lines_, tabular.loss_curves_),
        (display.validation_lines_, tabular.validation_curves_),
    ):
        for line, curve in zip(lines, curves, strict=True):
            np.testing.assert_array_equal(line.get_ydata(), curve)
    assert len({line.get_color() for line in display.lines_}) == 3
    assert display.best_iterations_ == tabular.best_iterations_
    marks = [line for line in display.validation_ax_.lines if line.get_marker() == "o"]
    for mark, best, curve in zip(
        marks, tabular.best_iterations_, tabular.validation_curves_, strict=True
    ):
        assert mark.get_xydata().tolist() == [[best, curve[best - 1]]]
    assert display.validation_ax_.get_ylabel() == "Validation error + log-loss"
    assert display.ax_.get_title(loc="left") == "3 members, the best epoch of each marked"


def test_of_regressors_and_of_one_member(moons):
    X, _ = moons
    model = TabularRegressor(fast=True, max_iter=4, hidden_layer_sizes=(4,), random_state=0)
    display = LossCurveDisplay.from_estimator(model.fit(X, X[:, 0]), name="fast")
    assert display.validation_ax_.get_ylabel() == "Validation squared error, standardised"
    (label,) = display.validation_ax_.get_legend().get_texts()
    least = min(model.validation_curves_[0])
    assert label.get_text() == f"fast: best {least:.4g} (epoch {model.best_iterations_[0]})"
    model.set_params(n_members=2, fast=False, validation_fraction=0)
    display = LossCurveDisplay.from_estimator(model.fit(X[:3], X[:3, 0]))
    assert (len(display.lines_), display.validation_ax_) == (2, None)


def test_a_model_file_holds_no_curves_of_members(tabular, tmp_path):
    tabular.save(tmp_path / "m.mlp")
    with pytest.raises(TypeError, match="TabularClassifier has none: a model file does not hold"):
        LossCurveDisplay.from_estimator(load(tmp_path / "m.mlp"))


def test_wrong_estimators(moons):
    with pytest.raises(NotFittedError):
        LossCurveDisplay.from_estimator(MLPClassifier())
    with pytest.raises(TypeError, match=r"LogisticRegression \(solver='lbfgs'\) has none"):
        LossCurveDisplay.from_estimator(LogisticRegression().fit(*moons))
