"""Fingerprints of code: winnowing (Schleimer, Wilkerson and Aiken, SIGMOD 2003), as Moss and Dolos do it.

Code becomes tokens in which variables, strings and numbers are all alike, so that renaming hides nothing. What is
called and what stands behind a dot keeps its name, and so do keywords and signs; comments, blanks and imports are left
out. Every run of K tokens is hashed, and of WINDOW hashes in a row the smallest is kept: a common stretch of
K + WINDOW - 1 tokens is always found.

Not copydetect, the library for this: it needs matplotlib, counts characters and not tokens, keeps no name of what is
called, and its removal of common fingerprints takes them for unique, which they are not.
"""

import keyword
import re
import zlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from inspection.code import Source

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

K = 20  # tokens of a fingerprint
WINDOW = 16  # fingerprints of which one is kept
BASE = 1_000_003  # of the polynomial that hashes K tokens, modulo 2^64

# Linear in the length of any text: possessive, and a string that does not end reaches to the end of its line or file.
TOKEN = re.compile(
    r"(?P<skip>\s++|#[^\n]*+|\\\n)"
    r"|(?P<string>[rbfuRBFU]{0,2}+"
    r"(?:\"\"\"(?:[^\"\\]|\\.?|\"(?!\"\"))*+(?:\"\"\"|\Z)|'''(?:[^'\\]|\\.?|'(?!''))*+(?:'''|\Z)"
    r"|\"(?:[^\"\\\n]|\\.)*+\"?|'(?:[^'\\\n]|\\.)*+'?))"
    r"|(?P<number>\.?[0-9][0-9A-Za-z_.]*+)"
    r"|(?P<word>\w++)"
    r"|(?P<sign>.)",
    re.DOTALL,
)
IMPORT = re.compile(r"^[ \t]*(?:import|from)[ \t][^\n]*$", re.MULTILINE)
KEYWORDS = frozenset(keyword.kwlist)


@dataclass(frozen=True, kw_only=True)
class Fingerprints:
    """The fingerprints of one or more sources, as one document.

    Attributes:
        sources: what they were taken from.
        hashes: n hashes, in the order of the tokens.
        starts: n token numbers: where each begins.
        origin: for every token the number of its source, and its line there.
    """

    sources: Sequence[Source]
    hashes: "NDArray[np.uint64]"
    starts: "NDArray[np.int64]"
    origin: "NDArray[np.int64]"

    @cached_property
    def distinct(self) -> "NDArray[np.uint64]":
        """The different hashes, sorted."""
        import numpy as np

        return np.unique(self.hashes)


@dataclass(frozen=True, kw_only=True)
class Stretch:
    """Tokens of one document that are in another as well: from line `first` to `last` of a source, and where there."""

    tokens: int
    source: Source
    first: int
    last: int
    other_source: Source
    other_first: int


@dataclass(frozen=True, kw_only=True)
class Overlap:
    """What of one source is in another document.

    Attributes:
        share: of its fingerprints that count, from 0 to 1.
        stretches: the longest first.
    """

    source: Source
    share: float
    stretches: tuple[Stretch, ...]

    @property
    def tokens(self) -> int:
        """How many of its tokens are in the other document."""
        return sum(stretch.tokens for stretch in self.stretches)


def fingerprints(sources: Sequence[Source]) -> Fingerprints:
    """Take the fingerprints of some sources; none spans two of them."""
    import numpy as np

    hashes, starts, origin, tokens_so_far = [], [], [], 0
    for number, source in enumerate(sources):
        tokens, lines = _tokens(source.text)
        kept, values = _winnowed(tokens)
        hashes.append(values)
        starts.append(kept + tokens_so_far)
        origin.append(np.column_stack([np.full(len(lines), number, dtype=np.int64), np.array(lines, dtype=np.int64)]))
        tokens_so_far += len(tokens)
    return Fingerprints(
        sources=sources,
        hashes=np.concatenate(hashes) if hashes else np.zeros(0, dtype=np.uint64),
        starts=np.concatenate(starts) if starts else np.zeros(0, dtype=np.int64),
        origin=np.concatenate(origin) if origin else np.zeros((0, 2), dtype=np.int64),
    )


def overlap(ours: Fingerprints, theirs: Fingerprints, common: "NDArray[np.uint64]") -> list[Overlap]:
    """Give what of each of our sources is in theirs; nothing for sources of which nothing is.

    Args:
        common: sorted hashes that do not count.
    """
    import numpy as np

    counts = ~np.isin(ours.hashes, common)
    both = counts & np.isin(ours.hashes, theirs.distinct)
    if not both.any():
        return []
    number_of = ours.origin[ours.starts, 0]
    found = []
    for number in np.unique(number_of[both]):
        here = number_of == number
        stretches = [_stretch(ours, theirs, start, end) for start, end in _runs(ours.starts[both & here])]
        found.append(
            Overlap(
                source=ours.sources[number],
                share=float((both & here).sum() / (counts & here).sum()),
                stretches=tuple(sorted(stretches, key=lambda stretch: -stretch.tokens)),
            )
        )
    return found


def in_several(groups: Iterable[Iterable[Fingerprints]]) -> "NDArray[np.uint64]":
    """Give the sorted hashes that are in documents of at least two of the groups."""
    import numpy as np

    sets = [np.unique(np.concatenate([entry.distinct for entry in group])) for group in map(list, groups) if group]
    if not sets:
        return np.zeros(0, dtype=np.uint64)
    hashes, counts = np.unique(np.concatenate(sets), return_counts=True)
    return hashes[counts > 1]


def _runs(starts: "NDArray[np.int64]") -> list[tuple[int, int]]:
    """Join fingerprints that touch or overlap: first token, and the token after the last."""
    import numpy as np

    starts = np.unique(starts)
    breaks = np.flatnonzero(np.diff(starts) > K)
    firsts, lasts = starts[np.r_[0, breaks + 1]], starts[np.r_[breaks, len(starts) - 1]]
    return [(int(first), int(last) + K) for first, last in zip(firsts, lasts, strict=True)]


def _stretch(ours: Fingerprints, theirs: Fingerprints, start: int, end: int) -> Stretch:
    import numpy as np

    value = ours.hashes[np.searchsorted(ours.starts, start)]
    there = int(theirs.starts[np.flatnonzero(theirs.hashes == value)[0]])
    source, first = ours.origin[start]
    _, last = ours.origin[min(end, len(ours.origin)) - 1]
    other, other_first = theirs.origin[there]
    return Stretch(
        tokens=end - start,
        source=ours.sources[source],
        first=int(first),
        last=int(last),
        other_source=theirs.sources[other],
        other_first=int(other_first),
    )


def _tokens(text: str) -> tuple["NDArray[np.uint64]", list[int]]:
    """Give the tokens as hashes of their normal form, and the line of each."""
    import numpy as np

    text = IMPORT.sub("", text)
    values, lines, line, counted = [], [], 1, 0
    after_dot = False
    for found in TOKEN.finditer(text):
        kind = found.lastgroup
        if kind == "skip":
            continue
        line += text.count("\n", counted, found.start())
        counted = found.start()
        written = found.group()
        if kind == "word":
            normal = written if _keeps_its_name(written, text, found.end(), after_dot=after_dot) else "v"
        else:
            normal = written if kind == "sign" else str(kind)
        after_dot = written == "."
        values.append(zlib.crc32(normal.encode("utf-8", "replace")))
        lines.append(line)
    return np.array(values, dtype=np.uint64), lines


def _keeps_its_name(word: str, text: str, end: int, *, after_dot: bool) -> bool:
    return after_dot or word in KEYWORDS or text.startswith("(", end)


def _winnowed(tokens: "NDArray[np.uint64]") -> tuple["NDArray[np.int64]", "NDArray[np.uint64]"]:
    """Give where the kept fingerprints begin, and their hashes."""
    import numpy as np

    count = len(tokens) - K + 1
    if count < 1:
        return np.zeros(0, dtype=np.int64), np.zeros(0, dtype=np.uint64)
    hashes = np.zeros(count, dtype=np.uint64)
    for offset in range(K):  # wraps around, as is meant
        hashes = hashes * np.uint64(BASE) + tokens[offset : offset + count]
    hashes ^= hashes >> np.uint64(31)  # so that the smallest of a window is a matter of chance
    hashes *= np.uint64(0x9E3779B97F4A7C15)
    window = min(WINDOW, count)
    # The last of equal ones, as the paper says, so that the next window keeps the same one.
    views = np.lib.stride_tricks.sliding_window_view(hashes, window)[:, ::-1]
    kept = np.unique(np.arange(len(views)) + window - 1 - views.argmin(axis=1))
    return kept.astype(np.int64), hashes[kept]
