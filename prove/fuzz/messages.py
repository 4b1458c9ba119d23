"""Fuzz target: what a page of the playground sends, as messages and files, to a session.

An input is a sequence of records, separated by a line that holds the byte 0x1e. A record that
begins with the byte 1 is a table (the name of its file, a line feed, its content), one that begins
with the byte 2 is a model file, and any other is a message as text. Files are read in this process,
as the process of the server reads them. All replies must be JSON of the protocol, frames must be as
the page reads them, no exception may leave but ProtocolError (the server then closes the socket),
and the session must stay usable.
"""

from __future__ import annotations

import contextlib
import json
import logging
import random
import struct
import tempfile
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from multilayer.playground import images, reading_process, session, settings
from multilayer.playground.protocol import ERRORS, ProtocolError, explain
from multilayer.playground.uploads import OpenedModel, OpenedTable

END, TABLE, MODEL = b"\n\x1e\n", b"\x01", b"\x02"
FOLDER = "/dev/shm" if Path("/dev/shm").is_dir() else None
SAYS = {"state", "wrong", "example", "python", "table"}
SMALL = settings.Settings(rows=12, layers=(2,), activation=("tanh",), batch_size=4)

logging.disable()
warnings.simplefilter("ignore")
# Small images and networks: the rules are the same, and a thousand times as many inputs are tried.
images.UNIT_SIDE, images.OUTPUT_SIDE = 3, 4
settings.MAX_UNITS, settings.MAX_LAYERS = 6, 3
settings._NUMBERS["rows"] = (10, 40, True)


class _NoThread:
    """Stands for the thread of a session, whose slices the target trains itself."""

    def join(self, timeout: float) -> None:
        """Do nothing."""


def one_input(data: bytes) -> None:
    """Carry out the messages of an input, and check every answer."""
    tested = session.Session(SMALL)
    tested._thread = _NoThread()
    with contextlib.suppress(ProtocolError):
        for record in data.split(END):
            if record.startswith((TABLE, MODEL)):
                _upload(tested, record)
            else:
                _check(tested.answer(record.decode(errors="replace")))
            if tested.playing:
                tested._train_a_slice(1.0)
            _check_frame(tested.frame())
    _check_usable(tested)


def _upload(tested: session.Session, record: bytes) -> None:
    try:
        if record.startswith(MODEL):
            told = tested.open_model(record[1:])
        else:
            name, _, content = record[1:].partition(b"\n")
            told = tested.read(content, name.decode(errors="replace"))
    except ERRORS as error:
        told = session.wrong(error)
    _check([session.encode(told)])


def _open_table(content: Any, name: str, _: Any) -> OpenedTable:
    table = _told(lambda: reading_process.parse_within_limits(bytes(content), name))
    return OpenedTable(table.frame, name, tuple(table.remarks))


def _open_model(content: Any, _: Any) -> OpenedModel:
    with tempfile.TemporaryDirectory(dir=FOLDER) as folder:
        path = Path(folder)
        (path / "content").write_bytes(content)
        answer = _told(lambda: reading_process._model(path, "the model"))
        with np.load(path / "read", allow_pickle=False) as thetas:
            listed = [thetas[name] for name in thetas.files]
        return OpenedModel(tuple(answer["sizes"]), answer["hidden"], listed)


def _told(read: Callable[[], Any]) -> Any:
    """Read something; an error reaches the session as that of the process does, as its text."""
    try:
        return read()
    except ERRORS as error:
        raise ValueError(explain(error)) from None


session.open_table, session.open_model = _open_table, _open_model


def _check(answers: list[str]) -> None:
    for answer in answers:
        answer.encode("ascii")
        told = json.loads(answer, parse_constant=_no_constant)
        assert told["say"] in SAYS, told["say"]
        if told["say"] == "wrong":
            message = told["message"]
            assert 0 < len(message) <= 1000
            assert "\n" not in message
            assert "fault of the program" not in message, message
        elif told["say"] == "python":
            compile(told["code"], "code", "exec")


def _check_frame(frame: bytes | str | None) -> None:
    """Read a frame as the page does."""
    if frame is None:
        return
    assert isinstance(frame, bytes), frame
    length = struct.unpack("<I", frame[:4])[0]
    facts = json.loads(frame[4 : 4 + length], parse_constant=_no_constant)
    at = 4 + length + -(4 + length) % 4
    for array in facts["arrays"]:
        size = int(np.prod(array["shape"])) * {"f4": 4, "u1": 1}[array["type"]]
        at += -(-size // 4) * 4
    assert at == len(frame)
    assert len(facts["moments"]) == len(facts["curve"]["cost"]) >= 1


def _check_usable(tested: session.Session) -> None:
    tested.sent = 0
    _check_frame(tested.frame())
    (state,) = tested.answer('{"do": "reset"}')
    assert json.loads(state)["say"] == "state", state
    assert tested.answer('{"do": "step"}') == []
    assert tested.run.epoch > 0 or tested.run.trouble
    _check(tested.answer('{"do": "python"}'))
    _check_frame(tested.frame())
    tested.close()


def _no_constant(name: str) -> None:
    raise AssertionError(f"{name} is not JSON")


# Mutation

ODD: list[Any] = [
    None, True, False, 0, -1, 1, 2, 3, 0.5, 1e-300, 5e-324, 1e300, -1e308, 1e308, 2**53, 2**63,
    -(2**63), 2**64 - 1, 2**70, 10**400, float("nan"), float("inf"), float("-inf"), "", "x", "y",
    "a", "moons", "table", "points", "given", "iris", "hill", "auto", "relu", "x1", "\ud800", "\0",
    "é" * 300, "x" * 2000, [], {}, [[]], [[[[[]]]]], [0], [1, 2], ["a", "b"], ["a", "a"],
    [[0, 0, 0], [1, 1, 1]], [[1, 2], [3]], {"a": {"b": []}},
]  # fmt: skip
ACTS = [
    "set", "play", "pause", "epoch", "step", "reset", "speed", "seen", "weight", "example",
    "history", "python", "points", "compare", "fly",
]  # fmt: skip
KEYS = [
    "settings", "epochs", "steps", "frame", "layer", "to", "from", "value", "row", "x", "at",
    "points", "on",
]  # fmt: skip
CELLS = [
    b"", b"1", b"-0", b"0.5", b"1e308", b"-1e39", b"9" * 400, b"18446744073709551615", b"nan",
    b"inf", b"true", b"2020-01-01", b"12:30", b"x", b'"a,b"', b'"', b"\xff", b"\0", "é".encode(),
    b"1,5", b"007", b"9223372036854775808", b"\r", b"\n", b"=1+1",
]  # fmt: skip
NAMES = list(SMALL.to_dict())


def mutate(data: bytes, max_size: int, seed: int) -> bytes:
    """Change messages, fields, numbers and cells; now and then bytes."""
    rng = random.Random(seed)
    records = data.split(END)
    for _ in range(rng.choice((1, 1, 2, 4))):
        place = rng.randrange(len(records))
        act = rng.random()
        if act < 0.15:
            records.insert(place, _new_message(rng))
        elif act < 0.2:
            records.insert(place, records[rng.randrange(len(records))])
        elif act < 0.25 and len(records) > 1:
            del records[place]
        elif act < 0.3:
            rng.shuffle(records)
        elif act < 0.33 or records[place].startswith(MODEL):
            records[place] = _other_bytes(records[place], rng)
        elif records[place].startswith(TABLE):
            records[place] = _other_table(records[place], rng)
        else:
            records[place] = _other_message(records[place], rng)
    return END.join(records)[:max_size]


def _new_message(rng: random.Random) -> bytes:
    message = {"do": rng.choice(ACTS), **{rng.choice(KEYS): rng.choice(ODD) for _ in range(2)}}
    if message["do"] == "set":
        changes = {rng.choice(NAMES): rng.choice(ODD) for _ in range(rng.choice((0, 1, 1, 2)))}
        message["settings"] = changes
    return json.dumps(message).encode()


def _other_message(record: bytes, rng: random.Random) -> bytes:
    try:
        message = json.loads(record)
    except (ValueError, RecursionError):
        return _new_message(rng)
    return json.dumps(_other_value(message, rng)).encode()


def _other_value(value: Any, rng: random.Random) -> Any:
    """Change a value, or one somewhere in it."""
    if isinstance(value, dict) and value and rng.random() < 0.9:
        name = rng.choice([*value, rng.choice(KEYS if "do" in value else NAMES)])
        if rng.random() < 0.1:
            return {other: one for other, one in value.items() if other != name}
        if name == "do":
            return value | {"do": rng.choice(ACTS)}
        return value | {name: _other_value(value.get(name), rng)}
    if isinstance(value, list) and value and rng.random() < 0.8:
        place = rng.randrange(len(value))
        act = rng.random()
        if act < 0.2:
            return [*value, value[place]]
        if act < 0.4:
            return value[:place] + value[place + 1 :]
        return [*value[:place], _other_value(value[place], rng), *value[place + 1 :]]
    if isinstance(value, int | float) and not isinstance(value, bool) and rng.random() < 0.4:
        return value + rng.choice((-1, 1, 10) if isinstance(value, int) else (0.5, 1e-9))
    if isinstance(value, str) and rng.random() < 0.5:
        named = [one for listed in settings.CHOICES.values() for one in listed]
        return rng.choice([one for one in named if isinstance(one, str)] + ["points", "table"])
    return rng.choice(ODD)


def _other_table(record: bytes, rng: random.Random) -> bytes:
    name, _, content = record.partition(b"\n")
    lines = [line.split(b",") for line in content.split(b"\n")]
    act = rng.random()
    if act < 0.1:
        return _other_bytes(record, rng)
    if act < 0.6:  # a cell
        line = rng.choice(lines)
        line[rng.randrange(len(line))] = rng.choice(CELLS)
    elif act < 0.8:  # a column
        place, cells = rng.randrange(len(lines[0])), [rng.choice(CELLS) for _ in range(3)]
        for line in lines[1:]:
            if len(line) > place:
                line[place] = rng.choice(cells)
    else:  # lines
        place = rng.randrange(len(lines))
        lines[place:place] = [list(rng.choice(lines)) for _ in range(rng.choice((1, 5)))]
    return name + b"\n" + b"\n".join(map(b",".join, lines))


def _other_bytes(record: bytes, rng: random.Random) -> bytes:
    place = rng.randrange(len(record) + 1)
    return (
        record[:place] + rng.randbytes(rng.choice((0, 1, 4))) + record[place + rng.choice((0, 1)) :]
    )
