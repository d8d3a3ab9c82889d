"""The application behind uvicorn, on a socket that listens already."""

import asyncio
import socket
from types import FrameType

import uvicorn
from fastapi import FastAPI
from uvicorn.protocols.http.auto import AutoHTTPProtocol

from server.events import Watches

MOST_CONNECTIONS = 1000
FIRST_REQUEST_SECS = 10.0
LAST_SECS = 3  # that open downloads get when the server is stopped


def listen(app: FastAPI, listener: socket.socket) -> None:
    """Serve until the process is told to stop."""
    config = uvicorn.Config(
        app,
        http=_Impatient,
        proxy_headers=False,  # the address that counts for the rate is that of the connection
        server_header=False,
        limit_concurrency=MOST_CONNECTIONS,
        timeout_graceful_shutdown=LAST_SECS,
    )
    _Server(config, app).run(sockets=[listener])


class _Impatient(AutoHTTPProtocol):  # type: ignore[misc, valid-type]  # one of two classes
    """Closes a connection on which no request comes: else anybody could hold all of them."""

    def connection_made(self, transport: asyncio.Transport) -> None:
        super().connection_made(transport)
        self.loop.call_later(FIRST_REQUEST_SECS, self._give_up)

    def _give_up(self) -> None:
        if self.cycle is None and not self.transport.is_closing():
            self.transport.close()


class _Server(uvicorn.Server):
    """Ends the streams of events when it is told to stop: uvicorn would wait for them, and then complain."""

    def __init__(self, config: uvicorn.Config, app: FastAPI) -> None:
        super().__init__(config)
        self._app = app
        self._loop: asyncio.AbstractEventLoop | None = None

    async def serve(self, sockets: list[socket.socket] | None = None) -> None:
        self._loop = asyncio.get_running_loop()
        await super().serve(sockets)

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        super().handle_exit(sig, frame)
        watches: Watches | None = getattr(self._app.state, "watches", None)
        if watches is not None and self._loop is not None:
            self._loop.call_soon_threadsafe(watches.end)
