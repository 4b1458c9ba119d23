"""`multilayer fit` of the tabular model, from a table in memory."""

from __future__ import annotations

from typing import Any

from numpy.typing import NDArray

from multilayer.cli import screen
from multilayer.cli.data import Data, Split
from multilayer.cli.estimators import TABULAR_MODELS
from multilayer.cli.figures import members_figures, write_figures
from multilayer.cli.fit_options import Options
from multilayer.cli.scores import out_of_fold, scores_of_parts
from multilayer.cli.trained import Evaluation, Trained, make_notes, watched

__all__ = ["fit_tabular"]

OUT_OF_FOLD = "left out"  # the part of rows whose network did not learn from them


def fit_tabular(data: Data, split: Split, options: Options) -> Trained:
    """Train the tabular model; rows held out, or those that each member left out, choose epochs."""
    model = TABULAR_MODELS[data.task](
        n_members=options.members or "auto",
        fast=options.fast,
        time_limit=options.time_limit,
        random_state=options.seed,
        verbose=not options.quiet,
        **options.given,
    )
    X, y = data.X, data.y
    training, validation = split
    held_out = {"X_val": X[validation], "y_val": y[validation]} if len(validation) else {}
    with watched() as run:
        model.fit(X[training], y[training], **held_out)
    rows, scores = _score(model, data, split)
    notes = make_notes(
        data.origin, rows=rows, scores=scores, seconds=run.seconds, interrupted=run.interrupted
    )

    return Trained(
        model,
        notes,
        summary=screen.training_summary(
            model.encoder_.dropped_,
            screen.members_line(model),
            screen.members_training_line(model, notes),
            notes,
        ),
        messages=run.messages,
        draw=lambda folder: write_figures(
            folder, members_figures(model, *_predict(model, data, split))
        ),
        evaluation=Evaluation(
            model,
            X[split.evaluated],
            y[split.evaluated],
            held_out=True if len(validation) else None,
        ),
    )


def _score(
    model: Any, data: Data, split: Split
) -> tuple[dict[str, int], dict[str, dict[str, float]]]:
    """Count and score the rows of each part; where none are held out, those that members left."""
    if not len(split.validation):
        left = out_of_fold(model, data.y)
        if left.scores:
            return {OUT_OF_FOLD: len(left.y)}, {OUT_OF_FOLD: left.scores}
    rows = {name: len(part) for name, part in split.parts.items()}
    return rows, scores_of_parts(model, data.X, data.y, split.parts)


def _predict(model: Any, data: Data, split: Split) -> tuple[NDArray[Any], NDArray[Any]]:
    """Return the truth and the predictions of rows held out, or else left out, or else of all."""
    if not len(split.validation):
        left = out_of_fold(model, data.y)
        if len(left.y):
            return left.y, left.predicted
    return data.y[split.evaluated], model.predict(data.X[split.evaluated])
