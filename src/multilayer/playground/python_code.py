"""Python code that repeats a run of the playground."""

from __future__ import annotations

import inspect
from typing import Any

import numpy as np

from multilayer.playground.training_run import MAX_EVENTS, TrainingRun, parameters_of

__all__ = ["write_python"]

_MAX_COPIED = 100_000  # weights


def write_python(run: TrainingRun, points: Any = None, file: str = "table.csv") -> str:
    """Write the run as Python code, whose costs equal those of the playground to the last digit.

    Parameters
    ----------
    run : TrainingRun
    points : list, optional
        The rows, if they were drawn or pasted in.
    file : str
        The file name of the table.

    Returns
    -------
    str

    Raises
    ------
    ValueError
        If the code would be too long.
    """
    if len(run.events) > MAX_EVENTS:
        raise ValueError(
            f"Python code repeats at most {MAX_EVENTS} single steps and changes, but this run has "
            "more: reset it, and train whole epochs"
        )
    copied = [event[1] for event in run.events if event[0] == "copy"]
    if sum(theta.size for thetas in copied for theta in thetas.values()) > _MAX_COPIED:
        raise ValueError(
            f"Python code holds at most {_MAX_COPIED} weights of an earlier network, but this run "
            "starts with more: reset it"
        )
    kind = type(run.estimator).__name__
    classes = bool(run.data.classes)
    lines = _data(run, points, file)
    arguments = [f"    {name}={_repr(value)}," for name, value in _initial_parameters(run).items()]
    lines += [f"model = {kind}(", *arguments, ")"]
    initialized = False
    for event in run.events:
        if event[0] == "train":
            lines += _train(event[1], classes and not initialized)
            initialized = True
            continue
        if not initialized:
            lines += ["model.initialize(X_train, y_train)"]
            initialized = True
        lines += _line(event)
    if not initialized:
        lines += ["model.initialize(X_train, y_train)"]
    lines += [
        "",
        'print(f"{model.score(X_train, y_train):.3f} on the training rows, "',
        '      f"{model.score(X_test, y_test):.3f} on the test rows")',
    ]
    imports = ["from multilayer import " + kind, "from multilayer.playground import load_data"]
    if any("np." in line for line in lines):
        imports = ["import numpy as np", "", *imports]
    return "\n".join([*imports, "", *lines]) + "\n"


def _data(run: TrainingRun, points: Any, file: str) -> list[str]:
    settings = run.settings
    given: dict[str, Any] = {}
    if settings.data == "points":
        given["points"] = [tuple(point) for point in points or ()]
    elif settings.data == "table":
        given |= {"file": file, "target": settings.target or run.data.target}
    elif run.data.axes == ("x1", "x2") and run.data.columns == ["x1", "x2"]:
        given |= {"rows": settings.rows, "noise": settings.noise}
    given |= {"training_share": settings.training_share, "data_seed": settings.data_seed}
    if run.data.columns == ["x1", "x2"] and settings.features != ("x1", "x2"):
        given["features"] = list(settings.features)
    unit, standardised = run.data.unit, []
    if unit is not None:
        meaning = f"{run.data.target!r} = {unit.mean:.6g} + {unit.scale:.6g} y"
        standardised = [f"# y is standardised: {meaning}"]
    return [
        "X_train, X_test, y_train, y_test = load_data(",
        f"    {settings.data!r}, {_named(given)}",
        ")",
        *standardised,
    ]


def _initial_parameters(run: TrainingRun) -> dict[str, Any]:
    """Return the initial parameters that differ from the defaults."""
    first = parameters_of(run.initial_settings, run.data)
    defaults = inspect.signature(type(run.estimator).__init__).parameters
    return {
        name: value
        for name, value in first.items()
        if name != "n_iter_no_change"  # partial_fit does not stop early
        and (isinstance(value, list) or value != defaults[name].default)
    }


def _train(epochs: int, first: bool) -> list[str]:
    classes = ", classes=np.unique(y_train)" if first else ""
    return [
        f"for epoch in range({epochs}):",
        f"    model.partial_fit(X_train, y_train{classes})",
    ]


def _line(event: tuple[Any, ...]) -> list[str]:
    kind, *details = event
    if kind == "set":
        return [f"model.set_params({_named(details[0])})"]
    if kind == "step":
        begin, end = details
        rows = f"{begin}:{end}"
        return [
            f"model.partial_fit(X_train[{rows}], y_train[{rows}])  # one batch",
        ]
    if kind == "weight":
        layer, unit, place, value = details
        if place == 0:
            return [f"model.intercepts_[{layer - 1}][{unit}] = {value!r}"]
        return [f"model.coefs_[{layer - 1}][{place - 1}, {unit}] = {value!r}"]
    copied = details[0]  # Θ of the previous network
    return [
        f"model.network_.thetas[{l}][...] = np.array({theta.tolist()!r})"
        for l, theta in copied.items()
    ]


def _named(parameters: dict[str, Any]) -> str:
    return ", ".join(f"{name}={_repr(value)}" for name, value in parameters.items())


def _repr(value: Any) -> str:
    if isinstance(value, list) and value and isinstance(value[0], np.ndarray):
        return "[" + ", ".join(f"np.zeros({theta.shape})" for theta in value) + "]"
    return repr(value)
