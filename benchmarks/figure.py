"""Draw results/training.json: the time of an epoch in other libraries, relative to multilayer."""

from __future__ import annotations

import json
from pathlib import Path

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from training_report import OWN, by_state

HERE = Path(__file__).parent
PEERS = {"scikit-learn": "#3f90da", "PyTorch": "#ffa90e", "JAX": "#bd1f01"}


def draw(epochs: pd.DataFrame, path: Path) -> None:
    """Draw bars; epochs has a row for each network, a column for each library."""
    places = np.arange(len(epochs))
    figure, ax = plt.subplots(figsize=(7, 0.42 * len(epochs) + 1.2), layout="constrained")
    for row, (peer, color) in enumerate(PEERS.items()):
        ratios = epochs[peer] / epochs[OWN]
        bars = ax.barh(places + (row - 1) * 0.27, ratios, 0.25, color=color, label=peer)
        ax.bar_label(bars, [f"{ratio:.1f}" for ratio in ratios], padding=2, fontsize=6)
    ax.axvline(1, color="black", linewidth=1)
    ax.set_xscale("log")
    ax.xaxis.set_major_formatter("{x:g}×")
    ax.set_yticks(places, epochs.index)
    ax.invert_yaxis()
    ax.set_xlabel("Time of an epoch relative to multilayer")
    ax.spines[["top", "right"]].set_visible(False)
    ax.legend(loc="upper center", bbox_to_anchor=(0.5, 1.07), ncols=3, frameon=False)
    figure.savefig(path, dpi=110)


if __name__ == "__main__":
    whole = json.loads((HERE / "results" / "training.json").read_text())
    epochs: dict[str, pd.Series] = {}
    for _, networks in by_state(whole):
        for network, best in networks.items():
            epochs.setdefault(network, best["epoch"])  # in the state that most were measured in
    draw(pd.DataFrame(epochs).T, HERE.parent / "docs" / "images" / "speed.png")
