"""Splits are text files; whatever is wrong with one is named with its line."""

from pathlib import Path

import pytest

from core.errors import InputError, UnknownName
from tasks.registry import competition_roots
from tasks.splits import list_splits, load_split

ROOTS = competition_roots(None)


@pytest.fixture
def split_file(tmp_path: Path) -> Path:
    return tmp_path / "mine.txt"


def test_the_dev_split_has_six_competitions() -> None:
    split = load_split("dev", roots=ROOTS)
    assert split.name == "dev"
    assert sorted(split.competitions) == [
        "credit-status",
        "diamond-prices",
        "flight-delays",
        "food-reviews",
        "handwritten-digits",
        "job-classes",
    ]


def test_every_split_of_the_repository_loads() -> None:
    for name in list_splits():
        assert load_split(name, roots=ROOTS).competitions


@pytest.mark.parametrize(
    "text",
    [
        "job-classes\ndiamond-prices\n",
        "# mine\n\njob-classes # small\n\tdiamond-prices#big",
        "\ufeffjob-classes\r\ndiamond-prices\r\n",
    ],
)
def test_a_file_is_read_in_its_order_without_comments(text: str, split_file: Path) -> None:
    split_file.write_bytes(text.encode())
    split = load_split(str(split_file), roots=ROOTS)
    assert (split.name, split.competitions) == ("mine", ("job-classes", "diamond-prices"))


def test_competitions_of_further_roots_may_be_named(split_file: Path, tmp_path: Path) -> None:
    (tmp_path / "roots" / "mine").mkdir(parents=True)
    (tmp_path / "roots" / "mine" / "competition.yaml").touch()
    split_file.write_text("mine\n")
    assert load_split(str(split_file), roots=[*ROOTS, tmp_path / "roots"]).competitions == ("mine",)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "is empty"),
        (b"# nothing\n\n", "is empty"),
        (b"job-classes\n\njob-classes\n", "line 3: 'job-classes' stands already in line 1"),
        (b"job-classes\ndiamond-prices,\n", "line 2: stray character ','"),
        (b"job-classes diamond-prices\n", "line 1: stray character ' '"),
        (b"job-classes\xc2\xa0\n", r"line 1: stray character '\\xa0'"),
        (b"../job-classes\n", "line 1: stray character '.'"),
        (b"job-classes\ndiamond-price\n", "line 2: unknown competition 'diamond-price'; did you mean diamond-prices"),
        (b"\xff\xfe\n", "cannot be read as UTF-8"),
    ],
)
def test_a_wrong_file_is_refused(content: bytes, message: str, split_file: Path) -> None:
    split_file.write_bytes(content)
    with pytest.raises(InputError, match=message):
        load_split(str(split_file), roots=ROOTS)


def test_an_unknown_split_gets_the_nearest_names() -> None:
    with pytest.raises(UnknownName, match="unknown split 'dve'; did you mean dev"):
        load_split("dve", roots=ROOTS)


@pytest.mark.parametrize("name", ["../splits/dev", "", "."])
def test_a_name_never_reaches_outside_the_folder(name: str) -> None:
    with pytest.raises(UnknownName):
        load_split(name, roots=ROOTS)


def test_a_path_without_a_file_is_named(split_file: Path) -> None:
    with pytest.raises(InputError, match=r"there is no split file .*mine.txt"):
        load_split(str(split_file), roots=ROOTS)
