"""Search and cross-validation on a Dask cluster: the results of threads, rows sent once."""

import os
import signal
import threading

import joblib
import numpy as np
import pytest
from comparisons import assert_arrays_equal
from distributed import Client
from distributed.protocol import pickle
from sklearn.datasets import load_breast_cancer
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from multilayer import MLPClassifier, TabularClassifier
from multilayer.selection import HiddenLayerSearchCV, compare_baselines, cross_validate_network
from multilayer.selection import workers as there

pytestmark = pytest.mark.filterwarnings(
    "ignore::sklearn.exceptions.ConvergenceWarning", "ignore::ResourceWarning"
)
QUIET = {"dashboard_address": ":0", "silence_logs": 60, "set_as_default": False}
QUICK = {"max_iter": 30, "learning_rate_init": 0.05}
SPACE = {"hidden_layer_sizes": [(), (4,), (8, 4)], "alpha": [1e-4, 0.1]}


@pytest.fixture(scope="module")
def client():
    with Client(n_workers=2, threads_per_worker=1, **QUIET) as client:
        yield client


def search(estimator=None, **options):
    options = {"n_candidates": 8, "cv": 3, "random_state": 0, "space": SPACE} | options
    return HiddenLayerSearchCV(estimator or MLPClassifier(**QUICK), **options)


def assert_same_results(one, other):
    for name in ("mean_test_score", "standard_error", "n_iter", "n_epochs", "n_parameters"):
        np.testing.assert_array_equal(one.cv_results_[name], other.cv_results_[name])
    assert one.best_params_ == other.best_params_
    assert one.best_score_ == other.best_score_
    assert list(one.cv_results_["params"]) == list(other.cv_results_["params"])


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"scoring": "neg_log_loss", "n_finals": 1},
        {"estimator": make_pipeline(StandardScaler(), MLPClassifier(**QUICK))},
    ],
    ids=lambda o: "-".join(o) or "plain",
)
def test_what_threads_find(client, moons, options):
    before = client.run(lambda: set(there._TRIALS))
    here = search(**options).fit(*moons)
    with joblib.parallel_config("dask", client=client):
        on_cluster = search(**options).fit(*moons)
    assert_same_results(here, on_cluster)
    assert all(
        runs <= before[worker] for worker, runs in client.run(lambda: set(there._TRIALS)).items()
    )


def test_tabular_estimators(client):
    X, y = load_breast_cancer(return_X_y=True, as_frame=True)
    X, y = X[:200], y[:200]
    estimator = TabularClassifier(max_iter=15, hidden_layer_sizes=16)
    options = {"estimator": estimator, "n_candidates": 3, "cv": 2}
    options["space"] = {"dropout": [0.0, 0.1, 0.3]}
    here = search(**options).fit(X, y)
    with joblib.parallel_config("dask", client=client):
        assert_same_results(here, search(**options).fit(X, y))


def test_rows_are_sent_once(client, moons, monkeypatch):
    sent = []
    submit = client.submit

    def counting(function, *arguments, **options):
        sent.append(len(pickle.dumps(arguments[1:])))
        return submit(function, *arguments, **options)

    monkeypatch.setattr(client, "submit", counting)
    with joblib.parallel_config("dask", client=client):
        search().fit(np.tile(moons[0], (50, 100)), np.tile(moons[1], 50))
    assert len(sent) > 50
    assert max(sent) < 5000


def test_a_worker_dies(moons):
    here = search(n_candidates=12).fit(*moons)
    with (
        Client(n_workers=2, threads_per_worker=1, **QUIET) as mortal,
        joblib.parallel_config("dask", client=mortal),
    ):
        (victim, *_) = mortal.run(os.getpid).values()
        killer = threading.Timer(0.3, os.kill, (victim, signal.SIGKILL))
        killer.start()
        on_cluster = search(n_candidates=12).fit(*moons)
        killer.join()
    assert_same_results(here, on_cluster)


def test_a_lost_training_resumes(client, moons):
    cut = [*range(110)], [*range(110, 150)]
    with joblib.parallel_config("dask", client=client), there.find_workers(None) as workers:
        from multilayer.selection.search_state import prepare_fold

        network = MLPClassifier(**QUICK, random_state=0)
        fold = prepare_fold(None, network, *moons, None, *map(np.array, cut))
        runs = [
            fold.start({"alpha": 0.1}),
            *(f.start({"alpha": 0.1}) for f in workers.send([fold])),
        ]
        for run in runs:
            assert run.go_on(7) == 7
        client.run(there._TRIALS.clear)
        assert runs[0].go_on(20) == runs[1].go_on(20) == 20
        assert runs[0].score(None) == runs[1].score(None)
        assert (runs[0].work, runs[0].n_parameters) == (runs[1].work, runs[1].n_parameters)


def test_cross_validation(client, moons):
    models = MLPClassifier(8, **QUICK, random_state=0)
    here = cross_validate_network(models, *moons, cv=3, random_state=0)
    with joblib.parallel_config("dask", client=client):
        on_cluster = cross_validate_network(models, *moons, cv=3, random_state=0)
    np.testing.assert_array_equal(here.scores, on_cluster.scores)
    assert_arrays_equal(here.loss_curves, on_cluster.loss_curves)


def test_baselines(client, moons):
    options = {"cv": 2, "random_state": 0}
    here = compare_baselines(*moons, **options)
    with joblib.parallel_config("dask", client=client):
        assert compare_baselines(*moons, **options).best.name == here.best.name


def test_failures_are_those_of_threads(client, moons):
    space = {"learning_rate_init": [0.05, 1e30]}
    options = {"estimator": MLPClassifier(solver="sgd", max_iter=9), "space": space}
    here = search(n_candidates=4, **options).fit(*moons)
    with joblib.parallel_config("dask", client=client):
        on_cluster = search(n_candidates=4, **options).fit(*moons)
    assert list(here.cv_results_["failure"]) == list(on_cluster.cv_results_["failure"])
    assert any(on_cluster.cv_results_["failure"])


def test_a_closed_cluster_is_reported(moons):
    with Client(n_workers=1, processes=False, **QUIET) as closed:
        pass
    with (
        joblib.parallel_config("dask", client=closed),
        pytest.raises(ValueError, match="client must be connected, but is closed"),
    ):
        search().fit(*moons)
