"""Importances of columns: by permutation, and by the gradients of the output."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.utils.validation import check_is_fitted

from multilayer.embedding import Floats, input_gradient
from multilayer.tabular.network import TabularNetwork
from multilayer.tabular.several_targets import for_targets, refused

__all__ = ["ImportancesMixin", "gradient_importances", "permutation_importances"]

Array = NDArray[Any]
_REPEATS = 5  # as many as scikit-learn's permutation_importance


def permutation_importances(
    members: Sequence[tuple[TabularNetwork, Floats, Callable[[Floats], float]]],
    feature_columns: NDArray[np.intp],
    n_columns: int,
    rng: np.random.RandomState,
) -> Array:
    """Compute by how much validation losses increase when a column is shuffled.

    All features of a column are shuffled together. Source: Breiman, *Random Forests*, Machine
    Learning 45 (2001).

    Parameters
    ----------
    members : sequence of (network, rows, loss)
        Encoded rows that the network was not trained on, and a function from its outputs for them
        to a loss.
    feature_columns : ndarray of int, shape (n_features,)
        The column of each feature.
    n_columns : int
    rng : RandomState

    Returns
    -------
    ndarray, shape (n_columns,)
        Means over members and five shuffles; 0 for columns without features.
    """
    increases = np.zeros(n_columns)
    for network, X, loss in members:
        before = loss(network.forward(X))
        for column in np.unique(feature_columns):
            features = np.flatnonzero(feature_columns == column)
            shuffled = X.copy()
            for _ in range(_REPEATS):
                shuffled[:, features] = X[rng.permutation(len(X))][:, features]
                increases[column] += loss(network.forward(shuffled)) - before
    return increases / (len(members) * _REPEATS)


def gradient_importances(
    members: Sequence[TabularNetwork],
    X: Floats,
    units: NDArray[np.intp],
    feature_columns: NDArray[np.intp],
    n_columns: int,
) -> Array:
    """Compute by how much, to first order, outputs change when a column is set to its mean.

    It is |Σ ∂z/∂u (u − ū)| over the inputs u of the column, including its periodic features and its
    embedding; the mean over rows and members.

    Parameters
    ----------
    members : sequence of TabularNetwork
    X : ndarray, shape (m, n_features)
        Encoded rows.
    units : ndarray of int, shape (m,)
        The output unit to consider in each row.
    feature_columns, n_columns
        As for `permutation_importances`.

    Returns
    -------
    ndarray, shape (n_columns,)
    """
    total = np.zeros(n_columns)
    for network in members:
        u, slopes = input_gradient(X, network.thetas, network.hidden, network.extra, units)
        effects = (slopes * (u - u.mean(axis=0))).astype(np.float64)  # (m, s₁)
        columns = feature_columns[_feature_of_input(network)]
        for column in np.unique(columns):
            total[column] += np.abs(effects[:, columns == column].sum(axis=1)).mean()
    return total / len(members)


def _feature_of_input(network: TabularNetwork) -> NDArray[np.intp]:
    """Return the encoded feature of each input of Θ⁽¹⁾, (s₁,)."""
    embedding = network.extra.embedding
    assert embedding is not None  # `initialize` always makes one
    return np.concatenate(
        [
            np.arange(embedding.n_plain),
            np.repeat(np.arange(embedding.n_numbers), embedding.n_dimensions),
            np.repeat(np.arange(embedding.n_plain, embedding.n_columns), embedding.tables.shape[1]),
        ]
    )


class ImportancesMixin:
    """The importances of the columns of a tabular estimator."""

    @property
    @for_targets(refused)
    def feature_importances_(self: Any) -> Array:
        """The increase of the validation loss when a column is shuffled, (n_features_in_,).

        Measured on rows that the members were not trained on, by the loss that chose their best
        epochs: the share of wrong classes, the root mean squared error of the standardised target,
        or minus the score of `scoring`. Computed at the first access; a model file does not hold
        the rows for it.
        """
        check_is_fitted(self, "members_")
        if not hasattr(self, "_importances"):
            if not hasattr(self, "_trained_on"):
                raise AttributeError(
                    "feature_importances_ needs the rows of fit, which a model file does not hold"
                )
            data, left_out = self._trained_on
            members = [
                (
                    member.network,
                    data.X[member.fold.validation],
                    partial(self._validation_loss, data, self.scoring, rows=member.fold.validation),
                )
                for member in left_out
                if len(member.fold.validation)
            ]
            if not members:
                raise AttributeError(
                    "feature_importances_ needs rows that were left out of training"
                )
            self._importances = permutation_importances(
                members,
                self.encoder_.feature_columns_,
                self.n_features_in_,
                np.random.RandomState(0),
            )
        return np.asarray(self._importances)

    @for_targets(refused)
    def gradient_importances(self: Any, X: Any) -> Array:
        """Compute by how much, to first order, outputs change when a column is set to its mean.

        Parameters
        ----------
        X : dataframe or array-like, shape (m, n_features_in_)
            The rows to use.

        Returns
        -------
        ndarray, shape (n_features_in_,)
            For z of the most probable class, or for the standardised target: means over the rows
            of |Σ ∂z/∂u (u − ū)|, where u are the inputs from a column.
        """
        check_is_fitted(self, "members_")
        encoded = self.encoder_.transform(X)
        H = np.mean([network.forward(encoded) for network in self.members_], axis=0)
        columns = self.encoder_.feature_columns_
        units = H.argmax(axis=1)
        return gradient_importances(self.members_, encoded, units, columns, self.n_features_in_)
