"""Bias and variance: error against the capacity of a network."""

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


class BiasVarianceDisplay:
    """Error on held-out rows and on training rows, against the number of parameters.

    Where both errors are large, the network is too small: bias. Where they are far apart, the
    network overfits: variance. Where a larger network has a larger training error, its training has
    not converged. Which of these holds stands above either end of the axis; nothing, if the errors
    do not tell. The bands are one standard error wide on either side. Marked are the smallest error
    on held-out rows, and the simplest network within one standard error of it.

    Parameters
    ----------
    results : sequence of CrossValidation
        One for each network.
    capacity : array-like, shape (n,), default=None
        The capacity of each network; by default its number of parameters.
    names : sequence of str, default=None
        Names of the networks.
    xlabel : str, default="Parameters"
        The label of the axis of capacity.

    Attributes
    ----------
    capacity_ : ndarray, shape (n,)
    best_index_, simplest_index_ : int
        The networks that are marked.
    line_, train_line_ : matplotlib.lines.Line2D
    ax_ : matplotlib.axes.Axes
    figure_ : matplotlib.figure.Figure

    See Also
    --------
    sklearn.model_selection.ValidationCurveDisplay : Against any parameter.
    sklearn.model_selection.LearningCurveDisplay : Against the number of rows.

    Examples
    --------
    >>> import matplotlib
    >>> matplotlib.use("Agg")
    >>> from sklearn.datasets import make_moons
    >>> from multilayer import MLPClassifier
    >>> from multilayer.plots import BiasVarianceDisplay
    >>> X, y = make_moons(150, noise=0.1, random_state=0)
    >>> network = MLPClassifier(activation="tanh", solver="lbfgs", random_state=0)
    >>> display = BiasVarianceDisplay.from_estimator(
    ...     network, X, y, param_range=[(), (2,), (8,)], cv=3, random_state=0
    ... )
    >>> display.capacity_
    array([ 3,  9, 33])
    """

    def __init__(
        self,
        results: Sequence[Any],
        *,
        capacity: ArrayLike | None = None,
        names: Sequence[str] | None = None,
        xlabel: str = "Parameters",
    ) -> None:
        self.results = results
        self.capacity = capacity
        self.names = names
        self.xlabel = xlabel

    @classmethod
    def from_estimator(
        cls,
        estimator: Any,
        X: Any,
        y: Any,
        *,
        param_name: str = "hidden_layer_sizes",
        param_range: Sequence[Any] = ((), (2,), (4,), (8,), (16,), (32,), (64,)),
        ax: Axes | None = None,
        **kwargs: Any,
    ) -> Self:
        """Cross-validate a network for each value of a parameter, on the same folds, and draw.

        Parameters
        ----------
        estimator : MLPClassifier, MLPRegressor, tabular estimator, or Pipeline ending in one
            Of a fitted search, its best estimator is trained.
        X, y : array-like or dataframe
            The data.
        param_name : str, default="hidden_layer_sizes"
            The parameter that changes the capacity.
        param_range : sequence
            Its values.
        ax : matplotlib.axes.Axes, default=None
            Axes to draw on; a new figure by default.
        **kwargs
            Passed to `multilayer.selection.cross_validate_network`: cv, scoring, random_state …

        Returns
        -------
        BiasVarianceDisplay
        """
        require(f"{cls.__name__}.from_estimator", "plot")
        from multilayer.selection.parameter_path import cross_validate_path

        estimator = best_of_search(estimator)
        results = cross_validate_path(estimator, X, y, param_name, param_range, **kwargs)
        return cls(results, names=[_named(value) for value in param_range]).plot(ax=ax)

    def plot(self, ax: Axes | None = None) -> Self:
        """Draw.

        Parameters
        ----------
        ax : matplotlib.axes.Axes, default=None
            Axes to draw on; a new figure by default.

        Returns
        -------
        BiasVarianceDisplay
        """
        require(f"{type(self).__name__}.plot", "plot")
        import matplotlib.pyplot as plt

        from multilayer.selection.model_size import count_parameters

        if ax is None:
            _, ax = plt.subplots(layout="constrained")
        capacity = self.capacity
        if capacity is None:
            capacity = [count_parameters(result.estimators[0]) for result in self.results]
        self.capacity_ = np.asarray(capacity)
        errors = errors_of(self.results, self.capacity_, "capacity")
        self.best_index_ = errors.best
        self.simplest_index_ = errors.simplest(self.capacity_)
        names = self.names or [f"{value:g}" for value in self.capacity_]
        self.line_, self.train_line_ = draw_errors(
            ax, self.capacity_, errors, self.simplest_index_, names, "right"
        )
        ax.set_xlabel(self.xlabel)
        self.ax_, self.figure_ = ax, root_figure(ax)
        return self


def _named(value: Any) -> str:
    if isinstance(value, tuple | list):
        return f"{'-'.join(map(str, value))} units" if len(value) else "no hidden layer"
    return str(value)
