"""The number of threads the engine takes: all that are free, or the share of the calling thread."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from multilayer import _native

__all__ = ["available_threads", "share", "sharing"]


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
    """Limit the calling thread, and none of the others, to n threads.

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
