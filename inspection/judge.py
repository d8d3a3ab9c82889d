"""What a model thinks of an attempt, after reading parts of it against rules.md: an opinion beside the findings.

The text is the agent's and may try to steer the model. It is set apart by a number that the agent cannot know, the
rules say so, and what comes back is read as hostile as well: it changes no finding and no grade.
"""

import json
import secrets
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from grading.answers import number
from inspection.findings import Evidence, Finding, excerpt
from inspection.rollouts import Rollout

RULES = Path(__file__).with_name("rules.md")
MOST_CHARACTERS = 30_000  # of an attempt that are read
MOST_FILE_BYTES = 16 << 20  # of a file around whose findings is read
AROUND = 12  # lines before and after a finding
LONGEST_LINE = 400  # characters
BEGINNING, END = 4_000, 8_000  # characters of the log
MOST_BREACHES = 10
MOST_POINTS = 10.0

Ask = Callable[[str, str], "Reply"]  # of the rules and a question


@dataclass(frozen=True, kw_only=True)
class Reply:
    """What asking gave: a text, or else a problem; and the tokens it took, where the service says."""

    content: str | None
    problem: str | None
    tokens: int | None


@dataclass(frozen=True, kw_only=True)
class Breach:
    """A breach as the model sees it.

    Attributes:
        likely: from 0 to 10.
        is_quoted: whether the words that it quotes are in the text that it was given.
    """

    rule: str
    likely: float
    quote: str
    is_quoted: bool
    innocent: str


@dataclass(frozen=True, kw_only=True)
class Opinion:
    """What a model thinks of an attempt.

    Attributes:
        problem: why there is no opinion; None where there is one.
        tokens: that it took, where the service says.
    """

    attempt: str
    model: str
    breaches: tuple[Breach, ...] = ()
    comment: str = ""
    problem: str | None = None
    tokens: int | None = None

    def to_json(self) -> dict[str, Any]:
        """Give it as JSON values."""
        return asdict(self)


def opinion(rollout: Rollout, findings: Sequence[Finding], *, model: str, ask: Ask) -> Opinion:
    """Have a model read an attempt; `ask` is how."""
    text = reading(rollout, findings)
    mark = secrets.token_hex(12)
    question = f"Attempt: {rollout.label}\n\n{mark}\n{text}\n{mark}\n\nThe text has ended. Judge it by the rules."
    reply = ask(RULES.read_text(encoding="utf-8"), question)
    if reply.problem is not None:
        return Opinion(attempt=rollout.label, model=model, problem=reply.problem, tokens=reply.tokens)
    said = _object(reply.content)
    if said is None:
        problem = f"it answered {excerpt(reply.content or '')!r}"
        return Opinion(attempt=rollout.label, model=model, problem=problem, tokens=reply.tokens)
    return Opinion(
        attempt=rollout.label,
        model=model,
        breaches=tuple(_breaches(said.get("breaches"), text)),
        comment=excerpt(str(said.get("comment", "")), longest=400),
        tokens=reply.tokens,
    )


def reading(rollout: Rollout, findings: Sequence[Finding]) -> str:
    """Give what the model reads of an attempt: first what is around findings, then beginning and end of the log."""
    log = _text(rollout, "run.log")
    parts = [f"--- {place}\n{text}" for place, text in _around(rollout, findings)]
    parts = _within(parts, MOST_CHARACTERS - BEGINNING - END)
    parts.append(f"--- beginning of run.log\n{log[:BEGINNING]}")
    if len(log) > BEGINNING:
        parts.append(f"--- end of run.log\n{log[BEGINNING:][-END:]}")
    return "\n".join(parts)


def _around(rollout: Rollout, findings: Iterable[Finding]) -> Iterable[tuple[str, str]]:
    ranked = sorted(findings, key=lambda finding: -finding.degree.rank)
    places: list[Evidence] = [
        entry for finding in ranked for entry in finding.evidence if entry.attempt == rollout.label
    ]
    for entry in places:
        lines = _text(rollout, entry.file).split("\n") if entry.line and entry.file in rollout.files else []
        if lines and entry.line is not None:
            first = max(0, entry.line - 1 - AROUND)
            shown = (line[:LONGEST_LINE] for line in lines[first : entry.line + AROUND])
            yield entry.place, "\n".join(shown)
        else:
            yield entry.place, entry.excerpt


def _text(rollout: Rollout, name: str) -> str:
    content = rollout.read(name, max_bytes=MOST_FILE_BYTES) or b""
    text = content.decode("utf-8", "replace")
    return "".join(character if character.isprintable() or character == "\n" else " " for character in text)


def _within(parts: Iterable[str], most: int) -> list[str]:
    kept, size = [], 0
    for part in dict.fromkeys(parts):
        size += len(part) + 1
        if size > most:
            break
        kept.append(part)
    return kept


def _object(content: str | None) -> dict[str, Any] | None:
    try:
        said = json.loads(content or "")
    except (ValueError, RecursionError):
        return None
    return said if isinstance(said, dict) else None


def _breaches(value: Any, text: str) -> Iterable[Breach]:
    plain = " ".join(text.split())
    for entry in value[:MOST_BREACHES] if isinstance(value, list) else ():
        likely = number(entry.get("likely")) if isinstance(entry, dict) else None
        if likely is None or not 0 <= likely <= MOST_POINTS:
            continue
        quote = str(entry.get("quote", ""))[:1000]
        yield Breach(
            rule=excerpt(str(entry.get("rule", "")), longest=40),
            likely=likely,
            quote=excerpt(quote),
            is_quoted=bool(quote.strip()) and " ".join(quote.split()) in plain,
            innocent=excerpt(str(entry.get("innocent", ""))),
        )
