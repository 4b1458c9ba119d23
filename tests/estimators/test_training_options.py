"""Schedules, regularisation and other options of training."""

import numpy as np
import pytest
from data_cases import X_DIABETES, X_IRIS, Y_DIABETES, Y_IRIS

from multilayer import MLPClassifier, MLPRegressor, load
from multilayer.losses import Quantile
from multilayer.optimizers import Adam, Lion
from multilayer.schedules import SCHEDULES, Cosine

not_converged = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")


@pytest.mark.parametrize(
    "parameters", [{"l1": 0.1}, {"clip_norm": 1.0}, {"max_norm": 1.0}, {"dropout": 0.5}], ids=str
)
def test_lbfgs_refuses_what_needs_steps(parameters):
    with pytest.raises(ValueError, match="requires a stochastic solver"):
        MLPClassifier(solver="lbfgs", **parameters).fit(X_IRIS, Y_IRIS)


@not_converged
@pytest.mark.parametrize("learning_rate", [*SCHEDULES, Cosine(warmup=0.1), lambda step: 0.99**step])
@pytest.mark.parametrize("solver", ["sgd", "adam", "gd"])
def test_every_schedule_trains(solver, learning_rate):
    clf = MLPClassifier(
        (8,),
        solver=solver,
        learning_rate=learning_rate,
        learning_rate_init=0.2,
        max_iter=60,
        power_t=0.1,
        random_state=0,
    )
    assert clf.fit(X_IRIS, Y_IRIS).loss_ < 0.75 * clf.loss_curve_[0]


@not_converged
@pytest.mark.parametrize(
    "option",
    [
        {"dropout": 0.2},
        {"dropout": (0.1, 0.3)},
        {"l1": 0.01},
        {"clip_norm": 0.5},
        {"max_norm": 1.0},
        {"label_smoothing": 0.1},
        {"penalty_scale": "sample", "alpha": 1.0},
        {"loss": "focal"},
        {"initializer": "he"},
        {"solver": Lion(0.01)},
        {"restore_best_weights": True},
    ],
    ids=str,
)
def test_options_train_save_and_are_the_same_twice(option, tmp_path):
    numbers = {"learning_rate_init": 0.02, "max_iter": 80, "random_state": 0, "batch_size": 50}
    plain = MLPClassifier((8,), **numbers).fit(X_IRIS, Y_IRIS)
    clf, twin = (MLPClassifier((8,), **{**numbers, **option}).fit(X_IRIS, Y_IRIS) for _ in "ab")
    assert clf.loss_curve_ == twin.loss_curve_
    if "restore_best_weights" not in option:
        assert clf.loss_curve_ != plain.loss_curve_
    assert clf.score(X_IRIS, Y_IRIS) > 0.9
    clf.save(tmp_path / "m.mlp")
    assert repr(load(tmp_path / "m.mlp")) == repr(clf)


@not_converged
def test_records_and_functions_among_the_parameters(tmp_path):
    reg = MLPRegressor(
        Quantile(0.9),
        solver=Adam(0.05),
        learning_rate=Cosine(final=0.1),
        max_iter=40,
        random_state=0,
    ).fit(X_DIABETES, Y_DIABETES / 100)
    assert 0.8 < (reg.predict(X_DIABETES) > Y_DIABETES / 100).mean() < 0.97
    reg.save(tmp_path / "m.mlp")
    twin = load(tmp_path / "m.mlp")
    assert repr(twin) == repr(reg)
    np.testing.assert_array_equal(twin.predict(X_DIABETES), reg.predict(X_DIABETES))
    for parameters in ({"learning_rate": lambda step: 1.0}, {"scoring": lambda e, X, y: 0.0}):
        with pytest.raises(TypeError, match="must be data to be saved, not code"):
            reg.set_params(**parameters).save(tmp_path / "n.mlp")
        reg.set_params(learning_rate="constant")
    assert not (tmp_path / "n.mlp").exists()


def test_dropout_must_fit_the_layers():
    for dropout in ([0.1], [0.1, 1.0], [0.1, -0.1]):
        with pytest.raises(ValueError, match="dropout must be one share, or 2, for the input and"):
            MLPClassifier((8,), dropout=dropout).fit(X_IRIS, Y_IRIS)
