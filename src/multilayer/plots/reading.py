"""Reading networks, weights, activations and names from an estimator."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.pipeline import Pipeline
from sklearn.utils.validation import check_is_fitted

from multilayer.outputs import unit_name
from multilayer.tabular.base import TabularEstimator
from multilayer.tabular.network import TabularNetwork
from multilayer.tabular.several_targets import check_one_target

__all__ = [
    "best_of_search",
    "fitted_network",
    "member_of",
    "read_activations",
    "read_input_names",
    "read_output_names",
    "read_thetas",
]

Floats = NDArray[np.floating[Any]]
_LONGEST = 14  # characters of a column's name that are followed by the number of a feature


def fitted_network(model: Any) -> Any:
    """Return the network itself, or the tabular estimator, that a fitted model ends in.

    Of a pipeline it is the last step, of a search the best estimator.
    """
    model = _without_search(model)
    if isinstance(model, Pipeline):
        return fitted_network(model[-1])
    check_one_target(model, "a figure")
    return model


def best_of_search(model: Any) -> Any:
    """Return the best estimator of a fitted search; any other estimator itself."""
    if not hasattr(model, "cv_results_"):
        return model
    if not hasattr(model, "best_estimator_"):
        raise TypeError(f"{type(model).__name__} has no network to draw: refit is False")
    return best_of_search(model.best_estimator_)


def _without_search(model: Any) -> Any:
    """Return the estimator that a search or a `TransformedTargetRegressor` has fitted."""
    if hasattr(type(model), "fit") and not isinstance(model, Pipeline):
        check_is_fitted(model)
    model = best_of_search(model)
    return _without_search(model.regressor_) if hasattr(model, "regressor_") else model


def member_of(model: Any, member: int) -> Any:
    """Return one network of a tabular estimator; any other network is the only one.

    Raises
    ------
    ValueError
        If there is no such member.
    """
    members = model.members_ if isinstance(model, TabularEstimator) else [model]
    if not 0 <= member < len(members):
        raise ValueError(f"member must be from 0 to {len(members) - 1}, got {member}")
    return members[member]


def read_thetas(network: Any) -> list[Floats]:
    """Return Θ of each layer, bias in column 0; the scale of a tabular input is part of Θ⁽¹⁾."""
    if isinstance(network, TabularNetwork):
        first, *others = network.thetas
        scale = network.extra.embedding.scale if network.extra.embedding else 1
        return [np.column_stack([first[:, 0], first[:, 1:] * scale]), *others]
    if hasattr(network, "thetas"):
        return [np.asarray(theta) for theta in network.thetas]
    if not hasattr(network, "coefs_") or not hasattr(network, "intercepts_"):
        raise TypeError(
            "NetworkDisplay draws thetas, or coefs_ and intercepts_, and "
            f"{type(network).__name__} has neither"
        )
    layers = zip(network.coefs_, network.intercepts_, strict=True)
    return [np.column_stack([intercept, coef.T]) for coef, intercept in layers]


def read_activations(network: Any, n_layers: int) -> list[str] | None:
    """Return the names of the activations, or None if they are not known."""
    if hasattr(network, "hidden"):
        return [unit_name(unit) for unit in (*network.hidden, network.output)]
    if hasattr(network, "activation") and hasattr(network, "out_activation_"):
        return [network.activation] * (n_layers - 1) + [network.out_activation_]
    return None


def read_input_names(estimator: Any, n_inputs: int) -> list[str] | None:
    """Return the names of the inputs of the network, or None if they are not known.

    A dollar sign in them begins no formula. Those of a tabular network are its encoded columns,
    then the periodic features of each number ("age ~1") and the numbers that embed each category
    ("sex #1").
    """
    estimator = _without_search(estimator)
    if isinstance(estimator, TabularEstimator):
        return _plain(_names_of_embedding(estimator))
    names = getattr(estimator, "feature_names_in_", None)
    if isinstance(estimator, Pipeline):
        if isinstance(fitted_network(estimator), TabularEstimator):
            return _plain(_names_of_embedding(fitted_network(estimator)))
        if names is not None and len(estimator) > 1:
            encoder = estimator[:-1]
            names = None
            if all(hasattr(step, "get_feature_names_out") for _, step in encoder.steps):
                names = encoder.get_feature_names_out()
    return None if names is None or len(names) != n_inputs else _plain(names)


def _names_of_embedding(model: TabularEstimator) -> list[str]:
    embedding = model.members_[0].extra.embedding
    assert embedding is not None  # every member has one
    columns = [str(name) for name in model.encoder_.get_feature_names_out()]
    numbers, coded = columns[: embedding.n_numbers], columns[embedding.n_plain :]
    width = int(embedding.tables.shape[1])
    return [
        *columns[: embedding.n_plain],
        *(f"{_cut(name)} ~{k + 1}" for name in numbers for k in range(embedding.n_dimensions)),
        *(f"{_cut(name)} #{k + 1}" for name in coded for k in range(width)),
    ]


def _plain(names: Iterable[Any]) -> list[str]:
    return [str(name).replace("$", r"\$") for name in names]


def _cut(name: str) -> str:
    return name if len(name) <= _LONGEST else name[: _LONGEST - 1] + "…"


def read_output_names(network: Any, n_outputs: int) -> list[str] | None:
    """Return the class of each output; a single sigmoid unit is that of the second of two."""
    names = getattr(network, "classes_", [])
    names = names[1:] if n_outputs == 1 else names
    return _plain(names) if len(names) == n_outputs else None
