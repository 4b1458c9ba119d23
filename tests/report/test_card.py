"""The model card."""

import hashlib

import numpy as np
import pandas as pd
import polars as pl
import pytest

from multilayer import MLPClassifier
from multilayer.report.card import BLANKS, card, hash_of_data, today
from multilayer.report.evaluation import evaluate
from multilayer.report.table import Table

COLUMNS = {"x": [0.5, None, 2.0], "town": ["Bern", None, "Rome"], "flag": [True, False, True]}


def test_the_hash_is_the_same_for_every_library_of_dataframes():
    truth = np.array([0, 1, 1])
    of_polars = hash_of_data(Table(pl.DataFrame(COLUMNS)), truth)
    assert hash_of_data(Table(pd.DataFrame(COLUMNS)), truth) == of_polars
    assert hash_of_data(Table(pl.DataFrame(COLUMNS).to_arrow()), truth) == of_polars


@pytest.mark.parametrize(
    "change",
    [{"x": [0.5, None, 3.0]}, {"town": ["Bern", "", "Rome"]}, {"town": ["BernRome", None, ""]}],
)
def test_another_cell_is_another_hash(change):
    truth = np.array([0, 1, 1])
    of_table = hash_of_data(Table(pl.DataFrame(COLUMNS)), truth)
    assert hash_of_data(Table(pl.DataFrame(COLUMNS | change)), truth) != of_table
    assert hash_of_data(Table(pl.DataFrame(COLUMNS)), np.array([0, 1, 0])) != of_table


def test_the_date_may_be_set(monkeypatch):
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "86400")
    assert today() == "1970-01-02"
    monkeypatch.delenv("SOURCE_DATE_EPOCH")
    assert today() > "2025"


def test_facts_of_a_model(rng, tmp_path):
    X, y = rng.normal(size=(30, 2)), rng.randint(2, size=30)
    model = MLPClassifier((), solver="lbfgs", max_iter=5, tol=9, random_state=7).fit(X, y)
    path = tmp_path / "model.mlp"
    model.save(path)
    section = card(evaluate(model, X, y, None, target="late"), str(path))
    facts, settings, made = (dict(listing.rows) for listing in section.listings)
    assert facts["target"] == "late"
    assert facts["SHA-256 of the model file"] == hashlib.sha256(path.read_bytes()).hexdigest()
    assert settings["random seed"] == "7"
    assert settings["max_iter"] == "5"
    assert made["multilayer"]
    assert section.blanks == BLANKS
    gone = dict(card(evaluate(model, X, y, None), "gone.mlp").listings[0].rows)
    assert gone["model file"] == "gone.mlp"
    assert "SHA-256 of the model file" not in gone
