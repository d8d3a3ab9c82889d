"""Submissions of different attempts on one competition, compared for copies."""

import hashlib
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import TYPE_CHECKING

from inspection.findings import MOST_EVIDENCE, Degree, Evidence, Finding, excerpt, names
from inspection.predictions import SUBMISSION, Predictions
from inspection.rollouts import Rollout

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

CHECK = "copied submissions"
FEW_VARIED = 20  # rows that differ from the most frequent: fewer make equality a matter of course
# Two models that were trained apart, even of one kind and on the same rows, agree to three or four nines.
NEAR_CORRELATION = 0.99999
EQUAL_WITHIN = 1e-6  # of a column's spread
EQUAL_SHARE = 0.9  # of the rows, those aside that hold a column's most frequent value
LABELS_SHARE = 0.999
FEWEST_ROWS = 100  # for a comparison that is not of identity
LONG_TEXT = 20  # characters: two models seldom write the same ones
SEEDS = "A deterministic agent that ignores its seed hands in the same for every seed."


@dataclass(frozen=True, kw_only=True)
class Submitted:
    """An attempt with its submission."""

    rollout: Rollout
    predictions: Predictions


def copied(submitted: Sequence[Submitted], sample: Predictions | None) -> Iterator[Finding]:
    """Compare the submissions of one competition's attempts, and with the sample submission."""
    groups: dict[str, list[Submitted]] = {}
    for entry in submitted:
        groups.setdefault(entry.predictions.digest, []).append(entry)
    for digest, group in groups.items():
        if sample is not None and digest == sample.digest:
            yield _is_sample(group)
        elif len(group) > 1:
            yield _identical(group, submitted)
    for first, second in combinations([group[0] for group in groups.values()], 2):
        said = near(first.predictions, second.predictions)
        if said is not None:
            yield _near(first, second, said)


def copied_bytes(rollouts: Sequence[Rollout]) -> Iterator[Finding]:
    """Compare submissions that cannot be read as tables, by their bytes."""
    sizes = Counter(rollout.files[SUBMISSION].bytes for rollout in rollouts)
    groups: dict[str, list[Rollout]] = {}
    for rollout in rollouts:
        if sizes[rollout.files[SUBMISSION].bytes] == 1:  # it may be huge, and is like no other
            continue
        with rollout.local(SUBMISSION) as path, path.open("rb") as file:
            groups.setdefault(hashlib.file_digest(file, "sha256").hexdigest(), []).append(rollout)
    for digest, group in groups.items():
        if len(group) > 1:
            yield Finding(
                check=CHECK,
                degree=Degree.NOTE if len({rollout.agent_id for rollout in group}) == 1 else Degree.LOOK,
                competition_id=group[0].competition_id,
                attempts=tuple(rollout.label for rollout in group),
                says="the submission files are the same, byte by byte; they are no tables that could be compared",
                innocent=f"{SEEDS} Files without content are all the same.",
                evidence=_files(group, f"sha256 {digest}"),
            )


def near(first: Predictions, second: Predictions) -> str | None:
    """Say how two submissions that are not the same agree too well; None where they do not."""
    import numpy as np

    if np.array_equal(first.keys, second.keys):
        ours = theirs = np.arange(len(first.keys))
    else:
        _, ours, theirs = np.intersect1d(first.keys, second.keys, return_indices=True)
    if len(ours) < FEWEST_ROWS or min(first.varied, second.varied) < FEW_VARIED:
        return None
    if first.number_names:
        return _near_numbers(first, second, ours, theirs)
    return _near_texts(first, second, ours, theirs)


def _is_sample(group: Sequence[Submitted]) -> Finding:
    return Finding(
        check=CHECK,
        degree=Degree.NOTE,
        competition_id=group[0].rollout.competition_id,
        attempts=tuple(entry.rollout.label for entry in group),
        says="handed in the sample submission",
        innocent="A first valid submission, which the agent never got to improve; or an agent that does nothing else.",
        evidence=_files([entry.rollout for entry in group], f"{group[0].predictions.rows} rows, as in the sample"),
    )


def _identical(group: Sequence[Submitted], submitted: Sequence[Submitted]) -> Finding:
    degree, said, innocent = _weight(group, submitted)
    predictions = group[0].predictions
    return Finding(
        check=CHECK,
        degree=degree,
        competition_id=group[0].rollout.competition_id,
        attempts=tuple(entry.rollout.label for entry in group),
        says=f"the predictions are the same in all {predictions.rows} rows{said}",
        innocent=innocent,
        evidence=_row_places([(entry, 0) for entry in group[:MOST_EVIDENCE]]),
    )


def _weight(group: Sequence[Submitted], submitted: Sequence[Submitted]) -> tuple[Degree, str, str]:
    """Say how much it means that a group's submissions are the same: degree, what to add, the innocent reason."""
    agents = {entry.rollout.agent_id for entry in group}
    if group[0].predictions.varied < FEW_VARIED:
        return Degree.NOTE, ", and nearly all rows are alike", "A constant is what every simple model ends with."
    if len(agents) > 1:
        innocent = "Both agents run the same deterministic program, or the predictions are right in every row."
        return Degree.STRONG, f", from different agents ({names(sorted(agents))})", innocent
    (agent,) = agents
    if len({entry.rollout.agent_hash for entry in group}) > 1:
        return Degree.LOOK, f", from different versions of {agent}", SEEDS
    digests = {entry.predictions.digest for entry in submitted if entry.rollout.agent_id == agent}
    if len(digests) > 1:
        said = f", while other attempts of {agent} differ: it is not deterministic"
        return Degree.LOOK, said, "It found the same model again, or only some of its paths depend on the seed."
    return Degree.NOTE, "", SEEDS


def _near(first: Submitted, second: Submitted, said: str) -> Finding:
    same_agent = first.rollout.agent_id == second.rollout.agent_id
    weak = same_agent or not first.predictions.number_names
    rows = _agreeing_rows(first.predictions, second.predictions)
    return Finding(
        check=CHECK,
        degree=Degree.NOTE if weak else Degree.LOOK,
        competition_id=first.rollout.competition_id,
        attempts=(first.rollout.label, second.rollout.label),
        says=f"the predictions are nearly the same: {said}",
        innocent="The same program with another seed, models without chance in them, or a question that all get right.",
        evidence=_row_places([place for one, other in rows for place in ((first, one), (second, other))]),
    )


def _near_numbers(
    first: Predictions, second: Predictions, ours: "NDArray[np.int64]", theirs: "NDArray[np.int64]"
) -> str | None:
    import numpy as np

    one, other = first.numbers[ours], second.numbers[theirs]
    spread = one.std(axis=0)
    if not (spread > 0).any():
        return None
    correlation = _correlation(one - one.mean(axis=0), other - other.mean(axis=0))
    if correlation >= NEAR_CORRELATION:
        return f"correlation {correlation:.7f} over {len(ours)} rows"
    if first.ranks is not None and second.ranks is not None:
        correlation = _correlation(first.ranks[ours], second.ranks[theirs])
        if correlation >= NEAR_CORRELATION:
            return f"correlation of ranks {correlation:.7f} over {len(ours)} rows"
    usual = np.array([_most_frequent(column) for column in one.T])
    unusual = (one != usual).any(axis=1) | (other != usual).any(axis=1)
    close = np.abs(one - other) <= EQUAL_WITHIN * np.where(spread > 0, spread, 1)
    equal = np.asarray(close.all(axis=1))[unusual]
    if len(equal) < FEWEST_ROWS or equal.mean() < EQUAL_SHARE:
        return None
    return f"{equal.mean():.1%} of {len(equal)} rows equal to {EQUAL_WITHIN:g} of the spread"


def _near_texts(
    first: Predictions, second: Predictions, ours: "NDArray[np.int64]", theirs: "NDArray[np.int64]"
) -> str | None:
    """Compare labels by all rows; texts and run lengths by the rows that hold long ones."""
    import numpy as np

    equal = np.ones(len(ours), dtype=bool)
    long = np.zeros(len(ours), dtype=bool)
    for name, hashes in first.texts.items():
        equal &= hashes[ours] == second.texts[name][theirs]
        for shown, rows in ((first.shown[name], ours), (second.shown[name], theirs)):
            long |= np.array([len(cell) >= LONG_TEXT for cell in shown[rows]])
    if long.sum() >= FEWEST_ROWS:
        share = float(equal[long].mean())
        return f"{share:.1%} of {long.sum()} rows with a long text" if share >= EQUAL_SHARE else None
    share = float(equal.mean())
    return f"{share:.2%} of {len(ours)} rows" if share >= LABELS_SHARE else None


def _correlation(one: "NDArray[np.float64]", other: "NDArray[np.float64]") -> float:
    """Give the correlation over all cells of two tables whose columns are centred; each column counts by its spread."""
    import numpy as np

    with np.errstate(over="ignore", invalid="ignore", divide="ignore"):  # cells may be as large as floats are
        size = np.sqrt((one**2).sum() * (other**2).sum())
        correlation = float((one * other).sum() / size)
    return correlation if np.isfinite(correlation) else 0.0


def _most_frequent(column: "NDArray[np.float64]") -> float:
    import numpy as np

    values, counts = np.unique(column, return_counts=True)
    return float(values[counts.argmax()])


def _agreeing_rows(first: Predictions, second: Predictions) -> list[tuple[int, int]]:
    import numpy as np

    _, ours, theirs = np.intersect1d(first.keys, second.keys, return_indices=True)
    return [(int(one), int(other)) for one, other in zip(ours[:2], theirs[:2], strict=True)]


def _row_places(places: Sequence[tuple[Submitted, int]]) -> tuple[Evidence, ...]:
    """Give the places of sampled rows."""
    return tuple(
        Evidence(
            attempt=entry.rollout.label,
            file=SUBMISSION,
            line=int(entry.predictions.lines[row]),
            excerpt=excerpt(f"{entry.predictions.ids[row]}: {entry.predictions.cell(row)}"),
        )
        for entry, row in places
    )


def _files(rollouts: Sequence[Rollout], text: str) -> tuple[Evidence, ...]:
    return tuple(
        Evidence(attempt=rollout.label, file=SUBMISSION, line=None, excerpt=text)
        for rollout in rollouts[:MOST_EVIDENCE]
    )
