"""The memory of a fit, and errors where memory runs out."""

from __future__ import annotations

import sys

import numpy as np
import pytest
from cases import forward, run_python

from multilayer import MLPClassifier

FIT = """
import resource
import warnings
import numpy as np
from multilayer import MLPClassifier

warnings.simplefilter("ignore")  # one epoch is not enough, and need not be
X, y = np.ones((200_000, 50), np.float32), np.arange(200_000) % 3
X[::2] = 0
small = MLPClassifier((64,), max_iter=1).fit(X[:100], y[:100])
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
MLPClassifier((64,), max_iter=1, batch_size={batch_size}).fit(X, y)
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)
"""


@pytest.mark.parametrize("batch_size", [200, 200_000])
def test_memory_of_a_fit(batch_size):
    run = run_python(FIT.format(batch_size=batch_size))
    assert run.stdout, run.stderr
    assert int(run.stdout) < 20_000  # kilobytes; X alone has 40 000


# Room for Θ and the data, not for what a step needs besides.
SHORT = """
import resource
import numpy as np
from cases import cost, cost_and_gradient, forward, train
from multilayer.optimizers import GradientDescent

n = 2_000_000
X, y = np.zeros((512, n), np.float32), np.zeros(512, np.int32)
thetas = [np.zeros((4, n + 1), np.float32), np.zeros((2, 5), np.float32)]
arguments = (thetas, X, y, ("relu",), "softmax")
small = ([np.zeros((2, 4))], np.zeros((9, 3)), np.zeros(9, int), (), "softmax")
assert cost(*small, n_threads=2) > 0
pages = int(open("/proc/self/statm").read().split()[0])
resource.setrlimit(resource.RLIMIT_AS, (pages * resource.getpagesize() + 100_000_000,) * 2)
for call in [
    lambda: train(*arguments, GradientDescent(0.1), []),
    lambda: cost_and_gradient(*arguments),
    lambda: forward(thetas, X, ("relu",), "softmax"),
]:
    try:
        call()
    except MemoryError:
        print("MemoryError")
assert cost(*small, n_threads=2) > 0
print("alive")
"""


@pytest.mark.skipif(sys.platform != "linux", reason="the limit is Linux's")
def test_memory_runs_out():
    run = run_python(SHORT)
    assert run.stdout.split() == ["MemoryError"] * 3 + ["alive"], run.stderr


def test_more_units_than_memory():
    X, y = np.zeros((9, 3)), np.arange(9) % 2
    for units in [2**40, 2**62, 2**70]:
        with pytest.raises((MemoryError, ValueError)):
            MLPClassifier((units,)).fit(X, y)


def test_more_rows_than_memory():
    """A view that repeats one row: 2⁵⁰ rows in 24 bytes, whose result no memory holds."""
    X = np.broadcast_to(np.zeros(3), (2**50, 3))
    with pytest.raises(MemoryError):
        forward([np.zeros((2, 4))], X, (), "softmax")
