"""Each wrong input gets one clear line and exit code 2, and leaves nothing behind."""

from pathlib import Path

import pytest

from scripts import cancel, collect, mlebench, status, submit
from tests.scripts.conftest import Call


def lines(text: str) -> list[str]:
    return text.strip().splitlines()


SPLITS = {
    "empty": "# nothing\n",
    "twice": "tiny\ntiny\n",
    "stray": "tiny;\n",
    "unknown": "tyni\n",
}


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ("--split nope", "unknown split 'nope'; known:"),
        ("--split {folder}/missing.txt", "there is no split file"),
        ("--split {splits}/empty.txt", "is empty"),
        ("--split {splits}/twice.txt", "line 2: 'tiny' stands already in line 1"),
        ("--split {splits}/stray.txt", "line 1: stray character ';'"),
        ("--split {splits}/unknown.txt", "line 1: unknown competition 'tyni'; did you mean tiny?"),
        ("--competitions credit-statu", "unknown competition 'credit-statu'; did you mean credit-status?"),
        ("--agent basline", "unknown agent 'basline'; did you mean baseline"),
        ("--techniques imbalanse", "unknown technique 'imbalanse'"),
        ("--seeds 0", "--seeds 0: expected a whole number from 1 to 10000"),
        ("--seeds -3", "--seeds -3: expected"),
        ("--time-limit 0", "--time-limit 0: expected seconds greater than 0"),
        ("--workers 0", "MLEBENCH_WORKERS=0: expected"),
        ("--sandbox podman", "unknown sandbox 'podman'"),
        ("--competitions tiny --seeds 1000000000", "--seeds 1000000000: expected a whole number from 1 to 10000"),
        ("--competitions tiny --priority 99999999999999999999", "expected a whole number within 1000000 of 0"),
        (
            "--competitions tiny --workers 1000000",
            "1000000 attempts at a time (--workers, MLEBENCH_WORKERS) would have",
        ),
        ("--competitions ,", "--competitions ',': expected names with commas between them"),
        ("--competitions tiny --techniques=", "--techniques '': expected names with commas between them"),
        ("--competitions tiny --agent talker", "agent talker needs TALKER_MODEL_KEY"),
        ("--competitions tiny --agent caller", "agent caller needs OPENAI_API_KEY"),
        ("--data-dir /dev/null/data", "the data folder /dev/null/data cannot be made: /dev/null is a file"),
        ("--runs-dir /dev/null/runs", "the runs folder /dev/null/runs cannot be made: /dev/null is a file"),
        ("--runs-dir /proc/x", "the runs folder /proc/x cannot be made: /proc is on no disk"),
        ("--lite --split dev", "--lite means --split low"),
        ("--resume latest", "no runs"),
        ("--resume latest --max-cost 3 --time-limit 60", "leave out --time-limit, --max-cost"),
    ],
)
def test_submit(call: Call, folder: Path, tmp_path: Path, arguments: str, message: str) -> None:
    splits = tmp_path / "splits"
    splits.mkdir()
    for name, text in SPLITS.items():
        (splits / f"{name}.txt").write_text(text)
    called = call(submit.main, *arguments.format(folder=folder, splits=splits).split())
    assert called.code == 2, called.err
    assert message in called.err
    assert len(lines(called.err)) == 1
    assert called.out == ""
    left = [path for path in folder.rglob("*") if path.is_file()]
    assert left == [] or "--resume" in arguments


@pytest.mark.parametrize(
    ("files", "message"),
    [
        ({"agent.yaml": "start: start.sh\n"}, "agent mine has no start.sh"),
        ({"agent.yaml": "start: [\n", "start.sh": ""}, "agent.yaml"),
        ({"agent.yaml": "strat: start.sh\n", "start.sh": ""}, "strat"),
        ({"agent.yaml": "start: ../start.sh\n", "start.sh": ""}, "../start.sh"),
    ],
)
def test_submit_with_a_broken_agent(
    call: Call, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, files: dict[str, str], message: str
) -> None:
    mine = tmp_path / "agents" / "mine"
    mine.mkdir(parents=True)
    for name, text in files.items():
        (mine / name).write_text(text)
    monkeypatch.setenv("MLEBENCH_AGENTS_PATH", str(tmp_path / "agents"))
    called = call(submit.main, "--agent", "mine", "--competitions", "tiny", "--sandbox", "process")
    assert called.code == 2
    assert message in called.err
    assert len(lines(called.err)) == 1
    assert list(folder.iterdir()) == []


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("MLEBENCH_TIME_LIMIT_SECS", "soon", "MLEBENCH_TIME_LIMIT_SECS=soon: expected"),
        ("MLEBENCH_DATABASE_URL", "mysql://localhost/x", "database 'mysql' is not supported"),
        ("MLEBENCH_BROKER_URL", "http://localhost", "MLEBENCH_BROKER_URL"),
        ("MLEBENCH_MIN_FREE_DISK_GB", "1000000000", "nearly full"),
        ("MLEBENCH_AGENTS_PATH", "/nowhere", "MLEBENCH_AGENTS_PATH names /nowhere"),
        ("MLEBENCH_COMPETITIONS_PATH", "/nowhere", "/nowhere"),
    ],
)
def test_submit_with_a_wrong_setting(
    call: Call, folder: Path, monkeypatch: pytest.MonkeyPatch, name: str, value: str, message: str
) -> None:
    monkeypatch.setenv(name, value)
    called = call(submit.main, "--agent", "dummy", "--split", "dev", "--sandbox", "process")
    assert called.code == 2
    assert message in called.err
    assert len(lines(called.err)) == 1
    assert list(folder.iterdir()) == []


def test_submit_where_the_socket_path_would_be_too_long(
    call: Call, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    long = tmp_path / ("long" * 30)
    long.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(long))
    called = call(submit.main, "--agent", "solver", "--competitions", "tiny", "--sandbox", "process")
    assert called.code == 2
    assert "too long for a socket" in called.err


@pytest.mark.parametrize("main", [status.main, cancel.main, collect.main])
def test_commands_about_a_run_that_is_not_there(call: Call, folder: Path, main: object) -> None:
    called = call(main, "latest")
    assert called.code == 2
    assert "there are no runs in" in called.err
    assert list(folder.iterdir()) == []


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ("prepare", "expected one of -c ID, --split NAME, --lite, --all or --list FILE"),
        ("prepare -c tiny --all", "expected one of"),
        ("prepare -c tiny --jobs 0", "--jobs 0: expected a whole number of at least 1"),
        ("prepare -c tiny --data-dir /dev/null/data", "the data folder /dev/null/data cannot be written"),
        ("preflight", "expected one of -c ID"),
        ("preflight --split nope", "unknown split 'nope'"),
        ("preflight -c tiny --data-dir /dev/null/data", "the data folder /dev/null/data cannot be written"),
        ("list --split nope", "unknown split 'nope'"),
        ("prepare -c tyni", "unknown competition 'tyni'; did you mean tiny?"),
        ("prepare --list {folder}/none.txt", "there is no split file"),
        ("grade-sample sub.csv tyni", "unknown competition 'tyni'; did you mean tiny?"),
        ("grade-sample sub.csv tiny", "tiny is not prepared in"),
        ("grade --submission {folder}/none.jsonl --output-dir {folder}", "cannot read --submission"),
        ("compare latest latest", "there are no runs in"),
    ],
)
def test_mlebench(call: Call, folder: Path, arguments: str, message: str) -> None:
    called = call(mlebench.main, *arguments.format(folder=folder).split())
    assert called.code == 2
    assert message in called.err
    assert len(lines(called.err)) == 1
    assert list(folder.iterdir()) == []


@pytest.mark.parametrize("text", ["nonsense", "[]", '{"competition_id": "tiny"}', ""])
def test_a_broken_list_of_submissions_is_named_by_its_line(call: Call, folder: Path, text: str) -> None:
    listed = folder / "list.jsonl"
    listed.write_text(text + "\n")
    called = call(mlebench.main, "grade", "--submission", str(listed), "--output-dir", str(folder / "out"))
    assert called.code == 2
    assert "line 1: expected a JSON object" in called.err or "names no submissions" in called.err
    assert not (folder / "out").exists()
