"""model_calls.jsonl: each exchange with a model as one line of JSON, without secrets, within a size."""

import json
import logging
import threading
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from worker.runlog import Censor

log = logging.getLogger(__name__)

NAME = "model_calls.jsonl"
MOST_BODY_BYTES = 1 << 20


class Records:
    """Adds to the file. May be called from any thread.

    Args:
        path: the file; what it holds already is kept.
        max_bytes: from this size on, requests and responses are left out.
        secrets: texts that must not appear; they become ***.
    """

    def __init__(self, path: Path, *, max_bytes: int, secrets: Iterable[str]) -> None:
        self._path = path
        self._max_bytes = max_bytes
        self._censor = Censor(secrets)
        self._lock = threading.Lock()

    def add(self, facts: dict[str, Any], *, request: bytes, response: bytes) -> None:
        """Add an exchange: what is known of it, and excerpts of the bodies."""
        line = self._line({**facts, "request": _readable(request), "response": _readable(response)})
        short = self._line({**facts, "request": None, "response": None, "left_out": "the file is full"})
        try:
            with self._lock, self._path.open("ab") as file:
                file.write(line if file.tell() + len(line) <= self._max_bytes else short)
        except OSError as error:  # a full disk: the call was made and is paid, and its answer is on its way
            log.warning("a call is missing in %s: %s", self._path, error)

    def _line(self, record: dict[str, Any]) -> bytes:
        text = json.dumps(record, ensure_ascii=False)
        return self._censor.all_at_once(text.encode(errors="backslashreplace")) + b"\n"


def excerpt(body: bytes) -> bytes:
    """What is kept of a body: the beginning of one that is too long."""
    if len(body) <= MOST_BODY_BYTES:
        return body
    return body[:MOST_BODY_BYTES] + b"... (%d bytes in all)" % len(body)


def _readable(body: bytes) -> Any:
    """A JSON object as such, all else as text."""
    try:
        value = json.loads(body)
        json.dumps(value)
    except (ValueError, RecursionError):
        return body.decode(errors="replace")
    return value
