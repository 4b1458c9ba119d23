"""The results of a comparison: a table, the best and the simplest model, and a verdict."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from multilayer.selection.html import comparison_table

__all__ = ["Comparison", "Rival"]

Array = NDArray[Any]
_NETWORKS = ("network", "tabular")  # kinds of models


@dataclass(frozen=True, eq=False)
class Rival:
    """A model of a comparison.

    Attributes
    ----------
    name : str
    kind : {"line", "polynomial", "network", "tabular", "boosting"}
    estimator : estimator
        Not fitted.
    scores, train_scores : ndarray, shape (n_splits,)
        On the test rows, and on the training rows; empty if the model failed.
    fit_time : float
        Seconds for a fold, while other folds are trained as well.
    n_parameters : int
        The number of parameters, mean over the folds.
    failure : str
        Why there is no score, or empty.
    """

    name: str
    kind: str
    estimator: Any = field(repr=False)
    scores: Array = field(default_factory=lambda: np.empty(0))
    train_scores: Array = field(default_factory=lambda: np.empty(0))
    fit_time: float = math.nan
    n_parameters: int = 0
    failure: str = ""

    @property
    def mean(self) -> float:
        """The mean of the scores."""
        return math.nan if self.failure else float(self.scores.mean())

    @property
    def train_mean(self) -> float:
        """The mean of the scores on the training rows."""
        return math.nan if self.failure else float(self.train_scores.mean())

    @property
    def standard_error(self) -> float:
        """The standard error of the mean; NaN for one fold."""
        n = len(self.scores)
        return float(self.scores.std(ddof=1) / np.sqrt(n)) if n > 1 else math.nan

    def said(self) -> str:
        """Return the score with its standard error, as text."""
        error = "" if math.isnan(self.standard_error) else f" ± {self.standard_error:.3f}"
        return f"{self.mean:.3f}{error}"


@dataclass(frozen=True, eq=False, repr=False)
class Comparison:
    """Models scored on the same folds.

    Attributes
    ----------
    rivals : sequence of Rival
        All models, from the simplest on, including those that failed.
    score_name : str
    n_rows, n_splits : int
    """

    rivals: Sequence[Rival]
    score_name: str
    n_rows: int
    n_splits: int

    @property
    def judged(self) -> list[Rival]:
        """The models that have a score."""
        return [rival for rival in self.rivals if not rival.failure]

    @property
    def best(self) -> Rival:
        """The model with the largest mean score; of equals, the one with the fewest parameters."""
        return max(self.judged, key=lambda rival: (rival.mean, -rival.n_parameters))

    @property
    def as_good_as_the_best(self) -> list[Rival]:
        """The models within one standard error of the best, including the best."""
        least = self.best.mean - np.nan_to_num(self.best.standard_error)
        return [rival for rival in self.judged if rival.mean >= least]

    @property
    def simplest_within_one_standard_error(self) -> Rival:
        """The model with the fewest parameters among those within one standard error of the best.

        Source: Breiman, Friedman, Olshen and Stone, *Classification and Regression Trees* (1984),
        section 3.4.3.
        """
        return min(self.as_good_as_the_best, key=lambda rival: (rival.n_parameters, -rival.mean))

    @property
    def verdict(self) -> str:
        """One sentence that states whether a network is needed."""
        near, best = self.as_good_as_the_best, self.best
        kinds = {rival.kind for rival in near}
        top = {rival.kind: rival for rival in sorted(self.judged, key=lambda rival: rival.mean)}
        for kind in ("line", "polynomial"):
            if kind in kinds:
                simple = top[kind]
                what = "a straight line" if kind == "line" else f"a {simple.name}"
                others = "no other model does better"
                if simple is not best:
                    others = f"the best, {_quoted(best)}, is within one standard error of it"
                return f"No network is needed: {what} reaches {simple.said()}, and {others}."
        simple_ones = [top[kind] for kind in ("line", "polynomial") if kind in top]
        against = ""
        if simple_ones:
            simple = max(simple_ones, key=lambda rival: rival.mean)
            against = f", against {simple.said()} by {simple.name}"
        networks = [rival for rival in near if rival.kind in _NETWORKS]
        if best.kind in _NETWORKS:
            also = "; gradient boosting does as well" if "boosting" in kinds else ""
            reach = "reach" if "layers" in best.name else "reaches"
            return f"A network is needed: {best.name} {reach} {best.said()}{against}{also}."
        if networks:
            other = max(networks, key=lambda rival: rival.mean)
            near_it = f"{_quoted(other)}, is within one standard error of it"
            return f"The best model is {_quoted(best)}{against}; a network does as well: {near_it}."
        trained = [rival for kind, rival in top.items() if kind in _NETWORKS]
        if trained:
            link = " and" if against else ", against"
            other = max(trained, key=lambda rival: rival.mean)
            against += f"{link} {other.said()} by {other.name}"
        return f"Trees are needed rather than a network: {_quoted(best)}{against}."

    def to_frame(self) -> Any:
        """Return a pandas.DataFrame with a row for each model."""
        import pandas as pd

        columns = (
            "name", "kind", "mean", "standard_error", "train_mean", "n_parameters", "fit_time",
            "failure",
        )  # fmt: skip
        rows = [[getattr(rival, column) for column in columns] for rival in self.rivals]
        names = {"mean": "score", "train_mean": "train_score"}
        return pd.DataFrame(rows, columns=[names.get(column, column) for column in columns])

    def __repr__(self) -> str:
        return f"<Comparison of {len(self.rivals)} models; the best: {_quoted(self.best)}>"

    def _repr_html_(self) -> str:
        return comparison_table(self)

    def __str__(self) -> str:
        width = max(len(rival.name) for rival in self.rivals)
        row = f"{{:<{width}}}{{:>17}}{{:>10}}{{:>12}}{{:>9}}".format
        lines = [
            f"{self.score_name} on {self.n_splits} folds of {self.n_rows} rows",
            row("", "out of fold", "training", "parameters", "seconds"),
        ]
        for rival in self.rivals:
            if rival.failure:
                lines.append(f"{rival.name:<{width}}  -  {rival.failure}")
                continue
            figures = f"{rival.train_mean:.3f}", str(rival.n_parameters), f"{rival.fit_time:.2f}"
            lines.append(row(rival.name, rival.said(), *figures))
        return "\n".join([*lines, self.verdict])


def _quoted(rival: Rival) -> str:
    return f"{rival.name}, {rival.said()}"
