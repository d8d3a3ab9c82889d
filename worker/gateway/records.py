"""model_calls.jsonl: each exchange with a model as one line of JSON, without secrets, within a size."""

import json
import threading
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from worker.runlog import Censor

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
        """Add an exchange: what is known of it, and the bodies."""
        bodies = {"request": _readable(request), "response": _readable(response)}
        with self._lock, self._path.open("ab") as file:
            line = self._line({**facts, **bodies})
            if file.tell() + len(line) > self._max_bytes:
                line = self._line({**facts, "request": None, "response": None, "left_out": "the file is full"})
            file.write(line)

    def _line(self, record: dict[str, Any]) -> bytes:
        text = json.dumps(record, ensure_ascii=False)
        return self._censor.all_at_once(text.encode(errors="backslashreplace")) + b"\n"


def _readable(body: bytes) -> Any:
    """A JSON object as such, all else as text; of what is too long, the beginning."""
    if len(body) <= MOST_BODY_BYTES:
        try:
            value = json.loads(body)
            json.dumps(value)
            return value
        except (ValueError, RecursionError):
            pass
    text = body[:MOST_BODY_BYTES].decode(errors="replace")
    return text if len(body) <= MOST_BODY_BYTES else f"{text}... ({len(body)} bytes in all)"
