"""Config: the settings of a training."""

from __future__ import annotations

from dataclasses import dataclass, field

from multilayer.engine.interface import Descent, Objective
from multilayer.schedules import Constant, Schedule

__all__ = ["Config"]


@dataclass(frozen=True)
class Config:
    """The numbers of the loop, in the words of the estimators' parameters.

    Attributes
    ----------
    objective : Objective
    descent : Descent or None
        None for L-BFGS.
    schedule : Schedule
        Of the learning rate.
    max_iter : int
        Epochs at most, or iterations of L-BFGS.
    schedule_epochs : int, optional
        The epochs that schedules reckon with; by default `max_iter`.
    shuffle : bool
        Draw a new order of the rows for each epoch of mini-batches.
    tol : float
    n_iter_no_change : float
        Epochs, or infinity.
    max_fun : int
        Evaluations of cost and gradient by L-BFGS at most.
    early_stopping : bool
        Stop by the score of the validation instead of the cost.
    restore_best : bool
        End with the best Θ instead of the last.
    incremental : bool
        One of many calls: the best Θ is put back when patience has ended.
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
