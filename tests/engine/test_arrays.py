"""Arrays are looked at once, and the quick look is as good as a look at each number."""

import numpy as np
import pytest

from multilayer.engine.arrays import is_finite


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("shape", [(1, 3), (200, 7), (3000, 7)])
def test_is_finite(shape, dtype):
    X = np.ones(shape, dtype)
    assert is_finite(X)
    assert is_finite(X * np.finfo(dtype).max)  # though no sum of these is
    assert is_finite(X[:, ::2])
    for bad in ([np.nan], [np.inf], [-np.inf], [np.inf, -np.inf]):
        Z = X.copy()
        Z[0, : len(bad)] = bad
        assert not is_finite(Z)


def test_nothing_is_finite():
    assert is_finite(np.empty((0, 3)))
