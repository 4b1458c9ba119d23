"""The training of a model by a command, and its result, which is to be saved and printed."""

from __future__ import annotations

import datetime
import time
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from importlib import metadata
from pathlib import Path
from typing import Any

from rich.console import RenderableType

from multilayer.tables.alerts import DataWarning

__all__ = ["Evaluation", "Run", "Trained", "make_notes", "watched"]


@dataclass
class Run:
    """The time that a training took, in seconds, and the messages of its warnings."""

    seconds: float = 0.0
    messages: list[str] = field(default_factory=list)

    @property
    def interrupted(self) -> bool:
        """Whether Ctrl-C ended it."""
        return "Training interrupted by user." in self.messages


@contextmanager
def watched() -> Iterator[Run]:
    """Measure the time that a block takes, and collect its warnings instead of showing them."""
    run = Run()
    began = time.perf_counter()
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        yield run
    run.seconds = time.perf_counter() - began
    # A cluster's connections that are still open concern nobody who trains a model, and the alerts
    # about the data have been printed before.
    ignored = (ResourceWarning, DataWarning)
    run.messages = [str(w.message) for w in caught if not issubclass(w.category, ignored)]


@dataclass(frozen=True)
class Evaluation:
    """A model and rows to evaluate it on, for a report.

    Attributes
    ----------
    model : estimator
        Or the search that found it.
    X : polars.DataFrame, shape (m, n)
    y : ndarray, shape (m,)
    held_out : bool, optional
        Whether the model learned from none of these rows; None for a tabular model that learned
        from all of them, each row by some of its members only.
    """

    model: Any
    X: Any
    y: Any
    held_out: bool | None


@dataclass(frozen=True)
class Trained:
    """A trained model, with all that a command prints, saves and draws of it.

    Attributes
    ----------
    model : estimator
        The model to save.
    notes : dict
        Saved with it; see `make_notes`.
    summary : sequence of renderables
        Lines and tables to print.
    messages : sequence of str
        Warnings of the training.
    draw : callable, optional
        Called with a folder or file, it draws there and returns a line that names the figures.
    evaluation : Evaluation, optional
        The subject of a report.
    """

    model: Any
    notes: dict[str, Any]
    summary: Sequence[RenderableType]
    messages: Sequence[str]
    draw: Callable[[Path], str] | None = None
    evaluation: Evaluation | None = None


def make_notes(
    origin: Mapping[str, Any],
    *,
    rows: Mapping[str, int],
    scores: Mapping[str, Mapping[str, float]],
    seconds: float,
    interrupted: bool,
) -> dict[str, Any]:
    """Return the notes that are saved with a model.

    Parameters
    ----------
    origin : mapping
        Its data; see `data.Data.origin`.
    rows : mapping
        The number of rows of each part.
    scores : mapping
        The scores on each part that was evaluated.
    seconds : float
        The time that the training took.
    interrupted : bool
        Whether Ctrl-C ended it.
    """
    return {
        **origin,
        "rows": rows,
        "scores": scores,
        "interrupted": interrupted,
        "seconds": round(seconds, 3),
        "version": metadata.version("multilayer"),
        "date": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
    }
