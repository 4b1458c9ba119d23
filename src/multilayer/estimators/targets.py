"""Classes to what a network is trained on, and back: one label a row, or several."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import scipy.sparse
from numpy.typing import NDArray
from sklearn.utils import column_or_1d
from sklearn.utils.multiclass import type_of_target

from multilayer.network import Floats
from multilayer.outputs import Output

__all__ = ["ClassTargets"]

_KINDS = ("binary", "multiclass", "multilabel-indicator", "multiclass-multioutput")


@dataclass(frozen=True)
class ClassTargets:
    """The classes that y may hold.

    Attributes
    ----------
    kind : str
        scikit-learn's `type_of_target`: "binary" (one class, too), "multiclass",
        "multilabel-indicator" (a column of 0 and 1 for each class) or "multiclass-multioutput" (a
        column of labels for each of several targets).
    classes : ndarray, or for "multiclass-multioutput" a tuple of one for each column
    """

    kind: str
    classes: Any

    def __post_init__(self) -> None:
        if self.kind not in _KINDS:
            raise ValueError(f"targets must be one of {', '.join(_KINDS)}: {self.kind!r}")

    @classmethod
    def of(cls, y: Any) -> ClassTargets:
        """Find the classes in y, the labels of some rows."""
        y, kind = _labels(y)
        if kind == "multilabel-indicator":
            return cls(kind, np.arange(y.shape[1]))
        if kind == "multiclass-multioutput":
            return cls(kind, tuple(np.unique(column) for column in y.T))
        return cls(kind, np.unique(y))

    @classmethod
    def announced(cls, classes: Any, y: Any) -> ClassTargets:
        """Give the classes that a first call of `partial_fit` announces, for labels like y."""
        if type_of_target(y) == "multilabel-indicator":
            return cls.of(y)
        if classes is None:
            raise ValueError("classes must be passed on the first call to partial_fit.")
        if np.ndim(y) == 2 and np.shape(y)[1] > 1:
            return cls("multiclass-multioutput", tuple(np.unique(c) for c in classes))
        return cls.of(np.unique(classes))

    @property
    def one_label(self) -> bool:
        """Whether one class is predicted for a row."""
        return self.kind in ("binary", "multiclass")

    @property
    def columns(self) -> list[NDArray[Any]]:
        """The classes of each column of labels; an indicator counts as one."""
        return list(self.classes) if isinstance(self.classes, tuple) else [self.classes]

    @property
    def attribute(self) -> Any:
        """The classes as scikit-learn's `classes_` has them."""
        return self.columns if isinstance(self.classes, tuple) else self.classes

    @property
    def n_units(self) -> int:
        """Output units where every class has one; a single unit may stand for two classes."""
        return sum(self.groups)

    @property
    def groups(self) -> tuple[int, ...]:
        """How many classes each target has."""
        return tuple(map(len, self.columns))

    def encode(self, y: Any, dtype: Any) -> NDArray[Any]:
        """Turn labels into the index of each row's class, (m,), or into 0 and 1, (m, n_units).

        Parameters
        ----------
        y : array-like, shape (m,) or (m, n_columns)
        dtype : dtype
            Of the numbers, where there are several for a row.

        Raises
        ------
        ValueError
            If y holds classes that are not among `classes`.
        """
        y, kind = _labels(y)
        if self.kind == "multilabel-indicator":
            if kind != self.kind or y.shape[1] != len(self.classes):
                raise ValueError(
                    f"y must be an indicator of {len(self.classes)} columns, as it was before: "
                    f"{kind} of shape {y.shape}"
                )
            indicator: NDArray[Any] = y.astype(dtype)
            return indicator
        if self.kind == "multiclass-multioutput":
            if y.ndim != 2 or y.shape[1] != len(self.classes):
                raise ValueError(
                    f"y must have {len(self.classes)} columns, as it had before: {y.shape}"
                )
            columns = zip(y.T, self.classes, strict=True)
            return np.hstack(
                [np.eye(len(c), dtype=dtype)[_indices(column, c)] for column, c in columns]
            )
        if y.ndim != 1:
            raise ValueError(f"y must have one label a row, as it had before: {y.shape}")
        return _indices(y, self.classes)

    def decode(self, encoded: NDArray[Any]) -> NDArray[Any]:
        """Turn what `encode` gave, or probabilities of that shape, into labels."""
        if self.kind == "multilabel-indicator":
            return (encoded > 0.5).astype(int)
        if self.kind == "multiclass-multioutput":
            chosen = zip(self.classes, self._by_target(encoded), strict=True)
            return np.column_stack([c[block.argmax(axis=1)] for c, block in chosen])
        labels: NDArray[Any] = self.classes[encoded]
        return labels

    def decide(self, H: Floats) -> NDArray[Any]:
        """Predict labels from what the output units say, (m, units)."""
        if not self.one_label:
            return self.decode(H)
        chosen = (H[:, 0] > 0.5).astype(int) if H.shape[1] == 1 else H.argmax(axis=1)
        return self.decode(np.minimum(chosen, len(self.classes) - 1))

    def probabilities(self, H: Floats, output: Output) -> Any:
        """Give the probability of each class, (m, n_classes); of several targets a list of them."""
        if self.kind == "multiclass-multioutput":
            return self._by_target(H)
        if self.kind == "multilabel-indicator":
            return H
        if len(self.classes) == 1:
            return np.ones_like(H)
        if H.shape[1] == 1:
            return np.hstack([1 - H, H])
        return H if output == "softmax" else _scaled(H)

    def same(self, other: ClassTargets) -> bool:
        """Whether these are the same classes."""
        return self.groups == other.groups and all(
            np.array_equal(a, b) for a, b in zip(self.columns, other.columns, strict=True)
        )

    def refuse_others(self, y: Any) -> None:
        """Raise ValueError where the classes of y are not exactly those known."""
        met = ClassTargets.of(y)
        if not met.same(self):
            raise ValueError(
                "warm_start can only be used where `y` has the same classes as in the previous "
                f"call to fit. Previously got {self.classes}, `y` has {met.classes}"
            )

    def _by_target(self, units: NDArray[Any]) -> list[NDArray[Any]]:
        return np.split(units, np.cumsum(self.groups)[:-1], axis=1)


def _labels(y: Any) -> tuple[NDArray[Any], str]:
    """Give y as an array, and what kind of target it is."""
    kind = type_of_target(y, input_name="y", raise_unknown=True)
    if kind not in _KINDS:
        raise ValueError(
            f"Unknown label type: {kind}. Maybe you are trying to fit a classifier, which expects "
            "discrete classes on a regression target with continuous values."
        )
    y = y.toarray() if scipy.sparse.issparse(y) else np.asarray(y)
    return (y if kind.startswith("multi") and y.ndim == 2 and y.shape[1] > 1 else _column(y)), kind


def _column(y: NDArray[Any]) -> NDArray[Any]:
    column: NDArray[Any] = column_or_1d(y, warn=True)
    return column


def _indices(y: NDArray[Any], classes: NDArray[Any]) -> NDArray[Any]:
    met, indices = np.unique(y, return_inverse=True)
    if len(np.setdiff1d(met, classes)):
        raise ValueError(
            f"`y` has classes not in `self.classes_`. `self.classes_` has {classes}. 'y' has {met}."
        )
    return np.searchsorted(classes, met)[indices]


def _scaled(H: Floats) -> Floats:
    """Scale several sigmoid units, one a class, so that each row adds up to 1."""
    total = H.sum(axis=1, keepdims=True)
    shares = np.full_like(H, 1 / H.shape[1])  # even where all units say 0
    np.divide(H, total, out=shares, where=total > 0)
    return shares
