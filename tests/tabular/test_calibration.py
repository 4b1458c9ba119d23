"""The temperature of probabilities: few rows, members, weights."""

import numpy as np
import pytest
from sklearn.datasets import load_breast_cancer
from sklearn.metrics import log_loss
from sklearn.model_selection import train_test_split
from tabular_cases import SMALL

from multilayer import TabularClassifier
from multilayer.tabular.calibration import find_temperature, tempered


def rows_right(n, confidence=0.9):
    """Return probabilities of two classes, all right."""
    return np.tile([confidence, 1 - confidence], (n, 1)), np.zeros(n, int)


def drawn(n, T, seed=0):
    """Return probabilities whose temperature is T, and labels drawn for it."""
    rng = np.random.RandomState(seed)
    p = 1 / (1 + np.exp(-2 * rng.normal(size=n)))
    H = np.stack([1 - p, p], axis=1)
    return H, (rng.uniform(size=n) < tempered(H, T)[:, 1]).astype(int)


@pytest.mark.parametrize(("n", "least"), [(6, 0.9), (15, 0.85), (30, 0.8)])
def test_few_rows_that_are_all_right_say_little(n, least):
    H, labels = rows_right(n)
    assert least < find_temperature(H, labels, None) < 1


def test_more_rows_say_more():
    found = [find_temperature(*rows_right(n), None) for n in (5, 50, 500, 5000)]
    assert (np.diff(found) < 0).all()


@pytest.mark.parametrize("T", [0.5, 1.0, 2.0])
def test_many_rows_decide(T):
    H, labels = drawn(40_000, T)
    assert find_temperature(H, labels, None) == pytest.approx(T, rel=0.04)


def test_members_average_their_errors():
    """The mean of members needs less flattening than each of them, and may be sharper."""
    H, labels = drawn(40_000, 2.0)
    alone = find_temperature(H, labels, None)
    assert np.log(find_temperature(H, labels, None, 8)) == pytest.approx(np.log(alone) * 9 / 16)
    few = rows_right(30)
    assert find_temperature(*few, None, 8) < find_temperature(*few, None)


def test_rows_that_stand_several_times_count_once():
    H, labels = rows_right(20)
    again = np.tile(H, (4, 1)), np.tile(labels, 4)
    once = find_temperature(H, labels, None)
    assert find_temperature(*again, None, repeats=4) == pytest.approx(once, rel=1e-4)
    assert find_temperature(*again, None) < once


def test_weights():
    H, labels = drawn(300, 0.6)
    found = find_temperature(H, labels, None)
    assert find_temperature(H, labels, np.full(300, 7.0)) == pytest.approx(found, rel=1e-4)
    # Rows of weight 0 are no evidence.
    none = np.concatenate([np.ones(20), np.zeros(280)])
    first = find_temperature(H[:20], labels[:20], None)
    assert find_temperature(H, labels, none) == pytest.approx(first, rel=1e-4)
    order = np.random.RandomState(0).permutation(300)
    assert find_temperature(H[order], labels[order], None) == pytest.approx(found, rel=1e-6)
    assert find_temperature(H[:0], labels[:0], None) == 1


def test_calibrated_on_few_rows():
    """Nearly all of the rows that chose the epoch are right; new ones are not."""
    X, y = load_breast_cancer(return_X_y=True)
    A, B, a, b = train_test_split(X, y, train_size=100, random_state=1, stratify=y)
    model = TabularClassifier(**SMALL | {"fast": True, "max_iter": 40}).fit(A, a)
    calibrated = log_loss(b, model.predict_proba(B))
    assert 0.8 < model.temperature_
    model.temperature_ = 1.0
    assert calibrated < 1.02 * log_loss(b, model.predict_proba(B))
