"""The same bits whatever runs at the same time, however many threads there are, and after forks."""

from __future__ import annotations

import hashlib
import multiprocessing
import os
import signal
import threading
import time

import joblib
import numpy as np
import pytest
from cases import run_python, train

from multilayer import MLPClassifier
from multilayer.optimizers import GradientDescent

# Four epochs are not enough, and need not be.
pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

SOLVERS = ["adam", "sgd", "gd", "lbfgs"]


def data(dtype="float32"):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(700, 20)).astype(dtype)
    return X, (X[:, 0] * X[:, 1] > 0).astype(int) + (X[:, 2] > 1)


def fit(solver, dtype, random_state=0):
    """A digest of all the bits of a fitted network and of what it says."""
    X, y = data(dtype)
    model = MLPClassifier(
        (64, 50), solver=solver, max_iter=4, alpha=0.1, random_state=random_state, batch_size=150
    )
    model.fit(X, y)
    arrays = [*model.coefs_, *model.intercepts_, model.predict_proba(X), np.array(model.loss_)]
    return hashlib.sha256(b"".join(array.tobytes() for array in arrays)).hexdigest()


THREADS = """
import sys
sys.path.insert(0, {folder!r})
from test_concurrency import SOLVERS, fit
print(*[fit(solver, dtype) for solver in SOLVERS for dtype in ("float32", "float64")])
"""


def test_same_bits_for_any_number_of_threads():
    """Every solver, whole fits, with the number of threads that the environment sets."""
    digests = set()
    for threads in ["1", "2", "3", "4", "7"]:
        program = THREADS.format(folder=os.path.dirname(__file__))
        run = run_python(program, MULTILAYER_NUM_THREADS=threads)
        assert len(run.stdout.split()) == 2 * len(SOLVERS), run.stderr
        digests.add(run.stdout)
    assert len(digests) == 1
    # Else the digest does not see what it should.
    assert len(set(digests.pop().split())) == 2 * len(SOLVERS)


def test_fits_in_threads_at_once():
    jobs = [(solver, "float32", seed) for seed in range(3) for solver in SOLVERS]
    one_by_one = [fit(*job) for job in jobs]
    at_once = joblib.Parallel(n_jobs=6, backend="threading")(joblib.delayed(fit)(*j) for j in jobs)
    assert at_once == one_by_one
    assert len(set(at_once)) == len(jobs)


@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_fits_in_forked_processes():
    wanted = fit("adam", "float32")  # the pool has been used before
    with multiprocessing.get_context("fork").Pool(2) as pool:
        assert pool.starmap(fit, [("adam", "float32")] * 4) == [wanted] * 4
    assert fit("adam", "float32") == wanted


def wide(n):
    """One long native call: a network so wide that a step takes its time."""
    rng = np.random.default_rng(0)
    thetas = [
        rng.normal(0, 0.01, shape).astype(np.float32)
        for shape in [(n, n + 1), (n, n + 1), (2, n + 1)]
    ]
    return thetas, rng.normal(size=(2000, n)).astype(np.float32), np.zeros(2000, int)


@pytest.mark.parametrize("batch_size", [32, None])
def test_interrupt_comes_through_soon(batch_size):
    """Ctrl-C, and how long training goes on after it: 0.2 s is promised, a busy machine gets 1."""
    thetas, X, y = wide(500)
    sent = []

    def press():
        sent.append(time.perf_counter())
        os.kill(os.getpid(), signal.SIGINT)

    timer = threading.Timer(0.3, press)
    timer.start()
    report = train(
        thetas,
        X,
        y,
        ("relu", "tanh"),
        "softmax",
        GradientDescent(1e-6),
        [],
        batch_size=batch_size,
        epochs=10**9,
    )
    late = time.perf_counter() - sent[0]
    timer.join()
    assert report.status == "interrupted"
    assert late < 1, late
