"""The parts of a fitted model: the same few for every model and every format of export."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import MaxAbsScaler, MinMaxScaler, RobustScaler, StandardScaler
from sklearn.utils.validation import check_is_fitted

from multilayer.activations import Activation
from multilayer.embedding import ExtraParameters, Floats, n_columns
from multilayer.engine.arrays import is_finite
from multilayer.estimators.classifier import MLPClassifier
from multilayer.estimators.regressor import MLPRegressor
from multilayer.estimators.targets import ClassTargets
from multilayer.network import Network
from multilayer.outputs import Output
from multilayer.tables.encoder import TableEncoder
from multilayer.tabular.classifier import TabularClassifier
from multilayer.tabular.regressor import TabularRegressor
from multilayer.tabular.several_targets import check_one_target

__all__ = ["Member", "ModelParts", "RegressionTarget", "check_text", "take_apart"]


@dataclass(frozen=True)
class Member:
    """A network: Θ, its units, and the extra parameters."""

    thetas: Sequence[Floats]
    hidden: Sequence[str]
    output: Output
    extra: ExtraParameters

    @property
    def n_columns(self) -> int:
        """The number of columns of X."""
        return n_columns(self.thetas, self.extra)

    @property
    def n_outputs(self) -> int:
        """The number of output units, K."""
        return len(self.thetas[-1])


@dataclass(frozen=True)
class RegressionTarget:
    """A target of numbers: y = mean + scale h, clipped to the range from low to high.

    With `flat`, a single output has shape (m,) rather than (m, 1).
    """

    mean: float = 0.0
    scale: float = 1.0
    low: float = -np.inf
    high: float = np.inf
    flat: bool = True

    @property
    def plain(self) -> bool:
        """Whether y is h itself."""
        return self == RegressionTarget(flat=self.flat)


@dataclass(frozen=True)
class ModelParts:
    """The steps of a prediction: encode rows, average the members' outputs, decode the target.

    Attributes
    ----------
    encoder : TableEncoder, optional
        None if rows are numbers already.
    members : tuple of Member
        At least one network; all have the same columns.
    target : ClassTargets or RegressionTarget
        How the mean of the members' outputs is decoded.
    temperature : float
        The temperature of the members' probabilities.
    raw : bool
        Whether the outputs themselves are exported, as for a `Network`.
    """

    encoder: TableEncoder | None
    members: tuple[Member, ...]
    target: ClassTargets | RegressionTarget
    temperature: float = 1.0
    raw: bool = False

    @property
    def dtype(self) -> np.dtype[Any]:
        """The dtype in which the members compute."""
        return self.members[0].thetas[0].dtype


def take_apart(model: Any) -> ModelParts:
    """Return the parts of a fitted model.

    Parameters
    ----------
    model : Network, MLPClassifier, MLPRegressor, TabularClassifier, TabularRegressor
        Or a pipeline that ends with one, after a `TableEncoder` or scikit-learn's scalers; or a
        search that has one of these as `best_estimator_`.

    Raises
    ------
    TypeError
        If it is something else, or has activation functions defined by the user.
    ValueError
        If a weight is NaN or infinite, which most formats cannot express, or a tabular model has
        several targets: each of its `estimators_` is exported.
    NotFittedError
    """
    parts = _take_apart(model)
    for member in parts.members:
        for array in (*member.thetas, *member.extra.arrays):
            if not is_finite(array):
                met = array[~np.isfinite(array)][0]
                raise ValueError(f"weights must be finite to be exported, but one is {met}")
    return parts


def check_text(what: str, text: str) -> str:
    """Return a text that files of other formats can hold; raise ValueError if it is none."""
    if "\0" in text or any("\ud800" <= c <= "\udfff" for c in text):
        raise ValueError(
            f"{what} must be without the character NUL and lone surrogates to be exported, but is "
            f"{text!r}"
        )
    return text


def _take_apart(model: Any) -> ModelParts:
    model = getattr(model, "best_estimator_", model)
    check_one_target(model, "an export")
    if isinstance(model, Pipeline):
        return _of_pipeline(model)
    if isinstance(model, Network):
        return ModelParts(None, (_member(model),), RegressionTarget(flat=False), raw=True)
    if isinstance(model, MLPClassifier | MLPRegressor):
        check_is_fitted(model, "network_")
        target = model.targets_ if isinstance(model, MLPClassifier) else RegressionTarget()
        return ModelParts(None, (_member(model.network_),), target)
    if isinstance(model, TabularClassifier | TabularRegressor):
        check_is_fitted(model, "members_")
        members = tuple(Member(n.thetas, n.hidden, n.output, n.extra) for n in model.members_)
        if isinstance(model, TabularRegressor):
            scaling: dict[str, Any] = model.target_
            return ModelParts(model.encoder_, members, RegressionTarget(**scaling))
        kind = "binary" if len(model.classes_) == 2 else "multiclass"
        targets = ClassTargets(kind, model.classes_)
        return ModelParts(model.encoder_, members, targets, temperature=model.temperature_)
    raise TypeError(
        "the model must be a Network, an MLPClassifier, MLPRegressor, TabularClassifier or "
        f"TabularRegressor, or a Pipeline that ends with one, to be exported, got {_kind(model)}"
    )


def _of_pipeline(pipeline: Pipeline) -> ModelParts:
    *steps, (_, last) = pipeline.steps
    parts = _take_apart(last)
    factors, offsets = np.ones(parts.members[0].n_columns), np.zeros(parts.members[0].n_columns)
    encoder, scaled = None, False
    for place, (name, step) in enumerate(steps):
        if step is None or (isinstance(step, str) and step == "passthrough"):
            continue
        if isinstance(step, TableEncoder) and place == 0 and parts.encoder is None:
            check_is_fitted(step, "numbers_")
            encoder = step
        else:
            a, b = _affine(name, step)
            factors, offsets, scaled = factors * a, offsets * a + b, True
    if not scaled:
        return ModelParts(encoder or parts.encoder, parts.members, parts.target, parts.temperature)
    if parts.encoder is not None:
        raise TypeError("a tabular model encodes its table itself: it cannot come after a scaler")
    (member,) = parts.members
    # Θ [1; a x + b] = Θ′ [1; x]. In float64: a large mean would cost float32 its digits.
    first = np.asarray(member.thetas[0], np.float64)
    bias = first[:, 0] + (first[:, 1:] * offsets).sum(axis=1)
    folded = np.column_stack([bias, first[:, 1:] * factors])
    thetas = [folded, *(np.asarray(theta, np.float64) for theta in member.thetas[1:])]
    member = Member(thetas, member.hidden, member.output, member.extra)
    return ModelParts(encoder, (member,), parts.target)


def _affine(name: str, step: Any) -> tuple[NDArray[Any] | float, NDArray[Any] | float]:
    """Return a and b of a scaler, which transforms a row x to a x + b."""
    if isinstance(step, StandardScaler):
        check_is_fitted(step)
        a = 1.0 if step.scale_ is None else 1 / step.scale_
        return a, -a * (step.mean_ if step.with_mean else 0.0)
    if isinstance(step, RobustScaler):
        check_is_fitted(step)
        a = 1.0 if step.scale_ is None else 1 / step.scale_
        return a, -a * (0.0 if step.center_ is None else step.center_)
    if isinstance(step, MinMaxScaler) and not step.clip:
        check_is_fitted(step)
        return step.scale_, step.min_
    if isinstance(step, MaxAbsScaler) and not getattr(step, "clip", False):
        check_is_fitted(step)
        return 1 / step.scale_, 0.0
    raise TypeError(
        "a pipeline to be exported must hold a TableEncoder, or scikit-learn's StandardScaler, "
        "MinMaxScaler, MaxAbsScaler or RobustScaler (without clip), and then a network, but step "
        f"{name!r} is {_kind(step)}"
    )


def _member(network: Network) -> Member:
    hidden = []
    for unit in network.hidden:
        if isinstance(unit, Activation):
            raise TypeError(
                f"activation functions defined by the user cannot be exported, got {unit}"
            )
        hidden.append(unit)
    return Member(network.thetas, hidden, network.output, ExtraParameters())


def _kind(thing: Any) -> str:
    return f"a {type(thing).__module__}.{type(thing).__name__}"
