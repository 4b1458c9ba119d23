"""Checkpoints: training that was killed resumes, with the same bits as without the interruption."""

from __future__ import annotations

import hashlib
import re
import time
from pathlib import Path
from typing import Any

import numpy as np
import scipy.sparse

from multilayer import fields
from multilayer.engine.arrays import is_foreign, to_numpy
from multilayer.engine.twister import WORDS, restore_twister
from multilayer.estimators.parameters import make_optimizer, make_schedule
from multilayer.persistence import FilePath, ModelFileError, load_with_notes, save
from multilayer.schedules import StepSchedule
from multilayer.training.state import Examples, State

__all__ = ["Checkpoint"]


class Checkpoint:
    """Callback that saves the state of training regularly, and resumes from a saved state.

    Give it to `set_callbacks`. Where its file exists, the next `fit` with the same data, validation
    rows and parameters resumes: the resulting network has the same bits as without the
    interruption, at whichever moment the first process died. Training that had finished is not
    repeated, but continues if `max_iter` has been increased. If anything else that affects the
    result has changed, `fit` raises ValueError and leaves the file unchanged.

    Parameters
    ----------
    path : str or os.PathLike
        The file. It is replaced atomically: it contains either the previous checkpoint or the new
        one.
    interval : float, default=10.0
        The minimum number of seconds between two checkpoints; 0 for one after every epoch. The last
        checkpoint is written at the end of training.

    Notes
    -----
    A checkpoint contains Θ, the state of the optimizer and of the random number generator, and the
    curves. For "lbfgs", it contains all gradients so far, because SciPy's solver cannot be resumed:
    its steps are repeated with these gradients, which are not computed again.

    Examples
    --------
    >>> import os, tempfile
    >>> from sklearn.datasets import make_moons
    >>> from multilayer import Checkpoint, MLPClassifier
    >>> X, y = make_moons(random_state=0)
    >>> path = os.path.join(tempfile.mkdtemp(), "moons.checkpoint")
    >>> clf = MLPClassifier(random_state=0, tol=0.01).set_callbacks(Checkpoint(path))
    >>> clf.fit(X, y).n_iter_ == clf.fit(X, y).n_iter_  # the second call finds the work done
    True
    """

    def __init__(self, path: FilePath, interval: float = 10.0) -> None:
        if not interval >= 0:
            raise ValueError(f"interval must be at least 0 seconds, got {interval}")
        self.path, self.interval = path, interval
        self._notes: dict[str, Any] = {}
        self._saved: State | None = None
        self._last = 0.0

    def open(self, rng: np.random.RandomState, random_state: Any) -> np.random.RandomState:
        """Read the file, if it exists, and return the initial random number generator.

        `fit` calls it before it draws anything.

        Parameters
        ----------
        rng : RandomState
            The random number generator of the fit, based on an MT19937.
        random_state : int, RandomState or None
            The parameter that it comes from.

        Returns
        -------
        RandomState
            `rng` itself; of `random_state=None` that with which the training saved began.

        Raises
        ------
        ValueError
            If the file is not a checkpoint, or has a different `random_state`.
        """
        self._saved, self._notes = None, {"start": _generator_to_json(rng)}
        if not Path(self.path).exists():
            return rng
        saved, notes = load_with_notes(self.path)
        if not isinstance(saved, State):
            kind = type(saved).__name__
            raise ValueError(f"{self.path} must be a checkpoint to resume from, but is a {kind}")
        try:
            start = _generator_from_json(notes["start"])
            fields.text("key", notes["key"])
            if notes["digest"] != saved.digest():
                raise ValueError("its state is not the one that was saved")
        except Exception as error:
            raise ModelFileError(f"{self.path} is a damaged checkpoint: {error!r}") from error
        if random_state is None:
            rng = start
        elif self._notes["start"] != notes["start"]:
            raise ValueError(
                f"{self.path} is the checkpoint of a training with another random_state than "
                f"{random_state!r}: pass the same, or remove the file to start again"
            )
        self._saved, self._notes = saved, {"start": notes["start"], "key": notes["key"]}
        return rng

    def resume(
        self, estimator: Any, state: State, examples: Examples, held_out: Examples | None
    ) -> None:
        """Restore the state from the file; `fit` calls this when everything is ready for training.

        Parameters
        ----------
        estimator : MLPClassifier or MLPRegressor
        state : State
            The state before training; changed in place.
        examples : Examples
            The training rows.
        held_out : Examples or None
            The validation rows.

        Raises
        ------
        ValueError
            If the file is of a training with other data, validation rows or parameters. The
            parameters that may differ are those that end training: `max_iter`, unless the learning
            rate depends on it or more epochs have been trained; of "lbfgs" `max_fun`, `tol` and
            `n_iter_no_change` too.
        TypeError
            If the network has user-defined functions, which cannot be saved.
        """
        if state.network.hidden and not all(isinstance(g, str) for g in state.network.hidden):
            raise TypeError("training with user-defined functions cannot be saved")
        if estimator.solver == "lbfgs":
            state.tape = []
        key = _key(estimator, state, examples, held_out)
        if (saved := self._saved) is not None:
            if self._notes["key"] != key:
                raise ValueError(
                    f"{self.path} is the checkpoint of a training with other data or parameters: "
                    "pass the same, or remove the file to start again"
                )
            if (what := _contradiction(saved, estimator, state, examples)) is not None:
                raise ModelFileError(f"{self.path} is a damaged checkpoint: {what}")
            if state.tape is None and saved.history.epochs > estimator.max_iter:
                raise ValueError(
                    f"{self.path} has {saved.history.epochs} epochs, more than max_iter: "
                    f"{estimator.max_iter}"
                )
            state.take_over(saved)
        self._notes["key"] = key
        self._last = time.monotonic()

    def setup(self, estimator: Any, context: Any) -> None:
        """Do nothing, at the start of a fit: `open` and `resume` prepare what is needed."""

    def on_fit_task_begin(self, estimator: Any, context: Any) -> None:
        """Do nothing: an epoch is saved when it ends."""

    def on_fit_task_end(self, estimator: Any, context: Any) -> None:
        """Save the state at the end of training, and after an epoch if `interval` has passed."""
        if context.parent is None or time.monotonic() - self._last >= self.interval:
            state = estimator.training_state_
            save(state, self.path, {**self._notes, "digest": state.digest()})
            self._last = time.monotonic()

    def teardown(self, estimator: Any, context: Any) -> None:
        """Do nothing: no file is left open."""


def _free(estimator: Any) -> set[str]:
    """Return the parameters that may differ when training resumes.

    Of "lbfgs" all steps are repeated, by which every rule of the end is the new one.
    """
    if estimator.solver == "lbfgs":
        return {"max_iter", "max_fun", "n_iter_no_change", "tol", "verbose"}
    schedule = make_schedule(estimator)
    stretches = isinstance(schedule, StepSchedule) and schedule.stretches
    return {"max_fun", "verbose"} | (set() if stretches else {"max_iter"})


def _key(estimator: Any, state: State, examples: Examples, held_out: Examples | None) -> str:
    """Compute a digest of everything that must be the same for training to resume."""
    digest = hashlib.blake2b(digest_size=16)
    params = estimator.get_params(deep=False)
    params["random_state"] = params["random_state"] is None  # `open` compares what it has drawn
    described = {name: _described(params[name]) for name in params.keys() - _free(estimator)}
    # Defaults are left out: a later release may have further parameters.
    defaults = type(estimator)().get_params(deep=False)
    named = sorted(x for x in described.items() if x[1] != _described(defaults[x[0]]))
    digest.update(repr([type(estimator).__name__, state.history.earlier, *named]).encode())
    for rows in (examples, held_out):
        digest.update(b"none" if rows is None else b"rows")
        for array in () if rows is None else _arrays_of(rows):
            if array is not None:
                digest.update(f"{array.shape}{array.dtype}".encode())
                digest.update(np.ascontiguousarray(array).data)
    for theta in state.network.thetas:
        digest.update(theta.data)
    return digest.hexdigest()


def _arrays_of(rows: Examples) -> list[Any]:
    X, Y, weights = rows
    if hasattr(X, "fingerprint"):  # rows that are stored elsewhere
        steps = np.frombuffer(str(X.sync_every).encode(), np.uint8)
        return [np.frombuffer(X.fingerprint(), np.uint8), steps, Y, weights]
    engine = np.array(is_foreign(X))  # which of the two makes the steps
    parts = [X.data, X.indices, X.indptr] if scipy.sparse.issparse(X) else [to_numpy(X)]
    return [engine, *parts, Y, weights]


def _described(value: Any) -> str:
    """Describe a parameter; a function by what it computes, not by its address."""
    if isinstance(value, np.ndarray):
        value = value.tolist()
    code = getattr(value, "__code__", None)
    if code is not None:
        cells = [cell.cell_contents for cell in value.__closure__ or ()]
        value = (value.__qualname__, code.co_code, code.co_consts, value.__defaults__, cells)
    return re.sub(" at 0x[0-9a-fA-F]+", "", repr(value))


def _contradiction(saved: State, estimator: Any, state: State, examples: Examples) -> str | None:
    """Return the first inconsistency between a saved state and the training to resume, or None."""
    for name in ("sizes", "hidden", "output", "loss", "dtype"):
        met, known = getattr(saved.network, name), getattr(state.network, name)
        if met != known:
            return f"its network has {name} {met} instead of {known}"
    if saved.history.earlier != state.history.earlier:
        return f"{saved.history.earlier} epochs came before it instead of {state.history.earlier}"
    m, epochs = examples.X.shape[0], saved.history.epochs
    if state.tape is None and saved.samples != state.samples + m * epochs:
        return f"{epochs} epochs of {m} rows cannot have seen {saved.samples}"
    if (saved.tape is not None) != (state.tape is not None):
        return "it is of another solver"
    if state.tape is None and len(saved.slots) != make_optimizer(estimator).n_slots:
        return f"it has {len(saved.slots)} slots, which {estimator.solver} has not"
    if saved.order is not None and len(saved.order) != m:
        return f"it has an order of {len(saved.order)} rows instead of {m}"
    return None


def _generator_to_json(rng: np.random.RandomState) -> dict[str, Any]:
    state: Any = rng.get_state(legacy=False)
    inner = {name: np.asarray(value).tolist() for name, value in state["state"].items()}
    return {**state, "state": inner}


def _generator_from_json(saved: dict[str, Any]) -> np.random.RandomState:
    if saved["bit_generator"] != "MT19937":
        raise ValueError(f"the generator must be an MT19937: {saved['bit_generator']!r}")
    key = fields.whole_numbers("key", saved["state"]["key"], most=2**32 - 1, length=WORDS)
    place = saved["state"]["pos"], saved["has_gauss"], saved["gauss"]
    return restore_twister(np.array(key, np.uint32), *place)
