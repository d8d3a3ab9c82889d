"""Reading archives that came from elsewhere: zip, 7z and tar. What is in them is hostile until checked.

A member whose name leads out of the folder it is unpacked to, a link, a device, or a size that no honest file has is
refused before anything is written. Members are streamed: memory does not grow with their size.
"""

import errno
import gzip
import importlib
import lzma
import shutil
import stat
import struct
import tarfile
import tempfile
import zipfile
import zlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path, PurePosixPath
from types import ModuleType
from typing import IO, Any

from core.errors import DataError

CHUNK_BYTES = 1 << 20
MODIFIED_SECS = 315_532_800  # the time of all files that agents see: 1980, the earliest that a zip can tell
SUSPICIOUS_BYTES = 1 << 30  # a member larger than this
LARGEST_RATIO = 500  # may not be more than this times the size of its archive
HELD_BYTES = 1 << 24  # of a member of a .7z in memory
BROKEN = (zipfile.BadZipFile, tarfile.TarError, gzip.BadGzipFile, lzma.LZMAError, zlib.error, EOFError, RuntimeError)
# What the libraries run into when a byte of an archive's directory is wrong.
MALFORMED = (*BROKEN, struct.error, ValueError, TypeError, AttributeError, LookupError, ArithmeticError)

Sink = Callable[[str, IO[bytes]], None]  # takes a member's name and its content


def is_archive(path: Path) -> bool:
    """Whether this module reads `path`, which exists, by its suffix: .zip, .7z, .tar, .tar.gz, .tgz."""
    return path.is_file() and path.name.endswith((".zip", ".7z", ".tar", ".tar.gz", ".tgz"))


def members(archive: Path) -> list[str]:
    """Names of the files in an archive, in its order; folders are left out.

    Raises:
        DataError: it is broken, or holds what an archive should not.
    """
    names: list[str] = []
    with _explained(archive):
        match _suffix(archive):
            case ".zip":
                with zipfile.ZipFile(archive) as opened:
                    names = [entry.filename for entry in _checked_zip(opened, archive)]
            case ".7z":
                with _opened_7z(archive) as opened:
                    names = [entry.filename for entry in _checked_7z(opened, archive)]
            case _:
                with tarfile.open(archive) as opened:
                    names = [entry.name for entry in _checked_tar(opened, archive)]
    return names


def only_member(archive: Path) -> str:
    """Name of the one file in an archive. What macOS adds, `__MACOSX/`, is not counted.

    Raises:
        DataError: it is broken, or holds none or several.
    """
    names = [name for name in members(archive) if not name.startswith("__MACOSX/")]
    if len(names) != 1:
        raise DataError(f"{archive} holds {len(names)} files, expected one")
    return names[0]


@contextmanager
def opened_member(archive: Path, name: str | None = None) -> Iterator[IO[bytes]]:
    """Open one file of an archive for reading; without `name` the only one.

    Raises:
        DataError: the archive is broken, or has no such file.
    """
    name = only_member(archive) if name is None else name
    if _suffix(archive) == ".zip":
        _require({name}, set(members(archive)), archive)
        # Whoever reads the member may raise anything: only what the archive is at fault for is explained.
        with _explained(archive, BROKEN), zipfile.ZipFile(archive) as opened, opened.open(name) as file:
            yield file
        return
    with tempfile.TemporaryDirectory(prefix="mlebench-archive-") as folder:
        unpacked = Path(folder) / "member"
        read_members(archive, {name}, lambda _, content: write_stream(content, unpacked))
        with unpacked.open("rb") as file:
            yield file


def read_members(archive: Path, names: set[str], sink: Sink) -> None:
    """Hand the files `names` of an archive to `sink`, one after the other, in the archive's order.

    Raises:
        DataError: it is broken, holds what an archive should not, or lacks one of `names`.
    """
    with _explained(archive):
        match _suffix(archive):
            case ".zip":
                _read_zip(archive, names, sink)
            case ".7z":
                _read_7z(archive, names, sink)
            case _:
                _read_tar(archive, names, sink)


def read_in_order(archive: Path, names: Sequence[str], sink: Sink, *, aside: Path) -> None:
    """Hand files of an archive to `sink`, one after the other, in the order of `names`, each of which comes once.

    Args:
        aside: a folder with room: an archive that can be read in its own order only is unpacked there meanwhile.

    Raises:
        DataError: it is broken, holds what an archive should not, or lacks one of `names`.
    """
    if _suffix(archive) == ".zip":
        with _explained(archive), zipfile.ZipFile(archive) as opened:
            _require(set(names), {entry.filename for entry in _checked_zip(opened, archive)}, archive)
            for name in names:
                with opened.open(name) as content:
                    sink(name, content)
        return
    with tempfile.TemporaryDirectory(dir=aside, prefix=".unpacking-") as folder:
        places = {name: Path(folder) / str(number) for number, name in enumerate(names)}
        read_members(archive, set(names), lambda name, content: write_stream(content, places[name]))
        for name, place in places.items():
            with place.open("rb") as content:
                sink(name, content)
            place.unlink()


def write_stream(content: IO[bytes], path: Path) -> None:
    """Write a member to a new file.

    Raises:
        DataError: there is a file already.
    """
    try:
        with path.open("xb") as file:
            shutil.copyfileobj(content, file, CHUNK_BYTES)
    except FileExistsError as error:
        raise DataError(f"{path.name} would be written twice") from error


def load_py7zr() -> ModuleType:
    """The library for .7z archives.

    Raises:
        DataError: it is not installed.
    """
    try:
        return importlib.import_module("py7zr")
    except ModuleNotFoundError as error:
        raise DataError(".7z archives need the package py7zr: pip install -e '.[catalogue]'") from error


def check_member(archive: Path, name: str, size: int) -> None:
    """Check what an archive says of one of its files.

    Raises:
        DataError: its name leads out of the folder it would be unpacked to, or its size is absurd.
    """
    path = PurePosixPath(name)
    if not name or path.is_absolute() or ".." in path.parts or "\\" in name or "\0" in name:
        raise DataError(f"{archive.name} is hostile: it holds {name[:80]!r}, which leads out of the folder")
    if size > SUSPICIOUS_BYTES and size > LARGEST_RATIO * archive.stat().st_size:
        raise DataError(f"{archive.name} says that {name[:80]!r} has {size:,} bytes, which no honest archive holds")


def _suffix(archive: Path) -> str:
    return archive.suffix if archive.suffix in (".zip", ".7z") else ".tar"


@contextmanager
def _explained(archive: Path, errors: tuple[type[Exception], ...] = MALFORMED) -> Iterator[None]:
    """Say which archive is broken, in place of what its library says."""
    if not archive.is_file():
        raise DataError(f"{archive} is missing")
    try:
        yield
    except errors as error:
        raise DataError(f"{archive} is not a whole archive: {type(error).__name__}: {error}") from error
    except OSError as error:
        if error.errno != errno.EINVAL:  # a place before the start of the file
            raise
        raise DataError(f"{archive} is not a whole archive: {error}") from error


def _require(names: set[str], known: set[str], archive: Path) -> None:
    if missing := sorted(names - known):
        more = f" and {len(missing) - 1} more" if len(missing) > 1 else ""
        raise DataError(f"{archive} lacks {missing[0]}{more}")


def _refuse_special(archive: Path, name: str) -> None:
    raise DataError(f"{archive.name} is hostile: it holds {name[:80]!r}, which is neither a file nor a folder")


def _checked_zip(opened: zipfile.ZipFile, archive: Path) -> list[zipfile.ZipInfo]:
    entries = [entry for entry in opened.infolist() if not entry.is_dir()]
    for entry in entries:
        check_member(archive, entry.filename, entry.file_size)
        mode = stat.S_IFMT(entry.external_attr >> 16)
        if mode not in (0, stat.S_IFREG):
            _refuse_special(archive, entry.filename)
    return entries


def _read_zip(archive: Path, names: set[str], sink: Sink) -> None:
    with zipfile.ZipFile(archive) as opened:
        entries = _checked_zip(opened, archive)
        _require(names, {entry.filename for entry in entries}, archive)
        for entry in entries:
            if entry.filename in names:
                with opened.open(entry) as content:
                    sink(entry.filename, content)


def _checked_tar(opened: tarfile.TarFile, archive: Path) -> Iterator[tarfile.TarInfo]:
    for entry in opened:
        if entry.isdir():
            continue
        check_member(archive, entry.name, entry.size)
        if not entry.isreg():
            _refuse_special(archive, entry.name)
        yield entry


def _read_tar(archive: Path, names: set[str], sink: Sink) -> None:
    missing = set(names)
    with tarfile.open(archive) as opened:
        for entry in _checked_tar(opened, archive):
            if entry.name in missing:
                content = opened.extractfile(entry)
                if content is not None:  # None is for folders and links only
                    sink(entry.name, content)
                    missing.discard(entry.name)
    _require(missing, set(), archive)


def _checked_7z(opened: Any, archive: Path) -> list[Any]:
    entries = [entry for entry in opened.list() if not entry.is_directory]
    for entry in entries:
        check_member(archive, entry.filename, entry.uncompressed)
        if entry.is_symlink:
            _refuse_special(archive, entry.filename)
    return entries


def _read_7z(archive: Path, names: set[str], sink: Sink) -> None:
    with _opened_7z(archive) as opened:
        _require(names, {entry.filename for entry in _checked_7z(opened, archive)}, archive)
        with closing(_Sinks(sink)) as sinks:
            opened.extract(targets=list(names), factory=sinks)


@contextmanager
def _opened_7z(archive: Path) -> Iterator[Any]:
    py7zr = load_py7zr()
    try:
        with py7zr.SevenZipFile(archive) as opened:
            yield opened
    except py7zr.exceptions.ArchiveError as error:
        raise DataError(f"{archive} is not a whole archive: {type(error).__name__}: {error}") from error


class _Sinks:
    """What py7zr calls a writer factory: gives each member a place to write to."""

    def __init__(self, sink: Sink) -> None:
        self._sink = sink
        self._places: list[_Place] = []

    def create(self, filename: str) -> "_Place":
        place = _Place(filename, self._sink)
        self._places.append(place)
        return place

    def close(self) -> None:
        """Free what a broken archive left open."""
        for place in self._places:
            place.file.close()


class _Place:
    """A place for one member, in memory while it is small; when it is closed its content goes to the sink."""

    def __init__(self, name: str, sink: Sink) -> None:
        self._name, self._sink = name, sink
        self.file = tempfile.SpooledTemporaryFile(max_size=HELD_BYTES)  # noqa: SIM115 - closed by close()
        self._size = 0

    def write(self, data: bytes) -> int:
        self._size += len(data)
        return self.file.write(data)

    def read(self, size: int | None = None) -> bytes:
        return self.file.read(-1 if size is None else size)

    def seek(self, offset: int, whence: int = 0) -> int:
        return self.file.seek(offset, whence)

    def flush(self) -> None:
        self.file.flush()

    def size(self) -> int:
        return self._size

    def close(self) -> None:
        with self.file:
            self.file.seek(0)
            self._sink(self._name, self.file)
