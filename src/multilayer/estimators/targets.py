"""Targets: the encoding of y, classes or numbers, for a network, and the way back."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Protocol

import numpy as np
import scipy.sparse
from numpy.typing import NDArray
from sklearn.base import is_classifier
from sklearn.metrics import r2_score
from sklearn.utils import column_or_1d, compute_sample_weight
from sklearn.utils.multiclass import type_of_target

from multilayer.engine.arrays import dtype_of
from multilayer.engine.interface import Examples
from multilayer.estimators.parameters import make_loss
from multilayer.losses import Gamma, Loss, Poisson
from multilayer.network import Floats
from multilayer.outputs import Output, Softmax
from multilayer.tables.labels import as_classes, class_indices, distinct_labels, plain_target

__all__ = ["ClassTargets", "NumberTargets", "Targets", "learn_targets"]

_KINDS = ("binary", "multiclass", "multilabel-indicator", "multiclass-multioutput")


class Targets(Protocol):
    """The encoding of y that an estimator has learned."""

    def encode(self, y: Any, dtype: Any) -> NDArray[Any]:
        """Encode y as the targets of the network."""

    def decode(self, encoded: NDArray[Any]) -> NDArray[Any]:
        """Decode targets as y."""

    def units(self) -> tuple[int, Output]:
        """Return how many output units there are, and of which kind."""

    def weigh(self, examples: Examples) -> Examples:
        """Return encoded rows with the weights that they have in training."""

    def score(self, H: Floats, examples: Examples) -> float:
        """Score the outputs H (m, K) for encoded rows: larger is better."""

    @property
    def cost_share(self) -> float:
        """The factor of the data's part of the reported cost."""


def learn_targets(
    estimator: Any, y: Any, *, first: bool = True, incremental: bool = False, classes: Any = None
) -> Targets:
    """Learn the targets, or check that they are the same as before.

    Parameters
    ----------
    estimator : MLPClassifier or MLPRegressor
    y : array-like
        As it was given.
    first : bool
        Whether to start anew; otherwise continue from `estimator.targets_`, where there are any.
    incremental : bool
        For `partial_fit`, which does not see all rows.
    classes : array-like, optional
        All classes that may occur, for the first call of `partial_fit`.

    Raises
    ------
    ValueError
        If y or `classes` contain other classes than before.
    """
    if not is_classifier(estimator):
        return NumberTargets.of(y, make_loss(estimator.loss))
    settings = {
        "output_activation": estimator.output_activation,
        "class_weight": estimator.class_weight,
    }
    if incremental and estimator.class_weight == "balanced":
        raise ValueError(
            "class_weight 'balanced' is not supported for partial_fit, which does not see all "
            "rows: give the weights of the classes as a dict"
        )
    known: ClassTargets | None = vars(estimator).get("targets_")
    if incremental:
        if known is None:
            known = ClassTargets.announced(classes, y)
        elif classes is not None and not ClassTargets.announced(classes, y).same(known):
            raise ValueError(
                f"`classes={classes!r}` is not the same as on last call to partial_fit, was: "
                f"{known.attribute!r}"
            )
    elif first or known is None:
        known = ClassTargets.of(y)
    elif estimator.warm_start:
        known.refuse_others(y)
    return replace(known, **settings)


@dataclass(frozen=True)
class NumberTargets:
    """The numbers that y may contain.

    Attributes
    ----------
    n_outputs : int
        Columns of y.
    loss : Loss
        Some take no negative numbers, and name the output unit.
    """

    n_outputs: int
    loss: Loss

    @classmethod
    def of(cls, y: Any, loss: Loss) -> NumberTargets:
        """Count the columns of y, (m,) or (m, n_outputs)."""
        return cls(y.shape[1] if y.ndim == 2 else 1, loss)

    def encode(self, y: Any, dtype: Any) -> NDArray[Any]:
        """Return y as (m, n_outputs).

        Raises
        ------
        ValueError
            If y holds a number that the loss does not take.
        """
        y = y.toarray() if scipy.sparse.issparse(y) else y
        if y.ndim == 2 and y.shape[1] == 1:
            y = column_or_1d(y, warn=True)
        targets: NDArray[Any] = y.astype(dtype, copy=False).reshape(len(y), -1)
        least = y.min()
        counts, positive = isinstance(self.loss, Poisson), isinstance(self.loss, Gamma)
        if (counts and least < 0) or (positive and least <= 0):
            bound = "not be negative" if counts else "be positive"
            raise ValueError(f"y must {bound} for loss {self.loss}, but its smallest is {least}")
        return targets

    def decode(self, encoded: NDArray[Any]) -> NDArray[Any]:
        """Return numbers (m, n_outputs), or of one column (m,)."""
        return encoded[:, 0] if encoded.shape[1] == 1 else encoded

    def units(self) -> tuple[int, Output]:
        """Return how many output units there are, and of which kind."""
        outputs = self.loss.outputs
        return self.n_outputs, "identity" if "identity" in outputs else outputs[0]

    def weigh(self, examples: Examples) -> Examples:
        """Return the rows as they are."""
        return examples

    def score(self, H: Floats, examples: Examples) -> float:
        """Compute R²; NaN where an output is not finite."""
        if not np.isfinite(H).all():
            return np.nan
        return float(r2_score(examples.Y, H, sample_weight=examples.weights))

    @property
    def cost_share(self) -> float:
        """scikit-learn averages errors over the outputs, but not the likelihood of counts."""
        return 1 / self.n_outputs if self.units()[1] == "identity" else 1.0


@dataclass(frozen=True)
class ClassTargets:
    """The classes that y may contain.

    Attributes
    ----------
    kind : str
        scikit-learn's `type_of_target`: "binary" (one class, too), "multiclass",
        "multilabel-indicator" (a column of 0 and 1 for each class) or "multiclass-multioutput" (a
        column of labels for each of several targets).
    classes : ndarray, or for "multiclass-multioutput" a tuple of one for each column
    output_activation : {"auto", "logistic", "softmax"}
        See `MLPClassifier`.
    class_weight : dict, list, "balanced" or None
        Likewise.
    """

    kind: str
    classes: Any
    output_activation: str = "auto"
    class_weight: Any = None

    def __post_init__(self) -> None:
        if self.kind not in _KINDS:
            raise ValueError(f"targets must be one of {', '.join(_KINDS)}: {self.kind!r}")

    @classmethod
    def of(cls, y: Any) -> ClassTargets:
        """Find the classes in y, the labels of some rows."""
        if _is_column(y):
            classes = distinct_labels(y)
            return cls("binary" if len(classes) <= 2 else "multiclass", classes)
        y, kind = _labels(y)
        if kind == "multilabel-indicator":
            return cls(kind, np.arange(y.shape[1]))
        if kind == "multiclass-multioutput":
            return cls(kind, tuple(distinct_labels(column) for column in y.T))
        return cls(kind, distinct_labels(y))

    @classmethod
    def announced(cls, classes: Any, y: Any) -> ClassTargets:
        """Return the classes that a first call of `partial_fit` announces, for labels like y."""
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
        """The number of classes of each target."""
        return tuple(map(len, self.columns))

    def encode(self, y: Any, dtype: Any) -> NDArray[Any]:
        """Encode labels as the index of each row's class, (m,), or as 0 and 1, (m, n_units).

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
        if self.one_label and _is_column(y):
            return class_indices(y, self.classes)
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
                [np.eye(len(c), dtype=dtype)[class_indices(column, c)] for column, c in columns]
            )
        if y.ndim != 1:
            raise ValueError(f"y must have one label per row, as before: {y.shape}")
        return class_indices(y, self.classes)

    def decode(self, encoded: NDArray[Any]) -> NDArray[Any]:
        """Decode encoded labels, or probabilities of that shape."""
        if self.kind == "multilabel-indicator":
            return (encoded > 0.5).astype(int)
        if self.kind == "multiclass-multioutput":
            chosen = zip(self.classes, self._by_target(encoded), strict=True)
            return np.column_stack([c[block.argmax(axis=1)] for c, block in chosen])
        labels: NDArray[Any] = self.classes[encoded]
        return labels

    def units(self) -> tuple[int, Output]:
        """Return how many output units there are, and of which kind.

        Raises
        ------
        ValueError
            If `output_activation` does not go with targets of this kind.
        """
        asked = self.output_activation
        fitting = {"multilabel-indicator": "logistic", "multiclass-multioutput": "softmax"}
        if asked not in ("auto", fitting.get(self.kind, asked)):
            raise ValueError(
                f"output_activation must be 'auto' or {fitting[self.kind]!r} for {self.kind} y, "
                f"got {asked!r}"
            )
        if self.kind == "multiclass-multioutput":
            return self.n_units, Softmax(self.groups)
        if asked != "auto":
            return self.n_units, asked
        if self.kind == "multilabel-indicator":
            return self.n_units, "logistic"
        n_classes = len(self.classes)
        return (1, "logistic") if n_classes <= 2 else (n_classes, "softmax")

    def weigh(self, examples: Examples) -> Examples:
        """Return encoded rows, their weights multiplied with those of their classes."""
        if self.class_weight is None:
            return examples
        y, weights = self.decode(examples.Y), examples.weights
        of_class = compute_sample_weight(self.class_weight, y).astype(dtype_of(examples.X))
        return examples._replace(weights=of_class if weights is None else of_class * weights)

    def score(self, H: Floats, examples: Examples) -> float:
        """Compute the fraction of the rows whose labels are all predicted correctly."""
        if self.one_label:
            hits = self._chosen(H) == examples.Y
        else:
            hits = (self.decode(H) == self.decode(examples.Y)).all(axis=1)
        if examples.weights is None:
            return float(np.count_nonzero(hits) / len(hits))
        return float(np.average(hits, weights=examples.weights))

    @property
    def cost_share(self) -> float:
        """1, because the cost of classes needs no factor."""
        return 1.0

    def decide(self, H: Floats) -> NDArray[Any]:
        """Predict labels from the outputs H, (m, units)."""
        return self.decode(self._chosen(H) if self.one_label else H)

    def _chosen(self, H: Floats) -> NDArray[np.intp]:
        """Return the index of the class predicted for each row."""
        if len(self.classes) == 1:
            return np.zeros(len(H), np.intp)
        return (H[:, 0] > 0.5).astype(np.intp) if H.shape[1] == 1 else H.argmax(axis=1)

    def probabilities(self, H: Floats, output: Output) -> Any:
        """Return the probability of each class, (m, n_classes); a list for several targets."""
        if self.kind == "multiclass-multioutput":
            return self._by_target(H)
        if self.kind == "multilabel-indicator":
            return H
        if len(self.classes) == 1:
            return np.ones_like(H)
        if H.shape[1] == 1:
            return np.concatenate([1 - H, H], axis=1)
        return H if output == "softmax" else _scaled(H)

    def same(self, other: ClassTargets) -> bool:
        """Whether these are the same classes."""
        return self.groups == other.groups and all(
            np.array_equal(a, b) for a, b in zip(self.columns, other.columns, strict=True)
        )

    def refuse_others(self, y: Any) -> None:
        """Raise ValueError where the classes of y are not exactly those known."""
        met = ClassTargets.of(as_classes(y, self.classes) if self.one_label else y)
        if not met.same(self):
            raise ValueError(
                "warm_start can only be used where `y` has the same classes as in the previous "
                f"call to fit. Previously got {self.classes}, `y` has {met.classes}"
            )

    def _by_target(self, units: NDArray[Any]) -> list[NDArray[Any]]:
        return np.split(units, np.cumsum(self.groups)[:-1], axis=1)


def _is_column(y: Any) -> bool:
    """Whether y is a column of labels on which `_labels` would find nothing to do."""
    return type(y) is np.ndarray and y.ndim == 1 and y.dtype.kind in "biuU" and len(y) > 0


def _labels(y: Any) -> tuple[NDArray[Any], str]:
    """Return y as an array, and which kind of target it is."""
    y = plain_target(y)
    kind = type_of_target(y, input_name="y", raise_unknown=True)
    if kind not in _KINDS:
        raise ValueError(
            f"Unknown label type: {kind}. Maybe you are trying to fit a classifier, which expects "
            "discrete classes on a regression target with continuous values."
        )
    y = y.toarray() if scipy.sparse.issparse(y) else np.asarray(y)
    several = kind.startswith("multi") and y.ndim == 2 and y.shape[1] > 1
    return (y if several else column_or_1d(y, warn=True)), kind


def _scaled(H: Floats) -> Floats:
    """Scale several sigmoid units, one per class, so that each row adds up to 1."""
    total = H.sum(axis=1, keepdims=True)
    shares = np.full_like(H, 1 / H.shape[1])  # even if all units are 0
    np.divide(H, total, out=shares, where=total > 0)
    return shares
