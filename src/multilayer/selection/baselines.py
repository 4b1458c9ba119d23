"""Baselines: simple models, networks and boosted trees compared on the same folds."""

from __future__ import annotations

import math
from dataclasses import replace
from time import perf_counter
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import clone
from sklearn.compose import TransformedTargetRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import PolynomialFeatures, StandardScaler
from sklearn.utils import check_random_state, indexable

from multilayer.estimators.classifier import MLPClassifier
from multilayer.estimators.regressor import MLPRegressor
from multilayer.selection.comparison import Comparison, Rival
from multilayer.selection.cross_validation import score_name
from multilayer.selection.folds import seeded
from multilayer.selection.model_size import count_parameters
from multilayer.selection.parallel_folds import OutOfTime, fit_folds
from multilayer.selection.splits import make_splits
from multilayer.tables.alerts import warn_of_alerts
from multilayer.tables.dependence import read_dependence
from multilayer.tables.encoder import TableEncoder
from multilayer.tables.target import detect_task, read_column
from multilayer.tabular import TabularClassifier, TabularRegressor
from multilayer.training.progress import tasks_bar

__all__ = ["compare_baselines"]

MOST_COLUMNS = 5000  # of a polynomial
_FEW_ROWS = 20  # of a class


def compare_baselines(
    X: Any,
    y: ArrayLike,
    *,
    cv: Any = 5,
    groups: str | ArrayLike | None = None,
    time: str | ArrayLike | None = None,
    scoring: Any = None,
    task: str = "auto",
    random_state: int | np.random.RandomState | None = None,
    time_limit: float | None = None,
    n_jobs: int | None = None,
    verbose: bool | int = False,
) -> Comparison:
    """Compare a straight line, polynomials, networks and boosted trees by cross-validation.

    The models are logistic or linear regression; the same on powers and products of the columns up
    to degree 2 and 3; networks without a hidden layer, and with one, two and three; the tabular
    model, `TabularClassifier` or `TabularRegressor`; and scikit-learn's histogram gradient
    boosting. All are trained on the same folds, and read the table through a `TableEncoder`.

    Parameters
    ----------
    X : array-like or dataframe, shape (m, n_features)
        A raw table: numbers, categories, texts, gaps.
    y : array-like, shape (m,)
    cv : int, splitter or iterable, default=5
        As for `cross_validate_network`.
    groups, time : str or array-like, shape (m,), default=None
        As for `cross_validate_network`.
    scoring : str or callable, default=None
        A scorer of scikit-learn's; by default accuracy or R².
    task : {"auto", "classification", "regression"}, default="auto"
        With "auto", y is classes if it holds text or a few different whole numbers.
    random_state : int, RandomState or None, default=None
        Draws the folds and the seeds of the models.
    time_limit : float, default=None
        Seconds, after which no fold is begun.
    n_jobs : int, default=None
        The number of folds at a time; by default the number of threads.
    verbose : bool or int, default=False
        A progress bar on standard error, with the package rich.

    Returns
    -------
    Comparison
        A model that fails, or for which there is no time left, is in it with the reason.

    Raises
    ------
    ValueError
        If the folds cannot be made, or no model could be fitted.

    See Also
    --------
    multilayer.plots.ComparisonDisplay : Plot of the comparison.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from multilayer.selection import compare_baselines
    >>> comparison = compare_baselines(*load_iris(return_X_y=True), cv=3, random_state=0)
    >>> comparison.simplest_within_one_standard_error.kind
    'line'
    """
    tasks = ("auto", "classification", "regression")
    if task not in tasks:
        raise ValueError(f"task must be one of {', '.join(tasks)}, got {task!r}")
    rng = check_random_state(random_state)
    X, y = indexable(X, y)
    X, dependence = read_dependence(X, groups, time)
    labels = read_column(y)
    classes = (detect_task(labels) if task == "auto" else task) == "classification"
    warn_of_alerts(X, labels, classes=classes, dependence=dependence)
    splits = make_splits(cv, X, y, dependence, classes=classes, n_repeats=1, rng=rng)
    n_columns = len(TableEncoder().fit(X).get_feature_names_out())
    rivals = _rivals(classes, labels, n_columns)
    deadline = math.inf if time_limit is None else perf_counter() + time_limit
    done: list[Rival] = []
    with tasks_bar(
        verbose, sum(not r.failure for r in rivals) * len(splits), "Comparing"
    ) as progress:
        for rival in rivals:
            if not rival.failure:
                models = [seeded(rival.estimator, rng) for _ in splits]
                # At least one is scored, however short the time.
                until = deadline if any(len(other.scores) for other in done) else math.inf
                try:
                    folds = fit_folds(
                        models,
                        X,
                        labels,
                        None,
                        splits,
                        scoring,
                        n_jobs,
                        dependence=dependence,
                        curves=False,
                        deadline=until,
                        progress=progress,
                    )
                except OutOfTime:
                    rival = replace(rival, failure="no time left")
                except ValueError as error:
                    rival = replace(rival, failure=str(error))
                else:
                    counts = [count_parameters(fold.estimator) for fold in folds]
                    rival = replace(
                        rival,
                        scores=np.array([fold.score for fold in folds]),
                        train_scores=np.array([fold.train_score for fold in folds]),
                        fit_time=float(np.mean([fold.seconds for fold in folds])),
                        n_parameters=round(float(np.mean(counts))),
                    )
            done.append(rival)
    if all(rival.failure for rival in done):
        raise ValueError(f"nothing could be compared; the first: {done[0].failure}")
    return Comparison(done, score_name(scoring, classes), len(labels), len(splits))


def _rivals(classes: bool, y: NDArray[Any], n_columns: int) -> list[Rival]:
    """Return the models to compare on rows with targets y (m,), from the simplest on."""
    from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor
    from sklearn.linear_model import LogisticRegression, Ridge

    # The penalty of Ridge is only there for collinear columns.
    line: Any = LogisticRegression(max_iter=1000) if classes else Ridge(alpha=1e-3)
    line_name = "logistic regression" if classes else "linear regression"
    m = len(y)
    boosting: Any = HistGradientBoostingClassifier() if classes else HistGradientBoostingRegressor()
    if classes and np.unique(y, return_counts=True)[1].min() < _FEW_ROWS:
        boosting.set_params(early_stopping=False)  # whose rows it can only draw from every class
    encoder = TableEncoder(dtype="float64")
    rivals = [Rival(line_name, "line", make_pipeline(encoder, line))]
    for degree in (2, 3):
        powers = PolynomialFeatures(degree, include_bias=False)
        estimator = make_pipeline(clone(encoder), powers, StandardScaler(), clone(line))
        rival = Rival(f"polynomial of degree {degree}", "polynomial", estimator)
        n_powers = math.comb(n_columns + degree, degree) - 1
        if n_powers > MOST_COLUMNS:
            rival = replace(rival, failure=f"{n_powers} columns, more than {MOST_COLUMNS}")
        rivals.append(rival)
    width = int(np.clip(2 ** round(math.log2(m) / 2), 8, 64))
    rivals.append(Rival("network without hidden layer", "line", _network(classes, m, ())))
    for depth, number in enumerate(("one", "two", "three"), start=1):
        name = f"{number} hidden layer{'s' * (depth > 1)} of {width}"
        rivals.append(Rival(name, "network", _network(classes, m, (width,) * depth)))
    tabular: Any = TabularClassifier() if classes else TabularRegressor()
    rivals.append(Rival("tabular model", "tabular", tabular))
    rivals.append(Rival("gradient boosting", "boosting", make_pipeline(clone(encoder), boosting)))
    return rivals


def _network(classes: bool, m: int, layers: tuple[int, ...]) -> Any:
    """Return a network whose epochs have some 25 steps.

    Without a penalty it would overfit small tables; with a penalty ten times as large, underfit.
    """
    settings: dict[str, Any] = {
        "hidden_layer_sizes": layers,
        "learning_rate_init": 0.01,
        "alpha": 0.1,
        "batch_size": int(np.clip(m // 25, 8, 256)),
        "max_iter": 200,
        "early_stopping": False,
    }
    if classes:
        return make_pipeline(TableEncoder(), MLPClassifier(**settings))
    network = make_pipeline(TableEncoder(), MLPRegressor(**settings))
    return TransformedTargetRegressor(network, transformer=StandardScaler())
