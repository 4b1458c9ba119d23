"""The interface of the engines: their input and output records, and the protocol `Engine`.

An engine is created for one network, one set of rows and one objective, which it checks once. It
then computes the cost, the gradient or epochs of training as often as needed.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from multilayer.activations import Activation
    from multilayer.losses import Loss
    from multilayer.optimizers import Optimizer
    from multilayer.outputs import Output

__all__ = [
    "Descent",
    "Engine",
    "Epochs",
    "Examples",
    "MakeEngine",
    "Objective",
    "PlateauCounter",
    "Report",
    "Shuffle",
    "Slots",
]

Floats = NDArray[Any]  # float32 or float64
Slots = Sequence[Sequence[Floats]]  # the state of the optimizer, see `Optimizer.start`


class Examples(NamedTuple):
    """Rows that a network is trained or evaluated on.

    Attributes
    ----------
    X : array, shape (m, s₁)
    Y : array, shape (m, K) or (m,)
        Targets, or integers: the class of each row (for one unit, its 0 or 1).
    weights : array, shape (m,), optional
        The weight of each row; the divisor of the cost is then their sum instead of m.
    """

    X: Any
    Y: NDArray[Any]
    weights: Floats | None = None


@dataclass(frozen=True)
class Objective:
    """The function that is minimised: the cost of the outputs, and penalties on the weights.

    Attributes
    ----------
    hidden : tuple of str or Activation
        The activation of each hidden layer.
    output : str or Softmax
        The output unit.
    loss : str or Loss
        A record of `multilayer.losses` or its name; "auto" is the output unit's own.
    label_smoothing : float
        ε, see `multilayer.losses.smooth`: how far targets are moved towards the uniform
        distribution.
    lambda_ : float
        λ, the strength of the penalty λ/(2m) Σ θ², without biases.
    l1 : float
        Strength of a penalty l1/m Σ |θ|, without biases; its slope at 0 is defined as 0.
    penalty_rows : float, optional
        The divisor of the penalties; by default the number of rows of the batch, or the sum of
        their weights.
    cost_share : float
        A factor of the data's part of the costs that `train` reports. The steps do not depend on
        it.
    """

    hidden: Sequence[str | Activation]
    output: Output
    loss: str | Loss = "auto"
    label_smoothing: float = 0.0
    lambda_: float = 0.0
    l1: float = 0.0
    penalty_rows: float | None = None
    cost_share: float = 1.0

    def without_penalties(self) -> Objective:
        """Return the cost of the outputs alone."""
        return replace(self, lambda_=0.0, l1=0.0, penalty_rows=None)


@dataclass(frozen=True)
class Descent:
    """The settings of a descent step.

    Attributes
    ----------
    optimizer : Optimizer
        A record of `multilayer.optimizers`.
    batch_size : int, optional
        The number of rows of a batch, except possibly the last of an epoch; by default all rows.
    clip_norm : float
        The maximum norm of D of all layers together, including the penalty; a longer D is scaled
        down.
    max_norm : float
        The maximum norm of the incoming weights of a unit, without its bias, after each step.
    dropout : sequence of float, optional
        The fraction of units that each step drops, at least 0 and less than 1: of the inputs, and
        of each hidden layer. See `multilayer.dropout`.
    dropout_seed : int
        From 0 to 2⁶⁴ − 1; together with the number of the step, it determines which units are
        dropped.
    """

    optimizer: Optimizer
    batch_size: int | None = None
    clip_norm: float = np.inf
    max_norm: float = np.inf
    dropout: Sequence[float] | None = None
    dropout_seed: int = 0


@dataclass
class PlateauCounter:
    """A counter of the epochs without improvement, carried from one call of `train` to the next.

    Attributes
    ----------
    best : float
        The lowest value so far.
    stale : int
        The number of consecutive epochs that were not below `best` by more than the tolerance.
    """

    best: float = np.inf
    stale: int = 0

    def count(self, cost: float, tol: float) -> int:
        """Record the cost of another epoch; return the updated `stale`."""
        self.stale = self.stale + 1 if cost > self.best - tol else 0
        self.best = min(self.best, cost)
        return self.stale


class Shuffle(NamedTuple):
    """A new order of the rows for each epoch.

    Attributes
    ----------
    rng : RandomState on an MT19937
        Its state advances as if it had shuffled itself.
    indices : ndarray of int64, shape (m,), or None
        Shuffled in place before each epoch, as `rng.shuffle(indices)` would do; it is then the
        order of that epoch. None for an engine that orders rows where they are stored.
    """

    rng: np.random.RandomState
    indices: NDArray[np.int64] | None = None


@dataclass
class Validation:
    """Rows on which the native engine scores each epoch of a call, and the rule of early stopping.

    Attributes
    ----------
    engine : NativeEngine
        The engine of these rows and the same Θ; the rows are dense or sparse as the training rows
        are.
    accuracy : bool
        Whether the score is the fraction of rows whose label is predicted correctly, for integer Y,
        without weights, and the output units' own loss; otherwise it is minus the cost.
    cost_share : float
        A factor of the cost.
    tol, patience : float
        Training stops after more than `patience` consecutive epochs with a score below the best
        score plus `tol`.
    best, stale : float, int
        The best score so far, and the number of consecutive epochs below it plus `tol`; updated in
        place.
    best_thetas : list of ndarray, shaped like Θ
        Θ of the best epoch is written to them; empty if it is not needed.
    scores, costs : list of float
        The scores and costs of the epochs of the call; set by it.
    """

    engine: Any
    accuracy: bool
    cost_share: float
    tol: float = 0.0
    patience: float = np.inf
    best: float = -np.inf
    stale: int = 0
    best_thetas: list[Floats] = field(default_factory=list)
    scores: list[float] = field(default_factory=list)
    costs: list[float] = field(default_factory=list)


@dataclass(frozen=True)
class Epochs:
    """The epochs of one call of `train`, and the criteria that end it early.

    Attributes
    ----------
    count : int
        The maximum number of epochs.
    steps_before : int
        The number of updates before this call.
    max_steps : int, optional
        The maximum number of updates.
    rates : ndarray of float64, shape (at most so many steps,), optional
        The learning rate of each step, instead of the optimizer's.
    order : ndarray of int, shape (count, rows of an epoch), optional
        The rows of each epoch, in order; by default all rows as they are stored.
    shuffle : Shuffle, optional
        Instead of `order`.
    tol, patience : float
        Training stops after more than `patience` consecutive epochs in which the cost was not below
        the best by more than `tol`. Without `patience`, this rule does not apply.
    plateau : PlateauCounter
        The state of that rule, updated in place.
    validation : Validation, optional
        Scores each epoch on other rows; only the native engine supports this.
    """

    count: int = 1
    steps_before: int = 0
    max_steps: int | None = None
    rates: NDArray[np.float64] | None = None
    order: NDArray[np.integer] | None = None
    shuffle: Shuffle | None = None
    tol: float = -np.inf
    patience: float | None = None
    plateau: PlateauCounter = field(default_factory=PlateauCounter)
    validation: Validation | None = None

    @property
    def most_steps(self) -> float:
        """The limit on the number of updates; infinity if only the number of epochs limits them."""
        limit = np.inf if self.max_steps is None else self.max_steps
        return limit if self.rates is None else min(limit, len(self.rates))

    def ends_after(self, cost: float) -> bool:
        """Record the cost of a finished epoch; return whether the plateau is too long."""
        stale = self.plateau.count(cost, self.tol)
        return stale > (np.inf if self.patience is None else self.patience)


class Report(NamedTuple):
    """The result of a call of `train`.

    Attributes
    ----------
    costs : ndarray of float64, shape (finished epochs,)
        The mean over the rows of each epoch of their batch's cost before its update.
    steps : int
        Updates made.
    status : {"finished", "converged", "diverged", "interrupted"}
        "diverged" if the cost of a batch was infinite or NaN; its step is not made. "interrupted"
        after Ctrl-C: Θ and slots are those of the last finished epoch.
    """

    costs: NDArray[np.float64]
    steps: int
    status: str


class Engine(Protocol):
    """An object that computes the objective of one network on some rows, and minimises it.

    It reads and changes Θ in place, so that changes of the arrays by others take effect.

    Attributes
    ----------
    shuffles_indices : bool
        Whether `train` takes the order of the rows from `Shuffle.indices`.
    """

    shuffles_indices: ClassVar[bool]

    def cost(self) -> float:
        """Compute the cost J, as `equations.cost` does."""

    def cost_and_gradient(self) -> tuple[float, list[Floats]]:
        """Compute J and its gradient D, as `equations.cost` and `equations.backpropagation` do."""

    def train(self, descent: Descent, slots: Slots, epochs: Epochs) -> Report:
        """Train for many epochs; Θ and the slots are changed in place."""


# Θ, the rows and the objective -> an engine for them
MakeEngine = Callable[[Sequence[Floats], Examples, Objective], Engine]
