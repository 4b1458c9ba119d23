"""The engines as the tests call them: the one place that follows their interface.

Every test trains and computes costs through these functions, so that a change of the engines'
arguments is an edit of this file alone.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from multilayer import _native
from multilayer.engine import array_api as _array_api
from multilayer.engine import native as _engine
from multilayer.engine.native import Forward, Progress, Report
from multilayer.shards.sums import LocalPlan
from multilayer.training import loop as _loop

__all__ = [
    "ISA",
    "ISAS",
    "Forward",
    "LocalPlan",
    "Progress",
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
    "minimize_network",
    "run_python",
    "shards_train",
    "train",
    "train_network",
    "training_state",
]

ISA = _native.ISA  # the instruction set that this process uses
ISAS = _native.ISAS  # all that this processor has
apply_native = _native.apply
default_threads = _native.default_threads

TESTS = Path(__file__).parent


# The native engine.


def forward(thetas, X, hidden, output, n_threads=None, **options):
    """Return the outputs of the network for the rows of X."""
    return _engine.forward(thetas, X, hidden, output, n_threads, **options)


def cost(thetas, X, Y, hidden, output, lambda_=0.0, weights=None, n_threads=None, **options):
    """Return the cost J."""
    return _engine.cost(thetas, X, Y, hidden, output, lambda_, weights, n_threads, **options)


def cost_and_gradient(
    thetas, X, Y, hidden, output, lambda_=0.0, weights=None, n_threads=None, **options
):
    """Return the cost J and the gradient D."""
    return _engine.cost_and_gradient(
        thetas, X, Y, hidden, output, lambda_, weights, n_threads, **options
    )


def train(thetas, X, Y, hidden, output, optimizer, slots, **options):
    """Train in place and return the report."""
    return _engine.train(thetas, X, Y, hidden, output, optimizer, slots, **options)


# The engine on arrays of any library.


def array_api_forward(thetas, X, hidden, output):
    """Return the outputs of the network for the rows of X, in the library of X."""
    return _array_api.forward(thetas, X, hidden, output)


def array_api_cost(thetas, X, Y, hidden, output, lambda_=0.0, weights=None, **options):
    """Return the cost J."""
    return _array_api.cost(thetas, X, Y, hidden, output, lambda_, weights, **options)


def array_api_cost_and_gradient(thetas, X, Y, hidden, output, lambda_=0.0, weights=None, **options):
    """Return the cost J and the gradient D."""
    return _array_api.cost_and_gradient(thetas, X, Y, hidden, output, lambda_, weights, **options)


def array_api_train(thetas, X, Y, hidden, output, optimizer, slots, **options):
    """Train in place and return the report."""
    return _array_api.train(thetas, X, Y, hidden, output, optimizer, slots, **options)


def choose_engine(hidden, loss, X):
    """Return the engine that a network and its data are trained by."""
    return _array_api.choose(hidden, loss, X)


# The engines of rows in parts and of rows on disk.


def shards_train(shards, thetas, Y, hidden, output, optimizer, slots, **options):
    """Train in place on `Shards` or `Blocks` and return the report."""
    return shards.engine.train(thetas, shards, Y, hidden, output, optimizer, slots, **options)


# The training loop above the engines.


def config(**numbers):
    """Return the configuration of the loop."""
    return _loop.Plan(**numbers)


def train_network(state, examples, optimizer, config, **functions):
    """Train the network of a state step by step, until a rule of the configuration stops it."""
    _loop.train(state, examples, optimizer, config, **functions)


def minimize_network(state, examples, config, **functions):
    """Train the network of a state by L-BFGS."""
    _loop.minimize(state, examples, config, **functions)


def training_state(estimator):
    """Return the state of training that a fitted estimator goes on from."""
    return estimator._state


def count_epochs_of_calls(monkeypatch):
    """Return a list that receives the epochs of each later call of the native engine's `train`."""
    calls = []
    original = _engine.train

    def counted(*arguments, **options):
        calls.append(options["epochs"])
        return original(*arguments, **options)

    monkeypatch.setattr(_engine, "train", counted)
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
