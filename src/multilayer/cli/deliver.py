"""The end of every command that trains a model: save it, print, draw and report."""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass
from pathlib import Path

import typer
from rich.console import Console
from rich.markup import escape

from multilayer.cli.trained import Trained
from multilayer.persistence import save
from multilayer.report import write_report

__all__ = ["Outputs", "check_folder", "deliver", "model_path"]

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


def model_path(output: Path | None, table: str) -> Path:
    """Return where a model of a table is saved."""
    return output or Path("model.mlp" if table == "-" else f"{Path(table).stem}.mlp")


def check_folder(folder: Path) -> None:
    """Check that a file can be written there, before hours of training and not after."""
    if not folder.is_dir():
        raise ValueError(f"{folder} must be a folder that exists, to write to")
    if not os.access(folder, os.W_OK):
        raise ValueError(f"{folder} must be a folder that you may write to")


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
    console.print(f"Saved to {escape(str(outputs.model))}", soft_wrap=True)
    if outputs.figures is not None and trained.draw is not None:
        console.print(escape(trained.draw(outputs.figures)), soft_wrap=True)
    if outputs.report is not None and trained.evaluation is not None:
        evaluation = trained.evaluation
        write_report(
            evaluation.model,
            evaluation.X,
            evaluation.y,
            outputs.report,
            title=f"{trained.notes['target']} in {trained.notes['table']}",
            unseen=evaluation.held_out,
            model_path=str(outputs.model),
            verbose=not outputs.quiet,
        )
        console.print(f"Report in {escape(str(outputs.report))}", soft_wrap=True)
    for message in trained.messages:
        sys.stderr.write(f"multilayer: warning: {message}\n")
    if trained.notes["interrupted"]:
        raise typer.Exit(INTERRUPTED)
