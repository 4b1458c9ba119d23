"""The process that reads what is uploaded: bounded in time and memory, so that it may be anything.

Each line of standard input is a task in JSON: {"task", "folder", "name"}. The folder holds the file
"content"; the answer goes to "answer.json" in it, and what is read to "read". The process ends with
its standard input, so it does not outlive the server; and once it has grown, which its last answer
says.
"""

from __future__ import annotations

import contextlib
import faulthandler
import json
import re
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from sklearn.pipeline import Pipeline

from multilayer.persistence import load
from multilayer.playground.limits import (
    MAX_MEMORY,
    MAX_SECONDS,
    MAX_UNPACKED,
    check_frame,
    check_source,
)
from multilayer.playground.protocol import ERRORS, explain
from multilayer.reading.reader import parse_table
from multilayer.reading.sources import open_source
from multilayer.reading.table import Table

__all__ = ["parse_within_limits"]

_KEPT = 2**29  # bytes; a process that has grown beyond them is not used again


def _main() -> None:
    _bound_memory()
    for line in sys.stdin:
        task = json.loads(line)
        folder = Path(task["folder"])
        tempfile.tempdir = str(folder)  # what the reader leaves goes with the folder
        faulthandler.dump_traceback_later(MAX_SECONDS + 5, exit=True)  # should the server be gone
        try:
            answer = _TASKS[task["task"]](folder, task["name"])
        except ERRORS as error:
            answer = {"error": explain(error).replace(str(folder / "content"), task["name"])}
        faulthandler.cancel_dump_traceback_later()
        answer["last"] = _peak_memory() > _KEPT
        (folder / "answer").write_text(json.dumps(answer))
        (folder / "answer").replace(folder / "answer.json")
        if answer["last"]:
            return


def parse_within_limits(content: bytes, name: str) -> Table:
    """Read a table from the content of a file, if it is not too large for the playground."""
    with open_source(content, name) as source:
        check_source(source)
    table = parse_table(content, name)
    check_frame(table.frame, name)
    return table


def _table(folder: Path, name: str) -> dict[str, Any]:
    table = parse_within_limits((folder / "content").read_bytes(), name)
    table.frame.write_ipc(folder / "read")
    return {"remarks": table.remarks}


def _model(folder: Path, name: str) -> dict[str, Any]:
    model = load(folder / "content")
    model = model[-1] if isinstance(model, Pipeline) else model
    network = getattr(model, "network_", model)
    if not hasattr(network, "thetas"):
        raise ValueError(
            f"{name} must hold a network of one kind, but holds {type(model).__name__}"
        )
    with (folder / "read").open("wb") as file:
        np.savez(file, *network.thetas)
    return {"sizes": network.sizes, "hidden": [str(one) for one in network.hidden]}


_TASKS: dict[str, Callable[[Path, str], dict[str, Any]]] = {"table": _table, "model": _model}


def _bound_memory() -> None:
    """Bound memory and files, where the operating system can."""
    with contextlib.suppress(ImportError, OSError, ValueError):
        import resource

        for what, most in (
            (resource.RLIMIT_DATA, MAX_MEMORY),
            (resource.RLIMIT_FSIZE, 4 * MAX_UNPACKED),
            (resource.RLIMIT_CORE, 0),
        ):
            resource.setrlimit(what, (most, resource.getrlimit(what)[1]))


def _peak_memory() -> int:
    with contextlib.suppress(OSError):  # Linux: what getrusage says begins with the server's peak
        found = re.search(r"VmHWM:\s*(\d+) kB", Path("/proc/self/status").read_text())
        return 1024 * int(found[1]) if found else 0
    try:
        import resource
    except ImportError:
        return 0
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else 1024 * peak


if __name__ == "__main__":
    _main()
