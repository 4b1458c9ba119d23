"""The parts of a report: one, or of several targets an overview and one for each."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from sklearn.utils.validation import _num_samples

from multilayer.report.contents import make_sections
from multilayer.report.evaluation import Evaluation, evaluate
from multilayer.report.sections import Link, Listing, Part, Section, counted, plain
from multilayer.selection import HiddenLayerSearchCV
from multilayer.tables.alerts import find_alerts
from multilayer.tabular.base import dependence_of
from multilayer.tabular.constant import ConstantLabel
from multilayer.tabular.several_targets import fitted_targets, known_columns

__all__ = ["parts_of", "parts_of_targets"]

Made = tuple[str, str, list[Part]]  # the kind of the model, a sentence about the rows, the parts


def parts_of(
    model: Any,
    X: Any,
    y: Any,
    target: str | None,
    unseen: bool | None,
    model_path: str | None,
    advance: Callable[[], None],
) -> Made:
    """Make the only part of the report on a model with one target.

    Parameters
    ----------
    model, X, y, target, unseen, model_path
        As for `multilayer.report.write_report`.
    advance : callable
        Called after each step.
    """
    search = model if isinstance(model, HiddenLayerSearchCV) else None
    best = model if search is None else search.best()
    evaluation = evaluate(best, X, y, unseen, search=search, target=target)
    sections = _sections(evaluation, search, model_path, advance)
    return type(evaluation.network).__name__, evaluation.origin, [Part("", "", "", sections)]


def parts_of_targets(
    model: Any,
    X: Any,
    y: Any,
    target: str | None,
    unseen: bool | None,
    model_path: str | None,
    advance: Callable[[], None],
) -> Made:
    """Make an overview of several targets, and a part for each; parameters as for `parts_of`.

    Raises
    ------
    ValueError
        If y lacks a target, or a target cannot be evaluated.
    """
    if target is not None:
        raise ValueError(f"target names one target, but the model has several; got {target!r}")
    if (m := _num_samples(X)) != (columns := known_columns(model, y))[0].m:
        raise ValueError(f"X has {m} rows, but y has {columns[0].m}")
    rows: list[list[Any]] = []
    parts: list[Part] = []
    for k, ((name, one), column) in enumerate(
        zip(fitted_targets(model).items(), columns, strict=True)
    ):
        if isinstance(one, ConstantLabel):
            rows.append([plain(name), *["–"] * 5, "a constant label", str(len(column.rows))])
            continue
        try:
            evaluation = evaluate(one, column.take(X), column.values, unseen, target=name)
        except ValueError as error:
            raise ValueError(f"target {name!r}: {error}") from error
        place = f".estimators_[{name!r}]" if isinstance(model.estimators_, dict) else ""
        evaluation = replace(evaluation, place=place or f".estimators_[{k}]")
        sections = _sections(evaluation, None, model_path, advance)
        sections = [_with_own_ids(section, f"t{k}-") for section in sections]
        part = Part(f"target-{k}", plain(name), evaluation.origin, sections)
        rows.append(_row(part, evaluation))
        parts.append(part)
    head = [
        "target",
        "score",
        "model",
        "95 % interval",
        "constant",
        "baseline",
        "predicted",
        "rows",
    ]
    overview = Section(
        "targets",
        "Targets",
        "Each target has networks of its own. The score is the accuracy of classes, and R² of "
        "numbers; the constant is the same prediction for every row, and the baseline is logistic "
        "or linear regression. The sections below have more of each.",
        [Listing(head, rows, (2, 3, 4, 5, 7))],
        wide=True,
    )
    about = f"{counted(len(columns), 'target')}, {counted(m, 'row')}."
    return type(model).__name__, about, [Part("", "", "", [overview]), *parts]


def _sections(
    evaluation: Evaluation, search: Any, model_path: str | None, advance: Callable[[], None]
) -> list[Section]:
    advance()
    found = find_alerts(
        evaluation.table.native,
        evaluation.labels,
        classes=evaluation.classifies,
        target=evaluation.target,
        dependence=dependence_of(evaluation.model)
        if search is None
        else search.training_.dependence,
    )
    advance()
    made = []
    for section in make_sections(evaluation, found, search, model_path):
        made.append(section)
        advance()
    return [section for section in made if section is not None]


def _with_own_ids(section: Section, prefix: str) -> Section:
    """Let the ids of elements of figures begin with a prefix: a page has each id once."""
    figures = [
        replace(
            figure,
            **{
                name: re.sub(r'(\sid="|url\(#|href="#)', rf"\1{prefix}", getattr(figure, name))
                for name in ("svg", "dark")
            },
        )
        for figure in section.figures
    ]
    return replace(section, figures=figures)


def _row(part: Part, evaluation: Evaluation) -> list[Any]:
    """Return the row of a target in the overview, from its table of scores."""
    (scores,) = (section for section in part.sections if section.name == "scores")
    first: Any = scores.listings[0].rows[0]
    (name, _), model, interval, constant, *baseline = first
    kind = (
        counted(len(evaluation.classes), "class", "classes") if evaluation.classifies else "numbers"
    )
    rows = str(len(evaluation.rows))
    link = Link(part.title, f"#{part.name}")
    return [link, name, model, interval, constant, baseline[0] if baseline else "–", kind, rows]
