"""Callbacks of scikit-learn's protocol, and what `verbose` prints."""

import warnings

import pytest
from data_cases import X_IRIS, X_MOONS, Y_IRIS, Y_MOONS
from optimizer_cases import SOLVER_NAMES
from sklearn.callback import ScoringMonitor

from multilayer import MLPClassifier


def test_verbose_prints_each_epoch(capsys):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        MLPClassifier(max_iter=2, verbose=True, early_stopping=True).fit(X_IRIS, Y_IRIS)
    lines = capsys.readouterr().out.splitlines()
    assert [line.split(",")[0] for line in lines[::2]] == ["Iteration 1", "Iteration 2"]
    assert all(line.startswith("Validation score: ") for line in lines[1::2])


class Recorder:
    """A callback of scikit-learn's protocol that stops after a number of epochs."""

    def __init__(self, last):
        self.last, self.losses, self.ended = last, [], False

    def setup(self, estimator, context):
        assert context.max_subtasks == estimator.max_iter

    def teardown(self, estimator, context):
        self.ended = True

    def on_fit_task_begin(self, estimator, context):
        pass

    def on_fit_task_end(self, estimator, context, *, fitted_estimator=None):
        if context.parent is None:
            return False
        assert fitted_estimator.predict(X_MOONS).shape == (200,)
        self.losses.append(estimator.loss_curve_[-1])
        return len(self.losses) == self.last


@pytest.mark.parametrize("solver", SOLVER_NAMES)
def test_callbacks_see_each_epoch_and_may_stop(solver):
    recorder = Recorder(last=3)
    clf = MLPClassifier(solver=solver, random_state=0).set_callbacks(recorder).fit(X_MOONS, Y_MOONS)
    assert recorder.losses == clf.loss_curve_
    assert len(recorder.losses) == 3
    assert recorder.ended


def test_callbacks_are_torn_down_when_fit_fails():
    recorder = Recorder(last=3)

    def fail(estimator, context):
        raise RuntimeError("enough")

    recorder.on_fit_task_end = fail
    clf = MLPClassifier(random_state=0).set_callbacks(recorder)
    with pytest.raises(RuntimeError, match="enough"):
        clf.fit(X_MOONS, Y_MOONS)
    assert recorder.ended
    assert not hasattr(clf, "network_")


def test_scoring_monitor_of_scikit_learn():
    monitor = ScoringMonitor(scoring="accuracy")
    clf = MLPClassifier(solver="lbfgs", max_iter=500, random_state=0).set_callbacks(monitor)
    clf.fit(X_MOONS, Y_MOONS)
    assert clf.score(X_MOONS, Y_MOONS) == 1.0
