"""A report on a fitted model as one HTML file."""

from __future__ import annotations

import errno
import html
import os
from collections.abc import Callable
from dataclasses import dataclass
from importlib.resources import files
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from multilayer.persistence import FilePath, write_whole
from multilayer.training.progress import tasks_bar

__all__ = ["Report", "check_installed", "check_path", "write_report"]

PATIENCE = 2.0  # seconds without a bar


@dataclass(frozen=True)
class Report:
    """A page that needs nothing else.

    Attributes
    ----------
    html : str
    """

    html: str

    def save(self, path: FilePath) -> None:
        """Write the page to a file; OSError if it cannot be written."""
        write_whole(path, self.html.encode())

    def _repr_html_(self) -> str:
        style = "width:100%;height:640px;border:1px solid #8888"
        return f'<iframe sandbox style="{style}" srcdoc="{html.escape(self.html)}"></iframe>'


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
    """Look at a model from all sides, by rows whose truth is known.

    The page holds the data, the network, its training, scores with intervals, confusions or
    residuals, calibration, curves, importances and effects of columns, the worst rows, and how to
    use the model. The same model and rows give the same bytes.

    Parameters
    ----------
    model : estimator of multilayer, Pipeline ending in one, or HiddenLayerSearchCV
        Fitted, of one target. Of a search, its best estimator, and what was tried.
    X : dataframe or array-like, shape (m, n)
        What `model.predict` takes. If a tabular model learned from this very table, each row is
        judged by a network that did not learn from it.
    y : array-like, shape (m,)
        The truth.
    path : path-like, optional
        A file to write the page to.
    title : str, optional
        Its heading; by default the kind of estimator.
    unseen : bool, optional
        Whether the model learned from none of these rows; the page tells it, and by default that
        it is not known.
    model_path : str, optional
        Where the model is saved, for the lines that load it.
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
        If it is none of multilayer's.
    ValueError
        If X and y are no rows that the model can be judged by.
    OSError
        If the file cannot be written.
    ModuleNotFoundError
        If Jinja2 or matplotlib is not installed.
    """
    check_installed()
    if path is not None:
        check_path(path)
    from multilayer.report import data, diagnostics, effects, scores
    from multilayer.report import model as of_model
    from multilayer.report import search as of_search
    from multilayer.report.evaluation import judge
    from multilayer.selection import HiddenLayerSearchCV

    search = model if isinstance(model, HiddenLayerSearchCV) else None
    judged = judge(model if search is None else search.best(), X, y, unseen)
    sections: list[Callable[[Any], Any]] = [
        scores.scores,
        data.target,
        data.columns,
        diagnostics.confusions,
        diagnostics.calibration,
        diagnostics.curves,
        diagnostics.boundary,
        effects.importances,
        effects.effects,
        diagnostics.worst,
        lambda _: None if search is None else of_search.tried(search),
        of_model.layers,
        of_model.curves,
        lambda judged: of_model.settings(judged, model_path),
    ]
    made = []
    with tasks_bar(verbose, len(sections), "Report", PATIENCE) as advance:
        for section in sections:
            made.append(section(judged))
            advance()
    kind = type(judged.network).__name__
    report = Report(
        _render(
            title=title or kind,
            summary=judged.origin if title is None else f"{kind}. {judged.origin}",
            sections=[section for section in made if section is not None],
        )
    )
    if path is not None:
        report.save(path)
    return report


def check_installed() -> None:
    """See that the libraries are there, before the work and not after."""
    for package in ("jinja2", "matplotlib"):
        if find_spec(package) is None:
            raise ModuleNotFoundError(
                f"a report needs {package}: pip install 'multilayer[report]'", name=package
            )


def check_path(path: FilePath) -> None:
    """See that a file can be written there, before the work and not after."""
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
    return environment.from_string(source).render(**values)
