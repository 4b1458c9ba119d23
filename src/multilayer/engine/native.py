"""The native engine: arrays are checked once, then passed without a copy."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, ClassVar, TypeGuard

import numpy as np

from multilayer import _native
from multilayer.embedding import ExtraParameters, n_columns
from multilayer.engine.aligned import Aligned
from multilayer.engine.interface import Descent, Epochs, Examples, Objective, Report, Slots
from multilayer.engine.records import (
    check_alone,
    check_dense,
    native_descent,
    native_epochs,
    native_extra,
    native_objective,
    native_scores,
)
from multilayer.engine.threads import share
from multilayer.engine.validation import (
    Floats,
    Inputs,
    check_examples,
    check_inputs,
    check_network,
    check_order,
    check_shuffle,
    check_slots,
    check_writeable,
)

if TYPE_CHECKING:
    from multilayer.activations import Activation
    from multilayer.outputs import Output

__all__ = ["Forward", "NativeEngine"]


class Forward:
    """Forward propagation through one network, checked once for many calls.

    It reads Θ in place, so that later changes of the arrays take effect.

    Parameters
    ----------
    thetas : sequence of C-contiguous arrays, shapes (s_{l+1}, s_l + 1)
        Θ, biases in column 0; all float32 or all float64.
    hidden : sequence of str
        The activation of each hidden layer.
    output : str or Softmax
        The output unit.
    extra : ExtraParameters, optional
        Parameters that are trained in addition to Θ: an embedding of the inputs, mixed activations.

    Raises
    ------
    ValueError, TypeError
        If an argument breaks one of these rules.
    """

    def __init__(
        self,
        thetas: Sequence[Floats],
        hidden: Sequence[str | Activation],
        output: Output,
        extra: ExtraParameters | None = None,
    ) -> None:
        units = check_network(thetas, hidden, output)
        self._extra = extra
        self._thetas, self._units = tuple(thetas), (*hidden, output)
        self._ids, self._dtype = tuple(map(id, thetas)), thetas[0].dtype
        self._inputs, self._outputs = n_columns(thetas, extra), thetas[-1].shape[0]
        native = _native.Forward32 if thetas[0].itemsize == 4 else _native.Forward64
        self._used = Aligned(thetas)
        self._used_extra = Aligned([] if extra is None else extra.arrays)
        self._into = native(
            self._used.used,
            self._used_extra.used,
            _native.Objective(**units),
            native_extra(extra, thetas),
        ).into

    def __call__(self, X: Floats) -> Floats:
        """Propagate X through the network.

        Parameters
        ----------
        X : ndarray or SciPy sparse matrix or array, shape (m, s_1)
            Of the dtype of Θ, in any layout. A sparse one is never made dense. Of one in CSR format
            only the numbers that say where its values belong are copied.

        Returns
        -------
        H : ndarray, shape (m, K)
        """
        if self.takes(X):
            return self.run(X, X.shape[0])
        check_dense(X, self._extra)
        return self.run(*check_inputs(X, self._thetas[0], columns=self._inputs))

    def takes(self, X: Any) -> TypeGuard[Floats]:
        """Whether X may be given to `run` as it is."""
        return (
            type(X) is np.ndarray
            and X.dtype is self._dtype
            and X.ndim == 2
            and X.shape[1] == self._inputs
            and (flags := X.flags).c_contiguous
            and flags.aligned
        )

    def run(self, inputs: Inputs, m: int) -> Floats:
        """Propagate m checked rows through the network."""
        H = np.empty((m, self._outputs), self._dtype)
        self._used.read()
        self._used_extra.read()
        if m:
            self._into(inputs, H, share())
        return H

    def goes_through(
        self, thetas: Sequence[Floats], hidden: Sequence[str | Activation], output: Output
    ) -> bool:
        """Whether it was created for the same arrays and the same names of units."""
        return tuple(map(id, thetas)) == self._ids and (*hidden, output) == self._units


class NativeEngine:
    """`Engine` by the native code. It takes as many threads as `multilayer.engine.threads` allows.

    Parameters
    ----------
    thetas : sequence of C-contiguous arrays, shapes (s_{l+1}, s_l + 1)
        Θ, biases in column 0; all float32 or all float64. `train` wants them writeable.
    examples : Examples
        X of the dtype of Θ, in any layout. A sparse one is never made dense. Of one in CSR format
        only the numbers that say where its values belong are copied. Y of the dtype of Θ, or
        integers, which are copied.
    objective : Objective
    extra : ExtraParameters, optional
        Parameters that are trained in addition to Θ. They cannot be combined with penalties,
        clip_norm and max_norm, nor, if there is an embedding, with dropout of inputs.

    Raises
    ------
    ValueError, TypeError
        If an argument breaks one of these rules.
    """

    shuffles_indices: ClassVar[bool] = True

    def __init__(
        self,
        thetas: Sequence[Floats],
        examples: Examples,
        objective: Objective,
        *,
        extra: ExtraParameters | None = None,
    ) -> None:
        units = check_network(thetas, objective.hidden, objective.output)
        X, Y, weights = examples
        check_dense(X, extra)
        inputs = check_examples(thetas, X, Y, weights, n_columns(thetas, extra))
        record = native_extra(extra, thetas)
        check_alone(extra, objective.lambda_, objective.l1)
        self._thetas, self._extra, self._m = list(thetas), extra, X.shape[0]
        native = _native.Problem32 if thetas[0].itemsize == 4 else _native.Problem64
        self._used = Aligned(thetas)
        self._used_extra = Aligned([] if extra is None else extra.arrays)
        self._native = native(
            self._used.used,
            self._used_extra.used,
            *inputs,
            native_objective(objective, units, Y, len(thetas[-1])),
            record,
        )

    @property
    def _arrays(self) -> list[Floats]:
        """All trained arrays: Θ, then the extra parameters."""
        return [*self._thetas, *(self._extra.arrays if self._extra else ())]

    def _read(self) -> None:
        self._used.read()
        self._used_extra.read()

    def cost(self) -> float:
        """Compute the cost J."""
        self._read()
        return self._native.cost([], share())

    def cost_and_gradient(self) -> tuple[float, list[Floats]]:
        """Compute J and D, shaped like Θ, then like the arrays of the extra parameters."""
        self._read()
        gradients = [np.empty_like(array) for array in self._arrays]
        return self._native.cost(gradients, share()), gradients

    def train(self, descent: Descent, slots: Slots, epochs: Epochs) -> Report:
        """Train for many epochs in one call; Θ and the slots are changed in place.

        Parameters
        ----------
        descent : Descent
        slots : sequence of sequences of arrays shaped like Θ
            The state of the optimizer for Θ, then for the extra parameters.
        epochs : Epochs

        Returns
        -------
        Report

        Raises
        ------
        ValueError, TypeError
            If an argument breaks one of these rules.
        """
        arrays = self._arrays
        names = [f"Θ{l}" for l in range(1, len(self._thetas) + 1)]
        for name, array in zip(
            names + (self._extra.names if self._extra else []), arrays, strict=True
        ):
            check_writeable(name, array)
        check_alone(self._extra, descent.clip_norm < np.inf, descent.max_norm < np.inf)
        check_slots(descent.optimizer, slots, arrays)
        order = check_order(epochs.order, epochs.count)
        rows = self._m if order is None else order.shape[1]
        embedded = self._extra is not None and self._extra.embedding is not None
        steps = native_descent(descent, self._thetas, rows, embedded)
        call = native_epochs(epochs)
        call.order = order
        state = check_shuffle(epochs.shuffle, order, self._m)
        if epochs.shuffle is not None and state is not None:
            call.indices, call.key = epochs.shuffle.indices, (key := state[:-1].copy())
            call.position = int(state[-1])
        validation = epochs.validation
        held_out, scores = (
            (None, None)
            if validation is None
            else (validation.engine._native, native_scores(validation))
        )
        own_slots = [Aligned(slot) for slot in slots]
        self._read()
        try:
            costs, made, status = self._native.train(
                steps,
                [slot.used for slot in own_slots],
                call,
                share(),
                held_out,
                scores,
                [] if validation is None else validation.best_thetas,
            )
        finally:
            for arrays_of in (self._used, self._used_extra, *own_slots):
                arrays_of.write()
        if validation is not None and scores is not None:
            validation.best, validation.stale = scores.best, scores.stale
            validation.scores, validation.costs = scores.scores, scores.costs
        epochs.plateau.best, epochs.plateau.stale = call.best, call.stale
        if epochs.shuffle is not None and state is not None:
            state[:-1], state[-1] = key, call.position
        return Report(np.array(costs, np.float64), made, status)
