"""Schedules: factors of `learning_rate_init` that change during training."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar, NamedTuple

import numpy as np
from numpy.typing import NDArray

Steps = NDArray[np.float64]


class SchedulePosition(NamedTuple):
    """The position of training in its schedule when the next factors are computed.

    Attributes
    ----------
    first : int
        The number of the next step.
    samples : int
        Rows seen so far, in all epochs together.
    rows : int
        Rows in an epoch.
    steps_per_epoch, total_steps : int
    """

    first: int
    samples: int
    rows: int
    steps_per_epoch: int
    total_steps: int


class Schedule:
    """A schedule of the learning rate; the training loop runs those that depend on the cost."""


class StepSchedule(Schedule, ABC):
    """A schedule that is a function of the step alone.

    Attributes
    ----------
    stretches : bool
        Whether it depends on how many steps there will be in all.
    """

    stretches: ClassVar[bool] = True

    @abstractmethod
    def factors(self, steps: Steps, position: SchedulePosition) -> Steps:
        """Return the factors of the learning rate for an array of steps, counted from 0."""


@dataclass(frozen=True)
class Constant(Schedule):
    """A constant learning rate."""


@dataclass(frozen=True)
class Adaptive(Schedule):
    """Divide the learning rate where training would otherwise stop, until it reaches a minimum.

    The same as scikit-learn's "adaptive".

    Parameters
    ----------
    divisor : float, default=5.0
    least : float, default=1e-6
        Training stops when the rate itself (not the factor) falls to this value.
    """

    divisor: float = 5.0
    least: float = 1e-6

    def __post_init__(self) -> None:
        _check("divisor", self.divisor, self.divisor > 1, "greater than 1")
        _check("least", self.least, self.least > 0, "positive")


@dataclass(frozen=True)
class Plateau(Schedule):
    """Reduce the learning rate when the cost, or the validation score, no longer improves.

    Parameters
    ----------
    factor : float in (0, 1), default=0.2
    patience : int, default=5
        The number of consecutive epochs without an improvement of `tol` before the rate is reduced.
        It must be less than `n_iter_no_change`, or training ends first.
    least : float, default=1e-6
        The minimum of the rate.
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
    """(t + 1)^−p after each epoch, t being the rows seen: scikit-learn's "invscaling".

    Parameters
    ----------
    power_t : float, default=0.5
        p.
    """

    stretches: ClassVar[bool] = False
    power_t: float = 0.5

    def __post_init__(self) -> None:
        _check("power_t", self.power_t, self.power_t >= 0, "at least 0")

    def factors(self, steps: Steps, position: SchedulePosition) -> Steps:
        """1 in the first epoch, then (t + 1)^−p."""
        epochs = (steps - position.first) // position.steps_per_epoch
        seen = position.samples + epochs * position.rows
        fall = _each(lambda t: (t + 1) ** -self.power_t, seen)
        return np.where(steps < position.steps_per_epoch, 1.0, fall)


@dataclass(frozen=True)
class Cosine(StepSchedule):
    """Half a cosine from 1 to `final`, after a linear warm-up (Loshchilov and Hutter 2017).

    Parameters
    ----------
    final : float in [0, 1), default=0.0
        The factor at the end of training.
    warmup : float in [0, 1), default=0.0
        The fraction of all steps that the warm-up takes.
    """

    final: float = 0.0
    warmup: float = 0.0

    def __post_init__(self) -> None:
        _check("final", self.final, 0 <= self.final < 1, "at least 0 and less than 1")
        _check("warmup", self.warmup, 0 <= self.warmup < 1, "at least 0 and less than 1")

    def factors(self, steps: Steps, position: SchedulePosition) -> Steps:
        """(t + 1)/w while t < w; then final + (1 − final) (1 + cos πs)/2, s from 0 to 1."""
        rise = round(
            self.warmup * position.total_steps
        )  # a whole number of steps, or the factor would exceed 1
        s = (steps - rise) / max(position.total_steps - rise, 1.0)
        fall = self.final + (1 - self.final) * _half_cosine(s)
        return np.where(steps < rise, (steps + 1) / max(rise, 1.0), fall)


@dataclass(frozen=True)
class OneCycle(StepSchedule):
    """Half a cosine up from 1/25 to 1, then one down to almost 0 (Smith, arXiv 1803.09820).

    Parameters
    ----------
    warmup : float in (0, 1), default=0.3
        The fraction of all steps in which the factor rises.
    start_div : float, default=25.0
        The first factor is 1/start_div.
    final_div : float, default=1e4
        The last factor is the first divided by this.
    """

    warmup: float = 0.3
    start_div: float = 25.0
    final_div: float = 1e4

    def __post_init__(self) -> None:
        _check("warmup", self.warmup, 0 < self.warmup < 1, "between 0 and 1")
        _check("start_div", self.start_div, self.start_div >= 1, "at least 1")
        _check("final_div", self.final_div, self.final_div >= 1, "at least 1")

    def factors(self, steps: Steps, position: SchedulePosition) -> Steps:
        """Rise until step warmup · total − 1, then fall until step total − 1."""
        start, last = 1 / self.start_div, max(position.total_steps - 1.0, 1.0)
        turn = min(max(self.warmup * position.total_steps - 1, 0.5), last - 0.5)
        up = 1 + (start - 1) * _half_cosine(steps / turn)
        end = start / self.final_div
        down = end + (1 - end) * _half_cosine((steps - turn) / (last - turn))
        return np.where(steps <= turn, up, down)


@dataclass(frozen=True)
class WarmRestarts(StepSchedule):
    """Half cosines from 1 to `final`, each cycle longer than the previous one.

    Source: Loshchilov and Hutter, *SGDR*, ICLR 2017.

    Parameters
    ----------
    first_cycle : float, default=10
        The length of the first cycle in epochs.
    growth : float, default=2.0
        The factor by which each cycle is longer than the previous one.
    final : float in [0, 1), default=0.0
        The factor at the end of a cycle.
    """

    stretches: ClassVar[bool] = False
    first_cycle: float = 10
    growth: float = 2.0
    final: float = 0.0

    def __post_init__(self) -> None:
        _check("first_cycle", self.first_cycle, self.first_cycle > 0, "positive")
        _check("growth", self.growth, self.growth >= 1, "at least 1")
        _check("final", self.final, 0 <= self.final < 1, "at least 0 and less than 1")

    def factors(self, steps: Steps, position: SchedulePosition) -> Steps:
        """As for `Cosine`, s being the fraction of the cycle that has passed."""
        # In units of the first cycle; rounding must not put the start of a cycle in the one before.
        t = steps / (self.first_cycle * position.steps_per_epoch) + 1e-12
        if self.growth == 1:
            s = t % 1
        else:  # cycle n starts at (gⁿ − 1)/(g − 1) and is gⁿ long
            g = self.growth
            n = np.floor(_each(math.log1p, t * (g - 1)) / math.log(g) + 1e-12)
            length = _each(lambda n: g**n, n)
            s = (t - (length - 1) / (g - 1)) / length
        return self.final + (1 - self.final) * _half_cosine(s)


@dataclass(frozen=True)
class FunctionOfStep(StepSchedule):
    """A user-defined function from the number of the step (0, 1, …) to the factor."""

    stretches: ClassVar[bool] = False
    function: Callable[[int], float]

    def factors(self, steps: Steps, position: SchedulePosition) -> Steps:
        """Return `function(step)` for each step."""
        found = np.array([self.function(int(step)) for step in steps], dtype=np.float64)
        if not (np.isfinite(found).all() and (found >= 0).all()):
            raise ValueError(
                "a function of the step must return factors that are finite and not negative, got "
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
    return (1 + _each(math.cos, np.pi * np.clip(s, 0, 1))) / 2


def _each(function: Callable[[float], float], values: Steps) -> Steps:
    """Apply a function of the C library: NumPy's depend on the processor in their last bits."""
    return np.array([function(value) for value in values.tolist()], np.float64)


def _check(name: str, value: float, fine: bool, rule: str) -> None:
    if not fine:
        raise ValueError(f"{name} must be {rule}, got {value}")
