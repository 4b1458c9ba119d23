"""Fit: the path from encoded rows to a trained network, for every estimator that trains one.

Rows in memory, rows in parts that are stored elsewhere, a search that trains step by step, and the
playground all go through it: draw Θ or go on from the last, set rows aside, seed dropout, resume
from a checkpoint, train, set the attributes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
from sklearn.callback import with_callbacks
from sklearn.utils import check_random_state

from multilayer.engine.arrays import dtype_of
from multilayer.engine.choice import engine_for
from multilayer.engine.interface import Examples, MakeEngine, PlateauCounter
from multilayer.engine.twister import make_twister
from multilayer.estimators.attributes import publish, thetas_given
from multilayer.estimators.checkpoint import Checkpoint
from multilayer.estimators.convergence import explosion, warn_of_ending
from multilayer.estimators.inputs import Rows, check_rows
from multilayer.estimators.parameters import (
    hidden_sizes,
    make_activations,
    make_config,
    make_loss,
)
from multilayer.estimators.targets import Targets, learn_targets
from multilayer.network import Network
from multilayer.training.config import Config
from multilayer.training.lbfgs import minimize
from multilayer.training.loop import train, twister
from multilayer.training.monitor import Validate, Watch
from multilayer.training.progress import watcher_for_verbose
from multilayer.training.state import State

__all__ = ["Fit", "conduct", "encode", "open_checkpoints", "read", "rollback"]


def read(
    estimator: Any,
    rows: Rows,
    *,
    first: bool = True,
    incremental: bool = False,
    classes: Any = None,
) -> tuple[Targets, Examples]:
    """Check rows, learn the targets, and encode both.

    Parameters
    ----------
    estimator : MLPClassifier or MLPRegressor
    rows : Rows
        As a user gives them.
    first, incremental, classes
        See `multilayer.estimators.targets.learn_targets`.
    """
    rows = check_rows(estimator, rows, reset=first)
    targets = learn_targets(
        estimator, rows.y, first=first, incremental=incremental, classes=classes
    )
    return targets, encode(targets, rows)


def encode(targets: Targets, rows: Rows) -> Examples:
    """Encode checked rows."""
    return Examples(rows.X, targets.encode(rows.y, dtype_of(rows.X)), rows.sample_weight)


class Fit:
    """A fit in progress.

    Making it draws Θ, or copies the last to go on with, and makes the estimator a fitted one, of
    which each further call changes the network. Of the estimator's parameters, those of training
    may be changed between two calls of `train_until`.

    Parameters
    ----------
    estimator : MLPClassifier or MLPRegressor
    targets : Targets
    examples : Examples
        As `targets` encodes them.
    rng : RandomState, optional
        By default the one that `random_state` defines.
    first : bool
        Begin with a new network, unless the user has set weights.
    incremental : bool
        For one call of `partial_fit`: one epoch, as if there had been no break.
    engine : callable
        Makes the engine.
    divide : callable, optional
        Called with this object; returns the rows to learn from, with their weights in training,
        and a function that validates or None. By default all rows are learned from.

    Attributes
    ----------
    estimator, targets, engine
        As given.
    examples : Examples
        The rows that are learned from.
    state : State
    """

    def __init__(
        self,
        estimator: Any,
        targets: Targets,
        examples: Examples,
        *,
        rng: np.random.RandomState | None = None,
        first: bool = True,
        incremental: bool = False,
        engine: MakeEngine = engine_for,
        divide: Callable[[Fit], tuple[Examples, Validate | None]] | None = None,
    ) -> None:
        rng = _generator(estimator.random_state) if rng is None else rng
        self.estimator, self.targets, self.engine = estimator, targets, engine
        self._incremental = incremental
        self.state = _starting_state(estimator, targets, examples, rng, first, incremental)
        self.state.begin(incremental)
        estimator.targets_ = targets
        publish(estimator, self.state)
        self.examples, self._validate = examples, None
        if divide is None:
            self.examples = targets.weigh(examples)
        else:
            self.examples, self._validate = divide(self)

    def run(self) -> None:
        """Train until a criterion of the parameters is met, and warn of any other end."""
        estimator, state, examples = self.estimator, self.state, self.examples
        config = self._config()
        self._seed_dropout(config)
        for checkpoint in _checkpoints(estimator):
            held_out = None if self._validate is None else self._validate.examples
            checkpoint.resume(estimator, state, examples, held_out)
        publish(estimator, state)
        start = [theta.copy() for theta in state.network.thetas]
        context = estimator._init_callback_context(max_subtasks=config.max_iter)
        context.call_on_fit_task_begin(estimator=estimator, X=examples.X, y=examples.Y)
        with watcher_for_verbose(estimator.verbose, config.max_iter) as tell:
            # Where nobody watches, one call of the engine may last many epochs.
            watch = self._watch(context, tell) if tell or _callbacks(estimator) else None
            self._train(config, watch)
        publish(estimator, state)
        costs = state.history.costs[state.history.earlier :]
        exploded = explosion(state.network, start, self.examples, self.engine, costs)
        warn_of_ending(estimator, state.history, self._incremental, exploded)
        context.call_on_fit_task_end(
            estimator=estimator,
            X=examples.X,
            y=examples.Y,
            reconstruction_attributes=self._reconstruction,
        )
        state.tape = state.last = None

    def train_until(self, epochs: int) -> int:
        """Train up to a total number of epochs, with the same bits as in a single call.

        Parameters
        ----------
        epochs : int
            Counted from the start of this fit.

        Returns
        -------
        int
            The number of epochs so far, which is smaller if training has converged.

        Raises
        ------
        FloatingPointError
            If training diverges; Θ is then that of the last finite step.
        KeyboardInterrupt
        """
        history = self.state.history
        if history.status == "max_iter":
            history.status = "running"
        config = self._config(epochs)
        self._seed_dropout(config)
        self._train(config, None)
        publish(self.estimator, self.state)
        if history.status == "interrupted":
            raise KeyboardInterrupt
        if history.status == "diverged":
            raise FloatingPointError(
                f"training diverged in epoch {history.epochs + 1}: learning_rate_init is "
                f"{self.estimator.learning_rate_init:g}"
            )
        return history.epochs

    def _config(self, max_iter: int | None = None) -> Config:
        return make_config(
            self.estimator,
            self.state.network,
            self.examples.X.shape[0],
            cost_share=self.targets.cost_share,
            max_iter=max_iter,
            incremental=self._incremental,
        )

    def _seed_dropout(self, config: Config) -> None:
        """Draw the seed of dropout when training begins, from the estimator's random numbers."""
        if config.descent and config.descent.dropout and self.state.steps == 0:
            self.state.dropout_seed = int(self.state.rng.randint(2**31))

    def _train(self, config: Config, watch: Watch | None) -> None:
        by = minimize if config.descent is None else train
        by(
            self.state,
            self.examples,
            config,
            engine=self.engine,
            validate=self._validate,
            watch=watch,
        )

    def _watch(self, context: Any, tell: Any) -> Watch:
        """Return a function that notifies the callbacks and the terminal of each epoch."""

        def watch(state: State) -> bool:
            publish(self.estimator, state)
            if tell:
                tell(self.estimator)
            epoch = context.subcontext(task_name="epoch")
            epoch.call_on_fit_task_begin(estimator=self.estimator)
            stop: bool = epoch.call_on_fit_task_end(
                estimator=self.estimator, reconstruction_attributes=self._reconstruction
            )
            return stop

        return watch

    def _reconstruction(self) -> dict[str, Any]:
        return {"network_": self.state.network.copy()}


def conduct(estimator: Any, prepare: Callable[[], Fit]) -> None:
    """Prepare a fit and run it, including scikit-learn's callbacks; roll back if it fails.

    Parameters
    ----------
    estimator : MLPClassifier or MLPRegressor
    prepare : callable
        Checks the input, and creates the fit.
    """
    with rollback(estimator):
        _run(estimator, prepare)


@with_callbacks  # type: ignore[untyped-decorator]
def _run(estimator: Any, prepare: Callable[[], Fit]) -> None:
    prepare().run()


def _callbacks(estimator: Any) -> list[Any]:
    """Return the callbacks that scikit-learn's `set_callbacks` has set."""
    callbacks: list[Any] = getattr(estimator, "_skl_callbacks", [])
    return callbacks


def _checkpoints(estimator: Any) -> list[Checkpoint]:
    return [callback for callback in _callbacks(estimator) if isinstance(callback, Checkpoint)]


def open_checkpoints(estimator: Any) -> np.random.RandomState:
    """Return the random number generator of a fit, reset to the start of a saved training."""
    rng = _generator(estimator.random_state)
    for checkpoint in _checkpoints(estimator):
        rng = checkpoint.open(twister(rng), estimator.random_state)
    return rng


def _generator(random_state: Any) -> np.random.RandomState:
    if isinstance(random_state, int | np.integer):
        return make_twister(int(random_state))
    rng: np.random.RandomState = check_random_state(random_state)
    return rng


@contextmanager
def rollback(estimator: Any) -> Iterator[None]:
    """Restore the estimator if the block fails."""
    before = vars(estimator).copy()
    try:
        yield
    except BaseException:
        vars(estimator).clear()
        vars(estimator).update(before)
        raise


def _starting_state(
    estimator: Any,
    targets: Targets,
    examples: Examples,
    rng: np.random.RandomState,
    first: bool,
    incremental: bool,
) -> State:
    """Return the state to train from: a new one, or a copy of the last one."""
    n_outputs, output = targets.units()
    sizes = (examples.X.shape[1], *hidden_sizes(estimator.hidden_layer_sizes), n_outputs)
    known: Network | None = vars(estimator).get("network_")
    if first or known is None:
        thetas = None if first else thetas_given(estimator)
        dtype = dtype_of(examples.X)
        return State(_new_network(estimator, sizes, output, thetas, rng, dtype), rng)
    if known.sizes != sizes:
        raise ValueError(
            f"{'partial_fit' if incremental else 'warm_start'} goes on with a network of "
            f"layers {known.sizes}, but the parameters and data ask for {sizes}"
        )
    last: State | None = vars(estimator).get("training_state_")
    state = State(known.copy(), rng) if last is None else last.copy()
    state.network = state.network.computing(
        make_activations(estimator.activation), make_loss(estimator.loss)
    )
    if not (incremental and isinstance(estimator.random_state, (int, np.integer))):
        state.rng = rng  # with a number, further calls must not draw what this one drew
    if not incremental:
        state.slots, state.steps, state.slowed = [], 0, 1.0
        state.slow_plateau = PlateauCounter()
    return state


def _new_network(
    estimator: Any,
    sizes: tuple[int, ...],
    output: Any,
    thetas: Any,
    rng: np.random.RandomState,
    dtype: np.dtype[Any],
) -> Network:
    initializer = estimator.initializer
    if not isinstance(initializer, str):
        thetas, initializer = list(initializer), "glorot"
    elif initializer == "auto":
        initializer = "glorot_logistic" if estimator.activation == "logistic" else "glorot"
    return Network(
        sizes,
        make_activations(estimator.activation),
        output,
        loss=make_loss(estimator.loss),
        thetas=thetas,
        initializer=initializer,
        random_state=rng,
        dtype=dtype,
    )
