"""Checkpoints: a training that was killed at any moment resumes to the same bits."""

import multiprocessing
import signal
import time

import numpy as np
import pytest
from checkpoint_cases import Stop, train_with_checkpoints
from data_cases import X_DIABETES, Y_DIABETES
from optimizer_cases import SOLVER_NAMES
from sklearn.datasets import make_moons

import multilayer
from multilayer import Checkpoint, MLPClassifier, MLPRegressor

X, Y = make_moons(n_samples=300, noise=0.2, random_state=0)

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")


def traits(estimator):
    """Everything that must be the same."""
    curves = [estimator.loss_curve_, estimator.validation_scores_, estimator.n_iter_, estimator.t_]
    return [theta.tobytes() for theta in estimator.network_.thetas], curves


@pytest.mark.parametrize("early_stopping", [False, True])
@pytest.mark.parametrize("random_state", [0, None], ids=["seed", "no seed"])
@pytest.mark.parametrize("solver", SOLVER_NAMES)
def test_goes_on_to_the_same_bits(solver, random_state, early_stopping, tmp_path):
    np.random.seed(5)  # noqa: NPY002 — what random_state=None draws from
    numbers = {"solver": solver, "max_iter": 25, "random_state": random_state, "batch_size": 64}
    numbers |= {"early_stopping": early_stopping, "hidden_layer_sizes": (6,)}
    whole = MLPClassifier(**numbers).fit(X, Y)
    np.random.seed(5)  # noqa: NPY002
    path = tmp_path / "c"
    crashes = 0
    for after in (4, 7, 1, 100):
        clf = MLPClassifier(**numbers).set_callbacks(Checkpoint(path, interval=0), Stop(after))
        try:
            clf.fit(X, Y)
        except Stop.Crash:
            crashes += 1
            assert not hasattr(clf, "network_")
            np.random.seed(crashes)  # noqa: NPY002 — another process finds it otherwise
    assert crashes >= 2
    assert traits(clf) == traits(whole)


def test_a_finished_training_is_not_repeated_but_may_be_prolonged(tmp_path):
    numbers = {"random_state": 0, "hidden_layer_sizes": (5,), "n_iter_no_change": 1000}
    clf = MLPRegressor(max_iter=10, **numbers).set_callbacks(Checkpoint(tmp_path / "c"))
    first = traits(clf.fit(X_DIABETES, Y_DIABETES))
    assert traits(clf.fit(X_DIABETES, Y_DIABETES)) == first
    clf.set_params(max_iter=25).fit(X_DIABETES, Y_DIABETES)
    whole = MLPRegressor(max_iter=25, **numbers).fit(X_DIABETES, Y_DIABETES)
    assert traits(clf) == traits(whole)


def test_refuses_another_training(tmp_path):
    path = tmp_path / "c"
    clf = MLPClassifier((5,), max_iter=3, random_state=0).set_callbacks(Checkpoint(path))
    clf.fit(X, Y)
    kept = path.read_bytes()
    for params, data in [({"alpha": 0.5}, (X, Y)), ({}, (X + 1, Y)), ({}, (X, 1 - Y))]:
        other = MLPClassifier((5,), max_iter=3, random_state=0).set_params(**params)
        with pytest.raises(ValueError, match="other data or parameters"):
            other.set_callbacks(Checkpoint(path)).fit(*data)
    assert path.read_bytes() == kept
    multilayer.save(clf.network_, path)
    with pytest.raises(ValueError, match="must be a checkpoint to resume from, but is a Network"):
        clf.fit(X, Y)
    with pytest.raises(ValueError, match="at least 0 seconds, got -1"):
        Checkpoint(path, interval=-1)


def test_warm_start_begins_where_the_last_fit_ended(tmp_path):
    numbers = {"max_iter": 6, "random_state": 0, "warm_start": True}
    whole = MLPClassifier(**numbers).fit(X, Y).fit(X, Y)
    clf = MLPClassifier(**numbers).fit(X, Y).set_callbacks(Checkpoint(tmp_path / "c", 0), Stop(3))
    with pytest.raises(Stop.Crash):
        clf.fit(X, Y)
    clf.set_callbacks(Checkpoint(tmp_path / "c", 0)).fit(X, Y)
    assert traits(clf) == traits(whole)


@pytest.mark.parametrize("solver", ["adam", "lbfgs"])
@pytest.mark.filterwarnings("default")
def test_killed_at_any_moment(solver, tmp_path):
    whole = train_with_checkpoints(None, solver)
    path, result, rng, kills = tmp_path / "c", tmp_path / "parts.npy", np.random.RandomState(0), 0
    context = multiprocessing.get_context("forkserver")
    for _ in range(60):
        process = context.Process(target=train_with_checkpoints, args=(path, solver, result))
        process.start()
        if kills < 8:
            written = path.stat().st_mtime_ns if path.exists() else None
            while process.is_alive():  # until it has written something of its own
                if path.exists() and path.stat().st_mtime_ns != written:
                    break
                time.sleep(0.001)
            time.sleep(rng.uniform(0, 0.05))
            process.kill()
            process.join()
            kills += process.exitcode == -signal.SIGKILL
        else:
            process.join(60)
            assert process.exitcode == 0
            break
    np.testing.assert_array_equal(np.load(result), whole)
    assert kills >= 4
