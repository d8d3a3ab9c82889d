"""Server-sent events: a stream cut into them, and what they say."""

import json
import re
from typing import Any

END = re.compile(rb"\r\n\r\n|\n\n|\r\r")
LAST_WORDS = ("response.completed", "response.incomplete", "response.failed")  # of a stream of responses
LONGEST_EVENT = 32 << 20  # bytes; what is longer is passed on in pieces


class Events:
    """Cuts a stream that comes in pieces into events, each with the empty line that ends it."""

    def __init__(self) -> None:
        self._held = bytearray()
        self._looked_at = 0  # no end begins before

    def feed(self, data: bytes) -> list[bytes]:
        """Take a piece, and give the events that are complete now."""
        self._held += data
        events = []
        while (end := END.search(self._held, self._looked_at)) is not None:
            events.append(bytes(self._held[: end.end()]))
            del self._held[: end.end()]
            self._looked_at = 0
        self._looked_at = max(0, len(self._held) - 3)
        return events + (self.finish() if len(self._held) > LONGEST_EVENT else [])

    def finish(self) -> list[bytes]:
        """Give what is left when the stream has ended."""
        rest, self._looked_at = bytes(self._held), 0
        self._held.clear()
        return [rest] if rest else []


def data_of(event: bytes) -> dict[str, Any]:
    """Give the JSON object that an event carries; an empty one where it carries none."""
    lines = re.split(rb"\r\n|\n|\r", event)
    data = b"\n".join(line[5:].removeprefix(b" ") for line in lines if line.startswith(b"data:"))
    try:
        value = json.loads(data)
    except (ValueError, RecursionError):  # [DONE], or not JSON
        return {}
    return value if isinstance(value, dict) else {}


def is_last_word(data: dict[str, Any]) -> bool:
    """Whether the usage that an event tells is that of the whole answer, whatever comes after."""
    return data.get("type") in LAST_WORDS or tells_usage_only(data)


def tells_usage_only(data: dict[str, Any]) -> bool:
    """Whether it is the last chunk of a stream that was asked to tell its usage."""
    return data.get("choices") == [] and data.get("usage") is not None
