"""A new agent is written whole, under a name that works, and nothing is overwritten."""

import os
from pathlib import Path

import pytest

from agents.registry import load_agent
from scripts import new_agent, submit
from tests.scripts.conftest import Call


def test_what_it_writes_is_an_agent_and_the_next_command_knows_it(call: Call, folder: Path) -> None:
    called = call(new_agent.main, "my-agent", "--in", str(folder))
    assert called.code == 0
    assert called.out == f"python scripts/submit.py --agent {folder}/my-agent --competitions credit-status\n"
    assert called.err == f"wrote {folder}/my-agent; try it with:\n"
    assert [path.name for path in folder.iterdir()] == ["my-agent"]
    agent = load_agent("my-agent/dev", roots=[folder])
    assert agent.arguments() == ["--iterations", "20"]
    assert not agent.network and not agent.secrets()
    written = "".join(path.read_text() for path in agent.folder.iterdir())
    assert "# my-agent" in written and new_agent.PLACEHOLDER not in written
    assert os.access(agent.folder / "start.sh", os.X_OK)
    assert agent.folder.stat().st_mode & 0o777 == 0o755


def test_in_a_folder_of_agents_the_next_command_says_the_id(
    call: Call, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MLEBENCH_AGENTS_PATH", str(folder))
    assert "--agent mine " in call(new_agent.main, "mine", "--in", str(folder)).out
    refused = call(new_agent.main, "dummy", "--in", str(folder))
    assert (refused.code, refused.err) == (2, "error: there is an agent dummy already; choose another name\n")


@pytest.mark.parametrize("name", ["", "../x", "a/b", ".hidden", "my agent", "-x", "a\nb", "é"])
def test_a_name_that_no_agent_may_have_is_refused(call: Call, folder: Path, name: str) -> None:
    called = call(new_agent.main, "--in", str(folder), "--", name)
    assert called.code == 2
    assert "is no name for an agent" in called.err
    assert list(folder.iterdir()) == []


def test_nothing_is_overwritten(call: Call, folder: Path) -> None:
    (folder / "full").mkdir()
    (folder / "full" / "mine.txt").write_text("mine")
    (folder / "empty").mkdir()
    (folder / "file").write_text("mine")
    (folder / "link").symlink_to("nowhere")
    for name in ("full", "empty", "file", "link"):
        called = call(new_agent.main, name, "--in", str(folder))
        assert called.code == 2
        assert f"{folder / name} is there already" in called.err
    assert {path.name for path in folder.rglob("*")} == {"full", "mine.txt", "empty", "file", "link"}


def test_a_place_that_is_none_is_named(call: Call, folder: Path) -> None:
    for place, message in ((folder / "nowhere", "there is no such folder"), (Path("/proc"), "cannot be written")):
        called = call(new_agent.main, "mine", "--in", str(place))
        assert called.code == 2
        assert message in called.err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ("--agent ./nowhere", "there is no folder"),
        ("--agent {folder}", "rename the folder"),
        ("--agent git+http://h/repo", "expected one of git+https, git+ssh, git+file"),
        ("--agent https://h/repo", "expected git+https://host/repo@ref#subdirectory=dir"),
        ("--agent git+file:///nowhere/repo", "does not appear to be a git repository"),
        ("--agent git+https://h/repo@--upload-pack=x", "is no branch, tag or commit"),
        ("--agent dummy --variant ../x", "is not an agent id"),
    ],
)
def test_sources_that_cannot_be_used_are_named_in_one_line(
    call: Call, folder: Path, arguments: str, message: str
) -> None:
    odd = folder / "odd name"
    odd.mkdir()
    given = [part.format(folder=odd) for part in arguments.split()]
    called = call(submit.main, *given, "--competitions", "tiny", "--sandbox", "process")
    assert called.code == 2
    assert message in called.err
    assert called.err.count("\n") == 1
    assert [path.name for path in folder.iterdir()] == ["odd name"]


def test_who_submits_is_told_what_an_agent_from_elsewhere_asks_for(
    call: Call, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    agent = folder / "mine"
    agent.mkdir()
    (agent / "start.sh").write_text("exit 0\n")
    (agent / "agent.yaml").write_text("network: true\nenv_vars: {A: '${{ secrets.B_KEY }}'}\n")
    monkeypatch.setenv("B_KEY", "sesame")
    monkeypatch.setenv("MLEBENCH_BROKER_URL", "redis+socket:///nowhere/redis.sock")  # it gets no further
    called = call(submit.main, "--agent", str(agent), "--competitions", "tiny", "--sandbox", "process")
    assert called.err.splitlines()[0] == f"agent mine from {agent}; it asks for B_KEY, a network"
