"""When a tabular fit ends: no change, a time limit, Ctrl-C; its progress bar."""

import os
import signal
import time

import numpy as np
import pytest
from sklearn.exceptions import ConvergenceWarning
from tabular_cases import MODELS, SMALL, table

from multilayer import TabularClassifier


def test_no_change_ends():
    X, y = table()
    model = TabularClassifier(**SMALL | {"max_iter": 300, "n_members": 1}, n_iter_no_change=3)
    model.fit(X, y)
    assert model.n_iter_ == model.best_iterations_[0] + 4 < 300


@pytest.mark.parametrize("model", MODELS)
def test_time_limit(model):
    X, y = table()
    began = time.perf_counter()
    fitted = model(**SMALL | {"max_iter": 100_000}, time_limit=1).fit(X, y)
    assert time.perf_counter() - began < 3
    assert fitted.n_iter_ < 100_000
    assert len(fitted.predict(X)) == 60


class Interrupting:
    """A scorer that presses Ctrl-C in its third call."""

    calls = 0

    def __call__(self, estimator, X, y):
        self.calls += 1
        if self.calls == 3:
            time.sleep(0.2)  # until all members are on their way
            os.kill(os.getpid(), signal.SIGINT)
        return -self.calls


@pytest.mark.parametrize("n_members", [1, 8])
def test_interrupted_fit_keeps_its_best(n_members):
    X, y = table()
    model = TabularClassifier(
        **SMALL | {"max_iter": 100_000, "n_members": n_members}, scoring=Interrupting()
    )
    with pytest.warns(ConvergenceWarning, match=r"Training interrupted by user\."):
        model.fit(X, y)
    assert 1 <= len(model.members_) <= n_members
    assert model.n_iter_ < 100_000
    assert model.predict_proba(X).shape == (60, 2)
    # Each epoch scored worse than the first, so that is where the network comes from.
    assert model.best_iterations_[0] == 1


def test_interrupt_before_anything_is_learned():
    X, y = table()
    model = TabularClassifier(**SMALL).fit(X, y)
    before = model.predict_proba(X)

    def press(*_):
        raise KeyboardInterrupt

    model.set_params(scoring=press)
    with pytest.raises(KeyboardInterrupt):
        model.fit(X, 1 - y)
    np.testing.assert_array_equal(model.predict_proba(X), before)


def test_bar(monkeypatch, capsys):
    X, y = table()
    silent = TabularClassifier(**SMALL).fit(X, y)
    assert capsys.readouterr() == ("", "")
    monkeypatch.setenv("FORCE_COLOR", "1")
    shown = TabularClassifier(**SMALL, verbose=True).fit(X, y)
    assert "Training" in capsys.readouterr().err
    np.testing.assert_array_equal(shown.predict_proba(X), silent.predict_proba(X))
