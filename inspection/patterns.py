"""The patterns of patterns.yaml, and searching hostile text of any size for them in bounded time."""

import re
from collections.abc import Iterator, Sequence
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
STEP = 100  # bytes from one place that is looked at to the next


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
    """Search a text for a pattern, at one place in every STEP bytes: a regex sees what is around that place.

    Args:
        data: the text.
        lowered: the same in lower case (bytes.lower keeps every position).
    """
    counted, line, searched = 0, 1, 0
    for at in _places(pattern.words, lowered):
        found = pattern.regex.search(data, max(searched, at - BEFORE), at + AFTER)
        if found is None:
            continue
        searched = found.end()
        line += data.count(b"\n", counted, found.start())
        counted = found.start()
        start, end = _line_around(data, found.start(), found.end())
        yield Hit(
            line=line,
            text=data[max(start, found.start() - SHOWN) : min(end, found.end() + SHOWN)],
            whole_line=data[start:end],
            attempt=found["attempt"] if "attempt" in pattern.regex.groupindex else None,
        )


def _line_around(data: bytes, start: int, end: int) -> tuple[int, int]:
    """Give where the line around a match begins and ends, at most LONGEST_LINE bytes from it."""
    first = data.rfind(b"\n", max(0, start - LONGEST_LINE), start) + 1
    last = data.find(b"\n", end, end + LONGEST_LINE)
    return max(first, start - LONGEST_LINE), min(end + LONGEST_LINE, len(data)) if last < 0 else last


def _places(words: Sequence[bytes], lowered: bytes) -> Iterator[int]:
    """Give where a word is, in rising order, at least STEP bytes apart."""
    following = {word: place for word in words if (place := lowered.find(word)) >= 0}
    while following:
        at = min(following.values())
        yield at
        past = at + STEP
        for word, place in list(following.items()):
            if place >= past:
                continue
            if (place := lowered.find(word, past)) >= 0:
                following[word] = place
            else:
                del following[word]
