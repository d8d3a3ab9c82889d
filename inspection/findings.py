"""What a check finds: never a verdict, always with its evidence and with what an innocent reason would be."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any

LONGEST_EXCERPT = 200  # characters
MOST_EVIDENCE = 6  # pieces of one finding


class Degree(StrEnum):
    """How much a finding asks for a person's eyes."""

    NOTE = "note"  # good to know; mostly innocent
    LOOK = "look"  # someone should look at it
    STRONG = "strong"  # hard to explain by an honest attempt

    @property
    def rank(self) -> int:
        """0 for a note, 2 for a strong one."""
        return list(Degree).index(self)


@dataclass(frozen=True, kw_only=True)
class Evidence:
    """One place that a finding rests on.

    Attributes:
        attempt: whose file it is, as `inspection.rollouts.Rollout.label` names it; None for a reference notebook.
        file: its name below the attempt's folder, or below the folder of notebooks.
        line: counted from 1, in a table the header included; None for the file as a whole.
        excerpt: printable, on one line, shortened.
    """

    attempt: str | None
    file: str
    line: int | None
    excerpt: str

    @property
    def place(self) -> str:
        """The file and the line."""
        return self.file if self.line is None else f"{self.file}:{self.line}"


@dataclass(frozen=True, kw_only=True)
class Finding:
    """Something that a person may want to look at.

    Attributes:
        check: which check found it.
        attempts: the labels of those concerned.
        says: what was found, in a sentence.
        innocent: what an innocent reason would be.
        evidence: at most MOST_EVIDENCE places.
    """

    check: str
    degree: Degree
    competition_id: str
    attempts: tuple[str, ...]
    says: str
    innocent: str
    evidence: tuple[Evidence, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """Give it as JSON values."""
        return asdict(self)


def excerpt(text: str, *, longest: int = LONGEST_EXCERPT) -> str:
    """Give hostile text as it may be shown: printable, on one line, shortened."""
    head = text[: 4 * longest]  # blanks may go, but a text of megabytes is not worth reading for that
    plain = "".join(character if character.isprintable() else " " for character in head)
    line = " ".join(plain.split())
    return line if len(line) <= longest and len(head) == len(text) else f"{line[:longest]}..."


def names(labels: Sequence[str], *, most: int = 6) -> str:
    """List labels for people."""
    more = f" and {len(labels) - most} more" if len(labels) > most else ""
    return ", ".join(labels[:most]) + more
