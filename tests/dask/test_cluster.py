"""Training on a Dask cluster: real processes, equal results, workers that die, wrong input."""

import os
import runpy
import signal
import threading
import time
from pathlib import Path

import dask
import dask.array as da
import dask.dataframe as dd
import numpy as np
import pandas as pd
import pytest
from comparisons import assert_thetas_close
from distributed import Client, LocalCluster
from distributed.actor import ActorFuture
from distributed.comm import CommClosedError
from sklearn.base import clone, is_classifier
from sklearn.datasets import make_classification, make_regression
from sklearn.exceptions import NotFittedError
from sklearn.metrics import log_loss
from sklearn.pipeline import make_pipeline

import multilayer
from multilayer import Checkpoint, MLPClassifier, MLPRegressor, TableEncoder
from multilayer.dask import DaskMLPClassifier, DaskMLPRegressor, DaskTableEncoder
from multilayer.dask.cluster import results_of, retry

pytestmark = pytest.mark.filterwarnings(
    "ignore::sklearn.exceptions.ConvergenceWarning", "ignore::ResourceWarning"
)
QUIET = {"dashboard_address": ":0", "silence_logs": 60}


@pytest.fixture(scope="module")
def client():
    with LocalCluster(n_workers=2, threads_per_worker=1, **QUIET) as cluster, Client(cluster) as c:
        yield c


@pytest.fixture(scope="module")
def labelled():
    X, y = make_classification(1003, 7, n_classes=3, n_informative=5, random_state=0)
    return X, np.array(["red", "green", "blue"])[y]


def parted(X, y, chunks=(300, 1, 402, 300)):
    return tuple(da.from_array(a, chunks=(chunks, *((n,) for n in a.shape[1:]))) for a in (X, y))


@pytest.mark.parametrize("solver", ["lbfgs", "gd"])
def test_full_batch_is_that_of_one_machine(client, labelled, solver):
    options = {"solver": solver, "max_iter": 8, "random_state": 0, "class_weight": "balanced"}
    whole = MLPClassifier((6, 3), **options).fit(*labelled)
    spread = DaskMLPClassifier((6, 3), **options).fit(*parted(*labelled))
    assert_thetas_close(whole, spread, 1e-9)
    np.testing.assert_allclose(spread.loss_curve_, whole.loss_curve_)
    assert spread.classes_.tolist() == ["blue", "green", "red"]
    assert (spread.n_iter_, spread.sync_every_) == (8, 1)
    assert spread.score(*parted(*labelled)) == pytest.approx(whole.score(*labelled))


@pytest.mark.parametrize("sync_every", [1, 4])
def test_same_bits_for_any_number_of_workers(client, labelled, sync_every):
    options = {"batch_size": 50, "max_iter": 3, "random_state": 0, "sync_every": sync_every}
    X, y = parted(*labelled)
    several = DaskMLPClassifier(6, client=client, **options).fit(X, y)
    with Client(n_workers=1, processes=False, set_as_default=False, **QUIET) as one:
        alone = DaskMLPClassifier(6, client=one, **options).fit(X, y)
    assert_thetas_close(several, alone, 0)
    assert several.loss_curve_ == alone.loss_curve_
    assert several.sync_every_ == sync_every


def test_numbers_weights_and_validation(client):
    X, y = make_regression(503, 5, n_targets=2, random_state=0)
    y, weights = y / y.std(), np.random.RandomState(0).randint(0, 3, 503).astype(float)
    options = {"hidden_layer_sizes": 6, "solver": "lbfgs", "max_iter": 9, "random_state": 0}
    whole = MLPRegressor(**options).fit(X, y, weights, X_val=X[:99], y_val=y[:99])
    chunks = (100, 200, 203)
    dX, dy = parted(X, y, chunks)
    dw = da.from_array(weights, chunks=(chunks,))
    validation = parted(X[:99], y[:99], (50, 49))
    spread = DaskMLPRegressor(**options).fit(dX, dy, dw, eval_set=[validation])
    assert_thetas_close(whole, spread, 1e-8)
    np.testing.assert_allclose(spread.validation_scores_, whole.validation_scores_)
    assert spread.score(dX, dy, dw) == pytest.approx(whole.score(X, y, weights))
    np.testing.assert_allclose(spread.predict(dX).compute(), whole.predict(X), rtol=1e-6)


def test_auto_chooses_an_interval_and_reports_it(client, labelled):
    X, y = parted(*labelled)
    clf = DaskMLPClassifier(6, batch_size=10, max_iter=2, random_state=0).fit(X, y)
    assert isinstance(clf.sync_every_, int)
    again = DaskMLPClassifier(6, batch_size=500, max_iter=2, random_state=0).fit(X, y)
    assert again.sync_every_ == 1  # an epoch has too few steps to choose by


def test_early_stopping_and_dropout(client, labelled):
    clf = DaskMLPClassifier(
        32,
        batch_size=25,
        dropout=0.1,
        early_stopping=True,
        learning_rate_init=0.01,
        n_iter_no_change=3,
        random_state=0,
        sync_every=8,
    ).fit(*parted(*labelled))
    assert 3 < clf.n_iter_ < 100
    assert clf.score(*parted(*labelled)) > 0.8
    assert clf.best_validation_score_ == max(clf.validation_scores_) > 0.7


def test_dataframes(client, labelled):
    frame = pd.DataFrame(labelled[0], columns=list("abcdefg")).astype(np.float32)
    frame.index += 100
    y = pd.Series(labelled[1], index=frame.index)
    X = dd.from_pandas(frame, npartitions=3)
    clf = DaskMLPClassifier(6, solver="lbfgs", max_iter=9, random_state=0)
    clf.fit(X, dd.from_pandas(y, npartitions=3))
    assert clf.feature_names_in_.tolist() == list("abcdefg")
    assert clf.network_.dtype == np.float32
    local = clf.to_local()
    assert type(local) is MLPClassifier
    predicted, shares = clf.predict(X), clf.predict_proba(X)
    assert isinstance(predicted, dd.Series)
    assert isinstance(shares, dd.DataFrame)
    assert predicted.compute().tolist() == local.predict(frame).tolist()
    assert shares.compute().index.equals(frame.index)
    assert list(shares.columns) == ["blue", "green", "red"]
    np.testing.assert_allclose(shares.compute(), local.predict_proba(frame), rtol=1e-6)


def test_lazy_arrays(client, labelled):
    X, y = parted(*labelled)
    clf = DaskMLPClassifier(6, solver="lbfgs", max_iter=9, random_state=0).fit(X, y)
    shares = clf.predict_proba(X[labelled[0][:, 0] > 0])  # chunks of unknown sizes
    assert isinstance(shares, da.Array)
    local = clf.to_local().predict_proba(labelled[0][labelled[0][:, 0] > 0])
    np.testing.assert_allclose(shares.compute(), local)
    np.testing.assert_allclose(clf.predict_log_proba(X).compute(), np.log(clf.predict_proba(X)))
    assert clf.predict(labelled[0]).tolist() == clf.predict(X).compute().tolist()
    assert 0 < log_loss(labelled[1], clf.predict_proba(X).compute()) < 1


def test_estimator_conventions(client, labelled):
    clf = DaskMLPClassifier(6, client=client, alpha=0.1, sync_every=2)
    copied = clone(clf)
    assert copied.client is client
    assert copied.get_params() == clf.get_params()
    assert copied.set_params(alpha=0.2).alpha == 0.2
    assert set(clf.get_params()) - set(MLPClassifier().get_params()) == {
        "client",
        "sync_every",
        "timeout",
    }
    assert is_classifier(clf)
    assert not is_classifier(DaskMLPRegressor())
    with pytest.raises(NotFittedError):
        clf.predict(labelled[0])
    with pytest.raises(TypeError, match="hidden_layer"):
        DaskMLPClassifier(hidden_layers=3)


def test_several_labels(client, labelled):
    X, y = labelled[0], np.stack([labelled[1] == c for c in ("red", "blue")], axis=1).astype(int)
    options = {"hidden_layer_sizes": 6, "solver": "lbfgs", "max_iter": 9, "random_state": 0}
    whole, spread = MLPClassifier(**options).fit(X, y), DaskMLPClassifier(**options)
    spread.fit(*parted(X, y))
    assert_thetas_close(whole, spread, 1e-9)
    assert (spread.predict(parted(X, y)[0]).compute() == whole.predict(X)).all()


def test_checkpoint(client, labelled, tmp_path):
    X, y = parted(*labelled)
    options = {"batch_size": 100, "random_state": 0, "sync_every": 2, "tol": 0.0}
    whole = DaskMLPClassifier(6, max_iter=6, **options).fit(X, y)
    for max_iter in (3, 6):
        clf = DaskMLPClassifier(6, max_iter=max_iter, **options)
        clf.set_callbacks(Checkpoint(tmp_path / "training", interval=0)).fit(X, y)
    assert_thetas_close(whole, clf, 0)
    assert clf.loss_curve_ == whole.loss_curve_


def test_warm_start(client, labelled):
    X, y = parted(*labelled)
    clf = DaskMLPClassifier(6, solver="gd", max_iter=3, warm_start=True, random_state=0)
    clf.fit(X, y).fit(X, y)
    whole = DaskMLPClassifier(6, solver="gd", max_iter=6, random_state=0).fit(X, y)
    assert_thetas_close(clf, whole, 1e-12)


@pytest.fixture
def mortal():
    """A cluster whose workers may be killed: its nannies do not always start them again."""
    with Client(n_workers=2, threads_per_worker=1, set_as_default=False, **QUIET) as client:
        yield client


# Each: what is done to the workers, as soon as some epochs are made.
def _kill_one(client, pids):
    os.kill(pids[0], signal.SIGKILL)


def _kill_all(client, pids):
    for pid in pids:
        os.kill(pid, signal.SIGKILL)


def _halt_one(client, pids, seconds=1):
    os.kill(pids[0], signal.SIGSTOP)
    time.sleep(seconds)
    os.kill(pids[0], signal.SIGCONT)


def _restart(client, pids):
    client.restart()


class _Then:
    """Callback that does something to the cluster in the middle of training."""

    def __init__(self, act, *arguments):
        self._act = threading.Thread(target=act, args=arguments)

    def setup(self, estimator, context): ...

    def on_fit_task_begin(self, estimator, context): ...

    def teardown(self, estimator, context):
        self._act.join()

    def on_fit_task_end(self, estimator, context):
        if context.parent is not None and estimator.n_iter_ == 3:
            self._act.start()


@pytest.mark.parametrize("act", [_kill_one, _kill_all, _halt_one, _restart])
def test_workers_die_and_training_goes_on(mortal, labelled, act):
    X, y = parted(*labelled)
    options = {"batch_size": 50, "max_iter": 12, "random_state": 0, "sync_every": 8, "tol": 0.0}
    calm = DaskMLPClassifier(6, client=mortal, timeout=60, **options).fit(X, y)
    pids = list(mortal.run(os.getpid).values())
    clf = DaskMLPClassifier(6, client=mortal, timeout=60, **options)
    clf.set_callbacks(_Then(act, mortal, pids)).fit(X, y)
    assert_thetas_close(calm, clf, 0)
    assert clf.n_iter_ == 12


def test_a_worker_that_shuts_down_is_a_lost_one(client, labelled, monkeypatch):
    X, y = parted(*labelled)
    options = {"batch_size": 50, "max_iter": 4, "random_state": 0, "timeout": 60}
    calm = DaskMLPClassifier(6, client=client, **options).fit(X, y)
    answer, refused = ActorFuture.result, []

    def shut_down_once(self, timeout=None):
        if not refused:
            refused.append(self)
            raise RuntimeError("cannot schedule new futures after shutdown")
        return answer(self, timeout)

    monkeypatch.setattr(ActorFuture, "result", shut_down_once)
    clf = DaskMLPClassifier(6, client=client, **options).fit(X, y)
    assert len(refused) == 1
    assert_thetas_close(calm, clf, 0)


# Each: a function of distributed, and what it does once when a worker leaves at that moment.
LOSSES = {
    "a worker leaves while arguments are sent": (Client, "scatter", KeyError("tcp://gone"), True),
    "the scheduler has an error": (Client, "scatter", AssertionError(), True),
    "the client connects again": (Client, "submit", AttributeError("'NoneType'"), True),
    "tasks cannot be submitted": (Client, "submit", RuntimeError("shutdown"), False),
    "results cannot be gathered": (Client, "gather", ValueError("No valid workers found"), True),
    "no worker is known": (Client, "who_has", {}, False),
    "nobody has a part": (Client, "who_has", KeyError("part"), False),
    "an actor's worker leaves": (ActorFuture, "result", RuntimeError("after shutdown"), False),
    "an actor's worker cannot be reached": (ActorFuture, "result", CommClosedError(), False),
}


@pytest.mark.parametrize(("owner", "name", "loss", "large"), LOSSES.values(), ids=LOSSES)
def test_losses_of_every_kind_are_made_good(
    client, labelled, monkeypatch, owner, name, loss, large
):
    X, y = parted(*labelled)
    options = {"batch_size": 500, "max_iter": 2, "random_state": 0, "timeout": 60}
    if large:
        monkeypatch.setattr("multilayer.dask.cluster._MAX_GATHERED", -1)
    calm = DaskMLPClassifier(6, client=client, **options).fit(X, y)
    right, lost = getattr(owner, name), []

    def once(*arguments, **named):
        if not lost:
            lost.append(loss)
            if isinstance(loss, Exception):
                raise loss
            return loss
        return right(*arguments, **named)

    monkeypatch.setattr(owner, name, once)
    clf = DaskMLPClassifier(6, client=client, **options).fit(X, y)
    assert lost
    assert_thetas_close(calm, clf, 0)


def test_an_actor_for_a_worker_that_has_left(client, labelled, monkeypatch):
    """It would wait for this worker for ever."""
    X, y = parted(*labelled)
    right, asked = Client.who_has, []

    def left(self, futures):
        asked.append(futures)
        where = right(self, futures)
        return where if len(asked) > 1 else dict.fromkeys(where, ("tcp://127.0.0.1:1",))

    monkeypatch.setattr(Client, "who_has", left)
    begun = time.monotonic()
    DaskMLPClassifier(6, client=client, batch_size=50, max_iter=3).fit(X, y)
    assert len(asked) > 1
    assert time.monotonic() - begun < 60  # rather than the time-out of 300


def _fails_once(path, error):
    if not path.exists():
        path.touch()
        raise error
    return 1


@pytest.mark.parametrize(
    "error", [RuntimeError("cannot schedule new futures after shutdown"), CommClosedError("gone")]
)
def test_a_task_that_comes_to_a_worker_as_it_leaves(client, tmp_path, error):
    def attempt():
        future = client.submit(_fails_once, tmp_path / "failed", error, pure=False)
        return results_of(client, [future], 60)

    assert retry(client, attempt, 60) == [1]


@pytest.mark.parametrize("error", [RuntimeError("of its own"), FileNotFoundError("f"), KeyError(1)])
def test_an_error_of_a_task_is_no_loss(client, tmp_path, error):
    def attempt():
        future = client.submit(_fails_once, tmp_path / "failed", error, pure=False)
        return results_of(client, [future], 60)

    with pytest.raises(type(error)):
        retry(client, attempt, 60)


def test_what_cannot_be_pickled_is_no_loss(client, labelled):
    lock = threading.Lock()

    def cost(y, h):
        with lock:
            return ((y - h) ** 2).sum()

    y = labelled[0][:, 0]
    options = {"hidden_layer_sizes": 3, "loss": (cost, lambda y, h: 2 * (h - y)), "max_iter": 2}
    begun = time.monotonic()
    with pytest.raises(TypeError, match="pickle"):
        DaskMLPRegressor(client=client, **options).fit(*parted(labelled[0], y))
    assert time.monotonic() - begun < 30


def _killing(path, part):
    """Return a part, which kills the first four workers that compute it."""
    if len(kills := list(path.iterdir())) < 4:
        (path / str(len(kills))).touch()
        os.kill(os.getpid(), signal.SIGKILL)
    return part


def test_a_part_during_which_many_workers_died(tmp_path, labelled):
    """The scheduler takes it for their killer, and would not try it again."""
    X, y = labelled
    load = dask.delayed(_killing, pure=True)(tmp_path, X)
    rows = da.from_delayed(load, shape=X.shape, dtype=X.dtype), da.from_array(y, chunks=len(y))
    with (
        LocalCluster(n_workers=2, threads_per_worker=1, **QUIET) as cluster,
        Client(cluster, set_as_default=False) as client,
    ):
        clf = DaskMLPClassifier(6, client=client, max_iter=2, timeout=60)
        fitting = threading.Thread(target=clf.fit, args=rows, daemon=True)
        fitting.start()
        begun = time.monotonic()
        while fitting.is_alive() and time.monotonic() - begun < 60:
            cluster.scale(2)  # nannies do not always start a worker again
            time.sleep(0.5)
        assert not fitting.is_alive()
    assert len(list(tmp_path.iterdir())) == 4
    assert clf.n_iter_ == 2


def test_a_worker_that_does_not_answer(mortal, labelled):
    X, y = parted(*labelled)
    pids = list(mortal.run(os.getpid).values())
    DaskMLPClassifier(6, client=mortal, max_iter=1).fit(X, y)  # the workers have imported all
    clf = DaskMLPClassifier(6, client=mortal, timeout=1, max_iter=12, batch_size=50, tol=0.0)
    clf.set_callbacks(_Then(_halt_one, mortal, pids, 4))
    with pytest.raises(TimeoutError, match="for 1 s"):
        clf.fit(X, y)
    assert not hasattr(clf, "estimator_")


def test_a_lost_cluster_is_reported(labelled):
    X, y = parted(*labelled)
    with LocalCluster(n_workers=1, threads_per_worker=1, **QUIET) as cluster:
        with Client(cluster, set_as_default=False) as client:
            DaskMLPClassifier(6, client=client, max_iter=1).fit(X, y)
            clf = DaskMLPClassifier(6, client=client, timeout=1, max_iter=12, batch_size=50)
            clf.set_callbacks(_Then(cluster.scale, 0))
            with pytest.raises(TimeoutError, match="for 1 s"):
                clf.fit(X, y)
        with pytest.raises(ValueError, match="client must be connected, but is closed"):
            clf.fit(X, y)


def test_no_client(labelled, monkeypatch):
    def none_active():
        raise ValueError("No clients found")

    monkeypatch.setattr("multilayer.dask.cluster.get_client", none_active)
    with pytest.raises(ValueError, match="there must be a Dask client"):
        DaskMLPClassifier().fit(*parted(*labelled))


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        (lambda X, y: (X.compute(), y), TypeError, "X must be a Dask array or dataframe, got nd"),
        (lambda X, y: (X, y.compute()), TypeError, "y must be a Dask array or dataframe, got nd"),
        (lambda X, y: (X, y[:-1]), ValueError, "y must have as many rows as X, 1003, got 1002"),
        (lambda X, y: (X[:, 0], y), ValueError, "X must have two dimensions"),
        (lambda X, y: (X[X[:, 0] > 99], y[X[:, 0] > 99]), ValueError, r"its 4 partition\(s\) have"),
        (lambda X, y: (X[X[:, 0] > 0], y), ValueError, r"y has \d+ rows in partition \d of X"),
        (lambda X, y: (da.where(X > 3, np.nan, X), y), ValueError, r"partition \d of X: .*NaN"),
        (lambda X, y: (X, X[:, 0]), ValueError, "Unknown label type: continuous"),
    ],
)
def test_wrong_rows(client, labelled, change, error, message):
    X, y = change(*parted(*labelled))
    with pytest.raises(error, match=message):
        DaskMLPClassifier(6, max_iter=1).fit(X, y)


def test_columns_that_differ(client, labelled):
    frame = pd.DataFrame(labelled[0], columns=list("abcdefg"))
    X = dd.from_delayed([dask.delayed(frame[:500]), dask.delayed(frame[500:])])
    y = dd.from_delayed(
        [dask.delayed(pd.Series(labelled[1])[part]) for part in (slice(500), slice(500, None))]
    )
    parts = [dask.delayed(frame[:500]), dask.delayed(frame[500:].rename(columns={"a": "z"}))]
    odd = dd.from_delayed(parts, meta=frame[:0], verify_meta=False)
    with pytest.raises(ValueError, match="partition 1 of X must have the columns"):
        DaskMLPClassifier(6, max_iter=1).fit(odd, y)
    with pytest.raises(ValueError, match="cut into partitions as X is, 2, but has 3"):
        DaskMLPClassifier(6).fit(X, dd.from_pandas(y.compute(), npartitions=3))
    texts = X.assign(town="Bern")
    with pytest.raises(ValueError, match="columns of X must be numbers, but 'town'"):
        DaskMLPClassifier(6).fit(texts, y)
    clf = DaskMLPClassifier(6, max_iter=1).fit(X, y)
    with pytest.raises(ValueError, match="X must have 7 features"):
        clf.predict(texts)


def test_a_source_that_fails(client, labelled, tmp_path):
    load = dask.delayed(np.load)
    X = da.from_delayed(load(tmp_path / "rows.npy"), shape=(9, 2), dtype=float)
    began = time.monotonic()
    with pytest.raises(FileNotFoundError, match=r"rows\.npy"):
        DaskMLPClassifier(6, timeout=60).fit(X, da.zeros(9, dtype=int))
    assert time.monotonic() - began < 30


def test_too_many_rows_for_the_workers(client):
    X = da.zeros((10**9, 1000), chunks=(10**6, 1000))
    with pytest.raises(MemoryError, match=r"rows must fit the memory of the workers, .* GB"):
        DaskMLPClassifier(6).fit(X, X[:, 0])


@pytest.mark.parametrize(
    "parameters",
    [
        {"sync_every": 0},
        {"sync_every": "often"},
        {"timeout": 0},
        {"alpha": -1.0},
        {"scoring": "roc_auc"},
        {"dropout": 0.5, "sync_every": 1},
    ],
    ids=str,
)
def test_wrong_parameters(client, labelled, parameters):
    clf = DaskMLPClassifier(6, max_iter=1, **parameters)
    with pytest.raises(ValueError, match=next(iter(parameters))):
        clf.fit(*parted(*labelled))
    assert not hasattr(clf, "estimator_")


def test_raw_tables(client, rng, tmp_path):
    sex, age = rng.choice(["male", "female"], 900), rng.uniform(1, 80, 900)
    table = pd.DataFrame({"sex": sex, "age": np.where(age > 75, np.nan, age), "id": np.arange(900)})
    y = pd.Series(np.where((sex == "female") ^ (rng.rand(900) < 0.1), "yes", "no"))
    X, answers = dd.from_pandas(table, npartitions=5), dd.from_pandas(y, npartitions=5)
    options = {"solver": "lbfgs", "max_iter": 8, "random_state": 0}
    spread = make_pipeline(DaskTableEncoder(), DaskMLPClassifier(6, **options)).fit(X, answers)
    whole = make_pipeline(TableEncoder(), MLPClassifier(6, **options)).fit(table, y)
    assert spread[0].get_feature_names_out().tolist() == [
        "age",
        "id",
        "missingindicator_age",
        "sex_female",
        "sex_male",
    ]
    assert_thetas_close(whole[-1], spread[-1], 1e-3)  # float32
    probability = spread.predict_proba(X).compute()
    np.testing.assert_allclose(probability, whole.predict_proba(table), atol=1e-3)
    local = make_pipeline(*(step.to_local() for _, step in spread.steps))
    multilayer.save(local, tmp_path / "model.mlp")
    again = multilayer.load(tmp_path / "model.mlp")
    np.testing.assert_array_equal(again.predict_proba(table), local.predict_proba(table))
    with pytest.raises(TypeError, match="X must be a Dask dataframe, got DataFrame"):
        DaskTableEncoder().fit(table)
    with pytest.raises(ValueError, match="a row or more"):
        DaskTableEncoder().fit(X[X.age > 99])


def test_example(client, capsys):
    path = Path(__file__).parents[2] / "examples" / "dask_cluster.py"
    main = runpy.run_path(str(path))["main"]
    local = main(rows=4000, parts=4)
    assert type(local) is MLPClassifier
    assert capsys.readouterr().out.count("accuracy") == 2
