"""Figures of a trained network."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import polars as pl
from numpy.typing import NDArray
from sklearn.pipeline import Pipeline

from multilayer.report.document import check_installed, check_path

__all__ = ["check_figure", "check_figures", "check_report", "write_figures"]


def check_figures(folder: Path) -> None:
    """See that figures can be drawn and written, before training and not after."""
    if find_spec("matplotlib") is None:
        raise ValueError("figures need matplotlib: pip install 'multilayer[plot]'")
    folder.mkdir(parents=True, exist_ok=True)


def check_figure(path: Path) -> None:
    """See that a figure can be drawn into a file, before training and not after."""
    check_figures(path.parent)
    from matplotlib.figure import Figure

    known = Figure().canvas.get_supported_filetypes()
    if path.suffix.removeprefix(".").lower() not in known:
        raise ValueError(
            f"--figure must be a file such as figure.png, figure.svg or figure.pdf, got {path}"
        )


def check_report(path: Path) -> None:
    """See that a report can be written, before training and not after."""
    try:
        check_installed()
    except ModuleNotFoundError as error:
        raise ValueError(error.msg) from None
    check_path(path)


def write_figures(folder: Path, model: Pipeline, X: pl.DataFrame, y: NDArray[Any]) -> list[str]:
    """Draw a trained network and how it does on rows.

    Parameters
    ----------
    folder : Path
        Where to write them.
    model : Pipeline
        Of an encoder and a network.
    X : polars.DataFrame, shape (m, n)
    y : ndarray, shape (m,)

    Returns
    -------
    list of str
        The names of the files written.
    """
    from matplotlib.figure import Figure
    from sklearn.metrics import ConfusionMatrixDisplay, PredictionErrorDisplay

    from multilayer.plots import DecisionBoundaryDisplay, LossCurveDisplay, NetworkDisplay

    encoder, network = model[0], model[-1]
    names = encoder.get_feature_names_out().tolist()

    def learning(ax: Any) -> None:
        LossCurveDisplay.from_estimator(network, ax=ax)

    def drawn(ax: Any) -> None:
        NetworkDisplay.from_estimator(network, input_names=names, ax=ax)

    def confusion(ax: Any) -> None:
        classes = network.classes_
        ConfusionMatrixDisplay.from_predictions(
            y,
            model.predict(X),
            labels=classes,
            ax=ax,
            colorbar=False,
            cmap="Blues",
            xticks_rotation="vertical" if len(classes) > 3 else "horizontal",
        )

    def error(ax: Any) -> None:
        PredictionErrorDisplay.from_predictions(y, model.predict(X), ax=ax)

    def boundary(ax: Any) -> None:
        DecisionBoundaryDisplay.from_estimator(
            network,
            encoder.transform(X),
            y,
            ax=ax,
            xlabel=f"{names[0]} (standardised)",
            ylabel=f"{names[1]} (standardised)",
        )

    classifies = hasattr(network, "classes_")
    figures: dict[str, tuple[Callable[[Any], None], tuple[float, float]]] = {
        "learning": (learning, (7, 4.5)),
        "network": (drawn, (9, 6)),
    }
    if classifies:
        side = max(4.5, 1.5 + 0.35 * len(network.classes_))
        figures["confusion"] = (confusion, (side, side))
        if len(names) == 2:
            figures["boundary"] = (boundary, (6, 5))
    else:
        figures["predictions"] = (error, (5, 5))
    for name, (draw, size) in figures.items():
        figure = Figure(figsize=size, layout="constrained")
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            draw(figure.subplots())
            figure.savefig(folder / f"{name}.png", dpi=120)
    return [f"{name}.png" for name in figures]
