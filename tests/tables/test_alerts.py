"""Alerts: what would fool is found, in every kind of table; what would not is left alone."""

import datetime as dt

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from sklearn.datasets import load_breast_cancer, load_diabetes, load_iris, load_wine, make_moons

from multilayer import DataWarning, TabularClassifier, TabularRegressor, find_alerts
from multilayer.selection import compare_baselines

rng = np.random.RandomState(0)
M = 400
NOISE = rng.normal(size=M)
CLASSES = rng.permutation(M) % 2
NUMBERS = 3 * NOISE + rng.normal(size=M)


def kinds(table, y=CLASSES, classes=True):
    """The kinds of the alerts, with the columns."""
    return {(alert.kind, alert.columns) for alert in find_alerts(table, y, classes=classes)}


def frame(**columns):
    return pl.DataFrame({"noise": NOISE} | columns)


@pytest.mark.parametrize(
    ("column", "verb"),
    [
        (np.where(CLASSES, "yes", "no"), "determines"),
        (CLASSES * 7.0, "determines"),
        (CLASSES.astype(bool), "determines"),
        (CLASSES + rng.normal(scale=0.01, size=M), "determines"),
        (np.where(np.arange(M) == 7, 1 - CLASSES, CLASSES), "almost determines"),
        ([None if c else 3.0 for c in CLASSES], "determines"),  # only its gaps tell
        ([dt.date(2020, 1 + c, 1 + i % 28) for i, c in enumerate(CLASSES)], "determines"),
    ],
    ids=["texts", "numbers", "booleans", "noisy", "one row differs", "gaps", "dates"],
)
def test_a_column_that_tells_the_class(column, verb):
    (alert,) = [a for a in find_alerts(frame(leak=column), CLASSES, classes=True) if a.serious]
    assert alert.kind == "leak"
    assert alert.columns == ("leak",)
    assert f"Column 'leak' {verb} the target" in alert.message


@pytest.mark.parametrize(
    "column",
    [
        NUMBERS + rng.normal(scale=0.01, size=M),
        np.exp(-NUMBERS),
        [f"{y:.0f}" for y in np.clip(NUMBERS, -5, 5)],
    ],
    ids=["noisy", "not linear", "texts"],
)
def test_a_column_that_tells_the_number(column):
    y = np.clip(np.round(NUMBERS), -5, 5) if isinstance(column, list) else NUMBERS
    assert ("leak", ("leak",)) in kinds(frame(leak=column), y, classes=False)


def test_a_leak_is_found_in_a_file_sorted_by_the_target_but_a_constant_is_none():
    order = np.argsort(CLASSES, kind="stable")
    rare = np.where(np.arange(M) < 3, 1.0, 0.0)
    assert ("leak", ("rare",)) not in kinds(frame(rare=rare), CLASSES[order])
    assert ("leak", ("row",)) in kinds(frame(row=np.arange(M)), CLASSES[order])


@pytest.mark.parametrize(
    "make", [pl.DataFrame, pd.DataFrame, pa.table], ids=["polars", "pandas", "pyarrow"]
)
def test_every_kind_of_dataframe(make):
    columns = {
        "noise": NOISE.tolist(),
        "alive": ["yes" if c else "no" for c in CLASSES],
        "id": list(range(M)),
    }
    assert kinds(make(columns)) == {("leak", ("alive",)), ("identifier", ("id",))}


def test_every_index_and_name_of_a_pandas_frame():
    twice = np.r_[np.arange(M), np.arange(40)]
    table = pd.DataFrame({0: NOISE, "y": NUMBERS, "kind": pd.Categorical(CLASSES)}).iloc[twice]
    table["when"] = pd.Timestamp("2020-01-01") + pd.to_timedelta(twice, unit="h")
    y = rng.permutation(M)[twice] % 2
    assert kinds(table, y) == {("duplicates", ())}
    assert kinds(table.set_axis([0, 1, 2, 3], axis=1), y) == {("duplicates", ())}


def test_arrays_have_the_names_that_the_encoder_gives_their_columns():
    table = np.column_stack([NOISE, CLASSES + 0.0, np.arange(M)])
    assert kinds(table) == {("leak", ("x1",)), ("identifier", ("x2",))}


@pytest.mark.parametrize(
    ("name", "column", "found"),
    [
        ("order", rng.permutation(M) + 5000, True),
        ("PassengerId", rng.permutation(10**6)[:M], True),
        ("stamp", np.arange(M) ** 2, True),
        ("income", rng.permutation(10**6)[:M], False),
        ("share", np.arange(M) / 7, False),
        ("id", rng.randint(5, size=M), False),
    ],
)
def test_numbers_that_are_identifiers(name, column, found):
    assert (("identifier", (name,)) in kinds(frame(**{name: column}))) == found


def test_texts_that_are_identifiers_are_a_remark_since_they_are_left_out():
    alerts = find_alerts(frame(name=[f"person {i}" for i in range(M)]), CLASSES, classes=True)
    assert [(a.kind, a.columns, a.serious) for a in alerts] == [("identifier", ("name",), False)]


@pytest.mark.parametrize(
    "make",
    [pl.DataFrame.clone, pl.DataFrame.to_pandas, pl.DataFrame.to_numpy],
    ids=["polars", "pandas", "array"],
)
def test_duplicated_rows_are_counted_whatever_number_they_have(make):
    twice = np.r_[np.arange(M), np.arange(30)]
    table = pl.DataFrame({"noise": NOISE[twice], "other": NUMBERS[twice], "row": range(M + 30)})
    (alert,) = [a for a in find_alerts(make(table), CLASSES[twice], classes=True) if not a.columns]
    assert alert.kind == "duplicates"
    assert "30 of 430 rows" in alert.message


def test_rows_of_few_values_repeat_each_other_by_chance():
    table = pl.DataFrame({"a": rng.randint(3, size=M), "b": rng.randint(4, size=M)})
    assert kinds(table) == set()


def test_rows_with_the_same_inputs_but_another_target_are_no_duplicates():
    twice = np.r_[np.arange(M), np.arange(30)]
    y = np.r_[CLASSES, 1 - CLASSES[:30]]
    table = pl.DataFrame({"noise": NOISE[twice], "other": NUMBERS[twice]})
    assert kinds(table, y) == set()


def test_imbalance_names_the_rare_class():
    y = np.array(["common"] * (M - 8) + ["rare"] * 8)
    (alert,) = find_alerts(frame(), y, classes=True, target="kind")
    assert alert.kind == "imbalance"
    assert "'kind'" in alert.message
    assert "'rare' has 8 of 400 rows (2 %)" in alert.message


def test_gaps_and_constants_are_remarks():
    table = frame(
        gaps=[None] * 250 + NOISE[250:].tolist(),
        constant=["same"] * M,
        empty=[None] * M,
        nearly=[1.0] * 397 + [2.0, 3.0, 4.0],
    )
    assert kinds(table) == {
        ("gaps", ("gaps",)),
        ("constant", ("constant", "empty")),
        ("constant", ("nearly",)),
    }
    assert not any(alert.serious for alert in find_alerts(table, CLASSES, classes=True))


@pytest.mark.parametrize("days", [range(M), range(M, 0, -1)])
def test_dates_in_order(days):
    dates = [dt.date(2020, 1, 1) + dt.timedelta(days=day) for day in days]
    assert kinds(frame(day=dates)) == {("order", ("day",))}
    (alert,) = find_alerts(frame(day=dates), CLASSES, classes=True)
    assert str(alert).endswith("as the time of the rows: fit(X, y, time='day').")
    assert kinds(frame(day=rng.permutation(dates))) == set()


@pytest.mark.parametrize("m", [1, 2, 3, 19, 20, 49])
def test_few_rows(m):
    table = pl.DataFrame({"a": NOISE[:m], "b": NUMBERS[:m]})
    alerts = find_alerts(table, NUMBERS[:m] ** 2, classes=False)
    assert [alert.kind for alert in alerts] == ["few rows"]
    assert f"only {m} row" in alerts[0].message


@pytest.mark.parametrize("load", [load_iris, load_wine, load_breast_cancer, load_diabetes])
def test_known_tables_without_faults_raise_no_alarm(load):
    X, y = load(return_X_y=True, as_frame=True)
    serious = [a for a in find_alerts(X, y, classes=load is not load_diabetes) if a.serious]
    assert [a.kind for a in serious] in ([], ["duplicates"])


def test_of_very_many_rows_some_are_examined_and_all_counted():
    many = 30_000
    y = rng.randint(2, size=many)
    rows = np.r_[np.arange(many - 600), np.arange(600)]
    table = pl.DataFrame({"a": rng.normal(size=many)[rows], "leak": np.where(y, "a", "b")[rows]})
    found = find_alerts(table, y[rows], classes=True)
    assert {alert.kind for alert in found} == {"leak", "duplicates"}
    assert "600 of 30000" in str(found)
    assert str(found) == str(find_alerts(table, y[rows], classes=True))


def test_columns_that_cannot_be_encoded_are_passed_over():
    table = pl.DataFrame({"noise": NOISE, "lists": [[1, 2]] * M, "bytes": [b"a"] * M})
    assert kinds(table) == set()


def test_one_column_alone_may_tell_everything():
    assert kinds(pl.DataFrame({"x": CLASSES * 1.0})) == set()


@pytest.mark.parametrize("numbers", [False, True])
def test_estimators_warn_once(numbers):
    y = NUMBERS if numbers else CLASSES
    table = frame(leak=y * 2.0)
    model = (TabularRegressor if numbers else TabularClassifier)(fast=True, max_iter=1)
    with pytest.warns(DataWarning, match="'leak' .*determines the target") as caught:
        model.fit(table, y)
    assert len(caught) == 1
    assert caught[0].filename == __file__
    with pytest.warns(DataWarning, match="'leak' .*determines the target") as caught:
        model.fit(table, y, X_val=table[:50], y_val=y[:50])
    assert len(caught) == 1


@pytest.mark.filterwarnings("error::multilayer.tables.DataWarning")
def test_estimators_do_not_warn_of_an_honest_table():
    TabularClassifier(fast=True, max_iter=1).fit(*make_moons(200, noise=0.3, random_state=0))


def test_the_comparison_warns_once():
    table, y = frame(leak=CLASSES * 2.0)[:60], CLASSES[:60]
    with pytest.warns(DataWarning, match="'leak' determines the target") as caught:
        compare_baselines(table, y, cv=2, random_state=0, time_limit=1e-9)
    assert len(caught) == 1
    assert caught[0].filename == __file__


def visits(n_patients, n_visits, rng):
    patients = np.repeat(np.arange(n_patients), n_visits)
    order = rng.permutation(len(patients))
    return patients[order], rng.randint(2, size=len(patients))


@pytest.mark.parametrize(
    ("n_patients", "n_visits", "name", "texts", "told"),
    [
        (60, 3, "patient", True, True),
        (60, 3, "patient_id", False, True),
        (60, 3, "pressure", False, False),  # numbers, which may well repeat
        (10, 30, "town", True, False),  # categories with many rows each
        (8000, 4, "patient", True, True),  # few repeat among the rows that are examined
        (8000, 4, "patient_id", False, True),
    ],
)
def test_what_may_be_groups_is_named(n_patients, n_visits, name, texts, told, rng):
    patients, y = visits(n_patients, n_visits, rng)
    column = [f"P{patient}" for patient in patients] if texts else 7 * patients + 3
    table = pl.DataFrame({name: column, "x": rng.randn(len(y))})
    found = {alert.kind: alert for alert in find_alerts(table, y, classes=True)}
    assert ("groups" in found) == told
    assert "identifier" not in found
    if told:
        assert found["groups"].columns == (name,)
        assert f"holds {n_patients} values, with {n_visits} rows each" in found["groups"].message
        assert not found["groups"].serious
        assert str(found["groups"]).endswith(f"otherwise: fit(X, y, groups={name!r}).")


@pytest.mark.parametrize(
    "make", [pl.Series, np.array, pd.Series], ids=["polars", "numpy", "pandas"]
)
def test_an_identifier_of_very_many_rows_is_found(make, rng):
    values = make(3 * np.arange(20_000) + 5)
    table = np.column_stack([values, rng.randn(20_000)])
    if make is not np.array:
        table = {pl.Series: pl.DataFrame, pd.Series: pd.DataFrame}[make]({"id": values, "x": 0.5})
    found = find_alerts(table, rng.randint(2, size=20_000), classes=True)
    assert [alert.kind for alert in found if alert.serious] == ["identifier"]
