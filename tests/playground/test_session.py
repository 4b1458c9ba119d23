"""The messages between a page and its session: training, frames, history, wrong input."""

import itertools
import json
import time

import numpy as np
import pytest
from playground_cases import picture
from polars.exceptions import PanicException
from waiting import wait_for

from multilayer.playground.protocol import ProtocolError


def test_play_pause_and_frames(session):
    facts, arrays = picture(session)
    assert facts["status"] == "paused"
    assert facts["epoch"] == 0
    assert session.frame() is None  # nothing is new
    session.handle({"do": "play"})
    wait_for(lambda: session.run.epoch >= 20, seconds=20)
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
    wait_for(lambda: len(session.run.events) >= 3, seconds=20)
    session.handle({"do": "pause"})
    assert session.run.events[:2] == [("step", 0, 8), ("step", 8, 16)]
    assert 0 < session.run.epoch < 30


def test_no_picture_before_the_last_was_seen(session):
    assert session.frame() is not None
    session.handle({"do": "epoch"})
    assert session.frame() is None
    session.handle({"do": "seen", "frame": 1})
    assert session.frame() is not None


def test_the_picture_shows_the_predictions(session):
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
        ({"do": "set", "settings": {"features": []}}, "at least one of the features"),
        ({"do": "set", "settings": {"data": "sun"}}, "data must be one of moons"),
        ({"do": "set", "settings": {"data": "table"}}, "open a file first"),
        ({"do": "set", "settings": {"data": "points"}}, "at least two points"),
        ({"do": "set", "settings": {"data": "given"}}, "no rows were given"),
        ({"do": "set", "settings": {"axes": ["a"]}}, "axes must be the names of two columns"),
        ({"do": "set", "settings": {"axes": ["a", "a"]}}, "axes must be the names of two columns"),
        ({"do": "set", "settings": {"rows": 10**400}}, "rows must be a number from 10 to 5000"),
        ({"do": "set", "settings": {"noise": -(10**400)}}, "noise must be a number from 0"),
        ({"do": "weight", "layer": 10**400}, "layer must be a number"),
        ({"do": "example", "row": 10**400}, "row must be a number from 0 to 59"),
        ({"do": "example", "x": [10**400, 1]}, "x must be two numbers"),
        ({"do": "points", "points": [[10**400, 1, 0], [1, 2, 1]]}, "a point must be three numbers"),
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
        ({"do": "points", "points": [[1, 2, 0], [1, 3, 0]]}, "at least two classes"),
        ({"do": "speed", "epochs": -1}, "epochs must be a number from 0"),
    ],
    ids=itertools.count(),
)  # fmt: skip
def test_wrong_settings_are_reported_and_change_nothing(session, said, message):
    before = session.settings, session.run, session.points
    (reply,) = session.handle(said)
    assert reply["say"] == "wrong"
    assert message in reply["message"]
    assert (session.settings, session.run, session.points) == before


@pytest.mark.parametrize(
    "said", [None, 1, "play", [], {}, {"do": 1}, {"do": "fly"}, {"do": "_set"}]
)
def test_an_unknown_message_ends_the_connection(session, said):
    with pytest.raises(ProtocolError):
        session.answer(json.dumps(said))


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
        session.run.record()
    session.changes += 1
    found = {one["what"]: one["mend"] for one in picture(session)[0]["advice"]}
    assert what in found
    (reply,) = session.handle({"do": "set", "settings": found[what]})
    assert reply["say"] == "state"


def test_a_diverged_network_is_not_followed(session):
    session.handle({"do": "set", "settings": {"data": "hill", "activation": ["relu"]}})
    for layer, unit in ((1, 0), (1, 1), (2, 0)):
        session.run.thetas[layer - 1][unit] = 1e200
    (reply,) = session.handle({"do": "example", "row": 0})
    assert "too large to show" in reply["message"]


@pytest.mark.parametrize("error", [PanicException, KeyError, MemoryError, RecursionError])
def test_a_session_survives_any_error(session, monkeypatch, error, caplog):
    def fail(*_):
        raise error("of\nmany lines")

    for name in ("explain_example", "describe_run", "advice", "write_python"):
        monkeypatch.setattr(f"multilayer.playground.session.{name}", fail)
    for said in ("example", "reset", "python"):
        (answer,) = session.answer(json.dumps({"do": said}))
        told = json.loads(answer)
        assert told["say"] == "wrong"
        assert "\n" not in told["message"]
        assert error is MemoryError or error.__name__ in told["message"]
    assert json.loads(session.frame())["say"] == "wrong"
    assert session.frame() is None  # not the same error again and again
    monkeypatch.undo()
    session.handle({"do": "epoch"})
    assert picture(session)[0]["epoch"] == 1


def test_an_error_in_training_is_told_once(session, monkeypatch):
    picture(session)
    monkeypatch.setattr(session.run, "record", lambda: 1 / 0)
    session.handle({"do": "play"})
    wait_for(lambda: session._failure is not None)
    told = json.loads(session.frame())
    assert told["say"] == "wrong"
    assert "ZeroDivisionError" in told["message"]
    monkeypatch.undo()
    assert picture(session)[0]["status"] == "paused"
    session.handle({"do": "play"})
    epoch = session.run.epoch
    wait_for(lambda: session.run.epoch > epoch)


def test_a_reply_that_json_cannot_hold_is_an_error(session, monkeypatch):
    monkeypatch.setattr("multilayer.playground.session.describe_run", lambda *_: {"a": np.nan})
    (answer,) = session.answer('{"do": "reset"}')
    assert json.loads(answer)["say"] == "wrong"


@pytest.mark.parametrize("speed", [5e-324, 1e-300, 0.001])
def test_the_slowest_training_ends_with_its_session(session, speed):
    session.handle({"do": "speed", "epochs": speed})
    session.handle({"do": "play"})
    wait_for(lambda: session.run.epoch == 1)
    session.handle({"do": "speed", "epochs": 0})  # is not waited for either
    wait_for(lambda: session.run.epoch > 9)
    session.handle({"do": "speed", "epochs": speed})
    time.sleep(0.1)
    session.close()
    assert not session._thread.is_alive()
