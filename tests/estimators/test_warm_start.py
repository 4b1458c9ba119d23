"""Continued fits: warm start, partial fit, initialize; a failed fit changes nothing."""

import numpy as np
import pytest
from comparisons import assert_arrays_equal
from data_cases import X_DIABETES, X_IRIS, X_MOONS, Y_DIABETES, Y_IRIS, Y_MOONS

from multilayer import MLPClassifier, MLPRegressor, Network
from multilayer.optimizers import Adam, RMSprop

not_converged = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")


@not_converged
def test_warm_start_goes_on():
    whole = MLPClassifier((5,), solver="gd", learning_rate_init=0.5, max_iter=60, random_state=0)
    whole.fit(X_MOONS, Y_MOONS)
    half = MLPClassifier(
        (5,), solver="gd", learning_rate_init=0.5, max_iter=30, random_state=0, warm_start=True
    )
    half.fit(X_MOONS, Y_MOONS).fit(X_MOONS, Y_MOONS)
    assert half.loss_curve_ == whole.loss_curve_
    assert half.n_iter_ == 30


@not_converged
def test_warm_start_keeps_its_shape():
    clf = MLPClassifier((5,), max_iter=3, warm_start=True).fit(X_IRIS, Y_IRIS)
    before = [coef.copy() for coef in clf.coefs_]
    clf.set_params(hidden_layer_sizes=(6,))
    with pytest.raises(ValueError, match=r"layers \(4, 5, 3\), .* ask for \(4, 6, 3\)"):
        clf.fit(X_IRIS, Y_IRIS)
    clf.set_params(hidden_layer_sizes=(5,))
    with pytest.raises(ValueError, match=r"same classes .* \[0 1 2\], `y` has \[1 2 3\]"):
        clf.fit(X_IRIS, Y_IRIS + 1)
    assert_arrays_equal(clf.coefs_, before)


@not_converged
def test_warm_start_keeps_its_dtype():
    clf = MLPClassifier((5,), max_iter=3, warm_start=True).fit(X_IRIS, Y_IRIS)
    assert clf.fit(X_IRIS.astype(np.float32), Y_IRIS).coefs_[0].dtype == np.float64


@not_converged
def test_a_failed_fit_leaves_the_old_one():
    clf = MLPClassifier((5,), max_iter=3).fit(X_IRIS, Y_IRIS)
    before = clf.predict_proba(X_IRIS)
    with pytest.raises(ValueError, match="NaN"):
        clf.fit(X_MOONS * np.nan, Y_MOONS)
    with pytest.raises(ValueError, match="Unknown label type"):
        clf.fit(X_MOONS, Y_MOONS + 0.5)
    np.testing.assert_array_equal(clf.predict_proba(X_IRIS), before)
    with pytest.raises(ValueError, match="X has 2 features, but MLPClassifier is expecting 4"):
        clf.predict(X_MOONS)


@not_converged
def test_initialize_draws_what_fit_would_start_from():
    clf = MLPClassifier((5,), max_iter=1, random_state=3, shuffle=False, warm_start=True)
    clf.initialize(X_IRIS, Y_IRIS)
    assert clf.predict(X_IRIS).shape == (150,)
    assert (clf.n_iter_, clf.t_, clf.loss_curve_) == (0, 0, [])
    fitted = MLPClassifier((5,), max_iter=1, random_state=3, shuffle=False).fit(X_IRIS, Y_IRIS)
    assert clf.fit(X_IRIS, Y_IRIS).loss_curve_ == fitted.loss_curve_
    reg = MLPRegressor(random_state=0).initialize(X_DIABETES, np.c_[Y_DIABETES, Y_DIABETES])
    assert reg.network_.sizes == (10, 100, 2)


@not_converged
def test_another_optimizer_starts_anew():
    clf = MLPClassifier(solver="sgd", random_state=0)
    clf.partial_fit(X_IRIS, Y_IRIS, classes=[0, 1, 2])
    for solver in ("adam", Adam(0.01), RMSprop(0.01), "gd"):
        clf.set_params(solver=solver).partial_fit(X_IRIS, Y_IRIS)
    assert len(clf.loss_curve_) == 5


def test_partial_fit_goes_on_with_another_activation_and_loss():
    clf = MLPClassifier((4,), random_state=0).partial_fit(X_IRIS, Y_IRIS, classes=[0, 1, 2])
    before = clf.network_
    clf.set_params(activation="tanh", loss="focal", learning_rate_init=1e-9)
    clf.partial_fit(X_IRIS, Y_IRIS)
    expected = Network(before.sizes, "tanh", "softmax", thetas=before.thetas).forward(X_IRIS)
    np.testing.assert_allclose(clf.predict_proba(X_IRIS), expected, atol=1e-6)
    assert type(clf.network_.loss).__name__ == "Focal"
