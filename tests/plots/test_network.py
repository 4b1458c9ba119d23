"""NetworkDisplay: weights, units and names of a network."""

import re

import matplotlib.pyplot as plt
import numpy as np
import polars as pl
import pytest
from matplotlib.collections import LineCollection
from plot_cases import corners, overlap, texts
from sklearn.compose import TransformedTargetRegressor
from sklearn.datasets import load_iris
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import LogisticRegression
from sklearn.neural_network import MLPClassifier as ScikitLearnMLP
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler

from multilayer import (
    HiddenLayerSearchCV,
    MLPClassifier,
    MLPRegressor,
    Network,
    TabularClassifier,
)
from multilayer.embedding import embed
from multilayer.plots import NetworkDisplay


def test_every_weight_and_bias_of_a_small_network_is_drawn_and_written():
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


@pytest.mark.parametrize("sizes", [(2, 5, 5, 2), (4, 4, 3), (6, 6, 1), (1, 3, 1)])
def test_numbers_run_along_their_lines_and_do_not_overlap(sizes):
    display = NetworkDisplay.from_estimator(Network(sizes, random_state=0))
    segments = np.concatenate([lines.get_segments() for lines in display.weights_])
    for (start, end), label in zip(segments, display.labels_, strict=True):
        width, height = end - start
        t = (label.get_position()[0] - start[0]) / width
        assert 0 < t < 1
        np.testing.assert_allclose(label.get_position()[1], (1 - t) * start[1] + t * end[1])
        turned = (label.get_rotation() + 90) % 360 - 90
        np.testing.assert_allclose(turned, np.degrees(np.arctan2(height, width)), atol=1e-9)
    display.figure_.canvas.draw()
    boxes = [corners(label) for label in display.labels_]
    for n, box in enumerate(boxes):
        assert max((overlap(box, other) for other in boxes[:n]), default=0) < 2


def test_a_line_is_interrupted_for_its_number():
    with plt.style.context("dark_background"):
        display = NetworkDisplay([[[0.5, 1.0, -1.0]]]).plot()
    for label in display.labels_:
        box = label.get_bbox_patch()
        assert box.get_facecolor() == (0, 0, 0, 1)
        assert label.get_zorder() > display.weights_[0].get_zorder()


def test_colors_show_the_sign():
    display = NetworkDisplay([[[0, 1.0, -1.0]]]).plot()
    (lines,) = display.weights_
    none, positive, negative = lines.cmap(lines.norm(lines.get_array()))
    assert none[3] < 0.5
    assert positive[2] > positive[0]
    assert negative[0] > negative[2]
    dashes = [pattern for _, pattern in lines.get_linestyles()]
    assert [pattern is not None for pattern in dashes] == [False, False, True]


def test_large_layers_show_their_ends_and_a_picture_of_theta():
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
def test_max_units(max_units, drawn):
    display = NetworkDisplay.from_estimator(Network((7, 1)), max_units=max_units)
    assert len(display.units_[0].get_offsets()) == drawn


@pytest.mark.parametrize("sizes", [(1, 1), (3, 1, 1), (4, 3), (10, 8, 8, 8, 8, 8, 8, 3)])
def test_any_shape(sizes):
    display = NetworkDisplay.from_estimator(Network(sizes, random_state=0))
    assert tuple(len(units.get_offsets()) for units in display.units_) == sizes
    display.figure_.canvas.draw()


def test_a_small_axes_has_lines_only():
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
def test_names_of_a_pipeline_over_a_frame(Estimator):
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


def test_one_output_has_the_name_of_the_second_class(moons):
    X, y = moons
    labels = np.array(["left", "right"])[y]
    model = MLPClassifier((), solver="lbfgs", tol=1.0).fit(X, labels)
    drawn = texts(NetworkDisplay.from_estimator(model).ax_)
    assert "right" in drawn
    assert "left" not in drawn


@pytest.fixture(scope="module")
def table():
    rng = np.random.RandomState(0)
    return pl.DataFrame(
        {
            "an_uncommonly_long_name": rng.uniform(size=90),
            "sex": rng.choice(["f", "m"], 90),
            "port": rng.choice(list("ABCDEFGHIJKL"), 90),
        }
    )


@pytest.fixture(scope="module")
def tabular(table):
    y = np.where(table["sex"] == "f", "yes", "no")
    small = {"n_members": 2, "max_iter": 2, "hidden_layer_sizes": (3,), "random_state": 0}
    return TabularClassifier(**small).fit(table, y)


@pytest.mark.parametrize("member", [0, 1])
def test_a_member_of_a_tabular_model_has_names_for_its_embedded_inputs(tabular, table, member):
    display = NetworkDisplay.from_estimator(tabular, member=member, max_units=99)
    network = tabular.members_[member]
    names = list(display.input_names)
    assert names[:3] == ["an_uncommonly_long_name", "sex_m", "an_uncommonly… ~1"]
    assert names[-1] == "port #8"
    assert display.output_names == ["no", "yes"]
    assert display.activations == [network.activation, "softmax"]
    # The drawn weights, with the embedding alone, compute what the member does.
    rows = tabular.encoder_.transform(table)
    u = embed(rows, network.extra.embedding)
    assert u.shape[1] == len(names)
    first = np.asarray(display.thetas[0])
    z = first[:, 0] + u @ first[:, 1:].T
    scaled = u * network.extra.embedding.scale
    np.testing.assert_allclose(
        z, network.thetas[0][:, 0] + scaled @ network.thetas[0][:, 1:].T, rtol=1e-4, atol=1e-5
    )


@pytest.mark.parametrize("place", ["pipeline", "search"])
def test_a_model_in_a_pipeline_or_a_search_is_drawn(tabular, table, place):
    direct = NetworkDisplay.from_estimator(tabular)
    if place == "pipeline":
        model = Pipeline([("nothing", "passthrough"), ("model", tabular)])
    else:
        model = HiddenLayerSearchCV(tabular)
        model.best_estimator_, model.cv_results_ = tabular, {}
    display = NetworkDisplay.from_estimator(model)
    assert texts(display.ax_) == texts(direct.ax_)


def test_a_regressor_inside_a_transformed_target(moons):
    network = MLPRegressor(hidden_layer_sizes=(3,), solver="lbfgs", tol=1.0)
    model = TransformedTargetRegressor(network, transformer=StandardScaler()).fit(*moons)
    display = NetworkDisplay.from_estimator(model)
    np.testing.assert_array_equal(display.thetas[0], model.regressor_.network_.thetas[0])


def test_a_dollar_sign_in_a_name_begins_no_formula(moons):
    X, y = moons
    frame = pl.DataFrame(X, schema=["a $x^{2", "b"])
    model = MLPClassifier((), solver="lbfgs", tol=1.0).fit(frame, np.array(["$\\no", "$y"])[y])
    display = NetworkDisplay.from_estimator(model)
    display.figure_.canvas.draw()
    assert {r"a \$x^{2", r"\$y"} <= set(texts(display.ax_))


def test_given_names_win_and_long_ones_are_cut():
    names = ["width", "a name that would not end"]
    display = NetworkDisplay.from_estimator(
        Network((2, 1)), input_names=names, output_names=["price"]
    )
    assert {"width", "a name that would…", "price"} <= set(texts(display.ax_))


def test_zeros_and_broken_weights_are_drawn():
    NetworkDisplay([np.zeros((2, 3))]).plot().figure_.canvas.draw()
    display = NetworkDisplay([[[np.nan, np.inf, 2.0]]]).plot()
    display.figure_.canvas.draw()
    assert display.weights_[0].norm.vmax == 2


def test_wrong_input(moons):
    before = plt.get_fignums()
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
    with pytest.raises(ValueError, match="member must be from 0 to 0, got 1"):
        NetworkDisplay.from_estimator(Network((2, 1)), member=1)
    search = HiddenLayerSearchCV(MLPClassifier(), refit=False)
    search.cv_results_ = {}
    with pytest.raises(TypeError, match="HiddenLayerSearchCV has no network to draw: refit is Fa"):
        NetworkDisplay.from_estimator(search)
    with pytest.raises(ValueError, match="max_units must be at least 3, and is 2"):
        NetworkDisplay.from_estimator(Network((2, 1)), max_units=2)
    assert plt.get_fignums() == before
