"""The libraries compared: each function takes a shape and returns one that fits for n epochs.

A fit starts from NumPy arrays and makes its network anew; what a library compiles is compiled once.
`python contenders.py NAME one|all` reads lines of JSON, the name of a shape and numbers of epochs,
and answers with the seconds of each fit. Each library runs in a process of its own, so that their
thread pools stay separate.
"""

from __future__ import annotations

import json
import os
import sys
import time
import warnings
from collections.abc import Callable
from itertools import pairwise

import numpy as np
from shapes import OTHERS, SHAPES, Shape

RATE, DESCENT_RATE = 1e-3, 0.5
Run = Callable[[int], None]


def estimator(cls: type, shape: Shape, **own: object) -> Run:
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

    data = shape.data()
    act = {"relu": torch.nn.ReLU, "tanh": torch.nn.Tanh, "logistic": torch.nn.Sigmoid}[shape.hidden]

    def run(epochs: int) -> None:
        torch.manual_seed(0)
        X, y = (torch.from_numpy(a) for a in data)
        layers: list[torch.nn.Module] = []
        for s_in, s_out in pairwise(shape.sizes):
            layers += [torch.nn.Linear(s_in, s_out, dtype=X.dtype), act()]
        model = torch.nn.Sequential(*layers[:-1])
        if shape.full_batch:
            Y = torch.nn.functional.one_hot(y).to(X.dtype)
            optimizer = torch.optim.SGD(model.parameters(), lr=DESCENT_RATE, fused=True)
            for _ in range(epochs):
                optimizer.zero_grad()
                torch.nn.functional.binary_cross_entropy_with_logits(model(X), Y).backward()
                optimizer.step()
            return
        optimizer = torch.optim.Adam(model.parameters(), lr=RATE, fused=True)
        for _ in range(epochs):
            for batch in torch.randperm(shape.rows).split(shape.batch):
                optimizer.zero_grad()
                torch.nn.functional.cross_entropy(model(X[batch]), y[batch]).backward()
                optimizer.step()

    return run


def jax(shape: Shape) -> Run:
    """Fit with one jitted scan over the batches of an epoch; a smaller last batch is left out."""
    import jax
    import jax.numpy as jnp

    jax.config.update("jax_enable_x64", shape.dtype == "float64")
    X, y = shape.data()
    tree = jax.tree_util.tree_map
    g = {"relu": jax.nn.relu, "tanh": jnp.tanh, "logistic": jax.nn.sigmoid}[shape.hidden]

    @jax.jit
    def start(key):
        pairs = list(pairwise(shape.sizes))
        return [
            (jax.random.normal(k, pair, X.dtype) * pair[0] ** -0.5, jnp.zeros(pair[1], X.dtype))
            for k, pair in zip(jax.random.split(key, len(pairs)), pairs, strict=True)
        ]

    def cost(theta, xb, yb):
        a = xb
        for W, b in theta[:-1]:
            a = g(a @ W + b)
        z = a @ theta[-1][0] + theta[-1][1]
        if shape.full_batch:
            return jnp.sum(jax.nn.softplus(z) - yb * z) / len(xb)
        return jnp.mean(jax.nn.logsumexp(z, axis=1) - jnp.sum(yb * z, axis=1))

    @jax.jit
    def descend(theta, X, Y, epochs):
        def step(_, state):
            J, D = jax.value_and_grad(cost)(state[0], X, Y)
            return tree(lambda w, d: w - DESCENT_RATE * d, state[0], D), J

        return jax.lax.fori_loop(0, epochs, step, (theta, jnp.zeros((), X.dtype)))

    @jax.jit
    def epoch(state, X, Y, order):
        def step(state, rows):
            theta, m, v, t = state
            J, D = jax.value_and_grad(cost)(theta, X[rows], Y[rows])
            t = t + 1
            m = tree(lambda m, d: 0.9 * m + 0.1 * d, m, D)
            v = tree(lambda v, d: 0.999 * v + 0.001 * d * d, v, D)
            rate = RATE * jnp.sqrt(1 - 0.999**t) / (1 - 0.9**t)
            theta = tree(lambda w, m, v: w - rate * m / (jnp.sqrt(v) + 1e-8), theta, m, v)
            return (theta, m, v, t), J

        return jax.lax.scan(step, state, order)

    steps = shape.rows // shape.batch

    def run(epochs: int) -> None:
        rng = np.random.RandomState(0)
        Xd, Yd = jnp.asarray(X), jax.nn.one_hot(y, shape.sizes[-1], dtype=X.dtype)
        theta = start(jax.random.key(0))
        if shape.full_batch:
            jax.block_until_ready(descend(theta, Xd, Yd, epochs))
            return
        zeros = tree(jnp.zeros_like, theta)
        state = (theta, zeros, zeros, jnp.zeros((), X.dtype))
        for _ in range(epochs):
            order = rng.permutation(shape.rows)[: steps * shape.batch].reshape(steps, shape.batch)
            state, _ = epoch(state, Xd, Yd, order)
        jax.block_until_ready(state)

    return run


def notebook(shape: Shape) -> Run:
    """Train like the teaching notebook: NumPy, one matrix product after the other."""
    from multilayer import equations

    X, y = shape.data()

    def run(epochs: int) -> None:
        Y = np.eye(shape.sizes[-1], dtype=X.dtype)[y]
        thetas = equations.initialize_thetas(shape.sizes, 0, initializer="notebook", like=X)
        equations.gradient_descent(X, Y, thetas, DESCENT_RATE, epochs)

    return run


CONTENDERS: dict[str, Callable[[Shape], Run]] = {
    "multilayer": multilayer,
    "scikit-learn": sklearn,
    "PyTorch": torch,
    "JAX": jax,
    "NumPy": notebook,  # full batches only
}


def seconds(run: Run, epochs: int) -> float:
    start = time.perf_counter()
    run(epochs)
    return time.perf_counter() - start


def main(contender: str, threads: str) -> None:
    warnings.simplefilter("ignore")
    if contender == "JAX" and threads == "one":
        # JAX makes a thread for each core that it may use, and has no other setting.
        os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
    runs: dict[str, Run] = {}
    shapes = {shape.name: shape for shape in (*SHAPES, *OTHERS)}
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # keep the output of the libraries out of the answers
    for line in sys.stdin:
        name, epochs = json.loads(line)
        shape = shapes[name]
        if name not in runs:
            runs.clear()  # one shape's memory at a time
            runs[name] = CONTENDERS[contender](shape)
        taken = [seconds(runs[name], n) for n in epochs]
        if contender == "JAX":  # for the rows of the last batch, which it leaves out
            left_out = 0 if shape.full_batch else shape.rows % shape.batch
            taken = [t * shape.rows / (shape.rows - left_out) for t in taken]
        print(json.dumps(taken), file=answers, flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
