"""What is trained beside Θ: an embedding of the inputs, a scale of each, mixed activations.

A row of X holds plain columns, the first of them numbers with periodic features as well, then codes
of categories. From it come the inputs of Θ⁽¹⁾::

    u = [x, W₂ cos(2π w x + b) + b₂ of each number, E[code] of each category],  a⁽¹⁾ = s ⊙ u

and a hidden layer mixes its activation with z, each unit by a share of its own::

    a = z + α (g(z) − z)

These are records of arrays, which the engine trains; `tabular/equations.py` computes the same.

Sources: Gorishniy, Rubachev and Babenko, arXiv 2203.05556 (periodic features); Guo and Berkhahn,
arXiv 1604.06737 (categories); He et al., arXiv 1502.01852 (a trained share, of relu); Holzmüller,
Grinsztajn and Steinwart, arXiv 2407.04491 (all of it together, the scale too).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["Beside", "Embedding"]

Floats = NDArray[Any]  # float32 or float64
# What the native code has room for, of one number.
MOST_FREQUENCIES, MOST_DIMENSIONS = 32, 8


@dataclass(frozen=True)
class Embedding:
    """How a row of X becomes a⁽¹⁾.

    Attributes
    ----------
    n_plain : int
        Columns of X that are inputs as they are; then come the codes.
    n_frequencies : int
        Of w, for each number.
    n_codes : tuple of int
        How many codes 0 … n − 1 each further column of X has; any other value counts as 0.
    periodic : ndarray, shape (n_numbers, (2 + dimensions) n_frequencies + dimensions)
        In each row w, b, W₂ row by row, b₂.
    tables : ndarray, shape (Σ n_codes, width)
        The rows E of all categories, one category after the other.
    scale : ndarray, shape (s₁,)
    """

    n_plain: int
    n_frequencies: int
    n_codes: tuple[int, ...]
    periodic: Floats
    tables: Floats
    scale: Floats

    @property
    def n_numbers(self) -> int:
        """How many of the plain columns have periodic features; they come first."""
        return len(self.periodic)

    @property
    def n_dimensions(self) -> int:
        """Periodic features of one number."""
        K = self.n_frequencies
        return (int(self.periodic.shape[1]) - 2 * K) // (K + 1)

    @property
    def n_columns(self) -> int:
        """Columns of X."""
        return self.n_plain + len(self.n_codes)

    @property
    def n_outputs(self) -> int:
        """Inputs of Θ⁽¹⁾, s₁."""
        features = self.n_numbers * self.n_dimensions
        return self.n_plain + features + len(self.n_codes) * int(self.tables.shape[1])

    @property
    def arrays(self) -> list[Floats]:
        """What is trained."""
        return [self.periodic, self.tables, self.scale]

    @property
    def first_rows(self) -> list[int]:
        """Where the rows of each category begin, and where the last end."""
        return [0, *accumulate(map(int, self.n_codes))]


@dataclass(frozen=True)
class Beside:
    """What is trained beside Θ, and how fast.

    Attributes
    ----------
    embedding : Embedding, optional
    mixes : sequence of ndarrays, shapes (s_l,), optional
        α of each hidden layer, or none.
    rates : sequence of float, optional
        By what the learning rate is multiplied: for the weights and for the biases of each Θ, then
        for each of `arrays`. By default 1.
    decays : sequence of float, optional
        By what AdamW's and Lion's decay is multiplied for each of `arrays`. By default 0.
    """

    embedding: Embedding | None = None
    mixes: Sequence[Floats] = ()
    rates: Sequence[float] = ()
    decays: Sequence[float] = ()

    @property
    def arrays(self) -> list[Floats]:
        """What is trained: the embedding's arrays, then α of each hidden layer."""
        return [*(self.embedding.arrays if self.embedding else ()), *self.mixes]

    @property
    def names(self) -> list[str]:
        """What they are called."""
        embedding = ("periodic", "tables", "scale") if self.embedding else ()
        return [*embedding, *(f"mixes of hidden layer {l}" for l in range(1, len(self.mixes) + 1))]


def n_columns(thetas: Sequence[Floats], beside: Beside | None) -> int:
    """Columns that X must have."""
    embedding = beside.embedding if beside else None
    return embedding.n_columns if embedding else int(thetas[0].shape[1]) - 1


def check_dense(X: Any, beside: Beside | None) -> None:
    """See that rows to be embedded are no sparse ones; other arrays are checked elsewhere."""
    if beside is not None and beside.embedding is not None and not isinstance(X, np.ndarray):
        raise TypeError(
            f"rows to be embedded must be a NumPy array, and not sparse: {type(X).__name__}"
        )


def check_alone(beside: Beside | None, *penalties: float) -> None:
    """See that nothing but the data and a decay pulls at what is trained beside Θ."""
    if beside is not None and beside.arrays and any(penalties):
        raise ValueError("lambda_, l1, clip_norm and max_norm do not go with what is beside Θ")


def check_beside(
    beside: Beside | None, thetas: Sequence[Floats]
) -> tuple[list[int], list[int], list[Floats], list[float], list[float]]:
    """Return what the native code wants to know; ValueError or TypeError where it does not fit."""
    if beside is None:
        return [], [], [], [], []
    for name, array in zip(beside.names, beside.arrays, strict=True):
        if array.ndim != (wanted := 2 if name in ("periodic", "tables") else 1):
            raise ValueError(f"{name} must have {wanted} dimensions: {array.shape}")
    shape: list[int] = []
    first_rows: list[int] = []
    if (embedding := beside.embedding) is not None:
        shape, first_rows = _shape(embedding, thetas[0].shape[1] - 1), embedding.first_rows
    arrays = beside.arrays
    if beside.mixes:
        widths = [(len(theta),) for theta in thetas[:-1]]
        if (met := [mix.shape for mix in beside.mixes]) != widths:
            raise ValueError(f"mixes must have the shapes {widths} of the hidden layers: {met}")
    for name, array in zip(beside.names, arrays, strict=True):
        if array.dtype != thetas[0].dtype or not array.flags.c_contiguous:
            raise TypeError(
                f"{name} must be C-contiguous and {thetas[0].dtype} as Θ1 is: {array.dtype}, "
                f"strides {array.strides}"
            )
    for name, factors, n in (
        ("rates", beside.rates, 2 * len(thetas) + len(arrays)),
        ("decays", beside.decays, len(arrays)),
    ):
        if len(factors) not in (0, n) or not all(0 <= factor < np.inf for factor in factors):
            raise ValueError(f"{name} must be {n} finite factors, not negative: {list(factors)}")
    rates, decays = list(map(float, beside.rates)), list(map(float, beside.decays))
    return shape, first_rows, arrays, rates, decays


def _shape(embedding: Embedding, inputs: int) -> list[int]:
    K, D, width = embedding.n_frequencies, embedding.n_dimensions, embedding.tables.shape[1]
    if not (1 <= K <= MOST_FREQUENCIES and 1 <= D <= MOST_DIMENSIONS):
        raise ValueError(
            f"a number may have from 1 to {MOST_FREQUENCIES} frequencies and from 1 to "
            f"{MOST_DIMENSIONS} features: {K} and {D}"
        )
    if embedding.periodic.shape[1] != (2 + D) * K + D:
        raise ValueError(
            f"periodic must have {(2 + D) * K + D} columns: {embedding.periodic.shape}"
        )
    if not embedding.n_numbers <= embedding.n_plain or embedding.n_columns < 1:
        raise ValueError(
            f"there must be as many plain columns as numbers: {embedding.n_plain}, "
            f"{embedding.n_numbers}"
        )
    if min(embedding.n_codes, default=1) < 1 or sum(embedding.n_codes) != len(embedding.tables):
        raise ValueError(
            f"tables must have {sum(embedding.n_codes)} rows, at least one for each category: "
            f"{len(embedding.tables)}"
        )
    if not embedding.n_outputs == len(embedding.scale) == inputs:
        raise ValueError(
            f"the embedding's {embedding.n_outputs} outputs, its scales and the inputs of Θ1 must "
            f"be as many: {len(embedding.scale)} and {inputs}"
        )
    return [int(n) for n in (embedding.n_plain, embedding.n_numbers, K, D, width)]
