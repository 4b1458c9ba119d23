"""The numbers of threads: all free threads or a part of them for the engine, and one for BLAS."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any

from threadpoolctl import ThreadpoolController

from multilayer import _native

__all__ = ["available_threads", "one_blas_thread", "share", "sharing"]


_MAX_THREADS = 1024


class _Share(threading.local):
    n = 0  # all that are free


_share = _Share()


def share() -> int:
    """Return how many threads the calling thread may use; 0 stands for all that are free."""
    return _share.n


def available_threads() -> int:
    """Return how many threads the calling thread may use, as a number."""
    return _share.n or _native.default_threads()


@contextmanager
def sharing(n: int) -> Iterator[None]:
    """Limit the calling thread, and no other, to n threads.

    Raises
    ------
    ValueError
        If n is not from 1 to 1024.
    """
    if not 1 <= n <= _MAX_THREADS:
        raise ValueError(f"n_threads must be from 1 to {_MAX_THREADS}: {n}")
    before, _share.n = _share.n, n
    try:
        yield
    finally:
        _share.n = before


class _Limited:
    lock = threading.Lock()
    n = 0  # how many contexts are open, in all threads
    limit: Any = None


@contextmanager
def one_blas_thread() -> Iterator[None]:
    """Limit BLAS, of the whole process, to one thread until the last of these contexts is left."""
    with _Limited.lock:
        if not _Limited.n:
            _Limited.limit = _libraries().limit(limits=1, user_api="blas")
        _Limited.n += 1
    try:
        yield
    finally:
        with _Limited.lock:
            _Limited.n -= 1
            if not _Limited.n:
                _Limited.limit.restore_original_limits()


@cache  # to find them takes milliseconds
def _libraries() -> ThreadpoolController:
    return ThreadpoolController()
