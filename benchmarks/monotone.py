"""What monotone columns cost: the loss on test rows with and without them, beside XGBoost's.

The columns are those that experts would expect to be monotone. Losses are the root mean squared
error or the log-loss.

    python benchmarks/monotone.py --tables concrete german --seeds 3
"""

from __future__ import annotations

import argparse
import time
import warnings
from typing import Any

import numpy as np
import pandas as pd
from accuracy_data import Part, split
from sklearn.metrics import log_loss, root_mean_squared_error
from sklearn.model_selection import train_test_split

from multilayer import DataWarning, TabularClassifier, TabularRegressor

# Signs of the columns, by their positions.
SIGNS = {
    "concrete": {0: 1, 3: -1, 7: 1},  # cement, water, age
    "autompg": {2: -1, 3: -1, 5: 1},  # horsepower, weight, year
    "diabetes": {2: 1, 3: 1, 8: 1},  # body mass index, blood pressure, log of triglycerides
    "california": {7: 1},  # median income
    "titanic": {0: -1, 5: 1},  # passenger class, fare
    "german": {1: 1, 7: 1, 12: -1},  # duration, instalment rate, age; of a bad credit
    "adult": {4: 1, 10: 1},  # years of education, capital gain
}


def multilayer(train: Part, test: Part, task: str, signs: list[int] | None, seed: int) -> Any:
    Model = TabularClassifier if task == "class" else TabularRegressor
    model = Model(monotonic_cst=signs, random_state=seed).fit(*train)
    return model.predict_proba(test.X) if task == "class" else model.predict(test.X)


def xgboost(train: Part, test: Part, task: str, signs: list[int] | None, seed: int) -> Any:
    """Boost until a fifth of the rows shows no improvement for 50 rounds."""
    import xgboost as xgb

    Model = xgb.XGBClassifier if task == "class" else xgb.XGBRegressor
    model = Model(
        n_estimators=2000,
        learning_rate=0.05,
        early_stopping_rounds=50,
        enable_categorical=True,
        n_jobs=1,
        monotone_constraints=None if signs is None else tuple(signs),
        random_state=seed,
    )
    strata = train.y if task == "class" else None
    Xa, Xb, ya, yb = train_test_split(*train, test_size=0.2, stratify=strata, random_state=seed)
    model.fit(Xa, ya, eval_set=[(Xb, yb)], verbose=False)
    return model.predict_proba(test.X) if task == "class" else model.predict(test.X)


METHODS = {"multilayer": multilayer, "XGBoost": xgboost}


def losses(name: str, method: str, seed: int, rows: int) -> list[float]:
    """Return the loss without and with monotone columns, and the seconds of each."""
    train, test, task = split(name, seed, rows)
    signs = [SIGNS[name].get(j, 0) for j in range(train.X.shape[1])]
    found = []
    for given in (None, signs):
        start = time.perf_counter()
        H = METHODS[method](train, test, task, given, seed)
        seconds = time.perf_counter() - start
        loss = log_loss if task == "class" else root_mean_squared_error
        found += [loss(test.y, H), seconds]
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--tables", nargs="+", default=list(SIGNS), choices=list(SIGNS))
    parser.add_argument("--methods", nargs="+", default=list(METHODS), choices=list(METHODS))
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--rows", type=int, default=15_000, help="most training rows")
    options = parser.parse_args()
    warnings.simplefilter("ignore", DataWarning)
    ratios: dict[str, list[float]] = {method: [] for method in options.methods}
    for name in options.tables:
        for method in options.methods:
            found = np.array(
                [losses(name, method, seed, options.rows) for seed in range(options.seeds)]
            )
            free, seconds, monotone, own = found.mean(axis=0)
            ratio = np.exp(np.log(found[:, 2] / found[:, 0]).mean())
            ratios[method].append(ratio)
            print(
                f"{name:11}{method:11}{free:12.4f} {monotone:12.4f}  ratio {ratio:.4f}"
                f"  seconds {seconds:.1f} {own:.1f}",
                flush=True,
            )
    means = {method: np.exp(np.log(own).mean()) for method, own in ratios.items()}
    print("geometric mean of the ratios:", pd.Series(means).round(4).to_dict())


if __name__ == "__main__":
    main()
