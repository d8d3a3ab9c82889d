"""Server-sent events: from the bytes of a stream to events."""

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from sdk.errors import UnexpectedAnswer
from sdk.results import Answer, AttemptState, LogLine, Run

LINE_END = re.compile(rb"\r\n|\n|\r(?=.)", re.DOTALL)  # a CR at the end may be the first half of a CRLF
LONGEST_EVENT_BYTES = 16 * 2**20
READERS: Mapping[str, Callable[[Any], Answer]] = {"attempt": AttemptState, "log": LogLine, "run": Run}


@dataclass(frozen=True, kw_only=True)
class Event:
    """Something that happened in a run.

    Attributes:
        kind: `attempt` (an attempt changed its state), `log` (an attempt's last line), `run` (the run as it is now,
            also as the last event); a newer server may send others.
        data: an AttemptState, a LogLine or a Run; of other kinds a plain Answer.
        id: where to go on after it; None where the server gave none.
    """

    kind: str
    data: Answer
    id: str | None = None


class EventDecoder:
    """Makes events out of a stream's bytes, however they are cut.

    Attributes:
        last_id: of the newest event, or the one of the stream before.
    """

    def __init__(self, *, last_id: str | None = None) -> None:
        self.last_id = last_id
        self._rest = b""
        self._kind = ""
        self._data: list[str] = []
        self._bytes = 0

    def feed(self, piece: bytes) -> list[Event]:
        """Take the next bytes and give the events that they complete.

        Raises:
            UnexpectedAnswer: an event is no JSON, not what its kind must be, or endless.
        """
        *lines, self._rest = LINE_END.split(self._rest + piece)
        events = [event for line in lines if (event := self._line(line)) is not None]
        if self._bytes + len(self._rest) > LONGEST_EVENT_BYTES:
            raise UnexpectedAnswer(f"an event of more than {LONGEST_EVENT_BYTES:,} bytes")
        return events

    def _line(self, line: bytes) -> Event | None:
        if not line:
            return self._event()
        name, _, value = line.decode(errors="replace").partition(":")
        value = value.removeprefix(" ")
        if name == "event":
            self._kind = value
        elif name == "data":
            self._data.append(value)
            self._bytes += len(line)
        elif name == "id" and "\0" not in value:
            self.last_id = value
        return None

    def _event(self) -> Event | None:
        kind, text = self._kind or "message", "\n".join(self._data)
        self._kind, self._data, self._bytes = "", [], 0
        if not text:
            return None
        try:
            values = json.loads(text)
        except (ValueError, RecursionError) as error:
            raise UnexpectedAnswer(f"an event that is no JSON: {text[:80]!r}") from error
        return Event(kind=kind, data=READERS.get(kind, Answer)(values), id=self.last_id)
