"""The search for hidden layers: its time, compared with a grid search, and its results.

python benchmarks/search.py time [--candidates N] [--alone]
python benchmarks/search.py found [--sets SET …] [--seconds S]
"""

from __future__ import annotations

import argparse
import json
import sys
import time
import warnings
from pathlib import Path
from typing import Any

import machine
import numpy as np
import pandas as pd
from accuracy_data import sets, split
from scipy.stats import loguniform
from sklearn.datasets import make_moons
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import GridSearchCV, StratifiedKFold
from sklearn.neural_network import MLPClassifier as ScikitLearnClassifier
from sklearn.neural_network import MLPRegressor as ScikitLearnRegressor

from multilayer import MLPClassifier, MLPRegressor, TableEncoder
from multilayer.selection import HiddenLayers, HiddenLayerSearchCV

# Parameters that scikit-learn's MLP has as well, so that both get the same candidates.
COMMON = {
    "hidden_layer_sizes": HiddenLayers((1, 2, 3), (2, 56)),
    "activation": ["relu", "tanh"],
    "alpha": loguniform(1e-5, 10.0),
    "learning_rate_init": loguniform(1e-3, 5e-2),
    "batch_size": [32],
}
GRID = {
    "hidden_layer_sizes": [(), (16,), (64,), (64, 64)],
    "alpha": [1e-4, 0.1],
    "learning_rate_init": [0.001, 0.005, 0.02],
}
FOUND = ("breast_cancer", "digits", "wine", "titanic", "german", "car", "segment", "satimage",
         "california", "concrete")  # fmt: skip


def main() -> None:
    """Run the chosen comparison."""
    warnings.simplefilter("ignore", ConvergenceWarning)
    parser = argparse.ArgumentParser(description=__doc__)
    commands = parser.add_subparsers(required=True)
    timed = commands.add_parser("time", help="time on the moons, compared with GridSearchCV")
    timed.add_argument("--candidates", type=int, default=200)
    timed.add_argument("--alone", action="store_true", help="without scikit-learn, which is slow")
    timed.add_argument("--whole", action="store_true", help="also run scikit-learn with all epochs")
    timed.set_defaults(run=compare_times)
    found = commands.add_parser("found", help="test errors of the networks found")
    found.add_argument("--sets", nargs="+", choices=sets(), default=list(FOUND), metavar="SET")
    found.add_argument("--seconds", type=float, default=60.0)
    found.add_argument("--rows", type=int, default=2000)
    found.add_argument("--splits", type=int, default=3)
    found.set_defaults(run=compare_findings)
    options = parser.parse_args()
    options.run(options)


def compare_times(options: argparse.Namespace) -> None:
    """Print seconds of a search with one and two threads, and of scikit-learn's grid search."""
    X, y = make_moons(1000, noise=0.25, random_state=0)
    cv = StratifiedKFold(5)
    seconds: dict[str, float] = {}
    search: Any = None

    def run(n_jobs: int) -> float:
        nonlocal search
        search = HiddenLayerSearchCV(
            MLPClassifier(random_state=0),
            COMMON,
            n_candidates=options.candidates,
            cv=cv,
            n_jobs=n_jobs,
            random_state=0,
            refit=False,
        )
        began = time.perf_counter()
        search.fit(X, y)
        return time.perf_counter() - began

    for n_jobs in (1, 2, 1, 2, 1, 2):
        if n_jobs == 1:
            name, taken = "multilayer, 1 thread", run(1)
        else:
            taken, state, _ = machine.in_one_state(lambda: run(2))
            name = f"multilayer, 2 threads, {state.name}"
        if taken:
            seconds[name] = min(seconds.get(name, np.inf), taken)
            print(name, taken, file=sys.stderr, flush=True)
    results = search.cv_results_
    for name, epochs in (
        ("scikit-learn, the same epochs", results["n_epochs"].round().astype(int)),
        ("scikit-learn, 200 epochs", np.full(len(results["params"]), 200)),
    ):
        if options.alone or (name.endswith("200 epochs") and not options.whole):
            continue
        grid = [
            {key: [value] for key, value in (params | {"max_iter": int(n)}).items()}
            for params, n in zip(results["params"], epochs, strict=True)
        ]
        began = time.perf_counter()
        GridSearchCV(ScikitLearnClassifier(random_state=0), grid, cv=cv, n_jobs=2, refit=False).fit(
            X, y
        )
        seconds[name] = time.perf_counter() - began
    lines = [f"{name:32s} {value:8.2f} s" for name, value in seconds.items()]
    epochs = results["n_epochs"].sum() * cv.n_splits
    lines.append(f"best accuracy {search.best_score_:.3f}, epochs {epochs:.0f}")
    write("search_time", "\n".join(lines))


def compare_findings(options: argparse.Namespace) -> None:
    """Print test errors of the search, of the best of a grid, and of scikit-learn's default."""
    rows = []
    for name in options.sets:
        pooled: dict[str, list[np.ndarray]] = {"found": [], "best": [], "default": []}
        searches, took = [], []
        for number in range(options.splits):
            errors, search, seconds = find(name, number, options)
            for key, of_rows in errors.items():
                pooled[key].append(of_rows)
            searches.append(search)
            took.append(seconds)
        found, best, default = (np.concatenate(pooled[key]) for key in ("found", "best", "default"))
        layers = [search.best_params_.get("hidden_layer_sizes", "default") for search in searches]
        row = {
            "set": name,
            "found": found.mean(),
            "best of 24": best.mean(),
            "standard error": (found - best).std() / np.sqrt(len(best)),
            "scikit-learn's default": default.mean(),
            "its standard error": (found - default).std() / np.sqrt(len(best)),
            "layers found": ", ".join("-".join(map(str, sizes)) or "none" for sizes in layers),
            "seconds": np.mean(took),
        }
        rows.append(row)
        print(json.dumps(row), file=sys.stderr, flush=True)
    write("search", pd.DataFrame(rows).to_markdown(index=False, floatfmt=".4f"))


def write(name: str, text: str) -> None:
    """Print a text and keep it among the results."""
    print(text)
    folder = Path(__file__).parent / "results"
    folder.mkdir(exist_ok=True)
    (folder / f"{name}.md").write_text(text + "\n")


def find(
    name: str, number: int, options: argparse.Namespace
) -> tuple[dict[str, np.ndarray], HiddenLayerSearchCV, float]:
    """Return the errors on the test rows of a split, the search, and its seconds."""
    train, test, task = split(name, number, options.rows)
    classes = task == "class"
    encoder = TableEncoder(dtype="float64").fit(train.X)
    X, X_test = encoder.transform(train.X), encoder.transform(test.X)
    mean, scale = (0.0, 1.0) if classes else (train.y.mean(), train.y.std())
    y = train.y if classes else (train.y - mean) / scale
    truth = test.y if classes else (test.y - mean) / scale

    def errors(model: Any) -> np.ndarray:
        predicted = model.predict(X_test)
        return (predicted != truth).astype(float) if classes else (predicted - truth) ** 2

    ours = MLPClassifier if classes else MLPRegressor
    began = time.perf_counter()
    search = HiddenLayerSearchCV(ours(random_state=0), time_limit=options.seconds, random_state=0)
    search.fit(X, y)
    took = time.perf_counter() - began
    # A grid in which each candidate gets all epochs, evaluated on the same folds.
    grid = HiddenLayerSearchCV(
        ours(random_state=0), GRID, n_candidates=24, min_epochs=200, random_state=0
    ).fit(X, y)
    theirs = ScikitLearnClassifier if classes else ScikitLearnRegressor
    default = theirs(random_state=0).fit(X, y)
    return (
        {"found": errors(search), "best": errors(grid), "default": errors(default)}, search, took
    )  # fmt: skip


if __name__ == "__main__":
    main()
