"""Schedules: the learning rate as a factor of `learning_rate_init`, step by step or on demand."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Steps = NDArray[np.float64]


class Course(NamedTuple):
    """Where training stands when it asks for the next factors.

    Attributes
    ----------
    first : int
        The number of the next step.
    samples : int
        Rows seen so far, in all epochs.
    rows : int
        Rows of an epoch.
    steps_per_epoch, total_steps : int
    """

    first: int
    samples: int
    rows: int
    steps_per_epoch: int
    total_steps: int


class Schedule:
    """A course of the learning rate; training reads those that are no function of the step."""


class StepSchedule(Schedule, ABC):
    """A schedule that is a function of the step."""

    @abstractmethod
    def factors(self, steps: Steps, course: Course) -> Steps:
        """Factors of the learning rate for steps 0, 1, …, an array of any length."""


@dataclass(frozen=True)
class Constant(Schedule):
    """The learning rate stays as it is."""


@dataclass(frozen=True)
class Adaptive(Schedule):
    """Where training would stop, the learning rate is divided instead, down to a least one.

    As scikit-learn's "adaptive".

    Parameters
    ----------
    divisor : float, default=5.0
    least : float, default=1e-6
        From here on (the rate itself, not a factor) training stops.
    """

    divisor: float = 5.0
    least: float = 1e-6

    def __post_init__(self) -> None:
        _check("divisor", self.divisor, self.divisor > 1, "greater than 1")
        _check("least", self.least, self.least > 0, "positive")


@dataclass(frozen=True)
class Plateau(Schedule):
    """The learning rate falls when the cost, or the validation score, stays where it is.

    Parameters
    ----------
    factor : float in (0, 1), default=0.2
    patience : int, default=5
        Epochs in a row that may bring nothing better by `tol`; fewer than `n_iter_no_change`, or
        training ends before.
    least : float, default=1e-6
        The rate does not fall below this.
    """

    factor: float = 0.2
    patience: int = 5
    least: float = 1e-6

    def __post_init__(self) -> None:
        _check("factor", self.factor, 0 < self.factor < 1, "between 0 and 1")
        _check("patience", self.patience, self.patience >= 1, "at least 1")
        _check("least", self.least, self.least > 0, "positive")


@dataclass(frozen=True)
class InverseScaling(StepSchedule):
    """(t + 1)^−p after each epoch, t being the rows seen, as scikit-learn's "invscaling".

    Parameters
    ----------
    power_t : float, default=0.5
        p.
    """

    power_t: float = 0.5

    def __post_init__(self) -> None:
        _check("power_t", self.power_t, self.power_t >= 0, "at least 0")

    def factors(self, steps: Steps, course: Course) -> Steps:
        """1 in the first epoch, then (t + 1)^−p."""
        epochs = (steps - course.first) // course.steps_per_epoch
        seen = course.samples + epochs * course.rows
        return np.where(steps < course.steps_per_epoch, 1.0, (seen + 1.0) ** -self.power_t)


@dataclass(frozen=True)
class Cosine(StepSchedule):
    """Half a cosine from 1 to `final`, after a straight rise (Loshchilov and Hutter 2017).

    Parameters
    ----------
    final : float in [0, 1), default=0.0
        The factor at the end.
    warmup : float in [0, 1), default=0.0
        The share of all steps that the rise takes.
    """

    final: float = 0.0
    warmup: float = 0.0

    def __post_init__(self) -> None:
        _check("final", self.final, 0 <= self.final < 1, "at least 0 and less than 1")
        _check("warmup", self.warmup, 0 <= self.warmup < 1, "at least 0 and less than 1")

    def factors(self, steps: Steps, course: Course) -> Steps:
        """(t + 1)/w while t < w; then final + (1 − final) (1 + cos πs)/2, s from 0 to 1."""
        rise = round(self.warmup * course.total_steps)  # whole steps, or it would pass 1
        s = (steps - rise) / max(course.total_steps - rise, 1.0)
        fall = self.final + (1 - self.final) * _half_cosine(s)
        return np.where(steps < rise, (steps + 1) / max(rise, 1.0), fall)


@dataclass(frozen=True)
class OneCycle(StepSchedule):
    """Up from 1/25 to 1, then down to almost nothing, by half cosines (Smith, arXiv 1803.09820).

    Parameters
    ----------
    warmup : float in (0, 1), default=0.3
        The share of all steps that goes up.
    start_div : float, default=25.0
        The first factor is 1/start_div.
    final_div : float, default=1e4
        The last is the first divided by this.
    """

    warmup: float = 0.3
    start_div: float = 25.0
    final_div: float = 1e4

    def __post_init__(self) -> None:
        _check("warmup", self.warmup, 0 < self.warmup < 1, "between 0 and 1")
        _check("start_div", self.start_div, self.start_div >= 1, "at least 1")
        _check("final_div", self.final_div, self.final_div >= 1, "at least 1")

    def factors(self, steps: Steps, course: Course) -> Steps:
        """The turn comes at step warmup · total − 1, the end at step total − 1."""
        start, last = 1 / self.start_div, max(course.total_steps - 1.0, 1.0)
        turn = min(max(self.warmup * course.total_steps - 1, 0.5), last - 0.5)
        up = 1 + (start - 1) * _half_cosine(steps / turn)
        end = start / self.final_div
        down = end + (1 - end) * _half_cosine((steps - turn) / (last - turn))
        return np.where(steps <= turn, up, down)


@dataclass(frozen=True)
class WarmRestarts(StepSchedule):
    """Half cosines from 1 to `final`, each cycle longer than the one before.

    Source: Loshchilov and Hutter, *SGDR*, ICLR 2017.

    Parameters
    ----------
    first_cycle : float, default=10
        Epochs of the first cycle.
    growth : float, default=2.0
        By what each cycle is longer than the one before.
    final : float in [0, 1), default=0.0
        The factor at the end of a cycle.
    """

    first_cycle: float = 10
    growth: float = 2.0
    final: float = 0.0

    def __post_init__(self) -> None:
        _check("first_cycle", self.first_cycle, self.first_cycle > 0, "positive")
        _check("growth", self.growth, self.growth >= 1, "at least 1")
        _check("final", self.final, 0 <= self.final < 1, "at least 0 and less than 1")

    def factors(self, steps: Steps, course: Course) -> Steps:
        """As for `Cosine`, s being the share of the cycle that has passed."""
        # In first cycles; where one begins, rounding must not leave it at the end of the last.
        t = steps / (self.first_cycle * course.steps_per_epoch) + 1e-12
        if self.growth == 1:
            s = t % 1
        else:  # cycle n begins at (gⁿ − 1)/(g − 1) and is gⁿ long
            g = self.growth
            n = np.floor(np.log1p(t * (g - 1)) / np.log(g) + 1e-12)
            s = (t - (g**n - 1) / (g - 1)) / g**n
        return self.final + (1 - self.final) * _half_cosine(s)


@dataclass(frozen=True)
class FunctionOfStep(StepSchedule):
    """A function of one's own: the number of the step (0, 1, …) to the factor."""

    function: Callable[[int], float]

    def factors(self, steps: Steps, course: Course) -> Steps:
        """`function` of each step."""
        found = np.array([self.function(int(step)) for step in steps], dtype=np.float64)
        if not (np.isfinite(found).all() and (found >= 0).all()):
            raise ValueError(
                "a function of the step must give factors that are finite and not negative, got "
                f"{found[~(np.isfinite(found) & (found >= 0))][0]}"
            )
        return found


SCHEDULES: dict[str, type[Schedule]] = {
    "constant": Constant,
    "invscaling": InverseScaling,
    "adaptive": Adaptive,
    "cosine": Cosine,
    "one_cycle": OneCycle,
    "warm_restarts": WarmRestarts,
    "plateau": Plateau,
}


def _half_cosine(s: Steps) -> Steps:
    """(1 + cos πs)/2: from 1 at s = 0 to 0 at s = 1, where it stays."""
    return (1 + np.cos(np.pi * np.clip(s, 0, 1))) / 2


def _check(name: str, value: float, fine: bool, rule: str) -> None:
    if not fine:
        raise ValueError(f"{name} must be {rule}, got {value}")
