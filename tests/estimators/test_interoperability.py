"""The estimators inside other tools: meta-estimators, inspection, pickling, other libraries."""

import copy
import pickle
import subprocess
import sys

import cloudpickle
import joblib
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import polars as pl
import pytest
import sklearn
import skops.io
from cases import PlateauCounter
from sklearn.base import clone
from sklearn.calibration import CalibratedClassifierCV
from sklearn.compose import ColumnTransformer, TransformedTargetRegressor
from sklearn.datasets import load_diabetes, load_iris
from sklearn.ensemble import AdaBoostClassifier, BaggingClassifier, StackingClassifier
from sklearn.exceptions import UnsetMetadataPassedError
from sklearn.inspection import PartialDependenceDisplay, permutation_importance
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import log_loss
from sklearn.model_selection import GridSearchCV, cross_validate
from sklearn.multiclass import OneVsRestClassifier
from sklearn.multioutput import MultiOutputClassifier
from sklearn.neural_network import MLPClassifier as TheirClassifier
from sklearn.neural_network import MLPRegressor as TheirRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler
from sklearn.semi_supervised import SelfTrainingClassifier
from skops.io.exceptions import UntrustedTypesFoundException

from multilayer import MLPClassifier, MLPRegressor, TableEncoder
from multilayer.optimizers import Lion
from multilayer.schedules import Cosine

X, Y = load_iris(return_X_y=True)
X = StandardScaler().fit_transform(X)
X_DIABETES, Y_DIABETES = load_diabetes(return_X_y=True, scaled=False)
X_DIABETES = StandardScaler().fit_transform(X_DIABETES)
NUMBERS = {"hidden_layer_sizes": (8,), "random_state": 0, "learning_rate_init": 0.02}

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")


def both(meta, y=Y, X=X, kinds=(MLPClassifier, TheirClassifier)):
    """Fit a meta-estimator around ours and around scikit-learn's; the same seeds give the same."""
    mine, theirs = (meta(kind(**NUMBERS, max_iter=40)).fit(X, y) for kind in kinds)
    np.testing.assert_array_equal(mine.predict(X), theirs.predict(X))
    told, wanted = mine.predict_proba(X), theirs.predict_proba(X)
    several = isinstance(wanted, list)  # one array a column of y
    for ours, reference in zip(*((told, wanted) if several else ([told], [wanted])), strict=True):
        np.testing.assert_allclose(ours, reference, atol=1e-6)
    return mine, theirs


def regressors(max_iter=40):
    return (kind(**NUMBERS, max_iter=max_iter) for kind in (MLPRegressor, TheirRegressor))


def test_pipeline():
    both(lambda network: make_pipeline(StandardScaler(), network))


def test_column_transformer():
    table = pd.DataFrame({"a": X[:, 2], "b": X[:, 3], "kind": np.where(X[:, 0] > 0, "x", "y")})
    columns = ColumnTransformer(
        [("n", StandardScaler(), ["a", "b"]), ("k", OneHotEncoder(), ["kind"])]
    )
    mine, _ = both(lambda network: make_pipeline(columns, network), X=table)
    turned = table[["kind", "b", "a"]]
    np.testing.assert_array_equal(mine.predict_proba(turned), mine.predict_proba(table))


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
    theirs = GridSearchCV(TheirClassifier(**NUMBERS, max_iter=30), grid, cv=3).fit(X, Y)
    np.testing.assert_array_equal(
        search.cv_results_["mean_test_score"], theirs.cv_results_["mean_test_score"]
    )


def test_cross_validate():
    network = MLPClassifier(**NUMBERS, early_stopping=True, max_iter=60)
    found = cross_validate(network, X, Y, cv=3, scoring=["accuracy", "neg_log_loss"])
    theirs = TheirClassifier(**NUMBERS, early_stopping=True, max_iter=60)
    wanted = cross_validate(theirs, X, Y, cv=3, scoring=["accuracy", "neg_log_loss"])
    np.testing.assert_array_equal(found["test_accuracy"], wanted["test_accuracy"])
    np.testing.assert_allclose(found["test_neg_log_loss"], wanted["test_neg_log_loss"], atol=1e-6)


class TheirDecider(TheirClassifier):
    """scikit-learn's with the z of its output units, which calibration prefers where it is."""

    def decision_function(self, X):
        (first, last), (b, c) = self.coefs_, self.intercepts_
        return np.maximum(X @ first + b, 0) @ last + c


def test_calibrated_classifier():
    kinds = (MLPClassifier, TheirDecider)
    both(lambda network: CalibratedClassifierCV(network, cv=3), kinds=kinds)


def test_stacking_classifier():
    both(lambda n: StackingClassifier([("n", n)], LogisticRegression(), cv=3))


def test_bagging_classifier():
    both(lambda network: BaggingClassifier(network, 3, random_state=0))


def test_ada_boost_classifier():
    both(lambda network: AdaBoostClassifier(network, n_estimators=3, random_state=0))


def test_one_vs_rest_classifier():
    both(OneVsRestClassifier)


def test_multi_output_classifier():
    both(MultiOutputClassifier, np.c_[Y, Y > 0])


def test_self_training_classifier():
    known = np.where(np.arange(150) % 3 == 0, Y, -1)
    mine, theirs = both(SelfTrainingClassifier, known)
    np.testing.assert_array_equal(mine.transduction_, theirs.transduction_)
    assert (mine.labeled_iter_ > 0).any(), "nothing was labelled by the network, so nothing tested"


def test_transformed_target_regressor():
    mine, theirs = (
        TransformedTargetRegressor(network, transformer=StandardScaler())
        .fit(X_DIABETES, Y_DIABETES)
        .predict(X_DIABETES)
        for network in regressors()
    )
    np.testing.assert_allclose(mine, theirs, rtol=1e-6)
    assert mine.std() > 10, "back in the units of the target"


def test_permutation_importance():
    mine, theirs = (
        permutation_importance(kind(**NUMBERS, max_iter=40).fit(X, Y), X, Y, random_state=0)
        for kind in (MLPClassifier, TheirClassifier)
    )
    np.testing.assert_array_equal(mine.importances, theirs.importances)
    assert mine.importances_mean.argmax() in (2, 3)  # length and width of the petals


def test_partial_dependence_display():
    lines = []
    for network in regressors():
        network.fit(X_DIABETES, Y_DIABETES)
        display = PartialDependenceDisplay.from_estimator(
            network, X_DIABETES, [2, (2, 8)], grid_resolution=5
        )
        lines.append(display.lines_[0, 0].get_ydata())
        assert display.contours_[0, 1] is not None
    plt.close("all")
    np.testing.assert_allclose(*lines, rtol=1e-6)
    assert lines[0][-1] > lines[0][0], "more mass, more diabetes"


WEIGHTS = np.where(Y == 2, 0.0, 1.0)


@pytest.fixture
def scaler():
    with sklearn.config_context(enable_metadata_routing=True):
        yield StandardScaler().set_fit_request(sample_weight=False)


def test_weights_through_a_pipeline(scaler):
    network = MLPClassifier(**NUMBERS, max_iter=20).set_fit_request(sample_weight=True)
    model = make_pipeline(scaler, network).fit(X, Y, sample_weight=WEIGHTS)
    scaled = StandardScaler().fit_transform(X)
    plain = clone(network).fit(scaled, Y, sample_weight=WEIGHTS)
    np.testing.assert_array_equal(model.predict_proba(X), plain.predict_proba(scaled))
    unweighted = clone(network).fit(scaled, Y)
    assert not np.allclose(model.predict_proba(X), unweighted.predict_proba(scaled))


def test_weights_that_nobody_asked_for(scaler):
    model = make_pipeline(scaler, MLPClassifier(**NUMBERS, max_iter=20))
    with pytest.raises(UnsetMetadataPassedError, match="MLPClassifier"):
        model.fit(X, Y, sample_weight=WEIGHTS)


def test_weights_through_a_search_over_a_pipeline(scaler):
    scores = []
    for kind in (MLPClassifier, TheirClassifier):
        network = kind(**NUMBERS, max_iter=20)
        network.set_fit_request(sample_weight=True).set_score_request(sample_weight=True)
        grid = {f"{kind.__name__.lower()}__alpha": [1e-4, 100.0]}
        search = GridSearchCV(make_pipeline(scaler, network), grid, cv=3)
        search.fit(X, Y, sample_weight=WEIGHTS + 1e-3)
        scores.append(search.cv_results_["mean_test_score"])
    np.testing.assert_allclose(*scores, rtol=1e-12)
    assert scores[0][0] != scores[0][1]
    assert scores[0].max() > 0.8, "the class without weight does not count"


def test_validation_rows_through_a_pipeline(scaler):
    network = MLPClassifier(**NUMBERS, max_iter=20).set_fit_request(X_val=True, y_val=True)
    model = make_pipeline(scaler, network).set_params(transform_input=["X_val"])
    held_out = X[1::2] * 10 + 5
    model.fit(X[::2] * 10 + 5, Y[::2], X_val=held_out, y_val=Y[1::2])
    assert len(model[-1].validation_loss_curve_) == 20
    last = log_loss(Y[1::2], model.predict_proba(held_out))
    assert model[-1].validation_loss_curve_[-1] == pytest.approx(last)


@pytest.mark.parametrize("library", ["pandas", "polars"])
def test_set_output(library):
    model = make_pipeline(StandardScaler(), MLPClassifier(**NUMBERS, max_iter=20))
    model.set_output(transform=library).fit(X, Y)
    assert model[-1].feature_names_in_.tolist() == ["x0", "x1", "x2", "x3"]
    plain = make_pipeline(StandardScaler(), MLPClassifier(**NUMBERS, max_iter=20)).fit(X, Y)
    np.testing.assert_array_equal(model.predict_proba(X), plain.predict_proba(X))


@pytest.mark.parametrize("frame", [pd.DataFrame, pl.DataFrame], ids=["pandas", "polars"])
def test_frames(frame):
    table = frame({f"c{k}": X[:, k] for k in range(4)})
    clf = MLPClassifier(**NUMBERS, max_iter=20).fit(table, Y)
    plain = MLPClassifier(**NUMBERS, max_iter=20).fit(X, Y)
    assert clf.feature_names_in_.tolist() == ["c0", "c1", "c2", "c3"]
    np.testing.assert_array_equal(clf.predict_proba(table), plain.predict_proba(X))
    with pytest.raises(ValueError, match="feature names should match"):
        clf.predict(table[["c1", "c0", "c2", "c3"]])


# With names alone, and with records in their place.
KEPT = {
    "classifier": lambda: MLPClassifier(**NUMBERS, max_iter=20, alpha=0.3).fit(X, Y),
    "regressor": lambda: MLPRegressor("huber", **NUMBERS, max_iter=20).fit(X, Y),
    "records": lambda: MLPClassifier(
        **NUMBERS, max_iter=20, solver=Lion(0.01), learning_rate=Cosine(final=0.1), dropout=0.2
    ).fit(X, Y),
}


def outputs(model):
    return getattr(model, "predict_proba", model.predict)(X)


@pytest.mark.parametrize("kind", KEPT)
def test_clone(kind):
    model = KEPT[kind]()
    twin = clone(model)
    assert twin.get_params() == model.get_params()
    assert not hasattr(twin, "network_")
    assert twin.fit(X, Y).loss_curve_ == model.loss_curve_
    np.testing.assert_array_equal(outputs(twin), outputs(model))


ROUND_TRIPS = {
    "pickle": lambda model, path: pickle.loads(pickle.dumps(model)),
    "cloudpickle": lambda model, path: cloudpickle.loads(cloudpickle.dumps(model)),
    "joblib": lambda model, path: joblib.load(joblib.dump(model, path)[0]),
    "deepcopy": lambda model, path: copy.deepcopy(model),
    "skops": lambda model, path: skops.io.loads(
        skops.io.dumps(model), trusted=[*FITTED, *CLASSIFIER, *REGRESSOR, *RECORDS]
    ),
}


@pytest.mark.parametrize("kind", KEPT)
@pytest.mark.parametrize("way", ROUND_TRIPS)
def test_kept_and_brought_back(way, kind, tmp_path):
    model = KEPT[kind]()
    twin, before = ROUND_TRIPS[way](model, tmp_path / "m"), outputs(model)
    np.testing.assert_array_equal(outputs(twin), before)
    for one in (model, twin):  # what the optimizer remembers came along
        one.partial_fit(X, Y)
    np.testing.assert_array_equal(outputs(twin), outputs(model))
    assert (outputs(model) != before).any()


ELSEWHERE = """
import pathlib, pickle, sys

here = pathlib.Path(sys.argv[1])
clf, X = pickle.loads((here / "model").read_bytes())
(here / "outputs").write_bytes(pickle.dumps(clf.predict_proba(X)))
"""


def test_functions_reach_another_process_by_cloudpickle(tmp_path):
    softsign = (lambda z: z / (1 + abs(z)), lambda z: 1 / (1 + abs(z)) ** 2)
    clf = MLPClassifier(**NUMBERS, max_iter=20, activation=softsign).fit(X, Y)
    with pytest.raises((AttributeError, pickle.PicklingError)):
        pickle.dumps(clf)
    (tmp_path / "model").write_bytes(cloudpickle.dumps((clf, X)))
    subprocess.run([sys.executable, "-c", ELSEWHERE, tmp_path], check=True)
    told = pickle.loads((tmp_path / "outputs").read_bytes())
    np.testing.assert_array_equal(told, clf.predict_proba(X))


FITTED = [
    f"{PlateauCounter.__module__}.PlateauCounter",
    "multilayer.Network",
    "multilayer.training.state.History",
    "multilayer.training.state.State",
]
CLASSIFIER = [
    "multilayer.MLPClassifier",
    "multilayer.losses.LogLoss",
    "multilayer.estimators.targets.ClassTargets",
]
REGRESSOR = [
    "multilayer.MLPRegressor",
    "multilayer.estimators.targets.NumberTargets",
    "multilayer.losses.SquaredError",
]
RECORDS = [
    "multilayer.losses.Huber",
    "multilayer.optimizers.Lion",
    "multilayer.schedules.Cosine",
]
ENCODER = ["multilayer.tables.numbers.Numbers", "multilayer.TableEncoder"]


@pytest.mark.parametrize(
    ("model", "types"),
    [
        (MLPClassifier(**NUMBERS, max_iter=20), [*FITTED, *CLASSIFIER]),
        (MLPClassifier(**NUMBERS, early_stopping=True), [*FITTED, *CLASSIFIER]),
        (MLPClassifier(**NUMBERS, solver="lbfgs", max_iter=20), [*FITTED, *CLASSIFIER]),
        (MLPRegressor(**NUMBERS, max_iter=20), [*FITTED, *REGRESSOR]),
        (
            make_pipeline(TableEncoder(), MLPClassifier(**NUMBERS, max_iter=20)),
            [*FITTED, *CLASSIFIER, *ENCODER],
        ),
    ],
    ids=["classifier", "early stopping", "lbfgs", "regressor", "raw table"],
)
def test_skops(model, types, tmp_path):
    table = pd.DataFrame(X, columns=list("abcd"))
    path = tmp_path / "m.skops"
    skops.io.dump(model.fit(table, Y), path)
    assert skops.io.get_untrusted_types(file=path) == sorted(types)
    twin = skops.io.load(path, trusted=types)
    np.testing.assert_array_equal(twin.predict(table), model.predict(table))
    with pytest.raises(UntrustedTypesFoundException, match=types[0]):
        skops.io.load(path, trusted=types[1:])
