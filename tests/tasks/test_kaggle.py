"""Which account is used, where it may be written down, and what Kaggle's answers mean."""

import json
from pathlib import Path

import pytest
import requests
from hypothesis import given, settings
from hypothesis import strategies as st

from core.errors import InputError
from tasks.kaggle import Credentials, explained, find_credentials
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


DATES = st.builds(
    "{}, {:02} {} {} {:02}:{:02}:{:02} {}".format,
    *[
        st.sampled_from(["Wed", "Xyz", ""]),
        st.integers(0, 99),
        st.sampled_from(["Jan", "Dec", "Nix"]),
        st.integers(0, 10**12),
        st.integers(0, 99),
        st.integers(0, 99),
        st.integers(0, 99),
        st.sampled_from(["GMT", "+9999", "EST", ""]),
    ],
)


@given(asked=st.text(max_size=30) | DATES | st.integers().map(str) | st.floats().map(str))
@settings(max_examples=200, deadline=None)
def test_whatever_a_server_asks_for_the_wait_is_a_number_or_none(asked: str) -> None:
    answer = requests.Response()
    answer.status_code = 429
    answer.headers["Retry-After"] = asked
    failure = explained("toy", requests.HTTPError("no", response=answer))
    assert failure.again
    assert failure.wait_secs is None or failure.wait_secs >= 0


@pytest.mark.parametrize(
    "status", [200, 302, 400, 401, 402, 403, 404, 408, 409, 410, 418, 429, 500, 502, 503, 504, 599]
)
def test_each_status_is_final_or_tried_again(status: int) -> None:
    answer = requests.Response()
    answer.status_code = status
    failure = explained("toy", requests.HTTPError("words\nof the server" * 100, response=answer))
    assert failure.again == (status >= 500 or status in (408, 429))
    assert failure.text.startswith("toy: Kaggle ")
    assert "\n" not in failure.text
    assert len(failure.text) < 500


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
