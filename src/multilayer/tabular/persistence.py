"""Tabular estimators in model files."""

from __future__ import annotations

from abc import abstractmethod
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray
from sklearn.base import is_classifier
from sklearn.utils.validation import check_is_fitted

from multilayer import fields
from multilayer.estimators.parameters import hidden_sizes
from multilayer.estimators.persistence import check_class_weight
from multilayer.persistence import Savable, labels_from_json, labels_to_json
from multilayer.tables.encoder import TableEncoder
from multilayer.tabular.monotone import column_signs
from multilayer.tabular.network import Layout, TabularNetwork
from multilayer.tabular.saved_targets import (
    params_from_json,
    params_to_json,
    restore_targets,
    state_of_targets,
)
from multilayer.tabular.several_targets import for_targets

__all__ = ["FITTED_VALUES", "SavableTabular"]

Array = NDArray[Any]
# Fitted attributes that JSON holds, of both estimators.
FITTED_VALUES = ("n_features_in_", "n_iter_", "best_iterations_", "validation_score_")


class SavableTabular(Savable):
    """A tabular estimator that can be saved: parameters, encoder, members and fitted values."""

    # Fitted attributes that are saved: arrays, and what JSON holds.
    _ARRAYS: ClassVar[tuple[str, ...]] = ()
    _VALUES: ClassVar[tuple[str, ...]] = FITTED_VALUES

    @for_targets(state_of_targets)
    def to_state(self: Any) -> tuple[dict[str, Any], dict[str, Array]]:
        """Return the state: what JSON can hold, and arrays by name."""
        check_is_fitted(self, "members_")
        params = params_to_json(self)
        column_signs(self, self.encoder_)
        encoder, encoder_arrays = self.encoder_.to_state()
        arrays = {f"encoder/{name}": array for name, array in encoder_arrays.items()}
        members = []
        for k, network in enumerate(self.members_):
            state, own = network.to_state()
            members.append(state)
            arrays |= {f"member_{k}/{name}": array for name, array in own.items()}
        arrays |= {name: getattr(self, name) for name in self._ARRAYS if hasattr(self, name)}
        state = {
            "params": params,
            "encoder": encoder,
            "members": members,
            "values": {name: getattr(self, name) for name in self._VALUES},
        }
        if hasattr(self, "classes_"):
            state["classes"] = labels_to_json(self.classes_)
        return state, arrays

    @classmethod
    def from_state(cls, state: dict[str, Any], arrays: dict[str, Array]) -> Self:
        """Build the object from its state; raise where the parts do not fit."""
        self = cls(**params_from_json(state["params"]))
        self._check_params()
        if "targets" in state:
            restore_targets(self, state, arrays)
        else:
            self._restore(state, arrays)
        return self

    def _check_params(self: Any) -> None:
        self._validate_params()
        weights = vars(self).get("class_weight")
        for one in weights if isinstance(weights, list | tuple) else [weights]:
            check_class_weight(one)
        if not isinstance(self.hidden_layer_sizes, str):
            hidden_sizes(self.hidden_layer_sizes)

    def _restore(self: Any, state: dict[str, Any], arrays: dict[str, Array]) -> None:
        def part(name: str) -> dict[str, Array]:
            return {
                key.removeprefix(f"{name}/"): array
                for key, array in arrays.items()
                if key.startswith(f"{name}/")
            }

        self.encoder_ = encoder = TableEncoder.from_state(state["encoder"], part("encoder"))
        members = fields.listed("members", state["members"])
        self.members_ = [
            TabularNetwork.from_state(member, part(f"member_{k}"))
            for k, member in enumerate(members)
        ]
        if not self.members_:
            raise ValueError("there must be at least one member")
        n_plain = encoder.n_features_out - len(encoder.n_codes_)
        layout = Layout(encoder.n_numbers_, n_plain, encoder.n_codes_)
        for network in self.members_:
            if (network.layout, network.thetas[0].dtype) != (layout, np.dtype(encoder.dtype)):
                raise ValueError(
                    f"a member takes {network.layout} of {network.thetas[0].dtype}, but the "
                    f"encoder gives {layout} of {encoder.dtype}"
                )
        for name in set(self._ARRAYS) & set(arrays):  # `_check_saved` knows which must be there
            setattr(self, name, arrays[name])
        values = state["values"]
        for name in self._VALUES:
            setattr(self, name, values[name])
        n = fields.whole("n_features_in_", self.n_features_in_)
        if n != encoder.n_features_in_:
            raise ValueError(f"the encoder has {encoder.n_features_in_} columns, not {n}")
        best, epochs = self.best_iterations_, max(fields.whole("n_iter_", self.n_iter_), 1)
        fields.whole_numbers("best_iterations_", best, 1, epochs, length=len(members))
        fields.number("validation_score_", self.validation_score_, finite=False)
        if hasattr(encoder, "feature_names_in_"):
            self.feature_names_in_ = encoder.feature_names_in_
        if ("classes" in state) != is_classifier(self):
            raise ValueError("a classifier must have classes, and a regressor none")
        if "classes" in state:
            self.classes_ = labels_from_json(state["classes"])
            fields.ascending("classes", self.classes_)
        column_signs(self, encoder)
        units = self._check_saved()
        if any((network.output, network.n_outputs) != units for network in self.members_):
            raise ValueError(f"output units must be {units}")

    @abstractmethod
    def _check_saved(self) -> tuple[str, int]:
        """Check the fitted attributes; return the kind of output unit and the number of them."""
