"""Messages that wait: by the receiver's clock, and for no longer than they were to."""

import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tests.worker.slow_host import Host, slow_host
from worker.settings import REPO
from worker.waits import WAIT_SECS, headers, no_longer_than_asked, shortened

NOW = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.mark.parametrize("ahead_secs", [61, 7200, 1e8])
def test_a_wait_that_the_senders_clock_made_longer_is_cut(ahead_secs: float) -> None:
    eta = (NOW + timedelta(seconds=ahead_secs)).isoformat()
    assert shortened({"eta": eta, **headers(60)}, now=NOW) == {"eta": "2026-01-01T00:01:00+00:00"}


@pytest.mark.parametrize("ahead_secs", [-7200, 0, 59, 60])
def test_a_wait_that_is_not_longer_stays_as_it_is(ahead_secs: float) -> None:
    eta = (NOW + timedelta(seconds=ahead_secs)).isoformat()
    assert shortened({"eta": eta, **headers(60)}, now=NOW) == {}


def test_messages_that_do_not_wait_or_do_not_say_how_long_stay_as_they_are() -> None:
    assert shortened({"eta": None, **headers(60)}, now=NOW) == {}
    assert shortened({"eta": (NOW + timedelta(days=1)).isoformat()}, now=NOW) == {}


def test_the_jobs_that_are_delivered_again_are_received_so() -> None:
    program = (
        "from worker.jobs import app; print(*{app.tasks[f'{name}_attempt'].Strategy for name in ('run', 'grade')})"
    )
    found = subprocess.run([sys.executable, "-c", program], cwd=REPO, capture_output=True, text=True, check=True)
    assert found.stdout.strip() == f"{no_longer_than_asked.__module__}:{no_longer_than_asked.__name__}"


@pytest.fixture
def host(tmp_path: Path) -> Iterator[Host]:
    with slow_host(tmp_path) as made:
        yield made


@pytest.mark.integration
def test_a_message_from_a_host_whose_clock_is_two_hours_ahead_comes_when_it_should(host: Host) -> None:
    host.worker("one")
    eta = datetime.now(UTC) + timedelta(hours=2)
    host.app.send_task("slow", ("late", 0.1), eta=eta, headers={WAIT_SECS: 1})
    host.wait_for(lambda: host.ended("late"), timeout=20, what="the job is done")
