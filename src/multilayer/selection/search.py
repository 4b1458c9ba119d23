"""HiddenLayerSearchCV: which hidden layers, and how they are to be trained."""

from __future__ import annotations

import math
import time
import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from numbers import Integral, Real
from typing import Any, ClassVar, Self

import joblib
import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import _fit_context, clone, is_classifier
from sklearn.exceptions import ConvergenceWarning
from sklearn.metrics import check_scoring, get_scorer_names
from sklearn.model_selection import check_cv
from sklearn.pipeline import Pipeline
from sklearn.utils import _safe_indexing, assert_all_finite, check_random_state, indexable
from sklearn.utils._param_validation import Interval, StrOptions
from sklearn.utils.multiclass import check_classification_targets

from multilayer.base import BaseMLP
from multilayer.progress import tasks_bar
from multilayer.rows import Rows
from multilayer.selection.delegates import AsItsBest
from multilayer.selection.halving import Candidate, Race
from multilayer.selection.results import cv_results, simplest_within_one_standard_error
from multilayer.selection.runs import FoldData, depends_on_length, fold_data, refusal, rungs_for
from multilayer.selection.samplers import Sampler, make_sampler
from multilayer.selection.space import check_space, first_candidates, space_for
from multilayer.selection.splits import check_classes
from multilayer.tabular.base import TabularEstimator
from multilayer.threads import available_threads

__all__ = ["HiddenLayerSearchCV"]

Array = NDArray[Any]
_N_CANDIDATES = 60
# Where the time is the limit: at most so many candidates a second, and in all. Of very many, the
# one that looks best is too often one that had luck with its folds.
_A_SECOND, _MOST = 50, 200


class HiddenLayerSearchCV(AsItsBest):
    """Find hidden layers, activation, λ, dropout and learning rate by cross-validation.

    Many networks learn at once, in threads and on shared rows, by successive halving: all
    candidates train for a few epochs on every fold; the better third goes on to three times as
    many, from where it stopped, and so on. A candidate's score is the mean over the folds at the
    number of epochs where that is largest, so that the search chooses `max_iter` too. The result
    is the same for any number of threads, unless there is a `time_limit`.

    Parameters
    ----------
    estimator : estimator
        MLPClassifier, MLPRegressor, TabularClassifier, TabularRegressor, or a Pipeline that ends in
        one. What is not searched is as it says. Its `max_iter` is the most that a candidate is
        trained for; `early_stopping` is turned off.
    space : dict, default=None
        From names of parameters (of the last step, in a pipeline) to distributions, `HiddenLayers`
        or SciPy's, or lists. By default made from the data: from no hidden layer, which is logistic
        or linear regression, to three of up to 256 units.
    n_candidates : int, default=None
        How many are drawn; 60, or with a `time_limit` up to 200, as many as there is time for. The
        first two are the estimator as it is, and with no hidden layer.
    cv : int, splitter or iterable, default=None
        As scikit-learn's: 5 folds, stratified for classes.
    time_limit : float, default=None
        Seconds for the search, without the refit.
    scoring : str or callable, default=None
        A scorer of scikit-learn's; by default accuracy or R².
    refit : bool or callable, default=True
        Train the best candidate on all rows. A function gets `cv_results_` and returns the index to
        take: `simplest_within_one_standard_error` for example.
    sampler : {"random", "optuna"} or optuna.Study, default="random"
        Who proposes candidates. A study of direction "maximize" can be looked at afterwards.
    factor : float, default=3
        One candidate in so many goes on, for so many times the epochs. Where the learning rate
        falls in cycles ("warm_restarts", tabular estimators, and a `space` that is made from the
        data), they are compared at the end of each, and correspondingly many go on.
    min_epochs : int, default=None
        Epochs after which all are first compared; by default 1/27 of `max_iter`.
    n_jobs : int, default=None
        Threads; by default all that the engine has.
    random_state : int, RandomState or None, default=None
        Draws the candidates, and a `random_state` for all of them where the estimator's is None.
    warm_start : bool, default=False
        A further `fit` with the same rows goes on: after Ctrl-C, with more `n_candidates` or more
        time. Training goes on where it stopped.
    verbose : bool or int, default=False
        A progress bar on standard error, with the package rich.

    Attributes
    ----------
    cv_results_ : dict of ndarray
        As scikit-learn's, a row for each candidate in the order they were drawn. Beyond them:
        `standard_error` of the mean score; `n_parameters`; `n_iter`, epochs at which the score was
        best; `n_epochs`, how far it was trained; `eligible`, whether it could be chosen: where the
        course of the learning rate depends on the length of training, only those that went furthest
        can; `failure`, why it has no score, or "".
    best_index_, best_params_, best_score_, best_estimator_, refit_time_, scorer_, n_splits_
        As scikit-learn's.
    simplest_index_ : int
        The candidate of fewest parameters whose score is within one standard error of the best.
    rungs_ : list of int
        Epochs at which candidates were compared (for tabular estimators in 15ths of all).

    See Also
    --------
    multilayer.plots.SearchDisplay : Draws what was found.

    Examples
    --------
    >>> from sklearn.datasets import make_moons
    >>> from multilayer import MLPClassifier
    >>> from multilayer.selection import HiddenLayerSearchCV
    >>> X, y = make_moons(200, noise=0.2, random_state=0)
    >>> search = HiddenLayerSearchCV(MLPClassifier(), n_candidates=20, random_state=0).fit(X, y)
    >>> search.best_score_ > 0.93
    True
    """

    _required_parameters: ClassVar[list[str]] = ["estimator"]
    _parameter_constraints: ClassVar[dict[str, Any]] = {
        "estimator": [BaseMLP, TabularEstimator, Pipeline],
        "space": [Mapping, None],
        "n_candidates": [Interval(Integral, 1, None, closed="left"), None],
        "cv": ["cv_object"],
        "time_limit": [Interval(Real, 0, None, closed="neither"), None],
        "scoring": [StrOptions(set(get_scorer_names())), callable, None],
        "refit": ["boolean", callable],
        "sampler": "no_validation",
        "factor": [Interval(Real, 1, None, closed="neither")],
        "min_epochs": [Interval(Integral, 1, None, closed="left"), None],
        "n_jobs": [Integral, None],
        "random_state": ["random_state"],
        "warm_start": ["boolean"],
        "verbose": ["verbose"],
    }

    def __init__(
        self,
        estimator: Any,
        space: Mapping[str, Any] | None = None,
        *,
        n_candidates: int | None = None,
        cv: Any = None,
        time_limit: float | None = None,
        scoring: Any = None,
        refit: bool | Callable[[dict[str, Array]], int] = True,
        sampler: Any = "random",
        factor: float = 3,
        min_epochs: int | None = None,
        n_jobs: int | None = None,
        random_state: int | np.random.RandomState | None = None,
        warm_start: bool = False,
        verbose: bool | int = False,
    ) -> None:
        self.estimator = estimator
        self.space = space
        self.n_candidates = n_candidates
        self.cv = cv
        self.time_limit = time_limit
        self.scoring = scoring
        self.refit = refit
        self.sampler = sampler
        self.factor = factor
        self.min_epochs = min_epochs
        self.n_jobs = n_jobs
        self.random_state = random_state
        self.warm_start = warm_start
        self.verbose = verbose

    @_fit_context(prefer_skip_nested_validation=False)  # type: ignore[untyped-decorator]
    def fit(
        self,
        X: Any,
        y: ArrayLike,
        *,
        groups: ArrayLike | None = None,
        sample_weight: ArrayLike | None = None,
    ) -> Self:
        """Search, and train the best on all rows.

        Parameters
        ----------
        X : array-like or dataframe, shape (m, n_features)
        y : array-like, shape (m,) or (m, n_outputs)
        groups : array-like, shape (m,), optional
            For splitters that keep groups together.
        sample_weight : array-like, shape (m,), optional
            What each row counts, in training and in scores.

        Returns
        -------
        self

        Raises
        ------
        ValueError
            If there is nothing to search, a fold lacks a class, or no candidate could be scored.
        """
        ends = math.inf if self.time_limit is None else time.perf_counter() + self.time_limit
        if y is None:
            raise ValueError(
                f"{type(self).__name__} requires y to be passed, but the target y is None"
            )
        assert_all_finite(y, input_name="y")
        X, y, groups, sample_weight = indexable(X, y, groups, sample_weight)
        steps, network = self._parts()
        scorer = None if self.scoring is None else check_scoring(network, scoring=self.scoring)
        key = joblib.hash((X, y, groups, sample_weight)) if self.warm_start else ""
        hunt = vars(self).get("_hunted") if self.warm_start else None
        if hunt is None or hunt.key != key:
            splits = self._splits(X, y, groups, is_classifier(network))
            rng = check_random_state(self.random_state)
            if network.random_state is None:
                network.set_params(random_state=int(rng.randint(2**31)))
            space = space_for(network, len(splits[0][0])) if self.space is None else self.space
            space = check_space(space, network)
            rungs = rungs_for(network, space, self.min_epochs, self.factor)
            hunt = _Hunt(network, make_sampler(self.sampler, space, rng), rungs, key)
            hunt.folds = [_fold(steps, network, X, y, sample_weight, *split) for split in splits]
            if self.space is None:
                hunt.first = first_candidates(network, len(splits[0][0]))
        interrupted = self._judge_candidates(hunt, scorer, ends)
        judged = [candidate for candidate in hunt.candidates if candidate.is_judged]
        if all(candidate.failure for candidate in judged):
            if interrupted:
                raise KeyboardInterrupt
            raise ValueError(f"no candidate could be scored; the first: {judged[0].failure}")
        self._take(hunt, judged)
        if self.time_limit is not None and len(judged) == 1 < len(hunt.candidates):
            said = f"time_limit={self.time_limit} s was enough for 1 candidate only"
            warnings.warn(said, ConvergenceWarning, stacklevel=3)
        if self.warm_start:
            self._hunted = hunt
        if interrupted:
            said = f"Search interrupted by user after {len(judged)} candidates."
            warnings.warn(said, ConvergenceWarning, stacklevel=3)
        if self.refit:
            self._refit(X, y, sample_weight)
        return self

    def _parts(self) -> tuple[Any, Any]:
        """Give the steps before the network, None without a pipeline, and a copy of the network."""
        steps, network = None, self.estimator
        if isinstance(network, Pipeline):
            steps, network = network[:-1], network[-1]
            steps = steps if len(steps) else None
        if not isinstance(network, BaseMLP | TabularEstimator):
            raise TypeError(
                "estimator must be an MLPClassifier, MLPRegressor, TabularClassifier or "
                f"TabularRegressor, or a Pipeline that ends in one, got {network!r}"
            )
        return steps, clone(network)

    def _splits(self, X: Any, y: Any, groups: Any, classes: bool) -> list[tuple[Array, Array]]:
        if classes:
            check_classification_targets(y)
        splitter = check_cv(self.cv, y, classifier=classes)
        splits = [(np.asarray(a), np.asarray(b)) for a, b in splitter.split(X, y, groups)]
        if not splits:
            raise ValueError("cv must give at least one split, but gives none")
        if classes and np.ndim(y) == 1:
            check_classes(splits, np.asarray(y))
        return splits

    def _judge_candidates(self, hunt: _Hunt, scorer: Any, ends: float) -> bool:
        """Race candidates; say whether Ctrl-C ended it."""
        asked = self.n_candidates or _N_CANDIDATES
        if self.time_limit is not None and self.n_candidates is None:
            asked = int(np.clip(_A_SECOND * self.time_limit, 9, _MOST))
        n_threads = self.n_jobs if self.n_jobs and self.n_jobs > 0 else available_threads()
        race = Race(hunt.folds, hunt.rungs, scorer, n_threads, self.warm_start)
        total = race.n_tasks(asked) if self.time_limit is None else None
        all_at_once = math.isinf(hunt.sampler.batch)
        with tasks_bar(self.verbose, total, "Searching") as watch:
            try:
                while True:
                    left = max(0, asked - len(hunt.candidates))
                    if not (left or all_at_once):
                        return False
                    new = hunt.propose(int(min(left, hunt.sampler.batch)))
                    racing = hunt.candidates if all_at_once else new
                    race.run(racing, ends, shares=all_at_once, watch=watch)
                    hunt.sampler.tell(hunt.asked, hunt.rungs)
                    if all_at_once or not new or time.perf_counter() > ends:
                        return False
            except KeyboardInterrupt:
                return True

    def _take(self, hunt: _Hunt, judged: list[Candidate]) -> None:
        """Choose among those that have been judged."""
        whole = depends_on_length(hunt.network)
        results = cv_results(judged, len(hunt.folds), hunt.rungs, whole)
        if callable(self.refit):
            best = int(self.refit(results))
        else:
            best = int(np.argmin(results["rank_test_score"]))
        if not (0 <= best < len(judged) and np.isfinite(results["mean_test_score"][best])):
            raise ValueError(f"refit must choose a candidate that has a score, but chose {best}")
        params = dict(judged[best].params)
        if isinstance(hunt.network, BaseMLP):
            if not whole:
                params["max_iter"] = int(results["max_iter"][best])
            if hunt.network.early_stopping:
                params["early_stopping"] = False
        prefix = f"{self.estimator.steps[-1][0]}__" if isinstance(self.estimator, Pipeline) else ""
        self.cv_results_, self.best_index_, self.n_splits_ = results, best, len(hunt.folds)
        self.best_params_ = {f"{prefix}{name}": value for name, value in params.items()}
        self.best_score_ = float(results["mean_test_score"][best])
        self.simplest_index_ = simplest_within_one_standard_error(results)
        self.rungs_ = list(hunt.rungs)
        self.scorer_ = check_scoring(self.estimator, scoring=self.scoring)
        self._seed = {f"{prefix}random_state": hunt.network.random_state}

    def _refit(self, X: Any, y: Any, sample_weight: Any) -> None:
        began = time.perf_counter()
        best = clone(self.estimator).set_params(**self.best_params_, **self._seed)
        weights = {}
        if sample_weight is not None:
            prefix = f"{best.steps[-1][0]}__" if isinstance(best, Pipeline) else ""
            weights = {f"{prefix}sample_weight": sample_weight}
        with warnings.catch_warnings():
            # That the epochs found best are not enough to converge is no news.
            warnings.simplefilter("ignore", ConvergenceWarning)
            self.best_estimator_ = best.fit(X, y, **weights)
        self.refit_time_ = time.perf_counter() - began


@dataclass
class _Hunt:
    """What a search works on, and may go on with."""

    network: Any
    sampler: Sampler
    rungs: list[int]
    key: str
    folds: list[FoldData] = field(default_factory=list)
    first: list[dict[str, Any]] = field(default_factory=list)
    candidates: list[Candidate] = field(default_factory=list)
    asked: list[Candidate] = field(default_factory=list)  # the last that the sampler proposed

    def propose(self, n: int) -> list[Candidate]:
        """Give n new candidates, or as many as there are."""
        own, self.first = self.first[:n], self.first[n:]
        params = [*own, *(self.sampler.ask(n - len(own)) if n > len(own) else [])]
        new = [Candidate(of_one, failure=refusal(self.network, of_one)) for of_one in params]
        self.asked = new[len(own) :]
        self.candidates += new
        return new


def _fold(
    steps: Pipeline | None,
    network: Any,
    X: Any,
    y: Any,
    weights: Any,
    learned: Array,
    judged: Array,
) -> FoldData:
    """Send a fold through the steps before the network, and cut it out."""
    parts = [
        Rows(
            _safe_indexing(X, rows),
            _safe_indexing(y, rows),
            None if weights is None else _safe_indexing(weights, rows),
        )
        for rows in (learned, judged)
    ]
    if steps is not None:
        steps = clone(steps)
        parts[0] = parts[0]._replace(X=steps.fit_transform(parts[0].X, parts[0].y))
        parts[1] = parts[1]._replace(X=steps.transform(parts[1].X))
    return fold_data(network, y, *parts)
