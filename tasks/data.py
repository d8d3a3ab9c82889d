"""The data folder: raw and prepared data of each competition, prepared once per host.

    <data_dir>/<competition>/raw/                 what the archive holds; empty for data from a Python package
    <data_dir>/<competition>/prepared/public/     what an agent sees
    <data_dir>/<competition>/prepared/private/    the answers
    <data_dir>/<competition>/<competition>.zip    Kaggle's archive

The layout is the reference benchmark's. `prepared/` counts as complete when it holds the answers and the sample
submission: what this module writes appears there by one rename of a whole folder, so a half of ours is never
found there. Complete data, whoever prepared it, is used as it is and never written to.
"""

import filecmp
import hashlib
import logging
import os
import shutil
import stat
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from filelock import FileLock, Timeout

from core.errors import DataError, GradingError, InputError
from core.files import write_text
from tasks.archives import MODIFIED_SECS
from tasks.disk import check_data_dir, size_of, unwritable
from tasks.download import parts
from tasks.further import fetch_missing
from tasks.kaggle import Credentials
from tasks.progress import Progress, in_lines
from tasks.raw import Found, archive_path, bring, found, raw_folder
from tasks.registry import Competition
from tasks.schema import Source
from tasks.verification import verify_prepared

logger = logging.getLogger(__name__)

HASHED_WHOLE_BYTES = 1024**3
HASHED_WHOLE_FILES = 10_000
SAMPLED_FILES = 1_000
SAMPLED_BYTES = 1024**2
MODE_FOLDER, MODE_FILE = 0o755, 0o644  # agents run as other users


@dataclass(frozen=True, kw_only=True)
class Prepared:
    """A competition's data, ready to use."""

    competition_id: str
    public: Path
    private: Path


def is_prepared(competition: Competition, data_dir: Path) -> bool:
    """Whether the prepared data is complete.

    Raises:
        InputError: this user may not look into the data folder.
    """
    try:
        return _is_complete(competition, _prepared(competition, data_dir))
    except PermissionError as error:
        raise InputError(f"the data folder {data_dir} cannot be read: {error}") from error


def has_prepared_folder(competition_id: str, data_dir: Path) -> bool:
    """Whether a folder of prepared data is there, complete or not: a quick look, for choosing among many."""
    return (data_dir / competition_id / "prepared").is_dir()


def needs_download(competition: Competition, data_dir: Path) -> bool:
    """Whether preparing the competition on this host would download from Kaggle.

    Raises:
        InputError: this user may not look into the data folder.
    """
    return (
        competition.source is Source.KAGGLE
        and not is_prepared(competition, data_dir)
        and found(competition.id, data_dir) is Found.NOTHING
    )


def prepare(
    competition: Competition,
    data_dir: Path,
    *,
    keep_raw: bool = True,
    verify: bool = True,
    credentials: Credentials | None = None,
    log: Callable[[str], None] = logger.info,
    progress: Progress | None = None,
) -> Prepared:
    """Prepare a competition's data, or do nothing when that is done. Raw data that is missing is downloaded.

    Safe to call from any number of processes of this host: one downloads and prepares, the others wait for it.

    Args:
        keep_raw: keep raw/ and the archive after a preparation.
        verify: also check Kaggle's archive and the prepared files against their known MD5 sums, and that the sample
            submission is valid.
        credentials: the Kaggle account to download with; None when there is none.
        log: takes a line about what is going on.
        progress: takes how far a download has come; None: a line to `log` now and then.

    Raises:
        InputError: the data folder cannot be written, or its disk is nearly full.
        DataError: the raw data is missing and cannot be downloaded, or preparing it failed.
    """
    if not is_prepared(competition, data_dir):
        with _lock(competition, data_dir, log):
            if not is_prepared(competition, data_dir):
                if competition.source is Source.KAGGLE:
                    bring(
                        competition.id,
                        data_dir,
                        credentials=credentials,
                        archive_md5=competition.checksums.zip if verify else None,
                        log=log,
                        progress=progress or in_lines(lambda text: log(f"{competition.id}: {text}")),
                    )
                    raw = raw_folder(competition.id, data_dir)
                    fetch_missing(competition.id, competition.further_files, raw, log=log)
                _prepare(competition, data_dir, verify=verify, log=log)
                if not keep_raw:
                    _remove_raw(competition, data_dir)
    folder = _prepared(competition, data_dir)
    return Prepared(competition_id=competition.id, public=folder / "public", private=folder / "private")


def install(
    competition: Competition,
    data_dir: Path,
    fill: Callable[[Path], None],
    *,
    needed_bytes: int,
    log: Callable[[str], None] = logger.info,
) -> None:
    """Let `fill` make the prepared data, which is somewhere already, in a new folder; nothing when it is here.

    Safe to call from any number of processes of this host, as `prepare` is.

    Raises:
        InputError: the data folder cannot be written, or its disk has not `needed_bytes`.
        DataError: what `fill` made is not complete.
    """
    with _lock(competition, data_dir, log):
        if is_prepared(competition, data_dir):
            return
        check_data_dir(data_dir, needed_bytes=needed_bytes)
        with _appearing(competition, data_dir / competition.id, log) as temporary:
            fill(temporary)
            if not _is_complete(competition, temporary):
                raise DataError(f"the data of {competition.id} that was fetched is not complete")
            _make_readable(temporary)


def data_hash(prepared: Prepared) -> str:
    """SHA-256, in hex, of the prepared data, the same wherever and whenever it was prepared.

    Every file counts with its path and size. Contents count too: all of them up to 1 GiB and 10,000 files in
    total; of a larger tree the first MiB of 1,000 files, those whose paths have the smallest SHA-256. The
    description counts as documentation, not as data. The result is kept while the folder stays the same one.
    """
    state = prepared.public.parent.stat()
    return _hash_of(prepared.public, prepared.private, state.st_ino, state.st_mtime_ns)


def _prepared(competition: Competition, data_dir: Path) -> Path:
    return data_dir / competition.id / "prepared"


def _is_complete(competition: Competition, folder: Path) -> bool:
    answers, sample = folder / "private" / competition.answers, folder / "public" / competition.sample
    return answers.exists() and sample.exists()


@contextmanager
def _lock(competition: Competition, data_dir: Path, log: Callable[[str], None]) -> Iterator[None]:
    folder = data_dir / competition.id
    lock = FileLock(folder / ".lock")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        try:
            held = lock.acquire(blocking=False)
        except Timeout:
            log(f"waiting for another process that prepares {competition.id}")
            held = lock.acquire()
    except OSError as error:
        raise unwritable(data_dir, error) from error
    with held:
        yield


def _prepare(competition: Competition, data_dir: Path, *, verify: bool, log: Callable[[str], None]) -> None:
    """Prepare into a temporary folder and rename it to prepared/; the caller holds the lock."""
    raw = raw_folder(competition.id, data_dir)
    check_data_dir(data_dir, needed_bytes=size_of(raw), purpose=f"preparing {competition.id}")
    log(f"preparing {competition.id}")
    started = time.monotonic()
    with _appearing(competition, data_dir / competition.id, log) as temporary:
        _build(competition, raw, temporary, verify=verify)
    log(f"prepared {competition.id} in {time.monotonic() - started:.1f} s")


@contextmanager
def _appearing(competition: Competition, folder: Path, log: Callable[[str], None]) -> Iterator[Path]:
    """Give a path for a new folder, which becomes prepared/ in one step; the caller holds the lock."""
    try:
        for leftover in folder.glob(".preparing-*"):  # of processes that were killed: nobody else holds the lock
            shutil.rmtree(leftover)
        with tempfile.TemporaryDirectory(dir=folder, prefix=".preparing-", ignore_cleanup_errors=True) as name:
            temporary = Path(name) / "prepared"
            yield temporary
            os.sync()  # the rename must not reach the disk before the data
            _set_aside(folder / "prepared", log)
            temporary.rename(folder / "prepared")
    except OSError as error:
        raise DataError(f"preparing {competition.id} failed: {error}") from error


def _build(competition: Competition, raw: Path, folder: Path, *, verify: bool) -> None:
    public, private = folder / "public", folder / "private"
    public.mkdir(parents=True)
    private.mkdir()
    competition.prepare_parts(raw, public, private)
    write_text(public / "description.md", competition.description())
    if not _is_complete(competition, folder):
        raise DataError(
            f"the preparer of {competition.id} left no private/{competition.answers} or public/{competition.sample}"
        )
    _forbid_leaks(competition, public, private)
    if verify:
        try:
            competition.check_sample(public)
        except GradingError as error:
            raise DataError(f"the sample submission of {competition.id} is not valid: {error}") from error
        verify_prepared(competition.id, competition.checksums, folder, raw=raw)
    _make_readable(folder)


def _make_readable(folder: Path) -> None:
    """Let agents, which run as other users, read the public part, and nothing out of the times of its files."""
    public = folder / "public"
    folder.chmod(MODE_FOLDER)
    for name, folders, files in os.walk(public):
        folders.sort()  # the time of a change of mode is not ours to choose, but the order is
        for file in sorted(files):
            _settle(f"{name}/{file}", MODE_FILE)
        _settle(name, MODE_FOLDER)


def _settle(path: str, mode: int) -> None:
    os.chmod(path, mode)  # noqa: PTH101 - there may be millions: many times quicker
    os.utime(path, (MODIFIED_SECS, MODIFIED_SECS))


def _forbid_leaks(competition: Competition, public: Path, private: Path) -> None:
    """Refuse links out of the public part, and the answers in it under whatever name."""
    answers = private / competition.answers
    size = answers.stat().st_size if answers.is_file() else None
    secret = {(state.st_dev, state.st_ino) for state in (path.stat() for path in private.rglob("*"))}
    for path in public.rglob("*"):
        state = path.lstat()
        if stat.S_ISLNK(state.st_mode) or (state.st_dev, state.st_ino) in secret:
            raise DataError(f"the preparer of {competition.id} left a link in the public part: {path.name}")
        # Sizes first: there may be hundreds of thousands of files.
        if stat.S_ISREG(state.st_mode) and state.st_size == size and filecmp.cmp(path, answers, shallow=False):
            raise DataError(f"the preparer of {competition.id} left the answers in the public part: {path.name}")


def _set_aside(prepared: Path, log: Callable[[str], None]) -> None:
    """Move an incomplete prepared/, which another program left, out of the way: it is not ours to delete."""
    if prepared.exists():
        aside = Path(tempfile.mkdtemp(dir=prepared.parent, prefix="prepared.incomplete-"))
        prepared.rename(aside / "prepared")
        log(f"{prepared} was incomplete and is now in {aside}; delete it when you do not need it")


def _remove_raw(competition: Competition, data_dir: Path) -> None:
    archive = archive_path(competition.id, data_dir)
    for path in (archive, *parts(archive)):
        path.unlink(missing_ok=True)
    if (raw := raw_folder(competition.id, data_dir)).exists():
        shutil.rmtree(raw)


@lru_cache(maxsize=256)
def _hash_of(public: Path, private: Path, inode: int, changed_ns: int) -> str:
    files = [(f"public/{path}", public / path) for path in _files(public) if path != "description.md"]
    files += [(f"private/{path}", private / path) for path in _files(private)]
    sizes = {name: path.stat().st_size for name, path in files}
    whole = sum(sizes.values()) <= HASHED_WHOLE_BYTES and len(files) <= HASHED_WHOLE_FILES
    by_draw = sorted(name for name, _ in files)
    if not whole:
        by_draw = sorted(by_draw, key=lambda name: hashlib.sha256(name.encode()).digest())[:SAMPLED_FILES]
    read = set(by_draw)
    total = hashlib.sha256()
    for name, path in sorted(files):
        content = _content_hash(path, None if whole else SAMPLED_BYTES) if name in read else ""
        total.update(f"{name}\0{sizes[name]}\0{content}\n".encode())
    return total.hexdigest()


def _files(folder: Path) -> Iterator[str]:
    return (path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())


def _content_hash(path: Path, limit: int | None) -> str:
    with path.open("rb") as file:
        if limit is not None:
            return hashlib.sha256(file.read(limit)).hexdigest()
        return hashlib.file_digest(file, "sha256").hexdigest()
