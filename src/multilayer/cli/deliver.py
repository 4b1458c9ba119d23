"""The end of every command that trains a model: save it, print, draw and report."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import typer
from rich.console import Console

from multilayer.cli.figures import figure_files
from multilayer.cli.messages import shown, write_line
from multilayer.cli.trained import Trained
from multilayer.persistence import save
from multilayer.report import write_report

__all__ = ["Outputs", "deliver", "model_path"]

INTERRUPTED = 130  # what shells expect after Ctrl-C, so that `fit … && predict …` ends there


@dataclass(frozen=True)
class Outputs:
    """The files that a command writes, and whether it prints nothing.

    Attributes
    ----------
    model : Path
    figures : Path or None
        A folder, or the file of a single figure.
    report : Path or None
    quiet : bool
    """

    model: Path
    figures: Path | None
    report: Path | None
    quiet: bool

    @property
    def files(self) -> Iterator[tuple[str, Path | None]]:
        """The files, each with the option that names it."""
        yield "--output", self.model
        yield "--report", self.report
        if self.figures is not None:
            figures = figure_files(self.figures) if self.figures.is_dir() else [self.figures]
            yield from (("the figure", path) for path in figures)


def model_path(output: Path | None, table: str) -> Path:
    """Return where a model of a table is saved."""
    return output or Path("model.mlp" if table == "-" else f"{Path(table).stem}.mlp")


def deliver(trained: Trained, outputs: Outputs, console: Console) -> None:
    """Save a trained model, print its summary, draw and report it, and print the warnings.

    Raises
    ------
    typer.Exit
        With code 130 if Ctrl-C ended the training.
    """
    save(trained.model, outputs.model, trained.notes)
    for part in trained.summary:
        console.print(part)
    console.print(f"Saved to {shown(outputs.model)}", soft_wrap=True)
    if outputs.figures is not None and trained.draw is not None:
        console.print(shown(trained.draw(outputs.figures)), soft_wrap=True)
    if outputs.report is not None and trained.evaluation is not None:
        evaluation = trained.evaluation
        write_report(
            evaluation.model,
            evaluation.X,
            evaluation.y,
            outputs.report,
            title=f"{trained.notes.get('target') or _counted(trained)} in {trained.notes['table']}",
            target=trained.notes.get("target"),
            unseen=evaluation.held_out,
            model_path=str(outputs.model),
            verbose=not outputs.quiet,
        )
        console.print(f"Report in {shown(outputs.report)}", soft_wrap=True)
    for message in trained.messages:
        write_line(message, "warning")
    if trained.notes["interrupted"]:
        raise typer.Exit(INTERRUPTED)


def _counted(trained: Trained) -> str:
    return f"{len(trained.notes['targets'])} targets"
