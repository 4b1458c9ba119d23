"""The classes of a classifier in a model file: restored, and checked against its network."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from multilayer import fields
from multilayer.estimators.targets import ClassTargets
from multilayer.network import Network
from multilayer.persistence import labels_from_json, labels_to_json

__all__ = ["class_targets_from_state", "class_targets_to_state"]


def class_targets_to_state(targets: ClassTargets) -> dict[str, Any]:
    """Return the state in a form that JSON can represent."""
    classes = [labels_to_json(labels) for labels in targets.columns]
    return {"kind": targets.kind, "classes_": classes}


def class_targets_from_state(
    state: Mapping[str, Any], network: Network, class_weight: Any
) -> ClassTargets:
    """Restore what `class_targets_to_state` returned.

    Parameters
    ----------
    state : mapping
    network : Network
        Whose output units predict these classes.
    class_weight : dict, list, "balanced" or None
        The parameter of the classifier.

    Raises
    ------
    ValueError
        If the parts do not fit together.
    """
    kind = fields.text("kind", state["kind"])
    columns = [labels_from_json(labels) for labels in fields.listed("classes_", state["classes_"])]
    several = kind == "multiclass-multioutput"
    if len(columns) < 1 or (len(columns) > 1 and not several):
        raise ValueError(f"{kind} targets cannot have {len(columns)} rows of classes")
    for labels in columns:
        fields.ascending("classes", labels)
        if not len(labels) or (labels.dtype.kind == "f" and not np.isfinite(labels).all()):
            raise ValueError("there must be at least one class, and none that is not finite")
    targets = ClassTargets(kind, tuple(columns) if several else columns[0])
    (n, *_) = targets.groups
    if targets.one_label and (kind == "binary") != (n <= 2):
        raise ValueError(f"{kind} targets cannot have {n} classes")
    if kind == "multilabel-indicator" and not np.array_equal(columns[0], np.arange(n)):
        raise ValueError(f"classes of an indicator must be the numbers from 0 to {n - 1}")
    # The parameter may have been set to another one since fit: these are the units there are.
    for unit in ("auto", "logistic", "softmax"):
        targets = replace(targets, output_activation=unit)
        if targets.units() == (network.sizes[-1], network.output):
            return replace(targets, class_weight=class_weight)
    raise ValueError("classes_ and the network's outputs contradict each other")
