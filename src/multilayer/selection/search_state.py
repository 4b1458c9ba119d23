"""What a search works on, and may go on with: candidates, folds, and who proposes."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from numpy.typing import NDArray
from sklearn.base import clone
from sklearn.pipeline import Pipeline
from sklearn.utils import _safe_indexing

from multilayer.estimators.inputs import Rows
from multilayer.selection.halving import Candidate
from multilayer.selection.samplers import Sampler
from multilayer.selection.trials import FoldData, fold_data, refusal

__all__ = ["Hunt", "cut"]

Array = NDArray[Any]


@dataclass
class Hunt:
    """What a search works on, and may go on with."""

    network: Any
    sampler: Sampler
    rungs: list[int]
    key: str
    folds: list[FoldData] = field(default_factory=list)
    first: list[dict[str, Any]] = field(default_factory=list)
    candidates: list[Candidate] = field(default_factory=list)
    asked: list[Candidate] = field(default_factory=list)  # the last that the sampler proposed

    def propose(self, n: int) -> list[Candidate]:
        """Give n new candidates, or as many as there are."""
        own, self.first = self.first[:n], self.first[n:]
        params = [*own, *(self.sampler.ask(n - len(own)) if n > len(own) else [])]
        new = [Candidate(of_one, failure=refusal(self.network, of_one)) for of_one in params]
        self.asked = new[len(own) :]
        self.candidates += new
        return new


def cut(
    steps: Pipeline | None,
    network: Any,
    X: Any,
    y: Any,
    weights: Any,
    learned: Array,
    judged: Array,
) -> FoldData:
    """Send a fold through the steps before the network, and cut it out."""
    parts = [
        Rows(
            _safe_indexing(X, rows),
            _safe_indexing(y, rows),
            None if weights is None else _safe_indexing(weights, rows),
        )
        for rows in (learned, judged)
    ]
    if steps is not None:
        steps = clone(steps)
        parts[0] = parts[0]._replace(X=steps.fit_transform(parts[0].X, parts[0].y))
        parts[1] = parts[1]._replace(X=steps.transform(parts[1].X))
    return fold_data(network, y, *parts)
