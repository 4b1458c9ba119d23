"""The playground behind its page: what is set is what is trained, and Python that does the same."""

import itertools
import json
import struct
import time

import numpy as np
import pandas as pd
import polars as pl
import pytest
from comparisons import assert_arrays_equal
from sklearn.exceptions import NotFittedError

import multilayer
from multilayer import MLPClassifier, MLPRegressor
from multilayer.playground import load_data
from multilayer.playground.data import data_of, data_of_arrays
from multilayer.playground.from_estimator import maker
from multilayer.playground.images import Plane
from multilayer.playground.python_code import python_of
from multilayer.playground.session import ProtocolError, Session
from multilayer.playground.settings import DATA, Settings, changed
from multilayer.playground.training_run import Run
from multilayer.playground.worked_example import walk

SMALL = {"rows": 60, "layers": [4], "batch_size": 8}
MADE = [name for group in ("classes", "numbers", "bundled") for name in DATA[group]]


def settings(**changes):
    return changed(Settings(), SMALL | changes)


def run_of(**changes):
    chosen = settings(**changes)
    return Run(chosen, data_of(chosen))


@pytest.fixture
def session():
    session = Session(settings())
    yield session
    session.close()


def picture(session):
    """Read a frame as the page does."""
    frame = session.frame()
    assert frame is not None
    length = struct.unpack("<I", frame[:4])[0]
    facts = json.loads(frame[4 : 4 + length])
    at, arrays = 4 + length + -(4 + length) % 4, {}
    for one in facts["arrays"]:
        dtype, count = np.dtype("<f4" if one["type"] == "f4" else "u1"), int(np.prod(one["shape"]))
        arrays[one["name"]] = np.frombuffer(frame, dtype, count, at).reshape(one["shape"])
        at += -(-count * dtype.itemsize // 4) * 4
    assert at == len(frame)
    session.handle({"do": "seen", "frame": facts["frame"]})
    return facts, arrays


@pytest.mark.parametrize("name", MADE)
def test_every_data_set_trains(name):
    run = run_of(data=name)
    before = run.latest.cost
    run.go_on(5)
    assert run.note().cost < before
    assert run.data.training.sum() + len(run.labels[1]) == len(run.data.X)
    points = run.data.xy[:3]
    assert run.data.encode(points).shape == (3, run.data.X.shape[1])
    arrays, _ = Plane(run.data).draw(run.network, run.thetas)
    assert arrays["output"].shape == (
        max(1, len(run.data.classes) * (len(run.data.classes) > 2)),
        100,
        100,
    )


def test_the_same_seed_gives_the_same_rows_and_another_others():
    X, *_ = load_data("spiral", rows=50)
    again, *_ = load_data("spiral", rows=50)
    other, *_ = load_data("spiral", rows=50, data_seed=1)
    np.testing.assert_array_equal(X, again)
    assert not np.array_equal(X, other)


def test_features_of_the_plane():
    run = run_of(data="xor", features=["x1*x2", "x1", "sin(x2)"])
    assert run.data.inputs == ["x1", "x1*x2", "sin(x2)"]
    x1, x2 = run.data.xy.T
    np.testing.assert_array_equal(run.data.X, np.column_stack([x1, x1 * x2, np.sin(x2)]))


# What was done, as Python

ACTS = {
    "as it is": [],
    "faster": [("change", {"learning_rate_init": 0.05, "alpha": 0.1}), ("go_on", 3)],
    "another activation": [("change", {"activation": ["relu"]}), ("go_on", 2)],
    "another solver": [("change", {"solver": "sgd", "momentum": 0.5}), ("go_on", 2)],
    "one batch": [("step",), ("step",), ("go_on", 2)],
    "all batches": [("step",)] * 5,
    "a weight": [("set_weight", 1, 2, 0, 0.5), ("set_weight", 2, 0, 1, -1.0), ("go_on", 2)],
    "dropout in mid-run": [("change", {"dropout": 0.2}), ("go_on", 2)],
    "invscaling": [("change", {"solver": "sgd", "learning_rate": "invscaling"}), ("go_on", 3)],
}
STARTS = {
    "moons": {},
    "softmax": {"data": "blobs3", "dropout": 0.1},
    "numbers": {"data": "hill", "activation": ["tanh"]},
    "no hidden layer": {"layers": []},
    "zeros": {"initializer": "zeros", "layers": [3, 2], "solver": "gd"},
    "features": {"data": "circles", "features": ["x1^2", "x2^2"], "training_share": 0.8},
    "bundled": {"data": "iris"},
    "softmax of two": {"output_activation": "softmax"},
    "sigmoid units of three": {"data": "blobs3", "output_activation": "logistic"},
    "zeros of softmax": {"output_activation": "softmax", "initializer": "zeros"},
}


def repeated(code):
    names = {}
    exec(code, names)
    return names["model"]


@pytest.mark.parametrize("acts", ACTS.values(), ids=ACTS)
@pytest.mark.parametrize("first", [True, False], ids=["at once", "later"])
def test_copied_python_gives_the_same_bits(acts, first, capsys):
    run = run_of()
    if not first:
        run.go_on(4)
    for name, *given in acts:
        if name == "change":
            given = [changed(run.settings, given[0])]
        getattr(run, name)(*given)
    model = repeated(python_of(run))
    assert model.network_.hidden == run.network.hidden
    assert_arrays_equal(run.thetas, model.network_.thetas)
    assert run.training.state.history.costs == getattr(model, "loss_curve_", [])
    assert f"{run.note().test_score:.3f} on the test rows" in capsys.readouterr().out


@pytest.mark.parametrize("start", STARTS.values(), ids=STARTS)
def test_copied_python_of_every_kind_of_start(start):
    run = run_of(**start)
    run.go_on(3)
    arrays, _ = Plane(run.data).draw(run.network, run.thetas)
    assert len(arrays["output"]) == (len(run.data.classes) if len(run.data.classes) > 2 else 1)
    assert walk(run, row=0)["check"]["error"] < 1e-5
    model = repeated(python_of(run))
    assert model.loss_curve_ == run.training.state.history.costs


def test_copied_python_of_points_and_tables(tmp_path, monkeypatch):
    points = [[0, 0, 0], [1, 1, 1], [0, 1, 2], [1, 0, 0], [0.5, 1, 1], [0.1, 1, 2]]
    chosen = settings(data="points", training_share=0.6)
    run = Run(chosen, data_of(chosen, points=points))
    run.go_on(2)
    assert repeated(python_of(run, points)).loss_curve_ == run.training.state.history.costs
    frame = pl.DataFrame(
        {
            "a": range(40),
            "b": [k * k % 7 for k in range(40)],
            "c": ["u", "v"] * 20,
            "y": ["no", "yes", "yes", "no"] * 10,
        }
    )
    frame.write_csv(tmp_path / "t.csv")
    monkeypatch.chdir(tmp_path)
    chosen = settings(data="table", target="y")
    run = Run(chosen, data_of(chosen, frame))
    run.go_on(2)
    model = repeated(python_of(run, file="t.csv"))
    assert model.loss_curve_ == run.training.state.history.costs
    assert model.classes_.tolist() == ["no", "yes"]


def test_layers_that_keep_their_shape_keep_their_weights(session):
    session.handle({"do": "set", "settings": {"layers": [4, 3], "activation": ["tanh", "relu"]}})
    session.handle({"do": "epoch"})
    before = [theta.copy() for theta in session.run.thetas]
    session.handle({"do": "set", "settings": {"layers": [4, 2]}})
    np.testing.assert_array_equal(session.run.thetas[0], before[0])
    assert session.run.network.sizes == (2, 4, 2, 1)
    session.handle({"do": "epoch"})
    (reply,) = session.handle({"do": "python"})
    assert repeated(reply["code"]).loss_curve_ == session.run.training.state.history.costs


# Messages


def test_play_pause_and_frames(session):
    facts, arrays = picture(session)
    assert facts["status"] == "paused"
    assert facts["epoch"] == 0
    assert session.frame() is None  # nothing is new
    session.handle({"do": "play"})
    begun = time.monotonic()
    while session.run.epoch < 20 and time.monotonic() - begun < 20:
        time.sleep(0.01)
    facts, arrays = picture(session)
    assert facts["epoch"] >= 20
    assert arrays["theta1"].shape == (4, 3)
    assert arrays["unit0"].shape == (2, 40, 40)
    assert arrays["unit1"].shape == (4, 40, 40)
    assert (arrays["unit0"][0] == arrays["unit0"][0, :1]).all()  # x1 grows to the right
    assert arrays["unit0"][1, 0, 0] == 0  # the first row is the lowest
    assert arrays["unit0"][1, -1, 0] == 255
    session.handle({"do": "pause"})
    epoch = session.run.epoch
    time.sleep(0.05)
    assert session.run.epoch == epoch
    assert len(facts["curve"]["cost"]) == len(facts["moments"])
    assert np.sum(facts["confusion"]) == 30


def test_a_step_at_a_time(session):
    session.handle({"do": "speed", "steps": 200})
    session.handle({"do": "play"})
    begun = time.monotonic()
    while len(session.run.events) < 3 and time.monotonic() - begun < 20:
        time.sleep(0.01)
    session.handle({"do": "pause"})
    assert session.run.events[:2] == [("step", 0, 8), ("step", 8, 16)]
    assert 0 < session.run.epoch < 30


def test_no_picture_before_the_last_was_seen(session):
    assert session.frame() is not None
    session.handle({"do": "epoch"})
    assert session.frame() is None
    session.handle({"do": "seen", "frame": 1})
    assert session.frame() is not None


def test_the_picture_is_what_the_network_says(session):
    session.handle({"do": "set", "settings": {"data": "blobs3"}})
    session.handle({"do": "epoch"})
    _, arrays = picture(session)
    run = session.run
    x1, x2 = (np.linspace(low, high, 100) for low, high in np.reshape(run.data.span, (2, 2)))
    H = run.estimator.predict_proba([[x1[70], x2[20]]])[0]
    np.testing.assert_allclose(arrays["output"][:, 20, 70] / 255, H, atol=1 / 255)
    assert arrays["label"][20, 70] == H.argmax()


def test_history_and_comparison(session):
    for _ in range(5):
        session.handle({"do": "epoch"})
    now, then = picture(session)[0], None
    session.handle({"do": "history", "at": 1})
    then = picture(session)[0]
    assert then["epoch"] == 1
    assert then["cost"] == now["curve"]["cost"][1] != now["cost"]
    session.handle({"do": "history", "at": None})
    assert picture(session)[0]["cost"] == now["cost"]
    session.handle({"do": "compare", "on": True})
    facts, arrays = picture(session)
    np.testing.assert_array_equal(arrays["compared"], arrays["output"])
    session.handle({"do": "epoch"})
    later, drawn = picture(session)
    np.testing.assert_array_equal(drawn["compared"], arrays["compared"])
    assert later["compared"] == facts["compared"]
    session.handle({"do": "compare", "on": False})
    assert "compared" not in picture(session)[1]


def test_of_a_long_run_at_most_300_moments_are_kept():
    run = run_of(rows=10, batch_size=5)
    for _ in range(1000):
        run.go_on(1)
        run.note()
    epochs = [moment.epoch for moment in run.moments]
    assert 100 < len(epochs) <= 300
    assert epochs[0] == 0
    steps = np.diff(epochs)
    assert steps.min() > 0
    assert steps.max() <= 4 * steps.min()


@pytest.mark.parametrize(
    ("said", "message"),
    [
        ({"do": "set", "settings": {"rows": 5}}, "rows must be a number from 10 to 5000, got 5"),
        ({"do": "set", "settings": {"rows": 20.5}}, "rows must be a whole number"),
        ({"do": "set", "settings": {"noise": float("nan")}}, "noise must be a number"),
        ({"do": "set", "settings": {"noise": "a"}}, "noise must be a number"),
        ({"do": "set", "settings": {"seed": True}}, "seed must be a number"),
        ({"do": "set", "settings": {"layers": [0]}}, "a layer must have 1 to 256 units, got 0"),
        ({"do": "set", "settings": {"layers": [3] * 9}}, "layers must be at most 8, got 9"),
        ({"do": "set", "settings": {"layers": 3}}, "layers must be a list, got 3"),
        ({"do": "set", "settings": {"activation": ["no"]}}, "activation must be one of identity"),
        ({"do": "set", "settings": {"solver": "lbfgs"}}, "solver must be one of gd"),
        ({"do": "set", "settings": {"features": []}}, "features must be one at least"),
        ({"do": "set", "settings": {"data": "sun"}}, "data must be one of moons"),
        ({"do": "set", "settings": {"data": "table"}}, "open a file first"),
        ({"do": "set", "settings": {"data": "points"}}, "two points at least"),
        ({"do": "set", "settings": {"data": "given"}}, "no rows were given"),
        ({"do": "set", "settings": {"axes": ["a"]}}, "axes must be the names of two columns"),
        ({"do": "set", "settings": {"colour": 1}}, "there is no setting 'colour'"),
        ({"do": "set", "settings": [1]}, "settings must be an object"),
        ({"do": "set"}, "settings must be an object"),
        ({"do": "weight", "layer": 3, "to": 0, "from": 0, "value": 1}, "layer must be a number"),
        ({"do": "weight", "layer": 1, "to": 4, "from": 0, "value": 1}, "to must be a number"),
        ({"do": "weight", "layer": 1, "to": 0, "from": 0, "value": None}, "value must be a number"),
        ({"do": "example", "row": 60}, "row must be a number from 0 to 59, got 60"),
        ({"do": "example"}, "row must be a number"),
        ({"do": "example", "x": [1]}, "x must be two numbers"),
        ({"do": "history", "at": 1}, "at must be a number from 0 to 0"),
        ({"do": "points", "points": [[1, 2, 0], [1, "a", 1]]}, "a point must be three numbers"),
        ({"do": "points", "points": [[1, 2, 0], [1, 1e9, 1]]}, "within 1e6 of 0"),
        ({"do": "points", "points": [[1, 2, 0], [1, 3, 0]]}, "two classes at least"),
        ({"do": "speed", "epochs": -1}, "epochs must be a number from 0"),
    ],
    ids=itertools.count(),
)  # fmt: skip
def test_what_is_wrong_is_told_and_changes_nothing(session, said, message):
    before = session.settings, session.run, session.points
    (reply,) = session.handle(said)
    assert reply["say"] == "wrong"
    assert message in reply["message"]
    assert (session.settings, session.run, session.points) == before


@pytest.mark.parametrize(
    "said", [None, 1, "play", [], {}, {"do": 1}, {"do": "fly"}, {"do": "_set"}]
)
def test_what_is_no_message_ends_the_talk(session, said):
    with pytest.raises(ProtocolError):
        session.handle(said)


def test_a_learning_rate_of_a_million_is_explained(session):
    session.handle({"do": "set", "settings": {"learning_rate_init": 1e6, "solver": "sgd"}})
    for _ in range(3):
        session.handle({"do": "epoch"})
    facts, _ = picture(session)
    (advice, *_) = facts["advice"]
    assert advice["what"] == "diverged"
    assert advice["mend"]["learning_rate_init"] == 1e5


@pytest.mark.parametrize(
    ("changes", "epochs", "what"),
    [
        ({"initializer": "zeros", "layers": [3], "activation": ["logistic"]}, 3, "symmetry"),
        ({"layers": [4], "activation": ["relu"]}, 0, "dead"),
        ({"layers": [32, 32], "noise": 0.5, "learning_rate_init": 0.02}, 300, "overfits"),
        ({"layers": [], "data": "xor"}, 150, "underfits"),
        ({"learning_rate_init": 1e-6}, 40, "slow"),
    ],
    ids=["symmetry", "dead", "overfits", "underfits", "slow"],
)  # fmt: skip
def test_advice(session, changes, epochs, what):
    session.handle({"do": "set", "settings": changes})
    if what == "dead":
        for unit in range(4):
            session.handle({"do": "weight", "layer": 1, "to": unit, "from": 0, "value": -99})
    for _ in range(epochs // 50 + 1):
        session.run.go_on(min(epochs, 50))
        session.run.note()
    session.changes += 1
    found = {one["what"]: one["mend"] for one in picture(session)[0]["advice"]}
    assert what in found
    (reply,) = session.handle({"do": "set", "settings": found[what]})
    assert reply["say"] == "state"


@pytest.mark.parametrize("data", ["moons", "blobs3", "hill"])
@pytest.mark.parametrize("alpha", [0.0, 0.5])
def test_a_walk_through_one_example_is_backpropagation(data, alpha):
    run = run_of(data=data, alpha=alpha, layers=[4, 3])
    run.go_on(2)
    told = walk(run, row=3)
    assert told["check"]["error"] < 1e-6
    assert json.dumps(told, allow_nan=False)
    for layer, theta in zip(told["layers"], run.thetas, strict=True):
        np.testing.assert_array_equal(layer["theta"], theta)
    # ∂J/∂Θ = δ [1; a]ᵀ + λ Θ
    a = [1.0, *(one["value"] for one in told["inputs"])]
    for layer in told["layers"]:
        expected = np.outer(layer["delta"], a)
        expected[:, 1:] += alpha * np.array(layer["theta"])[:, 1:]
        np.testing.assert_allclose(layer["gradient"], expected, atol=1e-12)
        np.testing.assert_allclose(layer["z"], np.array(layer["theta"]) @ a, atol=1e-12)
        a = [1.0, *layer["a"]]
    assert (told["penalty"] > 0) == (alpha > 0)
    assert "as predicted" in str(walk(run, x=[0.1, 0.2])["truth"])


def test_a_diverged_network_is_not_followed(session):
    session.handle({"do": "set", "settings": {"data": "hill", "activation": ["relu"]}})
    for layer, unit in ((1, 0), (1, 1), (2, 0)):
        session.run.thetas[layer - 1][unit] = 1e200
    (reply,) = session.handle({"do": "example", "row": 0})
    assert "too large to be followed" in reply["message"]


# Tables


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


def test_a_table_of_ones_own(session, tmp_path):
    told = session.read(table().write_csv().encode(), "../../etc/titanic.csv")
    assert told["target"] == "survived"
    assert session.file == "titanic.csv"
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


@pytest.mark.parametrize(
    ("frame", "message"),
    [
        ({"a": [1.5, 2.0], "b": [2.0, 3.1], "y": ["u", None]}, "rows with a y at least, got 1"),
        ({"a": range(40), "b": range(40), "y": [f"c{k}" for k in range(40)]}, "20 classes"),
        ({"a": ["u", "v"] * 9, "b": [1, 2] * 9, "y": [0, 1, 1] * 6}, "two columns of numbers"),
        ({"a": [1, 2], "b": [3, 4], "y": ["u", "u"]}, "two classes at least"),
    ],
    ids=["one row", "40 classes", "no numbers", "one class"],
)  # fmt: skip
def test_tables_that_cannot_be_used(session, frame, message):
    session.table = pl.DataFrame(frame)
    (reply,) = session.handle({"do": "set", "settings": {"data": "table", "target": "y"}})
    assert message in reply["message"]
    assert session.settings.data == "moons"


def test_many_rows_are_drawn_as_a_sample():
    rng = np.random.RandomState(0)
    frame = pl.DataFrame(rng.normal(size=(20_000, 2)), schema=["a", "b"])
    frame = frame.with_columns(y=(pl.col("a") > 0).cast(pl.Int64))
    session = Session()
    session.table = frame
    (state,) = session.handle({"do": "set", "settings": {"data": "table", "batch_size": 500}})
    assert len(state["points"]["x"]) == 2000
    assert state["rows"] == {"training": 10_000, "test": 10_000}
    assert state["note"].startswith("2000 of 20000 rows are drawn")
    session.close()


@pytest.mark.parametrize("content", [b"", b"\x00\x01\x02", b"PAR1 but no more"])
def test_a_file_that_is_no_table(session, content):
    with pytest.raises(ValueError, match=r"t\.csv|a table has"):
        session.read(content, "t.csv")


# A model of one's own


@pytest.mark.parametrize("make", [MLPClassifier, MLPRegressor])
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_a_fitted_estimator_is_opened(make):
    rng = np.random.RandomState(0)
    X = pd.DataFrame(rng.normal(size=(50, 3)), columns=["a", "b", "c"])
    y = (X["a"] > 0).to_numpy() if make is MLPClassifier else (X["a"] * 2).to_numpy()
    model = make(hidden_layer_sizes=(3, 2), alpha=0.3, max_iter=3, random_state=0).fit(X, y)
    session = maker(model, X, y)()
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
        maker(MLPClassifier(), X, y)
    with pytest.raises(TypeError, match="opens an MLPClassifier or MLPRegressor, got str"):
        maker("model", X, y)
    with pytest.raises(ValueError, match="rows go with an estimator"):
        maker(None, X, y)
    model = MLPClassifier((2,), solver="lbfgs", max_iter=1, tol=9).fit(X, y)
    with pytest.raises(ValueError, match="X and y go with an estimator"):
        maker(model, None, None)
    with pytest.raises(ValueError, match=r"the rows ask for a network \(3, 2, 1\)"):
        maker(model, np.zeros((4, 3)), y)
    with pytest.raises(ValueError, match="two columns at least"):
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
