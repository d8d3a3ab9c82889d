"""Server-sent events of runs: what changed in the database since a listener last heard.

One task for each run that somebody follows asks the database, for all listeners of this process. A listener that
reads slowly gets the newest state of what changed meanwhile, and costs no memory. An event's id is the time, by the
database, up to which attempts had ended that the listener has heard of: with it, a listener goes on at any server.
"""

import asyncio
import logging
from collections.abc import AsyncGenerator, Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import anyio
import anyio.to_thread
from fastapi.sse import ServerSentEvent

from core.errors import ServiceUnavailable
from core.status import RunState, State
from server.schemas import AttemptEvent, LogEvent
from server.service import Service
from server.views import shown_run
from store import overviews
from store.runs import Progress

log = logging.getLogger(__name__)

POLL_SECS = 1.0
LOOKS = 2  # at a time, each with a connection to the database
POLL_SHARE = 0.1  # of the time, at most, that is spent on asking about one run
OVERLAP = timedelta(seconds=30)  # what ended so shortly before is sent again: its transaction may have come later


@dataclass(frozen=True, kw_only=True)
class Event:
    """Something that a listener is told."""

    kind: str  # attempt, log or run
    data: dict[str, Any]
    ended_at: datetime | None = None  # of an attempt that is done


@dataclass(frozen=True, kw_only=True)
class Look:
    """How a run was, at one look."""

    events: dict[tuple[str, str], Event]  # the run's own last
    closed: bool
    moment: datetime  # up to which attempts had ended


def look(run_id: str, service: Service) -> Look:
    """Ask the database how a run is. Raises ServiceUnavailable."""
    seen = overviews.overview(service.store, run_id)
    rows = service.store.progress(run_id)  # after the run: those of a closed run are final
    events: dict[tuple[str, str], Event] = {}
    for row in rows:
        events["attempt", row.attempt_id] = Event(
            kind="attempt", data=_attempt(row), ended_at=row.finished_at if row.state is State.DONE else None
        )
        if row.last_line and row.state is State.RUNNING:
            line = LogEvent(attempt_id=row.attempt_id, line=row.last_line)
            events["log", row.attempt_id] = Event(kind="log", data=line.model_dump(mode="json"))
    events["run", run_id] = _run(seen, service)
    ended = (row.finished_at for row in rows if row.finished_at is not None)
    return Look(
        events=events,
        closed=seen.run.state is not RunState.OPEN,
        moment=max(ended, default=seen.run.created_at),
    )


def _attempt(row: Progress) -> dict[str, Any]:
    return AttemptEvent.model_construct(**{name: getattr(row, name) for name in AttemptEvent.model_fields}).model_dump(
        mode="json"
    )


def _run(seen: overviews.Overview, service: Service) -> Event:
    return Event(kind="run", data=shown_run(seen, service.store, service.settings).model_dump(mode="json"))


@dataclass
class _Watch:
    """A run that somebody follows: the newest event about each thing, in the order in which they came."""

    task: "asyncio.Task[None] | None" = None
    listeners: int = 0
    number: int = 0  # of the newest event
    events: dict[tuple[str, str], tuple[int, Event]] = field(default_factory=dict)
    moment: datetime | None = None
    ended: bool = False  # no further events come
    news: asyncio.Event = field(default_factory=asyncio.Event)  # replaced whenever there are some

    def take(self, seen: Look) -> None:
        """Take what is new at a look."""
        for key, event in seen.events.items():
            before = self.events.get(key)
            if before is None or before[1] != event:
                self.number += 1
                self.events.pop(key, None)  # so that the order is that of the numbers
                self.events[key] = self.number, event
        self.moment = seen.moment
        self.ended = self.ended or seen.closed

    def tell(self) -> None:
        """Wake the listeners."""
        news, self.news = self.news, asyncio.Event()
        news.set()

    def after(self, number: int) -> list[Event]:
        """Give the events behind the one with this number, oldest first."""
        newer = []
        for of_event, event in reversed(self.events.values()):
            if of_event <= number:
                break
            newer.append(event)
        return newer[::-1]


class Watches:
    """The runs that clients of this process follow. For one event loop."""

    def __init__(self, look: Callable[[str], Look], *, poll_secs: float = POLL_SECS) -> None:
        self._look = look
        self._poll_secs = poll_secs
        self._threads = anyio.CapacityLimiter(LOOKS)
        self._watches: dict[str, _Watch] = {}

    def __len__(self) -> int:
        return len(self._watches)

    def end(self) -> None:
        """End all streams: the server stops. Clients that come back, to this or another one, go on from there."""
        for watch in self._watches.values():
            watch.ended = True
            watch.tell()

    async def follow(self, run_id: str, *, since: datetime | None = None) -> AsyncGenerator[ServerSentEvent]:
        """Give a run's events until it is closed; the last one is the closed run.

        Args:
            run_id: the run.
            since: the id of the last event that the listener has heard; what ended before is not told again.
        """
        watch = self._watches.get(run_id)
        if watch is None:
            watch = self._watches[run_id] = _Watch()
            watch.task = asyncio.create_task(self._keep_looking(run_id, watch))
        watch.listeners += 1
        try:
            heard, told = 0, since
            while True:
                news = watch.news
                if heard < watch.number:
                    events, moment, number = watch.after(heard), watch.moment, watch.number
                    if heard == 0:
                        events = [event for event in events if not _known(event, since)]
                    for event in events[:-1]:
                        yield _sent(event, told)  # not the new one: whoever is cut off here has not heard all
                    for event in events[-1:]:
                        yield _sent(event, moment)
                    heard, told = number, moment
                elif watch.ended:
                    return
                else:
                    await news.wait()
        finally:
            watch.listeners -= 1
            if not watch.listeners and watch.task is not None:
                watch.task.cancel()
                if self._watches.get(run_id) is watch:
                    del self._watches[run_id]

    async def _keep_looking(self, run_id: str, watch: _Watch) -> None:
        loop = asyncio.get_running_loop()
        try:
            while not watch.ended:
                started = loop.time()
                try:
                    watch.take(await anyio.to_thread.run_sync(self._look, run_id, limiter=self._threads))
                    watch.tell()
                except ServiceUnavailable as error:  # the listeners wait for it too
                    log.warning("run %s cannot be followed now: %s", run_id, error)
                await asyncio.sleep(max(self._poll_secs, (loop.time() - started) / POLL_SHARE))
        finally:
            watch.ended = True  # however it ended, nobody waits for more
            watch.tell()
            if self._watches.get(run_id) is watch:
                del self._watches[run_id]


def read_id(text: str | None) -> datetime | None:
    """Read an event's id as a client gives it back; None where it is none of ours."""
    try:
        moment = datetime.fromisoformat(text or "")
    except ValueError:
        return None
    return moment if moment.tzinfo is not None else None


def _known(event: Event, since: datetime | None) -> bool:
    return since is not None and event.ended_at is not None and event.ended_at + OVERLAP < since


def _sent(event: Event, moment: datetime | None) -> ServerSentEvent:
    return ServerSentEvent(event=event.kind, data=event.data, id=moment.isoformat() if moment else None)
