"""A competition's data on this host: there already, fetched from the object store, or prepared.

In the object store a competition's data is one archive, `<competition>/prepared.tar`: one object appears whole
or not at all, and a data set of a hundred thousand pictures is one transfer. It holds the answers too, which
grading needs: who may read it may read them.
"""

import logging
import tarfile
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from core.errors import DataError, InputError, ServiceUnavailable
from tasks.data import Prepared, install, is_prepared, needs_download, prepare
from tasks.disk import check_data_dir
from tasks.progress import Progress, in_lines
from tasks.registry import Competition
from worker.apart import Preparation, prepare_apart
from worker.places import Place
from worker.settings import Settings, kaggle_credentials

log = logging.getLogger(__name__)

ARCHIVE = "prepared.tar"


def prepared(
    competition: Competition,
    data: Place,
    settings: Settings,
    *,
    note: Callable[[str], None],
    progress: Progress | None = None,
    keep_raw: bool = True,
    verify: bool = True,
) -> Prepared:
    """Give the prepared data of `competition`.

    What is not here is fetched or else prepared, in a process of its own; raw data that is missing is downloaded.
    What was prepared here is left in the object store for other hosts.

    Args:
        settings: where the Kaggle account is looked up.
        note: takes a line about what is going on.
        progress: takes how far a download has come; None: a line to `note` now and then.
        keep_raw, verify: as `tasks.data.prepare`.

    Raises:
        DataError: it cannot be downloaded or prepared here.
        InputError: the data folder cannot be written, its disk is too small, or the account's file is broken.
        ServiceUnavailable: the object store does not answer.
    """
    if is_prepared(competition, data.folder) or fetch(competition, data, note=note):
        return prepare(competition, data.folder)
    note(f"preparing the data of {competition.id} in {data.folder}")
    started = time.monotonic()
    preparation = Preparation(
        competition=competition,
        data_dir=data.folder,
        credentials=kaggle_credentials(settings) if needs_download(competition, data.folder) else None,
        keep_raw=keep_raw,
        verify=verify,
    )
    result = prepare_apart(preparation, note=note, progress=progress or in_lines(note))
    note(f"prepared in {time.monotonic() - started:.1f} s")
    try:
        share(competition, data, note=note)
    except (DataError, InputError, ServiceUnavailable) as error:  # this host has what it needs
        log.warning("the data of %s is not in %s: %s", competition.id, data.address, error)
        note(f"the prepared data could not be left for other hosts: {error}")
    return result


def is_shared(competition: Competition, data: Place) -> bool:
    """Whether the object store has the competition's data. Raises ServiceUnavailable."""
    return data.bucket is not None and data.bucket.size(_key(competition)) is not None


def fetch(competition: Competition, data: Place, *, note: Callable[[str], None]) -> bool:
    """Bring the competition's data from the object store to this host; gives whether it was there to be had.

    Safe to call from any number of processes of this host: one fetches, the others wait for it.

    Raises:
        DataError: what is there is no complete data.
        InputError: the data folder cannot be written, or its disk is nearly full.
        ServiceUnavailable: the object store does not answer.
    """
    bucket, key = data.bucket, _key(competition)
    if bucket is None or (size := bucket.size(key)) is None:
        return False

    def fill(folder: Path) -> None:
        note(f"fetching the data of {competition.id} from {data.address}: {size} bytes")
        started = time.monotonic()
        archive = folder.with_name(ARCHIVE)
        bucket.download(key, archive)
        try:
            with tarfile.open(archive) as tar:
                tar.extractall(folder, filter="data")
        except tarfile.TarError as error:
            raise DataError(f"{bucket.address}/{key} cannot be unpacked: {error}") from error
        note(f"fetched in {time.monotonic() - started:.1f} s")

    install(competition, data.folder, fill, needed_bytes=2 * size, log=note)
    return True


def share(competition: Competition, data: Place, *, note: Callable[[str], None]) -> None:
    """Leave the prepared data of this host in the object store, if there is one that has it not.

    Raises:
        DataError, InputError: there is no room for the archive.
        ServiceUnavailable: the object store refuses or does not answer.
    """
    if data.bucket is None or is_shared(competition, data):
        return
    source = prepare(competition, data.folder)
    parts = (source.public, source.private)
    check_data_dir(data.folder, needed_bytes=sum(path.lstat().st_size for part in parts for path in part.rglob("*")))
    try:
        with tempfile.TemporaryDirectory(dir=data.folder / competition.id, prefix=".sharing-") as name:
            archive = Path(name) / ARCHIVE
            with tarfile.open(archive, "w") as tar:
                for part in parts:
                    tar.add(part, arcname=part.name)
            data.bucket.upload(archive, _key(competition))
    except OSError as error:
        raise DataError(f"packing the data of {competition.id} failed: {error}") from error
    note(f"left the data of {competition.id} in {data.address}")


def _key(competition: Competition) -> str:
    return f"{competition.id}/{ARCHIVE}"
