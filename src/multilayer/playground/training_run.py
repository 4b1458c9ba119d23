"""Training of one network by the settings of the page, with snapshots of its progress."""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from multilayer.estimators.classifier import MLPClassifier
from multilayer.estimators.fitting import Fit, encode
from multilayer.estimators.inputs import Rows, check_rows
from multilayer.estimators.regressor import MLPRegressor
from multilayer.estimators.targets import learn_targets
from multilayer.network import Network
from multilayer.playground.rows import Data
from multilayer.playground.settings import Settings
from multilayer.training.state import Examples

__all__ = ["Snapshot", "TrainingRun", "parameters_of", "predicted"]

Floats = NDArray[np.floating[Any]]
MAX_SNAPSHOTS = 300
_SNAPSHOT_BYTES = 2**27  # of all snapshots
MAX_EVENTS = 10_000  # that Python code repeats
# A session ends after the present epoch at the latest, and a batch must fit in memory.
_MAX_WORK, _MAX_BATCH = 10**10, 5 * 10**7


@dataclass(frozen=True, eq=False)
class Snapshot:
    """The network at one time of its training, with its costs and scores.

    `rmse` and `test_rmse` are in the units of the target, and NaN for classes.
    """

    epoch: float
    cost: float
    test_cost: float
    score: float
    test_score: float
    rmse: float
    test_rmse: float
    thetas: list[Floats]


def parameters_of(settings: Settings, data: Data) -> dict[str, Any]:
    """Return the parameters of the estimator that correspond to settings."""
    m = int(data.training.sum())
    output = {"output_activation": settings.output_activation} if data.classes else {}
    if settings.initializer == "zeros":
        single = len(data.classes) <= 2 and settings.output_activation == "auto"
        outputs = 1 if single or not data.classes else len(data.classes)
        sizes = (data.X.shape[1], *settings.layers, outputs)
        initializer: Any = [np.zeros((s_out, s_in + 1)) for s_in, s_out in pairwise(sizes)]
    else:
        initializer = settings.initializer
    return output | {
        "hidden_layer_sizes": settings.layers,
        "activation": settings.activation if settings.layers else "relu",
        "solver": settings.solver,
        "learning_rate_init": settings.learning_rate_init,
        "learning_rate": settings.learning_rate,
        "batch_size": min(settings.batch_size, m),
        "alpha": settings.alpha,
        "dropout": settings.dropout,
        "momentum": settings.momentum,
        "initializer": initializer,
        "random_state": settings.seed,
        "n_iter_no_change": np.inf,
    }


class TrainingRun:
    """The training of one network, some epochs at a time.

    Parameters
    ----------
    settings : Settings
    data : Data
    thetas : list of ndarray, optional
        Θ of another network: layers of the same shape start with copies of these.

    Attributes
    ----------
    estimator : MLPClassifier or MLPRegressor
    latest : Snapshot
        The last one recorded.
    snapshots : list of Snapshot
        At most 300, and fewer of a large network, spread evenly over the whole run.
    events : list of tuple
        The history of the run, which `multilayer.playground.python_code` turns into code; of a run
        with more than 10 000 steps and changes, only the first ones.
    trouble : str
        Why training cannot continue, or empty.
    """

    def __init__(self, settings: Settings, data: Data, thetas: list[Floats] | None = None) -> None:
        self.settings = self.initial_settings = settings
        self.data, self.trouble = data, ""
        make: Any = MLPClassifier if data.classes else MLPRegressor
        self.estimator = make(**parameters_of(settings, data))
        self._check_work(settings)
        training, test = data.training, ~data.training
        rows = check_rows(self.estimator, Rows(data.X[training], data.y[training]), reset=True)
        self.rows = rows
        targets = learn_targets(self.estimator, rows.y)
        self.examples = encode(targets, rows)
        self.test = encode(targets, Rows(data.X[test], data.y[test]))
        self.labels = data.label[training], data.label[test]
        self.fitting = Fit(self.estimator, targets, self.examples)
        self.events: list[tuple[Any, ...]] = []
        self.epoch, self.batch = 0.0, 0
        self._copy_matching(thetas or [])
        self.snapshots: list[Snapshot] = []
        self._every = 1.0  # epochs between snapshots that are kept
        self.record()

    def _copy_matching(self, others: list[Floats]) -> None:
        matching = {
            l: other.copy()
            for l, (theta, other) in enumerate(zip(self.thetas, others, strict=False))
            if theta.shape == other.shape
        }
        for l, other in matching.items():
            self.thetas[l][...] = other
        if matching:
            self._remember("copy", matching)

    def _check_work(self, settings: Settings) -> None:
        """Check that an epoch does not take minutes, nor a batch all memory."""
        rows = int(self.data.training.sum())
        sizes = [self.data.X.shape[1], *settings.layers, max(1, len(self.data.classes))]
        parameters = sum((s_in + 1) * s_out for s_in, s_out in pairwise(sizes))
        if rows * parameters > _MAX_WORK:
            raise ValueError(
                f"a network may have {_MAX_WORK // rows} weights for {rows} training rows here, so "
                f"that an epoch does not take minutes, but has {parameters}"
            )
        if min(rows, settings.batch_size) * sum(sizes) > _MAX_BATCH:
            raise ValueError(
                f"batch_size must be at most {_MAX_BATCH // sum(sizes)} for {sum(sizes)} units "
                f"here, got {settings.batch_size}"
            )

    def _remember(self, *event: Any) -> None:
        if len(self.events) <= MAX_EVENTS:
            self.events.append(event)

    @property
    def network(self) -> Network:
        """The network in its present state."""
        network: Network = self.estimator.network_
        return network

    @property
    def thetas(self) -> list[Floats]:
        """Θ of the network, not a copy."""
        thetas: list[Floats] = self.network.thetas
        return thetas

    def change(self, settings: Settings) -> None:
        """Continue with other settings of training."""
        self._check_work(settings)
        before = parameters_of(self.settings, self.data)
        after = parameters_of(settings, self.data)
        new = {name: after[name] for name in after if name != "initializer"}
        new = {name: value for name, value in new.items() if before[name] != value}
        self.settings, self.trouble = settings, ""
        if not new:
            return
        self.estimator.set_params(**new)
        state = self.fitting.state
        state.network = state.network.computing(
            settings.activation if settings.layers else "relu", state.network.loss
        )
        self.estimator.network_ = state.network
        self._remember("set", new)

    def set_weight(self, layer: int, unit: int, place: int, value: float) -> None:
        """Set a weight to a value; place 0 is the bias."""
        self.thetas[layer - 1][unit, place] = value
        self._remember("weight", layer, unit, place, value)
        self.record()

    def go_on(self, epochs: int) -> None:
        """Train for some epochs."""
        state = self.fitting.state
        state.begin(True)
        before = state.history.epochs
        try:
            self.fitting.train_until(before + epochs)
        except FloatingPointError as error:
            self.trouble = str(error)
        self._trained(state.history.epochs - before)

    def _trained(self, epochs: int) -> None:
        if not epochs:
            return
        self.epoch += epochs
        if self.events and self.events[-1][0] == "train":
            epochs += self.events.pop()[1]
        self._remember("train", epochs)

    def step(self) -> None:
        """Train on one batch: the next complete one of the training rows in their order."""
        m, size = len(self.rows.y), self.estimator.batch_size
        begin = self.batch if self.batch + size <= m else 0
        end = self.batch = begin + size
        X, y, _ = self.rows
        self.estimator.partial_fit(X[begin:end], y[begin:end])
        self.fitting.state = self.estimator.training_state_
        if self.fitting.state.history.status == "diverged":
            self.trouble = "training diverged in this step"
            return
        self.epoch += (end - begin) / m
        self._remember("step", begin, end)

    def record(self) -> Snapshot:
        """Evaluate the network, and keep the snapshot if the previous one is old enough."""
        snapshot = self.latest = self.evaluate([theta.copy() for theta in self.thetas], self.epoch)
        last = self.snapshots[-1].epoch if self.snapshots else -math.inf
        if snapshot.epoch - last >= self._every or snapshot.epoch == last:
            if snapshot.epoch == last:
                self.snapshots.pop()
            self.snapshots.append(snapshot)
        size = sum(theta.nbytes for theta in snapshot.thetas)
        if len(self.snapshots) > min(MAX_SNAPSHOTS, max(2, _SNAPSHOT_BYTES // size)):
            self.snapshots = self.snapshots[::2]
            span = self.snapshots[-1].epoch - self.snapshots[0].epoch
            self._every = max(2 * self._every, span / MAX_SNAPSHOTS)
        return snapshot

    def evaluate(self, thetas: list[Floats], epoch: float) -> Snapshot:
        """Return a snapshot with the costs and scores of a Θ."""
        with np.errstate(all="ignore"):
            cost, score, rmse = self._judge(self.examples, self.labels[0], thetas)
            test_cost, test_score, test_rmse = self._judge(self.test, self.labels[1], thetas)
        return Snapshot(epoch, cost, test_cost, score, test_score, rmse, test_rmse, thetas)

    def _judge(
        self, rows: Examples, truth: NDArray[Any], thetas: list[Floats]
    ) -> tuple[float, float, float]:
        network = self.network
        judged = Network(
            network.sizes, network.hidden, network.output, loss=network.loss, thetas=thetas
        )
        cost = float(self.fitting.targets.cost_share * judged.cost(rows.X, rows.Y))
        H = np.asarray(judged.forward(rows.X))
        if self.data.classes:
            return cost, float((predicted(H) == truth).mean()), math.nan
        spread = float(((truth - truth.mean()) ** 2).mean()) or 1.0
        error = float(((self.data.in_units(H[:, 0]) - truth) ** 2).mean())
        return cost, 1.0 - error / spread, math.sqrt(error)

    def confusion(self, thetas: list[Floats]) -> NDArray[np.int64]:
        """Count the test rows by true class and predicted class."""
        network = self.network
        H = Network(network.sizes, network.hidden, network.output, thetas=thetas).forward(
            self.test.X
        )
        k = len(self.data.classes)
        counts = np.zeros((k, k), np.int64)
        np.add.at(counts, (self.labels[1], predicted(np.asarray(H))), 1)
        return counts


def predicted(H: Floats) -> NDArray[np.int64]:
    """Return the index of the most probable class of each row."""
    if H.shape[1] == 1:
        return (H[:, 0] > 0.5).astype(np.int64)
    return np.asarray(H.argmax(axis=1))
