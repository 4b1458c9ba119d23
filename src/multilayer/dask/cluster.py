"""Sums over parts that lie on the workers of a cluster, even if workers are lost.

A part is the result of a pure task: if its worker dies, the scheduler has the part computed again
from its source. On each worker an actor holds the parts that lie there: calling it takes less than
half the time of a task. A call whose result is lost is made again.
"""

from __future__ import annotations

import time
from asyncio import CancelledError
from collections.abc import Callable, Sequence
from concurrent.futures import CancelledError as FutureCancelled
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

__all__ = ["ClusterShards", "check_client", "results_of", "retry"]

# What a cluster raises when workers or connections are lost, rather than when a task is wrong.
LOST = (CancelledError, FutureCancelled, KilledWorker, CommClosedError, OSError)
_MAX_GATHERED = 1 << 26  # bytes that are gathered and added up here; more are added on the workers
_POLL = 1.0  # seconds between two checks whether a worker is still there
_PAUSE = 0.2  # seconds before the next try
_T = TypeVar("_T")


class _TaskFailed(Exception):
    """A task has raised an OSError of its own, say of a file: nothing was lost."""

    def __init__(self, error: OSError) -> None:
        super().__init__(str(error))
        self.error = error


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
        self._parts = make()
        self._holders: list[_Holder] = []

    def total(self, function: OfShard, *arguments: Any) -> Sums:
        """Compute the sum of function(shard, *arguments) over the parts, in a fixed order."""
        large = _nbytes(arguments) * len(self._parts) > _MAX_GATHERED
        sum_up = self._sum_on_workers if large else self._sum_here
        return retry(
            self._client, lambda: sum_up(function, arguments), self._timeout, self._recover
        )

    def _sum_here(self, function: OfShard, arguments: tuple[Any, ...]) -> Sums:
        """Call the actors, which does not involve the scheduler, and add up their vectors."""
        found: dict[int, Sums] = {}
        # Pickled once for all actors; and an error of it is raised here rather than lost.
        call = pickle.dumps((function, arguments))
        self._holders = self._holders or self._start_actors()
        try:
            pending = [(holder, holder.actor.vectors(call)) for holder in self._holders]
        except RuntimeError as error:  # so distributed reports a lost worker
            raise OSError(f"a worker is gone: {error}") from error
        for holder, answer in pending:
            found.update(zip(holder.parts, self._result(holder, answer), strict=True))
        return added_up([found[i] for i in range(len(self._parts))])

    def _sum_on_workers(self, function: OfShard, arguments: tuple[Any, ...]) -> Sums:
        """Add up on the workers: the vectors are too large to be gathered here."""
        client = self._client
        (sent,) = client.scatter([arguments], hash=False)
        sums = [client.submit(_on_part, function, part, sent, pure=False) for part in self._parts]
        while len(sums) > 1:
            starts = range(0, len(sums), TOGETHER)
            sums = [
                client.submit(sum_in_order, sums[start : start + TOGETHER], pure=False)
                for start in starts
            ]
        total: Sums = results_of(client, sums, self._timeout)[0]
        return total

    def _start_actors(self) -> list[_Holder]:
        """Start an actor on each worker, for the parts that lie there."""
        client = self._client
        results_of(client, self._parts, self._timeout, keep=True)
        places: dict[str, list[int]] = {}
        where = client.who_has(self._parts)
        for i, part in enumerate(self._parts):
            holders = sorted(where[part.key])
            if not holders:
                raise OSError(f"part {i} is on no worker")
            places.setdefault(holders[0], []).append(i)
        futures = [
            client.submit(
                _Actor, [self._parts[i] for i in numbers], actor=True, workers=[address], pure=False
            )
            for address, numbers in places.items()
        ]
        actors = results_of(client, futures, self._timeout)
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
                here = holder.address in self._client.scheduler_info()["workers"]
                if not here or holder.future.status != "finished":
                    raise OSError(f"worker {holder.address} is gone") from error
                if time.monotonic() > deadline:
                    raise TimeoutError(
                        f"worker {holder.address} has not answered for {self._timeout:g} s"
                    ) from None
            except Exception as error:  # of a worker that shuts down, a RuntimeError among others
                raise OSError(f"worker {holder.address} is gone: {error}") from error
        if isinstance(vectors, OSError):
            raise _TaskFailed(vectors)
        if isinstance(vectors, Exception):
            raise vectors
        return vectors

    def _recover(self) -> None:
        self._holders = []
        if any(part.status in ("cancelled", "lost", "error") for part in self._parts):
            self._parts = self._make()


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
        Seconds after which a loss is no longer made good.
    recover : callable
        Called before each further try.

    Raises
    ------
    TimeoutError
        If the function has not succeeded within `timeout` seconds.
    ValueError
        If the client is closed.
    """
    deadline = time.monotonic() + timeout
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
            if time.monotonic() > deadline:
                raise TimeoutError(
                    f"the cluster lost results again and again for {timeout:g} s: {error}"
                ) from error
            time.sleep(_PAUSE)
            if client.status == "running":
                recover()


def results_of(
    client: Client, futures: Sequence[Future], timeout: float, keep: bool = False
) -> list[Any]:
    """Wait for futures, and return their results; with `keep`, leave these on the workers.

    Raises
    ------
    TimeoutError
        If for `timeout` seconds none of the remaining futures has finished.
    """
    left = len(futures)
    try:
        while True:
            try:
                wait(futures, timeout=timeout)
                for error in (f.exception() for f in futures if f.status == "error"):
                    ours = isinstance(error, OSError) and not isinstance(
                        error, ConnectionError | CommClosedError
                    )
                    raise _TaskFailed(error) if ours else error
                return [] if keep else list(client.gather(futures))
            except TimeoutError:
                before, left = left, sum(not future.done() for future in futures)
                if left == before:
                    n = len(client.scheduler_info()["workers"])
                    raise TimeoutError(
                        f"the cluster has not finished anything for {timeout:g} s: {left} task(s) "
                        f"are left, and it has {n} worker(s)"
                    ) from None
    except BaseException:
        if not keep:
            client.cancel(list(futures))
        raise


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
