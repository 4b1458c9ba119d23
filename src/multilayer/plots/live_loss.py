"""LossPlot: a callback that draws the cost curve during training."""

from __future__ import annotations

import time
from typing import Any

from multilayer.extras import require
from multilayer.persistence import FilePath
from multilayer.plots.loss_curve import LossCurveDisplay

__all__ = ["LossPlot"]


class LossPlot:
    """Draw the cost curve during training, in a notebook or to a file.

    Parameters
    ----------
    path : str or os.PathLike, optional
        An image file that is overwritten with each drawing; by default the output of the
        notebook's cell.
    interval : float, default=1.0
        Seconds between two drawings.

    Examples
    --------
    >>> import os, tempfile
    >>> from sklearn.datasets import make_moons
    >>> from multilayer import LossPlot, MLPClassifier
    >>> X, y = make_moons(noise=0.1, random_state=0)
    >>> path = os.path.join(tempfile.mkdtemp(), "cost.png")
    >>> clf = MLPClassifier(random_state=0, tol=0.01).set_callbacks(LossPlot(path)).fit(X, y)
    >>> os.path.exists(path)
    True
    """

    def __init__(self, path: FilePath | None = None, interval: float = 1.0) -> None:
        require("LossPlot", "plot")  # before a long fit, and not in it
        if not interval >= 0:
            raise ValueError(f"interval must be at least 0 seconds, got {interval}")
        self.path, self.interval = path, interval
        self._last, self._cell = 0.0, None

    def setup(self, estimator: Any, context: Any) -> None:
        """Start a new drawing."""
        self._last, self._cell = 0.0, None

    def on_fit_task_begin(self, estimator: Any, context: Any) -> None:
        """Do nothing: there is no cost yet."""

    def on_fit_task_end(self, estimator: Any, context: Any) -> None:
        """Draw the curves so far, and always at the end of the fit."""
        if context.parent is not None and time.monotonic() - self._last < self.interval:
            return
        self._draw(estimator)
        self._last = time.monotonic()

    def teardown(self, estimator: Any, context: Any) -> None:
        """Do nothing: the last drawing remains."""

    def _draw(self, estimator: Any) -> None:
        from matplotlib.figure import Figure

        figure = Figure(figsize=(6.4, 4.0))
        LossCurveDisplay.from_estimator(estimator, ax=figure.add_subplot())
        if self.path is not None:
            figure.savefig(self.path)
            return
        try:
            from IPython.display import display
        except ModuleNotFoundError:
            raise ValueError(
                "LossPlot needs a path where there is no notebook to draw in"
            ) from None
        if self._cell is None:
            self._cell = display(figure, display_id=True)
        else:
            self._cell.update(figure)
