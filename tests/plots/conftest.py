"""Figures are closed after each test."""

import matplotlib.pyplot as plt
import pytest
from data_cases import X_MOONS, Y_MOONS


@pytest.fixture(autouse=True)
def _close_figures():
    yield
    plt.close("all")


@pytest.fixture(scope="module")
def moons():
    return X_MOONS[:120], Y_MOONS[:120]
