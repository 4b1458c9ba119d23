"""Wrong input raises the exceptions of scikit-learn, or clearer ones where it raises none."""

import numpy as np
import pandas as pd
import pytest
import scipy.sparse
import sklearn.neural_network as theirs

import multilayer as ours

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

rng = np.random.RandomState(0)
X = rng.randn(40, 4)
Y = rng.randint(3, size=40)
NUMBERS = rng.randn(40)
LABELS = rng.randint(2, size=(40, 3))
GAP = np.where(np.arange(160).reshape(40, 4) == 7, np.nan, X)
FRAME = pd.DataFrame(X, columns=list("abcd"))


def raised(kind, parameters, act):
    """Give what the same mistake raises from ours and from scikit-learn's; None for nothing."""
    errors = []
    for module in (ours, theirs):
        try:
            act(getattr(module, kind)(**{"max_iter": 2, **parameters}))
            errors.append(None)
        except Exception as error:
            errors.append(error)
    return errors


MISTAKES_OF_BOTH = {
    "X with NaN": lambda e, y: e.fit(GAP, y),
    "X with inf": lambda e, y: e.fit(np.where(np.isnan(GAP), np.inf, GAP), y),
    "sparse X with NaN": lambda e, y: e.fit(scipy.sparse.csr_array(GAP), y),
    "y with NaN": lambda e, y: e.fit(X, GAP[:, 3]),
    "X of one dimension": lambda e, y: e.fit(X[:, 0], y),
    "X of three dimensions": lambda e, y: e.fit(X[:, :, None], y),
    "X a number": lambda e, y: e.fit(3, y),
    "X a text": lambda e, y: e.fit("X", y),
    "X of texts": lambda e, y: e.fit(np.full((40, 4), "a"), y),
    "X of dicts": lambda e, y: e.fit(np.full((40, 4), {}, dtype=object), y),
    "X complex": lambda e, y: e.fit(X + 1j, y),
    "no rows": lambda e, y: e.fit(X[:0], y[:0]),
    "no columns": lambda e, y: e.fit(X[:, :0], y),
    "no y": lambda e, y: e.fit(X, None),
    "y a number": lambda e, y: e.fit(X, 3),
    "y too short": lambda e, y: e.fit(X, y[1:]),
    "y of three dimensions": lambda e, y: e.fit(X, np.zeros((40, 2, 2))),
    "weights too few": lambda e, y: e.fit(X, y, np.ones(39)),
    "weights with NaN": lambda e, y: e.fit(X, y, GAP[:, 3]),
    "weights of two dimensions": lambda e, y: e.fit(X, y, np.ones((40, 2))),
    "weights of texts": lambda e, y: e.fit(X, y, ["a"] * 40),
    "an argument there is not": lambda e, y: e.fit(X, y, weights=1),
    "a parameter there is not": lambda e, y: e.set_params(layers=3),
    "predict before fit": lambda e, y: e.predict(X),
    "score before fit": lambda e, y: e.score(X, y),
    "weights before fit": lambda e, y: e.coefs_,
    "predict with fewer columns": lambda e, y: e.fit(X, y).predict(X[:, :2]),
    "predict with other columns": lambda e, y: e.fit(FRAME, y).predict(FRAME[list("abdc")]),
    "predict with NaN": lambda e, y: e.fit(X, y).predict(GAP),
    "predict one row as such": lambda e, y: e.fit(X, y).predict(X[0]),
    "predict no rows": lambda e, y: e.fit(X, y).predict(X[:0]),
    "predict texts": lambda e, y: e.fit(X, y).predict([["a"] * 4]),
    "score too few": lambda e, y: e.fit(X, y).score(X, y[1:]),
    "warm start, fewer columns": lambda e, y: (
        e.set_params(warm_start=True).fit(X, y).fit(X[:, :2], y)
    ),
    "three rows to stop early by": lambda e, y: e.set_params(early_stopping=True).fit(X[:3], y[:3]),
    "no rows to stop early by": lambda e, y: e.set_params(
        early_stopping=True, validation_fraction=0.0
    ).fit(X, y),
    "partial_fit that stops early": lambda e, y: e.set_params(early_stopping=True).partial_fit(
        X, y
    ),
}
FIRST = {"classes": [0, 1, 2]}
MISTAKES_OF_CLASSIFIERS = {
    "y of numbers": lambda e: e.fit(X, NUMBERS),
    "one row of a class": lambda e: e.set_params(early_stopping=True).fit(X, np.arange(40) == 0),
    "probabilities before fit": lambda e: e.predict_proba(X),
    "their logarithms before fit": lambda e: e.predict_log_proba(X),
    "classes before fit": lambda e: e.classes_,
    "warm start, other classes": lambda e: e.set_params(warm_start=True).fit(X, Y).fit(X, Y + 1),
    "warm start, fewer classes": lambda e: e.set_params(warm_start=True).fit(X, Y).fit(X, Y % 2),
    "partial_fit without classes": lambda e: e.partial_fit(X, Y),
    "partial_fit, unnamed classes": lambda e: e.partial_fit(X, Y, classes=[0, 1]),
    "partial_fit, other classes": lambda e: e.partial_fit(X, Y, **FIRST).partial_fit(
        X, Y, classes=[0, 1, 3]
    ),
    "partial_fit, unseen classes": lambda e: e.partial_fit(X, Y, **FIRST).partial_fit(X, Y + 1),
    "partial_fit, fewer labels": lambda e: e.partial_fit(X, LABELS, **FIRST).partial_fit(
        X, LABELS[:, :2]
    ),
    "partial_fit of lbfgs": lambda e: e.set_params(solver="lbfgs").partial_fit(X, Y, **FIRST),
}
MISTAKES_OF_REGRESSORS = {
    "y complex": lambda e: e.fit(X, NUMBERS + 1j),
    "partial_fit, fewer columns": lambda e: e.partial_fit(X, NUMBERS).partial_fit(
        X[:, :2], NUMBERS
    ),
    "partial_fit, more outputs": lambda e: e.partial_fit(X, NUMBERS).partial_fit(
        X, np.c_[NUMBERS, NUMBERS]
    ),
}
BAD_PARAMETERS = {
    "hidden_layer_sizes": ["a", None, 0, -1, (3, 0), (3, -1)],
    "activation": ["cos", None, 1],
    "solver": ["x", None],
    "alpha": [-1, "a", None, np.nan],
    "batch_size": [0, 2.5, "x", None],
    "learning_rate": ["x", None, 1],
    "learning_rate_init": [0, -1, "a", None, np.nan],
    "power_t": [-1, "a"],
    "max_iter": [0, 2.5, "a", np.inf],
    "shuffle": ["a", None, 2],
    "random_state": ["a", -1, 1.5],
    "tol": [-1, "a", np.nan],
    "verbose": ["a", -1],
    "warm_start": ["a", None],
    "momentum": [-1, 2, "a"],
    "nesterovs_momentum": ["a"],
    "early_stopping": ["a"],
    "validation_fraction": [1, -0.1, "a"],
    "beta_1": [1, -1],
    "beta_2": [1, -1],
    "epsilon": [0, -1],
    "n_iter_no_change": [0, 2.5, "a"],
    "max_fun": [0, "a"],
}


def assert_same(kind, parameters, act):
    mine, reference = raised(kind, parameters, act)
    assert type(mine) is type(reference), (mine, reference)
    return reference


@pytest.mark.parametrize("mistake", MISTAKES_OF_BOTH)
def test_same_exception_from_both(mistake):
    for kind, y in {"MLPClassifier": Y, "MLPRegressor": NUMBERS}.items():
        assert assert_same(kind, {}, lambda e, y=y: MISTAKES_OF_BOTH[mistake](e, y)), kind


@pytest.mark.parametrize("mistake", MISTAKES_OF_CLASSIFIERS)
def test_same_exception_from_classifiers(mistake):
    assert assert_same("MLPClassifier", {}, MISTAKES_OF_CLASSIFIERS[mistake])


@pytest.mark.parametrize("mistake", MISTAKES_OF_REGRESSORS)
def test_same_exception_from_regressors(mistake):
    assert assert_same("MLPRegressor", {}, MISTAKES_OF_REGRESSORS[mistake])


@pytest.mark.parametrize("name", BAD_PARAMETERS)
def test_same_exception_for_parameters(name):
    for value in BAD_PARAMETERS[name]:
        error = assert_same("MLPClassifier", {name: value}, lambda e: e.fit(X, Y))
        assert error or (name, value) == ("verbose", -1)


@pytest.mark.parametrize("loss", ["log_loss", None, 3])
def test_same_exception_for_a_loss(loss):
    assert assert_same("MLPRegressor", {"loss": loss}, lambda e: e.fit(X, NUMBERS))


@pytest.mark.parametrize(
    ("kind", "parameters", "act", "message"),
    [
        ("MLPRegressor", {}, lambda e: e.fit(X, np.full(40, "a")), "could not convert string"),
        ("MLPClassifier", {}, lambda e: e.fit(X, np.array([1, "a"] * 20, object)), "label type"),
        ("MLPClassifier", {}, lambda e: e.fit(X, Y, -np.ones(40)), "Negative values"),
        ("MLPRegressor", {"loss": "poisson"}, lambda e: e.fit(X, NUMBERS), "not be negative"),
        ("MLPClassifier", {"hidden_layer_sizes": (2.5,)}, lambda e: e.fit(X, Y), r"got \[2.5\]"),
        ("MLPClassifier", {"hidden_layer_sizes": ["a"]}, lambda e: e.fit(X, Y), r"got \['a'\]"),
        (
            "MLPClassifier",
            {"hidden_layer_sizes": [[3, 4]]},
            lambda e: e.fit(X, Y),
            "a sequence of them",
        ),
        ("MLPClassifier", {"hidden_layer_sizes": (True,)}, lambda e: e.fit(X, Y), "integers"),
    ],
    ids=[
        "texts for numbers",
        "mixed labels",
        "negative weights",
        "negative counts",
        "half a unit",
        "a text of units",
        "nested layers",
        "a truth of units",
    ],
)
def test_what_scikit_learn_lets_pass_or_leaves_to_numpy(kind, parameters, act, message):
    mine, reference = raised(kind, parameters, act)
    assert reference is None or isinstance(reference, TypeError)
    with pytest.raises(ValueError, match=message):
        raise mine
