"""Log lines name the work they are about, in text and JSON, and show no password."""

import io
import json
import logging
import re
import socket
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from celery import Celery

from worker import logs
from worker.app import connect  # imported with it: Celery's signals that name the jobs
from worker.identity import this_worker
from worker.settings import REPO, Settings, load_settings

URLS = {
    "broker_url": "redis://:hunter2%40home@broker:6379/0",
    "database_url": 'postgresql://me:cor"rect/horse@db/bench',
}


@pytest.fixture(autouse=True)
def nothing_known() -> Iterator[None]:
    logs.end_job()
    yield
    logs.end_job()


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return load_settings(**URLS, api_token="battery-staple", log_format="json", env_file=tmp_path / "none")


class Lines:
    """A logger of a test's own, and what it wrote."""

    def __init__(self, name: str, settings: Settings) -> None:
        self._stream = io.StringIO()
        self.handler = logging.StreamHandler(self._stream)
        self.logger = logging.getLogger(name)
        self.logger.addHandler(self.handler)
        self.logger.setLevel(logging.INFO)
        logs.use_format(self.logger, settings)

    def text(self) -> str:
        return self._stream.getvalue()

    def read(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.text().splitlines()]


@pytest.fixture
def json_lines(settings: Settings) -> Iterator[Lines]:
    lines = Lines("tests.json_lines", settings)
    yield lines
    lines.logger.removeHandler(lines.handler)


@pytest.fixture
def text_lines(settings: Settings) -> Iterator[Lines]:
    lines = Lines("tests.text_lines", settings.model_copy(update={"log_format": "text"}))
    yield lines
    lines.logger.removeHandler(lines.handler)


def test_a_json_line_says_what_where_and_about_what(json_lines: Lines) -> None:
    logs.about(attempt_id="a1", run_id="r1", competition="tiny")
    json_lines.logger.warning("so it %s", "goes", extra={"action": "attempt_taken"})
    [line] = json_lines.read()
    assert line.pop("time").endswith("Z")
    assert line == {
        "level": "WARNING",
        "logger": "tests.json_lines",
        "action": "attempt_taken",
        "message": "so it goes",
        "job": None,
        "attempt_id": "a1",
        "run_id": "r1",
        "competition": "tiny",
        "host": socket.gethostname(),
        "worker": this_worker(),
    }


def test_a_traceback_stays_on_its_line(json_lines: Lines) -> None:
    try:
        raise ValueError("first\nsecond")
    except ValueError:
        json_lines.logger.exception("it\nbroke")
    [line] = json_lines.read()
    assert line["message"] == "it\nbroke"
    assert line["exception"].startswith("Traceback")
    assert line["exception"].endswith("ValueError: first\nsecond")


def test_what_one_thread_works_on_is_not_anothers(json_lines: Lines) -> None:
    logs.about(attempt_id="a1")
    other = threading.Thread(target=json_lines.logger.info, args=("elsewhere",))
    other.start()
    other.join()
    json_lines.logger.info("here")
    assert [(line["message"], line["attempt_id"]) for line in json_lines.read()] == [
        ("elsewhere", None),
        ("here", "a1"),
    ]


def test_text_lines_carry_the_ids_too(text_lines: Lines) -> None:
    text_lines.logger.info("before")
    logs.about(run_id="r1", attempt_id="a1")
    text_lines.logger.info("inside")
    before, inside = text_lines.text().splitlines()
    assert before.partition("Z ")[2] == "INFO before"
    assert inside.partition("Z ")[2] == "INFO attempt_id=a1 run_id=r1: inside"


@pytest.fixture
def app(settings: Settings) -> Iterator[Celery]:
    with connect(settings) as app:
        yield app


def test_celerys_own_lines_about_a_job_carry_its_ids(app: Celery, settings: Settings, json_lines: Lines) -> None:
    """The line `Task run_attempt[...] succeeded` comes after our code has returned."""

    @app.task(name="run_attempt")  # type: ignore[untyped-decorator]
    def job(attempt_id: str) -> None:
        logs.about(run_id="r1", competition="tiny")
        json_lines.logger.info("inside")

    celerys = Lines("celery.app.trace", settings)
    try:
        job.apply(args=("a1",), throw=True)
    finally:
        celerys.logger.removeHandler(celerys.handler)
    json_lines.logger.info("after")
    *ours, after = json_lines.read()
    lines = ours + celerys.read()
    assert len(lines) == 2
    assert "succeeded" in lines[1]["message"]
    named = {"job": "run_attempt", "attempt_id": "a1", "run_id": "r1", "competition": "tiny"}
    assert [{name: line[name] for name in logs.IDS} for line in lines] == [named, named]
    assert after["job"] is after["attempt_id"] is None


def test_a_collecting_job_is_named_by_its_run(app: Celery, json_lines: Lines) -> None:
    @app.task(name="collect")  # type: ignore[untyped-decorator]
    def job(run_id: str) -> None:
        json_lines.logger.info("inside")

    job.apply(args=("r1",), throw=True)
    [line] = json_lines.read()
    assert (line["job"], line["run_id"], line["attempt_id"]) == ("collect", "r1", None)


@pytest.mark.parametrize(
    "said",
    [
        *URLS.values(),
        "hunter2%40home",
        "hunter2@home",  # as it is without its percent-encoding
        'cor"rect/horse',
        "battery-staple",
    ],
)
def test_no_line_shows_a_password(said: str, json_lines: Lines, text_lines: Lines) -> None:
    for lines in (json_lines, text_lines):
        try:
            raise ConnectionError(f"cannot reach {said}")
        except ConnectionError:
            lines.logger.exception("with %s", said)
        shown = lines.text()
        assert "***" in shown
        for part in ("hunter2", "rect/horse", "battery"):
            assert part not in shown
    [line] = json_lines.read()
    assert line["message"].startswith("with ")


def test_where_there_is_no_password_lines_stay_as_they_are(tmp_path: Path) -> None:
    plain = load_settings(broker_url="redis://host/0", database_url="sqlite:////x.db", env_file=tmp_path / "none")
    assert logs.hidden(plain.model_copy(update={"openai_api_key": None, "kaggle_key": None})) == {}


def test_the_document_lists_every_action_that_is_logged() -> None:
    code = "".join(path.read_text() for path in sorted((REPO / "worker").rglob("*.py")))
    logged = set(re.findall(r'"action": "(\w+)"', code.replace(logs.__doc__ or "", "")))
    table = (REPO / "docs" / "watching.md").read_text().partition("| action | when |")[2].partition("\n\n")[0]
    assert set(re.findall(r"`(\w+)`", table)) == logged
