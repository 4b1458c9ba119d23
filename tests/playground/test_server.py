"""The playground's server: pages, access by others, uploads, shutdown."""

import asyncio
import contextlib
import json
import socket
import struct
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request

import numpy as np
import pytest
from typer.testing import CliRunner
from waiting import wait_for
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

from multilayer import playground
from multilayer.cli.app import app
from multilayer.playground.server import Server, serve
from multilayer.playground.session import Session


@pytest.fixture(scope="module")
def server():
    server = Server(port=0)
    thread = server.start()
    wait_for(lambda: answers(server))
    yield server
    server.stop()
    thread.join(10)
    assert not thread.is_alive()


def request(address, data=None, method=None, **headers):
    asked = urllib.request.Request(address, data, headers, method=method)
    try:
        with urllib.request.urlopen(asked) as answer:
            return answer.status, answer.headers, answer.read()
    except urllib.error.HTTPError as error:
        return error.code, error.headers, error.read()


def answers(server):
    try:
        return request(server.address)[0] == 200
    except urllib.error.URLError:
        return False


def training_threads():
    return {one for one in threading.enumerate() if one.name == "playground"}


class Page:
    """A page's socket."""

    def __init__(self, talk):
        self.talk = talk

    async def say(self, **said):
        await self.talk.send(json.dumps(said))

    async def told(self, say):
        """Wait for a text message of a kind; pictures are acknowledged on the way."""
        while True:
            message = await asyncio.wait_for(self.talk.recv(), 10)
            if isinstance(message, str):
                told = json.loads(message)
                if told["say"] == say:
                    return told
            else:
                await self.seen(message)

    async def picture(self):
        while isinstance(message := await asyncio.wait_for(self.talk.recv(), 10), str):
            pass
        return await self.seen(message)

    async def closed(self):
        """Wait until the server closes, and return how."""
        try:
            while True:
                await asyncio.wait_for(self.talk.recv(), 10)
        except ConnectionClosed as closed:
            return closed.rcvd

    async def seen(self, message):
        length = struct.unpack("<I", message[:4])[0]
        facts = json.loads(message[4 : 4 + length])
        await self.say(do="seen", frame=facts["frame"])
        return facts


def with_page(server, act):
    """Open a page, and do something with it."""

    async def main():
        address = server.address.replace("http", "ws") + "socket"
        origin = f"http://127.0.0.1:{server.port}"
        async with connect(address, origin=origin, max_size=None) as talk:
            return await act(Page(talk))

    return asyncio.run(main())


def test_without_the_token_nothing_is_served(server):
    origin = f"http://127.0.0.1:{server.port}"
    for path in ("/", "/app.js", "/socket", f"/{server.token[:-1]}/", f"/{server.token}x/"):
        assert request(origin + path)[0] == 404
    status, headers, content = request(server.address)
    assert status == 200
    assert b"<html" in content
    assert "default-src 'none'" in headers["Content-Security-Policy"]
    assert headers["X-Content-Type-Options"] == "nosniff"


@pytest.mark.parametrize("name", ["../session.py", "%2e%2e/session.py", "session.py", ".", "..%2f"])
def test_nothing_but_the_page_is_served(server, name):
    assert request(server.address + name)[0] == 404


@pytest.mark.parametrize("origin", ["http://evil.example", None, "http://127.0.0.1:1", "null"])
def test_a_page_of_another_origin_is_refused(server, origin):
    async def main():
        with pytest.raises(InvalidStatus):
            await connect(server.address.replace("http", "ws") + "socket", origin=origin)

    asyncio.run(main())
    assert not server.sessions


def test_a_page_trains_the_moons(server):
    async def act(page):
        hello, state = await page.told("hello"), await page.told("state")
        assert hello["version"] == 1
        assert state["parameters"] == 51
        await page.say(do="set", settings={"rows": 200, "learning_rate_init": 0.03})
        await page.told("state")
        await page.say(do="play")
        begun = time.monotonic()
        while (facts := await page.picture())["test_score"] < 0.93:
            assert time.monotonic() - begun < 20
        await page.say(do="pause")
        await page.say(do="example", row=5)
        check = (await page.told("example"))["check"]
        # How far it has learned by now depends on the clock; a row that costs nothing any more has
        # a slope so flat that rounding shows in the difference quotient.
        assert check["difference"] == pytest.approx(check["backpropagation"], rel=1e-5, abs=1e-8)
        await page.say(do="python")
        assert "partial_fit" in (await page.told("python"))["code"]
        return facts

    assert with_page(server, act)["epoch"] > 1


def test_a_page_that_vanishes_stops_its_training(server):
    before, sessions = training_threads(), []

    async def act(page):
        await page.told("state")
        sessions.extend(server.sessions.values())
        await page.say(do="play")
        await page.picture()
        page.talk.transport.abort()

    with contextlib.suppress(ConnectionClosed):
        with_page(server, act)
    (session,) = sessions
    wait_for(lambda: session.closed and not server.sessions)
    wait_for(lambda: training_threads() <= before)


@pytest.mark.parametrize("said", ["", "[", "1", "null", '{"do": "fly"}', b"\x00", "[" * 100_000])
def test_what_is_not_of_the_protocol_closes_the_socket_with_a_reason(server, said):
    async def act(page):
        await page.told("state")
        await page.talk.send(said)
        return await page.closed()

    closed = with_page(server, act)
    assert closed.code == 1008
    assert closed.reason.startswith("a message must")
    assert with_page(server, lambda page: page.told("state"))["say"] == "state"  # it goes on


def test_random_messages(server):
    """The server answers messages with any values, and goes on."""
    rng = np.random.RandomState(0)
    odd = [None, True, -1, 0, 1, 2, 1e300, "", "x", "moons", [], [0], [[0, 0, 0]], {}, {"rows": 20}]
    acts = ["set", "play", "pause", "epoch", "step", "reset", "speed", "seen", "weight", "example",
            "history", "python", "points", "compare"]  # fmt: skip
    keys = ["settings", "epochs", "frame", "layer", "to", "from", "value", "row", "x", "at",
            "points", "on"]  # fmt: skip
    names = list(Session().settings.to_dict())

    async def act(page):
        await page.told("state")
        await page.say(do="set", settings={"rows": 20, "batch_size": 10})
        for _ in range(300):
            said = {key: odd[rng.randint(len(odd))] for key in rng.choice(keys, 4)}
            if rng.rand() < 0.5:
                name = names[rng.randint(len(names))]
                said["settings"] = {name: odd[rng.randint(len(odd))]}
            await page.say(do=str(rng.choice(acts)), **said)
        await page.say(do="pause")
        await page.say(do="example", row=0)
        return await page.told("example")

    assert with_page(server, act)["layers"]


def test_uploads_and_models(server):
    rows = "".join(f"{k},5;{k * k % 7};{'uv'[k % 2]}\n" for k in range(1, 31))
    csv = ("a;b;kind\n" + rows).encode()

    async def act(page):
        name = (await page.told("hello"))["page"]
        address = server.address + "upload/" + name
        status, _, told = await asyncio.to_thread(request, address, csv, **{"X-Name": "t.csv"})
        assert status == 200
        assert json.loads(told)["target"] == "kind"
        await page.say(do="set", settings={"data": "table", "target": "kind"})
        while (state := await page.told("state"))["settings"]["data"] != "table":
            pass
        assert state["classes"] == ["u", "v"]
        assert "column 'a': '10,5' is read as 10.5" in state["note"]
        status, _, told = await asyncio.to_thread(request, address, b"\x00\x01")
        assert status == 400
        assert "error" in json.loads(told)
        model = server.address + "model/" + name
        status, headers, content = await asyncio.to_thread(request, model)
        assert "playground.mlp" in headers["Content-Disposition"]
        status, _, told = await asyncio.to_thread(request, model, content)
        assert json.loads(told)["say"] == "state"
        status, _, told = await asyncio.to_thread(request, model, b"no model")
        assert status == 400

    with_page(server, act)
    status, _, told = request(server.address + "upload/nobody", csv)
    assert status == 404
    assert "load it again" in json.loads(told)["error"]
    assert request(server.address + "model/nobody")[0] == 404


def test_a_page_under_another_name_is_refused(server):
    """A foreign name may be bound to this machine (DNS rebinding)."""
    for host in (
        "evil.example",
        f"evil.example:{server.port}",
        "127.0.0.1.evil.example",
        "[::1",
        "",
    ):
        assert request(server.address, Host=host)[0] == 400
        headers = {"Host": host}
        own = f"http://127.0.0.1:{server.port}"

        async def main(headers=headers, own=own):
            address = server.address.replace("http", "ws") + "socket"
            with pytest.raises(InvalidStatus):
                await connect(address, origin=own, additional_headers=headers)

        asyncio.run(main())
    assert request(server.address, Host=f"localhost:{server.port}")[0] == 200


def test_uploads_of_another_origin_are_refused(server):
    async def act(page):
        address = server.address + "upload/" + (await page.told("hello"))["page"]
        told = [
            await asyncio.to_thread(request, address, b"a,b\n1,2\n", Origin=origin)
            for origin in ("http://evil.example", "null", f"http://localhost:{server.port}")
        ]
        return [status for status, _, _ in told]

    assert with_page(server, act) == [403, 403, 200]


def test_pages_are_limited(server, monkeypatch):
    monkeypatch.setattr("multilayer.playground.server.MAX_SESSIONS", 3)
    sessions = []

    async def main():
        address = server.address.replace("http", "ws") + "socket"
        origin = f"http://127.0.0.1:{server.port}"

        async def one():
            async with connect(address, origin=origin, max_size=None) as talk:
                page = Page(talk)
                try:
                    await page.told("state")
                except ConnectionClosed as closed:
                    return closed.rcvd.code
                sessions.append(len(server.sessions))
                await asyncio.sleep(1)
                return None

        return await asyncio.gather(*[one() for _ in range(9)])

    codes = asyncio.run(main())
    assert codes.count(1013) == 6
    assert max(sessions) <= 3
    wait_for(lambda: not server.sessions)


def test_a_large_message_closes_the_socket(server):
    async def act(page):
        await page.told("state")
        await page.talk.send(json.dumps({"do": "python", "x": "x" * 2**20}))
        return await page.closed()

    assert with_page(server, act).code == 1009


def test_others_are_served_while_a_table_is_read(server, monkeypatch):
    going_on = threading.Event()

    def read(*_):
        assert going_on.wait(20)
        raise KeyError("of no known kind")

    monkeypatch.setattr(Session, "read", read)

    async def act(page):
        name = (await page.told("hello"))["page"]
        address = server.address + "upload/" + name
        first = asyncio.create_task(asyncio.to_thread(request, address, b"a"))
        while not server._reading.locked():
            await asyncio.sleep(0.01)
        second = await asyncio.to_thread(request, address, b"a")
        await page.say(do="epoch")
        while (await page.picture())["epoch"] != 1:
            pass
        await page.say(do="python")
        await page.told("python")
        assert (await asyncio.to_thread(request, server.address))[0] == 200
        going_on.set()
        return second, await first

    (refused, _, why), (status, _, told) = with_page(server, act)
    assert refused == 409
    assert "one file at a time" in json.loads(why)["error"]
    assert status == 400
    assert "KeyError" in json.loads(told)["error"]


def test_the_address_is_printed_once_it_holds(monkeypatch, capsys):
    def run(self):
        with socket.create_connection(("127.0.0.1", self.port), timeout=5):
            self.socket.close()

    monkeypatch.setattr(Server, "run", run)
    serve(port=0, browser=False)
    assert capsys.readouterr().out.startswith("http://127.0.0.1:")
    serve(port=0, browser=False, settings="#data=spiral&layers=8,8")
    assert capsys.readouterr().out.endswith("/#data=spiral&layers=8,8\n")


def test_uploads_are_limited(server, monkeypatch):
    monkeypatch.setattr("multilayer.playground.server.MAX_BYTES", 1000)

    async def act(page):
        name = (await page.told("hello"))["page"]
        return await asyncio.to_thread(request, server.address + "upload/" + name, b"a" * 1001)

    assert with_page(server, act)[0] == 413


def test_a_port_in_use():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
        server = Server(port=port)
        server.socket.close()
    assert port < server.port < port + 50


def test_command_line(monkeypatch, capsys):
    began = []

    def run(self):
        began.append(self)
        self.socket.close()

    monkeypatch.setattr(Server, "run", run)
    result = CliRunner().invoke(app, ["playground", "--no-browser", "--port", "0"])
    assert result.stdout == began[0].address + "\n"
    shared = ["--no-browser", "--port", "0", "--settings", "data=xor&seed=3"]
    result = CliRunner().invoke(app, ["playground", *shared])
    assert result.stdout == began[1].address + "#data=xor&seed=3\n"
    monkeypatch.setattr("multilayer.extras.find_spec", lambda name: None)
    result = CliRunner().invoke(app, ["playground"])
    assert result.exit_code == 2
    assert "pip install 'multilayer[playground]'" in result.stderr


def test_a_program_ends_while_it_trains():
    code = """
import time
from multilayer.playground.session import Session
session = Session()
session.handle({"do": "play"})
time.sleep(0.2)
"""
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, timeout=60)
    assert (ended.returncode, ended.stderr) == (0, b"")


def test_when_the_server_ends_nothing_is_left_running():
    before = training_threads()
    server = Server(port=0)
    thread = server.start()
    wait_for(lambda: answers(server))

    async def act(page):
        await page.told("state")
        await page.say(do="play")
        await page.picture()
        stopping = asyncio.create_task(asyncio.to_thread(server.stop))
        await page.closed()
        await stopping

    with_page(server, act)
    thread.join(10)
    assert not thread.is_alive()
    assert training_threads() <= before


def test_a_widget_shows_the_page_until_it_is_closed(monkeypatch):
    widget = playground.widget(height=600)
    assert widget.height == 600
    wait_for(lambda: answers(widget.server))
    status, headers, _ = request(widget.address)
    assert status == 200
    assert "frame-ancestors http://localhost:*" in headers["Content-Security-Policy"]
    widget.close()
    wait_for(lambda: widget.server.socket.fileno() == -1)
    monkeypatch.setattr("multilayer.extras.find_spec", lambda name: None)
    with pytest.raises(ModuleNotFoundError, match=r"pip install 'multilayer\[notebook\]'"):
        playground.widget()


def test_open_serves_in_the_background(monkeypatch):
    opened = []
    monkeypatch.setattr("webbrowser.open", opened.append)
    server = playground.open(port=0)
    wait_for(lambda: answers(server))
    assert opened == [server.address]
    assert request(server.address)[0] == 200
    server.stop()
    wait_for(lambda: server.socket.fileno() == -1)
