"""Searches that are interrupted, limited in time or continued; candidates that fail."""

import _thread
import threading
import time

import numpy as np
import pytest
from search_cases import network
from sklearn.datasets import make_moons
from sklearn.exceptions import ConvergenceWarning
from waiting import wait_for

from multilayer.selection import (
    HiddenLayerSearchCV,
)


def test_more_candidates_later_are_as_if_asked_at_once(moons):
    settings = {"cv": 3, "random_state": 0}
    at_once = HiddenLayerSearchCV(network(), n_candidates=12, **settings).fit(*moons)
    later = HiddenLayerSearchCV(network(), n_candidates=5, warm_start=True, **settings).fit(*moons)
    later.set_params(n_candidates=12).fit(*moons)
    np.testing.assert_equal(
        later.cv_results_["params"].tolist(), at_once.cv_results_["params"].tolist()
    )
    last = at_once.rungs_[-1]
    both = (later.cv_results_["n_epochs"] == last) & (at_once.cv_results_["n_epochs"] == last)
    assert both.any()
    for row in np.flatnonzero(both):
        assert (
            later.cv_results_["mean_test_score"][row] == at_once.cv_results_["mean_test_score"][row]
        )
    others = make_moons(60, random_state=1)
    assert len(later.set_params(n_candidates=2).fit(*others).cv_results_["params"]) == 2


class Stops:
    """A scorer that is Ctrl-C after so many calls, for the thread that waits."""

    def __init__(self, calls):
        self.left = calls

    def __call__(self, estimator, X, y):
        self.left -= 1
        if self.left == 0:
            _thread.interrupt_main()
            time.sleep(0.3)
        return estimator.score(X, y)


def test_interrupted_search_keeps_what_was_found_and_goes_on(moons):
    settings = {"n_candidates": 6, "cv": 3, "random_state": 0, "n_jobs": 1}
    before = set(threading.enumerate())
    search = HiddenLayerSearchCV(network(), scoring=Stops(8), warm_start=True, **settings)
    with pytest.warns(ConvergenceWarning, match="interrupted by user after 2 candidates"):
        search.fit(*moons)
    assert search.predict(moons[0]).shape == (150,)
    search.fit(*moons)
    whole = HiddenLayerSearchCV(network(), **settings).fit(*moons)
    np.testing.assert_array_equal(
        search.cv_results_["mean_test_score"], whole.cv_results_["mean_test_score"]
    )
    with pytest.raises(KeyboardInterrupt):  # nothing was found
        HiddenLayerSearchCV(network(), scoring=Stops(1), **settings).fit(*moons)
    wait_for(lambda: set(threading.enumerate()) <= before)  # the scorer may still sleep


def test_time_limit(moons):
    began = time.perf_counter()
    search = HiddenLayerSearchCV(network(), time_limit=0.3, cv=3, random_state=0).fit(*moons)
    assert time.perf_counter() - began < 20
    assert len(search.cv_results_["params"]) < 500
    tiny = HiddenLayerSearchCV(network(), time_limit=1e-9, cv=3, random_state=0)
    with pytest.warns(ConvergenceWarning, match="time_limit=1e-09 s was enough for 1 candidate"):
        tiny.fit(*moons)
    assert tiny.predict(moons[0]).shape == (150,)


def test_a_candidate_that_fails_never_stops_the_search(moons):
    space = {"learning_rate_init": [1e300, 0.01], "hidden_layer_sizes": [(4,)]}
    search = HiddenLayerSearchCV(network(), space, n_candidates=2, cv=3, random_state=0).fit(*moons)
    failed = search.cv_results_["failure"] != ""
    assert failed.sum() == 1
    (row,) = np.flatnonzero(failed)
    assert "diverged in epoch 1: learning_rate_init is 1e+300" in search.cv_results_["failure"][row]
    assert np.isnan(search.cv_results_["mean_test_score"][row])
    assert search.best_params_["learning_rate_init"] == 0.01
    odd = {"hidden_layer_sizes": [(4,), (-1,)]}
    search = HiddenLayerSearchCV(network(), odd, n_candidates=2, cv=3, random_state=0).fit(*moons)
    assert sum("hidden_layer_sizes" in reason for reason in search.cv_results_["failure"]) == 1
