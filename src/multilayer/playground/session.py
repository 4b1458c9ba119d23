"""The session of one page: its messages, its network and its training thread."""

from __future__ import annotations

import atexit
import math
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from multilayer.playground.advice import advice
from multilayer.playground.data import data_of, data_of_arrays
from multilayer.playground.images import Plane, binary_message
from multilayer.playground.model_files import content_of, thetas_for
from multilayer.playground.page_state import (
    describe_columns,
    describe_run,
    describe_table,
    finite,
)
from multilayer.playground.protocol import (
    ERRORS,
    ProtocolError,
    Reply,
    encode,
    number,
    parse,
    wrong,
)
from multilayer.playground.python_code import write_python
from multilayer.playground.rows import Data
from multilayer.playground.settings import CHOICES, Settings, changed, must_restart
from multilayer.playground.table_data import guess_target
from multilayer.playground.training_run import Snapshot, TrainingRun
from multilayer.playground.uploads import Content, OpenedTable, open_model, open_table
from multilayer.playground.worked_example import explain_example

__all__ = ["Session"]

_SLICE = 0.01  # seconds of training between two checks for messages of the page
_CURVE = ("epoch", "cost", "test_cost", "score", "test_score")
_FIGURES = (*_CURVE[1:], "rmse", "test_rmse")


class Session:
    """The state of one page: `answer` carries out its messages, `frame` draws what it shows.

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
        self.opened: OpenedTable | None = None  # the last one that was read
        self.table: OpenedTable | None = None  # the last one that was trained on
        self.points, self.given = None, given
        self.speed, self.by_steps, self.per_second = 0.0, False, 0.0
        self.shown: int | None = None
        self.compared: tuple[Any, Reply] | None = None
        self.frames, self.changes, self.sent = 0, 1, 0
        self._thread: threading.Thread | None = None
        self._failure: BaseException | None = None
        self.settings, self._first = settings or Settings(), thetas
        self.run: TrainingRun
        self.plane: Plane
        self._start(self._data(self.settings), self.settings, thetas)

    # Messages of the page

    def answer(self, text: Any) -> list[str]:
        """Carry out a message as it came, and return the replies as they are sent.

        Raises
        ------
        ProtocolError
            If the message is not part of the protocol.
        """
        replies = self.handle(parse(text))
        try:
            return [encode(reply) for reply in replies]
        except ERRORS as error:
            return [encode(wrong(error))]

    def handle(self, request: Reply) -> list[Reply]:
        """Carry out a message and return the replies; whatever goes wrong is one of them.

        Raises
        ------
        ProtocolError
            If there is no such action.
        """
        act: Callable[[Reply], list[Reply]] | None = getattr(self, f"_do_{request['do']}", None)
        if act is None:
            raise ProtocolError("a message must be an object whose 'do' names an action")
        with self.lock:
            try:
                return act(request)
            except ERRORS as error:
                return [wrong(error) | self._other_targets(request)]
            finally:
                self.changes += 1
                self._wake.set()

    def hello(self) -> list[Reply]:
        """Return the first messages to a page."""
        greeting = {"say": "hello", "version": 1, "settings": self.settings.to_dict()}
        return [greeting | {"choices": CHOICES}, self.state()]

    def _do_set(self, request: Reply) -> list[Reply]:
        changes: Any = request.get("settings")
        settings = changed(self.settings, changes)
        # The table that was opened last takes the place of another one once the page asks for it.
        table = self.opened if "data" in changes else self.table
        if settings.data == "table" and table is not self.table and "target" not in changes:
            settings = replace(settings, target=None)
        same_data = set(changes) <= {"layers", "activation"}
        if settings.data == "table" and table is not self.table:
            self._start(self._data(settings, table), settings)
            self.table = table
        elif must_restart(self.settings, settings):
            data = self.run.data if same_data else self._data(settings, self.table)
            self._start(data, settings, self.run.thetas if same_data else None)
        elif not self.run.events:
            self._start(self.run.data, settings)
        else:
            self.run.change(settings)
        self.settings = settings
        return [self.state()]

    def _other_targets(self, request: Reply) -> Reply:
        """Return the columns to choose from, where a message named the target of a table."""
        changes = request.get("settings")
        if request["do"] != "set" or not isinstance(changes, Mapping):
            return {}
        table = self.opened if "data" in changes else self.table
        data = changes.get("data", self.settings.data)
        if table is None or data != "table" or not {"data", "target"} & set(changes):
            return {}
        columns = describe_columns(table.frame)
        return {"file": table.file, "columns": columns, "target": changes.get("target")}

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
        self.speed = float(number(request, "steps" if by_steps else "epochs", 0, 1e9))
        self.by_steps = by_steps and self.speed > 0
        return []

    def _do_seen(self, request: Reply) -> list[Reply]:
        self.sent = max(0, self.frames - int(number(request, "frame", 0, 2**53)))
        self.changes -= 1  # this message changes nothing
        return []

    def _do_weight(self, request: Reply) -> list[Reply]:
        layer = int(number(request, "layer", 1, len(self.run.thetas)))
        rows, columns = self.run.thetas[layer - 1].shape
        unit = int(number(request, "to", 0, rows - 1))
        place = int(number(request, "from", 0, columns - 1))
        self.run.set_weight(layer, unit, place, float(number(request, "value", -1e6, 1e6)))
        return []

    def _do_example(self, request: Reply) -> list[Reply]:
        thetas = self._snapshot().thetas
        return [explain_example(self.run, request.get("row"), request.get("x"), thetas)]

    def _do_history(self, request: Reply) -> list[Reply]:
        if request.get("at") is None:
            self.shown = None
        else:
            self.shown = int(number(request, "at", 0, len(self.run.snapshots) - 1))
            self.playing = False
        return []

    def _do_python(self, _: Reply) -> list[Reply]:
        if self.settings.data == "given":
            raise ValueError("the rows were given by a program, which can itself train on them")
        file = "table.csv" if self.table is None else self.table.file
        return [{"say": "python", "code": write_python(self.run, self.points, file)}]

    def _do_points(self, request: Reply) -> list[Reply]:
        settings, points = replace(self.settings, data="points"), request.get("points")
        self._start(data_of(settings, points=points), settings)
        self.settings, self.points = settings, points
        return [self.state()]

    def _do_compare(self, request: Reply) -> list[Reply]:
        self.compared = None
        if request.get("on"):
            now = self._snapshot()
            image, _, _ = self.plane.output(self.run.network, now.thetas)
            sizes = "-".join(map(str, self.run.network.sizes))
            facts = {"layers": sizes, "score": finite(now.score)}
            self.compared = image, facts | {"test_score": finite(now.test_score)}
        return []

    # What the page shows

    def state(self) -> Reply:
        """Return the settings, the data and the shape of the network."""
        return describe_run(self.run, self.table)

    def frame(self) -> bytes | str | None:
        """Draw the network, if anything has changed and the page has shown the last frame.

        Returns
        -------
        bytes, str or None
            A frame, or a message that tells why training or drawing failed.
        """
        with self.lock:
            error, self._failure = self._failure, None
        if error is None:
            try:
                return self._draw()
            except ERRORS as failure:
                # Nothing is drawn before the next message, or this would fail again at once.
                self.playing, self.changes, self.sent, error = False, 0, 0, failure
        return encode(wrong(error))

    def _draw(self) -> bytes | None:
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
                name: [finite(getattr(snapshot, name)) for snapshot in snapshots] for name in _CURVE
            },
            "moments": [snapshot.epoch for snapshot in snapshots],
            "shown": shown,
            "advice": found,
        }
        facts |= {name: finite(getattr(now, name)) for name in _FIGURES} | limits
        if run.data.classes:
            facts["confusion"] = run.confusion(now.thetas).tolist()
        if compared is not None:
            arrays["compared"], facts["compared"] = compared
        return binary_message(facts, arrays)

    def _snapshot(self) -> Snapshot:
        return self.run.latest if self.shown is None else self.run.snapshots[self.shown]

    # Data and models

    def read(self, content: Content, name: str) -> Reply:
        """Read a table from a file; raise ValueError if it is not a table, or too large."""
        opened = open_table(content, name, lambda: self.closed)
        with self.lock:
            self.opened = opened
        return describe_table(opened.frame) | {"target": guess_target(opened.frame)}

    def model(self) -> bytes:
        """Return the network as a model file, with the encoder of the table if there is one."""
        with self.lock:
            return content_of(self.run)

    def open_model(self, content: Content) -> Reply:
        """Continue with the network of a model file; raise ValueError if it does not fit."""
        model = open_model(content, lambda: self.closed)
        with self.lock:
            thetas = thetas_for(self.run.data, model, self.run.network.sizes)
            settings = changed(
                self.settings,
                {"layers": list(model.sizes[1:-1]), "activation": model.hidden},
            )
            self._start(self.run.data, settings, thetas)
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

    def _data(self, settings: Settings, table: OpenedTable | None = None) -> Data:
        if settings.data == "given":
            if self.given is None:
                raise ValueError("no rows were given: multilayer.playground.open(model, X, y)")
            return data_of_arrays(settings, *self.given)
        return data_of(settings, None if table is None else table.frame, self.points)

    def _start(self, data: Data, settings: Settings, thetas: Any = None) -> None:
        """Start a new run; if that fails, everything stays as it was."""
        run = TrainingRun(settings, data, thetas)
        plane = Plane(data)
        if "run" not in vars(self) or data is not self.run.data:
            self.compared = None
        self.run, self.plane, self.shown = run, plane, None

    def _train(self) -> None:
        seconds, began, previous = 0.01, -math.inf, 0.0
        while not self.closed:
            # A slow speed is waited for in parts, so that the end of the session is noticed.
            pause = began + 1 / self.speed - time.perf_counter() if self.speed else 0.0
            if not self.playing or pause > 0:
                self._wake.wait(min(pause, 0.5) if self.playing else 0.5)
                self._wake.clear()
                continue
            with self.lock:
                if not self.playing:
                    continue
                began = time.perf_counter()
                try:
                    done = self._train_a_slice(seconds)
                except ERRORS as error:
                    self.playing, self._failure = False, error
                    continue
                finally:
                    self.changes += 1
                now = time.perf_counter()
                if not self.by_steps:
                    seconds = (now - began) / done
                rate, previous = done / max(now - previous, 1e-9), now
                self.per_second += 0.2 * (rate - self.per_second)
            time.sleep(0.0005)

    def _train_a_slice(self, seconds: float) -> float:
        """Train for a step, an epoch or as many as fit in a slice; return the epochs."""
        before = self.run.epoch
        if self.by_steps:
            self.run.step()
        else:
            self.run.go_on(1 if self.speed else max(1, min(10_000, int(_SLICE / seconds))))
        self.run.record()
        self.playing = not self.run.trouble
        return max(self.run.epoch - before, 1e-9)
