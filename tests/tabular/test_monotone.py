"""Monotone columns: no prediction is in the wrong order, and what is monotone can be learned."""

import copy

import numpy as np
import pandas as pd
import pytest
from cases import INSTRUCTION_SETS, instruction_set, use_instruction_set
from sklearn.metrics import r2_score
from tabular_cases import MODELS, SMALL

from multilayer import TabularClassifier, TabularRegressor, load
from multilayer.activations import ACTIVATIONS
from multilayer.selection import HiddenLayerSearchCV
from multilayer.tabular.monotone import most_share

SIGNS = {"size": 1, "weight": -1, "day": 1, "new": -1, "rare": 1}
DAY = np.timedelta64(1, "D")


def table(rows=400, seed=0):
    """Columns of each kind, with gaps, and a target that disagrees with `SIGNS` in part."""
    rng = np.random.RandomState(seed)
    size, weight = rng.normal(size=rows), np.exp(rng.normal(size=rows))
    days, new = rng.randint(0, 99, rows), rng.uniform(size=rows) < 0.5
    frame = pd.DataFrame(
        {
            "town": rng.choice(["Bern", "Oslo", "Rome"], rows),
            "size": np.where(rng.uniform(size=rows) < 0.1, np.nan, size),
            "code": rng.choice([f"c{k}" for k in range(12)], rows),
            "weight": weight,
            "day": np.datetime64("2024-01-01") + days * DAY,
            "new": new,
            "other": rng.normal(size=rows),
            "rare": (rng.uniform(size=rows) < 0.1).astype(int),
        }
    )
    y = np.sin(3 * size) + np.cos(2 * weight) + days / 50 + new + (frame["town"] == "Rome")
    return frame, y.to_numpy() + rng.normal(size=rows) / 5


FRAME, Y = table()
VALUES = {
    "size": lambda rng, n: rng.normal(size=n) * 2,
    "weight": lambda rng, n: np.exp(rng.normal(size=n) * 2) - 1,
    "day": lambda rng, n: (
        np.datetime64("2023-11-01") + rng.randint(0, 86400 * 200, n) * (DAY / 86400)
    ),
    "new": lambda rng, n: rng.uniform(size=n) < 0.5,
    "rare": lambda rng, n: rng.randint(-1, 3, n),
}


def target(model):
    return (Y > np.median(Y)).astype(int) if model is TabularClassifier else Y


def outputs(model, X):
    return model.predict_proba(X)[:, 1] if hasattr(model, "classes_") else model.predict(X)


def n_violations(model, signs, *, rows=50, values=60, seed=1):
    """Count pairs of neighbours in the wrong order, of ascending values in random rows.

    As neighbours decide on all pairs, these are rows × values × (values − 1) / 2 of each column.
    """
    rng, found = np.random.RandomState(seed), {}
    for name, sign in signs.items():
        chosen = FRAME.iloc[np.repeat(rng.randint(len(FRAME), size=rows), values)]
        drawn = np.sort(VALUES[name](rng, rows * values).reshape(rows, values)).ravel()
        # The engine's batches must not matter: rows of a curve are spread over the table.
        order = rng.permutation(len(chosen))
        h = np.empty(len(chosen))
        h[order] = outputs(model, chosen.assign(**{name: drawn}).iloc[order])
        found[name] = int((sign * np.diff(h.reshape(rows, values)) < 0).sum())
    return found


NONE = dict.fromkeys(SIGNS, 0)


@pytest.mark.parametrize("fast", [False, True])
@pytest.mark.parametrize("model", MODELS)
def test_a_million_pairs(model, fast):
    settings = SMALL | {"hidden_layer_sizes": [24, 24, 24], "max_iter": 12, "fast": fast}
    if fast:
        del settings["n_members"]
    found = model(**settings, monotonic_cst=SIGNS).fit(FRAME, target(model))
    # 5 × 100 × 200 · 199 / 2 = 9.95 million pairs
    assert n_violations(found, SIGNS, rows=100, values=200) == NONE
    assert all(network.keeps_bounds() for network in found.members_)
    free = model(**settings).fit(FRAME, target(model))
    assert sum(n_violations(free, SIGNS).values()) > 100


@pytest.mark.parametrize("model", MODELS)
def test_saved(model, tmp_path):
    fitted = model(**SMALL, monotonic_cst=SIGNS).fit(FRAME, target(model))
    fitted.save(tmp_path / "model")
    loaded = load(tmp_path / "model")
    assert loaded.get_params() == fitted.get_params()
    np.testing.assert_array_equal(outputs(loaded, FRAME), outputs(fitted, FRAME))
    assert n_violations(loaded, SIGNS) == NONE
    loaded.save(tmp_path / "again")
    assert (tmp_path / "again").read_bytes() == (tmp_path / "model").read_bytes()


def test_saved_arrays(tmp_path):
    """An array for `monotonic_cst` is saved as a list; where there is none, nothing is."""
    X = FRAME[["size", "weight"]]
    for given in ([1, 0], np.array([1, 0]), pd.Series([1, 0])):
        TabularRegressor(**SMALL, monotonic_cst=given).fit(X, Y).save(tmp_path / "model")
        assert list(load(tmp_path / "model").monotonic_cst) == [1, 0]
    TabularRegressor(**SMALL).fit(X, Y).save(tmp_path / "model")
    assert b"monotonic" not in (tmp_path / "model").read_bytes()
    assert b"signs" not in (tmp_path / "model").read_bytes()


def test_a_file_that_breaks_the_constraint_is_refused():
    fitted = TabularRegressor(**SMALL, monotonic_cst=SIGNS).fit(FRAME, Y)
    state, arrays = fitted.to_state()
    for name in ("theta_1", "theta_2", "scale", "share_2"):
        broken = {key: array.copy() for key, array in arrays.items()}
        own = broken[f"member_0/{name}"]
        own[...] = -1 if own.ndim == 1 else 1
        with pytest.raises(ValueError, match="within their bounds"):
            TabularRegressor.from_state(copy.deepcopy(state), broken)
    for signs in ([2, 0], [0] * len(state["members"][0]["signs"])):
        other = copy.deepcopy(state)
        other["members"][0]["signs"] = signs
        with pytest.raises(ValueError, match="signs"):
            TabularRegressor.from_state(other, arrays)
    other = copy.deepcopy(state)
    other["params"]["monotonic_cst"] = [1]
    with pytest.raises(ValueError, match="shape"):
        TabularRegressor.from_state(other, arrays)


@pytest.mark.parametrize("name", INSTRUCTION_SETS)
def test_every_instruction_set(name):
    before = instruction_set()
    use_instruction_set(name)
    try:
        for model in MODELS:
            fitted = model(**SMALL, monotonic_cst=SIGNS).fit(FRAME, target(model))
            assert n_violations(fitted, SIGNS) == NONE
    finally:
        use_instruction_set(before)


@pytest.mark.parametrize("model", MODELS)
def test_same_bits_for_any_number_of_threads(model, monkeypatch):
    found = []
    for threads in ("1", "2"):
        monkeypatch.setenv("MULTILAYER_NUM_THREADS", threads)
        fitted = model(**SMALL, monotonic_cst=SIGNS).fit(FRAME, target(model))
        found.append(outputs(fitted, FRAME))
    np.testing.assert_array_equal(*found)


@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_every_activation(activation):
    """The largest share keeps the slope at 0 or above, and the network monotone."""
    z = np.linspace(-30, 30, 60_001)
    slope = 1 + most_share(activation) * (ACTIVATIONS[activation].slope(z) - 1)
    assert slope.min() >= 0
    fitted = TabularRegressor(**SMALL | {"activation": activation}, monotonic_cst=SIGNS)
    assert n_violations(fitted.fit(FRAME, Y), SIGNS) == NONE


@pytest.mark.parametrize("sizes", [[], [1], [2, 1], [3, 5, 2]], ids=str)
@pytest.mark.parametrize("model", MODELS)
def test_few_units(model, sizes):
    settings = SMALL | {"hidden_layer_sizes": sizes}
    fitted = model(**settings, monotonic_cst=SIGNS).fit(FRAME, target(model))
    assert n_violations(fitted, SIGNS) == NONE


SHAPES = {
    "convex": lambda a, b: a * a,
    "concave": lambda a, b: np.sqrt(a),
    "s-shaped": lambda a, b: 1 / (1 + np.exp(-30 * (a - 0.5))),
    "steps": lambda a, b: (a > 0.3) * 1.0 + (a > 0.8),
    "interaction": lambda a, b: a * (b > 0.5) + np.sin(6 * b),
    "power": lambda a, b: a ** (0.3 + 3 * b),
}


SHARP = {"steps": 0.9}  # free columns have periodic features for them, and reach 0.99


@pytest.mark.parametrize("sign", [1, -1])
@pytest.mark.parametrize("shape", SHAPES)
def test_what_is_monotone_is_learned(shape, sign):
    rng = np.random.RandomState(0)
    X = rng.uniform(size=(1500, 2))
    y = sign * SHAPES[shape](*X.T)
    model = TabularRegressor(n_members=2, max_iter=32, random_state=0, monotonic_cst=[sign, 0])
    assert r2_score(y[1000:], model.fit(X[:1000], y[:1000]).predict(X[1000:])) > SHARP.get(
        shape, 0.98
    )


def test_two_monotone_columns_interact():
    rng = np.random.RandomState(0)
    X = rng.uniform(size=(1500, 2))
    for y in (np.minimum(*X.T), np.maximum(*X.T), X[:, 0] * X[:, 1]):
        model = TabularRegressor(n_members=2, max_iter=32, random_state=0, monotonic_cst=[1, 1])
        assert r2_score(y[1000:], model.fit(X[:1000], y[:1000]).predict(X[1000:])) > 0.98


def test_the_wrong_sign_leaves_a_constant():
    x = np.linspace(0, 1, 300)[:, None]
    model = TabularRegressor(**SMALL, monotonic_cst=[-1]).fit(x, x.ravel())
    assert np.ptp(model.predict(x)) < 0.1


@pytest.mark.parametrize("given", [{}, {"size": 0}, [0] * 8], ids=str)
def test_without_constraints_the_bits_are_the_same(given):
    for model in MODELS:
        y = target(model)
        expected = outputs(model(**SMALL).fit(FRAME, y), FRAME)
        found = outputs(model(**SMALL, monotonic_cst=given).fit(FRAME, y), FRAME)
        np.testing.assert_array_equal(found, expected)
        assert found.dtype == expected.dtype


def test_classes_and_three_of_them():
    three = np.arange(400) % 3
    model = TabularClassifier(**SMALL, monotonic_cst={"size": 1})
    with pytest.raises(ValueError, match="multiclass classification: there are 3 classes"):
        model.fit(FRAME, three)
    names = np.where(target(TabularClassifier), "no", "yes")  # "yes" is the second class
    fitted = model.set_params(calibrate=True).fit(FRAME, names)
    p = fitted.predict_proba(FRAME)
    assert p.dtype == np.float32
    np.testing.assert_allclose(p.sum(axis=1), 1, atol=1e-6)
    assert n_violations(fitted, {"size": 1}) == {"size": 0}


ERRORS = [
    ({"age": 1}, "1 unexpected feature names: \\['age'\\]"),
    ({"size": 2}, "monotonic_cst\\['size'\\] must be either -1, 0 or 1. Got 2"),
    ({"town": 1}, "Categorical features cannot have monotonic constraints, but 'town'"),
    ({"code": -1}, "Categorical features cannot have monotonic constraints, but 'code'"),
    ([1], "monotonic_cst has shape \\(1,\\) but the input data X has 8 features"),
    ([0.5] * 8, "Observed values: \\[0.5\\]"),
    ([[1] * 8] * 8, "must have one dimension, but has 2"),
    ("size", "must be an array-like"),
]


@pytest.mark.parametrize(("given", "message"), ERRORS, ids=str)
@pytest.mark.parametrize("model", MODELS)
def test_errors_leave_a_model_as_it_was(model, given, message):
    fitted = model(**SMALL).fit(FRAME, target(model))
    before = outputs(fitted, FRAME)
    fitted.set_params(monotonic_cst=given)
    with pytest.raises(ValueError, match=message):
        fitted.fit(FRAME, target(model))
    np.testing.assert_array_equal(outputs(fitted, FRAME), before)


def test_a_dict_needs_names():
    with pytest.raises(ValueError, match="Pass monotonic_cst as an integer array"):
        TabularRegressor(**SMALL, monotonic_cst={"size": 1}).fit(FRAME[["size"]].to_numpy(), Y)


def test_dropped_columns_may_be_constrained():
    """They do not change predictions, so that every constraint holds."""
    X = FRAME[["size", "weight"]].assign(same=1.0, copy=FRAME["weight"])
    signs = {"size": 1, "same": 1, "copy": -1}
    fitted = TabularRegressor(**SMALL, monotonic_cst=signs).fit(X, Y)
    assert set(fitted.encoder_.dropped_) == {"same", "copy"}
    assert fitted.members_[0].signs == (1, 0, 0)  # size, weight, and whether size is missing
    other = X.assign(same=2.0, copy=-1.0)
    np.testing.assert_array_equal(fitted.predict(other), fitted.predict(X))


@pytest.mark.parametrize("given", [SIGNS, None])
def test_search_keeps_it(given):
    """Also where the constraint itself is searched."""
    y = target(TabularClassifier)
    space = {"hidden_layer_sizes": [(8,), (8, 8)]} | ({} if given else {"monotonic_cst": [SIGNS]})
    search = HiddenLayerSearchCV(
        TabularClassifier(**SMALL, monotonic_cst=given), space, n_candidates=2, cv=2, random_state=0
    ).fit(FRAME, y)
    best = search.best_estimator_
    assert best.monotonic_cst == SIGNS
    assert n_violations(best, SIGNS) == NONE
