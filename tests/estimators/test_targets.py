"""Targets of classifiers: one label, several labels, several columns of labels; weights."""

import numpy as np
import pytest
import scipy.sparse
from data_cases import X_IRIS, X_MOONS, Y_IRIS, Y_MOONS
from sklearn.datasets import make_multilabel_classification
from sklearn.utils import compute_class_weight

from multilayer import MLPClassifier, MLPRegressor, load
from multilayer.estimators.targets import ClassTargets

X_MULTI, Y_MULTI = make_multilabel_classification(n_samples=80, n_classes=4, random_state=0)
NAMES = np.array(["a", "b", "c"])
Y_COLUMNS = np.column_stack([NAMES[Y_IRIS], np.where(X_IRIS[:, 1] > 3, "wide", "slim")])

quick = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

LABELS = {
    "one class": (np.zeros(4, int), "binary", (4,)),
    "two": (np.array([True, False, True]), "binary", (3,)),
    "three strings": (np.array(["x", "z", "y"]), "multiclass", (3,)),
    "indicator": (np.array([[0, 1], [1, 1], [0, 0]]), "multilabel-indicator", (3, 2)),
    "columns": (Y_COLUMNS, "multiclass-multioutput", (150, 5)),
}


@pytest.mark.parametrize("name", LABELS)
def test_labels_there_and_back(name):
    y, kind, shape = LABELS[name]
    targets = ClassTargets.of(y)
    encoded = targets.encode(y, np.float32)
    assert (targets.kind, encoded.shape) == (kind, shape)
    assert encoded.dtype == (np.float32 if len(shape) == 2 else np.intp)
    np.testing.assert_array_equal(targets.decode(encoded), y)


def test_sparse_indicator_is_as_good_as_a_dense_one():
    y = LABELS["indicator"][0]
    sparse = scipy.sparse.csr_array(y)
    np.testing.assert_array_equal(ClassTargets.of(sparse).encode(sparse, np.float64), y)


@pytest.mark.parametrize(
    ("y", "message"),
    [
        (np.array([0.5, 1.5]), "Unknown label type: continuous"),
        (np.array([3, 1]), r"`y` has classes not in .* \[0 1 2\]. 'y' has \[1 3\]"),
        (np.array(["a", "b"], object), r"`y` has classes not in .* 'y' has \['a' 'b'\]"),
        (np.array([[0, 1], [1, 1]]), r"one label per row, as before: \(2, 2\)"),
    ],
    ids=["numbers", "unknown", "texts", "indicator"],
)
def test_refuses_other_labels(y, message):
    targets = ClassTargets.of(Y_IRIS)
    with pytest.raises(ValueError, match=message):
        targets.encode(y, np.float64)


@quick
def test_several_labels_a_row():
    clf = MLPClassifier((20,), solver="lbfgs", random_state=0, max_iter=500).fit(X_MULTI, Y_MULTI)
    assert clf.out_activation_ == "logistic"
    assert clf.classes_.tolist() == [0, 1, 2, 3]
    probabilities = clf.predict_proba(X_MULTI)
    np.testing.assert_array_equal(clf.predict(X_MULTI), probabilities > 0.5)
    assert clf.score(X_MULTI, Y_MULTI) == (clf.predict(X_MULTI) == Y_MULTI).all(axis=1).mean() > 0.9
    with pytest.raises(ValueError, match="must be 'auto' or 'logistic' for multilabel-indicator y"):
        MLPClassifier(output_activation="softmax").fit(X_MULTI, Y_MULTI)


@quick
def test_several_columns_of_labels(tmp_path):
    clf = MLPClassifier((20,), solver="lbfgs", random_state=0, max_iter=500)
    clf.fit(X_IRIS, Y_COLUMNS)
    assert [c.tolist() for c in clf.classes_] == [["a", "b", "c"], ["slim", "wide"]]
    probabilities = clf.predict_proba(X_IRIS)
    assert [p.shape for p in probabilities] == [(150, 3), (150, 2)]
    for p, log_p in zip(probabilities, clf.predict_log_proba(X_IRIS), strict=True):
        np.testing.assert_allclose(p.sum(axis=1), 1)
        np.testing.assert_allclose(np.exp(log_p), p, atol=1e-12)
    assert clf.predict(X_IRIS).shape == (150, 2)
    assert clf.score(X_IRIS, Y_COLUMNS) > 0.97
    weights = np.arange(150.0)
    hits = (clf.predict(X_IRIS) == Y_COLUMNS).all(axis=1)
    assert clf.score(X_IRIS, Y_COLUMNS, weights) == np.average(hits, weights=weights)
    clf.save(tmp_path / "m.mlp")
    np.testing.assert_array_equal(load(tmp_path / "m.mlp").predict(X_IRIS), clf.predict(X_IRIS))


@quick
def test_columns_are_learned_in_parts_and_with_early_stopping():
    classes = [["a", "b", "c"], ["slim", "wide"]]
    clf = MLPClassifier(learning_rate_init=0.01, random_state=0)
    for _ in range(60):
        clf.partial_fit(X_IRIS, Y_COLUMNS, classes=classes)
    assert clf.score(X_IRIS, Y_COLUMNS) > 0.8
    early = MLPClassifier(early_stopping=True, max_iter=5, random_state=0).fit(X_IRIS, Y_COLUMNS)
    assert len(early.validation_scores_) == 5


@quick
def test_integer_weights_are_repetitions():
    repeats = np.random.RandomState(0).randint(0, 3, size=200)
    numbers = {"solver": "lbfgs", "max_iter": 30, "random_state": 0, "hidden_layer_sizes": (5,)}
    weighted = MLPClassifier(**numbers).fit(X_MOONS, Y_MOONS, sample_weight=repeats)
    repeated = MLPClassifier(**numbers)
    repeated.fit(np.repeat(X_MOONS, repeats, axis=0), np.repeat(Y_MOONS, repeats))
    np.testing.assert_allclose(weighted.loss_curve_[:10], repeated.loss_curve_[:10], rtol=1e-9)


@quick
@pytest.mark.parametrize("class_weight", [{0: 1.0, 1: 3.0}, "balanced"], ids=["dict", "balanced"])
def test_class_weight_is_sample_weight_by_class(class_weight):
    X, y = X_MOONS[40:], Y_MOONS[40:]
    of_class = compute_class_weight(class_weight, classes=np.unique(y), y=y)
    numbers = {"max_iter": 5, "random_state": 0}
    by_class = MLPClassifier(class_weight=class_weight, **numbers).fit(X, y)
    by_row = MLPClassifier(**numbers).fit(X, y, sample_weight=of_class[y])
    assert by_class.loss_curve_ == by_row.loss_curve_
    both = MLPClassifier(class_weight=class_weight, **numbers).fit(X, y, np.full(len(y), 2.0))
    np.testing.assert_allclose(both.loss_curve_[0], by_row.loss_curve_[0], rtol=1e-4)
    assert both.loss_curve_ != by_row.loss_curve_


def test_balanced_weights_need_all_rows():
    clf = MLPClassifier(class_weight="balanced")
    with pytest.raises(ValueError, match="'balanced' is not supported for partial_fit"):
        clf.partial_fit(X_MOONS, Y_MOONS, classes=[0, 1])


@pytest.mark.parametrize("kind", [MLPClassifier, MLPRegressor])
def test_refuses_wrong_weights(kind):
    for weights, message in [
        (np.ones(3), "sample_weight"),
        (-np.ones(200), "[Nn]egative"),
        (np.full(200, np.nan), "NaN"),
        (np.zeros(200), "at least one non-zero"),
    ]:
        with pytest.raises(ValueError, match=message):
            kind(max_iter=1).fit(X_MOONS, Y_MOONS, sample_weight=weights)


@quick
def test_weights_may_be_set_layer_by_layer():
    clf = MLPClassifier((3,), max_iter=2, random_state=0).fit(X_MOONS, Y_MOONS)
    clf.coefs_[0] = np.zeros((2, 3))
    assert (clf.network_.thetas[0][:, 1:] == 0).all()
    clf.intercepts_ = [np.ones(3), np.ones(1)]
    assert (clf.network_.thetas[1][:, 0] == 1).all()
    before = clf.predict_proba(X_MOONS)
    for value, message in [
        (np.zeros((3, 2)), r"shape \(2, 3\), got \(3, 2\)"),
        (np.zeros(2), r"shape \(2, 3\), got \(2,\)"),
    ]:
        with pytest.raises(ValueError, match=message):
            clf.coefs_[0] = value
    with pytest.raises(ValueError, match="must hold 2 arrays, got 1"):
        clf.coefs_ = [np.zeros((2, 3))]
    np.testing.assert_array_equal(clf.predict_proba(X_MOONS), before)


@quick
def test_training_starts_from_weights_that_were_set():
    first = MLPClassifier((3,), max_iter=2, random_state=0).fit(X_MOONS, Y_MOONS)
    clf = MLPClassifier((3,), max_iter=1, warm_start=True, shuffle=False)
    with pytest.raises(AttributeError, match="no coefs_ before it is fitted"):
        _ = clf.coefs_
    clf.coefs_, clf.intercepts_ = first.coefs_, first.intercepts_
    cost = clf.fit(X_MOONS, Y_MOONS).loss_
    given = MLPClassifier((3,), max_iter=1, shuffle=False, initializer=first.network_.thetas)
    assert given.fit(X_MOONS, Y_MOONS).loss_ == cost == pytest.approx(first.loss_, abs=0.02)
    with pytest.raises(ValueError, match="require thetas of shapes"):
        given.set_params(hidden_layer_sizes=(4,)).fit(X_MOONS, Y_MOONS)
