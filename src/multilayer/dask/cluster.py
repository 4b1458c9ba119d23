"""Sums over parts that are stored on the workers of a cluster, even if workers are lost.

A part is the result of a pure task: if its worker dies, the scheduler has the part computed again
from its source. On each worker, an actor holds its parts: calling it takes less than half the time
of a task. A call whose result is lost is repeated.
"""

from __future__ import annotations

import time
from asyncio import CancelledError
from collections.abc import Callable, Collection, Iterator, Sequence
from concurrent.futures import CancelledError as FutureCancelled
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np
from distributed import Client, Future, KilledWorker, get_client, get_worker, wait
from distributed.comm import CommClosedError
from distributed.protocol import pickle

from multilayer.engine.threads import sharing
from multilayer.shards.data import (
    TOGETHER,
    OfShard,
    Shard,
    Shards,
    Sums,
    added_up,
    sum_in_order,
)

__all__ = ["ClusterShards", "check_client", "forget", "is_broken", "results_of", "retry"]

# What a cluster raises when workers or connections are lost, rather than when a task is wrong.
LOST = (CancelledError, FutureCancelled, KilledWorker, CommClosedError, OSError)
_SHUT_DOWN = "cannot schedule new futures after"  # a task that came to a worker as it left
_MAX_GATHERED = 1 << 26  # bytes that are gathered and added up here; more are added on the workers
_POLL = 1.0  # seconds between two checks whether a worker is still there
_PAUSE = 0.2  # seconds before the next try
_T = TypeVar("_T")


class _TaskFailed(Exception):
    """A task has raised an error itself, for example about a file: nothing was lost."""

    def __init__(self, error: Exception) -> None:
        super().__init__(str(error))
        self.error = error


@contextmanager
def _at_risk(what: str) -> Iterator[None]:
    """Treat any error of distributed as a loss: which one it raises depends on the moment.

    A worker that leaves while data are sent to it is a KeyError or an AssertionError of the
    scheduler; one that shuts down is a RuntimeError of an executor; a closed client is an
    AttributeError or an error of its own class.
    """
    try:
        yield
    except (_TaskFailed, MemoryError, *LOST):  # TimeoutError is an OSError, too
        raise
    except Exception as error:
        raise OSError(f"{what}: {type(error).__name__}: {error}") from error


class ClusterShards(Shards):
    """Rows in parts on the workers of a cluster.

    Parameters
    ----------
    client : distributed.Client
    make : callable
        Submits the tasks that make the parts; returns a future of a Shard for each.
    timeout : float
        Seconds within which the cluster must finish something.
    **options
        Passed to `Shards`.
    """

    def __init__(
        self, client: Client, make: Callable[[], list[Future]], timeout: float, **options: Any
    ) -> None:
        super().__init__(**options)
        self._client, self._make, self._timeout = client, make, timeout
        self._parts: list[Future] = []
        self._holders: list[_Holder] = []

    def total(self, function: OfShard, *arguments: Any) -> Sums:
        """Compute the sum of function(shard, *arguments) over the parts, in a fixed order."""
        pickle.dumps(function)  # an error of it is raised here rather than taken for a loss

        def attempt() -> Sums:
            self._parts = self._parts or self._make()
            large = _nbytes(arguments) * len(self._parts) > _MAX_GATHERED
            return (self._sum_on_workers if large else self._sum_here)(function, arguments)

        return retry(self._client, attempt, self._timeout, self._recover)

    def _sum_here(self, function: OfShard, arguments: tuple[Any, ...]) -> Sums:
        """Call the actors, which does not involve the scheduler, and add up their vectors."""
        found: dict[int, Sums] = {}
        call = pickle.dumps((function, arguments))  # once for all actors
        self._holders = self._holders or self._start_actors()
        with _at_risk("a worker is gone"):
            pending = [(holder, holder.actor.vectors(call)) for holder in self._holders]
        for holder, answer in pending:
            found.update(zip(holder.parts, self._result(holder, answer), strict=True))
        return added_up([found[i] for i in range(len(self._parts))])

    def _sum_on_workers(self, function: OfShard, arguments: tuple[Any, ...]) -> Sums:
        """Add up on the workers: the vectors are too large to be gathered here."""
        client = self._client
        with _at_risk("the arguments cannot be sent"):
            (sent,) = client.scatter([arguments], hash=False, timeout=self._timeout)
            parts = self._parts
            sums = [client.submit(_on_part, function, part, sent, pure=False) for part in parts]
            while len(sums) > 1:
                starts = range(0, len(sums), TOGETHER)
                sums = [
                    client.submit(sum_in_order, sums[start : start + TOGETHER], pure=False)
                    for start in starts
                ]
        total: Sums = results_of(client, sums, self._timeout)[0]
        return total

    def _start_actors(self) -> list[_Holder]:
        """Start an actor on each worker, for the parts that it stores."""
        client = self._client
        results_of(client, self._parts, self._timeout, keep=True)
        places: dict[str, list[int]] = {}
        with _at_risk("the actors cannot be started"):
            where = client.who_has(self._parts)
            for i, part in enumerate(self._parts):
                holders = sorted(where.get(part.key, ()))
                if not holders:
                    raise OSError(f"part {i} is on no worker")
                places.setdefault(holders[0], []).append(i)
            futures = [
                client.submit(_Actor, [self._parts[i] for i in numbers], actor=True,
                              workers=[address], pure=False)
                for address, numbers in places.items()
            ]  # fmt: skip
        actors = results_of(client, futures, self._timeout, bound_to=places)
        started = zip(places.items(), futures, actors, strict=True)
        return [
            _Holder(address, numbers, future, actor)
            for (address, numbers), future, actor in started
        ]

    def _result(self, holder: _Holder, answer: Any) -> list[Sums]:
        """Wait for the result of an actor; OSError if it is gone, TimeoutError if none comes."""
        deadline = time.monotonic() + self._timeout
        while True:
            try:
                vectors: list[Sums] | Exception = answer.result(timeout=_POLL)
                break
            except TimeoutError as error:
                # Once it is done, this is the error of a connection.
                if answer.done() or holder.future.status != "finished":
                    raise OSError(f"worker {holder.address} is gone") from error
                _check_present(self._client, [holder.address])
                if time.monotonic() > deadline:
                    raise TimeoutError(
                        f"worker {holder.address} has not answered for {self._timeout:g} s"
                    ) from None
            except Exception as error:  # of a worker that shuts down, a RuntimeError among others
                raise OSError(f"worker {holder.address} is gone: {error}") from error
        if isinstance(vectors, Exception):
            raise _TaskFailed(vectors)
        return vectors

    def _recover(self) -> None:
        self._holders = []
        if is_broken(self._parts):
            forget(self._client, self._parts)
            self._parts = []


def retry(
    client: Client,
    function: Callable[[], _T],
    timeout: float,
    recover: Callable[[], None] = lambda: None,
) -> _T:
    """Call a function again as long as the cluster loses something on the way.

    Parameters
    ----------
    client : distributed.Client
    function : callable
        Returns what is wanted.
    timeout : float
        Seconds from the first loss after which another one is no longer made good.
    recover : callable
        Called before each further try.

    Raises
    ------
    TimeoutError
        If the function has not succeeded within `timeout` seconds from the first loss.
    ValueError
        If the client is closed.
    """
    deadline = np.inf
    while True:
        try:
            with client.as_current():  # some functions of distributed look it up
                return function()
        except TimeoutError:  # an OSError, too
            raise
        except _TaskFailed as failed:
            raise failed.error from None
        except LOST as error:
            if client.status in ("closing", "closed"):
                raise ValueError(f"the client must be connected, but is {client.status}") from error
            deadline = min(deadline, time.monotonic() + timeout)  # from the first loss
            if time.monotonic() > deadline:
                raise TimeoutError(
                    f"the cluster lost results again and again for {timeout:g} s: {error}"
                ) from error
            time.sleep(_PAUSE)
            if client.status == "running":
                recover()


def results_of(
    client: Client,
    futures: Sequence[Future],
    timeout: float,
    keep: bool = False,
    bound_to: Collection[str] = (),
) -> list[Any]:
    """Wait for futures, and return their results; with `keep`, leave these on the workers.

    To be called by `retry`.

    Parameters
    ----------
    client : distributed.Client
    futures : sequence of Future
    timeout : float
        Seconds.
    keep : bool, default=False
    bound_to : collection of str
        Addresses of the workers that alone may do the tasks: without them they wait for ever.

    Raises
    ------
    TimeoutError
        If for `timeout` seconds none of the remaining futures has finished.
    """
    try:
        with _at_risk("the results are lost"):
            _wait(client, futures, timeout, bound_to)
            return [] if keep else list(client.gather(futures))
    except BaseException:
        if not keep:
            forget(client, futures)
        raise


def is_broken(futures: Sequence[Future]) -> bool:
    """Whether one of these futures will have no result."""
    return any(future.status in ("cancelled", "lost", "error") for future in futures)


def forget(client: Client, futures: Sequence[Future]) -> None:
    """Make the scheduler forget tasks, and the errors of those that only they depend on.

    A task during which several workers died counts as their killer: as long as anyone wants it, it
    is not tried again. Exceptions keep futures alive, so it is not enough to drop them.
    """
    with suppress(Exception):  # the error is known already
        client.cancel(list(futures))


def _wait(
    client: Client, futures: Sequence[Future], timeout: float, bound_to: Collection[str]
) -> None:
    left, since = len(futures), time.monotonic()
    while True:
        try:
            wait(futures, timeout=min(_POLL, timeout))
            break
        except TimeoutError:
            _check_present(client, bound_to)
            before, left = left, sum(not future.done() for future in futures)
            if left < before:
                since = time.monotonic()
            elif time.monotonic() - since >= timeout:
                raise TimeoutError(
                    f"the cluster has not finished anything for {timeout:g} s: {left} task(s) "
                    f"are left, and it has {len(client.nthreads())} worker(s)"
                ) from None
    for future in futures:
        error = future.exception() if future.status == "error" else None
        if error is not None:
            raise OSError(f"a worker is gone: {error}") if _is_loss(error) else _TaskFailed(error)


def _is_loss(error: Exception) -> bool:
    """Whether a task failed since its worker did; a file may raise any other OSError."""
    if isinstance(error, OSError):
        return isinstance(error, ConnectionError | CommClosedError)
    return isinstance(error, LOST) or _SHUT_DOWN in str(error)


def _check_present(client: Client, addresses: Collection[str]) -> None:
    """Raise OSError if one of these workers has left."""
    workers = client.nthreads() if addresses else {}
    for address in addresses:
        if address not in workers:
            raise OSError(f"worker {address} is gone")


def check_client(client: Client | None) -> Client:
    """Return the client, by default the active one; ValueError if there is none or it is closed."""
    if client is None:
        try:
            client = get_client()
        except ValueError:
            raise ValueError(
                "there must be a Dask client: make one, distributed.Client(...), or pass client"
            ) from None
    if not isinstance(client, Client):
        raise TypeError(f"client must be a distributed.Client, got {type(client).__name__}")
    if client.status != "running":
        raise ValueError(f"the client must be connected, but is {client.status}")
    return client


def _on_part(function: OfShard, part: Shard, arguments: tuple[Any, ...]) -> Sums:
    with sharing(1):
        return function(part, *arguments)


class _Actor:
    """Lives on a worker, and computes the vectors of the parts there, one after the other."""

    def __init__(self, parts: Sequence[Shard]) -> None:
        self._parts, self._n_threads = parts, get_worker().state.nthreads

    def vectors(self, call: bytes) -> list[Sums] | Exception:
        """Compute the vectors; an error of the function is returned, as a loss would be raised."""
        function, arguments = pickle.loads(call)
        try:
            with sharing(self._n_threads):
                return [function(part, *arguments) for part in self._parts]
        except Exception as error:
            return error


@dataclass(frozen=True)
class _Holder:
    """An actor, its worker, and the parts that it holds."""

    address: str
    parts: list[int]
    future: Future
    actor: Any


def _nbytes(arguments: Any) -> int:
    """Return the number of bytes of the arrays among arguments."""
    if isinstance(arguments, np.ndarray):
        return int(arguments.nbytes)
    return sum(map(_nbytes, arguments)) if isinstance(arguments, list | tuple) else 0
