"""The application behind uvicorn, on a socket that listens already."""

import asyncio
import socket
from types import FrameType

import uvicorn
from fastapi import FastAPI
from uvicorn.protocols.http.auto import AutoHTTPProtocol

from server.events import Watches

MOST_CONNECTIONS = 1000
REQUEST_SECS = 10.0  # that a connection may be open without a request's head; up to twice as long after another one
WORKING = object()  # in place of a request that is not answered yet
LAST_SECS = 3  # that open downloads get when the server is stopped


def listen(app: FastAPI, listener: socket.socket) -> None:
    """Serve until the process is told to stop."""
    server_of(app).run(sockets=[listener])


def server_of(app: FastAPI) -> uvicorn.Server:
    """Give the server of an application, set up for strangers."""
    config = uvicorn.Config(
        app,
        http=_Impatient,
        proxy_headers=False,  # the address that counts for the rate is that of the connection
        server_header=False,
        limit_concurrency=MOST_CONNECTIONS,
        timeout_graceful_shutdown=LAST_SECS,
    )
    return _Server(config, app)


class _Impatient(AutoHTTPProtocol):  # type: ignore[misc, valid-type]  # one of two classes
    """Closes a connection on which no request comes, the first or a further one: else anybody could hold all of them.

    uvicorn itself closes one that is silent after a request; not one that says half a word.
    """

    def connection_made(self, transport: asyncio.Transport) -> None:
        super().connection_made(transport)
        self.loop.call_later(REQUEST_SECS, self._look, self.cycle)

    def _look(self, before: object) -> None:
        """Close the connection if it has been without a request since the last look, when `before` was the last one."""
        if self.transport.is_closing():
            return
        at_work = self.cycle is not None and not self.cycle.response_complete
        if not at_work and self.cycle is before:
            self.transport.close()
            return
        self.loop.call_later(REQUEST_SECS, self._look, WORKING if at_work else self.cycle)


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
