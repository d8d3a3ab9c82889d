"""Turning the hostile folders of a finished try into plain files of the run folder.

Only regular files and folders come through. Links are never followed: everything is done relative to open
folders. Files are renamed where both sides are on one file system, else copied. The agent is dead by now.
"""

import errno
import os
import shutil
import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path

from worker.gateway.records import NAME as MODEL_CALLS
from worker.sandbox import Workspace
from worker.sandbox.disk import OPEN_FOLDER, TooDeep, remove_tree, walk

FOLDERS = ("submission", "code", "logs")
LOGS = ("run.log", MODEL_CALLS)  # the machinery's, beside the folders
MOST_ENTRIES = 50_000  # files and folders in each of the three
MOST_BYTES = 100 << 30  # in each of the three
DEEPEST = 50  # levels
LARGE_BYTES = 1 << 20  # a file from this size on takes room worth having
SPARSE_BYTES = 64 << 20  # smaller files may have as many holes as they like
SPARSE_RATIO = 16  # a file this many times larger than its blocks is sparse; compressing file systems stay below
LONGEST_NAME = 200  # characters of a path in the list of what was dropped
MOST_DROPPED = 100  # entries in that list; all are counted
OPEN_FILE = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC


@dataclass(frozen=True, kw_only=True)
class Dropped:
    """Something that stayed behind."""

    path: str  # printable, shortened
    reason: str


@dataclass(frozen=True, kw_only=True)
class Evidence:
    """What was taken from a try, and what was not."""

    files: int
    bytes: int
    dropped: tuple[Dropped, ...]  # the first MOST_DROPPED
    dropped_count: int

    def summary(self) -> str:
        """Say it in one line for run.log."""
        said = f"collected {self.files} files, {self.bytes} bytes"
        if self.dropped_count:
            listed = ", ".join(f"{entry.path} ({entry.reason})" for entry in self.dropped[:20])
            more = ", ..." if self.dropped_count > 20 else ""
            said += f"; left behind {self.dropped_count}: {listed}{more}"
        return said


def collect(workspace: Workspace, destination: Path) -> Evidence:
    """Move submission, code and logs of `workspace` to folders of the same names in `destination`.

    The three folders exist afterwards, whatever the agent did. Files become ours with mode 0644, folders 0755.
    Left behind, with a reason: links, devices, pipes, sockets, files with several names, files that are mostly
    holes, names with control characters or not in UTF-8, and what is beyond the limits above.

    Raises:
        OSError: `destination` cannot be written.
    """
    tally = _Tally()
    for name in FOLDERS:
        (destination / name).mkdir(exist_ok=True)
        with _opened(destination / name, None) as target:
            try:
                with _opened(workspace.root / name, None) as source:
                    tally.next_folder()
                    _collect_folder(source, target, name, 1, tally)
            except OSError as error:
                if error.errno == errno.ENOSPC:
                    raise
                tally.drop(name, _why(error))
    return Evidence(
        files=tally.files,
        bytes=tally.bytes,
        dropped=tuple(tally.dropped),
        dropped_count=tally.dropped_count,
    )


def make_room(workspace: Workspace, is_enough: Callable[[], bool]) -> int:
    """Remove files of an agent that has filled the disk, until there is room for the rest. How many.

    What it has in logs and code goes first, large files before small ones, and of the submission only large files.
    """
    removed = 0
    working = (workspace.logs, workspace.code)
    for folders, least in ((working, LARGE_BYTES), (working, 0), ((workspace.submission,), LARGE_BYTES)):
        for folder in folders:
            with suppress(TooDeep):  # it is dead, and what lies deeper is not collected either
                for parent, name, status in walk(folder):
                    if is_enough():
                        return removed
                    if not stat.S_ISDIR(status.st_mode) and status.st_blocks * 512 >= least:
                        os.unlink(name, dir_fd=parent)
                        removed += 1
    return removed


def keep(live: Path, destination: Path) -> None:
    """Move the evidence of a try that came to nothing to `destination`, and remove the rest of it."""
    collect(Workspace(root=live, data=live), destination)
    keep_log(live, destination)
    remove_tree(live)


def keep_log(live: Path, destination: Path) -> None:
    """Move a try's run.log, and the record of its calls of models, to `destination`."""
    for name in LOGS:
        with suppress(FileNotFoundError):  # the worker was lost before it wrote a word
            (live / name).replace(destination / name)


def mostly_holes(status: os.stat_result) -> bool:
    """Whether a file pretends to a size that it does not have."""
    return status.st_size > SPARSE_BYTES and status.st_blocks * 512 * SPARSE_RATIO < status.st_size


@dataclass(kw_only=True)
class _Tally:
    files: int = 0
    bytes: int = 0
    dropped: list[Dropped] = field(default_factory=list)
    dropped_count: int = 0
    entries_left: int = 0
    bytes_left: int = 0

    def next_folder(self) -> None:
        self.entries_left, self.bytes_left = MOST_ENTRIES, MOST_BYTES

    def take(self, size: int) -> None:
        self.files += 1
        self.bytes += size
        self.bytes_left -= size

    def drop(self, path: str, reason: str) -> None:
        self.dropped_count += 1
        if len(self.dropped) < MOST_DROPPED:
            shown = path.encode(errors="backslashreplace").decode()
            shown = "".join(c if c.isprintable() else "?" for c in shown)
            if len(shown) > LONGEST_NAME:
                shown = f"{shown[:LONGEST_NAME]}..."
            self.dropped.append(Dropped(path=shown, reason=reason))


def _collect_folder(source: int, target: int, path: str, depth: int, tally: _Tally) -> None:
    with os.scandir(source) as entries:
        names = [entry.name for entry in islice(entries, tally.entries_left + 1)]
    if len(names) > tally.entries_left:
        tally.drop(path, f"more than {MOST_ENTRIES} files and folders: the rest is missing")
        names.pop()
    tally.entries_left -= len(names)
    for name in sorted(names):
        shown = f"{path}/{name}"
        try:
            status = os.stat(name, dir_fd=source, follow_symlinks=False)
            if reason := _reason_to_drop(name, status, depth, tally):
                tally.drop(shown, reason)
            elif stat.S_ISDIR(status.st_mode):
                os.mkdir(name, 0o755, dir_fd=target)
                with _opened(name, source) as below, _opened(name, target) as place:
                    _collect_folder(below, place, shown, depth + 1, tally)
            else:
                _move(name, source, target)
                tally.take(status.st_size)
        except OSError as error:
            if error.errno == errno.ENOSPC:  # our disk, not the agent's doing
                raise
            tally.drop(shown, _why(error))


def _reason_to_drop(name: str, status: os.stat_result, depth: int, tally: _Tally) -> str | None:
    if not name.isprintable():  # surrogates too, which stand for bytes that are no UTF-8
        return "strange name"
    if stat.S_ISDIR(status.st_mode):
        return f"deeper than {DEEPEST} levels" if depth >= DEEPEST else None
    if not stat.S_ISREG(status.st_mode):
        return _KINDS.get(stat.S_IFMT(status.st_mode), "not a file")
    if status.st_nlink > 1:
        return "has several names (hard links)"
    if mostly_holes(status):
        return "mostly holes (a sparse file)"
    if status.st_size > tally.bytes_left:
        return f"more than {MOST_BYTES} bytes in all"
    return None


_KINDS = {
    stat.S_IFLNK: "symbolic link",
    stat.S_IFIFO: "pipe",
    stat.S_IFSOCK: "socket",
    stat.S_IFCHR: "device",
    stat.S_IFBLK: "device",
}


def _move(name: str, source: int, target: int) -> None:
    try:
        os.rename(name, name, src_dir_fd=source, dst_dir_fd=target)
    except OSError:  # another file system (EXDEV), or a mount point
        _copy(name, source, target)
    if os.geteuid() == 0:
        os.chown(name, os.geteuid(), os.getegid(), dir_fd=target, follow_symlinks=False)
    os.chmod(name, 0o644, dir_fd=target)


def _copy(name: str, source: int, target: int) -> None:
    with (
        open(os.open(name, OPEN_FILE, dir_fd=source), "rb") as original,  # noqa: PTH123 - relative to a folder
        open(os.open(name, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o644, dir_fd=target), "wb") as copy,  # noqa: PTH123
    ):
        if not stat.S_ISREG(os.fstat(original.fileno()).st_mode):
            raise OSError("not a file")
        shutil.copyfileobj(original, copy, 1 << 20)


@contextmanager
def _opened(folder: str | Path, parent: int | None) -> Iterator[int]:
    """Open a folder relative to another, though its owner may have closed it to himself."""
    try:
        descriptor = os.open(folder, OPEN_FOLDER, dir_fd=parent)
    except PermissionError:
        os.chmod(folder, 0o700, dir_fd=parent)
        descriptor = os.open(folder, OPEN_FOLDER, dir_fd=parent)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def _why(error: OSError) -> str:
    return error.strerror or str(error)
