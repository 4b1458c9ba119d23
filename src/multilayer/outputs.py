"""Output units: h, the output of the network, as a function of z⁽ᴸ⁾. Z and H are (m, K)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import accumulate

from array_api_compat import array_namespace

from multilayer.activations import Activation, Array, identity, sigmoid


def softmax(Z: Array) -> Array:
    """hₖ = e^zₖ / Σⱼ e^zⱼ, row by row."""
    xp = array_namespace(Z)
    t = xp.exp(Z - xp.max(Z, axis=1, keepdims=True))  # the largest is 1: no overflow
    return t / xp.sum(t, axis=1, keepdims=True)


def exponential(Z: Array) -> Array:
    """H = e^z."""
    return array_namespace(Z).exp(Z)


OUTPUTS: dict[str, Callable[[Array], Array]] = {
    "logistic": sigmoid,
    "softmax": softmax,
    "identity": identity,
    "exp": exponential,
}


@dataclass(frozen=True)
class Softmax:
    """Softmax over groups of consecutive units, one group for each of several class targets.

    Parameters
    ----------
    groups : tuple of int
        The number of units of each group, which is the number of classes of each target. A row of Y
        holds the one-hot codes of all groups, one after the other. "softmax" is a single group of
        all units.

    Raises
    ------
    ValueError
        If there is no group, or a group without units.
    """

    groups: tuple[int, ...]

    def __post_init__(self) -> None:
        groups = tuple(int(n) for n in self.groups)
        if not groups or min(groups) < 1 or groups != tuple(self.groups):
            raise ValueError(f"groups must hold positive whole numbers, got {self.groups}")
        object.__setattr__(self, "groups", groups)

    def __str__(self) -> str:
        return f"softmax({', '.join(map(str, self.groups))})"


Output = str | Softmax


def output_name(output: Output) -> str:
    """Return the kind of an output unit, a key of `OUTPUTS`; raise ValueError if it is unknown."""
    if isinstance(output, Softmax):
        return "softmax"
    if output not in OUTPUTS:
        raise ValueError(f"output must be one of {', '.join(OUTPUTS)}; got {output!r}")
    return output


def parts(output: Output, K: int) -> list[slice]:
    """Return the slices of K units that are the groups of a softmax."""
    groups = output.groups if isinstance(output, Softmax) else (K,)
    if sum(groups) != K:
        raise ValueError(f"groups must add up to the {K} output units, got {groups}")
    return [slice(end - n, end) for n, end in zip(groups, accumulate(groups), strict=True)]


def apply_output(Z: Array, output: Output) -> Array:
    """H = g(z), the values of the output units, (m, K)."""
    g = OUTPUTS[output_name(output)]
    if not isinstance(output, Softmax):
        return g(Z)
    return array_namespace(Z).concat([g(Z[:, p]) for p in parts(output, Z.shape[1])], axis=1)


def unit_name(unit: str | Activation | Softmax) -> str:
    """Return the name of what the units of a layer compute."""
    return unit.g.__name__ if isinstance(unit, Activation) else str(unit)
