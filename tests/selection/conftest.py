"""The data that most tests of the search use."""

import pytest
from data_cases import X_NOISY_MOONS, Y_NOISY_MOONS


@pytest.fixture
def moons():
    return X_NOISY_MOONS[:150], Y_NOISY_MOONS[:150]
