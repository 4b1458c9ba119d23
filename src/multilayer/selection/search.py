"""HiddenLayerSearchCV: which hidden layers, and how they are to be trained."""

from __future__ import annotations

import math
import time
import warnings
from collections.abc import Callable, Mapping
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
from sklearn.utils import assert_all_finite, check_random_state, indexable
from sklearn.utils._param_validation import Interval, StrOptions
from sklearn.utils.multiclass import check_classification_targets

from multilayer.estimators.base import BaseMLP
from multilayer.selection.delegation import AsItsBest
from multilayer.selection.final_round import finalists, hold_final
from multilayer.selection.halving import Candidate, Race
from multilayer.selection.results import cv_results, simplest_within_one_standard_error
from multilayer.selection.samplers import make_sampler
from multilayer.selection.search_state import Hunt, cut
from multilayer.selection.space import check_space, first_candidates, space_for
from multilayer.selection.splits import Split, check_classes, fresh_splits, shuffles
from multilayer.selection.trials import FoldData, depends_on_length, rungs_for
from multilayer.selection.workers import crew
from multilayer.tabular.base import TabularEstimator
from multilayer.training.progress import tasks_bar

__all__ = ["HiddenLayerSearchCV"]

Array = NDArray[Any]
_N_CANDIDATES, _N_FINALS = 60, 3
# Where the time is the limit: at most so many candidates a second, and in all. Of very many, the
# one that looks best is too often one that had luck with its folds.
_A_SECOND, _MOST = 50, 200


class HiddenLayerSearchCV(AsItsBest):
    """Find hidden layers, activation, λ, dropout and learning rate by cross-validation.

    Many networks learn at once, in threads and on shared rows, by successive halving: all
    candidates train for a few epochs on every fold; the better third goes on to three times as
    many, from where it stopped, and so on. A candidate's score is the mean over the folds at the
    largest number of epochs where that is about best, so that the search chooses `max_iter` too.
    The result is the same for any number of threads, unless there is a `time_limit`.

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
    n_finals : int, default=None
        Rounds in which the best dozen are judged again, on fresh folds, against the luck with the
        first ones. None: with a `time_limit`, three if there is time left, and otherwise none; nor
        with a `cv` that does not shuffle.
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
        Threads; by default all that the engine has. Under ``joblib.parallel_config("dask")``, those
        of the cluster's workers: the rows are sent once, the result is the same.
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
        `standard_error` of the mean score; `n_parameters`; `n_iter`, epochs of which the score
        is; `n_epochs`, how far it was trained; `eligible`, whether it could be chosen: where the
        course of the learning rate depends on the length of training, only those that went furthest
        can, and after a final only those that were in it; `failure`, why it has no score, or "".
        Scores of finals follow those of the first folds.
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
        "n_finals": [Interval(Integral, 0, None, closed="left"), None],
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
        n_finals: int | None = None,
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
        self.n_finals = n_finals
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
        classes = is_classifier(network)
        rounds = self._rounds()

        def cut_all(splits: list[Split]) -> list[FoldData]:
            return [cut(steps, network, X, y, sample_weight, *split) for split in splits]

        def fresh(number: int) -> list[FoldData]:
            return cut_all(fresh_splits(self.cv, X, y, groups, classes=classes, number=number))

        hunt = vars(self).get("_hunted") if self.warm_start else None
        if hunt is None or hunt.key != key:
            splits = self._splits(X, y, groups, classes)
            rng = check_random_state(self.random_state)
            if network.random_state is None:
                network.set_params(random_state=int(rng.randint(2**31)))
            space = space_for(network, len(splits[0][0])) if self.space is None else self.space
            space = check_space(space, network)
            rungs = rungs_for(network, space, self.min_epochs, self.factor)
            hunt = Hunt(network, make_sampler(self.sampler, space, rng), rungs, key)
            hunt.folds = cut_all(splits)
            if self.space is None:
                hunt.first = first_candidates(network, len(splits[0][0]))
        interrupted = self._judge_candidates(hunt, scorer, ends, rounds, fresh)
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

    def _rounds(self) -> int:
        """Give how many finals there are to be."""
        if self.n_finals and not shuffles(self.cv):
            raise ValueError(
                f"n_finals={self.n_finals} needs a number of folds or a splitter that shuffles for "
                f"cv, got {self.cv!r}"
            )
        if self.n_finals is not None:
            return self.n_finals
        return _N_FINALS if self.time_limit is not None and shuffles(self.cv) else 0

    def _judge_candidates(
        self,
        hunt: Hunt,
        scorer: Any,
        ends: float,
        rounds: int,
        fresh: Callable[[int], list[FoldData]],
    ) -> bool:
        """Race candidates, and hold finals among the best; say whether Ctrl-C ended it."""
        asked = self.n_candidates or _N_CANDIDATES
        if self.time_limit is not None and self.n_candidates is None:
            asked = int(np.clip(_A_SECOND * self.time_limit, 9, _MOST))
        whole = depends_on_length(hunt.network)
        all_at_once = math.isinf(hunt.sampler.batch)
        with crew(self.n_jobs) as workers:
            keep = self.warm_start and workers.local  # others go when the cluster does
            race = Race(workers.sent(hunt.folds), hunt.rungs, scorer, workers.n_threads, keep)
            total = race.n_tasks(asked) if self.time_limit is None else None
            with tasks_bar(self.verbose, total, "Searching") as watch:
                try:
                    while all_at_once or len(hunt.candidates) < asked:
                        left = max(0, asked - len(hunt.candidates))
                        new = hunt.propose(int(min(left, hunt.sampler.batch)))
                        racing = hunt.candidates if all_at_once else new
                        race.run(racing, ends, shares=all_at_once, watch=watch)
                        hunt.sampler.tell(hunt.asked, hunt.rungs)
                        if all_at_once or not new or time.perf_counter() > ends:
                            break
                    best = finalists(hunt.candidates, len(hunt.folds), hunt.rungs, whole)
                    for number in range(rounds):
                        folds = workers.sent(fresh(number))
                        final = Race(folds, hunt.rungs, scorer, workers.n_threads, keep=False)
                        if not hold_final(final, number, best, whole, ends, watch):
                            break
                    return False
                except KeyboardInterrupt:
                    return True
                finally:
                    for candidate in () if workers.local else hunt.candidates:
                        candidate.runs = []

    def _take(self, hunt: Hunt, judged: list[Candidate]) -> None:
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
