"""How many threads the engine takes where a call does not say so: all, or a share of them."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from multilayer import _native

__all__ = ["available_threads", "share", "sharing"]


class _Share(threading.local):
    n = 0  # all that are free


_share = _Share()


def share() -> int:
    """Give how many threads the calling thread may use; 0: all that are free."""
    return _share.n


def available_threads() -> int:
    """Give how many threads the calling thread may use, as a number."""
    return _share.n or _native.default_threads()


@contextmanager
def sharing(n: int) -> Iterator[None]:
    """Let the calling thread, and none of the others, use n threads at most."""
    before, _share.n = _share.n, n
    try:
        yield
    finally:
        _share.n = before
