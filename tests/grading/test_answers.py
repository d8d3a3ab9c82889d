"""An answer file may be anything: what is read of it, and that nothing in it is an error."""

import json
import os
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.errors import SubmissionInvalid
from grading import answers
from grading.answers import choice, excerpt, flag, name, named, names, number, read_answer

SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20)
VALUES = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner), max_leaves=12
)


def written(tmp_path: Path, content: bytes) -> Path:
    path = tmp_path / "cv_analysis.json"
    path.write_bytes(content)
    return path


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "not JSON"),
        (b"nonsense " * 1000, "not JSON"),
        (b"[1, 2]", "a list"),
        (b"null", "null"),
        (b"3", "a number"),
        (b'"text"', "a text"),
        (b"\xff\xfe\x00", "not UTF-8"),
        (b"[" * 200_000, "nested too deeply"),
        (b'{"a":' * 200_000, "nested too deeply"),
        (b'{"a": ' + b"9" * 10_000 + b"}", "not JSON"),
    ],
)
def test_what_is_no_object_is_refused_in_one_line(tmp_path: Path, content: bytes, reason: str) -> None:
    with pytest.raises(SubmissionInvalid, match=reason) as caught:
        read_answer(written(tmp_path, content))
    assert "\n" not in str(caught.value)


def test_a_file_that_is_too_large_is_not_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(answers, "MAX_BYTES", 100)
    with pytest.raises(SubmissionInvalid, match="at most 100"):
        read_answer(written(tmp_path, b'{"a": "' + b"x" * 100 + b'"}'))


def test_links_pipes_folders_and_missing_files_are_refused(tmp_path: Path) -> None:
    secret = written(tmp_path, b'{"a": 1}')
    link = tmp_path / "link.json"
    link.symlink_to(secret)
    os.mkfifo(tmp_path / "pipe.json")
    for path in (link, tmp_path / "pipe.json", tmp_path, tmp_path / "missing.json"):
        with pytest.raises(SubmissionInvalid):
            read_answer(path)


def test_keys_match_without_regard_to_case_and_a_bom_does_not_matter(tmp_path: Path) -> None:
    assert read_answer(written(tmp_path, b'\xef\xbb\xbf{"Severity ": "x"}')) == {"severity": "x"}


def test_numbers_may_be_texts() -> None:
    assert [number(value) for value in ("12", " 12.50 %", "1,200", "-3e2", 7, 2.5)] == [12, 12.5, 1200, -300, 7, 2.5]
    assert [number(value) for value in (True, "NaN", float("inf"), "1e9999", 10**400, "12 rows", None, [1])] == [
        None
    ] * 8


def test_names_flags_and_choices_are_read_leniently() -> None:
    assert (name(1.0), name("1.0"), name(" A "), name(None)) == ("1", "1", "a", "")
    assert names({"A": 1, "b": 2}) == ["a", "b"]
    assert names("x") == ["x"]
    assert names(3) == []
    assert [flag(value) for value in (True, "Yes", "false", 0, 1, "perhaps", None)] == [
        *(True, True, False, False, True),
        *(None, None),
    ]
    assert choice("Class-Weights", ("none", "class_weights")) == "class_weights"
    assert choice(["none"], ("none",)) is None


@settings(max_examples=150, deadline=None)
@given(VALUES)
def test_any_value_is_read_and_shown_without_an_error(value: object) -> None:
    number(value), flag(value), name(value), names(value), named(value), choice(value, ("a", "b"))
    json.dumps(excerpt(value), allow_nan=False).encode()


def test_what_a_report_shows_stays_small() -> None:
    huge = {str(i): ["x" * 10_000] * 1000 for i in range(1000)}
    assert len(json.dumps(excerpt(huge))) < 500_000
    assert excerpt("\ud800") == "?"
    assert excerpt(10**2000) == "a very large number"
