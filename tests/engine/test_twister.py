"""Mersenne Twisters are those of NumPy, to the last word."""

import copy
import pickle

import numpy as np
import pytest

from multilayer.engine.twister import make_twister, twister_state


@pytest.mark.parametrize("seed", [0, 1, 2**32 - 1])
def test_seeded_is_random_state(seed):
    ours, theirs = make_twister(seed), np.random.RandomState(seed)
    for rng in (ours, copy.deepcopy(ours), pickle.loads(pickle.dumps(ours))):
        for part, expected in zip(rng.get_state(), theirs.get_state(), strict=True):
            np.testing.assert_array_equal(part, expected)


@pytest.mark.parametrize("seed", [-1, 2**32])
def test_seeds_that_there_are_not(seed):
    with pytest.raises(ValueError, match="between 0 and"):
        make_twister(seed)


def test_state_where_it_lies():
    rng, twin = make_twister(3), np.random.RandomState(4)
    rng.shuffle(np.arange(9))
    state = twister_state(rng)
    _, words, position, *_ = rng.get_state()
    np.testing.assert_array_equal(state, [*words, position])
    twister_state(twin)[:] = state
    assert rng.randint(2**31) == twin.randint(2**31)
    assert twister_state(np.random.RandomState(np.random.PCG64(0))) is None
    assert twister_state(np.random.default_rng(0)) is None
