"""The tabular model in `multilayer fit`: its training, what is said of it, its figures."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from multilayer.cli import screen
from multilayer.cli.data import Data

__all__ = ["course", "layout", "out_of_fold", "train_tabular", "write_tabular_figures"]

# What the scores of rows are called that their network did not learn from.
OUT_OF_FOLD = "left out"
MOST_COLUMNS_SHOWN = 20


class OutOfFold(NamedTuple):
    """What the members say of rows that they did not learn from."""

    y: NDArray[Any]
    predicted: NDArray[Any]
    scores: dict[str, float]

    @property
    def rows(self) -> int:
        """How many rows."""
        return len(self.y)


def train_tabular(
    model: Any, data: Data, training: NDArray[np.intp], validation: NDArray[np.intp]
) -> Any:
    """Fit a tabular estimator; rows to validate on, where there are any, choose its epochs."""
    own = {}
    if len(validation):
        own = {"X_val": data.X[validation], "y_val": data.y[validation]}
    return model.fit(data.X[training], data.y[training], **own)


def out_of_fold(model: Any, y: NDArray[Any]) -> OutOfFold:
    """Judge a model, just fitted to y (m,), by the rows that its members left out, if any."""
    if hasattr(model, "classes_"):
        H = model.oof_decision_[: len(y)]
        known = ~np.isnan(H[:, 0])
        H, y = H[known], y[known]
        predicted = model.classes_[H.argmax(axis=1)]
        scores = screen.class_scores(model.classes_, H, y) if len(y) else {}
        return OutOfFold(y, predicted, scores)
    h = model.oof_prediction_[: len(y)]
    known = ~np.isnan(h)
    h, y = h[known], y[known]
    return OutOfFold(y, h, screen.number_scores(h, y) if len(y) else {})


def layout(model: Any) -> str:
    """Say in a line what the networks are."""
    network, encoder = model.members_[0], model.encoder_
    sizes = [network.thetas[0].shape[1] - 1, *map(len, network.thetas)]
    numbers, categories = encoder.n_numbers_, len(encoder.n_codes_)
    parts = []
    if numbers:
        parts.append(f"periodic features of {numbers} column{'s' * (numbers != 1)} of numbers")
    if categories:
        parts.append(f"embeddings of {categories} column{'s' * (categories != 1)} of categories")
    embedded = f"; {' and '.join(parts)}" if parts else ""
    n = len(model.members_)
    what = "networks" if n > 1 else "network"
    return f"{n} {what} {'-'.join(map(str, sizes))}, {network.activation}{embedded}"


def course(model: Any, notes: Mapping[str, Any]) -> str:
    """Say in a line how the networks were trained."""
    text = f"Trained by adamw: {model.n_iter_} epochs"
    if "seconds" in notes:
        text += f" in {notes['seconds']:.2f} s"
    first, last = min(model.best_iterations_), max(model.best_iterations_)
    if first < last:
        text += f"; taken from epochs {first} to {last}, the best by validation"
    elif last < model.n_iter_:
        text += f"; taken from epoch {last}, the best by validation"
    if notes.get("interrupted"):
        text += "; interrupted by Ctrl-C"
    return text


def write_tabular_figures(
    folder: Path, model: Any, data: Data, validation: NDArray[np.intp]
) -> list[str]:
    """Draw how the members learned, how the model does, and which columns matter.

    Parameters
    ----------
    folder : Path
        Where to write them.
    model : TabularClassifier or TabularRegressor
        Just fitted to the data.
    data : Data
    validation : ndarray of int
        Rows held out, or none; then those that each member left out, or else all are judged.

    Returns
    -------
    list of str
        The names of the files written.
    """
    from matplotlib.figure import Figure
    from sklearn.metrics import ConfusionMatrixDisplay, PredictionErrorDisplay

    classifies = hasattr(model, "classes_")
    truth, predicted, _ = out_of_fold(model, data.y)
    if len(validation) or not len(truth):
        rows = validation if len(validation) else slice(None)
        truth, predicted = data.y[rows], model.predict(data.X[rows])
    validated = any(model.validation_curves_)
    curves = model.validation_curves_ if validated else model.loss_curves_

    def learning(ax: Any) -> None:
        for curve, best in zip(curves, model.best_iterations_, strict=True):
            epochs = np.arange(1, len(curve) + 1)
            (line,) = ax.plot(epochs, curve, linewidth=1.2, alpha=0.8)
            ax.plot(best, curve[best - 1], "o", color=line.get_color(), markersize=6)
        ax.set_xlabel("Epoch")
        what = "Share of wrong classes" if classifies else "RMSE, in standard deviations"
        ax.set_ylabel(f"{what}, rows left out" if validated else "Cost of training")
        ax.set_title("Each network, its epoch marked", loc="left", fontsize=11)
        ax.spines[["top", "right"]].set_visible(False)
        ax.grid(axis="y", alpha=0.3)

    def importances(ax: Any) -> None:
        names = [row["column"] for row in model.summary()]
        order = np.argsort(model.feature_importances_)[-MOST_COLUMNS_SHOWN:]
        ax.barh([names[k] for k in order], model.feature_importances_[order], color="#3f90da")
        what = "more wrong classes" if classifies else "more RMSE, in standard deviations,"
        ax.set_xlabel(f"How much {what} when the column is shuffled")
        ax.spines[["top", "right", "left"]].set_visible(False)
        ax.tick_params(axis="y", length=0)
        ax.grid(axis="x", alpha=0.3)
        ax.set_axisbelow(True)

    def confusion(ax: Any) -> None:
        ConfusionMatrixDisplay.from_predictions(
            truth,
            predicted,
            labels=model.classes_,
            ax=ax,
            colorbar=False,
            cmap="Blues",
            xticks_rotation="vertical" if len(model.classes_) > 3 else "horizontal",
        )

    def error(ax: Any) -> None:
        PredictionErrorDisplay.from_predictions(truth, predicted, ax=ax)

    figures: dict[str, tuple[Callable[[Any], None], tuple[float, float]]] = {
        "learning": (learning, (7, 4.5)),
    }
    if validated:
        bars = min(MOST_COLUMNS_SHOWN, model.n_features_in_)
        figures["importances"] = (importances, (7, 1.2 + 0.28 * bars))
    if classifies:
        side = max(4.5, 1.5 + 0.35 * len(model.classes_))
        figures["confusion"] = (confusion, (side, side))
    else:
        figures["predictions"] = (error, (5, 5))
    for name, (draw, size) in figures.items():
        figure = Figure(figsize=size, layout="constrained")
        draw(figure.subplots())
        figure.savefig(folder / f"{name}.png", dpi=120)
    return [f"{name}.png" for name in figures]
