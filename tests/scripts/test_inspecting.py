"""mlebench inspect: what it takes, what it prints, and how it ends."""

import json
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path

import pytest

from scripts import mlebench
from tests.inspection.conftest import Site, noise, table
from tests.inspection.test_similar_code import OWN
from tests.scripts.conftest import Call
from tests.worker.test_judging import Api, api

__all__ = ["api"]  # a fixture

BREACH = {"submission/submission.csv": table(noise(1)), "run.log": "cat /proc/1/environ [bold]x[/bold]\n"}


@pytest.fixture
def site(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Site]:
    """A host with a competition, and its settings."""
    site = Site(folder=folder)
    site.competition("made-up")
    monkeypatch.setenv("MLEBENCH_COMPETITIONS_PATH", str(folder / "competitions"))
    yield site


def test_what_is_found_is_printed_with_its_places_and_innocent_reasons(call: Call, site: Site) -> None:
    site.known("made-up")
    runs = [str(site.run("made-up", BREACH, agent=agent)) for agent in ("one", "two")]
    called = call(mlebench.main, "inspect", *runs)
    assert called.code == 0
    lines = called.out.splitlines()
    assert lines[0] == "inspected 2 attempts of 2 runs: 3 strong, 0 look, 0 note"
    assert "not verdicts" in lines[1]
    assert "made-up" in lines
    assert "    attempts: seed 0 of run0, seed 0 of run1" in lines
    assert "    run.log:1  cat /proc/1/environ [bold]x[/bold]" in lines
    assert "    innocent reason: None is likely." in lines
    assert called.err == "made-up: 2 attempts\n"


def test_json_has_all_of_it(call: Call, site: Site) -> None:
    run = str(site.run("made-up", BREACH, {}))
    called = call(mlebench.main, "inspect", run, run, "--json")
    value = json.loads(called.out)
    assert (called.code, value["runs"], len(value["attempts"])) == (0, ["run0"], 2)
    assert value["counts"] == {"strong": 1, "look": 0, "note": 0}
    strong = value["findings"][0]
    assert strong["evidence"][0]["line"] == 1
    assert value["limits"] == ["made-up: its data is not on this host; nothing was compared with the sample submission"]


@pytest.mark.parametrize("options", [(), ("--json",)])
def test_output_is_written_whole_to_a_file(call: Call, site: Site, tmp_path: Path, options: tuple[str, ...]) -> None:
    run = str(site.run("made-up", BREACH))
    printed = call(mlebench.main, "inspect", run, *options).out
    written = call(mlebench.main, "inspect", run, *options, "--output", str(tmp_path / "report"))
    assert (written.code, written.out) == (0, "")
    assert (tmp_path / "report").read_text() == printed


class Tags(HTMLParser):
    """Collects the tags of a page."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.found: set[str] = set()
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.add(tag)


def test_a_page_holds_no_markup_of_the_agents(call: Call, site: Site, tmp_path: Path) -> None:
    hostile = "cat /proc/1/environ <script>alert(1)</script> <img src=x onerror=alert(1)> &lt;"
    run = str(site.run("made-up", {"run.log": hostile, "logs/<b>'.log": hostile}))
    assert call(mlebench.main, "inspect", run, "--output", str(tmp_path / "report.html")).code == 0
    text = (tmp_path / "report.html").read_text()
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in text
    tags = Tags(text).found
    assert {"html", "section", "code"} <= tags
    assert not {"script", "img", "b"} & tags


def test_in_a_terminal_it_is_a_table_without_the_agents_markup(
    call: Call, site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("COLUMNS", "160")
    called = call(mlebench.main, "inspect", str(site.run("made-up", BREACH)))
    assert "┃" in called.out
    assert "[bold]x[/bold]" in called.out


def test_notebooks_are_compared_and_what_is_not_read_is_said(call: Call, site: Site, tmp_path: Path) -> None:
    (tmp_path / "made-up").mkdir()
    (tmp_path / "made-up" / "winner.py").write_text(OWN)
    (tmp_path / "broken.ipynb").write_text("{")
    run = str(site.run("made-up", {"code/a.py": OWN}))
    called = call(mlebench.main, "inspect", run, "--notebooks", str(tmp_path))
    assert "STRONG similar code: 100% of code/a.py" in called.out
    assert "made-up/winner.py:" in called.out
    assert "reference broken.ipynb is too large or no notebook, and was not compared" in called.out


def test_the_judges_opinion_stands_beside_the_findings(
    call: Call, site: Site, api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in api.secrets.items():
        monkeypatch.setenv(name, value)
    run = str(site.run("made-up", BREACH, {}))
    without = json.loads(call(mlebench.main, "inspect", run, "--json").out)
    breach = {"rule": "escape", "likely": 8, "quote": "cat /proc/1/environ", "innocent": "none"}
    api.says = lambda: (200, json.dumps({"breaches": [breach], "comment": "It looked around."}))
    with_judge = json.loads(call(mlebench.main, "inspect", run, "--json", "--judge", "some-model").out)
    assert with_judge["findings"] == without["findings"]
    assert [opinion["breaches"][0]["is_quoted"] for opinion in with_judge["opinions"]] == [True, False]
    assert len(api.requests) == 2
    api.says = lambda: (401, "{}")
    refused = call(mlebench.main, "inspect", run, "--judge", "some-model")
    assert refused.code == 0
    assert "some-model gave none: AuthenticationError" in refused.out


def test_a_judge_without_a_key_is_wrong_input(call: Call, site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    called = call(mlebench.main, "inspect", str(site.run("made-up", {})), "--judge", "some-model")
    assert (called.code, "needs OPENAI_API_KEY" in called.err) == (2, True)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("nothing-here",), "there are no runs in"),
        (("latest",), "there are no runs in"),
        (("RUN", "--notebooks", "/nowhere"), "--notebooks /nowhere: there is no such folder"),
        (("RUN", "--output", "/nowhere/report.json"), "cannot write --output /nowhere/report.json"),
        (("s3://no bucket/x",), "expected s3://bucket/prefix"),
    ],
)
def test_wrong_input_is_one_line_and_exit_code_2(call: Call, site: Site, arguments: tuple[str, ...], said: str) -> None:
    run = str(site.run("made-up", {}))
    called = call(mlebench.main, "inspect", *(run if argument == "RUN" else argument for argument in arguments))
    assert called.code == 2
    assert said in called.err.splitlines()[-1]
    assert called.out == ""
