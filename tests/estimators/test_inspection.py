"""Inspection of a fitted estimator, against the equations and scikit-learn."""

import array_api_strict
import numpy as np
import pandas as pd
import polars as pl
import pytest
import scipy.sparse as sp
import sklearn
import sklearn.neural_network as theirs
from comparisons import assert_arrays_close
from data_cases import X_DIABETES, X_IRIS, X_MOONS, Y_DIABETES, Y_IRIS, Y_MOONS
from scipy.special import expit, softmax
from sklearn.base import clone, is_classifier
from sklearn.calibration import CalibratedClassifierCV
from sklearn.datasets import make_multilabel_classification
from sklearn.decomposition import PCA
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import get_scorer
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils import estimator_checks as checks

from multilayer import MLPClassifier, MLPRegressor, equations
from multilayer.activations import ACTIVATIONS

Y_DIABETES = (Y_DIABETES - Y_DIABETES.mean()) / Y_DIABETES.std()
TWO = np.c_[Y_DIABETES, -(Y_DIABETES**2)]
X_SEVERAL, Y_SEVERAL = make_multilabel_classification(n_samples=60, n_features=4, random_state=0)
Y_GROUPS = Y_SEVERAL[:, :2] + Y_SEVERAL[:, 2:4]  # two columns of labels 0, 1, 2

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")


def classifier(hidden=(5, 2), activation="tanh", **numbers):
    numbers = {"solver": "lbfgs", "max_iter": 20, "random_state": 0} | numbers
    return MLPClassifier(hidden, activation, **numbers)


def regressor(hidden=(5, 2), activation="tanh", **numbers):
    numbers = {"solver": "lbfgs", "max_iter": 20, "random_state": 0} | numbers
    return MLPRegressor(hidden_layer_sizes=hidden, activation=activation, **numbers)


def shares(scores):
    """Probabilities of the classes, of what `decision_function` gives."""
    p = expit(scores)
    return np.c_[1 - p, p] if scores.ndim == 1 else softmax(scores, axis=1)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_forward_and_transform_are_the_equations(activation, dtype):
    X, each = X_IRIS[::7].astype(dtype), (activation, "softplus", activation)
    clf = classifier((5, 2, 7), each).fit(X, Y_IRIS[::7])
    A = clf.forward(X)
    names = {"hidden": each, "output": "softmax"}
    _, expected = equations.forward_propagation(X, clf.network_.thetas, **names)
    for a, e in zip(A, expected, strict=True):
        assert a.dtype == dtype
        np.testing.assert_array_equal(a, e)
    tolerance = 1e-4 if dtype is np.float32 else 1e-12
    np.testing.assert_allclose(clf.predict_proba(X), A[-1], rtol=tolerance, atol=tolerance)
    for layer in (1, 2, 3, -1, -2, -3, np.int64(2)):
        a, e = clf.transform(X, layer), A[layer if layer > 0 else 4 + layer]
        assert (a.dtype, a.shape) == (dtype, e.shape)
        np.testing.assert_allclose(a, e, rtol=tolerance, atol=tolerance)
    np.testing.assert_array_equal(clf.transform(X), clf.transform(X, layer=3))


@pytest.mark.parametrize("make", [sp.csr_array, sp.csr_matrix, sp.csc_array])
def test_sparse_rows(make):
    X = np.where(X_IRIS > 2, X_IRIS, 0)
    clf = classifier((5, 2)).fit(make(X), Y_IRIS)
    A = clf.forward(make(X))
    assert sp.issparse(A[0])
    assert_arrays_close(A[1:], clf.forward(X)[1:], rtol=1e-12)
    for look in (clf.transform, clf.input_gradient, clf.decision_function):
        np.testing.assert_allclose(look(make(X)), look(X), rtol=1e-9, atol=1e-12)
    error = clf.check_gradient(X, Y_IRIS).error
    assert clf.check_gradient(make(X), Y_IRIS).error == pytest.approx(error)
    shown = clf.set_output(transform="pandas").transform(make(X))
    assert isinstance(shown, pd.DataFrame)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_arrays_of_other_libraries(dtype):
    X = X_IRIS.astype(dtype)
    there = array_api_strict.asarray(X)
    clf = classifier((5, 5)).fit(X, Y_IRIS)
    for look in (clf.transform, clf.input_gradient, clf.decision_function):
        assert type(look(there)) is type(there)
        np.testing.assert_array_equal(np.asarray(look(there)), look(X))
    for a, e in zip(clf.forward(there), clf.forward(X), strict=True):
        assert type(a) is type(there)
        np.testing.assert_array_equal(np.asarray(a), e)
    assert clf.check_gradient(there, Y_IRIS) == clf.check_gradient(X, Y_IRIS)
    assert isinstance(clf.set_output(transform="pandas").transform(there), pd.DataFrame)


def test_activations_of_ones_own():
    own = (np.tanh, lambda z: 1 - np.tanh(z) ** 2)
    mine, named = (classifier((5, 2), g, max_iter=5).fit(X_MOONS, Y_MOONS) for g in (own, "tanh"))
    for name in ("transform", "input_gradient", "decision_function"):
        seen, expected = (getattr(clf, name)(X_MOONS) for clf in (mine, named))
        np.testing.assert_allclose(seen, expected, rtol=1e-5, atol=1e-7)
    assert mine.check_gradient(X_MOONS, Y_MOONS).error < 1e-5


def test_layers_that_are_not_there():
    clf = classifier().fit(X_IRIS, Y_IRIS)
    for layer in (0, 3, -3, 1.0, "last"):
        with pytest.raises(ValueError, match=r"layer must be from 1 to 2, or from −2 to −1"):
            clf.transform(X_IRIS, layer)
    linear = classifier(()).fit(X_IRIS, Y_IRIS)
    for call in (lambda: linear.transform(X_IRIS), linear.get_feature_names_out):
        with pytest.raises(ValueError, match="needs a hidden layer"):
            call()
    assert [a.shape for a in linear.forward(X_IRIS)] == [(150, 4), (150, 3)]


@pytest.mark.parametrize("library", ["pandas", "polars"])
@pytest.mark.parametrize("make", [classifier, regressor])
def test_frames_are_named_after_the_layer(make, library):
    frame = {"pandas": pd.DataFrame, "polars": pl.DataFrame}[library]
    X = frame({"a": X_MOONS[:, 0], "b": X_MOONS[:, 1]})
    fitted = make((3, 2)).fit(X, Y_MOONS)
    plain = {layer: fitted.transform(X, layer=layer) for layer in (1, 2)}
    fitted.set_output(transform=library)
    prefix = type(fitted).__name__.lower()
    for layer, a in plain.items():
        shown = fitted.transform(X, layer=layer)
        assert isinstance(shown, frame)
        assert list(shown.columns) == [f"{prefix}_hidden{layer}_{j}" for j in range(4 - layer)]
        np.testing.assert_array_equal(shown.to_numpy(), a)
    assert list(fitted.get_feature_names_out()) == list(fitted.transform(X).columns)
    assert list(make((3, 2)).set_output(transform=library).fit_transform(X, Y_MOONS).columns) == (
        list(fitted.get_feature_names_out())
    )
    with sklearn.config_context(transform_output=library):
        assert isinstance(clone(fitted).fit(X, Y_MOONS).transform(X), frame)
        assert isinstance(fitted.predict(X), np.ndarray)


def test_the_index_of_a_frame_stays():
    X = pd.DataFrame(X_MOONS, columns=["a", "b"], index=np.arange(200)[::-1])
    shown = classifier((3,)).set_output(transform="pandas").fit_transform(X, Y_MOONS)
    assert shown.index.tolist() == X.index.tolist()


@pytest.mark.parametrize("make", [classifier, regressor])
@pytest.mark.parametrize(
    "check",
    [
        checks.check_transformer_get_feature_names_out,
        checks.check_transformer_get_feature_names_out_pandas,
        checks.check_transformer_general,
        checks.check_transformer_preserve_dtypes,
        checks.check_set_output_transform,
        checks.check_set_output_transform_pandas,
        checks.check_global_output_transform_pandas,
        checks.check_set_output_transform_polars,
        checks.check_global_set_output_transform_polars,
    ],
    ids=lambda check: check.__name__,
)
@pytest.mark.filterwarnings("ignore:X (does not have valid|has) feature names:UserWarning")
def test_scikit_learns_checks_of_transformers(make, check):
    check("MLP", make())


def test_transform_in_pipelines():
    first = make_pipeline(StandardScaler(), classifier((5, 3)), LogisticRegression())
    first.fit(X_IRIS, Y_IRIS)
    assert first[-1].coef_.shape == (3, 3)
    assert first.score(X_IRIS, Y_IRIS) > 0.9
    assert first[:-1].get_feature_names_out().tolist() == [
        f"mlpclassifier_hidden2_{j}" for j in range(3)
    ]
    last = make_pipeline(PCA(2), classifier((5, 3)).set_output(transform="pandas"))
    last.fit(X_IRIS, Y_IRIS)
    assert is_classifier(last)
    assert last.predict(X_IRIS).shape == (150,)
    assert last.transform(X_IRIS).shape == (150, 3)


def test_a_pipeline_passes_the_layer_on():
    with sklearn.config_context(enable_metadata_routing=True):
        pipe = make_pipeline(StandardScaler(), classifier().set_transform_request(layer=True))
        pipe.fit(X_IRIS, Y_IRIS)
        assert pipe.transform(X_IRIS, layer=1).shape == (150, 5)
        assert pipe.transform(X_IRIS).shape == (150, 2)


def slopes_of(z, X, epsilon=1e-5):
    """Derivatives of z(X), (m,), by each input of its row, from differences."""
    steps = epsilon * np.eye(X.shape[1])
    return np.stack([(z(X + step) - z(X - step)) / (2 * epsilon) for step in steps], axis=1)


def test_input_gradient_of_a_class():
    clf = classifier((5, 5)).fit(X_IRIS, Y_IRIS)
    for output in (0, 2, np.int64(1)):
        G = clf.input_gradient(X_IRIS, output=output)
        numerical = slopes_of(lambda X, k=output: clf.decision_function(X)[:, k], X_IRIS)
        np.testing.assert_allclose(G, numerical, rtol=1e-5, atol=1e-7)
    chosen = clf.predict(X_IRIS)
    assert set(chosen) == {0, 1, 2}
    G = clf.input_gradient(X_IRIS)
    for row in (0, 60, 149):
        alone = clf.input_gradient(X_IRIS[row : row + 1], output=int(chosen[row]))
        np.testing.assert_allclose(G[row], alone[0], rtol=1e-12)


@pytest.mark.parametrize("output", [None, 0])
def test_input_gradient_of_the_only_output(output):
    reg = regressor().fit(X_DIABETES, Y_DIABETES)
    numerical = slopes_of(reg.predict, X_DIABETES)
    np.testing.assert_allclose(reg.input_gradient(X_DIABETES, output), numerical, atol=1e-7)
    clf = classifier().fit(X_MOONS, Y_MOONS)
    numerical = slopes_of(clf.decision_function, X_MOONS)
    np.testing.assert_allclose(clf.input_gradient(X_MOONS, output), numerical, rtol=1e-5, atol=1e-7)


def test_input_gradient_is_before_the_output_unit():
    counts = regressor(loss="poisson").fit(X_MOONS, Y_MOONS)
    numerical = slopes_of(lambda X: np.log(counts.predict(X)), X_MOONS)
    np.testing.assert_allclose(counts.input_gradient(X_MOONS), numerical, rtol=1e-5, atol=1e-7)


def test_input_gradient_of_several_outputs():
    reg = regressor().fit(X_DIABETES, TWO)
    numerical = slopes_of(lambda X: reg.predict(X)[:, 1], X_DIABETES)
    np.testing.assert_allclose(reg.input_gradient(X_DIABETES, 1), numerical, atol=1e-7)
    with pytest.raises(ValueError, match="output must be given, from 0 to 1"):
        reg.input_gradient(X_DIABETES)
    for output in (2, -1, 1.0, "a"):
        with pytest.raises(ValueError, match="output must be a whole number from 0 to 1, got"):
            reg.input_gradient(X_DIABETES, output)
    for several in (Y_SEVERAL, Y_GROUPS):
        clf = classifier().fit(X_SEVERAL, several)
        with pytest.raises(ValueError, match="output must be given, from 0 to"):
            clf.input_gradient(X_SEVERAL)
        assert clf.input_gradient(X_SEVERAL, 4).shape == X_SEVERAL.shape


def test_input_gradient_stays_float32():
    clf = classifier().fit(X_IRIS.astype(np.float32), Y_IRIS)
    assert clf.input_gradient(X_IRIS).dtype == np.float32


@pytest.mark.parametrize("output", ["auto", "logistic", "softmax"])
@pytest.mark.parametrize("n_classes", [1, 2, 3])
def test_decision_function(n_classes, output):
    labels = np.array(["a", "b", "c"])
    y = labels[np.minimum(Y_IRIS, n_classes - 1)]
    clf = classifier(output_activation=output).fit(X_IRIS, y)
    scores = clf.decision_function(X_IRIS)
    assert scores.shape == ((150, 3) if n_classes == 3 else (150,))
    if n_classes == 1:
        return
    chosen = scores.argmax(axis=1) if n_classes == 3 else (scores > 0).astype(int)
    np.testing.assert_array_equal(labels[chosen], clf.predict(X_IRIS))
    p = clf.predict_proba(X_IRIS)
    if (n_classes, output) == (3, "logistic"):
        expected = expit(scores) / expit(scores).sum(axis=1, keepdims=True)
    else:
        expected = shares(scores)
    np.testing.assert_allclose(p, expected, rtol=1e-10, atol=1e-15)


def test_decision_function_does_not_saturate():
    X = np.array([[0.0], [1.0], [100.0], [101.0]])
    clf = classifier((), initializer=[[[-5.0, 10.0]]], max_iter=1).fit(X[:2], [0, 1])
    scores = clf.decision_function(X)
    assert (clf.predict_proba(X[2:])[:, 1] == 1).all()
    assert 900 < scores[2] < scores[3]


def test_decision_function_is_for_one_label_a_row():
    assert hasattr(classifier(), "decision_function")
    assert not hasattr(regressor(), "decision_function")
    for several in (Y_SEVERAL, Y_GROUPS):
        clf = classifier().fit(X_SEVERAL, several)
        assert not hasattr(clf, "decision_function")
        with pytest.raises(AttributeError, match="has no attribute 'decision_function'") as error:
            clf.decision_function(X_SEVERAL)
        assert "one label per row" in str(error.value.__cause__)


def test_decision_function_where_scikit_learn_prefers_it():
    clf = classifier((3,), max_iter=5)
    calibrated = CalibratedClassifierCV(clf, cv=3).fit(X_IRIS, Y_IRIS)
    assert calibrated.score(X_IRIS, Y_IRIS) > 0.9
    plain = theirs.MLPClassifier((3,), "tanh", solver="lbfgs", max_iter=5, random_state=0)
    mine, other = clf.fit(X_MOONS, Y_MOONS), plain.fit(X_MOONS, Y_MOONS)
    for name in ("roc_auc", "average_precision", "neg_brier_score"):
        scorer = get_scorer(name)
        assert scorer(mine, X_MOONS, Y_MOONS) == pytest.approx(scorer(other, X_MOONS, Y_MOONS))


@pytest.mark.parametrize(
    ("estimator", "X", "y"),
    [
        (classifier(max_iter=3), X_IRIS, Y_IRIS),
        (classifier(max_iter=3, output_activation="logistic"), X_IRIS, Y_IRIS),
        (classifier(max_iter=3, label_smoothing=0.2, l1=0.5, solver="adam"), X_IRIS, Y_IRIS),
        (classifier(max_iter=3, class_weight="balanced"), X_MOONS[20:], Y_MOONS[20:]),
        (classifier(max_iter=3), X_SEVERAL, Y_SEVERAL),
        (classifier(max_iter=3), X_SEVERAL, Y_GROUPS),
        (regressor(max_iter=3), X_DIABETES, TWO),
        (regressor(max_iter=3, loss="huber"), X_DIABETES, Y_DIABETES),
    ],
    ids=["softmax", "logistic", "smooth", "balanced", "labels", "groups", "numbers", "huber"],
)
def test_check_gradient(estimator, X, y):
    for dtype in (np.float32, np.float64):
        fitted = estimator.fit(X.astype(dtype), y)
        weights = np.linspace(0.5, 2, len(X))
        assert fitted.check_gradient(X, y).error < 1e-5
        assert fitted.check_gradient(X, y, weights).error < 1e-5


def test_check_gradient_is_of_the_cost_of_fit(monkeypatch):
    """Its cost, weights and penalty included, is the one that training reports."""
    seen = []
    monkeypatch.setattr(equations, "check_gradient", lambda *a, **k: seen.append((a, k)))
    weights = np.linspace(0.5, 2, 200)
    numbers = {"solver": "gd", "learning_rate_init": 1e-12, "max_iter": 1, "alpha": 3.0, "l1": 2.0}
    clf = classifier((4,), **numbers, class_weight={0: 1, 1: 5}, label_smoothing=0.3)
    clf.fit(X_MOONS, Y_MOONS, weights).check_gradient(X_MOONS, Y_MOONS, weights)
    (arguments, named), J = seen[0], clf.loss_curve_[0]
    assert equations.cost(*arguments, **named) == pytest.approx(J, rel=1e-9)


def test_check_gradient_where_alpha_is_a_decay(monkeypatch):
    seen = []
    monkeypatch.setattr(equations, "check_gradient", lambda *a, **k: seen.append(a[3]))
    for solver in ("adam", "adamw"):
        clf = classifier((4,), solver=solver, alpha=0.5, max_iter=1).fit(X_MOONS, Y_MOONS)
        clf.check_gradient(X_MOONS, Y_MOONS)
    assert seen == [0.5, 0.0]


def test_check_gradient_finds_a_wrong_slope(monkeypatch):
    clf = classifier(max_iter=3).fit(X_IRIS, Y_IRIS)
    wrong = ACTIVATIONS["tanh"]._replace(slope=lambda z: 1 - ACTIVATIONS["tanh"].g(z))
    monkeypatch.setitem(ACTIVATIONS, "tanh", wrong)
    assert clf.check_gradient(X_IRIS, Y_IRIS).error > 0.01


@pytest.mark.parametrize(
    "look",
    ["forward", "transform", "input_gradient", "decision_function", "check_gradient"],
)
def test_only_fitted_estimators_are_inspected(look):
    clf = classifier()
    arguments = (X_IRIS, Y_IRIS) if look == "check_gradient" else (X_IRIS,)
    with pytest.raises(NotFittedError):
        getattr(clf, look)(*arguments)
    with pytest.raises(NotFittedError):
        clf.get_feature_names_out()
    clf.fit(X_IRIS, Y_IRIS)
    few = (X_IRIS[:, :3], *arguments[1:])
    with pytest.raises(ValueError, match="X has 3 features, but MLPClassifier is expecting 4"):
        getattr(clf, look)(*few)
