"""Figures of a trained model."""

from __future__ import annotations

import io
import warnings
from collections.abc import Callable, Mapping
from contextlib import nullcontext
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import polars as pl
from numpy.typing import NDArray
from sklearn.pipeline import Pipeline

from multilayer.cli.messages import visible
from multilayer.cli.output_files import check_folder
from multilayer.extras import require
from multilayer.persistence import write_whole
from multilayer.report.document import check_installed, check_path

__all__ = [
    "Drawing",
    "check_figure",
    "check_figures",
    "check_report",
    "figure_files",
    "members_figures",
    "network_figures",
    "without_formulas",
    "write_figure",
    "write_figures",
]

MOST_COLUMNS_SHOWN = 20
# All that `network_figures` and `members_figures` draw.
_NAMES = ("learning", "network", "boundary", "importances", "predictions", "confusion")
_OF_NAMES = ("boundary", "importances", "confusion")  # of columns and classes, without formulas


class Drawing(NamedTuple):
    """A figure to be drawn: on axes, in inches."""

    draw: Callable[[Any], Any]
    width: float
    height: float


def without_formulas() -> Any:
    """Return a context in which matplotlib shows texts, as of names and classes, as they are."""
    import matplotlib

    return matplotlib.rc_context({"text.parse_math": False})


def check_figures(folder: Path) -> None:
    """Check that figures can be drawn and written, before training and not after."""
    require("a figure", "plot")
    folder.mkdir(parents=True, exist_ok=True)
    check_folder(folder)


def check_figure(path: Path) -> None:
    """Check that a figure can be drawn into a file, before training and not after."""
    check_figures(path.parent)
    from matplotlib.figure import Figure

    known = Figure().canvas.get_supported_filetypes()
    if path.suffix.removeprefix(".").lower() not in known:
        raise ValueError(
            f"--figure must be a file such as figure.png, figure.svg or figure.pdf, got {path}"
        )


def check_report(path: Path) -> None:
    """Check that a report can be written, before training and not after."""
    check_installed()
    check_path(path)


def figure_files(folder: Path) -> list[Path]:
    """Return the files that figures of a model may be written to in a folder."""
    return [folder / f"{name}.png" for name in _NAMES]


def write_figures(folder: Path, drawings: Mapping[str, Drawing]) -> str:
    """Draw figures into a folder, and return a line that names them."""
    from matplotlib.figure import Figure

    for name, drawing in drawings.items():
        figure = Figure(figsize=(drawing.width, drawing.height), layout="constrained")
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            with without_formulas() if name in _OF_NAMES else nullcontext():
                drawing.draw(figure.subplots())
                write_figure(folder / f"{name}.png", figure, dpi=120)
    return f"Figures in {folder}: {', '.join(f'{name}.png' for name in drawings)}"


def write_figure(path: Path, figure: Any, dpi: int = 150) -> str:
    """Save a figure to a file, and return a line that names it."""
    buffer = io.BytesIO()
    figure.savefig(buffer, format=path.suffix.removeprefix(".").lower(), dpi=dpi)
    write_whole(path, buffer.getvalue())
    return f"Figure in {path}"


def network_figures(model: Pipeline, X: pl.DataFrame, y: NDArray[Any]) -> dict[str, Drawing]:
    """Prepare the figures of a plain network.

    Parameters
    ----------
    model : Pipeline
        Of an encoder and a network.
    X : polars.DataFrame, shape (m, n)
        Rows to evaluate it on.
    y : ndarray, shape (m,)
        The truth.

    Returns
    -------
    dict
        The figures by name.
    """
    from multilayer.plots import DecisionBoundaryDisplay, LossCurveDisplay, NetworkDisplay

    encoder, network = model[0], model[-1]
    names = encoder.get_feature_names_out().tolist()
    inputs, outputs = list(map(_label, names)), None
    if hasattr(network, "classes_"):
        one = len(network.network_.thetas[-1]) == 1  # the unit of the second of two classes
        outputs = list(map(_label, network.classes_.tolist()))[int(one) :]

    def learning(ax: Any) -> None:
        LossCurveDisplay.from_estimator(network, ax=ax)

    def layers(ax: Any) -> None:
        NetworkDisplay.from_estimator(network, input_names=inputs, output_names=outputs, ax=ax)

    def boundary(ax: Any) -> None:
        DecisionBoundaryDisplay.from_estimator(
            network,
            encoder.transform(X),
            y,
            ax=ax,
            xlabel=f"{names[0]} (standardised)",
            ylabel=f"{names[1]} (standardised)",
        )

    figures = {"learning": Drawing(learning, 7, 4.5), "network": Drawing(layers, 9, 6)}
    figures |= _prediction_figure(network, y, model.predict(X))
    if hasattr(network, "classes_") and len(names) == 2:
        figures["boundary"] = Drawing(boundary, 6, 5)
    return figures


def members_figures(model: Any, y: NDArray[Any], predicted: NDArray[Any]) -> dict[str, Drawing]:
    """Prepare the figures of a tabular model.

    Parameters
    ----------
    model : TabularClassifier or TabularRegressor
    y : ndarray, shape (m,)
        The truth for the rows that it is evaluated on.
    predicted : ndarray, shape (m,)
        Its predictions for them.

    Returns
    -------
    dict
        The figures by name.
    """
    from multilayer.plots import LossCurveDisplay, NetworkDisplay

    def first_network(ax: Any) -> None:
        NetworkDisplay.from_estimator(model, ax=ax)
        ax.set_title(f"Network 1 of {len(model.members_)}", loc="left", fontsize=9)

    figures = {
        "learning": Drawing(lambda ax: LossCurveDisplay.from_estimator(model, ax=ax), 7, 5.5),
        "network": Drawing(first_network, 12, 7),
    }
    if any(model.validation_curves_):
        height = 1.2 + 0.28 * min(MOST_COLUMNS_SHOWN, model.n_features_in_)
        figures["importances"] = Drawing(lambda ax: _importances(model, ax), 7, height)
    return figures | _prediction_figure(model, y, predicted)


def _label(name: Any) -> str:
    """Return a name as matplotlib shows it beside formulas."""
    return visible(str(name)).replace("$", r"\$")


def _prediction_figure(model: Any, y: NDArray[Any], predicted: NDArray[Any]) -> dict[str, Drawing]:
    """Prepare the confusions of a classifier, or the predictions of numbers against the truth."""
    from sklearn.metrics import ConfusionMatrixDisplay, PredictionErrorDisplay

    if not hasattr(model, "classes_"):
        return {
            "predictions": Drawing(
                lambda ax: PredictionErrorDisplay.from_predictions(y, predicted, ax=ax), 5, 5
            )
        }

    classes = model.classes_

    def confusion(ax: Any) -> None:
        ConfusionMatrixDisplay.from_predictions(
            y,
            predicted,
            labels=classes,
            ax=ax,
            colorbar=False,
            cmap="Blues",
            xticks_rotation="vertical" if len(classes) > 3 else "horizontal",
        )

    side = max(4.5, 1.5 + 0.35 * len(classes))
    return {"confusion": Drawing(confusion, side, side)}


def _importances(model: Any, ax: Any) -> None:
    """Draw the permutation importances of the columns."""
    names = [row["column"] for row in model.summary()]
    order = np.argsort(model.feature_importances_)[-MOST_COLUMNS_SHOWN:]
    ax.barh([names[k] for k in order], model.feature_importances_[order], color="#3f90da")
    loss = "wrong classes" if hasattr(model, "classes_") else "RMSE, in standard deviations,"
    ax.set_xlabel(f"How much more {loss} when the column is shuffled")
    ax.spines[["top", "right", "left"]].set_visible(False)
    ax.tick_params(axis="y", length=0)
    ax.grid(axis="x", alpha=0.3)
    ax.set_axisbelow(True)
