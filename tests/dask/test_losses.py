"""Workers that die, halt or leave while a cluster trains: losses are made good, errors are not."""

import os
import signal
import threading
import time

import dask
import dask.array as da
import pytest
from comparisons import assert_thetas_close
from dask_cases import QUIET, fails_once, killing, parted
from distributed import Client, LocalCluster
from distributed.actor import ActorFuture
from distributed.comm import CommClosedError

from multilayer.dask import DaskMLPClassifier, DaskMLPRegressor
from multilayer.dask.cluster import results_of, retry

pytestmark = pytest.mark.filterwarnings(
    "ignore::sklearn.exceptions.ConvergenceWarning", "ignore::ResourceWarning"
)


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


@pytest.mark.parametrize(
    "error", [RuntimeError("cannot schedule new futures after shutdown"), CommClosedError("gone")]
)
def test_a_task_that_comes_to_a_worker_as_it_leaves(client, tmp_path, error):
    def attempt():
        future = client.submit(fails_once, tmp_path / "failed", error, pure=False)
        return results_of(client, [future], 60)

    assert retry(client, attempt, 60) == [1]


@pytest.mark.parametrize("error", [RuntimeError("of its own"), FileNotFoundError("f"), KeyError(1)])
def test_an_error_of_a_task_is_no_loss(client, tmp_path, error):
    def attempt():
        future = client.submit(fails_once, tmp_path / "failed", error, pure=False)
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


def test_a_part_during_which_many_workers_died(tmp_path, labelled):
    """The scheduler takes it for their killer, and would not try it again."""
    X, y = labelled
    load = dask.delayed(killing, pure=True)(tmp_path, X)
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
