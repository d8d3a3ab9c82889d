"""What is done with httpx: requests, their answers, and what a failed connection means."""

import asyncio
import time
from collections.abc import AsyncIterator, Iterator
from typing import Any
from urllib.parse import urlsplit

import httpx

from core.errors import InputError
from sdk.errors import ServerUnreachable
from sdk.wire import Action, NextPiece, Pause, Reply, Request

BASE_URL = "http://127.0.0.1:8000"
TIMEOUT_SECS, CONNECT_SECS = 30.0, 5.0
KEEP_ALIVE_SECS = 2.0  # less than the server's 5: a connection that it closes at that moment may cost a request
LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})
NOT_SENT = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout, httpx.ProxyError, httpx.UnsupportedProtocol)


class Exchange:
    """What one call has open: at most one answer that is streamed."""

    def __init__(self, http: httpx.Client) -> None:
        self._http = http
        self._response: httpx.Response | None = None
        self._pieces: Iterator[bytes] = iter(())

    def perform(self, action: Action) -> Any:
        """Do what a call asks for and give the outcome; a connection that failed is one too, as ServerUnreachable."""
        try:
            if isinstance(action, Pause):
                return time.sleep(action.secs)
            return next(self._pieces, None) if isinstance(action, NextPiece) else self._request(action)
        except httpx.RequestError as error:
            return _unreachable(error, self._http.base_url)

    def _request(self, request: Request) -> Reply:
        self.close()
        self._response = self._http.send(self._http.build_request(**_arguments(request)), stream=True)
        if request.streamed and self._response.status_code < 400:
            self._pieces = self._response.iter_bytes()
            return _reply(self._response)
        self._response.read()
        return _reply(self._response, self._response.content)

    def close(self) -> None:
        """Leave an answer that was not read to its end."""
        if self._response is not None:
            self._response.close()


class AsyncExchange:
    """The same in an event loop."""

    def __init__(self, http: httpx.AsyncClient) -> None:
        self._http = http
        self._response: httpx.Response | None = None
        self._pieces: AsyncIterator[bytes] | None = None

    async def perform(self, action: Action) -> Any:
        """As `Exchange.perform`."""
        try:
            if isinstance(action, Pause):
                return await asyncio.sleep(action.secs)
            if isinstance(action, NextPiece):
                return None if self._pieces is None else await anext(self._pieces, None)
            return await self._request(action)
        except httpx.RequestError as error:
            return _unreachable(error, self._http.base_url)

    async def _request(self, request: Request) -> Reply:
        await self.aclose()
        self._response = await self._http.send(self._http.build_request(**_arguments(request)), stream=True)
        if request.streamed and self._response.status_code < 400:
            self._pieces = self._response.aiter_bytes()
            return _reply(self._response)
        await self._response.aread()
        return _reply(self._response, self._response.content)

    async def aclose(self) -> None:
        """As `Exchange.close`."""
        if self._response is not None:
            await self._response.aclose()


def http_options(base_url: str, *, token: str | None, timeout: float, retries: int) -> dict[str, Any]:
    """Check a client's arguments and give httpx's."""
    try:
        parts = urlsplit(base_url)
        usable = parts.scheme in ("http", "https") and bool(parts.hostname) and not parts.query and httpx.URL(base_url)
    except (ValueError, httpx.InvalidURL):
        usable = False
    if not usable:
        raise InputError(f"base_url={base_url!r}: expected the server's address, for example {BASE_URL}")
    if token is not None and not (token.isascii() and token.isprintable() and token.strip() == token and token):
        raise InputError("token: expected printable ASCII characters without spaces around them")
    if not timeout > 0 or retries < 0:
        raise InputError(
            f"timeout={timeout}, retries={retries}: expected seconds greater than 0, and 0 or more retries"
        )
    agent = {"User-Agent": "mlebench-sdk", "Accept": "application/json"}
    return {
        "base_url": base_url,
        "headers": agent | ({} if token is None else {"Authorization": f"Bearer {token}"}),
        "timeout": httpx.Timeout(timeout, connect=min(timeout, CONNECT_SECS)),
        "limits": httpx.Limits(keepalive_expiry=KEEP_ALIVE_SECS),
        "trust_env": parts.hostname not in LOOPBACK,  # no proxy leads back to this machine
    }


def _arguments(request: Request) -> dict[str, Any]:
    """Give httpx's arguments for a request."""
    quiet = {} if request.quiet_secs is None else {"timeout": httpx.Timeout(request.quiet_secs, connect=CONNECT_SECS)}
    return {
        "method": request.method,
        "url": request.path,
        "params": dict(request.query),
        "headers": dict(request.headers),
        **({} if request.body is None else {"json": request.body}),
        **quiet,
    }


def _reply(response: httpx.Response, body: bytes = b"") -> Reply:
    return Reply(status=response.status_code, headers=dict(response.headers), body=body)


def _unreachable(error: httpx.RequestError, base_url: httpx.URL) -> ServerUnreachable:
    """Say what a failed connection means."""
    reason = str(error) or type(error).__name__
    if isinstance(error, NOT_SENT):
        text = (
            f"no server answers at {base_url} ({reason}); start one with: python server.py, "
            "or give base_url the address of one that runs"
        )
    elif isinstance(error, httpx.TimeoutException):
        text = f"the server at {base_url} did not answer in time ({reason}); Client(timeout=...) gives it longer"
    else:
        text = f"the connection to {base_url} broke ({reason})"
    unreachable = ServerUnreachable(text, maybe_taken=not isinstance(error, NOT_SENT))
    unreachable.__cause__ = error
    return unreachable
