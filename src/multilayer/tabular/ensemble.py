"""The members of an ensemble: networks trained in parallel, each on its own part of the rows."""

from __future__ import annotations

import time
from collections.abc import Callable, Generator, Sequence
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
from multilayer.tabular.checkpoints import (
    MOST_CHECKPOINTS,
    Checkpoints,
    losses_of_others,
    number_within,
)
from multilayer.tabular.divergence import quality_of
from multilayer.tabular.folds import Fold, Rows
from multilayer.tabular.network import Layout, TabularNetwork, initialize
from multilayer.tabular.out_of_fold import (
    EPOCHS_OF_CLASSES,
    GROUPS_OF_CLASSES,
    RowLosses,
    groups_of,
    out_of_fold,
)
from multilayer.tabular.recipe import Recipe, flat_cosine, learning_rate_cycles
from multilayer.tabular.scoring import mean
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
        The network after the epoch that was chosen.
    fold : Fold
    checkpoints : Checkpoints
        The epochs to choose from: the trained arrays. None are kept afterwards.
    history : Checkpoints
        Outputs for the validation rows, and their losses, of the same and more epochs. None are
        kept afterwards.
    out_of_fold : ndarray, shape (rows of fold.validation, K)
        Outputs for the validation rows, from epochs that were chosen without their own targets;
        see `train_members`.
    costs : list of float
        Training cost of each epoch, with dropout and label smoothing.
    validation_losses : list of float
        Of each epoch; empty if there are no validation rows.
    best_epoch : int
        The chosen epoch, counted from 0.
    """

    network: TabularNetwork
    fold: Fold
    checkpoints: Checkpoints
    history: Checkpoints
    out_of_fold: Floats
    costs: list[float] = field(default_factory=list)
    validation_losses: list[float] = field(default_factory=list)
    best_epoch: int = 0

    @property
    def quality(self) -> int:
        """The quality of the outputs; see `multilayer.tabular.divergence`."""
        return self.checkpoints.quality


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
    row_losses: RowLosses,
    *,
    loss: Loss | None = None,
    patience: float = np.inf,
    n_epochs: int | None = None,
    seconds: float | None = None,
    watch: Callable[[], None] = lambda: None,
) -> tuple[list[Member], bool]:
    """Train a network for each fold, as many at a time as there are threads, and choose its epoch.

    The result does not depend on the number of threads.

    Parameters
    ----------
    data : TrainingData
    folds : sequence of Fold
    recipe : Recipe
    seeds : sequence of int, one for each fold
    row_losses : callable
        From outputs and their rows to the loss of each row. The epoch of a member is the one where
        the mean loss of its validation rows plus that of the other members is the smallest, of a
        few that are best on its own rows alone. For each validation row, other rows choose epochs
        in the same way, whose mean outputs are in `Member.out_of_fold`: what to expect for new
        rows.
    loss : callable, optional
        From outputs and their rows to the validation loss of a member, instead of that mean.
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
            row_losses,
            loss,
            len(folds),
            patience,
            n_epochs,
            _Clock(seconds_each),
            pool.share,
        )
        latest = None
        for member in states:
            latest = member
            watch()
            if pool.stop.is_set():
                break
        return latest

    interrupted = False
    try:
        pool.run(run, list(zip(folds, seeds, strict=True)))
    except KeyboardInterrupt:
        interrupted = True
        if not any(pool.results):
            raise
    members = [member for member in pool.results if member is not None]
    _choose_epochs(members, data, by_others=loss is None)
    return members, interrupted


def _train(
    data: TrainingData,
    fold: Fold,
    recipe: Recipe,
    rng: np.random.RandomState,
    row_losses: RowLosses,
    loss: Loss | None,
    n_members: int,
    patience: float,
    n_epochs: int | None,
    clock: _Clock,
    n_threads: Callable[[], int],
) -> Generator[Member]:
    """Yield the member after each epoch."""
    network = draw_network(data, fold, recipe, rng)
    validation = np.ascontiguousarray(data.X[fold.validation])
    H = np.zeros((len(validation), data.n_outputs), data.X.dtype)
    n_bytes = sum(array.nbytes for array in network.arrays)
    most = number_within(n_bytes, n_members, MOST_CHECKPOINTS) if len(validation) else 1
    epochs = number_within(H.nbytes, n_members, recipe.max_iter)
    member = Member(network, fold, Checkpoints(most), Checkpoints(epochs), H)
    some = np.ascontiguousarray(data.X[fold.training[:_FEW]])
    weights = None if data.weights is None else data.weights[fold.validation]
    for epoch, costs in enumerate(
        train_epochs(network, data, fold, recipe, rng, clock=clock, n_threads=n_threads)
    ):
        member.costs += costs
        found = 0.0  # without validation rows, the last epoch is the best
        with sharing(n_threads()):
            H = network.forward(validation if len(validation) else some)
        quality = quality_of(H, data.Y, data.output)
        if len(validation):
            losses = row_losses(H, fold.validation)
            found = mean(losses, weights) if loss is None else loss(H, fold.validation)
            found = np.inf if np.isnan(found) else found
            member.validation_losses.append(found)
            member.history.add(epoch, quality, found, [H, losses])
        member.checkpoints.add(epoch, quality, found, network.arrays)
        yield member
        if member.checkpoints.kept and epoch - member.checkpoints.best.epoch > patience:
            break
        if epoch + 1 == n_epochs:
            break
    if not member.costs:  # diverged in its first epoch
        yield member


def _choose_epochs(members: Sequence[Member], data: TrainingData, *, by_others: bool) -> None:
    """Take each member from one of its checkpoints, chosen by its own rows and by the others'."""
    classes = data.output == "softmax"
    others = losses_of_others([member.validation_losses for member in members])
    for member, of_others in zip(members, others, strict=True):
        kept, history, rows = member.checkpoints.kept, member.history.kept, member.fold.validation
        if not kept:  # all epochs diverged
            continue
        best = member.checkpoints.best
        if history:
            total = np.array([c.loss + of_others[c.epoch] for c in kept])
            best = kept[len(kept) - 1 - int(total[::-1].argmin())]  # the last of equal ones
            outputs, losses = (np.stack([c.arrays[k] for c in history]) for k in (0, 1))
            member.out_of_fold = out_of_fold(
                outputs,
                losses,
                of_others[[c.epoch for c in history]] * by_others,
                groups_of(rows, GROUPS_OF_CLASSES if classes else None, data.dependence.groups),
                None if data.weights is None else data.weights[rows],
                EPOCHS_OF_CLASSES if classes else 1,
            )
        member.best_epoch = best.epoch
        for array, then in zip(member.network.arrays, best.arrays, strict=True):
            array[...] = then
        member.checkpoints.kept, member.history.kept = [], []


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
