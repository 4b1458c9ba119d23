"""Cross-validation along a path of values of one parameter, on the same folds."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from sklearn.base import clone, is_classifier
from sklearn.pipeline import Pipeline
from sklearn.utils import check_random_state, indexable

from multilayer.selection.cross_validation import CrossValidation, cross_validate_network
from multilayer.selection.splits import make_splits
from multilayer.tables.dependence import read_dependence
from multilayer.tables.labels import plain_target

__all__ = ["cross_validate_path", "parameter_name"]


def parameter_name(estimator: Any, param_name: str) -> str:
    """Return the name by which `set_params` knows a parameter of an estimator or of a last step.

    Raises
    ------
    ValueError
        If there is no such parameter.
    """
    name = param_name
    if isinstance(estimator, Pipeline) and "__" not in name:
        name = f"{estimator.steps[-1][0]}__{name}"
    if name not in estimator.get_params():
        raise ValueError(
            f"param_name must be a parameter of {type(estimator).__name__}, got {param_name!r}"
        )
    return name


def cross_validate_path(
    estimator: Any,
    X: Any,
    y: Any,
    param_name: str,
    param_range: Sequence[Any],
    *,
    cv: Any = 5,
    groups: Any = None,
    random_state: int | np.random.RandomState | None = None,
    **kwargs: Any,
) -> list[CrossValidation]:
    """Cross-validate an estimator for each value of a parameter.

    Parameters
    ----------
    estimator, X, y, cv, groups
        As for `cross_validate_network`.
    param_name : str
        The name of the parameter; in a pipeline, a name without a step is a parameter of the last
        step.
    param_range : sequence
        The values.
    random_state : int, RandomState or None, default=None
        Draws the folds and the seeds in them, which are the same for all values.
    **kwargs
        Passed to `cross_validate_network`.

    Raises
    ------
    ValueError
        If there is no such parameter, or no value is given.
    """
    name = parameter_name(estimator, param_name)
    if not len(param_range):
        raise ValueError("param_range must hold at least one value, but is empty")
    rng = check_random_state(random_state)
    X, y = indexable(X, plain_target(y))
    X, dependence = read_dependence(X, groups, None)
    classes = is_classifier(estimator)
    splits = make_splits(cv, X, y, dependence, classes=classes, n_repeats=1, rng=rng)
    seed = int(rng.randint(2**31))
    return [
        cross_validate_network(
            clone(estimator).set_params(**{name: value}),
            X,
            y,
            cv=splits,
            groups=dependence.groups,
            random_state=seed,
            **kwargs,
        )
        for value in param_range
    ]
