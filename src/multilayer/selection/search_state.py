"""The state of a search, which a further `fit` may go on with: folds, sampler and candidates."""

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

__all__ = ["SearchState", "prepare_fold"]

Array = NDArray[Any]


@dataclass
class SearchState:
    """The state from which a search continues.

    Attributes
    ----------
    network : estimator
    sampler : Sampler
    rungs : list of int
    key : str
        A hash of the data.
    folds : list of FoldData
    initial_params : list of dict
        Parameters of the candidates that come before those of the sampler.
    candidates : list of Candidate
    from_sampler : list of Candidate
        Those of the last proposal that the sampler made.
    """

    network: Any
    sampler: Sampler
    rungs: list[int]
    key: str
    folds: list[FoldData] = field(default_factory=list)
    initial_params: list[dict[str, Any]] = field(default_factory=list)
    candidates: list[Candidate] = field(default_factory=list)
    from_sampler: list[Candidate] = field(default_factory=list)

    def propose(self, n: int) -> list[Candidate]:
        """Return n new candidates, or as many as there are."""
        initial, self.initial_params = self.initial_params[:n], self.initial_params[n:]
        params = [*initial, *(self.sampler.ask(n - len(initial)) if n > len(initial) else [])]
        new = [Candidate(of_one, failure=refusal(self.network, of_one)) for of_one in params]
        self.from_sampler = new[len(initial) :]
        for candidate in new[: len(initial)]:
            candidate.goes_on = not candidate.params  # the estimator as it is
        self.candidates += new
        return new


def prepare_fold(
    steps: Pipeline | None,
    network: Any,
    X: Any,
    y: Any,
    weights: Any,
    train: Array,
    test: Array,
) -> FoldData:
    """Cut a fold out of the rows, and transform it by the steps before the network."""
    parts = [
        Rows(
            _safe_indexing(X, indices),
            _safe_indexing(y, indices),
            None if weights is None else _safe_indexing(weights, indices),
        )
        for indices in (train, test)
    ]
    if steps is not None:
        steps = clone(steps)
        parts[0] = parts[0]._replace(X=steps.fit_transform(parts[0].X, parts[0].y))
        parts[1] = parts[1]._replace(X=steps.transform(parts[1].X))
    return fold_data(network, y, *parts)
