"""A web application on one listening socket, in a thread of its own."""

import asyncio
import os
import socket
import threading
from pathlib import Path

import uvicorn
from starlette.types import ASGIApp, Message, Receive, Scope, Send

MAX_CONNECTIONS = 32


class Server:
    """Serves `app` on a listening socket, TCP or Unix. Takes the socket over: `close` closes it."""

    def __init__(self, listener: socket.socket, app: ASGIApp, *, name: str) -> None:
        self._listener = listener
        config = uvicorn.Config(
            _ending_quietly(app),
            log_config=None,
            log_level="warning",
            access_log=False,
            lifespan="off",
            limit_concurrency=MAX_CONNECTIONS,
        )
        self._server = uvicorn.Server(config)
        self._thread = threading.Thread(target=self._serve, name=name, daemon=True)
        self._thread.start()

    @property
    def connections(self) -> int:
        """Open connections."""
        return len(self._server.server_state.connections)

    def close(self) -> None:
        """Stop serving and close the socket. Returns at once; the thread ends by itself shortly after.

        Calls that are being answered are broken off: their tasks are cancelled.
        """
        self._server.should_exit = True
        self._server.force_exit = True

    def join(self, seconds: float) -> None:
        """After `close`: wait for the thread's end."""
        self._thread.join(seconds)

    def _serve(self) -> None:
        try:
            self._server.run(sockets=[self._listener])
        finally:
            self._listener.close()


def _ending_quietly(app: ASGIApp) -> ASGIApp:
    """An app whose calls, where the server's end cancels them, are answered instead of reported as errors."""

    async def answer(scope: Scope, receive: Receive, send: Send) -> None:
        begun = False

        async def noting_send(message: Message) -> None:
            nonlocal begun
            begun = True
            await send(message)

        try:
            await app(scope, receive, noting_send)
        except asyncio.CancelledError:
            if not begun:
                await send({"type": "http.response.start", "status": 503, "headers": []})
            await send({"type": "http.response.body", "body": b""})

    return answer


def loopback_listener() -> socket.socket:
    """A listening TCP socket on a free port of 127.0.0.1."""
    return socket.create_server(("127.0.0.1", 0), backlog=MAX_CONNECTIONS)


def unix_listener(folder: Path, name: str) -> socket.socket:
    """A listening Unix socket in `folder`, for every user who gets there."""
    (folder / name).unlink(missing_ok=True)
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        listener = socket.socket(socket.AF_UNIX)
        # A Unix socket's path has room for 107 bytes; this one is short whatever the folder's is.
        listener.bind(f"/proc/self/fd/{descriptor}/{name}")
        (folder / name).chmod(0o666)
        listener.listen(MAX_CONNECTIONS)
    finally:
        os.close(descriptor)
    return listener
