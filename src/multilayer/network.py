"""Network: layer sizes, activations and Θ, the object that is trained, saved and drawn."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, DTypeLike, NDArray
from scipy import sparse

from multilayer import equations, fields
from multilayer.activations import ACTIVATIONS, Activation
from multilayer.engine import array_api
from multilayer.engine.arrays import is_foreign
from multilayer.engine.choice import engine_for, runs_natively
from multilayer.engine.interface import Engine, Examples, Objective
from multilayer.engine.native import Forward
from multilayer.initialization import INITIALIZERS
from multilayer.losses import CANONICAL, LOSSES, CustomLoss, Loss, Output, Softmax, resolve
from multilayer.outputs import output_name, parts, unit_name
from multilayer.persistence import Savable

Floats = NDArray[np.floating[Any]]


class Network(Savable):
    """A feed-forward network: its shape and its weights Θ.

    Parameters
    ----------
    sizes : sequence of int
        (s₁, …, s_L): inputs, units of each hidden layer, outputs. Two numbers define a network
        without hidden layers, i.e. logistic or linear regression.
    hidden : str, Activation or a sequence of them, default="logistic"
        Activation of the hidden layers: one for all, or one for each. "logistic", "tanh", "relu",
        "gelu", "silu" or another key of `multilayer.activations.ACTIVATIONS`; or a user-defined
        `Activation`, which runs on `multilayer.equations` instead of the engine.
    output : {"logistic", "softmax", "identity", "exp"} or Softmax, default="logistic"
        Output unit: "logistic" is one sigmoid unit per class. Softmax over groups of units, for
        several class targets at once, is a record of `multilayer.losses`.
    loss : str or Loss, default="auto"
        The cost of an example: a record of `multilayer.losses` or its name, "log_loss",
        "squared_error", "huber", "poisson" or another key of `multilayer.losses.LOSSES`. "auto" is
        the canonical loss of the output unit: cross-entropy for "logistic" and "softmax", half the
        squared error for "identity", the Poisson likelihood for "exp".
    thetas : sequence of arrays, shapes (s_{l+1}, s_l + 1), optional
        The initial Θ, which is copied; biases in column 0. By default, it is drawn at random.
    initializer : str, default="glorot"
        The initial distribution of Θ: "glorot", "glorot_logistic", "he", "lecun", "notebook" or
        "orthogonal", see `multilayer.initialization`.
    random_state : int, numpy.random.RandomState or None, default=None
        The seed, or the generator to draw from.
    dtype : {float64, float32}, default=float64
        The dtype of Θ and of all computations.

    Attributes
    ----------
    sizes : tuple of int
    hidden : tuple of str or Activation
        One activation for each hidden layer.
    output : str or Softmax
    loss : str or Loss
    thetas : list of ndarray, shapes (s_{l+1}, s_l + 1)
        The weights themselves: changes of these arrays change the network.

    Raises
    ------
    ValueError
        If a size is not positive, a name is unknown, a Θ has another shape than `sizes` implies, or
        the loss is not defined for the output unit.

    Examples
    --------
    >>> from multilayer import Network
    >>> Network((2, 5, 5, 2), random_state=0)
    Network: 57 parameters, float64
    2 inputs ── 15 ─▶ 5 logistic ── 30 ─▶ 5 logistic ── 12 ─▶ 2 logistic
    """

    def __init__(
        self,
        sizes: Sequence[int],
        hidden: str | Activation | Sequence[str | Activation] = "logistic",
        output: Output = "logistic",
        *,
        loss: str | Loss = "auto",
        thetas: Sequence[ArrayLike] | None = None,
        initializer: str = "glorot",
        random_state: int | np.random.RandomState | None = None,
        dtype: DTypeLike = np.float64,
    ) -> None:
        self.sizes = _checked_sizes(sizes)
        n_hidden = len(self.sizes) - 2
        self.hidden: tuple[str | Activation, ...]
        if isinstance(hidden, str | Activation):
            self.hidden = (hidden,) * n_hidden
        else:
            self.hidden = tuple(hidden)
        if len(self.hidden) != n_hidden:
            raise ValueError(
                f"hidden must name one activation for each of the {n_hidden} hidden layers, "
                f"but it names {len(self.hidden)}: {self.hidden}"
            )
        for name in self.hidden:
            if not isinstance(name, Activation):
                _check_name("hidden", name, ACTIVATIONS)
        resolve(loss, output)
        parts(output, self.sizes[-1])
        _check_name("initializer", initializer, INITIALIZERS)
        if np.dtype(dtype) not in (np.dtype(np.float32), np.dtype(np.float64)):
            raise ValueError(f"dtype must be float32 or float64, got {np.dtype(dtype)}")
        self.output, self.loss = output, loss
        self.thetas: list[Floats]
        if thetas is None:
            self.thetas = equations.initialize_thetas(
                self.sizes, random_state, initializer=initializer, dtype=dtype
            )
        else:
            self.thetas = [np.array(theta, dtype=dtype, order="C") for theta in thetas]
        shapes = [(s_out, s_in + 1) for s_in, s_out in pairwise(self.sizes)]
        met = [theta.shape for theta in self.thetas]
        if met != shapes:
            raise ValueError(f"sizes {self.sizes} require thetas of shapes {shapes}, got {met}")
        self._forward: Forward | None = None  # made at first use

    @property
    def dtype(self) -> np.dtype[Any]:
        """The dtype of Θ and of all computations: float32 or float64."""
        return self.thetas[0].dtype

    @property
    def has_own_loss(self) -> bool:
        """Whether its loss is the canonical loss of its output units."""
        return resolve(self.loss, self.output) == CANONICAL[output_name(self.output)]

    @property
    def n_parameters(self) -> int:
        """The number of weights in Θ, biases included."""
        return sum(theta.size for theta in self.thetas)

    def forward(self, X: ArrayLike) -> Floats:
        """Propagate X through the layers.

        Parameters
        ----------
        X : array-like or SciPy sparse matrix, shape (m, s₁)

        Returns
        -------
        H : ndarray, shape (m, s_L)
            The values of the output units.

        Raises
        ------
        ValueError
            If X does not have s₁ columns.
        """
        forward = self._forward
        if forward and not forward.goes_through(self.thetas, self.hidden, self.output):
            forward = self._forward = None
        # A single row takes longer to check than to compute.
        if forward and forward.takes(X) and type(self.loss) is not CustomLoss:
            return forward.run(X, len(X))
        X = self.check_inputs(X)
        if not runs_natively(self.hidden, self.loss, X):
            there: Floats = array_api.forward(self.thetas, X, self.hidden, self.output)
            return there
        if forward is None:
            forward = self._forward = Forward(self.thetas, self.hidden, self.output)
        return forward(X)

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_forward": None}

    def cost(self, X: ArrayLike, Y: ArrayLike, lambda_: float = 0.0) -> float:
        """Compute the mean cost of the examples plus λ/(2m) Σ θ², see `multilayer.equations.cost`.

        Parameters
        ----------
        X : array-like or SciPy sparse matrix, shape (m, s₁)
        Y : array-like, shape (m, s_L), or integers of shape (m,)
            Targets; or the index of each row's class.
        lambda_ : float
            λ, the strength of the penalty.

        Returns
        -------
        J : float
        """
        return self._engine(X, Y, lambda_).cost()

    def gradient(self, X: ArrayLike, Y: ArrayLike, lambda_: float = 0.0) -> list[Floats]:
        """Compute the gradient of the cost, see `multilayer.equations.backpropagation`.

        Parameters
        ----------
        X, Y, lambda_
            As for `cost`.

        Returns
        -------
        D : list of ndarray, of the shapes of `thetas`
        """
        return self._engine(X, Y, lambda_).cost_and_gradient()[1]

    def predict(self, X: ArrayLike) -> NDArray[Any]:
        """Return the class of the largest output, or the outputs themselves where they are numbers.

        Parameters
        ----------
        X : array-like or SciPy sparse matrix, shape (m, s₁)

        Returns
        -------
        ndarray
            "logistic", "softmax": indices of classes, shape (m,), with one sigmoid unit, 1 where
            its value is greater than ½; groups of softmax: shape (m, groups). "identity", "exp":
            shape (m, s_L).
        """
        H = self.forward(X)
        if self.output in ("identity", "exp"):
            return H
        if isinstance(self.output, Softmax):
            groups = parts(self.output, H.shape[1])
            return np.stack([H[:, part].argmax(axis=1) for part in groups], axis=1)
        return (H[:, 0] > 0.5).astype(np.intp) if H.shape[1] == 1 else H.argmax(axis=1)

    def copy(self) -> Network:
        """Return a copy of the network with its own Θ."""
        return Network(
            self.sizes,
            self.hidden,
            self.output,
            loss=self.loss,
            thetas=self.thetas,
            dtype=self.dtype,
        )

    def computing(
        self, hidden: str | Activation | Sequence[str | Activation], loss: str | Loss
    ) -> Network:
        """Return a network that shares Θ and has these activations and this loss, or itself."""
        other = Network(
            self.sizes, hidden, self.output, loss=loss, thetas=self.thetas, dtype=self.dtype
        )
        return self if (other.hidden, other.loss) == (self.hidden, self.loss) else other

    def __repr__(self) -> str:
        layers = zip(self.thetas, (*self.hidden, self.output), strict=True)
        drawn = [f"{self.sizes[0]} inputs"]
        drawn += [f"{theta.size} ─▶ {len(theta)} {unit_name(unit)}" for theta, unit in layers]
        head = f"Network: {self.n_parameters:_} parameters".replace("_", " ") + f", {self.dtype}"
        head += "" if self.has_own_loss else f", loss {self.loss}"
        return head + "\n" + " ── ".join(drawn)

    def objective(self, **numbers: Any) -> Objective:
        """Return the objective of training this network.

        Parameters
        ----------
        **numbers
            The penalties and other fields, see `multilayer.engine.interface.Objective`.
        """
        return Objective(self.hidden, self.output, self.loss, **numbers)

    def check_inputs(self, X: Any) -> Floats:
        """Return X, (m, s₁), in the dtype of the network, dense or in CSR format as it came.

        Raises
        ------
        ValueError
            If X is not a matrix with s₁ columns.
        """
        inputs: Floats  # or a sparse matrix, whose types SciPy does not tell
        if sparse.issparse(X):
            inputs = X.tocsr().astype(self.dtype, copy=False)
        else:
            inputs = X if is_foreign(X) else np.asarray(X, dtype=self.dtype)
        if inputs.ndim != 2:
            raise ValueError(f"X must have two dimensions (rows, features), got {inputs.ndim}")
        if inputs.shape[1] != self.sizes[0]:
            raise ValueError(
                f"X has {inputs.shape[1]} features, but this network has {self.sizes[0]} inputs"
            )
        return inputs

    def _engine(self, X: ArrayLike, Y: ArrayLike, lambda_: float) -> Engine:
        examples = Examples(self.check_inputs(X), self._targets(Y))
        return engine_for(self.thetas, examples, self.objective(lambda_=lambda_))

    def _targets(self, Y: ArrayLike) -> NDArray[Any]:
        Y = np.asarray(Y)
        return Y if Y.ndim == 1 and Y.dtype.kind in "iu" else Y.astype(self.dtype, copy=False)

    def to_state(self) -> tuple[dict[str, Any], dict[str, NDArray[Any]]]:
        """Return the state: values that JSON can represent, and arrays by name."""
        for part in (*self.hidden, self.loss):
            if isinstance(part, Activation | CustomLoss):
                raise TypeError(f"user-defined functions cannot be saved: {part}")
        state = {
            "sizes": self.sizes,
            "hidden": self.hidden,
            "output": vars(self.output) if isinstance(self.output, Softmax) else self.output,
            "loss": _loss_to_state(self.loss),
        }
        return state, {f"theta{l}": theta for l, theta in enumerate(self.thetas, start=1)}

    @classmethod
    def from_state(cls, state: dict[str, Any], arrays: dict[str, NDArray[Any]]) -> Self:
        """Build the object from its state; raise an exception if the parts are inconsistent."""
        sizes = fields.whole_numbers("sizes", state["sizes"], least=1)
        dtype = arrays["theta1"].dtype
        thetas = [
            fields.array_field(arrays, f"theta{l}", (rows, columns + 1), dtype)
            for l, (columns, rows) in enumerate(pairwise(sizes), start=1)
        ]
        output = state["output"]
        return cls(
            sizes,
            fields.texts("hidden", state["hidden"]),
            output if isinstance(output, str) else Softmax(tuple(_groups(output))),
            loss=_loss_from_state(state.get("loss", "auto")),
            thetas=thetas,
            dtype=dtype,
        )


def _groups(saved: dict[str, Any]) -> list[int]:
    return fields.whole_numbers("groups", saved["groups"], least=1)


def _loss_to_state(loss: str | Loss) -> str | dict[str, Any]:
    if isinstance(loss, str):
        return loss
    name = next(name for name, kind in LOSSES.items() if type(loss) is kind)
    return {"name": name, **vars(loss)}


def _loss_from_state(saved: str | dict[str, Any]) -> str | Loss:
    if isinstance(saved, str):
        return saved
    numbers = {key: fields.number(key, x) for key, x in saved.items() if key != "name"}
    return LOSSES[saved["name"]](**numbers)


def _checked_sizes(sizes: Sequence[int]) -> tuple[int, ...]:
    checked = tuple(sizes)
    whole = all(isinstance(s, (int, np.integer)) and not isinstance(s, bool) for s in checked)
    if len(checked) < 2 or not whole or min(checked) < 1:
        raise ValueError(
            f"sizes must be two or more positive integers (inputs, hidden …, outputs), got {sizes}"
        )
    return tuple(int(s) for s in checked)


def _check_name(parameter: str, name: Any, table: dict[str, Any]) -> None:
    if not isinstance(name, str) or name not in table:
        raise ValueError(f"{parameter} must be one of {', '.join(table)}; got {name!r}")
