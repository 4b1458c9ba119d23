"""The estimators: scikit-learn's contract, results, and wrong input."""

import pickle

import joblib
import numpy as np
import pandas as pd
import polars as pl
import pytest
from data_cases import X_DIABETES, X_IRIS, X_MOONS, Y_DIABETES, Y_IRIS, Y_MOONS
from optimizer_cases import SOLVER_NAMES
from sklearn.exceptions import ConvergenceWarning, NotFittedError
from sklearn.utils.estimator_checks import parametrize_with_checks

from multilayer import DivergenceWarning, MLPClassifier, MLPRegressor, load

not_converged = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")


def settings():
    for solver in SOLVER_NAMES:
        rate = {"learning_rate_init": 0.5} if solver == "gd" else {"learning_rate_init": 0.01}
        for output in ("auto", "logistic", "softmax"):
            yield MLPClassifier(
                (10,), solver=solver, output_activation=output, max_iter=100, **rate
            )
        yield MLPRegressor(
            hidden_layer_sizes=(10,), solver=solver, max_iter=500, learning_rate_init=0.01
        )


@not_converged
@parametrize_with_checks(list(settings()))
def test_scikit_learn_checks(estimator, check):
    check(estimator)


def test_labels_of_any_kind():
    for labels in (np.array(["setosa", "versicolor", "virginica"]), np.array([5, -1, 7])):
        clf = MLPClassifier(solver="lbfgs", random_state=0, max_iter=1000).fit(
            X_IRIS, labels[Y_IRIS]
        )
        assert clf.classes_.tolist() == sorted(labels.tolist())
        assert clf.score(X_IRIS, labels[Y_IRIS]) > 0.95
        assert clf.predict(X_IRIS[:3]).dtype == labels.dtype


@pytest.mark.parametrize("frame", [pd.DataFrame, pl.DataFrame], ids=["pandas", "polars"])
def test_frames(frame):
    X = frame({"a": X_MOONS[:, 0], "b": X_MOONS[:, 1]})
    y = pd.Series(Y_MOONS) if frame is pd.DataFrame else pl.Series(Y_MOONS)
    clf = MLPClassifier(solver="lbfgs", random_state=0, max_iter=1000).fit(X, y)
    assert clf.feature_names_in_.tolist() == ["a", "b"]
    assert clf.score(X, y) > 0.95


@not_converged
@pytest.mark.parametrize("output", ["auto", "logistic", "softmax"])
@pytest.mark.parametrize("n_classes", [1, 2, 3])
def test_probabilities_add_up(n_classes, output):
    y = np.minimum(Y_IRIS, n_classes - 1)
    clf = MLPClassifier((5,), output_activation=output, max_iter=30, random_state=0)
    clf.fit(X_IRIS, y)
    probabilities = clf.predict_proba(X_IRIS)
    assert probabilities.shape == (150, n_classes)
    np.testing.assert_allclose(probabilities.sum(axis=1), 1)
    np.testing.assert_array_equal(clf.predict(X_IRIS), probabilities.argmax(axis=1))
    np.testing.assert_allclose(np.exp(clf.predict_log_proba(X_IRIS)), probabilities, atol=1e-12)


@not_converged
def test_float32_stays_float32():
    clf = MLPClassifier((5,), max_iter=3).fit(X_IRIS.astype(np.float32), Y_IRIS)
    assert clf.predict_proba(X_IRIS).dtype == np.float32
    assert clf.coefs_[0].dtype == np.float32
    reg = MLPRegressor(hidden_layer_sizes=(5,), max_iter=3).fit(
        X_DIABETES.astype(np.float32), Y_DIABETES
    )
    assert reg.predict(X_DIABETES).dtype == np.float32


def test_several_outputs():
    X = np.random.RandomState(0).randn(100, 3)
    y = X @ [[1.0, 2.0], [0.0, 1.0], [-1.0, 3.0]]
    reg = MLPRegressor(hidden_layer_sizes=(), solver="lbfgs", alpha=0).fit(X, y)
    assert reg.n_outputs_ == 2
    np.testing.assert_allclose(reg.predict(X), y, atol=1e-3)


def test_counts():
    rng = np.random.RandomState(0)
    X = rng.randn(2000, 2)
    y = rng.poisson(np.exp(0.5 + X @ [0.3, -0.7]))
    reg = MLPRegressor("poisson", (), solver="lbfgs", alpha=0).fit(X, y)
    np.testing.assert_allclose(reg.coefs_[0][:, 0], [0.3, -0.7], atol=0.05)
    assert (reg.predict(X) > 0).all()


def test_lbfgs_stops_early_too():
    clf = MLPClassifier(solver="lbfgs", early_stopping=True, random_state=0, max_iter=10**4)
    clf.fit(X_MOONS, Y_MOONS)
    assert len(clf.validation_scores_) == len(clf.loss_curve_) == clf.n_iter_ < 10**4
    assert clf.best_validation_score_ == max(clf.validation_scores_)


def test_given_validation_rows():
    clf = MLPClassifier(early_stopping=True, learning_rate_init=0.01, random_state=0)
    clf.fit(X_MOONS[:100], Y_MOONS[:100], X_val=X_MOONS[100:], y_val=Y_MOONS[100:])
    assert clf.score(X_MOONS[100:], Y_MOONS[100:]) == clf.best_validation_score_
    with pytest.raises(ValueError, match="X_val and y_val go together"):
        clf.fit(X_MOONS, Y_MOONS, X_val=X_MOONS)
    with pytest.raises(ValueError, match=r"`y` has classes not in .* \[9\]"):
        clf.fit(X_MOONS, Y_MOONS, X_val=X_MOONS, y_val=np.full(200, 9))


FRAME = pd.DataFrame(X_MOONS.astype(np.float32), columns=["a", "b"])


@not_converged
@pytest.mark.parametrize(
    ("estimator", "X", "y"),
    [
        (MLPClassifier((4,), "gelu", solver="lbfgs"), X_IRIS, Y_IRIS),
        (MLPClassifier(4, solver="lbfgs"), X_IRIS, np.array(["a", "b", "é"])[Y_IRIS]),
        (MLPClassifier((3, 4), early_stopping=True, n_iter_no_change=np.inf), FRAME, Y_MOONS > 0),
        (MLPRegressor(hidden_layer_sizes=(), solver="lbfgs"), X_DIABETES, Y_DIABETES),
    ],
    ids=["ints", "strings", "float32", "regressor"],
)
def test_saved_pickled_and_dumped(estimator, X, y, tmp_path):
    fitted = estimator.fit(X, y)
    fitted.save(tmp_path / "m.mlp")
    joblib.dump(fitted, tmp_path / "m.joblib")
    for twin in (
        load(tmp_path / "m.mlp"),
        pickle.loads(pickle.dumps(fitted)),
        joblib.load(tmp_path / "m.joblib"),
    ):
        np.testing.assert_array_equal(twin.predict(X), fitted.predict(X))
        assert repr(twin) == repr(fitted)
        assert vars(twin).keys() == vars(fitted).keys()
        assert twin.loss_curve_ == fitted.loss_curve_
        assert twin.validation_scores_ == fitted.validation_scores_


def test_unfitted_cannot_be_saved(tmp_path):
    with pytest.raises(NotFittedError):
        MLPClassifier().save(tmp_path / "m.mlp")
    assert not list(tmp_path.iterdir())


def test_divergence_warns_and_keeps_finite_weights():
    reg = MLPRegressor(solver="sgd", batch_size=442, learning_rate_init=1e90, random_state=0)
    with pytest.warns(DivergenceWarning, match=r"smaller learning_rate_init \(now 1e\+90\)"):
        reg.fit(X_DIABETES, Y_DIABETES)
    assert all(np.isfinite(coef).all() for coef in reg.coefs_)


def test_convergence_warning():
    with pytest.warns(ConvergenceWarning, match=r"Maximum iterations \(2\) reached"):
        MLPClassifier(max_iter=2).fit(X_IRIS, Y_IRIS)


@pytest.mark.parametrize(
    ("estimator", "X", "y", "message"),
    [
        (MLPClassifier((5, 0)), X_IRIS, Y_IRIS, r"must be > 0, got \[5, 0\]"),
        (MLPClassifier((5, 2.5)), X_IRIS, Y_IRIS, r"must be > 0, got \[5.0, 2.5\]"),
        (MLPClassifier(activation="cos"), X_IRIS, Y_IRIS, "'activation' parameter"),
        (MLPClassifier(alpha=-1), X_IRIS, Y_IRIS, "'alpha' parameter"),
        (MLPClassifier(output_activation="exp"), X_IRIS, Y_IRIS, "'output_activation' parameter"),
        (MLPClassifier(), X_IRIS, Y_IRIS + 0.5, "Unknown label type: continuous"),
        (MLPClassifier(), X_IRIS * np.nan, Y_IRIS, "Input X contains NaN"),
        (MLPClassifier(), X_IRIS[:0], Y_IRIS[:0], "0 sample"),
        (MLPClassifier(), X_IRIS, Y_IRIS[1:], "inconsistent numbers of samples"),
        (MLPClassifier(early_stopping=True), X_IRIS[:6], Y_IRIS[:6], "of 6 rows sets 1 aside"),
        (MLPRegressor(), X_IRIS, np.array(list("ab"))[Y_IRIS % 2], "could not convert string"),
        (MLPRegressor(loss="poisson"), X_IRIS, -Y_IRIS, "must not be negative .* is -2"),
    ],
)
def test_refuses_wrong_input(estimator, X, y, message):
    with pytest.raises(ValueError, match=message):
        estimator.fit(X, y)


def test_a_batch_larger_than_the_data_is_all_of_it():
    with pytest.warns(UserWarning, match="batch_size is 1000, but there are only 150 rows"):
        MLPClassifier(batch_size=1000, tol=1.0).fit(X_IRIS, Y_IRIS)
