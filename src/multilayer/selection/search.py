"""HiddenLayerSearchCV: a search for hidden layers and the parameters they are trained with."""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable, Mapping
from numbers import Integral, Real
from time import perf_counter
from typing import Any, ClassVar, Self

import joblib
import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import _fit_context, clone, is_classifier
from sklearn.exceptions import ConvergenceWarning
from sklearn.metrics import check_scoring, get_scorer_names
from sklearn.pipeline import Pipeline
from sklearn.utils import assert_all_finite, check_random_state, indexable
from sklearn.utils._param_validation import Interval, StrOptions

from multilayer.estimators.base import BaseMLP
from multilayer.estimators.convergence import DivergenceWarning
from multilayer.estimators.scoring import find_scorer
from multilayer.selection.choice import choose
from multilayer.selection.delegation import BaseSearch, Searched
from multilayer.selection.final_round import run_final_round, select_for_final_round
from multilayer.selection.folds import fit_arguments
from multilayer.selection.halving import Candidate, SuccessiveHalving
from multilayer.selection.results import cv_results, simplest_within_one_standard_error
from multilayer.selection.samplers import make_sampler
from multilayer.selection.search_state import SearchState, prepare_fold
from multilayer.selection.space import check_space, first_candidates, space_for
from multilayer.selection.splits import Split, fresh_splits, search_splits, shuffles
from multilayer.selection.trials import FoldData, depends_on_length, rungs_for
from multilayer.selection.workers import find_workers
from multilayer.tables.dependence import Dependence, read_dependence
from multilayer.tables.labels import plain_target
from multilayer.tabular.base import TabularEstimator
from multilayer.training.progress import tasks_bar

__all__ = ["HiddenLayerSearchCV"]

Array = NDArray[Any]
_N_CANDIDATES, _N_FINALS = 60, 3
# With a time limit: the most candidates a second, and in all. Of too many, the best is a lucky one.
_A_SECOND, _MOST = 50, 200


class HiddenLayerSearchCV(BaseSearch):
    """Find hidden layers, activation, λ, dropout and learning rate by cross-validation.

    Many networks are trained at once, in threads and on shared rows, by successive halving: all
    candidates train for a few epochs on every fold; the best third goes on to three times as many
    epochs from where it stopped, and so on. The score of a candidate is the mean over the folds at
    the largest number of epochs whose score is not clearly worse than the best one, so the search
    chooses `max_iter` too. Without a `time_limit`, threads do not change the result.

    Parameters
    ----------
    estimator : estimator
        MLPClassifier, MLPRegressor, TabularClassifier, TabularRegressor, or a Pipeline that ends in
        one. It sets the parameters that are not searched. Its `max_iter` is the largest number
        of epochs that a candidate is trained for; `early_stopping` is turned off.
    space : dict, default=None
        For each parameter (of the last step, in a pipeline) a distribution, `HiddenLayers` or one
        of SciPy's, or a list. By default it is made from the data: from no hidden layer, which is
        logistic or linear regression, to three layers of up to 256 units.
    n_candidates : int, default=None
        The number of candidates; by default 60, or with a `time_limit` as many as there is time
        for, up to 200. The first two are the estimator as it is, and one without hidden layers.
    cv : int, splitter or iterable, default=None
        As in scikit-learn; by default 5 folds, stratified for classes.
    n_finals : int, default=None
        The number of final rounds, in which the best dozen are scored again on fresh folds, since
        the best also had luck with the first folds. None means three with a `time_limit`, as far as
        there is time left, and zero without one or with a `cv` that does not shuffle.
    time_limit : float, default=None
        Seconds for the search, without the refit.
    scoring : str or callable, default=None
        A scorer of scikit-learn's; by default accuracy or R².
    refit : bool or callable, default=True
        Whether to train the best candidate on all rows. A function receives `cv_results_` and
        returns the index of the candidate, for example `simplest_within_one_standard_error`.
    sampler : {"random", "optuna"} or optuna.Study, default="random"
        What proposes the candidates. A study must have the direction "maximize", and can be
        inspected afterwards.
    factor : float, default=3
        One candidate in `factor` goes on, for `factor` times as many epochs. Where the learning
        rate falls in cycles ("warm_restarts", tabular estimators, and a `space` that is made from
        the data), candidates are compared at the end of each cycle, and a corresponding share goes
        on.
    min_epochs : int, default=None
        The number of epochs after which all candidates are first compared; by default 1/27 of
        `max_iter`.
    n_jobs : int, default=None
        The number of threads; by default all that the engine has. Under
        ``joblib.parallel_config("dask")`` these are threads of the cluster's workers: the rows are
        sent once, and the result is the same.
    random_state : int, RandomState or None, default=None
        Draws the candidates, and the `random_state` of all of them if the estimator's is None.
    warm_start : bool, default=False
        Whether a further `fit` on the same rows goes on with the search, after Ctrl-C or with more
        `n_candidates` or time. Training goes on where it stopped.
    verbose : bool or int, default=False
        A progress bar on standard error, with the package rich.

    Attributes
    ----------
    cv_results_ : dict of ndarray
        As in scikit-learn, a row for each candidate in the order of the draws, with more columns:
        `standard_error` of the mean score; `n_parameters`; `n_iter`, the number of epochs that the
        score belongs to; `n_epochs`, the number of epochs trained; `eligible`, whether the
        candidate could be chosen; `failure`, why it has no score, or "". Where the learning rate
        depends on the length of training, only candidates that were trained the longest are
        eligible, and after a final round only those that took part in it. The scores of final
        rounds follow those of the first folds.
    best_index_, best_params_, best_score_, best_estimator_, refit_time_, scorer_, n_splits_
        As in scikit-learn.
    simplest_index_ : int
        The candidate with the fewest parameters whose score is within one standard error of the
        best.
    default_index_ : int or None
        The candidate that is the estimator as it is, which is always trained to the end; None if
        `space` is given. A tabular estimator stays as it is unless the best candidate is better by
        more than one standard error of the difference on the same folds.
    rungs_ : list of int
        The numbers of epochs at which candidates were compared (for tabular estimators in 15ths of
        all epochs).

    See Also
    --------
    multilayer.plots.SearchDisplay : Plot of the candidates.

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
        groups: str | ArrayLike | None = None,
        time: str | ArrayLike | None = None,
        sample_weight: ArrayLike | None = None,
    ) -> Self:
        """Search, and train the best candidate on all rows.

        Parameters
        ----------
        X : array-like or dataframe, shape (m, n_features)
        y : array-like, shape (m,) or (m, n_outputs)
        groups, time : str or array-like, shape (m,), optional
            The group of each row, whose rows stay together, and when it was observed, if later
            rows are to be predicted; see `cross_validate_network`.
        sample_weight : array-like, shape (m,), optional
            The weight of each row, in training and in scores.

        Returns
        -------
        self

        Raises
        ------
        ValueError
            If there is nothing to search, or no candidate could be scored.
        """
        deadline = math.inf if self.time_limit is None else perf_counter() + self.time_limit
        if y is None:
            raise ValueError(
                f"{type(self).__name__} requires y to be passed, but the target y is None"
            )
        y = plain_target(y)
        assert_all_finite(y, input_name="y")
        X, y, sample_weight = indexable(X, y, sample_weight)
        X, dependence = read_dependence(X, groups, time)
        steps, network = self._split_pipeline()
        classes = is_classifier(network)
        scorer = None if self.scoring is None else find_scorer(network, self.scoring, y)
        key = joblib.hash((X, y, dependence, sample_weight)) if self.warm_start else ""
        n_rounds = self._n_final_rounds(dependence)

        def prepare(splits: list[Split]) -> list[FoldData]:
            return [prepare_fold(steps, network, X, y, sample_weight, *split) for split in splits]

        def fresh_folds(number: int) -> list[FoldData]:
            return prepare(fresh_splits(self.cv, X, y, dependence, classes=classes, number=number))

        state = vars(self).get("_search_state") if self.warm_start else None
        if state is None or state.key != key:
            splits = search_splits(self.cv, X, y, dependence, classes=classes)
            self.training_ = Searched(splits, y, sample_weight, dependence)
            rng = check_random_state(self.random_state)
            if network.random_state is None:
                network.set_params(random_state=int(rng.randint(2**31)))
            space = space_for(network, len(splits[0][0])) if self.space is None else self.space
            space = check_space(space, network)
            rungs = rungs_for(network, space, self.min_epochs, self.factor)
            state = SearchState(network, make_sampler(self.sampler, space, rng), rungs, key)
            state.folds = prepare(splits)
            if self.space is None:
                state.initial_params = first_candidates(network, len(splits[0][0]))
        interrupted = self._evaluate(state, scorer, deadline, n_rounds, fresh_folds)
        evaluated = [one for one in state.candidates if one.is_evaluated]
        if all(candidate.failure for candidate in evaluated):
            if interrupted:
                raise KeyboardInterrupt
            raise ValueError(f"no candidate could be scored; the first: {evaluated[0].failure}")
        self._choose(state, evaluated)
        if self.time_limit is not None and len(evaluated) == 1 < len(state.candidates):
            text = f"time_limit={self.time_limit} s was enough for 1 candidate only"
            warnings.warn(text, ConvergenceWarning, stacklevel=3)
        self._search_state = state if self.warm_start else None
        if interrupted:
            text = f"Search interrupted by user after {len(evaluated)} candidates."
            warnings.warn(text, ConvergenceWarning, stacklevel=3)
        if self.refit:
            self._refit(X, y, sample_weight, dependence)
        return self

    def _split_pipeline(self) -> tuple[Any, Any]:
        """Return the steps before the network, or None, and a copy of the network."""
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

    def _n_final_rounds(self, dependence: Dependence) -> int:
        """Return the number of final rounds."""
        others = dependence.time is None and shuffles(self.cv)
        if self.n_finals and not others:
            raise ValueError(
                f"n_finals={self.n_finals} needs a number of folds or a splitter that shuffles for "
                f"cv, got {self.cv!r}"
            )
        if self.n_finals is not None:
            return self.n_finals
        return _N_FINALS if self.time_limit is not None and others else 0

    def _evaluate(
        self,
        state: SearchState,
        scorer: Any,
        deadline: float,
        n_rounds: int,
        fresh_folds: Callable[[int], list[FoldData]],
    ) -> bool:
        """Evaluate candidates, the best also in final rounds; return whether Ctrl-C ended it."""
        n_candidates = self.n_candidates or _N_CANDIDATES
        if self.time_limit is not None and self.n_candidates is None:
            n_candidates = int(np.clip(_A_SECOND * self.time_limit, 9, _MOST))
        last_only = depends_on_length(state.network)
        all_at_once = math.isinf(state.sampler.batch)
        with find_workers(self.n_jobs) as workers:
            keep = self.warm_start and workers.local  # others go when the cluster does
            n_threads = workers.n_threads
            folds = workers.send(state.folds)
            halving = SuccessiveHalving(folds, state.rungs, scorer, n_threads, keep)
            total = halving.n_tasks(n_candidates) if self.time_limit is None else None
            with tasks_bar(self.verbose, total, "Searching") as progress:
                try:
                    while all_at_once or len(state.candidates) < n_candidates:
                        left = max(0, n_candidates - len(state.candidates))
                        new = state.propose(int(min(left, state.sampler.batch)))
                        halving.run(
                            state.candidates if all_at_once else new,
                            deadline,
                            divide_time=all_at_once,
                            progress=progress,
                        )
                        state.sampler.tell(state.from_sampler, state.rungs)
                        if all_at_once or not new or perf_counter() > deadline:
                            break
                    selected = select_for_final_round(
                        state.candidates, len(state.folds), state.rungs, last_only
                    )
                    for number in range(n_rounds):
                        folds = workers.send(fresh_folds(number))
                        final = SuccessiveHalving(folds, state.rungs, scorer, n_threads, keep=False)
                        if not run_final_round(
                            final, number, selected, last_only, deadline, progress
                        ):
                            break
                    return False
                except KeyboardInterrupt:
                    return True
                finally:
                    for candidate in () if workers.local else state.candidates:
                        candidate.trials = []

    def _choose(self, state: SearchState, evaluated: list[Candidate]) -> None:
        """Choose among the candidates that have been evaluated."""
        last_only = depends_on_length(state.network)
        results = cv_results(evaluated, len(state.folds), state.rungs, last_only)
        default = next((k for k, one in enumerate(evaluated) if one.goes_on and one.scores), None)
        tabular = isinstance(state.network, TabularEstimator)
        best = choose(results, self.refit, default if tabular else None)
        params = dict(evaluated[best].params)
        if not tabular:
            if not last_only:
                params["max_iter"] = int(results["max_iter"][best])
            if state.network.early_stopping:
                params["early_stopping"] = False
        prefix = f"{self.estimator.steps[-1][0]}__" if isinstance(self.estimator, Pipeline) else ""
        self.cv_results_, self.best_index_, self.n_splits_ = results, best, len(state.folds)
        self.best_params_ = {f"{prefix}{name}": value for name, value in params.items()}
        self.best_score_ = float(results["mean_test_score"][best])
        self.simplest_index_ = simplest_within_one_standard_error(results)
        self.default_index_ = default
        self.rungs_ = list(state.rungs)
        self.scorer_ = check_scoring(self.estimator, scoring=self.scoring)
        self._seed = {f"{prefix}random_state": state.network.random_state}

    def _refit(self, X: Any, y: Any, weights: Any, dependence: Dependence) -> None:
        began = perf_counter()
        best = clone(self.estimator).set_params(**self.best_params_, **self._seed)
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            self.best_estimator_ = best.fit(X, y, **fit_arguments(best, weights, dependence))
        for warning in caught:
            kind = warning.category  # the epochs that scored best need not be enough to converge
            diverged = issubclass(kind, DivergenceWarning) and not is_classifier(best)
            if diverged or not issubclass(kind, ConvergenceWarning):
                warnings.warn(warning.message, stacklevel=4)
        self.refit_time_ = perf_counter() - began
