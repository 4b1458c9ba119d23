"""The sections of a report, in their order."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from multilayer.report import data, diagnostics, effects, model, scores, search
from multilayer.report.evaluation import Evaluation
from multilayer.report.importance import importance_of, importances
from multilayer.report.sections import Section

__all__ = ["N_SECTIONS", "make_sections"]

N_SECTIONS = 14


def make_sections(
    evaluation: Evaluation, searched: Any, model_path: str | None
) -> Iterator[Section | None]:
    """Make one section after the other, or None where the model has nothing to show in it.

    Parameters
    ----------
    evaluation : Evaluation
    searched : HiddenLayerSearchCV or None
        The search that found the model.
    model_path : str, optional
        Where the model is saved.
    """
    yield scores.scores(evaluation)
    yield data.target(evaluation)
    yield data.columns(evaluation)
    yield diagnostics.confusions(evaluation)
    yield diagnostics.calibration(evaluation)
    yield diagnostics.curves(evaluation)
    yield diagnostics.boundary(evaluation)
    importance = importance_of(evaluation)
    yield importances(evaluation, importance)
    yield effects.effects(evaluation, importance)
    yield diagnostics.worst(evaluation, importance)
    yield None if searched is None else search.tried(searched)
    yield model.layers(evaluation)
    yield model.curves(evaluation)
    yield model.settings(evaluation, model_path)
