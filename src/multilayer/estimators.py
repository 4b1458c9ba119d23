"""MLPClassifier and MLPRegressor: scikit-learn's contract around the network."""

from __future__ import annotations

from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import ClassifierMixin, RegressorMixin
from sklearn.metrics import r2_score
from sklearn.utils import column_or_1d
from sklearn.utils._param_validation import StrOptions
from sklearn.utils.multiclass import check_classification_targets

from multilayer.base import BaseMLP
from multilayer.files import labels_from_json, labels_to_json
from multilayer.network import Floats


class MLPClassifier(ClassifierMixin, BaseMLP):
    """Feed-forward network that tells classes apart.

    Parameters
    ----------
    hidden_layer_sizes : int or sequence of int, default=(100,)
        Units of each hidden layer; () for none, i.e. logistic regression.
    activation : str, default="relu"
        Of the hidden layers: "identity", "logistic", "tanh", "relu", "leaky_relu", "elu", "selu",
        "softplus", "gelu", "silu" or "mish".
    solver : {"adam", "sgd", "gd", "lbfgs"}, default="adam"
        "adam" and "sgd" take mini-batches, "gd" (plain gradient descent, as the textbook writes
        it) and "lbfgs" (SciPy's) all rows at every step.
    alpha : float, default=0.0001
        λ, the strength of the penalty λ/(2m) Σ θ².
    batch_size : int or "auto", default="auto"
        Rows of a mini-batch; "auto" is min(200, m).
    learning_rate_init : float, default=0.001
        Learning rate of "adam", "sgd" and "gd".
    max_iter : int, default=200
        At most so many epochs (iterations for "gd" and "lbfgs").
    shuffle : bool, default=True
        Draw a new order of the rows for each epoch of mini-batches.
    random_state : int, RandomState or None, default=None
        Draws Θ, the validation rows and the order of the rows.
    tol : float, default=1e-4
        Training stops when cost (or validation score) has not improved by more than this for
        `n_iter_no_change` epochs; for "lbfgs" the largest slope at which it stops.
    verbose : bool, default=False
        Print cost and validation score of each epoch.
    warm_start : bool, default=False
        Go on from the weights of the last fit instead of new ones.
    momentum : float in [0, 1], default=0.9
        Of "sgd".
    nesterovs_momentum : bool, default=True
        Whether that momentum is Nesterov's.
    early_stopping : bool, default=False
        Set rows aside, score the network on them after each epoch, stop when the score no longer
        improves, and keep the Θ that scored best.
    validation_fraction : float in [0, 1), default=0.1
        The share of the rows that `early_stopping` sets aside.
    beta_1, beta_2, epsilon : float, default=0.9, 0.999, 1e-8
        Of "adam".
    n_iter_no_change : int or inf, default=10
        See `tol`.
    max_fun : int, default=15000
        At most so many evaluations of the cost by "lbfgs".
    output_activation : {"auto", "logistic", "softmax"}, default="auto"
        "logistic": one sigmoid unit a class; "softmax": one unit a class, their outputs adding up
        to 1; "auto", as in scikit-learn: one sigmoid unit for two classes, softmax for more.
    initializer : {"auto", "glorot", "glorot_logistic", "notebook"}, default="auto"
        How Θ is drawn, see `multilayer.initialization`; "auto" as scikit-learn does.

    Attributes
    ----------
    classes_ : ndarray, shape (n_classes,)
    network_ : Network
        The trained network: layer sizes, activations, Θ.
    coefs_, intercepts_ : list of ndarray, shapes (s_l, s_{l+1}) and (s_{l+1},)
        Views of Θ in scikit-learn's layout.
    loss_curve_ : list of float
        Cost of each epoch.
    loss_, best_loss_ : float
        Its last and its smallest value.
    validation_scores_ : list of float or None
        Accuracy on the validation rows after each epoch.
    best_validation_score_ : float or None
    n_iter_, n_layers_, n_outputs_, n_features_in_ : int
    out_activation_ : str
    feature_names_in_ : ndarray of str
        Where X was a frame.

    Examples
    --------
    >>> from sklearn.datasets import make_moons
    >>> from multilayer import MLPClassifier
    >>> X, y = make_moons(n_samples=500, noise=0.1, random_state=0)
    >>> clf = MLPClassifier((16, 16), learning_rate_init=0.01, random_state=0).fit(X, y)
    >>> clf.score(X, y)
    1.0
    """

    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {
        **BaseMLP._parameter_constraints,
        "output_activation": [StrOptions({"auto", "logistic", "softmax"})],
    }

    def predict(self, X: ArrayLike) -> NDArray[Any]:
        """Predict classes.

        Parameters
        ----------
        X : array-like, shape (m, n_features)

        Returns
        -------
        ndarray, shape (m,)
            For each row the class of the largest probability.
        """
        probabilities = self.predict_proba(X)
        labels: NDArray[Any] = self.classes_[probabilities.argmax(axis=1)]
        return labels

    def predict_proba(self, X: ArrayLike) -> Floats:
        """Predict probabilities.

        Parameters
        ----------
        X : array-like, shape (m, n_features)

        Returns
        -------
        ndarray, shape (m, n_classes)
            In the order of `classes_`; rows add up to 1. Sigmoid units, one a class, are
            scaled to do so.
        """
        H = self._forward(X)
        if len(self.classes_) == 1:
            return np.ones_like(H)
        if H.shape[1] == 1:
            return np.hstack([1 - H, H])
        if self.network_.output == "softmax":
            return H
        total = H.sum(axis=1, keepdims=True)
        shares = np.full_like(H, 1 / H.shape[1])  # even where all units say 0
        np.divide(H, total, out=shares, where=total > 0)
        return shares

    def predict_log_proba(self, X: ArrayLike) -> Floats:
        """Predict logarithms of probabilities, −inf where one is 0.

        Parameters
        ----------
        X : array-like, shape (m, n_features)

        Returns
        -------
        ndarray, shape (m, n_classes)
        """
        with np.errstate(divide="ignore"):
            logarithms: Floats = np.log(self.predict_proba(X))
        return logarithms

    def _encode(self, y: Any, dtype: np.dtype[Any], reset: bool) -> NDArray[Any]:
        check_classification_targets(y)
        y = column_or_1d(y, warn=True)
        classes, indices = np.unique(y, return_inverse=True)
        if reset:
            self.classes_ = classes
            return indices
        unknown = np.setdiff1d(classes, self.classes_)
        if len(unknown):
            raise ValueError(
                f"y has classes that the network was not started with: {unknown.tolist()}; "
                f"it knows {self.classes_.tolist()}"
            )
        return np.searchsorted(self.classes_, classes)[indices]

    def _outputs(self, y: NDArray[Any]) -> tuple[int, str]:
        n_classes = len(self.classes_)
        if self.output_activation != "auto":
            return n_classes, self.output_activation
        return (1, "logistic") if n_classes <= 2 else (n_classes, "softmax")

    def _score(self, X: Floats, y: NDArray[Any]) -> float:
        return float(np.mean(self.network_.predict(X) == y))

    def _to_state(self) -> tuple[dict[str, Any], dict[str, NDArray[Any]]]:
        state, arrays = super()._to_state()
        return {**state, "classes_": labels_to_json(self.classes_)}, arrays

    @classmethod
    def _from_state(cls, state: dict[str, Any], arrays: dict[str, NDArray[Any]]) -> Self:
        self = super()._from_state(state, arrays)
        self.classes_ = labels_from_json(state["classes_"])
        if self._outputs(self.classes_) != (self.n_outputs_, self.out_activation_):
            raise ValueError("classes_ and the network's outputs contradict each other")
        return self


class MLPRegressor(RegressorMixin, BaseMLP):
    """Feed-forward network that predicts numbers.

    Parameters
    ----------
    hidden_layer_sizes : int or sequence of int, default=(100,)
        Units of each hidden layer; () for none, i.e. linear regression.
    activation : str, default="relu"
        Of the hidden layers: "identity", "logistic", "tanh", "relu", "leaky_relu", "elu", "selu",
        "softplus", "gelu", "silu" or "mish".
    solver : {"adam", "sgd", "gd", "lbfgs"}, default="adam"
        "adam" and "sgd" take mini-batches, "gd" (plain gradient descent, as the textbook writes
        it) and "lbfgs" (SciPy's) all rows at every step.
    alpha : float, default=0.0001
        λ, the strength of the penalty λ/(2m) Σ θ².
    batch_size : int or "auto", default="auto"
        Rows of a mini-batch; "auto" is min(200, m).
    learning_rate_init : float, default=0.001
        Learning rate of "adam", "sgd" and "gd".
    max_iter : int, default=200
        At most so many epochs (iterations for "gd" and "lbfgs").
    shuffle : bool, default=True
        Draw a new order of the rows for each epoch of mini-batches.
    random_state : int, RandomState or None, default=None
        Draws Θ, the validation rows and the order of the rows.
    tol : float, default=1e-4
        Training stops when cost (or validation score) has not improved by more than this for
        `n_iter_no_change` epochs; for "lbfgs" the largest slope at which it stops.
    verbose : bool, default=False
        Print cost and validation score of each epoch.
    warm_start : bool, default=False
        Go on from the weights of the last fit instead of new ones.
    momentum : float in [0, 1], default=0.9
        Of "sgd".
    nesterovs_momentum : bool, default=True
        Whether that momentum is Nesterov's.
    early_stopping : bool, default=False
        Set rows aside, score the network on them after each epoch, stop when the score no longer
        improves, and keep the Θ that scored best.
    validation_fraction : float in [0, 1), default=0.1
        The share of the rows that `early_stopping` sets aside.
    beta_1, beta_2, epsilon : float, default=0.9, 0.999, 1e-8
        Of "adam".
    n_iter_no_change : int or inf, default=10
        See `tol`.
    max_fun : int, default=15000
        At most so many evaluations of the cost by "lbfgs".
    output_activation : {"auto", "identity", "exp"}, default="auto"
        "identity" (and "auto"): h = z, squared error; "exp": h = eᶻ for counts and other numbers
        that are never negative, with the Poisson cost.
    initializer : {"auto", "glorot", "glorot_logistic", "notebook"}, default="auto"
        How Θ is drawn, see `multilayer.initialization`; "auto" as scikit-learn does.

    Attributes
    ----------
    network_ : Network
        The trained network: layer sizes, activations, Θ.
    coefs_, intercepts_ : list of ndarray, shapes (s_l, s_{l+1}) and (s_{l+1},)
        Views of Θ in scikit-learn's layout.
    loss_curve_ : list of float
        Cost of each epoch.
    loss_, best_loss_ : float
        Its last and its smallest value.
    validation_scores_ : list of float or None
        R² on the validation rows after each epoch.
    best_validation_score_ : float or None
    n_iter_, n_layers_, n_outputs_, n_features_in_ : int
    out_activation_ : str
    feature_names_in_ : ndarray of str
        Where X was a frame.

    Examples
    --------
    >>> import numpy as np
    >>> from multilayer import MLPRegressor
    >>> X = np.linspace(-3, 3, 200)[:, None]
    >>> reg = MLPRegressor((20,), "tanh", solver="lbfgs", random_state=0).fit(X, np.sin(X[:, 0]))
    >>> reg.score(X, np.sin(X[:, 0])) > 0.999
    True
    """

    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {
        **BaseMLP._parameter_constraints,
        "output_activation": [StrOptions({"auto", "identity", "exp"})],
    }

    def predict(self, X: ArrayLike) -> Floats:
        """Predict numbers.

        Parameters
        ----------
        X : array-like, shape (m, n_features)

        Returns
        -------
        ndarray, shape (m,) or (m, n_outputs)
        """
        H = self._forward(X)
        return H[:, 0] if H.shape[1] == 1 else H

    def _encode(self, y: Any, dtype: np.dtype[Any], reset: bool) -> NDArray[Any]:
        y = np.asarray(y)
        if y.dtype.kind not in "biufO":
            raise ValueError(f"y must be numbers to be predicted as such, got {y.dtype}")
        targets: NDArray[Any] = y.astype(dtype, copy=False).reshape(len(y), -1)
        if not reset and targets.shape[1] != self.network_.sizes[-1]:
            raise ValueError(
                f"y has {targets.shape[1]} columns, but the network has "
                f"{self.network_.sizes[-1]} outputs"
            )
        if self.output_activation == "exp" and (y < 0).any():
            raise ValueError(
                f"y must not be negative for output_activation='exp', but its smallest is {y.min()}"
            )
        return targets

    def _outputs(self, y: NDArray[Any]) -> tuple[int, str]:
        return y.shape[1], "exp" if self.output_activation == "exp" else "identity"

    def _score(self, X: Floats, y: NDArray[Any]) -> float:
        return float(r2_score(y, self.network_.forward(X)))

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.target_tags.multi_output = True
        return tags
