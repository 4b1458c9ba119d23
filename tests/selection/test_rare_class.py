"""A class of one row: scikit-learn warns and goes on, and so do searches and cross-validations."""

import matplotlib as mpl
import numpy as np
import pytest
from sklearn.metrics import log_loss
from sklearn.model_selection import KFold, cross_validate, learning_curve, validation_curve
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from tabular_cases import SMALL

from multilayer import MLPClassifier, TabularClassifier
from multilayer.plots import BiasVarianceDisplay, CrossValidationDisplay, RegularizationPathDisplay
from multilayer.selection import HiddenLayerSearchCV, compare_baselines, cross_validate_network

rng = np.random.RandomState(0)
X = rng.normal(size=(30, 3))
TWO = np.where(X[:, 0] > 0, "yes", "no")
THREE = np.where(np.arange(30) == 4, "odd", TWO)
ALONE = (np.arange(30) == 4).astype(int)
RARE = {"one of three": THREE, "one of two": ALONE}
MODELS = {
    "plain": MLPClassifier((4,), max_iter=5, random_state=0),
    "pipeline": make_pipeline(StandardScaler(), MLPClassifier((4,), max_iter=5, random_state=0)),
    "tabular": TabularClassifier(**SMALL | {"max_iter": 2}, fast=True),
}
pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
LEAST = pytest.mark.parametrize("scoring", [None, "neg_log_loss", "neg_brier_score", "f1_macro"])


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("y", RARE)
@LEAST
def test_cross_validation(model, y, scoring):
    y = RARE[y]
    with pytest.warns(UserWarning, match="least populated class in y has only 1 member"):
        result = cross_validate_network(MODELS[model], X, y, cv=3, scoring=scoring, random_state=0)
    assert np.isfinite(result.scores).all()
    assert np.isfinite(result.train_scores).all()
    classes = np.unique(y)
    assert result.oof_probability.shape == (30, len(classes))
    np.testing.assert_allclose(result.oof_probability.sum(axis=1), 1, rtol=1e-6)
    # The row was never learned from in the fold that tests it.
    assert result.oof_probability[4, np.flatnonzero(classes == y[4])[0]] == 0
    assert set(result.oof_prediction) <= set(classes)
    if scoring == "neg_log_loss":
        (fold,) = (k for k, (_, test) in enumerate(result.indices) if 4 in test)
        rows = result.indices[fold][1]
        H = np.maximum(result.oof_probability[rows], np.finfo(np.float32).eps)
        expected = -log_loss(y[rows], H / H.sum(axis=1, keepdims=True), labels=classes)
        assert result.scores[fold] == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("y", RARE)
@pytest.mark.parametrize("scoring", [None, "neg_log_loss", "neg_brier_score"])
def test_search(model, y, scoring):
    search = HiddenLayerSearchCV(
        MODELS[model],
        {"hidden_layer_sizes": [(2,), (3,)]},
        n_candidates=2,
        cv=3,
        n_finals=1,
        scoring=scoring,
        random_state=0,
    )
    with pytest.warns(UserWarning, match="least populated class in y has only 1 member"):
        search.fit(X, RARE[y])
    assert np.isfinite(search.best_score_)
    assert list(search.cv_results_["failure"]) == ["", ""]
    np.testing.assert_array_equal(search.best_estimator_.classes_, np.unique(RARE[y]))


def test_the_score_is_that_of_scikit_learn():
    own = cross_validate_network(MODELS["plain"], X, THREE, cv=KFold(3))
    its = cross_validate(MODELS["plain"], X, THREE, cv=KFold(3))
    np.testing.assert_array_equal(own.scores, its["test_score"])


@pytest.mark.parametrize("y", RARE)
@pytest.mark.parametrize("scoring", [None, "neg_log_loss"])
def test_comparison(y, scoring):
    with pytest.warns(UserWarning, match="least populated"):
        found = compare_baselines(
            X, RARE[y], cv=3, task="classification", scoring=scoring, random_state=0
        )
    assert [rival.failure for rival in found.rivals] == [""] * len(found.rivals)
    assert all(np.isfinite(rival.scores).all() for rival in found.rivals)


@pytest.mark.filterwarnings("ignore:The least populated class:UserWarning")
def test_curves():
    mpl.use("agg")
    model, settings = MODELS["plain"], {"cv": 3, "random_state": 0}
    CrossValidationDisplay.from_estimator(model, X, THREE, **settings)
    BiasVarianceDisplay.from_estimator(model, X, THREE, param_range=[(), (2,)], **settings)
    RegularizationPathDisplay.from_estimator(model, X, THREE, param_range=[0.1, 1.0], **settings)
    strict = {"cv": 3, "error_score": "raise"}
    learning_curve(MODELS["tabular"], X, THREE, train_sizes=[0.9], **strict)
    validation_curve(model, X, THREE, param_name="alpha", param_range=[1], **strict)


def test_costs_are_of_the_classes_learned():
    with pytest.warns(UserWarning, match="least populated"):
        result = cross_validate_network(MODELS["plain"], X, THREE, cv=3, random_state=0)
    assert all(np.isfinite(curve).all() and len(curve) == 5 for curve in result.validation_curves)


@pytest.mark.parametrize("settings", [{}, {"fast": True}, {"scoring": "neg_log_loss"}])
@pytest.mark.parametrize("y", RARE)
def test_tabular_classifier(settings, y):
    model = TabularClassifier(**SMALL | {"max_iter": 2}, **settings).fit(X, RARE[y])
    H = model.predict_proba(X)
    assert H.shape == (30, len(np.unique(RARE[y])))
    assert np.isfinite(H).all()
    assert 0 <= model.validation_score_ <= 1


def test_search_with_balanced_classes():
    model = TabularClassifier(**SMALL | {"max_iter": 2}, fast=True, class_weight="balanced")
    search = HiddenLayerSearchCV(
        model, {"hidden_layer_sizes": [(2,)]}, n_candidates=1, cv=3, random_state=0
    )
    with pytest.warns(UserWarning, match="least populated"):
        search.fit(X, THREE)
    assert list(search.cv_results_["failure"]) == [""]
