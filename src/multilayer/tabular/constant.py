"""ConstantLabel: the place of a classifier for a label that is the same in all rows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.utils.validation import _num_samples

from multilayer.tables.labels import as_classes
from multilayer.tables.target import read_column
from multilayer.tabular.intervals import check_coverage

__all__ = ["ConstantLabel"]

Array = NDArray[Any]


@dataclass(frozen=True, eq=False)
class ConstantLabel:
    """The estimator of a label that is 0, or 1, in all rows of a label indicator.

    There is nothing to learn from it: the label is predicted for every row, with probability 1.

    Attributes
    ----------
    classes_ : ndarray, shape (1,)
        The label.
    """

    classes_: Array

    def predict(self, X: Any) -> Array:
        """Return the label for each row, (m,)."""
        return np.repeat(self.classes_, _num_samples(X))

    def predict_proba(self, X: Any) -> Array:
        """Return its probability for each row, (m, 1): 1."""
        return np.ones((_num_samples(X), 1), np.float32)

    def predict_set(self, X: Any, coverage: float = 0.9) -> Array:
        """Return that the label is in the set of each row, (m, 1)."""
        check_coverage(coverage)
        return np.ones((_num_samples(X), 1), bool)

    def score(self, X: Any, y: Any, sample_weight: Any = None) -> float:
        """Return the fraction of the rows whose label is this one."""
        right = as_classes(read_column(y), self.classes_) == self.predict(X)
        return float(np.average(right, weights=sample_weight))
