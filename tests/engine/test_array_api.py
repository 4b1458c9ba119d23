"""The engine for arrays of any library makes the steps of the native engine; custom functions."""

import array_api_strict as xp
import numpy as np
import pytest
import scipy.sparse
from cases import PlateauCounter, array_api_train, train
from comparisons import assert_arrays_close
from data_cases import X_DIABETES, X_IRIS, Y_DIABETES, Y_IRIS
from optimizer_cases import OPTIMIZERS

from multilayer import MLPClassifier, MLPRegressor, Network
from multilayer.activations import ACTIVATIONS

OPTIONS = {
    "plain": {"lambda_": 0.1},
    "weights": {"weights": np.r_[np.zeros(10), np.arange(1.0, 21)], "lambda_": 0.1},
    "clipped": {"lambda_": 0.1, "l1": 0.2, "clip_norm": 0.1, "max_norm": 0.8},
    "dropout": {"dropout": [0.1, 0.3], "dropout_seed": 7},
    "smoothing, rates": {"label_smoothing": 0.2, "rates": np.linspace(0.1, 0.01, 12)},
    "shares": {"lambda_": 0.3, "penalty_rows": 30.0, "cost_share": 0.5},
    "patience": {"tol": 1.0, "patience": 1},
}

quick = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")


@pytest.mark.parametrize("name", OPTIONS)
@pytest.mark.parametrize("optimizer", OPTIMIZERS, ids=repr)
def test_same_steps_as_the_native_engine(optimizer, name):
    def run(train, X):
        network = Network((5, 6, 3), "tanh", "softmax", random_state=0)
        slots, rows = optimizer.start(network.thetas), np.arange(30)
        progress, generator = PlateauCounter(), np.random.RandomState(3)
        arguments = {"batch_size": 10, "epochs": 4, "rows": rows, "rng": generator}
        arguments |= {"progress": progress, **OPTIONS[name]}
        report = train(
            network.thetas, X, labels, network.hidden, "softmax", optimizer, slots, **arguments
        )
        arrays = [*network.thetas, *(array for slot in slots for array in slot), report.costs, rows]
        return arrays, (report.status, report.steps, progress.stale)

    rng = np.random.RandomState(1)
    X, labels = rng.randn(30, 5), rng.randint(3, size=30)
    native, counted = run(train, X)
    for here in (X, xp.asarray(X)):
        arrays, counts = run(array_api_train, here)
        assert counts == counted
        assert_arrays_close(arrays, native, rtol=1e-9, atol=1e-12)


@quick
@pytest.mark.parametrize("solver", ["adam", "sgd", "lbfgs"])
@pytest.mark.parametrize("kind", [MLPClassifier, MLPRegressor])
def test_estimators_train_where_the_array_lives(kind, solver):
    X, y = (X_IRIS, Y_IRIS) if kind is MLPClassifier else (X_DIABETES, Y_DIABETES / 100)
    numbers = {"solver": solver, "max_iter": 10, "random_state": 0, "early_stopping": True}
    native = kind((5,) if kind is MLPClassifier else "huber", **numbers).fit(X, y)
    there = kind((5,) if kind is MLPClassifier else "huber", **numbers)
    there.fit(xp.asarray(X), xp.asarray(y))
    np.testing.assert_allclose(there.loss_curve_, native.loss_curve_, rtol=1e-7)
    np.testing.assert_allclose(there.validation_scores_, native.validation_scores_, rtol=1e-7)
    method = "predict_proba" if kind is MLPClassifier else "predict"
    said = getattr(there, method)(xp.asarray(X))
    assert type(said) is type(xp.asarray(X))
    np.testing.assert_allclose(np.asarray(said), getattr(native, method)(X), rtol=1e-5)
    np.testing.assert_allclose(there.predict(X), native.predict(X), rtol=1e-5)
    assert there.score(X, y) == pytest.approx(native.score(X, y))
    assert isinstance(there.coefs_[0], np.ndarray)


@quick
def test_custom_functions_are_as_good_as_those_of_the_table():
    def value(Y, Z):
        return ((Z - Y) ** 2).sum(axis=1) / 2

    def gradient(Y, Z):
        return Z - Y

    y = Y_DIABETES / 100
    numbers = {"max_iter": 5, "random_state": 0, "batch_size": 100}
    plain = MLPRegressor(activation="tanh", **numbers).fit(X_DIABETES, y)
    own = MLPRegressor((value, gradient), activation=tuple(ACTIVATIONS["tanh"]), **numbers)
    own.fit(X_DIABETES, y)
    np.testing.assert_allclose(own.loss_curve_, plain.loss_curve_, rtol=1e-9)
    np.testing.assert_allclose(own.predict(X_DIABETES), plain.predict(X_DIABETES), rtol=1e-6)
    mixed = MLPClassifier((4, 3), [(np.tanh, lambda z: 1 - np.tanh(z) ** 2), "relu"], max_iter=3)
    assert mixed.fit(X_IRIS, Y_IRIS).predict_proba(X_IRIS).shape == (150, 3)


@quick
def test_an_activation_for_each_layer():
    clf = MLPClassifier((4, 3), ("tanh", "gelu"), max_iter=3, random_state=0).fit(X_IRIS, Y_IRIS)
    assert clf.network_.hidden == ("tanh", "gelu")
    with pytest.raises(ValueError, match="one activation for each of the 2 hidden layers"):
        MLPClassifier((4, 3), ("tanh",)).fit(X_IRIS, Y_IRIS)
    with pytest.raises(ValueError, match="got 'cos'"):
        MLPClassifier((4, 3), ("tanh", "cos")).fit(X_IRIS, Y_IRIS)


@pytest.mark.parametrize(
    ("X", "message"),
    [
        (xp.asarray(X_IRIS[:, 0]), r"\(rows, features\) with a row or more, got \(150,\)"),
        (xp.asarray(X_IRIS * np.nan), "contains NaN or infinity"),
        (xp.ones((150, 4), dtype=xp.int64), "must be float32 or float64 to stay where it is"),
        (xp.asarray(X_IRIS[1:]), "inconsistent numbers of samples"),
    ],
    ids=["vector", "nan", "ints", "rows"],
)
def test_refuses_arrays_it_cannot_train_on(X, message):
    with pytest.raises(ValueError, match=message):
        MLPClassifier(max_iter=1).fit(X, Y_IRIS)


@quick
def test_unsupported_combinations_are_refused():
    own = MLPClassifier((4,), (np.tanh, lambda z: 1 - np.tanh(z) ** 2), max_iter=2)
    with pytest.raises(ValueError, match="require a dense X, but X is sparse"):
        own.fit(scipy.sparse.csr_array(X_IRIS), Y_IRIS)
    fitted = own.fit(X_IRIS, Y_IRIS)
    with pytest.raises(TypeError, match=r"activation must be data to be saved|own cannot be saved"):
        fitted.save("never.mlp")
    with pytest.raises(ValueError, match="X has 2 features, but MLPClassifier is expecting 4"):
        fitted.predict(xp.ones((3, 2)))
