"""`multilayer demo`: two experiments on the moons, with figures, then a real table."""

from __future__ import annotations

import time
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NamedTuple

import typer

if TYPE_CHECKING:
    from matplotlib.figure import Figure
    from numpy.typing import NDArray
    from rich.table import Table

    Rows = NDArray[Any]


class Experiment(NamedTuple):
    """A network of layers 2-5-5-2, trained on the first `rows` moons for so many iterations."""

    rows: int
    iterations: int

    def __str__(self) -> str:
        return f"{self.rows} rows, {self.iterations} iterations"


# The same network, trained too briefly to bend its boundary, and long enough.
STRAIGHT = Experiment(rows=1000, iterations=1000)
MOONS = Experiment(rows=500, iterations=5000)


class Result(NamedTuple):
    """A trained network, and how long its training took in seconds."""

    model: Any
    seconds: float


def demo(
    out: Annotated[Path, typer.Option("--out", "-o", help="Folder for the figures.")] = Path(
        "figures"
    ),
) -> None:
    """Train three networks, print their scores and draw them.

    Two moons: gradient descent on a 2-5-5-2 network of sigmoid units, first stopped while its
    boundary is still straight, then continued until it follows the moons. Breast cancer: 30
    measurements of cell nuclei, with scores on held-out rows.

    For example:

    * multilayer demo

    * multilayer demo --out pictures
    """
    from multilayer.cli.figures import check_figures, write_figure
    from multilayer.cli.messages import visible
    from multilayer.cli.screen import console

    check_figures(out)
    screen = console()
    X, y = load_moons()
    results = {experiment: train(experiment, X, y) for experiment in (STRAIGHT, MOONS)}
    screen.print(moons_table(results, X, y), "")
    cancer, X_test, y_test = train_on_breast_cancer()
    screen.print(*breast_cancer_tables(cancer, X_test, y_test), "", sep="\n")

    figures = moons_figures(results, X, y)
    figures["breast_cancer"] = breast_cancer_figure(cancer.model, X_test, y_test)
    for name, figure in figures.items():
        write_figure(out / f"{name}.png", figure, dpi=120)
    names = ", ".join(f"{name}.png" for name in figures)
    screen.print(f"Figures in {visible(str(out))}: {names}", markup=False, soft_wrap=True)


def load_moons() -> tuple[Rows, Rows]:
    """Load the rows: X of shape (1000, 2), y of shape (1000,)."""
    from sklearn.datasets import make_moons

    X, y = make_moons(n_samples=1000, noise=0.1, random_state=0)
    return X, y


def train(experiment: Experiment, X: Rows, y: Rows) -> Result:
    """Train by gradient descent: learning rate α = 0.5, no penalty, one sigmoid unit per class."""
    from multilayer.estimators.classifier import MLPClassifier

    model = MLPClassifier(
        hidden_layer_sizes=(5, 5),
        activation="logistic",
        output_activation="logistic",
        initializer="notebook",
        solver="gd",
        learning_rate_init=0.5,
        alpha=0.0,
        max_iter=experiment.iterations,
        tol=0.0,
        n_iter_no_change=experiment.iterations,
        random_state=0,
    )
    return _timed_fit(model, X[: experiment.rows], y[: experiment.rows])


def moons_table(results: dict[Experiment, Result], X: Rows, y: Rows) -> Table:
    """Compare the runs: cost, accuracy on the rows trained on and on the others, speed."""
    from rich.table import Table

    table = Table(title="Two moons, 2-5-5-2, sigmoid units", title_justify="left", box=None)
    table.add_column("rows", justify="right")
    table.add_column("iterations", justify="right")
    for column in ("cost", "accuracy", "held out", "time", "iterations/s"):
        table.add_column(column, justify="right")
    for experiment, (model, seconds) in results.items():
        rows = experiment.rows
        table.add_row(
            f"{rows}",
            f"{experiment.iterations}",
            f"{model.loss_:.4f}",
            f"{model.score(X[:rows], y[:rows]):.3f}",
            f"{model.score(X[rows:], y[rows:]):.3f}" if rows < len(X) else "–",
            f"{1000 * seconds:.0f} ms",
            f"{model.n_iter_ / seconds:,.0f}",
        )
    return table


def moons_figures(results: dict[Experiment, Result], X: Rows, y: Rows) -> dict[str, Figure]:
    """Draw the data, the cost curves, the boundaries, and the network that found the moons."""
    from matplotlib.figure import Figure

    from multilayer.plots import DecisionBoundaryDisplay, LossCurveDisplay, NetworkDisplay
    from multilayer.plots.style import COLORS

    data = Figure(figsize=(6, 4), layout="constrained")
    ax = data.subplots()
    for label, marker in enumerate("os"):
        x1, x2 = X[y == label].T
        ax.scatter(x1, x2, s=14, marker=marker, color=COLORS[label], label=str(label))
    ax.set(xlabel="$x_1$", ylabel="$x_2$", title=f"Two moons, {len(X)} rows")
    ax.legend(title="class", frameon=False)

    costs = Figure(figsize=(6, 4), layout="constrained")
    ax = costs.subplots()
    for experiment, (model, _) in results.items():
        LossCurveDisplay.from_estimator(model, name=str(experiment), ax=ax)
    ax.set_title("Cost while learning")

    boundaries = Figure(figsize=(10, 3.8), layout="constrained")
    panels = boundaries.subplots(1, len(results), sharey=True)
    for ax, (experiment, (model, _)) in zip(panels, results.items(), strict=True):
        DecisionBoundaryDisplay.from_estimator(model, X, y, ax=ax)
        ax.set_title(f"{experiment}: {model.score(X, y):.1%} of all rows right", fontsize=10)
        ax.label_outer()
    panels[0].get_legend().remove()

    network = Figure(figsize=(10, 6))
    NetworkDisplay.from_estimator(results[MOONS].model, ax=network.add_axes((0, 0, 1, 1)))
    return {"data": data, "costs": costs, "boundaries": boundaries, "network": network}


def train_on_breast_cancer() -> tuple[Result, Rows, Rows]:
    """Train on three quarters of the table; return the model and the held-out rows."""
    from sklearn.datasets import load_breast_cancer
    from sklearn.model_selection import train_test_split
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    from multilayer.estimators.classifier import MLPClassifier

    data = load_breast_cancer()
    labels = data.target_names[data.target]
    X, X_test, y, y_test = train_test_split(data.data, labels, stratify=labels, random_state=0)
    network = MLPClassifier((16,), random_state=0)
    return _timed_fit(make_pipeline(StandardScaler(), network), X, y), X_test, y_test


def breast_cancer_tables(result: Result, X_test: Rows, y_test: Rows) -> list[Table]:
    """Lay out the accuracy on the held-out rows, and which classes the model confuses."""
    from rich.table import Table

    from multilayer.cli.screen import confusion_table

    model, seconds = result
    scores = Table(title="Breast cancer, 30-16-1, Adam", title_justify="left", box=None)
    for column in ("rows held out", "accuracy", "time", "epochs/s"):
        scores.add_column(column, justify="right")
    scores.add_row(
        f"{len(X_test)}",
        f"{model.score(X_test, y_test):.3f}",
        f"{1000 * seconds:.0f} ms",
        f"{model[-1].n_iter_ / seconds:,.0f}",
    )
    return [scores, confusion_table(y_test, model.predict(X_test), model.classes_)]


def breast_cancer_figure(model: Any, X_test: Rows, y_test: Rows) -> Figure:
    """Draw the learning curve, and the confusion matrix on the held-out rows."""
    from matplotlib.figure import Figure
    from sklearn.metrics import ConfusionMatrixDisplay

    from multilayer.plots import LossCurveDisplay

    figure = Figure(figsize=(10, 4), layout="constrained")
    left, right = figure.subplots(1, 2)
    LossCurveDisplay.from_estimator(model, ax=left)
    ConfusionMatrixDisplay.from_estimator(
        model, X_test, y_test, ax=right, cmap="Blues", colorbar=False
    )
    right.set_title(f"{len(X_test)} rows held out")
    return figure


def _timed_fit(model: Any, X: Rows, y: Rows) -> Result:
    from sklearn.exceptions import ConvergenceWarning

    start = time.perf_counter()
    with warnings.catch_warnings():
        # The number of iterations is the experiment.
        warnings.simplefilter("ignore", ConvergenceWarning)
        model.fit(X, y)
    return Result(model, time.perf_counter() - start)
