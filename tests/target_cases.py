"""Tables with several targets: numbers, classes, and both."""

import numpy as np
import pandas as pd
from tabular_cases import table

X, LABEL = table(120)
NEW = table(30, seed=1)[0]
SIZE = X["size"].fillna(0).to_numpy()
NUMBERS = pd.DataFrame({"price": 10 + SIZE + LABEL, "weight": SIZE**2 - 3.0 * LABEL})
CLASSES = pd.DataFrame({"colour": np.where(LABEL, "red", "blue"), "grade": np.arange(120) % 3})
MIXED = NUMBERS[["price"]].assign(colour=CLASSES["colour"], grade=CLASSES["grade"])


def gaps(Y, name, rows):
    """Y without the values of some rows of a column."""
    Y = Y.astype({name: object})
    Y.loc[rows, name] = None
    return Y


def same(a, b):
    np.testing.assert_array_equal(np.asarray(a), np.asarray(b))
