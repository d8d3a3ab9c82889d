"""Both clients on real sockets, against a server that misbehaves as no real one can be made to."""

import inspect
import json
import subprocess
import sys
from collections.abc import Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from threading import Event as Flag

import httpx
import pytest

from sdk import (
    AsyncClient,
    Client,
    InputError,
    NotFound,
    NotNow,
    Refused,
    Run,
    ServerFailed,
    ServerUnreachable,
    TooManyRequests,
    Unauthorized,
    UnexpectedAnswer,
)
from sdk.artifacts import Part
from sdk.exchange import _unreachable
from tests.sdk.answers import run_object
from tests.sdk.conftest import Connect
from tests.sdk.scripted_server import Received, Scripted, ScriptedServer, as_json, in_turn, scripted_server

RUN = as_json(run_object())
BUSY = as_json({"detail": "busy"}, 503)

NOBODY = "http://127.0.0.1:9"  # the port `discard`, below those that are given out


def failing(
    status: int, detail: str, *, errors: Sequence[str] = (), **headers: str
) -> AbstractContextManager[ScriptedServer]:
    """A server that answers everything with an error."""
    return scripted_server(lambda _: as_json({"detail": detail, "errors": list(errors)}, status, **headers))


def test_importing_the_sdk_loads_nothing_of_the_machinery() -> None:
    heavy = "pandas numpy sklearn scipy celery sqlalchemy docker pydantic starlette fastapi worker store tasks grading"
    code = f"import sys, sdk; print([name for name in {heavy.split()!r} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_both_clients_have_the_same_calls_with_the_same_arguments() -> None:
    def calls(kind: type) -> dict[str, object]:
        public = {name: getattr(kind, name) for name in vars(kind) if not name.startswith("_")}
        return {name: inspect.signature(call).parameters for name, call in public.items() if "close" not in name}

    assert calls(Client) == calls(AsyncClient)
    assert len(calls(Client)) == 13
    assert all(getattr(Client, name).__doc__ for name in calls(Client))
    assert inspect.signature(Client.get_run).return_annotation is Run


def test_a_call_gives_what_the_server_says(connect: Connect) -> None:
    with scripted_server(lambda _: RUN) as server:
        run = connect(server.url).run(competition_set="dev", agent_id="dummy", n_seeds=2)
    assert run == run_object()
    assert run.run_id == "0123456789ab"
    [request] = server.received
    assert (request.method, request.path) == ("POST", "/runs")
    assert json.loads(request.body) == {"competition_set": "dev", "agent_id": "dummy", "n_seeds": 2}


def test_a_server_may_be_below_a_path(connect: Connect) -> None:
    with scripted_server(lambda _: as_json(["dummy"])) as server:
        assert connect(f"{server.url}/bench/").list_agents() == ["dummy"]
    assert server.paths == ["/bench/agents"]


def test_the_token_is_presented(connect: Connect) -> None:
    with scripted_server(lambda _: as_json([])) as server:
        connect(server.url, token="s3cret").list_runs()
        connect(server.url).list_runs()
    assert [request.headers.get("authorization") for request in server.received] == ["Bearer s3cret", None]


@pytest.mark.parametrize(("token", "advice"), [(None, r"Client\(token="), ("wrong", "is not the server's")])
def test_a_refused_token_says_what_to_do(connect: Connect, token: str | None, advice: str) -> None:
    with failing(401, "no token") as server, pytest.raises(Unauthorized, match=f"no token; .*{advice}"):
        connect(server.url, token=token).list_agents()
    assert len(server.received) == 1


def test_without_a_server_it_says_how_to_start_one(connect: Connect) -> None:
    with pytest.raises(ServerUnreachable, match=r"start one with: python server\.py"):
        connect(NOBODY, retries=0).health()


def test_a_failure_that_passes_is_not_seen(connect: Connect) -> None:
    with scripted_server(
        in_turn(BUSY, as_json({}, 429, Retry_After="0"), Scripted(cut_after=0, body=b"1"), RUN)
    ) as server:
        assert connect(server.url).get_run("latest").status == "running"
    assert server.paths == ["/runs/latest"] * 4


def test_a_failure_that_stays_is_the_servers_text(connect: Connect) -> None:
    with scripted_server(lambda _: BUSY) as server, pytest.raises(ServerFailed, match="busy"):
        connect(server.url, retries=1).list_agents()
    assert len(server.received) == 2


def test_health_is_asked_once(connect: Connect) -> None:
    with (
        failing(503, "the broker does not answer") as server,
        pytest.raises(ServerFailed, match="the broker does not answer"),
    ):
        connect(server.url).health()
    assert len(server.received) == 1


@pytest.mark.parametrize("answer", [BUSY, Scripted(cut_after=3, body=RUN.body), as_json({}, 502)])
def test_a_run_is_submitted_once(connect: Connect, answer: Scripted) -> None:
    with scripted_server(lambda _: answer) as server, pytest.raises((ServerUnreachable, ServerFailed)):
        connect(server.url).run()
    assert len(server.received) == 1


def test_a_run_is_submitted_again_when_the_server_had_no_time_for_it(connect: Connect) -> None:
    with scripted_server(in_turn(as_json({"detail": "slowly"}, 429, Retry_After="0"), RUN)) as server:
        assert connect(server.url).run().status == "running"
    assert len(server.received) == 2


def test_a_limit_that_stays_is_an_error_of_its_own(connect: Connect) -> None:
    with failing(429, "slowly", retry_after="600") as server, pytest.raises(TooManyRequests, match="slowly") as raised:
        connect(server.url).list_agents()
    assert raised.value.retry_after_secs == 600
    assert len(server.received) == 1


def test_a_summary_that_is_too_early_says_to_wait(connect: Connect) -> None:
    advice = r"run abc is running; wait for its end: wait_for_completion\('abc'\)"
    with failing(409, "run abc is running") as server, pytest.raises(NotNow, match=advice):
        connect(server.url).get_run_summary("abc")


def test_a_refused_run_has_the_servers_text(connect: Connect) -> None:
    text = "unknown agent 'dumy'; did you mean dummy?"
    with failing(422, text, errors=[text]) as server, pytest.raises(Refused) as raised:
        connect(server.url).run(agent_id="dumy")
    assert str(raised.value) == text


def test_a_server_that_says_nothing_is_given_up(connect: Connect) -> None:
    stopped = Flag()

    def slow(_: Received) -> Scripted:
        stopped.wait(5)
        return RUN

    with scripted_server(slow) as server:
        try:
            with pytest.raises(ServerUnreachable, match="did not answer in time"):
                connect(server.url, timeout=0.2, retries=0).get_run("latest")
        finally:
            stopped.set()


@pytest.mark.parametrize(
    "arguments",
    [
        {"base_url": "127.0.0.1:8000"},
        {"base_url": "ftp://host"},
        {"base_url": "http://"},
        {"base_url": "http://host:port"},
        {"base_url": "http://host/?a=b"},
        {"token": ""},
        {"token": "a\nb"},
        {"token": "clé"},
        {"timeout": 0},
        {"retries": -1},
    ],
)
def test_arguments_that_cannot_be_right_are_refused(connect: Connect, arguments: dict[str, object]) -> None:
    with pytest.raises(InputError) as raised:
        connect(**arguments)
    assert "a\nb" not in str(raised.value)


def test_no_proxy_stands_between_a_client_and_its_own_machine(
    connect: Connect, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTP_PROXY", NOBODY)
    monkeypatch.delenv("NO_PROXY", raising=False)
    with scripted_server(lambda _: as_json([])) as server:
        assert connect(server.url).list_agents() == []


def _all_kinds(kind: type[httpx.RequestError]) -> list[type[httpx.RequestError]]:
    return [kind, *(each for below in kind.__subclasses__() for each in _all_kinds(below))]


@pytest.mark.parametrize("kind", _all_kinds(httpx.RequestError))
def test_every_failure_of_a_connection_is_said_in_words(kind: type[httpx.RequestError]) -> None:
    error = kind("") if kind is not httpx.TooManyRedirects else kind("", request=httpx.Request("GET", "http://host"))
    said = _unreachable(error, httpx.URL("http://host"))
    assert "http://host" in str(said)
    assert kind.__name__ in str(said)


def event(kind: str, data: object, number: int) -> bytes:
    return f"id: {number}\nevent: {kind}\ndata: {json.dumps(data)}\n\n".encode()


def stream(*events: bytes, cut_after: int | None = None) -> Scripted:
    return Scripted(body=b"".join(events), headers={"Content-Type": "text/event-stream"}, cut_after=cut_after)


STARTED = event("attempt", {"attempt_id": "a", "state": "running"}, 1)
SAID = event("log", {"attempt_id": "a", "line": "epoch 1"}, 2)
ENDED = event("run", run_object("completed"), 3)


def test_events_end_with_the_run(connect: Connect) -> None:
    with scripted_server(lambda _: stream(STARTED, SAID, ENDED, STARTED)) as server:
        events = list(connect(server.url).stream_events("abc"))
    assert [each.kind for each in events] == ["attempt", "log", "run"]
    assert events[-1].data["status"] == "completed"
    assert server.received[0].headers["accept"] == "text/event-stream"


def test_events_go_on_where_the_connection_broke(connect: Connect) -> None:
    broken = stream(STARTED, SAID, cut_after=len(STARTED) + 5)
    with scripted_server(in_turn(broken, BUSY, stream(SAID), stream(ENDED))) as server:
        events = list(connect(server.url).stream_events("abc"))
    assert [each.id for each in events] == ["1", "2", "3"]
    assert [request.headers.get("last-event-id") for request in server.received] == [None, "1", "1", "2"]


def test_events_of_a_server_that_was_never_there_are_an_error_soon(connect: Connect) -> None:
    with pytest.raises(ServerUnreachable, match="start one with"):
        list(connect(NOBODY, retries=1).stream_events("abc"))


def test_a_refused_token_says_what_to_do_also_when_following(connect: Connect) -> None:
    with failing(401, "no token") as server, pytest.raises(Unauthorized, match=r"Client\(token="):
        list(connect(server.url).stream_events("abc"))


def test_events_of_a_run_that_is_not_there_are_an_error(connect: Connect) -> None:
    with failing(404, "no run abc") as server, pytest.raises(NotFound, match="no run abc"):
        list(connect(server.url).stream_events("abc"))


CONTENT = bytes(range(256)) * 40


class Files:
    """Serves one file, with ranges; the first connections break."""

    def __init__(
        self,
        *,
        kind: str = "logs",
        path: str = "group/attempt/run.log",
        breaks: int = 0,
        announced: int = len(CONTENT),
    ) -> None:
        self._breaks = breaks
        self._artifacts = as_json({"run_id": "abc", kind: [{"path": path, "bytes": announced, "attempt": "attempt"}]})

    def __call__(self, request: Received) -> Scripted:
        if request.path.endswith("/artifacts"):
            return self._artifacts
        first = int(request.headers.get("range", "bytes=0-")[len("bytes=") : -1])
        ranged = {"Content-Range": f"bytes {first}-{len(CONTENT) - 1}/{len(CONTENT)}"} if first else {}
        self._breaks -= 1
        cut = 3000 if self._breaks >= 0 else None
        return Scripted(status=206 if first else 200, body=CONTENT[first:], headers=ranged, cut_after=cut)


def test_files_come_where_they_are_in_the_runs_folder(connect: Connect, tmp_path: Path) -> None:
    with scripted_server(Files()) as server:
        [path] = connect(server.url).download_artifacts("abc", tmp_path / "results", kinds=["logs"])
    assert path == tmp_path / "results" / "group" / "attempt" / "run.log"
    assert path.read_bytes() == CONTENT
    assert list(path.parent.iterdir()) == [path]


def test_a_download_goes_on_after_its_connection_broke(connect: Connect, tmp_path: Path) -> None:
    with scripted_server(Files(breaks=3)) as server:
        [path] = connect(server.url, retries=1).download_artifacts("abc", tmp_path)
    assert path.read_bytes() == CONTENT
    assert [request.headers.get("range") for request in server.received[1:]] == [
        None,
        "bytes=3000-",
        "bytes=6000-",
        "bytes=9000-",
    ]


def test_a_download_that_was_given_up_goes_on_in_the_next_call(connect: Connect, tmp_path: Path) -> None:
    with scripted_server(Files(breaks=1)) as server:
        with pytest.raises(ServerUnreachable):
            connect(server.url, retries=0).download_artifacts("abc", tmp_path)
        assert not (tmp_path / "group/attempt/run.log").exists()
        [path] = connect(server.url, retries=0).download_artifacts("abc", tmp_path)
        assert path.read_bytes() == CONTENT
        assert server.received[-1].headers["range"] == "bytes=3000-"
        before = len(server.received)
        connect(server.url).download_artifacts("abc", tmp_path)
        assert server.paths[before:] == ["/runs/abc/artifacts"]  # the file is there with its size


@pytest.mark.parametrize("kind", ["grading_reports", "metadata"])
def test_what_is_written_anew_when_a_run_is_collected_again_is_fetched_again(
    connect: Connect, tmp_path: Path, kind: str
) -> None:
    place = tmp_path / "group/report.json"
    place.parent.mkdir()
    place.write_bytes(b"0" * len(CONTENT))  # the same size as the new one
    with scripted_server(Files(kind=kind, path="group/report.json")) as server:
        connect(server.url).download_artifacts("abc", tmp_path)
    assert place.read_bytes() == CONTENT


def test_an_empty_file_is_not_asked_for(connect: Connect, tmp_path: Path) -> None:
    with scripted_server(Files(announced=0)) as server:
        [path] = connect(server.url).download_artifacts("abc", tmp_path)
    assert path.read_bytes() == b""
    assert server.paths == ["/runs/abc/artifacts"]


def test_a_file_that_only_lacked_its_name_is_not_asked_for_again(connect: Connect, tmp_path: Path) -> None:
    place = tmp_path / "group/attempt/run.log"
    with Part(place, len(CONTENT)) as part:
        part.write(CONTENT)
    with scripted_server(Files()) as server:
        connect(server.url).download_artifacts("abc", tmp_path)
    assert place.read_bytes() == CONTENT
    assert server.paths == ["/runs/abc/artifacts"]


def test_a_part_of_another_file_is_given_up(connect: Connect, tmp_path: Path) -> None:
    with Part(tmp_path / "group/attempt/run.log", len(CONTENT)) as part:
        part.write(b"abc")
    files = in_turn(Files()(Received(method="GET", path="/artifacts", headers={}, body=b"")), as_json({}, 416))
    with scripted_server(files) as server, pytest.raises(UnexpectedAnswer, match="has changed"):
        connect(server.url).download_artifacts("abc", tmp_path)
    with scripted_server(Files()) as server:
        [path] = connect(server.url).download_artifacts("abc", tmp_path)
    assert path.read_bytes() == CONTENT
    assert "range" not in server.received[-1].headers


def test_a_server_without_ranges_sends_all_again(connect: Connect, tmp_path: Path) -> None:
    files = Files(breaks=1)

    def without_ranges(request: Received) -> Scripted:
        headers = {name: value for name, value in request.headers.items() if name != "range"}
        return files(Received(method=request.method, path=request.path, headers=headers, body=b""))

    with scripted_server(without_ranges) as server:
        [path] = connect(server.url, retries=1).download_artifacts("abc", tmp_path)
    assert path.read_bytes() == CONTENT


@pytest.mark.parametrize("announced", [len(CONTENT) - 1, len(CONTENT) + 1])
def test_a_file_of_another_size_than_announced_is_none(connect: Connect, tmp_path: Path, announced: int) -> None:
    with scripted_server(Files(announced=announced)) as server, pytest.raises(UnexpectedAnswer, match=r"run\.log"):
        connect(server.url).download_artifacts("abc", tmp_path)
    assert not (tmp_path / "group/attempt/run.log").exists()


def test_a_hostile_name_costs_no_file_outside_the_folder(connect: Connect, tmp_path: Path) -> None:
    folder = tmp_path / "folder"
    with scripted_server(Files(path="../outside")) as server, pytest.raises(UnexpectedAnswer, match="is written"):
        connect(server.url).download_artifacts("abc", folder)
    assert list(tmp_path.iterdir()) == []
    assert server.paths == ["/runs/abc/artifacts"]


def test_names_are_asked_for_as_they_are(connect: Connect, tmp_path: Path) -> None:
    name = "group/50% & more? #1 ü.txt"
    with scripted_server(Files(path=name)) as server:
        [path] = connect(server.url).download_artifacts("abc", tmp_path)
    assert path == tmp_path / name
    assert server.paths[-1] == "/files/group/50%25%20%26%20more%3F%20%231%20%C3%BC.txt"
