"""A progress bar for what takes longer than a reader likes to wait."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator, Sequence
from typing import Any

__all__ = ["waiting"]

PATIENCE = 2.0  # seconds


def waiting(steps: Sequence[Any], verbose: bool) -> Iterator[Any]:
    """Give one step after the other; show a bar on standard error once it has taken two seconds."""
    bar = _bar(len(steps)) if verbose else None
    began = time.monotonic()
    try:
        for done, step in enumerate(steps):
            if bar is not None and time.monotonic() - began > PATIENCE:
                bar.start()
                bar.update(bar.task_ids[0], completed=done)
            yield step
    finally:
        if bar is not None:
            bar.stop()


def _bar(total: int) -> Any:
    try:
        from rich import progress
        from rich.console import Console
    except ModuleNotFoundError:
        return None
    console = Console(file=sys.stderr)
    if not console.is_terminal:
        return None
    columns = (progress.TextColumn("Report"), progress.BarColumn(), progress.TaskProgressColumn())
    bar = progress.Progress(*columns, console=console, transient=True)
    bar.add_task("", total=total)
    return bar
