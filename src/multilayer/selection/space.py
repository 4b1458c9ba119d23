"""The space of parameters that is searched; made from the data where none is given."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from scipy.stats import loguniform

from multilayer.estimators.parameters import takes_all_rows
from multilayer.schedules import WarmRestarts
from multilayer.tabular.base import TabularEstimator

__all__ = ["LOG_UNIFORM", "HiddenLayers", "check_space", "first_candidates", "sample", "space_for"]

LOG_UNIFORM = ("loguniform", "reciprocal")  # SciPy has both names


class HiddenLayers:
    """Distribution of `hidden_layer_sizes`: the number of layers and their widths.

    The number of layers is drawn uniformly, the width of the first layer uniformly in its
    logarithm. The layers after it are all as wide, or each half as wide as the one before.

    Parameters
    ----------
    depths : sequence of int, default=(0, 1, 2, 3)
        Numbers of hidden layers; 0 means logistic or linear regression.
    widths : tuple of int, default=(2, 256)
        The smallest and the largest number of units of the first layer.

    Examples
    --------
    >>> from multilayer.selection import HiddenLayers
    >>> HiddenLayers(depths=[2], widths=(16, 16)).rvs(random_state=0)
    (16, 8)
    """

    def __init__(
        self, depths: Sequence[int] = (0, 1, 2, 3), widths: tuple[int, int] = (2, 256)
    ) -> None:
        if len(depths) == 0 or min(depths) < 0:
            raise ValueError(f"depths must be numbers of layers, at least 0: {depths}")
        if not 1 <= widths[0] <= widths[1]:
            raise ValueError(f"widths must be the least, at least 1, and the largest: {widths}")
        self.depths, self.widths = tuple(depths), (int(widths[0]), int(widths[1]))

    def __repr__(self) -> str:
        return f"HiddenLayers(depths={self.depths}, widths={self.widths})"

    def rvs(self, random_state: Any = None) -> tuple[int, ...]:
        """Draw the sizes of the hidden layers.

        Parameters
        ----------
        random_state : RandomState, int or None

        Returns
        -------
        tuple of int
        """
        rng = np.random.RandomState(random_state) if not _draws(random_state) else random_state
        depth = self.depths[rng.randint(len(self.depths))]
        low, high = self.widths
        width = round(math.exp(rng.uniform(math.log(low), math.log(high))))
        return self.layers(depth, width, bool(rng.randint(2)))

    @staticmethod
    def layers(depth: int, width: int, halving: bool) -> tuple[int, ...]:
        """Return the sizes of the hidden layers for one draw."""
        return tuple(max(1, width >> layer if halving else width) for layer in range(depth))


def _draws(random_state: Any) -> bool:
    return isinstance(random_state, np.random.RandomState | np.random.Generator)


def space_for(estimator: Any, n_rows: int) -> dict[str, Any]:
    """Return the space to search for an estimator and a number of rows.

    Parameters
    ----------
    estimator : MLPClassifier, MLPRegressor, TabularClassifier or TabularRegressor
    n_rows : int
        The number of rows of one training part.

    Returns
    -------
    dict
        The distribution of each parameter, by its name.
    """
    widest = int(np.clip(2 * math.sqrt(n_rows), 16, 256))
    if isinstance(estimator, TabularEstimator):
        return {
            "hidden_layer_sizes": HiddenLayers((1, 2, 3, 4), (min(16, widest), widest)),
            "dropout": [0.0, 0.05, 0.15, 0.3],
            "learning_rate_init": loguniform(0.01, 0.2),
        }
    space: dict[str, Any] = {
        "hidden_layer_sizes": HiddenLayers(widths=(2, widest)),
        "activation": ["relu", "tanh", "silu"],
        "alpha": loguniform(1e-5, 10.0),
    }
    if estimator.solver != "lbfgs":
        space |= {"learning_rate_init": loguniform(1e-3, 5e-2), "dropout": [0.0, 0.0, 0.1, 0.25]}
    return space | {name: [value] for name, value in _in_common(estimator, n_rows).items()}


def _in_common(estimator: Any, n_rows: int) -> dict[str, Any]:
    """Return parameters that all candidates share, unless the estimator sets them.

    The batches are so small that a few epochs tell candidates apart, and the learning rate falls to
    0 by each rung: with a constant one, the noise of the last step would decide between them, and
    the network trained on all rows would not be the one that was scored.
    """
    common: dict[str, Any] = {}
    if takes_all_rows(estimator):
        return common
    if estimator.batch_size == "auto":
        rows = int(2 ** np.clip(round(math.log2(n_rows / 25)), 4, 8))
        common["batch_size"] = min(rows, n_rows)
    if estimator.learning_rate == "constant":
        common["learning_rate"] = WarmRestarts(first_cycle=max(1, estimator.max_iter // 31))
    return common


def check_space(space: Any, estimator: Any) -> dict[str, Any]:
    """Check a space given by the user.

    Parameters
    ----------
    space : mapping
        From names of parameters of `estimator` to distributions (with `rvs`) or sequences.
    estimator : estimator

    Returns
    -------
    dict

    Raises
    ------
    ValueError
        If the space is empty, or a name is not a parameter of the estimator.
    TypeError
        If a value is neither a distribution nor a sequence.
    """
    if not isinstance(space, Mapping):
        raise TypeError(f"space must be a dict of distributions or lists, got {space!r}")
    if not space:
        raise ValueError("space must hold at least one parameter to search, but is empty")
    known = estimator.get_params()
    for name, values in space.items():
        if name not in known:
            raise ValueError(
                f"space names {name!r}, which is no parameter of {type(estimator).__name__}"
            )
        if hasattr(values, "rvs"):
            continue
        if isinstance(values, str) or not isinstance(values, Sequence | np.ndarray):
            raise TypeError(
                f"space[{name!r}] must be a distribution or a list of values, got {values!r}"
            )
        if len(values) == 0:
            raise ValueError(f"space[{name!r}] must hold at least one value, but is empty")
    return dict(space)


def sample(space: dict[str, Any], rng: np.random.RandomState) -> dict[str, Any]:
    """Draw a value for each parameter."""
    drawn: dict[str, Any] = {}
    for name in sorted(space):
        values = space[name]
        value = _draw(values, rng) if hasattr(values, "rvs") else values[rng.randint(len(values))]
        drawn[name] = value.item() if isinstance(value, np.generic) else value
    return drawn


def _draw(distribution: Any, rng: np.random.RandomState) -> Any:
    name = getattr(getattr(distribution, "dist", None), "name", "")
    if name in LOG_UNIFORM and "loc" not in distribution.kwds and len(distribution.args) < 3:
        # As SciPy does, by the C library: NumPy's exp depends on the processor in its last bits.
        low, high = map(math.log, distribution.support())
        return math.exp(rng.uniform(low, high))
    return distribution.rvs(random_state=rng)


def first_candidates(estimator: Any, n_rows: int) -> list[dict[str, Any]]:
    """Return the candidates tried before any is drawn: the estimator as it is, a linear model."""
    if isinstance(estimator, TabularEstimator):
        return [{}]
    linear = {"hidden_layer_sizes": (), "learning_rate_init": 0.05}
    return [{}, linear | _in_common(estimator, n_rows)]
