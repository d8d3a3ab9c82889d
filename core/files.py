"""Writing files so that a reader sees the old content or the new one, never a half."""

import json
import os
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
