"""State: everything that training changes, which is sufficient to resume later."""

from __future__ import annotations

import copy
import hashlib
import json
from dataclasses import asdict, dataclass, field
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from multilayer import fields
from multilayer.engine.interface import Examples, PlateauCounter
from multilayer.engine.twister import restore_twister, twister_state
from multilayer.network import Floats, Network
from multilayer.persistence import Savable

__all__ = ["Examples", "History", "State", "restore"]

_STATUSES = ("running", "converged", "max_iter", "stopped", "diverged", "abnormal", "interrupted")
_MOST_SLOTS = 8


@dataclass
class History:
    """The curves of training so far, and the reason for its end.

    `status` is "running", "converged", "max_iter", "stopped" (by a watcher), "diverged" (the cost
    was no longer finite), "abnormal" (L-BFGS could not reduce the cost) or "interrupted" (Ctrl-C).
    """

    costs: list[float] = field(default_factory=list)
    scores: list[float] = field(default_factory=list)
    validation_costs: list[float] = field(default_factory=list)
    plateau: PlateauCounter = field(default_factory=PlateauCounter)  # of the costs
    best_score: float = -np.inf
    stale_scores: int = 0  # consecutive epochs without a better score
    earlier: int = 0  # epochs of calls before this one
    status: str = "running"

    @property
    def epochs(self) -> int:
        """Epochs that this call has finished."""
        return len(self.costs) - self.earlier


@dataclass
class State(Savable):
    """Everything that training changes, sufficient to resume as if it had never stopped.

    Attributes
    ----------
    network : Network
    rng : RandomState
        Draws the order of the rows of each epoch.
    history : History
    slots : list of lists of arrays
        The state of the optimizer, see `Optimizer.start`.
    steps, samples : int
        The number of updates, and of rows seen in all epochs.
    slowed : float
        The factor by which "adaptive" or "plateau" has lowered the learning rate.
    slow_plateau : PlateauCounter
        The counter of the schedule "plateau".
    dropout_seed : int
        The seed of dropout.
    order : ndarray of int64, shape (m,), or None
        The order of the rows in the last epoch, from which the next is shuffled.
    best : list of arrays or None
        Θ of the best epoch.
    last : list of arrays or None
        Θ of the last epoch, if training ended with the best one instead; training continues from
        it.
    tape : list of (cost, gradient) or None
        All evaluations of L-BFGS, if they are to be kept.
    """

    network: Network
    rng: np.random.RandomState
    history: History = field(default_factory=History)
    slots: list[list[Floats]] = field(default_factory=list)
    steps: int = 0
    samples: int = 0
    slowed: float = 1.0
    slow_plateau: PlateauCounter = field(default_factory=PlateauCounter)
    dropout_seed: int = 0
    order: NDArray[np.int64] | None = None
    best: list[Floats] | None = None
    last: list[Floats] | None = None
    tape: list[tuple[float, NDArray[np.float64]]] | None = None

    def copy(self) -> State:
        """Copy everything that another call would change."""
        return copy.deepcopy(self)

    def begin(self, incremental: bool) -> None:
        """Prepare for another call, which counts its epochs from here.

        Parameters
        ----------
        incremental : bool
            Whether to continue without a break, so that many calls with the same rows equal one.
        """
        self.history.earlier = len(self.history.costs)
        self.history.status = "running"
        self.last = None
        if not incremental:
            self.order = None

    def take_over(self, other: State) -> None:
        """Copy another state of the same network; with a tape, by replaying it."""
        if self.tape is not None:
            self.tape = other.tape or []
            return
        restore(self.network.thetas, other.network.thetas)
        others = vars(other).items()
        vars(self).update({name: value for name, value in others if name != "network"})
        if self.history.status in ("max_iter", "interrupted"):
            self.history.status = "running"

    def arrays(self) -> list[NDArray[Any]]:
        """Return the arrays that a call of the engine changes in place."""
        arrays = [*self.network.thetas, *(array for slot in self.slots for array in slot)]
        drawn = [self.order, twister_state(self.rng)]
        return arrays + [array for array in drawn if array is not None]

    def to_state(self) -> tuple[dict[str, Any], dict[str, NDArray[Any]]]:
        """Return the state: values that JSON can represent, and arrays by name."""
        network, thetas = self.network.to_state()
        generator: Any = self.rng.get_state(legacy=False)
        arrays = {"key": generator["state"]["key"]}
        arrays |= {name: array for name, array in thetas.items()}
        arrays |= {
            f"slot{s}/{l}": a for s, slot in enumerate(self.slots) for l, a in enumerate(slot)
        }
        arrays |= {f"best/{l}": array for l, array in enumerate(self.best or [])}
        arrays |= {f"last/{l}": array for l, array in enumerate(self.last or [])}
        if self.order is not None:
            arrays["rows"] = self.order
        if self.tape:
            arrays["tape_costs"] = np.array([cost for cost, _ in self.tape])
            arrays["tape_gradients"] = np.stack([gradient for _, gradient in self.tape])
        history = asdict(self.history)
        history["progress"] = history.pop("plateau")  # its name in the files since version 1
        state = {
            "network": network,
            "position": int(generator["state"]["pos"]),
            "gauss": [int(generator["has_gauss"]), float(generator["gauss"])],
            "history": history,
            "steps": self.steps,
            "samples": self.samples,
            "slowed": self.slowed,
            "plateau": asdict(self.slow_plateau),
            "dropout_seed": self.dropout_seed,
            "slots": len(self.slots),
        }
        return state, arrays

    def digest(self) -> str:
        """Return a digest that differs for different states."""
        state, arrays = self.to_state()
        digest = hashlib.blake2b(json.dumps(state, sort_keys=True).encode(), digest_size=16)
        for name, array in sorted(arrays.items()):
            digest.update(f"{name}{array.shape}{array.dtype}".encode())
            digest.update(np.ascontiguousarray(array).data)
        return digest.hexdigest()

    @classmethod
    def from_state(cls, state: dict[str, Any], arrays: dict[str, NDArray[Any]]) -> Self:
        """Build the object from its state; raise an exception if the parts are inconsistent."""
        network = Network.from_state(state["network"], arrays)
        n = fields.whole("slots", state["slots"], 0, _MOST_SLOTS)
        slowed = fields.number("slowed", state["slowed"])
        if not 0 < slowed <= 1:
            raise ValueError(f"slowed must be from 0 to 1: {slowed}")
        return cls(
            network,
            restore_twister(arrays["key"], state["position"], *state["gauss"]),
            _history(state["history"]),
            slots=[_like(network, arrays, f"slot{s}") for s in range(n)],
            steps=fields.whole("steps", state["steps"]),
            samples=fields.whole("samples", state["samples"]),
            slowed=slowed,
            slow_plateau=_plateau(state["plateau"]),
            dropout_seed=fields.whole("dropout_seed", state["dropout_seed"], most=2**31 - 1),
            order=_order(arrays["rows"]) if "rows" in arrays else None,
            best=_like(network, arrays, "best") if "best/0" in arrays else None,
            last=_like(network, arrays, "last") if "last/0" in arrays else None,
            tape=_tape(network, arrays) if "tape_costs" in arrays else None,
        )


def _history(saved: dict[str, Any]) -> History:
    costs, scores = fields.curve("costs", saved["costs"]), fields.curve("scores", saved["scores"])
    validation_costs = fields.curve("validation_costs", saved["validation_costs"])
    if len(validation_costs) > len(scores):
        raise ValueError("there must not be more validation costs than scores")
    status = fields.text("status", saved["status"])
    if status not in _STATUSES:
        raise ValueError(f"status must be one of {', '.join(_STATUSES)}: {status}")
    return History(
        costs,
        scores,
        validation_costs,
        _plateau(saved["progress"]),
        fields.number("best_score", saved["best_score"], finite=False),
        fields.whole("stale_scores", saved["stale_scores"]),
        fields.whole("earlier", saved["earlier"], most=len(costs)),
        status,
    )


def _plateau(saved: dict[str, Any]) -> PlateauCounter:
    best = fields.number("best", saved["best"], finite=False)
    return PlateauCounter(best, fields.whole("stale", saved["stale"]))


def _like(network: Network, arrays: dict[str, NDArray[Any]], name: str) -> list[Floats]:
    """Return the arrays of a name, which have the shapes of Θ."""
    return [
        fields.array_field(arrays, f"{name}/{l}", theta.shape, theta.dtype)
        for l, theta in enumerate(network.thetas)
    ]


def _order(rows: NDArray[Any]) -> NDArray[np.int64]:
    fields.array_field({"rows": rows}, "rows", (None,), np.int64)
    if not np.array_equal(np.sort(rows), np.arange(len(rows))):
        raise ValueError("rows must hold each row number once")
    return rows


def _tape(
    network: Network, arrays: dict[str, NDArray[Any]]
) -> list[tuple[float, NDArray[np.float64]]]:
    costs = fields.array_field(arrays, "tape_costs", (None,), float)
    shape = (len(costs), network.n_parameters)
    gradients = fields.array_field(arrays, "tape_gradients", shape, float)
    return list(zip(costs.tolist(), gradients, strict=True))


def restore(arrays: list[Floats], values: list[Floats]) -> None:
    """Write values into arrays."""
    for array, value in zip(arrays, values, strict=True):
        array[...] = value
