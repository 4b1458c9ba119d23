"""A worked example: every number of forward propagation and backpropagation for one row."""

from __future__ import annotations

from typing import Any

import numpy as np

from multilayer import equations
from multilayer.estimators.parameters import penalty
from multilayer.playground.data import Data
from multilayer.playground.training_run import TrainingRun

__all__ = ["explain_example"]

_MAX_LISTED = 32  # units or inputs of a layer that are listed


def explain_example(run: TrainingRun, row: int | None = None, x: Any = None) -> dict[str, Any]:
    """Compute one example step by step, in the textbook's letters.

    Parameters
    ----------
    run : TrainingRun
    row : int, optional
        A row of the data.
    x : sequence of two numbers, optional
        A point of the plane instead of a row; the prediction is taken as its true value.

    Returns
    -------
    dict
        In the form the page expects: inputs, layers with z, a, δ, Θ and gradient, the cost, and the
        largest gradient next to a difference quotient.

    Raises
    ------
    ValueError
        If there is no such row, x is not a point, or the network has diverged.
    """
    data, network = run.data, run.network
    X, truth, Y = _example(run, data, row, x)
    thetas = [theta.astype(np.float64) for theta in network.thetas]
    names: dict[str, Any] = {"hidden": network.hidden, "output": network.output}
    lambda_ = penalty(run.estimator)
    with np.errstate(all="ignore"):
        Z, A = equations.forward_propagation(X, thetas, **names)
        D = equations.backpropagation(X, Y, thetas, lambda_, **names)
        cost = float(equations.cost(X, Y, thetas, 0.0, **names))
        whole = float(equations.cost(X, Y, thetas, lambda_, **names))
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
        "inputs": [
            {"name": name, "value": float(value)}
            for name, value in zip(data.inputs[:_MAX_LISTED], X[0], strict=False)
        ],
        "truth": truth,
        "layers": layers,
        "cost": cost,
        "penalty": whole - cost,
        "check": _check(X, Y, thetas, D, lambda_, names),
    }


def _example(run: TrainingRun, data: Data, row: Any, x: Any) -> tuple[Any, Any, Any]:
    """Return the inputs (1, n), the true value to show, and the target (1, K)."""
    if x is not None:
        try:
            point = np.array(x, np.float64)
        except (TypeError, ValueError, OverflowError):
            point = np.empty(0)
        if point.shape != (2,) or not np.isfinite(point).all():
            raise ValueError(f"x must be two numbers, got {x!r:.80}")
        X = data.encode(point[None])
        H = np.asarray(run.network.forward(X))
        if data.classes:
            label = int(H[0].argmax()) if H.shape[1] > 1 else int(H[0, 0] > 0.5)
            return X, f"{data.classes[label]} (as predicted)", _target(H.shape[1], label)
        return X, "as predicted", H.astype(np.float64)
    if not (isinstance(row, int) and not isinstance(row, bool) and 0 <= row < len(data.X)):
        raise ValueError(f"row must be a number from 0 to {len(data.X) - 1}, got {row!r:.80}")
    X, label = data.X[[row]], data.label[row]
    if data.classes:
        return X, data.classes[label], _target(run.network.sizes[-1], int(label))
    return X, float(label), np.array([[label]])


def _target(n_outputs: int, label: int) -> Any:
    if n_outputs == 1:
        return np.array([[float(label)]])
    return np.eye(n_outputs)[[label]]


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
    return {
        "z": f"z{up[l + 1]} = Θ{up[l]} [1; a{up[l]}]",
        "a": a,
        "delta": delta,
        "gradient": f"∂J/∂Θ{up[l]} = δ{up[l + 1]} [1; a{up[l]}]ᵀ" + f" + λ Θ{up[l]}" * penalized,
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
