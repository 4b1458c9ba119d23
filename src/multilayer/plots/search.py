"""The candidates of a search: error against the number of parameters, and against time."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Self

import numpy as np
from sklearn.pipeline import Pipeline
from sklearn.utils.validation import check_is_fitted

from multilayer.extras import require
from multilayer.plots.style import COLORS, root_figure

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from matplotlib.axes import Axes
    from matplotlib.collections import PathCollection
    from numpy.typing import ArrayLike, NDArray

_AGAINST = (("n_parameters", "Parameters"), ("mean_fit_time", "Seconds for a fold"))


class SearchDisplay:
    """Candidates of a search as points: their error against parameters, and against time.

    Small points are candidates that were stopped early. The line is the Pareto front: no candidate
    with fewer parameters, or in less time, had a smaller error. The band is one standard error of
    the best candidate; the simplest candidate within it is marked too.

    Parameters
    ----------
    cv_results : dict
        As `HiddenLayerSearchCV.cv_results_`.
    best_index, simplest_index : int
        The candidates to mark.
    error_name : str, default="Validation error"
        Label of the vertical axis.
    score_offset : float, default=1.0
        The error is this minus the score: 1 for accuracy and R², 0 for scores that are minus an
        error.

    Attributes
    ----------
    points_ : list of matplotlib.collections.PathCollection
        One for each panel.
    axes_ : list of matplotlib.axes.Axes
    figure_ : matplotlib.figure.Figure

    Examples
    --------
    >>> import matplotlib
    >>> matplotlib.use("Agg")
    >>> from sklearn.datasets import make_moons
    >>> from multilayer import MLPClassifier
    >>> from multilayer.plots import SearchDisplay
    >>> from multilayer.selection import HiddenLayerSearchCV
    >>> X, y = make_moons(100, random_state=0)
    >>> search = HiddenLayerSearchCV(MLPClassifier(), n_candidates=9, random_state=0).fit(X, y)
    >>> len(SearchDisplay.from_estimator(search).axes_)
    2
    """

    def __init__(
        self,
        cv_results: Mapping[str, NDArray[Any]],
        *,
        best_index: int,
        simplest_index: int,
        error_name: str = "Validation error",
        score_offset: float = 1.0,
    ) -> None:
        self.cv_results = cv_results
        self.best_index = best_index
        self.simplest_index = simplest_index
        self.error_name = error_name
        self.score_offset = score_offset

    @classmethod
    def from_estimator(
        cls, search: Any, *, axes: Sequence[Axes] | None = None, **kwargs: Any
    ) -> Self:
        """Draw the candidates of a search.

        Parameters
        ----------
        search : fitted HiddenLayerSearchCV, or Pipeline ending in one
        axes : two matplotlib Axes, default=None
            Axes for the errors against parameters and against time; a new figure by default.
        **kwargs
            Passed to `matplotlib.axes.Axes.scatter`.

        Returns
        -------
        SearchDisplay

        Raises
        ------
        TypeError
            If it is no HiddenLayerSearchCV.
        sklearn.exceptions.NotFittedError
            If it is not fitted.
        """
        require(f"{cls.__name__}.from_estimator", "plot")
        from multilayer.selection import HiddenLayerSearchCV

        search = search[-1] if isinstance(search, Pipeline) else search
        if not isinstance(search, HiddenLayerSearchCV):
            raise TypeError(
                f"SearchDisplay draws a HiddenLayerSearchCV, not {type(search).__name__}"
            )
        check_is_fitted(search, "cv_results_")
        name, offset = "Validation error", 1.0
        if search.scoring is not None:
            name = search.scoring if isinstance(search.scoring, str) else "Score"
            offset = 0.0 if np.nanmax(search.cv_results_["mean_test_score"]) <= 0 else 1.0
            name = f"Minus {name}" if offset == 0 else f"1 − {name}"
            name = name.replace("Minus neg_", "")
        elif not hasattr(search.estimator, "predict_proba"):
            name = "1 − R²"
        display = cls(
            search.cv_results_,
            best_index=search.best_index_,
            simplest_index=search.simplest_index_,
            error_name=name,
            score_offset=offset,
        )
        return display.plot(axes=axes, **kwargs)

    def plot(self, *, axes: Sequence[Axes] | None = None, **kwargs: Any) -> Self:
        """Draw.

        Parameters
        ----------
        axes : two matplotlib Axes, default=None
        **kwargs
            Passed to `matplotlib.axes.Axes.scatter`.

        Returns
        -------
        SearchDisplay
        """
        require(f"{type(self).__name__}.plot", "plot")
        if axes is None:
            from matplotlib import pyplot as plt

            _, drawn = plt.subplots(1, 2, figsize=(9.6, 4.2), sharey=True, layout="constrained")
            axes = list(drawn)
        axes = list(axes)
        if len(axes) != len(_AGAINST):
            raise ValueError(f"axes must be two, against parameters and time, got {len(axes)}")
        error = self.score_offset - np.asarray(self.cv_results["mean_test_score"], float)
        there = np.isfinite(error)
        self.points_: list[PathCollection] = []
        for ax, (column, label) in zip(axes, _AGAINST, strict=True):
            self._panel(ax, np.asarray(self.cv_results[column], float), error, there, kwargs)
            ax.set_xlabel(label)
        axes[0].set_ylabel(self.error_name)
        axes[0].legend(loc="best", fontsize="small", frameon=False)
        self.axes_, self.figure_ = axes, root_figure(axes[0])
        return self

    def _panel(
        self,
        ax: Axes,
        x: NDArray[Any],
        error: NDArray[Any],
        there: NDArray[Any],
        kwargs: dict[str, Any],
    ) -> None:
        epochs = np.asarray(self.cv_results["n_epochs"], float)
        sizes = 10 + 30 * epochs / max(epochs[there].max(), 1)
        points: dict[str, Any] = {
            "color": COLORS[0],
            "alpha": 0.6,
            "linewidths": 0,
            "zorder": 2,
        } | kwargs
        self.points_.append(ax.scatter(x[there], error[there], s=sizes[there], **points))
        front = frontier(x, error)
        ax.step(x[front], error[front], where="post", color=COLORS[8], lw=1.2, label="frontier")
        best, simplest = self.best_index, self.simplest_index
        within = float(np.nan_to_num(self.cv_results["standard_error"][best]))
        ax.axhspan(error[best], error[best] + within, color=COLORS[1], alpha=0.15, lw=0)
        mark: dict[str, Any] = {"s": 110, "facecolors": "none", "linewidths": 1.8, "zorder": 3}
        ax.errorbar(x[best], error[best], yerr=within, color=COLORS[2], capsize=3, lw=1.2)
        ax.scatter(
            x[best], error[best], edgecolors=COLORS[2], label=self._label("best", best), **mark
        )
        if simplest != best:
            name = self._label("simplest within a standard error", simplest)
            ax.scatter(
                x[simplest], error[simplest], edgecolors=COLORS[4], marker="s", label=name, **mark
            )
        if (x[there] > 0).all():
            ax.set_xscale("log")
            if x[there].max() >= 10 * x[there].min():
                ax.xaxis.set_minor_formatter("")  # labels of powers of ten are enough, and fit
        # Candidates that are far worse than most would compress the rest.
        low, high = error[there].min(), error[there].max()
        median = float(np.median(error[there]))
        room = 3 * (median - low) or 1.0
        if high > median + room:
            ax.set_ylim(low - 0.08 * (median + room - low), median + room)
        ax.spines[["top", "right"]].set_visible(False)

    def _label(self, role: str, index: int) -> str:
        layers = self.cv_results["params"][index].get("hidden_layer_sizes")
        if layers is None:
            return f"{role}: layers as given"
        return f"{role}: {'-'.join(map(str, layers)) or 'no hidden layer'}"


def frontier(x: ArrayLike, error: ArrayLike) -> NDArray[np.intp]:
    """Return the Pareto front: candidates better than all with a smaller x, by ascending x.

    Parameters
    ----------
    x, error : array-like, shape (n,)
        NaN for candidates to leave out.

    Returns
    -------
    ndarray of int
    """
    x, error = np.asarray(x, float), np.asarray(error, float)
    order = np.lexsort((error, x))
    order = order[np.isfinite(error[order])]
    best_before = np.minimum.accumulate(np.append(np.inf, error[order]))[:-1]
    return np.asarray(order[error[order] < best_before])
