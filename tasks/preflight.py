"""What it would take to prepare a competition on this host, and whether it would work; nothing is written."""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from core.errors import DataError, KaggleUnreachable
from tasks.data import is_prepared, needs_download
from tasks.disk import FREE_BYTES, free_bytes
from tasks.kaggle import Credentials, has_joined, rules_address
from tasks.progress import human
from tasks.raw import WHERE_CREDENTIALS_GO, Need, disk_need
from tasks.registry import Competition
from tasks.schema import Source
from tasks.sizes import ASKED_AT_ONCE


@dataclass(frozen=True, kw_only=True)
class Outlook:
    """What is known beforehand about preparing a competition."""

    competition_id: str
    prepared: bool  # there is nothing left to do
    downloads: bool  # the archive would be downloaded
    download_bytes: int | None  # size of that archive; None: not known, or nothing is downloaded
    checksum_known: bool | None  # whether Kaggle's archive would be checked; None: there is no archive
    need: Need | None  # on the disk; None: not known
    free_bytes: int
    credentials: bool | None = None  # whether there are any; None: none are needed, or not looked for
    rules_accepted: bool | None = None  # None: not needed, not asked, or not found out
    problems: tuple[str, ...] = ()  # each with what to do
    unknowns: tuple[str, ...] = ()  # what could not be found out

    def to_json(self) -> dict[str, object]:
        """All of it, for JSON."""
        found = asdict(self)
        del found["need"]
        return {**found, "needed_bytes": self.need.total if self.need else None, "fine": not self.problems}


def outlook(
    competition: Competition, data_dir: Path, *, prepared: bool = False, archive_bytes: int | None = None
) -> Outlook:
    """Say what is known on this host, without asking anybody.

    Args:
        prepared: it is prepared elsewhere, where this host can have it from.
        archive_bytes: size of Kaggle's archive; None: what competition.yaml says, if it does.

    Raises:
        InputError: the data folder cannot be read or written.
    """
    archive_bytes = archive_bytes or competition.download_bytes
    done = prepared or is_prepared(competition, data_dir)
    downloads = not done and needs_download(competition, data_dir)
    problems: list[str] = []
    unknowns: list[str] = []
    need: Need | None = Need(prepared=0, raw=0)
    if competition.source is Source.KAGGLE and not done:
        try:
            need = disk_need(competition.id, data_dir, archive_bytes=archive_bytes)
        except DataError as error:
            need = None
            problems.append(str(error))
    if need is None and not problems:
        unknowns.append("the size of the download, and so the disk that it needs")
    free = free_bytes(data_dir)
    if need is not None and not done and (lack := lacking(need.total, free)):
        problems.append(lack)
    return Outlook(
        competition_id=competition.id,
        prepared=done,
        downloads=downloads,
        download_bytes=archive_bytes if downloads else None,
        checksum_known=competition.checksums.zip is not None if competition.source is Source.KAGGLE else None,
        need=need,
        free_bytes=free,
        problems=tuple(problems),
        unknowns=tuple(unknowns),
    )


def ask_kaggle(
    outlooks: Sequence[Outlook], credentials: Credentials | None, *, log: Callable[[str], None]
) -> list[Outlook]:
    """Add what Kaggle says of those that would be downloaded: whether the account may. Nothing is downloaded.

    When Kaggle does not answer about one, it is not asked about those that follow.
    """
    unreachable: list[str] = []

    def ask(one: Outlook) -> Outlook:
        if not one.downloads:
            return one
        if credentials is None:
            return _with(one, credentials=False, problem=f"no Kaggle credentials: {WHERE_CREDENTIALS_GO}")
        if unreachable:
            return _with(one, credentials=True, problem=unreachable[0])
        try:
            joined = has_joined(one.competition_id, credentials, log=log)
        except KaggleUnreachable as error:
            unreachable.append(str(error))
            return _with(one, credentials=True, problem=str(error))
        except DataError as error:
            return _with(one, credentials=True, problem=str(error))
        if joined:
            return replace(one, credentials=True, rules_accepted=True)
        problem = f"the rules are not accepted: accept them, once, in a browser, at {rules_address(one.competition_id)}"
        return replace(one, credentials=True, rules_accepted=False, problems=(*one.problems, problem))

    with ThreadPoolExecutor(ASKED_AT_ONCE) as pool:
        return list(pool.map(ask, outlooks))


def needed_together(outlooks: Sequence[Outlook], *, keep_raw: bool) -> int:
    """Bytes that preparing all of them one after the other takes on the disk, of those whose need is known.

    Args:
        keep_raw: raw data stays; otherwise it is removed after each.
    """
    needs = [one.need for one in outlooks if one.need is not None]
    raw = [need.raw for need in needs]
    return sum(need.prepared for need in needs) + (sum(raw) if keep_raw else max(raw, default=0))


def lacking(needed: int, free: int) -> str | None:
    """What to say when the disk has too little free."""
    if free >= needed + FREE_BYTES:
        return None
    return f"the disk has {human(free)} free, and at least {human(needed + FREE_BYTES)} are needed"


def _with(one: Outlook, *, credentials: bool, problem: str) -> Outlook:
    """What is known when Kaggle could not be asked, or refused to say."""
    return replace(
        one,
        credentials=credentials,
        problems=(*one.problems, problem),
        unknowns=(*one.unknowns, "whether the rules are accepted"),
    )
