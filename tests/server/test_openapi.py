"""The OpenAPI document, and schemathesis, which asks whatever it allows and what it does not."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.server.conftest import settings_in
from tests.server.live import Live, live
from tests.services import wait_until

CONFIG = Path(__file__).parent / "schemathesis.toml"
EVENTS = "/runs/{run_id}/events"
EXAMPLES = 6  # of each operation, beside those that cover each rule of the schema once


@pytest.fixture(scope="module", params=["open", pytest.param("token", marks=pytest.mark.integration)])
def asked(request: pytest.FixtureRequest, broker: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    """A server with SQLite, or with Postgres and a token. Nothing works the queue: runs stay rows and messages."""
    folder = tmp_path_factory.mktemp("asked")
    own = {"broker_url": broker, "api_rate": 0, "api_attempts": 20}
    if request.param == "token":
        own |= {"api_token": "sesame-open-4711", "database_url": request.getfixturevalue("postgres")}
    with live(settings_in(folder, **own)) as server:
        yield server


def schemathesis(server: Live, folder: Path, *arguments: str) -> "subprocess.CompletedProcess[str]":
    """Run it against a server, with all of its checks."""
    program = str(Path(sys.executable).parent / "schemathesis")
    token = ("--header", f"Authorization: Bearer {server.token}") if server.token else ()
    options = ("--checks", "all", "--max-examples", str(EXAMPLES), "--request-timeout", "20", "--no-color")
    return subprocess.run(
        [program, "--config-file", str(CONFIG), "run", f"{server.url}/openapi.json", *token, *options, *arguments],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=100,
    )


def test_schemathesis_passes_every_check(asked: Live, tmp_path: Path) -> None:
    done = schemathesis(asked, tmp_path, "--exclude-path", EVENTS)
    assert done.returncode == 0, done.stdout + done.stderr


def test_schemathesis_passes_every_check_on_the_events_of_a_closed_run(broker: str, tmp_path: Path) -> None:
    """Of a run that goes on, the answer would go on as well."""
    with live(settings_in(tmp_path, broker_url=broker, api_rate=0)) as server:
        server.post("/runs").raise_for_status()
        server.post("/runs/latest/cancel").raise_for_status()
        wait_until(
            lambda: server.get("/runs/latest").json()["status"] == "failed",
            timeout_secs=10,
            description="it is closed",
        )
        done = schemathesis(server, tmp_path, "--include-path", EVENTS)
    assert done.returncode == 0, done.stdout + done.stderr
