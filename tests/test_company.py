"""In the company users put the estimators in: one test each, with results that must come out."""

import copy
import pickle

import cloudpickle
import joblib
import numpy as np
import pandas as pd
import polars as pl
import pytest
import sklearn
import skops.io
from sklearn.base import clone
from sklearn.calibration import CalibratedClassifierCV
from sklearn.compose import ColumnTransformer, TransformedTargetRegressor
from sklearn.datasets import load_diabetes, load_iris
from sklearn.ensemble import AdaBoostClassifier, BaggingClassifier, StackingClassifier
from sklearn.inspection import PartialDependenceDisplay, permutation_importance
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import log_loss
from sklearn.model_selection import GridSearchCV, cross_validate
from sklearn.multiclass import OneVsRestClassifier
from sklearn.multioutput import MultiOutputClassifier
from sklearn.neural_network import MLPClassifier as TheirClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler
from sklearn.semi_supervised import SelfTrainingClassifier

from multilayer import MLPClassifier, MLPRegressor

X, Y = load_iris(return_X_y=True)
X = StandardScaler().fit_transform(X)
X_DIABETES, Y_DIABETES = load_diabetes(return_X_y=True)
NUMBERS = {"hidden_layer_sizes": (8,), "random_state": 0, "learning_rate_init": 0.02}

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")


def both(meta):
    """Fit a meta-estimator around ours and around scikit-learn's; the same seeds tell the same."""
    mine, theirs = (
        meta(kind(**NUMBERS, max_iter=40)).fit(X, Y) for kind in (MLPClassifier, TheirClassifier)
    )
    np.testing.assert_array_equal(mine.predict(X), theirs.predict(X))
    np.testing.assert_allclose(mine.predict_proba(X), theirs.predict_proba(X), atol=1e-6)
    return mine


def test_pipeline():
    both(lambda network: make_pipeline(StandardScaler(), network))


def test_column_transformer():
    table = pd.DataFrame({"a": X[:, 2], "b": X[:, 3], "kind": np.where(X[:, 0] > 0, "x", "y")})
    columns = ColumnTransformer(
        [("n", StandardScaler(), ["a", "b"]), ("k", OneHotEncoder(), ["kind"])]
    )
    model = make_pipeline(columns, MLPClassifier(**NUMBERS, max_iter=100)).fit(table, Y)
    assert model.score(table, Y) > 0.9


@pytest.mark.parametrize("backend", ["loky", "threading"])
def test_grid_search_in_processes_and_threads(backend):
    grid = {"hidden_layer_sizes": [(2,), (8,)], "alpha": [1e-4, 1.0]}
    network = MLPClassifier(**NUMBERS, max_iter=30)
    alone = GridSearchCV(network, grid, cv=3).fit(X, Y)
    with joblib.parallel_backend(backend, n_jobs=2):
        search = GridSearchCV(network, grid, cv=3, n_jobs=2).fit(X, Y)
    np.testing.assert_array_equal(
        search.cv_results_["mean_test_score"], alone.cv_results_["mean_test_score"]
    )
    assert search.best_params_ == alone.best_params_


def test_cross_validate():
    network = MLPClassifier(**NUMBERS, early_stopping=True, max_iter=60)
    found = cross_validate(network, X, Y, cv=3, scoring=["accuracy", "neg_log_loss"])
    theirs = TheirClassifier(**NUMBERS, early_stopping=True, max_iter=60)
    wanted = cross_validate(theirs, X, Y, cv=3, scoring=["accuracy", "neg_log_loss"])
    np.testing.assert_array_equal(found["test_accuracy"], wanted["test_accuracy"])
    np.testing.assert_allclose(found["test_neg_log_loss"], wanted["test_neg_log_loss"], atol=1e-6)


def test_calibrated_classifier():
    # It calibrates decision_function, which scikit-learn's MLP does not have: Platt's way.
    network = MLPClassifier(**NUMBERS, max_iter=40)
    model = CalibratedClassifierCV(network, cv=3).fit(X, Y)
    assert log_loss(Y, model.predict_proba(X)) < 0.25
    assert model.score(X, Y) > 0.9


def test_stacking_classifier():
    both(lambda n: StackingClassifier([("n", n)], LogisticRegression(), cv=3))


def test_bagging_classifier():
    both(lambda network: BaggingClassifier(network, 3, random_state=0))


def test_ada_boost_classifier():
    both(lambda network: AdaBoostClassifier(network, n_estimators=3, random_state=0))


def test_one_vs_rest_classifier():
    both(OneVsRestClassifier)


def test_multi_output_classifier():
    labels = np.c_[Y, Y > 0]
    model = MultiOutputClassifier(MLPClassifier(**NUMBERS, max_iter=100)).fit(X, labels)
    assert model.score(X, labels) > 0.9


def test_self_training_classifier():
    known = np.where(np.arange(150) % 3 == 0, Y, -1)
    model = SelfTrainingClassifier(MLPClassifier(**NUMBERS, max_iter=100)).fit(X, known)
    assert model.score(X, Y) > 0.9


def test_transformed_target_regressor():
    network = MLPRegressor(**NUMBERS, solver="lbfgs", max_iter=50)
    model = TransformedTargetRegressor(network, transformer=StandardScaler())
    assert model.fit(X_DIABETES, Y_DIABETES).score(X_DIABETES, Y_DIABETES) > 0.5


def test_permutation_importance():
    clf = MLPClassifier(**NUMBERS, max_iter=100).fit(X[:, [2, 3]] @ np.eye(2, 3), Y)
    found = permutation_importance(clf, X[:, [2, 3]] @ np.eye(2, 3), Y, random_state=0)
    assert found.importances_mean[2] == 0 < found.importances_mean[0]


def test_partial_dependence_display():
    import matplotlib as mpl

    mpl.use("Agg")
    reg = MLPRegressor(**NUMBERS, solver="lbfgs", max_iter=50).fit(X_DIABETES, Y_DIABETES)
    display = PartialDependenceDisplay.from_estimator(reg, X_DIABETES, [2], grid_resolution=5)
    assert display.lines_[0, 0].get_ydata()[-1] > display.lines_[0, 0].get_ydata()[0]
    mpl.pyplot.close("all")


def test_metadata_routing():
    weights = np.where(Y == 2, 0.0, 1.0)
    with sklearn.config_context(enable_metadata_routing=True):
        network = MLPClassifier(**NUMBERS, max_iter=20).set_fit_request(sample_weight=True)
        scaler = StandardScaler().set_fit_request(sample_weight=False)
        model = make_pipeline(scaler, network).fit(X, Y, sample_weight=weights)
        plain = clone(network).fit(StandardScaler().fit_transform(X), Y, sample_weight=weights)
        validated = MLPClassifier(**NUMBERS, max_iter=20).set_fit_request(X_val=True, y_val=True)
        piped = make_pipeline(StandardScaler(), validated)
        piped.set_params(transform_input=["X_val"]).fit(
            X[::2], Y[::2], X_val=X[1::2], y_val=Y[1::2]
        )
    np.testing.assert_array_equal(
        model.predict_proba(X), plain.predict_proba(StandardScaler().fit_transform(X))
    )
    assert len(piped[-1].validation_loss_curve_) == 20


def test_set_output():
    model = make_pipeline(StandardScaler(), MLPClassifier(**NUMBERS, max_iter=20))
    model.set_output(transform="pandas").fit(X, Y)
    assert model[-1].feature_names_in_.tolist() == ["x0", "x1", "x2", "x3"]


@pytest.mark.parametrize("frame", [pd.DataFrame, pl.DataFrame], ids=["pandas", "polars"])
def test_frames(frame):
    table = frame({f"c{k}": X[:, k] for k in range(4)})
    clf = MLPClassifier(**NUMBERS, max_iter=20).fit(table, Y)
    plain = MLPClassifier(**NUMBERS, max_iter=20).fit(X, Y)
    assert clf.feature_names_in_.tolist() == ["c0", "c1", "c2", "c3"]
    np.testing.assert_array_equal(clf.predict_proba(table), plain.predict_proba(X))
    with pytest.raises(ValueError, match="feature names should match"):
        clf.predict(table[["c1", "c0", "c2", "c3"]])


def test_clone():
    clf = MLPClassifier(**NUMBERS, max_iter=20, alpha=0.3).fit(X, Y)
    twin = clone(clf)
    assert twin.get_params() == clf.get_params()
    assert not hasattr(twin, "network_")


ROUND_TRIPS = {
    "pickle": lambda clf, path: pickle.loads(pickle.dumps(clf)),
    "cloudpickle": lambda clf, path: cloudpickle.loads(cloudpickle.dumps(clf)),
    "joblib": lambda clf, path: joblib.load(joblib.dump(clf, path)[0]),
    "deepcopy": lambda clf, path: copy.deepcopy(clf),
}


@pytest.mark.parametrize("way", ROUND_TRIPS)
def test_kept_and_brought_back(way, tmp_path):
    clf = MLPClassifier(**NUMBERS, max_iter=20).fit(X, Y)
    twin = ROUND_TRIPS[way](clf, tmp_path / "m")
    np.testing.assert_array_equal(twin.predict_proba(X), clf.predict_proba(X))
    for model in (clf, twin):  # what the optimizer remembers came along
        model.partial_fit(X, Y)
    np.testing.assert_array_equal(twin.predict_proba(X), clf.predict_proba(X))


def test_skops(tmp_path):
    clf = MLPClassifier(**NUMBERS, max_iter=20).fit(X, Y)
    skops.io.dump(clf, tmp_path / "m.skops")
    asked = skops.io.get_untrusted_types(file=tmp_path / "m.skops")
    assert all(name.startswith("multilayer.") for name in asked), asked
    twin = skops.io.load(tmp_path / "m.skops", trusted=asked)
    np.testing.assert_array_equal(twin.predict_proba(X), clf.predict_proba(X))
