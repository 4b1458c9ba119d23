"""`report`, a method of every estimator; what it does is in `multilayer.report`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from multilayer.persistence import FilePath

if TYPE_CHECKING:
    from multilayer.report import Report

__all__ = ["Reportable"]


class Reportable:
    """An estimator that can be looked at from all sides."""

    def report(
        self,
        X: Any,
        y: Any,
        path: FilePath | None = None,
        *,
        title: str | None = None,
        unseen: bool | None = None,
        model_path: str | None = None,
        verbose: bool = True,
    ) -> Report:
        """Write an HTML page on the fitted model, by rows whose truth is known.

        Parameters
        ----------
        X : dataframe or array-like, shape (m, n_features_in_)
            What `predict` takes: best rows that the model did not learn from.
        y : array-like, shape (m,)
            The truth.
        path : path-like, optional
            A file to write.
        title, unseen, model_path, verbose
            See `multilayer.report.write_report`.

        Returns
        -------
        Report
            With the page as `html`; a notebook shows it.
        """
        from multilayer.report import write_report

        return write_report(
            self,
            X,
            y,
            path,
            title=title,
            unseen=unseen,
            model_path=model_path,
            verbose=verbose,
        )
