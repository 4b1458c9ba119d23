"""EarlyStop, LossPlot and the callbacks of scikit-learn; a fit without callbacks is one call."""

import sys
from types import ModuleType

import numpy as np
import pytest
from cases import count_epochs_of_calls
from data_cases import X_MOONS, Y_MOONS
from sklearn.callback import ProgressBar, ScoringMonitor

from multilayer import EarlyStop, LossPlot, MLPClassifier

X, Y = X_MOONS, Y_MOONS
HELD_OUT = {"X_val": X[150:], "y_val": Y[150:]}

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")


@pytest.mark.parametrize(
    ("monitor", "curve", "sign"),
    [
        ("loss", "loss_curve_", 1),
        ("validation_loss", "validation_loss_curve_", 1),
        ("validation_score", "validation_scores_", -1),
    ],
)
def test_early_stop_when_nothing_gets_better(monitor, curve, sign):
    clf = MLPClassifier((5,), solver="sgd", learning_rate_init=2.0, random_state=0)
    clf.set_callbacks(EarlyStop(monitor, patience=4, min_delta=0.001))
    clf.fit(X[:150], Y[:150], **HELD_OUT)
    best, stale = np.inf, 0
    for epoch, value in enumerate(getattr(clf, curve)):
        stale = 0 if sign * value < best - 0.001 else stale + 1
        best = min(best, sign * value)
        assert (stale == 4) == (epoch + 1 == clf.n_iter_)


def test_early_stop_at_a_threshold():
    clf = MLPClassifier(learning_rate_init=0.01, random_state=0)
    clf.set_callbacks(EarlyStop(threshold=0.3)).fit(X, Y)
    assert clf.loss_curve_[-1] <= 0.3 < clf.loss_curve_[-2]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"monitor": "accuracy"}, "monitor must be one of loss, .* got 'accuracy'"),
        ({"patience": 0}, "patience must be at least 1 .*: 0, 0.0"),
        ({"min_delta": -1}, "min_delta not negative: 10, -1"),
    ],
    ids=["monitor", "patience", "min_delta"],
)
def test_refuses_wrong_numbers(arguments, message):
    with pytest.raises(ValueError, match=message):
        EarlyStop(**arguments)


def test_early_stop_asks_for_validation_rows():
    clf = MLPClassifier().set_callbacks(EarlyStop("validation_loss"))
    with pytest.raises(ValueError, match="needs validation rows: give X_val and y_val"):
        clf.fit(X, Y)
    with pytest.raises(ValueError, match="at least 0 seconds, got -1"):
        LossPlot(interval=-1)


def test_loss_plot_draws_into_a_file(tmp_path):
    path = tmp_path / "cost.png"
    times = []

    class Watch(LossPlot):
        def on_fit_task_end(self, estimator, context):
            super().on_fit_task_end(estimator, context)
            times.append(path.stat().st_mtime_ns)

    clf = MLPClassifier(max_iter=3, random_state=0).set_callbacks(Watch(path, interval=0))
    clf.fit(X[:150], Y[:150], **HELD_OUT)
    assert len(times) == len(set(times)) == 4  # each epoch, and the end
    assert path.read_bytes().startswith(b"\x89PNG")


def test_loss_plot_is_live_in_a_notebook(monkeypatch):
    shown = []

    class Cell:
        def update(self, figure):
            shown.append(figure)

    def display(figure, display_id):
        shown.append(figure)
        return Cell()

    notebook = ModuleType("IPython.display")
    notebook.display = display
    monkeypatch.setitem(sys.modules, "IPython", ModuleType("IPython"))
    monkeypatch.setitem(sys.modules, "IPython.display", notebook)
    MLPClassifier(max_iter=2).set_callbacks(LossPlot(interval=0)).fit(X, Y)
    assert len(shown) == 3
    monkeypatch.setitem(sys.modules, "IPython.display", None)
    with pytest.raises(ValueError, match="needs a path where there is no notebook"):
        MLPClassifier(max_iter=2).set_callbacks(LossPlot()).fit(X, Y)
    assert [len(figure.axes[0].lines[0].get_xdata()) for figure in shown] == [1, 2, 2]


def test_scikit_learns_callbacks(capsys):
    monitor = ScoringMonitor(scoring="accuracy")
    clf = MLPClassifier(max_iter=3, random_state=0).set_callbacks(ProgressBar(), monitor)
    clf.fit(X, Y)
    assert "MLPClassifier - fit" in capsys.readouterr().out


def test_without_callbacks_many_epochs_are_one_call(monkeypatch):
    calls = count_epochs_of_calls(monkeypatch)
    MLPClassifier(max_iter=20, random_state=0).fit(X, Y)
    assert calls == [20]
