"""Intervals whose width follows the row: what is learned of the scale of errors, and kept."""

import json

import numpy as np
import pandas as pd
import pytest
import safetensors
from model_file_cases import saved_parts
from sklearn.datasets import make_friedman1
from sklearn.exceptions import ConvergenceWarning, NotFittedError

from multilayer import TabularRegressor, load
from multilayer.persistence import ModelFileError
from multilayer.tables.dependence import Dependence
from multilayer.tabular import error_scale, stages
from multilayer.tabular.crps import crps
from multilayer.tabular.error_scale import ErrorScale, OutOfFoldErrors
from multilayer.tabular.folds import Fold

SETTINGS = {"n_members": 4, "hidden_layer_sizes": 32, "max_iter": 24, "random_state": 0}
NOISE = {"u": 0.2, "v": 1.0, "w": 3.0}


def kinds(rows, seed=0):
    """A table whose noise depends on a category."""
    rng = np.random.RandomState(seed)
    X = pd.DataFrame({"a": rng.normal(size=rows), "kind": rng.choice(list(NOISE), rows)})
    return X, X["a"].to_numpy() + X["kind"].map(NOISE).to_numpy() * rng.normal(size=rows)


@pytest.fixture(scope="module")
def fitted():
    model = TabularRegressor(**SETTINGS).fit(*kinds(800))
    return model, *kinds(4000, seed=1)


def constant(model):
    """The same model without a scale."""
    again = TabularRegressor()
    again.__dict__ = dict(vars(model))
    again._learn_out_of_fold(*model._trained_on, 0.0)
    return again


@pytest.fixture(scope="module")
def several():
    """Models of five tables, each with another table of the same kind."""
    return [
        (TabularRegressor(**SETTINGS).fit(*kinds(800, seed)), *kinds(4000, seed + 100))
        for seed in range(5)
    ]


@pytest.mark.parametrize("coverage", [0.8, 0.9, 0.95])
def test_coverage_in_each_quarter_of_the_width(several, coverage):
    met, of_one_width = [], []
    for model, X, y in several:
        low, high = model.predict_interval(X, coverage).T
        inside, width = (low <= y) & (y <= high), high - low
        quarters = np.argsort(np.argsort(width)) // 1000
        met.append([inside[quarters == k].mean() for k in range(4)])
        low, high = constant(model).predict_interval(X, coverage).T
        inside = (low <= y) & (y <= high)
        of_one_width.append([inside[X["kind"] == kind].mean() for kind in ("u", "w")])
    # Three standard deviations of the share of 4000 residuals are 0.019.
    assert abs(np.mean(met) - coverage) < 0.02
    assert np.abs(np.mean(met, axis=0) - coverage).max() < 0.05
    narrow, wide = np.mean(of_one_width, axis=0)
    assert narrow - wide > 0.1  # what it would be with one width


def test_the_scale_is_that_of_the_noise_and_improves_the_crps(fitted):
    model, X, y = fitted
    scales = [np.median(model.predict_scale(X)[X["kind"] == kind]) for kind in NOISE]
    assert scales[0] < 0.5 * scales[1] < 0.25 * scales[2]
    assert model.crps(X, y) < 0.95 * constant(model).crps(X, y)
    width = np.ptp(model.predict_interval(X), axis=1)
    np.testing.assert_allclose(width / width[0], model.predict_scale(X) / model.predict_scale(X)[0])
    assert np.isfinite(model.oof_scale_).all()
    assert model.oof_scale_.shape == (800,)


def test_quantiles_never_cross(fitted):
    model, X, _ = fitted
    far = pd.DataFrame({"a": [1e30, -1e30, np.nan], "kind": ["w", "new", None]})
    n = len(model.residuals_)
    levels = np.linspace(1 / (n + 1), n / (n + 1), 99)
    found = model.predict(pd.concat([X[:500], far]), quantiles=levels)
    assert np.isfinite(found).all()
    assert (np.diff(found, axis=1) >= 0).all()
    inner = model.predict_interval(X, 0.8)
    outer = model.predict_interval(X, 0.81)
    assert (outer[:, 0] <= inner[:, 0]).all()
    assert (inner[:, 1] <= outer[:, 1]).all()


@pytest.mark.parametrize("rows", [99, 400])
def test_equal_noise_gives_equal_widths(rows):
    X, y = make_friedman1(rows, noise=2.0, random_state=0)
    model = TabularRegressor(**SETTINGS).fit(X, y)
    assert model.error_scale_ is None
    assert (model.predict_scale(X) == 1).all()
    assert (model.oof_scale_ == 1).all()
    np.testing.assert_allclose(np.ptp(np.ptp(model.predict_interval(X), axis=1)), 0, atol=1e-12)


def test_few_rows_have_no_scale():
    assert TabularRegressor(**SETTINGS).fit(*kinds(99)).error_scale_ is None
    assert TabularRegressor(**SETTINGS).fit(*kinds(200)).error_scale_ is not None


def test_no_errors_have_no_scale():
    X, _ = kinds(200)
    model = TabularRegressor(**SETTINGS).fit(X, np.ones(200))
    assert model.error_scale_ is None
    np.testing.assert_array_equal(model.predict_interval(X), 1)
    assert model.crps(X, np.ones(200)) == 0


def test_rows_without_weight_tell_nothing():
    X, y = kinds(1200)
    none = np.arange(1200) % 2 == 0
    quiet = none & (X["kind"] == "u")
    y[quiet] += np.random.RandomState(0).choice([-30, 30], quiet.sum())
    model = TabularRegressor(**SETTINGS).fit(X, y, sample_weight=1.0 - none)
    assert np.isnan(model.oof_scale_[none]).all()
    assert np.isfinite(model.oof_scale_[~none]).all()
    u, w = (model.predict_scale(X)[X["kind"] == kind] for kind in ("u", "w"))
    assert np.median(u) < 0.3 * np.median(w)


def test_groups_and_windows_of_time_stay_together(monkeypatch):
    X, y = kinds(600)
    parts = []
    actual = error_scale._parts

    def seen(data, rows, left_out):
        parts.append((rows, found := actual(data, rows, left_out)))
        return found

    monkeypatch.setattr(error_scale, "_parts", seen)
    groups = np.arange(600) // 5
    model = TabularRegressor(**SETTINGS).fit(X, y, groups=groups)
    assert model.error_scale_ is not None
    rows, found = parts.pop()
    assert sorted(rows) == list(range(600))
    assert set(found) == {0, 1, 2, 3}
    assert all(len(set(found[groups[rows] == group])) == 1 for group in range(120))
    model = TabularRegressor(**SETTINGS).fit(X, y, time=np.arange(600))
    rows, found = parts.pop()
    assert rows.min() == 300  # only the later half is predicted by networks that look ahead
    assert (np.diff(found[np.argsort(rows)]) >= 0).all()
    assert np.isnan(model.oof_scale_[:300]).all()
    # A single fold is divided by its groups.
    TabularRegressor(**SETTINGS | {"n_members": 1}).fit(
        X, y, groups=groups, sample_weight=np.ones(600)
    )
    rows, found = parts.pop()
    assert all(len(set(found[groups[rows] == group])) == 1 for group in set(groups[rows]))


def test_rows_are_divided_at_random_if_members_left_out_the_same(monkeypatch):
    X, y = kinds(500)
    held = {"X_val": kinds(300, seed=2)[0], "y_val": kinds(300, seed=2)[1]}
    model = TabularRegressor(**SETTINGS).fit(X, y, **held)
    assert model.error_scale_ is not None
    assert np.isnan(model.oof_scale_[:500]).all()
    assert np.isfinite(model.oof_scale_[500:]).all()


def test_same_bits_for_any_number_of_threads(monkeypatch):
    X, y = kinds(300)
    found = set()
    for threads in ("1", "2"):
        monkeypatch.setenv("MULTILAYER_NUM_THREADS", threads)
        model = TabularRegressor(**SETTINGS).fit(X, y)
        assert model.error_scale_ is not None
        found.add(model.predict_interval(X).tobytes() + model.oof_scale_.tobytes())
    assert len(found) == 1


def test_members_do_not_depend_on_the_scale(fitted, monkeypatch):
    model, X, _ = fitted
    monkeypatch.setattr(error_scale, "_FEWEST", np.inf)
    again = TabularRegressor(**SETTINGS).fit(*kinds(800))
    assert again.error_scale_ is None
    np.testing.assert_array_equal(again.predict(X), model.predict(X))
    np.testing.assert_array_equal(again.oof_prediction_, model.oof_prediction_)


def test_saved_models_have_the_same_widths(fitted, tmp_path):
    model, X, y = fitted
    model.save(tmp_path / "model")
    loaded = load(tmp_path / "model")
    np.testing.assert_array_equal(loaded.predict_interval(X), model.predict_interval(X))
    np.testing.assert_array_equal(loaded.predict_scale(X), model.predict_scale(X))
    assert loaded.crps(X, y) == model.crps(X, y)
    loaded.save(tmp_path / "again")
    assert (tmp_path / "again").read_bytes() == (tmp_path / "model").read_bytes()


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("power", 0),
        ("power", 1.5),
        ("center", 99),
        ("low", -1e9),
        ("high", float("nan")),
        ("stretch", 0.5),
        ("share", -0.1),
        ("slope", 7),
        ("slope", None),
        ("n_members", 0),
        ("n_members", 2.5),
        ("networks", []),
        ("networks", 4),
    ],
)
def test_damaged_numbers_are_refused(fitted, tmp_path, name, value):
    content, arrays = saved_parts(fitted[0])
    content["error_scale"][name] = value
    check_refused(tmp_path / "model", content, arrays)


@pytest.mark.parametrize(
    "damage",
    [None, np.transpose, lambda a: a * np.nan, lambda a: a[:-1]],
    ids=["missing", "shape", "nan", "short"],
)
def test_damaged_networks_are_refused(fitted, tmp_path, damage):
    content, arrays = saved_parts(fitted[0])
    names = [name for name in arrays if name.startswith("error_scale/network_3/theta")]
    assert len(names) == 2
    for name in names:
        rest = {n: a for n, a in arrays.items() if n != name}
        broken = rest if damage is None else rest | {name: damage(arrays[name])}
        check_refused(tmp_path / "model", content, broken)


def test_networks_for_another_table_are_refused(fitted, tmp_path):
    content, arrays = saved_parts(fitted[0])
    X, y = kinds(800)
    other, theirs = saved_parts(TabularRegressor(**SETTINGS).fit(X.assign(b=np.arange(800.0)), y))
    assert other["error_scale"] is not None
    ours = {n: a for n, a in arrays.items() if not n.startswith("error_scale/")}
    ours |= {n: a for n, a in theirs.items() if n.startswith("error_scale/")}
    content["error_scale"] = other["error_scale"]
    check_refused(tmp_path / "model", content, ours, match="a network of error_scale is")


def check_refused(path, state, arrays, match=None):
    packed = {"class": "TabularRegressor", "state": state}
    content = json.dumps({"version": 2, "model": packed, "notes": {}})
    whole = {name: np.ascontiguousarray(array) for name, array in arrays.items()}
    path.write_bytes(safetensors.numpy.save(whole, {"multilayer": content}))
    with pytest.raises(ModelFileError, match=match):
        load(path)


def test_an_interrupt_of_the_scale_keeps_the_model(monkeypatch):
    def interrupted(*args, **options):
        raise KeyboardInterrupt

    monkeypatch.setattr(error_scale, "train_members", interrupted)
    X, y = kinds(200)
    with pytest.warns(ConvergenceWarning, match="interrupted by user: all prediction intervals"):
        model = TabularRegressor(**SETTINGS).fit(X, y)
    assert model.error_scale_ is None
    assert np.isfinite(model.predict_interval(X)).all()


@pytest.mark.parametrize("limit", [None, 50.0])
def test_a_tenth_of_the_time_is_for_the_scale(monkeypatch, limit):
    given = []
    for module in (stages, error_scale):
        actual = module.train_members

        def noted(*args, actual=actual, **options):
            given.append(options["seconds"])
            return actual(*args, **options)

        monkeypatch.setattr(module, "train_members", noted)
    TabularRegressor(**SETTINGS | {"max_iter": 2}, time_limit=limit).fit(*kinds(200))
    expected = [None, None] if limit is None else [45, 5]
    assert given == pytest.approx(expected)


def test_after_an_interrupt_no_scale_is_learned(fitted):
    assert constant(fitted[0]).error_scale_ is None


def test_the_share_of_members_is_found():
    """The noise is 0.3 in half of the rows, 3 in the others; members add 0.5 of their own."""
    rng = np.random.RandomState(0)
    n = 20_000
    noise = np.where(np.arange(n) % 2, 3.0, 0.3)
    said = 0.5 * rng.normal(size=(2, n))
    members = 1 + (rng.uniform(size=n) < 0.3)
    means = np.where(members == 2, said.mean(axis=0), said[0])
    squares = np.where(members == 2, ((said - means) ** 2).sum(axis=0), 0)
    errors = noise * rng.normal(size=n) + means
    known = OutOfFoldErrors(np.arange(n), errors, members, squares, np.ones(n))
    u = 0.5 * np.log(noise**2 + 0.25)
    share, slope = error_scale._share_of_members(known, u)
    assert slope == pytest.approx(-2, abs=0.1)
    assert share == pytest.approx(0.25, rel=0.1)
    scale = ErrorScale([], 1.0, 0.0, u.min(), u.max(), 1.0, share, slope, 8)
    single, eight = scale.of(u, 1), scale.of(u, 8)
    ratio = (eight / single)[noise == 3]
    np.testing.assert_allclose(ratio, np.sqrt((9 + 0.25 / 8) / 9.25), rtol=0.01)
    # Where the error is the members' own, their mean is much better, but by how much is uncertain.
    ratio = (eight / single)[noise == 0.3]
    np.testing.assert_allclose(ratio, np.sqrt(0.5), rtol=0.01)


def test_members_that_agree_have_no_share():
    known = OutOfFoldErrors(
        np.arange(4000),
        np.random.RandomState(0).normal(size=4000),
        np.full(4000, 2),
        np.zeros(4000),
        np.ones(4000),
    )
    share, _ = error_scale._share_of_members(known, np.zeros(4000))
    assert share < 0.01


def test_parts_without_enough_folds():
    folds = [Fold(np.arange(50, 100), np.arange(50)), Fold(np.arange(50), np.arange(50, 100))]

    class Data:
        X, dependence = np.zeros((100, 1)), Dependence(np.arange(100) // 2)

    part = error_scale._parts(Data, np.arange(100), folds)
    assert (part[::2] == part[1::2]).all()
    Data.dependence = Dependence(np.arange(100) // 40)  # too few, too
    part = error_scale._parts(Data, np.arange(100), folds)
    assert np.bincount(part).tolist() == [25, 25, 25, 25]


def test_crps_is_that_of_all_pairs():
    rng = np.random.RandomState(0)
    residuals = np.sort(rng.normal(size=30)).round(1)  # with equal ones
    errors, scales = rng.normal(size=7).round(1), rng.uniform(0.5, 2, 7)
    drawn = scales[:, None] * residuals
    expected = np.abs(errors[:, None] - drawn).mean(axis=1)
    expected -= np.abs(drawn[:, :, None] - drawn[:, None]).mean(axis=(1, 2)) / 2
    np.testing.assert_allclose(crps(errors, scales, residuals), expected, rtol=1e-12)
    np.testing.assert_allclose(crps(errors, scales, np.zeros(1)), np.abs(errors))


def test_crps_of_a_model(fitted):
    model, X, y = fitted
    weights = np.where(X["kind"] == "u", 1.0, 0.0)
    quiet = X["kind"] == "u"
    assert model.crps(X, y, weights) == pytest.approx(model.crps(X[quiet], y[quiet]))
    assert model.crps(X, y) == pytest.approx(model.crps(X, list(y)))
    # The mean over levels of twice the quantile loss (Gneiting and Raftery, 2007).
    levels = (np.arange(1000) + 0.5) / 1000
    off = y[:, None] - model.predict(X, quantiles=np.clip(levels, 0.00125, 0.99875))
    mean = 2 * np.mean(np.where(off > 0, levels * off, (levels - 1) * off))
    assert model.crps(X, y) == pytest.approx(mean, rel=0.01)


def test_bad_input_of_crps(fitted):
    model, X, y = fitted
    with pytest.raises(ValueError, match="inconsistent numbers of samples"):
        model.crps(X, y[:-1])
    with pytest.raises(ValueError, match="y must be numbers"):
        model.crps(X, np.full(len(X), "a"))
    with pytest.raises(ValueError, match=r"[Nn]egative"):
        model.crps(X, y, -np.ones(len(X)))
    for ask in ("predict_scale", "predict_interval"):
        with pytest.raises(NotFittedError):
            getattr(TabularRegressor(), ask)(X)
    with pytest.raises(NotFittedError):
        TabularRegressor().crps(X, y)
    none = TabularRegressor(**SETTINGS | {"n_members": 1, "validation_fraction": 0.0}).fit(X, y)
    with pytest.raises(ValueError, match="rows that were left out of training, but there are none"):
        none.crps(X, y)
