from typing import Any, Final

from numpy import float64, int32, int64, uint32
from numpy.typing import NDArray

Floats = NDArray[Any]
Inputs = Floats | tuple[NDArray[int64], NDArray[int32], Floats]

INSTRUCTION_SETS: Final[tuple[str, ...]]
ACTIVATIONS: Final[dict[str, int]]
OUTPUTS: Final[dict[str, int]]
LOSSES: Final[dict[str, tuple[int, str | None]]]
RULES: Final[dict[str, tuple[int, int, tuple[str, ...]]]]

def instruction_set() -> str: ...
def use_instruction_set(name: str) -> None: ...
def default_threads() -> int: ...
def apply(function: str, x: Floats, y: Floats) -> None: ...

class Objective:
    def __init__(
        self,
        *,
        hidden: list[int],
        output: int,
        groups: list[int],
        loss: int = ...,
        loss_number: float = ...,
        label_smoothing: float = ...,
        lambda_: float = ...,
        l1: float = ...,
        penalty_rows: float = ...,
        cost_share: float = ...,
    ) -> None: ...

class Descent:
    def __init__(
        self,
        *,
        rule: int,
        numbers: list[float],
        batch_size: int,
        clip_norm: float,
        max_norm: float,
        dropout: list[float],
        dropout_seed: int,
    ) -> None: ...

class ExtraParameters:
    plain: int
    numbers: int
    frequencies: int
    dimensions: int
    width: int
    first_rows: list[int]
    rates: list[float]
    decays: list[float]

class Epochs:
    count: int
    steps_before: int
    max_steps: int
    rates: NDArray[float64] | None
    order: NDArray[int64] | None
    indices: NDArray[int64] | None
    key: NDArray[uint32] | None
    position: int
    tol: float
    patience: float
    best: float
    stale: int

class Scores:
    accuracy: bool
    cost_share: float
    tol: float
    patience: float
    best: float
    stale: int
    @property
    def scores(self) -> list[float]: ...
    @property
    def costs(self) -> list[float]: ...

class _Forward:
    def __init__(
        self,
        thetas: list[Floats],
        arrays: list[Floats],
        objective: Objective,
        extra: ExtraParameters,
    ) -> None: ...
    def into(self, X: Inputs, H: Floats, threads: int) -> None: ...

class Forward32(_Forward): ...
class Forward64(_Forward): ...

class _Problem:
    def __init__(
        self,
        thetas: list[Floats],
        arrays: list[Floats],
        X: Inputs,
        Y: Floats | None,
        labels: NDArray[int32] | None,
        weights: Floats | None,
        objective: Objective,
        extra: ExtraParameters,
    ) -> None: ...
    def cost(self, gradients: list[Floats], threads: int) -> float: ...
    def train(
        self,
        descent: Descent,
        slots: list[list[Floats]],
        epochs: Epochs,
        threads: int,
        held_out: _Problem | None,
        scores: Scores | None,
        best_thetas: list[Floats],
    ) -> tuple[list[float], int, str]: ...

class Problem32(_Problem): ...
class Problem64(_Problem): ...
