"""The finished files of a run, to be listed and read by strangers: what agents left is hostile.

Names are relative to the run folder, as `find` and `open_file` know them. In an object store an attempt's files are
below the number of the lease under which they were published (store/storage.py).
"""

import os
import re
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from store.bucket import Bucket
from store.folders import RunFolder
from store.storage import LONGEST_KEY

OPEN_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
OPEN_FILE = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
PLAIN = re.compile(r"[^\x00-\x1f\x7f\ud800-\udfff]+")  # no control characters, and what UTF-8 can say
PUBLISHED = re.compile(r"(?P<attempt>[^/]+)/try-(?P<fence>\d+)/(?P<name>.+)", re.DOTALL)
MANIFEST = re.compile(r"(?P<attempt>[^/]+)/manifest-(?P<fence>\d+)\.json")


@dataclass(frozen=True, kw_only=True)
class Listed:
    """A file of a run."""

    name: str  # relative to the run folder
    bytes: int
    attempt: str | None  # the attempt's folder; None for a file of the run
    within: str  # its name as the attempt knows it, or the run


def list_files(folder: RunFolder) -> Iterator[Listed]:
    """Give the finished files of a run: not what is worked on, no links, and nothing but files.

    Raises:
        ServiceUnavailable: the object store does not answer.
    """
    return _list_folder(folder.path) if folder.bucket is None else _list_bucket(folder.bucket)


def published_name(folder: RunFolder, *, attempt: str, fence: int, within: str) -> str:
    """Give the name of a file that an attempt published under a lease."""
    return f"{attempt}/{within}" if folder.bucket is None else f"{attempt}/try-{fence}/{within}"


def is_servable(name: str) -> bool:
    """Whether a name, whoever made it, may name a finished file: plain, relative, and nothing of the machinery's."""
    parts = name.split("/")
    return (
        not any(part in ("", ".", "..") for part in parts)
        and not parts[0].startswith(".")  # live folders, files that are being written
        and PLAIN.fullmatch(name) is not None
    )


def open_file(folder: Path, name: str) -> BinaryIO | None:
    """Open a finished file of a run folder; None where there is none.

    Each step is taken from the folder that was opened before it, and no step through a link: whatever is moved
    or replaced meanwhile, nothing outside of the folder is opened.
    """
    if not is_servable(name):
        return None
    *parents, last = name.split("/")
    try:
        at = os.open(folder, OPEN_FOLDER)
        try:
            for parent in parents:
                at, above = os.open(parent, OPEN_FOLDER, dir_fd=at), at
                os.close(above)
            file = os.fdopen(os.open(last, OPEN_FILE, dir_fd=at), "rb")
        finally:
            os.close(at)
    except OSError:  # none of this name, a link, a folder, a name that is too long
        return None
    if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
        file.close()
        return None
    return file


def is_key(name: str) -> bool:
    """Whether there may be an object of this name in a run folder of an object store."""
    return is_servable(name) and len(name.encode()) <= LONGEST_KEY


def _list_folder(root: Path) -> Iterator[Listed]:
    pending = [""]
    while pending:
        below = pending.pop()
        try:
            entries = sorted(os.scandir(root / below), key=lambda entry: entry.name)
        except OSError:  # gone meanwhile
            continue
        for entry in entries:
            name = f"{below}{entry.name}"
            if not is_servable(name) or entry.is_symlink():
                continue
            if entry.is_dir(follow_symlinks=False):
                pending.append(f"{name}/")
            elif entry.is_file(follow_symlinks=False):
                attempt, _, within = name.partition("/")
                size = entry.stat(follow_symlinks=False).st_size
                yield Listed(name=name, bytes=size, attempt=attempt if within else None, within=within or name)


def _list_bucket(bucket: Bucket) -> Iterator[Listed]:
    objects = [(key, size) for key, size in bucket.objects() if is_servable(key)]
    counts: dict[str, int] = {}  # attempt -> the lease whose files count
    for key, _ in objects:
        if found := MANIFEST.fullmatch(key):
            counts[found["attempt"]] = max(counts.get(found["attempt"], 0), int(found["fence"]))
    for key, size in objects:
        if found := PUBLISHED.fullmatch(key):
            if counts.get(found["attempt"]) == int(found["fence"]):
                yield Listed(name=key, bytes=size, attempt=found["attempt"], within=found["name"])
        else:
            attempt, _, within = key.partition("/")
            yield Listed(name=key, bytes=size, attempt=attempt if within else None, within=within or key)
