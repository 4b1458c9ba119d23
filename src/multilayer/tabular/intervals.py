"""Prediction intervals: quantiles of the errors on out-of-fold rows."""

from __future__ import annotations

import warnings
from numbers import Real
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = [
    "check_coverage",
    "check_left_out",
    "errors_of_mean",
    "half_width",
    "means_of_rows",
    "quantile_offsets",
    "warn_of_few",
]

Array = NDArray[Any]


def check_coverage(coverage: Any) -> None:
    """Raise ValueError unless the coverage is a number between 0 and 1."""
    if not (isinstance(coverage, Real) and 0 < float(coverage) < 1):
        raise ValueError(f"coverage must be between 0 and 1, both exclusive, got {coverage!r}")


def check_left_out(what: str, found: Array, validation_fraction: float) -> None:
    """Raise ValueError if no rows were left out of training, so that nothing was found for what."""
    if not len(found):
        raise ValueError(
            f"{what} need rows that were left out of training, but there are none: "
            f"validation_fraction is {validation_fraction}"
        )


def warn_of_few(what: str, needed: float, n: int, supported: str, stacklevel: int = 4) -> None:
    """Warn the caller of a method that n out-of-fold rows do not support what was asked for."""
    # Rounded, as 0.95 / (1 − 0.95) > 19 in floating-point numbers.
    warnings.warn(
        f"{what}, as it needs {int(np.ceil(round(needed, 6)))} rows that were left out of "
        f"training, but there are {n}, which support {supported}: ask for that, fit on more rows, "
        "or without fast=True",
        stacklevel=stacklevel,
    )


def half_width(residuals: Array, coverage: float) -> float:
    """Compute the d such that a share `coverage` of new errors is within ±d.

    It is the (n + 1) coverage-th smallest of n absolute errors (split conformal prediction): if
    rows are exchangeable, new ones are inside that often. Between two places it is interpolated, as
    the next larger one would cover up to 1/(n + 1) more than is asked.
    Source: Vovk, Gammerman and Shafer, *Algorithmic Learning in a Random World* (2005).

    Parameters
    ----------
    residuals : ndarray, shape (n,)
    coverage : float in (0, 1)

    Returns
    -------
    float
        Infinite if (n + 1) coverage > n: new errors exceed the largest of n with probability
        1/(n + 1), and nothing is known about by how much.
    """
    widths = np.append(0.0, np.abs(residuals))  # no error is smaller than 0
    return float(_at_ranks(widths, len(widths) * np.array([coverage]) + 1)[0])


def quantile_offsets(residuals: Array, quantiles: Array) -> Array:
    """Compute what to add to a prediction for each quantile of the target.

    Parameters
    ----------
    residuals : ndarray, shape (n,)
        Truth minus prediction.
    quantiles : ndarray, shape (q,), in (0, 1)

    Returns
    -------
    ndarray, shape (q,)
        −∞ below 1/(n + 1), ∞ above n/(n + 1): beyond the smallest and the largest residual.
    """
    return _at_ranks(residuals, (len(residuals) + 1) * quantiles)


def _at_ranks(values: Array, ranks: Array) -> Array:
    """Return the values of ranks from 1 to n, interpolated; beyond these they are infinite."""
    n = len(values)
    nearest = np.round(ranks)
    # (n + 1) q is not exact in floating-point numbers: 100 · 0.07 > 7.
    ranks = np.where(np.isclose(ranks, nearest, rtol=1e-12, atol=0), nearest, ranks)
    found = np.interp(ranks, np.arange(1, n + 1), np.sort(values))
    return np.where(ranks < 1, -np.inf, np.where(ranks > n, np.inf, found))


def means_of_rows(values: Array, rows: Array, n_rows: int) -> tuple[Array, Array, float]:
    """Compute the mean of the values of each row, their number, and the variance among them.

    Parameters
    ----------
    values : ndarray, shape (n,)
    rows : ndarray of int, shape (n,)
        The row of each value.
    n_rows : int

    Returns
    -------
    means : ndarray, shape (n_rows,)
        NaN for rows without a value.
    counts : ndarray of int, shape (n_rows,)
    variance : float
        Unbiased, pooled over all rows with two values or more; 0 if there are none.
    """
    counts = np.bincount(rows, minlength=n_rows)
    means = np.full(n_rows, np.nan)
    np.divide(np.bincount(rows, values, n_rows), counts, out=means, where=counts > 0)
    squares = float(np.sum((values - means[rows]) ** 2))
    return means, counts, squares / max(int((counts - 1).clip(0).sum()), 1)


# Prior for the variance among members: so many pairs of predictions, and their variance as a share
# of the mean square error of one member. See docs/tabular.md.
_PAIRS, _SHARE = 8, 0.5


def errors_of_mean(errors: Array, members: Array, variance: float, n_members: int) -> Array:
    """Scale errors of the mean of some members to the size of those of the mean of all.

    The mean square of an error is v + s²/k for the mean of k members: v is common to all of them,
    s² is the variance among them. Each error is scaled by √((v + s²/n) / (v + s²/k)).

    If few rows have two members, their variance alone would make this factor so uncertain that
    fewer errors than expected would be below their upper quantiles. Therefore s² is the mean of
    `variance` and, as from eight more rows, of half of the mean square error of one member.

    Parameters
    ----------
    errors : ndarray, shape (m,)
        Of the mean of those members that were not trained on a row.
    members : ndarray of int, shape (m,)
        Their number, k.
    variance : float
        Among the members of those rows that have several, in units of y².
    n_members : int
        The number of all members, n.
    """
    if not len(errors):
        return errors
    single = errors[members == 1]
    one = np.mean(single**2) if len(single) else np.mean(errors**2)
    pairs = int(np.sum(members - 1))
    s2 = (pairs * variance + _PAIRS * _SHARE * one) / (pairs + _PAIRS)
    shared = max(float(np.mean(errors**2 - s2 / members)), 0.0)
    of_some, of_all = shared + s2 / members, shared + s2 / n_members
    return np.asarray(errors * np.sqrt(of_all / np.where(of_some > 0, of_some, 1)))
