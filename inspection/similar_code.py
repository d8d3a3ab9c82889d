"""Code compared with reference notebooks that the user has, and with the code of other agents' attempts."""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path
from typing import TYPE_CHECKING

from core.errors import InputError
from inspection.code import is_code, read_source
from inspection.findings import MOST_EVIDENCE, Degree, Evidence, Finding, excerpt
from inspection.rollouts import Rollout
from inspection.winnow import Fingerprints, Overlap, fingerprints, in_several, overlap

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

CHECK = "similar code"
# A share of a file's fingerprints, and tokens that they cover. A line of Python has about ten tokens.
STRONG_SHARE, STRONG_TOKENS = 0.5, 300
LOOK_SHARE, LOOK_TOKENS = 0.2, 120
LONG_STRETCH = 150  # tokens in a row that ask for a look whatever their share is
SAME_AGENT_SHARE = 0.8
MOST_NOTEBOOKS = 5_000


@dataclass(frozen=True, kw_only=True)
class Notebook:
    """A reference: for one competition, or for all (None)."""

    name: str
    competition_id: str | None
    prints: Fingerprints


@dataclass(frozen=True, kw_only=True)
class Written:
    """An attempt's code."""

    rollout: Rollout
    prints: Fingerprints


def read_notebooks(folder: Path, competitions: Collection[str]) -> tuple[list[Notebook], list[str]]:
    """Read the references in a folder: notebooks and other code, at any depth.

    Args:
        folder: its subfolders that are named as competitions hold what counts for these only.
        competitions: ids.

    Returns:
        The references, and what was not read, as sentences.

    Raises:
        InputError: there is no such folder, or no code in it.
    """
    if not folder.is_dir():
        raise InputError(f"--notebooks {folder}: there is no such folder; expected one with .ipynb or .py files")
    paths = sorted(path for path in folder.rglob("*") if is_code(path.name) and path.is_file())
    if not paths:
        raise InputError(f"--notebooks {folder}: no .ipynb or .py file is in it")
    found, limits = [], []
    for path in paths[:MOST_NOTEBOOKS]:
        name = path.relative_to(folder).as_posix()
        source = read_source(path, name)
        if source is None:
            limits.append(f"reference {name} is too large or no notebook, and was not compared")
            continue
        first = name.split("/", 1)[0]
        found.append(
            Notebook(
                name=name,
                competition_id=first if "/" in name and first in competitions else None,
                prints=fingerprints([source]),
            )
        )
    if len(paths) > MOST_NOTEBOOKS:
        limits.append(f"of {len(paths)} references the first {MOST_NOTEBOOKS} were compared")
    return found, limits


def commonplace(written: Sequence[Written], notebooks: Sequence[Notebook]) -> "NDArray[np.uint64]":
    """Give the hashes that say nothing: found for two different competitions, by agents or in references.

    References that count for all competitions have no say in this.
    """
    import numpy as np

    groups: dict[str, list[Fingerprints]] = {}
    for entry in written:
        groups.setdefault(entry.rollout.competition_id, []).append(entry.prints)
    theirs: dict[str, list[Fingerprints]] = {}
    for notebook in notebooks:
        if notebook.competition_id is not None:
            theirs.setdefault(notebook.competition_id, []).append(notebook.prints)
    return np.union1d(in_several(groups.values()), in_several(theirs.values()))


def similar_code(
    written: Sequence[Written], notebooks: Sequence[Notebook], common: "NDArray[np.uint64]"
) -> Iterator[Finding]:
    """Compare the code of one competition's attempts with references and with each other."""
    for entry in written:
        competition_id = entry.rollout.competition_id
        references = [notebook for notebook in notebooks if notebook.competition_id in (None, competition_id)]
        yield from _with_references(entry, references, common)
    agents: dict[str, list[Written]] = {}
    for entry in written:
        agents.setdefault(entry.rollout.agent_id, []).append(entry)
    for first, second in combinations(agents.values(), 2):
        yield from _with_other_agent(first, second, common)
    for entries in agents.values():
        yield from _of_one_agent(entries, common)


def _with_references(entry: Written, references: Sequence[Notebook], common: "NDArray[np.uint64]") -> Iterator[Finding]:
    """One finding for an attempt, which names the references that most of its code is in."""
    matches = [
        (match, notebook.name)
        for notebook in references
        if (match := _match(entry.prints, notebook.prints, common)) is not None
    ]
    if not matches:
        return
    matches.sort(key=lambda found: found[0].order, reverse=True)
    best, name = matches[0]
    others = f", and parts of the code are in {len(matches) - 1} more references" if len(matches) > 1 else ""
    yield Finding(
        check=CHECK,
        degree=best.degree,
        competition_id=entry.rollout.competition_id,
        attempts=(entry.rollout.label,),
        says=f"{best.says} is in the reference {excerpt(name)}{others}",
        innocent="A well-known way to do this, which the model learned from public notebooks.",
        evidence=tuple(place for match, _ in matches[:3] for place in _evidence(match, entry.rollout.label, None))[
            :MOST_EVIDENCE
        ],
    )


def _with_other_agent(
    first: Sequence[Written], second: Sequence[Written], common: "NDArray[np.uint64]"
) -> Iterator[Finding]:
    """One finding for two agents, about those of their attempts that have most in common."""
    matches = [
        (match, one.rollout, other.rollout)
        for one in first
        for other in second
        if (match := _match(one.prints, other.prints, common)) is not None
    ]
    if not matches:
        return
    best, one, other = max(matches, key=lambda found: found[0].order)
    labels = dict.fromkeys(rollout.label for _, *rollouts in matches for rollout in rollouts)
    yield Finding(
        check=CHECK,
        degree=best.degree,
        competition_id=one.competition_id,
        attempts=tuple(labels),
        says=f"{best.says} by {one.agent_id} is in the code of another agent, {other.agent_id}",
        innocent="Both agents bring the same template or library with them, or ask the same model.",
        evidence=_evidence(best, one.label, other.label),
    )


def _of_one_agent(entries: Sequence[Written], common: "NDArray[np.uint64]") -> Iterator[Finding]:
    """One note for an agent whose attempts on a competition have the same code."""
    first, *others = entries
    same = {}
    for other in others:
        match = _match(first.prints, other.prints, common)
        if match is not None and match.overlap.share >= SAME_AGENT_SHARE:
            same[other.rollout.label] = match
    if same:
        label, match = next(iter(same.items()))
        yield Finding(
            check=CHECK,
            degree=Degree.NOTE,
            competition_id=first.rollout.competition_id,
            attempts=(first.rollout.label, *same),
            says=f"attempts of {first.rollout.agent_id} have the same code",
            innocent="The agent brings its program with it, or its model answers the same question alike.",
            evidence=_evidence(match, first.rollout.label, label)[:2],
        )


@dataclass(frozen=True, kw_only=True)
class _Match:
    """The file of an attempt that has most in common with another document."""

    degree: Degree
    overlap: Overlap

    @property
    def order(self) -> tuple[int, int]:
        return self.degree.rank, self.overlap.tokens

    @property
    def says(self) -> str:
        return f"{self.overlap.share:.0%} of {excerpt(self.overlap.source.file)}, {self.overlap.tokens} tokens,"


def _match(ours: Fingerprints, theirs: Fingerprints, common: "NDArray[np.uint64]") -> _Match | None:
    found = [
        _Match(degree=degree, overlap=entry)
        for entry in overlap(ours, theirs, common)
        if (degree := _degree(entry)) is not None
    ]
    return max(found, key=lambda match: match.order, default=None)


def _degree(entry: Overlap) -> Degree | None:
    if entry.share >= STRONG_SHARE and entry.tokens >= STRONG_TOKENS:
        return Degree.STRONG
    if (entry.share >= LOOK_SHARE and entry.tokens >= LOOK_TOKENS) or entry.stretches[0].tokens >= LONG_STRETCH:
        return Degree.LOOK
    return None


def _evidence(match: _Match, ours: str, theirs: str | None) -> tuple[Evidence, ...]:
    found = []
    for stretch in match.overlap.stretches[: MOST_EVIDENCE // 2]:
        file, line = stretch.source.place(stretch.first)
        lines = stretch.last - stretch.first + 1
        text = f"{lines} lines from here: {stretch.source.line(stretch.first)}"
        found.append(Evidence(attempt=ours, file=file, line=line, excerpt=excerpt(text)))
        file, line = stretch.other_source.place(stretch.other_first)
        text = stretch.other_source.line(stretch.other_first)
        found.append(Evidence(attempt=theirs, file=file, line=line, excerpt=excerpt(text)))
    return tuple(found)
