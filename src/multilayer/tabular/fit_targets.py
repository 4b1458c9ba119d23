"""The training of an estimator for each target, one after the other."""

from __future__ import annotations

import time as clock
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.base import is_classifier
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils import check_random_state
from sklearn.utils.validation import _num_samples

from multilayer.tables.alerts import DataWarning, find_alerts
from multilayer.tables.dependence import read_dependence
from multilayer.tables.labels import class_indices, plain_target
from multilayer.tables.target import detect_task, read_column
from multilayer.tabular.constant import ConstantLabel
from multilayer.tabular.scoring import mean
from multilayer.tabular.several_targets import is_indicator
from multilayer.tabular.target_columns import TargetColumn, read_targets

__all__ = ["Learner", "fit_each", "fit_targets", "forget", "shared_parameters"]

Array = NDArray[Any]
_SOON = 1e-3  # seconds, in which a network is trained for an epoch


@dataclass(frozen=True)
class Learner:
    """The estimator of a target, with the methods by which it reads a target and is fitted."""

    estimator: Any
    read: Callable[..., Array]
    fit: Callable[..., bool]


def fit_each(
    model: Any,
    learner: Callable[[Any], Learner],
    X: Any,
    Y: Any,
    sample_weight: Any,
    *given: Any,
) -> None:
    """Fit a TabularClassifier or TabularRegressor to several targets.

    Parameters
    ----------
    model : TabularEstimator
        Its fitted attributes are set.
    learner : callable
        Returns the learner of an estimator.
    X, Y, sample_weight, *given
        As for `TabularEstimator.fit`: groups, time, X_val, y_val are given.
    """
    columns, parameters = read_targets(Y), shared_parameters(model)
    weights = _weights_of_classes(model, len(columns))
    constant = _constant_labels(columns) if is_classifier(model) else {}
    if len(constant) == len(columns):
        raise ValueError("y must have a label that differs between rows, but each is constant")

    def make(k: int) -> Learner | ConstantLabel:
        if columns[k].name in constant:
            return ConstantLabel(constant[columns[k].name])
        own = {"class_weight": weights[k]} if weights else {}
        return learner(type(model)(**parameters | own))

    estimators = fit_targets(model, make, columns, X, sample_weight, *given)
    if constant:
        said = ", ".join(f"{name!r} ({label[0]})" for name, label in constant.items())
        warnings.warn(
            f"{len(constant)} of {len(columns)} labels are the same in all rows, and are predicted "
            f"so for every row: {said}",
            stacklevel=4,
        )
    forget(model)
    model.estimators_, model.n_outputs_ = estimators, len(columns)
    model.target_names_ = [column.name for column in columns]
    fitted = next(one for one in estimators if not isinstance(one, ConstantLabel))
    model.n_features_in_ = fitted.n_features_in_
    if hasattr(fitted, "feature_names_in_"):
        model.feature_names_in_ = fitted.feature_names_in_
    _keep_out_of_fold(model, columns, read_targets(given[3]) if given[3] is not None else None)
    if not is_classifier(model):
        model.validation_score_ = float(np.mean([one.validation_score_ for one in estimators]))
        return
    model.classes_ = [one.classes_ for one in estimators]
    model.validation_score_ = _subset_accuracy(model, columns, sample_weight)


def forget(model: Any) -> None:
    """Delete the fitted attributes of an estimator."""
    for name in list(vars(model)):
        if name in ("_trained_on", "_importances") or (name.endswith("_") and name[0] != "_"):
            delattr(model, name)


def shared_parameters(model: Any) -> dict[str, Any]:
    """Return the parameters of an estimator for those of its targets, with one random seed."""
    parameters: dict[str, Any] = model.get_params(deep=False)
    if not isinstance(parameters["random_state"], int | np.integer):
        parameters["random_state"] = int(
            check_random_state(parameters["random_state"]).randint(2**31)
        )
    if hasattr(parameters["cv"], "__next__"):  # which could be read only once
        parameters["cv"] = list(parameters["cv"])
    return parameters


def fit_targets(
    model: Any,
    make: Callable[[int], Learner | ConstantLabel],
    columns: Sequence[TargetColumn],
    X: Any,
    sample_weight: Any,
    groups: Any,
    time: Any,
    X_val: Any,
    y_val: Any,
) -> list[Any]:
    """Fit an estimator to each target, on the rows that have a value of it.

    Parameters
    ----------
    model : estimator
        Whose `time_limit` the targets share equally.
    make : callable
        Makes the learner of a target from its index; a `ConstantLabel` learns nothing.
    columns : sequence of TargetColumn
    X, sample_weight, groups, time, X_val, y_val
        As for `TabularEstimator.fit`; y_val has a column for each target.

    Returns
    -------
    list of estimators

    Raises
    ------
    ValueError
        If a target, or what goes with it, is not valid: before anything is trained.
    """
    _check_rows(model, columns, X, sample_weight, groups, time)
    if (X_val is None) != (y_val is None):
        raise ValueError("X_val and y_val go together")
    validation: Sequence[TargetColumn | None] = [None] * len(columns)
    if y_val is not None:
        validation = _validation_columns(columns, X_val, y_val)
    made = [make(k) for k in range(len(columns))]
    learning: list[tuple[Learner, TargetColumn, TargetColumn | None]] = []
    labels: list[Array] = []
    for one, column, held in zip(made, columns, validation, strict=True):
        if isinstance(one, ConstantLabel):
            continue
        with _naming(column, columns):
            y = one.read(column.values)
            if held is not None:
                one.read(held.values, again=True)
        learning.append((one, column, held))
        labels.append(one.estimator.classes_[y] if is_classifier(one.estimator) else y)
    _warn(learning, labels, X, groups, time)
    began, interrupted, late = clock.perf_counter(), False, []
    for k, (one, column, held) in enumerate(learning):
        if interrupted:
            late.append(column.name)
            one.estimator.time_limit = _SOON
        elif model.time_limit is not None:
            left = model.time_limit - (clock.perf_counter() - began)
            one.estimator.time_limit = max(left / (len(learning) - k), _SOON)
        with _naming(column):
            interrupted |= one.fit(
                column.take(X),
                column.values,
                column.take(sample_weight) if np.ndim(sample_weight) else sample_weight,
                *(g if isinstance(g, str) else column.take(g) for g in (groups, time)),
                None if held is None else held.take(X_val),
                None if held is None else held.values,
                alerts=False,
            )
    if late:
        warnings.warn(
            f"After the interruption, targets were trained for one epoch only: {', '.join(late)}",
            ConvergenceWarning,
            stacklevel=5,
        )
    return [one if isinstance(one, ConstantLabel) else one.estimator for one in made]


@contextmanager
def _naming(column: TargetColumn, columns: Sequence[TargetColumn] = ()) -> Iterator[None]:
    """Name the target in a ValueError; say what takes targets of both kinds if these are."""
    try:
        yield
    except ValueError as error:
        hint = ""
        if len({detect_task(plain_target(c.values)) for c in columns}) > 1:
            hint = "; TabularMultiOutput takes numbers and classes together"
        raise ValueError(f"target {column.name!r}: {error}{hint}") from error


def _check_rows(
    model: Any,
    columns: Sequence[TargetColumn],
    X: Any,
    sample_weight: Any,
    groups: Any,
    time: Any,
) -> None:
    m = _num_samples(X)
    given = {"y": columns[0].m}
    for name, rows in (("sample_weight", sample_weight), ("groups", groups), ("time", time)):
        if rows is not None and not isinstance(rows, str) and np.ndim(rows):
            given[name] = len(rows)
    for name, n in given.items():
        if n != m:
            raise ValueError(f"X has {m} rows, but {name} has {n}")
    indices = model.cv is not None and not (
        isinstance(model.cv, int | np.integer) or hasattr(model.cv, "split")
    )
    if indices and (gap := next((c for c in columns if c.n_missing), None)):
        raise ValueError(
            f"cv must be a number or a splitter where targets have gaps, as {gap.name!r} has: "
            "indices count all rows, and rows without a value are left out"
        )


def _validation_columns(
    columns: Sequence[TargetColumn], X_val: Any, y_val: Any
) -> list[TargetColumn]:
    """Return the columns of y_val in the order of those of y."""
    found = read_targets(y_val, "y_val")
    names = [column.name for column in columns]
    if sorted(column.name for column in found) != sorted(names):
        raise ValueError(
            f"y_val must have the targets of y, {', '.join(names)}, but has "
            f"{', '.join(column.name for column in found)}"
        )
    if (m := _num_samples(X_val)) != found[0].m:
        raise ValueError(f"X_val has {m} rows, but y_val has {found[0].m}")
    by_name = {column.name: column for column in found}
    return [by_name[name] for name in names]


def _warn(
    learning: Sequence[tuple[Learner, TargetColumn, Any]],
    labels: Sequence[Array],
    X: Any,
    groups: Any,
    time: Any,
) -> None:
    """Warn once of what the table is alerted about, and once of rows without a value."""
    X, dependence = read_dependence(X, groups, time)
    of_alerts: dict[str, list[str]] = {}  # most are about the table, not about a target
    for (one, column, _), y in zip(learning, labels, strict=True):
        found = find_alerts(
            column.take(X),
            y,
            classes=is_classifier(one.estimator),
            target=column.name,
            dependence=dependence.take(column.rows),
        )
        for alert in found:
            if alert.serious:
                of_alerts.setdefault(str(alert), []).append(column.name)
    said = []
    for text, names in of_alerts.items():
        shared = len(names) == len(learning) or repr(names[0]) in text
        said.append(text if shared else f"Of target {', '.join(map(repr, names))}: {text}")
    if said:
        warnings.warn(" ".join(said), DataWarning, stacklevel=6)
    gaps = [f"{c.n_missing} rows of {c.name!r}" for _, c, _ in learning if c.n_missing]
    if gaps:
        warnings.warn(
            "Rows without a value of a target are left out of its training: " + ", ".join(gaps),
            DataWarning,
            stacklevel=6,
        )


def _weights_of_classes(model: Any, n: int) -> list[Any] | None:
    """Return `class_weight` for each target; None if there is no such parameter."""
    given = getattr(model, "class_weight", None)
    if not hasattr(model, "class_weight"):
        return None
    if isinstance(given, dict):
        raise ValueError(
            f"class_weight must be 'balanced', None or a list with an element for each of {n} "
            "targets, but is a dict, which is for one target"
        )
    if isinstance(given, list | tuple):
        if len(given) != n:
            raise ValueError(
                f"class_weight must have an element for each of {n} targets, but has {len(given)}"
            )
        return list(given)
    return [given] * n


def _constant_labels(columns: Sequence[TargetColumn]) -> dict[str, Array]:
    """Return the labels that are the same in all rows, if all targets are labels 0 or 1."""
    found = {c.name: np.asarray(plain_target(c.values)) for c in columns}
    if not is_indicator(list(found.values())):
        return {}
    return {name: y[:1] for name, y in found.items() if (y == y[0]).all()}


def _keep_out_of_fold(
    model: Any, columns: Sequence[TargetColumn], validation: Sequence[TargetColumn] | None
) -> None:
    """Put the out-of-fold predictions of each target where its rows are."""
    held: dict[str, TargetColumn] = {} if validation is None else {c.name: c for c in validation}
    names = ["oof_decision_"] if is_classifier(model) else ["oof_prediction_", "oof_scale_"]
    for name in names:
        parts = []
        for estimator, column in zip(model.estimators_, columns, strict=True):
            rows, m = column.rows, column.m
            if column.name in held:
                rows = np.append(rows, m + held[column.name].rows)
                m += held[column.name].m
            if isinstance(estimator, ConstantLabel):
                found: Array = np.ones((len(rows), 1), np.float32)
            else:
                found = getattr(estimator, name)
            part = np.full((m, *found.shape[1:]), np.nan, found.dtype)
            part[rows] = found
            parts.append(part)
        setattr(model, name, parts if is_classifier(model) else np.stack(parts, axis=1))


def _subset_accuracy(model: Any, columns: Sequence[TargetColumn], weights: Any) -> float:
    """Compute the share of rows all of whose targets are right out of fold, among those known."""
    right = known = np.ones(columns[0].m, bool)
    for estimator, H, column in zip(model.estimators_, model.oof_decision_, columns, strict=True):
        H = H[: column.m]
        known = known & ~np.isnan(H[:, 0])
        if not isinstance(estimator, ConstantLabel):
            labels = np.zeros(column.m, int)
            labels[column.rows] = class_indices(read_column(column.values), estimator.classes_)
            right = right & (H.argmax(axis=1) == labels)
    if not known.any():
        return float("nan")
    weights = None if weights is None else np.broadcast_to(weights, columns[0].m)[known]
    return mean(right[known], weights)
