"""Saved models: they load as they were, and damaged files never crash."""

from __future__ import annotations

import contextlib
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sklearn.pipeline import Pipeline

import multilayer as ml

rng = np.random.default_rng(0)
X = rng.normal(size=(40, 3)).astype(np.float32)
y = np.where(X[:, 0] > 0, "yes", "no")
TABLE = pd.DataFrame({"a": X[:, 0], "b": np.where(X[:, 1] > 0, "left", "right"), "c": X[:, 2]})

shape = {"hidden_layer_sizes": (4,), "solver": "lbfgs", "max_iter": 20, "random_state": 0}
MODELS = {
    "network": (ml.Network((3, 4, 2), "relu", "softmax", random_state=0), X),
    "classifier": (ml.MLPClassifier(**shape, tol=1e3).fit(X, y), X),
    "regressor": (ml.MLPRegressor(**shape, tol=1e3).fit(X, X[:, :2]), X),
    "pipeline": (
        Pipeline(
            [("encoder", ml.TableEncoder()), ("network", ml.MLPClassifier(**shape, tol=1e3))]
        ).fit(TABLE, y),
        TABLE,
    ),
}


@pytest.fixture(params=MODELS)
def case(request):
    return MODELS[request.param]


def test_same_predictions_after_a_round_trip(case, tmp_path):
    model, rows = case
    ml.save(model, tmp_path / "model.mlp")
    loaded = ml.load(tmp_path / "model.mlp")
    assert type(loaded) is type(model)
    np.testing.assert_array_equal(loaded.predict(rows), model.predict(rows))
    if hasattr(model, "predict_proba"):
        np.testing.assert_array_equal(loaded.predict_proba(rows), model.predict_proba(rows))


def test_saving_again_gives_the_same_bytes(case, tmp_path):
    first, second = tmp_path / "first.mlp", tmp_path / "second.mlp"
    ml.save(case[0], first)
    ml.save(ml.load(first), second)
    assert first.read_bytes() == second.read_bytes()


def test_a_fresh_process_loads_them(tmp_path):
    for name, (model, _) in MODELS.items():
        ml.save(model, tmp_path / name)
    code = (
        "import sys, multilayer; print(*(type(multilayer.load(p)).__name__ for p in sys.argv[1:]))"
    )
    printed = subprocess.check_output(
        [sys.executable, "-c", code, *MODELS], cwd=tmp_path, text=True
    )
    assert printed.split() == [type(model).__name__ for model, _ in MODELS.values()]


@pytest.mark.filterwarnings("ignore::RuntimeWarning")  # a damaged number may be too large
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=100)
@given(st.data())
def test_a_damaged_file_gives_an_error_or_a_model_that_predicts(case, tmp_path, data):
    model, rows = case
    good, path = tmp_path / "good.mlp", tmp_path / "model.mlp"
    if not good.exists():
        ml.save(model, good)
    damaged = bytearray(good.read_bytes())
    header = 8 + int.from_bytes(damaged[:8], "little")  # where damage does more than change Θ
    for _ in range(data.draw(st.integers(1, 2))):
        place = data.draw(st.integers(0, header - 1) | st.integers(header, len(damaged) - 1))
        damaged[place] = data.draw(st.integers(32, 126) | st.integers(0, 255))
    path.write_bytes(damaged)
    try:
        loaded = ml.load(path)
    except ml.ModelFileError:
        return
    # A file may have become another model in order, such as one fitted on a column of other name.
    with contextlib.suppress(ValueError):
        assert len(loaded.predict(rows)) == len(rows)
