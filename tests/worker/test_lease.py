"""Renewing messages and repeating the recovery: with a real Redis and real workers."""

import signal
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from celery import chord

from tests.worker.slow_host import VISIBILITY_SECS, Host, slow_host
from worker.lease import Repeating, renew

LONG_SECS = 3 * VISIBILITY_SECS


@pytest.fixture
def host(tmp_path: Path) -> Iterator[Host]:
    with slow_host(tmp_path) as made:
        yield made


@pytest.mark.integration
def test_a_job_longer_than_the_visibility_timeout_runs_once(host: Host) -> None:
    """Two workers, one of them idle all the time, and nobody takes what the other still works on."""
    host.worker("one")
    host.worker("two")
    host.send("long", secs=LONG_SECS)
    host.wait_for(lambda: host.ended("long"), timeout=LONG_SECS + 20, what="the job ends")
    host.wait_for(lambda: not host.redis.hlen("unacked"), timeout=5, what="the message is acknowledged")
    assert len(host.started("long")) == 1
    assert host.redis.llen("grading") == 0


@pytest.mark.integration
def test_another_worker_takes_over_from_a_killed_one_and_the_chord_closes_once(host: Host) -> None:
    victim = host.worker("victim")
    header = [host.app.signature("slow", (name, secs)) for name, secs in (("a", LONG_SECS), ("b", 0.1))]
    chord(header, host.app.signature("body"), app=host.app).apply_async()
    host.wait_for(lambda: host.started("a"), timeout=20, what="the first job starts")
    rescuer = host.worker("rescuer")
    host.wait_for(lambda: host.ended("b"), timeout=20, what="the other worker works")
    victim.kill()
    takeover_secs = VISIBILITY_SECS * 5 / 3  # the timeout after the last renewal, found by the next look
    host.wait_for(lambda: len(host.started("a")) == 2, timeout=takeover_secs + 2, what="it is taken over")
    assert host.started("a") == [str(victim.pid), str(rescuer.pid)]
    host.wait_for(lambda: host.redis.llen("bodies"), timeout=LONG_SECS + 10, what="the chord closes")
    assert host.redis.lrange("bodies", 0, -1) == ["a,b"]
    assert len(host.ended("a")) == 1


@pytest.mark.integration
def test_a_header_job_that_is_delivered_twice_counts_once(host: Host) -> None:
    """Or the body would run before the last job of the header has ended."""
    header = [host.app.signature("slow", (name, 0.1)) for name in "abc"]
    chord(header, host.app.signature("body"), app=host.app).apply_async()
    copy = host.redis.lindex("grading", -1)
    assert copy is not None
    host.redis.rpush("grading", copy)
    host.worker("one")
    host.wait_for(lambda: host.redis.llen("bodies"), timeout=20, what="the chord closes")
    assert [len(host.ended(name)) for name in "abc"] == [2, 1, 1]
    host.wait_for(lambda: not host.redis.hlen("unacked"), timeout=5, what="all is done")
    assert host.redis.lrange("bodies", 0, -1) == ["a,b,c"]


@pytest.mark.integration
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_stopped_worker_gives_its_job_back_at_once(host: Host, number: signal.Signals) -> None:
    first = host.worker("first")
    host.send("job", secs=60)
    host.wait_for(lambda: host.started("job"), timeout=20, what="the job starts")
    first.send_signal(number)
    first.wait(timeout=10)
    assert host.redis.llen("grading") == 1
    assert host.redis.hlen("unacked") == 0
    second = host.worker("second")
    host.wait_for(lambda: len(host.started("job")) == 2, timeout=20, what="it starts again")
    assert host.started("job")[1] == str(second.pid)


@pytest.mark.integration
def test_renewal_goes_on_after_a_reconnect(host: Host) -> None:
    worker = host.worker("one", slots=2)
    host.worker("two")
    host.send("before", secs=0.1)
    host.wait_for(lambda: host.ended("before"), timeout=20, what="the worker works")
    for kind in ("normal", "pubsub"):
        host.redis.client_kill_filter(_type=kind)
    host.send("after", secs=LONG_SECS)
    host.wait_for(lambda: host.ended("after"), timeout=LONG_SECS + 30, what="a job after the reconnect ends")
    assert len(host.started("after")) == 1
    assert worker.poll() is None


@pytest.mark.integration
def test_a_full_worker_leaves_waiting_messages_to_others(host: Host) -> None:
    """And they are taken in the order in which they were sent."""
    host.worker("one")
    for number in range(4):
        host.send(str(number), secs=1 if number == 0 else 0.05)
    host.wait_for(lambda: host.started("0"), timeout=20, what="the first job starts")
    assert host.redis.llen("grading") == 3
    host.wait_for(lambda: host.ended("3"), timeout=20, what="all jobs end")
    assert host.redis.lrange("order", 0, -1) == ["0", "1", "2", "3"]


@pytest.mark.integration
def test_renewing_touches_only_what_is_still_held(host: Host) -> None:
    """An acknowledged message that kombu still lists must not come back into the index."""
    with host.app.connection_for_read() as connection:
        channel = connection.default_channel
        renew(channel)  # nothing held, nothing done
        host.redis.zadd("unacked_index", {"held": 1.0})
        channel.qos._delivered.update({"held": object(), "acknowledged": object()})
        renew(channel)
        channel.qos._delivered.clear()
    scores = dict(host.redis.zrange("unacked_index", 0, -1, withscores=True))
    assert scores.keys() == {"held"}
    assert scores["held"] > 1.0


def test_repeating_goes_on_after_an_error_until_closed(caplog: pytest.LogCaptureFixture) -> None:
    calls = []
    third = threading.Event()

    def action() -> None:
        calls.append(threading.current_thread().name)
        if len(calls) == 1:
            raise ValueError("the first call fails")
        if len(calls) == 3:
            third.set()

    repeating = Repeating(action, every_secs=0.01)
    assert third.wait(5)
    repeating.close()
    repeating._thread.join(5)
    assert not repeating._thread.is_alive()
    assert set(calls) == {"recovery"}
    assert "the first call fails" in caplog.text
