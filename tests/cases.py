"""The engines as the tests call them: the one place that follows their interface.

Every test trains and computes costs through these functions, so that a change of the engines'
arguments is an edit of this file alone.
"""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
from pathlib import Path

from multilayer import _native
from multilayer.engine import array_api as _array_api
from multilayer.engine.array_api import ArrayAPIEngine
from multilayer.engine.choice import runs_natively
from multilayer.engine.interface import (
    Descent,
    Epochs,
    Examples,
    Objective,
    PlateauCounter,
    Report,
    Shuffle,
)
from multilayer.engine.native import Forward, NativeEngine
from multilayer.engine.threads import sharing
from multilayer.shards.engine import ShardsEngine
from multilayer.shards.sums import LocalSteps
from multilayer.streaming.blocks import Blocks
from multilayer.streaming.engine import BlocksEngine
from multilayer.training import lbfgs as _lbfgs
from multilayer.training import loop as _loop
from multilayer.training.config import Config

__all__ = [
    "INSTRUCTION_SETS",
    "Descent",
    "Examples",
    "Forward",
    "LocalSteps",
    "Objective",
    "PlateauCounter",
    "Report",
    "apply_native",
    "array_api_cost",
    "array_api_cost_and_gradient",
    "array_api_forward",
    "array_api_train",
    "choose_engine",
    "config",
    "cost",
    "cost_and_gradient",
    "count_epochs_of_calls",
    "default_threads",
    "forward",
    "instruction_set",
    "minimize_network",
    "run_python",
    "shards_train",
    "train",
    "train_network",
    "training_state",
    "use_instruction_set",
]

INSTRUCTION_SETS = _native.INSTRUCTION_SETS  # all that this processor has
instruction_set = _native.instruction_set
use_instruction_set = _native.use_instruction_set
apply_native = _native.apply
default_threads = _native.default_threads

TESTS = Path(__file__).parent


# Records from arguments by name: those of the objective, of the descent and of the epochs.


def _split(options, *names):
    return {name: options.pop(name) for name in names if name in options}


def objective(hidden, output, options):
    """Return an objective, made of what is found in the options and taken out of them."""
    names = ["loss", "label_smoothing", "lambda_", "l1", "penalty_rows", "cost_share"]
    return Objective(hidden, output, **_split(options, *names))


def _train(engine, optimizer, slots, options):
    names = ["batch_size", "clip_norm", "max_norm", "dropout", "dropout_seed"]
    descent = Descent(optimizer, **_split(options, *names))
    if "epochs" in options:
        options["count"] = options.pop("epochs")
    if "rows" in options or "rng" in options:
        options["shuffle"] = Shuffle(options.pop("rng", None), options.pop("rows", None))
    if (plateau := options.pop("progress", None)) is not None:
        options["plateau"] = plateau
    return engine.train(descent, slots, Epochs(**options))


def _sharing(n_threads):
    return contextlib.nullcontext() if n_threads is None else sharing(n_threads)


# The native engine.


def forward(thetas, X, hidden, output, n_threads=None, extra=None):
    """Return the outputs of the network for the rows of X."""
    with _sharing(n_threads):
        return Forward(thetas, hidden, output, extra)(X)


def cost(
    thetas,
    X,
    Y,
    hidden,
    output,
    lambda_=0.0,
    weights=None,
    n_threads=None,
    extra=None,
    **options,
):
    """Return the cost J."""
    what = objective(hidden, output, options | {"lambda_": lambda_})
    with _sharing(n_threads):
        return NativeEngine(thetas, Examples(X, Y, weights), what, extra=extra).cost()


def cost_and_gradient(
    thetas,
    X,
    Y,
    hidden,
    output,
    lambda_=0.0,
    weights=None,
    n_threads=None,
    extra=None,
    **options,
):
    """Return the cost J and the gradient D."""
    what = objective(hidden, output, options | {"lambda_": lambda_})
    with _sharing(n_threads):
        engine = NativeEngine(thetas, Examples(X, Y, weights), what, extra=extra)
        return engine.cost_and_gradient()


def train(
    thetas,
    X,
    Y,
    hidden,
    output,
    optimizer,
    slots,
    *,
    weights=None,
    n_threads=None,
    extra=None,
    **options,
):
    """Train in place and return the report."""
    what = objective(hidden, output, options)
    with _sharing(n_threads):
        engine = NativeEngine(thetas, Examples(X, Y, weights), what, extra=extra)
        return _train(engine, optimizer, slots, options)


# The engine on arrays of any library.


def array_api_forward(thetas, X, hidden, output):
    """Return the outputs of the network for the rows of X, in the library of X."""
    return _array_api.forward(thetas, X, hidden, output)


def array_api_cost(thetas, X, Y, hidden, output, lambda_=0.0, weights=None, **options):
    """Return the cost J."""
    what = objective(hidden, output, options | {"lambda_": lambda_})
    return ArrayAPIEngine(thetas, Examples(X, Y, weights), what).cost()


def array_api_cost_and_gradient(thetas, X, Y, hidden, output, lambda_=0.0, weights=None, **options):
    """Return the cost J and the gradient D."""
    what = objective(hidden, output, options | {"lambda_": lambda_})
    return ArrayAPIEngine(thetas, Examples(X, Y, weights), what).cost_and_gradient()


def array_api_train(thetas, X, Y, hidden, output, optimizer, slots, *, weights=None, **options):
    """Train in place and return the report."""
    what = objective(hidden, output, options)
    engine = ArrayAPIEngine(thetas, Examples(X, Y, weights), what)
    return _train(engine, optimizer, slots, options)


def choose_engine(hidden, loss, X):
    """Return the kind of engine that a network and its data are trained by."""
    return NativeEngine if runs_natively(hidden, loss, X) else ArrayAPIEngine


# The engines of rows in parts and of rows on disk.


def shards_train(shards, thetas, Y, hidden, output, optimizer, slots, *, weights=None, **options):
    """Train in place on `Shards` or `Blocks` and return the report."""
    kind = BlocksEngine if isinstance(shards, Blocks) else ShardsEngine
    engine = kind(thetas, Examples(shards, Y, weights), objective(hidden, output, options))
    return _train(engine, optimizer, slots, options)


# The training loop above the engines.


def config(**numbers):
    """Return numbers of the loop, of the objective and of the descent, by their names."""
    return numbers


def _config(network, optimizer, numbers):
    numbers = dict(numbers)
    what = objective(network.hidden, network.output, numbers | {"loss": network.loss})
    for name in ["label_smoothing", "lambda_", "l1", "penalty_rows", "cost_share"]:
        numbers.pop(name, None)
    steps = _split(numbers, *["batch_size", "clip_norm", "max_norm", "dropout"])
    return Config(what, None if optimizer is None else Descent(optimizer, **steps), **numbers)


def train_network(state, examples, optimizer, numbers, **functions):
    """Train the network of a state step by step, until a rule of the configuration stops it."""
    _loop.train(state, examples, _config(state.network, optimizer, numbers), **functions)


def minimize_network(state, examples, numbers, **functions):
    """Train the network of a state by L-BFGS."""
    _lbfgs.minimize(state, examples, _config(state.network, None, numbers), **functions)


def training_state(estimator):
    """Return the state of training that a fitted estimator goes on from."""
    return estimator.training_state_


def count_epochs_of_calls(monkeypatch):
    """Return a list that receives the epochs of each later call of the native engine's `train`."""
    calls = []
    original = NativeEngine.train

    def counted(self, descent, slots, epochs):
        calls.append(epochs.count)
        return original(self, descent, slots, epochs)

    monkeypatch.setattr(NativeEngine, "train", counted)
    return calls


# Programs in processes of their own.


def run_python(code, **environment):
    """Run a program that may import this module, under other environment variables."""
    path = os.pathsep.join([str(TESTS), *filter(None, [os.environ.get("PYTHONPATH")])])
    return subprocess.run(
        [sys.executable, "-c", code],
        env=os.environ | {"PYTHONPATH": path} | environment,
        capture_output=True,
        text=True,
        check=False,
    )
