"""What followers of a run are told, what they cost, and that nothing is left of them."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import aclosing
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import requests
from fastapi.sse import ServerSentEvent

from core.errors import ServiceUnavailable
from core.status import Status
from server.events import OVERLAP, Event, Look, Watches, read_id
from store.runs import Store
from tests.records import a_run, some_attempts
from tests.server.conftest import settings_in
from tests.server.live import Live, live
from tests.services import wait_until
from worker.context import open_store

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
SECS = 10.0


@pytest.fixture
def anyio_backend() -> str:
    """Asyncio, as in the server."""
    return "asyncio"


def seen(states: dict[str, Any], *, closed: bool = False, ended: dict[str, datetime] | None = None) -> Look:
    """A look at a run whose attempts are in `states`."""
    events = {
        ("attempt", name): Event(kind="attempt", data={"id": name, "state": state}, ended_at=(ended or {}).get(name))
        for name, state in states.items()
    }
    run = Event(kind="run", data={"closed": closed, "states": dict(states)})
    return Look(events={**events, ("run", "r"): run}, closed=closed, moment=max((ended or {}).values(), default=NOON))


class Script:
    """Looks as they come one after the other, the last one again and again. An exception is raised."""

    def __init__(self, *looks: Look | Exception) -> None:
        self.looks = list(looks)
        self.taken = 0

    def __call__(self, _: str) -> Look:
        found = self.looks[min(self.taken, len(self.looks) - 1)]
        self.taken += 1
        if isinstance(found, Exception):
            raise found
        return found


async def told(watches: Watches, **options: Any) -> list[tuple[str | None, Any]]:
    """Everything that a listener is told until the end."""
    async with asyncio.timeout(SECS):
        return [(event.event, event.data) async for event in watches.follow("r", **options)]


@pytest.mark.anyio
async def test_a_listener_hears_each_change_and_the_closed_run_last() -> None:
    script = Script(
        seen({"a": 1, "b": 1}), seen({"a": 2, "b": 1}), seen({"a": 2, "b": 1}), seen({"a": 3, "b": 3}, closed=True)
    )
    heard = await told(Watches(script, poll_secs=0.01))
    assert heard == [
        ("attempt", {"id": "a", "state": 1}),
        ("attempt", {"id": "b", "state": 1}),
        ("run", {"closed": False, "states": {"a": 1, "b": 1}}),
        ("attempt", {"id": "a", "state": 2}),
        ("run", {"closed": False, "states": {"a": 2, "b": 1}}),
        ("attempt", {"id": "a", "state": 3}),
        ("attempt", {"id": "b", "state": 3}),
        ("run", {"closed": True, "states": {"a": 3, "b": 3}}),
    ]
    assert script.taken == 4


@pytest.mark.anyio
async def test_all_listeners_of_a_run_share_its_looks() -> None:
    script = Script(*(seen({"a": number}) for number in range(5)), seen({"a": 9}, closed=True))
    watches = Watches(script, poll_secs=0.02)
    heard = await asyncio.gather(*(told(watches) for _ in range(20)))
    assert script.taken == 6
    assert all(each == heard[0] for each in heard)
    assert len(watches) == 0


@pytest.mark.anyio
async def test_a_listener_that_reads_slowly_gets_the_newest_state_of_each_thing() -> None:
    looks = [seen({"a": number, "b": 0}) for number in range(50)]
    script = Script(*looks, seen({"a": 99, "b": 0}, closed=True))
    watches = Watches(script, poll_secs=0.001)
    heard = []
    async with asyncio.timeout(SECS), aclosing(watches.follow("r")) as events:
        async for event in events:
            heard.append((event.event, event.data))
            while script.taken < 51 and len(heard) == 2:  # not read on before all has happened
                await asyncio.sleep(0.005)
    assert heard[-2:] == [("attempt", {"id": "a", "state": 99}), ("run", {"closed": True, "states": {"a": 99, "b": 0}})]
    assert len(heard) == 5, "two things, the run, and what was newest in the end"


@pytest.mark.anyio
async def test_whoever_comes_back_is_not_told_what_had_ended_long_before() -> None:
    ended = {"old": NOON, "lately": NOON + OVERLAP}
    script = Script(seen({"old": 3, "lately": 3, "new": 1}, ended=ended, closed=True))
    heard = await told(Watches(script, poll_secs=0.01), since=NOON + OVERLAP + timedelta(seconds=1))
    assert [data.get("id") for _, data in heard] == ["lately", "new", None]


@pytest.mark.anyio
async def test_whoever_is_cut_off_between_two_events_hears_the_rest_when_it_comes_back() -> None:
    ended = {name: NOON + number * timedelta(hours=1) for number, name in enumerate("abc")}
    watches = Watches(Script(seen(dict.fromkeys("abc", 3), ended=ended, closed=True)), poll_secs=0.01)
    async with asyncio.timeout(SECS), aclosing(watches.follow("r")) as events:
        first = await anext(events)
    assert first.id is None, "it has not heard of all that had ended"
    heard = await told(watches, since=read_id(first.id))
    assert [data.get("id") for _, data in heard] == ["a", "b", "c", None]
    async with asyncio.timeout(SECS):
        ids = [read_id(event.id) async for event in watches.follow("r", since=NOON)]
    assert ids == [NOON, NOON, NOON, NOON + timedelta(hours=2)]


@pytest.mark.anyio
async def test_a_database_that_is_away_ends_no_stream() -> None:
    script = Script(seen({"a": 1}), ServiceUnavailable("away"), ServiceUnavailable("away"), seen({"a": 2}, closed=True))
    heard = await told(Watches(script, poll_secs=0.01))
    assert [kind for kind, _ in heard] == ["attempt", "run", "attempt", "run"]


@pytest.mark.anyio
@pytest.mark.filterwarnings("default")
async def test_a_look_that_breaks_ends_the_streams() -> None:
    watches = Watches(Script(seen({"a": 1}), ZeroDivisionError("a bug")), poll_secs=0.01)
    assert [kind for kind, _ in await told(watches)] == ["attempt", "run"]
    assert len(watches) == 0


@pytest.mark.anyio
async def test_a_server_that_stops_ends_the_streams() -> None:
    watches = Watches(Script(seen({"a": 1})), poll_secs=0.01)
    heard = []
    async with asyncio.timeout(SECS), aclosing(watches.follow("r")) as events:
        async for event in events:
            heard.append(event.event)
            watches.end()
    assert heard == ["attempt", "run"]
    assert len(watches) == 0


@pytest.mark.anyio
async def test_when_the_last_listener_leaves_nobody_looks_any_more() -> None:
    script = Script(seen({"a": 1}))
    watches = Watches(script, poll_secs=0.01)

    async def first(events: AsyncIterator[ServerSentEvent]) -> None:
        await anext(events)

    one, two = watches.follow("r"), watches.follow("r")
    await asyncio.gather(first(one), first(two))
    await one.aclose()
    assert len(watches) == 1
    await two.aclose()
    assert len(watches) == 0
    taken = script.taken
    await asyncio.sleep(0.05)
    assert script.taken <= taken + 1


@pytest.mark.parametrize(
    ("text", "expected"),
    [(None, None), ("", None), ("7", None), ("2026-01-01T12:00:00", None), ("x\0", None), (NOON.isoformat(), NOON)],
)
def test_an_id_that_is_none_of_ours_is_as_good_as_none(text: str | None, expected: datetime | None) -> None:
    assert read_id(text) == expected


# With the database and HTTP


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    opened = open_store(settings_in(tmp_path), create=True)
    yield opened
    opened.close()


@pytest.fixture
def server(tmp_path: Path, store: Store) -> Iterator[Live]:
    """A server on the database of `store`."""
    with live(settings_in(tmp_path)) as serving:
        yield serving


def parsed(answer: requests.Response) -> Iterator[dict[str, Any]]:
    """The events of a stream."""
    found: dict[str, Any] = {}
    for line in answer.iter_lines(decode_unicode=True):
        name, _, value = line.partition(": ")
        if line:
            found[name] = json.loads(value) if name == "data" else value
        else:
            yield found
            found = {}


def test_a_run_is_followed_from_its_first_attempt_to_its_end(server: Live, store: Store) -> None:
    run = a_run(planned=2)
    first, second = some_attempts(run)
    store.create_run(run, [first, second])
    with requests.get(f"{server.url}/runs/{run.run_id}/events", stream=True, timeout=20) as answer:
        events = parsed(answer)
        assert [next(events)["data"]["state"] for _ in range(2)] == ["queued", "queued"]
        assert next(events)["data"]["status"] == "queued"
        lease = store.acquire(first.attempt_id, owner="me", lease_secs=60)
        assert lease is not None
        store.renew([lease], lease_secs=60, last_lines={first.attempt_id: "epoch 1 ✓"})
        news = [next(events) for _ in range(3)]
        assert [event["event"] for event in news] == ["attempt", "log", "run"]
        assert news[0]["data"]["state"] == "running"
        assert news[1]["data"] == {"attempt_id": first.attempt_id, "line": "epoch 1 ✓"}
        assert news[2]["data"]["progress"]["running"] == 1
        end(store, first.attempt_id, lease)
        store.request_cancel(run.run_id)
        store.close_run(run.run_id)
        rest = list(events)
    assert rest[-1]["event"] == "run"
    assert (rest[-1]["data"]["status"], rest[-1]["data"]["progress"]["done"]) == ("failed", 2)
    assert read_id(rest[-1]["id"]) is not None
    again = requests.get(
        f"{server.url}/runs/{run.run_id}/events", headers={"Last-Event-ID": rest[-1]["id"]}, timeout=20
    )
    assert [event["event"] for event in parsed(again)] == ["attempt", "attempt", "run"], "they ended just now"
    later = (read_id(rest[-1]["id"]) or NOON) + 2 * OVERLAP
    again = requests.get(
        f"{server.url}/runs/{run.run_id}/events", headers={"Last-Event-ID": later.isoformat()}, timeout=20
    )
    assert [event["event"] for event in parsed(again)] == ["run"]


def end(store: Store, attempt_id: str, lease: Any) -> None:
    """Have an attempt end as completed."""
    from store.records import Outcome

    store.collected(lease, Outcome(status=Status.COMPLETED, message="done"), grading_secs=60)
    store.finish(attempt_id, status=Status.COMPLETED, message="done", score=0.5, medal=None, report={})


def test_a_client_that_goes_away_leaves_nothing(server: Live, store: Store) -> None:
    run = a_run(planned=1)
    store.create_run(run, some_attempts(run))
    watches: Watches = server.app.state.watches
    answers = [requests.get(f"{server.url}/runs/{run.run_id}/events", stream=True, timeout=20) for _ in range(3)]
    for answer in answers:
        next(parsed(answer))
    assert len(watches) == 1
    for answer in answers:
        answer.close()
    wait_until(lambda: len(watches) == 0, timeout_secs=20, description="nobody looks any more")


def test_a_run_of_ten_thousand_attempts_is_shown_and_followed_quickly(server: Live, store: Store) -> None:
    run = a_run(planned=10_000)
    store.create_run(run, [replace(attempt, last_line="x" * 100) for attempt in some_attempts(run)])
    assert timed(lambda: server.get(f"/runs/{run.run_id}").raise_for_status()) < 1
    assert timed(lambda: server.get("/runs").raise_for_status()) < 1
    with requests.get(f"{server.url}/runs/{run.run_id}/events", stream=True, timeout=20) as answer:
        kinds = [event["event"] for _, event in zip(range(10_001), parsed(answer), strict=False)]
    assert kinds == ["attempt"] * 10_000 + ["run"]


def timed(action: Callable[[], object]) -> float:
    """Seconds that an action takes, at best of three."""
    import time

    def once() -> float:
        started = time.perf_counter()
        action()
        return time.perf_counter() - started

    return min(once() for _ in range(3))
