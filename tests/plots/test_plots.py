import re
import subprocess
import sys

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import polars as pl
import pytest
from matplotlib.collections import LineCollection
from sklearn.datasets import load_iris, make_blobs, make_moons
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import LinearRegression, LogisticRegression, RidgeClassifier
from sklearn.multioutput import MultiOutputClassifier
from sklearn.neural_network import MLPClassifier as ScikitLearnMLP
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from multilayer import MLPClassifier, MLPRegressor, Network
from multilayer.plots import (
    DecisionBoundaryDisplay,
    LossCurveDisplay,
    NetworkDisplay,
    SearchDisplay,
)
from multilayer.plots.search import frontier


@pytest.fixture(autouse=True)
def _closed_figures():
    yield
    plt.close("all")


@pytest.fixture(scope="module")
def moons():
    return make_moons(n_samples=120, noise=0.1, random_state=0)


@pytest.fixture(scope="module")
def classifier(moons):
    return MLPClassifier((8,), "tanh", solver="lbfgs", tol=1e-3, random_state=0).fit(*moons)


def texts(ax):
    return [text.get_text() for text in ax.texts]


def test_matplotlib_is_imported_when_something_is_drawn():
    code = "import sys, multilayer.plots; sys.exit('matplotlib' in sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)


class TestLossCurve:
    def test_draws_every_cost_and_marks_the_lowest(self):
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
    def test_scale_is_logarithmic_over_a_decade_of_positive_costs(self, costs, scale):
        assert LossCurveDisplay(costs).plot().ax_.get_yscale() == scale

    def test_validation_scores_have_their_own_panel_and_choose_the_best(self):
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
    def test_the_panels_stay_within_the_axes_they_were_given(self, place):
        figure = plt.figure()
        ax = (
            figure.subplots(1, 2)[1] if place == "subplots" else figure.add_axes((0.5, 0, 0.4, 0.9))
        )
        whole = ax.get_position()
        display = LossCurveDisplay([2, 1], [0.1, 0.2]).plot(ax)
        assert display.ax_ is ax
        upper, lower = ax.get_position(), display.validation_ax_.get_position()
        for part in (upper, lower):
            np.testing.assert_allclose([part.x0, part.x1], [whole.x0, whole.x1])
        np.testing.assert_allclose([lower.y0, upper.y1], [whole.y0, whole.y1], atol=1e-12)

    def test_several_curves_share_the_axes(self):
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

    def test_keywords_reach_both_lines(self):
        display = LossCurveDisplay([2, 1], [0.1, 0.2]).plot(color="black", linewidth=5)
        for line in (display.line_, display.validation_line_):
            assert (line.get_color(), line.get_linewidth()) == ("black", 5)

    def test_of_estimators(self, moons):
        X, y = moons
        network = MLPClassifier((4,), early_stopping=True, max_iter=20, tol=1, random_state=0)
        network.set_params(n_iter_no_change=2)
        display = LossCurveDisplay.from_estimator(
            make_pipeline(StandardScaler(), network).fit(X, y)
        )
        np.testing.assert_array_equal(display.line_.get_ydata(), network.loss_curve_)
        scores = network.validation_scores_
        np.testing.assert_array_equal(display.validation_line_.get_ydata(), scores)
        assert display.best_iteration_ == 1 + np.argmax(scores)
        assert display.validation_ax_.get_ylabel() == "Validation accuracy"
        regressor = MLPRegressor(
            hidden_layer_sizes=(4,), solver="lbfgs", random_state=0, tol=1
        ).fit(X, y)
        display = LossCurveDisplay.from_estimator(regressor)
        assert (display.ax_.get_xlabel(), display.validation_ax_) == ("Iteration", None)

    def test_a_cost_that_is_not_finite_is_left_out(self):
        assert LossCurveDisplay([2, 1, np.nan]).plot().best_iteration_ == 2

    @pytest.mark.parametrize(
        ("costs", "scores", "message"),
        [
            ([], None, "a finite cost, and has none in 0"),
            ([np.nan, np.inf], None, "a finite cost, and has none in 2"),
            ([1, 2], [1], "validation_scores has 1 values, but loss_curve has 2"),
        ],
    )
    def test_wrong_curves(self, costs, scores, message):
        with pytest.raises(ValueError, match=message):
            LossCurveDisplay(costs, scores).plot()

    def test_wrong_estimators(self, moons):
        with pytest.raises(NotFittedError):
            LossCurveDisplay.from_estimator(MLPClassifier())
        with pytest.raises(TypeError, match=r"LogisticRegression \(solver='lbfgs'\) has none"):
            LossCurveDisplay.from_estimator(LogisticRegression().fit(*moons))


class TestDecisionBoundary:
    def test_the_line_runs_where_both_classes_are_equally_probable(self, moons):
        model = MLPClassifier((8,), "tanh", solver="lbfgs", alpha=1, random_state=0).fit(*moons)
        display = DecisionBoundaryDisplay.from_estimator(model, *moons)
        (line,) = display.boundaries_
        (vertices,) = [path.vertices for path in line.get_paths()]
        assert len(vertices) > 100
        np.testing.assert_allclose(model.predict_proba(vertices)[:, 1], 0.5, atol=1e-3)

    def test_shade_is_scikit_learns_and_holds_the_probability(self, classifier, moons):
        display = DecisionBoundaryDisplay.from_estimator(classifier, *moons, grid_resolution=20)
        grid = np.column_stack([display.xx0.ravel(), display.xx1.ravel()])
        mesh = display.surface_.surface_
        np.testing.assert_array_equal(
            np.ravel(mesh.get_array()), classifier.predict_proba(grid)[:, 1]
        )
        assert mesh.get_clim() == (0, 1)
        blue, orange = mesh.cmap([0.0, 1.0])[:, :3]
        assert blue[2] > blue[0]
        assert orange[0] > orange[2]

    def test_points_are_the_rows_of_each_class(self, classifier, moons):
        X, y = moons
        display = DecisionBoundaryDisplay.from_estimator(classifier, X, y, s=3)
        for label, points in enumerate(display.points_):
            np.testing.assert_array_equal(points.get_offsets(), X[y == label])
            assert points.get_sizes() == [3]
        legend = display.ax_.get_legend().get_texts()
        assert [text.get_text() for text in legend] == ["0", "1"]
        (left, right), (low, high) = display.ax_.get_xlim(), display.ax_.get_ylim()
        assert left < X[:, 0].min() < X[:, 0].max() < right
        assert low < X[:, 1].min() < X[:, 1].max() < high

    def test_without_y_there_are_no_points(self, classifier, moons):
        display = DecisionBoundaryDisplay.from_estimator(classifier, moons[0])
        assert display.points_ == []
        assert display.ax_.get_legend() is None

    @pytest.mark.parametrize("n_classes", [3, 10, 12])
    def test_many_classes(self, n_classes):
        X, y = make_blobs(12 * n_classes, centers=n_classes, cluster_std=0.1, random_state=0)
        names = np.array([f"class {k:02}" for k in range(n_classes)])
        model = LogisticRegression(C=100, max_iter=1000).fit(X, names[y])
        display = DecisionBoundaryDisplay.from_estimator(model, X, names[y], grid_resolution=60)
        assert len(display.surface_.surface_) == len(display.points_) == n_classes
        assert len(display.boundaries_) == n_classes
        colors = {tuple(points.get_facecolor()[0]) for points in display.points_}
        assert len(colors) == n_classes

    @pytest.mark.parametrize("frame", [pd.DataFrame, pl.DataFrame], ids=["pandas", "polars"])
    def test_frames_give_their_columns_names(self, frame, moons):
        X = frame({"age": moons[0][:, 0], "fare": moons[0][:, 1]})
        model = MLPClassifier((), solver="lbfgs", tol=1e-2).fit(X, moons[1])
        display = DecisionBoundaryDisplay.from_estimator(model, X, moons[1])
        assert (display.ax_.get_xlabel(), display.ax_.get_ylabel()) == ("age", "fare")

    def test_float32_stays_float32(self, moons):
        X = moons[0].astype(np.float32)
        model = MLPClassifier((), solver="lbfgs", tol=1e-2).fit(X, moons[1])
        display = DecisionBoundaryDisplay.from_estimator(model, X)
        assert display.xx0.dtype == display.response.dtype == np.float32

    def test_classifiers_without_probabilities(self, moons):
        model = RidgeClassifier().fit(*moons)
        display = DecisionBoundaryDisplay.from_estimator(model, *moons, grid_resolution=30)
        assert set(np.unique(display.response)) == {0, 1}
        assert len(display.boundaries_) == 1

    def test_one_constant_feature(self, moons):
        X = np.column_stack([moons[0][:, 0], np.full(len(moons[0]), 7.0)])
        display = DecisionBoundaryDisplay.from_estimator(LogisticRegression().fit(X, moons[1]), X)
        assert display.ax_.get_ylim() == pytest.approx((6, 8), abs=0.01)

    def test_axes_are_reused_and_take_the_style(self, classifier, moons):
        with plt.style.context("dark_background"):
            _, ax = plt.subplots()
            display = DecisionBoundaryDisplay.from_estimator(classifier, *moons, ax=ax)
        assert display.ax_ is ax
        assert display.figure_ is ax.figure
        np.testing.assert_array_equal(display.boundaries_[0].get_edgecolor(), [[1, 1, 1, 1]])
        assert max(display.surface_.surface_.cmap(0.5)[:3]) < 0.02

    def test_wrong_input(self, classifier, moons):
        X, y = moons
        draw = DecisionBoundaryDisplay.from_estimator
        with pytest.raises(NotFittedError):
            draw(MLPClassifier(), X)
        with pytest.raises(TypeError, match="draws classifiers, not LinearRegression"):
            draw(LinearRegression().fit(X, y), X)
        with pytest.raises(ValueError, match="2 features to be drawn on a plane, and has 3"):
            draw(classifier, np.ones((5, 3)))
        with pytest.raises(ValueError, match="grid_resolution must be at least 2, and is 1"):
            draw(classifier, X, grid_resolution=1)
        with pytest.raises(ValueError, match="inconsistent numbers of samples"):
            draw(classifier, X, y[:-1])
        with pytest.raises(ValueError, match=re.escape("label 5, which is not among [0, 1]")):
            draw(classifier, X, y + 5 * (y == 1) - (y == 1))
        with pytest.raises(ValueError, match="NaN"):
            draw(classifier, np.full((2, 2), np.nan))
        several = MultiOutputClassifier(LogisticRegression()).fit(X, np.column_stack([y, 1 - y]))
        with pytest.raises(ValueError, match="the estimator predicts 2"):
            draw(several, X)
        assert plt.get_fignums() == []


class TestNetwork:
    def test_every_weight_and_bias_of_a_small_network_is_drawn_and_written(self):
        network = Network((2, 5, 5, 2), random_state=0)
        display = NetworkDisplay.from_estimator(network)
        assert [len(units.get_offsets()) for units in display.units_] == [2, 5, 5, 2]
        for lines, theta in zip(display.weights_, network.thetas, strict=True):
            assert isinstance(lines, LineCollection)
            np.testing.assert_array_equal(lines.get_array(), theta.ravel())
            assert lines.norm.vmax == -lines.norm.vmin == np.abs(theta).max()
            widest = np.argmax(lines.get_linewidths())
            assert widest == np.argmax(np.abs(theta).ravel())
        written = [label.get_text().replace("\N{MINUS SIGN}", "-") for label in display.labels_]
        values = np.concatenate([theta.ravel() for theta in network.thetas])
        assert written == [f"{value:.2f}" for value in values]
        assert display.pictures_ == []

    def test_numbers_stand_on_their_lines_and_do_not_overlap(self):
        display = NetworkDisplay.from_estimator(Network((2, 5, 5, 2), random_state=0))
        segments = np.concatenate([lines.get_segments() for lines in display.weights_])
        for (start, end), label in zip(segments, display.labels_, strict=True):
            t = (label.get_position()[0] - start[0]) / (end[0] - start[0])
            assert 0 < t < 1
            np.testing.assert_allclose(label.get_position()[1], (1 - t) * start[1] + t * end[1])
        boxes = [label.get_window_extent() for label in display.labels_]
        for n, box in enumerate(boxes):
            for other in boxes[:n]:
                overlap = min(box.y1, other.y1) - max(box.y0, other.y0)
                assert not box.overlaps(other) or overlap < 0.2 * box.height

    def test_colors_show_the_sign(self):
        display = NetworkDisplay([[[0, 1.0, -1.0]]]).plot()
        (lines,) = display.weights_
        none, positive, negative = lines.cmap(lines.norm(lines.get_array()))
        assert none[3] < 0.5
        assert positive[2] > positive[0]
        assert negative[0] > negative[2]
        dashes = [pattern for _, pattern in lines.get_linestyles()]
        assert [pattern is not None for pattern in dashes] == [False, False, True]

    def test_large_layers_show_their_ends_and_a_picture_of_theta(self):
        network = Network((784, 100, 10), "relu", "softmax", random_state=0, dtype=np.float32)
        display = NetworkDisplay.from_estimator(network)
        assert [len(units.get_offsets()) for units in display.units_] == [8, 8, 10]
        assert display.labels_ == []
        for picture, theta in zip(display.pictures_, network.thetas, strict=True):
            np.testing.assert_array_equal(picture.get_array(), theta)
        drawn = texts(display.ax_)
        assert drawn.count("⋮") == 2
        assert {"$x_{4}$", "$x_{781}$", "$a_{100}^{(2)}$", "$h_{10}$"} <= set(drawn)
        assert not {"$x_{5}$", "$x_{780}$"} & set(drawn)
        assert {"784 units", "100 relu", "10 softmax", "Hidden 1"} <= set(drawn)
        kept = [0, 1, 2, 3, 4, *range(781, 785)]
        rows = [0, 1, 2, 3, *range(96, 100)]
        np.testing.assert_array_equal(
            display.weights_[0].get_array(), network.thetas[0][np.ix_(rows, kept)].ravel()
        )

    @pytest.mark.parametrize(("max_units", "drawn"), [(3, 2), (6, 4), (7, 7), (10, 7)])
    def test_max_units(self, max_units, drawn):
        display = NetworkDisplay.from_estimator(Network((7, 1)), max_units=max_units)
        assert len(display.units_[0].get_offsets()) == drawn

    @pytest.mark.parametrize("sizes", [(1, 1), (3, 1, 1), (4, 3), (10, 8, 8, 8, 8, 8, 8, 3)])
    def test_any_shape(self, sizes):
        display = NetworkDisplay.from_estimator(Network(sizes, random_state=0))
        assert tuple(len(units.get_offsets()) for units in display.units_) == sizes
        display.figure_.canvas.draw()

    def test_a_small_axes_has_lines_only(self):
        figure = plt.figure(figsize=(2, 1.5))
        ax = figure.add_subplot()
        display = NetworkDisplay.from_estimator(Network((2, 5, 5, 2), random_state=0), ax=ax)
        assert display.ax_ is ax
        assert display.figure_ is figure
        assert (display.labels_, display.pictures_) == ([], [])
        assert len(display.weights_) == 3

    @pytest.mark.parametrize(
        "Estimator", [MLPClassifier, ScikitLearnMLP], ids=["multilayer", "sklearn"]
    )
    def test_names_of_a_pipeline_over_a_frame(self, Estimator):
        iris = load_iris(as_frame=True)
        network = Estimator((3,), "tanh", solver="lbfgs", tol=1.0)
        model = make_pipeline(StandardScaler(), network)
        model.fit(iris.data, iris.target_names[iris.target])
        display = NetworkDisplay.from_estimator(model)
        drawn = set(texts(display.ax_))
        assert {*iris.data.columns, *iris.target_names} <= drawn
        assert {"4 units", "3 tanh", "3 softmax"} <= drawn
        for lines, coef, bias in zip(
            display.weights_, network.coefs_, network.intercepts_, strict=True
        ):
            theta = np.asarray(lines.get_array()).reshape(len(bias), -1)
            np.testing.assert_array_equal(theta[:, 0], bias)
            np.testing.assert_array_equal(theta[:, 1:], coef.T)

    def test_one_output_has_the_name_of_the_second_class(self, moons):
        X, y = moons
        labels = np.array(["left", "right"])[y]
        model = MLPClassifier((), solver="lbfgs", tol=1.0).fit(X, labels)
        drawn = texts(NetworkDisplay.from_estimator(model).ax_)
        assert "right" in drawn
        assert "left" not in drawn

    def test_given_names_win_and_long_ones_are_cut(self):
        names = ["width", "a name that would not end"]
        display = NetworkDisplay.from_estimator(
            Network((2, 1)), input_names=names, output_names=["price"]
        )
        assert {"width", "a name that would…", "price"} <= set(texts(display.ax_))

    def test_zeros_and_broken_weights_are_drawn(self):
        NetworkDisplay([np.zeros((2, 3))]).plot().figure_.canvas.draw()
        display = NetworkDisplay([[[np.nan, np.inf, 2.0]]]).plot()
        display.figure_.canvas.draw()
        assert display.weights_[0].norm.vmax == 2

    def test_wrong_input(self, moons):
        with pytest.raises(NotFittedError):
            NetworkDisplay.from_estimator(MLPClassifier())
        with pytest.raises(TypeError, match="LogisticRegression has neither"):
            NetworkDisplay.from_estimator(LogisticRegression().fit(*moons))
        with pytest.raises(ValueError, match=re.escape("got [(5, 3), (2, 5)]")):
            NetworkDisplay([np.ones((5, 3)), np.ones((2, 5))]).plot()
        with pytest.raises(ValueError, match=re.escape("got []")):
            NetworkDisplay([]).plot()
        with pytest.raises(ValueError, match="input_names must have 2 names, and has 1"):
            NetworkDisplay.from_estimator(Network((2, 1)), input_names=["x"])
        with pytest.raises(ValueError, match="max_units must be at least 3, and is 2"):
            NetworkDisplay.from_estimator(Network((2, 1)), max_units=2)
        assert plt.get_fignums() == []


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
