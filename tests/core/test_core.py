"""Errors that help, and files that are whole."""

import json
from pathlib import Path

import pytest

from core.errors import InputError, MlebenchError, UnknownName
from core.files import read_lines, replacing, write_json, write_text
from core.status import Status


def test_an_unknown_name_comes_with_the_nearest_ones() -> None:
    error = UnknownName("competition", "flight-dealys", ["flight-delays", "credit-status"])
    assert str(error) == "unknown competition 'flight-dealys'; did you mean flight-delays?"
    assert isinstance(error, InputError)
    assert isinstance(error, MlebenchError)


def test_without_anything_near_all_are_named() -> None:
    assert str(UnknownName("split", "x", ["dev", "low"])) == "unknown split 'x'; known: dev, low"
    assert str(UnknownName("technique", "x", [])) == "unknown technique 'x'; there is no technique here"


def test_a_file_is_replaced_whole_or_not_at_all(tmp_path: Path) -> None:
    path = tmp_path / "report.json"
    write_text(path, "old")
    with pytest.raises(RuntimeError), replacing(path) as temporary:
        temporary.write_text("half")
        raise RuntimeError
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]
    write_text(path, "new")
    assert path.read_text() == "new"


def test_json_that_nobody_could_read_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "report.json"
    with pytest.raises(ValueError, match="JSON"):
        write_json(path, {"score": float("nan")})
    assert not path.exists()
    write_json(path, {"score": 0.5, "name": "Müller"})
    assert json.loads(path.read_text(encoding="utf-8")) == {"score": 0.5, "name": "Müller"}


def test_lines_keep_their_blanks_and_lose_their_ends(tmp_path: Path) -> None:
    path = tmp_path / "classes.txt"
    path.write_bytes("Fat Hen\r\n\nMaïs \nlast".encode())
    assert read_lines(path) == ("Fat Hen", "Maïs ", "last")


def test_what_says_nothing_about_the_agent_is_known() -> None:
    lost = {status for status in Status if status.lost_to_machinery}
    assert lost == {Status.INFRASTRUCTURE_FAILED, Status.GRADER_FAILED}
