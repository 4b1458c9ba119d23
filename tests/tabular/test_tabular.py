"""TabularClassifier and TabularRegressor: scikit-learn's contract, and what they promise beyond."""

import os
import pickle
import signal
import subprocess
import sys
import time

import cloudpickle
import numpy as np
import pandas as pd
import polars as pl
import pytest
from sklearn.base import clone
from sklearn.datasets import load_breast_cancer, load_diabetes, make_friedman1
from sklearn.exceptions import ConvergenceWarning
from sklearn.metrics import log_loss
from sklearn.model_selection import GridSearchCV, cross_val_score, train_test_split
from sklearn.utils.estimator_checks import parametrize_with_checks

from multilayer import TabularClassifier, TabularRegressor
from multilayer.tabular.intervals import errors_of_mean, means_of_rows

SMALL = {"n_members": 2, "hidden_layer_sizes": 16, "max_iter": 6, "random_state": 0}
LEARNING = SMALL | {"batch_size": 16, "max_iter": 20}
MODELS = [TabularClassifier, TabularRegressor]

NOT_EQUIVALENT = {
    "check_sample_weight_equivalence_on_dense_data": "rows are dealt into folds and batches, so "
    "a row twice is not a row of weight two"
}


def table(rows=60, seed=0):
    """A column of each kind, with gaps, and what follows from them."""
    rng = np.random.RandomState(seed)
    size = rng.normal(size=rows)
    town = rng.choice(["Bern", "Oslo", "Rome"], rows)
    frame = pd.DataFrame(
        {
            "size": np.where(rng.uniform(size=rows) < 0.1, np.nan, size),
            "town": town,
            "code": rng.choice([f"c{k}" for k in range(12)], rows),
            "new": rng.uniform(size=rows) < 0.5,
            "day": pd.Timestamp("2024-01-01") + pd.to_timedelta(rng.randint(0, 99, rows), "D"),
            "same": 1.0,
        }
    )
    return frame, (size + (town == "Rome") > 0.3).astype(int)


@parametrize_with_checks(
    [
        TabularClassifier(**SMALL),
        TabularClassifier(**LEARNING | {"fast": True}),
        TabularRegressor(**LEARNING),
        TabularRegressor(**LEARNING | {"fast": True}),
    ],
    expected_failed_checks=lambda _: NOT_EQUIVALENT,
)
def test_scikit_learn_checks(estimator, check):
    check(estimator)


THREADS = """
import sys
sys.path.insert(0, {folder!r})
from test_tabular import bits
print(*bits(0))
"""


def bits(seed, columns=slice(None)):
    """Predictions of both models; their bits, as text."""
    X, y = table(150)
    settings = SMALL | {"n_members": 3, "random_state": seed, "hidden_layer_sizes": (40, 40)}
    classifier = TabularClassifier(**settings).fit(X.iloc[:, columns], y)
    regressor = TabularRegressor(**settings).fit(X.iloc[:, columns], y + X["size"].fillna(0))
    said = (classifier.predict_proba(X), classifier.oof_decision_, regressor.predict(X))
    return [array.tobytes().hex() for array in said]


def test_same_bits_for_any_number_of_threads():
    here = bits(0)
    for threads in ["1", "2", "3"]:
        run = subprocess.run(
            [sys.executable, "-c", THREADS.format(folder=os.path.dirname(__file__))],
            env=os.environ | {"MULTILAYER_NUM_THREADS": threads},
            capture_output=True,
            text=True,
            check=False,
        )
        assert run.stdout.split() == here, run.stderr


def test_seeds():
    assert bits(1) == bits(1)
    assert not set(bits(0)) & set(bits(1))


def test_order_of_columns_at_prediction():
    X, y = table()
    model = TabularClassifier(**SMALL).fit(X, y)
    shuffled = X[X.columns[::-1]].assign(more=1)
    np.testing.assert_array_equal(model.predict_proba(shuffled), model.predict_proba(X))


@pytest.fixture(scope="module")
def cancer():
    X, y = load_breast_cancer(return_X_y=True)
    model = TabularClassifier(n_members=4, max_iter=8, random_state=0)
    return model.fit(X[::2], y[::2]), X, y


def test_good_at_classes(cancer):
    model, X, y = cancer
    assert model.score(X[1::2], y[1::2]) > 0.94
    assert model.validation_score_ > 0.94
    assert log_loss(y[1::2], model.predict_proba(X[1::2])) < 0.2


def test_calibration(cancer):
    model, X, y = cancer
    raw = clone(model).set_params(calibrate=False).fit(X[::2], y[::2])
    assert raw.temperature_ == 1 != model.temperature_
    assert log_loss(y[::2], model.oof_decision_) < log_loss(y[::2], raw.oof_decision_)


def test_good_at_numbers():
    X, y = load_diabetes(return_X_y=True)
    model = TabularRegressor(n_members=4, max_iter=20, random_state=0).fit(X[::2], y[::2])
    assert model.score(X[1::2], y[1::2]) > 0.35
    assert model.validation_score_ > 0.35


@pytest.fixture(scope="module")
def friedman():
    X, y = make_friedman1(1600, noise=2.0, random_state=0)
    parts = train_test_split(X, y, train_size=800, random_state=0)
    return TabularRegressor(n_members=2, max_iter=10, random_state=0).fit(parts[0], parts[2]), parts


@pytest.mark.parametrize("coverage", [0.5, 0.8, 0.9, 0.95])
def test_coverage(friedman, coverage):
    model, (_, X, _, y) = friedman
    low, high = model.predict_interval(X, coverage=coverage).T
    met = np.mean((low <= y) & (y <= high))
    # Two shares of 800 rows differ by less, three standard deviations.
    assert abs(met - coverage) < 3 * np.sqrt(2 * coverage * (1 - coverage) / 800)


def test_errors_of_the_mean_of_members():
    """What two of 8 members say of some rows tells the size of the errors of all 8 together."""
    rng = np.random.RandomState(0)
    truth, n = rng.normal(size=20_000), 20_000
    said = truth + rng.normal(size=n) + 0.7 * rng.normal(size=(8, n))
    rows, own = np.arange(n), rng.randint(8, size=n)
    again = rows[::10]
    values = np.append(said[own, rows], said[(own[again] + 1) % 8, again])
    means, counts, variance = means_of_rows(values, np.append(rows, again), n + 1)
    assert np.isnan(means[n])
    assert (counts[again] == 2).all()
    assert variance == pytest.approx(0.49, rel=0.1)
    errors = errors_of_mean(truth - means[:n], counts[:n], variance, 8)
    assert np.std(errors) == pytest.approx(np.std(truth - said.mean(axis=0)), rel=0.03)


def test_errors_of_members_that_agree_stay():
    errors = np.array([0.0, -1.0, 2.0])
    np.testing.assert_array_equal(errors_of_mean(errors, np.array([1, 2, 1]), 0.0, 8), errors)
    np.testing.assert_array_equal(errors_of_mean(errors * 0, np.ones(3), 0.0, 8), errors * 0)


def test_quantiles(friedman):
    model, (_, X, _, y) = friedman
    shares = [0.05, 0.3, 0.5, 0.9]
    found = model.predict(X, quantiles=shares)
    assert found.shape == (800, 4)
    assert (np.diff(found, axis=1) >= 0).all()
    np.testing.assert_allclose((y[:, None] < found).mean(axis=0), shares, atol=0.08)
    assert model.predict(X, quantiles=0.5).shape == (800, 1)


def test_intervals_scale_with_the_target():
    X, y = make_friedman1(100, random_state=0)
    near = TabularRegressor(**SMALL).fit(X, y).predict_interval(X)
    far = TabularRegressor(**SMALL).fit(X, 1000 * y - 5).predict_interval(X)
    np.testing.assert_allclose(far, 1000 * near - 5, rtol=1e-3)


def test_own_validation_set():
    X, y = table()
    other, truth = table(seed=1)
    model = TabularClassifier(**SMALL).fit(X, y, X_val=other, y_val=truth)
    said = model.oof_decision_
    assert said.shape == (120, 2)
    assert np.isfinite(said).all(axis=1).tolist() == [False] * 60 + [True] * 60
    assert model.validation_score_ == np.mean(said[60:].argmax(axis=1) == truth)


def test_validation_score_is_that_of_new_rows():
    """Where there is nothing to learn, the choice of the best epoch must not look like it."""
    rng = np.random.RandomState(0)
    X, y = rng.normal(size=(400, 2)), rng.randint(0, 2, 400)
    model = TabularClassifier(**LEARNING | {"n_members": 8}).fit(X, y)
    chosen = np.mean([min(curve) for curve in model.validation_curves_])
    assert (
        chosen < 0.46
    )  # looks like more than chance, three standard deviations of which are 0.075
    assert abs(model.validation_score_ - 0.5) < 0.075


def test_own_validation_set_beyond_the_training_range():
    X = np.linspace(0, 1, 60)[:, None]
    model = TabularRegressor(**SMALL).fit(X, X[:, 0], X_val=X[:9], y_val=np.full(9, 50.0))
    assert (model.residuals_ > 48.9).all()


def test_class_weight():
    X = np.zeros((90, 1))
    X[0] = 1
    y = np.repeat([0, 1], [60, 30])
    settings = LEARNING | {"calibrate": False, "label_smoothing": 0.0, "batch_size": 90}
    plain = TabularClassifier(**settings).fit(X, y)
    assert plain.predict([[0.0]]) == 0
    heavy = TabularClassifier(**settings, class_weight={0: 1, 1: 10}).fit(X, y)
    assert heavy.predict([[0.0]]) == 1
    balanced = TabularClassifier(**settings, class_weight="balanced").fit(X, y)
    by_hand = TabularClassifier(**settings, class_weight={0: 0.5, 1: 1}).fit(X, y)
    np.testing.assert_allclose(balanced.predict_proba(X), by_hand.predict_proba(X), atol=1e-5)
    weighted = TabularClassifier(**settings).fit(X, y, sample_weight=np.where(y, 1, 0.5))
    np.testing.assert_allclose(weighted.predict_proba(X), by_hand.predict_proba(X), atol=1e-5)


@pytest.mark.parametrize("scoring", [None, "neg_log_loss", "r2"])
def test_rows_without_weight_do_not_matter(scoring):
    X, y = make_friedman1(80, random_state=0)
    weight = np.ones(80)
    weight[::4] = 0
    wild = y + np.where(weight, 0, 1e6)
    if scoring == "neg_log_loss":
        model = TabularClassifier(**SMALL | {"fast": True}, scoring=scoring)
        y, wild = (y > 14).astype(int), np.where(weight, y > 14, y <= 14).astype(int)
    else:
        model = TabularRegressor(**SMALL, scoring=scoring)
    # The same rows in the same folds: a target without weight is not what they are dealt by.
    given = {"X_val": X, "y_val": y}
    one, other = (clone(model).fit(X, t, weight, **given) for t in (y, wild))
    np.testing.assert_array_equal(one.predict(X), other.predict(X))
    assert one.validation_curves_ == other.validation_curves_


@pytest.mark.parametrize("model", MODELS)
def test_folds_without_weight(model):
    X, y = table()
    weight = np.zeros(60)
    weight[[3, 4, 5]] = 1
    fitted = model(**SMALL | {"fast": True}).fit(X, y, sample_weight=weight)
    assert np.isfinite(fitted.predict(X)).all()


def negative_distance(estimator, X, y, sample_weight=None):
    return -np.abs(estimator.predict(X) - y).mean()


@pytest.mark.parametrize(
    ("model", "scoring", "sign"),
    [
        (TabularClassifier, "roc_auc", -1),
        (TabularClassifier, "neg_log_loss", 1),
        (TabularClassifier, negative_distance, 1),
        (TabularRegressor, "r2", -1),
        (TabularRegressor, "neg_mean_absolute_error", 1),
        (TabularRegressor, negative_distance, 1),
    ],
)
def test_scoring(model, scoring, sign):
    X, y = table()
    fitted = model(**SMALL, scoring=scoring).fit(X, y)
    for curve, best in zip(fitted.validation_curves_, fitted.best_iterations_, strict=True):
        assert len(curve) == 6
        assert curve[best - 1] == min(curve)
        assert sign * min(curve) > 0


def test_no_change_ends():
    X, y = table()
    model = TabularClassifier(**SMALL | {"max_iter": 300, "n_members": 1}, n_iter_no_change=3)
    model.fit(X, y)
    assert model.n_iter_ == model.best_iterations_[0] + 4 < 300


@pytest.mark.parametrize("model", MODELS)
def test_time_limit(model):
    X, y = table()
    began = time.perf_counter()
    fitted = model(**SMALL | {"max_iter": 100_000}, time_limit=1).fit(X, y)
    assert time.perf_counter() - began < 3
    assert fitted.n_iter_ < 100_000
    assert len(fitted.predict(X)) == 60


class Interrupting:
    """A scorer that presses Ctrl-C in its third call."""

    calls = 0

    def __call__(self, estimator, X, y):
        self.calls += 1
        if self.calls == 3:
            time.sleep(0.2)  # until all members are on their way
            os.kill(os.getpid(), signal.SIGINT)
        return -self.calls


@pytest.mark.parametrize("n_members", [1, 8])
def test_interrupted_fit_keeps_its_best(n_members):
    X, y = table()
    model = TabularClassifier(
        **SMALL | {"max_iter": 100_000, "n_members": n_members}, scoring=Interrupting()
    )
    with pytest.warns(ConvergenceWarning, match=r"Training interrupted by user\."):
        model.fit(X, y)
    assert 1 <= len(model.members_) <= n_members
    assert model.n_iter_ < 100_000
    assert model.predict_proba(X).shape == (60, 2)
    # Each epoch was judged worse than the first, so that is where the network comes from.
    assert model.best_iterations_[0] == 1


def test_interrupt_before_anything_is_learned():
    X, y = table()
    model = TabularClassifier(**SMALL).fit(X, y)
    before = model.predict_proba(X)

    def press(*_):
        raise KeyboardInterrupt

    model.set_params(scoring=press)
    with pytest.raises(KeyboardInterrupt):
        model.fit(X, 1 - y)
    np.testing.assert_array_equal(model.predict_proba(X), before)


def test_bar(monkeypatch, capsys):
    X, y = table()
    silent = TabularClassifier(**SMALL).fit(X, y)
    assert capsys.readouterr() == ("", "")
    monkeypatch.setenv("FORCE_COLOR", "1")
    shown = TabularClassifier(**SMALL, verbose=True).fit(X, y)
    assert "Training" in capsys.readouterr().err
    np.testing.assert_array_equal(shown.predict_proba(X), silent.predict_proba(X))


@pytest.mark.parametrize(
    "copy", [lambda m: pickle.loads(pickle.dumps(m)), clone], ids=["pickle", "clone"]
)
@pytest.mark.parametrize("model", MODELS)
def test_copies(model, copy):
    X, y = table()
    fitted = model(**SMALL).fit(X, y)
    copied = copy(fitted)
    if not hasattr(copied, "members_"):
        copied.fit(X, y)
    np.testing.assert_array_equal(copied.predict(X), fitted.predict(X))


def test_cloudpickle():
    X, y = table()
    fitted = TabularClassifier(**SMALL).fit(X, y)
    copied = cloudpickle.loads(cloudpickle.dumps(fitted))
    np.testing.assert_array_equal(copied.predict_proba(X), fitted.predict_proba(X))


def test_searches():
    X, y = table()
    model = TabularClassifier(**SMALL)
    alone = cross_val_score(model, X, y, cv=2)
    np.testing.assert_array_equal(cross_val_score(model, X, y, cv=2, n_jobs=2), alone)
    search = GridSearchCV(model, {"n_members": [1, 2]}, cv=2).fit(X, y)
    assert search.best_params_["n_members"] in (1, 2)
    assert len(search.best_estimator_.members_) == search.best_params_["n_members"]


@pytest.mark.parametrize("kind", [pd.DataFrame, pl.from_pandas], ids=["pandas", "polars"])
def test_summary(kind):
    X, y = table()
    said = {line["column"]: line for line in TabularClassifier(**SMALL).fit(kind(X), y).summary()}
    assert list(said) == list(X.columns)
    assert {name: line["kind"] for name, line in said.items()} == {
        "size": "number",
        "town": "category",
        "code": "category",
        "new": "boolean",
        "day": "date",
        "same": "left out",
    }
    assert "gaps" in said["size"]["treatment"]
    assert said["town"]["treatment"] == "one-hot: Bern, Oslo, Rome"
    assert said["code"]["treatment"] == "embedded: 12 categories"
    assert said["new"]["treatment"] == "−1 for 0, +1 for 1"
    assert "seconds" in said["day"]["treatment"]
    assert said["same"]["treatment"] == "constant"
