"""The model: its layers, its training, and how to use it."""

from __future__ import annotations

from typing import Any

import numpy as np

from multilayer.plots import LossCurveDisplay, NetworkDisplay
from multilayer.report.evaluation import Evaluation
from multilayer.report.sections import Figure, Listing, Section, plain
from multilayer.report.svg import draw

__all__ = ["curves", "layers", "use"]

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
        f"The network has the layers {'-'.join(map(str, sizes))}, from the inputs on the left to "
        f"the outputs on the right, and {sum(theta.size for theta in thetas)} parameters. Positive "
        "weights are blue, negative weights red and dashed, and wider lines are larger weights.",
        figures=[draw("network", drawn, (width, 4.2), "The network with its weights")],
        wide=width > 5,
    )


def _members(model: Any) -> Section:
    network, encoder = model.members_[0], model.encoder_
    sizes = {name: array.size for name, array in network.to_state()[1].items()}
    thetas, n_numbers, n_codes = network.thetas, encoder.n_numbers_, len(encoder.n_codes_)
    n_inputs = thetas[0].shape[1] - 1
    rows = [
        ["periodic features", str(n_numbers), "", "cosine", sizes["periodic"]],
        ["embeddings", str(n_codes), "", "", sizes["tables"]],
        ["input scales", str(n_inputs), str(n_inputs), "", sizes["scale"]],
    ]
    rows = [row for row in rows if row[-1]]
    for l, theta in enumerate(thetas, start=1):
        last = l == len(thetas)
        name = "output layer" if last else f"hidden layer {l}"
        activation = network.output if last else network.activation
        # Each hidden unit has a trained share of its activation.
        n = sizes[f"theta_{l}"] + sizes.get(f"share_{l + 1}", 0)
        rows.append([name, str(theta.shape[1] - 1), str(len(theta)), activation, n])
    each, n = sum(sizes.values()), len(model.members_)
    rows.append(["total", "", "", "", sum(row[-1] for row in rows)])
    what = "The model is one network" if n == 1 else (
        f"The model is the mean of {n} networks with the same layers, trained on different rows"
    )  # fmt: skip
    total = f"{each} parameters" if n == 1 else f"{n} × {each} = {n * each} parameters"
    return Section(
        "network",
        "The network",
        f"{what}. It has {total}. The table lists what a network is made of, from its inputs to "
        "its outputs.",
        [
            Listing(
                ("part", "inputs", "units", "activation", "parameters"),
                [[str(cell) for cell in row] for row in rows],
                (1, 2, 4),
            )
        ],
    )


def curves(evaluation: Evaluation) -> Section | None:
    """Draw the cost against the epochs, where the model has stored it."""
    network = evaluation.network
    if evaluation.tabular:
        costs = getattr(network, "loss_curves_", [])
        figures = [_of_members("cost", network, costs, "Training cost")] if any(costs) else []
        losses = getattr(network, "validation_curves_", [])
        if any(losses):
            what = "Error + log-loss" if evaluation.classifies else "Squared error"
            what = what if network.scoring is None else f"Minus {network.scoring}"
            what += ", held-out rows"
            figures.append(_of_members("validation", network, losses, what))
        reading = (
            "Each line is a network. The cost of its training rows falls from epoch to epoch, and "
            "the loss of its held-out rows may rise again. The point marks the epoch that the "
            "network is taken from: where its own loss plus the mean loss of the other networks is "
            "the smallest."
        )
    else:
        figures = []
        if np.isfinite(getattr(network, "loss_curve_", None) or [np.nan]).any():
            figures = [draw("cost", _of_network(network), (4.6, 3.6), "Training cost")]
        reading = (
            "The training cost by epoch. If it still falls at the end, more epochs may help. If it "
            "jumps, a smaller learning rate may help. The best epoch is marked."
        )
    if not figures:
        return None
    return Section("training", "Training", reading, figures=figures, wide=len(figures) > 1)


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


def use(evaluation: Evaluation, model_path: str | None) -> Section:
    """Show how to load the model and predict with it."""
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
        f"model = ml.load({path}){evaluation.place}",
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
    reading = "X is a table with the same columns, without the target."
    return Section("use", "How to use the model", reading, code="\n".join(code), wide=True)
