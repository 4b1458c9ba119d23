"""`report`, a method of every estimator, and the page that it returns.

The content of the page is written by `multilayer.report`, which is above the estimators.
"""

from __future__ import annotations

import html
from dataclasses import dataclass
from typing import Any, ClassVar, Protocol

from multilayer.persistence import FilePath, write_whole

__all__ = ["Report", "ReportWriter", "Reportable", "use_writer"]


@dataclass(frozen=True)
class Report:
    """An HTML page that needs no other file.

    Attributes
    ----------
    html : str
    """

    html: str

    def save(self, path: FilePath) -> None:
        """Write the page to a file; raise OSError if it cannot be written."""
        write_whole(path, self.html.encode())

    def _repr_html_(self) -> str:
        # The script of the page has no more rights than one of another site.
        frame = 'sandbox="allow-scripts" style="width:100%;height:640px;border:1px solid #8888"'
        return f'<iframe {frame} srcdoc="{html.escape(self.html)}"></iframe>'


class ReportWriter(Protocol):
    """A function such as `multilayer.report.write_report`."""

    def __call__(
        self,
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
        """Write a report on a fitted model."""


class Reportable:
    """An estimator with the method `report`."""

    # Set by `multilayer.report` when it is imported, as the package itself always does.
    _write_report: ClassVar[ReportWriter]

    def report(
        self,
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
        """Write an HTML page that evaluates the fitted model on rows with known targets.

        Parameters
        ----------
        X : dataframe or array-like, shape (m, n_features_in_)
            What `predict` takes, preferably rows that the model was not trained on.
        y : array-like, shape (m,)
            The true targets.
        path : path-like, optional
            A file to write the page to.
        title, target, unseen, model_path, verbose
            See `multilayer.report.write_report`.

        Returns
        -------
        Report
            With the page as `html`; a notebook displays it.
        """
        return Reportable._write_report(
            self,
            X,
            y,
            path,
            title=title,
            target=target,
            unseen=unseen,
            model_path=model_path,
            verbose=verbose,
        )


def use_writer(write: ReportWriter) -> None:
    """Set the function that `Reportable.report` calls."""
    Reportable._write_report = write
