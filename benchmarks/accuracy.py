"""Compare accuracy on real tables: multilayer's tabular estimators and other methods.

By default, the others are boosted trees bagged over eight folds; --methods names single models and
slow ones.

Each seed draws a split of each data set, the same for all methods. The training rows are 75 % of
the rows, but at most 6000 (--rows); at most 10 000 others are test rows. Each result is a line of a
file, so that an interrupted run can continue; a method named with --again is run again. The
environment variable MULTILAYER_DATA may name a folder with a module datasets.py whose SETS are
added to scikit-learn's data sets: functions by name that return a frame, the target, and "class"
or "reg".

    python benchmarks/accuracy.py --params '{"n_members": 1}' --label "one member"
"""

from __future__ import annotations

import argparse
import json
import math
import os
import sys
import time
import traceback
import warnings
from pathlib import Path
from typing import Any

import numpy as np
from accuracy_data import Part, sets, split
from accuracy_methods import BAGGED, METHODS
from accuracy_report import report
from sklearn.metrics import roc_auc_score

CLIP = 1e-7
Key = tuple[str, int, str, int]


def classification(estimator: Any, test: Part) -> dict[str, float | None]:
    """Return the fraction of wrong labels, log-loss in nats, and AUC (one against the rest)."""
    labels, proba = estimator.predict(test.X), estimator.predict_proba(test.X)
    # Clip the probabilities away from 0, then make them add up to 1 again.
    proba = np.clip(np.asarray(proba, dtype=np.float64), CLIP, 1)
    proba /= proba.sum(axis=1, keepdims=True)
    classes = np.arange(proba.shape[1])
    score = proba[:, 1] if len(classes) == 2 else proba
    known = np.array_equal(np.unique(test.y), classes)
    auc = roc_auc_score(test.y, score, multi_class="ovr", labels=classes) if known else None
    return {
        "error": float(np.mean(np.ravel(labels) != test.y)),
        "log-loss": float(-np.mean(np.log(proba[np.arange(len(test.y)), test.y]))),
        "AUC": auc,
    }


def regression(estimator: Any, test: Part) -> dict[str, float | None]:
    """Return the root mean squared error divided by the standard deviation of the test targets."""
    residuals = np.ravel(estimator.predict(test.X)) - test.y
    return {"nRMSE": float(np.sqrt(np.mean(residuals**2)) / np.std(test.y))}


def measure(name: str, seed: int, method: str, rows: int, params: dict[str, Any]) -> dict[str, Any]:
    train, test, task = split(name, seed, rows)
    estimator = METHODS[method](task, seed, **params)
    start = time.perf_counter()
    estimator.fit(train.X, train.y)
    fitted = time.perf_counter()
    estimator.predict(test.X) if task == "reg" else estimator.predict_proba(test.X)
    done = time.perf_counter()
    scores = (classification if task == "class" else regression)(estimator, test)
    return {
        "task": task,
        "train rows": len(train.y),
        "test rows": len(test.y),
        "fit seconds": fitted - start,
        "predict seconds": done - fitted,
        **scores,
    }


def read(cache: Path) -> dict[Key, dict[str, Any]]:
    """Read the results by set, seed, method and limit of the rows; the latest one counts."""
    lines = cache.read_text().splitlines() if cache.exists() else []
    results = (json.loads(line) for line in lines if line.strip())
    return {(r["set"], r["seed"], r["method"], r["rows"]): r for r in results}


def run(options: argparse.Namespace, jobs: list[tuple[str, int, str]]) -> None:
    done, missing = read(options.cache), set()
    for number, (name, seed, method) in enumerate(jobs, 1):
        label = options.label if method == "multilayer" else method
        params = options.params if method == "multilayer" else {}
        key = (name, seed, label, options.rows)
        known = key in done and done[key]["params"] == params and method not in options.again
        if known or method in missing:
            continue
        place = f"[{number}/{len(jobs)}] seed {seed}  {name:13s} {label:20s}"
        try:
            result = measure(name, seed, method, options.rows, params)
        except ImportError as error:
            missing.add(method)
            print(f"{label} is left out: {error}", file=sys.stderr, flush=True)
            continue
        except Exception:  # the others continue
            print(f"{place} failed\n{traceback.format_exc()}", file=sys.stderr, flush=True)
            continue
        line = {"set": name, "seed": seed, "method": label, "rows": options.rows, "params": params}
        with options.cache.open("a") as cache:
            cache.write(json.dumps({**line, **result}) + "\n")
        shown = ("error", "log-loss", "AUC", "nRMSE")
        scores = "  ".join(f"{m} {result[m]:.4f}" for m in shown if result.get(m) is not None)
        print(f"{place} {scores}  {result['fit seconds']:.1f} s", file=sys.stderr, flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--methods", nargs="+", choices=METHODS, default=list(BAGGED))
    parser.add_argument("--sets", nargs="+", choices=sets(), default=list(sets()), metavar="SET")
    parser.add_argument("--seeds", type=int, default=3, help="number of splits")
    parser.add_argument("--rows", type=int, default=6000, help="maximum of training rows")
    parser.add_argument(
        "--params", type=json.loads, default={}, help="parameters of multilayer, as JSON"
    )
    parser.add_argument("--label", default="multilayer", help="the name of its results")
    parser.add_argument("--again", nargs="+", choices=METHODS, default=[], help="run these again")
    results = Path(__file__).parent / "results"
    parser.add_argument("--cache", type=Path, help="default: accuracy.jsonl in the folder of --out")
    parser.add_argument("--out", type=Path, default=results)
    text = "leave out the times: for results from a busy machine"
    parser.add_argument("--no-times", action="store_true", help=text)
    options = parser.parse_args()
    if options.params and options.label == "multilayer":
        parser.error("--params needs a --label of its own")
    options.out.mkdir(parents=True, exist_ok=True)
    options.cache = options.cache or options.out / "accuracy.jsonl"
    # Every seed is a complete comparison; within it, the fast methods come first.
    methods = [method for method in METHODS if method in options.methods]
    jobs = [(s, seed, m) for seed in range(options.seeds) for m in methods for s in options.sets]
    warnings.simplefilter("ignore")
    os.environ["PYTHONWARNINGS"] = "ignore"
    run(options, jobs)
    results = [r for r in read(options.cache).values() if r["rows"] == options.rows]
    results = [r for r in results if r["set"] in options.sets and r["seed"] < options.seeds]
    results = [r for r in results if r["method"] in (options.label, *options.methods)]
    print(
        report(
            [r for r in results if math.isfinite(r["fit seconds"])],
            options.out,
            not options.no_times,
        )
    )


if __name__ == "__main__":
    main()
