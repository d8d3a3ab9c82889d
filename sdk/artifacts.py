"""Where downloaded files go. Their names are agents' and the server's: nothing is written outside the folder."""

import hashlib
import os
import stat
from collections.abc import Iterable
from pathlib import Path
from types import TracebackType
from typing import Self

from core.errors import InputError
from sdk.errors import UnexpectedAnswer
from sdk.results import KINDS, Artifact, Artifacts


def chosen(artifacts: Artifacts, kinds: Iterable[str] | None) -> list[Artifact]:
    """Give the files of some kinds, or of all; each once.

    Raises:
        InputError: there is no such kind.
    """
    named = KINDS if kinds is None else (kinds,) if isinstance(kinds, str) else tuple(kinds)
    if unknown := [kind for kind in named if kind not in KINDS]:
        raise InputError(f"no kind of artifacts: {', '.join(unknown)}; expected some of {', '.join(KINDS)}")
    found = {artifact.path: artifact for kind in named for artifact in getattr(artifacts, kind)}
    return list(found.values())


def place_of(path: str, folder: Path) -> Path:
    """Give where a file goes below `folder`.

    Raises:
        UnexpectedAnswer: its name would lead out of it, or is none of a file on this system.
        InputError: something in the folder, put there by others, would lead out of it.
    """
    parts = path.split("/")
    if not all(_is_name(part) for part in parts):
        raise UnexpectedAnswer(
            f"the server names a file {path[:200]!r}, which is no path below a folder; nothing is written"
        )
    place = folder
    for part in parts[:-1]:
        place = place / part
        if place.is_symlink():
            raise InputError(f"{place} is a link; downloads do not follow links: choose another folder")
    return place / parts[-1]


def _is_name(part: str) -> bool:
    try:
        os.fsencode(part)
    except UnicodeEncodeError:
        return False
    # On Windows a drive or a backslash makes the last comparison fail.
    return part not in ("", ".", "..") and "\0" not in part and Path(part).name == part


def is_whole(place: Path, size: int) -> bool:
    """Whether a file is there already, with its size."""
    try:
        found = place.lstat()
    except OSError:
        return False
    return stat.S_ISREG(found.st_mode) and found.st_size == size


class Part:
    """What has come of a file so far, in a hidden file beside its place, so that a later call can go on with it.

    Use it as a context manager: it closes the file, and leaves it.
    """

    def __init__(self, place: Path, size: int) -> None:
        self._place = place
        self._size = size
        # A name of its own length: the file's may be as long as names can be.
        digest = hashlib.sha256(place.name.encode(errors="surrogatepass")).hexdigest()[:16]
        self._path = place.with_name(f".{digest}-{size}.part")
        place.parent.mkdir(parents=True, exist_ok=True)
        if self._path.is_symlink():
            self._path.unlink()
        self._file = self._path.open("ab")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._file.close()

    @property
    def size(self) -> int:
        """Bytes that are there."""
        return self._file.tell()

    def empty(self) -> None:
        """Begin anew."""
        self._file.truncate(0)
        self._file.seek(0)

    def write(self, piece: bytes) -> None:
        """Add the next bytes.

        Raises:
            UnexpectedAnswer: they are more than the file has.
        """
        if self.size + len(piece) > self._size:
            self.empty()
            raise UnexpectedAnswer(f"{self._place.name} has more than the {self._size:,} bytes that were announced")
        self._file.write(piece)

    def finish(self) -> None:
        """Put the file into its place.

        Raises:
            UnexpectedAnswer: bytes are missing.
        """
        if self.size != self._size:
            raise UnexpectedAnswer(
                f"{self._place.name} came with {self.size:,} bytes and not with the {self._size:,} that were "
                "announced; download again to go on with it"
            )
        self._file.close()
        self._path.replace(self._place)
