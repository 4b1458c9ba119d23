"""BiasVarianceDisplay and RegularizationPathDisplay: errors over a parameter, on the same folds."""

from types import SimpleNamespace

import matplotlib.pyplot as plt
import numpy as np
import pytest
from data_cases import X_NOISY_MOONS, Y_NOISY_MOONS
from sklearn.datasets import load_diabetes
from sklearn.model_selection import (
    KFold,
    LearningCurveDisplay,
    ValidationCurveDisplay,
    cross_val_score,
)
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from multilayer import MLPClassifier, MLPRegressor
from multilayer.plots import BiasVarianceDisplay, RegularizationPathDisplay

X, y = X_NOISY_MOONS[:120], Y_NOISY_MOONS[:120]
FOLDS = KFold(4, shuffle=True, random_state=1)


def network(**parameters):
    defaults = {"solver": "lbfgs", "max_iter": 60, "random_state": 0}
    return MLPClassifier(**({"hidden_layer_sizes": (4,)} | defaults | parameters))


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_bias_variance_draws_the_errors_of_cross_validation():
    sizes = [(), (3,), (6,)]
    _, ax = plt.subplots()
    display = BiasVarianceDisplay.from_estimator(
        network(), X, y, param_range=sizes, cv=FOLDS, ax=ax
    )
    assert display.ax_ is ax
    np.testing.assert_array_equal(display.capacity_, [3, 13, 25])
    expected = [
        1 - cross_val_score(network(hidden_layer_sizes=size), X, y, cv=FOLDS).mean()
        for size in sizes
    ]
    np.testing.assert_allclose(display.line_.get_ydata(), expected)
    assert display.best_index_ == np.argmin(expected)
    learned = display.train_line_.get_ydata()
    assert learned[-1] < learned[0]
    labels = [text.get_text() for text in ax.get_legend().get_texts()]
    assert any("smallest error" in label for label in labels)


def result(*scores, name="accuracy", trained=None, classes=(0, 1)):
    scores = np.array(scores, float)
    trained = scores if trained is None else np.full(len(scores), trained)
    return SimpleNamespace(
        scores=scores, train_scores=trained, score_name=name, classes=np.array(classes)
    )


BIAS, VARIANCE = "bias: underfits", "variance: overfits"
STUCK = "not converged: high training error"


@pytest.mark.parametrize(
    ("held_out", "trained", "name", "left", "right"),
    [
        ([0.8, 0.95, 0.9], [0.81, 0.96, 1.0], "accuracy", BIAS, VARIANCE),
        ([0.8, 0.95, 0.951], [0.81, 0.96, 0.97], "accuracy", BIAS, ""),
        ([0.8, 0.95, 0.7], [0.81, 0.96, 0.72], "accuracy", BIAS, STUCK),
        # Few epochs of a regression whose target is large: 1 − R² is 5 on training rows too.
        ([0.5, 0.6, -4.1], [0.52, 0.62, -4.0], "R²", BIAS, STUCK),
        ([-4.0, -4.2, -4.4], [-4.1, -4.1, -4.1], "R²", STUCK, STUCK),
        ([0.95, 0.8, 0.6], [0.96, 1.0, 1.0], "accuracy", "", VARIANCE),
        ([0.52, 0.51, 0.5], [0.5, 0.5, 0.5], "accuracy", STUCK, STUCK),
    ],
)
def test_what_is_wrong_follows_from_both_errors(held_out, trained, name, left, right):
    results = [
        result(score - 0.001, score + 0.001, name=name, trained=of_training)
        for score, of_training in zip(held_out, trained, strict=True)
    ]
    display = BiasVarianceDisplay(results, capacity=[1, 5, 50]).plot()
    said = [text.get_text() for text in display.ax_.texts]
    assert said == [left and f"◂ {left}", right and f"{right} ▸"]
    # A penalty makes flexible networks rigid: the same, seen from the other side.
    display = RegularizationPathDisplay(results[::-1], [0.01, 1, 10]).plot()
    said = [text.get_text() for text in display.ax_.texts]
    assert said == [right and f"◂ {right}", left and f"{left} ▸"]


def test_the_simplest_is_the_one_of_least_capacity_within_a_standard_error():
    # Errors .5 ± 0, .30 ± .05, .25 ± .05: the second is simpler and no more than that away.
    results = [result(0.5, 0.5), result(0.65, 0.75), result(0.7, 0.8)]
    display = BiasVarianceDisplay(results, capacity=[1, 5, 50], names=["a", "b", "c"]).plot()
    assert (display.best_index_, display.simplest_index_) == (2, 1)
    np.testing.assert_allclose(display.line_.get_ydata(), [0.5, 0.3, 0.25])
    assert display.ax_.get_xscale() == "log"
    path = RegularizationPathDisplay(results, [0.01, 1, 10]).plot()
    assert (path.best_index_, path.simplest_index_) == (2, 2)


def test_a_score_that_is_minus_an_error_is_drawn_as_the_error():
    results = [result(-3, -5, name="neg_mean_squared_error"), result(-2, -2)]
    display = BiasVarianceDisplay(results, capacity=[1, 2]).plot()
    np.testing.assert_allclose(display.line_.get_ydata(), [4, 2])
    assert display.ax_.get_ylabel() == "Mean squared error"


def test_regularization_path_of_a_pipeline_and_of_regression():
    rows = load_diabetes()
    pipeline = make_pipeline(
        StandardScaler(),
        MLPRegressor(hidden_layer_sizes=(8,), solver="lbfgs", max_iter=30, random_state=0),
    )
    y = rows.target[:150] / np.std(rows.target[:150])
    display = RegularizationPathDisplay.from_estimator(
        pipeline, rows.data[:150], y, param_range=[0.01, 1, 1e3], cv=3, random_state=0
    )
    errors = display.line_.get_ydata()
    # All weights 0: the mean, which leaves all of the variance of the rows it is the mean of.
    assert display.train_line_.get_ydata()[2] == pytest.approx(1, abs=0.01)
    assert errors[2] == pytest.approx(1, abs=0.1)
    assert display.best_index_ == np.argmin(errors)
    assert display.train_line_.get_ydata()[0] < errors[0]


def test_the_same_seed_gives_the_same_errors():
    def drawn():
        return RegularizationPathDisplay.from_estimator(
            network(random_state=None), X, y, param_range=[0.1, 1], cv=3, random_state=3
        ).line_.get_ydata()

    np.testing.assert_array_equal(drawn(), drawn())


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"param_name": "width"}, "param_name must be a parameter of MLPClassifier, got 'width'"),
        ({"param_range": []}, "param_range must hold at least one value, but is empty"),
        ({"param_range": [0.1, 0]}, "param_range must be larger than 0 .* got 0"),
        ({"param_range": [0.1, float("nan")]}, "param_range must be larger than 0 .* got nan"),
    ],
)
def test_wrong_paths_are_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        RegularizationPathDisplay.from_estimator(network(), X, y, **arguments)


def test_capacity_and_results_must_match():
    with pytest.raises(ValueError, match="capacity must have one value for each of 2 results"):
        BiasVarianceDisplay([result(0.5), result(0.6)], capacity=[1, 2, 3]).plot()


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_scikit_learns_curves_take_our_estimators():
    learning = LearningCurveDisplay.from_estimator(
        network(), X, y, train_sizes=[0.3, 1.0], cv=3, shuffle=True, random_state=0
    )
    assert learning.test_scores[-1].mean() > 0.8
    validation = ValidationCurveDisplay.from_estimator(
        network(), X, y, param_name="alpha", param_range=[0.01, 1e4], cv=3
    )
    assert validation.test_scores[0].mean() > validation.test_scores[1].mean()
