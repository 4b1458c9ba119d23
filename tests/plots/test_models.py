"""Every display takes every kind of model: tabular ones, pipelines, searches; or says why not."""

import re

import matplotlib.pyplot as plt
import numpy as np
import polars as pl
import pytest
from data_cases import X_NOISY_MOONS, Y_NOISY_MOONS
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from multilayer import HiddenLayerSearchCV, MLPClassifier, TabularClassifier, TabularRegressor
from multilayer.plots import (
    ArchitectureGridDisplay,
    BiasVarianceDisplay,
    CrossValidationDisplay,
    DecisionBoundaryDisplay,
    LossCurveDisplay,
    NetworkDisplay,
    RegularizationPathDisplay,
    SearchDisplay,
)

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

X = pl.DataFrame(X_NOISY_MOONS[:60], schema=["a", "b"])
y = Y_NOISY_MOONS[:60]
NETWORK = MLPClassifier((3,), max_iter=3, random_state=0)
TABULAR = TabularClassifier(
    n_members=2, max_iter=3, hidden_layer_sizes=(4,), validation_fraction=0.2, random_state=0
)
PIPELINE = make_pipeline(StandardScaler(), NETWORK)
QUICK = {"n_candidates": 2, "cv": 2, "random_state": 0}
MODELS = {
    "tabular": TABULAR,
    "regressor": TabularRegressor(n_members=2, max_iter=3, hidden_layer_sizes=(4,)),
    "pipeline": PIPELINE,
    "pipeline of a tabular model": make_pipeline("passthrough", TABULAR),
    "search": HiddenLayerSearchCV(NETWORK, **QUICK),
    "search of a pipeline": HiddenLayerSearchCV(PIPELINE, **QUICK),
    "search of a tabular model": HiddenLayerSearchCV(TABULAR, **QUICK),
}
FOLDS = {"cv": 2, "random_state": 0}
SMALL = {"grid_resolution": 8}
DRAW = {
    "curves": lambda model, y: LossCurveDisplay.from_estimator(model),
    "network": lambda model, y: NetworkDisplay.from_estimator(model),
    "folds": lambda model, y: CrossValidationDisplay.from_estimator(model, X, y, **FOLDS),
    "sizes": lambda model, y: BiasVarianceDisplay.from_estimator(
        model, X, y, param_range=[(2,), (3,)], **FOLDS
    ),
    "penalties": lambda model, y: RegularizationPathDisplay.from_estimator(
        model, X, y, param_range=[0.1, 1], **FOLDS
    ),
    "boundary": lambda model, y: DecisionBoundaryDisplay.from_estimator(model, X, y, **SMALL),
    "grid of models": lambda model, y: ArchitectureGridDisplay.from_estimators(
        [model], X, y, **SMALL
    ),
    "grid of sizes": lambda model, y: ArchitectureGridDisplay.from_data(
        X, y, [(2,), (3,)], [0.1], estimator=model, **SMALL
    ),
    "candidates": lambda model, y: SearchDisplay.from_estimator(model),
}
PLANES = {"boundary", "grid of models", "grid of sizes"}


@pytest.fixture(scope="module")
def fitted():
    return {
        name: model.fit(X, X["a"].to_numpy() if name == "regressor" else y)
        for name, model in MODELS.items()
    }


@pytest.mark.parametrize("display", list(DRAW))
@pytest.mark.parametrize("kind", list(MODELS))
def test_a_display_takes_a_model(fitted, kind, display):
    model = fitted[kind]
    target = X["a"].to_numpy() if kind == "regressor" else y
    wrong = None
    if display == "candidates" and not kind.startswith("search"):
        step = model[-1] if kind.startswith("pipeline") else model
        wrong = f"SearchDisplay draws a HiddenLayerSearchCV, not {type(step).__name__}"
    elif display in PLANES and kind == "regressor":
        wrong = "DecisionBoundaryDisplay draws classifiers, not TabularRegressor"
    if wrong:
        with pytest.raises(TypeError, match=wrong):
            DRAW[display](model, target)
        return
    before = len(plt.get_fignums())
    DRAW[display](model, target).figure_.canvas.draw()
    assert len(plt.get_fignums()) == before + 1


def test_a_search_is_drawn_as_its_best_estimator(fitted):
    search = fitted["search of a pipeline"]
    display = LossCurveDisplay.from_estimator(search)
    best = search.best_estimator_[-1]
    np.testing.assert_array_equal(display.line_.get_ydata(), best.loss_curve_)
    display = BiasVarianceDisplay.from_estimator(search, X, y, param_range=[(2,)], **FOLDS)
    (result,) = display.results
    assert result.estimators[0][-1].max_iter == best.max_iter


def test_a_pipeline_that_ends_in_a_search(fitted):
    search = fitted["search"]
    assert SearchDisplay.from_estimator(make_pipeline("passthrough", search)).points_
    with pytest.raises(NotFittedError):
        SearchDisplay.from_estimator(HiddenLayerSearchCV(NETWORK))


def test_a_plane_of_texts_is_refused():
    table = X.with_columns(b=pl.lit("u"))
    model = clone(TABULAR).fit(table, y)
    message = "both features must be numbers to be drawn on a plane: could not convert string"
    with pytest.raises(ValueError, match=re.escape(message)):
        DecisionBoundaryDisplay.from_estimator(model, table, y)
