"""Writing archives. The same members give the same bytes: times are fixed, members come in the order of their names.

So nothing tells in which order they were in the raw data, which may be that of their classes.
"""

import os
import shutil
import tarfile
import tempfile
import zipfile
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from core.errors import DataError
from tasks import archives
from tasks.archives import MODIFIED_SECS
from tasks.recipes.files import by_new_path, copy_files

MODIFIED = (1980, 1, 1, 0, 0, 0)  # the earliest that a zip can tell
READABLE = 0o644
FOLDER = 0o755


class NewZip:
    """A zip that is being written. Opened by `new_zip`."""

    def __init__(self, opened: zipfile.ZipFile) -> None:
        self._opened = opened

    @contextmanager
    def member(self, name: str) -> Iterator[IO[bytes]]:
        """Open a new member for writing, of whatever size; one at a time."""
        entry = zipfile.ZipInfo(name, MODIFIED)
        entry.compress_type = self._opened.compression
        entry.external_attr = READABLE << 16
        with self._opened.open(entry, "w", force_zip64=True) as file:
            yield file

    def add(self, name: str, content: IO[bytes]) -> None:
        """Copy a stream into a new member."""
        with self.member(name) as file:
            shutil.copyfileobj(content, file, archives.CHUNK_BYTES)

    def folder(self, name: str) -> None:
        """Add the entry of a folder; `name` ends with a slash."""
        entry = zipfile.ZipInfo(name, MODIFIED)
        entry.external_attr = (FOLDER << 16) | 0x10  # 0x10: a folder, for DOS
        self._opened.writestr(entry, b"")


@contextmanager
def new_zip(path: Path, *, stored: bool = False) -> Iterator[NewZip]:
    """Write a zip member by member.

        with recipes.new_zip(public / "train.csv.zip") as new, new.member("train.csv") as file:
            recipes.write_csv(train, file)

    Args:
        stored: not compressed, in place of deflated.
    """
    compression = zipfile.ZIP_STORED if stored else zipfile.ZIP_DEFLATED
    with zipfile.ZipFile(path, "x", compression) as opened:
        yield NewZip(opened)


def write_zip(
    path: Path,
    source: Path,
    names: Mapping[str, str] | Iterable[str],
    *,
    stored: bool = False,
    folders: Iterable[str] = (),
) -> None:
    """Write a zip of files of `source`, streamed; nothing is unpacked on the way, unless `source` is a tar or 7z.

    Args:
        source: a folder, or an archive.
        names: as in `copy_files`; the new paths are the members' names.
        folders: folder entries that come first, each ending with a slash.

    Raises:
        DataError: a file is missing, or two would become one.
    """
    mapping = by_new_path(names)
    with new_zip(path, stored=stored) as new:
        for folder in folders:
            new.folder(folder)
        if archives.is_archive(source):

            def add(name: str, content: IO[bytes]) -> None:
                new.add(mapping[name], content)

            archives.read_in_order(source, list(mapping), add, aside=path.parent)
        else:
            for old, member in mapping.items():
                with _opened(source / old) as content:
                    new.add(member, content)


def write_tar(path: Path, source: Path, names: Mapping[str, str] | Iterable[str]) -> None:
    """Write an uncompressed tar of files of the folder `source`; `names` as in `copy_files`.

    Raises:
        DataError: a file is missing, or two would become one.
    """
    with tarfile.open(path, "x") as tar:
        for old, member in by_new_path(names).items():
            with _opened(source / old) as content:
                entry = tarfile.TarInfo(member)
                entry.size = os.fstat(content.fileno()).st_size
                entry.mtime, entry.mode = MODIFIED_SECS, READABLE
                tar.addfile(entry, content)


def write_7z(path: Path, source: Path, names: Mapping[str, str] | Iterable[str], *, stored: bool = False) -> None:
    """Write a 7z of files of `source`, a folder or an archive; `names` as in `copy_files`.

    Args:
        stored: not compressed, which is many times quicker, and saves as much where the files are compressed.

    Raises:
        DataError: a file is missing, or two would become one; or py7zr is not installed.
    """
    py7zr = archives.load_py7zr()
    mapping = by_new_path(names)
    with tempfile.TemporaryDirectory(dir=path.parent, prefix=".packing-") as folder:
        # The archive takes a member's times from its file, and a link shares them with the raw file: so copies.
        unpacked = Path(folder)
        _copy_afresh(source, unpacked, mapping)
        filters = [{"id": py7zr.FILTER_COPY}] if stored else None
        with py7zr.SevenZipFile(path, "x", filters=filters) as opened:
            for member in mapping.values():
                os.utime(unpacked / member, (MODIFIED_SECS, MODIFIED_SECS))
                opened.write(unpacked / member, member)


def _copy_afresh(source: Path, target: Path, mapping: Mapping[str, str]) -> None:
    if archives.is_archive(source):
        copy_files(source, target, mapping)
        return
    for old, new in mapping.items():
        (target / new).parent.mkdir(parents=True, exist_ok=True)
        with _opened(source / old) as content:
            archives.write_stream(content, target / new)


def _opened(path: Path) -> IO[bytes]:
    try:
        return path.open("rb")
    except FileNotFoundError as error:
        raise DataError(f"{path} is missing") from error
