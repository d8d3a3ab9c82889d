"""Bringing a competition's archive from Kaggle to this host, whole or not at all.

What has come of an archive lies beside its place, under a name that tells the version of the archive. After a
broken connection, or in the next process after a crash, the same version is gone on with and any other is not.
"""

import hashlib
import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from core.errors import DataError
from tasks.disk import check_data_dir
from tasks.kaggle import Credentials, body_bytes, opened_archive, patiently, validator
from tasks.progress import Progress, human

if TYPE_CHECKING:
    import requests

CHUNK_BYTES = 64 * 1024  # a connection that is cut loses the chunk that it had begun
CHECKED_BYTES = 64 * 1024**2  # the disk is looked at that often where the archive's size is not known


def download(
    competition_id: str,
    archive: Path,
    *,
    credentials: Credentials,
    log: Callable[[str], None],
    progress: Progress,
) -> None:
    """Download the competition's archive to `archive`, which appears when all of it is there.

    The caller sees to it that nobody else does so at the same time.

    Args:
        log: takes a line about each try that failed.

    Raises:
        InputError: the disk is too small.
        DataError: Kaggle refuses, or it failed too often, or what came is not what was announced.
    """

    def reached() -> int:
        return max(map(_size, parts(archive)), default=0)

    def attempt() -> Path:
        return _attempt(competition_id, archive, credentials, progress)

    try:
        part = patiently(attempt, competition_id=competition_id, log=log, reached=reached)
        part.replace(archive)
    except OSError as error:
        raise DataError(f"{competition_id}: downloading to {archive} failed: {error}") from error


def parts(archive: Path) -> list[Path]:
    """What has come of the archive in downloads that did not end."""
    return list(archive.parent.glob(f".{archive.name}.*.part"))


def _attempt(competition_id: str, archive: Path, credentials: Credentials, progress: Progress) -> Path:
    """Go on with the download until it is complete or fails; gives the complete file."""
    part = _part(archive, {})

    def start(headers: Mapping[str, str]) -> int:
        nonlocal part
        part = _part(archive, headers)
        for other in parts(archive):
            if other != part:
                other.unlink()
        return _first_wanted(part, headers)

    with opened_archive(competition_id, credentials, start=start) as answer:
        first = _first_byte(answer, part)
        total = _total(answer, first)
        if first == 0 and _size(part) == total and validator(answer.headers):
            return part  # it was complete before, and its process ended before it said so
        room = _room(competition_id, archive, total=total)
        room(first)
        with part.open("r+b" if first else "wb") as file:
            done = file.seek(first)
            for chunk in answer.iter_content(CHUNK_BYTES):
                done += file.write(chunk)
                progress("downloading", done, total)
                if total is None and done % CHECKED_BYTES < len(chunk):
                    room(done)
            os.fsync(file.fileno())
    _check_complete(done, total)
    return part


def _first_wanted(part: Path, headers: Mapping[str, str]) -> int:
    """The first byte to ask for: what is here already is kept where the server can go on after it."""
    size = _size(part)
    resumable = headers.get("Accept-Ranges") == "bytes" and validator(headers) is not None
    return size if resumable and size < (body_bytes(headers) or 0) else 0


def _first_byte(answer: "requests.Response", part: Path) -> int:
    """Where the body begins in the archive: at its beginning, or at the end of what is here."""
    import requests

    if answer.status_code != 206:
        return 0
    found = answer.headers.get("Content-Range", "")
    if not found.startswith(f"bytes {_size(part)}-"):
        raise requests.ConnectionError(f"another part of the archive came than was asked for: {found!r}")
    return _size(part)


def _total(answer: "requests.Response", first: int) -> int | None:
    """Bytes of the whole archive, where the server tells."""
    length = body_bytes(answer.headers)
    return None if length is None else first + length


def _room(competition_id: str, archive: Path, *, total: int | None) -> Callable[[int], None]:
    """Give a check of the disk, to be called with the bytes that have come.

    There has to be room for the archive, and for what is unpacked and what is prepared, none smaller than it is.
    """

    def check(done: int) -> None:
        size = done if total is None else total
        check_data_dir(
            archive.parent.parent,
            needed_bytes=3 * size - done,
            purpose=f"{competition_id}, an archive of {human(size)} to be unpacked and prepared",
        )

    return check


def _check_complete(done: int, total: int | None) -> None:
    import requests

    if total is not None and done != total:
        raise requests.ConnectionError(f"the archive ended after {done:,} of {total:,} bytes")


def _size(part: Path) -> int:
    return part.stat().st_size if part.exists() else 0


def _part(archive: Path, headers: Mapping[str, str]) -> Path:
    version = hashlib.sha256((validator(headers) or "").encode()).hexdigest()[:16]
    return archive.with_name(f".{archive.name}.{version}.part")
