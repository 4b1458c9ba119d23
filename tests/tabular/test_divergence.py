"""Members of a tabular model that diverge: left out with a warning, or an error."""

import numpy as np
import pytest
from sklearn.exceptions import ConvergenceWarning
from tabular_cases import MODELS, SMALL, table

from multilayer import DivergenceWarning, TabularRegressor
from multilayer.tabular import ensemble
from multilayer.tabular.divergence import quality_of

X, Y = table()


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("settings", [{"fast": True}, {}, {"fast": True, "validation_fraction": 0}])
def test_nothing_finite(model, settings):
    with pytest.raises(ValueError, match=r"diverged in its first epoch.* smaller than 1e\+300"):
        model(**SMALL | settings, learning_rate_init=1e300).fit(X, Y)


def test_the_only_step_of_an_epoch_explodes():
    rows = np.random.RandomState(0).normal(size=(60, 2))
    model = TabularRegressor(fast=True, max_iter=5, learning_rate_init=1e6, random_state=0)
    with pytest.raises(ValueError, match="training diverged"):
        model.fit(rows, rows[:, 0])


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("epoch", [0, 1])
def test_members_that_diverge_are_left_out(model, epoch, monkeypatch):
    trained = ensemble.train_epochs
    first = []

    def one_diverges(network, *arguments, **more):
        bad = not first or first[0] is network
        first.append(network)
        for k, costs in enumerate(trained(network, *arguments, **more)):
            if bad and k >= epoch:
                network.thetas[-1][...] = np.nan
            yield costs

    monkeypatch.setenv("MULTILAYER_NUM_THREADS", "1")
    monkeypatch.setattr(ensemble, "train_epochs", one_diverges)
    if epoch:  # it has a finite epoch, which is taken
        fitted = model(**SMALL).fit(X, Y)
        assert min(fitted.best_iterations_) == 1
        assert len(fitted.members_) == 2
    else:
        with pytest.warns(DivergenceWarning, match="1 of 2 members are left out") as caught:
            fitted = model(**SMALL).fit(X, Y)
        assert len(caught) == 1
        assert len(fitted.members_) == len(fitted.loss_curves_) == 1
    assert np.isfinite(np.asarray(fitted.predict(X), float)).all()
    assert np.isfinite(fitted.validation_score_)


def test_exploded_outputs_are_told(monkeypatch):
    def exploding(network, *arguments, **more):
        for costs in trained(network, *arguments, **more):
            network.thetas[-1] *= 1e9
            yield costs

    trained = ensemble.train_epochs
    monkeypatch.setattr(ensemble, "train_epochs", exploding)
    with pytest.warns(DivergenceWarning, match="predictions of each member are far beyond"):
        model = TabularRegressor(**SMALL).fit(X, Y)
    assert np.isfinite(model.predict(X)).all()


def test_quality():
    Y = np.array([[1.0], [-2.0]])
    assert quality_of(np.array([[np.nan], [1.0]]), Y, "identity") == 0
    assert quality_of(np.array([[3e3], [1.0]]), Y, "identity") == 1
    assert quality_of(np.array([[1e3], [1.0]]), Y, "identity") == 2
    assert quality_of(np.array([[0.0, 1.0]]), Y, "softmax") == 2
    assert issubclass(DivergenceWarning, ConvergenceWarning)
