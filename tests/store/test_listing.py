"""The finished files of a run folder, as strangers see them."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from store.folders import RunFolder
from store.listing import is_key, is_servable, list_files, published_name


def test_files_are_listed_with_the_attempt_that_left_them(tmp_path: Path) -> None:
    for name in ("metadata.json", "tiny_1/run.log", "tiny_1/code/deep/er.py", ".live/x/run.log", ".half"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(name)
    (tmp_path / "tiny_1" / "away").symlink_to("/etc")
    folder = RunFolder(path=tmp_path)
    found = {(file.name, file.attempt, file.within, file.bytes) for file in list_files(folder)}
    assert found == {
        ("metadata.json", None, "metadata.json", 13),
        ("tiny_1/run.log", "tiny_1", "run.log", 14),
        ("tiny_1/code/deep/er.py", "tiny_1", "code/deep/er.py", 22),
    }
    assert published_name(folder, attempt="tiny_1", fence=3, within="run.log") == "tiny_1/run.log"


def test_a_folder_that_is_not_there_has_no_files(tmp_path: Path) -> None:
    assert list(list_files(RunFolder(path=tmp_path / "none"))) == []


@pytest.mark.parametrize(
    "name", ["", "/", "a/", "/a", "a//b", "a/../b", "./a", "..", ".live/x", "a\nb", "a\0", "a\ud800"]
)
def test_what_is_no_plain_relative_name_is_not_served(name: str) -> None:
    assert not is_servable(name)
    assert not is_key(name)


@given(st.text())
def test_what_is_served_stays_below_and_can_be_said_in_utf_8(name: str) -> None:
    if is_servable(name):
        name.encode()
        assert (Path("/runs/run") / name).resolve().is_relative_to("/runs/run")


def test_an_object_has_no_longer_name_than_its_store_takes() -> None:
    assert is_key("ü" * 512)
    assert not is_key("ü" * 513)
