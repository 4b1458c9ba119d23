"""TabularNetwork: Θ, the embedding and activation shares; their initialization and state."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from multilayer import fields
from multilayer.activations import ACTIVATIONS
from multilayer.embedding import Embedding, ExtraParameters, Floats, n_columns
from multilayer.engine.functions import exp
from multilayer.engine.native import Forward
from multilayer.tabular.monotone import bounds_of, keep_signs, project
from multilayer.tabular.recipe import Recipe

__all__ = ["Layout", "TabularNetwork", "initialize"]

# Rows that the data-driven initialization uses, and rows whose mean determines a bias.
_MOST_ROWS, _ROWS_OF_BIAS = 1024, 5


@dataclass(frozen=True)
class Layout:
    """The columns of an encoded table.

    Attributes
    ----------
    n_numbers : int
        Number of leading columns, which get periodic features.
    n_plain : int
        Number of columns that are inputs themselves, including those.
    n_codes : tuple of int
        Number of codes of each of the other columns.
    """

    n_numbers: int
    n_plain: int
    n_codes: tuple[int, ...] = ()


class TabularNetwork:
    """A network with an embedding of its inputs.

    Parameters
    ----------
    thetas : list of ndarrays, shapes (s_{l+1}, s_l + 1)
    extra : ExtraParameters
        Its embedding, and the shares of its activations.
    activation : str
        Activation of all hidden layers.
    output : {"softmax", "identity"}
    signs : tuple of int
        Of each plain column, as `multilayer.tabular.monotone.column_signs` returns them; empty if
        none is constrained.

    Attributes
    ----------
    bounds : list or None
        Of each trained array, if there are monotone columns; see `multilayer.tabular.monotone`.
    """

    def __init__(
        self,
        thetas: list[Floats],
        extra: ExtraParameters,
        activation: str,
        output: str,
        signs: tuple[int, ...] = (),
    ) -> None:
        self.thetas, self.extra = thetas, extra
        self.activation, self.output, self.signs = activation, output, signs
        embedding = extra.embedding
        assert embedding is not None  # `initialize` always makes one
        units = [len(theta) for theta in thetas]
        self.bounds = bounds_of(signs, embedding, units, activation) if signs else None
        self._forward = Forward(thetas, self.hidden, output, extra)

    @property
    def n_columns(self) -> int:
        """Number of columns of an encoded table."""
        return n_columns(self.thetas, self.extra)

    @property
    def layout(self) -> Layout:
        """The columns of the tables that it takes."""
        embedding = self.extra.embedding
        assert embedding is not None  # `initialize` always makes one
        return Layout(embedding.n_numbers, embedding.n_plain, embedding.n_codes)

    @property
    def n_outputs(self) -> int:
        """Number of output units, K."""
        return len(self.thetas[-1])

    @property
    def hidden(self) -> list[str]:
        """Activations of the hidden layers."""
        return [self.activation] * (len(self.thetas) - 1)

    @property
    def arrays(self) -> list[Floats]:
        """All trained arrays: Θ, those of the embedding, the shares."""
        return [*self.thetas, *self.extra.arrays]

    def forward(self, X: Floats) -> Floats:
        """Compute the outputs H (m, K) for encoded rows (m, n_columns).

        A network with monotone columns computes in float64, because rounding errors of float32
        would reverse the order of outputs that are nearly equal. Its numbers are then rounded to
        float32, in which no rounding error of float64 is seen, and its probabilities, as a
        temperature follows, are not.
        """
        if not self.signs:
            return self._forward(X)
        thetas, extra = [theta.astype(np.float64) for theta in self.thetas], in_float64(self.extra)
        H = Forward(thetas, self.hidden, self.output, extra)(X.astype(np.float64))
        return H if self.output == "softmax" else H.astype(X.dtype)

    def project(self) -> None:
        """Clip the parameters to their bounds, if there are any."""
        if self.bounds is not None:
            project(self.arrays, self.bounds)

    def add_biases(self, biases: NDArray[Any]) -> None:
        """Add to the biases of the output units, (K,)."""
        self.thetas[-1][:, 0] += biases.astype(self.thetas[-1].dtype)

    def keeps_bounds(self) -> bool:
        """Whether all parameters are within their bounds."""
        return self.bounds is None or all(
            pair is None or bool(((pair[0] <= array) & (array <= pair[1])).all())
            for array, pair in zip(self.arrays, self.bounds, strict=True)
        )

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self.thetas, self.extra, self.activation, self.output, self.signs)

    def to_state(self) -> tuple[dict[str, Any], dict[str, Floats]]:
        """Return what JSON can hold, and arrays by name."""
        embedding = self.extra.embedding
        assert embedding is not None  # `initialize` always makes one
        state = {
            "layers": len(self.thetas),
            "n_plain": embedding.n_plain,
            "n_frequencies": embedding.n_frequencies,
            "n_codes": list(embedding.n_codes),
            "activation": self.activation,
            "output": self.output,
        }
        if self.signs:
            state["signs"] = list(self.signs)
        names = [f"theta_{layer + 1}" for layer in range(len(self.thetas))]
        names += ["periodic", "tables", "scale"]
        names += [f"share_{layer + 2}" for layer in range(len(self.extra.mixes))]
        return state, dict(zip(names, self.arrays, strict=True))

    @classmethod
    def from_state(cls, state: Mapping[str, Any], arrays: Mapping[str, Floats]) -> Self:
        """Restore what `to_state` returned; any exception means that the parts do not fit."""
        activation = fields.text("activation", state["activation"])
        output = fields.text("output", state["output"])
        if activation not in ACTIVATIONS or output not in ("softmax", "identity"):
            raise ValueError(f"unknown units: {activation!r}, {output!r}")
        n = fields.whole("layers", state["layers"], least=1)
        thetas = [arrays[f"theta_{layer + 1}"] for layer in range(n)]
        if not all(np.isfinite(array).all() for array in arrays.values()):
            raise ValueError("arrays of a network must be finite")
        parts = (arrays[name] for name in ("periodic", "tables", "scale"))
        embedding = Embedding(
            fields.whole("n_plain", state["n_plain"]),
            fields.whole("n_frequencies", state["n_frequencies"], least=1),
            tuple(fields.whole_numbers("n_codes", state["n_codes"], least=1)),
            *parts,
        )
        mixes = [arrays[f"share_{layer + 2}"] for layer in range(n - 1)]
        signs: list[int] = []
        if "signs" in state:
            length = embedding.n_plain
            signs = fields.whole_numbers("signs", state["signs"], -1, 1, length=length)
            if not any(signs) or len(thetas[-1]) > 2:
                raise ValueError("signs must not be all 0, and there must be one output or two")
        network = cls(thetas, ExtraParameters(embedding, mixes), activation, output, tuple(signs))
        if not network.keeps_bounds():
            raise ValueError("parameters of a monotone network must be within their bounds")
        return network


def initialize(
    layout: Layout,
    X: Floats,
    n_outputs: int,
    output: str,
    recipe: Recipe,
    rng: np.random.RandomState,
    signs: tuple[int, ...] = (),
) -> TabularNetwork:
    """Make an untrained network whose z have unit variance on the data.

    Weights are drawn from N(0, 1), and those of each unit are divided by the standard deviation of
    its z. Its bias is minus a random mean of z over five rows, so that z = 0 is among the data.
    Source: Holzmüller, Grinsztajn and Steinwart, arXiv 2407.04491.

    Parameters
    ----------
    layout : Layout
    X : ndarray, shape (m, n_columns)
        Encoded training rows, of which at most 1024 are used.
    n_outputs : int
    output : {"softmax", "identity"}
    recipe : Recipe
    rng : RandomState
    signs : tuple of int
        As for `TabularNetwork`.

    Returns
    -------
    TabularNetwork
    """
    embedding = _embedding(layout, recipe, X.dtype, rng)
    rows = X[rng.permutation(len(X))[:_MOST_ROWS]]
    sizes = [embedding.n_outputs, *recipe.hidden_layer_sizes, n_outputs]
    mixes = [np.ones(units, X.dtype) for units in recipe.hidden_layer_sizes]
    bounds = bounds_of(signs, embedding, sizes[1:], recipe.activation) if signs else None
    if bounds is not None:
        project(mixes, bounds[len(bounds) - len(mixes) :])
    thetas: list[Floats] = []
    rates: list[float] = []
    for layer, (inputs, units) in enumerate(pairwise(sizes)):
        W = rng.normal(size=(units, inputs)).astype(X.dtype)
        if bounds is not None:
            W = keep_signs(W, bounds[layer])
        # By the engine, as sums of BLAS depend on its threads and on the processor.
        so_far = [*thetas, np.pad(W, ((0, 0), (1, 0)))]
        extra = ExtraParameters(embedding, mixes[:layer])
        z = Forward(so_far, [recipe.activation] * layer, "identity", extra)(rows)
        spread = z.std(axis=0)
        spread = np.where(spread > 1e-6 * np.sqrt(inputs), spread, np.sqrt(inputs))
        W, z = W / spread[:, None], z / spread
        k = min(_ROWS_OF_BIAS, len(z))
        chosen = rng.randint(len(z), size=(k, units))
        b = -(rng.dirichlet(np.ones(k), units).T * z[chosen, np.arange(units)]).sum(axis=0)
        thetas.append(np.concatenate([b[:, None], W], axis=1).astype(X.dtype))
        rates += [1 / np.sqrt(inputs), recipe.rate_biases]
    rates += [recipe.rate_periodic, recipe.rate_tables, recipe.rate_scale]
    rates += [recipe.rate_mixes] * len(mixes)
    return TabularNetwork(
        thetas, ExtraParameters(embedding, mixes, rates), recipe.activation, output, signs
    )


def in_float64(extra: ExtraParameters) -> ExtraParameters:
    """Return the same parameters in float64."""
    e = extra.embedding
    assert e is not None  # `initialize` always makes one
    arrays = (array.astype(np.float64) for array in e.arrays)
    embedding = Embedding(e.n_plain, e.n_frequencies, e.n_codes, *arrays)
    return ExtraParameters(embedding, [mix.astype(np.float64) for mix in extra.mixes])


def _embedding(
    layout: Layout, recipe: Recipe, dtype: np.dtype[Any], rng: np.random.RandomState
) -> Embedding:
    n, K, D = layout.n_numbers, recipe.n_frequencies, recipe.n_dimensions
    largest = min(recipe.frequency / max(n, 1), 2.0)
    spread = largest * exp(-math.log(20) * rng.uniform(size=(n, K)))
    periodic = [
        spread * rng.normal(size=(n, K)),  # w
        rng.uniform(-np.pi, np.pi, (n, K)),  # b
        rng.uniform(-1, 1, (n, D * K)) / np.sqrt(K),  # W₂
        rng.uniform(-1, 1, (n, D)) / np.sqrt(K),  # b₂
    ]
    tables = rng.normal(size=(sum(layout.n_codes), recipe.embedding_size))
    embedding = Embedding(
        layout.n_plain,
        K,
        layout.n_codes,
        np.concatenate(periodic, axis=1).astype(dtype),
        tables.astype(dtype),
        np.ones(layout.n_plain + n * D + len(layout.n_codes) * recipe.embedding_size, dtype),
    )
    # The code of categories that are not in fit: zero, and never trained.
    embedding.tables[embedding.first_rows[:-1]] = 0
    return embedding
