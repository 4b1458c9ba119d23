"""The calibration of intervals takes the scale of each row into account."""

import numpy as np
import pytest
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer

from multilayer import TabularRegressor
from multilayer.report.calibration import _scales
from multilayer.report.evaluation import evaluate


def uneven(rows, seed):
    """Noise that is 30 times as large in one half of the table."""
    rng = np.random.RandomState(seed)
    X = rng.normal(size=(rows, 2))
    return X, X[:, 0] + np.where(X[:, 1] > 0, 3, 0.1) * rng.normal(size=rows)


@pytest.fixture(scope="module")
def model():
    settings = {"n_members": 2, "hidden_layer_sizes": 16, "max_iter": 20, "random_state": 0}
    return TabularRegressor(**settings).fit(*uneven(400, 0))


def test_scales_are_out_of_fold_where_predictions_are(model):
    X, y = uneven(400, 0)
    assert np.ptp(model.oof_scale_) > 0.5
    np.testing.assert_array_equal(_scales(evaluate(model, X, y, None)), model.oof_scale_)


@pytest.mark.parametrize("piped", [False, True])
def test_scales_of_other_rows_are_predicted(model, piped):
    X, y = uneven(100, 1)
    model_of_rows = model
    if piped:
        doubled = FunctionTransformer(lambda X: X / 2).fit(X)
        model_of_rows = make_pipeline(doubled, model)
    evaluation = evaluate(model_of_rows, X, y, True)
    expected = model.predict_scale(X / 2 if piped else X)
    np.testing.assert_array_equal(_scales(evaluation), expected)


def test_observed_coverage_is_that_of_the_intervals(model):
    X, y = uneven(1000, 2)
    errors = np.abs(y - model.predict(X)) / _scales(evaluate(model, X, y, True))
    low, high = model.predict_interval(X, 0.8).T
    width = (high - low) / 2 / model.predict_scale(X)
    assert np.mean(errors <= width) == pytest.approx(np.mean((low <= y) & (y <= high)), abs=0.003)
