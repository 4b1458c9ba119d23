"""`multilayer fit` of the tabular model, from a table in memory."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from multilayer.cli import screen
from multilayer.cli.data import Data, Split
from multilayer.cli.estimators import TABULAR_MODELS
from multilayer.cli.figures import members_figures, write_figures
from multilayer.cli.fit_options import Options
from multilayer.cli.scores import OUT_OF_FOLD, below_baseline, out_of_fold, scores_of_parts
from multilayer.cli.trained import Evaluation, Trained, make_notes, watched
from multilayer.tables.dependence import Dependence

__all__ = ["fit_tabular"]


def fit_tabular(data: Data, split: Split, dependence: Dependence, options: Options) -> Trained:
    """Train the tabular model; rows held out, or those that each member left out, choose epochs."""
    model = TABULAR_MODELS[data.task](
        n_members=options.members or "auto",
        fast=options.fast,
        time_limit=options.time_limit,
        random_state=options.seed,
        verbose=not options.quiet,
        **options.given,
        **options.weights_of_classes(data),
    )
    X, y = data.X, data.y
    training, validation = split
    given: dict[str, Any] = dependence.arguments
    if len(validation):
        given = {"X_val": X[validation], "y_val": y[validation]}
    with watched() as run:
        model.fit(X[training], y[training], **given)
    left = None if len(validation) else out_of_fold(model, y)
    notes = make_notes(
        data.origin,
        rows={OUT_OF_FOLD: len(left.y)} if left else split.sizes,
        scores={OUT_OF_FOLD: left.scores} if left else scores_of_parts(model, X, y, split.parts),
        seconds=run.seconds,
        interrupted=run.interrupted,
    )
    part = OUT_OF_FOLD if left else split.evaluated_name
    X, y = X[split.evaluated], y[split.evaluated]

    def draw(folder: Path) -> str:
        truth, predicted = (left.y, left.predicted) if left else (y, model.predict(X))
        return write_figures(folder, members_figures(model, truth, predicted))

    return Trained(
        model,
        notes,
        summary=screen.training_summary(
            model.encoder_.dropped_,
            screen.members_line(model),
            screen.members_training_line(model, notes),
            notes,
        ),
        messages=[*run.messages, *below_baseline(notes["scores"][part], left.y if left else y)],
        draw=draw,
        evaluation=Evaluation(model, X, y, held_out=True if len(validation) else None),
    )
