"""DaskMLPClassifier and DaskMLPRegressor: estimators for rows on a cluster."""

from __future__ import annotations

import copy
from abc import abstractmethod
from typing import Any, ClassVar, Self

import dask
import dask.array as da
import numpy as np
import pandas as pd
from sklearn.base import is_classifier
from sklearn.callback import CallbackSupportMixin
from sklearn.utils.validation import check_is_fitted

from multilayer.dask.base import ClusterEstimator
from multilayer.dask.collections import check_collections, is_collection
from multilayer.dask.source import Source
from multilayer.estimators.classifier import MLPClassifier
from multilayer.estimators.parameters import check_parameters
from multilayer.estimators.regressor import MLPRegressor
from multilayer.shards.fitting import fit_shards, score_shards

__all__ = ["DaskMLPClassifier", "DaskMLPRegressor"]


class DaskMLP(CallbackSupportMixin, ClusterEstimator):
    """The common part of both: training on a cluster, and lazy predictions."""

    _OWN: ClassVar[dict[str, Any]] = {"client": None, "sync_every": "auto", "timeout": 300.0}

    def fit(
        self,
        X: Any,
        y: Any,
        sample_weight: Any = None,
        *,
        X_val: Any = None,
        y_val: Any = None,
        sample_weight_val: Any = None,
        eval_set: Any = None,
    ) -> Self:
        """Train the network on the workers that hold the rows.

        Parameters
        ----------
        X : Dask array or dataframe, shape (m, n_features)
            Numbers, in partitions of rows of any size. float32 is trained in float32.
        y : Dask array, dataframe or series, shape (m,) or (m, n_outputs)
            In the partitions of X.
        sample_weight : Dask array or series, shape (m,), optional
        X_val, y_val, sample_weight_val : Dask array, dataframe or series, optional
            Validation rows, which are scored after each epoch and used by `early_stopping`.
        eval_set : tuple or list of one tuple, optional
            Another name for the same: (X_val, y_val) or (X_val, y_val, sample_weight_val).

        Returns
        -------
        self

        Raises
        ------
        TypeError
            If X or y is not a Dask collection.
        ValueError
            If a parameter is out of its range, the client is not connected, the collections do not
            go together, or they hold values that a network cannot be trained on.
        MemoryError
            If the workers do not have the memory for all rows.
        TimeoutError
            If there is no result from the cluster for `timeout` seconds.
        """
        client = self._check_cluster()
        self._check_sync_every()
        local = self._make_local()
        classes = is_classifier(local)
        rows = check_collections(X, y, sample_weight, classes)
        held_out = _held_out(X_val, y_val, sample_weight_val, eval_set)
        validation_rows = None
        if held_out is not None:
            validation_rows = check_collections(*held_out, classes, like=rows)
        source = Source(client, rows, self.timeout)
        used: list[Any] = []

        def encode(targets: Any, share: float, seed: int) -> tuple[Any, Any]:
            share = 0.0 if validation_rows is not None else share
            shards = source.shards(targets, share, seed, held_out=False, sync_every=self.sync_every)
            validation = None
            if validation_rows is not None:
                other = Source(client, validation_rows, self.timeout)
                validation = other.shards(targets, held_out=True)
            elif share:
                validation = source.shards(targets, share, seed, held_out=True)
            source.release()
            used.append(shards)
            return shards, validation

        fit_shards(local, source.facts(), encode)
        local.set_callbacks()
        every = used[0].sync_every  # still "auto" if there was nothing to choose
        self.estimator_, self.sync_every_ = local, 1 if every == "auto" else every
        return self

    def _check_sync_every(self) -> None:
        every = self.sync_every
        number = isinstance(every, int | np.integer) and not isinstance(every, bool) and every >= 1
        if every != "auto" and not number:
            raise ValueError(f"sync_every must be 'auto' or a whole number from 1, got {every!r}")

    def _make_local(self) -> Any:
        parameters = self._own_parameters()
        if self.warm_start and "estimator_" in vars(self):
            local = copy.copy(self.estimator_).set_params(**parameters)
        else:
            local = self._local(**parameters)
        local.set_callbacks(*getattr(self, "_skl_callbacks", []))
        check_parameters(local)
        return local

    def predict(self, X: Any) -> Any:
        """Predict, lazily.

        Parameters
        ----------
        X : Dask array or dataframe, shape (m, n_features)
            For an array in memory, the predictions are computed at once.

        Returns
        -------
        Dask array, or for a dataframe a series or dataframe with its index
            The predictions of the local estimator.
        """
        check_is_fitted(self, "estimator_")
        n_columns = 0 if self._one_column() else self.n_outputs_
        return self._lazily("predict", X, self._predicted_dtype(), list(range(n_columns)))

    def score(self, X: Any, y: Any, sample_weight: Any = None) -> float:
        """Return the score of the local estimator: accuracy, or R².

        Parameters
        ----------
        X, y, sample_weight : Dask array, dataframe or series
            As for `fit`.

        Returns
        -------
        float
        """
        check_is_fitted(self, "estimator_")
        local, client = self.estimator_, self._check_cluster()
        rows = check_collections(X, y, sample_weight, is_classifier(local))
        self._check_features(X)
        source = Source(client, rows, self.timeout)
        shards = source.shards(local.targets_, held_out=True)
        return score_shards(local.network_, local.targets_, shards)

    @abstractmethod
    def _one_column(self) -> bool:
        """Whether a prediction is one value for each row."""

    @abstractmethod
    def _predicted_dtype(self) -> Any:
        """Return the dtype of the predictions."""

    def _check_features(self, X: Any) -> None:
        if X.ndim != 2 or X.shape[1] != self.n_features_in_:
            raise ValueError(
                f"X must have {self.n_features_in_} features, as in fit, got shape {X.shape}"
            )

    def _lazily(self, method: str, X: Any, dtype: Any, columns: list[Any]) -> Any:
        """Call a method of the local estimator on each partition."""
        if not is_collection(X):
            return getattr(self.estimator_, method)(X)
        self._check_features(X)
        light = copy.copy(self.estimator_)
        vars(light).pop("training_state_", None)
        model = dask.delayed(light)
        if isinstance(X, da.Array):
            X = X.rechunk({1: -1})
            shape = {"chunks": (X.chunks[0], (len(columns),))} if columns else {"drop_axis": 1}
            meta = np.empty((0,) * (2 if columns else 1), dtype)
            names = {"model": model, "method": method, "meta": meta, "like": meta}
            return da.map_blocks(_call, X, dtype=dtype, **shape, **names)
        empty = np.empty((0, len(columns)) if columns else 0, dtype)
        meta = pd.DataFrame(empty, columns=columns) if columns else pd.Series(empty)
        return X.map_partitions(_call_on_frame, model, method, meta.iloc[:0], meta=meta)


class DaskMLPClassifier(DaskMLP):
    """MLPClassifier on Dask collections: rows stay on the workers of a cluster.

    It takes all parameters of `multilayer.MLPClassifier`, and those below. Solvers that use all
    rows at every step ("gd", "lbfgs", or a `batch_size` of all rows) train the same network as
    MLPClassifier up to rounding, with the same bits for any number of workers. Mini-batches differ:
    each partition shuffles its own rows, and contributes its share to every batch.

    Parameters
    ----------
    hidden_layer_sizes, activation, **parameters
        As for `multilayer.MLPClassifier`; `scoring` must be None or "loss".
    client : distributed.Client, default=None
        None means the active client.
    sync_every : int or "auto", default="auto"
        With mini-batches, the number of steps between two synchronisations of the partitions. With
        1, each step uses the gradient of the whole batch, as on one machine. With more, each
        partition makes that many steps by itself on its share of the batches, and then Θ is
        averaged: this needs less communication, but is a different algorithm (local SGD). "auto"
        measures the first steps and chooses the number so that about a tenth of the time is spent
        on synchronisation. To reproduce such a fit bit for bit, pass the chosen number,
        `sync_every_`.
    timeout : float, default=300
        Seconds without a result from the cluster after which TimeoutError is raised.

    Attributes
    ----------
    estimator_ : MLPClassifier
        The fitted local estimator, whose attributes (`classes_`, `coefs_`, `loss_curve_` …) are
        also attributes of this one.
    sync_every_ : int

    See Also
    --------
    multilayer.MLPClassifier : The same estimator on one machine.

    Examples
    --------
    >>> import dask.array as da
    >>> from distributed import Client
    >>> from sklearn.datasets import make_moons
    >>> from multilayer.dask import DaskMLPClassifier
    >>> X, y = make_moons(1000, noise=0.1, random_state=0)
    >>> X, y = da.from_array(X, chunks=(250, 2)), da.from_array(y, chunks=250)
    >>> with Client(n_workers=2, processes=False, dashboard_address=":0") as client:
    ...     clf = DaskMLPClassifier(solver="lbfgs", random_state=0).fit(X, y)
    ...     clf.predict(X).compute().shape
    (1000,)
    """

    _local = MLPClassifier

    def predict_proba(self, X: Any) -> Any:
        """Predict probabilities, lazily.

        Parameters
        ----------
        X : Dask array or dataframe, shape (m, n_features)

        Returns
        -------
        Dask array or dataframe, shape (m, n_classes)
            In the order of `classes_`.
        """
        return self._probabilities("predict_proba", X)

    def predict_log_proba(self, X: Any) -> Any:
        """Predict logarithms of probabilities, lazily.

        Parameters
        ----------
        X : Dask array or dataframe, shape (m, n_features)

        Returns
        -------
        Dask array or dataframe, shape (m, n_classes)
        """
        return self._probabilities("predict_log_proba", X)

    def _probabilities(self, method: str, X: Any) -> Any:
        check_is_fitted(self, "estimator_")
        if isinstance(self.classes_, list):
            raise ValueError(
                f"{method} works with one target, but there are {len(self.classes_)}: to_local() "
                "returns an estimator that predicts for several"
            )
        return self._lazily(method, X, self.network_.dtype, list(self.classes_))

    def _one_column(self) -> bool:
        return bool(self.estimator_.targets_.one_label)

    def _predicted_dtype(self) -> Any:
        classes = self.classes_
        return classes[0].dtype if isinstance(classes, list) else classes.dtype


class DaskMLPRegressor(DaskMLP):
    """MLPRegressor on Dask collections: rows stay on the workers of a cluster.

    Parameters
    ----------
    hidden_layer_sizes, activation, **parameters
        As for `multilayer.MLPRegressor`; `scoring` must be None or "loss".
    client, sync_every, timeout
        As for `DaskMLPClassifier`.

    Attributes
    ----------
    estimator_ : MLPRegressor
        The fitted local estimator, whose attributes are also attributes of this one.
    sync_every_ : int

    See Also
    --------
    multilayer.MLPRegressor : The same estimator on one machine.
    """

    _local = MLPRegressor

    def _one_column(self) -> bool:
        return bool(self.n_outputs_ == 1)

    def _predicted_dtype(self) -> Any:
        return self.network_.dtype


def _held_out(X: Any, y: Any, weights: Any, eval_set: Any) -> tuple[Any, Any, Any] | None:
    """Return the validation rows, whichever arguments hold them."""
    if eval_set is not None:
        if X is not None or y is not None:
            raise ValueError("eval_set and X_val, y_val mean the same: pass one of them")
        sets = eval_set if isinstance(eval_set, list) else [eval_set]
        if len(sets) != 1 or not 2 <= len(sets[0]) <= 3:
            raise ValueError(
                "eval_set must be (X_val, y_val) or (X_val, y_val, sample_weight_val), "
                f"got {len(sets)} set(s)"
            )
        X, y, weights = (*sets[0], None)[:3]
    if (X is None) != (y is None):
        raise ValueError("X_val and y_val go together: pass both or neither")
    return None if X is None else (X, y, weights)


def _call(X: Any, model: Any, method: str, like: Any) -> Any:
    return getattr(model, method)(X) if len(X) else np.empty((0, *like.shape[1:]), like.dtype)


def _call_on_frame(X: Any, model: Any, method: str, like: Any) -> Any:
    if not len(X):
        return like
    values = getattr(model, method)(X)
    if isinstance(like, pd.Series):
        return pd.Series(values, index=X.index, dtype=like.dtype)
    return pd.DataFrame(values, index=X.index, columns=like.columns)
