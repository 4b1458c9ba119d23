"""One network in training: settings in, epochs and moments out."""

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
from multilayer.playground.data import Data
from multilayer.playground.settings import Settings
from multilayer.training.state import Examples

__all__ = ["Moment", "Run", "parameters_of"]

Floats = NDArray[np.floating[Any]]
MOST_MOMENTS = 300


@dataclass(frozen=True, eq=False)
class Moment:
    """The network at a time, and what it was worth."""

    epoch: float
    cost: float
    test_cost: float
    score: float
    test_score: float
    thetas: list[Floats]


def parameters_of(settings: Settings, data: Data) -> dict[str, Any]:
    """Give the parameters of the estimator that settings stand for."""
    m = int(data.training.sum())
    told = {"output_activation": settings.output_activation} if data.classes else {}
    if settings.initializer == "zeros":
        one = len(data.classes) <= 2 and settings.output_activation == "auto"
        outputs = 1 if one or not data.classes else len(data.classes)
        sizes = (data.X.shape[1], *settings.layers, outputs)
        initializer: Any = [np.zeros((s_out, s_in + 1)) for s_in, s_out in pairwise(sizes)]
    else:
        initializer = settings.initializer
    return told | {
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


class Run:
    """Training of one network, an instalment at a time.

    Parameters
    ----------
    settings : Settings
    data : Data
    kept : list of ndarray, optional
        Θ of a network before: layers of the same shape begin with these.

    Attributes
    ----------
    estimator : MLPClassifier or MLPRegressor
    latest : Moment
        The last that was noted.
    moments : list of Moment
        At most 300, the whole run in even steps.
    events : list of tuple
        What happened, in the words that `multilayer.playground.python_code` writes down.
    trouble : str
        Why it cannot go on, or empty.
    """

    def __init__(self, settings: Settings, data: Data, kept: list[Floats] | None = None) -> None:
        self.settings = self.begun_with = settings
        self.data, self.trouble = data, ""
        make: Any = MLPClassifier if data.classes else MLPRegressor
        self.estimator = make(**parameters_of(settings, data))
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
        self._keep(kept or [])
        self.moments: list[Moment] = []
        self._every = 1.0  # epochs between moments that are kept
        self.note()

    def _keep(self, kept: list[Floats]) -> None:
        taken = {
            l: old.copy()
            for l, (theta, old) in enumerate(zip(self.thetas, kept, strict=False))
            if theta.shape == old.shape
        }
        for l, old in taken.items():
            self.thetas[l][...] = old
        if taken:
            self.events.append(("keep", taken))

    @property
    def network(self) -> Network:
        """As it stands now."""
        network: Network = self.estimator.network_
        return network

    @property
    def thetas(self) -> list[Floats]:
        """Θ itself, not a copy."""
        thetas: list[Floats] = self.network.thetas
        return thetas

    def change(self, settings: Settings) -> None:
        """Go on with other settings of training."""
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
        self.events.append(("set", new))

    def set_weight(self, layer: int, unit: int, place: int, value: float) -> None:
        """Put a number in the place of a weight; place 0 is the bias."""
        self.thetas[layer - 1][unit, place] = value
        self.events.append(("weight", layer, unit, place, value))
        self.note()

    def go_on(self, epochs: int) -> None:
        """Learn for some epochs."""
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
        self.events.append(("train", epochs))

    def step(self) -> None:
        """Learn from one batch, the next whole one of the training rows in their order."""
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
        self.events.append(("step", begin, end))

    def note(self) -> Moment:
        """Judge the network as it stands, and keep the moment if it is time for one."""
        moment = self.latest = self.judged([theta.copy() for theta in self.thetas], self.epoch)
        last = self.moments[-1].epoch if self.moments else -math.inf
        if moment.epoch - last >= self._every or moment.epoch == last:
            if moment.epoch == last:
                self.moments.pop()
            self.moments.append(moment)
        if len(self.moments) > MOST_MOMENTS:
            self.moments = self.moments[::2]
            self._every = max(
                2 * self._every, (self.moments[-1].epoch - self.moments[0].epoch) / MOST_MOMENTS
            )
        return moment

    def judged(self, thetas: list[Floats], epoch: float) -> Moment:
        """Give costs and scores of a Θ."""
        with np.errstate(all="ignore"):
            cost, score = self._judge(self.examples, self.labels[0], thetas)
            test_cost, test_score = self._judge(self.test, self.labels[1], thetas)
        return Moment(epoch, cost, test_cost, score, test_score, thetas)

    def _judge(
        self, rows: Examples, truth: NDArray[Any], thetas: list[Floats]
    ) -> tuple[float, float]:
        network = self.network
        judged = Network(
            network.sizes, network.hidden, network.output, loss=network.loss, thetas=thetas
        )
        cost = float(self.fitting.targets.cost_share * judged.cost(rows.X, rows.Y))
        H = np.asarray(judged.forward(rows.X))
        if self.data.classes:
            return cost, float((predicted(H) == truth).mean())
        spread = float(((truth - truth.mean()) ** 2).mean()) or 1.0
        return cost, 1.0 - float(((H[:, 0] - truth) ** 2).mean()) / spread

    def confusion(self, thetas: list[Floats]) -> NDArray[np.int64]:
        """Count the test rows: true class, class predicted."""
        network = self.network
        H = Network(network.sizes, network.hidden, network.output, thetas=thetas).forward(
            self.test.X
        )
        k = len(self.data.classes)
        counts = np.zeros((k, k), np.int64)
        np.add.at(counts, (self.labels[1], predicted(np.asarray(H))), 1)
        return counts


def predicted(H: Floats) -> NDArray[np.int64]:
    """Give the class of each row: the most probable one."""
    if H.shape[1] == 1:
        return (H[:, 0] > 0.5).astype(np.int64)
    return np.asarray(H.argmax(axis=1))
