"""Thresholds, cumulative gain and lift."""

import json

import numpy as np
import pytest
from sklearn import metrics

from multilayer import MLPClassifier
from multilayer.report.evaluation import evaluate
from multilayer.report.gains import gain_of, gains
from multilayer.report.thresholds import outcomes, thresholds


@pytest.fixture
def sample(rng):
    p = rng.uniform(size=200).round(2)
    return rng.uniform(size=200) < p, p


def test_outcomes_are_scikit_learns(sample):
    positive, p = sample
    at = np.array([0.0, 0.3, 0.5, 0.75])
    found = outcomes(positive, p, at)
    for k, threshold in enumerate(at):
        predicted = p >= threshold
        (tn, fp), (fn, tp) = metrics.confusion_matrix(positive, predicted)
        assert found.true_positives[k] == tp
        assert found.false_positives[k] == fp
        assert found.false_negatives[k] == fn
        assert found.true_negatives[k] == tn
        assert found.precision[k] == pytest.approx(metrics.precision_score(positive, predicted))
        assert found.recall[k] == pytest.approx(metrics.recall_score(positive, predicted))
        assert found.f1[k] == pytest.approx(metrics.f1_score(positive, predicted))
        assert found.false_positive_rate[k] == pytest.approx(fp / (fp + tn))


def test_a_threshold_above_all_probabilities_has_no_precision(sample):
    positive, p = sample
    assert np.isnan(outcomes(positive, p, np.array([1.01])).precision[0])


def network(rng, labels):
    X = rng.normal(size=(len(labels), 2))
    model = MLPClassifier((), solver="lbfgs", max_iter=20, tol=0.1, random_state=0)
    return evaluate(model.fit(X, labels), X, labels, None, target="late")


def test_the_table_and_the_curve_of_costs_agree(rng, monkeypatch):
    monkeypatch.setattr("multilayer.report.svg._draw", lambda *args, **kwargs: "<svg></svg>")
    evaluation = network(rng, rng.randint(2, size=120))
    section = thresholds(evaluation)
    costs = section.costs
    assert json.loads(str(costs.thresholds))[49] == 0.5
    assert costs.rows == 120
    of_table = {row[0][:4]: row for row in section.listings[0].rows}
    for text in ("0.20", "0.50", "0.90"):
        k = costs.thresholds.index(float(text))
        *_, fp, fn, cost = of_table[text]
        assert (int(fp), int(fn)) == (costs.false_positives[k], costs.false_negatives[k])
        assert int(cost) == costs.totals[k] == int(fp) + int(fn)
    assert any(row[0].endswith("(largest F1)") for row in section.listings[0].rows)
    assert f"The lowest cost is {min(costs.totals)}, at" in costs.result
    assert "late = 1" in section.reading


def test_thresholds_need_two_classes_that_both_occur(rng):
    evaluation = network(rng, rng.randint(3, size=60))
    assert thresholds(evaluation) is None
    two = network(rng, rng.randint(2, size=60))
    one_class = evaluate(two.model, two.table.native[:1], two.labels[:1], None)
    assert thresholds(one_class) is None
    assert gains(one_class) is None


def test_gain_of_a_perfect_order():
    gain = gain_of(np.array([True, True, False, False]), np.array([0.9, 0.8, 0.2, 0.1]))
    assert gain.tolist() == [0, 0.5, 1, 1, 1]


def test_gain_of_ties_is_that_of_a_random_order():
    gain = gain_of(np.array([True, False, True, False]), np.full(4, 0.5))
    assert gain.tolist() == [0, 0.25, 0.5, 0.75, 1]


def test_tenths_hold_all_rows(rng, monkeypatch):
    monkeypatch.setattr("multilayer.report.svg._draw", lambda *args, **kwargs: "<svg></svg>")
    evaluation = network(rng, rng.randint(2, size=95))
    (listing,) = gains(evaluation).listings
    assert sum(int(row[1]) for row in listing.rows) == 95
    assert listing.rows[-1][-2:] == ["100.0 %", "1.00"]
