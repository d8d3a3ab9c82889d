"""The patterns of patterns.yaml, and searching hostile text of any size for them in bounded time."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Annotated

import yaml
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter

from inspection.findings import Degree

FILE = Path(__file__).with_name("patterns.yaml")
BEFORE, AFTER = 200, 400  # bytes around a word that a regex sees
SHOWN = 90  # bytes around a match
LONGEST_LINE = 4_000  # bytes on either side of a match
STEP = 300  # bytes from a word in vain to the next that is looked at; less than AFTER, so that nothing is passed over
MOST_HITS = 1_000  # of one pattern in one piece of text


class PatternEntry(BaseModel):
    """An entry of the file."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    id: str
    words: Annotated[tuple[str, ...], Field(min_length=1)]
    regex: str | None = None
    degree: Degree
    says: str
    innocent: str


@dataclass(frozen=True, kw_only=True)
class Pattern:
    """What to look for.

    Attributes:
        words: ASCII, lower case.
        regex: over bytes; matches wherever a word is found where the file has none.
    """

    id: str
    words: tuple[bytes, ...]
    regex: re.Pattern[bytes]
    degree: Degree
    says: str
    innocent: str


@dataclass(frozen=True, kw_only=True)
class Hit:
    """A place where a pattern matched.

    Attributes:
        line: of the text that was searched, from 1.
        text: the match, and what of its line is at most SHOWN bytes away.
        whole_line: its line, but for what is more than LONGEST_LINE bytes away.
        attempt: the attempt's folder that it names, if the pattern asks for one.
    """

    line: int
    text: bytes
    whole_line: bytes
    attempt: bytes | None


@cache
def patterns() -> tuple[Pattern, ...]:
    """Read the patterns."""
    entries = TypeAdapter(list[PatternEntry]).validate_python(yaml.safe_load(FILE.read_text(encoding="utf-8")))
    return tuple(pattern_of(entry) for entry in entries)


def pattern_of(entry: PatternEntry) -> Pattern:
    """Make a pattern of an entry."""
    regex = entry.regex or "|".join(re.escape(word) for word in entry.words)
    return Pattern(
        id=entry.id,
        words=tuple(word.encode("ascii") for word in entry.words),
        regex=re.compile(regex.encode("ascii"), re.IGNORECASE),
        degree=entry.degree,
        says=entry.says,
        innocent=entry.innocent,
    )


def search(pattern: Pattern, data: bytes, lowered: bytes) -> Iterator[Hit]:
    """Search a text for a pattern: for its words first, and for its regex in what is around each of them.

    Args:
        data: the text.
        lowered: the same in lower case (bytes.lower keeps every position).

    Returns:
        At most MOST_HITS.
    """
    counted, line, searched, hits = 0, 1, 0, 0
    following = {word: place for word in pattern.words if (place := lowered.find(word)) >= 0}
    while following and hits < MOST_HITS:
        at = min(following.values())
        found = pattern.regex.search(data, max(searched, at - BEFORE), at + AFTER)
        searched = searched if found is None else found.end()
        following = _beyond(following, max(at + 1, searched) if found else at + STEP, lowered)
        if found is None:
            continue
        hits += 1
        line += data.count(b"\n", counted, found.start())
        counted = found.start()
        start, end = _line_around(data, found.start(), found.end())
        yield Hit(
            line=line,
            text=data[max(start, found.start() - SHOWN) : min(end, found.end() + SHOWN)],
            whole_line=data[start:end],
            attempt=found["attempt"] if "attempt" in pattern.regex.groupindex else None,
        )


def _beyond(following: Mapping[bytes, int], past: int, lowered: bytes) -> dict[bytes, int]:
    """Give where each word is next, not before `past`; those that are nowhere any more are left out."""
    found = {word: place if place >= past else lowered.find(word, past) for word, place in following.items()}
    return {word: place for word, place in found.items() if place >= 0}


def _line_around(data: bytes, start: int, end: int) -> tuple[int, int]:
    """Give where the line around a match begins and ends, at most LONGEST_LINE bytes from it."""
    first = data.rfind(b"\n", max(0, start - LONGEST_LINE), start) + 1
    last = data.find(b"\n", end, end + LONGEST_LINE)
    return max(first, start - LONGEST_LINE), min(end + LONGEST_LINE, len(data)) if last < 0 else last
