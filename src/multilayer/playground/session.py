"""The session of one page: its messages, its network and its training thread."""

from __future__ import annotations

import atexit
import tempfile
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from sklearn.pipeline import Pipeline

from multilayer.persistence import load, save
from multilayer.playground.advice import advice
from multilayer.playground.data import Data, data_of, data_of_arrays, guess_target, table_message
from multilayer.playground.images import Plane, binary_message
from multilayer.playground.python_code import write_python
from multilayer.playground.settings import CHOICES, Settings, changed, must_restart
from multilayer.playground.training_run import Snapshot, TrainingRun
from multilayer.playground.worked_example import explain_example
from multilayer.reading.reader import parse_table
from multilayer.reading.table import Table, collected

__all__ = ["ProtocolError", "Session"]

Reply = dict[str, Any]
_SLICE = 0.01  # seconds of training between two checks for messages of the page
_MAX_DRAWN = 2000
_CURVE = ("epoch", "cost", "test_cost", "score", "test_score")


class ProtocolError(Exception):
    """A message that the page of the playground would never send."""


class Session:
    """The state of one page: `handle` carries out its messages, `frame` draws what it shows.

    While `playing`, training runs in a thread of the session. Everything else runs in the thread of
    the caller, between two slices of training.

    Parameters
    ----------
    settings : Settings, optional
        The initial settings.
    given : tuple of (X, y), optional
        The rows for `data="given"`.
    thetas : list of ndarray, optional
        The initial Θ.
    """

    def __init__(
        self,
        settings: Settings | None = None,
        given: tuple[Any, Any] | None = None,
        thetas: Any = None,
    ) -> None:
        self.lock, self._wake = threading.RLock(), threading.Event()
        self.closed = self.playing = False
        self.table: Table | None = None
        self.file, self.points, self.given = "table.csv", None, given
        self.speed, self.by_steps, self.per_second = 0.0, False, 0.0
        self.shown: int | None = None
        self.compared: tuple[Any, Reply] | None = None
        self.frames, self.changes, self.sent = 0, 1, 0
        self._thread: threading.Thread | None = None
        self.settings, self._first = settings or Settings(), thetas
        self.run: TrainingRun
        self.plane: Plane
        self._start(self._data(self.settings), self.settings, thetas)

    # Messages of the page

    def handle(self, request: Any) -> list[Reply]:
        """Carry out a message and return the replies.

        Raises
        ------
        ProtocolError
            If the message is not part of the protocol.
        """
        act: Callable[[Reply], list[Reply]] | None = None
        if isinstance(request, dict) and isinstance(request.get("do"), str):
            act = getattr(self, f"_do_{request['do']}", None)
        if act is None:
            raise ProtocolError("a message must be an object whose 'do' names an action")
        with self.lock:
            try:
                return act(request)
            except ValueError as error:
                return [{"say": "wrong", "message": str(error)}]
            finally:
                self.changes += 1
                self._wake.set()

    def hello(self) -> list[Reply]:
        """Return the first messages to a page."""
        greeting = {"say": "hello", "version": 1, "settings": self.settings.to_dict()}
        return [greeting | {"choices": CHOICES}, self.state()]

    def _do_set(self, request: Reply) -> list[Reply]:
        settings = changed(self.settings, request.get("settings"))
        if must_restart(self.settings, settings):
            changes = request["settings"]
            same_data = set(changes) <= {"layers", "activation"}
            data = self.run.data if same_data else self._data(settings)
            self._start(data, settings, self.run.thetas if same_data else None)
        elif not self.run.events:
            self._start(self.run.data, settings)
        else:
            self.run.change(settings)
        self.settings = settings
        return [self.state()]

    def _do_play(self, _: Reply) -> list[Reply]:
        self.shown = None
        self.playing = not self.run.trouble
        if self._thread is None:
            self._thread = threading.Thread(target=self._train, name="playground", daemon=True)
            self._thread.start()
            atexit.register(self.close)  # a program must not exit while native code runs
        return []

    def _do_pause(self, _: Reply) -> list[Reply]:
        self.playing = False
        return []

    def _do_epoch(self, _: Reply) -> list[Reply]:
        self.playing, self.shown = False, None
        self.run.go_on(1)
        self.run.record()
        return []

    def _do_step(self, _: Reply) -> list[Reply]:
        self.playing, self.shown = False, None
        self.run.step()
        self.run.record()
        return []

    def _do_reset(self, _: Reply) -> list[Reply]:
        self.playing = False
        first = self._first if self.settings.data == "given" else None
        self._start(self.run.data, self.settings, first)
        return [self.state()]

    def _do_speed(self, request: Reply) -> list[Reply]:
        by_steps = "steps" in request
        self.speed = float(_number(request, "steps" if by_steps else "epochs", 0, 1e9))
        self.by_steps = by_steps and self.speed > 0
        return []

    def _do_seen(self, request: Reply) -> list[Reply]:
        self.sent = max(0, self.frames - int(_number(request, "frame", 0, 2**53)))
        self.changes -= 1  # this message changes nothing
        return []

    def _do_weight(self, request: Reply) -> list[Reply]:
        layer = int(_number(request, "layer", 1, len(self.run.thetas)))
        rows, columns = self.run.thetas[layer - 1].shape
        unit = int(_number(request, "to", 0, rows - 1))
        place = int(_number(request, "from", 0, columns - 1))
        self.run.set_weight(layer, unit, place, float(_number(request, "value", -1e6, 1e6)))
        return []

    def _do_example(self, request: Reply) -> list[Reply]:
        return [explain_example(self.run, request.get("row"), request.get("x"))]

    def _do_history(self, request: Reply) -> list[Reply]:
        if request.get("at") is None:
            self.shown = None
        else:
            self.shown = int(_number(request, "at", 0, len(self.run.snapshots) - 1))
            self.playing = False
        return []

    def _do_python(self, _: Reply) -> list[Reply]:
        if self.settings.data == "given":
            raise ValueError("the rows were given by a program, which can itself train on them")
        return [{"say": "python", "code": write_python(self.run, self.points, self.file)}]

    def _do_points(self, request: Reply) -> list[Reply]:
        before, self.points = self.points, request.get("points")
        try:
            settings = replace(self.settings, data="points")
            self._start(self._data(settings), settings)
        except ValueError:
            self.points = before
            raise
        self.settings = settings
        return [self.state()]

    def _do_compare(self, request: Reply) -> list[Reply]:
        self.compared = None
        if request.get("on"):
            now = self._snapshot()
            image, _, _ = self.plane.output(self.run.network, now.thetas)
            sizes = "-".join(map(str, self.run.network.sizes))
            facts = {"layers": sizes, "score": _finite(now.score)}
            self.compared = image, facts | {"test_score": _finite(now.test_score)}
        return []

    # What the page shows

    def state(self) -> Reply:
        """Return the settings, the data and the shape of the network."""
        data, network = self.run.data, self.run.network
        drawn = np.arange(len(data.xy))
        if len(drawn) > _MAX_DRAWN:
            drawn = np.sort(np.random.RandomState(0).choice(drawn, _MAX_DRAWN, replace=False))
        table = self.table
        return {
            "say": "state",
            "settings": self.settings.to_dict(),
            "task": data.task,
            "classes": data.classes,
            "columns": data.columns,
            "inputs": data.inputs,
            "target": data.target,
            "sizes": network.sizes,
            "parameters": sum(theta.size for theta in network.thetas),
            "rows": {"training": int(data.training.sum()), "test": int((~data.training).sum())},
            "points": {
                "x": data.xy[drawn, 0].tolist(),
                "y": data.xy[drawn, 1].tolist(),
                "label": data.label[drawn].tolist(),
                "test": (~data.training[drawn]).astype(int).tolist(),
                "row": drawn.tolist(),
            },
            "span": data.span,
            "axes": data.axes,
            "table": None if table is None else table_message(table.frame),
            "note": _note(len(drawn), len(data.xy), self._remarks()),
        }

    def frame(self) -> bytes | None:
        """Draw the network, if anything has changed and the page has shown the last frame."""
        with self.lock:
            if self.sent or not (self.changes or self.playing):
                return None
            self.changes, self.sent = 0, 1
            self.frames += 1
            run, plane, network = self.run, self.plane, self.run.network
            now = self._snapshot()
            playing, compared, shown = self.playing, self.compared, self.shown
            snapshots, found = list(run.snapshots), advice(run, now)
            epoch, trouble, steps = run.epoch, run.trouble, run.fitting.state.steps
        arrays, limits = plane.draw(network, now.thetas)
        facts: Reply = {
            "frame": self.frames,
            "epoch": round(now.epoch if shown is not None else epoch, 3),
            "steps": steps,
            "playing": playing,
            "status": "diverged" if trouble else "running" if playing else "paused",
            "per_second": round(self.per_second, 1) if playing else 0.0,
            "curve": {
                name: [_finite(getattr(snapshot, name)) for snapshot in snapshots]
                for name in _CURVE
            },
            "moments": [snapshot.epoch for snapshot in snapshots],
            "shown": shown,
            "advice": found,
        }
        facts |= {name: _finite(getattr(now, name)) for name in _CURVE[1:]} | limits
        if run.data.classes:
            facts["confusion"] = run.confusion(now.thetas).tolist()
        if compared is not None:
            arrays["compared"], facts["compared"] = compared
        return binary_message(facts, arrays)

    def _snapshot(self) -> Snapshot:
        return self.run.latest if self.shown is None else self.run.snapshots[self.shown]

    # Data and models

    def read(self, data: bytes, name: str) -> Reply:
        """Read a table from a file; raise ValueError if it is not a table."""
        table = parse_table(data, Path(name).name or "the file")
        with self.lock:
            self.table, self.file = table, Path(name).name
        return table_message(table.frame) | {"target": guess_target(table.frame)}

    def _remarks(self) -> list[str]:
        shown = self.table is not None and self.settings.data == "table"
        return collected(self.table.remarks, 5) if shown and self.table else []

    def model(self) -> bytes:
        """Return the network as a model file, with the encoder of the table if there is one."""
        with self.lock, tempfile.TemporaryDirectory() as folder:
            model, encoder = self.run.estimator, self.run.data.encoder
            if encoder is not None:
                model = Pipeline([("encoder", encoder), ("network", model)])
            path = Path(folder) / "playground.mlp"
            save(model, path)
            return path.read_bytes()

    def open_model(self, content: bytes) -> Reply:
        """Continue with the network of a model file; raise ValueError if it does not fit."""
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "opened.mlp"
            path.write_bytes(content)
            model = load(path)
        model = model[-1] if isinstance(model, Pipeline) else model
        network = getattr(model, "network_", model)
        with self.lock:
            here = self.run.network
            ends = (network.sizes[0], network.sizes[-1]) if hasattr(network, "sizes") else None
            if ends != (here.sizes[0], here.sizes[-1]):
                raise ValueError(
                    f"the model must have {here.sizes[0]} inputs and {here.sizes[-1]} outputs for "
                    f"these data, but has {ends}"
                )
            settings = changed(
                self.settings,
                {"layers": list(network.sizes[1:-1]), "activation": list(network.hidden)},
            )
            self._start(self.run.data, settings, network.thetas)
            self.settings = settings
            self.changes += 1
            return self.state()

    def close(self) -> None:
        """End the session; training stops after the present slice."""
        self.closed, self.playing = True, False
        self._wake.set()
        if self._thread is not None:
            self._thread.join(timeout=10)
            atexit.unregister(self.close)

    def _data(self, settings: Settings) -> Data:
        if settings.data == "given":
            if self.given is None:
                raise ValueError("no rows were given: multilayer.playground.open(model, X, y)")
            return data_of_arrays(settings, *self.given)
        table = None if self.table is None else self.table.frame
        return data_of(settings, table, self.points)

    def _start(self, data: Data, settings: Settings, thetas: Any = None) -> None:
        """Start a new run; if that fails, everything stays as it was."""
        run = TrainingRun(settings, data, thetas)
        plane = Plane(data)
        if "run" not in vars(self) or data is not self.run.data:
            self.compared = None
        self.run, self.plane, self.shown = run, plane, None

    def _train(self) -> None:
        seconds, n, previous = 0.01, 1, time.perf_counter()
        while not self.closed:
            if not self.playing:
                self._wake.wait(0.5)
                self._wake.clear()
                continue
            with self.lock:
                if not self.playing:
                    continue
                began = time.perf_counter()
                before = self.run.epoch
                n = 1 if self.speed else max(1, min(10_000, int(_SLICE / seconds)))
                if self.by_steps:
                    self.run.step()
                else:
                    self.run.go_on(n)
                done = max(self.run.epoch - before, 1e-9)
                if not self.by_steps:
                    seconds = (time.perf_counter() - began) / done
                self.run.record()
                self.playing = not self.run.trouble
                self.changes += 1
                now = time.perf_counter()
                rate = done / max(now - previous, 1e-9)
                self.per_second += 0.2 * (rate - self.per_second)
                previous = now
            time.sleep(max(0.0, 1 / self.speed - (now - began)) if self.speed else 0.0005)


def _note(drawn: int, rows: int, remarks: list[str]) -> str:
    """Return a note on what the page does not show, or what was not taken literally in a file."""
    partly = [] if drawn == rows else [f"{drawn} of {rows} rows are drawn; all of them are used"]
    return "".join(f"{sentence}. " for sentence in [*partly, *remarks]).strip()


def _finite(value: float) -> float | None:
    return float(value) if np.isfinite(value) else None


def _number(request: Reply, name: str, least: float, most: float) -> float:
    value = request.get(name)
    if isinstance(value, bool) or not isinstance(value, int | float) or not least <= value <= most:
        raise ValueError(f"{name} must be a number from {least:g} to {most:g}, got {value!r:.80}")
    return value
