"""Run folders: where an attempt's files live while it works, and how they appear when it is done."""

import json
import shutil
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from core.errors import InputError, ServiceUnavailable
from store.bucket import Bucket
from store.storage import Folder, ObjectFolder, Storage

LIVE = ".live"
AGENT_ARCHIVE = "agent.tar"  # the agent as it was submitted
CREATED = "created.json"  # what makes a run folder of a prefix in an object store


@dataclass(frozen=True, kw_only=True)
class RunFolder:
    """The folder of one run.

    While an attempt works, its files are in `.live/<attempt>/try-<fence>/`. When it is done they are put
    together in `.live/<attempt>/out-<fence>/` and published, so that an attempt's folder appears whole or not
    at all. Tries that failed stay below `tries/` of the attempt's folder.
    """

    path: Path  # on this host: the run folder, or what stands for it while the attempts work
    bucket: Bucket | None = None  # the run folder, where it is in an object store

    @property
    def address(self) -> str:
        """Where the run folder is, for people and for the database."""
        return str(self.path) if self.bucket is None else self.bucket.address

    @property
    def storage(self) -> Storage:
        """The run's finished files."""
        return Folder(path=self.path) if self.bucket is None else ObjectFolder(bucket=self.bucket)

    def live(self, name: str, fence: int) -> Path:
        """Where the files of the try with this lease number are while it works."""
        return self.path / LIVE / name / f"try-{fence}"

    def out(self, name: str, fence: int) -> Path:
        """Where the files of a finished try are put together before they are published."""
        return self.path / LIVE / name / f"out-{fence}"

    def earlier_tries(self, name: str, fence: int) -> list[tuple[str, Path]]:
        """Give the live folders that other tries of the attempt left, with the names for them below `tries/`."""
        found = sorted((self.path / LIVE / name).glob("try-*"))
        return [(path.name.removeprefix("try-"), path) for path in found if path != self.live(name, fence)]

    def left_behind(self, kind: str) -> list[tuple[str, int, Path]]:
        """Give the folders of a kind (`try`, `out`) that are left on this host: attempt, number, path."""
        found = sorted((self.path / LIVE).glob(f"*/{kind}-*"))
        return [(path.parent.name, int(path.name.removeprefix(f"{kind}-")), path) for path in found]

    def publish(self, name: str, fence: int) -> None:
        """Make what is in `out` the attempt's folder, whole or not at all. What was published before is kept."""
        out = self.out(name, fence)
        out.mkdir(parents=True, exist_ok=True)
        self.storage.publish(out, attempt=name, fence=fence)
        shutil.rmtree(out.parent, ignore_errors=True)

    def clean(self) -> None:
        """Remove the live folder of a closed run."""
        shutil.rmtree(self.path / LIVE, ignore_errors=True)
        if self.bucket is not None and self.path.is_dir() and not any(self.path.iterdir()):
            self.path.rmdir()

    def discard(self) -> None:
        """Remove a run folder that was just created, with the agent in it."""
        if self.bucket is not None:
            self.bucket.delete(AGENT_ARCHIVE)
            self.bucket.delete(CREATED)
        else:
            (self.path / AGENT_ARCHIVE).unlink(missing_ok=True)
            self.path.rmdir()


def create_run_folder(runs_dir: Path, agent_id: str, *, bucket: Bucket | None = None) -> RunFolder:
    """Make a new run folder `<UTC time>_run-group_<agent>`; runs of the same second wait for the next.

    Args:
        runs_dir: the folder it is made in, or, with a bucket, this host's folder for files that are worked on.
        agent_id: whose run it is.
        bucket: the prefix it is made below, in an object store.

    Raises:
        InputError: it cannot be made there.
    """
    while True:
        moment = datetime.now(UTC)
        name = f"{moment:%Y-%m-%dT%H-%M-%S-UTC}_run-group_{agent_id.replace('/', '-')}"
        folder = _create(runs_dir / name) if bucket is None else _create_remote(runs_dir / name, bucket.below(name))
        if folder is not None:
            return folder
        time.sleep(0.2)


def _create(path: Path) -> RunFolder | None:
    """Make a run folder; None where there is one already."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.mkdir()
    except FileExistsError:
        if path.is_dir():
            return None
        raise _unwritable(path.parent, "a file is in its way") from None
    except OSError as error:
        raise _unwritable(path.parent, error.strerror) from error
    return RunFolder(path=path.resolve())


def _create_remote(path: Path, bucket: Bucket) -> RunFolder | None:
    created = {"run_group": path.name, "created_at": datetime.now(UTC).isoformat()}
    try:
        made = bucket.create(CREATED, json.dumps(created).encode())
    except ServiceUnavailable as error:
        raise InputError(str(error)) from error
    return RunFolder(path=path, bucket=bucket) if made else None


def _unwritable(runs_dir: Path, reason: str | None) -> InputError:
    return InputError(f"cannot write to the runs folder {runs_dir}: {reason}; choose another with --runs-dir")
