"""The model: its layers, how it was trained, its parameters."""

from __future__ import annotations

import platform
from importlib.metadata import version
from typing import Any

import numpy as np
from sklearn.utils._pprint import _changed_params

from multilayer.plots import LossCurveDisplay, NetworkDisplay
from multilayer.report.evaluation import Judged
from multilayer.report.sections import Figure, Listing, Section, plain
from multilayer.report.svg import draw

__all__ = ["curves", "layers", "settings"]

PACKAGES = ("multilayer", "numpy", "scipy", "scikit-learn", "matplotlib", "jinja2")
MOST_NAMES = 30


def layers(judged: Judged) -> Section:
    """Draw a network, or list the layers of an ensemble."""
    network = judged.network
    if judged.tabular:
        return _members(network)
    thetas = network.network_.thetas
    names = None
    if judged.model is not network and hasattr(judged.model[0], "get_feature_names_out"):
        names = judged.model[:-1].get_feature_names_out().tolist()
    elif judged.model is network:
        names = judged.table.names
    if names is not None and len(names) == thetas[0].shape[1] - 1:
        names = [plain(name, 18).replace("$", r"\$") for name in names]
    else:
        names = None
    outputs = judged.classes if judged.classifies else None
    if outputs is not None:
        outputs = [name.replace("$", r"\$") for name in outputs[1 if len(thetas[-1]) == 1 else 0 :]]

    def drawn(figure: Any) -> None:
        ax = figure.add_axes((0.01, 0.01, 0.98, 0.98))
        NetworkDisplay.from_estimator(
            network, input_names=names, output_names=outputs, max_units=8, ax=ax
        )

    sizes = [thetas[0].shape[1] - 1, *map(len, thetas)]
    width = min(7.4, 1.6 * len(sizes) + 1.0)
    return Section(
        "network",
        "The network",
        f"Units in columns from the inputs on the left to the outputs on the right, "
        f"{'-'.join(map(str, sizes))}, with {sum(theta.size for theta in thetas)} weights between "
        "them: blue ones are positive, red and dashed ones negative, the wider the larger.",
        figures=[draw("network", drawn, (width, 4.2), "The network with its weights")],
        wide=width > 5,
    )


def _counted(columns: int) -> str:
    return "one column" if columns == 1 else f"{columns} columns"


def _members(model: Any) -> Section:
    network, encoder = model.members_[0], model.encoder_
    thetas = network.thetas
    activations = [network.activation] * (len(thetas) - 1) + [network.output]
    rows = [
        [f"{l} {'output' if l == len(thetas) else 'hidden'}", str(theta.shape[1] - 1),
         str(len(theta)), activation, str(theta.size)]
        for l, (theta, activation) in enumerate(zip(thetas, activations, strict=True), 1)
    ]  # fmt: skip
    n, numbers, categories = len(model.members_), encoder.n_numbers_, len(encoder.n_codes_)
    each = sum(array.size for array in network.to_state()[1].values())
    before = []
    if numbers:
        before.append(f"{_counted(numbers)} of numbers get periodic features")
    if categories:
        before.append(f"{_counted(categories)} of categories are embedded")
    total = "One network" if n == 1 else f"{n} networks alike, whose predictions are averaged"
    return Section(
        "network",
        "The network",
        f"{total}: a row of the table is a layer, with its inputs, its units and what they "
        "compute."
        + (f" Before the first one, {' and '.join(before)}." if before else "")
        + f" {f'{n} × {each} = ' * (n > 1)}{n * each} numbers were learned in all.",
        [Listing(("layer", "inputs", "units", "activation", "weights"), rows, (1, 2, 4))],
    )


def curves(judged: Judged) -> Section | None:
    """Draw the cost against the epochs, where the model remembers it."""
    network = judged.network
    if judged.tabular:
        costs = getattr(network, "loss_curves_", [])
        figures = [_of_members("cost", network, costs, "Cost of training")] if any(costs) else []
        judgements = getattr(network, "validation_curves_", [])
        if any(judgements):
            what = "Share of wrong classes" if judged.classifies else "RMSE, standardised"
            what = what if network.scoring is None else f"−{network.scoring}"
            figures.append(_of_members("judgement", network, judgements, f"{what}, rows left out"))
        reading = (
            "Each line is a network: what it costs on the rows that it learns from falls with the "
            "epochs; on the rows that it leaves out it may rise again, and the network is taken "
            "from the epoch that is marked, its best."
        )
    else:
        figures = []
        if np.isfinite(getattr(network, "loss_curve_", None) or [np.nan]).any():
            figures = [draw("cost", _of_network(network), (4.6, 3.6), "Cost of training")]
        reading = (
            "The cost falls as the network learns: a curve that still falls at its end asks for "
            "more epochs, one that jumps for a smaller learning rate; the best epoch is marked."
        )
    if not figures:
        return None
    return Section(
        "training", "How it was trained", reading, figures=figures, wide=len(figures) > 1
    )


def _of_network(network: Any) -> Any:
    return lambda figure: LossCurveDisplay.from_estimator(network, ax=figure.subplots())


def _of_members(name: str, model: Any, lines: Any, what: str) -> Figure:
    def drawn(figure: Any) -> None:
        ax = figure.subplots()
        for line, best in zip(lines, model.best_iterations_, strict=True):
            (curve,) = ax.plot(range(1, len(line) + 1), line, linewidth=1.1)
            if 0 < best <= len(line):
                ax.plot(best, line[best - 1], "o", color=curve.get_color(), markersize=4)
        ax.set(xlabel="Epoch", ylabel=what)
        ax.grid(axis="y")

    return draw(name, drawn, (4.6, 3.0), what)


def settings(judged: Judged, model_path: str | None) -> Section:
    """Say how to use the model, with which parameters and releases it was made."""
    network = judged.network
    listed = ", ".join(repr(name) for name in judged.table.names[:MOST_NAMES])
    more = len(judged.table.names) - MOST_NAMES
    path = repr(model_path or "model.mlp")
    save = [] if model_path else [f"model.save({path})  # where the model is at hand", ""]
    if not model_path and judged.model is not network:
        save[0] = f"ml.save(model, {path})  # where the model is at hand"
    code = [
        "import multilayer as ml",
        "",
        *save,
        f"model = ml.load({path})",
        "y = model.predict(X)",
        *(["p = model.predict_proba(X)  # (rows, classes)"] if judged.classifies else []),
        *(["ends = model.predict_interval(X, 0.9)"] if hasattr(network, "residuals_") else []),
        "",
        f"# columns of X: {listed}" + (f" and {more} more" if more > 0 else ""),
        *([f"# classes: {', '.join(judged.classes[:MOST_NAMES])}"] if judged.classifies else []),
    ]
    seed = network.random_state
    if isinstance(seed, np.random.RandomState):
        seed = "a generator"
    facts = [("estimator", type(network).__name__), ("random_state", plain(seed))]
    facts += [
        (name, plain(repr(value), 80))
        for name, value in sorted(_changed_params(network).items())
        if name != "random_state" and not callable(value)
    ]
    made = [("Python", platform.python_version())]
    made += [(package, version(package)) for package in PACKAGES]
    return Section(
        "use",
        "How to use it",
        "Give it rows with the same columns; below are the parameters that differ from their "
        "defaults, the seed of all random choices, and the releases that made this report.",
        [Listing(("parameter", "value"), facts), Listing(("package", "release"), made)],
        code="\n".join(code),
        wide=True,
    )
