"""Schedules: factors of the learning rate, against those of PyTorch and scikit-learn."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.neural_network._stochastic_optimizers import SGDOptimizer

from multilayer.schedules import (
    SCHEDULES,
    Adaptive,
    Constant,
    Cosine,
    FunctionOfStep,
    InverseScaling,
    OneCycle,
    Plateau,
    Schedule,
    SchedulePosition,
    StepSchedule,
    WarmRestarts,
)


def factors(schedule: StepSchedule, total=10, steps_per_epoch=1, first=0):
    position = SchedulePosition(first, 0, 1, steps_per_epoch, total)
    return schedule.factors(np.arange(first, total, dtype=np.float64), position)


# What torch.optim.lr_scheduler (2.13) makes of a learning rate of 1: OneCycleLR,
# CosineAnnealingLR, CosineAnnealingWarmRestarts.
@pytest.mark.parametrize(
    ("schedule", "wanted"),
    [
        (
            OneCycle(),
            "0.04 0.52 1 0.950484632013 0.81174565395 0.611262021936 0.388741978064 0.18825834605 "
            "0.0495193679865 4e-06",
        ),
        (
            OneCycle(warmup=0.5, start_div=10, final_div=100),
            "0.1 0.410942352531 0.914057647469 0.950533949517 0.611649206511 0.189066843972 0.001",
        ),
        (
            Cosine(final=0.1),
            "1 0.96574578963 0.868198051534 0.722207544564 0.55 0.377792455436 0.231801948466 "
            "0.13425421037",
        ),
        (
            WarmRestarts(first_cycle=2, growth=2, final=0.1),
            "1 0.55 1 0.868198051534 0.55 0.231801948466 1 0.96574578963 0.868198051534 "
            "0.722207544564",
        ),
    ],
    ids=["OneCycle", "OneCycle, other numbers", "Cosine", "WarmRestarts"],
)
def test_factors_of_pytorch(schedule, wanted):
    wanted = [float(factor) for factor in wanted.split()]
    np.testing.assert_allclose(factors(schedule, len(wanted)), wanted, rtol=1e-10)


def test_warm_up_is_a_straight_rise():
    got = factors(Cosine(warmup=0.4), 20)
    np.testing.assert_allclose(got[:8], np.arange(1, 9) / 8)
    np.testing.assert_allclose(got[8:], factors(Cosine(), 12))


@pytest.mark.parametrize("power_t", [0.0, 0.5, 1.3])
@pytest.mark.parametrize("seen", [0, 2], ids=["from the start", "after two epochs"])
def test_inverse_scaling_is_that_of_scikit_learn(power_t, seen):
    """Four epochs of 7 rows in batches of 3, in one call or from the third on."""
    sgd = SGDOptimizer([], 0.2, "invscaling", power_t=power_t)
    wanted = []
    for epoch in range(4):
        wanted += [sgd.learning_rate] * 3
        sgd.iteration_ends(7 * (epoch + 1))
    position = SchedulePosition(3 * seen, 7 * seen, 7, 3, 12)
    got = InverseScaling(power_t).factors(np.arange(3.0 * seen, 12), position)
    np.testing.assert_allclose(0.2 * got, wanted[3 * seen :], rtol=1e-14)


@given(
    schedule=st.one_of(
        st.builds(Cosine, st.floats(0, 0.99), st.floats(0, 0.99)),
        st.builds(OneCycle, st.floats(0.01, 0.99), st.floats(1, 100), st.floats(1, 1e6)),
        st.builds(WarmRestarts, st.floats(0.1, 20), st.floats(1, 5), st.floats(0, 0.99)),
        st.builds(InverseScaling, st.floats(0, 3)),
    ),
    total=st.integers(1, 300),
    steps_per_epoch=st.integers(1, 40),
    cut=st.floats(0, 1),
)
def test_factors_are_shares_and_do_not_depend_on_the_cut(schedule, total, steps_per_epoch, cut):
    whole = factors(schedule, total, steps_per_epoch)
    assert whole.shape == (total,)
    assert whole.dtype == np.float64
    assert ((whole >= 0) & (whole <= 1 + 1e-12)).all()
    if not isinstance(schedule, InverseScaling):  # which counts rows, given to each call
        first = int(cut * total)
        np.testing.assert_array_equal(
            factors(schedule, total, steps_per_epoch, first), whole[first:]
        )


@pytest.mark.parametrize("total", [1, 2, 3, 10, 1001])
def test_one_cycle_goes_up_and_then_down(total):
    got = factors(OneCycle(), total)
    top = got.argmax()
    assert (np.diff(got[: top + 1]) > 0).all()
    assert (np.diff(got[top:]) < 0).all()
    assert got[0] == pytest.approx(1 / 25)
    assert got[-1] == pytest.approx(1 / 25e4) or total == 1


@pytest.mark.parametrize("first_cycle", [0.1, 0.7, 1, 1.1, 10])
@pytest.mark.parametrize("growth", [1, 1.5, 2, 3])
@pytest.mark.parametrize("steps_per_epoch", [20, 30, 70, 100])
def test_each_cycle_begins_warm(first_cycle, growth, steps_per_epoch):
    """Where cycles are whole numbers of steps, the first step of each has factor 1."""
    length = first_cycle * steps_per_epoch
    starts = [0.0]
    while len(starts) < 8:
        starts.append(starts[-1] + length)
        length *= growth
    whole = np.array([s for s in np.round(starts, 9) if s % 1 == 0])
    position = SchedulePosition(0, 0, 1, steps_per_epoch, 1)
    schedule = WarmRestarts(first_cycle, growth)
    np.testing.assert_allclose(schedule.factors(whole, position), 1, rtol=0, atol=1e-9)
    assert (schedule.factors(whole[1:] - 1, position) < 0.8).all()


def test_function_of_the_step():
    seen = []

    def f(step):
        seen.append(step)
        return 1 / (step + 1)

    np.testing.assert_array_equal(factors(FunctionOfStep(f), 4, first=1), [1 / 2, 1 / 3, 1 / 4])
    assert seen == [1, 2, 3]
    assert all(type(step) is int for step in seen)
    for bad in (np.nan, np.inf, -0.5):
        with pytest.raises(ValueError, match=f"finite and not negative, got {bad}"):
            factors(FunctionOfStep(lambda _, bad=bad: bad))


def test_every_name_has_its_schedule():
    assert {*SCHEDULES} == {
        *("constant", "invscaling", "adaptive", "cosine", "one_cycle", "warm_restarts", "plateau")
    }
    for kind in SCHEDULES.values():
        assert isinstance(kind(), Schedule)
    by_step = {name for name, kind in SCHEDULES.items() if issubclass(kind, StepSchedule)}
    assert by_step == {"invscaling", "cosine", "one_cycle", "warm_restarts"}
    assert Constant() == Constant()


BAD = [
    (InverseScaling, {"power_t": -0.1}, "power_t must be at least 0, got -0.1"),
    (Cosine, {"final": 1.0}, "final must be at least 0 and less than 1, got 1.0"),
    (Cosine, {"final": -0.1}, "final must be at least 0"),
    (Cosine, {"warmup": 1.0}, "warmup must be at least 0 and less than 1, got 1.0"),
    (OneCycle, {"warmup": 0.0}, "warmup must be between 0 and 1, got 0.0"),
    (OneCycle, {"warmup": 1.0}, "warmup must be between 0 and 1, got 1.0"),
    (OneCycle, {"start_div": 0.5}, "start_div must be at least 1, got 0.5"),
    (OneCycle, {"final_div": 0.5}, "final_div must be at least 1, got 0.5"),
    (WarmRestarts, {"first_cycle": 0}, "first_cycle must be positive, got 0"),
    (WarmRestarts, {"growth": 0.5}, "growth must be at least 1, got 0.5"),
    (WarmRestarts, {"final": 1}, "final must be at least 0 and less than 1, got 1"),
    (Adaptive, {"divisor": 1.0}, "divisor must be greater than 1, got 1.0"),
    (Adaptive, {"least": 0.0}, "least must be positive, got 0.0"),
    (Plateau, {"factor": 1.0}, "factor must be between 0 and 1, got 1.0"),
    (Plateau, {"patience": 0}, "patience must be at least 1, got 0"),
    (Plateau, {"least": 0.0}, "least must be positive, got 0.0"),
]
BAD += [
    (kind, {name: np.nan}, f"{name} must be .*, got nan")
    for kind, name in sorted({(k, n) for k, numbers, _ in BAD for n in numbers}, key=repr)
]


@pytest.mark.parametrize(
    ("kind", "numbers", "message"), BAD, ids=[f"{k.__name__} {n}" for k, n, _ in BAD]
)
def test_refuses_wrong_numbers(kind, numbers, message):
    with pytest.raises(ValueError, match=message):
        kind(**numbers)
