"""How large archives at Kaggle are, and how fast they would come: asked of the server, and hardly anything is read."""

import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

from core.errors import DataError, KaggleUnreachable
from tasks.kaggle import Credentials, body_bytes, opened_archive, patiently

ASKED_AT_ONCE = 4  # competitions; Kaggle limits how often it is asked
CHUNK_BYTES = 64 * 1024
SAMPLE_BYTES, SAMPLE_SECS = 16 * 1024**2, 5.0  # of the largest archive, to see how fast it comes; whichever is first
LEAST_SAMPLE_BYTES = 1024**2  # less says nothing of the connection


@dataclass(frozen=True, kw_only=True)
class Sizes:
    """What was found out."""

    archive_bytes: dict[str, int] = field(default_factory=dict)  # by competition, where the server told
    unknown: dict[str, str] = field(default_factory=dict)  # by competition: why it is not known
    bytes_per_sec: float | None = None  # of the download, measured just now; None: not measured


def ask_sizes(competition_ids: Sequence[str], credentials: Credentials, *, log: Callable[[str], None]) -> Sizes:
    """Ask Kaggle how large the archives of competitions are, and how fast the largest comes. Nothing is kept.

    When Kaggle does not answer about one, it is not asked about those that follow.

    Args:
        log: takes a line about each try that failed.
    """
    unreachable: list[str] = []

    def ask(competition_id: str) -> int | str:
        if unreachable:
            return unreachable[0]
        try:
            size = patiently(
                lambda: _size(competition_id, credentials), competition_id=competition_id, tries=2, log=log
            )
        except KaggleUnreachable as error:
            unreachable.append(str(error))
            return str(error)
        except DataError as error:
            return str(error)
        return "Kaggle does not tell the archive's size" if size is None else size

    with ThreadPoolExecutor(ASKED_AT_ONCE) as pool:
        answers = dict(zip(competition_ids, pool.map(ask, competition_ids), strict=True))
    sizes = {name: answer for name, answer in answers.items() if isinstance(answer, int)}
    largest = max(sizes, key=lambda name: sizes[name], default=None)
    return Sizes(
        archive_bytes=sizes,
        unknown={name: answer for name, answer in answers.items() if isinstance(answer, str)},
        bytes_per_sec=None if largest is None else _rate(largest, credentials, log=log),
    )


def _size(competition_id: str, credentials: Credentials) -> int | None:
    with opened_archive(competition_id, credentials, start=lambda headers: 0) as answer:
        return body_bytes(answer.headers)


def _rate(competition_id: str, credentials: Credentials, *, log: Callable[[str], None]) -> float | None:
    """Bytes a second of the beginning of an archive; None where it is too small to tell, or does not come."""

    def sample() -> float | None:
        with opened_archive(competition_id, credentials, start=lambda headers: 0) as answer:
            started, done = time.monotonic(), 0
            for chunk in answer.iter_content(CHUNK_BYTES):
                done += len(chunk)
                if done >= SAMPLE_BYTES or time.monotonic() - started > SAMPLE_SECS:
                    break
            return done / (time.monotonic() - started) if done >= LEAST_SAMPLE_BYTES else None

    try:
        return patiently(sample, competition_id=competition_id, tries=2, log=log)
    except DataError as error:
        log(f"how fast data comes is not known: {error}")
        return None
