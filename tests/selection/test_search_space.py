"""Search spaces: hidden layers, distributions, Optuna, wrong input."""

import numpy as np
import optuna
import pytest
from scipy.stats import loguniform, norm, randint, uniform
from search_cases import network
from sklearn.datasets import make_moons
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from multilayer.selection import (
    HiddenLayers,
    HiddenLayerSearchCV,
)


def raises(estimator, X, y):
    raise RuntimeError("no such score")


@pytest.mark.parametrize(
    ("params", "error", "message"),
    [
        ({"space": {}}, ValueError, "at least one parameter to search, but is empty"),
        ({"space": {"alpha": []}}, ValueError, r"space\['alpha'\] must hold at least one value"),
        (
            {"space": {"layers": [1]}},
            ValueError,
            "'layers', which is no parameter of MLPClassifier",
        ),
        ({"space": {"alpha": 3}}, TypeError, r"space\['alpha'\] must be a distribution or a list"),
        ({"space": {"solver": "adam"}}, TypeError, "must be a distribution or a list of values"),
        ({"scoring": raises}, ValueError, "no candidate could be scored; the first: RuntimeError"),
        ({"scoring": "r3"}, ValueError, "'scoring' parameter"),
        ({"time_limit": 0}, ValueError, "'time_limit' parameter"),
        ({"sampler": "grid"}, ValueError, "sampler must be 'random', 'optuna' or a study"),
        ({"estimator": make_pipeline(StandardScaler())}, TypeError, "Pipeline that ends in one"),
        ({"n_candidates": 0}, ValueError, "'n_candidates' parameter"),
    ],
    ids=lambda value: str(value)[:30].split(" object")[0] if isinstance(value, dict) else "",
)
def test_wrong_input(params, error, message):
    X, y = make_moons(40, random_state=0)
    settings = {"estimator": network(), "n_candidates": 2, "random_state": 0} | params
    with pytest.raises(error, match=message):
        HiddenLayerSearchCV(**settings).fit(X, y)


def test_hidden_layers():
    rng = np.random.RandomState(0)
    drawn = [HiddenLayers(depths=(1, 3), widths=(4, 64)).rvs(rng) for _ in range(300)]
    assert {len(layers) for layers in drawn} == {1, 3}
    assert min(layers[0] for layers in drawn) == 4
    assert max(layers[0] for layers in drawn) > 55
    assert {
        layers[1] / layers[0] for layers in drawn if len(layers) == 3 and not layers[0] % 2
    } == {
        0.5,
        1.0,
    }
    assert 12 < np.median([layers[0] for layers in drawn]) < 20  # evenly in the logarithm
    with pytest.raises(ValueError, match="depths"):
        HiddenLayers(depths=[])
    with pytest.raises(ValueError, match="widths"):
        HiddenLayers(widths=(8, 4))


@pytest.fixture
def _quiet_optuna():
    before = optuna.logging.get_verbosity()
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    yield
    optuna.logging.set_verbosity(before)


@pytest.mark.usefixtures("_quiet_optuna")
def test_optuna(moons):
    space = {
        "hidden_layer_sizes": HiddenLayers(widths=(2, 16)),
        "alpha": loguniform(1e-5, 1),
        "beta_1": uniform(0.8, 0.1),
        "batch_size": randint(8, 33),
        "activation": ["relu", "tanh"],
    }
    study = optuna.create_study(direction="maximize", sampler=optuna.samplers.RandomSampler(seed=0))
    search = HiddenLayerSearchCV(
        network(), space, sampler=study, n_candidates=12, cv=3, random_state=0
    )
    search.fit(*moons)
    assert len(study.trials) == 12
    assert study.best_value == pytest.approx(
        max(search.cv_results_["mean_test_score"][search.cv_results_["n_epochs"] == 27])
    )
    states = {trial.state.name for trial in study.trials}
    assert states == {"COMPLETE", "PRUNED"}
    for params in search.cv_results_["params"]:
        assert 8 <= params["batch_size"] <= 32
        assert params["activation"] in ("relu", "tanh")
        assert 0.8 <= params["beta_1"] <= 0.9
    by_name = HiddenLayerSearchCV(network(), sampler="optuna", n_candidates=3, cv=3, random_state=0)
    twice = [by_name.fit(*moons).cv_results_["params"].tolist() for _ in range(2)]
    assert twice[0] == twice[1]
    with pytest.raises(TypeError, match="for Optuna"):
        HiddenLayerSearchCV(network(), {"alpha": norm(1, 0.1)}, sampler="optuna").fit(*moons)
    with pytest.raises(ValueError, match="maximize"):
        HiddenLayerSearchCV(network(), sampler=optuna.create_study()).fit(*moons)
