"""Monotone columns: the signs of units, and the bounds of parameters that follow from them.

A unit of sign +1 never decreases and one of sign −1 never increases in the direction of the
constraints; a unit of sign 0 is free, as it does not depend on monotone columns at all. A column
that must increase the output has sign +1, one that must decrease it −1, others 0. All units keep
their signs if each weight w from a unit of sign s to a unit of sign t satisfies

    s t w ≥ 0, and w = 0 where s ≠ 0 and t = 0,

and if each activation z + α (g(z) − z) has a slope of at least 0. Units of sign +1 are convex in
what they sum up (as g is), units of sign −1 enter with a negative weight and are concave; together
they approximate any monotone function. The idea: Runje and Shankaranarayana, arXiv 2205.11775.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import compress, pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.utils.validation import _check_monotonic_cst

from multilayer.embedding import Embedding, Floats
from multilayer.tables.encoder import TableEncoder

__all__ = ["Bounds", "bounds_of", "column_signs", "keep_signs", "most_share", "project"]

Signs = NDArray[np.int8]
Bounds = list[tuple[Floats, Floats] | None]  # for every trained array; None: free

# The signs of the units of a hidden layer, repeated.
_UNITS = (1, 0, -1, 0)
# 1/(1 − min g′) where g has negative slopes.
_MOST_SHARE = {"gelu": 0.885, "silu": 0.909, "mish": 0.898}


def column_signs(estimator: Any, encoder: TableEncoder) -> tuple[int, ...]:
    """Return the sign of each feature of a table; empty if none is constrained.

    Parameters
    ----------
    estimator : TabularEstimator
        With `monotonic_cst`, and the number and names of its columns.
    encoder : fitted TableEncoder

    Raises
    ------
    ValueError
        If `monotonic_cst` does not fit the columns, or constrains categories.
    """
    given = estimator.monotonic_cst
    if given is None:
        return ()
    if not isinstance(given, dict) and np.ndim(given) != 1:
        raise ValueError(f"monotonic_cst must have one dimension, but has {np.ndim(given)}")
    signs = _check_monotonic_cst(estimator, given)
    if not signs.any():
        return ()
    if len(getattr(estimator, "classes_", ())) > 2:
        raise ValueError(
            "monotonic constraints are not supported for multiclass classification: there are "
            f"{len(estimator.classes_)} classes"
        )
    for category in encoder.categories_:
        if signs[category.column]:
            raise ValueError(
                "Categorical features cannot have monotonic constraints, but "
                f"{encoder.column_names[category.column]!r} is encoded as categories"
            )
    numbers = encoder.numbers_
    own = [int(signs[j]) for j in compress(numbers.columns, numbers.varies)]
    return (*own, *[0] * (encoder.n_features_out - len(own) - len(encoder.n_codes_)))


def bounds_of(
    signs: Sequence[int], embedding: Embedding, units: Sequence[int], activation: str
) -> Bounds:
    """Return the lower and upper bounds of Θ, then of the extra parameters.

    Parameters
    ----------
    signs : sequence of int, one for each plain column
    embedding : Embedding
    units : sequence of int
        Of each hidden layer and of the output: 2 for the probabilities of two classes, the second
        of which is constrained, or 1.
    activation : str
    """
    dtype = embedding.scale.dtype
    n, D = embedding.n_numbers, embedding.n_dimensions
    inputs = np.zeros(embedding.n_outputs, np.int8)
    inputs[: len(signs)] = signs
    hidden = [np.resize(np.array(_UNITS, np.int8), size) for size in units[:-1]]
    outputs = np.array([-1, 1] if units[-1] == 2 else [1], np.int8)
    bounds: Bounds = []
    for into, of in pairwise([inputs, *hidden, outputs]):
        product = np.outer(of, into)
        no_edge = (product == 0) & (into != 0)
        if into is inputs:  # periodic features are not monotone
            start = embedding.n_plain
            no_edge[:, start : start + n * D] |= np.repeat(inputs[:n] != 0, D)
        lower = np.where((product > 0) | no_edge, 0, -np.inf)
        upper = np.where((product < 0) | no_edge, 0, np.inf)
        free = np.full((len(of), 1), np.inf)  # biases
        both = np.hstack([-free, lower]), np.hstack([free, upper])
        bounds.append((both[0].astype(dtype), both[1].astype(dtype)))
    bounds += [None, None, _within(inputs, np.inf, dtype)]
    return bounds + [_within(own, most_share(activation), dtype) for own in hidden]


def most_share(activation: str) -> float:
    """Return the largest α for which z + α (g(z) − z) never decreases, rounded down."""
    return _MOST_SHARE.get(activation, 1.0)


def _within(signs: Signs, most: float, dtype: np.dtype[Any]) -> tuple[Floats, Floats]:
    """Return the bounds 0 and `most` where there is a sign, and none elsewhere."""
    lower, upper = np.where(signs != 0, [[0.0], [most]], [[-np.inf], [np.inf]]).astype(dtype)
    return lower, upper


def keep_signs(W: Floats, bounds: tuple[Floats, Floats] | None) -> Floats:
    """Return weights, drawn from a symmetric distribution, with the signs that they must have."""
    if bounds is None:
        return W
    lower, upper = (bound[:, 1:] for bound in bounds)
    signed = np.where(lower == 0, np.abs(W), np.where(upper == 0, -np.abs(W), W))
    return np.clip(signed, lower, upper)


def project(arrays: Sequence[Floats], bounds: Bounds) -> None:
    """Clip arrays to their bounds, in place."""
    for array, pair in zip(arrays, bounds, strict=True):
        if pair is not None:
            np.clip(array, *pair, out=array)
