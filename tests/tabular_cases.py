"""Small settings of the tabular estimators, and a table with a column of each kind."""

import numpy as np
import pandas as pd

from multilayer import TabularClassifier, TabularRegressor

SMALL = {"n_members": 2, "hidden_layer_sizes": 16, "max_iter": 6, "random_state": 0}

LEARNING = SMALL | {"batch_size": 16, "max_iter": 20}

MODELS = [TabularClassifier, TabularRegressor]


def table(rows=60, seed=0):
    """A column of each kind, with gaps, and what follows from them."""
    rng = np.random.RandomState(seed)
    size = rng.normal(size=rows)
    town = rng.choice(["Bern", "Oslo", "Rome"], rows)
    frame = pd.DataFrame(
        {
            "size": np.where(rng.uniform(size=rows) < 0.1, np.nan, size),
            "town": town,
            "code": rng.choice([f"c{k}" for k in range(12)], rows),
            "new": rng.uniform(size=rows) < 0.5,
            "day": pd.Timestamp("2024-01-01") + pd.to_timedelta(rng.randint(0, 99, rows), "D"),
            "same": 1.0,
        }
    )
    return frame, (size + (town == "Rome") > 0.3).astype(int)
