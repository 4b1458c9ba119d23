"""Published results for networks of these kinds, and the results of multilayer.

MNIST: LeCun, Bottou, Bengio & Haffner, Gradient-based learning applied to document recognition,
Proc. IEEE 86 (1998), for squared error; Simard, Steinkraus & Platt, Best practices for
convolutional neural networks, ICDAR 2003, for cross-entropy; all without distortions.
PROBEN1: Prechelt, report 21/94, Universität Karlsruhe (1994), on its own splits.

The data come from the folder that MULTILAYER_DATA names: its datasets.py has `mnist()` and
`proben1(name)`. MNIST's settings were chosen on the last 10 000 of the training rows.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import sklearn.neural_network
from accuracy_data import folder

from multilayer import MLPClassifier, MLPRegressor

NO_STOP = {"tol": 0.0, "n_iter_no_change": np.inf, "random_state": 0}
# 784-…-10: hidden units, the cost, published error in %, settings.
SQUARED = {"activation": "tanh", "learning_rate_init": 1e-3, "batch_size": 128, "max_iter": 30}
ENTROPY = {"learning_rate_init": 2e-3, "batch_size": 128, "max_iter": 40}
MNIST: list[tuple[tuple[int, ...], str, float, dict[str, Any]]] = [
    ((300,), "squared error", 4.7, SQUARED),
    ((300, 100), "squared error", 3.05, SQUARED),
    ((800,), "cross-entropy", 1.6, {**ENTROPY, "dropout": (0.1, 0.4)}),
]
# The best of the report's means, in %.
PROBEN1 = {
    "cancer1": 1.38,
    "card1": 13.4,
    "diabetes1": 24.1,
    "glass1": 32.7,
    "heart1": 19.7,
    "thyroid1": 2.32,
}
# One setting for all, as in the report: RPROP with early stopping on the validation rows.
RPROP = {
    "hidden_layer_sizes": (32,),
    "activation": "tanh",
    "solver": "rprop",
    "output_activation": "softmax",
    "early_stopping": True,
    "scoring": "loss",
    "max_iter": 3000,
    "n_iter_no_change": 100,
    "tol": 0.0,
}


def percent(wrong: np.ndarray) -> float:
    return 100 * float(np.mean(wrong))


def seconds(fit: Any, *args: Any) -> float:
    start = time.perf_counter()
    fit(*args)
    return time.perf_counter() - start


def mnist(only: str) -> list[dict[str, Any]]:
    (X, y), (X_test, y_test) = folder().mnist()
    X, X_test = (np.divide(a, 255, dtype=np.float32) for a in (X, X_test))
    results = []
    for hidden, cost, published, own in MNIST:
        network = "-".join(map(str, (784, *hidden, 10)))
        if only not in f"MNIST {network}":
            continue
        squared = cost == "squared error"
        settings = {"hidden_layer_sizes": hidden, "alpha": 0.0, **NO_STOP, **own}
        ours = (MLPRegressor if squared else MLPClassifier)(learning_rate="one_cycle", **settings)
        target = np.eye(10, dtype=np.float32)[y] if squared else y
        taken = seconds(ours.fit, X, target)
        found = ours.predict(X_test)
        found = found.argmax(axis=1) if squared else found
        # The same epochs without dropout and schedule, which scikit-learn lacks.
        theirs = getattr(sklearn.neural_network, type(ours).__name__)
        plain = {k: v for k, v in settings.items() if k != "dropout"} | {"max_iter": 1}
        results.append(
            {
                "problem": f"MNIST {network}, {cost}",
                "published": published,
                "ours": percent(found != y_test),
                "seconds": taken,
                "scikit-learn's seconds": seconds(theirs(**plain).fit, X, target) * own["max_iter"],
            }
        )
        print(results[-1], file=sys.stderr, flush=True)
    return results


def proben1(only: str, seeds: int) -> list[dict[str, Any]]:
    results = []
    for name, published in PROBEN1.items():
        if only not in f"PROBEN1 {name}":
            continue
        X, Y, train, valid = folder().proben1(name)
        y, rest = Y.argmax(axis=1), train + valid
        errors, start = [], time.perf_counter()
        for seed in range(seeds):
            clf = MLPClassifier(random_state=seed, **RPROP)
            clf.fit(X[:train], y[:train], X_val=X[train:rest], y_val=y[train:rest])
            errors.append(percent(clf.predict(X[rest:]) != y[rest:]))
        taken = (time.perf_counter() - start) / seeds
        ours = {"ours": float(np.mean(errors)), "spread": float(np.std(errors, ddof=1))}
        ours = {"problem": f"PROBEN1 {name}", "published": published, **ours, "seconds": taken}
        results.append(ours)
        print(results[-1], file=sys.stderr, flush=True)
    return results


def markdown(results: list[dict[str, Any]]) -> str:
    lines = [
        "| test error, % | published | multilayer | seconds per fit | scikit-learn's |",
        "|---|--:|--:|--:|--:|",
    ]
    for r in results:
        spread = f" ± {r['spread']:.2f}" if "spread" in r else ""
        cells = [r["problem"], f"{r['published']:g}", f"{r['ours']:.2f}{spread}"]
        times = (r.get(key) for key in ("seconds", "scikit-learn's seconds"))
        cells += [f"{taken:.3g}" if taken else "" for taken in times]
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", default="", help="run problems whose name contains this")
    parser.add_argument("--seeds", type=int, default=10, help="fits of each PROBEN1 problem")
    parser.add_argument("--out", type=Path, default=Path(__file__).parent / "results")
    options = parser.parse_args()
    if folder() is None:
        print("The classics are skipped: MULTILAYER_DATA is not set", file=sys.stderr)
        return
    warnings.simplefilter("ignore")  # about training that max_iter ends
    results = proben1(options.only, options.seeds) + mnist(options.only)
    options.out.mkdir(parents=True, exist_ok=True)
    path = options.out / "classics.json"
    known = json.loads(path.read_text()) if path.exists() else []
    latest = {r["problem"]: r for r in known + results}
    path.write_text(json.dumps(list(latest.values()), indent=1) + "\n")
    text = markdown(list(latest.values()))
    (options.out / "classics.md").write_text(text + "\n")
    print(text)


if __name__ == "__main__":
    main()
