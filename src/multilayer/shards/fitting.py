"""Fitting MLPClassifier and MLPRegressor on rows in parts, from the sums of the parts."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np

from multilayer.engine.arrays import to_numpy
from multilayer.engine.interface import Examples, MakeEngine
from multilayer.estimators.base import BaseMLP
from multilayer.estimators.fitting import Fit, conduct, encode, open_checkpoints
from multilayer.estimators.inputs import Rows
from multilayer.estimators.parameters import check_combination, check_parameters
from multilayer.estimators.targets import ClassTargets, Targets, learn_targets
from multilayer.network import Network
from multilayer.shards.data import Facts, Shard, Shards, Sums
from multilayer.shards.engine import ShardsEngine
from multilayer.training.monitor import Validate

__all__ = ["HeldOutShards", "encode_rows", "fit_shards", "score_shards"]

# targets, share to hold out, seed for that -> rows to learn from, rows to validate on
EncodeShards = Callable[[Targets, float, int], tuple[Shards, Shards | None]]


def fit_shards(
    estimator: BaseMLP,
    facts: Facts,
    encode_shards: EncodeShards,
    engine: MakeEngine = ShardsEngine,
) -> None:
    """Train an estimator on rows in parts; where that fails, it is left as it was.

    Parameters
    ----------
    estimator : MLPClassifier or MLPRegressor
    facts : Facts
        What is known of all rows.
    encode_shards : callable
        Called with the targets that were learned, for `encode_rows` where the rows are; with the
        share of the rows to hold out, 0 for none; and with a number to draw these by. Returns the
        rows to learn from, and those to validate on or None.
    engine : callable
        Makes the engine.

    Raises
    ------
    ValueError
        If a parameter is out of its range or does not go with rows in parts.
    """

    def prepare() -> Fit:
        check_parameters(estimator)
        check_combination(estimator)
        if estimator.scoring not in (None, "loss"):
            raise ValueError(
                f"scoring must be None or 'loss' for rows in parts, got {estimator.scoring!r}"
            )
        first = not (estimator.warm_start and "network_" in vars(estimator))
        _learn_features(estimator, facts, first)
        targets = learn_targets(estimator, facts.labels, first=first)
        return Fit(
            estimator,
            targets,
            Examples(
                np.empty((0, facts.n_features), facts.dtype),
                targets.encode(facts.labels, facts.dtype),
            ),
            rng=open_checkpoints(estimator),
            first=first,
            engine=engine,
            divide=divide,
        )

    def divide(fit: Fit) -> tuple[Examples, Validate | None]:
        share = estimator.validation_fraction if estimator.early_stopping else 0.0
        seed = int(fit.state.rng.randint(2**31)) if share else 0
        shards, held_out = encode_shards(_balanced(fit.targets, facts), share, seed)
        examples = Examples(shards, fit.examples.Y, np.array([shards.weight]))
        return examples, None if held_out is None else HeldOutShards(fit, held_out)

    conduct(estimator, prepare)


def encode_rows(targets: Targets, rows: Rows, held_out: bool) -> Examples:
    """Encode checked rows of one part; weights of classes are for training, not for validation."""
    examples = encode(targets, rows)
    return examples if held_out else targets.weigh(examples)


def _balanced(targets: Targets, facts: Facts) -> Targets:
    """Return targets that know the weights of balanced classes without all the rows."""
    if not (isinstance(targets, ClassTargets) and targets.class_weight == "balanced"):
        return targets
    if not facts.counts:
        return targets
    even = facts.rows / len(facts.counts)
    weights = {label: even / n for label, n in facts.counts.items()}
    return replace(targets, class_weight=weights)


def _learn_features(estimator: Any, facts: Facts, first: bool) -> None:
    names = None if facts.names is None else np.array(facts.names, dtype=object)
    if first:
        estimator.n_features_in_ = facts.n_features
        vars(estimator).pop("feature_names_in_", None)
        if names is not None:
            estimator.feature_names_in_ = names
        return
    if facts.n_features != estimator.n_features_in_:
        raise ValueError(
            f"X has {facts.n_features} features, but {type(estimator).__name__} is expecting "
            f"{estimator.n_features_in_} features as input"
        )


class HeldOutShards:
    """Score and cost of a network, in its present state, on validation rows in parts.

    Parameters
    ----------
    fit : Fit
    shards : Shards
        The rows held out, encoded.
    """

    def __init__(self, fit: Fit, shards: Shards) -> None:
        self._fit, self._shards = fit, shards
        network = fit.state.network
        self.examples = Examples(shards, np.empty(0))
        self._engine = fit.engine(network.thetas, self.examples, network.objective())
        self._center: Any = None

    def in_engine(self) -> None:
        """Return None, because the rows are stored elsewhere."""

    def __call__(self) -> tuple[float, float]:
        """Compute the score (larger is better), and the cost without the penalty."""
        fit = self._fit
        cost = fit.targets.cost_share * self._engine.cost()
        if fit.estimator.scoring == "loss":
            return -cost, cost
        if self._center is None and not isinstance(fit.targets, ClassTargets):
            self._center = _center(self._shards)
        return score_shards(fit.state.network, fit.targets, self._shards, self._center), cost


def score_shards(network: Network, targets: Targets, shards: Shards, center: Any = None) -> float:
    """Compute the share of the rows whose labels are all predicted; of numbers R².

    Parameters
    ----------
    network : Network
    targets : Targets
    shards : Shards
    center : ndarray, optional
        The mean of each column of numbers, where it is known already.
    """
    if isinstance(targets, ClassTargets):
        weight, hits = shards.total(_hits, network, targets)
        return float(hits / weight)
    center = _center(shards) if center is None else center
    off, spread = np.split(shards.total(_squares, network, center), 2)
    if not np.isfinite(off).all():
        return np.nan
    with np.errstate(divide="ignore", invalid="ignore"):
        shares = np.where(spread > 0, 1 - off / spread, np.where(off == 0, 1.0, 0.0))
    return float(shares.mean())


def _center(shards: Shards) -> Any:
    """Compute the mean of each column of the targets."""
    weight, *sums = shards.total(_target_sums)
    return np.array(sums) / weight


def _hits(shard: Shard, network: Network, targets: Targets) -> Sums:
    """Compute Σ of the weights, and of those of the rows whose labels are all predicted."""
    if not shard.weight:
        return np.zeros(2)
    H = to_numpy(network.forward(shard.examples.X))
    return np.array([shard.weight, shard.weight * targets.score(H, shard.examples)])


def _target_sums(shard: Shard) -> Sums:
    """Compute Σ of the weights, and of the targets of each column."""
    _, Y, weights = shard.examples
    if not len(shard):
        return np.zeros(2)
    return np.array([shard.weight, *_weighted_sum(Y.astype(np.float64), weights)])


def _squares(shard: Shard, network: Network, center: Any) -> Sums:
    """Compute, of each column, Σ(y − h)² and Σ(y − center)²."""
    X, Y, weights = shard.examples
    if not len(shard):
        return np.zeros(2 * len(center))
    Y, H = Y.astype(np.float64), network.forward(X).astype(np.float64)
    return np.concatenate(
        [_weighted_sum((Y - H) ** 2, weights), _weighted_sum((Y - center) ** 2, weights)]
    )


def _weighted_sum(values: Any, weights: Any) -> Any:
    if weights is not None:
        values = values * weights[:, None]
    return values.sum(axis=0, dtype=np.float64)
