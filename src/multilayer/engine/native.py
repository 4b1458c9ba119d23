"""The only door to the native code: arrays are checked once, then handed over as they lie."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from operator import is_
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from multilayer import _native
from multilayer.embedding import Beside, n_columns
from multilayer.engine.validation import (
    HUGE,
    Floats,
    check_alone,
    check_beside,
    check_bound,
    check_dense,
    check_dropout,
    check_examples,
    check_inputs,
    check_loss,
    check_network,
    check_optimizer,
    check_order,
    check_rates,
    check_shuffle,
    check_strength,
    check_threads,
    check_writeable,
)

if TYPE_CHECKING:
    from multilayer.activations import Activation
    from multilayer.losses import Loss, Output
    from multilayer.optimizers import Optimizer

__all__ = ["Forward", "Progress", "Report", "cost", "cost_and_gradient", "forward", "train"]


@dataclass
class Progress:
    """State of the stopping rule, carried from one call of `train` to the next.

    Attributes
    ----------
    best : float
        The lowest cost of an epoch so far.
    stale : int
        How many epochs in a row have not come below `best` by more than `tol`.
    """

    best: float = np.inf
    stale: int = 0

    def count(self, cost: float, tol: float) -> int:
        """Note the cost of a further epoch; give how many are now stale."""
        self.stale = self.stale + 1 if cost > self.best - tol else 0
        self.best = min(self.best, cost)
        return self.stale


class Report(NamedTuple):
    """What a call of `train` did.

    Attributes
    ----------
    costs : ndarray of float64, shape (finished epochs,)
        The mean over the rows of each epoch of their batch's cost before its update.
    steps : int
        Updates made.
    status : {"finished", "converged", "diverged", "interrupted"}
    """

    costs: NDArray[np.float64]
    steps: int
    status: str


def forward(
    thetas: Sequence[Floats],
    X: Floats,
    hidden: Sequence[str | Activation],
    output: Output,
    n_threads: int | None = None,
    *,
    beside: Beside | None = None,
) -> Floats:
    """Carry X through the network.

    Parameters
    ----------
    thetas : sequence of C-contiguous arrays, shapes (s_{l+1}, s_l + 1)
        Θ, biases in column 0; all float32 or all float64.
    X : ndarray or SciPy sparse matrix or array, shape (m, s_1)
        Of the dtype of Θ, in any layout. A sparse one is never made dense; it is copied only where
        it is not in CSR format.
    hidden : sequence of str
        The activation of each hidden layer.
    output : str or Softmax
        The output unit.
    n_threads : int, optional
        How many threads at most; by default as many as the process may use.
    beside : Beside, optional
        What is trained beside Θ: an embedding of the inputs, mixed activations.

    Returns
    -------
    H : ndarray, shape (m, K)

    Raises
    ------
    ValueError, TypeError
        When an argument breaks one of these rules.
    """
    return Forward(thetas, hidden, output, beside)(X, n_threads)


class Forward:
    """`forward` through one network, checked once for many calls.

    It reads Θ where they lie, so that changes within the arrays are seen.

    Parameters
    ----------
    thetas, hidden, output, beside
        As for `forward`.
    """

    def __init__(
        self,
        thetas: Sequence[Floats],
        hidden: Sequence[str | Activation],
        output: Output,
        beside: Beside | None = None,
    ) -> None:
        codes = check_network(thetas, hidden, output)
        self._beside = beside
        self._thetas, self._units = tuple(thetas), (*hidden, output)
        self._inputs, self._outputs = n_columns(thetas, beside), thetas[-1].shape[0]
        native = _native.Forward32 if thetas[0].itemsize == 4 else _native.Forward64
        self._into = native(list(thetas), *codes, check_beside(beside, thetas)).into

    def __call__(self, X: Floats, n_threads: int | None = None) -> Floats:
        """Carry X, (m, s_1), dense or sparse, through the network."""
        check_dense(X, self._beside)
        inputs, m = check_inputs(X, self._thetas[0], columns=self._inputs)
        H = np.empty((m, self._outputs), X.dtype)
        if m:
            self._into(inputs, H, 0 if n_threads is None else check_threads(n_threads))
        return H

    def goes_through(
        self, thetas: Sequence[Floats], hidden: Sequence[str | Activation], output: Output
    ) -> bool:
        """Whether it was made of these very arrays, and of units of these names."""
        return (
            len(thetas) == len(self._thetas)
            and all(map(is_, thetas, self._thetas))
            and (*hidden, output) == self._units
        )


def cost_and_gradient(
    thetas: Sequence[Floats],
    X: Floats,
    Y: NDArray[Any],
    hidden: Sequence[str | Activation],
    output: Output,
    lambda_: float = 0.0,
    weights: Floats | None = None,
    n_threads: int | None = None,
    *,
    loss: str | Loss = "auto",
    label_smoothing: float = 0.0,
    l1: float = 0.0,
    beside: Beside | None = None,
) -> tuple[float, list[Floats]]:
    """Compute cost J and gradient D, as `equations.cost` and `equations.backpropagation` do.

    Parameters
    ----------
    thetas, X, hidden, output, n_threads, beside
        As for `forward`.
    Y : ndarray, shape (m, K) or (m,)
        Targets of the dtype of Θ, or integers: the class of each row (for one unit, its 0 or 1).
    lambda_ : float
        λ, the strength of the penalty.
    weights : ndarray, shape (m,), optional
        The weight of each row; the divisor of J is then their sum instead of m.
    loss : str or Loss
        A record of `multilayer.losses` or its name; "auto" is the output unit's own.
    label_smoothing : float
        ε, see `multilayer.losses.smooth`: how far targets are drawn towards all classes alike.
    l1 : float
        Strength of a penalty l1/m Σ |θ|, biases left out; its slope at 0 counts as 0.

    Returns
    -------
    J : float
    D : list of ndarrays, shaped like `thetas`, then like the arrays of `beside`

    Raises
    ------
    ValueError, TypeError
        When an argument breaks one of these rules.
    """
    arrays = [*thetas, *(beside.arrays if beside else ())]
    gradients = [np.empty_like(array) for array in arrays]
    judged = (loss, label_smoothing)
    penalty = (lambda_, l1)
    J = _cost(thetas, X, Y, hidden, output, judged, penalty, weights, gradients, n_threads, beside)
    return J, gradients


def cost(
    thetas: Sequence[Floats],
    X: Floats,
    Y: NDArray[Any],
    hidden: Sequence[str | Activation],
    output: Output,
    lambda_: float = 0.0,
    weights: Floats | None = None,
    n_threads: int | None = None,
    *,
    loss: str | Loss = "auto",
    label_smoothing: float = 0.0,
    l1: float = 0.0,
    beside: Beside | None = None,
) -> float:
    """Compute the cost J alone; parameters and errors are those of `cost_and_gradient`."""
    judged = (loss, label_smoothing)
    penalty = (lambda_, l1)
    return _cost(thetas, X, Y, hidden, output, judged, penalty, weights, [], n_threads, beside)


def train(
    thetas: Sequence[Floats],
    X: Floats,
    Y: NDArray[Any],
    hidden: Sequence[str | Activation],
    output: Output,
    optimizer: Optimizer,
    slots: Sequence[Sequence[Floats]],
    *,
    loss: str | Loss = "auto",
    label_smoothing: float = 0.0,
    lambda_: float = 0.0,
    l1: float = 0.0,
    penalty_rows: float | None = None,
    cost_share: float = 1.0,
    clip_norm: float = np.inf,
    max_norm: float = np.inf,
    rates: NDArray[np.float64] | None = None,
    weights: Floats | None = None,
    batch_size: int | None = None,
    order: NDArray[np.integer] | None = None,
    rows: NDArray[np.int64] | None = None,
    rng: np.random.RandomState | None = None,
    epochs: int = 1,
    steps_before: int = 0,
    max_steps: int | None = None,
    tol: float = -np.inf,
    patience: float | None = None,
    progress: Progress | None = None,
    dropout: Sequence[float] | None = None,
    dropout_seed: int = 0,
    n_threads: int | None = None,
    beside: Beside | None = None,
) -> Report:
    """Train for many epochs in one call; Θ and the slots are changed in place.

    Parameters
    ----------
    thetas, X, Y, hidden, output, loss, label_smoothing, lambda_, weights, n_threads, beside
        As for `cost_and_gradient`; Θ must be writeable, and what is trained beside them, which
        goes without l1, clip_norm, max_norm, a penalty and, for an embedding, dropout of inputs.
    optimizer : Optimizer
        A record of `multilayer.optimizers`.
    slots : sequence of sequences of arrays shaped like Θ
        What the optimizer remembers, see `Optimizer.start`; of Θ, then of the arrays of `beside`.
    l1 : float
        Strength of a penalty l1/m Σ |θ|, biases left out; its slope at 0 counts as 0.
    penalty_rows : float, optional
        What the penalties are divided by; by default the rows of the batch, or their weights.
    cost_share : float
        By what the data's part of a reported cost is multiplied; steps do not depend on it.
    clip_norm : float
        D of all layers together, the penalty's part included, is scaled down to this length.
    max_norm : float
        After each step the incoming weights of a unit, its bias left out, are scaled down to this
        length.
    rates : ndarray of float64, shape (at most so many steps,), optional
        The learning rate of each step, in place of the optimizer's.
    batch_size : int, optional
        Rows of a batch, the last of an epoch may be smaller; by default all rows.
    order : ndarray of int, shape (epochs, rows of an epoch), optional
        The rows that each epoch takes, in their order; by default all as they lie.
    rows : ndarray of int64, shape (m,), optional
        Row numbers that are shuffled in place before each epoch, as `rng.shuffle(rows)` would do
        it, and then are the order of that epoch.
    rng : RandomState on an MT19937, optional
        Draws that order; its state goes on as if it had shuffled itself. Goes with `rows`.
    epochs : int
        How many epochs at most.
    steps_before : int
        Updates made before this call.
    max_steps : int, optional
        How many updates at most.
    tol, patience : float
        Stop when, more than `patience` epochs in a row, the cost has not come below the best by
        more than `tol`. No `patience`, no such stop.
    progress : Progress, optional
        State of that rule, updated in place.
    dropout : sequence of float, optional
        The share of units that each step leaves out, at least 0 and less than 1: of the inputs, and
        of each hidden layer. See `multilayer.dropout`.
    dropout_seed : int
        From 0 to 2⁶⁴ − 1; with the number of the step it tells which.

    Returns
    -------
    report : Report
        `status` is "diverged" when the cost of a batch was infinite or NaN: its step is not made.
        It is "interrupted" after Ctrl-C: Θ and slots are those of the last finished epoch.

    Raises
    ------
    ValueError, TypeError
        When an argument breaks one of these rules.
    """
    codes = check_network(thetas, hidden, output)
    check_dense(X, beside)
    examples = check_examples(thetas, X, Y, weights, n_columns(thetas, beside))
    extra = check_beside(beside, thetas)
    m = X.shape[0]
    check_alone(beside, lambda_, l1, clip_norm < np.inf, max_norm < np.inf)
    arrays = [*thetas, *extra[2]]
    names = [f"Θ{l}" for l in range(1, len(thetas) + 1)] + (beside.names if beside else [])
    for name, array in zip(names, arrays, strict=True):
        check_writeable(name, array)
    rule, numbers = check_optimizer(optimizer, slots, arrays)
    order = check_order(order, epochs, m)
    epoch_rows = m if order is None else order.shape[1]
    batch_size = epoch_rows if batch_size is None else batch_size
    if not 1 <= batch_size <= epoch_rows:
        raise ValueError(
            f"batch_size must be from 1 to the number of rows, {epoch_rows}: {batch_size}"
        )
    for name, value in [
        ("epochs", epochs),
        ("steps_before", steps_before),
        ("max_steps", max_steps or 0),
    ]:
        if not 0 <= value <= HUGE:
            raise ValueError(f"{name} must be from 0 to {HUGE}: {value}")
    progress = Progress() if progress is None else progress
    state = check_shuffle(rows, rng, order, m)
    course = _native.Course()
    course.lambda_, course.l1 = check_strength("lambda_", lambda_), check_strength("l1", l1)
    course.penalty_rows = 0.0 if penalty_rows is None else check_bound("penalty_rows", penalty_rows)
    course.share = check_bound("cost_share", cost_share)
    course.clip_norm = check_bound("clip_norm", clip_norm)
    course.max_norm = check_bound("max_norm", max_norm)
    course.batch_size, course.epochs = int(batch_size), int(epochs)
    course.steps_before = int(steps_before)
    course.max_steps = HUGE if max_steps is None else int(max_steps)
    if rates is not None:  # there is a rate for each step
        course.max_steps = min(course.max_steps, len(rates))
    course.tol, course.patience = float(tol), np.inf if patience is None else float(patience)
    course.best, course.stale = float(progress.best), progress.stale
    course.dropout, course.dropout_seed = check_dropout(dropout, dropout_seed, thetas)
    if extra[0] and any(course.dropout[:1]):
        raise ValueError(f"inputs that are embedded have no dropout: {course.dropout[0]}")
    costs, steps, status, progress.best, progress.stale, position = _native.train(
        list(thetas),
        *examples,
        *codes,
        extra,
        *check_loss(loss, output, label_smoothing, Y, len(thetas[-1])),
        rule,
        numbers,
        [list(slot) for slot in slots],
        order,
        rows,
        state["state"]["key"] if state else None,
        state["state"]["pos"] if state else 0,
        check_rates(rates),
        course,
        check_threads(n_threads),
    )
    if rng is not None and state is not None:
        state["state"]["pos"] = position
        rng.set_state(state)
    return Report(np.array(costs, np.float64), steps, status)


def _cost(
    thetas: Sequence[Floats],
    X: Floats,
    Y: NDArray[Any],
    hidden: Sequence[str | Activation],
    output: Output,
    judged: tuple[str | Loss, float],
    penalty: tuple[float, float],
    weights: Floats | None,
    gradients: list[Floats],
    n_threads: int | None,
    beside: Beside | None,
) -> float:
    codes = check_network(thetas, hidden, output)
    check_dense(X, beside)
    check_alone(beside, *penalty)
    examples = check_examples(thetas, X, Y, weights, n_columns(thetas, beside))
    return _native.cost(
        list(thetas),
        *examples,
        *codes,
        check_beside(beside, thetas),
        *check_loss(judged[0], output, judged[1], Y, len(thetas[-1])),
        check_strength("lambda_", penalty[0]),
        check_strength("l1", penalty[1]),
        gradients,
        check_threads(n_threads),
    )
