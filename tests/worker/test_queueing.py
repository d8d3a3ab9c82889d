"""What is put into the queue, with a real Redis, and with none."""

import base64
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import redis
from celery import Celery

from core.errors import InputError, ServiceUnavailable
from tests.worker.throwaway_redis import client, throwaway_redis
from worker.app import connect
from worker.queueing import enqueue, enqueue_attempts, is_idle, ping_broker
from worker.settings import load_settings

IDS = [f"attempt-{number}" for number in range(5)]


@pytest.fixture
def url(tmp_path: Path) -> Iterator[str]:
    with throwaway_redis(tmp_path) as url:
        yield url


@pytest.fixture
def server(url: str) -> Iterator["redis.Redis"]:
    with client(url) as connection:
        yield connection


@pytest.fixture
def app(url: str, tmp_path: Path) -> Iterator[Celery]:
    with connect(load_settings(broker_url=url, env_file=tmp_path / "none")) as app:
        yield app


def first_out(server: "redis.Redis", queue: str) -> list[dict[str, Any]]:
    """The messages of a queue in the order in which workers get them: kombu pops at the right."""
    return [json.loads(message) for message in reversed(server.lrange(queue, 0, -1))]


@pytest.mark.integration
def test_attempts_leave_the_queue_in_the_order_given(app: Celery, server: "redis.Redis") -> None:
    enqueue(app, "run-1", IDS)
    messages = first_out(server, "agents")
    assert [message["headers"]["argsrepr"] for message in messages] == [f"('{name}',)" for name in IDS]
    assert {message["headers"]["task"] for message in messages} == {"run_attempt"}


@pytest.mark.integration
def test_a_run_is_a_chord_of_chains(app: Celery, server: "redis.Redis") -> None:
    enqueue(app, "run-1", IDS)
    [size_key] = server.keys("celery-taskset-meta-*.s")
    assert server.get(size_key) == str(len(IDS))
    (_, _, embedded) = json.loads(base64.b64decode(first_out(server, "agents")[0]["body"]))
    [grade] = embedded["chain"]
    assert (grade["task"], grade["args"]) == ("grade_attempt", ["attempt-0"])
    assert grade["options"]["chord"]["task"] == "collect"
    assert grade["options"]["chord"]["args"] == ["run-1"]


@pytest.mark.integration
def test_sending_subscribes_to_nothing(app: Celery, server: "redis.Redis") -> None:
    enqueue(app, "run-1", IDS)
    calls = server.info("commandstats")
    assert "cmdstat_subscribe" not in calls
    assert calls["cmdstat_lpush"]["calls"] == len(IDS)


@pytest.mark.integration
def test_attempts_queued_again_are_in_no_chord(app: Celery, server: "redis.Redis") -> None:
    enqueue_attempts(app, IDS)
    assert len(first_out(server, "agents")) == len(IDS)
    assert server.keys("celery-taskset-meta-*") == []


@pytest.mark.integration
def test_an_empty_run_queues_nothing(app: Celery, server: "redis.Redis") -> None:
    enqueue(app, "run-1", [])
    enqueue_attempts(app, [])
    assert server.dbsize() == 0


@pytest.mark.integration
def test_the_broker_is_idle_when_no_message_waits_or_is_held(app: Celery, server: "redis.Redis") -> None:
    assert is_idle(app)
    enqueue_attempts(app, IDS[:1])
    assert not is_idle(app)
    server.delete("agents")
    assert is_idle(app)
    server.hset("unacked", "tag", "message")
    assert not is_idle(app)


@pytest.mark.integration
def test_a_prefix_keeps_installations_apart(url: str, tmp_path: Path) -> None:
    one, two = (
        connect(load_settings(broker_url=url, broker_prefix=prefix, env_file=tmp_path / "none"))
        for prefix in ("one:", "two:")
    )
    with one, two:
        enqueue(one, "run-1", IDS)
        assert not is_idle(one)
        assert is_idle(two)


@pytest.mark.integration
def test_a_broker_that_answers_is_left_alone(url: str, server: "redis.Redis") -> None:
    ping_broker(url)
    assert server.dbsize() == 0


@pytest.mark.integration
def test_a_wrong_password_is_told_without_showing_it(url: str, server: "redis.Redis") -> None:
    server.config_set("requirepass", "right")
    with pytest.raises(InputError) as caught:
        ping_broker(url + "&password=hunter2")
    assert "hunter2" not in str(caught.value)
    assert "password=***" in str(caught.value)


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("redis://:hunter2@127.0.0.1:1/0", "redis://:***@127.0.0.1:1/0"),
        ("redis+socket:///nowhere/redis.sock?virtual_host=0", "redis+socket:///nowhere/redis.sock?virtual_host=0"),
        ("redis://:hunter2@127.0.0.1:99999/0", "redis://:***@127.0.0.1:99999/0"),
        ("redis://127.0.0.1:1/zero", "redis://127.0.0.1:1/zero"),
    ],
)
def test_a_broker_that_does_not_answer_is_wrong_input(url: str, shown: str) -> None:
    with pytest.raises(InputError) as caught:
        ping_broker(url, timeout_secs=1)
    message = str(caught.value)
    assert message.startswith(f"the broker {shown} does not answer: ")
    assert "check MLEBENCH_BROKER_URL" in message
    assert "hunter2" not in message
    assert "\n" not in message


def test_a_broker_that_is_gone_is_unavailable(tmp_path: Path) -> None:
    url = f"redis+socket://{tmp_path}/redis.sock?virtual_host=0"
    with connect(load_settings(broker_url=url, env_file=tmp_path / "none")) as app:
        app.conf.broker_transport_options.update(max_retries=1, interval_start=0)  # no waiting here
        app.conf.task_publish_retry = False
        with pytest.raises(ServiceUnavailable, match=r"^the broker redis\+socket://.* failed: "):
            is_idle(app)
        with pytest.raises(ServiceUnavailable):
            enqueue_attempts(app, IDS)
        with pytest.raises(ServiceUnavailable):
            enqueue(app, "run-1", IDS)
