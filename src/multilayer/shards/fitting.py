"""Fitting MLPClassifier and MLPRegressor on rows in parts: the course of `BaseMLP.fit`, elsewhere.

Everything that training decides is decided here; the parts only give their sums.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from sklearn.base import clone, is_classifier
from sklearn.callback import with_callbacks
from sklearn.utils import check_random_state

from multilayer.estimators.base import BaseMLP
from multilayer.estimators.checkpoint import Checkpoint
from multilayer.estimators.inputs import Rows
from multilayer.estimators.parameters import hidden_sizes
from multilayer.shards.data import Facts, Shard, Shards, Sums
from multilayer.training import loop as training
from multilayer.training.state import Examples

__all__ = ["Judge", "encode_rows", "fit_shards", "reader_of"]

# reader, share to hold out, seed for that -> rows to learn from, rows to validate on
Encode = Callable[[BaseMLP, float, int], tuple[Shards, Shards | None]]


def fit_shards(estimator: BaseMLP, facts: Facts, encode: Encode) -> None:
    """Train an estimator on rows in parts; where that fails, it is left as it was.

    Parameters
    ----------
    estimator : MLPClassifier or MLPRegressor
    facts : Facts
        What is known of all rows.
    encode : callable
        Called with a copy of the estimator that knows its targets, for `encode_rows` where the rows
        are; with the share of the rows to hold out, 0 for none; and with a number to draw these by.
        Gives the rows to learn from, and those to validate on or None.

    Raises
    ------
    ValueError
        If a parameter is out of its range or does not go with rows in parts.
    """
    before = estimator.__dict__.copy()
    try:
        _run(estimator, facts, encode)
    except BaseException:
        estimator.__dict__.clear()
        estimator.__dict__.update(before)
        raise


def encode_rows(reader: BaseMLP, rows: Rows, judging: bool) -> Examples:
    """Encode checked rows of one part; weights of classes are for learning, not for judging."""
    examples = reader._encoded(rows)
    return examples if judging else reader._weighted(examples, False)


@with_callbacks  # type: ignore[untyped-decorator]
def _run(estimator: Any, facts: Facts, encode: Encode) -> None:
    estimator._validate_params()
    hidden_sizes(estimator.hidden_layer_sizes)
    if estimator.scoring not in (None, "loss"):
        raise ValueError(
            f"scoring must be None or 'loss' for rows in parts, got {estimator.scoring!r}"
        )
    first = not (estimator.warm_start and "network_" in vars(estimator))
    _meet_features(estimator, facts, first)
    estimator._meet_targets(facts.labels, first, False, None)
    rng = check_random_state(estimator.random_state)
    checkpoints = [c for c in getattr(estimator, "_skl_callbacks", []) if isinstance(c, Checkpoint)]
    for checkpoint in checkpoints:
        rng = training.twister(rng)
        checkpoint.open(rng)
    seen = Examples(
        np.empty((0, facts.n_features), facts.dtype), estimator._encode(facts.labels, facts.dtype)
    )
    state = estimator._start(seen, rng, first, False)
    state.begin(False)
    estimator.network_, estimator._state = state.network, state
    share = estimator.validation_fraction if estimator.early_stopping else 0.0
    seed = int(state.rng.randint(2**31)) if share else 0
    shards, held_out = encode(reader_of(estimator, facts), share, seed)
    if estimator._dropout() and state.steps == 0:
        state.dropout_seed = int(state.rng.randint(2**31))
    examples = Examples(shards, seen.Y, np.array([shards.weight]))
    for checkpoint in checkpoints:
        checkpoint.resume(estimator, state, examples)
    judge = None if held_out is None else Judge(estimator, held_out)
    estimator._train(state, examples, judge, False)


def _meet_features(estimator: Any, facts: Facts, first: bool) -> None:
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


def reader_of(estimator: Any, facts: Facts | None = None) -> Any:
    """Give a copy that encodes rows: small, without Θ, and with the weights of the classes."""
    reader = clone(estimator)
    vars(reader).pop("_skl_callbacks", None)  # they stay where training is conducted
    for name in ("_targets", "classes_"):
        if name in vars(estimator):
            setattr(reader, name, getattr(estimator, name))
    if facts is not None and facts.counts and getattr(reader, "class_weight", None) == "balanced":
        even = facts.rows / len(facts.counts)
        reader.class_weight = {label: even / n for label, n in facts.counts.items()}
    return reader


class Judge:
    """Gives score and cost of an estimator's network on rows in parts, as it stands."""

    def __init__(self, estimator: Any, shards: Shards) -> None:
        self._estimator, self._shards = estimator, shards
        self._center: Any = None

    def __call__(self) -> tuple[float, float]:
        """Score (larger is better), and cost without the penalty."""
        cost = self._estimator._cost(Examples(self._shards, np.empty(0)))
        return -cost if self._estimator.scoring == "loss" else self.score(), cost

    def score(self) -> float:
        """Share of the rows whose labels are all predicted; of numbers R², as scikit-learn's."""
        estimator = reader_of(self._estimator)
        estimator.network_ = self._estimator.network_
        if is_classifier(estimator):
            weight, hits = self._shards.total(_hits, estimator)
            return float(hits / weight)
        if self._center is None:
            weight, *sums = self._shards.total(_target_sums)
            self._center = np.array(sums) / weight
        off, spread = np.split(self._shards.total(_squares, estimator, self._center), 2)
        if not np.isfinite(off).all():
            return np.nan
        with np.errstate(divide="ignore", invalid="ignore"):
            shares = np.where(spread > 0, 1 - off / spread, np.where(off == 0, 1.0, 0.0))
        return float(shares.mean())


def _hits(shard: Shard, estimator: Any) -> Sums:
    """Give Σ of the weights, and of those of the rows whose labels are all predicted."""
    if not shard.weight:
        return np.zeros(2)
    return np.array([shard.weight, shard.weight * estimator._score(shard.examples)])


def _target_sums(shard: Shard) -> Sums:
    """Give Σ of the weights, and of the targets of each column."""
    _, Y, weights = shard.examples
    if not len(shard):
        return np.zeros(2)
    return np.array([shard.weight, *_weighted_sum(Y.astype(np.float64), weights)])


def _squares(shard: Shard, estimator: Any, center: Any) -> Sums:
    """Give, of each column, Σ(y − h)² and Σ(y − center)²."""
    X, Y, weights = shard.examples
    if not len(shard):
        return np.zeros(2 * len(center))
    Y, H = Y.astype(np.float64), estimator.network_.forward(X).astype(np.float64)
    return np.concatenate(
        [_weighted_sum((Y - H) ** 2, weights), _weighted_sum((Y - center) ** 2, weights)]
    )


def _weighted_sum(values: Any, weights: Any) -> Any:
    if weights is not None:
        values = values * weights[:, None]
    return values.sum(axis=0, dtype=np.float64)
