"""Who does the work of a search: threads here, or the workers of a Dask cluster.

On a cluster the rows of each fold are sent once. A training stays on the worker that began it; one
that lies elsewhere, or has died, is begun again from its start to where it was: the same bits.
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
from multilayer.selection.folds import FittedFold, fit_fold
from multilayer.selection.trials import FoldData, Run

__all__ = ["Crew", "crew"]

_TIMEOUT = 600.0  # seconds for one instalment, or one fold
_FORGOTTEN = 50  # trainings that are out, before the workers are told

# On a worker: the trainings that it has, by search, candidate and fold.
_RUNS: dict[str, Run] = {}


class Crew:
    """The threads of this process.

    Attributes
    ----------
    n_threads : int
        How many pieces of work can be done at a time.
    local : bool
        Whether they are done here.
    """

    local = True

    def __init__(self, n_jobs: int | None) -> None:
        self.n_threads = n_jobs if n_jobs and n_jobs > 0 else available_threads()

    def sent(self, folds: Sequence[FoldData]) -> list[FoldData]:
        """Give folds as the crew works on them."""
        return list(folds)

    def fit_fold(self, model: Any, rows: tuple[Any, Any, Any], *arguments: Any) -> FittedFold:
        """Train a model on a fold's rows and judge it, see `multilayer.selection.folds`."""
        return fit_fold(model, *rows, *arguments)


@contextmanager
def crew(n_jobs: int | None) -> Iterator[Any]:
    """Give who is to work: under ``joblib.parallel_config("dask")`` the workers of its cluster.

    Raises
    ------
    TimeoutError
        If the cluster gives no answer for ten minutes, or is gone.
    """
    client = getattr(joblib.parallel.get_active_backend()[0], "client", None)
    if client is None:
        yield Crew(n_jobs)
        return
    from multilayer.dask.cluster import check_client

    there = _Cluster(check_client(client), n_jobs)
    try:
        yield there
    except _Gone as error:
        raise TimeoutError(f"the cluster does not do its work: {error}") from None
    finally:
        there.forget_all()


class _Gone(BaseException):
    """The cluster is; no failure of a candidate, which a search would go on after."""


class _Cluster:
    """The workers of a cluster."""

    local = False

    def __init__(self, client: Any, n_jobs: int | None) -> None:
        self._client, self._name = client, uuid.uuid4().hex
        workers = client.scheduler_info()["workers"].values()
        threads = sum(worker["nthreads"] for worker in workers)
        if not threads:
            raise ValueError("the cluster must have a worker, but has none")
        self.n_threads = min(threads, n_jobs) if n_jobs and n_jobs > 0 else threads
        self._numbers, self._out = itertools.count(), list[str]()
        self._rows: _Sent | None = None
        self._lock = threading.Lock()

    def sent(self, folds: Sequence[FoldData]) -> list[FoldData]:
        """Send folds to the cluster, once."""
        return [_FoldThere(self, _Sent(self._client, fold)) for fold in folds]

    def fit_fold(self, model: Any, rows: tuple[Any, Any, Any], *arguments: Any) -> FittedFold:
        """Train a model on a fold's rows, which are sent once, and judge it."""
        with self._lock:
            if self._rows is None or self._rows.what is not rows:
                self._rows = _Sent(self._client, rows)
        split, scorer, _, *curves = arguments
        fitted: FittedFold = self.do(_fit_fold, self._rows, model, split, scorer, *curves)
        return fitted

    def do(self, function: Any, sent: _Sent, *arguments: Any, near: str = "") -> Any:
        """Have a function called on a worker, if it can be on the one that did a task."""
        from multilayer.dask.cluster import asked_again, finished

        client = self._client
        if len(self._out) >= _FORGOTTEN:
            keys, self._out = self._out, []
            self._tell(_forget, keys)

        def ask() -> Any:
            where: dict[str, Any] = {}
            if near in client.scheduler_info()["workers"]:
                where = {"workers": [near], "allow_other_workers": True}
            future = client.submit(function, sent.there(), *arguments, pure=False, **where)
            return finished(client, [future], _TIMEOUT)[0]

        try:
            return asked_again(client, ask, _TIMEOUT)
        except TimeoutError as error:
            raise _Gone(str(error)) from error
        except ValueError as error:
            if client.status in ("closing", "closed"):
                raise _Gone(str(error)) from error
            raise

    def key(self) -> str:
        """Give a training a name that no other has."""
        return f"{self._name}-{next(self._numbers)}"

    def out(self, key: str) -> None:
        """Note that a training is no longer needed; the workers are told now and then."""
        self._out.append(key)  # no more than that: this may be called at any moment

    def forget_all(self) -> None:
        """Have the workers forget all trainings of this search."""
        self._tell(_forget_all, self._name)

    def _tell(self, function: Any, argument: Any) -> None:
        if self._client.status == "running":
            self._client.run(function, argument, on_error="ignore")


class _Sent:
    """Something that is on the cluster; sent again, where that has lost it."""

    def __init__(self, client: Any, what: Any) -> None:
        self.what, self._client, self._lock = what, client, threading.Lock()
        self._future: Any = None

    def there(self) -> Any:
        with self._lock:
            if self._future is None or self._future.status in ("cancelled", "lost", "error"):
                (self._future,) = self._client.scatter([self.what], hash=False)
            return self._future


class _FoldThere(FoldData):
    """A fold whose rows are on the cluster."""

    def __init__(self, cluster: _Cluster, rows: _Sent) -> None:
        self.cluster, self.rows = cluster, rows

    def start(self, params: dict[str, Any]) -> Run:
        return _RunThere(self, params)


class _RunThere(Run):
    """A training that goes on on a worker."""

    def __init__(self, fold: _FoldThere, params: dict[str, Any]) -> None:
        self._fold, self._params, self._key = fold, params, fold.cluster.key()
        self._epochs, self._worker = 0, ""
        work, n_parameters = self._do("about")
        self._work, self._n_parameters = float(work), int(n_parameters)
        weakref.finalize(self, fold.cluster.out, self._key)

    def go_on(self, until: int) -> int:
        self._epochs = int(self._do("go_on", until))
        self._reached = until
        return self._epochs

    def score(self, scorer: Any) -> float:
        return float(self._do("score", scorer))

    @property
    def work(self) -> float:
        return self._work

    @property
    def n_parameters(self) -> int:
        return self._n_parameters

    _reached = 0  # the last `until`

    def _do(self, what: str, *arguments: Any) -> Any:
        wanted = (self._key, self._params, self._reached, what, arguments)
        said, self._worker = self._fold.cluster.do(
            _instalment, self._fold.rows, wanted, near=self._worker
        )
        return said


def _instalment(fold: FoldData, wanted: tuple[Any, ...]) -> tuple[Any, str]:
    """Do something to a training, which is made where it is not here; say where this is."""
    from distributed import get_worker

    key, params, reached, what, arguments = wanted
    with sharing(1):
        run = _RUNS.pop(key, None)  # while it is worked on it is nobody's: an error loses it
        if run is None:
            run = fold.start(params)
            if reached:
                run.go_on(reached)
        said = (run.work, run.n_parameters) if what == "about" else getattr(run, what)(*arguments)
    _RUNS[key] = run
    return said, get_worker().address


def _fit_fold(rows: tuple[Any, Any, Any], model: Any, split: Any, scorer: Any, *curves: Any) -> Any:
    with sharing(1), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of all folds alike, as in threads
        return fit_fold(model, *rows, split, scorer, threading.Event(), *curves)


def _forget(keys: list[str]) -> None:
    for key in keys:
        _RUNS.pop(key, None)


def _forget_all(name: str) -> None:
    _forget([key for key in _RUNS if key.startswith(name)])
