"""A competition's data on this host: there already, fetched from the object store, or prepared.

In the object store a competition's data is one archive, `<competition>/prepared.tar`: one object appears whole
or not at all, and a data set of a hundred thousand pictures is one transfer. It holds the answers too, which
grading needs: who may read it may read them.
"""

import logging
import multiprocessing
import tarfile
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path

from core.errors import DataError, InputError, ServiceUnavailable
from tasks.data import Prepared, install, is_prepared, prepare
from tasks.disk import check_data_dir
from tasks.registry import Competition
from worker.places import Place

log = logging.getLogger(__name__)

ARCHIVE = "prepared.tar"


def prepared(competition: Competition, data: Place, *, note: Callable[[str], None]) -> Prepared:
    """Give the prepared data of `competition`.

    Preparing happens in a process of its own, so that its memory goes with it and the worker's other
    attempts are not held up by it. What was prepared here is left in the object store for other hosts.

    Raises:
        DataError: it cannot be prepared here.
        InputError: the data folder cannot be written, or its disk is nearly full.
        ServiceUnavailable: the object store does not answer.
    """
    if is_prepared(competition, data.folder) or fetch(competition, data, note=note):
        return prepare(competition, data.folder)
    note(f"preparing the data of {competition.id} in {data.folder}")
    started = time.monotonic()
    with ProcessPoolExecutor(max_workers=1, mp_context=multiprocessing.get_context("spawn")) as pool:
        try:
            result = pool.submit(prepare, competition, data.folder).result()
        except BrokenProcessPool as error:
            raise DataError(f"preparing {competition.id} was killed; was there enough memory?") from error
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
