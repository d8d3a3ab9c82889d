"""Every competition of the catalogue, small: what is prepared, what a submission scores, what is refused."""

import itertools
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from core.errors import SubmissionInvalid
from tasks.archives import MODIFIED_SECS, is_archive
from tasks.data import Prepared, prepare
from tasks.registry import COMPETITIONS, Competition, list_competitions, load_competition
from tasks.schema import Source
from tests.competitions.case import Case, all_cases, as_bytes, read_archive, write_files
from tests.competitions.changes import broken, tolerated

CASES = all_cases()
COLUMNS_TO_NAME = 20  # a format with more describes them in other words


@dataclass(frozen=True, kw_only=True)
class Trial:
    """A competition with its small data prepared."""

    case: Case
    competition: Competition
    prepared: Prepared
    answers: pd.DataFrame
    perfect: pd.DataFrame

    def score(self, submission: pd.DataFrame, folder: Path) -> float:
        """Check and grade a table that is written like an agent's."""
        path = folder / "submission.csv"
        submission.to_csv(path, index=False)
        self.competition.check(path, self.prepared.public)
        return self.competition.score(path, self.prepared.public, self.prepared.private)

    def noisy(self) -> pd.DataFrame:
        return self.case.noise(self.perfect, np.random.default_rng(1))


@pytest.fixture(scope="module", params=CASES.values(), ids=list(CASES))
def trial(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Trial:
    case: Case = request.param
    competition = load_competition(case.id, roots=[COMPETITIONS])
    data_dir = tmp_path_factory.mktemp("data")
    write_files(data_dir / case.id / "raw", case.raw)
    prepared = prepare(competition, data_dir, verify=False)  # the known checksums are those of the real data
    answers = _read(prepared.private / competition.answers, competition)
    format = competition.format
    perfect = case.perfect(answers) if case.perfect else answers[[*format.ids, *format.names]]
    return Trial(case=case, competition=competition, prepared=prepared, answers=answers, perfect=perfect)


def _read(path: Path, competition: Competition) -> pd.DataFrame:
    format = competition.format
    texts = {name: "str" for name in format.ids}
    texts |= {
        column.name: "str" for column in (*format.columns, *competition.answer_columns) if not column.kind.numeric
    }
    return pd.read_csv(path, dtype=texts, keep_default_na=False)


def test_each_competition_of_the_catalogue_has_a_case() -> None:
    loaded = [load_competition(name, roots=[COMPETITIONS]) for name in list_competitions([COMPETITIONS])]
    assert {competition.id for competition in loaded if competition.source is Source.KAGGLE} == set(CASES)


def test_prepared_files_are_those_of_the_specification(trial: Trial) -> None:
    folder = trial.prepared.public.parent
    found = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}
    assert found == {*trial.case.prepared, "public/description.md"}


def test_prepared_files_have_the_content_of_the_specification(trial: Trial) -> None:
    folder = trial.prepared.public.parent
    for name, content in trial.case.prepared.items():
        if isinstance(content, Mapping):
            expected = {member: as_bytes(text) for member, text in content.items()}
            assert read_archive(folder / name) == expected, name
        elif callable(content):
            content(folder / name)
        elif content is not None:
            assert (folder / name).read_bytes() == as_bytes(content), name


def test_the_answers_are_nowhere_in_the_public_part(trial: Trial) -> None:
    answers = (trial.prepared.private / trial.competition.answers).read_bytes()
    for path in trial.prepared.public.rglob("*"):
        if is_archive(path):
            assert answers not in read_archive(path).values(), path.name
        elif path.is_file():
            assert path.read_bytes() != answers, path.name


def test_nothing_but_its_bytes_tells_what_a_public_file_is(trial: Trial) -> None:
    """Raw data often comes class by class: neither times nor inodes nor the order in an archive may show its order."""
    raw, public = trial.prepared.public.parent.parent / "raw", trial.prepared.public
    raw_paths = {path.stat().st_ino: path.relative_to(raw) for path in raw.rglob("*") if path.is_file()}
    folders: dict[Path, set[Path]] = {}
    for path in (public, *public.rglob("*")):
        assert path.stat().st_mtime_ns == MODIFIED_SECS * 10**9, path
        if (old := raw_paths.get(path.stat().st_ino)) is not None:
            kept = _common_end(old, path.relative_to(public))
            folders.setdefault(path.parents[kept - 1], set()).add(old.parents[kept - 1])
        elif is_archive(path) and path.name != "train_val2019.tar.gz":  # of which the names tell the species
            members = list(read_archive(path))
            as_it_came = path.read_bytes() in {(raw / old).read_bytes() for old in raw_paths.values()}
            assert as_it_came or members == sorted(members), path
    assert all(len(sources) == 1 for sources in folders.values()), folders


def _common_end(one: Path, other: Path) -> int:
    """How many parts two paths share at their ends."""
    pairs = itertools.takewhile(lambda pair: pair[0] == pair[1], zip(one.parts[::-1], other.parts[::-1], strict=False))
    return len(list(pairs))


def test_the_sample_submission_is_valid(trial: Trial) -> None:
    trial.competition.check_sample(trial.prepared.public)


def test_preparing_leaves_the_raw_data_alone(trial: Trial) -> None:
    raw = trial.prepared.public.parent.parent / "raw"
    found = {path.relative_to(raw).as_posix() for path in raw.rglob("*") if path.is_file()}
    assert found == set(trial.case.raw)


def test_the_perfect_submission_gets_the_best_score(trial: Trial, tmp_path: Path) -> None:
    assert trial.score(trial.perfect, tmp_path) == pytest.approx(trial.case.best, abs=1e-5)


def test_a_noisy_submission_gets_what_the_formula_says(trial: Trial, tmp_path: Path) -> None:
    noisy = trial.noisy()
    score = trial.score(noisy, tmp_path)
    assert score == pytest.approx(trial.case.score(trial.answers, noisy), abs=1e-5)
    assert abs(score - trial.case.best) > 1e-5


def test_harmless_differences_do_not_change_the_score(trial: Trial, tmp_path: Path) -> None:
    noisy = trial.noisy()
    score = trial.score(noisy, tmp_path)
    for name, change in {**tolerated(trial.competition.format), **trial.case.valid}.items():
        assert trial.score(change(noisy), tmp_path) == score, name


def test_broken_submissions_are_refused_with_a_reason(trial: Trial, tmp_path: Path) -> None:
    for name, change in {**broken(trial.competition.format), **trial.case.invalid}.items():
        path = tmp_path / "submission.csv"
        change(trial.perfect).to_csv(path, index=False)
        for reason in _reasons(trial, path):
            assert reason is not None, f"{name}: accepted"
            assert 10 < len(reason) < 500, name
            assert reason.isprintable(), name


@pytest.mark.parametrize("number", ["1e308", "1e300", "-1e150", "1e150", "1e-300"])
def test_no_number_makes_the_grader_fail(trial: Trial, tmp_path: Path, number: str) -> None:
    """It scores, or the submission is at fault: what only the machinery could be blamed for would be tried again."""
    numeric = [column.name for column in trial.competition.format.columns if column.kind.numeric]
    table = trial.perfect.astype(dict.fromkeys(numeric, "object"))
    table.loc[table.index[::2], numeric] = number
    with suppress(SubmissionInvalid):
        assert np.isfinite(trial.score(table, tmp_path))


def _reasons(trial: Trial, path: Path) -> Iterator[str | None]:
    """Why check and score refuse a submission, None where they do not."""
    for judge in (
        lambda: trial.competition.check(path, trial.prepared.public),
        lambda: trial.competition.score(path, trial.prepared.public, trial.prepared.private),
    ):
        try:
            judge()
        except SubmissionInvalid as error:
            yield str(error)
        else:
            yield None


def test_the_description_names_the_files_and_the_columns(trial: Trial) -> None:
    text = (trial.competition.folder / "description.md").read_text(encoding="utf-8")
    entries = {path.name for path in trial.prepared.public.iterdir()} - {"description.md"}
    assert [name for name in sorted(entries) if f"`{name}" not in text] == []
    format = trial.competition.format
    names = [*format.ids, *(format.names if len(format.names) <= COLUMNS_TO_NAME else [])]
    assert [name for name in names if f"`{name}`" not in text] == []


def test_the_description_gives_no_threshold_away(trial: Trial) -> None:
    text = trial.competition.description()
    thresholds = trial.competition.thresholds
    numbers = [str(value) for value in (thresholds.gold, thresholds.silver, thresholds.bronze, thresholds.median)]
    assert [number for number in numbers if len(number) > 5 and number in text] == []
