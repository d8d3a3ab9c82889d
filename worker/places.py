"""Where data and runs are: a folder of this host, and behind it an object store where there is one."""

from dataclasses import dataclass
from pathlib import Path

from core.errors import InputError
from store.bucket import Bucket, is_remote
from store.folders import RunFolder
from worker.settings import Settings, local_folder, secrets


@dataclass(frozen=True, kw_only=True)
class Place:
    """A folder of this host. With a bucket, what is there for good is in the bucket."""

    folder: Path
    bucket: Bucket | None = None

    @property
    def address(self) -> str:
        """What people call it."""
        return str(self.folder) if self.bucket is None else self.bucket.address


def data_place(settings: Settings, asked: str | None = None) -> Place:
    """Give where the competitions' data is: at the address `asked`, or else where the settings say.

    Raises:
        InputError: the address cannot be used.
    """
    return _place(settings, asked, folder=settings.data_dir, store=settings.data_store, name="data")


def runs_place(settings: Settings, asked: str | None = None) -> Place:
    """Give where run folders are: at the address `asked`, or else where the settings say.

    Raises:
        InputError: the address cannot be used.
    """
    return _place(settings, asked, folder=settings.runs_dir, store=settings.runs_store, name="runs")


def run_folder(address: str, settings: Settings) -> RunFolder:
    """Open the folder of a run by the address that the database has of it.

    Raises:
        InputError: the address cannot be used.
    """
    if not is_remote(address):
        return RunFolder(path=Path(address))
    path = scratch_runs(settings) / address.rpartition("/")[2]
    return RunFolder(path=path, bucket=Bucket.open(address, secrets(settings)))


def scratch_runs(settings: Settings) -> Path:
    """Give where this host works on runs whose folders are in an object store."""
    return settings.runs_dir if settings.runs_store else settings.scratch_dir / "runs"


def _place(settings: Settings, asked: str | None, *, folder: Path, store: str | None, name: str) -> Place:
    if asked is not None and is_remote(asked):
        folder, store = settings.scratch_dir / name, asked
    elif asked is not None:
        try:
            folder, store = local_folder(asked).resolve(), None
        except ValueError as error:
            raise InputError(f"the {name} folder {asked}: {error}") from error
    return Place(folder=folder, bucket=Bucket.open(store, secrets(settings)) if store else None)
