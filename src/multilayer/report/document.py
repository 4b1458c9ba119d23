"""`write_report`: evaluate a model, and write all sections as one HTML page."""

from __future__ import annotations

import errno
import os
import re
from importlib.resources import files
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from multilayer.estimators.reporting import Report, use_writer
from multilayer.persistence import FilePath
from multilayer.training.progress import tasks_bar

__all__ = ["Report", "check_installed", "check_path", "write_report"]

PATIENCE = 2.0  # seconds before a bar is shown


def write_report(
    model: Any,
    X: Any,
    y: Any,
    path: FilePath | None = None,
    *,
    title: str | None = None,
    unseen: bool | None = None,
    model_path: str | None = None,
    verbose: bool = True,
) -> Report:
    """Evaluate a model on rows with known targets, and describe it in one HTML page.

    The page holds the data, the network, its training, scores with intervals, confusions or
    residuals, calibration, curves, importances and effects of columns, the rows with the largest
    errors, and how to use the model. The same model and rows give the same bytes.

    Parameters
    ----------
    model : estimator of multilayer, Pipeline ending in one, or HiddenLayerSearchCV
        Fitted, with one target. Of a search, its best estimator and all its candidates.
    X : dataframe or array-like, shape (m, n)
        What `model.predict` takes. If a tabular model was trained on exactly this table, each row
        is predicted by members that were not trained on it.
    y : array-like, shape (m,)
        The true targets.
    path : path-like, optional
        A file to write the page to.
    title : str, optional
        The heading of the page; by default the kind of estimator.
    unseen : bool, optional
        Whether the model was trained on none of these rows. The page says so; by default it says
        that this is not known.
    model_path : str, optional
        Where the model is saved, for the lines of code that load it.
    verbose : bool, default=True
        Whether a bar on standard error shows the progress where it takes over two seconds.

    Returns
    -------
    Report

    Raises
    ------
    NotFittedError
        If the model is not fitted.
    TypeError
        If it is not one of multilayer's.
    ValueError
        If the model cannot be evaluated on X and y.
    OSError
        If the file cannot be written.
    ModuleNotFoundError
        If Jinja2 or matplotlib is not installed.
    """
    check_installed()
    if path is not None:
        check_path(path)
    # These take long to import, and `multilayer` imports this file.
    from multilayer.report.contents import N_SECTIONS, make_sections
    from multilayer.report.evaluation import evaluate
    from multilayer.selection import HiddenLayerSearchCV

    search = model if isinstance(model, HiddenLayerSearchCV) else None
    evaluation = evaluate(model if search is None else search.best(), X, y, unseen)
    made = []
    with tasks_bar(verbose, N_SECTIONS, "Report", PATIENCE) as advance:
        for section in make_sections(evaluation, search, model_path):
            made.append(section)
            advance()
    kind = type(evaluation.network).__name__
    report = Report(
        _render(
            title=title or kind,
            summary=evaluation.origin if title is None else f"{kind}. {evaluation.origin}",
            sections=[section for section in made if section is not None],
        )
    )
    if path is not None:
        report.save(path)
    return report


use_writer(write_report)


def check_installed() -> None:
    """Check that the libraries are installed, before the work and not after."""
    for package in ("jinja2", "matplotlib"):
        if find_spec(package) is None:
            raise ModuleNotFoundError(
                f"a report needs {package}: pip install 'multilayer[report]'", name=package
            )


def check_path(path: FilePath) -> None:
    """Check that a file can be written there, before the work and not after."""
    final = Path(path)
    for wrong, number, reason in (
        (not final.parent.is_dir(), errno.ENOENT, "No such folder"),
        (final.is_dir(), errno.EISDIR, "Is a directory"),
        (not os.access(final.parent, os.W_OK), errno.EACCES, "No right to write there"),
    ):
        if wrong:
            raise OSError(number, reason, str(path))


def _render(**values: Any) -> str:
    import jinja2

    environment = jinja2.Environment(
        autoescape=True,  # names and values of a table are as hostile as any input
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    source = files("multilayer.report").joinpath("template.html.j2").read_text("utf-8")
    page = environment.from_string(source).render(**values)
    return re.sub(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]", "\ufffd", page)  # which HTML does not allow
