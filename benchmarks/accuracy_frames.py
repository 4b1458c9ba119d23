"""The kinds of columns of a frame, and frames as some methods need them."""

from __future__ import annotations

import pandas as pd


def nominal(X: pd.DataFrame) -> list[str]:
    return list(X.columns[X.dtypes == "category"])


def numeric(X: pd.DataFrame) -> list[str]:
    return list(X.columns[X.dtypes != "category"])


def missing_as_text(X: pd.DataFrame, _train: pd.DataFrame) -> pd.DataFrame:
    """Make missing values a category of their own, since CatBoost refuses them in categories."""
    columns = nominal(X)
    return X.assign(
        **{c: X[c].astype(object).where(X[c].notna(), "missing").map(str) for c in columns}
    )


def missing_as_medians(X: pd.DataFrame, train: pd.DataFrame) -> pd.DataFrame:
    """Convert a frame for RealMLP.

    It refuses missing numbers, numbers of mixed dtypes, and categories that are text.
    """
    numbers = X[numeric(X)].astype("float64").fillna(train[numeric(train)].median())
    return X.assign(**numbers).astype(dict.fromkeys(nominal(X), object))
