"""What an agent's folder holds: read, hashed, packed into an archive, and written again elsewhere.

Folders, archives and repositories come from anywhere. Whatever is in them becomes a list of `Entry` first, and only a
list that `checked` passed is hashed, packed or written.
"""

import hashlib
import io
import os
import stat
import tarfile
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path, PurePosixPath

from core.errors import InputError
from core.files import read_plain

MOST_FILES = 10_000
MOST_BYTES = 100_000_000
LONGEST_NAME = 255  # bytes, of one folder or file: what file systems take
LONGEST_PATH = 1000  # bytes
NOT_PART_OF_AN_AGENT = frozenset({"__pycache__", ".git"})
MODES = {"file": 0o644, "executable": 0o755, "link": 0o777}


class Kind(StrEnum):
    """What an entry is. Nothing else can be part of an agent."""

    FILE = "file"
    EXECUTABLE = "executable"
    LINK = "link"  # a symbolic link; its content is where it points to


@dataclass(frozen=True, kw_only=True)
class Entry:
    """One file of an agent's folder."""

    name: str  # relative to the folder, with slashes
    kind: Kind
    content: bytes


def read_folder(folder: Path) -> list[Entry]:
    """Give what is in an agent's folder, checked and sorted; without `.git`, `__pycache__` and empty folders.

    Raises:
        InputError: something in it can be no part of an agent, or it is too large; names it.
    """
    entries: list[Entry] = []
    room = MOST_BYTES
    for path in _files(folder):
        if len(entries) == MOST_FILES:
            raise _too_many(str(folder))
        entry = _read(path, folder, room)
        room -= len(entry.content)
        entries.append(entry)
    entries = checked(entries, where=str(folder))
    _check_links(entries, folder, where=str(folder))
    return entries


def content_hash(entries: Iterable[Entry]) -> str:
    """Give the SHA-256 (hex) over names, kinds and contents of checked entries."""
    total = hashlib.sha256()
    for entry in entries:
        total.update(f"{entry.name}\0{entry.kind}\0{hashlib.sha256(entry.content).hexdigest()}\n".encode())
    return total.hexdigest()


def pack(entries: Iterable[Entry]) -> bytes:
    """Give checked entries as a tar archive, the same for the same entries: no times, no owners."""
    archive = io.BytesIO()
    with tarfile.open(fileobj=archive, mode="w", format=tarfile.PAX_FORMAT) as tar:
        for entry in entries:
            member = tarfile.TarInfo(entry.name)
            member.mode = MODES[entry.kind]
            if entry.kind is Kind.LINK:
                member.type, member.linkname = tarfile.SYMTYPE, entry.content.decode()
                tar.addfile(member)
            else:
                member.size = len(entry.content)
                tar.addfile(member, io.BytesIO(entry.content))
    return archive.getvalue()


def unpack(archive: bytes, *, where: str) -> list[Entry]:
    """Give the entries of an archive that `pack` made, or that pretends to be one.

    Args:
        archive: its bytes.
        where: what errors call it.

    Raises:
        InputError: it is no such archive, or holds what can be no part of an agent.
    """
    try:
        with tarfile.open(fileobj=io.BytesIO(archive), mode="r:") as tar:
            entries = list(_members(tar, where))
    except (tarfile.TarError, ValueError, OverflowError, EOFError) as error:
        raise InputError(f"{where} is not a whole archive: {error}") from error
    return checked(entries, where=where)


def write_folder(entries: Sequence[Entry], folder: Path, *, where: str) -> None:
    """Write checked entries to a new folder.

    Raises:
        InputError: a link leads out of the folder. What was written is left there.
    """
    folder.mkdir(parents=True)
    for entry in entries:
        if entry.kind is not Kind.LINK:
            path = folder / entry.name
            path.parent.mkdir(parents=True, exist_ok=True)
            with path.open("xb") as file:
                file.write(entry.content)
            path.chmod(MODES[entry.kind])
    # Last, so that nothing is written by way of a link.
    for entry in entries:
        if entry.kind is Kind.LINK:
            path = folder / entry.name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.symlink_to(entry.content.decode())
    _check_links(entries, folder, where=where)


def is_part(name: str) -> bool:
    """Whether a path below an agent's folder is part of the agent."""
    return NOT_PART_OF_AN_AGENT.isdisjoint(PurePosixPath(name).parts[:-1])


def checked(entries: Iterable[Entry], *, where: str) -> list[Entry]:
    """Give `entries` sorted by name, if they can be an agent's folder. Where links lead is for the folder to show.

    Raises:
        InputError: they cannot; names the first that is in the way.
    """
    found = sorted(entries, key=lambda entry: entry.name.encode(errors="surrogateescape"))
    if len(found) > MOST_FILES:
        raise _too_many(where)
    if sum(len(entry.content) for entry in found) > MOST_BYTES:
        raise too_large(where)
    taken: set[str] = set()
    for entry in found:
        _check_name(entry.name, where)
        if entry.kind is Kind.LINK:
            _check_target(entry, where)
        if entry.name in taken or any(str(parent) in taken for parent in PurePosixPath(entry.name).parents):
            raise InputError(f"{where}: {entry.name!r} is there twice, or is a file and a folder")
        taken.add(entry.name)
    return found


def too_large(where: str) -> InputError:
    """Give the error for an agent that is too large."""
    return InputError(
        f"{where} holds more than {MOST_BYTES // 1_000_000} MB; an agent's folder goes with every run: "
        "keep data, models and environments out of it, and let its Dockerfile fetch them"
    )


def _too_many(where: str) -> InputError:
    return InputError(
        f"{where} holds more than {MOST_FILES:,} files; an agent's folder goes with every run: "
        "keep data and environments out of it, and let its Dockerfile install them"
    )


def _files(folder: Path) -> Iterator[Path]:
    try:
        found = sorted(folder.iterdir())
    except OSError as error:
        raise InputError(f"{folder} cannot be read: {error.strerror}") from error
    for path in found:
        if path.is_dir() and not path.is_symlink():
            if path.name not in NOT_PART_OF_AN_AGENT:
                yield from _files(path)
        else:
            yield path


def _read(path: Path, folder: Path, room: int) -> Entry:
    name = path.relative_to(folder).as_posix()
    try:
        if path.is_symlink():
            return Entry(name=name, kind=Kind.LINK, content=os.fsencode(path.readlink()))
        status = path.lstat()
        if status.st_size > room:
            raise too_large(str(folder))
        content = read_plain(path, max_bytes=room)
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else error
        raise InputError(f"{folder}: {name!r} cannot be part of an agent: {reason}") from error
    return Entry(name=name, kind=Kind.EXECUTABLE if status.st_mode & stat.S_IXUSR else Kind.FILE, content=content)


def _members(tar: tarfile.TarFile, where: str) -> Iterator[Entry]:
    for number, member in enumerate(tar):
        if number == MOST_FILES:
            raise _too_many(where)
        if member.issym():
            yield Entry(name=member.name, kind=Kind.LINK, content=member.linkname.encode(errors="surrogateescape"))
            continue
        content = tar.extractfile(member) if member.isreg() and not member.issparse() else None
        if content is None:
            raise InputError(f"{where}: {member.name!r} is neither a file nor a symbolic link")
        kind = Kind.EXECUTABLE if member.mode & stat.S_IXUSR else Kind.FILE
        yield Entry(name=member.name, kind=kind, content=content.read())


def _check_name(name: str, where: str) -> None:
    parts = name.split("/")
    if not name.isprintable():  # surrogates too, which stand for bytes that are no UTF-8
        raise InputError(f"{where}: the name {name!r} has control characters, or is not in UTF-8")
    if not {"", ".", ".."}.isdisjoint(parts):
        raise InputError(f"{where}: the name {name!r} leads out of the agent's folder")
    if not is_part(name):
        raise InputError(f"{where}: {name!r} is no part of an agent")
    if len(name.encode()) > LONGEST_PATH or any(len(part.encode()) > LONGEST_NAME for part in parts):
        raise InputError(f"{where}: the name {name[:60]!r}... is too long")


def _check_target(entry: Entry, where: str) -> None:
    try:
        target = entry.content.decode()
    except UnicodeDecodeError:
        target = ""
    if not target or not target.isprintable() or len(entry.content) > LONGEST_PATH:
        raise InputError(f"{where}: the link {entry.name!r} does not lead to a file's name")
    if target.startswith("/"):
        raise _leads_out(entry, where)


def _check_links(entries: Iterable[Entry], folder: Path, *, where: str) -> None:
    """Follow links, one through others if so it is, as whoever reads them does."""
    root = os.path.realpath(folder)
    for entry in entries:
        if entry.kind is Kind.LINK and not Path(os.path.realpath(folder / entry.name)).is_relative_to(root):
            raise _leads_out(entry, where)


def _leads_out(entry: Entry, where: str) -> InputError:
    return InputError(
        f"{where}: the link {entry.name!r} leads out of the agent's folder, to {entry.content.decode()!r}; "
        "put what it points to into the folder"
    )
