"""The contribution of each part of the tabular recipe, on the tables of accuracy.py.

python benchmarks/ablation.py [--seeds N] [--rows N] [--sets SET …] [--only PART …]
"""

from __future__ import annotations

import argparse
import sys
import time
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from accuracy_data import sets, split
from accuracy_report import shifted_mean
from sklearn.metrics import log_loss

from multilayer import TabularClassifier, TabularRegressor
from multilayer.tabular import ensemble, recipe


@dataclass(frozen=True)
class Part:
    """The changes that leave a part of the recipe out."""

    recipe: dict[str, Any] = field(default_factory=dict)  # for both tasks
    encoding: dict[str, Any] = field(default_factory=dict)
    scaling: str = ""
    parameters: dict[str, Any] = field(default_factory=dict)
    classes: dict[str, Any] = field(default_factory=dict)  # parameters of the classifier only
    rates: Any = None  # factors of the learning rate, a function of the progress from 0 to 1


PARTS = {
    "full recipe": Part(),
    "one network": Part(parameters={"fast": True}),
    "4 members": Part(parameters={"n_members": 4}),
    "robust scaling": Part(scaling="robust"),
    "quantile scaling": Part(scaling="quantile"),
    "standardised numbers": Part(scaling="standard"),
    "all categories one-hot": Part(encoding={"max_onehot": 64, "max_categories": 64}),
    "no periodic features": Part(recipe={"n_dimensions": 1, "frequency": 1e-9, "rate_periodic": 0}),
    "lower frequencies": Part(recipe={"frequency": 0.5}),
    "higher frequencies": Part(recipe={"frequency": 50.0}),
    "no scale layer": Part(recipe={"rate_scale": 0}),
    "no trained shares": Part(recipe={"rate_mixes": 0}),
    "relu": Part(recipe={"activation": "relu"}),
    "β₂ = 0.999": Part(recipe={"beta_2": 0.999}),
    "constant learning rate": Part(rates=np.ones_like),
    "one cosine": Part(rates=lambda t: 0.5 * (1 + np.cos(np.pi * t))),
    "no dropout": Part(recipe={"dropout": 0}),
    "no decay": Part(recipe={"weight_decay": 0}),
    "no label smoothing": Part(classes={"label_smoothing": 0}),
    "no temperature": Part(classes={"calibrate": False}),
    "layers of 64": Part(recipe={"hidden_layer_sizes": (64,) * 3}),
    "layers of 256": Part(recipe={"hidden_layer_sizes": (256,) * 3}),
    "two layers": Part(recipe={"hidden_layer_sizes": (128,) * 2}),
}


def main() -> None:
    """Print a table and write it to results/ablation.md."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=1)
    parser.add_argument("--rows", type=int, default=6000)
    parser.add_argument("--sets", nargs="+", choices=sets(), default=list(sets()), metavar="SET")
    parser.add_argument("--only", nargs="+", choices=PARTS, default=list(PARTS), metavar="PART")
    options = parser.parse_args()
    rows = []
    for name in options.only:
        results = [
            result(PARTS[name], table, seed, options.rows)
            for seed in range(options.seeds)
            for table in options.sets
        ]
        frame = pd.DataFrame(results)
        means = {
            column: shifted_mean(frame[column].dropna())
            for column in ("error", "log-loss", "nRMSE")
            if column in frame
        }
        rows.append({"left out or changed": name, **means, "seconds": frame["seconds"].sum()})
        print(rows[-1], file=sys.stderr, flush=True)
    text = pd.DataFrame(rows).to_markdown(index=False, floatfmt=".4f")
    print(text)
    folder = Path(__file__).parent / "results"
    folder.mkdir(exist_ok=True)
    (folder / "ablation.md").write_text(text + "\n")


def result(part: Part, table: str, seed: int, rows: int) -> dict[str, float]:
    """Fit a model without a part of the recipe, and return its scores on the test rows."""
    originals = recipe.CLASSIFICATION, recipe.REGRESSION, recipe.ENCODING, recipe.SCALINGS
    cycles = ensemble.learning_rate_cycles
    recipe.CLASSIFICATION = replace(originals[0], **part.recipe)
    recipe.REGRESSION = replace(originals[1], **part.recipe)
    recipe.ENCODING = originals[2] | part.encoding
    recipe.SCALINGS = dict.fromkeys(originals[3], part.scaling) if part.scaling else originals[3]
    ensemble.learning_rate_cycles = part.rates or cycles
    try:
        train, test, task = split(table, seed, rows)
        began = time.perf_counter()
        if task == "class":
            model = TabularClassifier(random_state=seed, **part.parameters, **part.classes)
            H = model.fit(train.X, train.y).predict_proba(test.X).astype(float)
            H /= H.sum(axis=1, keepdims=True)
            scores = {
                "error": np.mean(model.classes_[H.argmax(axis=1)] != test.y),
                "log-loss": log_loss(test.y, np.clip(H, 1e-7, 1), labels=model.classes_),
            }
        else:
            model = TabularRegressor(random_state=seed, **part.parameters)
            residuals = model.fit(train.X, train.y).predict(test.X) - test.y
            scores = {"nRMSE": np.sqrt(np.mean(residuals**2)) / test.y.std()}
        return {**scores, "seconds": time.perf_counter() - began}
    finally:
        recipe.CLASSIFICATION, recipe.REGRESSION, recipe.ENCODING, recipe.SCALINGS = originals
        ensemble.learning_rate_cycles = cycles


if __name__ == "__main__":
    main()
