"""The scale of errors: how large the error of a row is expected to be, compared with other rows.

Small networks learn the mean absolute out-of-fold error from the encoded table. The scale that they
predict is kept only as far as it improves the predictive distribution of rows that they were not
trained on; see docs/tabular.md.
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple, Self

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize_scalar
from sklearn.exceptions import ConvergenceWarning

from multilayer import fields
from multilayer.embedding import Floats
from multilayer.engine.functions import exp, log
from multilayer.tabular.crps import crps
from multilayer.tabular.ensemble import Member, TrainingData, train_members
from multilayer.tabular.folds import Fold, Rows
from multilayer.tabular.network import Layout, TabularNetwork
from multilayer.tabular.recipe import Recipe

__all__ = ["ErrorScale", "OutOfFoldErrors", "learn_scale"]

Array = NDArray[Any]

_NETWORKS = 4
_FEWEST = 100  # rows: with fewer, nothing that a scale gains is beyond doubt
_LARGEST_ERROR = 20.0  # times the mean: single errors beyond it would decide
_LARGEST_Z = 20.0  # from the centre
_STANDARD_ERRORS = 2.0  # of the gain in CRPS, which must be larger
_POWERS = np.linspace(0, 1, 11)
_SMALLEST = 1e-6  # output, whose logarithm is taken
# What the recipe of small networks has instead, and the part of the epochs.
_RECIPE: dict[str, Any] = {
    "hidden_layer_sizes": (32,),
    "activation": "mish",
    "learning_rate": 0.05,
    "dropout": 0.1,
    "weight_decay": 0.05,
    "frequency": 2.0,
    "label_smoothing": 0.0,
}
_EPOCHS = 0.5
# Of the share of the mean square error that is the members' own: pairs of members and the share
# that count in addition; the mean and the standard deviation of the prior of the slope, and its
# limits: at −2, the members' own error is the same in all rows.
_PAIRS, _SHARE, _SLOPE, _SPREAD, _SLOPES = 8, 0.5, -1.0, 0.5, (-2.0, 1.0)
_MOST_STRETCH = 1.5
_LEAST_LEFT = 0.5  # of the mean square error, by taking the mean of members


class OutOfFoldErrors(NamedTuple):
    """Errors of rows that members were not trained on.

    Attributes
    ----------
    rows : ndarray of int, shape (n,)
        Their indices in the training data.
    errors : ndarray, shape (n,)
        Truth minus the mean prediction of those members.
    members : ndarray of int, shape (n,)
        The number of those members.
    squares : ndarray, shape (n,)
        The sum of the squared differences of their predictions from the mean.
    weights : ndarray, shape (n,)
        Positive.
    """

    rows: Rows
    errors: Array
    members: Array
    squares: Array
    weights: Array


@dataclass(frozen=True)
class ErrorScale:
    """The scale of the errors of a row; close to 1 for a mean row.

    Let z be the output of one network, limited to what it was out of fold, and u = power · (z −
    center). The scale of one member's errors is eᵘ. Of its mean square, the share · e^(slope · u)
    is the member's own, of which the mean of n members keeps 1/n. This share is larger where errors
    are small, as the noise of the target, which is common to all members, is small there.

    For new rows, z is the mean of all networks, which varies less. As it predicts errors equally
    well per unit of covariance, its distance from the center is stretched by the ratio of the
    variances.

    Attributes
    ----------
    networks : list of TabularNetwork
        From the encoded table to the logarithm of the mean absolute error.
    power : float
        From above 0 to 1: the smaller, the closer the scale is to 1.
    center, low, high : float
        The mean, the smallest and the largest out-of-fold z.
    stretch : float
        The variance of out-of-fold z divided by that of the mean of all networks.
    share, slope : float
    n_members : int
    """

    networks: list[TabularNetwork]
    power: float
    center: float
    low: float
    high: float
    stretch: float
    share: float
    slope: float
    n_members: int

    def __call__(self, X: Floats) -> Array:
        """Compute the scale of the errors of the mean of all members, for encoded rows, (m,)."""
        outputs = [network.forward(X)[:, 0] for network in self.networks]
        z = np.asarray(np.mean(outputs, axis=0, dtype=np.float64))
        return self.of(self.center + self.stretch * (z - self.center), self.n_members)

    def of(self, z: Array, members: Array | int) -> Array:
        """Compute the scale of the errors of the mean of some members from z, (m,)."""
        u = self.power * (np.clip(z, self.low, self.high) - self.center)
        left = self._left(u, members) / self._left(np.zeros(1), self.n_members)
        return np.asarray(exp(u) * np.sqrt(left))

    def _left(self, u: Array, members: Array | int) -> Array:
        """Return the part of the mean square error that the mean of some members leaves."""
        own = self.share * exp(self.slope * u)
        return np.maximum(1 - (1 - 1 / members) * own, _LEAST_LEFT)

    def to_state(self) -> tuple[dict[str, Any], dict[str, Array]]:
        """Return what JSON can hold, and arrays by name."""
        networks, arrays = [], dict[str, Array]()
        for k, network in enumerate(self.networks):
            state, own = network.to_state()
            networks.append(state)
            arrays |= {f"network_{k}/{name}": array for name, array in own.items()}
        return {**vars(self), "networks": networks}, arrays

    @classmethod
    def from_state(
        cls, state: dict[str, Any], arrays: dict[str, Array], layout: Layout, dtype: Any
    ) -> Self:
        """Restore what `to_state` returned; raise where the parts do not fit, or the table."""
        networks = []
        for k, saved in enumerate(fields.listed("networks", state["networks"])):
            start = f"network_{k}/"
            own = {n.removeprefix(start): a for n, a in arrays.items() if n.startswith(start)}
            networks.append(network := TabularNetwork.from_state(saved, own))
            found = (network.layout, network.thetas[0].dtype, network.output, network.n_outputs)
            if found != (expected := (layout, np.dtype(dtype), "identity", 1)):
                raise ValueError(f"a network of error_scale is {found}, but must be {expected}")
        names = ("power", "center", "low", "high", "stretch", "share", "slope")
        numbers = {name: fields.number(name, state[name]) for name in names}
        self = cls(networks, n_members=fields.whole("n_members", state["n_members"], 1), **numbers)
        least, most = _SLOPES
        if not (
            networks
            and 0 < self.power <= 1
            and self.low <= self.center <= self.high
            and max(self.center - self.low, self.high - self.center) <= 1.01 * _LARGEST_Z
            and 1 <= self.stretch <= _MOST_STRETCH
            and self.share >= 0
            and least <= self.slope <= most
        ):
            raise ValueError(f"the numbers of error_scale contradict each other: {numbers}")
        return self


def learn_scale(
    data: TrainingData,
    known: OutOfFoldErrors,
    left_out: Sequence[Fold],
    recipe: Recipe,
    n_members: int,
    seconds: float | None = None,
) -> tuple[ErrorScale, Array] | None:
    """Learn the scale of errors from those of out-of-fold rows.

    Four networks are trained, each without a part of these rows. The scales of the part, raised to
    a power from 0 to 1, are compared with the constant one by the mean CRPS.

    Parameters
    ----------
    data : TrainingData
        Of the members.
    known : OutOfFoldErrors
    left_out : sequence of Fold
        Of the members. Rows that one of them leaves out stay together, so that groups and windows
        of time do.
    recipe : Recipe
        Of the members.
    n_members : int
    seconds : float, optional
        About how long it may take.

    Returns
    -------
    (ErrorScale, ndarray, shape (n,)), or None
        With the scale of each out-of-fold row by the network that was not trained on it. None if no
        power is better than 0 by more than two standard errors, or if there are fewer than 100
        rows.
    """
    rows, weights = known.rows, known.weights
    sizes = np.abs(known.errors)
    if len(rows) < _FEWEST or not sizes.any():
        return None
    y = np.minimum(sizes / np.average(sizes, weights=weights), _LARGEST_ERROR)
    Y = np.zeros((len(data.X), 1), data.X.dtype)
    Y[rows, 0] = y
    trained = _train(replace(data, Y=Y, output="exp", signs=()), rows, left_out, recipe, seconds)
    if trained is None:
        return None
    place = np.empty(len(data.X), np.int64)
    place[rows] = np.arange(len(rows))
    z = np.empty(len(rows))
    for member in trained:
        h = member.out_of_fold[:, 0].astype(np.float64)
        z[place[member.fold.validation]] = log(np.maximum(h, _SMALLEST))
    center = float(np.average(z, weights=weights))
    z = np.clip(z, center - _LARGEST_Z, center + _LARGEST_Z)
    power = _best_power(known.errors, z - center, weights)
    if not power:
        return None
    share, slope = _share_of_members(known, power * (z - center))
    networks = [_with_logarithms(member.network) for member in trained]
    low, high = float(z.min()), float(z.max())
    together = np.mean([network.forward(data.X[rows])[:, 0] for network in networks], axis=0)
    ratio = z.var() / max(together.var(dtype=np.float64), np.finfo(np.float32).tiny)
    stretch = float(np.clip(ratio, 1, _MOST_STRETCH))
    scale = ErrorScale(networks, power, center, low, high, stretch, share, slope, n_members)
    return scale, scale.of(z, known.members)


def _train(
    data: TrainingData,
    rows: Rows,
    left_out: Sequence[Fold],
    recipe: Recipe,
    seconds: float | None,
) -> list[Member] | None:
    """Train a network for each part of the rows, on the others; None if one diverges."""

    def row_losses(H: Floats, rows: Rows) -> Array:
        """Half the deviance of Poisson: right for the mean, and finite where the error is 0."""
        h = np.maximum(H[:, 0].astype(np.float64), _SMALLEST)
        return np.asarray(h - data.Y[rows, 0] * log(h))

    part = _parts(data, rows, left_out)
    folds = [Fold(rows[part != k], rows[part == k]) for k in range(_NETWORKS)]
    n_epochs = max(1, round(_EPOCHS * recipe.max_iter))
    small = replace(recipe, **_RECIPE, max_iter=n_epochs)
    seeds = range(_NETWORKS)
    try:
        trained, interrupted = train_members(data, folds, small, seeds, row_losses, seconds=seconds)
    except KeyboardInterrupt:
        trained, interrupted = [], True
    if interrupted:
        message = "Training interrupted by user: all prediction intervals have the same width."
        warnings.warn(message, ConvergenceWarning, stacklevel=7)
    complete = not interrupted and all(member.quality == 2 for member in trained)
    return trained if complete else None


def _parts(data: TrainingData, rows: Rows, left_out: Sequence[Fold]) -> Rows:
    """Assign the rows to parts, (n,)."""
    unit = np.zeros(len(data.X), np.int64)
    for k, fold in reversed(list(enumerate(left_out))):
        unit[fold.spare] = k
    for k, fold in reversed(list(enumerate(left_out))):
        unit[fold.validation] = k
    for units in (unit, data.dependence.groups, np.random.RandomState(0).permutation(len(data.X))):
        if units is not None:
            names, part = np.unique(units[rows], return_inverse=True)
            if len(names) >= _NETWORKS:
                break
    return np.asarray(part % _NETWORKS)


def _best_power(errors: Array, z: Array, weights: Array) -> float:
    """Return the power of the scale with the least CRPS, or 0 if it is not clearly better."""

    def scores(power: float) -> Array:
        scales = exp(power * z)
        return crps(errors, scales, np.sort(errors / scales))

    found = [scores(power) for power in _POWERS]
    best = int(np.argmin([np.average(losses, weights=weights) for losses in found]))
    gains = found[0] - found[best]
    gain = np.average(gains, weights=weights)
    standard_error = np.sqrt(np.sum((weights * (gains - gain)) ** 2)) / weights.sum()
    return float(_POWERS[best]) if gain > _STANDARD_ERRORS * standard_error else 0.0


def _share_of_members(known: OutOfFoldErrors, u: Array) -> tuple[float, float]:
    """Find the share of the mean square error that is the members' own, and its slope.

    Differences between members that were both not trained on a row have their own variance. Its
    ratio to the mean square error is a gamma distribution with a mean of share · e^(slope · u). The
    share has a prior of eight pairs with a share of a half, the slope a normal one around −1.
    """
    scales, others = exp(u), known.members - 1
    single = known.members == 1
    several = others > 0
    normalised = (known.errors / scales) ** 2
    square = normalised[single].mean() if single.any() else normalised.mean()
    ratios = known.squares[several] / (others[several] * square * scales[several] ** 2)
    pairs, u = others[several], u[several]
    total = np.sum(pairs * ratios)
    share = float((total + _PAIRS * _SHARE) / (pairs.sum() + _PAIRS))
    if not total:
        return share, _SLOPE

    def factors(slope: float) -> Array:
        """Return the ratios to expect, whose mean is 1."""
        w = exp(slope * u)
        return np.asarray(w / np.average(w, weights=pairs))

    def minus_log_posterior(slope: float) -> float:
        w = factors(slope)
        prior = (slope - _SLOPE) ** 2 / (2 * _SPREAD**2)
        met = ratios * pairs.sum() / total
        return float(np.sum(pairs * (log(w) + met / w)) / 2 + prior)

    slope = float(minimize_scalar(minus_log_posterior, bounds=_SLOPES, method="bounded").x)
    return share / float(np.average(exp(slope * u), weights=pairs)), slope


def _with_logarithms(network: TabularNetwork) -> TabularNetwork:
    """Return the network with the logarithm of its output, which is e^z, as its output."""
    return TabularNetwork(network.thetas, network.extra, network.activation, "identity")
