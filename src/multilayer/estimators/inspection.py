"""Methods that show the inside of a fitted estimator: its layers, and input gradients."""

from __future__ import annotations

from numbers import Integral
from typing import Any

import numpy as np
import scipy.sparse
from numpy.typing import ArrayLike, NDArray
from sklearn.base import TransformerMixin, is_classifier
from sklearn.utils._set_output import _get_container_adapter
from sklearn.utils.metaestimators import available_if
from sklearn.utils.validation import _check_feature_names_in, check_is_fitted

from multilayer import equations
from multilayer.engine.arrays import Place, is_foreign, to_numpy
from multilayer.estimators.fitting import encode
from multilayer.estimators.inputs import Rows, check_inputs, check_rows
from multilayer.estimators.parameters import penalty
from multilayer.losses import smooth
from multilayer.network import Floats, Network

__all__ = ["DecisionFunction", "LookInside"]


# `transform` converts its result to a dataframe itself: the columns are named after the requested
# layer, which scikit-learn's wrapper does not know.
class LookInside(TransformerMixin, auto_wrap_output_keys=None):  # type: ignore[call-arg]
    """Methods of an estimator that inspect its `network_`."""

    network_: Network

    def forward(self: Any, X: ArrayLike) -> list[Any]:
        """Compute the activations of all layers, as `multilayer.equations` does.

        Parameters
        ----------
        X : array-like or sparse matrix, shape (m, n_features)

        Returns
        -------
        A : list of arrays, shapes (m, s_l)
            a⁽¹⁾ = X, a⁽²⁾ … a⁽ᴸ⁾ in the dtype of the network; the last is its output.

        Examples
        --------
        >>> from sklearn.datasets import load_iris
        >>> from multilayer import MLPClassifier
        >>> X, y = load_iris(return_X_y=True)
        >>> clf = MLPClassifier((5, 2), solver="lbfgs", max_iter=1000, random_state=0).fit(X, y)
        >>> [a.shape for a in clf.forward(X)]
        [(150, 4), (150, 5), (150, 2), (150, 3)]
        """
        rows, network = _rows(self, X), self.network_
        A: list[Any] = equations.forward_propagation(
            network.check_inputs(rows), network.thetas, hidden=network.hidden, output=network.output
        )[1]
        return [self._at_home(X, a) for a in A]

    def transform(self: Any, X: ArrayLike, layer: int = -1) -> Any:
        """Compute the activations of a hidden layer, a learned representation of X.

        Parameters
        ----------
        X : array-like or sparse matrix, shape (m, n_features)
        layer : int, default=-1
            1 is the first hidden layer, −1 the last. A pipeline passes it on if metadata routing is
            enabled: `set_transform_request(layer=True)`.

        Returns
        -------
        a : array or frame, shape (m, units of the layer)
            A frame after `set_output(transform="pandas")` or "polars".

        Raises
        ------
        ValueError
            If the network has no such hidden layer.

        Examples
        --------
        >>> from sklearn.datasets import load_iris
        >>> from multilayer import MLPClassifier
        >>> X, y = load_iris(return_X_y=True)
        >>> clf = MLPClassifier((5, 2), solver="lbfgs", max_iter=1000, random_state=0).fit(X, y)
        >>> clf.transform(X).shape, clf.transform(X, layer=1).shape
        ((150, 2), (150, 5))
        >>> list(clf.set_output(transform="pandas").transform(X))
        ['mlpclassifier_hidden2_0', 'mlpclassifier_hidden2_1']
        """
        rows, network = _rows(self, X), self.network_
        l = _number(layer, network)
        a = _activate(_z(network, rows, l), network.hidden[l - 1])
        adapter = _get_container_adapter("transform", self)
        if adapter is None:
            return self._at_home(X, a)
        return adapter.create_container(a, X, columns=_names(self, l))

    def get_feature_names_out(self: Any, input_features: ArrayLike | None = None) -> NDArray[Any]:
        """Return the names of the columns of `transform`, e.g. "mlpclassifier_hidden2_0".

        Parameters
        ----------
        input_features : array-like of str, optional
            Names of the features of X, which are only checked.

        Returns
        -------
        names : ndarray of str objects, shape (units of the last hidden layer,)
        """
        check_is_fitted(self, "network_")
        _check_feature_names_in(self, input_features, generate_names=False)
        return _names(self, _number(-1, self.network_))

    def input_gradient(self: Any, X: ArrayLike, output: int | None = None) -> Any:
        """Compute the derivative of an output with respect to each input of its row.

        It is the derivative of z, before the output unit converts it to a probability (or to eᶻ,
        for counts). See `multilayer.equations.input_gradient`.

        Parameters
        ----------
        X : array-like or sparse matrix, shape (m, n_features)
        output : int, optional
            The output unit, from 0: in the order of `classes_`, or of the columns of y. By default
            the only output unit, or for each row that of the predicted class.

        Returns
        -------
        G : ndarray, shape (m, n_features)

        Raises
        ------
        ValueError
            If there is no such output, or if `output` is required because there are several
            targets.

        Examples
        --------
        >>> from multilayer import MLPRegressor
        >>> X = [[0.0, 0.0], [1.0, 0.0], [0.0, 1.0]]
        >>> reg = MLPRegressor(hidden_layer_sizes=(), solver="lbfgs", alpha=0, tol=1e-9)
        >>> reg.fit(X, [0.0, 2.0, -1.0]).input_gradient(X[:1]).round(3)
        array([[ 2., -1.]])
        """
        rows, network = _rows(self, X), self.network_
        unit = self._unit(rows) if output is None else output
        K = network.sizes[-1]
        if output is not None and not (isinstance(output, Integral) and 0 <= output < K):
            raise ValueError(f"output must be a whole number from 0 to {K - 1}, got {output!r}")
        inputs = network.check_inputs(rows)
        G = equations.input_gradient(inputs, network.thetas, unit, hidden=network.hidden)
        return self._at_home(X, G)

    def check_gradient(
        self: Any, X: ArrayLike, y: ArrayLike, sample_weight: ArrayLike | None = None
    ) -> equations.GradientCheck:
        """Compare the gradient of the cost on these rows with finite differences.

        The cost is that of `fit` at the Θ found, penalties included, dropout left out, in float64.
        It is computed twice for each number in Θ, so use a few rows and a small network. If
        training has reached a minimum, all slopes are nearly 0, and rounding alone causes large
        relative errors.

        Parameters
        ----------
        X : array-like or sparse matrix, shape (m, n_features)
        y : array-like, shape (m,) or (m, n_outputs)
        sample_weight : array-like, shape (m,), optional

        Returns
        -------
        check : GradientCheck
            The largest relative error and where it occurs, see `equations.check_gradient`.

        Examples
        --------
        >>> from sklearn.datasets import load_iris
        >>> from multilayer import MLPClassifier
        >>> X, y = load_iris(return_X_y=True)
        >>> clf = MLPClassifier((5,), "tanh", solver="lbfgs", tol=0.1, random_state=0)
        >>> clf.fit(X, y).check_gradient(X, y).error < 1e-5
        True
        """
        check_is_fitted(self, "network_")
        network = self.network_
        rows = check_rows(self, Rows(X, y, sample_weight), reset=False)
        rows_in, Y, weights = self.targets_.weigh(encode(self.targets_, rows))
        inputs = rows_in.toarray() if scipy.sparse.issparse(rows_in) else to_numpy(rows_in)
        epsilon = getattr(self, "label_smoothing", 0.0)  # of a classifier
        here = Place(inputs := inputs.astype(np.float64))
        return equations.check_gradient(
            inputs,
            smooth(here.targets(Y, network.sizes[-1]), epsilon, network.output),
            [here.take_in(theta) for theta in network.thetas],
            penalty(self),
            hidden=network.hidden,
            output=network.output,
            loss=network.loss,
            weights=None if weights is None else here.take_in(weights),
            l1=float(self.l1),
        )

    def _unit(self: Any, X: Any) -> Any:
        """Return the only output unit, or for each row that of the predicted class."""
        K = self.network_.sizes[-1]
        if K == 1:
            return 0
        if not is_classifier(self) or not self.targets_.one_label:
            raise ValueError(f"output must be given, from 0 to {K - 1}: {K} are predicted at once")
        return self.network_.predict(X)

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.transformer_tags.preserves_dtype = ["float64", "float32"]
        return tags


def _has_one_label(estimator: Any) -> bool:
    targets = vars(estimator).get("targets_")
    if targets is not None and not targets.one_label:
        raise AttributeError("decision_function requires one label per row; use predict_proba")
    return True


class DecisionFunction:
    """`decision_function` of a classifier, whose output units are sigmoids or softmax."""

    @available_if(_has_one_label)  # type: ignore[untyped-decorator]
    def decision_function(self: Any, X: ArrayLike) -> Any:
        """Compute z of the output units, from which the probabilities are computed.

        This method requires one label per row.

        Parameters
        ----------
        X : array-like or sparse matrix, shape (m, n_features)

        Returns
        -------
        scores : ndarray, shape (m, n_classes), or for two classes (m,)
            The class with the largest score is predicted. For two classes, the score is log(p₁/p₀),
            and the second class is predicted if it is positive.

        Examples
        --------
        >>> from sklearn.datasets import make_moons
        >>> from multilayer import MLPClassifier
        >>> X, y = make_moons(random_state=0)
        >>> clf = MLPClassifier((8,), solver="lbfgs", max_iter=1000, random_state=0).fit(X, y)
        >>> bool(((clf.decision_function(X) > 0) == clf.predict(X)).all())
        True
        """
        rows, network = _rows(self, X), self.network_
        Z = _z(network, rows, len(network.thetas))
        if Z.shape[1] != 2:
            return self._at_home(X, Z[:, 0] if Z.shape[1] == 1 else Z)
        # log(p₁/p₀) = log h₁ − log h₀, and that is z₁ − z₀ for softmax
        logs = Z if network.output == "softmax" else -_activate(-Z, "softplus")
        return self._at_home(X, logs[:, 1] - logs[:, 0])


def _rows(estimator: Any, X: Any) -> Any:
    """Return X as the network takes it, an array of NumPy or sparse."""
    rows = check_inputs(estimator, X)
    return to_numpy(rows) if is_foreign(rows) else rows


def _z(network: Network, X: Any, l: int) -> Floats:
    """Compute z⁽ˡ⁺¹⁾, to which Θ⁽ˡ⁾ leads."""
    part = Network(
        network.sizes[: l + 1],
        network.hidden[: l - 1],
        "identity",
        thetas=network.thetas[:l],
        dtype=network.dtype,
    )
    return part.forward(X)


def _activate(Z: Floats, activation: Any) -> Floats:
    """Compute g(z): each number goes through a network of one unit, much faster than NumPy."""
    weights_one = [[[0, 1]]] * 2
    unit = Network((1, 1, 1), activation, "identity", thetas=weights_one, dtype=Z.dtype)
    return unit.forward(Z.reshape(-1, 1)).reshape(Z.shape)


def _number(layer: int, network: Network) -> int:
    """Return the number of a hidden layer, from 1."""
    n = len(network.hidden)
    if not n:
        raise ValueError("transform needs a hidden layer, but this network has none")
    if not isinstance(layer, Integral) or not 1 <= abs(layer) <= n:
        raise ValueError(
            f"layer must be from 1 to {n}, or from −{n} to −1 counted from the last, got {layer!r}"
        )
    return int(layer) % (n + 1)


def _names(estimator: Any, l: int) -> NDArray[Any]:
    prefix = f"{type(estimator).__name__.lower()}_hidden{l}"
    units = estimator.network_.sizes[l]
    return np.array([f"{prefix}_{unit}" for unit in range(units)], dtype=object)
