"""Comparisons of several arrays at once: exact, within a tolerance, by a digest of the bits."""

from __future__ import annotations

import hashlib

import numpy as np


def assert_arrays_equal(got, wanted):
    """Assert that two sequences hold equal arrays."""
    for array, expected in zip(got, wanted, strict=True):
        np.testing.assert_array_equal(array, expected)


def assert_arrays_close(got, wanted, **tolerance):
    """Assert that two sequences hold arrays that `assert_allclose` accepts."""
    for array, expected in zip(got, wanted, strict=True):
        np.testing.assert_allclose(array, expected, **tolerance)


def assert_thetas_close(one, other, tolerance):
    """Assert that the networks of two fitted estimators have about the same weights."""
    assert_arrays_close(one.network_.thetas, other.network_.thetas, rtol=tolerance, atol=tolerance)


def digest(arrays):
    """Return a digest of all the bits of some arrays."""
    return hashlib.sha256(b"".join(array.tobytes() for array in arrays)).hexdigest()
