"""Results have the same bits for any number of threads, in concurrent fits and after forks."""

from __future__ import annotations

import hashlib
import multiprocessing
import os
import threading

import joblib
import numpy as np
import pytest
from cases import cost, default_threads, run_python
from comparisons import digest
from network_cases import Case
from threadpoolctl import threadpool_info, threadpool_limits

from multilayer import MLPClassifier
from multilayer.engine.threads import one_blas_thread
from multilayer.optimizers import Adam

# Four epochs are not enough, and need not be.
pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

SOLVERS = ["adam", "sgd", "gd", "lbfgs"]


def data(dtype="float32"):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(700, 20)).astype(dtype)
    return X, (X[:, 0] * X[:, 1] > 0).astype(int) + (X[:, 2] > 1)


def fit(solver, dtype, random_state=0):
    """Return a digest of all the bits of a fitted network and of its predictions."""
    X, y = data(dtype)
    model = MLPClassifier(
        (64, 50), solver=solver, max_iter=4, alpha=0.1, random_state=random_state, batch_size=150
    )
    model.fit(X, y)
    arrays = [*model.coefs_, *model.intercepts_, model.predict_proba(X), np.array(model.loss_)]
    return hashlib.sha256(b"".join(array.tobytes() for array in arrays)).hexdigest()


def test_same_bits_for_any_number_of_threads(monkeypatch):
    """Every solver, whole fits, with the number of threads that the environment sets."""
    found = set()
    for threads in ["1", "2", "3", "4", "7"]:
        monkeypatch.setenv("MULTILAYER_NUM_THREADS", threads)
        assert default_threads() == int(threads)
        fits = [fit(solver, dtype) for solver in SOLVERS for dtype in ("float32", "float64")]
        found.add(tuple(fits))
    assert len(found) == 1
    # Else the digest does not see what it should.
    assert len(set(found.pop())) == 2 * len(SOLVERS)


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


def test_fits_at_the_same_time_in_many_threads():
    def fit(results, place):
        case = Case((20, 64, 64, 2), 2000, hidden="relu", dtype="float32", seed=place % 2)
        adam = Adam(0.001)
        case.train(
            adam,
            adam.start(case.thetas),
            batch_size=200,
            epochs=10,
        )
        results[place] = digest(case.thetas)

    results = [""] * 6
    threads = [threading.Thread(target=fit, args=(results, place)) for place in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert results[0] == results[2] == results[4] != results[1]
    assert results[1] == results[3] == results[5]


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork on this platform")
@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_after_fork():
    case = Case((64, 100, 10), 2000, dtype="float32")
    arguments = (case.thetas, case.X, case.Y, case.hidden, case.output)
    wanted = cost(*arguments, n_threads=2)
    child = os.fork()
    if child == 0:  # pragma: no cover
        os._exit(0 if cost(*arguments, n_threads=2) == wanted else 1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert cost(*arguments, n_threads=2) == wanted


@pytest.mark.parametrize("number", ["0", "two", "1025", "-1"])
def test_bad_number_of_threads(number, monkeypatch):
    monkeypatch.setenv("MULTILAYER_NUM_THREADS", number)
    message = f"MULTILAYER_NUM_THREADS must be a number from 1 to 1024: '{number}'"
    with pytest.raises(ValueError, match=message):
        fit("adam", "float32")


def test_number_of_threads(monkeypatch):
    program = "from cases import default_threads; print(default_threads())"
    assert int(run_python(program, MULTILAYER_NUM_THREADS="3").stdout) == 3
    monkeypatch.setenv("MULTILAYER_NUM_THREADS", "")
    assert 1 <= default_threads() <= os.cpu_count()


def test_blas_has_one_thread_until_the_last_context_is_left():
    def threads():
        return {
            library["num_threads"] for library in threadpool_info() if "blas" in library.values()
        }

    first, second = one_blas_thread(), one_blas_thread()
    with threadpool_limits(2, "blas"):
        before = threads()
        first.__enter__()
        second.__enter__()
        first.__exit__(None, None, None)
        assert threads() == {1}
        second.__exit__(None, None, None)
        assert threads() == before
