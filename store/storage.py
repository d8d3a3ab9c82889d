"""Where the finished files of a run are: a folder, or a prefix in an object store.

An attempt's files are written while it works to a folder of the worker's host (`store.folders`). When it is
done they are published: the attempt's files appear whole or not at all, and what a worker publishes whose
lease has run out never takes the place of what its successor publishes.
"""

import hashlib
import json
import os
import stat
import tempfile
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from core.errors import InfrastructureError
from core.files import replacing
from store.bucket import Bucket

UPLOADS = 8  # files of one attempt at a time
LONGEST_KEY = 1024  # bytes; S3 takes no longer ones, and an agent may name its files as it likes


@dataclass(frozen=True, kw_only=True)
class Published:
    """A file of a published attempt."""

    name: str  # relative to the run folder
    bytes: int
    sha256: str | None  # None where the file is read in the place it was published to


class Storage(Protocol):
    """The files of one run. Names are relative to the run folder, with slashes."""

    def write(self, name: str, content: bytes) -> None:
        """Write a file: readers see the old content or the new one."""

    def read(self, name: str) -> bytes | None:
        """Give a file's content, None where there is none."""

    def publish(self, files: Path, *, attempt: str, fence: int) -> None:
        """Make the content of the folder `files`, which may be taken, the attempt's files. All or nothing.

        What was published for the attempt before is kept, aside.
        """

    def files(self, attempt: str) -> dict[str, Published]:
        """Give the attempt's files by their names below the attempt's folder; none where it is not there."""

    def find(self, attempt: str, name: str) -> Published | None:
        """Give a file of the attempt's by its name below the attempt's folder; None where it, or the attempt, is
        not there."""

    def local(self, published: Published) -> AbstractContextManager[Path]:
        """Give a file on this host while the context lasts. It must not be changed."""


@dataclass(frozen=True, kw_only=True)
class Folder:
    """A local or shared folder. An attempt's files are in `<attempt>/`, where they come by one rename."""

    path: Path

    def write(self, name: str, content: bytes) -> None:
        path = self.path / name
        path.parent.mkdir(exist_ok=True)  # not the run folder itself: without it, the disk is not mounted
        with replacing(path) as temporary:
            temporary.write_bytes(content)

    def read(self, name: str) -> bytes | None:
        try:
            return (self.path / name).read_bytes()
        except FileNotFoundError:
            return None

    def publish(self, files: Path, *, attempt: str, fence: int) -> None:
        final = self.path / attempt
        if final.is_dir():
            self._take_over(final, files / "tries")
        files.rename(final)

    def files(self, attempt: str) -> dict[str, Published]:
        found = {}
        for folder, _, names in os.walk(self.path / attempt):  # follows no link
            for path in (Path(folder) / name for name in names):
                status = path.lstat()
                if stat.S_ISREG(status.st_mode):
                    name = path.relative_to(self.path / attempt).as_posix()
                    found[name] = Published(name=f"{attempt}/{name}", bytes=status.st_size, sha256=None)
        return dict(sorted(found.items()))

    def find(self, attempt: str, name: str) -> Published | None:
        found = f"{attempt}/{name}"
        path = self.path / found
        return Published(name=found, bytes=path.stat().st_size, sha256=None) if path.exists() else None

    @contextmanager
    def local(self, published: Published) -> Iterator[Path]:
        yield self.path / published.name

    @staticmethod
    def _take_over(final: Path, tries: Path) -> None:
        """Move an already published try, and those below it, to `tries`."""
        tries.mkdir(exist_ok=True)
        earlier = final / "tries"
        for path in sorted(earlier.iterdir()) if earlier.is_dir() else ():
            path.rename(_unused(tries / path.name))
        if earlier.is_dir():
            earlier.rmdir()
        final.rename(_unused(tries / "published"))


@dataclass(frozen=True, kw_only=True)
class ObjectFolder:
    """A prefix of a bucket. An attempt's files are in `<attempt>/try-<fence>/`, below the number of its lease.

    `<attempt>/manifest-<fence>.json` lists them and is written last: without it, they do not count. Of several
    manifests the one of the latest lease counts, so nothing is overwritten and no order of writing is needed.
    Files whose names are too long for S3 are left out, and the manifest says so.
    """

    bucket: Bucket

    def write(self, name: str, content: bytes) -> None:
        self.bucket.put(name, content)

    def read(self, name: str) -> bytes | None:
        return self.bucket.get(name)

    def publish(self, files: Path, *, attempt: str, fence: int) -> None:
        manifest = self.keep(files, attempt=attempt, fence=fence)
        self.bucket.put(f"{attempt}/manifest-{fence}.json", json.dumps(manifest, indent=1).encode())

    def keep(self, files: Path, *, attempt: str, fence: int) -> dict[str, Any]:
        """Upload the files of a try, which do not count without a manifest; gives what it would say."""
        below = self.bucket.below(f"{attempt}/try-{fence}")
        names = sorted(path.relative_to(files).as_posix() for path in files.rglob("*") if path.is_file())
        too_long = {name for name in names if len((below.prefix + name).encode()) > LONGEST_KEY}

        def upload(name: str) -> dict[str, Any]:
            below.upload(files / name, name, threads=False)
            return {"name": name, "bytes": (files / name).stat().st_size, "sha256": _sha256(files / name)}

        with ThreadPoolExecutor(UPLOADS, thread_name_prefix="upload") as pool:
            try:
                listed = list(pool.map(upload, (name for name in names if name not in too_long)))
            except BaseException:
                pool.shutdown(cancel_futures=True)
                raise
        return {"attempt": attempt, "fence": fence, "files": listed, "left_out": sorted(too_long)}

    def files(self, attempt: str) -> dict[str, Published]:
        manifest = self._manifest(attempt)
        return {
            entry["name"]: Published(
                name=f"{attempt}/try-{manifest['fence']}/{entry['name']}", bytes=entry["bytes"], sha256=entry["sha256"]
            )
            for entry in manifest["files"]
        }

    def find(self, attempt: str, name: str) -> Published | None:
        return self.files(attempt).get(name)

    @contextmanager
    def local(self, published: Published) -> Iterator[Path]:
        with tempfile.TemporaryDirectory(prefix="mlebench-download-") as folder:
            path = Path(folder) / Path(published.name).name
            self.bucket.download(published.name, path)
            if published.sha256 is not None and _sha256(path) != published.sha256:
                raise InfrastructureError(f"{self.bucket.address}/{published.name} is not what was published")
            yield path

    def _manifest(self, attempt: str) -> Mapping[str, Any]:
        start = f"{attempt}/manifest-"
        names = [key for key, _ in self.bucket.objects(start)]
        if not names:
            return {"files": ()}
        latest = max(names, key=lambda key: int(key.removeprefix(start).removesuffix(".json")))
        content = self.bucket.get(latest)
        if content is None:
            raise InfrastructureError(f"{self.bucket.address}/{latest} was there and is gone")
        manifest: Mapping[str, Any] = json.loads(content)
        return manifest


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _unused(path: Path) -> Path:
    number, candidate = 2, path
    while candidate.exists():
        candidate = path.with_name(f"{path.name}-{number}")
        number += 1
    return candidate
