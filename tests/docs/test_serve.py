"""examples/serve.py serves a saved model over HTTP."""

import runpy
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from fastapi.testclient import TestClient

from multilayer import TabularClassifier, TabularRegressor

SERVER = Path(__file__).parents[2] / "examples" / "serve.py"


@pytest.fixture(scope="module")
def table():
    rng = np.random.RandomState(0)
    sex = rng.choice(["male", "female"], 200)
    return pl.DataFrame({"sex": sex, "age": rng.uniform(1, 80, 200)})


def client(model, folder, monkeypatch):
    model.save(folder / "model.mlp")
    monkeypatch.setenv("MULTILAYER_MODEL", str(folder / "model.mlp"))
    return TestClient(runpy.run_path(str(SERVER))["app"])


def test_classes(table, tmp_path, monkeypatch):
    y = np.where(table["sex"] == "male", "no", "yes")
    model = TabularClassifier(n_members=1, max_iter=5, random_state=0).fit(table, y)
    there = client(model, tmp_path, monkeypatch)
    rows = table.head(3).to_dicts()
    answer = there.post("/predict", json={"rows": rows}).json()
    assert answer["prediction"] == model.predict(table.head(3)).tolist()
    np.testing.assert_allclose(answer["probabilities"], model.predict_proba(table.head(3)))
    assert answer["classes"] == ["no", "yes"]
    del rows[0]["age"]  # a gap
    assert there.post("/predict", json={"rows": rows}).status_code == 200
    for wrong, message in (
        ([{"sex": "male"}], "X lacks 'age'"),
        ([{"sex": "male", "age": "old"}], "column 'age' must hold numbers"),
        ([], "at least 1 item"),
    ):
        response = there.post("/predict", json={"rows": wrong})
        assert response.status_code == 422
        assert message in response.text


def test_numbers(table, tmp_path, monkeypatch):
    model = TabularRegressor(n_members=1, max_iter=5, random_state=0).fit(table, table["age"])
    there = client(model, tmp_path, monkeypatch)
    answer = there.post("/predict", json={"rows": table.head(2).to_dicts()}).json()
    assert answer == {"prediction": model.predict(table.head(2)).tolist()}
