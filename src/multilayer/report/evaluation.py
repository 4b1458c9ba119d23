"""A model's predictions for rows with known targets, and whether it was trained on these rows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.pipeline import Pipeline
from sklearn.utils.validation import check_is_fitted

from multilayer.report.held_out import HeldOut, of_members, of_search
from multilayer.report.sections import counted, plain
from multilayer.report.table import Table
from multilayer.selection.splits import Split
from multilayer.tables.labels import as_classes
from multilayer.tables.target import read_column
from multilayer.tabular.base import TabularEstimator
from multilayer.tabular.scoring import SMALLEST_IN_SCORES, log_losses
from multilayer.tabular.several_targets import check_one_target

__all__ = ["Evaluation", "evaluate"]

Array = NDArray[Any]
MOST_ROWS = 50_000
ORIGINS = {
    True: "Evaluated on {rows} that the model was not trained on.",
    False: "Evaluated on {rows} that the model was trained on: expect worse scores on new rows.",
    None: "Evaluated on {rows}. It is not known whether the model was trained on them; if it was, "
    "expect worse scores on new rows.",
}


@dataclass(frozen=True)
class Evaluation:
    """A model, and its predictions for rows with known targets.

    Attributes
    ----------
    model : estimator or Pipeline
    table : Table
        All rows given.
    rows : ndarray of int, shape (m,)
        Indices of the rows that the model is evaluated on.
    truth : ndarray
        The targets of all rows given: numbers, or indices into `classes`.
    H : ndarray, shape (m, n_classes) or (m,)
        Probabilities, or predictions.
    origin : str
        A sentence for the page: whether the model was trained on these rows.
    folds : sequence of (ndarray, ndarray), optional
        Of out-of-fold predictions: the training rows and held-out rows of each network.
    target : str
        The name of the target, or "the target".
    place : str
        Where the model is in the one that is saved, such as ".estimators_[0]".
    """

    model: Any
    table: Table
    rows: NDArray[np.intp]
    truth: Array
    H: Array
    origin: str
    folds: Sequence[Split] | None = None
    target: str = "the target"
    place: str = ""

    @cached_property
    def y(self) -> Array:
        """The targets of `rows`, (m,)."""
        return np.asarray(self.truth[self.rows])

    @property
    def network(self) -> Any:
        """The estimator itself, without the steps before it."""
        return self.model[-1] if isinstance(self.model, Pipeline) else self.model

    @property
    def tabular(self) -> bool:
        """Whether it is an ensemble that reads raw tables."""
        return isinstance(self.network, TabularEstimator)

    @property
    def classifies(self) -> bool:
        """Whether classes are predicted."""
        return hasattr(self.network, "classes_")

    @property
    def binary(self) -> bool:
        """Whether there are two classes; the second one counts as the positive one."""
        return self.classifies and len(self.classes) == 2

    @cached_property
    def classes(self) -> list[str]:
        """Names of the classes."""
        return [plain(label, 24) for label in self.network.classes_]

    @property
    def positive(self) -> str:
        """The positive one of two classes, in words: survived = 1."""
        named = self.target != "the target"
        return f"{plain(self.target, 24)} = {self.classes[1]}" if named else self.classes[1]

    @property
    def trained_on_rows(self) -> bool:
        """Whether the predictions are out of fold, but the saved model was trained on the rows.

        A single tabular network was not: the rows only chose the epoch at which it was saved.
        """
        return self.folds is not None and not (self.tabular and len(self.folds) == 1)

    @cached_property
    def predicted(self) -> Array:
        """Indices into `classes`, or numbers, (m,)."""
        return np.asarray(self.H.argmax(axis=1)) if self.classifies else self.H

    @cached_property
    def losses(self) -> Array:
        """The loss of each row: −ln of the probability of its class, or the absolute error."""
        if self.classifies:
            return log_losses(self.H, self.y, SMALLEST_IN_SCORES)
        return np.asarray(np.abs(self.H - self.y))

    @property
    def labels(self) -> Array:
        """The targets of all rows given: classes or numbers."""
        return np.asarray(self.network.classes_[self.truth] if self.classifies else self.truth)

    def predict(self, X: Any) -> Array:
        """Predict other rows: probabilities (m, n_classes), or numbers (m, 1)."""
        H = self.model.predict_proba(X) if self.classifies else self.model.predict(X)
        return np.asarray(H).reshape(len(H), -1)

    def sample(self, most: int) -> NDArray[np.intp]:
        """Draw at most so many of `rows` at random, always the same ones."""
        if len(self.rows) <= most:
            return self.rows
        return np.sort(np.random.RandomState(0).choice(self.rows, most, replace=False))


def evaluate(
    model: Any,
    X: Any,
    y: Any,
    unseen: bool | None,
    *,
    search: Any = None,
    target: str | None = None,
) -> Evaluation:
    """Predict rows, each by networks that were not trained on it where there are such.

    Parameters
    ----------
    model : estimator or Pipeline
    X, y, unseen, target
        As for `multilayer.report.write_report`.
    search : HiddenLayerSearchCV, optional
        The search whose best estimator the model is.

    Raises
    ------
    NotFittedError
        If the model is not fitted.
    TypeError
        If it is not one of multilayer's.
    ValueError
        If y is not one target for each row of X that the model can predict, or X lacks columns.
    """
    network = model[-1] if isinstance(model, Pipeline) else model
    check_is_fitted(network)
    check_one_target(network, "a report of one y")
    tabular = isinstance(network, TabularEstimator)
    if not (tabular or hasattr(network, "network_")):
        raise TypeError(
            f"a report needs an estimator of multilayer, but got a {type(network).__name__}"
        )
    if y is None:
        raise ValueError("a report needs y, the true targets of the rows, but y is None")
    if np.ndim(y) == 2 and np.shape(y)[1] > 1:
        raise ValueError(f"a report takes one target, but y has {np.shape(y)[1]} columns")
    name = getattr(y, "name", None) if target is None else target
    table = Table(X, getattr(model, "feature_names_in_", None))
    truth = read_column(y)
    if len(truth) != len(table):
        raise ValueError(f"X has {len(table)} rows, but y has {len(truth)}")
    classifies = hasattr(network, "classes_")
    truth = _indices(truth, network.classes_) if classifies else _numbers(truth)
    held: HeldOut | None = None
    if tabular and unseen is None:
        held = of_members(network, X)
    elif search is not None and unseen is not True:
        held = of_search(search, X, truth)
    rows = np.arange(len(truth))
    if held is not None:
        rows = np.flatnonzero(~np.isnan(held.H.reshape(len(truth), -1)[:, 0]))
        all_rows = len(rows) == len(truth)
        which = f"all {len(rows)} rows" if all_rows else f"{len(rows)} of {len(truth)} rows"
        origin = f"Evaluated on {which}, out of fold: {held.method}."
    else:
        origin = ORIGINS[unseen].format(rows=counted(len(rows), "row"))
    if len(rows) > MOST_ROWS:
        origin += f" A random {MOST_ROWS} of these rows are used."
        rows = np.sort(np.random.RandomState(0).choice(rows, MOST_ROWS, replace=False))
    if held is not None:
        H = held.H[rows]
    else:
        given = table.take(rows) if len(rows) < len(table) else X
        H = model.predict_proba(given) if classifies else model.predict(given)
    H = np.asarray(H, np.float64)
    if H.ndim == 2 and not classifies:
        H = H[:, 0]
    if not np.isfinite(H).all():
        raise ValueError("a report needs finite predictions, but some are not finite")
    named = name if isinstance(name, str) and name else "the target"
    folds = None if held is None else held.folds
    return Evaluation(model, table, rows, truth, H, origin, folds, named)


def _indices(y: Array, classes: Array) -> Array:
    """Return the index of each label among the classes."""
    places = {label: k for k, label in enumerate(classes.tolist())}
    found = [places.get(label, -1) for label in as_classes(y, classes).tolist()]
    if -1 in found:
        known = ", ".join(map(repr, list(places)[:8])) + (" …" if len(places) > 8 else "")
        raise ValueError(
            f"y must hold classes that the model knows, {known}, but holds "
            f"{y.tolist()[found.index(-1)]!r}"
        )
    return np.array(found)


def _numbers(y: Array) -> Array:
    try:
        return y.astype(np.float64)
    except (TypeError, ValueError):
        raise ValueError(f"y must be numbers, but its dtype is {y.dtype}") from None
