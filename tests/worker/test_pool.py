"""Jobs that end while Redis takes no result: their slots and their messages are not lost."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.worker.slow_host import VISIBILITY_SECS, Host, slow_host

pytestmark = pytest.mark.integration
SLOTS = 2


@pytest.fixture
def host(tmp_path: Path) -> Iterator[Host]:
    with slow_host(tmp_path) as made:
        yield made


def test_jobs_that_cannot_report_their_end_cost_no_slot_and_are_delivered_again(host: Host) -> None:
    worker = host.worker("one", slots=SLOTS)
    jobs = [f"job{number}" for number in range(SLOTS)]
    for job in jobs:
        host.send(job, secs=1)
        host.wait_for(lambda job=job: host.started(job), timeout=20, what="the job starts")  # type: ignore[misc]
    host.redis.config_set("maxmemory", "1")  # writes are refused
    host.wait_for(
        lambda: host.log("one").count("could not report its end") == SLOTS, timeout=10, what="both ended unreported"
    )
    host.redis.config_set("maxmemory", "0")
    host.send("next", secs=0.1)
    host.wait_for(lambda: host.ended("next"), timeout=5, what="the slots are free")
    for job in jobs:
        host.wait_for(lambda job=job: host.ended(job), timeout=3 * VISIBILITY_SECS, what="it is done again")  # type: ignore[misc]
        assert len(host.started(job)) == 2
    host.wait_for(lambda: not host.redis.hlen("unacked"), timeout=5, what="all messages are acknowledged")
    assert worker.poll() is None
