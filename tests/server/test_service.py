"""Which runs a server carries on, and how it says that something is away or broken."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from filelock import FileLock

from core.status import RunState
from server.service import Service
from store.folders import LIVE, create_run_folder
from store.records import Run
from tests.records import a_request, a_run
from tests.server.conftest import settings_in
from tests.server.live import Live, live, problem
from tests.services import postgres_server, wait_until
from worker.carrier import LOCK


@pytest.fixture
def service(tmp_path: Path) -> Iterator[Service]:
    opened = Service(settings_in(tmp_path))
    yield opened
    opened.close()


def a_run_without_attempts(service: Service, *, asked: dict[str, Any] | None, state: RunState = RunState.OPEN) -> Run:
    """Write a run down that a carrier has nothing to do for; it closes it at once."""
    folder = create_run_folder(service.settings.runs_dir, "nobody")
    run = replace(
        a_run(planned=0, request=a_request(asked=asked)),
        run_group=folder.path.name,
        run_dir=folder.address,
        state=state,
    )
    with service.store.writing() as connection:
        from sqlalchemy import insert

        from store.tables import runs

        values = {column.name: getattr(run, column.name) for column in runs.columns}
        connection.execute(insert(runs).values({**values, "request": run.request.to_json()}))
    return run


def log_of(run: Run) -> str:
    """What its carriers have said."""
    path = Path(run.run_dir) / "submit.log"
    return path.read_text() if path.exists() else ""


def test_only_what_a_server_started_and_nobody_carries_is_carried_on(service: Service) -> None:
    persons = a_run_without_attempts(service, asked=None)
    closed = a_run_without_attempts(service, asked={}, state=RunState.CLOSED)
    carried = a_run_without_attempts(service, asked={})
    orphan = a_run_without_attempts(service, asked={"n_workers": 1})
    (Path(carried.run_dir) / LIVE).mkdir()
    with FileLock(Path(carried.run_dir) / LIVE / LOCK):
        service.look_after_runs()
        service.look_after_runs()
        assert not any(map(log_of, (persons, closed, carried)))
    started = service._carriers
    assert list(started) == [orphan.run_id]
    process = started[orphan.run_id].process
    assert process.pid
    try:
        wait_until(
            lambda: f"carrying run {orphan.run_id}" in log_of(orphan), timeout_secs=60, description="it is carried"
        )
    finally:
        process.terminate()
        assert process.wait(60) is not None


# Health


def test_without_services_health_says_so(tmp_path: Path) -> None:
    with live(settings_in(tmp_path)) as server:
        found = server.get("/health").json()
    assert found.pop("version")
    assert found == {"status": "ok", "broker": "embedded", "database": "ok"}


@pytest.mark.integration
def test_health_names_the_database_that_is_away_and_all_is_well_when_it_is_back(tmp_path: Path, broker: str) -> None:
    with postgres_server() as postgres:
        own = settings_in(tmp_path, broker_url=broker, database_url=postgres.url)
        with live(own) as server:
            assert server.get("/health").json()["broker"] == "ok"
            postgres.stop()
            away = server.get("/health")
            assert problem(away, 503)["detail"] == "the database does not answer"
            asked = server.get("/runs")
            assert problem(asked, 503)["detail"].startswith("the database, the broker or the object store")
            assert int(asked.headers["retry-after"]) > 0
            problem(server.post("/runs"), 503)
            assert str(tmp_path) not in away.text + asked.text
            postgres.start()
            assert server.get("/health").status_code == 200
            assert server.get("/runs").json() == []


def test_a_bug_shows_nothing_of_itself(served: Live, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken() -> list[str]:
        raise RuntimeError("secret internals")

    monkeypatch.setattr("server.routes.list_techniques", broken)
    answer = served.get("/technique-tasks")
    assert problem(answer, 500)["detail"] == "this server failed; its log says why"
    assert "secret" not in answer.text
