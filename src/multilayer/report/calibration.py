"""Whether probabilities, or prediction intervals, can be taken at their word."""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.calibration import CalibrationDisplay
from sklearn.pipeline import Pipeline

from multilayer.plots.style import COLORS
from multilayer.report.evaluation import Evaluation
from multilayer.report.sections import Section
from multilayer.report.svg import draw, label
from multilayer.tabular.intervals import half_width

__all__ = ["calibration"]

FEWEST_RESIDUALS = 20


def calibration(evaluation: Evaluation) -> Section | None:
    """Draw how well probabilities or intervals are calibrated."""
    return _reliability(evaluation) if evaluation.classifies else _coverage(evaluation)


def _reliability(evaluation: Evaluation) -> Section:
    two = evaluation.binary
    h = evaluation.H[:, 1] if two else evaluation.H.max(axis=1)
    right = evaluation.y == (1 if two else evaluation.predicted)

    def drawn(figure: Any) -> None:
        ax, below = figure.subplots(2, sharex=True, height_ratios=[3, 1])
        CalibrationDisplay.from_predictions(
            right, np.clip(h, 0, 1), n_bins=10, strategy="quantile", ax=ax, color=COLORS[0]
        )
        ax.set(xlabel="", ylabel="Observed share")
        ax.legend(["perfectly calibrated", "this model"], loc="upper left")
        ax.grid()
        below.hist(h, bins=np.linspace(0, 1, 21), color=COLORS[0])
        name = label(evaluation.positive) if two else "the predicted class"
        below.set(xlabel=f"Predicted probability of {name}", ylabel="Rows", xlim=(0, 1))

    if two:
        meaning = (
            "Points below the diagonal mean that the predicted probability is too high, points "
            "above it that it is too low. So the model is overconfident where points are below the "
            "diagonal on the right half (p > 0.5) or above it on the left half (p < 0.5), and "
            "underconfident the other way round."
        )
    else:
        meaning = (
            "The probability is that of the predicted class. Points below the diagonal mean that "
            "the model is overconfident: it is right less often than it states. Points above it "
            "mean that it is underconfident."
        )
    return Section(
        "calibration",
        "Calibration of probabilities",
        "A reliability diagram: each point is a tenth of the rows, with their mean predicted "
        f"probability and the share that was observed. {meaning} The histogram counts the rows by "
        "predicted probability.",
        figures=[draw("calibration", drawn, (4.6, 4.2), "Reliability diagram")],
    )


def _coverage(evaluation: Evaluation) -> Section | None:
    network = evaluation.network
    if not hasattr(network, "residuals_") or len(network.residuals_) < FEWEST_RESIDUALS:
        return None
    wanted = np.linspace(0.1, 0.95, 18)
    widths = np.array([half_width(network.residuals_, share) for share in wanted])
    errors = np.abs(evaluation.y - evaluation.H) / _scales(evaluation)
    held = np.mean(errors <= widths[:, None], axis=1)

    def drawn(figure: Any) -> None:
        ax = figure.subplots()
        ax.plot([0, 1], [0, 1], ":", color="black", linewidth=1, label="perfectly calibrated")
        ax.plot(wanted, held, "o-", color=COLORS[0], markersize=3.5, label="this model")
        ax.set(xlabel="Nominal coverage", ylabel="Observed coverage")
        ax.set_aspect("equal")
        ax.legend()
        ax.grid()

    return Section(
        "calibration",
        "Calibration of prediction intervals",
        "The share of rows whose target lies within the prediction interval, for each nominal "
        "coverage. Points below the diagonal mean that intervals are too narrow, points above it "
        "that they are wider than necessary.",
        figures=[draw("coverage", drawn, (4.2, 3.8), "Coverage of prediction intervals")],
    )


def _scales(evaluation: Evaluation) -> Any:
    """Return the scale of the errors of each row; out of fold where the predictions are."""
    network, model = evaluation.network, evaluation.model
    if evaluation.folds is not None:
        known = getattr(network, "oof_scale_", np.empty(0))
        if len(known) == len(evaluation.truth) and np.isfinite(known[evaluation.rows]).all():
            return known[evaluation.rows]
    X = evaluation.table.take(evaluation.rows)
    if isinstance(model, Pipeline) and len(model) > 1:
        X = model[:-1].transform(X)
    return network.predict_scale(X)
