"""The settings of the playground, and the values they may have."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields, replace
from typing import Any

from multilayer.activations import ACTIVATIONS
from multilayer.estimators.parameters import SOLVERS
from multilayer.initialization import INITIALIZERS
from multilayer.playground.features import FEATURES

__all__ = ["CHOICES", "DATA", "Settings", "changed", "must_restart"]

DATA = {
    "classes": ["moons", "circles", "xor", "gauss", "spiral", "blobs3", "blobs4", "blobs5"],
    "numbers": ["plane", "hill"],
    "bundled": ["iris", "wine", "breast_cancer", "diabetes"],
    "own": ["points", "table", "given"],
}
CHOICES: dict[str, Any] = {
    "data": list(DATA.items()),
    "features": list(FEATURES),
    "activation": list(ACTIVATIONS),
    "solver": list(SOLVERS),
    "initializer": [*sorted(INITIALIZERS), "zeros"],
    "learning_rate": ["constant", "invscaling", "warm_restarts"],
    "output_activation": ["auto", "logistic", "softmax"],
}
MAX_LAYERS, MAX_UNITS = 8, 256

# The minimum and maximum of each number, and whether it must be whole.
_NUMBERS: dict[str, tuple[float, float, bool]] = {
    "rows": (10, 5000, True),
    "noise": (0.0, 0.5, False),
    "training_share": (0.1, 0.9, False),
    "data_seed": (0, 2**31 - 1, True),
    "seed": (0, 2**31 - 1, True),
    "learning_rate_init": (1e-9, 1e9, False),
    "batch_size": (1, 10**7, True),
    "alpha": (0.0, 1e6, False),
    "dropout": (0.0, 0.9, False),
    "momentum": (0.0, 1.0, False),
}
# A change of one of these restarts training with a new network.
_RESTARTING = {
    "data", "target", "axes", "rows", "noise", "training_share", "data_seed", "features",
    "layers", "output_activation", "initializer", "seed",
}  # fmt: skip


@dataclass(frozen=True)
class Settings:
    """Data, network and training, as the page shows them.

    A setting with the name of a parameter of `MLPClassifier` is that parameter. `layers` are its
    `hidden_layer_sizes`, `activation` has one for each layer, and `seed` is its `random_state`.
    """

    data: str = "moons"
    target: str | None = None
    axes: tuple[str, ...] | None = None
    rows: int = 500
    noise: float = 0.2
    training_share: float = 0.5
    data_seed: int = 0
    features: tuple[str, ...] = ("x1", "x2")
    layers: tuple[int, ...] = (5, 5)
    activation: tuple[str, ...] = field(default=("tanh", "tanh"))
    output_activation: str = "auto"
    initializer: str = "glorot"
    seed: int = 0
    solver: str = "adam"
    learning_rate_init: float = 0.01
    learning_rate: str = "constant"
    batch_size: int = 10
    alpha: float = 0.0
    dropout: float = 0.0
    momentum: float = 0.9

    def to_dict(self) -> dict[str, Any]:
        """Return the settings as JSON can hold them."""
        return asdict(self)


def changed(settings: Settings, changes: Any) -> Settings:
    """Return settings with some of them changed.

    Parameters
    ----------
    settings : Settings
    changes : dict
        Values by name, as read from JSON.

    Raises
    ------
    ValueError
        If a setting is unknown, or a value is not allowed.
    """
    if not isinstance(changes, Mapping):
        raise ValueError(f"settings must be an object of names and values, got {changes!r:.80}")
    known = {one.name for one in fields(Settings)}
    read: dict[str, Any] = {}
    for name, value in changes.items():
        if name not in known:
            raise ValueError(f"there is no setting {name!r:.80}")
        read[name] = _read(name, value)
    layers = read.get("layers", settings.layers)
    activation = read.get("activation", settings.activation)
    if isinstance(activation, str):
        activation = (activation,) * len(layers)
    # A new layer has the activation of the last one.
    more = (activation[-1:] or ("tanh",)) * (len(layers) - len(activation))
    return replace(settings, **(read | {"activation": (*activation, *more)[: len(layers)]}))


def must_restart(before: Settings, after: Settings) -> bool:
    """Whether training must restart with a new network after a change of settings."""
    return any(getattr(before, name) != getattr(after, name) for name in _RESTARTING)


def _read(name: str, value: Any) -> Any:
    if name in _NUMBERS:
        return _number(name, value)
    if name == "layers":
        return _layers(value)
    if name == "activation" and not isinstance(value, str):
        return tuple(_choice(name, one) for one in _sequence(name, value, MAX_LAYERS))
    if name == "features":
        chosen = {_choice(name, one) for one in _sequence(name, value, len(FEATURES))}
        if not chosen:
            raise ValueError("at least one of the features must be chosen")
        return tuple(one for one in FEATURES if one in chosen)
    if name == "data":
        names = [one for group in DATA.values() for one in group]
        if value not in names:
            raise ValueError(f"data must be one of {', '.join(names)}, got {value!r:.80}")
        return value
    if name == "target":
        return _text(name, value)
    if name == "axes":
        axes = None if value is None else _sequence(name, value, 2)
        texts = {one for one in axes or () if isinstance(one, str)}
        if axes is not None and not len(axes) == len(texts) == 2:
            raise ValueError(f"axes must be the names of two columns, got {value!r:.80}")
        return None if axes is None else tuple(axes)
    return _choice(name, value)


def _number(name: str, value: Any) -> float:
    least, most, whole = _NUMBERS[name]
    numeric = isinstance(value, int | float) and not isinstance(value, bool)
    if not (numeric and least <= value <= most):
        raise ValueError(f"{name} must be a number from {least:g} to {most:g}, got {value!r:.80}")
    if whole and value != int(value):
        raise ValueError(f"{name} must be a whole number, got {value!r}")
    return int(value) if whole else float(value)


def _layers(value: Any) -> tuple[int, ...]:
    units = _sequence("layers", value, MAX_LAYERS)
    for one in units:
        if not (isinstance(one, int) and not isinstance(one, bool) and 1 <= one <= MAX_UNITS):
            raise ValueError(f"a layer must have 1 to {MAX_UNITS} units, got {one!r:.80}")
    return tuple(units)


def _sequence(name: str, value: Any, most: int) -> Sequence[Any]:
    if not isinstance(value, list | tuple):
        raise ValueError(f"{name} must be a list, got {value!r:.80}")
    if len(value) > most:
        raise ValueError(f"{name} must be at most {most}, got {len(value)}")
    return value


def _choice(name: str, value: Any) -> str:
    choices = CHOICES[name]
    if value not in choices:
        raise ValueError(f"{name} must be one of {', '.join(choices)}, got {value!r:.80}")
    return str(value)


def _text(name: str, value: Any) -> str | None:
    if value is not None and not isinstance(value, str):
        raise ValueError(f"{name} must be the name of a column, got {value!r:.80}")
    return value
