"""Tasks in threads: a bounded number of workers that share the engine's threads."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from typing import Any, Generic, TypeVar

from multilayer.engine.threads import sharing

__all__ = ["TaskPool"]

_PAUSE = 0.1  # seconds
Result = TypeVar("Result")


class TaskPool(Generic[Result]):
    """Run tasks in threads, a bounded number at a time; each pool runs once.

    Parameters
    ----------
    n_workers : int
        The largest number of tasks that run at a time.
    n_threads : int
        The threads of the engine, which the running tasks share.

    Attributes
    ----------
    results : list of Result or None
        What the tasks have returned, in their order; None for a task that has not finished.
    stop : threading.Event
        Set when no further task may begin: after Ctrl-C, or when a task has raised an exception. A
        long task should check it and return early.
    """

    def __init__(self, n_workers: int, n_threads: int) -> None:
        self.results: list[Result | None] = []
        self.stop = threading.Event()
        self._n_workers, self._n_threads = n_workers, n_threads
        # No task begins before all workers have been started: otherwise Ctrl-C while a thread is
        # being started would leave it running a task that nobody stops or waits for.
        self._started = threading.Event()
        self._n_left = 0
        self._errors: dict[int, BaseException] = {}
        self._lock = threading.Lock()

    def share(self) -> int:
        """Return the number of the engine's threads that each running task may use now.

        It grows towards the end, when the last tasks get the threads that the others no longer
        need.
        """
        return max(1, self._n_threads // max(1, min(self._n_workers, self._n_left)))

    def run(
        self, task: Callable[..., Result], arguments: Sequence[Iterable[Any]]
    ) -> list[Result | None]:
        """Call a function once for each element of a sequence, and wait for all of the calls.

        The calls begin in the order of the sequence. Within each, the engine uses `share()`
        threads, as many as that was when the call began.

        Parameters
        ----------
        task : callable
        arguments : sequence of iterable
            The positional arguments of each call.

        Returns
        -------
        list of Result or None
            `results`.

        Raises
        ------
        KeyboardInterrupt
            After Ctrl-C, as soon as the running tasks have ended.
        BaseException
            What a task has raised; of several exceptions that of the first task. The running tasks
            are completed first.
        """
        self.results = [None] * len(arguments)
        self._n_left = len(arguments)
        queue = iter(enumerate(arguments))
        workers: list[Future[None]] = []
        with ThreadPoolExecutor(self._n_workers) as threads:
            try:
                for _ in range(min(self._n_workers, len(arguments))):
                    workers.append(threads.submit(self._work, task, queue))
                self._started.set()
                _wait(workers)
            except BaseException:
                self.stop.set()
                self._started.set()
                _wait(workers)
                raise
        if self._errors:
            raise self._errors.pop(min(self._errors))
        return self.results

    def _work(
        self, task: Callable[..., Result], queue: Iterator[tuple[int, Iterable[Any]]]
    ) -> None:
        """Run one task of the queue after another."""
        self._started.wait()
        while not self.stop.is_set():
            with self._lock:
                number, arguments = next(queue, (-1, ()))
            if number < 0:
                return
            try:
                with sharing(self.share()):
                    self.results[number] = task(*arguments)
            except BaseException as error:
                self._errors[number] = error
                self.stop.set()
            with self._lock:
                self._n_left -= 1


def _wait(workers: Sequence[Future[None]]) -> None:
    # Wakes up from time to time: a thread that waits without a timeout can miss Ctrl-C.
    while wait(workers, _PAUSE).not_done:
        pass
