"""Golden files: models that some version of the format wrote, and what they have to answer.

`tests/golden/write.py` writes those of the present version. As a program, this file answers the
questions to the models of a folder, with the instruction set that the environment forces.
"""

import json
import shutil
import sys
import tempfile
import warnings
from pathlib import Path

import numpy as np
import pandas as pd

from multilayer import Checkpoint, MLPClassifier, MLPRegressor, load
from multilayer.persistence import load_with_notes

GOLDEN = Path(__file__).parent / "golden"
FOLDERS = sorted(GOLDEN.glob("v*"))
QUESTIONS = ("predict", "predict_proba", "decision_function", "predict_interval")

# Trainings that are interrupted after two epochs, and go on from their checkpoint.
SETTINGS = {"hidden_layer_sizes": (3,), "random_state": 0, "batch_size": 7, "max_iter": 5}
CHECKPOINTS = {
    "adam": MLPClassifier(**SETTINGS),
    "sgd": MLPRegressor(solver="sgd", learning_rate="adaptive", dropout=0.3, **SETTINGS),
    "stopped": MLPClassifier(solver="rmsprop", early_stopping=True, **SETTINGS),
}


def read_inputs(folder):
    """Return rows of numbers and of a table to predict, and rows that checkpoints are fitted on."""
    saved = json.loads((folder / "inputs.json").read_text(encoding="utf-8"))
    table = pd.DataFrame(saved["table"]).astype({"age": float, "town": object, "code": object})
    return np.array(saved["numbers"]), table, np.array(saved["X"]), np.array(saved["y"])


def answer(model, notes, folder):
    """Return what a model answers, by the name of the question."""
    numbers, table, *_ = read_inputs(folder)
    rows = table if notes["rows"] == "table" else numbers.astype(notes["rows"])
    # A model of version 1 has the method, but not what it needs.
    questions = (*QUESTIONS, "predict_set") if hasattr(model, "set_scores_") else QUESTIONS
    asked = {name: getattr(model, name) for name in questions if hasattr(model, name)}
    answers = {}
    for name, ask in (asked or {"transform": model.transform}).items():
        found = ask(rows)
        if isinstance(found, list):  # one for each target
            answers |= {f"{name}{k}": part for k, part in enumerate(found)}
        else:
            answers[name] = found
    return answers


def go_on(name, folder):
    """Return Θ and the costs of a training that goes on from its checkpoint to the end."""
    *_, X, y = read_inputs(folder)
    with tempfile.TemporaryDirectory() as scratch:
        path = Path(scratch) / "checkpoint"
        shutil.copy(folder / f"{name}.checkpoint", path)
        model = CHECKPOINTS[name].set_callbacks(Checkpoint(path)).fit(X, y)
    thetas = {f"theta{l}": theta for l, theta in enumerate(model.network_.thetas)}
    return {**thetas, "loss_curve": np.array(model.loss_curve_)}


def all_answers(folder):
    """Yield each file of a folder and what it has to answer."""
    for path in sorted(folder.glob("*.model")):
        yield path.name, answer(*load_with_notes(path), folder)
    for path in sorted(folder.glob("*.checkpoint")):
        assert load(path).history.epochs == 2
        yield path.name, go_on(path.stem, folder)


def expected(folder):
    """Return what the files of a folder had to answer when they were written."""
    with np.load(folder / "answers.npz") as saved:
        return {name: saved[name] for name in saved.files}


def flat(folder):
    """Return all answers in one dict."""
    return {
        f"{file}/{question}": text_or_number(np.asarray(found))
        for file, answers in all_answers(folder)
        for question, found in answers.items()
    }


def text_or_number(array):
    """Return objects as texts: an array of objects would have to be a pickle."""
    return array.astype(str) if array.dtype == object else array


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    np.savez(sys.argv[2], **flat(Path(sys.argv[1])))
