"""Tables, fitted estimators and model files opened in the playground."""

import io
import json

import numpy as np
import pandas as pd
import polars as pl
import pytest
from comparisons import assert_arrays_equal
from playground_cases import picture
from sklearn.exceptions import NotFittedError

import multilayer
from multilayer import MLPClassifier, MLPRegressor, TableEncoder
from multilayer.playground.data import data_of_arrays
from multilayer.playground.from_estimator import session_factory
from multilayer.playground.page_state import describe_columns
from multilayer.playground.session import Session
from multilayer.playground.settings import Settings
from multilayer.playground.table_columns import input_names
from multilayer.playground.uploads import OpenedTable


def table(rows=40):
    rng = np.random.RandomState(0)
    return pl.DataFrame(
        {
            "age": [None, *rng.uniform(1, 80, rows - 1)],
            "fare": rng.uniform(0, 9, rows),
            "class": rng.choice(["a", "b"], rows),
            "survived": rng.randint(0, 2, rows),
        }
    )


def test_an_uploaded_table(session, tmp_path):
    told = session.read(table().write_csv().encode(), "../../etc/titanic.csv")
    assert told["target"] == "survived"
    assert session.opened.file == "titanic.csv"
    assert [one["kind"] for one in told["columns"]] == ["number", "number", "category", "number"]
    (reply,) = session.handle({"do": "set", "settings": {"data": "table", "target": "survived"}})
    assert reply["columns"] == ["age", "fare"]
    assert reply["classes"] == ["0", "1"]
    (reply,) = session.handle({"do": "set", "settings": {"axes": ["fare", "age"]}})
    assert reply["axes"] == ("fare", "age")
    (reply,) = session.handle({"do": "set", "settings": {"target": "fare"}})
    assert reply["columns"] == ["age", "survived"]
    assert reply["task"] == "regression"
    session.handle({"do": "set", "settings": {"target": "survived"}})
    session.handle({"do": "epoch"})
    path = tmp_path / "m.mlp"
    path.write_bytes(session.model())
    model = multilayer.load(path)
    expected = session.run.estimator.predict(session.run.data.X)
    np.testing.assert_array_equal(model.predict(table().drop("survived")), expected)


def priced(rows=60):
    """A table whose target is a number far from 0: a price."""
    frame = table(rows).drop("survived")
    return frame.with_columns(price=250_000 + 9_000 * pl.col("fare") - 40 * pl.col("fare") ** 2)


def test_numbers_of_a_table_are_shown_in_its_units(session):
    frame = priced()
    session.opened = OpenedTable(frame, "houses.csv")
    (state,) = session.handle({"do": "set", "settings": {"data": "table", "target": "price"}})
    assert state["points"]["label"] == frame["price"].to_list()
    assert state["file"] == "houses.csv"
    for _ in range(20):
        session.handle({"do": "epoch"})
    run, (mean, scale) = session.run, state["unit"]
    predictions = mean + scale * run.estimator.predict(run.data.X)
    facts, _ = picture(session)
    low, high = facts["range"]
    assert 250_000 <= low < high <= 331_000
    errors = (predictions - frame["price"].to_numpy()) ** 2
    assert facts["rmse"] == pytest.approx(np.sqrt(errors[run.data.training].mean()))
    assert facts["test_rmse"] == pytest.approx(np.sqrt(errors[~run.data.training].mean()))
    (told,) = session.handle({"do": "example", "row": 5})
    assert told["truth"] == frame["price"][5]
    assert told["prediction"] == pytest.approx(predictions[5])
    assert told["y"] == [pytest.approx((told["truth"] - mean) / scale)]
    assert told["cost"] == pytest.approx((told["layers"][-1]["a"][0] - told["y"][0]) ** 2 / 2)
    assert [one["cell"] for one in told["inputs"]] == [
        frame["age"][5], frame["fare"][5], *[frame["class"][5]] * 2,
    ]  # fmt: skip
    (told,) = session.handle({"do": "example", "row": 0})
    assert told["inputs"][0]["cell"] is None  # the gap
    (told,) = session.handle({"do": "example", "x": [30, 4]})
    assert [one["cell"] for one in told["inputs"]][:2] == [30, 4]
    assert 200_000 < told["prediction"] < 400_000
    (reply,) = session.handle({"do": "python"})
    assert f"# y is standardised: 'price' = {mean:.6g} + {scale:.6g} y" in reply["code"]


def test_a_model_file_predicts_in_the_units_of_the_table(session, tmp_path):
    frame = priced()
    session.opened = OpenedTable(frame)
    session.handle({"do": "set", "settings": {"data": "table", "target": "price"}})
    session.handle({"do": "epoch"})
    before = [theta.copy() for theta in session.run.thetas]
    path = tmp_path / "m.mlp"
    path.write_bytes(session.model())
    np.testing.assert_array_equal(session.run.thetas[-1], before[-1])  # the run goes on as it was
    unit, run = session.run.data.unit, session.run
    expected = unit.mean + unit.scale * run.estimator.predict(run.data.X)
    np.testing.assert_allclose(multilayer.load(path).predict(frame.drop("price")), expected)
    session.handle({"do": "epoch"})
    session.open_model(path.read_bytes())
    for theta, other in zip(session.run.thetas, before, strict=True):
        np.testing.assert_allclose(theta, other, atol=1e-12)


def test_inputs_are_named_in_words(session):
    rng = np.random.RandomState(0)
    towns = ["Bern", "Rome", None] * 14
    ages = [None, *range(40), None]
    frame = pl.DataFrame({"1": ages, "b": rng.normal(size=42), "town": towns})
    words = pl.Series("word", [f"w{k // 3}" for k in range(42)])
    session.opened = OpenedTable(frame.with_columns(words, y=pl.Series([0, 1] * 21)))
    (state,) = session.handle({"do": "set", "settings": {"data": "table", "target": "y"}})
    assert [name for name in state["inputs"] if not name.startswith("word = ")] == [
        "1", "b", "1 is missing", "town = Bern", "town = Rome", "town is missing",
    ]  # fmt: skip
    assert len(state["inputs"]) == session.run.data.table.encoder.n_features_out
    few = TableEncoder(max_categories=3).fit(frame.with_columns(words))
    assert input_names(few)[-1] == "word = any other"
    assert len(input_names(few)) == few.n_features_out


def test_where_a_target_is_refused_another_one_can_be_chosen(session):
    names = [f"n{k}" for k in range(40)]
    frame = pl.DataFrame({"a": range(40), "b": [k % 7 for k in range(40)], "name": names})
    frame = frame.with_columns(kind=pl.Series([None, "u", "v", "u"] * 10))
    session.opened = OpenedTable(frame, "t.csv")
    told = {"data": "table", "target": "name"}
    (reply,) = session.handle({"do": "set", "settings": told})
    assert reply["say"] == "wrong"
    assert (reply["file"], reply["target"]) == ("t.csv", "name")
    kind = {"name": "kind", "holds": "texts", "distinct": 2, "missing": 10, "examples": ["u", "v"]}
    assert reply["columns"][3] == kind
    assert [one["holds"] for one in reply["columns"]] == ["numbers", "numbers", "texts", "texts"]
    assert session.settings.data == "moons"
    (state,) = session.handle({"do": "set", "settings": told | {"target": "kind"}})
    assert state["classes"] == ["u", "v"]
    assert "columns" not in session.handle({"do": "set", "settings": {"rows": 1}})[0]
    (reply,) = session.handle({"do": "set", "settings": {"target": "name"}})
    assert reply["columns"][3] == kind


def csv(add, **columns):
    frame = pl.DataFrame({"a": np.arange(40) + add, "b": np.arange(40) % 7, **columns})
    return frame.with_columns(y=pl.col("b") % 2).write_csv().encode()


def test_a_second_table_takes_the_place_of_the_first(session):
    """Also where its target has the same name; and Python code names what was trained on."""
    told = {"do": "set", "settings": {"data": "table", "target": "y"}}
    session.read(csv(0), "one.csv")
    session.handle(told)
    session.handle({"do": "epoch"})
    session.read(csv(1000), "two.csv")
    (state,) = session.handle({"do": "set", "settings": {"seed": 1}})  # the page waits for it
    assert state["span"][0] < 40
    assert "file='one.csv'" in session.handle({"do": "python"})[0]["code"]
    (state,) = session.handle(told)
    assert state["span"][0] > 900
    assert "file='two.csv'" in session.handle({"do": "python"})[0]["code"]
    session.read(csv(0, y=["one class"] * 40).replace(b",y\n", b",kind\n"), "three.csv")
    (reply,) = session.handle(told)
    assert reply["say"] == "wrong"
    (state,) = session.handle({"do": "set", "settings": {"seed": 2}})
    assert state["span"][0] > 900
    assert [one["name"] for one in state["table"]["columns"]] == ["a", "b", "y"]
    assert "file='two.csv'" in session.handle({"do": "python"})[0]["code"]
    session.read(csv(2000).replace(b",y\n", b",target\n"), "four.csv")
    (state,) = session.handle({"do": "set", "settings": {"data": "table"}})
    assert state["target"] == "target"


UNUSUAL = {
    "lists": (pl.Series([[1]] * 40), [2, 1]),
    "structs": (pl.Series([{"u": 1}] * 40), [2, 1]),
    "bytes": (pl.Series([b"\xff"] * 40), [2, 1]),
    "large": (pl.Series([2**64 - 1 - k % 2 for k in range(40)], dtype=pl.UInt64), None),
    "gigantic": (pl.Series([2**100 * (k % 3) for k in range(40)], dtype=pl.Int128), [3, 1]),
    "times": (pl.Series(range(40)).cast(pl.Time), None),
    "digits": (pl.Series([f"{k}" + "9" * 400 for k in range(40)]), None),
    "nothing": (pl.Series([None] * 40), [2, 1]),
}


@pytest.mark.parametrize("place", ["c", "y"])
@pytest.mark.parametrize(("column", "ends"), UNUSUAL.values(), ids=UNUSUAL)
def test_columns_of_any_type(session, column, ends, place):
    """They are used, left out or refused in one line; never is the session at its end."""
    frame = pl.DataFrame({"a": range(40), "b": [k % 7 for k in range(40)]})
    frame = frame.with_columns(c=pl.col("a"), y=pl.col("b") % 2).with_columns(column.alias(place))
    file = io.BytesIO()
    frame.write_parquet(file)
    session.read(file.getvalue(), "t.parquet")
    told = json.dumps({"do": "set", "settings": {"data": "table", "target": "y"}})
    reply = json.loads(session.answer(told)[0])
    assert reply["say"] in ("state", "wrong")
    assert "fault of the program" not in reply.get("message", "")
    assert len(describe_columns(frame)) == frame.width
    if place == "c" and ends:
        assert reply["sizes"][:: len(reply["sizes"]) - 1] == ends
    session.handle({"do": "epoch"})
    assert isinstance(session.frame(), bytes)
    assert json.loads(session.answer('{"do": "example", "x": [1, 2]}')[0])["say"] == "example"


@pytest.mark.parametrize(
    ("frame", "message"),
    [
        ({"a": [1.5, 2.0], "b": [2.0, 3.1], "y": ["u", None]}, "at least two rows with a y, got 1"),
        ({"a": range(40), "b": range(40), "y": [f"c{k}" for k in range(40)]}, "20 classes"),
        ({"a": ["u", "v"] * 9, "b": [1, 2] * 9, "y": [0, 1, 1] * 6}, "two columns of numbers"),
        ({"a": [1, 2], "b": [3, 4], "y": ["u", "u"]}, "at least two classes"),
        ({"a": [1, 2], "b": [3, 4], "y": [2.0**99] * 2}, "all rows are 6.338"),
        ({"a": [1, 2] * 9, "b": [3, 4] * 9, "y": [1e308, 0.5] * 9}, "numbers of at most ±3.4e+38"),
        ({"a": range(9999), "b": range(9999), "y": ["u", *["v" * 9000] * 9998]}, "2000 characters"),
    ],
    ids=["one row", "40 classes", "no numbers", "one class", "huge", "too large", "long"],
)  # fmt: skip
def test_tables_that_cannot_be_used(session, frame, message):
    session.opened = OpenedTable(pl.DataFrame(frame))
    (reply,) = session.handle({"do": "set", "settings": {"data": "table", "target": "y"}})
    assert message in reply["message"]
    assert session.settings.data == "moons"


def test_many_rows_are_drawn_as_a_sample():
    rng = np.random.RandomState(0)
    frame = pl.DataFrame(rng.normal(size=(20_000, 2)), schema=["a", "b"])
    frame = frame.with_columns(y=(pl.col("a") > 0).cast(pl.Int64))
    session = Session()
    session.opened = OpenedTable(frame)
    (state,) = session.handle({"do": "set", "settings": {"data": "table", "batch_size": 500}})
    assert len(state["points"]["x"]) == 2000
    assert state["rows"] == {"training": 10_000, "test": 10_000}
    assert state["note"].startswith("2000 of 20000 rows are drawn")
    session.close()


@pytest.mark.parametrize("content", [b"", b"\x00\x01\x02", b"PAR1 but no more"])
def test_a_file_that_is_no_table(session, content):
    with pytest.raises(ValueError, match=r"t\.csv|a table has"):
        session.read(content, "t.csv")


@pytest.mark.parametrize("make", [MLPClassifier, MLPRegressor])
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_a_fitted_estimator_is_opened(make):
    rng = np.random.RandomState(0)
    X = pd.DataFrame(rng.normal(size=(50, 3)), columns=["a", "b", "c"])
    y = (X["a"] > 0).to_numpy() if make is MLPClassifier else (X["a"] * 2).to_numpy()
    model = make(hidden_layer_sizes=(3, 2), alpha=0.3, max_iter=3, random_state=0).fit(X, y)
    session = session_factory(model, X, y)()
    assert session.settings.layers == (3, 2)
    assert session.settings.alpha == 0.3
    assert_arrays_equal(session.run.thetas, model.network_.thetas)
    assert session.state()["axes"] == ("a", "b")
    session.handle({"do": "epoch"})
    assert not np.array_equal(session.run.thetas[0], model.network_.thetas[0])
    session.handle({"do": "reset"})
    np.testing.assert_array_equal(session.run.thetas[0], model.network_.thetas[0])
    (reply,) = session.handle({"do": "python"})
    assert "given by a program" in reply["message"]
    session.close()


def test_what_cannot_be_opened():
    X, y = np.zeros((4, 2)), [0, 1, 0, 1]
    with pytest.raises(NotFittedError):
        session_factory(MLPClassifier(), X, y)
    with pytest.raises(TypeError, match="opens an MLPClassifier or MLPRegressor, got str"):
        session_factory("model", X, y)
    with pytest.raises(ValueError, match="rows go with an estimator"):
        session_factory(None, X, y)
    model = MLPClassifier((2,), solver="lbfgs", max_iter=1, tol=9).fit(X, y)
    with pytest.raises(ValueError, match="X and y go with an estimator"):
        session_factory(model, None, None)
    with pytest.raises(ValueError, match=r"the rows need a network of sizes \(3, 2, 1\)"):
        session_factory(model, np.zeros((4, 3)), y)
    with pytest.raises(ValueError, match="at least two columns"):
        data_of_arrays(Settings(), np.zeros((4, 1)), y)


def test_a_model_file_is_opened(session):
    session.handle({"do": "epoch"})
    content, before = session.model(), [theta.copy() for theta in session.run.thetas]
    session.handle({"do": "set", "settings": {"layers": [2, 2]}})
    session.open_model(content)
    assert session.settings.layers == (4,)
    assert_arrays_equal(session.run.thetas, before)
    with pytest.raises(ValueError, match="model file"):
        session.open_model(b"no model")
    session.handle({"do": "set", "settings": {"data": "iris"}})
    with pytest.raises(ValueError, match="must have 4 inputs and 3 outputs"):
        session.open_model(content)
