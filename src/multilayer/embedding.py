"""Parameters trained in addition to Θ: an embedding of the inputs, their scale, mixed activations.

A row of X contains plain columns, of which the first are numbers with additional periodic features,
and then codes of categories. The inputs of Θ⁽¹⁾ are computed from it::

    u = [x, W₂ cos(2π w x + b) + b₂ of each number, E[code] of each category],  a⁽¹⁾ = s ⊙ u

and each unit of a hidden layer mixes its activation with z by a coefficient of its own::

    a = z + α (g(z) − z)

The records of arrays are what the engine trains. The functions below them are the reference: the
tests compare the native code with them, and compare them with finite differences.

Sources: Gorishniy, Rubachev and Babenko, arXiv 2203.05556 (periodic features); Guo and Berkhahn,
arXiv 1604.06737 (categories); He et al., arXiv 1502.01852 (a trained coefficient, of relu);
Holzmüller, Grinsztajn and Steinwart, arXiv 2407.04491 (all of these together, and the scale).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from multilayer.activations import ACTIVATIONS
from multilayer.losses import Loss, resolve
from multilayer.outputs import Output, apply_output

__all__ = [
    "Embedding",
    "ExtraParameters",
    "cost",
    "cost_and_gradient",
    "embed",
    "forward_propagation",
    "input_gradient",
    "n_columns",
]

Floats = NDArray[Any]  # float32 or float64
# The limits of the native code, for one number.
MOST_FREQUENCIES, MOST_DIMENSIONS = 32, 8


@dataclass(frozen=True)
class Embedding:
    """The inputs a⁽¹⁾ made from a row of X.

    Attributes
    ----------
    n_plain : int
        Number of columns of X that are inputs themselves; the codes follow.
    n_frequencies : int
        The number of frequencies w for each number.
    n_codes : tuple of int
        The number n of codes 0 … n − 1 of each further column of X; any other value counts as 0.
    periodic : ndarray, shape (n_numbers, (2 + dimensions) n_frequencies + dimensions)
        Each row contains w, b, W₂ (row by row) and b₂.
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
        """Number of plain columns with periodic features, which are the first columns."""
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
        """The arrays that are trained."""
        return [self.periodic, self.tables, self.scale]

    @property
    def first_rows(self) -> list[int]:
        """The first row of each category, and the end of the last."""
        return [0, *accumulate(map(int, self.n_codes))]


@dataclass(frozen=True)
class ExtraParameters:
    """The parameters that are trained in addition to Θ, with their learning rates and decays.

    Attributes
    ----------
    embedding : Embedding, optional
    mixes : sequence of ndarrays, shapes (s_l,), optional
        α of each hidden layer, or none.
    rates : sequence of float, optional
        Factors of the learning rate: for the weights and for the biases of each Θ, then for each of
        `arrays`. By default 1.
    decays : sequence of float, optional
        Factors of the decay of AdamW and Lion for each of `arrays`. By default 0.
    """

    embedding: Embedding | None = None
    mixes: Sequence[Floats] = ()
    rates: Sequence[float] = ()
    decays: Sequence[float] = ()

    @property
    def arrays(self) -> list[Floats]:
        """The arrays that are trained: the embedding's, then α of each hidden layer."""
        return [*(self.embedding.arrays if self.embedding else ()), *self.mixes]

    @property
    def names(self) -> list[str]:
        """The names of these arrays."""
        embedding = ("periodic", "tables", "scale") if self.embedding else ()
        return [*embedding, *(f"mixes of hidden layer {l}" for l in range(1, len(self.mixes) + 1))]


def n_columns(thetas: Sequence[Floats], extra: ExtraParameters | None) -> int:
    """Columns that X must have."""
    embedding = extra.embedding if extra else None
    return embedding.n_columns if embedding else int(thetas[0].shape[1]) - 1


class Numbers(NamedTuple):
    """The parameters of the periodic features of all numbers."""

    w: Floats  # (n, K), with x in radians / 2π
    b: Floats  # (n, K), in radians
    W2: Floats  # (n, D, K)
    b2: Floats  # (n, D)


class Forward(NamedTuple):
    """The intermediate results of forward propagation."""

    u: Floats  # (m, s₁), inputs before their scale
    Z: list[Floats]  # z⁽²⁾ … z⁽ᴸ⁾
    A: list[Floats]  # a⁽¹⁾ … a⁽ᴸ⁻¹⁾, masked
    h: Floats  # (m, K)


def numbers_of(embedding: Embedding) -> Numbers:
    """Take the rows of `periodic` apart: views of it."""
    n, K, D = embedding.n_numbers, embedding.n_frequencies, embedding.n_dimensions
    w, b, W2, b2 = np.split(embedding.periodic, np.cumsum([K, K, D * K]), axis=1)
    return Numbers(w, b, W2.reshape(n, D, K), b2)


def codes_of(X: Floats, embedding: Embedding) -> NDArray[np.intp]:
    """Rows of `tables` for each category, (m, n_categories)."""
    codes, n = X[:, embedding.n_plain :], np.array(embedding.n_codes, float)
    known = (codes >= 0) & (codes < n)
    rows: NDArray[np.intp] = np.where(known, codes, 0).astype(np.intp)
    return rows + np.array(embedding.first_rows[:-1], np.intp)


def embed(X: Floats, embedding: Embedding) -> Floats:
    """Make u (m, s₁): [x, W₂ cos(2π w x + b) + b₂ of each number, E[code] of each category]."""
    m, x = len(X), X[:, : embedding.n_numbers]
    p = numbers_of(embedding)
    waves = np.cos(2 * math.pi * p.w * x[:, :, None] + p.b)  # (m, n, K)
    features = np.einsum("ndk,mnk->mnd", p.W2, waves) + p.b2
    rows = embedding.tables[codes_of(X, embedding)]  # (m, n_categories, width)
    return np.concatenate(
        [X[:, : embedding.n_plain], features.reshape(m, -1), rows.reshape(m, -1)], axis=1
    )


def forward_propagation(
    X: Floats,
    thetas: Sequence[Floats],
    hidden: Sequence[str],
    output: Output,
    extra: ExtraParameters,
    masks: Sequence[Floats | None] = (),
) -> Forward:
    """a⁽¹⁾ = s ⊙ u,  z⁽ˡ⁺¹⁾ = Θ⁽ˡ⁾ [1; a⁽ˡ⁾],  a⁽ˡ⁺¹⁾ = (z + α (g(z) − z)) ⊙ mask.

    Parameters
    ----------
    X : ndarray, shape (m, n_columns)
    thetas, hidden, output
        As for `multilayer.equations.forward_propagation`.
    extra : ExtraParameters
    masks : sequence of ndarrays or None, one for each hidden layer, optional
        Of dropout.

    Returns
    -------
    Forward
    """
    u = X if extra.embedding is None else embed(X, extra.embedding)
    a = u if extra.embedding is None else extra.embedding.scale * u
    Z, A = [], [a]
    for layer, theta in enumerate(thetas):
        z = theta[:, 0] + A[-1] @ theta[:, 1:].T  # (m, s_{l+1})
        Z.append(z)
        if layer < len(hidden):
            g = ACTIVATIONS[hidden[layer]].g(z)
            a = z + extra.mixes[layer] * (g - z) if extra.mixes else g
            mask = masks[layer] if masks else None
            A.append(a if mask is None else a * mask)
    return Forward(u, Z, A, apply_output(Z[-1], output))


def cost(
    X: Floats,
    Y: Floats,
    thetas: Sequence[Floats],
    hidden: Sequence[str],
    output: Output,
    extra: ExtraParameters,
    *,
    loss: str | Loss = "auto",
    masks: Sequence[Floats | None] = (),
) -> float:
    """J = 1/m Σᵢ cost(h⁽ⁱ⁾, y⁽ⁱ⁾)."""
    z = forward_propagation(X, thetas, hidden, output, extra, masks).Z[-1]
    return float(np.mean(resolve(loss, output).cost(z, Y, output)))


def cost_and_gradient(
    X: Floats,
    Y: Floats,
    thetas: Sequence[Floats],
    hidden: Sequence[str],
    output: Output,
    extra: ExtraParameters,
    *,
    loss: str | Loss = "auto",
    masks: Sequence[Floats | None] = (),
) -> tuple[float, list[Floats]]:
    """J, and its gradient by the chain rule: of Θ, then of the arrays of `extra`.

    ∂J/∂α = Σ δ_a ⊙ (g(z) − z),  δ_z = δ_a ⊙ (1 + α (g′(z) − 1)),  ∂J/∂s = Σ δ⁽¹⁾ ⊙ u,
    δ_u = s ⊙ δ⁽¹⁾; of a number ∂J/∂W₂ = Σ δ_u cos(φ)ᵀ, δ_φ = −(W₂ᵀ δ_u) ⊙ sin φ, φ = 2π w x + b;
    of a category the row E[code] gets δ_u. Parameters are those of `forward_propagation`.
    """
    m = len(X)
    u, Z, A, _ = forward_propagation(X, thetas, hidden, output, extra, masks)
    J = float(np.mean(resolve(loss, output).cost(Z[-1], Y, output)))
    d = resolve(loss, output).derivative(Z[-1], Y, output) / m
    D: list[Floats] = []
    shares: list[Floats] = []
    for layer in reversed(range(len(thetas))):
        D.insert(0, np.concatenate([d.sum(axis=0)[:, None], d.T @ A[layer]], axis=1))
        d = d @ thetas[layer][:, 1:]  # δ_a, (m, s_l)
        if layer == 0:
            break
        below, z = layer - 1, Z[layer - 1]
        if masks and (mask := masks[below]) is not None:
            d = d * mask
        g, slope = ACTIVATIONS[hidden[below]]
        if extra.mixes:
            shares.insert(0, (d * (g(z) - z)).sum(axis=0))
            d = d * (1 + extra.mixes[below] * (slope(z) - 1))
        else:
            d = d * slope(z)
    if extra.embedding is not None:
        D += _embedding_gradient(X, extra.embedding, u, d)
    return J, D + shares


def input_gradient(
    X: Floats,
    thetas: Sequence[Floats],
    hidden: Sequence[str],
    extra: ExtraParameters,
    units: NDArray[np.intp],
) -> tuple[Floats, Floats]:
    """Return u (m, s₁) and ∂z⁽ᴸ⁾ₖ/∂u (m, s₁) for the output unit k of each row, `units` (m,)."""
    u, Z, _, _ = forward_propagation(X, thetas, hidden, "identity", extra)
    d = np.zeros_like(Z[-1])
    d[np.arange(len(X)), units] = 1  # (m, K), rows eₖ
    for layer in reversed(range(1, len(thetas))):
        below, z = layer - 1, Z[layer - 1]
        slope = ACTIVATIONS[hidden[below]].slope(z)
        if extra.mixes:
            slope = 1 + extra.mixes[below] * (slope - 1)
        d = (d @ thetas[layer][:, 1:]) * slope
    d = d @ thetas[0][:, 1:]  # δ⁽¹⁾
    return u, d if extra.embedding is None else d * extra.embedding.scale


def _embedding_gradient(X: Floats, embedding: Embedding, u: Floats, d: Floats) -> list[Floats]:
    """Gradients of `periodic`, `tables`, `scale`; d is δ⁽¹⁾ (m, s₁)."""
    m, n, D = len(X), embedding.n_numbers, embedding.n_dimensions
    scale = (d * u).sum(axis=0)
    _, features, rows = np.split(d * embedding.scale, np.cumsum([embedding.n_plain, n * D]), axis=1)
    p, x = numbers_of(embedding), X[:, :n]
    angle = 2 * math.pi * p.w * x[:, :, None] + p.b  # (m, n, K)
    d_e = features.reshape(m, n, D)
    d_angle = -np.einsum("ndk,mnd->mnk", p.W2, d_e) * np.sin(angle)
    W2 = np.einsum("mnd,mnk->ndk", d_e, np.cos(angle)).reshape(n, D * p.w.shape[1])
    w = 2 * math.pi * np.einsum("mnk,mn->nk", d_angle, x)
    periodic = np.concatenate([w, d_angle.sum(axis=0), W2, d_e.sum(axis=0)], axis=1)
    tables = np.zeros_like(embedding.tables)
    width = embedding.tables.shape[1]
    np.add.at(tables, codes_of(X, embedding), rows.reshape(m, -1, width))
    return [periodic, tables, scale]
