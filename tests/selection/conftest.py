"""The rows that most searches look at."""

import pytest
from data_cases import X_NOISY_MOONS, Y_NOISY_MOONS


@pytest.fixture
def moons():
    return X_NOISY_MOONS[:150], Y_NOISY_MOONS[:150]
