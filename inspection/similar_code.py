"""Code compared with reference notebooks that the user has, and with the code of other agents' attempts."""

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path
from typing import TYPE_CHECKING

from core.errors import InputError
from inspection.code import is_code, read_source
from inspection.findings import MOST_EVIDENCE, Degree, Evidence, Finding, excerpt
from inspection.rollouts import Rollout
from inspection.winnow import Fingerprints, Stretch, fingerprints, in_several, shared

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

CHECK = "similar code"
# A share of an attempt's fingerprints, and tokens that they cover. A line of Python has about ten tokens.
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
        for notebook in notebooks:
            if notebook.competition_id in (None, entry.rollout.competition_id):
                yield from _with_notebook(entry, notebook, common)
    for first, second in combinations(written, 2):
        if first.rollout.agent_id != second.rollout.agent_id:
            yield from _with_other_agent(first, second, common)
    yield from _of_one_agent(written, common)


def _with_notebook(entry: Written, notebook: Notebook, common: "NDArray[np.uint64]") -> Iterator[Finding]:
    share, tokens, stretches = shared(entry.prints, notebook.prints, common)
    degree = _degree(share, tokens, stretches)
    if degree is not None:
        yield Finding(
            check=CHECK,
            degree=degree,
            competition_id=entry.rollout.competition_id,
            attempts=(entry.rollout.label,),
            says=f"{share:.0%} of the attempt's code, {tokens} tokens, is in the reference {excerpt(notebook.name)}",
            innocent="A well-known way to do this, which the model learned from public notebooks.",
            evidence=_evidence(entry.rollout.label, None, stretches),
        )


def _with_other_agent(first: Written, second: Written, common: "NDArray[np.uint64]") -> Iterator[Finding]:
    share, tokens, stretches = shared(first.prints, second.prints, common)
    degree = _degree(share, tokens, stretches)
    if degree is not None:
        yield Finding(
            check=CHECK,
            degree=degree,
            competition_id=first.rollout.competition_id,
            attempts=(first.rollout.label, second.rollout.label),
            says=f"{share:.0%} of the first attempt's code, {tokens} tokens, is in that of another agent "
            f"({first.rollout.agent_id} and {second.rollout.agent_id})",
            innocent="Both agents bring the same template or library with them, or ask the same model.",
            evidence=_evidence(first.rollout.label, second.rollout.label, stretches),
        )


def _of_one_agent(written: Sequence[Written], common: "NDArray[np.uint64]") -> Iterator[Finding]:
    """One note for each agent whose attempts on a competition have the same code."""
    agents: dict[str, list[Written]] = {}
    for entry in written:
        agents.setdefault(entry.rollout.agent_id, []).append(entry)
    for agent, entries in agents.items():
        first, *others = entries
        compared = {other.rollout.label: shared(first.prints, other.prints, common) for other in others}
        same = {
            label: found[2]
            for label, found in compared.items()
            if found[0] >= SAME_AGENT_SHARE and found[1] >= LOOK_TOKENS
        }
        if same:
            label, stretches = next(iter(same.items()))
            yield Finding(
                check=CHECK,
                degree=Degree.NOTE,
                competition_id=first.rollout.competition_id,
                attempts=(first.rollout.label, *same),
                says=f"attempts of {agent} have the same code",
                innocent="The agent brings its program with it, or its model answers the same question alike.",
                evidence=_evidence(first.rollout.label, label, stretches)[:2],
            )


def _degree(share: float, tokens: int, stretches: Sequence[Stretch]) -> Degree | None:
    if share >= STRONG_SHARE and tokens >= STRONG_TOKENS:
        return Degree.STRONG
    if (share >= LOOK_SHARE and tokens >= LOOK_TOKENS) or (stretches and stretches[0].tokens >= LONG_STRETCH):
        return Degree.LOOK
    return None


def _evidence(ours: str, theirs: str | None, stretches: Iterable[Stretch]) -> tuple[Evidence, ...]:
    found = []
    for stretch in list(stretches)[: MOST_EVIDENCE // 2]:
        file, line = stretch.source.place(stretch.first)
        lines = stretch.last - stretch.first + 1
        text = f"{lines} lines from here: {stretch.source.line(stretch.first)}"
        found.append(Evidence(attempt=ours, file=file, line=line, excerpt=excerpt(text)))
        file, line = stretch.other_source.place(stretch.other_first)
        text = stretch.other_source.line(stretch.other_first)
        found.append(Evidence(attempt=theirs, file=file, line=line, excerpt=excerpt(text)))
    return tuple(found)
