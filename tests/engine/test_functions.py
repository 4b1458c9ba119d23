"""exp and log for Python: the engine's own, for arrays of any layout."""

import numpy as np
import pytest

from multilayer.engine.functions import exp, log


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("shape", [(0,), (1,), (67,), (7, 5)])
def test_as_numpy_to_a_few_units_in_the_last_place(dtype, shape):
    x = np.random.RandomState(0).normal(size=shape).astype(dtype)
    given = x.copy()
    assert exp(x).dtype == dtype
    np.testing.assert_array_almost_equal_nulp(exp(x), np.exp(x), 4)
    np.testing.assert_array_almost_equal_nulp(log(abs(x)), np.log(abs(x)), 4)
    np.testing.assert_array_equal(x, given)


def test_any_layout():
    x = np.random.RandomState(0).uniform(1, 2, size=(6, 8))
    for view in (x.T, x[::2, 1::3], np.asfortranarray(x)):
        np.testing.assert_array_equal(exp(view), exp(view.copy()))


def test_ends():
    np.testing.assert_array_equal(
        log(np.array([0.0, 1.0, np.inf, np.nan])), [-np.inf, 0, np.inf, np.nan]
    )
    np.testing.assert_array_equal(
        exp(np.array([-np.inf, 0.0, np.inf, np.nan])), [0, 1, np.inf, np.nan]
    )
