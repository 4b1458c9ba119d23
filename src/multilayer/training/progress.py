"""Progress of a fit: a bar on a terminal, a line for each epoch elsewhere."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

__all__ = ["EpochBar", "tasks_bar", "watcher_for_verbose"]


class EpochBar:
    """A progress bar with cost, validation score and time left; needs the package rich.

    Parameters
    ----------
    console : rich.console.Console
        The console to show it on; nothing is shown if it is neither a terminal nor a notebook.
    total : int
        How many epochs there may be.
    score_name : str
        The name of the validation score.
    """

    # Epochs may take less than a millisecond, so most of them are not shown.
    INTERVAL = 0.05

    def __init__(self, console: Any, total: int, score_name: str = "score") -> None:
        from rich import progress

        self.score_name = score_name
        self._last = 0.0
        self._progress = progress.Progress(
            progress.TextColumn("Training"),
            progress.BarColumn(bar_width=20),
            progress.MofNCompleteColumn(),
            progress.TextColumn("{task.fields[figures]}"),
            progress.TimeRemainingColumn(),
            progress.TextColumn("left at most"),
            console=console,
            transient=True,
            disable=not _shows_bars(console),
        )
        self._task = self._progress.add_task("", total=total, figures="")

    def start(self) -> None:
        """Show the bar."""
        self._progress.start()

    def stop(self) -> None:
        """Remove the bar."""
        self._progress.stop()

    def show(self, estimator: Any) -> None:
        """Show the figures of the last epoch."""
        now = time.monotonic()
        if now - self._last < self.INTERVAL:
            return
        self._last = now
        figures = f"cost {estimator.loss_curve_[-1]:.4f}"
        if estimator.validation_scores_:
            figures += f"  {self.score_name} {estimator.validation_scores_[-1]:.4f}"
        self._progress.update(self._task, completed=estimator.n_iter_, figures=figures)


@contextmanager
def watcher_for_verbose(verbose: int, total: int) -> Iterator[Callable[[Any], None] | None]:
    """Yield a function that shows an epoch of an estimator as `verbose` asks, or None.

    Parameters
    ----------
    verbose : bool or int
        0: nothing. 1: a bar where standard output is a terminal or a notebook and rich is
        installed, else lines. More: lines.
    total : int
        How many epochs there may be.
    """
    if not verbose:
        yield None
        return
    console = _console() if verbose == 1 else None
    if console is None:
        yield _print_epoch
        return
    bar = EpochBar(console, total)
    bar.start()
    try:
        yield bar.show
    finally:
        bar.stop()


@contextmanager
def tasks_bar(
    verbose: int, total: int | None, description: str = "Training", patience: float = 0.0
) -> Iterator[Callable[[], None]]:
    """Yield a function to call after each task, from any thread.

    Parameters
    ----------
    verbose : bool or int
        0: nothing is shown. Else a bar, where standard error is a terminal or a notebook and the
        package rich is installed.
    total : int or None
        The number of tasks; None if it is unknown.
    description : str
        The text before the bar.
    patience : float
        Seconds before the bar appears, at the end of a task.
    """
    bar = _tasks_bar() if verbose else None
    if bar is None:
        yield lambda: None
        return
    task, began = bar.add_task(description, total=total), time.monotonic()

    def advance() -> None:
        bar.advance(task)
        if time.monotonic() - began >= patience:
            bar.start()

    if not patience:
        bar.start()
    try:
        yield advance
    finally:
        bar.stop()


def _print_epoch(estimator: Any) -> None:
    """Print the same lines as scikit-learn."""
    print(f"Iteration {estimator.n_iter_}, loss = {estimator.loss_:.8f}")
    if estimator.validation_scores_:
        print(f"Validation score: {estimator.validation_scores_[-1]:f}")


def _console() -> Any:
    try:
        from rich.console import Console
    except ModuleNotFoundError:
        return None
    console = Console()
    return console if _shows_bars(console) else None


def _shows_bars(console: Any) -> bool:
    return bool(console.is_terminal or console.is_jupyter)


def _tasks_bar() -> Any:
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
