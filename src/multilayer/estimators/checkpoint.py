"""Checkpoints: a training that was killed goes on as if it had never stopped, to the same bits."""

from __future__ import annotations

import hashlib
import time
from pathlib import Path
from typing import Any

import numpy as np
import scipy.sparse

from multilayer.engine.arrays import to_numpy
from multilayer.persistence import FilePath, load, read_notes, save
from multilayer.training.state import Examples, State

__all__ = ["Checkpoint"]

# What may be another when training goes on: it changes where training ends, or what is shown.
_FREE = {"max_iter", "max_fun", "n_iter_no_change", "tol", "verbose"}


class Checkpoint:
    """Callback that saves a training as it goes, and goes on from what it finds saved.

    Give it to `set_callbacks`. Where its file exists, the next `fit` with the same data and
    parameters resumes: the network that comes out has the same bits as if nothing had happened,
    whatever the moment at which the first process died. A training that had ended is not repeated,
    but goes on when `max_iter` has been raised.

    Parameters
    ----------
    path : str or os.PathLike
        The file, which is replaced as a whole: it holds the checkpoint before or the new one.
    interval : float, default=10.0
        Seconds between two checkpoints at least; 0 for one after every epoch. There is always one
        at the end.

    Notes
    -----
    A checkpoint holds Θ, what the optimizer remembers, the state of the random numbers and the
    curves. Of "lbfgs" it holds every gradient so far, because SciPy's solver cannot be taken up in
    the middle: its steps are repeated from them, without computing them again.

    Examples
    --------
    >>> import os, tempfile
    >>> from sklearn.datasets import make_moons
    >>> from multilayer import Checkpoint, MLPClassifier
    >>> X, y = make_moons(random_state=0)
    >>> path = os.path.join(tempfile.mkdtemp(), "moons.checkpoint")
    >>> clf = MLPClassifier(random_state=0, tol=0.01).set_callbacks(Checkpoint(path))
    >>> clf.fit(X, y).n_iter_ == clf.fit(X, y).n_iter_  # the second finds all work done
    True
    """

    def __init__(self, path: FilePath, interval: float = 10.0) -> None:
        if not interval >= 0:
            raise ValueError(f"interval must be at least 0 seconds, got {interval}")
        self.path, self.interval = path, interval
        self._notes: dict[str, Any] = {}
        self._saved: State | None = None
        self._last = 0.0

    def open(self, rng: np.random.RandomState) -> None:
        """Read the file, if there is one, and set `rng` to where the training saved began.

        `fit` calls it before it draws anything.

        Parameters
        ----------
        rng : RandomState
            The random numbers of the fit.

        Raises
        ------
        ValueError
            If the file holds something else than a checkpoint.
        """
        self._saved, self._notes = None, {}
        if Path(self.path).exists():
            self._saved, self._notes = load(self.path), read_notes(self.path)
            if not isinstance(self._saved, State):
                kind = type(self._saved).__name__
                raise ValueError(f"{self.path} must be a checkpoint to go on from, but is a {kind}")
            rng.set_state(_generator_from_json(self._notes["start"]))
        self._notes["start"] = _generator_to_json(rng)

    def resume(self, estimator: Any, state: State, examples: Examples) -> None:
        """Restore the state that the file holds; `fit` calls it when everything is ready to train.

        Parameters
        ----------
        estimator : MLPClassifier or MLPRegressor
        state : State
            That of a training which has not begun; changed in place.
        examples : Examples
            What is trained on.

        Raises
        ------
        ValueError
            If the file is of a training with other data or parameters.
        TypeError
            If the network has functions of one's own, which no file can hold.
        """
        if state.network.hidden and not all(isinstance(g, str) for g in state.network.hidden):
            raise TypeError("a training with functions of one's own cannot be saved")
        if estimator.solver == "lbfgs":
            state.tape = []
        key = _key(estimator, state, examples)
        if self._saved is not None:
            if self._notes["key"] != key:
                raise ValueError(
                    f"{self.path} is the checkpoint of a training with other data or parameters: "
                    "give the same, or remove the file to begin anew"
                )
            state.take_over(self._saved)
        self._notes["key"] = key
        self._last = time.monotonic()

    def setup(self, estimator: Any, context: Any) -> None:
        """Do nothing, at the start of a fit: `open` and `resume` prepare what is needed."""

    def on_fit_task_begin(self, estimator: Any, context: Any) -> None:
        """Do nothing: an epoch is saved when it ends."""

    def on_fit_task_end(self, estimator: Any, context: Any) -> None:
        """Save: after an epoch where `interval` has passed, at the end of training always."""
        if context.parent is None or time.monotonic() - self._last >= self.interval:
            save(estimator.training_state_, self.path, self._notes)
            self._last = time.monotonic()

    def teardown(self, estimator: Any, context: Any) -> None:
        """Do nothing: no file is left open."""


def _key(estimator: Any, state: State, examples: Examples) -> str:
    """Digest of all that must be the same for training to go on."""
    digest = hashlib.blake2b(digest_size=16)
    params = estimator.get_params(deep=False)
    names = sorted(params.keys() - _FREE - {"random_state"})
    digest.update(repr([(name, params[name]) for name in names]).encode())
    X, Y, weights = examples
    if hasattr(X, "fingerprint"):  # rows that lie elsewhere
        parts = [np.frombuffer(X.fingerprint(), np.uint8)]
    else:
        parts = [X.data, X.indices, X.indptr] if scipy.sparse.issparse(X) else [to_numpy(X)]
    for array in [*parts, Y, weights, *state.network.thetas]:
        if array is not None:
            digest.update(f"{array.shape}{array.dtype}".encode())
            digest.update(np.ascontiguousarray(array).data)
    return digest.hexdigest()


def _generator_to_json(rng: np.random.RandomState) -> dict[str, Any]:
    state: Any = rng.get_state(legacy=False)
    inner = {name: np.asarray(value).tolist() for name, value in state["state"].items()}
    return {**state, "state": inner}


def _generator_from_json(saved: dict[str, Any]) -> dict[str, Any]:
    if saved["bit_generator"] != "MT19937":
        return saved
    key = np.array(saved["state"]["key"], np.uint32)
    return {**saved, "state": {**saved["state"], "key": key}}
