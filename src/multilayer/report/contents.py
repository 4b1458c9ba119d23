"""The sections of a report, in their order."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from multilayer.report import model, search
from multilayer.report.alerts import alerts
from multilayer.report.baselines import baseline_of
from multilayer.report.boundary import boundary
from multilayer.report.calibration import calibration
from multilayer.report.card import card
from multilayer.report.confusion import confusions
from multilayer.report.correlations import correlations
from multilayer.report.curves import curves
from multilayer.report.data import columns
from multilayer.report.effects import effects
from multilayer.report.evaluation import Evaluation
from multilayer.report.explanations import explanations
from multilayer.report.gains import gains
from multilayer.report.importance import importance_of, importances
from multilayer.report.residuals import residuals
from multilayer.report.scores import scores
from multilayer.report.sections import Section
from multilayer.report.subgroups import subgroups
from multilayer.report.target import target
from multilayer.report.thresholds import thresholds
from multilayer.report.worst import worst
from multilayer.tables.alerts import Alert

__all__ = ["make_sections"]


def make_sections(
    evaluation: Evaluation, found: Sequence[Alert], searched: Any, model_path: str | None
) -> Iterator[Section | None]:
    """Make one section after the other, or None where the model has nothing to show in it.

    Parameters
    ----------
    evaluation : Evaluation
    found : sequence of Alert
        What the table was found to have.
    searched : HiddenLayerSearchCV or None
        The search that found the model.
    model_path : str, optional
        Where the model is saved.
    """
    yield alerts(found)
    yield scores(evaluation, baseline_of(evaluation))
    yield target(evaluation)
    yield confusions(evaluation)
    yield calibration(evaluation)
    importance = importance_of(evaluation)
    yield importances(evaluation, importance)
    yield residuals(evaluation)
    yield thresholds(evaluation)
    yield curves(evaluation)
    yield gains(evaluation)
    yield effects(evaluation, importance)
    yield boundary(evaluation)
    yield subgroups(evaluation)
    yield worst(evaluation, importance)
    yield explanations(evaluation, importance)
    yield columns(evaluation)
    yield correlations(evaluation, importance)
    yield None if searched is None else search.tried(searched)
    yield model.layers(evaluation)
    yield model.curves(evaluation)
    yield card(evaluation, model_path)
    yield model.use(evaluation, model_path)
