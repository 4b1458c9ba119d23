"""The epochs that members are taken from, and their outputs for out-of-fold rows."""

import numpy as np
import pytest
from scipy.optimize import minimize_scalar

from multilayer import TabularClassifier, TabularRegressor
from multilayer.tabular.checkpoints import (
    MOST_CHECKPOINTS,
    Checkpoints,
    losses_of_others,
    number_within,
)
from multilayer.tabular.out_of_fold import groups_of, out_of_fold
from multilayer.tabular.scoring import errors_and_log_losses

FEW = {"n_members": 3, "max_iter": 30, "hidden_layer_sizes": (8,), "random_state": 0}


def filled(losses, most=3, quality=2):
    """Return checkpoints of epochs, each with its number as an array."""
    kept = Checkpoints(most)
    for epoch, loss in enumerate(losses):
        kept.add(epoch, quality, loss, [np.array([epoch])])
    return kept


def outputs_of(losses, others=None, n_groups=None, weights=None, n_best=1):
    """Return out-of-fold outputs (n,), where the output of an epoch is its number."""
    losses = np.array(losses, float)
    E, n = losses.shape
    outputs = np.repeat(np.arange(float(E)), n).reshape(E, n, 1)
    others = np.zeros(E) if others is None else np.array(others)
    groups = groups_of(np.arange(n), n_groups)
    return out_of_fold(outputs, losses, others, groups, weights, n_best)[:, 0]


@pytest.mark.parametrize(
    ("losses", "kept", "best"),
    [
        ([5, 4, 3, 2, 1], [2, 3, 4], 4),
        ([1, 2, 3, 4, 5], [0, 1, 2], 0),
        ([2, 1, 2, 1, 9], [1, 2, 3], 3),  # of equal ones the last
        ([np.inf, 1, np.inf], [0, 1, 2], 1),
        ([7], [0], 0),
    ],
    ids=["falling", "rising", "equal", "infinite", "one"],
)
def test_the_best_epochs_are_kept(losses, kept, best):
    checkpoints = filled(losses)
    assert [checkpoint.epoch for checkpoint in checkpoints.kept] == kept
    assert checkpoints.best.epoch == best
    assert [checkpoint.arrays[0][0] for checkpoint in checkpoints.kept] == kept


def test_finite_outputs_replace_all_others():
    checkpoints = Checkpoints(3)
    for epoch, quality in enumerate([0, 1, 2, 2, 1, 0]):
        checkpoints.add(epoch, quality, 6.0 - epoch, [np.zeros(1)])
    assert checkpoints.quality == 2
    assert [checkpoint.epoch for checkpoint in checkpoints.kept] == [2, 3]


def test_arrays_are_copied():
    checkpoints, array = Checkpoints(1), np.zeros(2)
    checkpoints.add(0, 2, 1.0, [array])
    array += 1
    assert checkpoints.best.arrays[0].tolist() == [0, 0]


def test_large_networks_keep_fewer_epochs():
    assert number_within(10_000, 8, most=MOST_CHECKPOINTS) == MOST_CHECKPOINTS
    assert number_within(2**24, 8, most=MOST_CHECKPOINTS) == 2
    assert number_within(2**40, 8, most=MOST_CHECKPOINTS) == 1
    assert number_within(0, 8, most=20) == 20


def test_losses_of_the_other_members():
    inf, nan = np.inf, np.nan
    found = losses_of_others([[1.0, 2.0, 3.0], [3.0, inf], [5.0, 6.0, nan, 8.0]])
    np.testing.assert_array_equal(found, [[4, 6, 0, 8], [3, 4, 3, 8], [2, 2, 3, 0]])
    np.testing.assert_array_equal(losses_of_others([[1.0, 2.0]]), [[0, 0]])
    assert losses_of_others([[], []]).shape == (2, 0)


@pytest.mark.parametrize("scoring", [None, "neg_log_loss"])
@pytest.mark.parametrize("kind", [TabularClassifier, TabularRegressor])
def test_members_choose_together(kind, scoring):
    rng = np.random.RandomState(0)
    X = rng.normal(size=(90, 4))
    y = X[:, 0] + rng.normal(size=90)
    if kind is TabularClassifier:
        y = y > 0
    elif scoring:
        scoring = "neg_mean_absolute_error"
    model = kind(**FEW, scoring=scoring).fit(X, y)
    curves = np.array(model.validation_curves_)
    alone = 0
    for k, best in enumerate(model.best_iterations_):
        total = curves[k] + np.delete(curves, k, axis=0).mean(axis=0)
        candidates = np.argsort(curves[k])[:MOST_CHECKPOINTS]
        assert total[best - 1] == total[candidates].min()
        alone += curves[k].argmin() == best - 1
    assert alone < 3  # alone, some member would have chosen another epoch


def test_a_single_network_chooses_by_its_own_rows():
    rng = np.random.RandomState(0)
    X = rng.normal(size=(60, 2))
    model = TabularRegressor(**FEW | {"n_members": 1}).fit(X, X[:, 0])
    assert model.best_iterations_ == [np.argmin(model.validation_curves_[0]) + 1]


def test_the_loss_of_an_epoch_is_that_after_calibration():
    """Scaled log-odds are the same classifier, but for the temperatures that are tried."""
    rng = np.random.RandomState(0)
    labels = rng.randint(3, size=500)
    z = rng.normal(size=(500, 3)) + 1.5 * np.eye(3)[labels]
    losses = []
    for T in np.exp([-0.6, 0, 0.6]):
        H = np.exp(z / T) / np.exp(z / T).sum(axis=1, keepdims=True)
        losses.append(errors_and_log_losses(H, labels, None).mean())
    np.testing.assert_allclose(losses, losses[1], rtol=1e-6)

    def calibrated(T):
        return np.mean(np.log(np.exp(z / T).sum(axis=1)) - z[np.arange(500), labels] / T)

    least = minimize_scalar(calibrated, bounds=(0.1, 2), method="bounded").fun
    error = np.mean(z.argmax(axis=1) != labels)
    assert least + error <= losses[1] < least + error + 0.005


def test_rows_without_weight_do_not_calibrate():
    labels = np.array([0, 1, 0, 1])
    H = np.array([[0.9, 0.1], [0.1, 0.9], [0.01, 0.99], [0.99, 0.01]])
    weighted = errors_and_log_losses(H, labels, np.array([1.0, 1.0, 0.0, 0.0]))
    np.testing.assert_array_equal(weighted[:2], errors_and_log_losses(H[:2], labels[:2], None))
    assert weighted[0] < errors_and_log_losses(H, labels, None)[0]


def test_out_of_fold_outputs_come_from_epochs_that_the_other_rows_choose():
    losses = [[0, 3, 3], [1, 1, 1.5], [9, 0, 2]]  # of three rows, in three epochs
    # Sums of the others: 6, 2.5, 2 for the first; 3, 2.5, 11 and 3, 2, 9 for the others.
    assert outputs_of(losses).tolist() == [2, 1, 1]
    # The other members' mean loss is added to the mean of two rows: 3, 2.25, 3 for the first.
    assert outputs_of(losses, others=[0, 1, 2]).tolist() == [1, 0, 0]
    assert outputs_of(losses, others=[0, 9, 9]).tolist() == [0, 0, 0]


def test_groups_of_rows_choose_for_each_other():
    """Two epochs with one error each: alone, each row would get the epoch at which it is wrong."""
    losses = np.zeros((2, 64))
    losses[0, 5] = losses[1, 9] = 1
    wrong, rows = {}, np.arange(64)
    for n_groups in (None, 8):
        chosen = outputs_of(losses, n_groups=n_groups).astype(int)
        wrong[n_groups] = losses[chosen, rows].sum()
        groups = groups_of(rows, n_groups)
        assert len(set(groups)) == (n_groups or 64)
        for group in set(groups):  # all of a group take the same epoch, the last of the best
            others = losses[:, groups != group].sum(axis=1)
            best = 1 if others[1] <= others[0] else 0
            assert (chosen[groups == group] == best).all()
    assert wrong[None] == 2


def test_rows_that_belong_together_are_in_one_group():
    together = np.array([7, 7, 3, 3, 3, 9, 9, 9])
    groups = groups_of(np.arange(2, 8), together=together)
    assert groups[:3].tolist() == [groups[0]] * 3
    assert groups[0] != groups[5]
    assert len(set(groups_of(np.arange(2, 5), together=together))) == 3  # all in one would be none


def test_outputs_are_averaged_over_the_best_epochs():
    losses = [[0, 1], [2, 3], [5, 0], [9, 9], [1, np.nan]]  # of two rows, in five epochs
    # The first row takes the epochs at which the second one has the least losses, and vice versa.
    assert outputs_of(losses, n_best=2).tolist() == [1, 0.5]  # ∞ as a whole is the worst epoch
    assert outputs_of(losses[:1], n_best=2).tolist() == [0, 0]


def test_rows_without_weight_choose_nothing_out_of_fold():
    losses = [[0.0, 2, 9], [1, 1, 0], [5, 5, 0]]
    assert outputs_of(losses, weights=np.array([1.0, 1.0, 0.0])).tolist() == [1, 0, 1]
    assert outputs_of(losses, weights=np.array([1.0, 0.0, 0.0])).tolist() == [1, 1, 1]


def test_a_single_row_chooses_for_itself():
    assert outputs_of([[3.0], [1.0], [2.0]]).tolist() == [1]
