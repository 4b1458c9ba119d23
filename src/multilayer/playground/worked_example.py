"""A worked example: every number of forward propagation and backpropagation for one row."""

from __future__ import annotations

from typing import Any

import numpy as np

from multilayer import equations
from multilayer.estimators.parameters import penalty
from multilayer.playground.rows import Data
from multilayer.playground.training_run import TrainingRun, predicted

__all__ = ["explain_example"]

_MAX_LISTED = 32  # units or inputs of a layer that are listed


def explain_example(
    run: TrainingRun, row: int | None = None, x: Any = None, thetas: Any = None
) -> dict[str, Any]:
    """Compute one example step by step, in the textbook's letters.

    Parameters
    ----------
    run : TrainingRun
    row : int, optional
        A row of the data.
    x : sequence of two numbers, optional
        A point of the plane instead of a row; the prediction is taken as its true value.
    thetas : list of ndarray, optional
        Θ, by default the present one.

    Returns
    -------
    dict
        In the form the page expects: inputs, layers with z, a, δ, Θ and gradient, the cost, the
        largest gradient next to a difference quotient, and a step of gradient descent. Inputs of a
        table have their "cell" too; "truth" and "prediction" are in the units of the table.

    Raises
    ------
    ValueError
        If there is no such row, x is not a point, or the network has diverged.
    """
    data, network = run.data, run.network
    X, cells = _inputs(data, row, x)
    row = None if x is not None else row
    thetas = [theta.astype(np.float64) for theta in (thetas or network.thetas)]
    names: dict[str, Any] = {"hidden": network.hidden, "output": network.output}
    lambda_ = penalty(run.estimator)
    with np.errstate(all="ignore"):
        Z, A = equations.forward_propagation(X, thetas, **names)
        label, Y = _truth(data, A[-1], row)
        D = equations.backpropagation(X, Y, thetas, lambda_, **names)
        cost = float(equations.cost(X, Y, thetas, 0.0, **names))
        whole = float(equations.cost(X, Y, thetas, lambda_, **names))
        rate = float(run.settings.learning_rate_init)
        moved = [theta - rate * d for theta, d in zip(thetas, D, strict=True)]
        after = float(equations.cost(X, Y, moved, lambda_, **names))
    if not (np.isfinite(whole) and all(np.isfinite(d).all() for d in D)):
        raise ValueError("the network has diverged: its numbers are too large to show")
    # The input of the bias is 1, so its gradient is δ itself.
    layers = []
    for l, (theta, z, d) in enumerate(zip(thetas, Z, D, strict=True), 1):
        last = l == len(thetas)
        kind = str(network.output if last else network.hidden[l - 1])
        layers.append(
            {
                "name": "output" if last else f"hidden {l}",
                "activation": kind,
                "z": _few(z[0]),
                "a": _few(A[l][0]),
                "delta": _few(d[:, 0]),
                "theta": [_few(unit) for unit in theta[:_MAX_LISTED]],
                "gradient": [_few(unit) for unit in d[:_MAX_LISTED]],
                "equation": _equations(l, len(thetas), kind, lambda_ > 0),
            }
        )
    return {
        "say": "example",
        "row": row,
        "inputs": [
            {"name": name, "value": float(value)} | ({"cell": cells[j]} if cells else {})
            for j, (name, value) in enumerate(zip(data.inputs[:_MAX_LISTED], X[0], strict=False))
        ],
        "n_inputs": len(data.inputs),
        "truth": None if row is None else _shown(data, label),
        "y": _few(Y[0]),
        "prediction": _shown(data, _predicted(data, A[-1])),
        "layers": layers,
        "cost": cost,
        "penalty": whole - cost,
        "check": _check(X, Y, thetas, D, lambda_, names),
        "update": {"rate": rate, "cost": after if np.isfinite(after) else None},
    }


def _inputs(data: Data, row: Any, x: Any) -> tuple[Any, list[Any]]:
    """Return the inputs (1, n), and the cells of the table that they come from."""
    table = data.table
    if x is not None:
        try:
            point = np.array([x], np.float64)
        except (TypeError, ValueError, OverflowError):
            point = np.empty(0)
        if point.shape != (1, 2) or not np.isfinite(point).all():
            raise ValueError(f"x must be two numbers, got {x!r:.80}")
        return data.encode(point), table.cells(table.at(point)) if table else []
    if not (isinstance(row, int) and not isinstance(row, bool) and 0 <= row < len(data.X)):
        raise ValueError(f"row must be a number from 0 to {len(data.X) - 1}, got {row!r:.80}")
    return data.X[[row]], table.cells(table.frame.slice(row, 1)) if table else []


def _predicted(data: Data, H: Any) -> Any:
    """Return the index of the class, or the number in the units of the table."""
    return int(predicted(H)[0]) if data.classes else float(data.in_units(H[0, 0]))


def _truth(data: Data, H: Any, row: int | None) -> tuple[Any, Any]:
    """Return the true class or number, and its target (1, K); of a point, the prediction."""
    if not data.classes:
        return (None, H.copy()) if row is None else (data.label[row], np.array([[data.y[row]]]))
    label = _predicted(data, H) if row is None else int(data.label[row])
    n_outputs = H.shape[1]
    return label, np.array([[float(label)]]) if n_outputs == 1 else np.eye(n_outputs)[[label]]


def _shown(data: Data, value: Any) -> Any:
    return data.classes[value] if data.classes else float(value)


def _few(values: Any) -> list[float]:
    return [float(v) if np.isfinite(v) else 0.0 for v in values[: _MAX_LISTED + 1]]


def _equations(l: int, n: int, kind: str, penalized: bool) -> dict[str, str]:
    up = {k: _superscript(k) for k in (l - 1, l, l + 1, l + 2)}
    activation = {
        "logistic": "σ(z)",
        "softmax": "eᶻ / Σ eᶻ",
        "identity": "z",
    }.get(kind, f"{kind}(z)")
    a = f"a{up[l + 1]} = {activation}".replace("z", f"z{up[l + 1]}")
    if l == n:
        delta = f"δ{up[l + 1]} = a{up[l + 1]} − y"
    else:
        delta = f"δ{up[l + 1]} = (Θ{up[l + 1]})ᵀ δ{up[l + 2]} ⊙ g′(z{up[l + 1]})"
    gradient = f"∂J/∂Θ{up[l]}"
    return {
        "z": f"z{up[l + 1]} = Θ{up[l]} [1; a{up[l]}]",
        "a": a,
        "delta": delta,
        "gradient": f"{gradient} = δ{up[l + 1]} [1; a{up[l]}]ᵀ" + f" + λ Θ{up[l]}" * penalized,
        "update": f"Θ{up[l]} := Θ{up[l]} − α {gradient}",
    }


def _superscript(number: int) -> str:
    return "⁽" + "".join("⁰¹²³⁴⁵⁶⁷⁸⁹"[int(digit)] for digit in str(number)) + "⁾"


def _check(X: Any, Y: Any, thetas: Any, D: Any, lambda_: float, names: Any) -> dict[str, Any]:
    """Compare the largest derivative with a central difference."""
    layer = int(np.argmax([np.abs(d).max() for d in D]))
    to, place = np.unravel_index(np.abs(D[layer]).argmax(), D[layer].shape)
    epsilon = np.finfo(np.float64).eps ** (1 / 3)
    costs = []
    for sign in (1, -1):
        moved = [theta.copy() for theta in thetas]
        moved[layer][to, place] += sign * epsilon
        costs.append(float(equations.cost(X, Y, moved, lambda_, **names)))
    slope, difference = float(D[layer][to, place]), (costs[0] - costs[1]) / (2 * epsilon)
    scale = max(abs(slope), abs(difference)) or 1.0
    return {
        "layer": layer + 1,
        "to": int(to),
        "from": int(place),
        "backpropagation": slope,
        "difference": difference,
        "error": abs(slope - difference) / scale,
    }
