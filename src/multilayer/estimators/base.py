"""What the two estimators share: the course of a fit.

fit: validate and encode, draw Θ, hand over to `training`, read off the attributes.
"""

from __future__ import annotations

import warnings
from abc import abstractmethod
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator, _fit_context, is_classifier
from sklearn.callback import CallbackSupportMixin, with_callbacks
from sklearn.utils import check_random_state
from sklearn.utils.metaestimators import available_if

from multilayer.engine import array_api as array_engine
from multilayer.engine.arrays import Place, dtype_of, is_foreign, to_numpy
from multilayer.engine.native import Progress
from multilayer.estimators.checkpoint import Checkpoint
from multilayer.estimators.convergence import tell_ending
from multilayer.estimators.held_out import Judge
from multilayer.estimators.inputs import Rows, check_inputs, check_rows, split
from multilayer.estimators.parameters import (
    CONSTRAINTS,
    hidden_sizes,
    make_activations,
    make_dropout,
    make_loss,
    make_optimizer,
    make_schedule,
    takes_all_rows,
)
from multilayer.estimators.persistence import SavableEstimator
from multilayer.estimators.reporting import Reportable
from multilayer.network import Floats, Network
from multilayer.training import loop as training
from multilayer.training.loop import Plan
from multilayer.training.progress import watcher_for_verbose
from multilayer.training.state import Examples, State

__all__ = ["BaseMLP", "in_steps"]


def _learns_in_steps(estimator: Any) -> bool:
    if isinstance(estimator.solver, str) and estimator.solver == "lbfgs":
        raise AttributeError(
            "partial_fit is only available for stochastic optimizers. lbfgs is not stochastic."
        )
    return True


in_steps = available_if(_learns_in_steps)  # methods that "lbfgs" does not have


class BaseMLP(CallbackSupportMixin, Reportable, SavableEstimator, BaseEstimator):
    """A network that is trained by `fit`; the classifier and the regressor say what y means."""

    _parameter_constraints: ClassVar[dict[str, list[Any]]] = CONSTRAINTS

    def _keep(self, parameters: dict[str, Any]) -> None:
        """Set the attributes of `__init__`, whose locals are given."""
        for name in self._get_param_names():
            setattr(self, name, parameters[name])

    @abstractmethod
    def _meet_targets(self, y: Any, first: bool, incremental: bool, classes: Any) -> None:
        """Learn what there is to predict, or see that it is what it was before."""

    @abstractmethod
    def _encode(self, y: Any, dtype: np.dtype[Any]) -> NDArray[Any]:
        """Turn y as given into what the network is trained on."""

    @abstractmethod
    def _decode(self, Y: NDArray[Any]) -> NDArray[Any]:
        """Turn that into y again."""

    @abstractmethod
    def _outputs(self, Y: NDArray[Any]) -> tuple[int, Any]:
        """How many output units, and of which kind."""

    @abstractmethod
    def _weighted(self, examples: Examples, incremental: bool) -> Examples:
        """Give the rows the weights that they have in training."""

    @abstractmethod
    def _score(self, examples: Examples) -> float:
        """Score of the network as it stands on encoded targets: larger is better."""

    @_fit_context(prefer_skip_nested_validation=True)  # type: ignore[untyped-decorator]
    def fit(
        self,
        X: ArrayLike,
        y: ArrayLike,
        sample_weight: ArrayLike | None = None,
        *,
        X_val: ArrayLike | None = None,
        y_val: ArrayLike | None = None,
        sample_weight_val: ArrayLike | None = None,
    ) -> Self:
        """Train the network on X and y.

        Parameters
        ----------
        X : array-like or sparse matrix, shape (m, n_features)
            float32 is trained in float32, all else in float64. Sparse rows stay sparse.
        y : array-like, shape (m,) or (m, n_outputs)
            Of a classifier labels; or 0 and 1 for each of several labels; or a column of labels for
            each target. Of a regressor numbers.
        sample_weight : array-like, shape (m,), optional
            What each row counts, not negative.
        X_val, y_val, sample_weight_val : array-like, optional
            Rows to validate on: scored after each epoch, and what `early_stopping` looks at. In a
            pipeline, `transform_input=["X_val"]` sends them through the steps before.

        Returns
        -------
        self

        Raises
        ------
        ValueError
            If X or y is empty, not finite or of wrong shape; if a parameter is out of its range.
        """
        held_out = Rows(X_val, y_val, sample_weight_val)
        return self._fit_rows(Rows(X, y, sample_weight), held_out)

    def _fit_rows(
        self, rows: Rows, held_out: Rows, classes: Any = None, incremental: bool = False
    ) -> Self:
        """Train; where that fails, leave what was fitted before."""
        before = self.__dict__.copy()
        try:
            self._run(rows, held_out, classes, incremental)
        except BaseException:
            self.__dict__.clear()
            self.__dict__.update(before)
            raise
        return self

    def initialize(self, X: ArrayLike, y: ArrayLike) -> Self:
        """Draw Θ for X and y without training: everything but `fit` has then been done.

        Parameters
        ----------
        X, y : array-like
            As for `fit`: what they hold says how many inputs and outputs there are, and of which
            kind; nothing is learned from them.

        Returns
        -------
        self
            Which predicts, badly, and from which `partial_fit`, or with `warm_start=True` `fit`,
            goes on.
        """
        rows = check_rows(self, Rows(X, y), reset=True)
        self._meet_targets(rows.y, True, False, None)
        examples = self._encoded(rows)
        state = self._start(examples, check_random_state(self.random_state), True, False)
        self.network_, self._state = state.network, state
        self._read_off(state)
        return self

    @with_callbacks  # type: ignore[untyped-decorator]
    def _run(self, rows: Rows, held_out: Rows, classes: Any, incremental: bool) -> None:
        hidden_sizes(self.hidden_layer_sizes)
        for name in ("l1", "clip_norm", "max_norm"):
            if self.solver == "lbfgs" and getattr(self, name):
                raise ValueError(
                    f"{name} needs a solver of steps, and lbfgs is none: {getattr(self, name)}"
                )
        if (held_out.X is None) != (held_out.y is None):
            raise ValueError("X_val and y_val go together: give both or neither")
        if incremental and self.early_stopping and held_out.X is None:
            raise ValueError(
                "partial_fit does not support early_stopping=True without X_val and y_val: the "
                "rows of one call say nothing of those of the next"
            )
        begun = "network_" in vars(self) or self._given_thetas() is not None
        first = not (begun and (self.warm_start or incremental))
        rows = check_rows(self, rows, reset=first)
        self._meet_targets(rows.y, first, incremental, classes)
        examples = self._encoded(rows)
        rng = check_random_state(self.random_state)
        checkpoints = [c for c in getattr(self, "_skl_callbacks", []) if isinstance(c, Checkpoint)]
        for checkpoint in checkpoints:
            rng = training.twister(rng)
            checkpoint.open(rng)
        state = self._start(examples, rng, first, incremental)
        state.begin(incremental)
        self.network_, self._state = state.network, state
        validation = None
        if held_out.X is not None:
            validation = self._encoded(check_rows(self, held_out, reset=False))
        elif self.early_stopping:
            # scikit-learn keeps the shares of the classes only where one unit tells two apart.
            two = is_classifier(self) and self.network_.sizes[-1] == 1
            examples, validation = split(examples, self.validation_fraction, state.rng, two)
        examples = self._weighted(examples, incremental)
        if self._dropout() and state.steps == 0:
            state.dropout_seed = int(state.rng.randint(2**31))
        for checkpoint in checkpoints:
            checkpoint.resume(self, state, examples)
        self._train(state, examples, Judge(self, validation) if validation else None, incremental)

    def _encoded(self, rows: Rows) -> Examples:
        return Examples(rows.X, self._encode(rows.y, dtype_of(rows.X)), rows.sample_weight)

    def _start(
        self, examples: Examples, rng: np.random.RandomState, first: bool, incremental: bool
    ) -> State:
        """Give the state to train from: a new one, or a copy of the last to go on with."""
        n_outputs, output = self._outputs(examples.Y)
        sizes = (examples.X.shape[1], *hidden_sizes(self.hidden_layer_sizes), n_outputs)
        if first or "network_" not in vars(self):
            return State(self._new_network(sizes, output, rng, examples, first), rng)
        if self.network_.sizes != sizes:
            raise ValueError(
                f"{'partial_fit' if incremental else 'warm_start'} goes on with a network of "
                f"layers {self.network_.sizes}, but the parameters and data ask for {sizes}"
            )
        state = self._state.copy() if "_state" in vars(self) else State(self.network_.copy(), rng)
        state.network = state.network.computing(
            make_activations(self.activation), make_loss(self.loss)
        )
        if not (incremental and isinstance(self.random_state, (int, np.integer))):
            state.rng = rng  # with a number, further calls must not draw what this one drew
        if not incremental:
            state.slots, state.steps, state.slowed, state.plateau = [], 0, 1.0, Progress()
        return state

    def _new_network(
        self,
        sizes: tuple[int, ...],
        output: Any,
        rng: np.random.RandomState,
        examples: Examples,
        first: bool,
    ) -> Network:
        initializer = self.initializer
        thetas = None if first else self._given_thetas()
        if not isinstance(initializer, str):
            thetas, initializer = list(initializer), "glorot"
        elif initializer == "auto":
            initializer = "glorot_logistic" if self.activation == "logistic" else "glorot"
        return Network(
            sizes,
            make_activations(self.activation),
            output,
            loss=make_loss(self.loss),
            thetas=thetas,
            initializer=initializer,
            random_state=rng,
            dtype=dtype_of(examples.X),
        )

    def _plan(self, m: int, max_iter: int, incremental: bool = False) -> Plan:
        """Put together how m rows are to be trained on."""
        restore = self.restore_best_weights
        return Plan(
            lambda_=0.0 if self._decays() else float(self.alpha),
            l1=float(self.l1),
            penalty_scale=self.penalty_scale,
            cost_share=self._cost_share(),
            schedule=make_schedule(self),
            clip_norm=np.inf if self.clip_norm is None else float(self.clip_norm),
            max_norm=np.inf if self.max_norm is None else float(self.max_norm),
            batch_size=self._batch_rows(m),
            max_iter=max_iter,
            shuffle=self.shuffle,
            tol=self.tol,
            n_iter_no_change=self.n_iter_no_change,
            max_fun=self.max_fun,
            label_smoothing=self._label_smoothing(),
            dropout=self._dropout(),
            early_stopping=self.early_stopping,
            restore_best=self.early_stopping if restore == "auto" else restore,
            incremental=incremental,
        )

    def _train(
        self, state: State, examples: Examples, judge: Judge | None, incremental: bool
    ) -> None:
        self._read_off(state)
        max_iter = 1 if incremental else self.max_iter
        plan = self._plan(examples.X.shape[0], max_iter, incremental)
        context = self._init_callback_context(max_subtasks=max_iter)
        context.call_on_fit_task_begin(estimator=self, X=examples.X, y=examples.Y)
        with watcher_for_verbose(self.verbose, max_iter) as tell:
            # Where nobody watches, one call of the engine may last many epochs.
            watched = tell or getattr(self, "_skl_callbacks", None)
            watch = self._watch(context, tell) if watched else None
            if self.solver == "lbfgs":
                training.minimize(state, examples, plan, validate=judge, watch=watch)
            else:
                optimizer = make_optimizer(self)
                training.train(state, examples, optimizer, plan, validate=judge, watch=watch)
        self._read_off(state)
        tell_ending(self, state.history, incremental)
        context.call_on_fit_task_end(
            estimator=self,
            X=examples.X,
            y=examples.Y,
            reconstruction_attributes=self._reconstruction,
        )
        state.tape = None

    def _decays(self) -> bool:
        """Whether `alpha` is the decay of the optimizer rather than a penalty."""
        return isinstance(self.solver, str) and self.solver == "adamw"

    def _cost_share(self) -> float:
        """By what the data's part of the reported cost is multiplied."""
        return 1.0

    def _label_smoothing(self) -> float:
        """ε, where there are labels."""
        return 0.0

    def _dropout(self) -> tuple[float, ...] | None:
        rates = make_dropout(self.dropout, len(hidden_sizes(self.hidden_layer_sizes)))
        if rates and self.solver == "lbfgs":
            raise ValueError("dropout needs a solver of steps; lbfgs sees another cost each time")
        return rates

    def _batch_rows(self, m: int) -> int | None:
        if takes_all_rows(self):
            return None
        if isinstance(self.batch_size, str):  # "auto"
            return min(200, m)
        if self.batch_size > m:
            warnings.warn(
                f"Got `batch_size` larger than sample size: batch_size is {self.batch_size}, but "
                f"there are only {m} rows to train on. All of them make one batch.",
                stacklevel=7,
            )
        return min(int(self.batch_size), m)

    def _watch(self, context: Any, tell: Any) -> training.Watch:
        """Tell the callbacks and the terminal of each epoch."""

        def watch(state: State) -> bool:
            self._read_off(state)
            if tell:
                tell(self)
            epoch = context.subcontext(task_name="epoch")
            epoch.call_on_fit_task_begin(estimator=self)
            stop: bool = epoch.call_on_fit_task_end(
                estimator=self, reconstruction_attributes=self._reconstruction
            )
            return stop

        return watch

    def _reconstruction(self) -> dict[str, Any]:
        return {"network_": self.network_.copy()}

    def _cost(self, examples: Examples) -> float:
        """Cost of the network as it stands, without the penalty."""
        network, (X, Y, weights) = self.network_, examples
        runner = array_engine.choose(network.hidden, network.loss, X)
        names = {"loss": network.loss, "weights": weights}
        J = runner.cost(network.thetas, X, Y, network.hidden, network.output, **names)
        return float(self._cost_share() * J)

    def _forward(self, X: ArrayLike) -> Floats:
        X = self._checked(X)
        return to_numpy(self.network_.forward(X))

    def _checked(self, X: Any) -> Any:
        """Give X as the network takes it."""
        return check_inputs(self, X)

    def _at_home(self, X: Any, result: NDArray[Any]) -> Any:
        """Give results in the library of X, where X lives."""
        return Place(X).take_in(result) if is_foreign(X) else result

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        # Units that add up to 1 cannot tell several labels of a row.
        tags.target_tags.multi_output = getattr(self, "output_activation", None) != "softmax"
        return tags
