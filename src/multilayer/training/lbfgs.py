"""Training by L-BFGS (SciPy's), which uses all rows at each evaluation."""

from __future__ import annotations

import numpy as np
import scipy.optimize
from numpy.typing import NDArray

from multilayer.engine.choice import engine_for
from multilayer.engine.interface import Examples, MakeEngine
from multilayer.engine.threads import one_blas_thread
from multilayer.network import Floats
from multilayer.training.config import Config
from multilayer.training.monitor import Monitor, Validate, Watch
from multilayer.training.state import State, restore

__all__ = ["minimize"]


def minimize(
    state: State,
    examples: Examples,
    config: Config,
    *,
    engine: MakeEngine = engine_for,
    validate: Validate | None = None,
    watch: Watch | None = None,
) -> None:
    """Train by L-BFGS; an iteration counts as an epoch.

    Parameters
    ----------
    state, examples, config, engine, validate, watch
        As for `multilayer.training.loop.train`.
    """
    history, thetas = state.history, state.network.thetas
    objective, share = config.objective, config.objective.cost_share
    monitor = Monitor(state, config, validate, watch)
    sizes = np.cumsum([theta.size for theta in thetas])[:-1]
    tried = [theta.copy() for theta in thetas]  # Θ of an evaluation
    problem = engine(tried, examples, objective)

    def unpack(x: NDArray[np.float64], into: list[Floats]) -> None:
        parts = np.split(x, sizes)
        restore(into, [part.reshape(t.shape) for part, t in zip(parts, into, strict=True)])

    evaluations, replayed = 0, len(state.tape or ())

    def evaluate(x: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        nonlocal evaluations
        evaluations += 1
        if state.tape and evaluations <= len(state.tape):
            return state.tape[evaluations - 1]
        result = compute(x)
        if state.tape is not None:
            state.tape.append(result)
        return result

    def compute(x: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        unpack(x, tried)
        cost, D = problem.cost_and_gradient()
        if share != 1:  # of the cost alone, so that the line search follows that of scikit-learn
            rows = examples.X.shape[0] if examples.weights is None else examples.weights.sum()
            squares = sum(float((theta[:, 1:] ** 2).sum()) for theta in tried)
            penalty = objective.lambda_ / 2 * squares / rows
            cost = share * (cost - penalty) + penalty
        return cost, np.concatenate([d.ravel() for d in D]).astype(np.float64, copy=False)

    def after_iteration(intermediate_result: scipy.optimize.OptimizeResult) -> None:
        cost = float(intermediate_result.fun)
        if not np.isfinite(cost):
            history.status = "diverged"
            raise StopIteration
        history.costs.append(cost)
        state.samples += examples.X.shape[0]
        unpack(intermediate_result.x, thetas)
        monitor.after_epoch(seen_before=evaluations < replayed)
        if history.status != "running":
            raise StopIteration

    start = np.concatenate([theta.ravel() for theta in thetas]).astype(np.float64)
    if not np.isfinite(evaluate(start)[0]):
        history.status = "diverged"
        return
    options = {"maxiter": config.max_iter, "maxfun": config.max_fun, "gtol": config.tol}
    try:
        with one_blas_thread():  # with more threads, SciPy's sums are rounded differently
            result = scipy.optimize.minimize(
                evaluate,
                start,
                method="L-BFGS-B",
                jac=True,
                options=options,
                callback=after_iteration,
            )
        if not history.epochs:  # the start was the minimum already
            history.costs.append(float(result.fun))
        if history.status == "running":
            history.status = {0: "converged", 1: "max_iter"}.get(result.status, "abnormal")
    except KeyboardInterrupt:
        history.status = "interrupted"
    monitor.after_training()
