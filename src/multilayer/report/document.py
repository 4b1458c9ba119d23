"""`write_report`: evaluate a model, and write all sections as one HTML page."""

from __future__ import annotations

import base64
import errno
import hashlib
import os
import re
from importlib.resources import files
from pathlib import Path
from typing import Any

from multilayer.estimators.reporting import Report, use_writer
from multilayer.extras import require
from multilayer.persistence import FilePath
from multilayer.training.progress import tasks_bar

__all__ = ["Report", "check_installed", "check_path", "write_report"]

PATIENCE = 2.0  # seconds before a bar is shown
N_STEPS = 24  # of a report on one target: it is evaluated, alerts are found, 22 sections are made


def write_report(
    model: Any,
    X: Any,
    y: Any,
    path: FilePath | None = None,
    *,
    title: str | None = None,
    target: str | None = None,
    unseen: bool | None = None,
    model_path: str | None = None,
    verbose: bool = True,
) -> Report:
    """Evaluate a model on rows with known targets, and describe it in one HTML page.

    The page begins with alerts about the table. Then come scores with intervals beside those of
    baselines, confusions or residuals, calibration, thresholds with the cost of their errors,
    permutation importance, partial dependence, scores of subgroups, the largest errors, single rows
    explained, the columns and their correlations, the network and its training, and a model card.
    On the same day, the same model and rows give the same bytes.

    Parameters
    ----------
    model : estimator of multilayer, Pipeline ending in one, or HiddenLayerSearchCV
        Fitted, with one target, or a tabular model with several: the page then begins with a table
        of them, and describes each in a part of its own. Of a search, its best estimator and all
        its candidates.
    X : dataframe or array-like, shape (m, n)
        What `model.predict` takes. If a tabular model was trained on exactly this table, or a
        search was made on it, each row is predicted by networks that were not trained on it.
    y : array-like, shape (m,), or a column for each of several targets
        The true targets. Of several, rows without a value of one are left out for that one.
    path : path-like, optional
        A file to write the page to.
    title : str, optional
        The heading of the page; by default the kind of estimator.
    target : str, optional
        The name of the target; by default that of y, if it is a series with a name. Several targets
        have the names that they had in `fit`.
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
    from multilayer.report.parts import parts_of, parts_of_targets
    from multilayer.selection import HiddenLayerSearchCV
    from multilayer.tabular.several_targets import fitted_targets

    best = model.best() if isinstance(model, HiddenLayerSearchCV) else model
    targets = fitted_targets(best)
    make = parts_of_targets if targets else parts_of
    with tasks_bar(verbose, N_STEPS * max(len(targets), 1), "Report", PATIENCE) as advance:
        kind, origin, parts = make(model, X, y, target, unseen, model_path, advance)
    report = Report(
        _render(
            title=title or kind,
            summary=origin if title is None else f"{kind}. {origin}",
            parts=parts,
        )
    )
    if path is not None:
        report.save(path)
    return report


use_writer(write_report)


def check_installed() -> None:
    """Check that the libraries are installed, before the work and not after."""
    require("a report", "report")


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

    page = files("multilayer.report").joinpath("page")
    source, style, script = (
        page.joinpath(name).read_text("utf-8")
        for name in ("template.html.j2", "style.css", "script.js")
    )
    environment = jinja2.Environment(
        autoescape=True,  # names and values of a table are as hostile as any input
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    # The page's policy permits this script only, by its hash.
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    text = environment.from_string(source).render(
        style=style, script=script, script_hash=f"sha256-{digest}", **values
    )
    return re.sub(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]", "\ufffd", text)  # which HTML does not allow
