"""Options about classes and scores: a metric, weights of classes, a threshold, groups, times."""

from __future__ import annotations

import difflib
import math
from typing import Annotated, Any

import numpy as np
import typer
from numpy.typing import NDArray
from sklearn.metrics import get_scorer_names

__all__ = [
    "ClassWeight",
    "Groups",
    "Metric",
    "Threshold",
    "Time",
    "check_metric",
    "labels_by_threshold",
    "parse_class_weight",
]

Metric = Annotated[
    str | None,
    typer.Option(
        metavar="NAME",
        help="The score that is optimised and shown: a scorer of scikit-learn's, such as "
        "balanced_accuracy, roc_auc, average_precision, neg_log_loss, r2 or "
        "neg_mean_absolute_error. Default: accuracy or R².",
        show_default=False,
    ),
]
ClassWeight = Annotated[
    str | None,
    typer.Option(
        metavar="WEIGHTS",
        help="Weights of the classes in training: balanced, or such as yes=5,no=1.",
        show_default=False,
    ),
]
Threshold = Annotated[
    float | None,
    typer.Option(
        metavar="P",
        min=0,
        max=1,
        help="Predict the second of two classes where its probability is at least this, instead "
        "of 0.5.",
        show_default=False,
    ),
]
Groups = Annotated[
    str | None,
    typer.Option(
        metavar="COLUMN",
        help="Keep the rows with the same value in this column, such as those of one patient, in "
        "the same fold. The column is no feature.",
        show_default=False,
    ),
]
Time = Annotated[
    str | None,
    typer.Option(
        metavar="COLUMN",
        help="Predict later rows from earlier ones: a column of dates or numbers that orders the "
        "rows. Scores are of the later half of the rows, each predicted from rows before it.",
        show_default=False,
    ),
]


def check_metric(name: str | None) -> str | None:
    """Return a metric that scikit-learn has a scorer for; ValueError if it has none."""
    known = get_scorer_names()
    if name is None or name in known:
        return name
    near = difflib.get_close_matches(name, known, 3, 0.5)
    for short in ("mean_squared_error", "mean_absolute_error", "log_loss"):
        if name in (short, short.replace("mean_squared_error", "root_mean_squared_error")):
            near = [f"neg_{name}"]
    hint = f"; the nearest are {', '.join(near)}" if near else ""
    raise ValueError(f"--metric must be the name of a scorer of scikit-learn, got {name!r}{hint}")


def parse_class_weight(text: str | None, classes: NDArray[Any]) -> Any:
    """Read "balanced" as it is, and "yes=5,no=1" as a dict of the weight of each class.

    Parameters
    ----------
    text : str or None
    classes : ndarray, shape (n_classes,)
        The classes that there are; those not named have the weight 1.

    Raises
    ------
    ValueError
        If the text has another form, or names a class that there is not.
    """
    if text is None or text == "balanced":
        return text
    labels = {str(label): label for label in classes.tolist()}
    weights = dict.fromkeys(labels.values(), 1.0)
    for part in text.split(","):
        label, _, number = part.rpartition("=")
        try:
            weight = float(number)
        except ValueError:
            weight = math.nan
        if not label or not 0 <= weight < math.inf:
            raise ValueError(
                "--class-weight must be balanced, or classes with weights such as yes=5,no=1; got "
                f"{text!r}"
            )
        if label.strip() not in labels:
            raise ValueError(
                f"--class-weight names the class {label.strip()!r}, but the classes are "
                f"{', '.join(list(labels)[:10])}"
            )
        weights[labels[label.strip()]] = weight
    return weights


def labels_by_threshold(
    H: NDArray[Any], classes: NDArray[Any], threshold: float | None
) -> NDArray[Any]:
    """Return the predicted classes: the most probable ones, or by a threshold of the second class.

    Parameters
    ----------
    H : ndarray, shape (m, n_classes)
    classes : ndarray, shape (n_classes,)
    threshold : float or None

    Raises
    ------
    ValueError
        If there is a threshold, but there are not two classes.
    """
    if threshold is None:
        return np.asarray(classes[H.argmax(axis=1)])
    if len(classes) != 2:
        raise ValueError(f"--threshold needs two classes, but the model has {len(classes)}")
    return np.asarray(classes[(H[:, 1] >= threshold).astype(int)])
