"""Raw files from elsewhere than Kaggle: fetched once, whole or not at all."""

from pathlib import Path

import pytest

from core.errors import DataError
from tasks import further
from tasks.further import fetch_missing
from tests.sdk.scripted_server import Received, Scripted, scripted_server

CONTENT = bytes(range(256)) * 100
CUT = Scripted(body=CONTENT, cut_after=1000)
GONE = Scripted(status=404, body=b"no")


@pytest.fixture
def waits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(further, "WAITS_SECS", (0.0, 0.0))


@pytest.mark.usefixtures("waits")
def test_a_missing_file_is_fetched_and_one_that_is_there_is_not(tmp_path: Path) -> None:
    said: list[str] = []
    (tmp_path / "mine.zip").write_text("mine")
    with scripted_server(lambda _: Scripted(body=CONTENT)) as server:
        files = {"labels.zip": f"{server.url}/labels?download=1", "mine.zip": f"{server.url}/mine"}
        fetch_missing("sounds", files, tmp_path, log=said.append)
        assert server.paths == ["/labels?download=1"]
    assert (tmp_path / "labels.zip").read_bytes() == CONTENT
    assert (tmp_path / "mine.zip").read_text() == "mine"
    assert said == [f"downloading labels.zip from {server.url}/labels?download=1"]


@pytest.mark.usefixtures("waits")
def test_a_download_that_breaks_is_tried_again(tmp_path: Path) -> None:
    answers = [CUT, GONE, Scripted(body=CONTENT)]
    said: list[str] = []
    with scripted_server(lambda _: answers.pop(0)) as server:
        fetch_missing("sounds", {"labels.zip": server.url}, tmp_path, log=said.append)
    assert (tmp_path / "labels.zip").read_bytes() == CONTENT
    assert len(said) == 3 and all("trying again" in line for line in said[1:])


@pytest.mark.usefixtures("waits")
@pytest.mark.parametrize("answer", [CUT, GONE])
def test_what_cannot_be_had_is_named_and_nothing_is_left(tmp_path: Path, answer: Scripted) -> None:
    def same(_: Received) -> Scripted:
        return answer

    with (
        scripted_server(same) as server,
        pytest.raises(DataError, match=rf"labels\.zip of sounds cannot be downloaded from {server.url}/x: .*put it in"),
    ):
        fetch_missing("sounds", {"labels.zip": f"{server.url}/x"}, tmp_path, log=lambda _: None)
    assert list(tmp_path.iterdir()) == []
