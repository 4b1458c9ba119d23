"""A model's outputs for rows whose truth is known, and how honest a judgement they allow."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.pipeline import Pipeline
from sklearn.utils.validation import check_is_fitted

from multilayer.report.effects import Importance, importance
from multilayer.report.table import Table
from multilayer.tables.target import read_column

__all__ = ["Judged", "judge"]

Array = NDArray[Any]
MOST_ROWS = 50_000
ORIGINS = {
    True: "The model did not learn from these {n} rows.",
    False: "The model learned from these {n} rows: on new rows it will do worse.",
    None: "Whether the model learned from these {n} rows is not known. If it did, it will do "
    "worse on new rows.",
}


@dataclass(frozen=True)
class Judged:
    """A model and rows with their truth.

    Attributes
    ----------
    model : estimator or Pipeline
    table : Table
        All rows given.
    rows : ndarray of int, shape (m,)
        Those of them that are judged.
    y : ndarray, shape (m,)
        Their truth: numbers, or places in `classes`.
    H : ndarray, shape (m, n_classes) or (m,)
        Probabilities, or predictions.
    origin : str
        A sentence that says what the model knew of these rows.
    """

    model: Any
    table: Table
    rows: NDArray[np.intp]
    y: Array
    H: Array
    origin: str

    @property
    def network(self) -> Any:
        """The estimator itself, without the steps before it."""
        return self.model[-1] if isinstance(self.model, Pipeline) else self.model

    @property
    def tabular(self) -> bool:
        """Whether it is an ensemble that reads raw tables."""
        return hasattr(self.network, "members_")

    @property
    def classifies(self) -> bool:
        """Whether classes are predicted."""
        return hasattr(self.network, "classes_")

    @cached_property
    def classes(self) -> list[str]:
        """Names of the classes."""
        from multilayer.report.sections import plain

        return [plain(label, 24) for label in self.network.classes_]

    @cached_property
    def predicted(self) -> Array:
        """Places in `classes`, or numbers, (m,)."""
        return np.asarray(self.H.argmax(axis=1)) if self.classifies else self.H

    @cached_property
    def losses(self) -> Array:
        """What each row costs: −ln of the probability of its class, or the absolute error."""
        if not self.classifies:
            return np.asarray(np.abs(self.H - self.y))
        h = self.H[np.arange(len(self.y)), self.y]
        return np.asarray(-np.log(np.clip(h, np.finfo(np.float32).eps, 1)))

    @cached_property
    def importance(self) -> Importance:
        """How much each column matters."""
        return importance(self)


def judge(model: Any, X: Any, y: Any, unseen: bool | None) -> Judged:
    """Let a model predict rows, each by a member that did not learn from it where there is one.

    Raises
    ------
    NotFittedError
        If the model is not fitted.
    ValueError
        If y is not one target of X's rows that the model could have predicted, or X lacks columns.
    """
    network = model[-1] if isinstance(model, Pipeline) else model
    check_is_fitted(network)
    if not (hasattr(network, "network_") or hasattr(network, "members_")):
        raise TypeError(
            f"a report is on an estimator of multilayer, but this is a {type(network).__name__}"
        )
    if y is None:
        raise ValueError("a report needs y, the truth of the rows, but y is None")
    if np.ndim(y) == 2 and np.shape(y)[1] > 1:
        raise ValueError(f"a report is of one target, but y has {np.shape(y)[1]} columns")
    table = Table(X, getattr(model, "feature_names_in_", None))
    truth = read_column(y)
    if len(truth) != len(table):
        raise ValueError(f"X has {len(table)} rows, but y has {len(truth)}")
    classifies = hasattr(network, "classes_")
    truth = _places(truth, network.classes_) if classifies else _numbers(truth)
    rows = np.arange(len(truth))
    H = None
    if unseen is None and hasattr(network, "members_"):
        H = _left_out(network, X)
    origin = ORIGINS[unseen].format(n=len(rows))
    if H is not None:
        m, rows = len(rows), np.flatnonzero(~np.isnan(H.reshape(len(H), -1)[:, 0]))
        by = "the network" if len(network.members_) == 1 else "networks"
        origin = (
            f"The model learned from this table. Judged are {len(rows)} of its {m} rows, each by "
            f"{by} that did not learn from it."
        )
    if len(rows) > MOST_ROWS:
        origin += f" Of them a random {MOST_ROWS} are looked at."
        rows = np.sort(np.random.RandomState(0).choice(rows, MOST_ROWS, replace=False))
    if H is not None:
        H = H[rows]
    else:
        given = table.take(rows) if len(rows) < len(table) else X
        H = model.predict_proba(given) if classifies else model.predict(given)
    H = np.asarray(H, np.float64)
    if H.ndim == 2 and not classifies:
        H = H[:, 0]
    if not np.isfinite(H).all():
        raise ValueError("a report needs finite predictions, but some are not")
    return Judged(model, table, rows, truth[rows], H, origin)


def _places(y: Array, classes: Array) -> Array:
    """Give the place of each label among the classes."""
    places = {label: k for k, label in enumerate(classes.tolist())}
    found = [places.get(label, -1) for label in y.tolist()]
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


def _left_out(network: Any, X: Any) -> Array | None:
    """Give what the members say of rows that they left out, if this is the table of fit."""
    if not hasattr(network, "_lesson_learned"):
        return None
    lesson, _ = network._lesson_learned
    H = network.oof_decision_ if hasattr(network, "classes_") else network.oof_prediction_
    if not np.array_equal(network.encoder_.transform(X), lesson.X, equal_nan=True):
        return None
    return None if np.isnan(H).all() else H
