"""A server on a real socket that behaves as a test says: what a well-behaved one cannot be made to do."""

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any


@dataclass(frozen=True, kw_only=True)
class Scripted:
    """One answer. With `cut_after`, the connection breaks after so many bytes of the body."""

    status: int = 200
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)
    cut_after: int | None = None


@dataclass(frozen=True, kw_only=True)
class Received:
    """A request as it came."""

    method: str
    path: str
    headers: Mapping[str, str]  # names in lower case
    body: bytes


@dataclass
class ScriptedServer:
    """Its address, and what it was asked."""

    url: str
    received: list[Received] = field(default_factory=list)

    @property
    def paths(self) -> list[str]:
        return [request.path for request in self.received]


def as_json(value: Any, status: int = 200, **headers: str) -> Scripted:
    """An answer with a JSON body; underscores in the headers' names are hyphens."""
    named = {name.replace("_", "-"): text for name, text in headers.items()}
    return Scripted(
        status=status, body=json.dumps(value).encode(), headers={"Content-Type": "application/json", **named}
    )


@contextmanager
def scripted_server(answer: Callable[[Received], Scripted]) -> Iterator[ScriptedServer]:
    """Serve what `answer` gives for each request while the context lasts."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def _serve(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            headers = {name.lower(): value for name, value in self.headers.items()}
            request = Received(method=self.command, path=self.path, headers=headers, body=body)
            server.received.append(request)
            said = answer(request)
            self.send_response(said.status)
            for name, value in said.headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(said.body)))
            self.end_headers()
            with suppress(BrokenPipeError):  # a client that wants no more
                self.wfile.write(said.body[: said.cut_after])
            self.close_connection = said.cut_after is not None

        do_GET = do_POST = _serve  # noqa: N815  # as http.server calls them

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as listening:
        server = ScriptedServer(url=f"http://127.0.0.1:{listening.server_port}")
        thread = Thread(target=listening.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield server
        finally:
            listening.shutdown()
            thread.join()


def in_turn(*answers: Scripted) -> Callable[[Received], Scripted]:
    """Give these answers one after the other, and the last one again and again."""
    left = list(answers)
    return lambda _: left.pop(0) if len(left) > 1 else left[0]
