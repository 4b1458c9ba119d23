"""Tasks in threads: order of results, exceptions, Ctrl-C, and the threads that they share."""

import _thread
import os
import signal
import threading
import time

import pytest

from multilayer.engine.threads import share, sharing
from multilayer.training.tasks import TaskPool

SOON = 10.0  # seconds, after which a test fails rather than hangs


@pytest.fixture(autouse=True)
def no_thread_is_left_behind():
    before = set(threading.enumerate())
    yield
    assert set(threading.enumerate()) <= before


def numbers(n):
    return [(k,) for k in range(n)]


@pytest.mark.parametrize("n_workers", [1, 3, 20])
def test_results_are_in_the_order_of_the_tasks(n_workers):
    def task(k, factor):
        time.sleep(0.01 * (k % 3))
        return factor * k

    pool = TaskPool(n_workers, 1)
    assert pool.run(task, [(k, 10) for k in range(9)]) == [10 * k for k in range(9)]
    assert pool.results == [10 * k for k in range(9)]
    assert not pool.stop.is_set()


def test_nothing_to_do():
    assert TaskPool(3, 3).run(int, []) == []


@pytest.mark.parametrize("n_workers", [1, 2, 4])
def test_no_more_tasks_at_a_time_than_workers(n_workers):
    running, most, lock = 0, 0, threading.Lock()
    together = threading.Barrier(n_workers)

    def task(k):
        nonlocal running, most
        with lock:
            running += 1
            most = max(most, running)
        together.wait(SOON)
        with lock:
            running -= 1

    TaskPool(n_workers, 1).run(task, numbers(4 * n_workers))
    assert most == n_workers


def test_tasks_begin_in_their_order():
    begun = []
    TaskPool(1, 1).run(begun.append, numbers(20))
    assert begun == list(range(20))


def test_an_exception_stops_the_others():
    begun, waits = [], threading.Event()
    pool = TaskPool(2, 1)

    def task(k):
        begun.append(k)
        if k == 1:
            waits.wait(SOON)
            raise LookupError("task 1")
        waits.set()
        assert pool.stop.wait(SOON)
        return "ended early"

    with pytest.raises(LookupError, match="task 1"):
        pool.run(task, numbers(50))
    assert sorted(begun) == [0, 1]
    assert pool.results == ["ended early", *[None] * 49]


def test_of_several_exceptions_the_first_task_is_named():
    together = threading.Barrier(3)

    def task(k):
        together.wait(SOON)
        time.sleep(0.02 * (3 - k))  # the last one raises first
        raise ValueError(f"task {k}")

    with pytest.raises(ValueError, match="task 0"):
        TaskPool(3, 1).run(task, numbers(3))


class Gone(BaseException):
    """No Exception, as KeyboardInterrupt is none."""


@pytest.mark.parametrize("error", [Gone, KeyboardInterrupt, SystemExit])
def test_whatever_a_task_raises_comes_through(error):
    def task(k):
        if k == 2:
            raise error
        return k

    pool = TaskPool(1, 1)
    with pytest.raises(error):
        pool.run(task, numbers(5))
    assert pool.results == [0, 1, None, None, None]


def press_ctrl_c():
    os.kill(os.getpid(), signal.SIGINT)


@pytest.mark.parametrize("interrupt", [press_ctrl_c, _thread.interrupt_main])
@pytest.mark.parametrize("n_workers", [1, 3])
def test_ctrl_c_ends_the_running_tasks_and_keeps_what_has_finished(n_workers, interrupt):
    pool = TaskPool(n_workers, 1)
    begun = []

    def task(k):
        begun.append(k)
        if k == 0:
            return "finished"
        if k == 1:
            interrupt()
        if not pool.stop.wait(SOON):
            return "missed"
        time.sleep(0.05)  # is waited for
        return "ended early"

    began = time.perf_counter()
    with pytest.raises(KeyboardInterrupt):
        pool.run(task, numbers(30))
    assert time.perf_counter() - began < SOON / 2
    assert len(begun) <= n_workers + 1
    n = len(begun)
    assert pool.results == ["finished", *["ended early"] * (n - 1), *[None] * (30 - n)]


@pytest.mark.parametrize(
    ("n_workers", "n_threads", "n_tasks", "expected"),
    [
        (1, 6, 3, [6, 6, 6]),
        (3, 6, 3, [2, 2, 2]),
        (2, 6, 1, [6]),
        (4, 2, 4, [1, 1, 1, 1]),
    ],
)
def test_running_tasks_share_the_threads(n_workers, n_threads, n_tasks, expected):
    together = threading.Barrier(min(n_workers, n_tasks))
    pool = TaskPool(n_workers, n_threads)

    def task(k):
        together.wait(SOON)
        seen = share(), pool.share()
        together.wait(SOON)
        return seen

    assert pool.run(task, numbers(n_tasks)) == [(n, n) for n in expected]
    assert share() == 0


def test_the_last_task_has_the_threads_that_the_others_no_longer_need():
    pool = TaskPool(2, 8)
    others = threading.Event()

    def task(k):
        if k:
            others.wait(SOON)
            return pool.share()
        first = pool.share()
        others.set()
        ends = time.monotonic() + SOON
        while pool.share() < 8 and time.monotonic() < ends:
            time.sleep(0.001)
        return first, pool.share()

    assert pool.run(task, numbers(2)) == [(4, 8), 4]


def test_the_share_of_the_calling_thread_stays():
    with sharing(3):
        TaskPool(2, 8).run(str, numbers(2))
        assert share() == 3


def test_many_tasks_are_counted_rightly():
    pool = TaskPool(8, 64)
    results = pool.run(lambda k: (k, pool.share()), numbers(5000))
    assert [k for k, _ in results] == list(range(5000))
    assert min(n for _, n in results) == 8
    assert pool.share() == 64
