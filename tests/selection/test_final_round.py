"""The final round of a search scores the best candidates again, on fresh folds."""

import time

import numpy as np
import pytest
from search_cases import network
from sklearn.model_selection import KFold, cross_val_score

from multilayer.selection import (
    HiddenLayerSearchCV,
)
from multilayer.selection.final_round import run_final_round
from multilayer.selection.halving import Candidate
from multilayer.selection.results import best_rung, cv_results
from multilayer.selection.splits import fresh_splits
from multilayer.tables.dependence import INDEPENDENT


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_a_final_round_scores_the_best_again_on_fresh_folds(moons):
    X, y = moons
    settings = {"n_candidates": 20, "cv": 3, "random_state": 0}
    plain = HiddenLayerSearchCV(network(), **settings).fit(X, y).cv_results_
    search = HiddenLayerSearchCV(network(), n_finals=2, **settings).fit(X, y)
    found = search.cv_results_
    scores = np.array([found[f"split{k}_test_score"] for k in range(9)])
    for k in range(3):  # the scores on the first folds stay
        np.testing.assert_array_equal(scores[k], plain[f"split{k}_test_score"])
    finalists = found["eligible"]
    assert finalists.sum() == 12
    assert np.isfinite(scores[:, finalists]).all()
    assert np.isnan(scores[3:, ~finalists]).all()
    assert plain["rank_test_score"][finalists].min() == 1
    np.testing.assert_allclose(found["mean_test_score"], np.nanmean(scores, axis=0))
    spread = scores[:, finalists].std(axis=0, ddof=1) / np.sqrt(3)
    np.testing.assert_allclose(found["standard_error"][finalists], spread)
    assert finalists[search.best_index_]
    assert finalists[search.simplest_index_]
    # The scores of a final round are those of whole fits on its folds.
    best = found["params"][search.best_index_] | {"max_iter": search.best_params_["max_iter"]}
    model = network(random_state=search.best_estimator_.random_state, **best)
    for number in range(2):
        folds = fresh_splits(3, X, y, INDEPENDENT, classes=True, number=number)
        expected = cross_val_score(model, X, y, cv=folds)
        of_round = scores[3 + 3 * number : 6 + 3 * number, search.best_index_]
        np.testing.assert_array_equal(of_round, expected)


def test_final_rounds_are_the_same_for_any_threads_and_when_continued(moons):
    settings = {"n_candidates": 16, "cv": 3, "random_state": 0, "n_finals": 2}
    one, three = (
        HiddenLayerSearchCV(network(), n_jobs=n, **settings).fit(*moons).cv_results_ for n in (1, 3)
    )
    np.testing.assert_array_equal(one["mean_test_score"], three["mean_test_score"])
    search = HiddenLayerSearchCV(network(), warm_start=True, **(settings | {"n_finals": 0}))
    search.fit(*moons).set_params(n_finals=2).fit(*moons)
    np.testing.assert_array_equal(one["mean_test_score"], search.cv_results_["mean_test_score"])


def test_final_rounds_need_a_splitter_that_shuffles(moons):
    with pytest.raises(
        ValueError, match="n_finals=1 needs a number of folds or a splitter that sh"
    ):
        HiddenLayerSearchCV(network(), n_finals=1, cv=KFold(3)).fit(*moons)
    search = HiddenLayerSearchCV(
        network(), cv=KFold(3, shuffle=True, random_state=0), n_candidates=3
    )
    assert "split5_test_score" in search.set_params(n_finals=1).fit(*moons).cv_results_
    search = HiddenLayerSearchCV(network(), cv=KFold(3), time_limit=0.5).fit(*moons)
    assert "split3_test_score" not in search.cv_results_


class FewInTime:
    """Trials in which candidate 1 fails, and of the others only so many are scored."""

    n_threads = 2

    def __init__(self, scored):
        self.scored = scored

    def train_to(self, targets, deadline, progress):
        for one, _ in targets[: self.scored]:
            if one.params["number"] == 1:
                one.failure = "ValueError: lost"
            else:
                one.scores.append([0.25])


def test_failed_candidates_leave_a_final_round_and_half_a_round_does_not_count():
    def three():
        return [Candidate({"number": k}, scores=[[0.5 + k]], epochs=[9.0]) for k in range(3)]

    chosen = three()
    assert run_final_round(FewInTime(3), 0, chosen, False, np.inf, print)
    assert [one.final_scores for one in chosen] == [[[0.25]], [], [[0.25]]]
    found = cv_results(chosen, 1, [9], False)
    assert found["failure"].tolist() == ["", "ValueError: lost", ""]
    assert found["eligible"].tolist() == [True, False, True]
    np.testing.assert_array_equal(found["mean_test_score"], [0.375, np.nan, 1.375])
    assert found["rank_test_score"].tolist() == [2, 3, 1]

    chosen = three()
    assert not run_final_round(FewInTime(2), 0, chosen, False, np.inf, print)
    assert [one.final_scores for one in chosen] == [[], [], []]
    chosen[0].seconds = 9.0  # there is no time for what took as long
    assert not run_final_round(FewInTime(3), 0, chosen, False, time.perf_counter() + 1, print)


@pytest.mark.parametrize(
    ("scores", "rung"),
    [
        ([[0.5, 0.6], [0.7, 0.8], [0.6, 0.7]], 1),  # worse by 0.1 in every fold
        ([[0.5, 0.6], [0.7, 0.8], [0.8, 0.6]], 2),  # by 0.05, but the standard error is 0.15
        ([[0.9, 0.9], [0.9, 0.9], [0.9, 0.9]], 2),
        ([[0.5], [0.7], [0.6]], 1),
        ([[0.9, 0.9], [0.95, 0.75], [0.5, 0.5]], 1),
    ],
)
def test_the_longest_training_that_is_about_best_counts(scores, rung):
    candidate = Candidate({}, scores=scores)
    assert best_rung(candidate, last_only=False) == rung
    assert best_rung(candidate, last_only=True) == 2
    assert best_rung(Candidate({}, scores=scores, failure="lost"), last_only=False) is None
