"""What the process of a command is prepared for: readers that leave, narrow encodings, signals."""

from __future__ import annotations

import codecs
import errno
import io
import os
import signal
import sys
from typing import Any, TextIO

from multilayer.temporary import remove_own

__all__ = ["prepare_process"]

_PLAIN = {"−": "-", "–": "-", "…": "...", "±": "+/-", "²": "2", "×": "x", "°": "o"}
_GONE = (errno.EPIPE, errno.EBADF, errno.EIO)  # nobody reads; no such file; a terminal that is shut


def prepare_process() -> None:
    """Make standard streams that never end the work, and signals that let it tidy up.

    What is written after the reader has left, or where a stream is closed, is dropped; characters
    that an encoding lacks are replaced. Before SIGTERM or SIGHUP ends the process, its temporary
    files are removed.
    """
    for descriptor in range(3):
        try:
            os.fstat(descriptor)
        except OSError:  # or else the next file that is opened would be standard output
            os.open(os.devnull, os.O_RDWR)  # takes the lowest free number
    if sys.stdin is None:
        sys.stdin = open(0, closefd=False)  # noqa: SIM115  (stays open, as standard input does)
    codecs.register_error("plain", _plain)
    sys.stdout = _lasting(sys.stdout, 1, "plain")
    sys.stderr = _lasting(sys.stderr, 2, "backslashreplace")
    for name in ("SIGTERM", "SIGHUP"):
        number = getattr(signal, name, None)
        # One that is ignored, as by nohup, stays ignored.
        if number is not None and signal.getsignal(number) == signal.SIG_DFL:
            signal.signal(number, _end)


class _Lasting(io.FileIO):
    """A file whose reader may leave; later output is dropped.

    Parameters
    ----------
    descriptor : int
    required : bool
        Whether other errors, as of a full disk, are raised, once; otherwise they are ignored too.
    """

    def __init__(self, descriptor: int, required: bool) -> None:
        super().__init__(descriptor, "w", closefd=False)
        self._required, self._lost = required, False

    def write(self, data: Any) -> int:
        """Write bytes, or drop them."""
        if not self._lost:
            try:
                return super().write(data)
            except OSError as error:
                self._lost = True
                if self._required and error.errno not in _GONE:
                    raise
        return memoryview(data).nbytes


def _lasting(stream: TextIO | None, descriptor: int, errors: str) -> TextIO:
    """Return a stream that writes to a descriptor as another one does."""
    if stream is not None and (stream is not _own(descriptor) or sys.platform == "win32"):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors=errors)
        return stream
    encoding = "utf-8"
    if stream is not None:
        stream.flush()
        encoding = stream.encoding
    raw = _Lasting(descriptor, required=descriptor == 1)
    return io.TextIOWrapper(
        io.BufferedWriter(raw),
        encoding=encoding,
        errors=errors,
        line_buffering=descriptor == 2 or raw.isatty(),
    )


def _plain(error: UnicodeError) -> tuple[str, int]:
    """Replace characters that an encoding lacks."""
    if not isinstance(error, UnicodeEncodeError):
        raise error
    lacking = error.object[error.start : error.end]
    return "".join(_PLAIN.get(character, "?") for character in lacking), error.end


def _own(descriptor: int) -> TextIO | None:
    return sys.__stdout__ if descriptor == 1 else sys.__stderr__


def _end(number: int, frame: Any) -> None:
    # An exception could be lost on its way, as in a callback of a library.
    remove_own()
    signal.signal(number, signal.SIG_DFL)
    os.kill(os.getpid(), number)
