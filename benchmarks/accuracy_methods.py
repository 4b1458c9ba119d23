"""The methods: for each a function of the task and the seed that returns an estimator.

Every estimator takes the raw frame and has its default settings. The preprocessing that the other
methods need (imputing missing values, encoding categories, scaling) is done here, as their
documentation advises.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Callable
from typing import Any

import pandas as pd
from accuracy_bagging import (
    N_FOLDS,
    bagged,
    boosting_fold,
    catboost_fold,
    ebm,
    lightgbm_fold,
    random_forest,
    xgboost_fold,
)
from accuracy_frames import missing_as_medians, missing_as_text, nominal, numeric
from sklearn.compose import ColumnTransformer, TransformedTargetRegressor
from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor
from sklearn.impute import SimpleImputer
from sklearn.neural_network import MLPClassifier, MLPRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

Method = Callable[..., Any]


class Prepared:
    """An estimator with a function that prepares its frames; it is told the nominal columns."""

    def __init__(self, estimator: Any, argument: str, prepare: Callable[..., pd.DataFrame]) -> None:
        self.estimator, self.argument, self.prepare = estimator, argument, prepare

    def fit(self, X: pd.DataFrame, y: Any) -> Prepared:
        self.train = X
        self.estimator.fit(self.prepare(X, X), y, **{self.argument: nominal(X)})
        return self

    def predict(self, X: pd.DataFrame) -> Any:
        return self.estimator.predict(self.prepare(X, self.train))

    def predict_proba(self, X: pd.DataFrame) -> Any:
        return self.estimator.predict_proba(self.prepare(X, self.train))


def multilayer(task: str, seed: int, **own: object) -> Any:
    from multilayer.tabular import TabularClassifier, TabularRegressor

    return (TabularClassifier if task == "class" else TabularRegressor)(random_state=seed, **own)


def sklearn_mlp(task: str, seed: int) -> Any:
    encode = ColumnTransformer(
        [
            ("numbers", make_pipeline(SimpleImputer(strategy="median"), StandardScaler()), numeric),
            ("categories", OneHotEncoder(handle_unknown="ignore"), nominal),
        ]
    )
    if task == "class":
        return make_pipeline(encode, MLPClassifier(random_state=seed))
    regressor = make_pipeline(encode, MLPRegressor(random_state=seed))
    return TransformedTargetRegressor(regressor, transformer=StandardScaler())


def boosting(task: str, seed: int) -> Any:
    cls = HistGradientBoostingClassifier if task == "class" else HistGradientBoostingRegressor
    return cls(categorical_features="from_dtype", random_state=seed)


def lightgbm(task: str, seed: int) -> Any:
    from lightgbm import LGBMClassifier, LGBMRegressor

    return (LGBMClassifier if task == "class" else LGBMRegressor)(random_state=seed, verbosity=-1)


def catboost(task: str, seed: int) -> Any:
    from catboost import CatBoostClassifier, CatBoostRegressor

    cls = CatBoostClassifier if task == "class" else CatBoostRegressor
    estimator = cls(random_seed=seed, verbose=0, allow_writing_files=False)
    return Prepared(estimator, "cat_features", missing_as_text)


def realmlp(task: str, seed: int, **own: object) -> Any:
    from pytabkit import RealMLP_TD_Classifier, RealMLP_TD_Regressor

    logging.getLogger("pytorch_lightning").setLevel(logging.ERROR)
    cls = RealMLP_TD_Classifier if task == "class" else RealMLP_TD_Regressor
    estimator = cls(device="cpu", random_state=seed, n_threads=len(os.sched_getaffinity(0)), **own)
    return Prepared(estimator, "cat_col_names", missing_as_medians)


def realmlp_bagged(task: str, seed: int) -> Any:
    """RealMLP-TD on eight folds, by its own n_cv."""
    return realmlp(task, seed, n_cv=N_FOLDS)


def tabm(task: str, seed: int) -> Any:
    """TabM of pytabkit on eight folds, by its own n_cv."""
    from pytabkit import TabM_D_Classifier, TabM_D_Regressor

    cls = TabM_D_Classifier if task == "class" else TabM_D_Regressor
    threads = len(os.sched_getaffinity(0))
    estimator = cls(device="cpu", random_state=seed, n_threads=threads, n_cv=N_FOLDS)
    return Prepared(estimator, "cat_col_names", missing_as_medians)


# The peers as TabArena fits them; those of fewer than 100 s a table come first.
BAGGED: dict[str, Method] = {
    "multilayer": multilayer,
    "RandomForest": random_forest,
    "LightGBM, 8 folds": bagged(lightgbm_fold),
    "XGBoost, 8 folds": bagged(xgboost_fold),
    "HistGradientBoosting, 8 folds": bagged(boosting_fold),
    "CatBoost, 8 folds": bagged(catboost_fold),
    "EBM, 8 bags": ebm,
}
# Single models at their own defaults.
SINGLE: dict[str, Method] = {
    "LightGBM": lightgbm,
    "HistGradientBoosting": boosting,
    "scikit-learn MLP": sklearn_mlp,
    "CatBoost": catboost,
    "RealMLP": realmlp,
}
# Hours for each table of thousands of rows.
SLOW: dict[str, Method] = {"RealMLP, 8 folds": realmlp_bagged, "TabM, 8 folds": tabm}
METHODS: dict[str, Method] = {**BAGGED, **SINGLE, **SLOW}
