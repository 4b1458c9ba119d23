"""The members of an ensemble: networks trained in parallel, each on its own part of the rows."""

from __future__ import annotations

import time
from collections.abc import Callable, Generator, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from multilayer.embedding import Floats
from multilayer.engine.interface import Descent, Epochs, Examples, Objective
from multilayer.engine.native import NativeEngine
from multilayer.engine.threads import available_threads, sharing
from multilayer.optimizers import AdamW
from multilayer.tables.dependence import INDEPENDENT, Dependence
from multilayer.tabular.divergence import quality_of
from multilayer.tabular.folds import Fold, Rows
from multilayer.tabular.network import Layout, TabularNetwork, initialize
from multilayer.tabular.out_of_fold import (
    EPOCHS_OF_CLASSES,
    GROUPS_OF_CLASSES,
    OutOfFold,
    RowLosses,
)
from multilayer.tabular.recipe import Recipe, flat_cosine, learning_rate_cycles
from multilayer.training.tasks import TaskPool

__all__ = [
    "Member",
    "TrainedOn",
    "TrainingData",
    "draw_network",
    "train_epochs",
    "train_members",
]

_FEW = 256  # rows that tell whether outputs have, if there are none to validate on

# Steps between two projections of a monotone network onto its bounds. Steps that the projection
# takes back are wasted; but a projection takes as long as a step of a small batch.
_STEPS = 4

Loss = Callable[[Floats, Rows], float]  # of outputs and the rows they belong to


@dataclass(frozen=True)
class TrainingData:
    """An encoded table with its target, and the inputs and outputs of networks for it.

    Attributes
    ----------
    X : ndarray, shape (m, n_columns)
        The encoded table.
    Y : ndarray
        Class labels (m,) as int32, or numbers (m, K) of the dtype of X.
    weights : ndarray, shape (m,), optional
    layout : Layout
    n_outputs : int
    output : {"softmax", "identity"}
    dependence : Dependence
        Of the rows.
    signs : tuple of int
        Of the columns that are plain inputs; see `multilayer.tabular.monotone`.
    """

    X: Floats
    Y: NDArray[Any]
    weights: Floats | None
    layout: Layout
    n_outputs: int
    output: str
    dependence: Dependence = INDEPENDENT
    signs: tuple[int, ...] = ()


@dataclass
class Member:
    """A trained network, and its training.

    Attributes
    ----------
    network : TabularNetwork
        The network after its best epoch.
    fold : Fold
    costs : list of float
        Training cost of each epoch, with dropout and label smoothing.
    validation_losses : list of float
        Of each epoch; empty if there are no validation rows.
    best_epoch : int
        Counted from 0; the last of equally good ones.
    quality : int
        Of its best epoch; see `multilayer.tabular.divergence`. 0 if no epoch had finite outputs.
    out_of_fold : ndarray, shape (rows of fold.validation, K)
        Outputs for the validation rows, from epochs that were chosen without their own targets;
        see `train_members`.
    """

    network: TabularNetwork
    fold: Fold
    out_of_fold: Floats
    costs: list[float] = field(default_factory=list)
    validation_losses: list[float] = field(default_factory=list)
    best_epoch: int = 0
    quality: int = 0


class TrainedOn(NamedTuple):
    """What an ensemble was trained on.

    Attributes
    ----------
    data : TrainingData
    left_out : list of Member
        Networks that know rows which they were not trained on: the members, or with times, those
        that looked ahead.
    """

    data: TrainingData
    left_out: list[Member]


class _Clock:
    """The share of a member's time that has passed."""

    def __init__(self, seconds: float | None) -> None:
        self._seconds, self._began = seconds, time.perf_counter()

    def __call__(self) -> float:
        if self._seconds is None:
            return 0.0
        return (time.perf_counter() - self._began) / max(self._seconds, 1e-9)


def train_members(
    data: TrainingData,
    folds: Sequence[Fold],
    recipe: Recipe,
    seeds: Sequence[int],
    loss: Loss,
    row_losses: RowLosses,
    *,
    patience: float = np.inf,
    n_epochs: int | None = None,
    seconds: float | None = None,
    watch: Callable[[], None] = lambda: None,
) -> tuple[list[Member], bool]:
    """Train a network for each fold, as many at a time as there are threads.

    The result does not depend on the number of threads.

    Parameters
    ----------
    data : TrainingData
    folds : sequence of Fold
    recipe : Recipe
    seeds : sequence of int, one for each fold
    loss : callable
        From outputs and their rows to the validation loss, which chooses the best epoch.
    row_losses : callable
        From outputs and their rows to the loss of each row. By their mean the other validation rows
        of a fold choose epochs for each of them, whose mean outputs are in `Member.out_of_fold`:
        what to expect for new rows.
    patience : float
        Epochs in a row without improvement after which the training of a member stops.
    n_epochs : int, optional
        Epochs after which it stops in any case.
    seconds : float, optional
        About how long all members may take, checked between epochs.
    watch : callable
        Called after each epoch of each member.

    Returns
    -------
    members : list of Member
        After Ctrl-C, those that have completed at least one epoch.
    interrupted : bool
        Whether there was a Ctrl-C.

    """
    threads = available_threads()
    workers = min(len(folds), threads)
    seconds_each = None if seconds is None else seconds * workers / len(folds)
    pool: TaskPool[Member | None] = TaskPool(workers, threads)

    def run(fold: Fold, seed: int) -> Member | None:
        states = _train(
            data,
            fold,
            recipe,
            np.random.RandomState(seed),
            loss,
            row_losses,
            patience,
            n_epochs,
            _Clock(seconds_each),
            pool.share,
        )
        member = None
        with closing(states):  # which restores the network of the best epoch
            for state in states:
                member = state
                watch()
                if pool.stop.is_set():
                    break
        return member

    interrupted = False
    try:
        pool.run(run, list(zip(folds, seeds, strict=True)))
    except KeyboardInterrupt:
        interrupted = True
        if not any(pool.results):
            raise
    return [member for member in pool.results if member is not None], interrupted


def _train(
    data: TrainingData,
    fold: Fold,
    recipe: Recipe,
    rng: np.random.RandomState,
    loss: Loss,
    row_losses: RowLosses,
    patience: float,
    n_epochs: int | None,
    clock: _Clock,
    n_threads: Callable[[], int],
) -> Generator[Member]:
    """Yield the member after each epoch; once closed, its network is that of its best one."""
    network = draw_network(data, fold, recipe, rng)
    validation = np.ascontiguousarray(data.X[fold.validation])
    out_of_fold = OutOfFold(
        fold.validation,
        row_losses,
        data.weights,
        data.n_outputs,
        data.X.dtype,
        GROUPS_OF_CLASSES if data.output == "softmax" else None,
        data.dependence.groups,
        EPOCHS_OF_CLASSES if data.output == "softmax" else 1,
    )
    member = Member(network, fold, out_of_fold.outputs)
    best = [array.copy() for array in network.arrays]
    some = np.ascontiguousarray(data.X[fold.training[:_FEW]])
    try:
        for epoch, costs in enumerate(
            train_epochs(network, data, fold, recipe, rng, clock=clock, n_threads=n_threads)
        ):
            member.costs += costs
            if len(fold.validation):
                with sharing(n_threads()):
                    H = network.forward(validation)
                found = loss(H, fold.validation)
                losses = member.validation_losses
                losses.append(np.inf if np.isnan(found) else found)
                improved = losses[-1] <= losses[member.best_epoch]
                out_of_fold.update(H)
            else:
                H, improved = network.forward(some), True
            quality = quality_of(H, data.Y, data.output)
            if quality and (quality > member.quality or (quality == member.quality and improved)):
                member.quality = quality
                member.best_epoch = epoch
                for kept, array in zip(best, network.arrays, strict=True):
                    kept[...] = array
            yield member
            if epoch - member.best_epoch > patience or epoch + 1 == n_epochs:
                break
        if not member.costs:  # diverged in its first epoch
            yield member
    finally:
        for kept, array in zip(best, network.arrays, strict=True):
            array[...] = kept


def draw_network(
    data: TrainingData, fold: Fold, recipe: Recipe, rng: np.random.RandomState
) -> TabularNetwork:
    """Draw an untrained network for the training rows of a fold."""
    X = data.X[fold.training]
    return initialize(data.layout, X, data.n_outputs, data.output, recipe, rng, data.signs)


def train_epochs(
    network: TabularNetwork,
    data: TrainingData,
    fold: Fold,
    recipe: Recipe,
    rng: np.random.RandomState,
    *,
    clock: Callable[[], float] = lambda: 0.0,
    n_threads: Callable[[], int] = lambda: 1,
) -> Generator[list[float]]:
    """Train a network on the training rows of a fold, and yield the cost of each epoch.

    Parameters
    ----------
    network : TabularNetwork
        Changed in place.
    data : TrainingData
    fold : Fold
    recipe : Recipe
    rng : RandomState
    clock : callable
        Returns the share of the time that has passed. Schedules follow it, or the epochs if these
        are further ahead.
    n_threads : callable
        Returns the number of threads for the next epoch.

    If the cost of a batch is not finite, training stops before that epoch ends.
    """
    rows = fold.training
    optimizer_slots = AdamW(1.0).start(network.arrays)
    batch_size = min(recipe.batch_size, len(rows))
    steps = len(rows) // batch_size  # rows that do not fill a batch are left out
    dropout_seed = int(rng.randint(2**31))
    examples = Examples(data.X, data.Y, data.weights)
    smoothing = recipe.label_smoothing
    objective = Objective(network.hidden, network.output, label_smoothing=smoothing)
    engine = NativeEngine(network.thetas, examples, objective, extra=network.extra)
    for epoch in range(recipe.max_iter):
        t = max(epoch / recipe.max_iter, clock())
        if t >= 1 and epoch > 0:
            break
        within = (np.arange(steps) + 0.5) / (steps * recipe.max_iter)  # the first rate is not 0
        falling = flat_cosine(t)
        descent = Descent(
            AdamW(
                recipe.learning_rate,
                recipe.beta_1,
                recipe.beta_2,
                weight_decay=recipe.weight_decay * falling,
            ),
            batch_size,
            dropout=[0, *[recipe.dropout * falling] * len(recipe.hidden_layer_sizes)],
            dropout_seed=dropout_seed,
        )
        rates = recipe.learning_rate * learning_rate_cycles(np.minimum(t + within, 1))
        order = rng.permutation(rows)[None, : steps * batch_size]
        size = _STEPS if network.signs else steps  # of a part that is trained in one call
        cost = 0.0
        with sharing(n_threads()):
            for begin in range(0, steps, size):
                part = slice(begin, min(begin + size, steps))
                report = engine.train(
                    descent,
                    optimizer_slots,
                    Epochs(
                        steps_before=epoch * steps + begin,
                        rates=rates[part],
                        order=order[:, part.start * batch_size : part.stop * batch_size],
                    ),
                )
                if report.status == "diverged":
                    return
                network.project()
                cost += float(report.costs[0]) * ((part.stop - part.start) / steps)
        yield [cost]
