"""Progress of a fit: a bar with cost, validation score and time left."""

from __future__ import annotations

from typing import Any

from rich.console import Console

from multilayer.training.progress import EpochBar

__all__ = ["TrainingProgress"]


class TrainingProgress:
    """Callback of scikit-learn's protocol that shows how far a network's training is.

    Parameters
    ----------
    console : rich.console.Console
        Where to show it; nothing is shown if it is not a terminal.
    score_name : str
        The name of the validation score.
    """

    def __init__(self, console: Console, score_name: str) -> None:
        self.console, self.score_name = console, score_name
        self._bar: EpochBar | None = None

    def setup(self, estimator: Any, context: Any) -> None:
        """Start the bar."""
        self._bar = EpochBar(self.console, context.max_subtasks, self.score_name)
        self._bar.start()

    def on_fit_task_begin(self, estimator: Any, context: Any) -> None:
        """Do nothing: an epoch is shown when it ends."""

    def on_fit_task_end(self, estimator: Any, context: Any) -> None:
        """Show an epoch's figures."""
        if self._bar is not None and context.parent is not None:
            self._bar.show(estimator)

    def teardown(self, estimator: Any, context: Any) -> None:
        """Remove the bar."""
        if self._bar is not None:
            self._bar.stop()
