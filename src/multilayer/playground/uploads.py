"""Reading what is uploaded, in a process of its own that is stopped where it takes too long."""

from __future__ import annotations

import atexit
import json
import os
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from multilayer.playground.limits import MAX_MEMORY, MAX_NAME, MAX_SECONDS

__all__ = ["OpenedModel", "OpenedTable", "close", "open_model", "open_table"]

Content = bytes | bytearray
_PROCESS = "multilayer.playground.reading_process"


@dataclass(frozen=True, eq=False)
class OpenedTable:
    """A table that was uploaded: its rows, the name of its file and what was guessed in it."""

    frame: pl.DataFrame
    file: str = "table.csv"
    remarks: tuple[str, ...] = ()


@dataclass(frozen=True, eq=False)
class OpenedModel:
    """The network of a model file: sizes of its layers, activations of the hidden ones, Θ."""

    sizes: tuple[int, ...]
    hidden: list[str]
    thetas: list[NDArray[Any]]


def open_table(content: Content, name: str, stopped: Callable[[], bool]) -> OpenedTable:
    """Read a table.

    Parameters
    ----------
    content : bytes-like
        Of its file.
    name : str
        The name of the file.
    stopped : callable
        Whether nobody waits for it any longer.

    Raises
    ------
    ValueError
        If it is not a table, or takes more memory or time than a page may use.
    """
    name = Path(name).name[:MAX_NAME] or "the file"
    with _READER.read("table", content, name, stopped) as (read, answer):
        return OpenedTable(pl.read_ipc(read), name, tuple(answer["remarks"]))


def open_model(content: Content, stopped: Callable[[], bool]) -> OpenedModel:
    """Read a model file; see `open_table`."""
    with (
        _READER.read("model", content, "the model", stopped) as (read, answer),
        np.load(read, allow_pickle=False) as thetas,
    ):
        listed = [thetas[name] for name in thetas.files]
        return OpenedModel(tuple(answer["sizes"]), answer["hidden"], listed)


def close() -> None:
    """End the process that reads, until it is needed again."""
    _READER.close()


class _Reader:
    """One process that reads one file at a time. It starts with the first one."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None

    @contextmanager
    def read(
        self, task: str, content: Content, name: str, stopped: Callable[[], bool]
    ) -> Iterator[tuple[Path, Any]]:
        """Have a task carried out, and provide the file that was written and the answer."""
        # A file that is mapped into memory cannot be removed on every system.
        folders = tempfile.TemporaryDirectory(prefix="multilayer-", ignore_cleanup_errors=True)
        with self._lock, folders as path:
            folder = Path(path)
            (folder / "content").write_bytes(content)
            asked = json.dumps({"task": task, "folder": path, "name": name})
            answer = self._ask(asked, folder / "answer.json", name, stopped)
            if answer["last"]:
                self._end()
            if "error" in answer:
                raise ValueError(answer["error"])
            yield folder / "read", answer

    def _ask(self, task: str, answer: Path, name: str, stopped: Callable[[], bool]) -> Any:
        process = self._started()
        assert process.stdin is not None
        due = time.monotonic() + MAX_SECONDS
        try:
            process.stdin.write(task.encode() + b"\n")
            process.stdin.flush()
            while not answer.exists():
                if process.poll() is not None and not answer.exists():
                    raise ValueError(
                        f"{name} cannot be read: reading it takes more than "
                        f"{MAX_MEMORY / 2**30:g} GB of memory, or breaks the reader"
                    )
                if stopped() or time.monotonic() > due:
                    raise ValueError(
                        f"{name} cannot be read: reading it takes more than {MAX_SECONDS} seconds"
                    )
                time.sleep(0.005)
        except (OSError, ValueError):
            self._end()
            raise
        return json.loads(answer.read_text())

    def _started(self) -> subprocess.Popen[bytes]:
        if self._process is None or self._process.poll() is not None:
            self._end()
            # As `sys.path` is here, wherever it comes from; but not the folder we are in.
            environment = os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
            self._process = subprocess.Popen(
                [sys.executable, "-P", "-m", _PROCESS],
                stdin=subprocess.PIPE,
                stdout=subprocess.DEVNULL,
                env=environment,
                start_new_session=True,  # Ctrl-C is for the server
            )
            atexit.register(self.close)
        return self._process

    def _end(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.communicate()
            self._process = None
            atexit.unregister(self.close)

    def close(self) -> None:
        """End the process, and with it what it reads."""
        process = self._process
        if process is not None:
            process.kill()  # whoever waits for its answer notices that
            with self._lock:
                self._end()


_READER = _Reader()
