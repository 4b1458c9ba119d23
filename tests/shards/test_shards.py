"""Shards: sums over parts are those over all rows, and so is training."""

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
import scipy.sparse
from cases import Descent, LocalSteps, Objective, shards_train, train, training_state
from comparisons import assert_thetas_close
from sklearn.datasets import make_classification, make_regression
from sklearn.exceptions import ConvergenceWarning
from sklearn.metrics import log_loss

from multilayer import Checkpoint, DivergenceWarning, MLPClassifier, MLPRegressor
from multilayer.estimators.inputs import Rows
from multilayer.optimizers import SGD, Adam, AdamW
from multilayer.shards import Facts, Shard, Shards, fit_shards
from multilayer.shards.data import added_up
from multilayer.shards.fitting import encode_rows
from multilayer.shards.sums import _share
from multilayer.shards.sync_interval import SyncInterval
from multilayer.training.state import Examples

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")


class Here(Shards):
    """Parts that are all here."""

    def __init__(self, parts, sync_every=1):
        X = parts[0].examples.X
        shape = sum(map(len, parts)), X.shape[1]
        super().__init__(shape, X.dtype, sum(part.weight for part in parts), sync_every)
        self.parts, self.asked = parts, 0

    def total(self, function, *arguments):
        self.asked += 1
        return added_up([function(part, *arguments) for part in self.parts])


def facts_of(X, y, classes):
    if classes:
        labels, counts = np.unique(y, return_counts=True)
        return Facts(
            len(y), X.shape[1], None, X.dtype, labels, dict(zip(labels, counts, strict=True))
        )
    return Facts(len(y), X.shape[1], None, X.dtype, np.array([y.min(axis=0), y.max(axis=0)]))


def fit(estimator, X, y, cuts=(100, 100, 353), weights=None, sync_every=1, validation=None):
    """Fit on parts that end at some rows; the empty ones too."""
    seen = []

    def encode(targets, share, seed):
        learned = [
            Rows(X[a:b], y[a:b], None if weights is None else weights[a:b])
            for a, b in pairwise((0, *cuts, len(y)))
        ]
        parts = [
            Shard(i, encode_rows(targets, rows, held_out=False))
            if rows.X.shape[0]
            else Shard(i, Examples(rows.X, np.empty(0), rows.sample_weight))
            for i, rows in enumerate(learned)
        ]
        seen.append(Here(parts, sync_every))
        held_out = None
        if validation is not None:
            held_out = Here([Shard(0, encode_rows(targets, Rows(*validation), held_out=True))])
        return seen[0], held_out

    fit_shards(estimator, facts_of(X, y, isinstance(estimator, MLPClassifier)), encode)
    return seen[0]


@pytest.fixture
def labelled():
    X, y = make_classification(503, 7, n_classes=3, n_informative=5, random_state=0)
    return X, np.array(["red", "green", "blue"])[y]


def assert_same_fit(one, other, tolerance):
    assert_thetas_close(one, other, tolerance)
    np.testing.assert_allclose(one.loss_curve_, other.loss_curve_, rtol=tolerance)


WHOLE = [
    # At the 15th iteration in float32, a change of X in its last bit changes Θ by 0.005, on one
    # machine as well.
    {"solver": "lbfgs", "max_iter": 12},
    {"solver": "gd", "max_iter": 15, "learning_rate_init": 0.3},
    {"batch_size": 503, "shuffle": False, "max_iter": 15},
    {"solver": "adamw", "batch_size": 503, "learning_rate": "cosine", "max_iter": 15},
    {"solver": "gd", "class_weight": "balanced", "label_smoothing": 0.1, "max_iter": 9},
    {"solver": "gd", "l1": 0.01, "clip_norm": 0.05, "max_norm": 0.5, "max_iter": 9},
]


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("options", WHOLE, ids=lambda o: "-".join(map(str, o.values())))
def test_full_batch_is_that_of_one_machine(labelled, options, dtype):
    X, y = labelled[0].astype(dtype), labelled[1]
    whole = MLPClassifier((9, 5), random_state=1, **options).fit(X, y)
    parts = MLPClassifier((9, 5), random_state=1, **options)
    fit(parts, X, y)
    assert parts.classes_.tolist() == ["blue", "green", "red"]
    assert_same_fit(whole, parts, 1e-9 if dtype == np.float64 else 1e-4)


@pytest.mark.parametrize("solver", ["lbfgs", "gd"])
def test_weights(labelled, rng, solver):
    X, y = labelled
    weights = rng.randint(0, 3, len(y)).astype(float)
    weights[:100] = 0  # a part without weight
    options = {"solver": solver, "max_iter": 10, "random_state": 0}
    whole = MLPClassifier(6, **options).fit(X, y, weights)
    parts = MLPClassifier(6, **options)
    fit(parts, X, y, weights=weights)
    assert_same_fit(whole, parts, 1e-9)


@pytest.mark.parametrize("n_targets", [1, 3])
def test_numbers(n_targets):
    X, y = make_regression(503, 7, n_targets=n_targets, random_state=0)
    y = y / y.std()
    options = {"solver": "lbfgs", "max_iter": 20, "random_state": 0}
    whole = MLPRegressor(hidden_layer_sizes=6, **options).fit(X, y, X_val=X[:50], y_val=y[:50])
    parts = MLPRegressor(hidden_layer_sizes=6, **options)
    fit(parts, X, y, validation=(X[:50], y[:50]))
    assert_same_fit(whole, parts, 1e-8)
    np.testing.assert_allclose(whole.validation_scores_, parts.validation_scores_, rtol=1e-8)
    np.testing.assert_allclose(whole.validation_loss_curve_, parts.validation_loss_curve_)


def test_sparse_rows(labelled):
    X, y = scipy.sparse.csr_array(np.where(np.abs(labelled[0]) > 1, labelled[0], 0)), labelled[1]
    options = {"solver": "gd", "max_iter": 5, "random_state": 0}
    whole = MLPClassifier(6, **options).fit(X, y)
    parts = MLPClassifier(6, **options)
    fit(parts, X, y)
    assert_same_fit(whole, parts, 1e-9)


def test_one_part_makes_the_steps_of_the_engine(labelled):
    """With one part, steps made apart are those of one machine on the part's order."""
    X, y = labelled[0], np.unique(labelled[1], return_inverse=True)[1]
    thetas = [np.random.RandomState(0).randn(3, 8) * 0.3]
    shard = Shard(0, Examples(X, y))
    shards, optimizer = Here([shard], sync_every=3), Adam(learning_rate=0.01)
    ours, theirs = ([theta.copy() for theta in thetas] for _ in range(2))
    slots, memory = optimizer.start(ours), optimizer.start(theirs)
    rng = np.random.RandomState(7)
    report = shards_train(
        shards, ours, y, (), "softmax", optimizer, slots, batch_size=50, rng=rng, epochs=2
    )
    seeds = [int(s) for s in np.random.RandomState(7).randint(2**31, size=2)]
    order = np.stack([shard.order(seed) for seed in seeds])
    made = 0
    for rows in order:
        for first in range(0, 11, 3):
            last = min(first + 3, 11)
            taken = rows[503 * first // 11 : 503 * last // 11][None, :]
            names = {"batch_size": -(-taken.size // (last - first)), "order": taken}
            made += train(
                theirs, X, y, (), "softmax", optimizer, memory, steps_before=made, **names
            ).steps
    np.testing.assert_allclose(ours[0], theirs[0], rtol=1e-12)
    assert report.steps == made == 22


def test_steps_made_together_are_those_of_the_whole_batch(labelled):
    """One step on parts is the step on the rows that they take together."""
    X, y = labelled[0], np.unique(labelled[1], return_inverse=True)[1]
    parts = [Shard(0, Examples(X[:200], y[:200])), Shard(1, Examples(X[200:], y[200:]))]
    thetas, optimizer = [np.random.RandomState(0).randn(3, 8) * 0.3], Adam(learning_rate=0.01)
    ours, theirs = ([theta.copy() for theta in thetas] for _ in range(2))
    shards = Here(parts)
    names = {"lambda_": 0.1, "batch_size": 100}
    shards_train(
        shards, ours, y, (), "softmax", optimizer, optimizer.start(ours), max_steps=2, **names
    )
    memory = optimizer.start(theirs)
    for step in (0, 1):
        shares = [_share(part, None, step, step + 1, 6) for part in parts]
        rows = np.concatenate([shares[0], 200 + shares[1]])
        names = {"order": rows[None, :], "lambda_": 0.1, "steps_before": step}
        train(theirs, X, y, (), "softmax", optimizer, memory, **names)
    np.testing.assert_allclose(ours[0], theirs[0], rtol=1e-12)


@pytest.mark.parametrize("sync_every", [1, 4, 1000])
@pytest.mark.parametrize("solver", ["sgd", "adam"])
def test_mini_batches_learn(labelled, solver, sync_every):
    X, y = labelled
    clf = MLPClassifier(
        16, solver=solver, learning_rate_init=0.02, max_iter=40, batch_size=25, random_state=0
    )
    shards = fit(clf, X, y, sync_every=sync_every)
    assert clf.score(X, y) > 0.85
    steps = -(-503 // 25)
    meetings = -(-steps // sync_every)
    assert shards.asked == clf.n_iter_ * meetings
    assert clf.t_ == clf.n_iter_ * 503
    assert training_state(clf).steps == clf.n_iter_ * steps


def test_steps_on_smaller_batches_are_longer():
    """An eighth of the batch: steps of Adam are longer, decay is not, plain steps are as long."""
    descent = Descent(AdamW(0.01, weight_decay=0.2))
    local = LocalSteps(Objective((), "softmax"), descent, np.ones(3), 0, rows=800)
    optimizer, rates = local.lengthened(100)
    assert optimizer.learning_rate == pytest.approx(0.01 * 8**0.5)
    assert optimizer.learning_rate * optimizer.weight_decay == pytest.approx(0.01 * 0.2)
    np.testing.assert_allclose(rates, 8**0.5)
    assert local.lengthened(800)[0] == descent.optimizer
    plain = replace(local, descent=Descent(SGD(0.01)), rates=None)
    assert plain.lengthened(100) == (SGD(0.01), None)


@pytest.mark.parametrize("sync_every", [4, 64])
def test_steps_made_apart_learn_as_fast(sync_every):
    X, y = make_classification(4000, 20, n_informative=10, n_classes=3, random_state=0)
    options = {"max_iter": 15, "batch_size": 100, "random_state": 0}
    whole = MLPClassifier(20, **options).fit(X, y)
    parts = MLPClassifier(20, **options)
    fit(parts, X, y, cuts=range(500, 4000, 500), sync_every=sync_every)
    assert log_loss(y, parts.predict_proba(X)) < 1.15 * log_loss(y, whole.predict_proba(X))


def test_every_row_is_learned_from_once_in_an_epoch():
    shard = Shard(3, Examples(np.arange(17.0)[:, None], np.arange(17)))
    taken = np.concatenate([_share(shard, 5, t, t + 1, 4) for t in range(4)])
    assert sorted(taken) == list(range(17))
    assert not np.array_equal(taken, np.arange(17))
    assert not np.array_equal(shard.order(5), shard.order(6))
    assert not np.array_equal(shard.order(5), Shard(2, shard.examples).order(5))


def test_dropout(labelled):
    X, y = labelled
    options = {"dropout": 0.2, "max_iter": 30, "learning_rate_init": 0.02, "batch_size": 25}
    clf = MLPClassifier(32, random_state=0, **options)
    fit(clf, X, y, sync_every=4)
    assert clf.score(X, y) > 0.8
    with pytest.raises(ValueError, match="sync_every of 2 or more"):
        fit(MLPClassifier(32, random_state=0, **options), X, y)


def test_validation_stops(labelled):
    X, y = labelled
    clf = MLPClassifier(32, early_stopping=True, n_iter_no_change=3, random_state=0, tol=0.01)
    fit(clf, X[100:], y[100:], cuts=(50, 200), validation=(X[:100], y[:100]), sync_every=2)
    assert clf.n_iter_ < 100
    assert clf.best_validation_score_ == max(clf.validation_scores_)
    assert clf.score(X[:100], y[:100]) == pytest.approx(clf.best_validation_score_)


@pytest.mark.parametrize("sync_every", [1, 4])
def test_divergence_is_noticed(labelled, sync_every):
    X, y = labelled[0], labelled[0][:, 0] * 1e3
    options = {"hidden_layer_sizes": 8, "solver": "sgd", "batch_size": 50, "random_state": 0}
    with pytest.raises(ValueError, match="In the first epoch the cost was no longer finite"):
        fit(MLPRegressor(learning_rate_init=1e6, **options), X, y, sync_every=sync_every)
    reg = MLPRegressor(learning_rate=lambda step: 1e-9 * 10**step, max_iter=9, **options)
    with pytest.warns(ConvergenceWarning, match="no longer finite"):
        fit(reg, X, y, sync_every=sync_every)
    assert reg.n_iter_ >= 1
    assert all(np.isfinite(theta).all() for theta in reg.network_.thetas)


@pytest.mark.parametrize("sync_every", [1, 4])
def test_an_exploded_cost_is_noticed(labelled, sync_every):
    X, y = labelled[0], labelled[0][:, 0]
    options = {"hidden_layer_sizes": 8, "solver": "sgd", "batch_size": len(X), "random_state": 0}
    reg = MLPRegressor(learning_rate_init=1e9, max_iter=1, **options)
    with pytest.warns(DivergenceWarning, match=r"Training diverged: the cost is .*e\+"):
        fit(reg, X, y, sync_every=sync_every)


@pytest.mark.parametrize("solver", ["adam", "lbfgs"])
def test_checkpoint(labelled, tmp_path, solver):
    X, y = labelled
    options = {"solver": solver, "batch_size": 50, "random_state": 0, "tol": 0.0}
    whole = MLPClassifier(8, max_iter=12, **options)
    fit(whole, X, y, sync_every=4)
    path = tmp_path / "training"
    first = MLPClassifier(8, max_iter=5, **options).set_callbacks(Checkpoint(path))
    fit(first, X, y, sync_every=4)
    second = MLPClassifier(8, max_iter=12, **options).set_callbacks(Checkpoint(path))
    fit(second, X, y, sync_every=4)
    assert_same_fit(whole, second, 0)
    with pytest.raises(ValueError, match="other data or parameters"):
        fit(second, X + 1, y, sync_every=4)


def test_a_fit_that_fails_leaves_what_was(labelled):
    X, y = labelled
    clf = MLPClassifier(8, max_iter=2, random_state=0)
    fit(clf, X, y)
    before = clf.predict(X)
    clf.set_params(scoring="roc_auc")
    with pytest.raises(ValueError, match="scoring must be None or 'loss'"):
        fit(clf, X, y)
    assert (clf.predict(X) == before).all()


def test_warm_start_goes_on(labelled):
    X, y = labelled
    clf = MLPClassifier(8, solver="gd", max_iter=5, warm_start=True, random_state=0)
    fit(clf, X, y)
    fit(clf, X, y)
    whole = MLPClassifier(8, solver="gd", max_iter=10, random_state=0)
    fit(whole, X, y)
    np.testing.assert_allclose(clf.loss_curve_, whole.loss_curve_)
    with pytest.raises(ValueError, match="X has 6 features"):
        fit(clf, X[:, :6], y)


def test_the_order_of_the_sums_is_that_of_the_parts(rng):
    vectors = [rng.randn(3) * 10.0 ** rng.randint(-9, 9) for _ in range(77)]
    groups = [added_up(vectors[i : i + 8]) for i in range(0, 77, 8)]
    assert (added_up(vectors) == added_up(groups)).all()
    np.testing.assert_allclose(added_up(vectors), np.sum(vectors, axis=0))


@pytest.mark.parametrize(
    ("communication", "step", "expected"),
    [(0.01, 0.1, 1), (0.01, 0.001, 128), (0.01, 1e-9, 500), (0.003, 0.01, 4)],
)
def test_sync_interval_is_chosen_from_the_times(communication, step, expected):
    interval = SyncInterval()
    while True:
        n = interval.choose(500)
        if interval.decided:
            break
        interval.took(n, communication + n * step)
    assert n == expected


def test_few_steps_are_synchronised_one_by_one():
    interval = SyncInterval()
    assert interval.choose(10) == 1
    assert interval.decided
