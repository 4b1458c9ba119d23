"""Sets of classes: coverage, sizes, and what they need."""

import json

import numpy as np
import pandas as pd
import pytest
import safetensors
from model_file_cases import saved_parts
from sklearn.exceptions import NotFittedError
from tabular_cases import SMALL

from multilayer import TabularClassifier, load
from multilayer.persistence import ModelFileError
from multilayer.tabular.calibration import find_temperature, tempered
from multilayer.tabular.intervals import half_width
from multilayer.tabular.sets import more_probable

SETTINGS = {"n_members": 4, "hidden_layer_sizes": 32, "max_iter": 16, "random_state": 0}
CLASSES = np.array(["a", "b", "c", "d", "e"])


def classes(rows, seed=0):
    """Five classes: in one town nearly sure, in the other one mixed."""
    rng = np.random.RandomState(seed)
    X = pd.DataFrame({"x": rng.uniform(0, 5, rows), "town": rng.choice(["Bern", "Rome"], rows)})
    noise = np.where(X["town"] == "Rome", 1.5, 0.1) * rng.normal(size=rows)
    return X, CLASSES[np.clip(X["x"] + noise, 0, 4.99).astype(int)]


@pytest.fixture(scope="module")
def fitted():
    return TabularClassifier(**SETTINGS).fit(*classes(1000)), *classes(4000, seed=1)


def test_scores_are_the_sums_of_more_probable_classes():
    H = np.array([[0.2, 0.5, 0.3], [1, 0, 0], [0.25, 0.5, 0.25]], np.float32)
    np.testing.assert_allclose(more_probable(H), [[0.8, 0, 0.5], [0, 1, 1], [0.5, 0, 0.75]])
    assert more_probable(H).dtype == float
    assert more_probable(H[:0]).shape == (0, 3)


@pytest.mark.parametrize("coverage", [0.8, 0.9, 0.95])
def test_coverage(fitted, coverage):
    model, X, y = fitted
    met = model.predict_set(X, coverage)
    assert met.shape == (4000, 5)
    assert met.dtype == bool
    inside = met[np.arange(4000), np.searchsorted(CLASSES, y)]
    assert abs(inside.mean() - coverage) < 0.02 + 3 * np.sqrt(coverage * (1 - coverage) / 1000)
    assert (met.sum(axis=1) < 5).any()


def test_sets_adapt_to_the_row(fitted):
    model, X, _ = fitted
    sizes = model.predict_set(X, 0.9).sum(axis=1)
    assert sizes[X["town"] == "Rome"].mean() > sizes[X["town"] == "Bern"].mean() + 0.5


def test_sets_are_the_most_probable_classes_and_never_empty(fitted):
    model, X, _ = fitted
    H = model.predict_proba(X)
    smaller = np.zeros(H.shape, bool)
    for coverage in (0.001, 0.3, 0.8, 0.9, 0.99):
        met = model.predict_set(X, coverage)
        assert met[np.arange(len(H)), H.argmax(axis=1)].all()
        assert (np.where(met, H, 1).min(axis=1) >= np.where(met, 0, H).max(axis=1)).all()
        assert (met >= smaller).all()
        smaller = met
    assert (model.predict_set(X, 0.001).sum(axis=1) == 1).all()


def test_scores_of_the_out_of_fold_rows_are_kept(fitted):
    model, X, _ = fitted
    labels = np.searchsorted(CLASSES, classes(1000)[1])
    H = tempered(model.oof_decision_, find_temperature(model.oof_decision_, labels, None))
    own = H[np.arange(1000), labels]
    expected = [row[row > p].sum(dtype=float) for row, p in zip(H, own, strict=True)]
    np.testing.assert_allclose(model.set_scores_, np.sort(expected), atol=1e-6)
    assert model.set_scores_.dtype == float
    threshold = half_width(model.set_scores_, 0.9)
    np.testing.assert_array_equal(
        model.predict_set(X), more_probable(model.predict_proba(X)) <= threshold
    )


def test_rows_that_were_not_predicted_and_those_without_weight_do_not_count():
    X, y = classes(300)
    model = TabularClassifier(**SMALL).fit(X, y, time=np.arange(300))
    known = np.isfinite(model.oof_decision_[:, 0])
    assert len(model.set_scores_) == known.sum() < 300
    weights = np.arange(300) % 3 > 0
    model = TabularClassifier(**SMALL).fit(X, y, sample_weight=weights.astype(float))
    assert len(model.set_scores_) == 200
    model = TabularClassifier(**SMALL).fit(X, y, groups=np.arange(300) // 3)
    assert len(model.set_scores_) == 300
    assert model.predict_set(X).any(axis=1).all()


def test_too_few_rows_give_all_classes():
    X, y = classes(40)
    model = TabularClassifier(**SMALL | {"fast": True}).fit(X, y)
    assert len(model.set_scores_) == 7
    with pytest.warns(
        UserWarning, match=r"set of coverage 0\.95 holds all .* needs 19 rows .* are 7, .*0.875"
    ):
        assert model.predict_set(X, 0.95).all()


@pytest.mark.parametrize("coverage", [0, 1, -0.5, 1.5, "0.9", None, float("nan"), [0.9]])
def test_bad_coverage(fitted, coverage):
    model, X, _ = fitted
    with pytest.raises(ValueError, match=r"^coverage must be between 0 and 1, both exclusive, got"):
        model.predict_set(X, coverage)


def test_sets_need_a_fitted_model_and_rows_that_were_left_out():
    X, y = classes(60)
    with pytest.raises(NotFittedError):
        TabularClassifier().predict_set(X)
    model = TabularClassifier(**SMALL | {"fast": True, "validation_fraction": 0.0}).fit(X, y)
    with pytest.raises(ValueError, match="left out of training, but there are none: validation_fr"):
        model.predict_set(X)


def test_saved_models_give_the_same_sets(fitted, tmp_path):
    model, X, _ = fitted
    model.save(tmp_path / "model")
    loaded = load(tmp_path / "model")
    np.testing.assert_array_equal(loaded.predict_set(X, 0.93), model.predict_set(X, 0.93))


@pytest.mark.parametrize(
    "damage",
    [lambda a: a - 1, lambda a: a[::-1], lambda a: a * np.nan],
    ids=["negative", "descending", "nan"],
)
def test_damaged_scores_are_refused(fitted, tmp_path, damage):
    state, arrays = saved_parts(fitted[0])
    arrays["set_scores_"] = damage(arrays["set_scores_"])
    packed = {"class": "TabularClassifier", "state": state}
    content = json.dumps({"version": 2, "model": packed, "notes": {}})
    whole = {name: np.ascontiguousarray(array) for name, array in arrays.items()}
    path = tmp_path / "model"
    path.write_bytes(safetensors.numpy.save(whole, {"multilayer": content}))
    with pytest.raises(ModelFileError, match="set_scores_ must be"):
        load(path)


def test_same_bits_for_any_number_of_threads(monkeypatch):
    X, y = classes(200)
    found = set()
    for threads in ("1", "2"):
        monkeypatch.setenv("MULTILAYER_NUM_THREADS", threads)
        model = TabularClassifier(**SMALL).fit(X, y)
        found.add(model.set_scores_.tobytes() + model.predict_set(X, 0.8).tobytes())
    assert len(found) == 1
