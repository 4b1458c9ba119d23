"""Peers bagged over eight folds, as TabArena (arXiv 2506.16791) fits its models by default.

Each of eight copies leaves out one fold, which stops its boosting; a prediction is their mean. The
settings are AutoGluon's defaults: 10 000 trees at a learning rate of 0.05 (XGBoost: 0.1), stopped
after 150 trees without a smaller loss on the fold.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
from accuracy_frames import missing_as_text, nominal
from sklearn.compose import make_column_selector, make_column_transformer
from sklearn.ensemble import (
    HistGradientBoostingClassifier,
    HistGradientBoostingRegressor,
    RandomForestClassifier,
    RandomForestRegressor,
)
from sklearn.model_selection import KFold, StratifiedKFold
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OrdinalEncoder

N_FOLDS, TREES, PATIENCE = 8, 10_000, 150

# Trains a copy on rows (X, y), stopped by others; returns its predictions as a function of rows.
FitOne = Callable[..., Callable[[pd.DataFrame], Any]]


class Bagged:
    """The mean of copies that each leave out a fold."""

    def __init__(self, task: str, seed: int, fit_one: FitOne) -> None:
        self.task, self.seed, self.fit_one = task, seed, fit_one

    def fit(self, X: pd.DataFrame, y: Any) -> Bagged:
        least = np.bincount(y).min() if self.task == "class" else N_FOLDS
        kind = StratifiedKFold if self.task == "class" and least >= N_FOLDS else KFold
        splits = kind(N_FOLDS, shuffle=True, random_state=self.seed).split(X, y)
        self.n_classes = int(y.max()) + 1 if self.task == "class" else 1
        self.copies = []
        for k, (a, b) in enumerate(splits):
            classes, y_train = None, y[a]
            if self.task == "class":  # those that the copy knows, as 0, 1, 2 … without a gap
                classes, y_train = np.unique(y_train, return_inverse=True)
                b = b[np.isin(y[b], classes)]
            y_val = y[b] if classes is None else np.searchsorted(classes, y[b])
            fitted = self.fit_one(self.task, self.seed + k, X.iloc[a], y_train, X.iloc[b], y_val)
            self.copies.append((fitted, classes))
        return self

    def predict_proba(self, X: pd.DataFrame) -> Any:
        total = np.zeros((len(X), self.n_classes))
        for copy, classes in self.copies:
            total[:, classes] += copy(X)
        return total / len(self.copies)

    def predict(self, X: pd.DataFrame) -> Any:
        if self.task == "class":
            return self.predict_proba(X).argmax(axis=1)
        return np.mean([copy(X) for copy, _ in self.copies], axis=0)


def _outputs(task: str, estimator: Any) -> Callable[[pd.DataFrame], Any]:
    return estimator.predict_proba if task == "class" else estimator.predict


def lightgbm_fold(task: str, seed: int, X: Any, y: Any, X_val: Any, y_val: Any) -> Any:
    from lightgbm import LGBMClassifier, LGBMRegressor, early_stopping

    cls = LGBMClassifier if task == "class" else LGBMRegressor
    estimator = cls(n_estimators=TREES, learning_rate=0.05, random_state=seed, verbosity=-1)
    stop = early_stopping(PATIENCE, verbose=False)
    estimator.fit(X, y, eval_set=[(X_val, y_val)], callbacks=[stop])
    return _outputs(task, estimator)


def xgboost_fold(task: str, seed: int, X: Any, y: Any, X_val: Any, y_val: Any) -> Any:
    from xgboost import XGBClassifier, XGBRegressor

    estimator = (XGBClassifier if task == "class" else XGBRegressor)(
        n_estimators=TREES,
        learning_rate=0.1,
        early_stopping_rounds=PATIENCE,
        enable_categorical=True,
        tree_method="hist",
        random_state=seed,
        verbosity=0,
    )
    estimator.fit(X, y, eval_set=[(X_val, y_val)], verbose=False)
    return _outputs(task, estimator)


def catboost_fold(task: str, seed: int, X: Any, y: Any, X_val: Any, y_val: Any) -> Any:
    from catboost import CatBoostClassifier, CatBoostRegressor

    cls = CatBoostClassifier if task == "class" else CatBoostRegressor
    estimator = cls(
        iterations=TREES,
        learning_rate=0.05,
        early_stopping_rounds=PATIENCE,
        random_seed=seed,
        verbose=0,
        allow_writing_files=False,
        cat_features=nominal(X),
    )
    held_out = missing_as_text(X_val, X), y_val
    estimator.fit(missing_as_text(X, X), y, eval_set=held_out)
    outputs = _outputs(task, estimator)
    return lambda rows: outputs(missing_as_text(rows, X))


def boosting_fold(task: str, seed: int, X: Any, y: Any, X_val: Any, y_val: Any) -> Any:
    cls = HistGradientBoostingClassifier if task == "class" else HistGradientBoostingRegressor
    estimator = cls(
        max_iter=TREES,
        learning_rate=0.05,
        early_stopping=True,
        n_iter_no_change=PATIENCE,
        categorical_features="from_dtype",
        random_state=seed,
    )
    estimator.fit(X, y, X_val=X_val, y_val=y_val)
    return _outputs(task, estimator)


def bagged(fit_one: FitOne) -> Callable[..., Any]:
    """Return a method of accuracy.py that bags copies of an estimator."""
    return lambda task, seed: Bagged(task, seed, fit_one)


def ebm(task: str, seed: int) -> Any:
    """Explainable boosting, which bags by itself."""
    from interpret.glassbox import ExplainableBoostingClassifier, ExplainableBoostingRegressor

    cls = ExplainableBoostingClassifier if task == "class" else ExplainableBoostingRegressor
    return cls(outer_bags=N_FOLDS, random_state=seed)


def random_forest(task: str, seed: int) -> Any:
    """TabArena's reference, of 1000 Elo; missing numbers are split off, categories are numbered."""
    cls = RandomForestClassifier if task == "class" else RandomForestRegressor
    numbered = OrdinalEncoder(
        handle_unknown="use_encoded_value", unknown_value=-1, encoded_missing_value=-2
    )
    encode = make_column_transformer(
        (numbered, make_column_selector(dtype_include="category")), remainder="passthrough"
    )
    return make_pipeline(encode, cls(300, random_state=seed, n_jobs=-1))
