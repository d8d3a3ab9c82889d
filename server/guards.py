"""Who may ask: the bearer token, the browser's rules that protect a server without one, and how often.

Each is a small ASGI middleware that answers before anything of the request is read.
"""

import hmac
import ipaddress
import time
from collections import OrderedDict
from collections.abc import Callable
from urllib.parse import urlsplit

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

from server.problems import problem_response

OPEN_PATHS = frozenset({"/health", "/docs", "/openapi.json"})  # for anybody
LOOPBACK_NAMES = ("localhost", "127.0.0.1", "[::1]")
MOST_ADDRESSES = 10_000  # whose rate is remembered


def is_loopback(host: str) -> bool:
    """Whether only this machine reaches a server that listens on `host`."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def names_of(host: str) -> list[str]:
    """Give the names in a Host header by which a server on `host` is meant."""
    return [*LOOPBACK_NAMES, f"[{host}]" if ":" in host else host]


class BearerToken:
    """Asks for `Authorization: Bearer TOKEN` everywhere but at the open paths."""

    def __init__(self, app: ASGIApp, *, token: str) -> None:
        self._app = app
        self._expected = token.encode()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["path"] in OPEN_PATHS or self._is_right(scope):
            await self._app(scope, receive, send)
            return
        answer = problem_response(
            401,
            "this server asks for its token (MLEBENCH_API_TOKEN) in a header: Authorization: Bearer TOKEN",
            headers={"WWW-Authenticate": "Bearer"},
        )
        await answer(scope, receive, send)

    def _is_right(self, scope: Scope) -> bool:
        scheme, _, given = Headers(scope=scope).get("authorization", "").partition(" ")
        presented = given.strip().encode("latin-1")  # as the bytes came
        return scheme.lower() == "bearer" and hmac.compare_digest(presented, self._expected)


class SameOrigin:
    """Refuses what a web page of somebody else's has a browser send: it could reach a server on this machine."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            headers = Headers(scope=scope)
            origin = headers.get("origin")
            foreign = origin is not None and _place(origin) != headers.get("host", "").lower()
            if foreign or headers.get("sec-fetch-site") == "cross-site":
                answer = problem_response(403, "requests from web pages of another origin are refused")
                await answer(scope, receive, send)
                return
        await self._app(scope, receive, send)


def _place(origin: str) -> str | None:
    try:
        return urlsplit(origin).netloc.lower() or None
    except ValueError:
        return None


class RateLimit:
    """Lets each client address make so many requests a minute, on the average; as many may come at once.

    A token bucket of a few lines: the libraries for this bring threads or go by the wall clock, which jumps.
    """

    def __init__(self, app: ASGIApp, *, per_minute: int, clock: Callable[[], float] = time.monotonic) -> None:
        self._app = app
        self._most = float(per_minute)
        self._per_sec = per_minute / 60
        self._clock = clock
        self._buckets: OrderedDict[str, tuple[float, float]] = OrderedDict()  # address -> what is left, and when

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and (wait_secs := self._take(scope["client"][0] if scope["client"] else "")) > 0:
            answer = problem_response(
                429,
                f"more than {self._most:g} requests a minute from one address (MLEBENCH_API_RATE)",
                headers={"Retry-After": str(int(wait_secs) + 1)},
            )
            await answer(scope, receive, send)
            return
        await self._app(scope, receive, send)

    def _take(self, address: str) -> float:
        """Take one request from an address's bucket; gives the seconds until there is one again, 0 if there was."""
        now = self._clock()
        left, since = self._buckets.pop(address, (self._most, now))
        left = min(self._most, left + (now - since) * self._per_sec)
        wait_secs = 0.0 if left >= 1 else (1 - left) / self._per_sec
        self._buckets[address] = (left if wait_secs else left - 1, now)
        if len(self._buckets) > MOST_ADDRESSES:
            self._buckets.popitem(last=False)
        return wait_secs
