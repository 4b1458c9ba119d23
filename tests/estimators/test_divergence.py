"""Divergence is never silent: a warning, or an error where nothing finite is left."""

import warnings

import array_api_strict
import numpy as np
import pytest
from sklearn.exceptions import ConvergenceWarning

import multilayer
from multilayer import DivergenceWarning, MLPClassifier, MLPRegressor
from multilayer.selection import HiddenLayerSearchCV

rng = np.random.RandomState(0)
X = rng.normal(size=(300, 5))
Y = X.sum(axis=1)
EXPLODED = r"Training diverged: the cost is .*e\+\d+ after .* was .* before.* learning_rate_init"


def regressor(**parameters):
    settings = {"hidden_layer_sizes": (8,), "solver": "sgd", "random_state": 0, "max_iter": 15}
    return MLPRegressor(**settings | parameters)


def test_it_is_public():
    assert multilayer.DivergenceWarning is DivergenceWarning
    assert issubclass(DivergenceWarning, ConvergenceWarning)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_an_exploded_cost(dtype):
    model = regressor(learning_rate_init=0.01)
    with pytest.warns(DivergenceWarning, match=r"clip_norm=1\.0, or scaled inputs .* and a scaled"):
        model.fit(X.astype(dtype), Y * 1e6)


@pytest.mark.parametrize("solver", ["sgd", "gd", "adam"])
def test_the_last_step_explodes(solver):
    # The only cost known is that of the start: the step comes after it.
    model = regressor(solver=solver, learning_rate_init=1e9, max_iter=1, batch_size=300)
    with pytest.warns(DivergenceWarning, match=EXPLODED):
        model.fit(X, Y)
    assert len(model.loss_curve_) == 1
    assert model.loss_curve_[0] < 10


def test_arrays_of_another_library():
    model = regressor(solver="adam", learning_rate_init=1e9, max_iter=1)
    with pytest.warns(DivergenceWarning, match=EXPLODED):
        model.fit(array_api_strict.asarray(X), Y)


def test_partial_fit():
    model = regressor(learning_rate_init=1e9)
    with pytest.warns(DivergenceWarning, match=EXPLODED):
        model.partial_fit(X, Y)


def test_outputs_beyond_the_largest_number():
    model = regressor(learning_rate_init=1e30, max_iter=1, batch_size=300)
    with pytest.warns(DivergenceWarning, match="the cost is (inf|nan) after 1 iterations"):
        model.fit(X.astype(np.float32), Y)


def test_classes():
    labels = (Y > 0).astype(int)
    model = MLPClassifier((8,), solver="sgd", learning_rate_init=1e30, max_iter=1, batch_size=300)
    with pytest.warns(DivergenceWarning):
        model.fit(X.astype(np.float32), labels)


@pytest.mark.parametrize("scale", [1e-6, 1.0, 1e6])
@pytest.mark.parametrize(
    "parameters",
    [
        {"learning_rate_init": 0.01, "clip_norm": 1.0},
        {"solver": "adam"},
        {"solver": "adam", "alpha": 1e3},
        {"solver": "lbfgs"},
    ],
)
def test_what_has_not_diverged(parameters, scale):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        warnings.simplefilter("error", DivergenceWarning)
        regressor(**parameters).fit(X, Y * scale)


def test_unscaled_inputs_have_not_diverged():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        warnings.simplefilter("error", DivergenceWarning)
        regressor(solver="adam").fit(X * 1e5, Y)
        model = regressor(solver="adam", warm_start=True, max_iter=100).fit(X, Y)
        model.set_params(learning_rate_init=0.02, max_iter=1).fit(X, Y)


def test_the_search_is_silent():
    space = {"learning_rate_init": [1e-2, 1e9]}
    search = HiddenLayerSearchCV(regressor(), space, n_candidates=4, cv=2, random_state=0)
    search.fit(X, Y)
    assert search.best_params_["learning_rate_init"] == 1e-2


def test_the_refit_of_a_search_is_not():
    model = regressor(learning_rate_init=1e9, max_iter=1, batch_size=300)
    search = HiddenLayerSearchCV(model, {"alpha": [1e-3]}, n_candidates=1, cv=2, random_state=0)
    with pytest.warns(DivergenceWarning, match=EXPLODED):
        search.fit(X, Y)
