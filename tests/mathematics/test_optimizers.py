"""The optimizers' equations, against PyTorch, scikit-learn and by hand, on any array library."""

from __future__ import annotations

import array_api_strict
import numpy as np
import pytest
from comparisons import assert_arrays_equal
from optimizer_cases import OPTIMIZERS
from sklearn.neural_network._stochastic_optimizers import AdamOptimizer, SGDOptimizer

from multilayer import MLPClassifier
from multilayer.estimators.parameters import SOLVERS
from multilayer.optimizers import (
    SGD,
    Adam,
    AdamW,
    GradientDescent,
    Lion,
    NAdam,
    Optimizer,
    RMSprop,
    Rprop,
)

THETA = np.array([[0.5, -1.0, 2.0]])  # bias first
GRADIENTS = np.array(
    [[1.0, -0.5, 0.25], [0.5, 0.5, -0.25], [-2.0, 1.0, 0.0], [0.1, 0.3, 0.25], [0.2, -0.4, 0.5]]
)[:, None]


def test_the_catalogue_has_every_optimizer():
    made = {type(make(MLPClassifier())) for make in SOLVERS.values()}
    assert {type(optimizer) for optimizer in OPTIMIZERS} == made


def walk(optimizer: Optimizer, theta, gradients):
    slots = tuple(slot[0] for slot in optimizer.start([theta]))
    for step, D in enumerate(gradients, 1):
        theta, slots = optimizer.update(theta, D, slots, step)
    return theta, slots


# Where five steps of torch.optim (2.13) end, in float64, with the same numbers. Its NAdam keeps the
# product of the momenta in float32.
@pytest.mark.parametrize(
    ("optimizer", "wanted"),
    [
        (
            NAdam(0.1, 0.8, 0.95, 1e-3),
            [0.42233998628349706, -1.0756015878163199, 1.7684899793437536],
        ),
        (Rprop(0.1, 0.4, 1.3, 0.06, 0.15), [0.132, -1.038, 1.762]),
        (RMSprop(0.1, 0.8, 1e-3), [0.334573600475368, -1.111548992497508, 1.606167681516121]),
        (SGD(0.1, 0.9, nesterov=True), [0.449386, -1.3196755, 1.82248775]),
    ],
    ids=lambda value: type(value).__name__,
)
def test_steps_of_pytorch(optimizer, wanted):
    theta, _ = walk(optimizer, THETA, GRADIENTS)
    np.testing.assert_allclose(theta, [wanted], rtol=1e-8 if type(optimizer) is NAdam else 1e-13)


@pytest.mark.parametrize(
    ("optimizer", "same"),
    [
        (GradientDescent(0.1), lambda p: SGDOptimizer(p, 0.1, momentum=0, nesterov=False)),
        (SGD(0.1, 0.8, nesterov=False), lambda p: SGDOptimizer(p, 0.1, "constant", 0.8, False)),
        (SGD(0.1, 0.8, nesterov=True), lambda p: SGDOptimizer(p, 0.1, "constant", 0.8, True)),
        (Adam(0.1, 0.8, 0.95, 0.01), lambda p: AdamOptimizer(p, 0.1, 0.8, 0.95, 0.01)),
    ],
    ids=lambda value: repr(value) if isinstance(value, Optimizer) else "",
)
def test_steps_of_scikit_learn(optimizer, same):
    params = [THETA.copy()]
    other = same(params)
    for D in GRADIENTS:
        other.update_params(params, [D])
    theta, _ = walk(optimizer, THETA, GRADIENTS)
    np.testing.assert_allclose(theta, params[0], rtol=1e-14)


@pytest.mark.parametrize("kind", [Adam, AdamW])
def test_each_step_of_adam_is_the_learning_rate_while_the_gradient_stays(kind):
    """Corrected for their bias, the moments of a gradient that stays are D and D² at once."""
    adam = kind(0.01, epsilon=0.0, **({"weight_decay": 0.0} if kind is AdamW else {}))
    for steps in (1, 2, 30):
        theta, _ = walk(adam, THETA, [GRADIENTS[0]] * steps)
        np.testing.assert_allclose(theta, THETA - 0.01 * steps * np.sign(GRADIENTS[0]), rtol=1e-12)


def test_rprop_steps_stay_within_their_bounds():
    rprop = Rprop(0.1, step_min=0.06, step_max=0.25)
    same, turning = [GRADIENTS[0]] * 20, [GRADIENTS[0], -GRADIENTS[0]] * 10
    for gradients, bound in ((same, 0.25), (turning, 0.06)):
        theta, slots = walk(rprop, THETA, gradients)
        np.testing.assert_array_equal(slots[1], np.full_like(THETA, bound))
        further, _ = rprop.update(theta, np.sign(slots[0]), slots, 21)
        np.testing.assert_allclose(further, theta - bound * np.sign(slots[0]), rtol=1e-12)


def test_nadam_late_in_training():
    """The product of all momenta, written in full."""
    b, t = 0.9, 500
    mu = b * (1 - 0.5 * 0.96 ** (0.004 * np.arange(1, t + 2)))
    so_far, ahead = np.prod(mu[:-1]), np.prod(mu)
    D, m, v = 0.3, 0.2, 0.1
    m2, v2 = b * m + (1 - b) * D, 0.999 * v + 0.001 * D * D
    pull = (1 - mu[t - 1]) * D / (1 - so_far) + mu[t] * m2 / (1 - ahead)
    wanted = 1 - 0.01 * pull / (np.sqrt(v2 / (1 - 0.999**t)) + 1e-8)
    arrays = [np.full((1, 2), number) for number in (1.0, D, m, v)]
    theta, _ = NAdam(0.01).update(arrays[0], arrays[1], arrays[2:], t)
    np.testing.assert_allclose(theta, wanted, rtol=1e-14)


def test_lion_by_hand():
    # m = 0: sign of D; then m = 0.01 D, and 0.9 · 0.01 − 0.1 · 2 < 0 where D turns to −2.
    lion = Lion(0.1, weight_decay=0.5)
    D = np.array([[1.0, 1.0, 0.0]])
    theta, (m,) = walk(lion, THETA, [D])
    np.testing.assert_allclose(theta, [[0.4, -0.95 - 0.1, 1.9]], rtol=1e-15)
    np.testing.assert_allclose(m, 0.01 * D, rtol=1e-14)
    theta, (m,) = lion.update(theta, -2 * D, (m,), 2)
    np.testing.assert_allclose(theta, [[0.5, -1.05 * 0.95 + 0.1, 1.9 * 0.95]], rtol=1e-15)
    np.testing.assert_allclose(m, (0.99 * 0.01 - 0.01 * 2) * D, rtol=1e-13)


def test_lion_goes_by_the_sign_of_old_and_new_together():
    # 0.9 · 1 + 0.1 · 0 > 0; 0.9 · 1 − 0.1 · 10 < 0; 0.9 · 1 − 0.1 · 8 > 0.
    D, m = np.array([[0.0, -10.0, -8.0]]), np.ones((1, 3))
    theta, _ = Lion(0.1).update(THETA, D, (m,), 2)
    np.testing.assert_allclose(theta, THETA + np.array([-0.1, 0.1, -0.1]), rtol=1e-15)


@pytest.mark.parametrize("kind", [AdamW, Lion])
def test_decay_leaves_out_biases(kind):
    optimizer, theta = kind(learning_rate=0.1, weight_decay=0.5), np.concatenate([THETA, -THETA])
    decayed, _ = walk(optimizer, theta, [np.zeros_like(theta)])
    np.testing.assert_allclose(decayed, theta * [1, 0.95, 0.95], rtol=1e-15)


@pytest.mark.parametrize("optimizer", OPTIMIZERS, ids=repr)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_any_array_library(optimizer, dtype):
    xp = array_api_strict
    theta, gradients = THETA.astype(dtype), GRADIENTS.astype(dtype)
    wanted, wanted_slots = walk(optimizer, theta, gradients)
    got, slots = walk(optimizer, xp.asarray(theta), [xp.asarray(D) for D in gradients])
    assert len(slots) == len(wanted_slots) == optimizer.n_slots
    for array, same in zip([got, *slots], [wanted, *wanted_slots], strict=True):
        assert array.dtype == getattr(xp, dtype)
        np.testing.assert_array_equal(np.asarray(array), same, strict=True)


@pytest.mark.parametrize("optimizer", OPTIMIZERS, ids=repr)
def test_no_array_is_changed(optimizer):
    slots = [slot[0] for slot in optimizer.start([THETA])]
    arrays = [THETA, GRADIENTS[0], *slots]
    before = [array.copy() for array in arrays]
    theta, _ = optimizer.update(THETA, GRADIENTS[0], slots, 1)
    assert not np.array_equal(theta, THETA)
    assert_arrays_equal(arrays, before)
