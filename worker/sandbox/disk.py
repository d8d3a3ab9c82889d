"""Measuring and taking back folders that an agent writes to. Links are never followed."""

import os
import stat
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

DEEPEST = 200  # levels; honest work stays far above, and each level costs an open file
ENTRY_BYTES = 512  # what a file costs beyond its content: an empty one is not free either
BOUNDLESS = sys.maxsize
OPEN_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC


class TooDeep(Exception):
    """The tree is nested deeper than DEEPEST levels."""


def walk(folder: Path) -> Iterator[tuple[int, str, os.stat_result]]:
    """Yield (descriptor of the folder that holds it, name, lstat) for everything below `folder`.

    A folder comes after its content. What vanishes meanwhile, or may not be read, is passed over: the agent may
    be at work.

    Raises:
        TooDeep: the tree goes below DEEPEST levels.
    """
    try:
        root = os.open(folder, OPEN_FOLDER)
    except OSError:
        return
    try:
        yield from _walk(root, 1)
    finally:
        os.close(root)


def _walk(parent: int, depth: int) -> Iterator[tuple[int, str, os.stat_result]]:
    if depth > DEEPEST:
        raise TooDeep
    with os.scandir(parent) as entries:
        for entry in entries:
            try:
                status = entry.stat(follow_symlinks=False)
                if stat.S_ISDIR(status.st_mode):
                    below = os.open(entry.name, OPEN_FOLDER, dir_fd=parent)
                    try:
                        yield from _walk(below, depth + 1)
                    finally:
                        os.close(below)
            except OSError:
                continue
            yield parent, entry.name, status


def occupied_bytes(*folders: Path) -> int:
    """Bytes that the folders' content takes on disk: allocated blocks, so that a sparse file counts as little.

    A file with several names counts once. BOUNDLESS for a tree that is too deep to measure: what cannot be
    measured cannot be allowed.
    """
    total = 0
    linked: set[tuple[int, int]] = set()
    try:
        for folder in folders:
            for _, _, status in walk(folder):
                if status.st_nlink > 1 and stat.S_ISREG(status.st_mode):
                    identity = (status.st_dev, status.st_ino)
                    if identity in linked:
                        continue
                    linked.add(identity)
                total += status.st_blocks * 512 + ENTRY_BYTES
    except TooDeep:
        return BOUNDLESS
    return total


def take_over(folder: Path, *, uid: int, gid: int) -> None:
    """Make `folder` and all below it belong to `uid` and `gid`. Needs root.

    Levels below DEEPEST keep their owner: nothing reads them but root's own removal.
    """
    os.chown(folder, uid, gid, follow_symlinks=False)
    try:
        for parent, name, status in walk(folder):
            if (status.st_uid, status.st_gid) != (uid, gid):
                os.chown(name, uid, gid, dir_fd=parent, follow_symlinks=False)
    except TooDeep:
        return


def remove_tree(folder: Path) -> None:
    """Remove `folder` and all below it, however deep and whatever its modes. Does nothing where it is missing.

    Every subfolder is first moved to the top, so that neither recursion nor path lengths have a say.
    """
    if folder.is_symlink() or not folder.is_dir():
        folder.unlink(missing_ok=True)
        return
    root = _open_own(folder, None)
    try:
        waiting, moved = ["."], 0
        while waiting:
            name = waiting.pop()
            current = _open_own(name, root)
            try:
                for child in os.listdir(current):  # noqa: PTH208 - relative to a folder
                    if _is_folder(child, current):
                        _open_up(child, current)  # moving a folder writes to its ".."
                        moved += 1
                        place = f".removing-{os.getpid()}-{moved}"
                        os.rename(child, place, src_dir_fd=current, dst_dir_fd=root)
                        waiting.append(place)
                    else:
                        os.unlink(child, dir_fd=current)
            finally:
                os.close(current)
            if name != ".":
                os.rmdir(name, dir_fd=root)
    finally:
        os.close(root)
    folder.rmdir()


def _is_folder(name: str, parent: int) -> bool:
    return stat.S_ISDIR(os.stat(name, dir_fd=parent, follow_symlinks=False).st_mode)


def _open_up(name: str, parent: int) -> None:
    if os.stat(name, dir_fd=parent, follow_symlinks=False).st_mode & 0o700 != 0o700:
        os.chmod(name, 0o700, dir_fd=parent)


def _open_own(folder: str | Path, parent: int | None) -> int:
    """Open a folder, after giving ourselves the right to where its owner took that away."""
    try:
        return os.open(folder, OPEN_FOLDER, dir_fd=parent)
    except PermissionError:
        os.chmod(folder, 0o700, dir_fd=parent)
        return os.open(folder, OPEN_FOLDER, dir_fd=parent)


class DiskMeter:
    """Remembers a measurement that costs, and repeats it seldom enough to stay cheap."""

    SHARE = 20  # at most one part in twenty of the time goes into measuring

    def __init__(self, measure: Callable[[], int], *, at_least_secs: float) -> None:
        self._measure = measure
        self._at_least_secs = at_least_secs
        self._next = 0.0
        self._bytes = 0

    def read(self) -> int:
        """Bytes, as measured now or a short while ago."""
        began = time.monotonic()
        if began >= self._next:
            self._bytes = self._measure()
            cost = time.monotonic() - began
            self._next = began + cost + max(self._at_least_secs, cost * self.SHARE)
        return self._bytes
