"""The target: the task it asks for, and rows to validate on that represent it."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from multilayer.tables.target import detect_task, split_rows


@pytest.mark.parametrize(
    ("y", "task"),
    [
        (["a", "b", "a"], "classification"),
        ([True, False], "classification"),
        ([0, 1, 1, 0], "classification"),
        ([1.0, 2.0] * 5, "classification"),
        ([1.0, 2.5] * 5, "regression"),
        (list(range(10)), "regression"),
        (list(range(10)) * 5, "classification"),
        (list(range(21)) * 50, "regression"),
    ],
)
def test_task(y, task):
    assert detect_task(np.array(y)) == task


@given(
    st.lists(st.integers(0, 4), min_size=1, max_size=60),
    st.floats(0, 0.9),
    st.integers(0, 10),
    st.sampled_from([np.int64, np.float64, np.str_]),
)
def test_split(y, fraction, seed, dtype):
    y = np.array(y).astype(dtype)
    training, validation = split_rows(y, fraction, np.random.RandomState(seed))
    assert sorted([*training, *validation]) == list(range(len(y)))
    if dtype != np.float64:
        assert set(y[validation]) <= set(y[training])
    again = split_rows(y, fraction, np.random.RandomState(seed))
    np.testing.assert_array_equal(again[1], validation)
    if dtype == np.float64:  # numbers may be taken whole: then each has its share exactly
        share = len(validation) / len(y)
        assert len(validation) == round(fraction * len(y))
        for value in np.unique(y):
            assert abs(np.sum(y[validation] == value) - share * np.sum(y == value)) <= 1


def test_split_represents_numbers():
    y = np.random.default_rng(0).lognormal(size=1000)
    _, validation = split_rows(y, 0.2, np.random.RandomState(0))
    assert len(validation) == 200
    quantiles = [0.1, 0.5, 0.9]
    np.testing.assert_allclose(
        np.quantile(y[validation], quantiles), np.quantile(y, quantiles), rtol=0.05
    )
