"""Epochs are scored within a call of the engine, or by Python after each: to the same bits."""

import warnings

import numpy as np
import pytest
import scipy.sparse
from sklearn.datasets import make_classification

from multilayer import MLPClassifier, MLPRegressor
from multilayer.estimators.held_out import HeldOut

X, y3 = make_classification(400, 12, n_informative=6, n_classes=3, random_state=0)
y2, y_number = (y3 > 0).astype(int), X @ np.arange(12) / 9 + np.sin(X[:, 0])
SPARSE = scipy.sparse.csr_array(np.where(np.abs(X) > 1, X, 0))
STOP = {"early_stopping": True, "n_iter_no_change": 4, "learning_rate_init": 0.02}
CASES = {
    "three classes": (MLPClassifier, X, y3, STOP),
    "two classes": (MLPClassifier, X, y2, STOP),
    "two softmax units": (MLPClassifier, X, y2, {**STOP, "output_activation": "softmax"}),
    "logistic units": (MLPClassifier, X, y3, {**STOP, "output_activation": "logistic"}),
    "float32": (MLPClassifier, X.astype("f4"), y3, STOP),
    "sparse": (MLPClassifier, SPARSE, y3, STOP),
    "by the loss": (MLPClassifier, X, y3, {**STOP, "scoring": "loss"}),
    "another loss": (MLPClassifier, X, y3, {**STOP, "loss": "focal"}),
    "another loss, by it": (MLPClassifier, X, y3, {**STOP, "loss": "focal", "scoring": "loss"}),
    "last weights": (MLPClassifier, X, y3, {**STOP, "restore_best_weights": False}),
    "too few epochs": (MLPClassifier, X, y3, {**STOP, "max_iter": 5}),
    "full batches": (MLPClassifier, X, y3, {**STOP, "solver": "rprop"}),
    "dropout, penalties": (
        MLPClassifier,
        X,
        y3,
        {**STOP, "dropout": 0.2, "alpha": 0.1, "l1": 1e-3, "label_smoothing": 0.1},
    ),
    "a schedule of steps": (MLPClassifier, X, y3, {**STOP, "learning_rate": "cosine"}),
    "numbers by the loss": (MLPRegressor, X, y_number, {**STOP, "scoring": "loss"}),
    "numbers": (MLPRegressor, X, y_number, STOP),
    "diverges": (
        MLPRegressor,
        X,
        y_number,
        {**STOP, "scoring": "loss", "solver": "gd", "learning_rate_init": 1e3},
    ),
}
IN_PYTHON = {"another loss", "numbers"}  # not scored by the engine


def outcome(name, rows=None):
    cls, inputs, y, params = CASES[name]
    model = cls(**{"hidden_layer_sizes": (15, 7), "random_state": 0, "max_iter": 60} | params)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        if rows is None:
            model.fit(inputs, y)
        else:
            model.fit(inputs, y, X_val=rows, y_val=y[:90])
    curves = [model.loss_curve_, model.validation_scores_, model.validation_loss_curve_]
    best = [model.n_iter_, model.best_validation_score_]
    return [np.array(part) for part in (*model.network_.thetas, *curves, best)]


@pytest.mark.parametrize("name", CASES)
def test_same_bits(name, monkeypatch):
    in_engine, asked = HeldOut.in_engine, []

    def ask(self):
        asked.append(in_engine(self))
        return asked[-1]

    monkeypatch.setattr(HeldOut, "in_engine", ask)
    found = outcome(name)
    assert all((validation is None) == (name in IN_PYTHON) for validation in asked)
    monkeypatch.setattr(HeldOut, "in_engine", lambda self: None)
    for got, wanted in zip(found, outcome(name), strict=True):
        np.testing.assert_array_equal(got, wanted)


def test_rows_to_validate_on(monkeypatch):
    """Dense and sparse, without early stopping; not stored as the rows to learn from are."""
    runs = [("three classes", X[:90]), ("sparse", SPARSE[:90]), ("sparse", SPARSE[:90].toarray())]
    found = [outcome(*run) for run in runs]
    monkeypatch.setattr(HeldOut, "in_engine", lambda self: None)
    for got, run in zip(found, runs, strict=True):
        for one, other in zip(got, outcome(*run), strict=True):
            np.testing.assert_array_equal(one, other)


def test_a_fit_in_parts(monkeypatch):
    """A warm start goes on from the best score and Θ of before."""

    def parts():
        model = MLPClassifier((9,), warm_start=True, max_iter=4, random_state=0, **STOP)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            for _ in range(4):
                model.fit(X, y3)
        return [*model.network_.thetas, model.validation_scores_, model.n_iter_]

    found = parts()
    monkeypatch.setattr(HeldOut, "in_engine", lambda self: None)
    for got, wanted in zip(found, parts(), strict=True):
        np.testing.assert_array_equal(got, wanted)
