"""The mathematics of a feed-forward network, in the textbook's letters.

A network has L layers; layer l has s_l units. X (m, s₁) contains m examples, one per row, and Y (m,
K) the targets of the K = s_L output units. Θ⁽ˡ⁾ (s_{l+1}, s_l + 1) leads from layer l to layer l +
1; its column 0 is the bias. In Python, `thetas[0]` is Θ⁽¹⁾, `A[0]` is a⁽¹⁾ = X, `Z[0]` is z⁽²⁾.

Everything runs on any library of the Array-API standard (NumPy, PyTorch, CuPy, JAX, …): results
have the library, device and dtype of the input, and no input is changed. This file is the reference
for the native engine, which computes the same, only faster.

Sources: Rumelhart, Hinton and Williams, *Learning representations by back-propagating errors*,
Nature 323 (1986); Bishop, *Pattern Recognition and Machine Learning* (2006), sections 5.1 to 5.3;
the notation is that of Andrew Ng's course *Machine Learning* (2011).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, NamedTuple

from array_api_compat import array_namespace, device

from multilayer.activations import ACTIVATIONS, Activation, Array, sigmoid, sigmoid_gradient
from multilayer.initialization import initialize_thetas
from multilayer.losses import Loss, resolve
from multilayer.outputs import Output, Softmax, apply_output, output_name, parts, softmax

__all__ = [
    "GradientCheck",
    "backpropagation",
    "check_gradient",
    "cost",
    "forward_propagation",
    "gradient_descent",
    "initialize_thetas",
    "input_gradient",
    "numerical_gradient",
    "predict",
    "sigmoid",
    "sigmoid_gradient",
    "softmax",
]

Hidden = str | Activation | Sequence[str | Activation]
Masks = Sequence[Array | None]


def forward_propagation(
    X: Array,
    thetas: Sequence[Array],
    *,
    hidden: Hidden = "logistic",
    output: Output = "logistic",
    masks: Masks | None = None,
) -> tuple[list[Array], list[Array]]:
    """Propagate X through the layers: a⁽¹⁾ = x, z⁽ˡ⁺¹⁾ = Θ⁽ˡ⁾ [1; a⁽ˡ⁾], a⁽ˡ⁺¹⁾ = g(z⁽ˡ⁺¹⁾).

    Source: Bishop (2006), equations 5.2 to 5.5.

    Parameters
    ----------
    X : array, shape (m, s₁)
    thetas : sequence of arrays, shapes (s_{l+1}, s_l + 1)
    hidden : str, Activation or a sequence of them
        g of the hidden layers: a key of `multilayer.activations.ACTIVATIONS` or a pair (g, g′) of
        your own; one for all layers, or one for each.
    output : {"logistic", "softmax", "identity", "exp"} or Softmax
        The output unit, a key of `multilayer.losses.OUTPUTS`; or softmax over groups of units.
    masks : sequence of arrays or None, shapes (m, s_l), one for each Θ, optional
        Dropout: a⁽ˡ⁾ ← a⁽ˡ⁾ ⊙ mask⁽ˡ⁾, l = 1 … L − 1, see `multilayer.dropout.dropout_mask`; None
        for a layer without dropout.

    Returns
    -------
    Z : list of arrays, z⁽²⁾ … z⁽ᴸ⁾, shapes (m, s_l)
    A : list of arrays, a⁽¹⁾ … a⁽ᴸ⁾, shapes (m, s_l); the last is h, the output of the network
    """
    functions = [g for g, _ in _activations(hidden, thetas)]
    functions.append(lambda z: apply_output(z, output))
    Z, A = [], [X]
    for theta, g, mask in zip(thetas, functions, _masks(masks, thetas), strict=True):
        A[-1] = _masked(A[-1], mask)
        z = theta[:, 0] + A[-1] @ theta[:, 1:].T  # (m, s_{l+1})
        Z.append(z)
        A.append(g(z))
    return Z, A


def cost(
    X: Array,
    Y: Array,
    thetas: Sequence[Array],
    lambda_: float = 0.0,
    *,
    hidden: Hidden = "logistic",
    output: Output = "logistic",
    loss: str | Loss = "auto",
    weights: Array | None = None,
    l1: float = 0.0,
    masks: Masks | None = None,
) -> Array:
    """Compute the mean cost of the examples plus the penalty on Θ.

    J = 1/m Σᵢ cost(h⁽ⁱ⁾, y⁽ⁱ⁾) + λ/(2m) Σ θ², where the second sum excludes the biases. For K
    sigmoid units, cost = Σₖ −yₖ log hₖ − (1 − yₖ) log(1 − hₖ). It is computed from z and therefore
    finite even where h is 0 or 1 to the last bit. Source: Bishop (2006), equations 5.23 and 5.112.

    Parameters
    ----------
    X, Y : arrays, shapes (m, s₁) and (m, K)
    thetas, hidden, output, masks
        As for `forward_propagation`.
    lambda_ : float
        λ, the strength of the penalty.
    loss : str or Loss
        A key of `multilayer.losses.LOSSES` or one of its records. "auto" is the loss that
        belongs to the output unit: cross-entropy for "logistic" and "softmax", half the squared
        error for "identity", the Poisson likelihood for "exp".
    weights : array, shape (m,), optional
        Weight of each example; m above is then their sum.
    l1 : float
        Strength of a second penalty, l1/m Σ |θ|.

    Returns
    -------
    J : array, shape ()
    """
    xp = array_namespace(X)
    Z, _ = forward_propagation(X, thetas, hidden=hidden, masks=masks)
    costs = resolve(loss, output).cost(Z[-1], Y, output)  # (m,)
    penalty = lambda_ / 2 * sum(xp.sum(theta[:, 1:] ** 2) for theta in thetas)
    if l1:
        penalty = penalty + l1 * sum(xp.sum(xp.abs(theta[:, 1:])) for theta in thetas)
    if weights is None:
        return xp.mean(costs) + penalty / X.shape[0]
    return (xp.sum(weights * costs) + penalty) / xp.sum(weights)


def backpropagation(
    X: Array,
    Y: Array,
    thetas: Sequence[Array],
    lambda_: float = 0.0,
    *,
    hidden: Hidden = "logistic",
    output: Output = "logistic",
    loss: str | Loss = "auto",
    weights: Array | None = None,
    l1: float = 0.0,
    masks: Masks | None = None,
) -> list[Array]:
    """Compute the gradient D⁽ˡ⁾ = ∂J/∂Θ⁽ˡ⁾ by the chain rule, from the last layer to the first.

    δ⁽ᴸ⁾ = h − y,  δ⁽ˡ⁾ = (Θ⁽ˡ⁾)ᵀ δ⁽ˡ⁺¹⁾ ⊙ g′(z⁽ˡ⁾),  Δ⁽ˡ⁾ = Σᵢ δ⁽ˡ⁺¹⁾ [1; a⁽ˡ⁾]ᵀ,
    D⁽ˡ⁾ = (Δ⁽ˡ⁾ + λ Θ⁽ˡ⁾ + l1 sign Θ⁽ˡ⁾)/m, the penalties without the biases. This δ⁽ᴸ⁾ is
    that of the canonical loss; other losses have another. Dropout multiplies δ⁽ˡ⁾ by the mask
    of a⁽ˡ⁾. Source: Rumelhart, Hinton and Williams (1986); Bishop (2006), equations 5.53 to 5.56.

    Parameters
    ----------
    X, Y, thetas, lambda_, hidden, output, loss, weights, l1, masks
        As for `cost`.

    Returns
    -------
    D : list of arrays, of the shapes of `thetas`
    """
    xp = array_namespace(X)
    Z, A = forward_propagation(X, thetas, hidden=hidden, masks=masks)
    activations, masks = _activations(hidden, thetas), _masks(masks, thetas)
    m = X.shape[0] if weights is None else xp.sum(weights)

    d = resolve(loss, output).derivative(Z[-1], Y, output)  # (m, K); h − y for the canonical loss
    d = d if weights is None else weights[:, None] * d
    D: list[Array] = []
    for layer in reversed(range(len(thetas))):
        theta, a = thetas[layer], A[layer]
        bias = xp.sum(d, axis=0)[:, None]  # (s_{l+1}, 1)
        Delta = d.T @ a + lambda_ * theta[:, 1:]  # (s_{l+1}, s_l)
        if l1:
            Delta = Delta + l1 * xp.sign(theta[:, 1:])
        D.insert(0, xp.concat([bias, Delta], axis=1) / m)
        if layer > 0:
            d = (d @ theta[:, 1:]) * activations[layer - 1].slope(Z[layer - 1])  # (m, s_l)
            d = _masked(d, masks[layer])
    return D


def input_gradient(
    X: Array, thetas: Sequence[Array], unit: int | Array, *, hidden: Hidden = "logistic"
) -> Array:
    """Compute the derivative of an output with respect to the inputs of its row, ∂z⁽ᴸ⁾ₖ/∂x.

    δ⁽ᴸ⁾ = eₖ,  δ⁽ˡ⁾ = (Θ⁽ˡ⁾)ᵀ δ⁽ˡ⁺¹⁾ ⊙ g′(z⁽ˡ⁾),  ∂zₖ/∂x = (Θ⁽¹⁾)ᵀ δ⁽²⁾, without the biases. It is
    that of z and not of h, since h is flat where the network is certain. Source: Bishop (2006),
    equations 5.70 to 5.75.

    Parameters
    ----------
    X, thetas, hidden
        As for `forward_propagation`.
    unit : int, or array of int, shape (m,)
        k, the output unit, counted from 0; one for all rows, or one for each.

    Returns
    -------
    G : array, shape (m, s₁)
    """
    (*Z, z), _ = forward_propagation(X, thetas, hidden=hidden)
    xp, activations = array_namespace(z), _activations(hidden, thetas)
    units = xp.arange(z.shape[1], device=device(z))
    k = xp.asarray(unit, device=device(z))[..., None]
    d = xp.zeros_like(z) + xp.astype(units == k, z.dtype)  # (m, K), rows eₖ
    for layer in reversed(range(1, len(thetas))):
        d = (d @ thetas[layer][:, 1:]) * activations[layer - 1].slope(Z[layer - 1])  # (m, s_l)
    return d @ thetas[0][:, 1:]  # (m, s₁)


def gradient_descent(
    X: Array,
    Y: Array,
    thetas: Sequence[Array],
    alpha: float,
    iterations: int,
    lambda_: float = 0.0,
    *,
    hidden: Hidden = "logistic",
    output: Output = "logistic",
    loss: str | Loss = "auto",
) -> tuple[list[Array], list[Array]]:
    """Minimize the cost by gradient descent: repeat Θ⁽ˡ⁾ ← Θ⁽ˡ⁾ − α D⁽ˡ⁾.

    Source: Bishop (2006), equation 5.41.

    Parameters
    ----------
    X, Y, thetas, lambda_, hidden, output, loss
        As for `cost`; `thetas` is the starting point and is not changed.
    alpha : float
        α, the learning rate (not scikit-learn's `alpha`, which is λ).
    iterations : int
        The number of steps.

    Returns
    -------
    thetas : list of arrays
        Θ after the last step.
    costs : list of arrays, shape ()
        J before each step.
    """
    thetas, costs = list(thetas), []
    for _ in range(iterations):
        costs.append(cost(X, Y, thetas, lambda_, hidden=hidden, output=output, loss=loss))
        D = backpropagation(X, Y, thetas, lambda_, hidden=hidden, output=output, loss=loss)
        thetas = [theta - alpha * d for theta, d in zip(thetas, D, strict=True)]
    return thetas, costs


def predict(
    X: Array, thetas: Sequence[Array], *, hidden: Hidden = "logistic", output: Output = "logistic"
) -> Array:
    """Predict the class with the largest h, or for numbers h itself.

    Parameters
    ----------
    X, thetas, hidden, output
        As for `forward_propagation`.

    Returns
    -------
    labels : array of int, shape (m,), or (m, groups) for groups of softmax
        For "logistic" and "softmax": argmaxₖ hₖ; with one sigmoid unit, 1 where h > ½, else 0.
    H : array, shape (m, K)
        For "identity" and "exp".
    """
    xp = array_namespace(X)
    H = forward_propagation(X, thetas, hidden=hidden, output=output)[1][-1]
    if output_name(output) in ("identity", "exp"):
        return H
    if isinstance(output, Softmax):
        groups = parts(output, H.shape[1])
        return xp.stack([xp.argmax(H[:, part], axis=1) for part in groups], axis=1)
    if H.shape[1] == 1:
        return xp.astype(H[:, 0] > 0.5, xp.int64)
    return xp.argmax(H, axis=1)


class GradientCheck(NamedTuple):
    """The largest relative error between two gradients, and where it occurs."""

    error: float
    layer: int  # l of Θ⁽ˡ⁾, from 1 as in the textbook
    unit: int  # its row, from 0
    weight: int  # its column, 0 being the bias


def numerical_gradient(
    X: Array,
    Y: Array,
    thetas: Sequence[Array],
    lambda_: float = 0.0,
    *,
    epsilon: float | None = None,
    hidden: Hidden = "logistic",
    output: Output = "logistic",
    loss: str | Loss = "auto",
    weights: Array | None = None,
    l1: float = 0.0,
    masks: Masks | None = None,
) -> list[Array]:
    """Approximate the gradient by central differences: ∂J/∂θ ≈ (J(θ + ε) − J(θ − ε)) / 2ε.

    This is slow (two costs for each θ) but reliable. By default ε is the cube root of the rounding
    unit, which balances truncation against rounding (Press et al., *Numerical Recipes*, 5.7).
    Parameters and result are those of `backpropagation`.
    """
    xp = array_namespace(X)
    epsilon = float(xp.finfo(X.dtype).eps) ** (1 / 3) if epsilon is None else epsilon
    names: dict[str, Any] = {"hidden": hidden, "output": output, "loss": loss}
    names |= {"weights": weights, "l1": l1, "masks": masks}
    D = []
    for layer, theta in enumerate(thetas):
        size = theta.shape[0] * theta.shape[1]
        places = xp.arange(size, device=device(theta))
        slopes = []
        for place in range(size):
            bump = xp.reshape(xp.astype(places == place, theta.dtype), theta.shape) * epsilon
            up, down = (
                cost(X, Y, [*thetas[:layer], moved, *thetas[layer + 1 :]], lambda_, **names)
                for moved in (theta + bump, theta - bump)
            )
            slopes.append((up - down) / (2 * epsilon))
        D.append(xp.reshape(xp.stack(slopes), theta.shape))
    return D


def check_gradient(
    X: Array,
    Y: Array,
    thetas: Sequence[Array],
    lambda_: float = 0.0,
    *,
    epsilon: float | None = None,
    hidden: Hidden = "logistic",
    output: Output = "logistic",
    loss: str | Loss = "auto",
    weights: Array | None = None,
    l1: float = 0.0,
    masks: Masks | None = None,
) -> GradientCheck:
    """Compare `backpropagation` with `numerical_gradient`.

    The relative error of a pair (d, n) is |d − n| / max(|d|, |n|, 10⁻³ max |D|): slopes more
    than a thousand times flatter than the steepest count by their absolute difference, since
    rounding in J hides them. Source: Bishop (2006), section 5.3.3.

    Returns
    -------
    check : GradientCheck
        The error is below about 10⁻⁶ in float64 when the gradient is right. For relu and similar
        units it may be larger where a corner falls within ε. It is NaN where a gradient is.
    """
    names: dict[str, Any] = {"hidden": hidden, "output": output, "loss": loss}
    names |= {"weights": weights, "l1": l1, "masks": masks}
    backward = backpropagation(X, Y, thetas, lambda_, **names)
    numerical = numerical_gradient(X, Y, thetas, lambda_, epsilon=epsilon, **names)
    xp = array_namespace(X)
    steepest = max(float(xp.max(xp.abs(d))) for d in backward)
    checks = []
    for layer, (d, n) in enumerate(zip(backward, numerical, strict=True), start=1):
        scale = xp.maximum(xp.abs(d), xp.abs(n))
        floor = xp.full_like(scale, max(1e-3 * steepest, float(xp.finfo(d.dtype).smallest_normal)))
        errors = xp.abs(d - n) / xp.maximum(scale, floor)
        place = int(xp.argmax(errors))
        unit, weight = divmod(place, d.shape[1])
        checks.append(GradientCheck(float(errors[unit, weight]), layer, unit, weight))
    return max(checks, key=lambda check: math.inf if math.isnan(check.error) else check.error)


def _activations(hidden: Hidden, thetas: Sequence[Array]) -> list[Activation]:
    if isinstance(hidden, str | Activation):
        hidden = [hidden] * (len(thetas) - 1)
    if len(hidden) != len(thetas) - 1:
        raise ValueError(
            f"hidden names {len(hidden)} activations, but there are {len(thetas) - 1} hidden layers"
        )
    return [name if isinstance(name, Activation) else ACTIVATIONS[name] for name in hidden]


def _masks(masks: Masks | None, thetas: Sequence[Array]) -> Masks:
    if masks is None:
        return [None] * len(thetas)
    if len(masks) != len(thetas):
        raise ValueError(f"masks must be {len(thetas)}, one for each Θ, got {len(masks)}")
    return masks


def _masked(a: Array, mask: Array | None) -> Array:
    return a if mask is None else a * mask
