"""The recipe: how a tabular network is built and trained, in numbers found by measuring.

It begins from RealMLP (Holzmüller, Grinsztajn and Steinwart, arXiv 2407.04491) and departs from it
where that paid on real tables; docs/tabular.md tells what each number is worth.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = [
    "Recipe",
    "encoding_for",
    "flat_cosine",
    "learning_rate_cycles",
    "members_for",
    "recipe_for",
]


@dataclass(frozen=True)
class Recipe:
    """Numbers of the network and of its training.

    Attributes
    ----------
    hidden_layer_sizes : tuple of int
    activation : str
        Mixed with z, each unit by a share that is trained, 1 at first.
    learning_rate : float
        The peak of each cycle. That of Θ⁽ˡ⁾ is divided by √s_l (neural-tangent scaling).
    batch_size, max_iter : int
        Rows of a step; epochs.
    dropout, weight_decay : float
        At first; from half of the training on they fall with a cosine.
    label_smoothing : float
    beta_1, beta_2 : float
        Of AdamW.
    n_frequencies, n_dimensions : int
        Periodic features of a number: cosines, and what they are mixed to.
    frequency : float
        The largest scale of a frequency's normal distribution, times the number of numbers: the
        more there are, the smoother each must be. Scales are drawn evenly in their logarithm, from
        a twentieth of it on.
    embedding_size : int
        Dimensions of a category.
    rate_biases, rate_periodic, rate_tables, rate_scale, rate_mixes : float
        By what the learning rate is multiplied for them.
    """

    hidden_layer_sizes: tuple[int, ...] = (128, 128, 128)
    activation: str = "selu"
    learning_rate: float = 0.04
    batch_size: int = 128
    max_iter: int = 64
    dropout: float = 0.15
    weight_decay: float = 0.02
    label_smoothing: float = 0.1
    beta_1: float = 0.9
    beta_2: float = 0.95
    n_frequencies: int = 16
    n_dimensions: int = 3
    frequency: float = 5.0
    embedding_size: int = 8
    rate_biases: float = 0.1
    rate_periodic: float = 0.1
    rate_tables: float = 0.1
    rate_scale: float = 6.0
    rate_mixes: float = 0.1


CLASSIFICATION = Recipe(rate_scale=3.0)
REGRESSION = Recipe(
    activation="mish",
    learning_rate=0.1,
    dropout=0.05,
    label_smoothing=0.0,
    frequency=12.0,
    rate_periodic=0.3,
)

# Parameters of TableEncoder: up to 8 categories are one-hot, beyond that embedded.
ENCODING: dict[str, Any] = {"max_categories": 1024, "max_onehot": 8}
SCALINGS = {"classification": "blend", "regression": "quantile"}

# Up to so many training rows of a member: rows of a batch, and epochs. Small tables need more
# epochs for as many steps; large ones learn as much from fewer.
_BY_ROWS = (
    (512, 32, 128),
    (2_048, 64, 96),
    (8_192, 128, 48),
    (32_768, 256, 32),
    (524_288, 512, 20),
    (math.inf, 1024, 12),
)


def recipe_for(classes: bool, rows: int) -> Recipe:
    """Give the recipe for so many training rows."""
    _, batch_size, max_iter = next(size for size in _BY_ROWS if rows <= size[0])
    recipe = CLASSIFICATION if classes else REGRESSION
    return replace(recipe, batch_size=batch_size, max_iter=max_iter)


def encoding_for(classes: bool) -> dict[str, Any]:
    """Give the parameters of the encoder."""
    return {**ENCODING, "scaling": SCALINGS["classification" if classes else "regression"]}


def members_for(rows: int) -> int:
    """Give the number of members for so many rows: fewer where each of them has seen enough."""
    return 8 if rows <= 131_072 else 4


def learning_rate_cycles(t: NDArray[np.float64]) -> NDArray[np.float64]:
    """½ (1 − cos 2π log₂(1 + 15 t)): four cycles, each twice as long as the one before; t ∈ [0, 1).

    Source: Holzmüller, Grinsztajn and Steinwart, arXiv 2407.04491.
    """
    return 0.5 * (1 - np.cos(2 * math.pi * np.log2(1 + 15 * t)))


def flat_cosine(t: float) -> float:
    """1 up to t = ½, then ½ (1 + cos π(2t − 1)), which ends at 0."""
    return 1.0 if t < 0.5 else 0.5 * (1 + math.cos(math.pi * (2 * t - 1)))
