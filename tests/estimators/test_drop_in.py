"""The estimators replace scikit-learn's: its own tests, signatures and results."""

import importlib.util
import inspect
import re
import sys

import numpy as np
import pandas as pd
import pytest
import scipy.sparse
import sklearn.neural_network as theirs
from comparisons import assert_arrays_close
from sklearn.utils.estimator_checks import (
    check_dataframe_column_names_consistency,
    check_param_validation,
)

import multilayer as ours

rng = np.random.RandomState(0)
X = rng.randn(97, 9) * (rng.rand(97, 9) < 0.6)
TARGETS = {
    "binary": ("MLPClassifier", rng.randint(2, size=97), {}),
    "multiclass": ("MLPClassifier", rng.randint(3, size=97), {}),
    "multilabel": ("MLPClassifier", rng.randint(2, size=(97, 3)), {}),
    "one output": ("MLPRegressor", rng.randn(97), {}),
    "two outputs": ("MLPRegressor", rng.randn(97, 2), {}),
    "counts": ("MLPRegressor", rng.poisson(2, size=97), {"loss": "poisson"}),
    "two counts": ("MLPRegressor", rng.poisson(2, size=(97, 2)), {"loss": "poisson"}),
}
SOLVERS = {
    "adam": {},
    "sgd": {},
    "sgd, no Nesterov": {"nesterovs_momentum": False},
    "sgd, invscaling": {"learning_rate": "invscaling", "power_t": 0.1},
    "sgd, adaptive": {"learning_rate": "adaptive", "tol": 1e-2, "n_iter_no_change": 2},
    "lbfgs": {"max_iter": 10},  # its line searches enlarge the rounding errors of what went before
}
WEIGHTS = rng.rand(97) + 0.1

quick = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")


def pair(kind, **parameters):
    return getattr(ours, kind)(**parameters), getattr(theirs, kind)(**parameters)


@quick
@pytest.mark.parametrize("sparse", [False, True], ids=["dense", "sparse"])
@pytest.mark.parametrize("activation", ["identity", "logistic", "tanh", "relu"])
@pytest.mark.parametrize("solver", SOLVERS)
@pytest.mark.parametrize("target", TARGETS)
def test_same_seed_same_result(target, solver, activation, sparse):
    kind, y, extra = TARGETS[target]
    parameters = {
        "hidden_layer_sizes": (7, 5),
        "activation": activation,
        "solver": solver.split(",")[0],
        "alpha": 0.05,
        "batch_size": 20,
        "max_iter": 20,
        "random_state": 3,
        **SOLVERS[solver],
        **extra,
    }
    rows = scipy.sparse.csr_array(X) if sparse else X
    weights = WEIGHTS if sparse else None
    mine, reference = pair(kind, **parameters)
    mine.fit(rows, y, sample_weight=weights)
    reference.fit(rows, y, sample_weight=weights)
    assert mine.n_iter_ == reference.n_iter_
    assert mine.loss_ == pytest.approx(reference.loss_, rel=1e-6)
    if solver != "lbfgs":
        np.testing.assert_allclose(mine.loss_curve_, reference.loss_curve_, rtol=1e-6)
        assert mine.best_loss_ == pytest.approx(reference.best_loss_, rel=1e-6)
        assert mine.t_ == reference.t_
    np.testing.assert_allclose(mine.predict(rows), reference.predict(rows), rtol=1e-4)
    assert_arrays_close(mine.coefs_, reference.coefs_, rtol=1e-4, atol=1e-6)


@quick
@pytest.mark.parametrize("format", ["csr_matrix", "csr_array", "csc_matrix", "csc_array"])
def test_every_sparse_format(format):
    mine, reference = pair("MLPClassifier", random_state=0, max_iter=5)
    rows, y = getattr(scipy.sparse, format)(X), TARGETS["multiclass"][1]
    mine.fit(rows, y)
    np.testing.assert_allclose(mine.loss_curve_, reference.fit(rows, y).loss_curve_, rtol=1e-9)
    np.testing.assert_allclose(mine.predict_proba(rows), reference.predict_proba(rows), rtol=1e-6)
    np.testing.assert_allclose(mine.predict_proba(X), mine.predict_proba(rows), rtol=1e-12)


def frame(rows):
    return pd.DataFrame(rows, columns=list("abcdefghi"))


WAYS = {  # to give the same rows
    "lists": (np.ndarray.tolist, np.ndarray.tolist),
    "frame": (frame, pd.Series),
    "columns in a row": (np.asfortranarray, np.array),
    "every second row": (lambda rows: rows.repeat(2, axis=0)[::2], lambda y: y.repeat(2)[::2]),
    "integers": (lambda rows: np.rint(rows).astype(int), np.array),
    "truths": (lambda rows: rows > 0, np.array),
    "float32": (np.float32, np.array),
}


@quick
@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("target", ["multiclass", "one output"])
def test_rows_in_any_form(target, way):
    (kind, y, _), (of_rows, of_y) = TARGETS[target], WAYS[way]
    mine, reference = pair(kind, random_state=3, max_iter=10)
    rows, targets = of_rows(X), of_y(y)
    mine.fit(rows, targets, of_y(WEIGHTS))
    reference.fit(rows, targets, of_y(WEIGHTS))
    rtol = 1e-5 if way == "float32" else 1e-9
    np.testing.assert_allclose(mine.loss_curve_, reference.loss_curve_, rtol=rtol)
    assert mine.coefs_[0].dtype == reference.coefs_[0].dtype
    assert mine.predict(rows).dtype == reference.predict(rows).dtype


TEXTS = np.array(["no", "é", "yes"])
LABELS = {
    "texts": TEXTS[TARGETS["multiclass"][1]],
    "two texts": TEXTS[TARGETS["binary"][1]],
    "truths": TARGETS["binary"][1] == 1,
    "floats": TARGETS["multiclass"][1] - 1.0,
    "a column": TARGETS["multiclass"][1][:, None],
    "one class": np.full(97, 7),
    "indicator of truths": TARGETS["multilabel"][1] == 1,
    "indicator of floats": TARGETS["multilabel"][1] * 1.0,
    "indicator of two": TARGETS["multilabel"][1][:, :2],
    "indicator in lists": TARGETS["multilabel"][1].tolist(),
    "sparse indicator": scipy.sparse.csr_array(TARGETS["multilabel"][1]),
}


@quick
@pytest.mark.filterwarnings("ignore:A column-vector y")
@pytest.mark.parametrize("early_stopping", [False, True], ids=["all", "early"])
@pytest.mark.parametrize("labels", LABELS)
def test_labels_in_any_form(labels, early_stopping):
    numbers = {"random_state": 3, "max_iter": 15, "learning_rate_init": 0.02}
    mine, reference = pair("MLPClassifier", early_stopping=early_stopping, **numbers)
    mine.fit(X, LABELS[labels])
    reference.fit(X, LABELS[labels])
    np.testing.assert_allclose(mine.loss_curve_, reference.loss_curve_, rtol=1e-9)
    np.testing.assert_array_equal(mine.classes_, reference.classes_)
    assert mine.classes_.dtype.kind == reference.classes_.dtype.kind
    told, wanted = mine.predict(X), reference.predict(X)
    np.testing.assert_array_equal(told, getattr(wanted, "toarray", lambda: wanted)())
    assert told.dtype.kind == wanted.dtype.kind
    if early_stopping:
        np.testing.assert_allclose(mine.validation_scores_, reference.validation_scores_)


@quick
def test_sparse_targets_of_the_regressor():
    mine, reference = pair("MLPRegressor", random_state=3, max_iter=10)
    Y = scipy.sparse.csr_array(X[:, :2])
    mine.fit(X, Y)
    np.testing.assert_allclose(mine.loss_curve_, reference.fit(X, Y).loss_curve_, rtol=1e-9)


@quick
@pytest.mark.filterwarnings("ignore:Got `batch_size`")
@pytest.mark.parametrize("batch_size", [1, 50, 97, 1000])
@pytest.mark.parametrize("solver", ["adam", "sgd"])
def test_weightless_rows_in_batches_of_any_size(solver, batch_size):
    y, weights = TARGETS["binary"][1], np.where(np.arange(97) % 3, WEIGHTS, 0)
    if batch_size == 1:  # where a weightless row is a batch, scikit-learn divides by zero
        weights = WEIGHTS
    numbers = {"solver": solver, "batch_size": batch_size, "random_state": 3, "max_iter": 10}
    mine, reference = pair("MLPClassifier", **numbers)
    mine.fit(X, y, weights)
    reference.fit(X, y, weights)
    np.testing.assert_allclose(mine.loss_curve_, reference.loss_curve_, rtol=1e-9)


@quick
def test_same_numbers_from_the_same_generator():
    y, curves = TARGETS["multiclass"][1], []
    for module in (ours, theirs):
        np.random.seed(3)  # noqa: NPY002, what random_state=None draws from
        one = module.MLPClassifier(max_iter=5, batch_size=20, early_stopping=True).fit(X, y)
        generator = np.random.RandomState(4)
        two = [module.MLPClassifier(max_iter=5, random_state=generator).fit(X, y) for _ in "ab"]
        curves.append(np.ravel([e.loss_curve_ for e in (one, *two)]))
        left = np.random.rand(), generator.rand()  # noqa: NPY002
        curves[-1] = np.append(curves[-1], left)
    np.testing.assert_allclose(*curves, rtol=1e-9)


@quick
@pytest.mark.parametrize("sparse", [False, True], ids=["dense", "sparse"])
@pytest.mark.parametrize("solver", ["adam", "sgd"])
@pytest.mark.parametrize("target", TARGETS)
def test_early_stopping_is_scikit_learns(target, solver, sparse):
    kind, y, extra = TARGETS[target]
    numbers = {"early_stopping": True, "random_state": 3, "learning_rate_init": 0.01, **extra}
    mine, reference = pair(kind, solver=solver, max_iter=40, validation_fraction=0.2, **numbers)
    rows = scipy.sparse.csr_array(X) if sparse else X
    mine.fit(rows, y, WEIGHTS)
    reference.fit(rows, y, WEIGHTS)
    assert mine.n_iter_ == reference.n_iter_
    np.testing.assert_allclose(mine.validation_scores_, reference.validation_scores_, rtol=1e-7)
    assert mine.best_loss_ is reference.best_loss_ is None
    np.testing.assert_allclose(mine.coefs_[0], reference.coefs_[0], rtol=1e-5, atol=1e-8)


@quick
def test_warm_start_is_scikit_learns():
    y = TARGETS["multiclass"][1]
    mine, reference = pair("MLPClassifier", random_state=0, max_iter=7, warm_start=True)
    for _ in range(3):
        mine.fit(X, y)
        reference.fit(X, y)
        np.testing.assert_allclose(mine.loss_curve_, reference.loss_curve_, rtol=1e-9)
        assert (mine.n_iter_, mine.t_) == (reference.n_iter_, reference.t_)


def test_first_call_of_partial_fit_is_scikit_learns():
    y = TARGETS["multiclass"][1]
    mine, reference = pair("MLPClassifier", random_state=0, batch_size=20)
    mine.partial_fit(X, y, WEIGHTS, [0, 1, 2])
    reference.partial_fit(X, y, WEIGHTS, [0, 1, 2])
    np.testing.assert_allclose(mine.coefs_[0], reference.coefs_[0], rtol=1e-9)


@quick
@pytest.mark.parametrize("solver", ["adam", "sgd", "sgd, invscaling"])
@pytest.mark.parametrize("target", TARGETS)
def test_partial_fit_piece_by_piece_is_scikit_learns(target, solver):
    kind, y, extra = TARGETS[target]
    extra = {**extra, **SOLVERS[solver]}
    mine, reference = pair(kind, solver=solver.split(",")[0], shuffle=False, max_iter=9, **extra)
    for estimator in (mine, reference):
        estimator.set_params(random_state=0, batch_size=20).fit(X, y)
        for piece in range(4):
            estimator.partial_fit(X[piece::4], y[piece::4], WEIGHTS[piece::4])
    np.testing.assert_allclose(mine.loss_curve_, reference.loss_curve_, rtol=1e-9)
    np.testing.assert_allclose(mine.coefs_[0], reference.coefs_[0], rtol=1e-6, atol=1e-9)
    assert (mine.n_iter_, mine.t_) == (reference.n_iter_, reference.t_)


@pytest.mark.parametrize("kind", ["MLPClassifier", "MLPRegressor"])
def test_signatures(kind):
    mine, reference = getattr(ours, kind), getattr(theirs, kind)
    parameters, wanted = (inspect.signature(c.__init__).parameters for c in (mine, reference))
    for name, parameter in wanted.items():
        assert parameters[name].default == parameter.default, name
        assert parameters[name].kind == parameter.kind, name
    by_place = [n for n, p in parameters.items() if p.kind is p.POSITIONAL_OR_KEYWORD]
    assert by_place == [n for n, p in wanted.items() if p.kind is p.POSITIONAL_OR_KEYWORD]
    for name, method in inspect.getmembers(reference, inspect.isfunction):
        if name.startswith("_") or name.endswith("_request"):  # metadata: ours may be more
            continue
        here = inspect.signature(getattr(mine, name)).parameters
        for number, (argument, told) in enumerate(inspect.signature(method).parameters.items()):
            assert list(here)[number] == argument, (name, argument)
            assert here[argument].default == told.default or told.kind is told.VAR_KEYWORD
    for name in ("fit", "partial_fit"):  # wrapped, so no plain functions
        here = list(inspect.signature(getattr(mine(), name)).parameters)
        there = list(inspect.signature(getattr(reference(), name)).parameters)
        assert here[: len(there)] == there


@quick
@pytest.mark.parametrize("early_stopping", [False, True])
@pytest.mark.parametrize("solver", ["adam", "sgd", "lbfgs"])
@pytest.mark.parametrize("target", TARGETS)
def test_attributes(target, solver, early_stopping):
    kind, y, extra = TARGETS[target]
    numbers = {"solver": solver, "early_stopping": early_stopping, "max_iter": 3, **extra}
    mine, reference = pair(kind, random_state=0, **numbers)
    mine.fit(X, y)
    reference.fit(X, y)
    for name in dir(reference):
        if name.startswith("_") or not name.endswith("_") or (name == "t_" and solver == "lbfgs"):
            continue
        value, wanted = getattr(mine, name), getattr(reference, name)
        kind_of = float if isinstance(wanted, float) else type(wanted)
        assert isinstance(value, kind_of), name
        if isinstance(wanted, list):
            assert [np.shape(v) for v in value] == [np.shape(w) for w in wanted], name
        elif isinstance(wanted, (int, str)):
            assert value == wanted, name
        else:
            assert np.shape(value) == np.shape(wanted), name


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("kind", ["MLPClassifier", "MLPRegressor"])
@pytest.mark.parametrize(
    "check", [check_param_validation, check_dataframe_column_names_consistency]
)
def test_checks_that_are_not_in_the_list(kind, check):
    estimator = getattr(ours, kind)(max_iter=2)
    check(kind, estimator)


# scikit-learn's own tests, run from its package with our classes in the place of its own. Left out
# are those that look at names of its inside.
PRIVATE = {
    "test_gradient": "_loss_grad_lbfgs",
    "test_learning_rate_warmstart": "_optimizer",
    "test_adaptive_learning_rate": "_optimizer",
    "test_n_iter_no_change": "_no_improvement_count",
    "test_n_iter_no_change_inf": "_no_improvement_count",
}


def _their_tests():
    spec = importlib.util.find_spec("sklearn.neural_network.tests.test_mlp")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    module.MLPClassifier, module.MLPRegressor = ours.MLPClassifier, ours.MLPRegressor
    for name in dir(module):  # classes that stand in parametrizations
        for mark in getattr(getattr(module, name), "pytestmark", []):
            if mark.name == "parametrize" and mark.args[0] in ("MLPEstimator", "Estimator"):
                mark.args[1][:] = [getattr(ours, kind.__name__) for kind in mark.args[1]]
    return module


_theirs = _their_tests()
_names = [name for name in dir(_theirs) if name.startswith("test_")]
for _name in _names:
    if _name not in PRIVATE:
        _function = pytest.mark.filterwarnings("default")(getattr(_theirs, _name))
        globals()[f"test_scikit_learns_{_name.removeprefix('test_')}"] = _function
del _function, _name


@pytest.fixture
def global_random_seed():
    return 42


def test_only_private_names_are_left_out():
    assert len(_names) > 35
    assert set(PRIVATE) < set(_names)
    for name in _names:
        source = inspect.getsource(getattr(_theirs, name))
        used = set(re.findall(r"(?:mlp|clf)\.(_[a-z_]+)\b(?! = )", source))
        assert used <= {PRIVATE.get(name)}, name
        assert (name in PRIVATE) == bool(used), name
    assert _theirs.MLPClassifier is ours.MLPClassifier
    assert "sklearn.neural_network.tests" not in sys.modules or _theirs.__name__ not in sys.modules
