"""Which account is used, and where it may be written down."""

import json
from pathlib import Path

import pytest

from core.errors import InputError
from tasks.kaggle import Credentials, find_credentials
from tasks.progress import human, in_lines

PAIR = {"KAGGLE_USERNAME": "bench", "KAGGLE_KEY": "sesame-open"}


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / ".kaggle").mkdir()
    return tmp_path / ".kaggle"


def test_there_may_be_none(home: Path) -> None:
    assert find_credentials({}) is None
    assert find_credentials({"KAGGLE_USERNAME": "bench"}) is None
    home.rmdir()
    assert find_credentials({}) is None


def test_they_are_found_where_the_client_looks_and_in_its_order(home: Path, tmp_path: Path) -> None:
    (home / "kaggle.json").write_text(json.dumps({"username": "filed", "key": "k"}))
    assert find_credentials({}) == Credentials(source=str(home / "kaggle.json"), username="filed", key="k")
    assert find_credentials(PAIR) == Credentials(
        source="KAGGLE_USERNAME and KAGGLE_KEY", username="bench", key="sesame-open"
    )
    (home / "access_token").write_text("filed-token\n")
    assert find_credentials(PAIR) == Credentials(source=str(home / "access_token"), token="filed-token")
    assert find_credentials({**PAIR, "KAGGLE_API_TOKEN": "t"}) == Credentials(source="KAGGLE_API_TOKEN", token="t")
    (tmp_path / "token").write_text("from a file\n")
    assert find_credentials({"KAGGLE_API_TOKEN": str(tmp_path / "token")}) == Credentials(
        source="KAGGLE_API_TOKEN", token="from a file"
    )


def test_another_folder_of_settings_is_looked_into(tmp_path: Path) -> None:
    (tmp_path / "kaggle.json").write_text(json.dumps({"username": "there", "key": "k"}))
    found = find_credentials({"KAGGLE_CONFIG_DIR": str(tmp_path)})
    assert found is not None
    assert found.username == "there"


@pytest.mark.parametrize("text", ["", "{", "[]", "null", '{"username": "bench"}', '{"username": "", "key": ""}', "3"])
def test_a_file_that_holds_none_is_named(home: Path, text: str) -> None:
    (home / "kaggle.json").write_text(text)
    with pytest.raises(InputError, match=r"kaggle.json holds no Kaggle credentials: expected \{\"username\""):
        find_credentials({})


def test_a_file_that_is_no_text_is_named(home: Path) -> None:
    (home / "kaggle.json").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(InputError, match=r"kaggle.json cannot be read"):
        find_credentials({})


def test_a_user_without_a_home_has_what_the_variables_say(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Path, "home", _no_home)
    assert find_credentials({}) is None
    assert find_credentials(PAIR) is not None


def _no_home() -> Path:
    raise RuntimeError("Could not determine home directory.")


def test_a_long_token_is_no_path() -> None:
    found = find_credentials({"KAGGLE_API_TOKEN": "t" * 5000})
    assert found is not None
    assert found.token == "t" * 5000


def test_secrets_are_not_shown() -> None:
    assert "sesame" not in repr(Credentials(source="test", username="bench", key="sesame", token="sesame"))


@pytest.mark.parametrize(
    ("size", "text"),
    [(0, "0 B"), (999, "999 B"), (1000, "1.0 kB"), (999_949, "999.9 kB"), (999_950, "1.0 MB"), (1.5e12, "1.5 TB")],
)
def test_sizes_are_readable(size: float, text: str) -> None:
    assert human(int(size)) == text


def test_progress_in_lines_is_a_line_now_and_then_and_one_at_the_end() -> None:
    lines: list[str] = []
    progress = in_lines(lines.append, every_secs=60)
    for done in range(0, 1_000_001, 1000):
        progress("downloading", done, 1_000_000)
    assert lines == ["downloading: 1.0 MB of 1.0 MB (100%)"]
    often = in_lines(lines.append, every_secs=0)
    often("downloading", 500, 1000)
    often("unpacking", 500, None)
    assert lines[1:] == ["downloading: 500 B of 1.0 kB (50%)", "unpacking: 500 B"]
