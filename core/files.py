"""Writing files so that a reader sees the old content or the new one, never a half."""

import json
import os
import stat
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Yield a temporary path beside `path`; on a clean exit it takes its place, else it is removed."""
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    os.close(handle)
    temporary = Path(name)
    try:
        yield temporary
        temporary.chmod(0o644)  # mkstemp's 0600 would hide results from the people they are for
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def read_plain(path: Path | str, *, max_bytes: int, dir_fd: int | None = None) -> bytes:
    """Read a file that may be anything, without following a link.

    Args:
        path: where it is; with `dir_fd`, relative to that open folder.
        max_bytes: what a larger file is refused at.

    Raises:
        OSError: it cannot be opened.
        ValueError: it is no plain file, or too large; the text says so.
    """
    descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, dir_fd=dir_fd)
    try:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode):
            raise ValueError("is not a plain file")
        if status.st_size > max_bytes:
            raise ValueError(f"has {status.st_size:,} bytes; at most {max_bytes:,} are read")
        with os.fdopen(descriptor, "rb", closefd=False) as file:
            return file.read(max_bytes)
    finally:
        os.close(descriptor)


def write_text(path: Path, text: str) -> None:
    """Write `text` to `path` as UTF-8, all or nothing."""
    with replacing(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


def write_json(path: Path, value: Any) -> None:
    """Write `value` to `path` as JSON, all or nothing. NaN and infinities are refused (ValueError)."""
    write_text(path, json_bytes(value).decode())


def read_lines(path: Path) -> tuple[str, ...]:
    """The lines of a UTF-8 text file, without their ends and without empty ones."""
    lines = path.read_text(encoding="utf-8").split("\n")
    return tuple(line for line in (line.rstrip("\r") for line in lines) if line)


def json_bytes(value: Any) -> bytes:
    """Give `value` as the content of a JSON file. NaN and infinities are refused (ValueError)."""
    return (json.dumps(value, indent=2, ensure_ascii=False, allow_nan=False, default=str) + "\n").encode()
