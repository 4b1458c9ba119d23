"""Work in forks of a process that has imported everything, which is cheap enough for hundreds.

The parent must not have used polars, DuckDB or the engine, whose threads no fork has.
"""

from __future__ import annotations

import os
import select
import signal
import sys
import time
import traceback
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from multiprocessing import get_context
from typing import Any, NamedTuple, TypeVar

__all__ = ["Ended", "command", "forked", "quiet", "side_by_side"]

PATIENCE = 120.0  # seconds after which a child counts as hanging
JOBS = 2
Result = TypeVar("Result")


class Ended(NamedTuple):
    """How a child ended.

    Attributes
    ----------
    status : int
        Its exit code, or minus the number of the signal that ended it.
    result : bytes
        What its work returned.
    """

    status: int
    result: bytes


def forked(work: Callable[[], bytes | None], kill_after: float | None = None) -> Ended:
    """Do some work in a fork, which may be killed after some seconds."""
    readable, writable = os.pipe()
    child = os.fork()
    if not child:
        os.close(readable)
        _end(work, writable)
    os.close(writable)
    result = b""
    deadline = time.monotonic() + (PATIENCE if kill_after is None else kill_after)
    while True:
        left = max(0.0, deadline - time.monotonic())
        if not select.select([readable], [], [], left)[0]:
            os.kill(child, signal.SIGKILL)
            break
        if not (part := os.read(readable, 1 << 16)):
            break
        result += part
    os.close(readable)
    status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    if status == -signal.SIGKILL and kill_after is None:
        raise TimeoutError(f"a child must end within {PATIENCE} seconds")
    return Ended(status, result)


def _end(work: Callable[[], bytes | None], writable: int) -> None:
    """Do the work of a child and end it; never return."""
    code = 1
    try:
        result = work() or b""
        while result:
            result = result[os.write(writable, result) :]
        code = 0
    except SystemExit as error:
        code = error.code if isinstance(error.code, int) else int(error.code is not None)
    except BaseException:
        traceback.print_exc()
    finally:
        try:
            for stream in (sys.stdout, sys.stderr):
                if stream is not None:
                    stream.flush()  # as Python does at its end
        except OSError:
            code = 120
        os._exit(code)


def command(*arguments: str, folder: str | os.PathLike[str] = ".") -> None:
    """Run a command of `multilayer` as its console script does; raise SystemExit at its end."""
    from multilayer.cli import main

    os.chdir(folder)
    sys.argv = ["multilayer", *arguments]
    main()


@contextmanager
def quiet() -> Iterator[None]:
    """Send standard output and error nowhere, also those of native code."""
    null = os.open(os.devnull, os.O_WRONLY)
    for descriptor in (1, 2):
        os.dup2(null, descriptor)
    yield


def side_by_side(work: Callable[..., Result], arguments: Sequence[tuple[Any, ...]]) -> list[Result]:
    """Call a function for each tuple of arguments, two calls at a time, each in its own fork."""
    with get_context("fork").Pool(JOBS) as pool:
        return pool.starmap(work, arguments, chunksize=1)
