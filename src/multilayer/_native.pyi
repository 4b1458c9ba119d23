from typing import Any, Final

from numpy import float64, int32, int64, uint32
from numpy.typing import NDArray

Floats = NDArray[Any]
Inputs = Floats | tuple[NDArray[int64], NDArray[int32], Floats]

ISA: Final[str]
ISAS: Final[tuple[str, ...]]
ACTIVATIONS: Final[dict[str, int]]
OUTPUTS: Final[dict[str, int]]
LOSSES: Final[dict[str, tuple[int, str | None]]]
RULES: Final[dict[str, tuple[int, int, tuple[str, ...]]]]

def default_threads() -> int: ...
def apply(function: str, x: Floats, y: Floats) -> None: ...

class Course:
    lambda_: float
    l1: float
    penalty_rows: float
    share: float
    clip_norm: float
    max_norm: float
    batch_size: int
    epochs: int
    steps_before: int
    max_steps: int
    tol: float
    patience: float
    best: float
    stale: int
    dropout: list[float]
    dropout_seed: int

Beside = tuple[list[int], list[int], list[Floats], list[float], list[float]]

class Forward32:
    def __init__(
        self,
        thetas: list[Floats],
        hidden: list[int],
        output: int,
        groups: list[int],
        beside: Beside,
    ) -> None: ...
    def into(self, X: Inputs, H: Floats, threads: int) -> None: ...

class Forward64:
    def __init__(
        self,
        thetas: list[Floats],
        hidden: list[int],
        output: int,
        groups: list[int],
        beside: Beside,
    ) -> None: ...
    def into(self, X: Inputs, H: Floats, threads: int) -> None: ...

def cost(
    thetas: list[Floats],
    X: Inputs,
    Y: Floats | None,
    labels: NDArray[int32] | None,
    weights: Floats | None,
    hidden: list[int],
    output: int,
    groups: list[int],
    beside: Beside,
    loss: int,
    loss_number: float,
    smoothing: float,
    lambda_: float,
    l1: float,
    gradients: list[Floats],
    threads: int,
) -> float: ...
def train(
    thetas: list[Floats],
    X: Inputs,
    Y: Floats | None,
    labels: NDArray[int32] | None,
    weights: Floats | None,
    hidden: list[int],
    output: int,
    groups: list[int],
    beside: Beside,
    loss: int,
    loss_number: float,
    smoothing: float,
    rule: int,
    numbers: list[float],
    slots: list[list[Floats]],
    order: NDArray[int64] | None,
    rows: NDArray[int64] | None,
    key: NDArray[uint32] | None,
    position: int,
    rates: NDArray[float64] | None,
    course: Course,
    threads: int,
) -> tuple[list[float], int, str, float, int, int]: ...
