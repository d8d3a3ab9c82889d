"""A competition's raw data: there already, in an archive that is there, or at Kaggle."""

import hashlib
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from core.errors import BrokenArchive, DataError
from tasks.disk import check_data_dir, size_of
from tasks.download import download
from tasks.kaggle import Credentials
from tasks.progress import Progress, human
from tasks.unpacking import unpack, unpacked_bytes

CHUNK_BYTES = 1024**2
WHERE_CREDENTIALS_GO = (
    "set KAGGLE_API_TOKEN, or KAGGLE_USERNAME and KAGGLE_KEY, in the environment or in .env, "
    "or put kaggle.json into ~/.kaggle"
)


class Found(StrEnum):
    """How far a competition's raw data is."""

    RAW = "raw data"  # raw/ holds something
    ARCHIVE = "archive"  # Kaggle's archive is there
    NOTHING = "nothing"  # it has to be downloaded


def found(competition_id: str, data_dir: Path) -> Found:
    """Say what of a competition's raw data is on this host."""
    raw = raw_folder(competition_id, data_dir)
    if raw.is_dir() and any(raw.iterdir()):
        return Found.RAW
    return Found.ARCHIVE if archive_path(competition_id, data_dir).is_file() else Found.NOTHING


def raw_folder(competition_id: str, data_dir: Path) -> Path:
    return data_dir / competition_id / "raw"


def archive_path(competition_id: str, data_dir: Path) -> Path:
    return data_dir / competition_id / f"{competition_id}.zip"


@dataclass(frozen=True, kw_only=True)
class Need:
    """Bytes on the disk that it takes to get from what is there to prepared data, at least."""

    prepared: int  # for what stays
    raw: int  # for the archive and raw/, beside it; freed afterwards unless raw data is kept

    @property
    def total(self) -> int:
        return self.prepared + self.raw


def disk_need(competition_id: str, data_dir: Path, *, archive_bytes: int | None) -> Need | None:
    """Say what preparing takes on the disk; None when it is not known.

    Prepared data is taken to be as large as raw data, and an archive that is not there yet to unpack to no less
    than its own size.

    Raises:
        DataError: the archive that is there is broken or refused.
    """
    match found(competition_id, data_dir):
        case Found.RAW:
            return Need(prepared=size_of(raw_folder(competition_id, data_dir)), raw=0)
        case Found.ARCHIVE:
            unpacked = unpacked_bytes(archive_path(competition_id, data_dir))
            return Need(prepared=unpacked, raw=unpacked)
        case _:
            return None if archive_bytes is None else Need(prepared=archive_bytes, raw=2 * archive_bytes)


def no_credentials(competition_ids: str) -> str:
    """What to say about data that has to be downloaded, without an account to do it with."""
    return f"no Kaggle credentials, needed to download {competition_ids}: {WHERE_CREDENTIALS_GO}"


def bring(
    competition_id: str,
    data_dir: Path,
    *,
    credentials: Credentials | None,
    archive_md5: str | None,
    log: Callable[[str], None],
    progress: Progress,
) -> None:
    """Fill raw/ when it is empty: download the archive when it is not there, check it and unpack it.

    The caller holds the competition's lock. What is there already is used as it is.

    Args:
        credentials: the account to download with; None when there is none.
        archive_md5: what the archive's MD5 must be, in hex; None checks nothing.
        log: takes a line about what is going on.

    Raises:
        InputError: the disk is too small.
        DataError: it cannot be downloaded, checked or unpacked; the text tells what to do.
    """
    state = found(competition_id, data_dir)
    if state is Found.RAW:
        return
    archive = archive_path(competition_id, data_dir)
    if state is Found.NOTHING:
        if credentials is None:
            raise DataError(
                f"{no_credentials(competition_id)}; or unpack the archive from "
                f"https://www.kaggle.com/c/{competition_id}/data into {raw_folder(competition_id, data_dir)}"
            )
        log(f"downloading {competition_id} from Kaggle")
        download(competition_id, archive, credentials=credentials, log=log, progress=progress)
    try:
        unpacked = unpacked_bytes(archive)
        if archive_md5 is not None:
            _check_md5(archive, archive_md5, progress)
        log(f"unpacking {archive.name}, {human(archive.stat().st_size)}")
        _unpack(competition_id, archive, data_dir, unpacked, progress)
    except BrokenArchive as error:
        if state is Found.ARCHIVE:  # somebody's own
            raise DataError(f"{error}; delete it to have it downloaded") from error
        archive.unlink()
        raise DataError(f"{error}; what was downloaded is deleted, prepare {competition_id} again") from error
    except OSError as error:
        raise DataError(f"{competition_id}: unpacking {archive} failed: {error.strerror}") from error


def _unpack(competition_id: str, archive: Path, data_dir: Path, unpacked: int, progress: Progress) -> None:
    check_data_dir(
        data_dir,
        needed_bytes=2 * unpacked,
        purpose=f"{competition_id}, {human(unpacked)} to be unpacked and as much to be prepared",
    )
    for leftover in archive.parent.glob(".unpacking-*"):  # of processes that were killed: nobody else holds the lock
        shutil.rmtree(leftover)
    unpack(archive, raw_folder(competition_id, data_dir), progress=progress)


def _check_md5(archive: Path, expected: str, progress: Progress) -> None:
    digest, done, size = hashlib.md5(usedforsecurity=False), 0, archive.stat().st_size
    with archive.open("rb") as file:
        while chunk := file.read(CHUNK_BYTES):
            digest.update(chunk)
            done += len(chunk)
            progress("checking", done, size)
    if (actual := digest.hexdigest()) != expected:
        raise DataError(
            f"{archive} has the MD5 {actual}, expected {expected}: Kaggle has other data now, or the download was "
            "damaged; it is kept. Delete it to have it downloaded again, or use it as it is with --skip-verification"
        )
