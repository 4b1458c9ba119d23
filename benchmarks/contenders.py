"""The libraries compared: each function takes a shape and returns one that trains n epochs.

`python contenders.py NAME` reads lines with the name of a shape and n, and answers with the seconds
that n epochs took. Each library runs in a process of its own, so that their thread pools stay
separate.
"""

from __future__ import annotations

import os
import sys
import time
import warnings
from collections.abc import Callable
from itertools import pairwise

import numpy as np
from shapes import SHAPES, Shape

RATE, DESCENT_RATE = 1e-3, 0.5
Run = Callable[[int], None]


def estimator(cls: type, shape: Shape, **own: object) -> Run:
    """Train an MLPClassifier; the whole of `fit` is measured."""
    X, y = shape.data()
    settings = {
        "hidden_layer_sizes": shape.sizes[1:-1],
        "activation": shape.hidden,
        "alpha": 0.0,
        "batch_size": shape.batch,
        "learning_rate_init": DESCENT_RATE if shape.full_batch else RATE,
        "tol": 0.0,
        "n_iter_no_change": np.inf,
        "random_state": 0,
        **own,
    }

    def run(epochs: int) -> None:
        cls(**settings, max_iter=epochs).fit(X, y)

    return run


def multilayer(shape: Shape) -> Run:
    from multilayer import MLPClassifier

    solver = "gd" if shape.full_batch else "adam"
    output = "logistic" if shape.full_batch else "softmax"
    return estimator(MLPClassifier, shape, solver=solver, output_activation=output)


def sklearn(shape: Shape) -> Run:
    from sklearn.neural_network import MLPClassifier

    if shape.full_batch:
        plain = {"solver": "sgd", "momentum": 0.0, "nesterovs_momentum": False, "shuffle": False}
        return estimator(MLPClassifier, shape, **plain)
    return estimator(MLPClassifier, shape, solver="adam")


def torch(shape: Shape) -> Run:
    import torch

    torch.manual_seed(0)
    X, y = (torch.from_numpy(a) for a in shape.data())
    acts = {"relu": torch.nn.ReLU, "tanh": torch.nn.Tanh, "logistic": torch.nn.Sigmoid}
    layers: list[torch.nn.Module] = []
    for s_in, s_out in pairwise(shape.sizes):
        layers += [torch.nn.Linear(s_in, s_out), acts[shape.hidden]()]
    model = torch.nn.Sequential(*layers[:-1]).to(X.dtype)
    if shape.full_batch:
        Y = torch.nn.functional.one_hot(y).to(X.dtype)
        optimizer = torch.optim.SGD(model.parameters(), lr=DESCENT_RATE)
    else:
        optimizer = torch.optim.Adam(model.parameters(), lr=RATE)

    def step(xb: torch.Tensor, yb: torch.Tensor) -> None:
        optimizer.zero_grad()
        if shape.full_batch:
            loss = torch.nn.functional.binary_cross_entropy_with_logits(model(xb), yb)
        else:
            loss = torch.nn.functional.cross_entropy(model(xb), yb)
        loss.backward()
        optimizer.step()

    def run(epochs: int) -> None:
        for _ in range(epochs):
            if shape.full_batch:
                step(X, Y)
                continue
            order = torch.randperm(shape.rows)
            for at in range(0, shape.rows, shape.batch):
                batch = order[at : at + shape.batch]
                step(X[batch], y[batch])

    return run


def jax(shape: Shape) -> Run:
    """Train with one jitted scan over the batches of an epoch; a smaller last batch is left out."""
    import jax
    import jax.numpy as jnp

    jax.config.update("jax_enable_x64", shape.dtype == "float64")
    X, y = (jnp.asarray(a) for a in shape.data())
    Y = jax.nn.one_hot(y, shape.sizes[-1], dtype=X.dtype)
    rng = np.random.RandomState(0)
    theta = [
        (
            jnp.asarray(rng.randn(s_in, s_out) * np.sqrt(1 / s_in), X.dtype),
            jnp.zeros(s_out, X.dtype),
        )
        for s_in, s_out in pairwise(shape.sizes)
    ]
    g = {"relu": jax.nn.relu, "tanh": jnp.tanh, "logistic": jax.nn.sigmoid}[shape.hidden]

    def cost(theta, xb, yb):
        a = xb
        for W, b in theta[:-1]:
            a = g(a @ W + b)
        z = a @ theta[-1][0] + theta[-1][1]
        if shape.full_batch:
            return jnp.sum(jax.nn.softplus(z) - yb * z) / len(xb)
        return jnp.mean(jax.nn.logsumexp(z, axis=1) - jnp.sum(yb * z, axis=1))

    tree = jax.tree_util.tree_map

    def descend(theta, _):
        J, D = jax.value_and_grad(cost)(theta, X, Y)
        return tree(lambda w, d: w - DESCENT_RATE * d, theta, D), J

    def adam(state, rows):
        theta, m, v, t = state
        J, D = jax.value_and_grad(cost)(theta, X[rows], Y[rows])
        t = t + 1
        m = tree(lambda m, d: 0.9 * m + 0.1 * d, m, D)
        v = tree(lambda v, d: 0.999 * v + 0.001 * d * d, v, D)
        rate = RATE * jnp.sqrt(1 - 0.999**t) / (1 - 0.9**t)
        theta = tree(lambda w, m, v: w - rate * m / (jnp.sqrt(v) + 1e-8), theta, m, v)
        return (theta, m, v, t), J

    if shape.full_batch:
        chunk = jax.jit(lambda theta: jax.lax.scan(descend, theta, None, length=100))

        def run(epochs: int) -> None:
            nonlocal theta
            for _ in range(-(-epochs // 100)):
                theta, _ = chunk(theta)
            jax.block_until_ready(theta)

        return run

    steps = shape.rows // shape.batch
    epoch = jax.jit(lambda state, order: jax.lax.scan(adam, state, order))
    zeros = tree(jnp.zeros_like, theta)
    state = (theta, zeros, zeros, jnp.zeros((), X.dtype))

    def run(epochs: int) -> None:
        nonlocal state
        for _ in range(epochs):
            order = rng.permutation(shape.rows)[: steps * shape.batch].reshape(steps, shape.batch)
            state, _ = epoch(state, order)
        jax.block_until_ready(state)

    return run


def notebook(shape: Shape) -> Run:
    """Train like the teaching notebook: NumPy, one matrix product after the other."""
    if not shape.full_batch:
        raise ValueError("the notebook has full batches only")
    from multilayer import equations

    X, y = shape.data()
    Y = np.eye(shape.sizes[-1], dtype=X.dtype)[y]
    thetas = equations.initialize_thetas(shape.sizes, 0, initializer="notebook", like=X)
    return lambda epochs: equations.gradient_descent(X, Y, thetas, DESCENT_RATE, epochs)


CONTENDERS: dict[str, Callable[[Shape], Run]] = {
    "multilayer": multilayer,
    "scikit-learn": sklearn,
    "PyTorch": torch,
    "JAX": jax,
    "NumPy (notebook)": notebook,
}


def main(contender: str) -> None:
    warnings.simplefilter("ignore")
    runs: dict[str, Run] = {}
    shapes = {shape.name: shape for shape in SHAPES}
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # keep the output of the libraries out of the answers
    for line in sys.stdin:
        name, epochs = line.rstrip("\n").split("\t")
        if name not in runs:
            runs.clear()  # one shape's memory at a time
            runs[name] = CONTENDERS[contender](shapes[name])
        start = time.perf_counter()
        runs[name](int(epochs))
        print(time.perf_counter() - start, file=answers, flush=True)


if __name__ == "__main__":
    main(sys.argv[1])
