"""The configuration of Celery, and what it needs to be imported."""

import subprocess
import sys
from pathlib import Path

import pytest
from celery.concurrency import get_implementation

from worker.app import AGENTS, GRADING, READY_FILE, RUN_ATTEMPT, _tell_ready, app, connect
from worker.lease import Recovery, RenewMessages
from worker.pool import TaskPool
from worker.results import ChordBackend
from worker.settings import REPO, Settings, load_settings

URL = "redis://me:pw@broker:6379/3"


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return load_settings(broker_url=URL, workers=30, visibility_timeout_secs=60, env_file=tmp_path / "none")


def test_importing_needs_no_settings_and_nothing_heavy() -> None:
    """A worker is up in a second because nothing is imported that it may not need."""
    heavy = ["pandas", "sklearn", "docker", "numpy", "scipy", "fastapi", "sqlalchemy"]
    program = f"import sys, worker.app; print([name for name in {heavy} if name in sys.modules])"
    found = subprocess.run(
        [sys.executable, "-c", program],
        cwd=REPO,
        env={"MLEBENCH_LEASE_SECS": "wrong"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert found.stdout.strip() == "[]"


def test_the_app_renews_messages_and_recovers_what_is_lost() -> None:
    assert RenewMessages in app.steps["consumer"]
    assert Recovery in app.steps["worker"]


def test_jobs_run_in_our_own_pool(settings: Settings) -> None:
    assert get_implementation(connect(settings).conf.worker_pool) is TaskPool


def test_both_sides_of_the_broker_agree(settings: Settings) -> None:
    """kombu assumes the same visibility timeout and prefix on all clients of a broker."""
    conf = connect(settings).conf
    assert conf.broker_url == URL
    assert conf.broker_transport_options["visibility_timeout"] == 60
    assert conf.broker_transport_options["unacked_restore_interval"] == 20
    assert conf.broker_transport_options["max_connections"] > settings.workers
    assert conf.result_expires == conf.result_chord_expires == 30 * 24 * 3600
    assert conf.task_acks_late
    assert conf.accept_content == ["json"]


def test_results_are_kept_in_the_brokers_redis(settings: Settings) -> None:
    backend = connect(settings).backend
    assert isinstance(backend, ChordBackend)
    assert (backend.connparams["host"], backend.connparams["db"]) == ("broker", 3)
    assert backend.connparams["password"] == "pw"


def test_a_broker_on_a_unix_socket_serves_results_too(settings: Settings) -> None:
    url = "redis+socket:///tmp/with%20space/redis.sock?virtual_host=0"
    backend = connect(settings.model_copy(update={"broker_url": url})).backend
    assert backend.connparams["path"] == "/tmp/with space/redis.sock"
    assert "socket_keepalive" not in backend.connparams


def test_attempts_go_to_their_own_queue_and_all_else_to_grading(settings: Settings) -> None:
    client = connect(settings)
    routes = {name: client.amqp.router.route({}, name)["queue"].name for name in (RUN_ATTEMPT, "other")}
    assert routes == {RUN_ATTEMPT: AGENTS, "other": GRADING}
    assert [queue.name for queue in client.conf.task_queues] == [GRADING, AGENTS], "grading is served first"


def test_a_ready_worker_makes_the_file_it_was_told_to(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    _tell_ready()  # not told: nothing happens
    monkeypatch.setenv(READY_FILE, str(tmp_path / "ready"))
    _tell_ready()
    assert (tmp_path / "ready").exists()
