"""The private Redis and workers of a command: there when needed, and gone with it, however it ends."""

import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from core.errors import InputError, ServiceUnavailable
from tests.worker.throwaway_redis import client, wait_until
from worker.embedded import FOLDER_PREFIX, MAX_RESTARTS, Embedded, embedded_services
from worker.queueing import ping_broker
from worker.settings import REPO, Settings, environment, load_settings

pytestmark = pytest.mark.integration


@pytest.fixture
def temporary(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder for temporary files of the test's own, with a space in its path."""
    with tempfile.TemporaryDirectory(prefix="a b", dir="/tmp") as folder:
        monkeypatch.setenv("TMPDIR", folder)
        monkeypatch.setattr(tempfile, "tempdir", None)
        yield Path(folder)


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return load_settings(
        sandbox_dir=tmp_path / "sandbox", runs_dir=tmp_path, grace_secs=2, workers=1, env_file=tmp_path / "none"
    )


def tree(services: Embedded) -> list[psutil.Process]:
    """All processes of the services."""
    found = []
    for guard in services.guards().values():
        process = psutil.Process(guard)
        found += [process, *process.children(recursive=True)]
    return found


def are_gone(processes: list[psutil.Process]) -> bool:
    return not any(process.is_running() and process.status() != "zombie" for process in processes)


def test_services_serve_and_are_gone_at_the_end(settings: Settings, temporary: Path) -> None:
    with embedded_services(settings) as services:
        url = services.settings.broker_url or ""
        ping_broker(url)
        services.wait_until_ready()
        processes = tree(services)
        assert len(processes) == 6, "three guards, a Redis, two workers"
        [folder] = temporary.glob(f"{FOLDER_PREFIX}*")
        assert folder.stat().st_mode & 0o777 == 0o700
        services.check()
    assert are_gone(processes)
    assert list(temporary.iterdir()) == []


def test_services_are_gone_after_an_error(settings: Settings, temporary: Path) -> None:
    with pytest.raises(ValueError, match="the command failed"), embedded_services(settings) as services:
        processes = tree(services)
        raise ValueError("the command failed")
    assert are_gone(processes)
    assert list(temporary.iterdir()) == []


def test_two_commands_do_not_meet(settings: Settings, temporary: Path) -> None:
    with embedded_services(settings) as one, embedded_services(settings) as two:
        assert one.settings.broker_url != two.settings.broker_url
        with client(one.settings.broker_url or "") as redis:
            redis.set("mine", "1")
        with client(two.settings.broker_url or "") as redis:
            assert redis.get("mine") is None
        assert len(list(temporary.glob(f"{FOLDER_PREFIX}*"))) == 2, "the second swept nothing of the first"


COMMAND = """
import sys
from worker.embedded import embedded_services
from worker.settings import load_settings
with embedded_services(load_settings()) as services:
    services.wait_until_ready()
    print("ready", flush=True)
    sys.stdin.read()
"""


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGINT])
def test_a_killed_command_leaves_no_process(settings: Settings, temporary: Path, number: signal.Signals) -> None:
    """Ctrl-C reaches the command alone, and a killed one cannot tidy up: then the next one does."""
    with subprocess.Popen(
        [sys.executable, "-c", COMMAND],
        cwd=REPO,
        env={**os.environ, **environment(settings)},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    ) as command:
        assert command.stdout is not None
        assert command.stdout.readline() == b"ready\n"
        processes = psutil.Process(command.pid).children(recursive=True)
        assert len(processes) == 6
        os.killpg(command.pid, number)
        command.wait(20)
    wait_until(lambda: are_gone(processes), timeout=20, description="all children are gone")
    left = list(temporary.iterdir())
    assert len(left) == (1 if number == signal.SIGKILL else 0)
    with embedded_services(settings):
        assert not set(left) & set(temporary.iterdir())


def test_a_worker_that_dies_is_started_again_but_not_for_ever(settings: Settings, temporary: Path) -> None:
    with embedded_services(settings) as services:
        services.wait_until_ready()
        agents = services._workers[0]
        for _ in range(MAX_RESTARTS):
            _kill_worker(services)
            before = agents._log.stat().st_size
            services.check()
            services.wait_until_ready()
        assert agents.starts == MAX_RESTARTS + 1
        wait_until(
            lambda: b" ready" in agents._log.read_bytes()[before:], timeout=20, description="it says that it is ready"
        )
        _kill_worker(services)
        with pytest.raises(ServiceUnavailable, match=r"(?s)^the agents worker keeps dying: .*agents@.* ready"):
            services.check()


def _kill_worker(services: Embedded) -> None:
    [worker] = psutil.Process(services.guards()["agents"]).children()
    worker.kill()
    wait_until(services._workers[0].has_ended, timeout=10, description="the guard has seen it")


def test_a_redis_that_dies_is_the_end(settings: Settings, temporary: Path) -> None:
    with embedded_services(settings) as services:
        psutil.Process(services.guards()["redis"]).children()[0].kill()
        wait_until(services._redis.has_ended, timeout=10, description="the guard has seen it")
        with pytest.raises(ServiceUnavailable, match="the embedded Redis died"):
            services.check()


def test_workers_that_cannot_start_say_why(settings: Settings, temporary: Path, tmp_path: Path) -> None:
    wrong = settings.model_copy(update={"lease_secs": 1.0})  # a heartbeat slower than the lease
    with (
        embedded_services(wrong, log_dir=tmp_path) as services,
        pytest.raises(ServiceUnavailable, match="expected less than half of MLEBENCH_LEASE_SECS=1"),
    ):
        services.wait_until_ready()
    assert (tmp_path / "agents.log").exists(), "asked for, the logs stay"


def test_a_path_too_long_for_a_socket_is_wrong_input(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    folder = tmp_path / ("long" * 25)
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    with pytest.raises(InputError, match="too long for a socket"), embedded_services(settings):
        pass
    assert list(folder.iterdir()) == []
