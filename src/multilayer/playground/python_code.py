"""What happened in the playground, as Python that does the same."""

from __future__ import annotations

import inspect
from typing import Any

import numpy as np

from multilayer.playground.training_run import Run, parameters_of

__all__ = ["python_of"]


def python_of(run: Run, points: Any = None, file: str = "table.csv") -> str:
    """Write the run as Python: its costs are those of the playground, to the last digit.

    Parameters
    ----------
    run : Run
    points : list, optional
        The rows, if they were drawn or pasted.
    file : str
        The table's name.

    Returns
    -------
    str
    """
    kind = type(run.estimator).__name__
    classes = bool(run.data.classes)
    lines = _data(run, points, file)
    told = [f"    {name}={_said(value)}," for name, value in _told(run).items()]
    lines += [f"model = {kind}(", *told, ")"]
    begun = False
    for event in run.events:
        if event[0] == "train":
            lines += _train(event[1], classes and not begun)
            begun = True
            continue
        if not begun:
            lines += ["model.initialize(X_train, y_train)"]
            begun = True
        lines += _line(event)
    if not begun:
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


def _data(run: Run, points: Any, file: str) -> list[str]:
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
    return [
        "X_train, X_test, y_train, y_test = load_data(",
        f"    {settings.data!r}, {_named(given)}",
        ")",
    ]


def _told(run: Run) -> dict[str, Any]:
    """Give the parameters at the start that are not the defaults."""
    first = parameters_of(run.begun_with, run.data)
    defaults = inspect.signature(type(run.estimator).__init__).parameters
    return {
        name: value
        for name, value in first.items()
        if name != "n_iter_no_change"  # partial_fit has no patience to lose
        and (isinstance(value, list) or value != defaults[name].default)
    }


def _train(epochs: int, first: bool) -> list[str]:
    classes = ", classes=np.unique(y_train)" if first else ""
    return [
        f"for epoch in range({epochs}):",
        f"    model.partial_fit(X_train, y_train{classes})",
    ]


def _line(event: tuple[Any, ...]) -> list[str]:
    what, *of_it = event
    if what == "set":
        return [f"model.set_params({_named(of_it[0])})"]
    if what == "step":
        begin, end = of_it
        rows = f"{begin}:{end}"
        return [
            f"model.partial_fit(X_train[{rows}], y_train[{rows}])  # one batch",
        ]
    if what == "weight":
        layer, unit, place, value = of_it
        if place == 0:
            return [f"model.intercepts_[{layer - 1}][{unit}] = {value!r}"]
        return [f"model.coefs_[{layer - 1}][{place - 1}, {unit}] = {value!r}"]
    kept = of_it[0]  # Θ of a network before
    return [
        f"model.network_.thetas[{l}][...] = np.array({theta.tolist()!r})"
        for l, theta in kept.items()
    ]


def _named(parameters: dict[str, Any]) -> str:
    return ", ".join(f"{name}={_said(value)}" for name, value in parameters.items())


def _said(value: Any) -> str:
    if isinstance(value, list) and value and isinstance(value[0], np.ndarray):
        return "[" + ", ".join(f"np.zeros({theta.shape})" for theta in value) + "]"
    return repr(value)
