"""What the two estimators share: parameters, the course of a fit, saved state.

fit: validate and encode, draw Θ, hand over to `training`, read off the attributes.
"""

from __future__ import annotations

import warnings
from abc import abstractmethod
from collections.abc import Sequence
from numbers import Integral, Real
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator, _fit_context, is_classifier
from sklearn.callback import CallbackSupportMixin, with_callbacks
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import train_test_split
from sklearn.utils import check_random_state
from sklearn.utils._param_validation import Interval, Options, StrOptions
from sklearn.utils.validation import check_is_fitted, validate_data

from multilayer import training
from multilayer.activations import ACTIVATIONS
from multilayer.files import Savable
from multilayer.initialization import INITIALIZERS
from multilayer.network import Floats, Network
from multilayer.optimizers import SGD, Adam, GradientDescent, Optimizer


class DivergenceWarning(ConvergenceWarning):
    """The cost became infinite or NaN; training stopped with the last finite Θ."""


class BaseMLP(CallbackSupportMixin, Savable, BaseEstimator):
    """A network that is trained by `fit`; the classifier and the regressor say what y means."""

    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {
        "hidden_layer_sizes": ["array-like", Interval(Integral, 1, None, closed="left")],
        "activation": [StrOptions(set(ACTIVATIONS))],
        "solver": [StrOptions({"gd", "sgd", "adam", "lbfgs"})],
        "alpha": [Interval(Real, 0, None, closed="left")],
        "batch_size": [StrOptions({"auto"}), Interval(Integral, 1, None, closed="left")],
        "learning_rate_init": [Interval(Real, 0, None, closed="neither")],
        "max_iter": [Interval(Integral, 1, None, closed="left")],
        "shuffle": ["boolean"],
        "random_state": ["random_state"],
        "tol": [Interval(Real, 0, None, closed="left")],
        "verbose": ["verbose"],
        "warm_start": ["boolean"],
        "momentum": [Interval(Real, 0, 1, closed="both")],
        "nesterovs_momentum": ["boolean"],
        "early_stopping": ["boolean"],
        "validation_fraction": [Interval(Real, 0, 1, closed="left")],
        "beta_1": [Interval(Real, 0, 1, closed="left")],
        "beta_2": [Interval(Real, 0, 1, closed="left")],
        "epsilon": [Interval(Real, 0, None, closed="neither")],
        "n_iter_no_change": [
            Interval(Integral, 1, None, closed="left"),
            Options(Real, {np.inf}),
        ],
        "max_fun": [Interval(Integral, 1, None, closed="left")],
        "initializer": [StrOptions({"auto", *INITIALIZERS})],
    }

    def __init__(
        self,
        hidden_layer_sizes: int | Sequence[int] = (100,),
        activation: str = "relu",
        *,
        solver: str = "adam",
        alpha: float = 0.0001,
        batch_size: int | str = "auto",
        learning_rate_init: float = 0.001,
        max_iter: int = 200,
        shuffle: bool = True,
        random_state: int | np.random.RandomState | None = None,
        tol: float = 1e-4,
        verbose: bool | int = False,
        warm_start: bool = False,
        momentum: float = 0.9,
        nesterovs_momentum: bool = True,
        early_stopping: bool = False,
        validation_fraction: float = 0.1,
        beta_1: float = 0.9,
        beta_2: float = 0.999,
        epsilon: float = 1e-8,
        n_iter_no_change: float = 10,
        max_fun: int = 15000,
        output_activation: str = "auto",
        initializer: str = "auto",
    ) -> None:
        self.hidden_layer_sizes = hidden_layer_sizes
        self.activation = activation
        self.solver = solver
        self.alpha = alpha
        self.batch_size = batch_size
        self.learning_rate_init = learning_rate_init
        self.max_iter = max_iter
        self.shuffle = shuffle
        self.random_state = random_state
        self.tol = tol
        self.verbose = verbose
        self.warm_start = warm_start
        self.momentum = momentum
        self.nesterovs_momentum = nesterovs_momentum
        self.early_stopping = early_stopping
        self.validation_fraction = validation_fraction
        self.beta_1 = beta_1
        self.beta_2 = beta_2
        self.epsilon = epsilon
        self.n_iter_no_change = n_iter_no_change
        self.max_fun = max_fun
        self.output_activation = output_activation
        self.initializer = initializer

    @abstractmethod
    def _encode(self, y: Any, dtype: np.dtype[Any], reset: bool) -> NDArray[Any]:
        """Turn y as given into what the network is trained on."""

    @abstractmethod
    def _outputs(self, y: NDArray[Any]) -> tuple[int, str]:
        """How many output units, and of which kind."""

    @abstractmethod
    def _score(self, X: Floats, y: NDArray[Any]) -> float:
        """Score of the network as it stands on encoded targets: larger is better."""

    @_fit_context(prefer_skip_nested_validation=True)  # type: ignore[untyped-decorator]
    def fit(
        self,
        X: ArrayLike,
        y: ArrayLike,
        X_val: ArrayLike | None = None,
        y_val: ArrayLike | None = None,
    ) -> Self:
        """Train the network on X and y.

        Parameters
        ----------
        X : array-like, shape (m, n_features)
            float32 is trained in float32, all else in float64.
        y : array-like, shape (m,) or (m, n_outputs)
            Class labels, or numbers.
        X_val, y_val : array-like, optional
            Rows to validate on instead of a part of X: used as `early_stopping` uses its own.

        Returns
        -------
        self

        Raises
        ------
        ValueError
            If X or y is empty, not finite or of wrong shape; if a parameter is out of its range.
        """
        before = self.__dict__.copy()
        try:
            self._fit(X, y, X_val, y_val)
        except BaseException:  # a fit that fails leaves what was fitted before
            self.__dict__.clear()
            self.__dict__.update(before)
            raise
        return self

    @with_callbacks  # type: ignore[untyped-decorator]
    def _fit(self, X: Any, y: Any, X_val: Any, y_val: Any) -> None:
        warm = self.warm_start and hasattr(self, "network_")
        if (X_val is None) != (y_val is None):
            raise ValueError("X_val and y_val go together: give both or neither")
        X, y = self._validated(X, y, reset=not warm)
        rng = check_random_state(self.random_state)
        self.network_ = self._start(X, y, rng, warm)
        validation: Any = None
        if X_val is not None:
            validation = self._validated(X_val, y_val, reset=False)
        elif self.early_stopping:
            X, y, *validation = self._split(X, y, rng)
        self._train(X, y, validation, rng)

    def _validated(self, X: Any, y: Any, reset: bool) -> tuple[Floats, NDArray[Any]]:
        dtype = (np.float64, np.float32) if reset else self.network_.dtype
        X, y = validate_data(self, X, y, dtype=dtype, multi_output=True, reset=reset)
        return X, self._encode(y, X.dtype, reset)

    def _start(self, X: Floats, y: NDArray[Any], rng: np.random.RandomState, warm: bool) -> Network:
        """Give the network to train: a new one, or the fitted one to go on with."""
        n_outputs, output = self._outputs(y)
        sizes = (X.shape[1], *_hidden_sizes(self.hidden_layer_sizes), n_outputs)
        if warm:
            network: Network = self.network_.copy()
            if network.sizes != sizes:
                raise ValueError(
                    f"warm_start goes on with a network of layers {network.sizes}, but the "
                    f"parameters and data ask for {sizes}"
                )
            return network
        initializer = self.initializer
        if initializer == "auto":
            initializer = "glorot_logistic" if self.activation == "logistic" else "glorot"
        return Network(
            sizes,
            self.activation,
            output,
            initializer=initializer,
            random_state=rng,
            dtype=X.dtype,
        )

    def _split(self, X: Floats, y: NDArray[Any], rng: np.random.RandomState) -> list[Any]:
        X, X_val, y, y_val = train_test_split(
            X,
            y,
            random_state=rng,
            test_size=self.validation_fraction,
            # scikit-learn keeps the shares of the classes only for two: equal seeds, equal rows.
            stratify=y if is_classifier(self) and self.network_.sizes[-1] == 1 else None,
        )
        if len(X_val) < 2:
            raise ValueError(
                f"The validation set must have at least 2 rows, got {len(X_val)}: increase "
                f"validation_fraction (now {self.validation_fraction}) or give more rows"
            )
        return [X, y, X_val, y_val]

    def _train(
        self, X: Floats, y: NDArray[Any], validation: Any, rng: np.random.RandomState
    ) -> None:
        history = training.History()
        self._read_off(history)
        plan = training.Plan(
            lambda_=float(self.alpha),
            batch_size=self._batch_rows(len(X)),
            max_iter=self.max_iter,
            shuffle=self.shuffle,
            tol=self.tol,
            n_iter_no_change=self.n_iter_no_change,
            max_fun=self.max_fun,
        )
        context = self._init_callback_context(max_subtasks=self.max_iter)
        context.call_on_fit_task_begin(estimator=self, X=X, y=y)
        # Where nobody watches, one call of the engine may last many epochs.
        watched = self.verbose or getattr(self, "_skl_callbacks", None)
        watch = self._watch(context) if watched else None
        validate = (lambda: self._score(*validation)) if validation else None
        if self.solver == "lbfgs":
            training.minimize(self.network_, X, y, plan, history, validate=validate, watch=watch)
        else:
            training.train(
                self.network_,
                X,
                y,
                self._optimizer(),
                plan,
                rng,
                history,
                validate=validate,
                watch=watch,
            )
        self._read_off(history)
        self._warn(history)
        context.call_on_fit_task_end(
            estimator=self, X=X, y=y, reconstruction_attributes=self._reconstruction
        )

    def _batch_rows(self, m: int) -> int | None:
        if self.solver == "gd":
            return None
        if isinstance(self.batch_size, str):  # "auto"
            return min(200, m)
        if self.batch_size > m and self.solver != "lbfgs":
            warnings.warn(
                f"batch_size is {self.batch_size}, but there are only {m} rows to train on: "
                "all of them make one batch",
                stacklevel=4,
            )
        return min(int(self.batch_size), m)

    def _optimizer(self) -> Optimizer:
        rate = float(self.learning_rate_init)
        if self.solver == "gd":
            return GradientDescent(rate)
        if self.solver == "sgd":
            return SGD(rate, float(self.momentum), bool(self.nesterovs_momentum))
        return Adam(rate, float(self.beta_1), float(self.beta_2), float(self.epsilon))

    def _watch(self, context: Any) -> training.Watch:
        """Tell the callbacks and the terminal of each epoch."""

        def watch(history: training.History) -> bool:
            self._read_off(history)
            if self.verbose:
                print(f"Iteration {self.n_iter_}, loss = {self.loss_:.8f}")
                if history.scores:
                    print(f"Validation score: {history.scores[-1]:f}")
            epoch = context.subcontext(task_name="epoch")
            epoch.call_on_fit_task_begin(estimator=self)
            stop: bool = epoch.call_on_fit_task_end(
                estimator=self, reconstruction_attributes=self._reconstruction
            )
            return stop

        return watch

    def _reconstruction(self) -> dict[str, Any]:
        return {"network_": self.network_.copy()}

    def _read_off(self, history: training.History) -> None:
        """Set the public attributes from the history of the training."""
        self.n_iter_ = len(history.costs)
        self.loss_curve_ = history.costs
        self.loss_ = history.costs[-1] if history.costs else np.nan
        self.n_layers_ = len(self.network_.sizes)
        self.n_outputs_ = self.network_.sizes[-1]
        self.out_activation_ = self.network_.output
        scored = bool(history.scores)
        self.validation_scores_ = history.scores if scored else None
        self.best_validation_score_ = history.best_score if scored else None
        self.best_loss_ = None if scored else min(history.costs, default=np.nan)

    def _warn(self, history: training.History) -> None:
        if history.status == "diverged":
            warnings.warn(
                f"Training stopped after {self.n_iter_} iterations because the cost was no longer "
                "finite; the last finite weights are kept. Try a smaller learning_rate_init (now "
                f"{self.learning_rate_init}) or scaled inputs (e.g. by StandardScaler).",
                DivergenceWarning,
                stacklevel=5,
            )
        elif history.status == "interrupted":
            warnings.warn("Training interrupted by user.", stacklevel=5)
        elif history.status == "max_iter":
            warnings.warn(
                f"Maximum iterations ({self.max_iter}) reached and the optimization hasn't "
                "converged yet.",
                ConvergenceWarning,
                stacklevel=5,
            )

    @property
    def coefs_(self) -> list[Floats]:
        """Weights without biases: for each layer a view of Θ, shape (s_l, s_{l+1})."""
        return [theta[:, 1:].T for theta in self.network_.thetas]

    @property
    def intercepts_(self) -> list[Floats]:
        """Biases: for each layer a view of Θ, shape (s_{l+1},)."""
        return [theta[:, 0] for theta in self.network_.thetas]

    def _forward(self, X: ArrayLike) -> Floats:
        check_is_fitted(self, "network_")
        if not self._ready(X):
            X = validate_data(self, X, dtype=(np.float64, np.float32), reset=False)
        return self.network_.forward(X)

    def _ready(self, X: Any) -> bool:
        """Whether `validate_data` would find nothing to do; it takes longer than to predict."""
        return (
            type(X) is np.ndarray
            and X.dtype == self.network_.dtype
            and X.ndim == 2
            and X.shape[1] == self.n_features_in_
            and len(X) > 0
            and not hasattr(self, "feature_names_in_")
            and bool(np.isfinite(X.sum()))  # NaN and ±inf leave their mark on a sum
        )

    def _to_state(self) -> tuple[dict[str, Any], dict[str, NDArray[Any]]]:
        check_is_fitted(self, "network_")
        params = self.get_params(deep=False)
        if not isinstance(self.hidden_layer_sizes, Integral):
            params["hidden_layer_sizes"] = _hidden_sizes(self.hidden_layer_sizes)
        if isinstance(params["random_state"], np.random.RandomState):
            params["random_state"] = None  # a generator's state is of no use to a fitted model
        network, arrays = self.network_._to_state()
        state = {
            "params": params,
            "network": network,
            "n_features_in_": self.n_features_in_,
            "loss_curve_": self.loss_curve_,
            "validation_scores_": self.validation_scores_,
        }
        if hasattr(self, "feature_names_in_"):
            state["feature_names_in_"] = self.feature_names_in_.tolist()
        return state, arrays

    @classmethod
    def _from_state(cls, state: dict[str, Any], arrays: dict[str, NDArray[Any]]) -> Self:
        params = state["params"]
        if isinstance(params["hidden_layer_sizes"], list):  # JSON has no tuples
            params["hidden_layer_sizes"] = tuple(params["hidden_layer_sizes"])
        self = cls(**params)
        self.network_ = Network._from_state(state["network"], arrays)
        self.n_features_in_ = state["n_features_in_"]
        if self.n_features_in_ != self.network_.sizes[0]:
            raise ValueError("n_features_in_ and the network's inputs differ")
        if "feature_names_in_" in state:
            self.feature_names_in_ = np.array(state["feature_names_in_"], dtype=object)
        scores = state["validation_scores_"] or []
        self._read_off(
            training.History(
                costs=state["loss_curve_"], scores=scores, best_score=max(scores, default=-np.inf)
            )
        )
        return self


def _hidden_sizes(sizes: ArrayLike) -> tuple[int, ...]:
    listed = np.ravel(sizes).tolist() if np.size(sizes) else []
    if not all(isinstance(s, int) and s > 0 for s in listed):
        raise ValueError(f"hidden_layer_sizes must be > 0, got {listed}.")
    return tuple(listed)
