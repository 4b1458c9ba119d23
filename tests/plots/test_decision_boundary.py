"""DecisionBoundaryDisplay: the classes over a plane."""

import re

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import polars as pl
import pytest
from sklearn.datasets import make_blobs
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import LinearRegression, LogisticRegression, RidgeClassifier
from sklearn.multioutput import MultiOutputClassifier

from multilayer import MLPClassifier
from multilayer.plots import (
    DecisionBoundaryDisplay,
)


@pytest.fixture(scope="module")
def classifier(moons):
    return MLPClassifier((8,), "tanh", solver="lbfgs", tol=1e-3, random_state=0).fit(*moons)


def test_the_line_runs_where_both_classes_are_equally_probable(moons):
    model = MLPClassifier((8,), "tanh", solver="lbfgs", alpha=1, random_state=0).fit(*moons)
    display = DecisionBoundaryDisplay.from_estimator(model, *moons)
    (line,) = display.boundaries_
    (vertices,) = [path.vertices for path in line.get_paths()]
    assert len(vertices) > 100
    np.testing.assert_allclose(model.predict_proba(vertices)[:, 1], 0.5, atol=1e-3)


def test_shade_is_scikit_learns_and_holds_the_probability(classifier, moons):
    display = DecisionBoundaryDisplay.from_estimator(classifier, *moons, grid_resolution=20)
    grid = np.column_stack([display.xx0.ravel(), display.xx1.ravel()])
    mesh = display.surface_.surface_
    np.testing.assert_array_equal(np.ravel(mesh.get_array()), classifier.predict_proba(grid)[:, 1])
    assert mesh.get_clim() == (0, 1)
    blue, orange = mesh.cmap([0.0, 1.0])[:, :3]
    assert blue[2] > blue[0]
    assert orange[0] > orange[2]


def test_points_are_the_rows_of_each_class(classifier, moons):
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


def test_without_y_there_are_no_points(classifier, moons):
    display = DecisionBoundaryDisplay.from_estimator(classifier, moons[0])
    assert display.points_ == []
    assert display.ax_.get_legend() is None


@pytest.mark.parametrize("n_classes", [3, 10, 12])
def test_many_classes(n_classes):
    X, y = make_blobs(12 * n_classes, centers=n_classes, cluster_std=0.1, random_state=0)
    names = np.array([f"class {k:02}" for k in range(n_classes)])
    model = LogisticRegression(C=100, max_iter=1000).fit(X, names[y])
    display = DecisionBoundaryDisplay.from_estimator(model, X, names[y], grid_resolution=60)
    assert len(display.surface_.surface_) == len(display.points_) == n_classes
    assert len(display.boundaries_) == n_classes
    colors = {tuple(points.get_facecolor()[0]) for points in display.points_}
    assert len(colors) == n_classes


@pytest.mark.parametrize("frame", [pd.DataFrame, pl.DataFrame], ids=["pandas", "polars"])
def test_frames_give_their_columns_names(frame, moons):
    X = frame({"age": moons[0][:, 0], "fare": moons[0][:, 1]})
    model = MLPClassifier((), solver="lbfgs", tol=1e-2).fit(X, moons[1])
    display = DecisionBoundaryDisplay.from_estimator(model, X, moons[1])
    assert (display.ax_.get_xlabel(), display.ax_.get_ylabel()) == ("age", "fare")


def test_float32_stays_float32(moons):
    X = moons[0].astype(np.float32)
    model = MLPClassifier((), solver="lbfgs", tol=1e-2).fit(X, moons[1])
    display = DecisionBoundaryDisplay.from_estimator(model, X)
    assert display.xx0.dtype == display.response.dtype == np.float32


def test_classifiers_without_probabilities(moons):
    model = RidgeClassifier().fit(*moons)
    display = DecisionBoundaryDisplay.from_estimator(model, *moons, grid_resolution=30)
    assert set(np.unique(display.response)) == {0, 1}
    assert len(display.boundaries_) == 1


def test_one_constant_feature(moons):
    X = np.column_stack([moons[0][:, 0], np.full(len(moons[0]), 7.0)])
    display = DecisionBoundaryDisplay.from_estimator(LogisticRegression().fit(X, moons[1]), X)
    assert display.ax_.get_ylim() == pytest.approx((6, 8), abs=0.01)


def test_axes_are_reused_and_take_the_style(classifier, moons):
    with plt.style.context("dark_background"):
        _, ax = plt.subplots()
        display = DecisionBoundaryDisplay.from_estimator(classifier, *moons, ax=ax)
    assert display.ax_ is ax
    assert display.figure_ is ax.figure
    np.testing.assert_array_equal(display.boundaries_[0].get_edgecolor(), [[1, 1, 1, 1]])
    assert max(display.surface_.surface_.cmap(0.5)[:3]) < 0.02


def test_wrong_input(classifier, moons):
    before = plt.get_fignums()
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
    assert plt.get_fignums() == before
