"""The application behind a real uvicorn on a real port, in a thread of the test's process."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import requests
import uvicorn
from fastapi import FastAPI

from server.app import create_app
from tests.services import wait_until
from worker.settings import Settings


@dataclass(frozen=True, kw_only=True)
class Live:
    """A server that answers."""

    app: FastAPI
    port: int
    token: str | None = None

    @property
    def url(self) -> str:
        """Where it is."""
        return f"http://127.0.0.1:{self.port}"

    def ask(self, method: str, path: str, **options: Any) -> requests.Response:
        """Make one request, with the token where there is one."""
        own = {"Authorization": f"Bearer {self.token}"} if self.token else {}
        headers = own | options.pop("headers", {})
        return requests.request(method, self.url + path, headers=headers, timeout=30, **options)

    def get(self, path: str, **options: Any) -> requests.Response:
        """GET."""
        return self.ask("GET", path, **options)

    def post(self, path: str, **options: Any) -> requests.Response:
        """POST."""
        return self.ask("POST", path, **options)


@contextmanager
def live(settings: Settings) -> Iterator[Live]:
    """Serve while the context lasts."""
    app = create_app(settings)
    server = uvicorn.Server(
        uvicorn.Config(app, host="127.0.0.1", port=0, log_level="error", timeout_graceful_shutdown=1)
    )
    thread = threading.Thread(target=server.run, name="uvicorn")
    thread.start()
    try:
        wait_until(
            lambda: server.started or not thread.is_alive(), timeout_secs=30, description="the server has started"
        )
        assert server.started
        port = server.servers[0].sockets[0].getsockname()[1]
        token = settings.api_token.get_secret_value() if settings.api_token else None
        yield Live(app=app, port=port, token=token)
    finally:
        server.should_exit = True
        thread.join(30)


def problem(answer: requests.Response, status: int) -> dict[str, Any]:
    """The problem that an answer is; AssertionError where it is none, or has another status."""
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    found: dict[str, Any] = answer.json()
    assert found.keys() >= {"type", "title", "status", "detail"}
    assert found["status"] == status
    return found
