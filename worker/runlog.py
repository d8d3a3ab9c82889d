"""run.log: what the agent and the machinery said, within a size, without secrets."""

import logging
import os
import re
import threading
import time
from collections import deque
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path

log = logging.getLogger(__name__)

BLANK = b"***"
SHORTEST_SECRET = 5  # characters; blanking "1" or "true" would only spoil the log
LARGEST_TAIL = 4 << 20  # bytes
LAST_LINE_WINDOW = 4096  # bytes in which the last line is looked for
LONGEST_LAST_LINE = 200  # characters

# ECMA-48: control sequences (CSI), strings for the terminal (OSC and the like), and two-character escapes.
CONTROL = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]?|[PX\]^_].*?(?:\x07|\x1b\\|$)|[ -/]*[0-~]?)")


class RunLog:
    """An append-only log file. All methods may be called from any thread.

    Output goes to the file as it comes. Of more than `max_bytes`, the beginning is there, and the end is kept in
    memory (a quarter, at most LARGEST_TAIL) until `close` writes it, after a line that says how much is missing.

    Args:
        path: the file; what it holds already is kept.
        max_bytes: most bytes that are written, apart from that line.
        secrets: texts that must not appear; they become ***, also where a secret comes in pieces.
    """

    def __init__(self, path: Path, *, max_bytes: int, secrets: Iterable[str] = ()) -> None:
        self._file = path.open("ab", buffering=0)
        self._censor = Censor(secrets)
        self._lock = threading.Lock()
        # The file's time is that of the agent's last output: an adopting worker asks for what came after it.
        status = os.fstat(self._file.fileno())
        self._heard_ns = status.st_mtime_ns if status.st_size else time.time_ns()
        tail_bytes = min(max_bytes // 4, LARGEST_TAIL)
        self._room = max_bytes - tail_bytes
        self._tail = _Tail(tail_bytes)
        self._recent = b""  # the end of the agent's output
        self._broken = False  # the file could not be written
        self._line_open = False  # the log ends within a line

    def write(self, data: bytes) -> None:
        """Add a piece of the agent's output."""
        with self._lock:
            if not self._file.closed:
                self._add_output(self._censor.feed(data))

    def note(self, text: str) -> None:
        """Add a line of the machinery's own, with the time (UTC)."""
        moment = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
        line = self._censor.all_at_once(" ".join(text.split()).encode(errors="replace"))
        with self._lock:
            if not self._file.closed:
                start = b"\n" if self._line_open else b""
                self._add(start + f"[mlebench {moment}] ".encode() + line + b"\n")

    def last_line(self) -> str:
        """The agent's last line that is not empty: printable characters, no control sequences, shortened."""
        with self._lock:
            recent = self._recent
        text = CONTROL.sub("", recent.decode(errors="replace"))
        for line in reversed(re.split(r"[\r\n]+", text)):
            shown = "".join(character if character.isprintable() else " " for character in line).strip()
            if shown:
                return shown[:LONGEST_LAST_LINE]
        return ""

    def close(self) -> None:
        """Write what is held back and close the file. Further calls, and further output, are ignored."""
        with self._lock:
            if self._file.closed:
                return
            self._add_output(self._censor.finish())
            if self._tail.dropped:
                said = f"\n[mlebench] {self._tail.dropped} bytes of output were left out here\n"
                self._put(said.encode())
            for piece in self._tail.pieces:
                self._put(piece)
            self._file.close()

    def _add_output(self, data: bytes) -> None:
        self._heard_ns = time.time_ns()
        self._recent = (self._recent + data[-LAST_LINE_WINDOW:])[-LAST_LINE_WINDOW:]
        self._add(data)

    def _add(self, data: bytes) -> None:
        if not data:
            return
        self._line_open = not data.endswith(b"\n")
        head, rest = data[: self._room], data[self._room :]
        self._room -= len(head)
        self._put(head)
        if rest:
            self._tail.add(rest)

    def _put(self, data: bytes) -> None:
        """Write to the file. Where that fails, say so once and go on: an agent's work is worth more than its log."""
        if self._broken or not data:
            return
        try:
            self._file.write(data)
            os.utime(self._file.fileno(), ns=(self._heard_ns, self._heard_ns))
        except OSError as error:
            self._broken = True
            log.error("%s cannot be written any more: %s", self._file.name, error)


class _Tail:
    """The last `size` bytes of what is added, and how many went before them."""

    def __init__(self, size: int) -> None:
        self._size = size
        self._held = 0
        self.dropped = 0
        self.pieces: deque[bytes] = deque()

    def add(self, data: bytes) -> None:
        self.pieces.append(data)
        self._held += len(data)
        while self._held > self._size:
            excess = self._held - self._size
            first = self.pieces.popleft()
            cut = min(excess, len(first))
            self.dropped += cut
            self._held -= cut
            if cut < len(first):
                self.pieces.appendleft(first[cut:])


class Censor:
    """Replaces secrets in a stream that comes in pieces."""

    def __init__(self, secrets: Iterable[str]) -> None:
        self._secrets = sorted({secret.encode() for secret in secrets if len(secret) >= SHORTEST_SECRET})
        self._held = b""

    def feed(self, data: bytes) -> bytes:
        """Take a piece, and give what may go out: all but an end that may be the start of a secret."""
        data = self._held + data
        spans = self._spans(data)
        cut = self._safe_length(data)
        while spans and spans[-1][1] > cut:  # a secret across the cut stays whole
            cut = min(cut, spans.pop()[0])
        self._held = data[cut:]
        return _blanked(data[:cut], spans)

    def finish(self) -> bytes:
        """Give what was held back."""
        rest, self._held = self._held, b""
        return self.all_at_once(rest)

    def all_at_once(self, data: bytes) -> bytes:
        """Censor a text of its own, apart from the stream."""
        return _blanked(data, self._spans(data))

    def _spans(self, data: bytes) -> list[tuple[int, int]]:
        """Where secrets are, as (start, end), in order; secrets that overlap are one span."""
        found = []
        for secret in self._secrets:
            start = data.find(secret)
            while start >= 0:
                found.append((start, start + len(secret)))
                start = data.find(secret, start + 1)
        spans: list[tuple[int, int]] = []
        for start, end in sorted(found):
            if spans and start < spans[-1][1]:
                spans[-1] = (spans[-1][0], max(end, spans[-1][1]))
            else:
                spans.append((start, end))
        return spans

    def _safe_length(self, data: bytes) -> int:
        """Bytes before the longest end of `data` that is the start, and only the start, of a secret."""
        longest = 0
        for secret in self._secrets:
            for length in range(min(len(secret) - 1, len(data)), longest, -1):
                if data.endswith(secret[:length]):
                    longest = length
                    break
        return len(data) - longest


def _blanked(data: bytes, spans: list[tuple[int, int]]) -> bytes:
    parts, at = [], 0
    for start, end in spans:
        parts += [data[at:start], BLANK]
        at = end
    return b"".join([*parts, data[at:]])
