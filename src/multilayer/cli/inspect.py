"""`multilayer inspect`: a saved model, its training and its scores."""

from __future__ import annotations

from multilayer.cli import screen
from multilayer.cli.messages import shown
from multilayer.cli.options import ModelPath
from multilayer.cli.saved_model import Model, read_model

__all__ = ["inspect"]


def inspect(model: ModelPath) -> None:
    """Show a saved model: its network, its columns, how it was trained, its scores.

    For example:

    * multilayer inspect titanic.mlp
    """
    console = screen.console()
    saved = read_model(model)
    notes, network = saved.notes, saved.network
    console.print("\n".join(map(shown, _origin(saved))))
    console.print()
    if saved.tabular:
        console.print(screen.members_line(network))
        console.print(screen.members_training_line(network, notes))
    else:
        console.print(screen.network_line(network))
        console.print(screen.network_training_line(network, notes))
    console.print()
    if notes.get("scores"):
        console.print(screen.scores_table(notes))
        console.print()
    console.print(screen.columns_table(saved.encoder.summary()))


def _origin(model: Model) -> list[str]:
    """Describe in lines what a model predicts, and what it was fitted on."""
    notes = model.notes
    text = f"Predicts {notes.get('target', 'a target')}: "
    if model.classifies:
        classes = [str(label) for label in model.network.classes_]
        text += f"{len(classes)} classes, {', '.join(classes[:12])}" + " …" * (len(classes) > 12)
    else:
        text += "a number"
    if "table" not in notes:
        return [text]
    origin = f"Fitted on {notes['table']}, {notes['date']}, by multilayer {notes['version']}"
    return [text, origin]
