"""Sums over parts that lie on the workers of a cluster, whatever happens to these.

A part is the result of a pure task: where its worker dies, the scheduler has it made again from its
source. On each worker an actor holds the parts that lie there: to ask it takes less than half the
time of a task. What is lost on the way is asked for again.
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

__all__ = ["ClusterShards", "asked_again", "check_client", "finished"]

# What a cluster says where workers or connections were lost, not where a task is wrong.
LOST = (CancelledError, FutureCancelled, KilledWorker, CommClosedError, OSError)
_GATHERED = 1 << 26  # bytes that are added up here; more are, where they lie
_LOOK = 1.0  # seconds after which it is seen whether a worker is still there
_PAUSE = 0.2
_T = TypeVar("_T")


class _TaskFailed(Exception):
    """A task has said what is wrong with its file: nothing that was lost."""

    def __init__(self, error: OSError) -> None:
        super().__init__(str(error))
        self.error = error


class ClusterShards(Shards):
    """Rows in parts on the workers of a cluster.

    Parameters
    ----------
    client : distributed.Client
    make : callable
        Asks for the parts: gives a future of a Shard for each.
    timeout : float
        Seconds in which something must come back, when anything is asked for.
    **about
        For `Shards`.
    """

    def __init__(
        self, client: Client, make: Callable[[], list[Future]], timeout: float, **about: Any
    ) -> None:
        super().__init__(**about)
        self._client, self._make, self._timeout = client, make, timeout
        self._parts = make()
        self._holders: list[_Held] = []

    def total(self, function: OfShard, *arguments: Any) -> Sums:
        """Sum of function(shard, *arguments) over the parts, in a fixed order."""
        large = _nbytes(arguments) * len(self._parts) > _GATHERED
        way = self._added_there if large else self._added_here
        return asked_again(
            self._client, lambda: way(function, arguments), self._timeout, self._mend
        )

    def _added_here(self, function: OfShard, arguments: tuple[Any, ...]) -> Sums:
        """Ask the holders, who need no scheduler in between, and add up what they say."""
        found: dict[int, Sums] = {}
        # Once for all; and what cannot be sent is said here, not nowhere.
        wanted = pickle.dumps((function, arguments))
        self._holders = self._holders or self._hold()
        try:
            asked = [(held, held.actor.vectors(wanted)) for held in self._holders]
        except RuntimeError as error:  # as distributed says it
            raise OSError(f"a worker is gone: {error}") from error
        for held, answer in asked:
            found.update(zip(held.parts, self._answer(held, answer), strict=True))
        return added_up([found[i] for i in range(len(self._parts))])

    def _added_there(self, function: OfShard, arguments: tuple[Any, ...]) -> Sums:
        """Add up on the workers: vectors too large for all of them to come here."""
        client = self._client
        (given,) = client.scatter([arguments], hash=False)
        sums = [client.submit(_on_part, function, part, given, pure=False) for part in self._parts]
        while len(sums) > 1:
            starts = range(0, len(sums), TOGETHER)
            sums = [
                client.submit(sum_in_order, sums[start : start + TOGETHER], pure=False)
                for start in starts
            ]
        total: Sums = finished(client, sums, self._timeout)[0]
        return total

    def _hold(self) -> list[_Held]:
        """Let a holder on each worker have the parts that lie there."""
        client = self._client
        finished(client, self._parts, self._timeout, keep=True)
        places: dict[str, list[int]] = {}
        where = client.who_has(self._parts)
        for i, part in enumerate(self._parts):
            holders = sorted(where[part.key])
            if not holders:
                raise OSError(f"part {i} is on no worker")
            places.setdefault(holders[0], []).append(i)
        futures = [
            client.submit(
                _Holder, [self._parts[i] for i in held], actor=True, workers=[address], pure=False
            )
            for address, held in places.items()
        ]
        actors = finished(client, futures, self._timeout)
        held = zip(places.items(), futures, actors, strict=True)
        return [_Held(place, parts, future, actor) for (place, parts), future, actor in held]

    def _answer(self, held: _Held, answer: Any) -> list[Sums]:
        """Wait for what a holder says; OSError if it is gone, TimeoutError if it says nothing."""
        ends = time.monotonic() + self._timeout
        while True:
            try:
                vectors: list[Sums] = answer.result(timeout=_LOOK)
                return vectors
            except TimeoutError as error:
                here = held.address in self._client.scheduler_info()["workers"]
                if not here or held.future.status != "finished":
                    raise OSError(f"worker {held.address} is gone") from error
                if time.monotonic() > ends:
                    raise TimeoutError(
                        f"worker {held.address} has not answered for {self._timeout:g} s"
                    ) from None

    def _mend(self) -> None:
        self._holders = []
        if any(part.status in ("cancelled", "lost", "error") for part in self._parts):
            self._parts = self._make()


def asked_again(
    client: Client,
    ask: Callable[[], _T],
    timeout: float,
    mend: Callable[[], None] = lambda: None,
) -> _T:
    """Ask for something until it comes, whatever is lost on the way.

    Raises
    ------
    TimeoutError
        If it does not come for `timeout` seconds.
    ValueError
        If the client is closed.
    """
    ends = time.monotonic() + timeout
    while True:
        try:
            with client.as_current():  # some of distributed's functions ask who that is
                return ask()
        except TimeoutError:  # an OSError, too
            raise
        except _TaskFailed as failed:
            raise failed.error from None
        except LOST as error:
            if client.status in ("closing", "closed"):
                raise ValueError(f"the client must be connected, but is {client.status}") from error
            if time.monotonic() > ends:
                raise TimeoutError(
                    f"the cluster lost what it was asked for, again and again for {timeout:g} s: "
                    f"{error}"
                ) from error
            time.sleep(_PAUSE)
            if client.status == "running":
                mend()


def finished(
    client: Client, futures: Sequence[Future], timeout: float, keep: bool = False
) -> list[Any]:
    """Wait for futures, and give their results; keep: leave these where they are.

    Raises
    ------
    TimeoutError
        If for `timeout` seconds none of those that are left has been finished.
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
    """Give the client, or the one that is active; ValueError if there is none, or it is closed."""
    if client is None:
        try:
            client = get_client()
        except ValueError:
            raise ValueError(
                "there must be a Dask client: make one, distributed.Client(...), or give client"
            ) from None
    if not isinstance(client, Client):
        raise TypeError(f"client must be a distributed.Client, got {type(client).__name__}")
    if client.status != "running":
        raise ValueError(f"the client must be connected, but is {client.status}")
    return client


def _on_part(function: OfShard, part: Shard, arguments: tuple[Any, ...]) -> Sums:
    with sharing(1):
        return function(part, *arguments)


class _Holder:
    """Lives on a worker, and computes vectors of the parts there, one after the other."""

    def __init__(self, parts: Sequence[Shard]) -> None:
        self._parts, self._n_threads = parts, get_worker().state.nthreads

    def vectors(self, wanted: bytes) -> list[Sums]:
        function, arguments = pickle.loads(wanted)
        with sharing(self._n_threads):
            return [function(part, *arguments) for part in self._parts]


@dataclass(frozen=True)
class _Held:
    """A holder, seen from here."""

    address: str
    parts: list[int]
    future: Future
    actor: Any


def _nbytes(arguments: Any) -> int:
    """Give how many bytes the arrays have among arguments."""
    if isinstance(arguments, np.ndarray):
        return int(arguments.nbytes)
    return sum(map(_nbytes, arguments)) if isinstance(arguments, list | tuple) else 0
