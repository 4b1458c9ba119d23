"""Config: the settings of training."""

from __future__ import annotations

from dataclasses import dataclass, field

from multilayer.engine.interface import Descent, Objective
from multilayer.schedules import Constant, Schedule

__all__ = ["Config"]


@dataclass(frozen=True)
class Config:
    """The settings of the loop, named as the parameters of the estimators.

    Attributes
    ----------
    objective : Objective
    descent : Descent or None
        None for L-BFGS.
    schedule : Schedule
        The schedule of the learning rate.
    max_iter : int
        The maximum number of epochs, or of iterations of L-BFGS.
    schedule_epochs : int, optional
        The number of epochs that schedules assume; by default `max_iter`.
    shuffle : bool
        Whether to draw a new order of the rows for each epoch of mini-batches.
    tol : float
    n_iter_no_change : float
        A number of epochs, or infinity.
    max_fun : int
        The maximum number of evaluations of cost and gradient by L-BFGS.
    early_stopping : bool
        Whether to stop by the validation score instead of the cost.
    restore_best : bool
        Whether to end with the best Θ instead of the last.
    incremental : bool
        Whether this is one of many calls, so that the best Θ is restored when patience has run out.
    """

    objective: Objective
    descent: Descent | None = None
    schedule: Schedule = field(default_factory=Constant)
    max_iter: int = 200
    schedule_epochs: int | None = None
    shuffle: bool = True
    tol: float = 1e-4
    n_iter_no_change: float = 10
    max_fun: int = 15_000
    early_stopping: bool = False
    restore_best: bool = False
    incremental: bool = False
