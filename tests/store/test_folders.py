"""An attempt's folder appears whole, and no try's evidence is lost."""

from pathlib import Path

import pytest

from core.errors import InputError
from store.folders import RunFolder, create_run_folder


def a_finished_try(folder: RunFolder, name: str, fence: int, *, text: str) -> None:
    live, out = folder.live(name, fence), folder.out(name, fence)
    live.mkdir(parents=True)
    out.mkdir(parents=True, exist_ok=True)
    (out / "run.log").write_text(text)


def test_publishing_makes_the_folder_and_clears_the_live_one(tmp_path: Path) -> None:
    folder = RunFolder(path=tmp_path)
    a_finished_try(folder, "tiny", 1, text="first")
    assert not (folder.path / "tiny").exists()
    folder.publish("tiny", 1)
    assert ((folder.path / "tiny") / "run.log").read_text() == "first"
    assert not folder.live("tiny", 1).exists()


def test_what_other_tries_left_is_named(tmp_path: Path) -> None:
    folder = RunFolder(path=tmp_path)
    for fence in (1, 2, 3):
        folder.live("tiny", fence).mkdir(parents=True)
    assert folder.earlier_tries("tiny", 3) == [("1", folder.live("tiny", 1)), ("2", folder.live("tiny", 2))]


def test_a_resumed_attempt_keeps_what_was_published_before(tmp_path: Path) -> None:
    folder = RunFolder(path=tmp_path)
    for fence, text in enumerate(("first", "second", "third"), start=1):
        a_finished_try(folder, "tiny", fence, text=text)
        folder.publish("tiny", fence)
    final = folder.path / "tiny"
    assert (final / "run.log").read_text() == "third"
    kept = {path.read_text() for path in (final / "tries").glob("*/run.log")}
    assert kept == {"first", "second"}


def test_two_runs_of_one_second_get_two_folders(tmp_path: Path) -> None:
    first = create_run_folder(tmp_path / "runs", "aide/dev")
    second = create_run_folder(tmp_path / "runs", "aide/dev")
    assert first.path != second.path
    assert first.path.name.endswith("-UTC_run-group_aide-dev")


def test_a_runs_folder_that_is_a_file_is_named(tmp_path: Path) -> None:
    (tmp_path / "runs").write_text("")
    with pytest.raises(InputError, match=r"cannot write to the runs folder .*--runs-dir"):
        create_run_folder(tmp_path / "runs", "dummy")
