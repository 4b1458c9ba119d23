"""The members of an ensemble: each a network trained on its own part of the rows, side by side."""

from __future__ import annotations

import time
from collections.abc import Callable, Generator, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from multilayer.embedding import Floats
from multilayer.engine.interface import Descent, Epochs, Examples, Objective
from multilayer.engine.native import NativeEngine
from multilayer.engine.threads import available_threads, sharing
from multilayer.optimizers import AdamW
from multilayer.tabular.network import Layout, TabularNetwork, start
from multilayer.tabular.recipe import Recipe, flat_cosine, learning_rate_cycles
from multilayer.training.tasks import TaskPool

__all__ = ["Fold", "Lesson", "Member", "deal", "draw_network", "train_epochs", "train_members"]

Rows = NDArray[np.int64]
Judge = Callable[[Floats, Rows], float]  # of outputs and the rows they belong to; small is good


@dataclass(frozen=True)
class Lesson:
    """What is to be learned.

    Attributes
    ----------
    X : ndarray, shape (m, n_columns)
        The encoded table.
    Y : ndarray
        Classes (m,) as int32, or numbers (m, K) of the dtype of X.
    weights : ndarray, shape (m,), optional
    layout : Layout
    n_outputs : int
    output : {"softmax", "identity"}
    """

    X: Floats
    Y: NDArray[Any]
    weights: Floats | None
    layout: Layout
    n_outputs: int
    output: str


@dataclass(frozen=True)
class Fold:
    """Rows that one member learns from, rows that choose its epoch, and rows kept out of both."""

    training: Rows
    validation: Rows
    spare: Rows = field(default_factory=lambda: np.empty(0, np.int64))


@dataclass
class Member:
    """A trained network and how it came about.

    Attributes
    ----------
    network : TabularNetwork
        As it was after its best epoch.
    fold : Fold
    costs : list of float
        Of each epoch, by dropout and label smoothing.
    judgements : list of float
        Of each epoch, on the validation rows; empty where there are none.
    best : int
        The best epoch, from 0; the last of equally good ones.
    blind : ndarray, shape (rows of fold.validation, K)
        Outputs for the validation rows that no row's own target has chosen; see `train_members`.
    """

    network: TabularNetwork
    fold: Fold
    blind: Floats
    costs: list[float] = field(default_factory=list)
    judgements: list[float] = field(default_factory=list)
    best: int = 0


def deal(y: NDArray[Any], n: int, rng: np.random.RandomState, n_spare: int = 0) -> list[Fold]:
    """Cut the rows into n folds that all look like y, be it classes or numbers.

    The rows, sorted by y and in random order where it is equal, are dealt out n at a time; so each
    row validates once, and each class is in as many folds as it has rows. Of the rows, n_spare,
    drawn at random, are left out by a second member too: there the two can be compared.
    """
    m = len(y)
    order = rng.permutation(m)
    order = order[np.argsort(y[order], kind="stable")]
    hands = np.concatenate([rng.permutation(n) for _ in range(-(-m // n))])[:m]
    fold = np.empty(m, np.int64)
    fold[order] = hands
    second = np.full(m, -1)
    if n_spare:
        drawn = rng.permutation(m)[:n_spare]
        second[drawn] = (fold[drawn] + rng.randint(1, n, size=len(drawn))) % n
    return [
        Fold(
            np.flatnonzero((fold != k) & (second != k)),
            np.flatnonzero(fold == k),
            np.flatnonzero(second == k),
        )
        for k in range(n)
    ]


class _Blind:
    """Outputs of the validation rows, those of each part from the epoch that the others choose.

    Outputs of the epoch that is best on all of them would look too good: it was chosen for that.
    """

    _PARTS = 4

    def __init__(self, rows: Rows, judge: Judge) -> None:
        part = np.arange(len(rows)) % self._PARTS
        self._parts = [(part == k, part != k) for k in range(min(self._PARTS, len(rows)))]
        self._least = [np.inf] * self._PARTS
        self._rows, self._judge = rows, judge

    def look(self, outputs: Floats, H: Floats) -> None:
        """Take over into outputs what is chosen of H."""
        for k, (own, others) in enumerate(self._parts):
            choosing = others if others.any() else own
            judged = self._judge(H[choosing], self._rows[choosing])
            if judged <= self._least[k] or np.isinf(self._least[k]):
                self._least[k] = judged
                outputs[own] = H[own]


class _Clock:
    """How far a member's time has run: it has a share of the limit."""

    def __init__(self, seconds: float | None) -> None:
        self._seconds, self._began = seconds, time.perf_counter()

    def __call__(self) -> float:
        if self._seconds is None:
            return 0.0
        return (time.perf_counter() - self._began) / max(self._seconds, 1e-9)


def train_members(
    lesson: Lesson,
    folds: Sequence[Fold],
    recipe: Recipe,
    seeds: Sequence[int],
    judge: Judge,
    blind_judge: Judge,
    *,
    patience: float = np.inf,
    seconds: float | None = None,
    watch: Callable[[], None] = lambda: None,
) -> tuple[list[Member], bool]:
    """Train a network for each fold, as many at a time as there are threads.

    The result does not depend on their number.

    Parameters
    ----------
    lesson : Lesson
    folds : sequence of Fold
    recipe : Recipe
    seeds : sequence of int, one for each fold
    judge : callable
        Gives of outputs and their rows what is to be small.
    blind_judge : callable
        As `judge`; by it each quarter of a fold's validation rows has an epoch chosen by the
        other three, whose outputs `Member.blind` keeps: what is to be expected for new rows.
    patience : float
        Epochs in a row without a better one, after which a member ends.
    seconds : float, optional
        About how long all may take; looked at between epochs.
    watch : callable
        Called after each epoch of each member.

    Returns
    -------
    members : list of Member
        After Ctrl-C, those that have finished at least one epoch.
    interrupted : bool
        Whether there was a Ctrl-C.

    Raises
    ------
    ValueError
        If training diverges in its first epoch.
    """
    threads = available_threads()
    workers = min(len(folds), threads)
    seconds_each = None if seconds is None else seconds * workers / len(folds)
    pool: TaskPool[Member | None] = TaskPool(workers, threads)

    def run(fold: Fold, seed: int) -> Member | None:
        course = _train(
            lesson,
            fold,
            recipe,
            np.random.RandomState(seed),
            judge,
            blind_judge,
            patience,
            _Clock(seconds_each),
            pool.share,
        )
        member = None
        with closing(course):  # which leaves the network as it was after its best epoch
            for state in course:
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
    lesson: Lesson,
    fold: Fold,
    recipe: Recipe,
    rng: np.random.RandomState,
    judge: Judge,
    blind_judge: Judge,
    patience: float,
    clock: _Clock,
    n_threads: Callable[[], int],
) -> Generator[Member]:
    """Yield the member after each epoch; once closed, its network is that of its best one."""
    network = draw_network(lesson, fold, recipe, rng)
    blind_outputs = np.zeros((len(fold.validation), lesson.n_outputs), lesson.X.dtype)
    member = Member(network, fold, blind_outputs)
    validation = np.ascontiguousarray(lesson.X[fold.validation])
    blind = _Blind(fold.validation, blind_judge)
    best = [array.copy() for array in network.arrays]
    try:
        for epoch, costs in enumerate(
            train_epochs(network, lesson, fold, recipe, rng, clock=clock, n_threads=n_threads)
        ):
            member.costs += costs
            if len(fold.validation):
                with sharing(n_threads()):
                    H = network.forward(validation)
                judged = judge(H, fold.validation)
                # What cannot be judged is as bad as can be.
                member.judgements.append(np.inf if np.isnan(judged) else judged)
                improved = member.judgements[-1] <= member.judgements[member.best]
                blind.look(member.blind, H)
            else:
                improved = True
            if improved:
                member.best = epoch
                for kept, array in zip(best, network.arrays, strict=True):
                    kept[...] = array
            yield member
            if epoch - member.best > patience:
                break
    finally:
        for kept, array in zip(best, network.arrays, strict=True):
            array[...] = kept


def draw_network(
    lesson: Lesson, fold: Fold, recipe: Recipe, rng: np.random.RandomState
) -> TabularNetwork:
    """Give a network that has learned nothing yet."""
    X = lesson.X[fold.training]
    return start(lesson.layout, X, lesson.n_outputs, lesson.output, recipe, rng)


def train_epochs(
    network: TabularNetwork,
    lesson: Lesson,
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
    lesson : Lesson
    fold : Fold
    recipe : Recipe
    rng : RandomState
    clock : callable
        Gives the share of the time that is over: schedules run with it, or with the epochs if those
        are further.
    n_threads : callable

    Raises
    ------
    ValueError
        If training diverges in its first epoch; in a later one it ends.
    """
    rows = fold.training
    optimizer_slots = AdamW(1.0).start(network.arrays)
    batch_size = min(recipe.batch_size, len(rows))
    steps = len(rows) // batch_size  # what does not fill a batch waits for another epoch
    dropout_seed = int(rng.randint(2**31))
    examples = Examples(lesson.X, lesson.Y, lesson.weights)
    smoothing = recipe.label_smoothing
    objective = Objective(network.hidden, network.output, label_smoothing=smoothing)
    engine = NativeEngine(network.thetas, examples, objective, extra=network.extra)
    for epoch in range(recipe.max_iter):
        t = max(epoch / recipe.max_iter, clock())
        if t >= 1 and epoch > 0:
            break
        within = (np.arange(steps) + 0.5) / (steps * recipe.max_iter)  # no first rate of 0
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
        with sharing(n_threads()):
            report = engine.train(
                descent,
                optimizer_slots,
                Epochs(steps_before=epoch * steps, rates=rates, order=order),
            )
        if report.status == "diverged":
            if epoch == 0:
                raise ValueError(
                    "training diverged in its first epoch: learning_rate_init must be smaller "
                    f"than {recipe.learning_rate:g}, or the data of a more ordinary scale"
                )
            break
        yield report.costs.tolist()
