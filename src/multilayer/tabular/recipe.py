"""The recipe: how a tabular network is built and trained, in numbers found by measuring.

It is based on RealMLP (Holzmüller, Grinsztajn and Steinwart, arXiv 2407.04491) and differs from it
where that was better on real tables; docs/tabular.md has the effect of each number.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.base import is_classifier

from multilayer.estimators.parameters import hidden_sizes

__all__ = [
    "MOST_FOLDS",
    "Recipe",
    "encoding_for",
    "flat_cosine",
    "is_auto",
    "learning_rate_cycles",
    "members_for",
    "recipe_of",
]


@dataclass(frozen=True)
class Recipe:
    """Hyperparameters of the network and of its training.

    Attributes
    ----------
    hidden_layer_sizes : tuple of int
    activation : str
        Mixed with z, in each unit by a trained share that is 1 at first.
    learning_rate : float
        The peak of each cycle. For Θ⁽ˡ⁾ it is divided by √s_l (neural-tangent scaling).
    batch_size, max_iter : int
        Rows of a step; epochs.
    dropout, weight_decay : float
        The initial values; in the second half of the training they fall with a cosine.
    label_smoothing : float
    beta_1, beta_2 : float
        Of AdamW.
    n_frequencies, n_dimensions : int
        Periodic features of a number: the cosines, and the outputs that they are mixed to.
    frequency : float
        The largest scale of the normal distribution of a frequency, times the number of columns
        of numbers: the more there are, the smoother each must be. Scales are drawn log-uniformly
        from a twentieth of the largest up to the largest.
    embedding_size : int
        Dimensions of the embedding of a category.
    rate_biases, rate_periodic, rate_tables, rate_scale, rate_mixes : float
        Factors of the learning rate for these parameters.
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
ENCODING: dict[str, Any] = {"max_categories": 1024, "max_onehot": 8, "ordinal": True}
SCALINGS = {"classification": "blend", "regression": "quantile"}

# Largest number of training rows of a member, rows of a batch, epochs. Small tables need more
# epochs for the same number of steps; large ones need fewer epochs.
_BY_ROWS = (
    (512, 32, 128),
    (2_048, 64, 96),
    (8_192, 128, 48),
    (32_768, 256, 32),
    (524_288, 512, 20),
    (math.inf, 1024, 12),
)


def _recipe_for(classes: bool, rows: int) -> Recipe:
    """Return the recipe for a number of training rows."""
    _, batch_size, max_iter = next(size for size in _BY_ROWS if rows <= size[0])
    recipe = CLASSIFICATION if classes else REGRESSION
    return replace(recipe, batch_size=batch_size, max_iter=max_iter)


def recipe_of(estimator: Any, rows: int) -> Recipe:
    """Return the recipe for a number of training rows, with the parameters of an estimator."""
    recipe = _recipe_for(is_classifier(estimator), rows)
    given = {
        "hidden_layer_sizes": estimator.hidden_layer_sizes,
        "activation": estimator.activation,
        "learning_rate": estimator.learning_rate_init,
        "batch_size": estimator.batch_size,
        "max_iter": estimator.max_iter,
        "dropout": estimator.dropout,
        "weight_decay": estimator.alpha,
        "label_smoothing": getattr(estimator, "label_smoothing", "auto"),
    }
    own = {name: value for name, value in given.items() if not is_auto(value)}
    if "hidden_layer_sizes" in own:
        own["hidden_layer_sizes"] = hidden_sizes(own["hidden_layer_sizes"])
    return replace(recipe, **own)


def is_auto(value: Any) -> bool:
    """Whether the value of a parameter is "auto"."""
    return isinstance(value, str) and value == "auto"


def encoding_for(classes: bool) -> dict[str, Any]:
    """Return the parameters of the encoder."""
    return {**ENCODING, "scaling": SCALINGS["classification" if classes else "regression"]}


# Further members are trained on further folds of the same size, each time assigned anew: smaller
# ones would choose the epoch by too few rows.
MOST_FOLDS = 8


def members_for(rows: int) -> int:
    """Return the number of members for a number of rows: fewer where one member has enough rows."""
    return 8 if rows <= 131_072 else 4


def learning_rate_cycles(t: NDArray[np.float64]) -> NDArray[np.float64]:
    """Compute ½ (1 − cos 2π log₂(1 + 15 t)), 0 ≤ t < 1: four cycles, each twice the last one.

    Source: Holzmüller, Grinsztajn and Steinwart, arXiv 2407.04491.
    """
    # By the C library: NumPy's own functions depend on the processor in their last bits.
    return np.array([0.5 * (1 - math.cos(2 * math.pi * math.log2(1 + 15 * s))) for s in t.tolist()])


def flat_cosine(t: float) -> float:
    """Compute 1 up to t = ½, then ½ (1 + cos π(2t − 1)), which ends at 0."""
    return 1.0 if t < 0.5 else 0.5 * (1 + math.cos(math.pi * (2 * t - 1)))
