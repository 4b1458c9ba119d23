"""Progress of a fit: a bar with cost, validation score and time left."""

from __future__ import annotations

import time
from typing import Any

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TaskID,
    TextColumn,
    TimeRemainingColumn,
)

__all__ = ["TrainingProgress"]


class TrainingProgress:
    """Callback of scikit-learn's protocol that shows how far a network's training is.

    Parameters
    ----------
    console : rich.console.Console
        Where to show it; nothing is shown if it is no terminal.
    score_name : str
        What the validation score is.
    """

    # Epochs may take less than a millisecond: between two looks there is nothing to show.
    INTERVAL = 0.05

    def __init__(self, console: Console, score_name: str) -> None:
        self.score_name = score_name
        self._last = 0.0
        self._task: TaskID | None = None
        self._progress = Progress(
            TextColumn("Training"),
            BarColumn(bar_width=20),
            MofNCompleteColumn(),
            TextColumn("{task.fields[figures]}"),
            TimeRemainingColumn(),
            TextColumn("left at most"),
            console=console,
            transient=True,
            disable=not console.is_terminal,
        )

    def setup(self, estimator: Any, context: Any) -> None:
        """Start the bar."""
        self._progress.start()
        self._task = self._progress.add_task("", total=context.max_subtasks, figures="")

    def on_fit_task_begin(self, estimator: Any, context: Any) -> None:
        """Nothing begins that is not shown when it ends."""

    def on_fit_task_end(self, estimator: Any, context: Any) -> None:
        """Show an epoch's figures."""
        now = time.monotonic()
        if self._task is None or context.parent is None or now - self._last < self.INTERVAL:
            return
        self._last = now
        figures = f"cost {estimator.loss_curve_[-1]:.4f}"
        if estimator.validation_scores_:
            figures += f"  {self.score_name} {estimator.validation_scores_[-1]:.4f}"
        self._progress.update(self._task, completed=estimator.n_iter_, figures=figures)

    def teardown(self, estimator: Any, context: Any) -> None:
        """Take the bar away."""
        self._progress.stop()
