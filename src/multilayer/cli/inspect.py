"""`multilayer inspect`: a saved model, its training and its scores."""

from __future__ import annotations

from inspect import signature
from typing import Any

import numpy as np
from rich.console import Console
from sklearn.pipeline import Pipeline

from multilayer.cli import screen
from multilayer.cli.messages import shown
from multilayer.cli.options import ModelPath
from multilayer.cli.saved_model import Model, is_fitted_model, read_model
from multilayer.persistence import load_with_notes
from multilayer.tabular.constant import ConstantLabel

__all__ = ["inspect"]


def inspect(model: ModelPath) -> None:
    """Show a saved model: its network, its columns, how it was trained, its scores.

    Models that were saved from Python are shown by their steps and settings.

    For example:

    * multilayer inspect titanic.mlp
    """
    console = screen.console()
    content, _ = load_with_notes(model)
    if not is_fitted_model(content):
        console.print("\n".join(map(shown, _described(content))))
        return
    saved = read_model(model)
    console.print("\n".join(map(shown, _origin(saved))))
    console.print()
    for one in saved.of_targets or [saved]:
        if saved.of_targets:
            console.print(shown(_predicted(one)))
        _print_network(one, console)
    console.print(screen.columns_table(saved.encoder.summary()))


def _print_network(model: Model, console: Console) -> None:
    """Print the network or networks of a target, their training and their scores."""
    notes, network = model.notes, model.network
    if isinstance(network, ConstantLabel):
        console.print("No network: the label was the same in all rows")
    elif model.tabular:
        console.print(screen.members_line(network))
        console.print(screen.members_training_line(network, notes))
    else:
        console.print(screen.network_line(network))
        console.print(screen.network_training_line(network, notes))
    console.print()
    if notes.get("scores"):
        console.print(screen.scores_table(notes))
        console.print()


def _described(content: Any) -> list[str]:
    """Describe in lines a model that `fit` did not write: its steps, its network, its inputs."""
    steps = content.steps if isinstance(content, Pipeline) else [("", content)]
    lines = [f"{type(content).__name__}, saved from Python"]
    for name, step in steps:
        if not hasattr(step, "get_params"):
            lines += repr(step).splitlines()
            continue
        settings = {k: v for k, v in step.get_params(deep=False).items() if _is_set(step, k, v)}
        given = ", ".join(f"{k}={v!r}" for k, v in settings.items())
        lines.append(f"{name}{': ' if name else ''}{type(step).__name__}({given})")
        lines += repr(step.network_).splitlines() if hasattr(step, "network_") else []
    last = steps[-1][1]
    if hasattr(last, "classes_"):
        classes = [str(label) for label in np.ravel(last.classes_)]
        listed = f"{', '.join(classes[:12])}" + " …" * (len(classes) > 12)
        lines.append(f"Predicts {len(classes)} classes: {listed}")
    first = steps[0][1]
    if hasattr(first, "n_features_in_"):
        names = ", ".join(map(str, getattr(first, "feature_names_in_", [])[:12]))
        lines.append(f"Inputs: {first.n_features_in_} columns{f': {names}' * bool(names)}")
    return lines


def _is_set(step: Any, name: str, value: Any) -> bool:
    """Whether a parameter differs from its default."""
    default = signature(type(step).__init__).parameters[name].default
    return bool(repr(value) != repr(default))


def _origin(model: Model) -> list[str]:
    """Describe in lines what a model predicts, and what it was fitted on."""
    notes, n = model.notes, len(model.of_targets)
    text = f"Predicts {n} targets" if n else _predicted(model)
    if n and "seconds" in notes:
        text += f", whose networks were trained in {notes['seconds']:.2f} s"
    if "table" not in notes:
        return [text]
    origin = f"Fitted on {notes['table']}, {notes['date']}, by multilayer {notes['version']}"
    return [text, origin]


def _predicted(model: Model) -> str:
    """Describe in a line what a model of one target predicts."""
    text = f"Predicts {model.notes.get('target', 'a target')}: "
    if not model.classifies:
        return text + "a number"
    classes = [str(label) for label in np.ravel(model.network.classes_)]
    listed = f"{', '.join(classes[:12])}" + " …" * (len(classes) > 12)
    return text + f"{len(classes)} class{'es' * (len(classes) > 1)}, {listed}"
