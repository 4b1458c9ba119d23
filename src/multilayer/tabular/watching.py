"""The progress bar of an ensemble: epochs of all members together."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

__all__ = ["members_bar"]


@contextmanager
def members_bar(verbose: int, total: int) -> Iterator[Callable[[], None]]:
    """Give what is to be called after each epoch of each member.

    Parameters
    ----------
    verbose : bool or int
        0: nothing is shown. Else a bar, where standard error is a terminal or a notebook and the
        package rich is installed.
    total : int
        Epochs of all members.
    """
    bar = _bar() if verbose else None
    if bar is None:
        yield lambda: None
        return
    task = bar.add_task("Training", total=total)
    with bar:
        yield lambda: bar.advance(task)


def _bar() -> Any:
    try:
        from rich import progress
        from rich.console import Console
    except ModuleNotFoundError:
        return None
    console = Console(file=sys.stderr)
    if not (console.is_terminal or console.is_jupyter):
        return None
    return progress.Progress(
        progress.TextColumn("{task.description}"),
        progress.BarColumn(),
        progress.TaskProgressColumn(),
        progress.TimeRemainingColumn(),
        progress.TextColumn("left"),
        console=console,
        transient=True,
    )
