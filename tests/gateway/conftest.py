"""A gateway as an attempt has it, between a client and a server that plays the model."""

import json
import shutil
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import openai
import pytest

from store import spending
from store.records import Lease
from store.runs import Store
from store.spending import ModelUsage
from tests.model_server import ModelServer, model_server
from tests.records import a_request, a_run, some_attempts
from worker.gateway.opening import OpenGateway, open_gateway
from worker.gateway.records import NAME
from worker.sandbox.serving import Server, loopback_listener
from worker.settings import load_settings


@dataclass(kw_only=True)
class Site:
    """A gateway that is open, and what it is made of."""

    model: ModelServer
    store: Store
    lease: Lease
    live: Path
    gateway: OpenGateway
    url: str
    server: Server
    notes: list[str] = field(default_factory=list)

    @property
    def client(self) -> openai.OpenAI:
        """The client of an agent that does not try again by itself."""
        return openai.OpenAI(base_url=self.url, api_key=self.gateway.access.token, max_retries=0, timeout=20)

    def post(self, path: str, body: object, *, token: str | None = None) -> httpx.Response:
        """A request by hand."""
        headers = {"authorization": f"Bearer {self.gateway.access.token if token is None else token}"}
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        return httpx.post(self.url + path, content=content, headers=headers, timeout=20, trust_env=False)

    def usage(self) -> list[ModelUsage]:
        """What the attempt has used."""
        return spending.usage_of_attempt(self.store, self.lease.attempt_id)

    def records(self) -> list[dict[str, Any]]:
        """What was recorded."""
        path = self.live / NAME
        return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []

    def close(self) -> None:
        """End the attempt."""
        self.server.close()
        self.server.join(15)


Open = Callable[..., Site]


@pytest.fixture
def model() -> Iterator[ModelServer]:
    with model_server() as served:
        yield served


@pytest.fixture(scope="session")
def empty_database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database with its tables, to be copied: making them takes longer than most tests here."""
    path = tmp_path_factory.mktemp("database") / "empty.db"
    Store.open(f"sqlite:///{path}").close()
    return path


@pytest.fixture
def site(tmp_path: Path, empty_database: Path, model: ModelServer, monkeypatch: pytest.MonkeyPatch) -> Iterator[Open]:
    """Opens gateways: `site(max_cost_usd=1)`; settings with `settings={...}`, variables with `environment={...}`."""
    with ExitStack() as stack:
        number = 0

        def opened(
            *, settings: dict[str, Any] | None = None, environment: dict[str, str] | None = None, **request: Any
        ) -> Site:
            nonlocal number
            number += 1
            for name, value in {**model.environment, **(environment or {})}.items():
                monkeypatch.setenv(name, value)
            live = tmp_path / f"live-{number}"
            live.mkdir()
            shutil.copyfile(empty_database, tmp_path / f"runs-{number}.db")
            store = Store.open(f"sqlite:///{tmp_path / f'runs-{number}.db'}")
            stack.callback(store.close)
            run = a_run(planned=1, request=a_request(**request))
            planned = some_attempts(run)
            store.create_run(run, planned)
            lease = store.acquire(planned[0].attempt_id, owner="worker", lease_secs=60)
            assert lease is not None
            notes: list[str] = []
            own = load_settings(env_file=tmp_path / ".env", **(settings or {}))
            gateway = open_gateway(own, store, lease, run.request, live, note=notes.append)
            listener = loopback_listener()
            url = f"http://127.0.0.1:{listener.getsockname()[1]}/v1"
            server = Server(listener, gateway.access.app, name="model")
            made = Site(
                model=model, store=store, lease=lease, live=live, gateway=gateway, url=url, server=server, notes=notes
            )
            stack.callback(made.close)
            return made

        yield opened
