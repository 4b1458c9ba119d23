"""The parameters of the estimators: their valid values, and the settings made from them."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from numbers import Integral, Real
from typing import Any

import numpy as np
from sklearn.metrics import get_scorer_names
from sklearn.utils._param_validation import Interval, Options, StrOptions

from multilayer import optimizers
from multilayer.activations import ACTIVATIONS, Activation
from multilayer.engine.interface import Descent
from multilayer.initialization import INITIALIZERS
from multilayer.losses import LOSSES, CustomLoss, Loss
from multilayer.network import Network
from multilayer.optimizers import Optimizer
from multilayer.schedules import SCHEDULES, Constant, FunctionOfStep, InverseScaling, Schedule
from multilayer.training.config import Config

__all__ = [
    "CONSTRAINTS",
    "SOLVERS",
    "check_parameters",
    "hidden_sizes",
    "loss_names",
    "make_activations",
    "make_config",
    "make_dropout",
    "make_loss",
    "make_optimizer",
    "make_schedule",
    "penalty",
    "takes_all_rows",
]

# An optimizer by its name, from the numbers that an estimator's parameters hold.
SOLVERS: dict[str, Callable[[Any], Optimizer]] = {
    "gd": lambda p: optimizers.GradientDescent(float(p.learning_rate_init)),
    "sgd": lambda p: optimizers.SGD(
        float(p.learning_rate_init), float(p.momentum), bool(p.nesterovs_momentum)
    ),
    "adam": lambda p: optimizers.Adam(*_adams_numbers(p)),
    "adamw": lambda p: optimizers.AdamW(*_adams_numbers(p), weight_decay=float(p.alpha)),
    "nadam": lambda p: optimizers.NAdam(*_adams_numbers(p)),
    "rmsprop": lambda p: optimizers.RMSprop(float(p.learning_rate_init), epsilon=float(p.epsilon)),
    "rprop": lambda p: optimizers.Rprop(float(p.learning_rate_init)),
    "lion": lambda p: optimizers.Lion(
        float(p.learning_rate_init), float(p.beta_1), float(p.beta_2)
    ),
}
_OF_ALL_ROWS = (optimizers.GradientDescent, optimizers.Rprop)

_POSITIVE = Interval(Real, 0, None, closed="neither")
_NOT_NEGATIVE = Interval(Real, 0, None, closed="left")
_SHARE = Interval(Real, 0, 1, closed="left")

CONSTRAINTS: dict[str, list[Any]] = {
    "hidden_layer_sizes": ["array-like", Interval(Integral, 1, None, closed="left")],
    "activation": [StrOptions(set(ACTIVATIONS)), "array-like", tuple],
    "solver": [StrOptions({*SOLVERS, "lbfgs"}), Optimizer],
    "alpha": [_NOT_NEGATIVE],
    "batch_size": [StrOptions({"auto"}), Interval(Integral, 1, None, closed="left")],
    "learning_rate": [StrOptions(set(SCHEDULES)), Schedule, callable],
    "learning_rate_init": [_POSITIVE],
    "power_t": [_NOT_NEGATIVE],
    "max_iter": [Interval(Integral, 1, None, closed="left")],
    "shuffle": ["boolean"],
    "random_state": ["random_state"],
    "tol": [_NOT_NEGATIVE],
    "verbose": ["verbose"],
    "warm_start": ["boolean"],
    "momentum": [Interval(Real, 0, 1, closed="both")],
    "nesterovs_momentum": ["boolean"],
    "early_stopping": ["boolean"],
    "validation_fraction": [_SHARE],
    "beta_1": [_SHARE],
    "beta_2": [_SHARE],
    "epsilon": [_POSITIVE],
    "n_iter_no_change": [Interval(Integral, 1, None, closed="left"), Options(Real, {np.inf})],
    "max_fun": [Interval(Integral, 1, None, closed="left")],
    "initializer": [StrOptions({"auto", *INITIALIZERS}), list, tuple],
    "penalty_scale": [StrOptions({"batch", "sample"})],
    "l1": [_NOT_NEGATIVE],
    "dropout": [_SHARE, "array-like"],
    "clip_norm": [_POSITIVE, None],
    "max_norm": [_POSITIVE, None],
    "scoring": [StrOptions({"loss", *get_scorer_names()}), callable, None],
    "restore_best_weights": ["boolean", StrOptions({"auto"})],
}


def check_parameters(estimator: Any) -> None:
    """Check each parameter of an estimator by itself, as scikit-learn's `fit` does.

    Raises
    ------
    ValueError
        If a parameter is out of its range.
    """
    estimator._validate_params()  # scikit-learn's own name for it


def check_combination(estimator: Any) -> None:
    """Check combinations of parameters, each of which is valid by itself."""
    hidden_sizes(estimator.hidden_layer_sizes)
    for name in ("l1", "clip_norm", "max_norm"):
        if estimator.solver == "lbfgs" and (value := getattr(estimator, name)):
            raise ValueError(f"{name} requires a stochastic solver, which lbfgs is not: {value}")


def make_config(
    estimator: Any,
    network: Network,
    m: int,
    *,
    cost_share: float = 1.0,
    max_iter: int | None = None,
    incremental: bool = False,
) -> Config:
    """Collect the settings for training a network on m rows.

    Parameters
    ----------
    estimator : MLPClassifier or MLPRegressor
    network : Network
    m : int
        Rows to train on.
    cost_share : float
        See `Objective`.
    max_iter : int, optional
        In place of the estimator's, whose schedules go on as if it had that one.
    incremental : bool
        For one call of `partial_fit`: one epoch.
    """
    stochastic = estimator.solver != "lbfgs"
    numbers: dict[str, Any] = {"lambda_": penalty(estimator), "cost_share": cost_share}
    numbers["label_smoothing"] = float(getattr(estimator, "label_smoothing", 0.0))
    dropout = make_dropout(estimator.dropout, len(network.hidden))
    descent = None
    if stochastic:
        numbers["l1"] = float(estimator.l1)
        numbers["penalty_rows"] = None if estimator.penalty_scale == "batch" else m
        descent = Descent(
            make_optimizer(estimator),
            _batch_rows(estimator, m),
            np.inf if estimator.clip_norm is None else float(estimator.clip_norm),
            np.inf if estimator.max_norm is None else float(estimator.max_norm),
            dropout,
        )
    elif dropout:
        raise ValueError("dropout requires a stochastic solver, which lbfgs is not")
    restore = estimator.restore_best_weights
    epochs = 1 if incremental else estimator.max_iter
    return Config(
        network.objective(**numbers),
        descent,
        make_schedule(estimator),
        epochs if max_iter is None else max_iter,
        epochs,
        shuffle=estimator.shuffle,
        tol=estimator.tol,
        n_iter_no_change=estimator.n_iter_no_change,
        max_fun=estimator.max_fun,
        early_stopping=estimator.early_stopping,
        restore_best=estimator.early_stopping if restore == "auto" else restore,
        incremental=incremental,
    )


def penalty(estimator: Any) -> float:
    """Return λ: 0 where `alpha` is the decay of the optimizer rather than a penalty."""
    decays = isinstance(estimator.solver, str) and estimator.solver == "adamw"
    return 0.0 if decays else float(estimator.alpha)


def _batch_rows(estimator: Any, m: int) -> int | None:
    """Return the rows of a batch; None for all rows at every step."""
    if takes_all_rows(estimator):
        return None
    if isinstance(estimator.batch_size, str):  # "auto"
        return min(200, m)
    if estimator.batch_size > m:
        warnings.warn(
            f"Got `batch_size` larger than sample size: batch_size is {estimator.batch_size}, but "
            f"there are only {m} rows to train on. All of them make one batch.",
            stacklevel=9,
        )
    return min(int(estimator.batch_size), m)


def make_optimizer(estimator: Any) -> Optimizer:
    """Return the optimizer of `solver`; None for "lbfgs"."""
    solver = estimator.solver
    if isinstance(solver, Optimizer):
        return solver
    return SOLVERS[solver](estimator)


def make_schedule(estimator: Any) -> Schedule:
    """Return the schedule that `learning_rate` names, is, or computes."""
    schedule = estimator.learning_rate
    if isinstance(schedule, Schedule):
        return schedule
    if callable(schedule):
        return FunctionOfStep(schedule)
    if schedule in ("invscaling", "adaptive") and estimator.solver == "adam":
        return Constant()  # as in scikit-learn
    if schedule == "invscaling":
        return InverseScaling(float(estimator.power_t))
    return SCHEDULES[schedule]()


def loss_names(*outputs: str) -> set[str]:
    """Return the names of the losses that are defined for one of these output units."""
    return {name for name, loss in LOSSES.items() if not set(outputs).isdisjoint(loss.outputs)}


def make_loss(loss: Any) -> Loss:
    """Return the loss that a name, a `Loss` or a pair of functions stands for."""
    if isinstance(loss, str):
        return LOSSES[loss]()
    if isinstance(loss, Loss):
        return loss
    if len(loss) != 2 or not all(map(callable, loss)):
        raise ValueError(
            f"loss must be a name, a Loss, or a pair of functions, cost and gradient; got {loss!r}"
        )
    return CustomLoss(*loss)


def make_activations(activation: Any) -> Any:
    """Return the name of an activation, a pair of functions as such, or one for each layer."""
    if isinstance(activation, str):
        return activation
    if len(activation) == 2 and all(map(callable, activation)):
        return Activation(*activation)
    return [make_activations(layer) for layer in activation]


def make_dropout(dropout: Any, n_hidden: int) -> tuple[float, ...] | None:
    """Return the dropout rates of the input and of each hidden layer; None without dropout."""
    if np.ndim(dropout) == 0:
        rates = (0.0, *[float(dropout)] * n_hidden)
    else:
        rates = tuple(map(float, dropout))
        if len(rates) != n_hidden + 1 or not all(0 <= rate < 1 for rate in rates):
            raise ValueError(
                f"dropout must be one share, or {n_hidden + 1}, for the input and each hidden "
                f"layer, at least 0 and less than 1: {dropout}"
            )
    return rates if any(rates) else None


def takes_all_rows(estimator: Any) -> bool:
    """Whether every step uses all rows, regardless of `batch_size`."""
    solver = estimator.solver
    return solver in ("gd", "rprop", "lbfgs") or isinstance(solver, _OF_ALL_ROWS)


def hidden_sizes(sizes: Any) -> tuple[int, ...]:
    """Return `hidden_layer_sizes` as a tuple, each of its numbers checked."""
    if np.ndim(sizes) > 1:
        raise ValueError(f"hidden_layer_sizes must be a number or a sequence of them, got {sizes}")
    listed = np.ravel(sizes).tolist() if np.size(sizes) else []
    if not all(isinstance(s, int) and s > 0 for s in listed):
        raise ValueError(f"hidden_layer_sizes must be > 0, got {listed}.")
    return tuple(listed)


def _adams_numbers(p: Any) -> tuple[float, float, float, float]:
    return float(p.learning_rate_init), float(p.beta_1), float(p.beta_2), float(p.epsilon)
