"""The server of the playground: one session for each page, on this machine only."""

from __future__ import annotations

import asyncio
import atexit
import contextlib
import errno
import secrets
import socket
import threading
import webbrowser
from collections.abc import AsyncIterator, Awaitable, Callable
from importlib.resources import files
from typing import Any
from urllib.parse import unquote

import uvicorn
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.middleware import Middleware
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Mount, Route, WebSocketRoute
from starlette.websockets import WebSocket, WebSocketDisconnect

from multilayer.playground.limits import MAX_BYTES
from multilayer.playground.protocol import ERRORS, ProtocolError, encode, explain
from multilayer.playground.session import Session
from multilayer.playground.uploads import close as end_reading

__all__ = ["Server", "serve"]

HOST, PORT, TRIES = "127.0.0.1", 8765, 50
# Another name could belong to a foreign page that has bound it to this machine (DNS rebinding).
NAMES = [HOST, "localhost"]
MAX_SESSIONS = 16
MAX_CONNECTIONS = 256
MAX_MESSAGE = 2**20  # bytes; a page has one message carried out at a time
_UPLOAD_SECONDS = 60  # in which the bytes of an upload must arrive
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
        self._pages, self._busy, self._reading = 0, set[str](), asyncio.Lock()
        self._thread: threading.Thread | None = None
        config = uvicorn.Config(
            self._app(),
            log_level="error",
            ws_max_size=MAX_MESSAGE,
            limit_concurrency=MAX_CONNECTIONS,
            timeout_graceful_shutdown=2,
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
            routes=[Mount(f"/{self.token}", routes=routes)],
            lifespan=self._alive,
            middleware=[Middleware(TrustedHostMiddleware, allowed_hosts=NAMES, www_redirect=False)],
        )

    @contextlib.asynccontextmanager
    async def _alive(self, _: Starlette) -> AsyncIterator[None]:
        yield
        for session in list(self.sessions.values()):
            await run_in_threadpool(session.close)
        await run_in_threadpool(end_reading)

    def _is_own(self, origin: str | None) -> bool:
        return origin in {f"http://{host}:{self.port}" for host in NAMES}

    async def _talk(self, page: WebSocket) -> None:
        """Serve one page until it disconnects."""
        if not self._is_own(page.headers.get("origin")):
            await page.close(1008, "this page has another origin")
            return
        await page.accept()
        if self._pages >= MAX_SESSIONS:
            await page.close(1013, f"{MAX_SESSIONS} pages are open: close one of them")
            return
        self._pages += 1
        try:
            await self._serve_page(page, await run_in_threadpool(self.make))
        except ProtocolError as error:
            await page.close(1008, str(error)[:120])
        except (WebSocketDisconnect, RuntimeError):  # the page has disconnected
            pass
        finally:
            self._pages -= 1

    async def _serve_page(self, page: WebSocket, session: Session) -> None:
        name, drawing = secrets.token_urlsafe(8), None
        self.sessions[name] = session
        try:
            first, *others = session.hello()
            for reply in (first | {"page": name}, *others):
                await page.send_text(encode(reply))
            drawing = asyncio.create_task(_draw(page, session))
            while True:
                received = await page.receive()
                if received["type"] == "websocket.disconnect":
                    break
                for answer in await run_in_threadpool(session.answer, received.get("text")):
                    await page.send_text(answer)
        finally:
            del self.sessions[name]
            if drawing is not None:
                drawing.cancel()
            await run_in_threadpool(session.close)

    async def _upload(self, request: Request) -> Response:
        name = unquote(request.headers.get("x-name", "table.csv"))
        return await self._take(request, lambda session, data: session.read(data, name))

    async def _model(self, request: Request) -> Response:
        if request.method == "POST":
            return await self._take(request, lambda session, data: session.open_model(data))
        return await self._act(request, self._send_model)

    async def _send_model(self, session: Session) -> Response:
        return Response(
            await run_in_threadpool(session.model),
            media_type="application/octet-stream",
            headers={"Content-Disposition": 'attachment; filename="playground.mlp"'},
        )

    async def _take(
        self, request: Request, act: Callable[[Session, bytearray], dict[str, Any]]
    ) -> Response:
        """Read the body of a request, up to a maximum size, and pass it to `act`."""

        async def take(session: Session) -> Response:
            data = bytearray()
            try:
                async with asyncio.timeout(_UPLOAD_SECONDS):
                    async for piece in request.stream():
                        data += piece
                        if len(data) > MAX_BYTES:
                            most = MAX_BYTES // 2**20
                            return _refusal(
                                f"a file may have {most} MB, but this one is larger", 413
                            )
            except TimeoutError:
                return _refusal(f"a file must arrive within {_UPLOAD_SECONDS} seconds", 408)
            async with self._reading:
                reply = await run_in_threadpool(lambda: encode(act(session, data)))
            return Response(reply, media_type="application/json")

        return await self._act(request, take)

    async def _act(
        self, request: Request, act: Callable[[Session], Awaitable[Response]]
    ) -> Response:
        """Carry out a request about a session: one at a time, since they are the large ones."""
        page = request.path_params["page"]
        session, origin = self.sessions.get(page), request.headers.get("origin")
        if session is None:
            return _refusal("this page is no longer connected: load it again", 404)
        if origin is not None and not self._is_own(origin):
            return _refusal("the file was sent by a page of another origin", 403)
        if page in self._busy:
            return _refusal("a page sends one file at a time: wait for the previous one", 409)
        self._busy.add(page)
        try:
            return await act(session)
        except ClientDisconnect:
            return Response(status_code=400)
        except ERRORS as error:
            return _refusal(explain(error), 400)
        finally:
            self._busy.discard(page)


async def _draw(page: WebSocket, session: Session) -> None:
    """Send frames, each after the page has shown the previous one."""
    clock = asyncio.get_running_loop().time
    due = clock()
    while True:
        frame = await run_in_threadpool(session.frame)
        if isinstance(frame, bytes):
            await page.send_bytes(frame)
        elif frame is not None:
            await page.send_text(frame)
        due = max(due + _FRAME, clock() + 0.002)  # a delay is not caught up
        await asyncio.sleep(due - clock())


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
            listening.listen(MAX_CONNECTIONS)  # so the address holds once it is printed
        except OSError as error:
            listening.close()
            if error.errno != errno.EADDRINUSE:
                raise
        else:
            return listening
    raise OSError(errno.EADDRINUSE, f"no port from {port} to {port + TRIES - 1} is free")


def serve(
    make: Callable[[], Session] = Session,
    *,
    port: int = PORT,
    browser: bool = True,
    settings: str = "",
) -> None:
    """Serve the playground until Ctrl-C, and print its address on one line.

    Parameters
    ----------
    make : callable, optional
        Creates the session of a page.
    port : int, default=8765
        If another program uses this port, the next free one is taken.
    browser : bool, default=True
        Whether to open the page.
    settings : str, default=""
        Settings that a page has shared, such as "data=spiral&layers=8,8": the address ends with
        them, and a page at this address starts with them.
    """
    server = Server(make, port)
    address = server.address + (settings and "#" + settings.strip().removeprefix("#"))
    if port and server.port != port:
        print(f"Port {port} is in use; the playground takes {server.port} instead.")
    print(address, flush=True)
    if browser:
        threading.Timer(0.5, webbrowser.open, (address,)).start()
    server.run()
