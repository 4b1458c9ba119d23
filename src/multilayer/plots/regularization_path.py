"""Error against the strength of the penalty."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Self

import numpy as np

from multilayer.extras import require
from multilayer.plots.errors import draw_errors, errors_of
from multilayer.plots.reading import best_of_search
from multilayer.plots.style import root_figure

if TYPE_CHECKING:
    from collections.abc import Sequence

    from matplotlib.axes import Axes
    from numpy.typing import ArrayLike


class RegularizationPathDisplay:
    """Error on held-out rows and on training rows, against λ on a logarithmic axis.

    With a small λ the network may overfit: variance. With a large one it underfits: bias. What the
    errors show stands above either end of the axis. The bands are one standard error wide on either
    side. Marked are the smallest error on held-out rows, and
    the largest λ within one standard error of it, which gives the simplest network.

    Parameters
    ----------
    results : sequence of CrossValidation
        One for each value.
    alpha : array-like, shape (n,)
        The values of λ.
    xlabel : str, default="λ (alpha)"
        Name of the axis.

    Attributes
    ----------
    best_index_, simplest_index_ : int
        The values that are marked.
    line_, train_line_ : matplotlib.lines.Line2D
    ax_ : matplotlib.axes.Axes
    figure_ : matplotlib.figure.Figure

    Examples
    --------
    >>> import matplotlib
    >>> matplotlib.use("Agg")
    >>> from sklearn.datasets import make_moons
    >>> from multilayer import MLPClassifier
    >>> from multilayer.plots import RegularizationPathDisplay
    >>> X, y = make_moons(150, noise=0.1, random_state=0)
    >>> network = MLPClassifier((8,), activation="tanh", solver="lbfgs", random_state=0)
    >>> display = RegularizationPathDisplay.from_estimator(
    ...     network, X, y, param_range=[0.01, 1, 100], cv=3, random_state=0
    ... )
    >>> display.ax_.get_xscale()
    'log'
    """

    def __init__(
        self, results: Sequence[Any], alpha: ArrayLike, *, xlabel: str = "λ (alpha)"
    ) -> None:
        self.results = results
        self.alpha = alpha
        self.xlabel = xlabel

    @classmethod
    def from_estimator(
        cls,
        estimator: Any,
        X: Any,
        y: Any,
        *,
        param_name: str = "alpha",
        param_range: ArrayLike | None = None,
        ax: Axes | None = None,
        **kwargs: Any,
    ) -> Self:
        """Cross-validate a network for each strength of the penalty, on the same folds, and draw.

        Parameters
        ----------
        estimator : MLPClassifier, MLPRegressor, tabular estimator, or Pipeline ending in one
            Of a fitted search, its best estimator is trained.
        X, y : array-like or dataframe
            The data.
        param_name : str, default="alpha"
            The parameter to vary, for example also "l1" or "dropout".
        param_range : array-like, default=None
            Its values, larger than 0; by default nine from 0.0001 to 100.
        ax : matplotlib.axes.Axes, default=None
            Axes to draw on; a new figure by default.
        **kwargs
            Passed to `multilayer.selection.cross_validate_network`: cv, scoring, random_state …

        Returns
        -------
        RegularizationPathDisplay

        Raises
        ------
        ValueError
            If a value is not larger than 0.
        """
        require(f"{cls.__name__}.from_estimator", "plot")
        from multilayer.selection.parameter_path import cross_validate_path

        values = np.logspace(-4, 2, 9) if param_range is None else np.asarray(param_range, float)
        _check(values)
        estimator = best_of_search(estimator)
        results = cross_validate_path(estimator, X, y, param_name, values.tolist(), **kwargs)
        label = "λ (alpha)" if param_name.split("__")[-1] == "alpha" else param_name
        return cls(results, values, xlabel=label).plot(ax=ax)

    def plot(self, ax: Axes | None = None) -> Self:
        """Draw.

        Parameters
        ----------
        ax : matplotlib.axes.Axes, default=None
            Axes to draw on; a new figure by default.

        Returns
        -------
        RegularizationPathDisplay
        """
        require(f"{type(self).__name__}.plot", "plot")
        import matplotlib.pyplot as plt

        alpha = np.asarray(self.alpha, float)
        _check(alpha)
        if ax is None:
            _, ax = plt.subplots(layout="constrained")
        errors = errors_of(self.results, alpha, "alpha")
        self.best_index_, self.simplest_index_ = errors.best, errors.simplest(-alpha)
        symbol = self.xlabel.split()[0]
        names = [f"{symbol} = {value:.2g}" for value in alpha]
        self.line_, self.train_line_ = draw_errors(
            ax, alpha, errors, self.simplest_index_, names, "left"
        )
        ax.set_xscale("log")
        ax.set_xlabel(self.xlabel)
        self.ax_, self.figure_ = ax, root_figure(ax)
        return self


def _check(values: Any) -> None:
    if not (values > 0).all():
        raise ValueError(
            f"param_range must be larger than 0 for a logarithmic axis, got {values.min():g}"
        )
