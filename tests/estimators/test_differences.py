"""The deliberate differences from scikit-learn that docs/differences.md lists."""

import numpy as np
import pytest
import scipy.sparse
import sklearn.neural_network as theirs
from cases import training_state
from data_cases import X_DIABETES, X_IRIS, X_MOONS, Y_DIABETES, Y_IRIS, Y_MOONS
from sklearn.utils import get_tags

from multilayer import MLPClassifier, MLPRegressor

Y_DIABETES = (Y_DIABETES - Y_DIABETES.mean()) / Y_DIABETES.std()

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")


def weights_of(estimator):
    return np.concatenate([theta.ravel() for theta in estimator.network_.thetas])


@pytest.mark.filterwarnings("ignore:invalid value:RuntimeWarning")
def test_a_batch_of_weightless_rows_is_passed_over():
    weights = np.r_[np.zeros(32), np.ones(168)]
    numbers = {"batch_size": 32, "shuffle": False, "max_iter": 5, "random_state": 0}
    with pytest.raises((ValueError, ZeroDivisionError)):
        theirs.MLPClassifier(**numbers).fit(X_MOONS, Y_MOONS, weights)
    clf = MLPClassifier(**numbers).fit(X_MOONS, Y_MOONS, weights)
    rest = MLPClassifier(**numbers).fit(X_MOONS[32:], Y_MOONS[32:])
    np.testing.assert_allclose(weights_of(clf), weights_of(rest), rtol=1e-12)


@pytest.mark.parametrize("solver", ["adam", "lbfgs"])
def test_warm_start_refuses_another_shape(solver):
    numbers = {"solver": solver, "max_iter": 3, "warm_start": True, "random_state": 0}
    if solver == "adam":
        other = theirs.MLPClassifier((5,), **numbers).fit(X_IRIS, Y_IRIS)
        other.set_params(hidden_layer_sizes=(7,)).fit(X_IRIS, Y_IRIS)
        assert other.coefs_[0].shape == (4, 5)
    clf = MLPClassifier((5,), **numbers).fit(X_IRIS, Y_IRIS).set_params(hidden_layer_sizes=(7,))
    before = weights_of(clf)
    with pytest.raises(ValueError, match=r"layers \(4, 5, 3\), .* ask for \(4, 7, 3\)"):
        clf.fit(X_IRIS, Y_IRIS)
    np.testing.assert_array_equal(weights_of(clf), before)


def test_warm_start_keeps_the_best_weights_of_all_fits():
    rng = np.random.RandomState(0)
    X, y = rng.randn(60, 3), rng.randint(3, size=60)  # nothing to learn
    numbers = {"early_stopping": True, "warm_start": True, "max_iter": 8, "random_state": 3}
    clf, other = (mlp(**numbers).fit(X, y) for mlp in (MLPClassifier, theirs.MLPClassifier))
    best, first, others_first = clf.best_validation_score_, weights_of(clf), other.coefs_[0].copy()
    clf.fit(X, y)
    other.fit(X, y)
    assert best == clf.best_validation_score_ == other.best_validation_score_
    np.testing.assert_array_equal(weights_of(clf), first)
    assert not np.allclose(other.coefs_[0], others_first)


@pytest.mark.parametrize("output", ["auto", "softmax"])
def test_one_class_has_one_column_of_probabilities(output):
    y = np.full(len(X_IRIS), "iris")
    clf = MLPClassifier(output_activation=output, max_iter=3).fit(X_IRIS, y)
    np.testing.assert_array_equal(clf.predict_proba(X_IRIS), np.ones((150, 1)))
    assert clf.classes_.tolist() == ["iris"]
    other = theirs.MLPClassifier(max_iter=3).fit(X_IRIS, y)
    assert other.predict_proba(X_IRIS).shape == (150, 2) != (150, len(other.classes_))


def test_sparse_labels_are_predicted_as_an_array():
    Y = np.eye(3, dtype=int)[Y_IRIS]
    mine, other = (
        mlp(max_iter=30, random_state=0).fit(X_IRIS, scipy.sparse.csr_array(Y)).predict(X_IRIS)
        for mlp in (MLPClassifier, theirs.MLPClassifier)
    )
    assert isinstance(mine, np.ndarray)
    assert scipy.sparse.issparse(other)
    np.testing.assert_array_equal(mine, other.toarray())


def test_lbfgs_counts_the_rows_seen():
    numbers = {"solver": "lbfgs", "max_iter": 7, "random_state": 0}
    assert MLPClassifier(**numbers).fit(X_IRIS, Y_IRIS).t_ == 7 * 150
    assert theirs.MLPClassifier(**numbers).fit(X_IRIS, Y_IRIS).t_ == 0


def test_lbfgs_has_a_loss_curve_and_stops_early():
    numbers = {"solver": "lbfgs", "max_iter": 5000, "random_state": 0, "hidden_layer_sizes": (30,)}
    clf = MLPClassifier(**numbers).fit(X_IRIS, Y_IRIS)
    assert len(clf.loss_curve_) == clf.n_iter_
    assert clf.loss_curve_[-1] == clf.loss_ == clf.best_loss_
    early = MLPClassifier(**numbers, early_stopping=True).fit(X_IRIS, Y_IRIS)
    assert early.n_iter_ == len(early.validation_scores_) < clf.n_iter_
    assert not hasattr(theirs.MLPClassifier(**numbers).fit(X_IRIS, Y_IRIS), "loss_curve_")


@pytest.mark.parametrize("solver", ["gd", "sgd", "adam", "adamw"])
@pytest.mark.parametrize("kind", [MLPClassifier, MLPRegressor])
def test_partial_fit_is_there_for_every_solver_of_steps(kind, solver):
    X, y = (X_MOONS, Y_MOONS) if kind is MLPClassifier else (X_DIABETES, Y_DIABETES)
    rate = {"learning_rate_init": 0.01}
    whole = kind(solver=solver, max_iter=7, random_state=0, **rate).fit(X, y)
    parts = kind(solver=solver, random_state=0, **rate)
    classes = {"classes": np.unique(y)} if kind is MLPClassifier else {}
    for _ in range(7):
        parts.partial_fit(X, y, **classes)
    assert parts.loss_curve_ == whole.loss_curve_
    np.testing.assert_array_equal(weights_of(parts), weights_of(whole))
    assert (parts.n_iter_, parts.t_) == (1, 7 * len(X))


def test_lbfgs_has_no_partial_fit():
    for kind in (MLPClassifier, MLPRegressor):
        assert not hasattr(kind(solver="lbfgs"), "partial_fit")
    assert hasattr(theirs.MLPRegressor(solver="lbfgs"), "partial_fit")


def test_partial_fit_shuffles_each_call_anew():
    clf = MLPClassifier(batch_size=10, random_state=0).partial_fit(X_MOONS, Y_MOONS, classes=[0, 1])
    orders = []
    for _ in range(3):
        clf.partial_fit(X_MOONS, Y_MOONS)
        orders.append(training_state(clf).order.copy())
    assert not np.array_equal(orders[0], orders[1])
    assert not np.array_equal(orders[1], orders[2])


def test_partial_fit_stops_early_on_rows_of_its_own():
    held_out = {"X_val": X_MOONS[150:], "y_val": Y_MOONS[150:]}
    clf = MLPClassifier(
        (5,), early_stopping=True, n_iter_no_change=3, learning_rate_init=0.3, random_state=0
    )
    seen = []
    for _ in range(30):
        clf.partial_fit(X_MOONS[:150], Y_MOONS[:150], classes=[0, 1], **held_out)
        seen.append(clf.score(X_MOONS[150:], Y_MOONS[150:]))
    assert len(clf.validation_scores_) == 30
    assert clf.best_validation_score_ == max(clf.validation_scores_)
    assert seen[-1] == clf.best_validation_score_  # put back, since nothing better has come
    assert seen[:3] == clf.validation_scores_[:3]  # before, training just goes on
    with pytest.raises(ValueError, match="early_stopping=True without X_val and y_val"):
        clf.partial_fit(X_MOONS, Y_MOONS)


def test_best_weights_without_early_stopping():
    numbers = {"solver": "sgd", "learning_rate_init": 1.5, "max_iter": 40, "random_state": 3}
    numbers |= {"n_iter_no_change": np.inf}
    last = MLPClassifier((5,), **numbers).fit(X_MOONS, Y_MOONS)
    best = MLPClassifier((5,), **numbers, restore_best_weights=True).fit(X_MOONS, Y_MOONS)
    assert best.loss_curve_ == last.loss_curve_
    at = int(np.argmin(best.loss_curve_)) + 1
    assert at < 40, "the last epoch must not be the best, or nothing is tested"
    until = MLPClassifier((5,), **{**numbers, "max_iter": at}).fit(X_MOONS, Y_MOONS)
    np.testing.assert_array_equal(weights_of(best), weights_of(until))
    held_out = {"X_val": X_MOONS[:50], "y_val": Y_MOONS[:50]}
    scored = MLPClassifier((5,), **numbers, restore_best_weights=True)
    scored.fit(X_MOONS[50:], Y_MOONS[50:], **held_out)
    assert scored.n_iter_ == 40
    assert scored.score(X_MOONS[:50], Y_MOONS[:50]) == scored.best_validation_score_


def test_tags_tell_the_truth():
    assert not get_tags(theirs.MLPRegressor()).target_tags.multi_output
    assert get_tags(MLPRegressor()).target_tags.multi_output
    assert get_tags(MLPClassifier()).target_tags.multi_output
    Y = np.c_[Y_DIABETES, -Y_DIABETES]
    assert MLPRegressor(max_iter=2).fit(X_DIABETES, Y).predict(X_DIABETES).shape == Y.shape


def test_early_stopping_with_a_scorer_or_the_cost():
    numbers = {"early_stopping": True, "random_state": 0, "max_iter": 20}
    by_cost = MLPClassifier(scoring="loss", **numbers).fit(X_IRIS, Y_IRIS)
    assert by_cost.validation_scores_ == [-cost for cost in by_cost.validation_loss_curve_]
    named = MLPClassifier(scoring="neg_log_loss", **numbers).fit(X_IRIS, Y_IRIS)
    np.testing.assert_allclose(named.validation_scores_, by_cost.validation_scores_, rtol=1e-9)
    plain = MLPClassifier(**numbers).fit(X_IRIS, Y_IRIS)
    same = MLPClassifier(scoring="accuracy", **numbers).fit(X_IRIS, Y_IRIS)
    assert same.validation_scores_ == plain.validation_scores_


def test_decision_function_tells_apart_what_probabilities_no_longer_do():
    numbers = {"hidden_layer_sizes": (5,), "solver": "lbfgs", "alpha": 0, "random_state": 0}
    other, clf = (
        mlp(**numbers).fit(X_MOONS, Y_MOONS) for mlp in (theirs.MLPClassifier, MLPClassifier)
    )
    assert not hasattr(other, "decision_function")
    far = np.array([[0.0, 40.0], [0.0, 80.0]])
    assert len(np.unique(clf.predict_proba(far)[:, 1])) == 1
    assert len(np.unique(clf.decision_function(far))) == 2
