"""What a server does at its edges: many orders at once, silent connections, odd bodies, one agent's many files."""

import json
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
import requests

from core.status import RunState
from server import listening, routes, views
from server.app import create_app
from server.service import Service
from tests.records import a_run, some_attempts
from tests.server.conftest import settings_in
from tests.server.live import Live, live, problem
from tests.server.test_service import a_run_without_attempts
from tests.services import wait_until
from worker import carrier

ORDER = {"competition_set": ["tiny"], "agent_id": "idler"}


def test_a_new_run_is_shown_as_it_is_shown_later(served: Live) -> None:
    made = served.post("/runs", json=ORDER).json()
    assert served.get(f"/runs/{made['run_id']}").json() == made


def test_a_run_that_is_written_is_shown_though_the_database_is_gone_by_then(
    served: Live, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever heard 503 would start it once more, and pay twice."""

    def away(*_: Any, **__: Any) -> None:
        raise AssertionError("the database is not to be asked once the run is written")

    monkeypatch.setattr("store.overviews.overview", away)
    assert served.post("/runs", json=ORDER).status_code == 200


def test_whoever_waits_too_long_to_submit_hears_that_nothing_was_started(
    served: Live, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(routes, "TURN_SECS", 0.3)
    before = len(served.get("/runs", params={"limit": 1000}).json())
    store = served.app.state.service.store
    answers: list[requests.Response] = []
    with store.writing():  # SQLite has one writer: those who are at it stand still
        askers = [threading.Thread(target=lambda: answers.append(served.post("/runs", json=ORDER))) for _ in range(9)]
        for asker in askers:
            asker.start()
        wait_until(lambda: answers, timeout_secs=20, description="somebody is sent away")
        refused = [problem(answer, 429) for answer in list(answers)]
    for asker in askers:
        asker.join(60)
    assert all("nothing was started" in entry["detail"] for entry in refused)
    assert all("Retry-After" in answer.headers for answer in answers if answer.status_code == 429)
    started = sum(answer.status_code == 200 for answer in answers)
    assert len(served.get("/runs", params={"limit": 1000}).json()) == before + started


def test_a_body_without_a_type_is_json_and_another_type_is_named(served: Live) -> None:
    plain = requests.post(f"{served.url}/runs", data=json.dumps(ORDER), timeout=30)
    assert plain.status_code == 200, plain.text
    form = {"Content-Type": "application/x-www-form-urlencoded"}  # as curl -d sends it
    said = problem(served.post("/runs", data=json.dumps(ORDER), headers=form), 422)["detail"]
    assert "Content-Type: application/json" in said


def test_a_closed_run_cannot_be_cancelled_and_is_told_to_whoever_follows(served: Live) -> None:
    store = served.app.state.service.store
    run = store.run(served.post("/runs", json=ORDER).json()["run_id"])
    assert served.post(f"/runs/{run.run_id}/cancel").status_code == 200
    wait_until(
        lambda: store.run(run.run_id).state is not RunState.OPEN, timeout_secs=30, description="the run is closed"
    )
    assert "closed" in problem(served.post(f"/runs/{run.run_id}/cancel"), 409)["detail"]
    assert store.request_cancel(run.run_id) == 0
    first_moment = {"Last-Event-ID": "0001-01-01T00:00:00+00:00"}
    followed = served.get(f"/runs/{run.run_id}/events", headers=first_moment)
    assert followed.text.count("event: run") == 1, "whatever a client says it has heard"


@pytest.fixture
def patient(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[int]:
    """The port of a server as `mlebench serve` runs it, with little patience."""
    monkeypatch.setattr(listening, "REQUEST_SECS", 0.5)
    listener = socket.create_server(("127.0.0.1", 0))
    app = create_app(settings_in(tmp_path))
    server = listening.server_of(app)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
    thread.start()
    wait_until(lambda: server.started, timeout_secs=30, description="the server has started")
    yield listener.getsockname()[1]
    server.should_exit = True
    thread.join(30)
    listener.close()


@pytest.mark.parametrize(
    "said", [b"", b"GET /health HTTP/1.1\r\nHo", b"GET /health HTTP/1.1\r\nHost: localhost\r\n\r\nGET /he"]
)
def test_a_connection_on_which_no_request_comes_is_closed(patient: int, said: bytes) -> None:
    with closing(socket.create_connection(("127.0.0.1", patient), timeout=10)) as connection:
        connection.sendall(said)
        began = time.monotonic()
        while connection.recv(65536):
            pass
        assert time.monotonic() - began < 5


def test_one_agents_many_files_hide_nobodys_submission(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(views, "MOST_ARTIFACTS", 3)
    settings = settings_in(tmp_path)
    with live(settings) as server:
        folder = settings.runs_dir / "2026-01-01T00-00-00-UTC_run-group_many"
        run = a_run(planned=2, run_group=folder.name, run_dir=str(folder))
        attempts = some_attempts(run)
        server.app.state.service.store.create_run(run, attempts)
        for attempt, number in ((attempts[0], 9), (attempts[1], 1)):
            for kind in ("code", "submission"):
                (folder / attempt.name / kind).mkdir(parents=True)
            for file in range(number):
                (folder / attempt.name / "code" / f"{file}.py").write_text("x")
            (folder / attempt.name / "submission" / "submission.csv").write_text("x")
        found = server.get(f"/runs/{run.run_id}/artifacts").json()
    assert len(found["code"]) == 3
    assert len(found["submissions"]) == 2
    assert found["truncated"]


def test_so_many_runs_are_carried_at_a_time_and_the_next_follow(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    service = Service(settings_in(tmp_path, api_runs=2))
    carried: list[str] = []
    monkeypatch.setattr("worker.carrier.is_carried", lambda run, settings: run.run_id in carried)
    monkeypatch.setattr(Service, "_start", lambda self, run: carried.append(run.run_id))
    try:
        runs = [a_run_without_attempts(service, asked={}).run_id for _ in range(4)]
        assert service.look_after_runs()
        assert len(carried) == 2
        assert service.look_after_runs()
        assert len(carried) == 2
        service.store.close_run(carried[0])
        assert service.look_after_runs()
        service.store.close_run(carried[1])
        assert not service.look_after_runs()
        assert sorted(carried) == sorted(runs)
    finally:
        service.close()


def test_a_run_that_nobody_carries_any_more_is_not_shown_as_running(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its command was stopped: whoever waits for it would wait for ever."""
    with live(settings_in(tmp_path)) as alone:
        run = a_run(planned=3, run_dir=str(tmp_path / "runs" / "left"))
        alone.app.state.service.store.create_run(run, some_attempts(run))
        path = f"/runs/{run.run_id}"
        assert alone.get(path).json()["status"] == "queued", "it may have just been submitted"
        monkeypatch.setattr(views, "LEFT_SECS", 0.0)
        seen = alone.get(path).json()
        assert seen["status"] == "failed"
        assert f"nobody carries it; go on with: python scripts/submit.py --resume {run.run_id}" in seen["message"]
        lock = carrier.take_lock(Path(run.run_dir))
        try:
            assert alone.get(path).json()["status"] == "queued"
        finally:
            lock.release()
