"""The temperature of probabilities: few rows, members, weights."""

import numpy as np
import pytest
from sklearn.datasets import load_breast_cancer
from sklearn.metrics import log_loss
from sklearn.model_selection import train_test_split
from tabular_cases import SMALL

from multilayer import TabularClassifier
from multilayer.tabular.calibration import biased, find_biases, find_temperature, tempered


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


def drawn_of_three(n, biases, seed=0):
    """Return probabilities of three classes that lack biases, and labels drawn with them."""
    rng = np.random.RandomState(seed)
    z = 2 * rng.normal(size=(n, 3))
    H = np.exp(z) / np.exp(z).sum(axis=1, keepdims=True)
    u = rng.uniform(size=(n, 1))
    return H, (u > biased(H, np.array(biases, float)).cumsum(axis=1)[:, :2]).sum(axis=1)


def test_the_mean_of_members_is_sharpened_where_there_are_more_than_two_classes():
    H, labels = drawn_of_three(20_000, [0, 0, 0])
    alone, of_eight = (find_temperature(H, labels, None, n) for n in (1, 8))
    assert alone == pytest.approx(1, rel=0.04)
    assert np.log(of_eight / alone) == pytest.approx(-0.12 * 7 / 8, abs=0.02)


def test_many_rows_find_the_biases():
    true = np.array([0.5, -0.5, 0.0])
    found = find_biases(*drawn_of_three(40_000, true), None)
    np.testing.assert_allclose(found - found.mean(), true, atol=0.04)


def test_the_biases_are_the_mode_of_the_posterior():
    H, labels = drawn_of_three(50, [0.5, -0.5, 0.0])
    b = find_biases(H, labels, None)
    expected = biased(H, b).sum(axis=0) + b / 0.3**2
    np.testing.assert_allclose(expected, np.bincount(labels, minlength=3), atol=1e-4)
    few = find_biases(H[:4], labels[:4], None)
    assert np.abs(few).max() < np.abs(b).max()
    assert find_biases(H[:0], labels[:0], None).tolist() == [0, 0, 0]


def test_biases_follow_the_weights():
    H, labels = drawn_of_three(60, [0.5, -0.5, 0.0])
    found = find_biases(H, labels, None)
    np.testing.assert_allclose(find_biases(H, labels, np.full(60, 7.0)), found, atol=1e-6)
    some = np.repeat([1.0, 0.0], 30)
    first = find_biases(H[:30], labels[:30], None)
    np.testing.assert_allclose(find_biases(H, labels, some), first, atol=1e-6)
    again = np.tile(H, (3, 1)), np.tile(labels, 3), None
    np.testing.assert_allclose(find_biases(*again, repeats=3), found, atol=1e-6)


@pytest.mark.parametrize("timed", [False, True])
def test_members_have_the_biases(timed):
    rng = np.random.RandomState(0)
    X = rng.normal(size=(150, 3))
    y = np.minimum(np.abs(X[:, 0] + rng.normal(size=150)).astype(int), 2)
    given = {"time": np.arange(150)} if timed else {}
    models = [
        TabularClassifier(**SMALL, calibrate=calibrate).fit(X, y, **given)
        for calibrate in (False, True)
    ]
    plain, calibrated = (model.members_[0] for model in models)
    b = (calibrated.thetas[-1] - plain.thetas[-1])[:, 0]
    assert np.abs(b).min() > 0
    for network, shifted in zip(*(model.members_ for model in models), strict=True):
        np.testing.assert_array_equal(network.thetas[0], shifted.thetas[0])
        np.testing.assert_array_equal(shifted.thetas[-1][:, 1:], network.thetas[-1][:, 1:])
        np.testing.assert_allclose((shifted.thetas[-1] - network.thetas[-1])[:, 0], b, atol=1e-6)
    H = models[0].encoder_.transform(X)
    expected = np.mean(
        [
            tempered(biased(network.forward(H), b), models[1].temperature_)
            for network in models[0].members_
        ],
        axis=0,
    )
    np.testing.assert_allclose(models[1].predict_proba(X), expected, atol=1e-5)
    if not timed:
        before, after = (model.oof_decision_ for model in models)
        np.testing.assert_allclose(
            after, tempered(biased(before, b), models[1].temperature_), atol=1e-5
        )


def test_calibrated_on_few_rows():
    """Nearly all of the rows that chose the epoch are right; new ones are not."""
    X, y = load_breast_cancer(return_X_y=True)
    A, B, a, b = train_test_split(X, y, train_size=100, random_state=1, stratify=y)
    model = TabularClassifier(**SMALL | {"fast": True, "max_iter": 40}).fit(A, a)
    calibrated = log_loss(b, model.predict_proba(B))
    assert 0.8 < model.temperature_
    model.temperature_ = 1.0
    assert calibrated < 1.02 * log_loss(b, model.predict_proba(B))
