"""Out-of-fold predictions: each row is predicted by networks that were not trained on it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import narwhals as nw
import numpy as np
from numpy.typing import NDArray
from sklearn.base import clone

from multilayer.selection.parallel_folds import fit_folds
from multilayer.selection.splits import Split
from multilayer.tables.labels import class_indices
from multilayer.tabular.base import dependence_of, out_of_fold_outputs

__all__ = ["HeldOut", "averaged", "of_members", "of_search"]

Array = NDArray[Any]


@dataclass(frozen=True)
class HeldOut:
    """Predictions for rows that a network was not trained on.

    Attributes
    ----------
    H : ndarray, shape (m, n_classes) or (m,)
        Probabilities or predictions; NaN for rows that all networks were trained on.
    folds : sequence of (ndarray, ndarray)
        Training rows and held-out rows of each network.
    method : str
        A clause for the page: by what each row is predicted.
    """

    H: Array
    folds: Sequence[Split]
    method: str


def of_members(network: Any, X: Any) -> HeldOut | None:
    """Return what a tabular estimator learned of its out-of-fold rows.

    Returns
    -------
    HeldOut or None
        None if X is not the table that it was trained on, or no rows were held out.
    """
    found = out_of_fold_outputs(network, X)
    if found is None:
        return None
    H, folds = found
    dependence = dependence_of(network)
    if dependence.time is not None:
        method = "each row is predicted by networks that were trained on earlier rows only"
    elif dependence.groups is not None:
        method = "each row is predicted by networks that were not trained on its group"
    else:
        by = "the networks that were" if len(folds) > 1 else "the network, which was"
        method = f"each row is predicted by {by} not trained on it"
    return HeldOut(H, folds, method)


def of_search(search: Any, X: Any, y: Array) -> HeldOut | None:
    """Train the best candidate of a search once more on each of its folds.

    Parameters
    ----------
    search : HiddenLayerSearchCV
    X : dataframe or array-like, shape (m, n)
    y : ndarray, shape (m,)
        Indices of classes, or numbers.

    Returns
    -------
    HeldOut or None
        None if y is not the target that was searched with, or a fold cannot be trained.
    """
    training = search.training_
    model = search.best()
    classifies = hasattr(model, "classes_")
    given = np.asarray(training.y)
    if given.shape != y.shape:
        return None
    # The target may have been standardised for training.
    mean, scale = 0.0, 1.0
    if classifies:
        same = np.array_equal(class_indices(given, model.classes_), y)
    else:
        given = given.astype(np.float64)
        scale = float(y.std() / given.std()) if given.std() else 1.0
        mean = float(y.mean() - scale * given.mean())
        same = np.allclose(mean + scale * given, y, rtol=0, atol=1e-5 * float(y.std() or 1))
    if not same:
        return None
    frame = nw.from_native(X, pass_through=True)
    if hasattr(model, "feature_names_in_") and isinstance(frame, nw.DataFrame):
        X = frame.select(list(model.feature_names_in_)).to_native()  # without a column of groups
    models = [clone(model) for _ in training.splits]
    try:
        fitted = fit_folds(
            models,
            X,
            training.y,
            training.weights,
            training.splits,
            None,
            None,
            dependence=training.dependence,
            curves=False,
        )
    except ValueError:  # such as a fold in which training diverges
        return None
    outputs = [
        np.asarray(one.probability if classifies else mean + scale * one.predicted)
        for one in fitted
    ]
    n = len(training.splits)
    return HeldOut(
        averaged(outputs, [test for _, test in training.splits], len(y)),
        training.splits,
        f"the best candidate of the search was trained again on each of its {n} folds, and each "
        "row is predicted by the network that was not trained on it. The same folds chose this "
        "candidate, which makes the scores slightly optimistic",
    )


def averaged(outputs: Sequence[Array], rows: Sequence[NDArray[np.intp]], m: int) -> Array:
    """Return the mean of the outputs for each of m rows, NaN where there is none."""
    total = np.zeros((m, *outputs[0].shape[1:]))
    times = np.zeros(m)
    for H, held in zip(outputs, rows, strict=True):
        np.add.at(total, held, H)
        np.add.at(times, held, 1)
    with np.errstate(invalid="ignore"):
        return np.asarray((total.T / times).T)
