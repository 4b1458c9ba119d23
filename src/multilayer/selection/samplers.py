"""Samplers propose candidates: drawn at random, or suggested by Optuna."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np

from multilayer.extras import require
from multilayer.selection.halving import Candidate
from multilayer.selection.space import LOG_UNIFORM, HiddenLayers, sample

__all__ = ["RandomSampler", "Sampler", "make_sampler"]


class Sampler(Protocol):
    """Proposes candidates, and receives their results."""

    batch: float  # how many candidates are evaluated together before the next are proposed

    def ask(self, n: int) -> list[dict[str, Any]]:
        """Propose n candidates."""

    def tell(self, candidates: Sequence[Candidate], rungs: Sequence[int]) -> None:
        """Report the results of the candidates proposed last, in their order."""


class RandomSampler:
    """Draws each parameter from its distribution."""

    batch = math.inf

    def __init__(self, space: dict[str, Any], rng: np.random.RandomState) -> None:
        self._space, self._rng = space, rng
        self._seen: set[str] = set()

    def ask(self, n: int) -> list[dict[str, Any]]:
        """Propose n candidates, or fewer where a small space has no more that are new."""
        proposed: list[dict[str, Any]] = []
        for _ in range(20 * n):
            if len(proposed) == n:
                break
            params = sample(self._space, self._rng)
            if repr(params) not in self._seen:
                self._seen.add(repr(params))
                proposed.append(params)
        return proposed

    def tell(self, candidates: Sequence[Candidate], rungs: Sequence[int]) -> None:
        """Do nothing: the draws do not depend on results."""


class OptunaSampler:
    """Proposes what an Optuna study suggests.

    Each candidate is a trial of the study: its scores at the rungs are the intermediate values, and
    a candidate that does not go on to the last rung is a pruned trial.
    """

    batch = 9.0

    def __init__(self, space: dict[str, Any], study: Any) -> None:
        self.study = study
        self._space = space
        self._distributions: dict[str, Any] = {}
        for name, values in space.items():
            self._distributions |= _to_optuna(name, values)
        self._trials: list[Any] = []

    def ask(self, n: int) -> list[dict[str, Any]]:
        """Propose n candidates."""
        self._trials = [self.study.ask(self._distributions) for _ in range(n)]
        return [
            {name: _value(name, values, trial.params) for name, values in self._space.items()}
            for trial in self._trials
        ]

    def tell(self, candidates: Sequence[Candidate], rungs: Sequence[int]) -> None:
        """Report the results to the study."""
        from optuna.trial import TrialState

        for trial, candidate in zip(self._trials, candidates, strict=True):
            for rung, mean in enumerate(candidate.means):
                trial.report(mean, rungs[rung])
            if candidate.failure or not candidate.scores:
                trial.set_user_attr("failure", candidate.failure or "out of time")
                self.study.tell(trial, state=TrialState.FAIL)
            elif len(candidate.scores) < len(rungs):
                self.study.tell(trial, state=TrialState.PRUNED)
            else:
                self.study.tell(trial, candidate.means[-1])


def _to_optuna(name: str, values: Any) -> dict[str, Any]:
    """Return the Optuna distributions that stand for one distribution of the space."""
    from optuna import distributions as of_optuna

    if isinstance(values, HiddenLayers):
        return {
            f"{name}.depth": of_optuna.CategoricalDistribution(values.depths),
            f"{name}.width": of_optuna.IntDistribution(*values.widths, log=True),
            f"{name}.halving": of_optuna.CategoricalDistribution((False, True)),
        }
    if not hasattr(values, "rvs"):
        return {name: of_optuna.CategoricalDistribution(tuple(range(len(values))))}
    kind = getattr(getattr(values, "dist", None), "name", "")
    if kind in ("uniform", *LOG_UNIFORM):
        low, high = (float(end) for end in values.support())
        return {name: of_optuna.FloatDistribution(low, high, log=kind != "uniform")}
    if kind == "randint":
        low, high = (int(end) for end in values.support())
        return {name: of_optuna.IntDistribution(low, high)}
    raise TypeError(
        f"space[{name!r}] must be HiddenLayers, a list, or SciPy's uniform, loguniform or randint "
        f"for Optuna, got {values!r}"
    )


def _value(name: str, values: Any, params: dict[str, Any]) -> Any:
    """Return the value of a parameter from what Optuna suggested."""
    if isinstance(values, HiddenLayers):
        parts = (params[f"{name}.{part}"] for part in ("depth", "width", "halving"))
        return values.layers(*parts)
    return params[name] if hasattr(values, "rvs") else values[params[name]]


def make_sampler(sampler: Any, space: dict[str, Any], rng: np.random.RandomState) -> Sampler:
    """Return the sampler that the user has asked for.

    Parameters
    ----------
    sampler : {"random", "optuna"} or optuna.Study
    space : dict
    rng : RandomState
    """
    if isinstance(sampler, str) and sampler == "random":
        return RandomSampler(space, rng)
    if isinstance(sampler, str) and sampler != "optuna":
        raise ValueError(f"sampler must be 'random', 'optuna' or a study of Optuna's: {sampler!r}")
    require("sampler='optuna'", "optuna")
    import optuna

    if sampler == "optuna":
        quiet = optuna.samplers.TPESampler(seed=int(rng.randint(2**31)))
        return OptunaSampler(space, optuna.create_study(direction="maximize", sampler=quiet))
    if not isinstance(sampler, optuna.Study):
        raise TypeError(f"sampler must be 'random', 'optuna' or a study of Optuna's: {sampler!r}")
    if sampler.directions != [optuna.study.StudyDirection.MAXIMIZE]:
        raise ValueError("the study must be of direction 'maximize': larger scores are better")
    return OptunaSampler(space, sampler)
