"""Unpacking a zip archive that is not trusted, whole or not at all."""

import errno
import lzma
import os
import stat
import tempfile
import zipfile
import zlib
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path, PurePosixPath

from core.errors import BrokenArchive, DataError
from tasks.progress import Progress

CHUNK_BYTES = 1024**2
# Data may be text that says little: far more than this is no data. The allowance is for archives that are small.
MOST_EXPANSION, ALLOWANCE_BYTES = 200, 1024**3


def unpacked_bytes(archive: Path) -> int:
    """Bytes of all members, from the archive's directory.

    Raises:
        BrokenArchive: it is no whole zip archive.
        DataError: it holds what no archive of data holds.
    """
    with _opened(archive) as opened:
        return sum(member.file_size for member in _checked(archive, opened))


def unpack(archive: Path, folder: Path, *, progress: Progress) -> None:
    """Unpack all members of `archive` into `folder`, which appears when all of it is there.

    They are written in the order of their paths, whatever the archive's is, so that the order in which they were made
    tells nothing more (see recipes.copy_files). Archives within are left as they are. `folder` must not exist, or be
    empty.

    Raises:
        BrokenArchive: it is no whole zip archive, or a member's checksum is wrong.
        DataError: a member would lie outside, is a link, is encrypted, or is absurdly large.
        OSError: the disk.
    """
    with (
        _opened(archive) as opened,
        tempfile.TemporaryDirectory(dir=folder.parent, prefix=".unpacking-", ignore_cleanup_errors=True) as name,
    ):
        members = _checked(archive, opened)
        temporary = Path(name) / "unpacked"
        temporary.mkdir()
        total, done = sum(member.file_size for member in members), 0
        for member in members:
            done = _write(opened, member, temporary / member.filename, done)
            progress("unpacking", done, total)
        temporary.chmod(0o755)
        os.sync()  # the rename must not reach the disk before the data
        temporary.rename(folder)


def _write(opened: zipfile.ZipFile, member: zipfile.ZipInfo, path: Path, done: int) -> int:
    if member.is_dir():
        path.mkdir(parents=True, exist_ok=True)
        return done
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("xb") as target:
        for chunk in _content(opened, member):
            done += target.write(chunk)
    return done


def _content(opened: zipfile.ZipFile, member: zipfile.ZipInfo) -> Iterator[bytes]:
    with _explained(str(opened.filename)), opened.open(member) as source:
        while chunk := source.read(CHUNK_BYTES):
            yield chunk


@contextmanager
def _opened(archive: Path) -> Iterator[zipfile.ZipFile]:
    with _explained(str(archive)):
        opened = zipfile.ZipFile(archive)
    with opened:
        yield opened


@contextmanager
def _explained(archive: str) -> Iterator[None]:
    """Say what is wrong with an archive; a damaged one makes `zipfile` raise many things."""
    try:
        yield
    except NotImplementedError as error:
        raise DataError(f"{archive} cannot be unpacked: {error}") from error
    except (zipfile.BadZipFile, zlib.error, lzma.LZMAError, EOFError, ValueError, RuntimeError) as error:
        raise BrokenArchive(f"{archive} is no whole zip archive: {error}") from error
    except OSError as error:
        if error.errno not in (None, errno.EINVAL):  # not a place outside of the file, nor bz2's: the disk's
            raise
        raise BrokenArchive(f"{archive} is no whole zip archive: {error}") from error


def _checked(archive: Path, opened: zipfile.ZipFile) -> Sequence[zipfile.ZipInfo]:
    """Give the members, all of which may be written."""
    members = sorted(opened.infolist(), key=lambda member: member.filename)
    for member in members:
        if fault := _fault(member):
            raise DataError(f"{archive} is refused: its member {member.filename[:200]!r} {fault}")
    if repeated := [name for name, number in Counter(member.filename for member in members).items() if number > 1]:
        raise DataError(f"{archive} is refused: it holds {repeated[0][:200]!r} twice")
    packed, unpacked = archive.stat().st_size, sum(member.file_size for member in members)
    if unpacked > MOST_EXPANSION * packed + ALLOWANCE_BYTES or sum(member.compress_size for member in members) > packed:
        raise DataError(f"{archive} is refused: {packed:,} bytes cannot hold the {unpacked:,} bytes that it promises")
    return members


def _fault(member: zipfile.ZipInfo) -> str | None:
    path = PurePosixPath(member.filename)
    kind = stat.S_IFMT(member.external_attr >> 16)
    if path.is_absolute() or ".." in path.parts or "\\" in member.filename or not path.parts:
        return "would lie outside of the archive's folder"
    if kind not in (0, stat.S_IFREG, stat.S_IFDIR):
        return "is a link or a device"
    if member.flag_bits & 1:
        return "is encrypted"
    return None
