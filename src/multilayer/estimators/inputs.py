"""Input rows: validated as scikit-learn does, and split into training and validation rows."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from sklearn.base import is_classifier
from sklearn.model_selection import train_test_split
from sklearn.utils import check_array, check_consistent_length
from sklearn.utils.validation import (
    _check_n_features,
    _check_sample_weight,
    check_is_fitted,
    validate_data,
)

from multilayer.engine.arrays import check_foreign, is_finite, is_foreign, to_numpy
from multilayer.tables.foreign_errors import as_value_errors
from multilayer.tables.labels import plain_target

__all__ = ["Rows", "check_inputs", "check_rows", "split_rows"]

_FLOATS = (np.dtype(np.float64), np.dtype(np.float32))


class Rows(NamedTuple):
    """Rows as passed by the user; none if X is None."""

    X: Any = None
    y: Any = None
    sample_weight: Any = None


def check_rows(estimator: Any, rows: Rows, reset: bool) -> Rows:
    """Check training rows; with reset, they determine the number of features and their names."""
    if is_foreign(rows.X):
        return _check_there(estimator, rows._replace(y=plain_target(rows.y)), reset)
    X, y, weights = rows
    known = vars(estimator).get("network_")
    dtypes = _FLOATS if reset or known is None else (known.dtype,)
    ready = _is_ready(X, dtypes) and _is_target(y) and len(X) == len(y)
    if ready and (reset or _fits(estimator, X)):
        if reset:
            vars(estimator).pop("feature_names_in_", None)
            estimator.n_features_in_ = X.shape[1]
    else:
        X, y = _validated(estimator, X, plain_target(y), dtypes, reset)
    if weights is not None:
        with as_value_errors("sample_weight"):
            weights = _check_sample_weight(weights, X, dtype=X.dtype, ensure_non_negative=True)
    return Rows(X, y, weights)


def _validated(estimator: Any, X: Any, y: Any, dtypes: Any, reset: bool) -> Any:
    try:
        with as_value_errors("X"):
            return validate_data(
                estimator,
                X,
                y,
                accept_sparse="csr",
                dtype=dtypes,
                multi_output=True,
                y_numeric=not is_classifier(estimator),
                reset=reset,
            )
    except ValueError as error:
        if "contains NaN" in str(error):
            raise ValueError(f"{error}\nmultilayer.TableEncoder imputes missing values.") from None
        raise


def _check_there(estimator: Any, rows: Rows, reset: bool) -> Rows:
    """Check rows whose X stays in its own library, on its own device."""
    check_foreign(rows.X)
    _check_n_features(estimator, rows.X, reset=reset)
    numeric = None if is_classifier(estimator) else np.float64
    y = check_array(to_numpy(rows.y), ensure_2d=False, dtype=numeric, input_name="y")
    check_consistent_length(rows.X, y)
    weights = rows.sample_weight
    if weights is not None:
        weights = _check_sample_weight(to_numpy(weights), y, ensure_non_negative=True)
    return Rows(rows.X, y, weights)


def check_inputs(estimator: Any, X: Any) -> Any:
    """Return X as the network of a fitted estimator takes it."""
    if "network_" in vars(estimator) and _is_ready(X, _FLOATS) and _fits(estimator, X):
        return X
    check_is_fitted(estimator, "network_")
    if is_foreign(X):
        check_foreign(X)
        _check_n_features(estimator, X, reset=False)
        return X
    with as_value_errors("X"):
        return validate_data(estimator, X, accept_sparse="csr", dtype=_FLOATS, reset=False)


# The functions below tell whether scikit-learn's checks, which take longer than a prediction or an
# epoch, would find nothing to do.


def _is_ready(X: Any, dtypes: Sequence[Any]) -> bool:
    """Whether X is a finite matrix of one of the dtypes."""
    known = type(X) is np.ndarray and X.ndim == 2 and X.dtype in dtypes
    return known and X.size > 0 and is_finite(X)


def _is_target(y: Any) -> bool:
    """Whether y holds whole numbers, booleans, texts or finite floats."""
    if not (type(y) is np.ndarray and y.ndim in (1, 2) and y.size):
        return False
    return y.dtype.kind in "biuU" or (y.dtype.kind == "f" and is_finite(y))


def _fits(estimator: Any, X: Any) -> bool:
    """Whether X, without names, has the columns of `fit`."""
    known = vars(estimator)
    return known.get("n_features_in_") == X.shape[1] and "feature_names_in_" not in known


def split_rows(
    Y: Any, share: float, rng: np.random.RandomState, stratified: bool
) -> tuple[Any, Any]:
    """Draw validation rows in the same way as scikit-learn.

    Parameters
    ----------
    Y : ndarray, shape (m,) or (m, K)
        The encoded targets.
    share : float
    rng : RandomState
    stratified : bool
        Whether to keep the frequencies of the two classes.

    Returns
    -------
    learned, held_out : ndarray of int
        Indices of rows.
    """
    learned, held_out = train_test_split(
        np.arange(len(Y)),
        random_state=rng,
        test_size=share,
        # By the names that scikit-learn's message about a class of one row gives them.
        stratify=np.where(Y.astype(bool), "True", "False") if stratified else None,
    )
    if len(held_out) < 2:
        raise ValueError(
            "The validation set is too small. Increase 'validation_fraction' or the size of your "
            f"dataset: validation_fraction={share} of {len(Y)} rows sets {len(held_out)} aside, "
            "and there must be 2 or more."
        )
    return learned, held_out
