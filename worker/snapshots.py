"""Keeping the last good submission aside while the agent works, in case the end goes wrong."""

import errno
import logging
import os
import stat
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from fnmatch import fnmatchcase
from itertools import islice
from pathlib import Path
from typing import BinaryIO, NamedTuple

from worker.evidence import OPEN_FILE, mostly_holes
from worker.sandbox.disk import OPEN_FOLDER

log = logging.getLogger(__name__)

PATTERNS = ("submission.*", "*_analysis.json")
MOST_ENTRIES = 1000  # names looked at in the submission folder
SHARE = 10  # at most one part in ten of the time goes into copying and checking


class _Identity(NamedTuple):
    """What changes when a file is written or replaced."""

    inode: int
    size: int
    modified_ns: int
    changed_ns: int


_EARLIER = _Identity(0, 0, 0, 0)  # of a copy whose original nobody here has seen


class Snapshots:
    """Copies of the agent's submission, each taken when it was whole and valid; the last good one is kept.

    A file counts as whole when it did not change from one poll to the next, nor while it was copied.

    Args:
        folder: the agent's submission folder: hostile.
        side: where the copies are kept. Ours alone, and best on the same file system.
        validate: gives None for a valid file, else what is wrong with it.
        max_bytes: larger files are not looked at.
        patterns: names of the files to keep.
    """

    def __init__(
        self,
        folder: Path,
        side: Path,
        *,
        validate: Callable[[Path], str | None],
        max_bytes: int,
        patterns: tuple[str, ...] = PATTERNS,
    ) -> None:
        self._folder = folder
        self._side = side
        self._validate = validate
        self._max_bytes = max_bytes
        self._patterns = patterns
        self._seen: dict[str, _Identity] = {}  # at the last poll
        self._judged: dict[str, _Identity] = {}  # copied and checked already, whatever came of it
        self._kept: dict[str, _Identity] = {}  # what the copy in `side` was taken from
        self._not_before = 0.0
        if side.is_dir():  # another worker watched this agent before, and kept these
            self._kept = {path.name: _EARLIER for path in side.iterdir() if path.is_file()}

    @property
    def kept(self) -> bool:
        """Whether there is, or was, a submission that was whole and valid."""
        return bool(self._kept)

    def poll(self) -> bool:
        """Look at the folder, and copy what is new and whole. Whether a copy was kept. To be called often."""
        began = time.monotonic()
        if began < self._not_before:
            return False
        kept = False
        with self._open() as folder:
            if folder is None:
                return False
            now = self._look(folder)
            for name, identity in now.items():
                if self._seen.get(name) == identity and self._judged.get(name) != identity:
                    kept |= self._take(folder, name, identity)
                    self._not_before = time.monotonic() + (time.monotonic() - began) * SHARE
            self._seen = now
        return kept

    def restore_if_better(self) -> str | None:
        """After the agent's end: put kept copies back where the live file is missing, broken or invalid.

        Returns a line about it for run.log, or None where nothing was put back.
        """
        with self._open() as folder:
            now = {} if folder is None else self._look(folder)
            for name, identity in now.items():
                if folder is not None and self._judged.get(name) != identity:
                    self._take(folder, name, identity)
        better = [name for name, identity in self._kept.items() if now.get(name) != identity]
        if not better:
            return None
        self._make_folder()
        with self._open() as folder:
            for name in better:
                self._put_back(name, folder)
        return f"{', '.join(better)}: missing or not valid at the end; the last good copy takes its place"

    @contextmanager
    def _open(self) -> Iterator[int | None]:
        """The submission folder's descriptor; None where it is no folder (any more)."""
        try:
            descriptor = os.open(self._folder, OPEN_FOLDER)
        except OSError:
            yield None
            return
        try:
            yield descriptor
        finally:
            os.close(descriptor)

    def _look(self, folder: int) -> dict[str, _Identity]:
        """The regular files that match, and may be copied."""
        found = {}
        with os.scandir(folder) as entries:
            for entry in islice(entries, MOST_ENTRIES):
                if not (entry.name.isprintable() and any(fnmatchcase(entry.name, p) for p in self._patterns)):
                    continue
                try:
                    status = entry.stat(follow_symlinks=False)
                except FileNotFoundError:
                    continue
                if self._may_copy(status):
                    found[entry.name] = _identity(status)
        return found

    def _may_copy(self, status: os.stat_result) -> bool:
        return (
            stat.S_ISREG(status.st_mode)
            and status.st_nlink == 1
            and status.st_size <= self._max_bytes
            and not mostly_holes(status)
        )

    def _take(self, folder: int, name: str, identity: _Identity) -> bool:
        """Copy one file and keep the copy if it is whole and valid."""
        incoming = self._side / "incoming"
        copy = incoming / name
        try:
            incoming.mkdir(parents=True, exist_ok=True)
            if not self._copy(folder, name, identity, copy):
                return False
            self._judged[name] = identity
            if not self._is_valid(copy):
                return False
            copy.replace(self._side / name)
            self._kept[name] = identity
            return True
        except OSError as error:
            if error.errno != errno.ENOSPC:
                raise
            log.warning("no copy of %s was kept for now: the disk is full", name)
            return False
        finally:
            copy.unlink(missing_ok=True)

    def _copy(self, folder: int, name: str, identity: _Identity, copy: Path) -> bool:
        """Whether the file stayed as it was while it was copied."""
        try:
            descriptor = os.open(name, OPEN_FILE, dir_fd=folder)
        except OSError:  # gone, or something else in its place
            return False
        with open(descriptor, "rb") as original, copy.open("wb") as target:  # noqa: PTH123 - relative to a folder
            before = os.fstat(descriptor)
            if not self._may_copy(before) or _identity(before) != identity:
                return False
            _copy_bytes(original, target, identity.size)
            return _identity(os.fstat(descriptor)) == identity

    def _is_valid(self, copy: Path) -> bool:
        try:
            return self._validate(copy) is None
        except Exception:  # a checker is other people's code: its failure must not end the attempt
            log.exception("a snapshot could not be checked")
            return False

    def _make_folder(self) -> None:
        if self._folder.is_symlink() or not self._folder.is_dir():
            self._folder.unlink(missing_ok=True)
            self._folder.mkdir()

    def _put_back(self, name: str, folder: int | None) -> None:
        try:
            os.replace(self._side / name, name, dst_dir_fd=folder)  # takes the place of a link, follows none
        except IsADirectoryError:
            os.rename(name, f"{name}.replaced-{time.time_ns()}", src_dir_fd=folder, dst_dir_fd=folder)
            os.replace(self._side / name, name, dst_dir_fd=folder)


def _copy_bytes(source: BinaryIO, target: BinaryIO, size: int) -> None:
    """Copy at most `size` bytes, though the file may grow while it is read."""
    while size > 0 and (data := source.read(min(size, 1 << 20))):
        target.write(data)
        size -= len(data)


def _identity(status: os.stat_result) -> _Identity:
    return _Identity(status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns)
