"""The model: its layers, its training, its parameters."""

from __future__ import annotations

import platform
from importlib.metadata import version
from typing import Any

import numpy as np
from sklearn.utils._pprint import _changed_params

from multilayer.plots import LossCurveDisplay, NetworkDisplay
from multilayer.report.evaluation import Evaluation
from multilayer.report.sections import Figure, Listing, Section, plain
from multilayer.report.svg import draw

__all__ = ["curves", "layers", "settings"]

PACKAGES = ("multilayer", "numpy", "scipy", "scikit-learn", "matplotlib", "jinja2")
MOST_NAMES = 30


def layers(evaluation: Evaluation) -> Section:
    """Draw a network, or list the layers of an ensemble."""
    network = evaluation.network
    if evaluation.tabular:
        return _members(network)
    thetas = network.network_.thetas
    names = None
    if evaluation.model is not network and hasattr(evaluation.model[0], "get_feature_names_out"):
        names = evaluation.model[:-1].get_feature_names_out().tolist()
    elif evaluation.model is network:
        names = evaluation.table.names
    if names is not None and len(names) == thetas[0].shape[1] - 1:
        names = [plain(name, 18).replace("$", r"\$") for name in names]
    else:
        names = None
    outputs = evaluation.classes if evaluation.classifies else None
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
        f"The layers {'-'.join(map(str, sizes))}, from the inputs on the left to the outputs on "
        f"the right, with {sum(theta.size for theta in thetas)} weights between them. Positive "
        "weights are blue, negative ones red and dashed; the wider a line, the larger the weight.",
        figures=[draw("network", drawn, (width, 4.2), "The network with its weights")],
        wide=width > 5,
    )


def _counted(columns: int, one: str, many: str) -> str:
    return f"one column {one}" if columns == 1 else f"{columns} columns {many}"


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
        before.append(
            _counted(
                numbers, "of numbers gets periodic features", "of numbers get periodic features"
            )
        )
    if categories:
        before.append(
            _counted(categories, "of categories is embedded", "of categories are embedded")
        )
    total = "One network" if n == 1 else f"{n} identical networks, whose predictions are averaged"
    return Section(
        "network",
        "The network",
        f"{total}. Each row of this table is a layer, with its inputs, its units and their "
        "activation."
        + (f" Before the first layer, {' and '.join(before)}." if before else "")
        + f" In total, {f'{n} × {each} = ' * (n > 1)}{n * each} numbers were trained.",
        [Listing(("layer", "inputs", "units", "activation", "weights"), rows, (1, 2, 4))],
    )


def curves(evaluation: Evaluation) -> Section | None:
    """Draw the cost against the epochs, where the model has stored it."""
    network = evaluation.network
    if evaluation.tabular:
        costs = getattr(network, "loss_curves_", [])
        figures = [_of_members("cost", network, costs, "Training cost")] if any(costs) else []
        losses = getattr(network, "validation_curves_", [])
        if any(losses):
            what = "Error rate" if evaluation.classifies else "Standardised RMSE"
            what = what if network.scoring is None else f"−{network.scoring}"
            what += ", validation rows"
            figures.append(_of_members("validation", network, losses, what))
        reading = (
            "Each line is a network. The cost on its training rows falls with the epochs; the "
            "error on its validation rows may rise again. The marked epoch is the best one: the "
            "network was taken from it."
        )
    else:
        figures = []
        if np.isfinite(getattr(network, "loss_curve_", None) or [np.nan]).any():
            figures = [draw("cost", _of_network(network), (4.6, 3.6), "Training cost")]
        reading = (
            "The cost falls as the network is trained. If it still falls at the end, more epochs "
            "may help; if it jumps, a smaller learning rate may. The best epoch is marked."
        )
    if not figures:
        return None
    return Section("training", "The training", reading, figures=figures, wide=len(figures) > 1)


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


def settings(evaluation: Evaluation, model_path: str | None) -> Section:
    """Show how to use the model, and which parameters and releases it was made with."""
    network = evaluation.network
    listed = ", ".join(repr(name) for name in evaluation.table.names[:MOST_NAMES])
    more = len(evaluation.table.names) - MOST_NAMES
    path = repr(model_path or "model.mlp")
    save = [] if model_path else [f"model.save({path})  # with the fitted model", ""]
    if not model_path and evaluation.model is not network:
        save[0] = f"ml.save(model, {path})  # with the fitted model"
    code = [
        "import multilayer as ml",
        "",
        *save,
        f"model = ml.load({path})",
        "y = model.predict(X)",
        *(["p = model.predict_proba(X)  # (rows, classes)"] if evaluation.classifies else []),
        *(["ends = model.predict_interval(X, 0.9)"] if hasattr(network, "residuals_") else []),
        "",
        f"# columns of X: {listed}" + (f" and {more} more" if more > 0 else ""),
        *(
            [f"# classes: {', '.join(evaluation.classes[:MOST_NAMES])}"]
            if evaluation.classifies
            else []
        ),
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
        "How to use the model",
        "Pass rows with the same columns. Below are the parameters that differ from their "
        "defaults, the seed of all random choices, and the releases that wrote this report.",
        [Listing(("parameter", "value"), facts), Listing(("package", "release"), made)],
        code="\n".join(code),
        wide=True,
    )
