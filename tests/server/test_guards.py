"""Who may ask, how often, and how much at a time; each refusal is a problem that says what to do."""

import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from starlette.types import Message, Receive, Scope, Send

from core.errors import InputError
from server.guards import MOST_ADDRESSES, RateLimit, is_loopback, names_of
from server.serving import check
from tests.server.conftest import settings_in
from tests.server.live import Live, live, problem

TOKEN = "sésame-öpen"  # not all are ASCII


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    """A server with a token."""
    with live(settings_in(tmp_path_factory.mktemp("guarded"), api_token=TOKEN)) as server:
        yield server


@pytest.mark.parametrize("given", [None, "Bearer", "Bearer wrong", "Basic x", f"Bearer {TOKEN}x", "Bearer \xff"])
def test_without_the_token_nothing_is_shown(guarded: Live, given: str | None) -> None:
    headers = {} if given is None else {"Authorization": given.encode()}
    for path in ("/runs", "/files/x/y", "/nothing"):
        answer = _without_token(guarded, path, headers)
        assert "MLEBENCH_API_TOKEN" in problem(answer, 401)["detail"]
        assert answer.headers["www-authenticate"] == "Bearer"


def test_with_the_token_all_is_shown(guarded: Live) -> None:
    assert _without_token(guarded, "/runs", {"Authorization": f"bearer  {TOKEN} ".encode()}).json() == []


@pytest.mark.parametrize("path", ["/health", "/docs", "/openapi.json"])
def test_health_and_documentation_ask_for_no_token(guarded: Live, path: str) -> None:
    assert _without_token(guarded, path, {}).status_code == 200


def _without_token(server: Live, path: str, headers: dict[str, Any]) -> Any:
    return Live(app=server.app, port=server.port).get(path, headers=headers)


@pytest.mark.parametrize("host", ["evil.example", "evil.example:8000", "127.0.0.1.evil.example", "", "a b"])
def test_without_a_token_a_name_that_points_here_is_refused(served: Live, host: str) -> None:
    problem(served.get("/runs", headers={"Host": host}), 400)


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1:1", "[::1]:8000"])
def test_the_names_of_this_machine_are_known(served: Live, host: str) -> None:
    assert served.get("/agents", headers={"Host": host}).status_code == 200


@pytest.mark.parametrize(
    "headers",
    [{"Origin": "http://evil.example"}, {"Origin": "null"}, {"Origin": "http://["}, {"Sec-Fetch-Site": "cross-site"}],
)
def test_a_web_page_of_another_origin_cannot_start_runs(served: Live, headers: dict[str, str]) -> None:
    before = served.get("/runs").json()
    problem(served.post("/runs", headers=headers), 403)
    assert served.get("/runs").json() == before


def test_the_servers_own_pages_may_ask(served: Live) -> None:
    assert served.get("/agents", headers={"Origin": served.url, "Sec-Fetch-Site": "same-origin"}).status_code == 200


def test_a_large_body_is_refused(served: Live) -> None:
    body = b'{"notes": "' + b"x" * (1 << 20) + b'"}'
    problem(served.post("/runs", data=body, headers={"Content-Type": "application/json"}), 413)


def test_a_large_body_in_chunks_is_refused(served: Live) -> None:
    def chunks() -> Iterator[bytes]:
        for _ in range(40):
            yield b"x" * 32_768

    problem(served.post("/runs", data=chunks(), headers={"Content-Type": "application/json"}), 413)


def test_json_must_be_called_json(served: Live) -> None:
    """Or a form on a web page could send it, which browsers do without asking."""
    problem(served.post("/runs", data=b'{"agent_id": "dummy"}', headers={"Content-Type": "text/plain"}), 422)


@pytest.mark.parametrize("body", [b"{", b"\xff", b"[" * 100_000, b'{"n_seeds": NaN}', b'"x"', b"{}x"])
def test_a_body_that_is_no_order_is_refused(served: Live, body: bytes) -> None:
    answer = served.post("/runs", data=body, headers={"Content-Type": "application/json"})
    assert answer.status_code in (400, 422)
    problem(answer, answer.status_code)


def test_a_request_that_is_no_http_ends_alone(served: Live) -> None:
    with socket.create_connection(("127.0.0.1", served.port), timeout=10) as connection:
        connection.sendall(b"GET /runs HTTP/9.9\r\n\x00\r\n\r\n")
        assert connection.recv(100).startswith(b"HTTP/1.1 400")
    assert served.get("/agents").status_code == 200


def test_too_many_requests_from_one_address_have_to_wait(tmp_path: Path) -> None:
    with live(settings_in(tmp_path, api_rate=5)) as server:
        answers = [server.get("/agents") for _ in range(6)]
    assert [answer.status_code for answer in answers[:5]] == [200] * 5
    assert "MLEBENCH_API_RATE" in problem(answers[5], 429)["detail"]
    assert 1 <= int(answers[5].headers["retry-after"]) <= 13


async def _pass(_: Scope, __: Receive, send: Send) -> None:
    await send({"type": "http.response.start", "status": 200, "headers": []})


@pytest.mark.anyio
async def test_a_bucket_fills_with_time_and_addresses_have_their_own() -> None:
    now = 100.0
    limit = RateLimit(_pass, per_minute=60, clock=lambda: now)

    async def ask(address: str) -> int:
        sent: list[Message] = []

        async def send(message: Message) -> None:
            sent.append(message)

        await limit({"type": "http", "client": (address, 1)}, None, send)  # type: ignore[arg-type]  # never received
        return int(sent[0]["status"])

    assert [await ask("a") for _ in range(61)] == [200] * 60 + [429]
    assert await ask("b") == 200
    now += 1.0
    assert [await ask("a") for _ in range(2)] == [200, 429]
    now += 3600.0
    assert [await ask("a") for _ in range(61)] == [200] * 60 + [429]
    for number in range(MOST_ADDRESSES):
        await ask(f"host-{number}")
    assert len(limit._buckets) == MOST_ADDRESSES


@pytest.fixture
def anyio_backend() -> str:
    """Asyncio, as in the server."""
    return "asyncio"


@pytest.mark.parametrize(
    ("host", "expected"),
    [
        ("127.0.0.1", True),
        ("127.9.9.9", True),
        ("::1", True),
        ("localhost", True),
        ("0.0.0.0", False),
        ("::", False),
        ("10.0.0.1", False),
        ("example.org", False),
        ("", False),
    ],
)
def test_what_is_loopback(host: str, expected: bool) -> None:
    assert is_loopback(host) is expected


def test_an_address_of_version_6_stands_in_brackets_in_a_host_header() -> None:
    assert names_of("::1")[-1] == "[::1]"


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.168.1.2", ""])
def test_other_machines_are_listened_to_with_a_token_only(tmp_path: Path, host: str) -> None:
    with pytest.raises(InputError, match="set MLEBENCH_API_TOKEN"):
        check(settings_in(tmp_path), host=host)
    assert not (tmp_path / "runs").exists(), "nothing was made"
    check(settings_in(tmp_path, api_token=TOKEN), host=host)
