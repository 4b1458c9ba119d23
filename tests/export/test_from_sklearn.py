"""Fitted networks of scikit-learn are converted."""

import numpy as np
import pytest
from comparisons import assert_arrays_equal
from data_cases import X_IRIS, Y_IRIS
from sklearn import neural_network
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler

from multilayer import MLPClassifier, MLPRegressor, load
from multilayer.export import from_sklearn

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
X, y = X_IRIS, Y_IRIS


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize(
    ("rows", "labels"),
    [
        (X, y),
        (X[:100], np.array(["no", "yes"])[y[:100]]),
        (X, np.eye(3, dtype=int)[y]),
    ],
    ids=["three", "two", "labels"],
)
@pytest.mark.parametrize(
    "options",
    [
        {"solver": "lbfgs", "activation": "tanh"},
        {"activation": "logistic", "hidden_layer_sizes": (5, 4)},
        {"solver": "sgd", "early_stopping": True, "learning_rate": "adaptive"},
    ],
)
def test_classifiers(rows, labels, options, dtype, tmp_path):
    rows = rows.astype(dtype)
    theirs = neural_network.MLPClassifier(random_state=0, max_iter=30, **options)
    ours = from_sklearn(theirs.fit(rows, labels))
    assert type(ours) is MLPClassifier
    assert (ours.predict(rows) == theirs.predict(rows)).all()
    tolerance = 1e-6 if dtype == np.float32 else 1e-13
    shares = theirs.predict_proba(rows)
    np.testing.assert_allclose(ours.predict_proba(rows), shares, atol=tolerance)
    for name in ("n_iter_", "n_features_in_", "out_activation_", "n_layers_", "t_", "loss_"):
        assert getattr(ours, name) == pytest.approx(getattr(theirs, name)), name
    if theirs.solver != "lbfgs":
        assert ours.loss_curve_ == theirs.loss_curve_
    if theirs.early_stopping:
        assert ours.validation_scores_ == theirs.validation_scores_
        assert ours.best_validation_score_ == theirs.best_validation_score_
    assert (ours.classes_ == theirs.classes_).all()
    assert_arrays_equal(ours.coefs_, theirs.coefs_)
    assert [coef.dtype for coef in ours.coefs_] == [coef.dtype for coef in theirs.coefs_]
    ours.coefs_[0][...] = 0  # a copy
    assert theirs.coefs_[0].any()
    ours.save(tmp_path / "m.mlp")
    assert (load(tmp_path / "m.mlp").predict(rows) == ours.predict(rows)).all()


@pytest.mark.parametrize("loss", ["squared_error", "poisson"])
@pytest.mark.parametrize("columns", [1, 2])
def test_regressors(loss, columns):
    targets = X[:, 2] if columns == 1 else X[:, 2:]
    theirs = neural_network.MLPRegressor(loss, 7, random_state=0, max_iter=30).fit(X, targets)
    ours = from_sklearn(theirs)
    assert type(ours) is MLPRegressor
    np.testing.assert_allclose(ours.predict(X), theirs.predict(X), rtol=1e-12)
    assert ours.predict(X).shape == theirs.predict(X).shape


def test_training_goes_on():
    theirs = neural_network.MLPClassifier(5, random_state=0, max_iter=5).fit(X, y)
    ours = from_sklearn(theirs)
    before = ours.loss_curve_[-1]
    for _ in range(200):
        ours.partial_fit(X, y)
    assert len(ours.loss_curve_) == 205
    assert ours.loss_ < before
    ours = from_sklearn(theirs).set_params(warm_start=True, max_iter=50).fit(X, y)
    assert ours.loss_ < before


def test_a_pipeline_keeps_its_other_steps():
    theirs = make_pipeline(StandardScaler(), neural_network.MLPClassifier(5, random_state=0))
    ours = from_sklearn(theirs.fit(X, y))
    assert isinstance(ours, Pipeline)
    assert list(ours.named_steps) == list(theirs.named_steps)
    assert ours[0] is theirs[0]
    assert isinstance(ours[-1], MLPClassifier)
    np.testing.assert_allclose(ours.predict_proba(X), theirs.predict_proba(X), atol=1e-13)


def test_wrong_input():
    with pytest.raises(NotFittedError):
        from_sklearn(neural_network.MLPClassifier())
    for wrong in (LogisticRegression(), MLPClassifier(), make_pipeline(LogisticRegression()), None):
        with pytest.raises(TypeError, match="from_sklearn takes a fitted MLPClassifier"):
            from_sklearn(wrong)
