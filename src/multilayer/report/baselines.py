"""A baseline: logistic or linear regression on the same rows as the model."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.base import clone
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.model_selection import KFold, StratifiedKFold
from sklearn.pipeline import make_pipeline

from multilayer.report.evaluation import Evaluation
from multilayer.report.held_out import averaged
from multilayer.selection.parallel_folds import fit_folds
from multilayer.selection.splits import Split
from multilayer.tables.encoder import TableEncoder

__all__ = ["Baseline", "baseline_of"]

Array = NDArray[Any]

N_FOLDS, FEWEST_ROWS = 5, 10
MOST_TRAINED = 20_000  # rows of a fold, so that the baseline takes much less time than the model


@dataclass(frozen=True)
class Baseline:
    """A simple model beside the one that the report is about.

    Attributes
    ----------
    name : str
    H : ndarray, shape (m, n_classes) or (m,)
        Its out-of-fold predictions for `Evaluation.rows`.
    method : str
        A sentence for the page: how it was trained.
    """

    name: str
    H: Array
    method: str


def baseline_of(evaluation: Evaluation) -> Baseline | None:
    """Train logistic or linear regression on the folds of the model, or on five folds.

    Returns
    -------
    Baseline or None
        None if there are too few rows, or a fold cannot be trained.
    """
    classifies, rows = evaluation.classifies, evaluation.rows
    name = "logistic regression" if classifies else "linear regression"
    if len(rows) < FEWEST_ROWS:
        return None
    if evaluation.folds is None:
        splits = _five_folds(evaluation)
        method = (
            f"The {name} is scored by {N_FOLDS}-fold cross-validation on these rows, because the "
            "training rows of the model are not at hand."
        )
    else:
        splits = [(train, np.intersect1d(held, rows)) for train, held in evaluation.folds]
        method = (
            f"The {name} is trained on the training rows of each fold of the model and scored on "
            "the same held-out rows."
        )
    splits = [(train, held) for train, held in splits if len(held)]
    rng = np.random.RandomState(0)
    if any(len(train) > MOST_TRAINED for train, _ in splits):
        method += f" Of each fold, it is trained on a random {MOST_TRAINED} rows."
        splits = [(rng.permutation(train)[:MOST_TRAINED], held) for train, held in splits]
    # The penalty of Ridge is only there for collinear columns.
    line: Any = LogisticRegression(max_iter=300, tol=1e-3) if classifies else Ridge(alpha=1e-3)
    model = make_pipeline(TableEncoder(dtype="float64"), line)
    try:
        fitted = fit_folds(
            [clone(model) for _ in splits],
            evaluation.table.native,
            evaluation.truth,
            None,
            splits,
            None,
            None,
            curves=False,
        )
    except ValueError:  # such as training rows that are all of one class
        return None
    outputs = [
        _all_classes(evaluation, one.probability) if classifies else one.predicted for one in fitted
    ]
    H = averaged(outputs, [held for _, held in splits], len(evaluation.truth))[rows]
    return Baseline(name, H, method) if np.isfinite(H).all() else None


def _five_folds(evaluation: Evaluation) -> list[Split]:
    """Split the evaluated rows; of classes with few rows, not every fold need have some."""
    y, rows = evaluation.y, evaluation.rows
    kind: Any = KFold
    if evaluation.classifies and np.bincount(y)[np.unique(y)].min() >= N_FOLDS:
        kind = StratifiedKFold
    parts = kind(N_FOLDS, shuffle=True, random_state=0).split(rows, y)
    return [(rows[train], rows[held]) for train, held in parts]


def _all_classes(evaluation: Evaluation, H: Array | None) -> Array:
    """Return probabilities of all classes of the model; these rows may lack some."""
    assert H is not None  # logistic regression has probabilities
    every = np.zeros((len(H), len(evaluation.classes)))
    every[:, np.unique(evaluation.truth)] = H
    return every
