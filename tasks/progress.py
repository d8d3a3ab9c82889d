"""How far something long has come: what it reports, and lines of text made of that."""

import time
from collections.abc import Callable

Progress = Callable[[str, int, int | None], None]
"""Takes what is going on ("downloading"), the bytes that are done, and the bytes in all where they are known."""

LINE_SECS = 15.0


def in_lines(say: Callable[[str], None], *, every_secs: float = LINE_SECS) -> Progress:
    """Give a progress that says a line at most every `every_secs`, and one when something is complete."""
    last_said = time.monotonic()

    def progress(stage: str, done: int, total: int | None) -> None:
        nonlocal last_said
        now = time.monotonic()
        if done != total and now - last_said < every_secs:
            return
        last_said = now
        say(f"{stage}: {amount(done, total)}")

    return progress


def human(size: int) -> str:
    """Bytes for people, with decimal units as Kaggle and disks have them: 1.2 GB."""
    if size < 1000:
        return f"{size} B"
    amount = float(size)
    for unit in ("kB", "MB", "GB", "TB"):
        amount /= 1000
        if amount < 999.95 or unit == "TB":
            break
    return f"{amount:.1f} {unit}"


def human_secs(secs: float) -> str:
    """Seconds for people: 40 s, 12 min, 3.5 h, 2.1 days."""
    for unit, length, digits in (("days", 86400, 1), ("h", 3600, 1), ("min", 60, 0)):
        if secs >= 2 * length:
            return f"{secs / length:.{digits}f} {unit}"
    return f"{secs:.0f} s"


def amount(done: int, total: int | None) -> str:
    """How much of how much, for people."""
    if not total:
        return human(done)
    return f"{human(done)} of {human(total)} ({100 * done // total}%)"
