"""The server of the playground: one session for each page, on this machine only."""

from __future__ import annotations

import asyncio
import atexit
import contextlib
import errno
import json
import secrets
import socket
import threading
import webbrowser
from collections.abc import AsyncIterator, Callable
from importlib.resources import files
from typing import Any
from urllib.parse import unquote

import uvicorn
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Mount, Route, WebSocketRoute
from starlette.websockets import WebSocket, WebSocketDisconnect

from multilayer.playground.session import ProtocolError, Session

__all__ = ["Server", "serve"]

HOST, PORT, TRIES = "127.0.0.1", 8765, 50
MAX_BYTES = 50 * 2**20
MAX_SESSIONS = 16
_FRAME = 1 / 30  # seconds
_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; "
    "connect-src 'self'; base-uri 'none'; form-action 'none'; "
    # A notebook shows the page in a frame.
    "frame-ancestors http://localhost:* http://127.0.0.1:* vscode-webview:"
)
_KINDS = {
    ".html": "text/html",
    ".js": "text/javascript",
    ".css": "text/css",
    ".svg": "image/svg+xml",
}


class Server:
    """The playground at its own address.

    Parameters
    ----------
    make : callable, optional
        Creates the session of a page.
    port : int, default=8765
        If another program uses this port, the next free one is taken.

    Attributes
    ----------
    address : str
        The address with the token, without which nothing is served.
    port : int
    """

    def __init__(self, make: Callable[[], Session] = Session, port: int = PORT) -> None:
        self.make, self.token = make, secrets.token_urlsafe(24)
        self.socket = _listen(port)
        self.port = self.socket.getsockname()[1]
        self.address = f"http://{HOST}:{self.port}/{self.token}/"
        self.sessions: dict[str, Session] = {}
        self._thread: threading.Thread | None = None
        config = uvicorn.Config(
            self._app(), log_level="error", ws_max_size=2**20, timeout_graceful_shutdown=2
        )
        self._server = uvicorn.Server(config)

    def run(self) -> None:
        """Serve until `stop` is called, or Ctrl-C."""
        with contextlib.suppress(KeyboardInterrupt):
            self._server.run(sockets=[self.socket])
        self.socket.close()

    def start(self) -> threading.Thread:
        """Serve in a thread."""
        self._thread = threading.Thread(target=self.run, name="playground server", daemon=True)
        self._thread.start()
        atexit.register(self.stop)
        return self._thread

    def stop(self) -> None:
        """Stop the server and wait until it has ended."""
        self._server.should_exit = True
        if self._thread is not None:
            self._thread.join(timeout=10)
            atexit.unregister(self.stop)

    def _app(self) -> Starlette:
        routes: list[BaseRoute] = [
            WebSocketRoute("/socket", self._talk),
            Route("/upload/{page}", self._upload, methods=["POST"]),
            Route("/model/{page}", self._model, methods=["GET", "POST"]),
            Route("/{name}", _file),
            Route("/", _file),
        ]
        return Starlette(
            routes=[Mount(f"/{self.token}", routes=routes)], lifespan=self._alive, middleware=[]
        )

    @contextlib.asynccontextmanager
    async def _alive(self, _: Starlette) -> AsyncIterator[None]:
        yield
        for session in list(self.sessions.values()):
            await run_in_threadpool(session.close)

    async def _talk(self, page: WebSocket) -> None:
        """Serve one page until it disconnects."""
        own = {f"http://{host}:{self.port}" for host in (HOST, "localhost")}
        if page.headers.get("origin") not in own:
            await page.close(1008, "this page has another origin")
            return
        await page.accept()
        if len(self.sessions) >= MAX_SESSIONS:
            await page.close(1013, f"{MAX_SESSIONS} pages are open: close one of them")
            return
        session = await run_in_threadpool(self.make)
        name = secrets.token_urlsafe(8)
        self.sessions[name] = session
        drawing = None
        try:
            first, *others = session.hello()
            for reply in (first | {"page": name}, *others):
                await page.send_text(_json(reply))
            drawing = asyncio.create_task(_draw(page, session))
            while True:
                received = await page.receive()
                if received["type"] == "websocket.disconnect":
                    break
                for reply in await run_in_threadpool(session.handle, _read(received)):
                    await page.send_text(_json(reply))
        except ProtocolError as error:
            await page.close(1008, str(error)[:120])
        except (WebSocketDisconnect, RuntimeError):  # the page has disconnected
            pass
        finally:
            del self.sessions[name]
            if drawing is not None:
                drawing.cancel()
            await run_in_threadpool(session.close)

    async def _upload(self, request: Request) -> Response:
        return await self._take(
            request,
            lambda session, data: session.read(
                data, unquote(request.headers.get("x-name", "table.csv"))
            ),
        )

    async def _model(self, request: Request) -> Response:
        if request.method == "POST":
            return await self._take(request, lambda session, data: session.open_model(data))
        session = self.sessions.get(request.path_params["page"])
        if session is None:
            return Response(status_code=404)
        name = 'attachment; filename="playground.mlp"'
        content = await run_in_threadpool(session.model)
        return Response(
            content, media_type="application/octet-stream", headers={"Content-Disposition": name}
        )

    async def _take(
        self, request: Request, act: Callable[[Session, bytes], dict[str, Any]]
    ) -> Response:
        """Read the body of a request, up to a maximum size, and pass it to `act`."""
        session = self.sessions.get(request.path_params["page"])
        if session is None:
            return Response(status_code=404)
        data = bytearray()
        async for piece in request.stream():
            data += piece
            if len(data) > MAX_BYTES:
                return _refusal(f"a file may have {MAX_BYTES // 2**20} MB here", 413)
        try:
            return JSONResponse(await run_in_threadpool(act, session, bytes(data)))
        except (ValueError, OSError) as error:
            return _refusal(str(error), 400)


async def _draw(page: WebSocket, session: Session) -> None:
    """Send frames, each after the page has shown the previous one."""
    clock = asyncio.get_running_loop().time
    due = clock()
    while True:
        frame = await run_in_threadpool(session.frame)
        if frame is not None:
            await page.send_bytes(frame)
        due = max(due + _FRAME, clock() + 0.002)  # a delay is not caught up
        await asyncio.sleep(due - clock())


def _read(received: Any) -> Any:
    text = received.get("text")
    if text is None:
        raise ProtocolError("a message must be text")
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        raise ProtocolError("a message must be JSON") from None


def _json(reply: Any) -> str:
    return json.dumps(reply, allow_nan=False)


def _refusal(reason: str, status: int) -> Response:
    return JSONResponse({"error": reason}, status)


async def _file(request: Request) -> Response:
    """Serve a file of the page, and nothing else."""
    name = request.path_params.get("name", "index.html")
    present = {one.name: one for one in files("multilayer.playground").joinpath("page").iterdir()}
    kind = _KINDS.get("." + name.rpartition(".")[2])
    if name not in present or kind is None:
        return Response(status_code=404)
    headers = {
        "Content-Security-Policy": _POLICY,
        "Cache-Control": "no-store",
        "Referrer-Policy": "no-referrer",
        "X-Content-Type-Options": "nosniff",
    }
    return Response(present[name].read_bytes(), media_type=kind, headers=headers)


def _listen(port: int) -> socket.socket:
    """Listen on a port of this machine, or on the next free one."""
    for tried in range(port, port + TRIES):
        listening = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        try:
            listening.bind((HOST, tried if port else 0))
        except OSError as error:
            listening.close()
            if error.errno != errno.EADDRINUSE:
                raise
        else:
            return listening
    raise OSError(errno.EADDRINUSE, f"no port from {port} to {port + TRIES - 1} is free")


def serve(make: Callable[[], Session] = Session, *, port: int = PORT, browser: bool = True) -> None:
    """Serve the playground until Ctrl-C, and print its address on one line.

    Parameters
    ----------
    make : callable, optional
        Creates the session of a page.
    port : int, default=8765
        If another program uses this port, the next free one is taken.
    browser : bool, default=True
        Whether to open the page.
    """
    server = Server(make, port)
    if port and server.port != port:
        print(f"Port {port} is in use; the playground takes {server.port} instead.")
    print(server.address, flush=True)
    if browser:
        threading.Timer(0.5, webbrowser.open, (server.address,)).start()
    server.run()
