"""`multilayer fit` of a plain network, from a table in memory."""

from __future__ import annotations

from typing import Any

from sklearn.pipeline import Pipeline

from multilayer.cli import screen
from multilayer.cli.data import Data, Split, standardise
from multilayer.cli.estimators import NETWORKS, batch_size, table_encoder
from multilayer.cli.figures import network_figures, write_figures
from multilayer.cli.fit_options import Options
from multilayer.cli.progress import TrainingProgress
from multilayer.cli.scores import scores_of_parts
from multilayer.cli.trained import Evaluation, Trained, make_notes, watched
from multilayer.tables.target import fold_in_units

__all__ = ["fit_plain"]


def fit_plain(data: Data, split: Split, options: Options) -> Trained:
    """Train a plain network on the encoded rows of a table; rows held out choose its epoch."""
    most = len(split.training)
    size = min(options.batch_size or batch_size(len(data.y), most), most)
    network = NETWORKS[data.task](**options.network_parameters | {"batch_size": size})
    if not options.quiet:
        network.set_callbacks(TrainingProgress(screen.console(stderr=True), data.score_name))
    with watched() as run:
        model = _train(network, data, split)
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
        messages=run.messages,
        draw=lambda folder: write_figures(folder, network_figures(model, X, y)),
        evaluation=Evaluation(model, X, y, held_out=len(split.validation) > 0),
    )


def _train(network: Any, data: Data, split: Split) -> Pipeline:
    """Fit an encoder and a network, whose predictions are in units of the target.

    Parameters
    ----------
    network : MLPClassifier or MLPRegressor
    data : Data
    split : Split

    Returns
    -------
    Pipeline
        Of the encoder and the network.
    """
    training, validation = split
    target = standardise(data, training)
    y = target.values
    encoder = table_encoder(target)
    X = encoder.fit_transform(data.X[training])
    if len(validation):
        held_out = {"X_val": encoder.transform(data.X[validation]), "y_val": y[validation]}
        network.set_params(early_stopping=True).fit(X, y[training], **held_out)
    else:
        network.fit(X, y[training])
    if not data.classes:
        fold_in_units(network.network_, target.mean, target.scale)
    return Pipeline([("encoder", encoder), ("network", network)])
