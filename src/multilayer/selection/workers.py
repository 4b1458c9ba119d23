"""The workers of a search: threads of this process, or the workers of a Dask cluster.

On a cluster the rows of each fold are sent once. A trial stays on the worker that began it; a trial
that is on another worker, or whose worker has died, is restarted and trained up to the same point,
with the same bits.
"""

from __future__ import annotations

import itertools
import threading
import uuid
import warnings
import weakref
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import joblib

from multilayer.engine.threads import available_threads, sharing
from multilayer.selection.folds import AllRows, FittedFold, fit_fold
from multilayer.selection.trials import FoldData, Trial

__all__ = ["LocalWorkers", "find_workers"]

_TIMEOUT = 600.0  # seconds for one step of a trial, or one fold
_MAX_RELEASED = 50  # trials that are no longer needed, before the workers are told

# On a worker: the trials that it holds, by search, candidate and fold.
_TRIALS: dict[str, Trial] = {}


class LocalWorkers:
    """The threads of this process.

    Attributes
    ----------
    n_threads : int
        The number of tasks that can run at a time.
    local : bool
        Whether they run in this process.
    """

    local = True

    def __init__(self, n_jobs: int | None) -> None:
        self.n_threads = n_jobs if n_jobs and n_jobs > 0 else available_threads()

    def send(self, folds: Sequence[FoldData]) -> list[FoldData]:
        """Return folds as the workers use them."""
        return list(folds)

    def fit_fold(self, model: Any, rows: AllRows, *arguments: Any) -> FittedFold:
        """Fit and score a model on a fold, see `multilayer.selection.folds.fit_fold`."""
        return fit_fold(model, *rows, *arguments)


@contextmanager
def find_workers(n_jobs: int | None) -> Iterator[Any]:
    """Yield the workers: under ``joblib.parallel_config("dask")``, those of its cluster.

    Raises
    ------
    TimeoutError
        If the cluster does not answer for ten minutes, or is gone.
    """
    client = getattr(joblib.parallel.get_active_backend()[0], "client", None)
    if client is None:
        yield LocalWorkers(n_jobs)
        return
    from multilayer.dask.cluster import check_client

    workers = _ClusterWorkers(check_client(client), n_jobs)
    try:
        yield workers
    except _ClusterGone as error:
        raise TimeoutError(f"the cluster does not do its work: {error}") from None
    finally:
        workers.release_all()


class _ClusterGone(BaseException):
    """The cluster does not answer; unlike the failure of a candidate, this ends a search."""


class _ClusterWorkers:
    """The workers of a cluster."""

    local = False

    def __init__(self, client: Any, n_jobs: int | None) -> None:
        self._client, self._name = client, uuid.uuid4().hex
        workers = client.scheduler_info()["workers"].values()
        threads = sum(worker["nthreads"] for worker in workers)
        if not threads:
            raise ValueError("the cluster must have a worker, but has none")
        self.n_threads = min(threads, n_jobs) if n_jobs and n_jobs > 0 else threads
        self._numbers, self._released = itertools.count(), list[str]()
        self._rows: _Sent | None = None
        self._lock = threading.Lock()

    def send(self, folds: Sequence[FoldData]) -> list[FoldData]:
        """Send folds to the cluster, once."""
        return [_RemoteFold(self, _Sent(self._client, fold)) for fold in folds]

    def fit_fold(self, model: Any, rows: AllRows, *arguments: Any) -> FittedFold:
        """Fit and score a model on a fold of rows that are sent once."""
        with self._lock:
            if self._rows is None or self._rows.value is not rows:
                self._rows = _Sent(self._client, rows)
        split, scorer, _, *curves = arguments
        fitted: FittedFold = self.call(_fit_fold, self._rows, model, split, scorer, *curves)
        return fitted

    def call(self, function: Any, sent: _Sent, *arguments: Any, preferred: str = "") -> Any:
        """Call a function on a worker, and return its result.

        Parameters
        ----------
        function : callable
        sent : _Sent
            Its first argument.
        *arguments
            Its other arguments.
        preferred : str
            The address of the worker that should be used, if it is still there.
        """
        from multilayer.dask.cluster import results_of, retry

        client = self._client
        if len(self._released) >= _MAX_RELEASED:
            keys, self._released = self._released, []
            self._tell(_forget, keys)

        def submit() -> Any:
            where: dict[str, Any] = {}
            if preferred in client.scheduler_info()["workers"]:
                where = {"workers": [preferred], "allow_other_workers": True}
            future = client.submit(function, sent.future(), *arguments, pure=False, **where)
            return results_of(client, [future], _TIMEOUT)[0]

        try:
            return retry(client, submit, _TIMEOUT)
        except TimeoutError as error:
            raise _ClusterGone(str(error)) from error
        except ValueError as error:
            if client.status in ("closing", "closed"):
                raise _ClusterGone(str(error)) from error
            raise

    def new_key(self) -> str:
        """Return a name for a trial that no other trial has."""
        return f"{self._name}-{next(self._numbers)}"

    def release(self, key: str) -> None:
        """Record that a trial is no longer needed; the workers are notified from time to time."""
        self._released.append(key)  # no more than that: this may be called at any moment

    def release_all(self) -> None:
        """Let the workers forget all trials of this search."""
        self._tell(_forget_all, self._name)

    def _tell(self, function: Any, argument: Any) -> None:
        if self._client.status == "running":
            self._client.run(function, argument, on_error="ignore")


class _Sent:
    """A value on the cluster, which is sent again if the cluster has lost it."""

    def __init__(self, client: Any, value: Any) -> None:
        self.value, self._client, self._lock = value, client, threading.Lock()
        self._future: Any = None

    def future(self) -> Any:
        with self._lock:
            if self._future is None or self._future.status in ("cancelled", "lost", "error"):
                (self._future,) = self._client.scatter([self.value], hash=False)
            return self._future


class _RemoteFold(FoldData):
    """A fold whose rows are on the cluster."""

    def __init__(self, cluster: _ClusterWorkers, rows: _Sent) -> None:
        self.cluster, self.rows = cluster, rows

    def start(self, params: dict[str, Any]) -> Trial:
        return _RemoteTrial(self, params)


class _RemoteTrial(Trial):
    """A trial that a worker holds."""

    def __init__(self, fold: _RemoteFold, params: dict[str, Any]) -> None:
        self._fold, self._params, self._key = fold, params, fold.cluster.new_key()
        self._last_until, self._worker = 0, ""
        work, n_parameters = self._call("sizes")
        self._work, self._n_parameters = float(work), int(n_parameters)
        weakref.finalize(self, fold.cluster.release, self._key)

    def go_on(self, until: int) -> int:
        epochs = int(self._call("go_on", until))
        self._last_until = until
        return epochs

    def score(self, scorer: Any) -> float:
        return float(self._call("score", scorer))

    @property
    def work(self) -> float:
        return self._work

    @property
    def n_parameters(self) -> int:
        return self._n_parameters

    def _call(self, method: str, *arguments: Any) -> Any:
        call = (self._key, self._params, self._last_until, method, arguments)
        result, self._worker = self._fold.cluster.call(
            _call_trial, self._fold.rows, call, preferred=self._worker
        )
        return result


def _call_trial(fold: FoldData, call: tuple[Any, ...]) -> tuple[Any, str]:
    """Call a method of a trial, begin it first if it is not here; return the worker's address too.

    The method "sizes" stands for the properties `work` and `n_parameters`.
    """
    from distributed import get_worker

    key, params, last_until, method, arguments = call
    with sharing(1):
        trial = _TRIALS.pop(key, None)  # held by nobody while it is worked on: an error loses it
        if trial is None:
            trial = fold.start(params)
            if last_until:
                trial.go_on(last_until)
        if method == "sizes":
            result: Any = trial.work, trial.n_parameters
        else:
            result = getattr(trial, method)(*arguments)
    _TRIALS[key] = trial
    return result, get_worker().address


def _fit_fold(rows: AllRows, model: Any, split: Any, scorer: Any, *curves: Any) -> Any:
    with sharing(1), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of all folds alike, as in threads
        return fit_fold(model, *rows, split, scorer, threading.Event(), *curves)


def _forget(keys: list[str]) -> None:
    for key in keys:
        _TRIALS.pop(key, None)


def _forget_all(name: str) -> None:
    _forget([key for key in list(_TRIALS) if key.startswith(name)])
