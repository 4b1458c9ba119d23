"""`multilayer inspect`: what a saved model is, and how it came to be."""

from __future__ import annotations

from rich.markup import escape

from multilayer.cli import screen
from multilayer.cli.fit_tabular import course, layout
from multilayer.cli.options import Model, ModelPath, read_model

__all__ = ["inspect"]


def inspect(model: ModelPath) -> None:
    """Show a saved model: its network, its columns, how it was trained, its scores.

    For example:

    * multilayer inspect titanic.mlp
    """
    console = screen.console()
    saved = read_model(model)
    notes, network = saved.notes, saved.network
    console.print(escape(origin(saved)))
    console.print()
    if saved.tabular:
        console.print(layout(network))
        console.print(course(network, notes))
    else:
        console.print(escape(repr(network.network_)))
        console.print(screen.course(network, notes))
    console.print()
    if notes.get("scores"):
        console.print(screen.scores_table(notes))
        console.print()
    console.print(screen.columns_table(saved.encoder.summary()))


def origin(model: Model) -> str:
    """Say what a model predicts, and what it was made of."""
    notes = model.notes
    text = f"Predicts {notes.get('target', 'a target')}: "
    if model.classifies:
        classes = [str(label) for label in model.network.classes_]
        text += f"{len(classes)} classes, {', '.join(classes[:12])}" + " …" * (len(classes) > 12)
    else:
        text += "a number"
    if "table" in notes:
        text += f"\nFitted on {notes['table']}, {notes['date']}, by multilayer {notes['version']}"
    return text
