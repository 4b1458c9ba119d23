"""`multilayer fit` of a plain network, from a table in memory."""

from __future__ import annotations

from multilayer.cli import screen
from multilayer.cli.data import Data, Split
from multilayer.cli.estimators import NETWORKS
from multilayer.cli.figures import network_figures, write_figures
from multilayer.cli.fit_options import Options
from multilayer.cli.plain_model import plain_parameters, train_plain
from multilayer.cli.progress import TrainingProgress
from multilayer.cli.scores import below_baseline, scores_of_parts
from multilayer.cli.trained import Evaluation, Trained, make_notes, watched

__all__ = ["fit_plain"]


def fit_plain(data: Data, split: Split, options: Options) -> Trained:
    """Train a plain network on the encoded rows of a table; rows held out choose its epoch."""
    most = len(split.training)
    parameters = plain_parameters(len(data.y), most) | options.network_parameters
    parameters |= options.weights_of_classes(data)
    parameters["batch_size"] = min(parameters["batch_size"], most)
    network = NETWORKS[data.task](**parameters)
    if not options.quiet:
        network.set_callbacks(TrainingProgress(screen.console(stderr=True), data.score_name))
    with watched() as run:
        model = train_plain(network, data.X, data.y, split)
    network.set_callbacks()
    notes = make_notes(
        data.origin,
        rows=split.sizes,
        scores=scores_of_parts(model, data.X, data.y, split.parts),
        seconds=run.seconds,
        interrupted=run.interrupted,
    )
    X, y = data.X[split.evaluated], data.y[split.evaluated]
    return Trained(
        model,
        notes,
        summary=screen.training_summary(
            model[0].dropped_,
            screen.network_line(network),
            screen.network_training_line(network, notes),
            notes,
        ),
        messages=[*run.messages, *below_baseline(notes["scores"][split.evaluated_name], y)],
        draw=lambda folder: write_figures(folder, network_figures(model, X, y)),
        evaluation=Evaluation(model, X, y, held_out=len(split.validation) > 0),
    )
